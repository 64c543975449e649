//! Notifications of a client as they come.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::Sleep;

use super::AsyncClient;
use crate::core::messages::{Listener, Notify};
use crate::error::Result;

/// The notifications of a client, from [`AsyncClient::notifies`].
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. It ends when the time is
/// over, and after an error. Dropping it, or a future of it, loses nothing.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let client = howdah::AsyncClient::connect("").await?;
/// client.execute("LISTEN prices", ()).await?;
/// let mut notifies = client.notifies(Some(std::time::Duration::from_secs(1)));
/// client.execute("NOTIFY prices, 'up'", ()).await?;
/// let notify = notifies.next().await.expect("a notification")?;
/// assert_eq!(notify.payload, "up");
/// # Ok(())
/// # }
/// ```
pub struct AsyncClientNotifies {
    client: AsyncClient,
    key: u64,
    deadline: Option<Pin<Box<Sleep>>>,
    over: bool,
    _listener: Listener,
}

impl AsyncClientNotifies {
    pub(super) fn new(client: AsyncClient, timeout: Option<Duration>) -> Self {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        Self {
            _listener: client.hub.messages.listen(),
            key: KEYS.fetch_add(1, Ordering::Relaxed),
            client,
            deadline: timeout.map(|time| Box::pin(tokio::time::sleep(time))),
            over: false,
        }
    }

    /// The next notification; `None` when the time is over.
    pub async fn next(&mut self) -> Option<Result<Notify>> {
        poll_fn(|cx| self.poll_notify(cx)).await
    }

    fn poll_notify(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Notify>>> {
        if self.over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(received) = self.client.hub.poll_notification(self.key, cx) {
            self.over = received.is_err();
            return Poll::Ready(Some(received));
        }
        let Some(deadline) = &mut self.deadline else {
            return Poll::Pending;
        };
        ready!(deadline.as_mut().poll(cx));
        self.over = true;
        Poll::Ready(None)
    }
}

impl Drop for AsyncClientNotifies {
    fn drop(&mut self) {
        self.client.hub.stop_listening(self.key);
    }
}

impl Stream for AsyncClientNotifies {
    type Item = Result<Notify>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_notify(cx)
    }
}

impl fmt::Debug for AsyncClientNotifies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClientNotifies")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
