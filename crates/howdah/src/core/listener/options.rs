//! How a listener goes on when its connection is lost.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use howdah_net::Connector;
use howdah_net::listening::Pace;

use crate::config::Config;
use crate::error::Error;

/// How a [`Listener`](crate::Listener) buffers, and how it goes on when its connection is lost.
///
/// ```no_run
/// use std::time::Duration;
///
/// # fn main() -> Result<(), howdah::Error> {
/// let config = "host=db.example dbname=shop".parse()?;
/// let listener = howdah::ListenerOptions::new()
///     .capacity(1000)
///     .heartbeat(Duration::from_secs(30))
///     .on_error(|error| eprintln!("listening: {error}"))
///     .connect(&config)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ListenerOptions {
    pub(crate) capacity: usize,
    pace: Pace,
    on_error: Option<Arc<Hook>>,
}

type Hook = dyn Fn(&Error) + Send + Sync;

impl ListenerOptions {
    /// A buffer of 10,000 notifications; delays of 0.1 to 30 seconds between attempts, of which there is no end; no heartbeat.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capacity: 10_000,
            pace: Pace::default(),
            on_error: None,
        }
    }

    /// How many notifications may wait until they are taken, at least 1. If there are more, the oldest are dropped, and a
    /// [`Gap`](crate::Gap) in their place says how many.
    #[must_use]
    pub fn capacity(mut self, notifications: usize) -> Self {
        self.capacity = notifications.max(1);
        self
    }

    /// How long to wait before an attempt to connect again: `min` before the first, twice as long before each that follows, at
    /// most `max`; of each a random part, half of it at least.
    ///
    /// After a connection that has stood for longer than `max` it begins with `min` again.
    #[must_use]
    pub fn delay(mut self, min: Duration, max: Duration) -> Self {
        (self.pace.min_delay, self.pace.max_delay) = (min, max.max(min));
        self
    }

    /// After how many attempts in a row that failed to give up; `None`, as at first, is never.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let options = howdah::ListenerOptions::new()
    ///     .delay(Duration::from_secs(1), Duration::from_secs(60))
    ///     .max_attempts(Some(10));
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn max_attempts(mut self, attempts: Option<u32>) -> Self {
        self.pace.max_attempts = attempts;
        self
    }

    /// Asks the server for a sign of life at this interval; if none comes for as long, the connection counts as lost.
    ///
    /// Without it a server that vanished is found by TCP's keepalives, after two hours or what `keepalives_idle` and the
    /// parameters beside it say. The bound is also that of the statements that listen, which without it is `connect_timeout`, or else 30
    /// seconds. It is not that of attempts to connect: give those a `connect_timeout`. An interval of zero is none.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.pace.heartbeat = Some(interval).filter(|interval| !interval.is_zero());
        self
    }

    /// Calls a function with the error that ended a connection, and with that of each attempt that failed.
    ///
    /// It runs in the listener's thread or task, which it should not keep long. If it panics, the panic ends there.
    #[must_use]
    pub fn on_error(mut self, hook: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(hook));
        self
    }

    /// When what is done on connections that are made so.
    pub(crate) fn pace(&self, config: &Config) -> Pace {
        let connector = config.params().ok().map(Connector::new);
        let timeout = connector.and_then(|made| made.ok()?.timeout());
        Pace {
            answer: Pace::bound(self.pace.heartbeat, timeout),
            ..self.pace.clone()
        }
    }

    pub(crate) fn report(&self, error: &Error) {
        if let Some(hook) = &self.on_error {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(error)));
        }
    }
}

impl Default for ListenerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ListenerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerOptions")
            .field("capacity", &self.capacity)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
