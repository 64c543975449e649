//! An awaitable whose value is there already.

use std::sync::Mutex;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use howdah_adapt::lock;
use howdah_ffi::awaitable::{Awaitable, Step};

/// What methods return that are awaited but never wait, such as `fetchall()`: the work is done when it is awaited.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Ready {
    work: Mutex<Option<Work>>,
}

enum Work {
    /// Rows from a cursor: by far the most frequent, so it does without a box.
    Fetch(Py<PyAny>, Fetch, FetchFrom),
    Other(Box<AnyWork>),
}

/// Which rows to fetch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fetch {
    /// The next, or `None`.
    One,
    /// The next, or the end of the iteration.
    Next,
    /// At most so many; 0 stands for `arraysize`.
    Many(usize),
    /// All that are left.
    All,
}

/// Fetches from a cursor.
type FetchFrom = fn(&Bound<'_, PyAny>, Fetch) -> PyResult<Py<PyAny>>;

type AnyWork = dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send;

impl Ready {
    pub(crate) fn new(
        work: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> Self {
        Self {
            work: Mutex::new(Some(Work::Other(Box::new(work)))),
        }
    }

    pub(crate) fn fetch(cursor: Py<PyAny>, what: Fetch, fetch: FetchFrom) -> Self {
        Self {
            work: Mutex::new(Some(Work::Fetch(cursor, what, fetch))),
        }
    }
}

impl Awaitable for Ready {
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        let py = slf.py();
        let work = lock(&slf.get().work).take();
        let value = match work {
            Some(Work::Fetch(cursor, what, fetch)) => fetch(cursor.bind(py), what),
            Some(Work::Other(work)) => work(py),
            None => Err(PyRuntimeError::new_err(
                "cannot reuse already awaited operation",
            )),
        };
        value.map(Step::Return)
    }
}

#[pymethods]
impl Ready {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::step(slf)?.into_next()
    }

    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Self::step(slf)?.into_next()
    }

    #[pyo3(signature = (typ, val=None, tb=None))]
    fn throw(
        &self,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.close();
        Err(super::asyncio::thrown(typ, val, tb)?)
    }

    fn close(&self) {
        let work = lock(&self.work).take();
        // Without the lock: this may call back into Python.
        drop(work);
    }
}
