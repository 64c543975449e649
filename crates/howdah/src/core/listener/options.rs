//! How a listener goes on when its connection is lost.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

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
    pub(super) capacity: usize,
    min_delay: Duration,
    max_delay: Duration,
    pub(super) max_attempts: Option<u32>,
    pub(super) heartbeat: Option<Duration>,
    on_error: Option<Arc<Hook>>,
}

type Hook = dyn Fn(&Error) + Send + Sync;

impl ListenerOptions {
    /// A buffer of 10,000 notifications; delays of 0.1 to 30 seconds between attempts, of which there is no end; no heartbeat.
    #[must_use]
    pub fn new() -> Self {
        Self {
            capacity: 10_000,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(30),
            max_attempts: None,
            heartbeat: None,
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
        (self.min_delay, self.max_delay) = (min, max.max(min));
        self
    }

    /// After how many attempts in a row that failed to give up; `None`, as at first, is never.
    #[must_use]
    pub fn max_attempts(mut self, attempts: Option<u32>) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Asks the server for a sign of life at this interval; if none comes for as long, the connection counts as lost.
    ///
    /// Without it a server that vanished is found by TCP's keepalives, after two hours or what `keepalives_idle` and the
    /// parameters beside it say. The bound is also that of the statements that listen, but not of attempts to connect: give those a
    /// `connect_timeout`. An interval of zero is none.
    #[must_use]
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(interval).filter(|interval| !interval.is_zero());
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

    pub(super) fn report(&self, error: &Error) {
        if let Some(hook) = &self.on_error {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(error)));
        }
    }

    /// Whether a connection that stood this long makes the delays begin anew.
    pub(super) fn is_stable(&self, stood: Duration) -> bool {
        stood > self.max_delay
    }

    /// How long to wait before the attempt with this number, from 0.
    pub(super) fn delay_before(&self, attempt: u32) -> Duration {
        self.part_of_delay(attempt, RandomState::new().hash_one(attempt))
    }

    fn part_of_delay(&self, attempt: u32, random: u64) -> Duration {
        let factor = 2_u32.saturating_pow(attempt);
        let whole = self.min_delay.saturating_mul(factor).min(self.max_delay);
        let half = whole / 2;
        let spread = half.as_micros().try_into().unwrap_or(u64::MAX);
        half + Duration::from_micros(random.checked_rem(spread).unwrap_or_default())
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
            .field("min_delay", &self.min_delay)
            .field("max_delay", &self.max_delay)
            .field("max_attempts", &self.max_attempts)
            .field("heartbeat", &self.heartbeat)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_bound_and_keep_half_of_it() {
        let (min, max) = (Duration::from_millis(100), Duration::from_millis(1000));
        let options = ListenerOptions::new().delay(min, max);
        for (attempt, whole) in [(0, 100), (1, 200), (3, 800), (4, 1000), (40, 1000)] {
            let whole = Duration::from_millis(whole);
            assert_eq!(options.part_of_delay(attempt, 0), whole / 2);
            let longest = options.part_of_delay(attempt, u64::from(u32::MAX));
            assert!(longest >= whole / 2 && longest <= whole, "{longest:?}");
        }
        let none = ListenerOptions::new().delay(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.part_of_delay(7, 7), Duration::ZERO);
    }
}
