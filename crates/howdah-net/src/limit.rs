//! The time of an operation: when it is given up, and when the connection is.

use std::fmt;
use std::time::{Duration, Instant};

/// The moments that bound one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    time: Duration,
    /// When it is given up: early enough for the session to come to rest.
    pub give_up: Instant,
    /// When the connection is lost, if it has not come to rest.
    pub over: Instant,
}

/// The most that is kept of the time for coming to rest.
const MOST_FOR_REST: Duration = Duration::from_secs(1);

impl Limit {
    /// For an operation that begins now. `None` where the clock cannot hold it: that is never.
    #[must_use]
    pub fn after(time: Duration) -> Option<Self> {
        let now = Instant::now();
        let for_work = time - (time / 4).min(MOST_FOR_REST);
        Some(Self {
            time,
            give_up: now.checked_add(for_work)?,
            over: now.checked_add(time)?,
        })
    }

    /// What bounds an operation that has to be over within both.
    #[must_use]
    pub fn earliest(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else {
            return one.or(other);
        };
        let (first, last) = match one.over <= other.over {
            true => (one, other),
            false => (other, one),
        };
        Some(Self {
            give_up: first.give_up.min(last.give_up),
            ..first
        })
    }

    /// Whether the operation has to be given up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.give_up <= Instant::now()
    }
}

impl fmt::Display for Limit {
    /// What an error of an operation that was given up says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        write!(
            f,
            "the operation was given up: it has to be over within {seconds} seconds"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_time_is_for_coming_to_rest_but_no_more_than_a_second() {
        for (time, rest) in [(400, 100), (4_000, 1_000), (60_000, 1_000), (0, 0)] {
            let limit = Limit::after(Duration::from_millis(time)).unwrap();
            assert_eq!(limit.over - limit.give_up, Duration::from_millis(rest));
        }
        assert_eq!(Limit::after(Duration::MAX), None);
        assert!(Limit::after(Duration::ZERO).unwrap().is_over());
    }

    #[test]
    fn of_two_the_earlier_moments_hold() {
        let short = Limit::after(Duration::from_secs(30));
        let long = Limit::after(Duration::from_secs(60));
        for (one, other) in [(short, long), (long, short), (None, short), (short, None)] {
            assert_eq!(Limit::earliest(one, other), short);
        }
        assert_eq!(Limit::earliest(None, None), None);
        // One that ends a little later may be given up earlier.
        let (short, long) = (short.unwrap(), long.unwrap());
        let later = Limit {
            over: short.over + Duration::from_millis(1),
            give_up: short.give_up - Duration::from_secs(5),
            ..long
        };
        let both = Limit::earliest(Some(later), Some(short)).unwrap();
        assert_eq!((both.over, both.give_up), (short.over, later.give_up));
        assert!(both.to_string().contains("30 seconds"));
    }
}
