//! The exceptions that adaptation raises.

use howdah_types::{DecodeError, EncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::format::PyFormat;

/// `howdah.errors.DataError` with a message.
#[cold]
pub(super) fn data(py: Python<'_>, message: &str) -> PyErr {
    of_class(py, "DataError", message)
}

/// `howdah.errors.<class>` with a message; the import error if there is no such class.
#[cold]
pub(super) fn of_class(py: Python<'_>, class: &str, message: &str) -> PyErr {
    let raised = py
        .import("howdah.errors")
        .and_then(|errors| errors.getattr(class))
        .and_then(|class| class.call1((message,)));
    match raised {
        Ok(raised) => PyErr::from_value(raised),
        Err(error) => error,
    }
}

#[cold]
pub(super) fn cannot_adapt(value: &Bound<'_, PyAny>, want: PyFormat) -> PyErr {
    cannot_adapt_class(&value.get_type(), want)
}

#[cold]
pub(super) fn cannot_adapt_class(class: &Bound<'_, PyType>, want: PyFormat) -> PyErr {
    let name = match class.name() {
        Ok(name) => quoted(&name),
        Err(error) => return error,
    };
    let (placeholder, format) = want.names();
    let message =
        format!("cannot adapt type {name} using placeholder '%{placeholder}' (format: {format})");
    of_class(class.py(), "ProgrammingError", &message)
}

#[cold]
pub(super) fn encode(py: Python<'_>, error: EncodeError) -> PyErr {
    data(py, error.detail())
}

#[cold]
pub(super) fn decode(py: Python<'_>, error: DecodeError, raw: &[u8]) -> PyErr {
    let name = error.type_name();
    let detail = error.detail();
    data(
        py,
        &format!("can't parse {name} {}: {detail}", shown(py, raw)),
    )
}

/// The text of a value for a message: in quotes, shortened.
pub(super) fn shown(py: Python<'_>, raw: &[u8]) -> String {
    const LONGEST: usize = 100;
    let text = String::from_utf8_lossy(raw.get(..LONGEST).unwrap_or(raw));
    let dots = if raw.len() > LONGEST { "..." } else { "" };
    format!("{}{dots}", quoted(&PyString::new(py, &text)))
}

fn quoted(text: &Bound<'_, PyString>) -> String {
    text.repr()
        .map_or_else(|_| "?".into(), |repr| repr.to_string())
}
