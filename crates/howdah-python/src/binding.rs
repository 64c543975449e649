//! How the parameters of a query come to the server: beside its text, or in it.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyType;

use crate::errors;

/// What a cursor's class says in its attribute `_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Queries have `%s`, which become `$1`...; the server gets the values beside the text.
    Server = 0,
    /// Queries have `%s`, and the values are put in their places as literals.
    Client = 1,
    /// Queries have the server's own `$1`...
    Raw = 2,
}

impl Binding {
    /// That of the cursors of a class.
    pub(crate) fn of_class(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let number: u8 = class.getattr(intern!(class.py(), "_binding"))?.extract()?;
        Ok(match number {
            1 => Self::Client,
            2 => Self::Raw,
            _ => Self::Server,
        })
    }

    /// Whether the values are in the text, which is another for each execution then.
    pub(crate) fn is_in_text(self) -> bool {
        self == Self::Client
    }

    /// Whether a statement is to be prepared, where that is wished.
    pub(crate) fn prepare(self, wish: Option<bool>) -> Option<bool> {
        if self.is_in_text() { Some(false) } else { wish }
    }

    /// Fails if results cannot be had in a format: the simple protocol has no binary ones.
    pub(crate) fn check_format(self, py: Python<'_>, binary: bool) -> PyResult<()> {
        if binary && self.is_in_text() {
            let text = "client-side cursors don't support binary results";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        Ok(())
    }
}
