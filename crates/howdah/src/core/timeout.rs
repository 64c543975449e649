//! The setting of how long operations may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use howdah_net::Limit;

/// What stands for no limit.
const NONE: u64 = u64::MAX;

/// How long an operation may take that is given no time of its own, in nanoseconds; clones are the same setting.
#[derive(Clone)]
pub(crate) struct OperationTimeout(Arc<AtomicU64>);

impl OperationTimeout {
    pub(crate) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            NONE => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    pub(crate) fn set(&self, timeout: Option<Duration>) {
        // More than it can hold is as good as none.
        let nanos = timeout.map_or(NONE, |time| u64::try_from(time.as_nanos()).unwrap_or(NONE));
        self.0.store(nanos, Ordering::Relaxed);
    }

    /// What bounds an operation that begins now, and belongs to a group with this limit.
    pub(crate) fn limit_within(&self, group: Option<Limit>) -> Option<Limit> {
        match self.get() {
            None => group,
            Some(time) => Limit::earliest(group, Limit::after(time)),
        }
    }
}

impl Default for OperationTimeout {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NONE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_shared_and_holds_any_time() {
        let setting = OperationTimeout::default();
        assert_eq!(setting.get(), None);
        for time in [Duration::ZERO, Duration::from_millis(1500)] {
            setting.clone().set(Some(time));
            assert_eq!(setting.get(), Some(time));
            assert!(setting.limit_within(None).is_some());
        }
        setting.set(Some(Duration::MAX));
        assert_eq!(setting.get(), None);
        let group = Limit::after(Duration::from_secs(1));
        assert_eq!(setting.limit_within(group), group);
        setting.set(Some(Duration::from_secs(100)));
        assert_eq!(setting.limit_within(group), group);
    }
}
