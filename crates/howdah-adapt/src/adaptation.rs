//! The adapters that one operation works with, where they are not the defaults.

use std::sync::OnceLock;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::format::{BINARY, PyFormat, TEXT};
use super::registry::AdaptersMap;
use super::transformer::Transformer;

/// A map of adapters, and what the adapters that it makes are told of their context.
pub struct Adaptation {
    map: Py<AdaptersMap>,
    connection: Option<Py<PyAny>>,
    /// Keeps the dumpers and loaders that have been made.
    transformer: OnceLock<Py<Transformer>>,
}

impl Adaptation {
    /// Those of a map; `connection` is what adapters are told of their connection.
    pub fn new(map: Py<AdaptersMap>, connection: Option<Py<PyAny>>) -> Self {
        Self {
            map,
            connection,
            transformer: OnceLock::new(),
        }
    }

    /// That of a transformer which exists already.
    pub(super) fn of(transformer: &Bound<'_, Transformer>) -> Self {
        let py = transformer.py();
        let (map, connection) = transformer.get().context(py);
        Self {
            map,
            connection,
            transformer: OnceLock::from(transformer.clone().unbind()),
        }
    }

    pub(super) fn map(&self) -> &AdaptersMap {
        self.map.get()
    }

    /// Whether nobody has registered a dumper of their own for a type.
    pub(super) fn dumps_as_default(
        &self,
        py: Python<'_>,
        oid: u32,
        want: PyFormat,
    ) -> PyResult<bool> {
        let formats: &[usize] = match want {
            PyFormat::Auto => &[TEXT, BINARY],
            PyFormat::Text => &[TEXT],
            PyFormat::Binary => &[BINARY],
        };
        for format in formats {
            let entry = self.map().dumper_by_oid(py, oid, *format)?;
            if !entry.is_some_and(|entry| entry.get().is_default()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The transformer that makes dumpers and loaders.
    ///
    /// # Errors
    /// Only of the interpreter.
    pub fn transformer<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, Transformer>> {
        if let Some(made) = self.transformer.get() {
            return Ok(made.bind(py));
        }
        let connection = self.connection.as_ref().map(|known| known.clone_ref(py));
        let made = Transformer::with(py, self.map.clone_ref(py), connection);
        let made = Py::new(py, made)?;
        Ok(self.transformer.get_or_init(|| made).bind(py))
    }

    /// A value as a literal of SQL, in the session's encoding.
    ///
    /// # Errors
    /// ProgrammingError for a class that has no dumper, DataError for a value that cannot be sent, OperationalError for text
    /// that is not in the session's encoding.
    pub fn literal<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        Transformer::as_literal(self.transformer(value.py())?, value)
    }

    /// Shows the collector what it holds.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.map)?;
        if let Some(transformer) = self.transformer.get() {
            visit.call(transformer)?;
        }
        visit.call(&self.connection)
    }
}
