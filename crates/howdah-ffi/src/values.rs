//! Python objects made or read in one step, where PyO3's way takes several.

use std::ffi::{c_int, c_long, c_longlong};
use std::ptr;

use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString, PyTuple, PyType};
use pyo3::{Borrowed, ffi};

/// A tuple of known length that is being filled from the left.
///
/// Dropped before [`finish`](Self::finish) it frees what it holds.
pub struct TupleBuilder<'py> {
    tuple: Bound<'py, PyTuple>,
    len: isize,
    filled: isize,
}

impl<'py> TupleBuilder<'py> {
    /// An empty one for `len` values.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
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

    /// An empty one for `len` values of a class derived from `tuple`, as `tuple.__new__()` would make it without a call.
    fn of_class(class: &Bound<'py, PyType>, len: usize) -> PyResult<Self> {
        let py = class.py();
        let len = isize::try_from(len).map_err(|_| PyMemoryError::new_err(()))?;
        let plain = py.get_type::<PyTuple>();
        let (derived, base) = (class.as_type_ptr(), plain.as_type_ptr());
        // SAFETY: both are types, which live as long as their references; fields that never change after creation are read.
        let alloc = unsafe {
            let same_size = (*derived).tp_basicsize == (*base).tp_basicsize
                && (*derived).tp_itemsize == (*base).tp_itemsize;
            let fits = same_size && ffi::PyType_IsSubtype(derived, base) != 0;
            (*derived).tp_alloc.filter(|_| fits)
        };
        let Some(alloc) = alloc else {
            let message = "the class of a row is no plain subclass of tuple";
            return Err(PyTypeError::new_err(message));
        };
        // SAFETY: the class has the layout of a tuple, and its allocator is called as tuple.__new__ calls it, with the number
        // of items: it makes a tuple with room for them, all null, or gives null with an exception set.
        let tuple =
            unsafe { Bound::from_owned_ptr_or_err(py, alloc(derived, len))?.cast_into_unchecked() };
        Ok(Self {
            tuple,
            len,
            filled: 0,
        })
    }

    /// Puts `value` into the next place; a value too many is dropped.
    #[inline]
    pub fn push(&mut self, value: Bound<'py, PyAny>) {
        if self.filled < self.len {
            // SAFETY: the index is below the length, the place is still empty, the tuple is not shared yet, and
            // SET_ITEM takes over the reference that into_ptr gives up.
            unsafe { ffi::PyTuple_SET_ITEM(self.tuple.as_ptr(), self.filled, value.into_ptr()) };
            self.filled += 1;
        }
    }

    /// The tuple; places that were not filled are None.
    #[inline]
    pub fn finish(mut self) -> Bound<'py, PyTuple> {
        while self.filled < self.len {
            self.push(self.tuple.py().None().into_bound(self.tuple.py()));
        }
        self.tuple
    }
}

/// A tuple as [`TupleBuilder`] makes it, hidden from the garbage collector if nothing in it can be part of a cycle.
///
/// The collector itself hides such a tuple, but only once it has looked at it and all that is in it.
pub struct RowBuilder<'py> {
    tuple: TupleBuilder<'py>,
    has_containers: bool,
}

impl<'py> RowBuilder<'py> {
    /// An empty one for `len` values.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
        Ok(Self {
            tuple: TupleBuilder::new(py, len)?,
            has_containers: false,
        })
    }

    /// The same of a class derived from `tuple` that adds nothing to its instances, such as a named tuple's.
    ///
    /// # Errors
    /// TypeError for any other class; MemoryError.
    #[inline]
    pub fn of_class(class: &Bound<'py, PyType>, len: usize) -> PyResult<Self> {
        Ok(Self {
            tuple: TupleBuilder::of_class(class, len)?,
            has_containers: false,
        })
    }

    /// Puts `value` into the next place; a value too many is dropped.
    #[inline]
    pub fn push(&mut self, value: Bound<'py, PyAny>) {
        // SAFETY: a live object; flags of its type are read.
        self.has_containers |= unsafe { ffi::PyObject_IS_GC(value.as_ptr()) } != 0;
        self.tuple.push(value);
    }

    /// Puts in a value that refers to no other: a str, a number, None.
    #[inline]
    pub fn push_plain(&mut self, value: Bound<'py, PyAny>) {
        self.tuple.push(value);
    }

    /// The tuple; places that were not filled are None.
    #[inline]
    pub fn finish(self) -> Bound<'py, PyTuple> {
        let tuple = self.tuple.finish();
        if !self.has_containers {
            // SAFETY: a live tuple that nobody else has seen; the empty tuple is not tracked, which the call allows. That a
            // derived one is not tracked keeps its class alive, no more.
            unsafe { ffi::PyObject_GC_UnTrack(tuple.as_ptr().cast()) };
        }
        tuple
    }
}

/// A list of known length that is being filled from the left; otherwise as [`TupleBuilder`].
pub struct ListBuilder<'py> {
    list: Bound<'py, PyList>,
    len: isize,
    filled: isize,
}

impl<'py> ListBuilder<'py> {
    /// An empty one for `len` values.
    ///
    /// # Errors
    /// MemoryError.
    #[inline]
    pub fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
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
    pub fn push(&mut self, value: Bound<'py, PyAny>) {
        if self.filled < self.len {
            // SAFETY: as in TupleBuilder::push.
            unsafe { ffi::PyList_SET_ITEM(self.list.as_ptr(), self.filled, value.into_ptr()) };
            self.filled += 1;
        }
    }

    /// The list; places that were not filled are None.
    #[inline]
    pub fn finish(mut self) -> Bound<'py, PyList> {
        while self.filled < self.len {
            self.push(self.list.py().None().into_bound(self.list.py()));
        }
        self.list
    }
}

/// A list of the values.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
pub fn list_of<'py>(
    py: Python<'py>,
    values: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut list = ListBuilder::new(py, values.len())?;
    for value in values {
        list.push(value);
    }
    Ok(list.finish())
}

/// A tuple of the values.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
pub fn tuple_of<'py>(
    py: Python<'py>,
    values: Vec<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let mut tuple = TupleBuilder::new(py, values.len())?;
    for value in values {
        tuple.push(value);
    }
    Ok(tuple.finish())
}

/// Bytes.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
#[inline]
pub fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let len = data.len().cast_signed();
    // SAFETY: pointer and length are those of a slice, whose bytes are copied; a new reference to a bytes object or null
    // with an exception set comes back.
    unsafe {
        let made = ffi::PyBytes_FromStringAndSize(data.as_ptr().cast(), len);
        Ok(Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked())
    }
}

/// Pieces of bytes one behind the other, `size` in all.
///
/// # Errors
/// MemoryError.
pub fn joined<'py, 'a>(
    py: Python<'py>,
    size: usize,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, size, |mut room| {
        for piece in pieces {
            let Some((place, behind)) = room.split_at_mut_checked(piece.len()) else {
                break;
            };
            place.copy_from_slice(piece);
            room = behind;
        }
        Ok(())
    })
}

/// An empty dictionary.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
#[inline]
pub fn dict(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    // SAFETY: a new reference to a dictionary or null with an exception set.
    unsafe { Ok(Bound::from_owned_ptr_or_err(py, ffi::PyDict_New())?.cast_into_unchecked()) }
}

/// A float.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
#[inline]
pub fn float(py: Python<'_>, value: f64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: a new reference or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyFloat_FromDouble(value)) }
}

/// An int.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
#[inline]
pub fn int(py: Python<'_>, value: i64) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: a new reference or null with an exception set.
    unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromLongLong(value)) }
}

/// An int of up to 128 bits.
///
/// # Errors
/// MemoryError, where PyO3's way panics.
#[inline]
pub fn wide_int(py: Python<'_>, value: u128) -> PyResult<Bound<'_, PyAny>> {
    // The interpreter has no function for it that all versions have. So that PyO3's does not fail, an object of about the
    // same size is made and freed before: its place is the next that is given out.
    const LARGEST: usize = 16;
    drop(bytes(py, &[0; LARGEST])?);
    Ok(value.into_pyobject(py)?.into_any())
}

/// A str from UTF-8 bytes.
///
/// # Errors
/// UnicodeDecodeError.
#[inline]
pub fn str_from_utf8<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyString>> {
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

/// An int; `None` if there is no memory for it.
#[inline]
pub fn quick_int(py: Python<'_>, value: i64) -> Option<Bound<'_, PyAny>> {
    let value = c_long::try_from(value).ok()?;
    // SAFETY: a new reference or null with an exception set.
    quick(py, unsafe { ffi::PyLong_FromLong(value) })
}

/// A float; `None` if there is no memory for it.
#[inline]
pub fn quick_float(py: Python<'_>, value: f64) -> Option<Bound<'_, PyAny>> {
    // SAFETY: a new reference or null with an exception set.
    quick(py, unsafe { ffi::PyFloat_FromDouble(value) })
}

/// A str from ASCII characters; `None` if they are others, or if there is no memory for it.
#[inline]
pub fn quick_ascii<'py>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    match data.len() {
        4..=8 => return short_ascii::<4>(py, data),
        9..=16 => return short_ascii::<8>(py, data),
        _ => {}
    }
    if !data.is_ascii() {
        return None;
    }
    if let [_] = data {
        // SAFETY: one byte that stands for its own code point; a new reference or null with an exception set.
        return quick(py, unsafe {
            ffi::PyUnicode_FromKindAndData(
                ffi::PyUnicode_1BYTE_KIND.cast_signed(),
                data.as_ptr().cast(),
                1,
            )
        });
    }
    str_from_ascii(py, data).ok().map(Bound::into_any)
}

/// The same for `N` to twice as many bytes, of which the first and the last `N` are all: without calls for so few.
#[inline]
fn short_ascii<'py, const N: usize>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    let (first, last) = (data.first_chunk::<N>()?, data.last_chunk::<N>()?);
    if !first
        .iter()
        .chain(last)
        .fold(0, |all, byte| all | byte)
        .is_ascii()
    {
        return None;
    }
    // SAFETY: as in `str_from_ascii`; both parts lie within the characters, of which there are at least N.
    unsafe {
        let made = quick(py, ffi::PyUnicode_New(data.len().cast_signed(), 127))?;
        let target = ffi::PyUnicode_1BYTE_DATA(made.as_ptr());
        ptr::copy_nonoverlapping(first.as_ptr(), target, N);
        let rest = target.add(data.len().saturating_sub(N));
        ptr::copy_nonoverlapping(last.as_ptr(), rest, N);
        Some(made)
    }
}

/// The object behind a new reference.
#[inline]
fn quick(py: Python<'_>, object: *mut ffi::PyObject) -> Option<Bound<'_, PyAny>> {
    // SAFETY: callers pass a new reference, or null with an exception set.
    let object = unsafe { Bound::from_owned_ptr_or_opt(py, object) };
    if object.is_none() {
        drop(PyErr::take(py));
    }
    object
}

/// The value of an int, `None` if it does not fit.
#[inline]
pub fn int_as_i64(value: Borrowed<'_, '_, PyInt>) -> Option<i64> {
    let mut overflow: c_int = 0;
    // SAFETY: the object is an int, for which the call cannot fail but by overflow.
    let value: c_longlong =
        unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    (overflow == 0).then_some(value)
}

/// Has the processor fetch what it will soon read of the rows of a list, of which `next` is to be read now: a program that reads
/// millions of small objects otherwise waits for memory most of the time.
#[inline]
pub fn expect_rows(rows: &Bound<'_, PyList>, next: usize) {
    #[cfg(target_arch = "x86_64")]
    if crate::HAS_GIL {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // How far ahead: the head of a row, which tells where its values are, and then their heads.
        const ROW: usize = 16;
        const VALUES: usize = 8;
        let len = rows.len();
        // SAFETY: the indices are below the lengths, and the interpreter's lock is held, so that what lies there is alive. A hint
        // reads nothing.
        unsafe {
            if next + ROW < len {
                let row = ffi::PyList_GET_ITEM(rows.as_ptr(), (next + ROW).cast_signed());
                _mm_prefetch::<_MM_HINT_T0>(row.cast());
            }
            if next + VALUES < len {
                let row = ffi::PyList_GET_ITEM(rows.as_ptr(), (next + VALUES).cast_signed());
                if ffi::PyTuple_CheckExact(row) != 0 {
                    for index in 0..ffi::PyTuple_GET_SIZE(row) {
                        _mm_prefetch::<_MM_HINT_T0>(ffi::PyTuple_GET_ITEM(row, index).cast());
                    }
                }
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (rows, next);
}
