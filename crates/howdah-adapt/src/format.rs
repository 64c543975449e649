//! Formats: what a placeholder asks for, and what bytes are in.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::imports;

/// The format that a placeholder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PyFormat {
    /// `%s`: whatever suits the type.
    Auto,
    /// `%t`
    Text,
    /// `%b`
    Binary,
}

impl PyFormat {
    /// From a member of `howdah.adapt.PyFormat`.
    ///
    /// # Errors
    /// ValueError for anything else.
    pub(super) fn extract(format: &Bound<'_, PyAny>) -> PyResult<Self> {
        let letter = format.cast::<PyString>().ok().map(|text| text.to_str());
        match letter.transpose()? {
            Some("s") => Ok(Self::Auto),
            Some("t") => Ok(Self::Text),
            Some("b") => Ok(Self::Binary),
            _ => Err(PyValueError::new_err(format!(
                "bad dumper format: {format}"
            ))),
        }
    }

    /// Its place in a table.
    pub(super) const fn number(self) -> usize {
        match self {
            Self::Auto => 0,
            Self::Text => 1,
            Self::Binary => 2,
        }
    }

    /// The member of `howdah.adapt.PyFormat`.
    ///
    /// # Errors
    /// ImportError.
    pub(super) fn member(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let name = self.names().1;
        imports::PY_FORMAT.get(py)?.getattr(name)
    }

    /// The letter of the placeholder and the name of the member of `howdah.adapt.PyFormat`.
    pub(super) const fn names(self) -> (char, &'static str) {
        match self {
            Self::Auto => ('s', "AUTO"),
            Self::Text => ('t', "TEXT"),
            Self::Binary => ('b', "BINARY"),
        }
    }
}

/// The number of a format in the tables.
pub(super) const TEXT: usize = 0;
pub(super) const BINARY: usize = 1;

/// The number of a `howdah.pq.Format`.
pub(super) fn format_number(format: &Bound<'_, PyAny>) -> Option<usize> {
    format.extract().ok().filter(|number| *number <= BINARY)
}
