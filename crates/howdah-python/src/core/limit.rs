//! Until when an operation has to be over: the `timeout` of a call, or the connection's.

use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Core;
use crate::errors;
use howdah_adapt::lock;

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

/// The moments that bound one operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    time: Duration,
    /// When it is given up: early enough for the session to come to rest.
    pub(crate) give_up: Instant,
    /// When the connection is lost, if it has not come to rest.
    pub(crate) over: Instant,
}

/// The most that is kept of the time for coming to rest.
const MOST_FOR_REST: Duration = Duration::from_secs(1);

impl Limit {
    /// For an operation that begins now. `None` where the clock cannot hold it: that is never.
    fn after(time: Duration) -> Option<Self> {
        let now = Instant::now();
        let for_work = time - (time / 4).min(MOST_FOR_REST);
        Some(Self {
            time,
            give_up: now.checked_add(for_work)?,
            over: now.checked_add(time)?,
        })
    }

    /// Fails if the time of the operation is over.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        match self.is_over() {
            true => Err(self.expired(py)),
            false => Ok(()),
        }
    }

    /// Whether it has to be given up.
    pub(crate) fn is_over(&self) -> bool {
        self.give_up <= Instant::now()
    }

    /// The exception that says so.
    pub(crate) fn expired(&self, py: Python<'_>) -> PyErr {
        let text = format!(
            "the operation was given up: it has to be over within {} seconds",
            self.time.as_secs_f64()
        );
        errors::new(py, "OperationTimeout", text)
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
