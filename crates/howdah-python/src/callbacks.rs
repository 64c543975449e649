//! Lists of callables that users register.

use std::sync::Mutex;

use howdah_adapt::lock;
use pyo3::prelude::*;

/// A copy, to be called without the lock.
pub(crate) fn copy_of(py: Python<'_>, callbacks: &[Py<PyAny>]) -> Vec<Py<PyAny>> {
    callbacks
        .iter()
        .map(|callback| callback.clone_ref(py))
        .collect()
}

/// Removes one from a list that is in `held`; tells whether it was there.
///
/// # Errors
/// What comparing raises.
pub(crate) fn remove<T>(
    held: &Mutex<T>,
    callback: &Bound<'_, PyAny>,
    which: impl Fn(&mut T) -> &mut Vec<Py<PyAny>>,
) -> PyResult<bool> {
    let py = callback.py();
    let copied = copy_of(py, which(&mut lock(held)));
    for (index, copied) in copied.iter().enumerate() {
        // Compared without the lock: this calls into Python.
        if copied.bind(py).eq(callback)? {
            let mut held = lock(held);
            let list = which(&mut held);
            let same = list.get(index).is_some_and(|other| other.is(copied));
            let removed = same.then(|| list.remove(index));
            drop(held);
            drop(removed);
            return Ok(true);
        }
    }
    Ok(false)
}
