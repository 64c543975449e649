//! Memory that values need while they are read and written: where there is none, MemoryError is raised.

use howdah_types::composite::{ElementText, Unquotable};
use howdah_types::memory::{FIXED, OutOfMemory};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use crate::error;

/// Makes room for `more` bytes behind those in `out`, and for what is short and written without asking.
///
/// # Errors
/// MemoryError.
#[inline]
pub fn room(out: &mut Vec<u8>, more: usize) -> PyResult<()> {
    reserve(out, more + FIXED)
}

/// Makes room for the quotes and escapes of the text that was appended since `out` had the length `start`.
///
/// # Errors
/// MemoryError; DataError that is also RecursionError, if that text is nothing but quotes of values nested in each other.
#[inline]
pub(crate) fn room_for_quotes(py: Python<'_>, out: &mut Vec<u8>, start: usize) -> PyResult<()> {
    let room = howdah_types::composite::room_for_quotes(out, start);
    room.map_err(|reason| unquotable(py, reason))
}

#[cold]
fn unquotable(py: Python<'_>, reason: Unquotable) -> PyErr {
    match reason {
        Unquotable::OutOfMemory => out_of_memory(OutOfMemory),
        Unquotable::TooDeep => error::too_deep(
            py,
            "too many nested values: their quotes double at each level",
        ),
    }
}

/// Appends bytes.
///
/// # Errors
/// MemoryError.
#[inline]
pub fn append(out: &mut Vec<u8>, bytes: &[u8]) -> PyResult<()> {
    room(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Makes room for so many items more.
///
/// # Errors
/// MemoryError.
#[inline]
pub fn reserve<T>(items: &mut Vec<T>, more: usize) -> PyResult<()> {
    howdah_types::memory::room(items, more).map_err(out_of_memory)
}

/// Appends an item.
///
/// # Errors
/// MemoryError.
#[inline]
pub fn push<T>(items: &mut Vec<T>, item: T) -> PyResult<()> {
    reserve(items, 1)?;
    items.push(item);
    Ok(())
}

/// The items of an iterator.
pub(crate) fn collect<T>(items: impl Iterator<Item = PyResult<T>>) -> PyResult<Vec<T>> {
    let mut collected = Vec::new();
    for item in items {
        push(&mut collected, item?)?;
    }
    Ok(collected)
}

/// An element's text without its escapes.
#[inline]
pub(crate) fn unescaped<'s, 'a: 's>(
    text: &ElementText<'a>,
    scratch: &'s mut Vec<u8>,
) -> PyResult<&'s [u8]> {
    text.try_bytes(scratch).map_err(out_of_memory)
}

#[cold]
pub(crate) fn out_of_memory(_: OutOfMemory) -> PyErr {
    PyMemoryError::new_err(())
}
