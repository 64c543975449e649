//! Moving bytes between a session and a socket that tokio watches: the twin of [`howdah_net::drive`].

use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use howdah_net::link::Link;
use tokio::io::Interest;

use super::watch::Watched;
use howdah_net::drive::{
    Lost, Step, Until, flush, hand_out, is_done, take_in, take_leave, try_receive,
};

/// One turn: hands out what has come, sends what is outgoing, and receives once. `None` means go on.
pub(super) fn poll_turn(
    session: &mut Link,
    link: &Watched,
    until: Until,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Step>, Lost>> {
    let handed_out = hand_out(session, until, Instant::now());
    match handed_out.inspect_err(|_| take_leave(session, &link.socket))? {
        // A computation has paused. tokio polls a task that merely wakes itself some 60 times before it looks at timers and
        // sockets again; one that yields only once.
        Some(Step::Interrupted) => {
            return pin!(tokio::task::yield_now()).poll(cx).map(|()| Ok(None));
        }
        Some(step) => return Poll::Ready(Ok(Some(step))),
        None => {}
    }
    // The kernel nearly always takes all at once: tokio is not asked first.
    let blocked = !flush(session, &link.socket)?;
    if is_done(session, until, blocked) {
        return Poll::Ready(Ok(Some(Step::Done)));
    }
    if blocked && poll_send(session, link, cx)?.is_ready() {
        return Poll::Ready(Ok(None));
    }
    poll_receive(session, link, cx).map_ok(|()| None)
}

/// Ready when something was sent.
pub(super) fn poll_send(
    session: &mut Link,
    link: &Watched,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Lost>> {
    let before = session.outgoing().len();
    while session.outgoing().len() == before {
        ready!(link.poll_write_ready(cx)).map_err(Lost::Io)?;
        let mut sent = Ok(false);
        link.attempt(Interest::WRITABLE, |socket| {
            sent = flush(session, socket);
            !matches!(sent, Ok(false))
        });
        sent?;
    }
    Poll::Ready(Ok(()))
}

/// Ready when something was received.
pub(super) fn poll_receive(
    session: &mut Link,
    link: &Watched,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Lost>> {
    if session.is_overdue() {
        // Whether or not tokio has heard that there is anything. If not, the session is to know.
        return Poll::Ready(try_receive(session, &link.socket).map(drop));
    }
    loop {
        ready!(link.poll_read_ready(cx)).map_err(Lost::Io)?;
        let mut received = Ok(None);
        link.attempt(Interest::READABLE, |socket| {
            let room = session.spare();
            received = socket.recv_now(room);
            match received {
                Ok(None) => false,
                // Less than there was room for: the socket is empty, which saves asking again.
                Ok(Some(count)) => count == 0 || count == room.len(),
                Err(_) => true,
            }
        });
        if take_in(session, received)? {
            return Poll::Ready(Ok(()));
        }
    }
}
