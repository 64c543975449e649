//! Jobs: what shells run.

use std::sync::Arc;
use std::time::Instant;

use howdah_protocol::session::{ExchangeId, Outcome};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::core::Core;
use crate::hooks::{Span, Subject};

/// One operation of the public API, in steps that do not wait.
///
/// Whoever runs it has the connection's gate from `start` to the end, and brings the session to rest if it fails.
pub(crate) trait Job: Send + Sync {
    /// Begins: checks, converts, queues requests.
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next>;

    /// Goes on with what the exchange gave that it waited for.
    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next>;

    /// It is cut short, at whatever point, also before it has begun: leaves with the core what must be done all the same.
    fn interrupted(&mut self, _core: &Arc<Core>) {}

    /// It cannot even begin, for a reason that is the caller's, such as another event loop: all is as before the call.
    fn refused(&mut self, core: &Arc<Core>) {
        self.interrupted(core);
    }

    /// Whether it is part of something that has the gate already, such as a stream.
    fn has_lease(&self) -> bool {
        false
    }

    /// Whether it is one statement that can be sent before those of others are answered, where the user allows that.
    fn can_share(&self, _py: Python<'_>) -> bool {
        false
    }

    /// Whether others may use an asynchronous connection while it waits for a result of the pipeline, or for a notification.
    fn waits_without_gate(&self) -> bool {
        false
    }

    /// Whether it only listens, and gives way on a synchronous connection to others that do more: it is begun anew after that.
    fn listens(&self) -> bool {
        false
    }

    /// How long it waits for its turn on a synchronous connection, where it has a bound of its own; then it is over.
    fn waits_until(&self) -> Option<Instant> {
        None
    }

    /// What it gives if that was over before it had its turn.
    fn without_turn(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(py.None())
    }

    /// Whether the gate is not to be left at its good end, because more of the same will follow.
    fn keeps_lease(&self) -> bool {
        false
    }

    /// Whether it may send something, as far as can be told before it begins: then it waits for cancel requests under way.
    fn sends(&self, _core: &Core) -> bool {
        true
    }

    /// Whether its time is bounded by something else than the timeout of operations.
    fn has_own_bound(&self) -> bool {
        false
    }

    /// Shows the collector the Python objects that it holds and that may lead back to the connection. No lock is taken.
    fn traverse(&self, _visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }

    /// What hooks are told of it, if it is more than a part of something that they were told of.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    fn subject(&self, _py: Python<'_>, _core: &Arc<Core>) -> PyResult<Option<Subject>> {
        Ok(None)
    }

    /// What hooks were told of, and it is a part of.
    fn part_of(&self) -> Option<Arc<Span>> {
        None
    }

    /// Hooks were told of it.
    ///
    /// # Errors
    /// If it cannot be kept for later.
    fn observed(&mut self, _py: Python<'_>, _span: &Arc<Span>) -> PyResult<()> {
        Ok(())
    }

    /// Name of the method, for warnings.
    fn name(&self) -> &'static str;
}

/// What a job wants next.
pub(crate) enum Next {
    /// Requests are queued: run the session until this exchange is answered, then resume with its outcome.
    Exchange(ExchangeId),
    /// Run the handshake, then resume: it has to be done by this time, or the connection is given up.
    Started(Option<Instant>),
    /// Requests are queued and more will follow in the same exchange: send them, then resume with what has come of it so far.
    Pump(ExchangeId),
    /// Data is queued for the COPY of this exchange: run the session until all of it has been sent, or the exchange is answered;
    /// then resume, in the second case with its outcome.
    Feed(ExchangeId),
    /// Run the session until results of this exchange have come, or its error; then resume with what has come of it so far.
    Results(ExchangeId),
    /// Run the session until rows of this exchange have come, or it is answered; then resume, in the second case with its outcome.
    Rows(ExchangeId),
    /// The same, or until the time is over: then resume as well.
    RowsBy(ExchangeId, Option<Instant>),
    /// Run the session until what was queued in the pipeline under this ticket has been answered and handed out, then resume.
    Booked(u64),
    /// Have everything that is unanswered given up, and the session brought to rest; then resume.
    Rest,
    /// Wait for a notification, or until the time is over; then resume.
    Listen(Option<Instant>),
    /// It is over: the value to return.
    Done(Py<PyAny>),
}
