//! What a loop over rows takes, one row at a time: a page of them, and `__next__()` without PyO3's trampoline.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;
use pyo3::types::{PyList, PyType};

use crate::HAS_GIL;

/// Rows that were fetched at a time, the next of them, and the place of that in the whole.
///
/// The interpreter's lock guards it, which costs nothing; only where there is none it has one of its own.
#[derive(Default)]
pub struct Page {
    lock: Mutex<()>,
    held: UnsafeCell<Held>,
}

#[derive(Default)]
struct Held {
    rows: Option<Py<PyList>>,
    next: isize,
    /// How many rows there were.
    len: Option<usize>,
    pos: i64,
}

// SAFETY: `Page::with` alone reaches what is held, one thread at a time, and all of that may be sent.
unsafe impl Sync for Page {}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").finish_non_exhaustive()
    }
}

impl Page {
    /// Takes the next row, if there is one, and goes one place forward.
    #[inline]
    pub fn next<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.with(py, |held| {
            let row = item(held.rows.as_ref()?.bind(py), held.next)?;
            held.next += 1;
            held.pos = held.pos.saturating_add(1);
            Some(row)
        })
    }

    /// Goes on with other rows; gives the list of those before.
    pub fn turn(&self, rows: &Bound<'_, PyList>) -> Option<Py<PyList>> {
        let new = rows.clone().unbind();
        let len = rows.len();
        self.with(rows.py(), |held| {
            held.next = 0;
            held.len = Some(len);
            held.rows.replace(new)
        })
    }

    /// Gives up the list of rows if all have been taken; how many they were stays known.
    pub fn let_go(&self, py: Python<'_>) -> Option<Py<PyList>> {
        self.with(py, |held| {
            let is_over = held.len.is_none_or(|len| held.next.unsigned_abs() >= len);
            held.rows.take_if(|_| is_over)
        })
    }

    /// Is as new, before the first row; gives the list of rows.
    pub fn reset(&self, py: Python<'_>) -> Option<Py<PyList>> {
        self.with(py, std::mem::take).rows
    }

    /// How many rows there were in the page, if there is one.
    pub fn len_of_page(&self, py: Python<'_>) -> Option<usize> {
        self.with(py, |held| held.len)
    }

    /// How many rows it has gone forward.
    pub fn pos(&self, py: Python<'_>) -> i64 {
        self.with(py, |held| held.pos)
    }

    /// Stands elsewhere.
    pub fn set_pos(&self, py: Python<'_>, pos: i64) {
        self.with(py, |held| held.pos = pos);
    }

    /// Shows the collector what it holds.
    ///
    /// # Errors
    /// Those of the visit.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: whoever visits is the collector, which runs while no other thread does, and never within `with`, where
        // no object is made or dropped.
        let held = unsafe { &*self.held.get() };
        visit.call(&held.rows)
    }

    /// Looks at what is held, or changes that. `work` neither makes nor drops an object, nor runs Python code.
    #[inline]
    fn with<T>(&self, _attached: Python<'_>, work: impl FnOnce(&mut Held) -> T) -> T {
        let _guard = (!HAS_GIL).then(|| self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: either the lock is held, or the interpreter's, of which the token is the proof. `work` does not give that
        // away nor come back here: it is one of those above, which move references and count one.
        work(unsafe { &mut *self.held.get() })
    }
}

/// An item of a list, if it has so many.
#[inline]
fn item<'py>(list: &Bound<'py, PyList>, index: isize) -> Option<Bound<'py, PyAny>> {
    if !HAS_GIL {
        return list.get_item(index.cast_unsigned()).ok();
    }
    // SAFETY: a live list, which nobody changes while we are attached; the index is at least 0 and below its length.
    unsafe {
        if index >= ffi::PyList_GET_SIZE(list.as_ptr()) {
            return None;
        }
        let item = ffi::PyList_GET_ITEM(list.as_ptr(), index);
        Bound::from_borrowed_ptr_or_opt(list.py(), item)
    }
}

/// An iterator that often has its next value ready.
pub trait QuickNext: PyClass<Frozen = True> + Sync {
    /// The next value, if it is ready: without running Python code, making or dropping an object, or panicking.
    fn quick_next<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>>;

    /// The place for what gives the next value where none is ready.
    fn usual() -> &'static Usual;
}

/// What `__next__()` is in PyO3's class.
#[derive(Debug)]
pub struct Usual(OnceLock<ffi::iternextfunc>);

impl Usual {
    /// Not known yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(OnceLock::new())
    }
}

/// Has `__next__()` of `class`, which is derived from `T`, ask [`QuickNext::quick_next`] first. To be called when the module is
/// made, before any class is derived from this one.
pub fn install<T: QuickNext>(class: &Bound<'_, PyType>) -> PyResult<()> {
    let method = class.getattr("__next__")?;
    let class_ptr = class.as_type_ptr();
    // SAFETY: a live type.
    let Some(usual) = (unsafe { (*class_ptr).tp_iternext }) else {
        return Ok(());
    };
    let quick: ffi::iternextfunc = next::<T>;
    // SAFETY: the type of a live object is compared with that of slot wrappers before the object is taken for one. It wraps
    // the very function that is replaced, by one with the same signature, while we are attached and before anybody can
    // have called it. Derived classes look into the wrapper for what to put into their own slot.
    unsafe {
        if ffi::Py_TYPE(method.as_ptr()) != &raw mut ffi::PyWrapperDescr_Type {
            return Ok(());
        }
        let wrapper = method.as_ptr().cast::<ffi::PyWrapperDescrObject>();
        let is_ours = ptr::eq((*wrapper).d_wrapped, usual as *mut c_void);
        if !is_ours || !class.is_subclass_of::<T>()? || T::usual().0.set(usual).is_err() {
            return Ok(());
        }
        (*class_ptr).tp_iternext = Some(quick);
        (*wrapper).d_wrapped = quick as *mut c_void;
        ffi::PyType_Modified(class_ptr);
    }
    Ok(())
}

unsafe extern "C" fn next<T: QuickNext>(slf: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls the slot of a class derived from `T`, with an object of that class, alive during the
    // call, in a thread that is attached.
    let ready = unsafe {
        let py = Python::assume_attached();
        let slf = Bound::ref_from_ptr(py, &slf).cast_unchecked::<T>();
        slf.get().quick_next(py)
    };
    match (ready, T::usual().0.get()) {
        (Some(value), _) => value.into_ptr(),
        // SAFETY: called as the interpreter would.
        (None, Some(usual)) => unsafe { usual(slf) },
        (None, None) => ptr::null_mut(),
    }
}
