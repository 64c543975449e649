//! What goes wrong where nobody can be told: to the logger `howdah`.

use howdah_adapt::log::logger;
use howdah_net::ConnectError;
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A handler of notices or notifications that raised.
///
/// # Errors
/// Only what must not be swallowed, such as `KeyboardInterrupt`.
pub(crate) fn handler_failure(
    py: Python<'_>,
    what: &str,
    handler: &Bound<'_, PyAny>,
    error: &PyErr,
) -> PyResult<()> {
    let options = PyDict::new(py);
    // Until the error is raised its value does not know where it came from.
    let traceback = error.traceback(py);
    options.set_item("exc_info", (error.get_type(py), error.value(py), traceback))?;
    let text = format!("error processing {what} callback '%s': %s");
    log(
        py,
        "error",
        (text, handler, error.value(py)),
        Some(&options),
    )
}

/// A cancel request that could not be sent.
pub(crate) fn cancel_failure(py: Python<'_>, error: &ConnectError) {
    let text = "query cancellation failed: %s";
    if let Err(error) = log(py, "warning", (text, error.to_string()), None) {
        error.write_unraisable(py, None);
    }
}

/// Something that the user should know.
pub(crate) fn warning(py: Python<'_>, text: &str) {
    if let Err(error) = log(py, "warning", ("%s", text), None) {
        error.write_unraisable(py, None);
    }
}

/// Logs something. If the logger itself fails, as it may while the interpreter ends, that is reported and harms nothing.
fn log<'py>(
    py: Python<'py>,
    level: &str,
    arguments: impl PyCallArgs<'py>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    let logged = logger(py).and_then(|logger| logger.call_method(level, arguments, options));
    match logged {
        Err(error) if error.is_instance_of::<PyException>(py) => {
            error.write_unraisable(py, None);
            Ok(())
        }
        other => other.map(drop),
    }
}
