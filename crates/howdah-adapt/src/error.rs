//! The exceptions that adaptation raises.

use howdah_types::{DecodeError, EncodeError};
use pyo3::PyTypeInfo;
use pyo3::exceptions::{PyArithmeticError, PyRecursionError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::format::PyFormat;
use super::imports;

/// `howdah.errors.DataError` with a message.
#[cold]
pub(super) fn data(py: Python<'_>, message: &str) -> PyErr {
    of_class(py, "DataError", message)
}

/// `howdah.errors.<class>`.
///
/// # Errors
/// KeyError if there is no such class.
pub fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    imports::ERRORS.get(py)?.get_item(name)
}

/// `howdah.errors.<class>` with a message.
#[cold]
pub fn of_class(py: Python<'_>, name: &str, message: &str) -> PyErr {
    raised_or_why_not(class(py, name).and_then(|class| class.call1((message,))))
}

/// An error of two classes: `howdah.errors.<class>`, and `E`, which psycopg raises.
#[cold]
pub(super) fn also<E: PyTypeInfo>(py: Python<'_>, class: &str, message: &str) -> PyErr {
    also_of(&py.get_type::<E>(), class, message)
}

/// The same for a class that is not built in.
#[cold]
pub(super) fn also_of(other: &Bound<'_, PyType>, class: &str, message: &str) -> PyErr {
    let py = other.py();
    raised_or_why_not(
        imports::NEW_VALUE_ERROR
            .get(py)
            .and_then(|new| new.call1((class, other, message))),
    )
}

/// What a reader of values of Python's own raised: a DataError besides, because a server has sent the value.
///
/// Not for what code of the user's raises, and lets alone what is not about the value, such as MemoryError.
#[cold]
pub(super) fn of_value(py: Python<'_>, error: PyErr) -> PyErr {
    let is_of_value = error.is_instance_of::<PyValueError>(py)
        || error.is_instance_of::<PyArithmeticError>(py)
        || error.is_instance_of::<PyRecursionError>(py);
    if !is_of_value {
        return error;
    }
    raised_or_why_not(
        imports::ERROR_OF_VALUE
            .get(py)
            .and_then(|of_value| of_value.call1((error.into_value(py),))),
    )
}

/// Values in values, too many to be read or written.
#[cold]
pub(super) fn too_deep(py: Python<'_>, message: &str) -> PyErr {
    also::<PyRecursionError>(py, "DataError", message)
}

fn raised_or_why_not(raised: PyResult<Bound<'_, PyAny>>) -> PyErr {
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
    data(py, &unreadable(py, error, raw))
}

/// The same for a type that psycopg has a class of Python's read, which raises ValueError.
#[cold]
pub(super) fn decode_by_class(py: Python<'_>, error: DecodeError, raw: &[u8]) -> PyErr {
    also::<PyValueError>(py, "DataError", &unreadable(py, error, raw))
}

fn unreadable(py: Python<'_>, error: DecodeError, raw: &[u8]) -> String {
    let name = error.type_name();
    let detail = error.detail();
    format!("can't parse {name} {}: {detail}", shown(py, raw))
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
