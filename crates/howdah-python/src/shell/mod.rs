//! The two shells of the Python door, and what they run: jobs.

pub(crate) mod asyncio;
pub(crate) mod blocking;
pub(crate) mod job;
pub(crate) mod ready;
pub(crate) mod select;
mod told;

use std::sync::Arc;

use pyo3::prelude::*;

use crate::core::limit::Timeout;
use crate::core::{Core, Flavor};
use asyncio::{Channel, Op};
pub(crate) use job::{Job, Next};
use ready::Ready;

/// Runs a job: at once on a sync connection, as an awaitable on an async one.
pub(crate) fn run(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
    job: impl Job + 'static,
) -> PyResult<Py<PyAny>> {
    run_within(py, core, channel, job, None)
}

/// As [`run`], within the time that the caller gives, or else the connection. It counts from the beginning, which is the first
/// step of an awaitable.
pub(crate) fn run_within(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
    job: impl Job + 'static,
    timeout: Option<Timeout>,
) -> PyResult<Py<PyAny>> {
    match (core.flavor, channel) {
        (Flavor::Async, Some(channel)) => {
            let op = Op::new(channel.clone_ref(py), Box::new(job), timeout);
            Ok(Py::new(py, op)?.into_any())
        }
        _ => {
            let mut job = job;
            match core.hooks.are_quiet() {
                true => blocking::run(py, core, &mut job, timeout),
                false => told::run(py, core, &mut job, timeout),
            }
        }
    }
}

/// Does work that never waits: at once on a sync connection, when it is awaited on an async one.
pub(crate) fn give<T: pyo3::PyClass + Sync>(
    slf: &Bound<'_, T>,
    flavor: Flavor,
    work: impl FnOnce(&Bound<'_, T>) -> PyResult<Py<PyAny>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    match flavor {
        Flavor::Sync => work(slf),
        Flavor::Async => {
            let object = slf.clone().unbind();
            let ready = Ready::new(move |py| work(object.bind(py)));
            Ok(Py::new(slf.py(), ready)?.into_any())
        }
    }
}
