//! Cancelling what a connection runs, from anywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use howdah_net::ConnectError;
use howdah_net::cancel::{CancelTarget, Gate, Ticket, deadline_after};

use super::observe::Place;
#[cfg(feature = "tokio")]
use crate::asynchronous::cancel::send;
use crate::error::{Error, Result};

/// Cancels the statement that a connection is running, from another thread or task.
///
/// It is made by [`Connection::cancel_handle`](crate::Session::cancel_handle), can be cloned, and stays valid for
/// as long as you keep it: where nothing is running, or the connection is closed, it does nothing. A request goes to
/// the server over a connection of its own. The statement then ends with an error of which
/// [`is_cancelled`](crate::Error::is_cancelled) is true, unless it had ended before; the connection sends nothing else
/// until the request has arrived, so that it never hits a later statement; but no longer than the request may take.
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
/// let error = conn.execute("SELECT pg_sleep(3600)", ()).unwrap_err();
/// assert!(error.is_cancelled());
/// conn.rollback()?;
/// # timer.join().unwrap()
/// # }
/// ```
#[derive(Clone)]
pub struct CancelHandle {
    /// Nothing where the server gave no key.
    target: Option<Arc<CancelTarget>>,
    gate: Gate,
    place: Place,
}

impl CancelHandle {
    pub(crate) fn new(target: Option<CancelTarget>, place: Place) -> Self {
        Self {
            target: target.map(Arc::new),
            gate: Gate::default(),
            place,
        }
    }

    /// Asks the server to cancel the running statement, and waits until it has taken note: 5 seconds at
    /// most, or what [`set_cancel_timeout`](crate::Session::set_cancel_timeout) says.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer in time.
    pub fn cancel(&self) -> Result<()> {
        self.cancel_by(deadline_after(self.gate.timeout()))
    }

    /// The same, until `deadline` at most.
    pub(crate) fn cancel_by(&self, deadline: Instant) -> Result<()> {
        let Some((target, ticket)) = self.begin(deadline) else {
            return Ok(());
        };
        let sent = target.send(ticket.deadline(), &mut || true);
        sent.map_err(|error| self.failed(error))
    }

    /// The same for async code. A task of its own waits for the server.
    ///
    /// Dropping the future does not take the request back.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let handle = conn.cancel_handle();
    /// tokio::spawn(async move {
    ///     tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    ///     handle.cancel_async().await
    /// });
    /// let error = conn.execute("SELECT pg_sleep(60)", ()).await.unwrap_err();
    /// assert!(error.is_cancelled());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`cancel`](Self::cancel).
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time enabled.
    #[cfg(feature = "tokio")]
    pub async fn cancel_async(&self) -> Result<()> {
        let Some((target, ticket)) = self.begin(deadline_after(self.gate.timeout())) else {
            return Ok(());
        };
        // In the task of the caller it would end, and free the connection, with the future.
        match tokio::spawn(send(target, ticket)).await {
            Ok(sent) => sent.map_err(|error| self.failed(error)),
            Err(_) => Err(Error::cancel(ConnectError::Interrupted)),
        }
    }

    /// Sends a request that nobody waits for, until `deadline` at most, if there is a runtime to do it.
    #[cfg(feature = "tokio")]
    pub(crate) fn cancel_in_background(&self, deadline: Instant) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if let Some((target, ticket)) = self.begin(deadline) {
            let (sending, place) = (send(target, ticket), self.place.clone());
            runtime.spawn(async move {
                // If it fails, the drain that follows runs into its bound.
                let _ = sending
                    .await
                    .inspect_err(|error| place.not_cancelled(error));
            });
        }
    }

    /// Where the connection notes what it does.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Begins a request, if there is anything to cancel.
    fn begin(&self, deadline: Instant) -> Option<(Arc<CancelTarget>, Ticket)> {
        let target = self.target.as_ref()?;
        let ticket = self.gate.begin(deadline)?;
        self.place.cancelling();
        Some((Arc::clone(target), ticket))
    }

    fn failed(&self, error: ConnectError) -> Error {
        self.place.not_cancelled(&error);
        Error::cancel(error)
    }
}

impl fmt::Debug for CancelHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target.as_ref();
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
        let target = CancelTarget {
            route: None,
            peer: Peer::Unix("/nonexistent/.s.PGSQL.1".into()),
            request: b"SECRET".to_vec(),
        };
        CancelHandle::new(Some(target), Place::default())
    }

    #[test]
    fn nothing_running_means_nothing_to_do() {
        let handle = handle();
        assert!(handle.cancel().is_ok());
        assert!(handle.gate().try_enter());
        assert!(!handle.cancel().unwrap_err().is_closed());
        handle.gate().leave();
        assert!(handle.cancel().is_ok());
    }

    #[test]
    fn the_key_is_not_shown() {
        assert!(!format!("{:?}", handle()).contains("SECRET"));
    }
}
