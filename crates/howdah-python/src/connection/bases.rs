//! What `Connection` and `AsyncConnection` have each of their own: how they are made, and how a `with` block is left.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::BaseConnection;
use crate::connect::Opened;
use crate::errors;
use crate::pq::PgConn;

/// The base of `Connection`.
#[pyclass(extends = BaseConnection, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct SyncConnection;

#[pymethods]
impl SyncConnection {
    #[new]
    #[pyo3(signature = (*args, **kwargs), text_signature = "(pgconn, row_factory=None)")]
    fn new(
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let base = match PgConn::among(args, kwargs) {
            Some(pgconn) => BaseConnection::of_pgconn(pgconn)?,
            None => BaseConnection::new(&Opened::among(args, kwargs)?),
        };
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }

    /// Leaves a `with` block by `_exit()`, and closes the connection if that raises: a signal's handler may do so at the first
    /// instruction of a function in Python, before any `try`.
    fn __exit__<'py>(
        slf: &Bound<'py, Self>,
        exc_type: &Bound<'py, PyAny>,
        exc_val: &Bound<'py, PyAny>,
        exc_tb: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let left = slf.call_method1("_exit", (exc_type, exc_val, exc_tb));
        let base = slf.as_super().get();
        if left.is_err() {
            base.core.set_leaving(false);
            let pool = slf.getattr_opt("_pool")?;
            if !pool.map_or(Ok(false), |pool| pool.is_truthy())? {
                base.shut(slf.py())?;
            }
        }
        left
    }
}

/// The base of `AsyncConnection`.
#[pyclass(extends = BaseConnection, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct AsyncConnectionBase;

#[pymethods]
impl AsyncConnectionBase {
    #[new]
    #[pyo3(signature = (*args, **kwargs), text_signature = "(pgconn, row_factory=None)")]
    fn new(
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        if PgConn::among(args, kwargs).is_some() {
            return Err(errors::new(
                args.py(),
                "NotSupportedError",
                "an AsyncConnection cannot be made of a PGconn: open it with connect()",
            ));
        }
        let base = BaseConnection::new(&Opened::among(args, kwargs)?);
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }
}
