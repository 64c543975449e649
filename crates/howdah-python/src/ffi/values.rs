//! Python objects made or read in one step, where PyO3's way takes several.

use std::ffi::{c_int, c_longlong};
use std::ptr;

use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, ffi};

/// A tuple of known length that is being filled from the left.
///
/// Dropped before [`finish`](Self::finish) it frees what it holds.
pub(crate) struct TupleBuilder<'py> {
    tuple: Bound<'py, PyTuple>,
    len: isize,
    filled: isize,
}

impl<'py> TupleBuilder<'py> {
    #[inline]
    pub(crate) fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
        let len = isize::try_from(len).map_err(|_| PyMemoryError::new_err(()))?;
        // SAFETY: a new reference or null with an exception set, and the object is a tuple.
        let tuple = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyTuple_New(len))?.cast_into_unchecked()
        };
        Ok(Self {
            tuple,
            len,
            filled: 0,
        })
    }

    /// Puts `value` into the next place; a value too many is dropped.
    #[inline]
    pub(crate) fn push(&mut self, value: Bound<'py, PyAny>) {
        if self.filled < self.len {
            // SAFETY: the index is below the length, the place is still empty, the tuple is not shared yet, and
            // SET_ITEM takes over the reference that into_ptr gives up.
            unsafe { ffi::PyTuple_SET_ITEM(self.tuple.as_ptr(), self.filled, value.into_ptr()) };
            self.filled += 1;
        }
    }

    /// The tuple; places that were not filled are None.
    #[inline]
    pub(crate) fn finish(mut self) -> Bound<'py, PyTuple> {
        while self.filled < self.len {
            self.push(self.tuple.py().None().into_bound(self.tuple.py()));
        }
        self.tuple
    }
}

/// A list of known length that is being filled from the left; otherwise as [`TupleBuilder`].
pub(crate) struct ListBuilder<'py> {
    list: Bound<'py, PyList>,
    len: isize,
    filled: isize,
}

impl<'py> ListBuilder<'py> {
    #[inline]
    pub(crate) fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
        let len = isize::try_from(len).map_err(|_| PyMemoryError::new_err(()))?;
        // SAFETY: a new reference or null with an exception set, and the object is a list.
        let list = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyList_New(len))?.cast_into_unchecked()
        };
        Ok(Self {
            list,
            len,
            filled: 0,
        })
    }

    /// Puts `value` into the next place; a value too many is dropped.
    #[inline]
    pub(crate) fn push(&mut self, value: Bound<'py, PyAny>) {
        if self.filled < self.len {
            // SAFETY: as in TupleBuilder::push.
            unsafe { ffi::PyList_SET_ITEM(self.list.as_ptr(), self.filled, value.into_ptr()) };
            self.filled += 1;
        }
    }

    /// The list; places that were not filled are None.
    #[inline]
    pub(crate) fn finish(mut self) -> Bound<'py, PyList> {
        while self.filled < self.len {
            self.push(self.list.py().None().into_bound(self.list.py()));
        }
        self.list
    }
}

/// A str from UTF-8 bytes.
///
/// # Errors
/// UnicodeDecodeError.
#[inline]
pub(crate) fn str_from_utf8<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // One character: the interpreter has those ready.
    if data.len() > 1 && data.is_ascii() {
        return str_from_ascii(py, data);
    }
    let len = data.len().cast_signed();
    // SAFETY: pointer and length are those of a slice, which is never longer than isize::MAX; null stands for
    // strict error handling; a new reference to a str or null with an exception set comes back.
    unsafe {
        let decoded = ffi::PyUnicode_DecodeUTF8(data.as_ptr().cast(), len, ptr::null());
        Ok(Bound::from_owned_ptr_or_err(py, decoded)?.cast_into_unchecked())
    }
}

#[inline]
fn str_from_ascii<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyString>> {
    // SAFETY: a str made for code points up to 127 has one writable byte for each character, nobody else has seen
    // it yet, and all bytes of the slice are below 128.
    unsafe {
        let made = ffi::PyUnicode_New(data.len().cast_signed(), 127);
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        let target = ffi::PyUnicode_1BYTE_DATA(made.as_ptr());
        ptr::copy_nonoverlapping(data.as_ptr(), target, data.len());
        Ok(made.cast_into_unchecked())
    }
}

/// The value of an int, `None` if it does not fit.
#[inline]
pub(crate) fn int_as_i64(value: Borrowed<'_, '_, PyInt>) -> Option<i64> {
    let mut overflow: c_int = 0;
    // SAFETY: the object is an int, for which the call cannot fail but by overflow.
    let value: c_longlong =
        unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// What `object.__new__(cls)` gives: an instance whose `__init__` has not run.
///
/// # Errors
/// TypeError if the class has a constructor of its own, which must not be passed by.
#[inline]
pub(crate) fn bare_instance<'py>(cls: &Bound<'py, PyType>) -> PyResult<Bound<'py, PyAny>> {
    let py = cls.py();
    let type_ptr = cls.as_type_ptr();
    // SAFETY: both pointers are to live type objects, whose slot does not change behind the interpreter's back;
    // the arguments are an empty tuple and no keywords; a new reference or null with an exception set comes back.
    unsafe {
        let base = ffi::PyBaseObject_Type.tp_new;
        match (base, (*type_ptr).tp_new) {
            (Some(base), Some(own)) if ptr::fn_addr_eq(base, own) => {
                let args = PyTuple::empty(py);
                let made = base(type_ptr, args.as_ptr(), ptr::null_mut());
                Bound::from_owned_ptr_or_err(py, made)
            }
            _ => Err(PyTypeError::new_err("the class has its own __new__")),
        }
    }
}

/// What `object.__setattr__(target, name, value)` does: the class's own `__setattr__` is passed by.
///
/// # Errors
/// AttributeError if there is no such attribute.
#[inline]
pub(crate) fn set_plain_attribute(
    target: &Bound<'_, PyAny>,
    name: &Bound<'_, PyString>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    // SAFETY: three live objects, borrowed for the call; -1 comes with an exception set.
    let done =
        unsafe { ffi::PyObject_GenericSetAttr(target.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if done == -1 {
        return Err(PyErr::fetch(target.py()));
    }
    Ok(())
}
