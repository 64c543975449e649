//! How a listener goes on when its connection is lost.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// When a listener does what.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How long to wait before the first attempt to connect again.
    pub min_delay: Duration,
    /// The longest such wait; not shorter than the first.
    pub max_delay: Duration,
    /// After how many attempts in a row that failed to give up, if ever.
    pub max_attempts: Option<u32>,
    /// How often the server is asked for a sign of life, if at all.
    pub heartbeat: Option<Duration>,
    /// How long the server may take to answer.
    pub answer: Duration,
}

impl Pace {
    /// How long a server may take to answer if nothing else is said.
    pub const ANSWER: Duration = Duration::from_secs(30);

    /// How long the server may take to answer: as long as a heartbeat, or else as an attempt to connect.
    #[must_use]
    pub fn bound(heartbeat: Option<Duration>, connect_timeout: Option<Duration>) -> Duration {
        heartbeat.or(connect_timeout).unwrap_or(Self::ANSWER)
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

impl Default for Pace {
    /// Delays of 0.1 to 30 seconds between attempts, of which there is no end; no heartbeat.
    fn default() -> Self {
        Self {
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(30),
            max_attempts: None,
            heartbeat: None,
            answer: Self::ANSWER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_their_bound_and_keep_half_of_it() {
        let (min, max) = (Duration::from_millis(100), Duration::from_millis(1000));
        let pace = |min_delay, max_delay| Pace {
            min_delay,
            max_delay,
            ..Pace::default()
        };
        let options = pace(min, max);
        for (attempt, whole) in [(0, 100), (1, 200), (3, 800), (4, 1000), (40, 1000)] {
            let whole = Duration::from_millis(whole);
            assert_eq!(options.part_of_delay(attempt, 0), whole / 2);
            let longest = options.part_of_delay(attempt, u64::from(u32::MAX));
            assert!(longest >= whole / 2 && longest <= whole, "{longest:?}");
        }
        let none = pace(Duration::ZERO, Duration::ZERO);
        assert_eq!(none.part_of_delay(7, 7), Duration::ZERO);
    }
}
