//! Settings of a connection, as Python writes them.

use std::time::Duration;

use howdah_protocol::session::IsolationLevel;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A `cancel_timeout`.
pub(super) fn timeout(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err("cancel_timeout has to be a number of seconds, 0 or more")
    })
}

/// A value that may be `None`; anything else counts as true or false.
pub(super) fn optional_bool(value: &Bound<'_, PyAny>) -> PyResult<Option<bool>> {
    if value.is_none() {
        return Ok(None);
    }
    value.is_truthy().map(Some)
}

/// The level of a member's name.
pub(super) fn level_by_name(name: &str) -> PyResult<IsolationLevel> {
    match name {
        "READ_UNCOMMITTED" => Ok(IsolationLevel::ReadUncommitted),
        "READ_COMMITTED" => Ok(IsolationLevel::ReadCommitted),
        "REPEATABLE_READ" => Ok(IsolationLevel::RepeatableRead),
        "SERIALIZABLE" => Ok(IsolationLevel::Serializable),
        _ => Err(PyValueError::new_err(format!(
            "unknown isolation level: {name}"
        ))),
    }
}
