//! Calling a function within a `contextvars.Context`.

use pyo3::ffi;
use pyo3::prelude::*;

/// Calls `function(argument)` within `context`, as `context.run(function, argument)` does, but without going through Python.
///
/// # Errors
/// What the function raises; `RuntimeError` if the context is entered already.
#[inline]
pub fn call_in_context(
    function: &Bound<'_, PyAny>,
    argument: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let Some(context) = context else {
        return function.call1((argument,)).map(drop);
    };
    let py = function.py();
    // SAFETY: we are attached, and `context` is a live object; the function checks its type and reports by -1.
    if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    let called = function.call1((argument,)).map(drop);
    // SAFETY: we are attached, and this thread entered this context just above.
    if unsafe { ffi::PyContext_Exit(context.as_ptr()) } != 0 {
        return called.and(Err(PyErr::fetch(py)));
    }
    called
}
