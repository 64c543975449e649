//! The logger `howdah`.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::imports;

/// The logger.
///
/// # Errors
/// ImportError at the first call.
pub fn logger(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static LOGGER: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    LOGGER
        .get_or_try_init(py, || {
            let get_logger = imports::object(py, "logging", "getLogger")?;
            get_logger.call1(("howdah",)).map(Bound::unbind)
        })
        .map(|logger| logger.bind(py))
}
