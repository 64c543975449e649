//! What a cursor tells of its last execution.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use super::BaseCursor;
use crate::imports;
use crate::jobs::bind;
use crate::jobs::execute::Text;
use howdah_adapt::DumpContext;
use howdah_ffi::values::bytes;
use howdah_protocol::connection::Params;

/// The last execution, kept as it was asked for: hardly anybody wants to know more.
pub(super) struct Executed {
    pub(super) text: Text,
    pub(super) params: Option<Py<PyAny>>,
}

/// A query as the server got it.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ExecutedQuery {
    /// The text.
    #[pyo3(get)]
    query: Py<PyBytes>,
    /// The values as bytes, `None` where there are none.
    #[pyo3(get)]
    params: Option<Py<PyAny>>,
    /// The OIDs of their types.
    #[pyo3(get)]
    types: Py<PyTuple>,
    /// Their formats.
    #[pyo3(get)]
    formats: Option<Py<PyList>>,
}

impl Executed {
    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            text: self.text.clone_ref(py),
            params: self.params.as_ref().map(|params| params.clone_ref(py)),
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.params)
    }

    /// What the server got of it, or would get, should the parameters have changed since.
    pub(super) fn tell(&self, cursor: &BaseCursor, py: Python<'_>) -> PyResult<ExecutedQuery> {
        let query = bytes(py, self.text.sql(py))?.unbind();
        let told = |params, types, formats| ExecutedQuery {
            query,
            params,
            types,
            formats,
        };
        if let Text::Merged(_, literals) = &self.text {
            let literals = literals.clone_ref(py).into_any();
            return Ok(told(Some(literals), PyTuple::empty(py).unbind(), None));
        }
        let Some(params) = &self.params else {
            return Ok(told(None, PyTuple::empty(py).unbind(), None));
        };
        let dumped = self.dump(cursor, params.bind(py))?;
        let types = PyTuple::new(py, &dumped.oids)?.unbind();
        let format = imports::FORMAT.get(py)?;
        let formats = PyList::empty(py);
        for used in &dumped.formats {
            formats.append(format.call1((used.code(),))?)?;
        }
        let values = PyList::empty(py);
        for value in dumped.values() {
            values.append(value.map(|value| bytes(py, value)).transpose()?)?;
        }
        Ok(told(
            Some(values.into_any().unbind()),
            types,
            Some(formats.unbind()),
        ))
    }

    fn dump(&self, cursor: &BaseCursor, params: &Bound<'_, PyAny>) -> PyResult<Params> {
        let py = params.py();
        let adaptation = cursor.adaptation(py)?;
        let settings = cursor.home(py)?.core.snapshot.settings();
        let cx = DumpContext::new(&settings, Some(&adaptation));
        let mut dumped = Params::default();
        bind::dump(cursor.binding, &self.text, Some(params), &cx, &mut dumped)?;
        Ok(dumped)
    }
}
