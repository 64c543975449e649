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

/// Does `work` within `context`; as it is, if there is none or it has been entered already, as in a step of its own task.
pub fn within<T>(context: Option<&Bound<'_, PyAny>>, work: impl FnOnce() -> T) -> T {
    let _entered = context.and_then(Entered::enter);
    work()
}

/// A context that is left when this is dropped.
struct Entered<'a, 'py>(&'a Bound<'py, PyAny>);

impl<'a, 'py> Entered<'a, 'py> {
    fn enter(context: &'a Bound<'py, PyAny>) -> Option<Self> {
        // SAFETY: we are attached, and `context` is a live object; the function checks its type and reports by -1.
        if unsafe { ffi::PyContext_Enter(context.as_ptr()) } == 0 {
            return Some(Self(context));
        }
        drop(PyErr::take(context.py()));
        None
    }
}

impl Drop for Entered<'_, '_> {
    fn drop(&mut self) {
        // An exception that is on its way is none of the context's.
        let raised = PyErr::take(self.0.py());
        // SAFETY: we are attached, and this thread entered this context when the guard was made.
        if unsafe { ffi::PyContext_Exit(self.0.as_ptr()) } != 0 {
            drop(PyErr::take(self.0.py()));
        }
        if let Some(raised) = raised {
            raised.restore(self.0.py());
        }
    }
}
