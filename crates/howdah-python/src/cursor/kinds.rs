//! The classes below `Cursor` and `AsyncCursor`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::BaseCursor;
use crate::connection::BaseConnection;
use crate::core::Kind;
use crate::shell::ready::{Fetch, Ready};

/// The base of `Cursor`.
#[pyclass(extends = BaseCursor, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct SyncCursor;

#[pymethods]
impl SyncCursor {
    #[new]
    #[pyo3(signature = (connection, *, row_factory=None))]
    fn new(
        connection: &Bound<'_, BaseConnection>,
        row_factory: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        check_kind(connection, Kind::Sync)?;
        let base = BaseCursor::new(connection, row_factory, false)?;
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_args))]
    fn __exit__(slf: &Bound<'_, Self>, _args: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.call_method0("close").map(drop)
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        slf.as_super().get().load_one(slf.py())
    }
}

/// The base of `AsyncCursor`.
#[pyclass(extends = BaseCursor, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct AsyncCursorBase;

#[pymethods]
impl AsyncCursorBase {
    #[new]
    #[pyo3(signature = (connection, *, row_factory=None))]
    fn new(
        connection: &Bound<'_, BaseConnection>,
        row_factory: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        check_kind(connection, Kind::Async)?;
        let base = BaseCursor::new(connection, row_factory, false)?;
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }

    fn __aenter__(slf: &Bound<'_, Self>) -> PyResult<Py<Ready>> {
        let cursor = slf.clone().unbind();
        Py::new(slf.py(), Ready::new(move |_| Ok(cursor.into_any())))
    }

    #[pyo3(signature = (*_args))]
    fn __aexit__(slf: &Bound<'_, Self>, _args: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        slf.call_method0("close").map(Bound::unbind)
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        BaseCursor::give_rows(slf.as_super(), Fetch::Next)
    }
}

fn check_kind(connection: &Bound<'_, BaseConnection>, kind: Kind) -> PyResult<()> {
    if connection.get().core().kind == kind {
        return Ok(());
    }
    Err(PyTypeError::new_err(
        "a cursor and its connection are both synchronous, or both asynchronous",
    ))
}
