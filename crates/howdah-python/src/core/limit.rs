//! Until when an operation has to be over: the `timeout` of a call, or the connection's.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Core;
use crate::errors;
use howdah_adapt::lock;
pub(crate) use howdah_net::Limit;

/// What a caller says: a number of seconds, or infinity, which is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeout(Option<Duration>);

impl Timeout {
    /// What stands for no limit.
    pub(crate) const NONE: Self = Self(None);

    /// When it is over, if it begins now. `None` is never.
    pub(crate) fn deadline(self) -> Option<Instant> {
        Instant::now().checked_add(self.0?)
    }

    /// The time, if there is a limit.
    pub(crate) fn time(self) -> Option<Duration> {
        self.0
    }

    /// The seconds, if there is a limit.
    pub(crate) fn seconds(self) -> Option<f64> {
        self.0.map(|time| time.as_secs_f64())
    }
}

impl<'py> FromPyObject<'_, 'py> for Timeout {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let seconds: f64 = value.extract()?;
        if seconds == f64::INFINITY {
            return Ok(Self::NONE);
        }
        // More than it can hold is as good as none.
        match Duration::try_from_secs_f64(seconds) {
            Ok(time) => Ok(Self(Some(time))),
            Err(_) if seconds > 0.0 => Ok(Self::NONE),
            Err(_) => Err(PyValueError::new_err(
                "a timeout has to be a number of seconds, 0 or more",
            )),
        }
    }
}

/// What a shell says of a limit.
pub(crate) trait Expires {
    /// Fails if the time of the operation is over.
    fn check(&self, py: Python<'_>) -> PyResult<()>;

    /// The exception that says so.
    fn expired(&self, py: Python<'_>) -> PyErr;
}

impl Expires for Limit {
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.is_over() {
            true => Err(self.expired(py)),
            false => Ok(()),
        }
    }

    fn expired(&self, py: Python<'_>) -> PyErr {
        errors::new(py, "OperationTimeout", self.to_string())
    }
}

impl Core {
    /// What bounds an operation that begins now: what its caller said, or else what the connection says.
    pub(crate) fn limit(&self, own: Option<Timeout>) -> Option<Limit> {
        let timeout = own.unwrap_or_else(|| self.operation_timeout());
        Limit::after(timeout.0?)
    }

    /// The timeout of operations that have none of their own.
    pub(crate) fn operation_timeout(&self) -> Timeout {
        *lock(&self.operation_timeout)
    }

    pub(crate) fn set_operation_timeout(&self, timeout: Timeout) {
        *lock(&self.operation_timeout) = timeout;
    }

    /// Has the session be over, if it has not come to rest when the time of an operation is. The caller has the gate.
    pub(crate) fn hasten_rest(&self, limit: Option<Limit>) {
        if let (Some(limit), Some(io)) = (limit, lock(&self.io).as_mut()) {
            io.session.hasten_rest(limit.over);
        }
    }
}
