//! How transactions are begun, as Python writes it.

use howdah_protocol::session::IsolationLevel;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

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
