//! Notifications as they come.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Sleep;

use super::AsyncSession;
use crate::core::messages::{Listener, Notify};
use crate::error::{Error, Result};
use howdah_net::drive::{Until, try_receive};

/// The notifications of a connection, from [`AsyncSession::notifies`].
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. It ends when the time is
/// over, and after an error. Dropping it, or a future of it, loses nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// conn.execute("LISTEN prices", ()).await?;
/// conn.execute("NOTIFY prices, 'up'", ()).await?;
/// let mut notifies = conn.notifies(Some(std::time::Duration::from_secs(1)));
/// let notify = notifies.next().await.expect("a notification")?;
/// assert_eq!((notify.channel.as_str(), notify.payload.as_str()), ("prices", "up"));
/// # Ok(())
/// # }
/// ```
pub struct AsyncNotifies<'a> {
    state: State<'a>,
    deadline: Option<Pin<Box<Sleep>>>,
    _listener: Listener,
}

enum State<'a> {
    /// An earlier operation that was dropped has to be ended first.
    Settling(Pin<Box<dyn Future<Output = Settled<'a>> + Send + 'a>>),
    /// The error comes after what had come before it.
    Listening(&'a mut AsyncSession, Option<Error>),
    Over,
}

type Settled<'a> = (&'a mut AsyncSession, Option<Error>);

impl<'a> AsyncNotifies<'a> {
    pub(super) fn new(session: &'a mut AsyncSession, timeout: Option<Duration>) -> Self {
        let _listener = session.core.messages.listen();
        let settling = async move {
            let settled = session.settle().await.and_then(|()| session.look());
            (session, settled.err())
        };
        Self {
            state: State::Settling(Box::pin(settling)),
            deadline: timeout.map(|time| Box::pin(tokio::time::sleep(time))),
            _listener,
        }
    }

    /// The next notification; `None` when the time is over.
    pub async fn next(&mut self) -> Option<Result<Notify>> {
        poll_fn(|cx| self.poll_notify(cx)).await
    }

    fn poll_notify(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Notify>>> {
        let received = ready!(self.poll_receive(cx));
        if received.is_err() {
            self.state = State::Over;
        }
        Poll::Ready(received.transpose())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Notify>>> {
        if let State::Settling(settling) = &mut self.state {
            let (session, failure) = ready!(settling.as_mut().poll(cx));
            self.state = State::Listening(session, failure);
        }
        let State::Listening(session, failure) = &mut self.state else {
            return Poll::Ready(Ok(None));
        };
        loop {
            if let Some(notify) = session.core.next_notification() {
                return Poll::Ready(Ok(Some(notify)));
            }
            if let Some(error) = failure.take() {
                return Poll::Ready(Err(error));
            }
            let deadline = self.deadline.as_mut();
            if deadline.is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
                return Poll::Ready(Ok(None));
            }
            ready!(session.poll_step(Until::Heard, cx))?;
        }
    }
}

impl AsyncSession {
    /// Takes what has come already, also when there is no time to wait.
    fn look(&mut self) -> Result<()> {
        match try_receive(&mut self.core.session, &self.link.socket) {
            Ok(_) => {}
            Err(lost) => return Err(self.lose(lost)),
        }
        while self.hand_out_message()? {}
        Ok(())
    }
}

impl Stream for AsyncNotifies<'_> {
    type Item = Result<Notify>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_notify(cx)
    }
}

impl fmt::Debug for AsyncNotifies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncNotifies").finish_non_exhaustive()
    }
}
