//! Bytes, in whatever object they are.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::memory;

/// Appends the bytes of an object that has a buffer.
///
/// # Errors
/// TypeError if it has none, MemoryError.
pub(crate) fn append_buffer(value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<()> {
    let py = value.py();
    if let Ok(bytes) = value.cast::<PyBytes>() {
        memory::append(out, bytes.as_bytes())?;
    } else if let Ok(buffer) = PyBuffer::<u8>::get(value) {
        let start = out.len();
        memory::room(out, buffer.len_bytes())?;
        out.resize(start + buffer.len_bytes(), 0);
        buffer.copy_to_slice(py, &mut out[start..])?;
    } else {
        // Items of another size or not contiguous: let Python put them in order.
        let view = PyMemoryView::from(value)?;
        let bytes = view.call_method0("tobytes")?;
        memory::append(out, bytes.cast::<PyBytes>()?.as_bytes())?;
    }
    Ok(())
}

/// The bytes of an object that has a buffer.
///
/// # Errors
/// As [`append_buffer`].
pub fn bytes_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    append_buffer(value, &mut out)?;
    Ok(out)
}
