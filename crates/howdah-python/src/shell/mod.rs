//! The two shells of the Python door, and what they run: jobs.

pub(crate) mod asyncio;
pub(crate) mod blocking;
pub(crate) mod ready;

use std::sync::Arc;
use std::time::Instant;

use howdah_protocol::session::Outcome;
use pyo3::prelude::*;

use crate::core::{Core, Kind};
use asyncio::{Channel, Op};
use ready::Ready;

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

/// Runs a job: at once on a sync connection, as an awaitable on an async one.
pub(crate) fn run(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
    job: impl Job + 'static,
) -> PyResult<Py<PyAny>> {
    match (core.kind, channel) {
        (Kind::Async, Some(channel)) => {
            let op = Op::new(channel.clone_ref(py), Box::new(job));
            Ok(Py::new(py, op)?.into_any())
        }
        _ => {
            let mut job = job;
            blocking::run(py, core, &mut job)
        }
    }
}

/// Does work that never waits: at once on a sync connection, when it is awaited on an async one.
pub(crate) fn give<T: pyo3::PyClass + Sync>(
    slf: &Bound<'_, T>,
    kind: Kind,
    work: impl FnOnce(&Bound<'_, T>) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    match kind {
        Kind::Sync => work(slf),
        Kind::Async => {
            let object = slf.clone().unbind();
            let ready = Ready::new(move |py| work(object.bind(py)));
            Ok(Py::new(slf.py(), ready)?.into_any())
        }
    }
}
