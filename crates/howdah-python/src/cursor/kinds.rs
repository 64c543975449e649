//! The classes below `Cursor` and `AsyncCursor`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};

use super::BaseCursor;
use super::pending::Then;
use crate::binding::Binding;
use crate::core::Flavor;
use crate::shell::ready::{Fetch, Ready};

/// The base of `Cursor`.
#[pyclass(extends = BaseCursor, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct SyncCursor;

#[pymethods]
impl SyncCursor {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(connection, *, row_factory=None)")]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let base = BaseCursor::blank(Binding::of_class(cls)?);
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }

    #[pyo3(signature = (connection, *, row_factory=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        connection: &Bound<'_, PyAny>,
        row_factory: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let base = slf.as_super().get();
        base.init(connection, row_factory, Flavor::Sync)
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
        let base = slf.as_super();
        if base.get().server_side().is_some() {
            return BaseCursor::next_served(base);
        }
        if base.get().awaited_ticket().is_some() {
            BaseCursor::fetch_pending(base, Then::Nothing)?;
        }
        base.get().load_one(slf.py())
    }
}

/// The base of `AsyncCursor`.
#[pyclass(extends = BaseCursor, subclass, frozen, module = "howdah._howdah")]
pub(crate) struct AsyncCursorBase;

#[pymethods]
impl AsyncCursorBase {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(connection, *, row_factory=None)")]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let base = BaseCursor::blank(Binding::of_class(cls)?);
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }

    #[pyo3(signature = (connection, *, row_factory=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        connection: &Bound<'_, PyAny>,
        row_factory: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let base = slf.as_super().get();
        base.init(connection, row_factory, Flavor::Async)
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
