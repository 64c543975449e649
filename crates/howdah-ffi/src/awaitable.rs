//! Awaitables that give their value without raising `StopIteration`.
//!
//! The interpreter asks an awaitable for its next step by `am_send` (since CPython 3.10), which
//! returns a value where `tp_iternext` has to raise it. PyO3 has no method for that slot.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::PyTuple;

/// One step of an awaitable.
pub enum Step {
    /// It waits: the object to wait for.
    Yield(Py<PyAny>),
    /// It is over: its value.
    Return(Py<PyAny>),
}

impl Step {
    /// What `__next__` makes of it.
    #[inline]
    pub fn into_next(self) -> PyResult<Py<PyAny>> {
        match self {
            Self::Yield(object) => Ok(object),
            Self::Return(value) => Err(PyStopIteration::new_err((value,))),
        }
    }
}

/// A class whose objects are awaited.
pub trait Awaitable: PyTypeInfo {
    /// Takes the next step.
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step>;
}

/// Puts the quick slots into the class of `T`. To be called once, when the module is made.
pub fn install<T: Awaitable>(py: Python<'_>) {
    let class = T::type_object_raw(py);
    // SAFETY: `class` is the live heap type that PyO3 made for `T`. Heap types point to their own `as_async`, which stays
    // as long as the type does. The slots are set before any object exists, while we are attached, and the functions
    // behind them have the signatures that the slots ask for. The caches of the type are told.
    unsafe {
        (*class).tp_iternext = Some(iternext::<T>);
        if let Some(slots) = (*class).tp_as_async.as_mut() {
            slots.am_send = Some(send::<T>);
        }
        ffi::PyType_Modified(class);
    }
}

/// Takes a step of the object behind a slot's pointer; `None` with the exception set.
fn step<T: Awaitable>(slf: *mut ffi::PyObject) -> Option<Step> {
    Python::attach(|py| {
        let taken = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the interpreter calls the slots of `T`'s type with an object of that type, alive during the call.
            let slf = unsafe { Bound::ref_from_ptr(py, &slf) };
            // SAFETY: see above: the object's type is that of `T` or derived from it.
            T::step(unsafe { slf.cast_unchecked::<T>() })
        }));
        let taken = taken.unwrap_or_else(|_| {
            Err(PyRuntimeError::new_err(
                "howdah panicked: this is a bug in it",
            ))
        });
        taken.map_err(|error| error.restore(py)).ok()
    })
}

unsafe extern "C" fn send<T: Awaitable>(
    slf: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    let (object, how) = match step::<T>(slf) {
        Some(Step::Yield(object)) => (object.into_ptr(), ffi::PySendResult::PYGEN_NEXT),
        Some(Step::Return(value)) => (value.into_ptr(), ffi::PySendResult::PYGEN_RETURN),
        None => (ptr::null_mut(), ffi::PySendResult::PYGEN_ERROR),
    };
    // SAFETY: the caller gives a place for the result.
    unsafe { *result = object };
    how
}

unsafe extern "C" fn iternext<T: Awaitable>(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    match step::<T>(slf) {
        Some(Step::Yield(object)) => object.into_ptr(),
        Some(Step::Return(value)) => {
            Python::attach(|py| stop_iteration(value.bind(py)));
            ptr::null_mut()
        }
        None => ptr::null_mut(),
    }
}

/// Sets `StopIteration` with a value, without making the exception object where that can wait.
fn stop_iteration(value: &Bound<'_, PyAny>) {
    if value.is_none() {
        return;
    }
    // Set as it is, a tuple would be taken for the arguments of the exception, and an exception for the exception.
    if value.is_instance_of::<PyTuple>() || value.is_instance_of::<PyBaseException>() {
        PyStopIteration::new_err((value.clone().unbind(),)).restore(value.py());
        return;
    }
    // SAFETY: we are attached, and both objects are alive; the function takes its own references.
    unsafe { ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value.as_ptr()) };
}
