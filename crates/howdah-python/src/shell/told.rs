//! Operations that hooks are told of.

use std::sync::Arc;

use pyo3::prelude::*;

use super::blocking;
use super::job::Job;
use crate::core::Core;
use crate::core::limit::Timeout;
use crate::hooks::{self, Span};

/// As [`blocking::run`].
#[cold]
pub(super) fn run(
    py: Python<'_>,
    core: &Arc<Core>,
    job: &mut dyn Job,
    timeout: Option<Timeout>,
) -> PyResult<Py<PyAny>> {
    let span = begin(py, core, job).inspect_err(|_| job.refused(core))?;
    let ended = blocking::run(py, core, job, timeout);
    // What was asked before, and has come meanwhile, ended first.
    let told = core.hooks.tell(py);
    let ended = match span {
        Some(span) => span.call_over(py, ended),
        None => ended,
    };
    told.and(ended)
}

/// Tells hooks that a job begins, unless it is part of something that they were told of; gives what they were told of.
///
/// # Errors
/// Only what must not be swallowed, such as `KeyboardInterrupt`.
pub(super) fn begin(
    py: Python<'_>,
    core: &Arc<Core>,
    job: &mut dyn Job,
) -> PyResult<Option<Arc<Span>>> {
    if let Some(span) = job.part_of() {
        return Ok(Some(span));
    }
    if hooks::are_running(py)? {
        return Ok(None);
    }
    let Some(subject) = job.subject(py, core)? else {
        return Ok(None);
    };
    let span = core.begin_span(py, subject)?;
    job.observed(py, &span)?;
    Ok(Some(span))
}
