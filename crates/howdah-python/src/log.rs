//! What goes wrong where nobody can be told: to the logger `howdah`.

use howdah_adapt::log::logger;
use howdah_net::ConnectError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A handler of notices or notifications that raised.
///
/// # Errors
/// Those of the logger.
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
    logger(py)?.call_method("error", (text, handler, error.value(py)), Some(&options))?;
    Ok(())
}

/// A cancel request that could not be sent.
pub(crate) fn cancel_failure(py: Python<'_>, error: &ConnectError) {
    let text = "query cancellation failed: %s";
    let logged =
        logger(py).and_then(|logger| logger.call_method1("warning", (text, error.to_string())));
    if let Err(error) = logged {
        error.write_unraisable(py, None);
    }
}
