//! An awaitable whose value is there already.

use std::sync::Mutex;

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;

use crate::core::lock;

/// What methods return that are awaited but never wait, such as `fetchall()`: the work is done when it is awaited.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Ready {
    work: Mutex<Option<Work>>,
}

type Work = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

impl Ready {
    pub(crate) fn new(
        work: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> Self {
        Self {
            work: Mutex::new(Some(Box::new(work))),
        }
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

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let work = lock(&self.work).take();
        let work =
            work.ok_or_else(|| PyRuntimeError::new_err("cannot reuse already awaited operation"))?;
        Err(PyStopIteration::new_err((work(py)?,)))
    }

    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        self.__next__(py)
    }

    #[pyo3(signature = (typ, val=None, tb=None))]
    fn throw(
        &self,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        drop(lock(&self.work).take());
        Err(super::asyncio::thrown(typ, val, tb)?)
    }

    fn close(&self) {
        drop(lock(&self.work).take());
    }
}
