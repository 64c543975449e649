//! A listener for tokio: a task follows the connection.

use std::fmt;
use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout};

use super::{AsyncConnection, AsyncSession};
use crate::config::Config;
use crate::core::listener::{Hub, ListenerEvent, ListenerOptions, Teller, silent};
use crate::error::{Error, Result};
use howdah_net::drive::Until;
use howdah_net::listening::{Door, Waiting, Work, follow};

/// Listens on channels, by a connection of its own, which is made again when it is lost: [`Listener`](crate::Listener) for tokio.
///
/// A task of the runtime reads what comes, also while nobody waits for it. It is a `Stream`, and has
/// [`next`](Self::next) for those who use no other crate for streams.
///
/// ```no_run
/// use howdah::{AsyncListener, ListenerEvent};
///
/// # fn refresh(_: &str) {}
/// # fn refresh_all() {}
/// # async fn example() -> Result<(), howdah::Error> {
/// let listener = AsyncListener::connect("host=db.example dbname=shop").await?;
/// listener.listen("prices").await?;
/// refresh_all();
/// while let Some(event) = listener.next().await {
///     match event? {
///         ListenerEvent::Notification(notify) => refresh(&notify.payload),
///         _ => refresh_all(),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// All methods take `&self`: other tasks may listen on more channels, or close it, while one waits. An event goes to one of
/// those who wait. A future of [`next`](Self::next) that is dropped has taken none. Dropping the listener closes it.
pub struct AsyncListener {
    hub: Arc<Hub>,
    /// Whoever polls it as a stream.
    streaming: Waiting<Error>,
    task: JoinHandle<()>,
}

impl ListenerOptions {
    /// Connects, and spawns the task that follows the connection.
    ///
    /// # Errors
    /// As [`Config::connect_async`]: the first attempt is not repeated.
    pub async fn connect_async(&self, config: &Config) -> Result<AsyncListener> {
        let hub = Hub::new(self.capacity);
        let mut door = Tasked {
            conn: None,
            config: config.clone(),
            teller: Teller::new(self),
        };
        door.connect(&hub).await?;
        let work = follow(door, Arc::clone(&hub), self.pace(config));
        Ok(AsyncListener {
            streaming: Waiting::new(&hub),
            hub,
            task: tokio::spawn(work),
        })
    }
}

impl AsyncListener {
    /// Connects to a server, with [`ListenerOptions`] as they are at first.
    ///
    /// # Errors
    /// As [`AsyncConnection::connect`].
    pub async fn connect(conninfo: &str) -> Result<Self> {
        let options = ListenerOptions::new();
        options.connect_async(&conninfo.parse()?).await
    }

    /// Listens on a channel, by this very name: `LISTEN` is in force when this returns.
    ///
    /// While there is no connection it waits until there is one. If the future is dropped, the channel is listened on all the
    /// same, as soon as may be.
    ///
    /// # Errors
    /// As [`Listener::listen`](crate::Listener::listen).
    pub async fn listen(&self, channel: &str) -> Result<()> {
        self.hub.want(channel)?;
        let waiting = Waiting::new(&self.hub);
        poll_fn(|cx| waiting.poll_listening(channel, cx)).await
    }

    /// Listens on a channel no more. What has come of it before lies in the buffer still.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// let options = howdah::ListenerOptions::new();
    /// let listener = options.connect_async(&howdah::Config::new()).await?;
    /// listener.listen("prices").await?;
    /// listener.unlisten("prices").await?;
    /// assert!(listener.channels().is_empty());
    /// listener.close();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Listener::unlisten`](crate::Listener::unlisten).
    pub async fn unlisten(&self, channel: &str) -> Result<()> {
        self.hub.unwant(channel)?;
        let waiting = Waiting::new(&self.hub);
        poll_fn(|cx| waiting.poll_silent(channel, cx)).await
    }

    /// The channels that it listens on, sorted.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.hub.wanted()
    }

    /// The next event; `None` when the listener is closed, and after the error with which it has failed.
    pub async fn next(&self) -> Option<Result<ListenerEvent>> {
        let waiting = Waiting::new(&self.hub);
        let event = poll_fn(|cx| waiting.poll_event(cx)).await;
        event.map(|event| event.map(ListenerEvent::from))
    }

    /// Closes it, without waiting: who waits for an event is told that there are no more, and events that wait are dropped.
    pub fn close(&self) {
        self.hub.close();
        self.task.abort();
    }
}

impl Stream for AsyncListener {
    type Item = Result<ListenerEvent>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.streaming.poll_event(cx);
        polled.map(|event| event.map(|event| event.map(ListenerEvent::from)))
    }
}

impl Drop for AsyncListener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for AsyncListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncListener")
            .field("channels", &self.channels())
            .finish_non_exhaustive()
    }
}

/// The connection in its task.
struct Tasked {
    conn: Option<AsyncConnection>,
    config: Config,
    teller: Teller,
}

impl Door<Error> for Tasked {
    fn connect<'a>(&'a mut self, hub: &'a Arc<Hub>) -> Work<'a, Result<()>> {
        Box::pin(async move {
            let mut conn = self.config.connect_async().await?;
            let hub = Arc::clone(hub);
            conn.add_notify_handler(move |notify| {
                hub.push(&notify.channel, &notify.payload, notify.pid);
            });
            self.conn = Some(conn);
            Ok(())
        })
    }

    fn disconnect(&mut self) -> Work<'_, ()> {
        self.conn = None;
        Box::pin(ready(()))
    }

    fn report<'a>(&'a mut self, error: &'a Error, failed: u32) -> Work<'a, ()> {
        self.teller.error(error, failed);
        Box::pin(ready(()))
    }

    fn reconnected(&mut self, channels: usize) {
        self.teller.reconnected(channels);
    }

    fn run<'a>(&'a mut self, _: &'a Hub, sql: &'a str, bound: Duration) -> Work<'a, Result<()>> {
        Box::pin(async move {
            let Some(conn) = &mut self.conn else {
                return Err(Error::closed("there is no connection"));
            };
            let session: &mut AsyncSession = conn;
            let work = session.control(|_| Some(sql.to_owned()));
            timeout(bound, work).await.unwrap_or_else(|_| Err(silent()))
        })
    }

    fn wait<'a>(&'a mut self, hub: &'a Hub, until: Option<Instant>) -> Work<'a, Result<()>> {
        let mut due = until.map(|until| Box::pin(sleep_until(until.into())));
        Box::pin(poll_fn(move |cx| {
            hub.set_follower(cx.waker());
            if hub.is_over() {
                return Poll::Ready(Ok(()));
            }
            if let Some(conn) = &mut self.conn {
                let session: &mut AsyncSession = conn;
                while !hub.has_work() {
                    match session.poll_step(Until::Heard, cx)? {
                        Poll::Ready(_) => {}
                        Poll::Pending => break,
                    }
                }
                if hub.has_work() {
                    return Poll::Ready(Ok(()));
                }
            }
            match &mut due {
                Some(due) => due.as_mut().poll(cx).map(Ok),
                None => Poll::Pending,
            }
        }))
    }
}
