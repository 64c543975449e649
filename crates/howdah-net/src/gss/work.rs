//! A call that may take long, on a thread of its own, and when to look whether it has ended.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A KDC nearby answers within this.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A call of the library.
pub(super) struct Work<T> {
    /// Or why there is no thread for it.
    call: Option<Result<JoinHandle<T>, String>>,
    /// When to look at it again.
    due: Instant,
    pause: Duration,
}

impl<T: Send + 'static> Work<T> {
    /// Begins it.
    pub(super) fn begin(now: Instant, call: impl FnOnce() -> T + Send + 'static) -> Self {
        let thread = thread::Builder::new().name("howdah-gssapi".into());
        let call = thread.spawn(call);
        Self {
            call: Some(call.map_err(|error| format!("no thread for GSSAPI: {error}"))),
            due: now + FIRST_PAUSE,
            pause: FIRST_PAUSE,
        }
    }

    /// What it gave, once it has ended; `None` before. Then look again at [`Work::due`].
    pub(super) fn poll(&mut self, now: Instant) -> Option<Result<T, String>> {
        if let Some(Ok(call)) = &self.call
            && !call.is_finished()
        {
            if self.due <= now {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.due = now + self.pause;
            }
            return None;
        }
        let given = self.call.take()?.map(JoinHandle::join);
        Some(given.and_then(|given| given.map_err(|_| "the GSSAPI library failed".to_owned())))
    }

    /// When to look at it again.
    pub(super) fn due(&self) -> Instant {
        self.due
    }
}
