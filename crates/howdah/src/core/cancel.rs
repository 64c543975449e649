//! Cancelling what a connection runs, from anywhere.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::error::{Error, Result};
use howdah_net::cancel::CancelTarget;

/// How long a cancel request may take, from connecting to the server's answer.
pub(crate) const CANCEL_TIME: Duration = Duration::from_secs(5);

/// Cancels the statement that a connection is running, from another thread or task.
///
/// It is made by [`Connection::cancel_handle`](crate::Connection::cancel_handle), can be cloned, and stays valid for
/// as long as you keep it: where nothing is running, or the connection is closed, it does nothing. A request goes to
/// the server over a connection of its own. The statement then ends with an error of which
/// [`is_cancelled`](crate::Error::is_cancelled) is true, unless it had ended before; the connection sends nothing else
/// until the request has arrived, so that it never hits a later statement.
///
/// A cancelled `COMMIT` may have been done or not.
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let handle = conn.cancel_handle();
/// let timer = std::thread::spawn(move || {
///     std::thread::sleep(std::time::Duration::from_secs(1));
///     handle.cancel()
/// });
/// let error = conn.execute("SELECT pg_sleep(3600)", &[]).unwrap_err();
/// assert!(error.is_cancelled());
/// conn.rollback()?;
/// # timer.join().unwrap()
/// # }
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    shared: Arc<Shared>,
}

struct Shared {
    /// Nothing where the server gave no key.
    target: Option<CancelTarget>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Requests that are under way.
    pending: usize,
    /// Whether a statement is running.
    busy: bool,
    /// Tasks that wait until no request is under way.
    wakers: Vec<Waker>,
}

/// A request that is under way, until it is dropped.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
}

impl CancelHandle {
    pub(crate) fn new(target: Option<CancelTarget>) -> Self {
        Self {
            shared: Arc::new(Shared {
                target,
                state: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// Asks the server to cancel the running statement, and waits until it has taken note: 5 seconds at most.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer in time.
    pub fn cancel(&self) -> Result<()> {
        self.ticket().map_or(Ok(()), |ticket| ticket.send())
    }

    /// The same for async code: the waiting is done on tokio's threads for blocking work.
    ///
    /// Dropping the future does not take the request back.
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[cfg(feature = "tokio")]
    pub async fn cancel_async(&self) -> Result<()> {
        let Some(ticket) = self.ticket() else {
            return Ok(());
        };
        match tokio::task::spawn_blocking(|| ticket.send()).await {
            Ok(sent) => sent,
            Err(_) => Err(Error::cancel(howdah_net::ConnectError::Interrupted)),
        }
    }

    /// Sends a request that nobody waits for, if there is a runtime to do it; tells whether there is.
    #[cfg(feature = "tokio")]
    pub(crate) fn cancel_in_background(&self) -> bool {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return false;
        };
        if let Some(ticket) = self.ticket() {
            // If it fails, the drain that follows runs into its bound.
            runtime.spawn_blocking(|| ticket.send());
        }
        true
    }

    /// Notes that a statement is about to be sent, unless a request is under way.
    #[cfg(any(feature = "tokio", test))]
    pub(crate) fn try_enter(&self) -> bool {
        let mut state = self.shared.lock();
        state.busy = state.busy || state.pending == 0;
        state.pending == 0
    }

    /// Notes that a statement is about to be sent, as soon as no request is under way: each ends within [`CANCEL_TIME`].
    pub(crate) fn enter(&self) {
        self.wait_until_free();
        // Requests begin only while a statement is running: none has begun meanwhile.
        self.shared.lock().busy = true;
    }

    /// Notes that no statement is running any more.
    pub(crate) fn leave(&self) {
        self.shared.lock().busy = false;
    }

    /// Waits until no request is under way.
    pub(crate) fn wait_until_free(&self) {
        let mut state = self.shared.lock();
        while state.pending > 0 {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ready when no request is under way.
    #[cfg(feature = "tokio")]
    pub(crate) fn poll_free(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        let mut state = self.shared.lock();
        if state.pending == 0 {
            return std::task::Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        std::task::Poll::Pending
    }

    /// Begins a request, if there is anything to cancel.
    fn ticket(&self) -> Option<Ticket> {
        self.shared.target.as_ref()?;
        let mut state = self.shared.lock();
        if !state.busy {
            return None;
        }
        state.pending += 1;
        Some(Ticket {
            shared: Arc::clone(&self.shared),
        })
    }
}

impl Ticket {
    fn send(self) -> Result<()> {
        match &self.shared.target {
            Some(target) => target
                .send(CANCEL_TIME, &mut || true)
                .map_err(Error::cancel),
            None => Ok(()),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.pending -= 1;
        if state.pending == 0 {
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            self.shared.changed.notify_all();
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.shared.target.as_ref();
        f.debug_struct("CancelHandle")
            .field("peer", &target.map(|target| &target.peer))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use howdah_net::Peer;

    fn handle() -> CancelHandle {
        CancelHandle::new(Some(CancelTarget {
            peer: Peer::Unix("/nonexistent/.s.PGSQL.1".into()),
            request: b"SECRET".to_vec(),
        }))
    }

    #[test]
    fn nothing_running_means_nothing_to_do() {
        let handle = handle();
        assert!(handle.cancel().is_ok());
        handle.enter();
        assert!(!handle.cancel().unwrap_err().is_closed());
        handle.leave();
        assert!(handle.cancel().is_ok());
    }

    #[test]
    fn no_statement_is_sent_while_a_request_is_under_way() {
        let handle = handle();
        handle.enter();
        let ticket = handle.ticket().unwrap();
        handle.leave();
        assert!(!handle.try_enter());
        drop(ticket);
        assert!(handle.try_enter());
    }

    #[test]
    fn the_key_is_not_shown() {
        assert!(!format!("{:?}", handle()).contains("SECRET"));
    }
}
