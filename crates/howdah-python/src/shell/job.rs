//! Jobs: what shells run.

use std::sync::Arc;
use std::time::Instant;

use howdah_protocol::session::Outcome;
use pyo3::prelude::*;

use crate::core::Core;

/// One operation of the public API, in steps that do not wait.
///
/// Whoever runs it has the connection's gate from `start` to the end.
pub(crate) trait Job: Send + Sync {
    /// Begins: checks, converts, queues requests.
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next>;

    /// Goes on with what an exchange gave.
    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next>;

    /// Name of the method, for warnings.
    fn name(&self) -> &'static str;
}

/// What a job wants next.
pub(crate) enum Next {
    /// Requests are queued: run the exchange, then resume.
    Exchange,
    /// As [`Next::Exchange`], for the handshake: it has to be done by this time, or the connection is given up.
    Started(Option<Instant>),
    /// Requests are queued and more will follow: send them, take what has come, then resume.
    Pump,
    /// Wait for a notification, or until the time is over; then resume.
    Listen(Option<Instant>),
    /// It is over: the value to return.
    Done(Py<PyAny>),
}
