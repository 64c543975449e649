//! Transactions that are run again: what decides it, how often, and the pauses between.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use howdah_protocol::session::{Characteristics, Outcome};

use crate::error::Error;

/// How often a transaction is run, if other transactions are in its way, and what is waited between: for
/// [`TransactionBuilder::run`](crate::TransactionBuilder::run) and its like.
///
/// The pause before the first repetition is chosen at random between nothing and the first bound, and the bound doubles each
/// time until it is the longest: transactions that were in each other's way do not meet again. The default is five attempts, with
/// bounds from 10 ms to 1 s.
///
/// ```
/// use std::time::Duration;
///
/// let patient = howdah::RetryPolicy::new(20).backoff(Duration::from_millis(5), Duration::from_secs(2));
/// # let _ = patient;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl RetryPolicy {
    /// So many attempts in all: 1 never repeats, and 0 is taken for it.
    #[must_use]
    pub const fn new(attempts: u32) -> Self {
        Self {
            attempts,
            first: Duration::from_millis(10),
            longest: Duration::from_secs(1),
        }
    }

    /// The bound of the first pause, and that of the longest; zero for none.
    #[must_use]
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest;
        self
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new(5)
    }
}

/// How a transaction is begun, and how often.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) characteristics: Characteristics,
    pub(crate) retry: RetryPolicy,
}

/// The attempts that are left.
pub(crate) struct Attempts {
    made: u32,
    left: u32,
    bound: Duration,
    longest: Duration,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            made: 0,
            left: policy.attempts.saturating_sub(1),
            bound: policy.first,
            longest: policy.longest,
        }
    }

    /// How many have been made, and have failed.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// The pause before the next attempt, if there is to be one.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        self.made += 1;
        self.left = self.left.checked_sub(1)?;
        let bound = self.bound.min(self.longest);
        self.bound = bound.saturating_mul(2);
        Some(at_random(bound))
    }
}

/// Some time up to this one.
fn at_random(bound: Duration) -> Duration {
    // The standard library's only source of randomness: keys of hash maps.
    let random = RandomState::new().hash_one(());
    let bound = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX - 1);
    Duration::from_nanos(random % bound.saturating_add(1))
}

/// What has happened in a transaction that decides whether it may be run again.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// Whether the last error was that other transactions were in the way.
    is_conflict: bool,
    /// Whether a statement may have kept what was done before.
    is_ended: bool,
}

impl Fate {
    pub(crate) fn note(&mut self, outcome: &Outcome) {
        if let Some(error) = &outcome.error {
            let sqlstate = error.sqlstate().map(std::str::from_utf8);
            self.is_conflict = is_conflict(sqlstate.and_then(Result::ok));
        }
        let tags = outcome.results.iter().map(|result| &*result.tag);
        self.is_ended |= tags.into_iter().any(keeps);
    }

    pub(crate) fn note_ended(&mut self) {
        self.is_ended = true;
    }

    /// Whether the transaction, which has not been committed, may be run again.
    pub(crate) fn allows_repetition(&self) -> bool {
        self.is_conflict && !self.is_ended
    }

    /// Whether it may be after this error of its COMMIT. Of one whose outcome is not known it is not.
    pub(crate) fn allows_repetition_after(&self, commit: &Error) -> bool {
        let said_so = is_conflict(commit.sqlstate());
        let earlier = commit.is_rolled_back() && self.is_conflict;
        !self.is_ended && !commit.is_closed() && (said_so || earlier)
    }
}

/// Whether an error is a serialization failure or a deadlock.
pub(crate) fn is_conflict(sqlstate: Option<&str>) -> bool {
    matches!(sqlstate, Some("40001" | "40P01"))
}

/// Whether what has this tag ends a transaction without undoing it.
fn keeps(tag: &[u8]) -> bool {
    matches!(tag, b"COMMIT" | b"PREPARE TRANSACTION")
}

/// Adds what is said of a transaction before it starts to a builder that has a `plan`.
macro_rules! builder_methods {
    ($builder:ident) => {
        impl $builder<'_> {
            /// The isolation level.
            pub fn isolation(mut self, level: $crate::IsolationLevel) -> Self {
                self.plan.characteristics.isolation_level = Some(level);
                self
            }

            /// Whether nothing can be written.
            pub fn read_only(mut self, on: bool) -> Self {
                self.plan.characteristics.read_only = Some(on);
                self
            }

            /// Whether a transaction that is serializable and read-only waits, at its first statement, until it can run without
            /// failing and without being in the way of others. For any other it means nothing.
            pub fn deferrable(mut self, on: bool) -> Self {
                self.plan.characteristics.deferrable = Some(on);
                self
            }

            /// How often [`run`](Self::run) runs it, and what it waits between. At first it is [its default](crate::RetryPolicy::default).
            pub fn retry(mut self, policy: $crate::RetryPolicy) -> Self {
                self.plan.retry = policy;
                self
            }
        }
    };
}

pub(crate) use builder_methods;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_attempts_as_were_asked_for() {
        for (asked, repetitions) in [(0, 0), (1, 0), (2, 1), (7, 6)] {
            let mut attempts = Attempts::new(RetryPolicy::new(asked));
            let pauses = std::iter::from_fn(|| attempts.pause());
            assert_eq!(pauses.count(), repetitions);
        }
    }

    #[test]
    fn pauses_are_random_below_a_bound_that_doubles() {
        let (first, longest) = (Duration::from_millis(10), Duration::from_millis(35));
        let policy = RetryPolicy::new(5).backoff(first, longest);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100 {
            let mut attempts = Attempts::new(policy);
            for bound in [10, 20, 35, 35] {
                let pause = attempts.pause().unwrap();
                assert!(pause <= Duration::from_millis(bound));
                seen.insert(pause);
            }
        }
        assert!(seen.len() > 300, "{}", seen.len());
        assert!(seen.iter().any(|pause| *pause > first));
        let none = RetryPolicy::new(2).backoff(Duration::ZERO, Duration::ZERO);
        assert_eq!(Attempts::new(none).pause(), Some(Duration::ZERO));
        let endless = RetryPolicy::new(2).backoff(Duration::MAX, Duration::MAX);
        assert!(Attempts::new(endless).pause().is_some());
    }
}
