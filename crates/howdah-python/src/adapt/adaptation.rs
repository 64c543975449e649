//! The adapters that one operation works with, where they are not the defaults.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::registry::AdaptersMap;
use super::transformer::Transformer;

/// A map of adapters, and what the adapters that it makes are told of their context.
pub(crate) struct Adaptation {
    map: Py<AdaptersMap>,
    connection: Option<Py<PyAny>>,
    /// Keeps the dumpers and loaders that have been made.
    transformer: PyOnceLock<Py<Transformer>>,
}

impl Adaptation {
    pub(crate) fn new(map: Py<AdaptersMap>, connection: Option<Py<PyAny>>) -> Self {
        Self {
            map,
            connection,
            transformer: PyOnceLock::new(),
        }
    }

    /// That of a transformer which exists already.
    pub(super) fn of(transformer: &Bound<'_, Transformer>) -> Self {
        let py = transformer.py();
        let (map, connection) = transformer.get().context(py);
        let known = PyOnceLock::new();
        // A new cell is empty.
        let _ = known.set(py, transformer.clone().unbind());
        Self {
            map,
            connection,
            transformer: known,
        }
    }

    pub(super) fn map(&self) -> &AdaptersMap {
        self.map.get()
    }

    /// The transformer that makes dumpers and loaders.
    pub(super) fn transformer<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, Transformer>> {
        let made = self.transformer.get_or_try_init(py, || {
            let connection = self.connection.as_ref().map(|known| known.clone_ref(py));
            let made = Transformer::with(py, self.map.clone_ref(py), connection);
            Py::new(py, made)
        })?;
        Ok(made.bind(py))
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.map)?;
        visit.call(&self.connection)
    }
}
