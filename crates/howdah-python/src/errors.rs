//! Exceptions: what went wrong, as the classes of `howdah.errors`.

use std::ops::Range;

use howdah_adapt::error;
pub(crate) use howdah_adapt::error::class;
use howdah_ffi::values;
use howdah_net::ConnectError;
use howdah_protocol::connection::Error;
use howdah_protocol::conninfo::{ConninfoError, ConninfoErrorKind};
use howdah_protocol::error::UsageError;
use howdah_protocol::wire::Diagnostic;
use pyo3::exceptions::PyMemoryError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::imports;

/// An exception of a class of `howdah.errors`.
pub(crate) fn new(py: Python<'_>, class: &str, message: impl Into<String>) -> PyErr {
    error::of_class(py, class, &message.into())
}

/// Runs what a destructor has to do. An exception that is on its way meanwhile is kept; one that is raised is reported.
///
/// The interpreter frees objects also while it unwinds, and Python code must not run with an exception set.
pub(crate) fn in_destructor(work: impl FnOnce(Python<'_>) -> PyResult<()>) {
    Python::try_attach(|py| {
        let raised = PyErr::take(py);
        if let Err(error) = work(py) {
            error.write_unraisable(py, None);
        }
        if let Some(raised) = raised {
            raised.restore(py);
        }
    });
}

/// Another exception that says the same, to be raised elsewhere; the same one if it cannot be copied.
pub(crate) fn copy(py: Python<'_>, error: &PyErr) -> PyErr {
    let made = imports::COPY.get(py);
    let made = made.and_then(|copy| copy.call1((error.value(py),)));
    let made = made.and_then(|made| {
        // Pickling leaves it out.
        let result = intern!(py, "_of_server");
        if let Some(value) = error.value(py).getattr_opt(result)? {
            made.setattr(result, value)?;
        }
        Ok(made)
    });
    made.map_or_else(|_| error.clone_ref(py), PyErr::from_value)
}

/// Adds to an exception which of the parameters of `executemany()` it is about. Exceptions have notes since CPython 3.11.
pub(crate) fn note_index(py: Python<'_>, error: &PyErr, index: usize) {
    let note = format!("executemany(): at index {index} of the parameters");
    // Without the note it is the same exception.
    let _ = error
        .value(py)
        .call_method1(intern!(py, "add_note"), (note,));
}

/// The same where it can be any of some.
pub(crate) fn note_indexes(py: Python<'_>, error: &PyErr, indexes: &Range<usize>) {
    let (first, last) = (indexes.start, indexes.end.saturating_sub(1));
    let note = format!("executemany(): at one of the indexes {first} to {last} of the parameters");
    let _ = error
        .value(py)
        .call_method1(intern!(py, "add_note"), (note,));
}

/// Where in the statement an error is that the server reported, in characters.
pub(crate) fn place(py: Python<'_>, error: &PyErr) -> Option<usize> {
    let fields = error.value(py).getattr(intern!(py, "_info")).ok()?;
    let place = fields.cast::<PyDict>().ok()?.get_item("P").ok()??;
    let place = std::str::from_utf8(place.cast::<PyBytes>().ok()?.as_bytes());
    place.ok()?.parse::<usize>().ok()?.checked_sub(1)
}

/// Adds to an exception the line of a query that the server means, and where in it; `place` is in characters.
pub(crate) fn note_place(py: Python<'_>, error: &PyErr, query: &str, place: usize) {
    // Without the note it is the same exception.
    let _ = imports::NOTE_PLACE
        .get(py)
        .and_then(|note| note.call1((error.value(py), query, place)));
}

/// Adds to an exception of the server's what was probably meant, where parameters are the matter; `mark` is how they were written.
pub(crate) fn hint(py: Python<'_>, error: &PyErr, sql: &[u8], mark: &str) {
    let state = error.value(py).getattr(intern!(py, "sqlstate"));
    let is_one = |state: Bound<'_, PyAny>| {
        let state = state.extract::<String>();
        state.is_ok_and(|state| ["08P01", "42601", "42P02"].contains(&state.as_str()))
    };
    if !state.is_ok_and(is_one) {
        return;
    }
    // Without the note it is the same exception.
    let _ = values::bytes(py, sql).and_then(|sql| {
        let hint = imports::HINT.get(py)?;
        hint.call1((error.value(py), sql, place(py, error), mark))
    });
}

/// Adds to the error about parameters that no placeholder is for what was probably meant.
pub(crate) fn hint_count(py: Python<'_>, error: &PyErr, sql: &[u8]) {
    let _ = values::bytes(py, sql).and_then(|sql| {
        let hint = imports::HINT_COUNT.get(py)?;
        hint.call1((error.value(py), sql))
    });
}

/// `OutOfOrderTransactionNesting`.
pub(crate) fn out_of_order(py: Python<'_>, message: String) -> PyErr {
    let class = imports::OUT_OF_ORDER.get(py);
    let made = class.and_then(|class| class.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// `OperationalError`.
pub(crate) fn operational(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "OperationalError", message)
}

/// `OperationalError`, because the connection is closed.
pub(crate) fn closed(py: Python<'_>) -> PyErr {
    gone(py, operational(py, "the connection is closed"))
}

/// An exception that says of itself that there is no connection any more.
pub(crate) fn gone(py: Python<'_>, error: PyErr) -> PyErr {
    // Only a class that takes no attributes refuses, and then the exception is as good as without.
    let _ = error
        .value(py)
        .setattr(intern!(py, "_connection_lost"), true);
    error
}

/// `ProgrammingError`.
pub(crate) fn programming(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "ProgrammingError", message)
}

/// `InterfaceError`.
pub(crate) fn interface(py: Python<'_>, message: impl Into<String>) -> PyErr {
    new(py, "InterfaceError", message)
}

/// The exception for an error that the server reported; `query` is what it was about.
pub(crate) fn server(
    py: Python<'_>,
    diagnostic: &Diagnostic,
    encoding: &str,
    query: Option<&[u8]>,
) -> PyErr {
    let made = fields(py, diagnostic).and_then(|fields| {
        // Without the text the error has no line of it to show.
        let query = query.and_then(|query| values::bytes(py, query).ok());
        let make = imports::SERVER_ERROR.get(py)?;
        make.call1((fields, encoding, query))
    });
    match made {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// The exception for connections that could not be made, with the report of a server that refused one.
pub(crate) fn refused(py: Python<'_>, diagnostic: &Diagnostic, text: &str) -> PyErr {
    let made = fields(py, diagnostic)
        .and_then(|fields| imports::CONNECT_ERROR.get(py)?.call1((text, fields)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The `Diagnostic` object for a notice.
pub(crate) fn diagnostic<'py>(
    py: Python<'py>,
    diagnostic: &Diagnostic,
    encoding: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let make = imports::MAKE_DIAGNOSTIC.get(py)?;
    make.call1((fields(py, diagnostic)?, encoding))
}

/// The fields of a report, by their letters.
pub(crate) fn fields<'py>(
    py: Python<'py>,
    diagnostic: &Diagnostic,
) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    for (code, text) in diagnostic.iter() {
        let code = char::from(code).to_string();
        fields.set_item(code, values::bytes(py, text)?)?;
    }
    Ok(fields)
}

/// The exception for a request that cannot be put on the wire.
pub(crate) fn usage(py: Python<'_>, error: &UsageError) -> PyErr {
    let class = match error {
        UsageError::NulInString { .. } => return programming(py, error.to_string()),
        UsageError::OutOfMemory(_) => return PyMemoryError::new_err(error.to_string()),
        _ => "OperationalError",
    };
    new(py, class, error.to_string())
}

/// The exception for a connection that was lost.
pub(crate) fn lost(py: Python<'_>, error: &Error, encoding: &str) -> PyErr {
    match error {
        Error::Disconnected(Some(last_words)) => server(py, last_words, encoding, None),
        other => operational(py, other.to_string()),
    }
}

/// The exception for a cancel request that did not do its work.
pub(crate) fn cancel_failed(py: Python<'_>, error: &ConnectError) -> PyErr {
    match error {
        ConnectError::TimedOut => new(py, "CancellationTimeout", "cancellation timeout expired"),
        error => operational(py, format!("cancellation failed: {error}")),
    }
}

/// The exception for connection options that are wrong.
pub(crate) fn conninfo(py: Python<'_>, error: &ConninfoError) -> PyErr {
    let class = match error.kind() {
        ConninfoErrorKind::Programming => "ProgrammingError",
        ConninfoErrorKind::NotSupported => "NotSupportedError",
        _ => "OperationalError",
    };
    new(py, class, error.to_string())
}
