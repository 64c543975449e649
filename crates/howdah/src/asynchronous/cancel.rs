//! Cancel requests on tokio: it waits for their sockets as for any other.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use howdah_net::ConnectError;
use howdah_net::cancel::{CancelRequest, CancelTarget, Progress, Ticket};
use howdah_net::platform::AsFd;
use tokio::io::Interest;

use super::watch::Watch;

/// Sends a request. What goes without waiting has gone when this returns; the future is the rest of it.
///
/// So the server nearly always has it before a task comes to run, also in a runtime that is left after a future was dropped.
pub(crate) fn send(
    target: Arc<CancelTarget>,
    ticket: Ticket,
) -> impl Future<Output = Result<(), ConnectError>> + Send + 'static {
    let begun = target.begin(ticket.deadline()).and_then(|mut request| {
        let progress = request.advance(Instant::now())?;
        Ok((request, progress))
    });
    async move {
        // Held until the server has acted, or the time is over: nothing is sent to the session before that.
        let _ticket = ticket;
        let (mut request, mut progress) = begun?;
        if progress == Progress::Done {
            return Ok(());
        }
        let second = request.as_fd().try_clone_to_owned();
        let watch = second.and_then(Watch::new);
        let watch = watch.map_err(ConnectError::Io)?;
        loop {
            let until = request.poll_timeout();
            let end = poll_fn(|cx| poll_end(&mut request, &mut progress, &watch, cx));
            if let Ok(sent) = tokio::time::timeout_at(until.into(), end).await {
                return sent;
            }
            progress = request.advance(Instant::now())?;
        }
    }
}

/// Ready when the server has acted.
fn poll_end(
    request: &mut CancelRequest,
    progress: &mut Progress,
    watch: &Watch,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ConnectError>> {
    loop {
        let need = *progress;
        let (interest, ready) = match need {
            Progress::Done => return Poll::Ready(Ok(())),
            Progress::NeedReadable => (Interest::READABLE, watch.poll_read_ready(cx)),
            Progress::NeedWritable => (Interest::WRITABLE, watch.poll_write_ready(cx)),
        };
        ready!(ready).map_err(ConnectError::Io)?;
        let mut advanced = Ok(need);
        watch.attempt(interest, || {
            advanced = request.advance(Instant::now());
            // The same need once more: what tokio has heard of it is used up.
            !matches!(advanced, Ok(again) if again == need)
        });
        *progress = advanced?;
    }
}
