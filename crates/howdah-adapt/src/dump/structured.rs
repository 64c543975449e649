//! Text with text in it: arrays, ranges, records.

use pyo3::prelude::*;

use crate::context::DumpContext;
use crate::encoding::Encoding;
use howdah_ffi::values::str_from_utf8;

/// Appends what `write` writes.
///
/// In UTF-8 first: in some encodings a byte of a character looks like a backslash or a brace.
pub(super) fn write(
    py: Python<'_>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
    write: impl FnOnce(&mut Vec<u8>, &DumpContext<'_>) -> PyResult<()>,
) -> PyResult<()> {
    if matches!(cx.encoding, Encoding::Utf8 | Encoding::SqlAscii) {
        return write(out, cx);
    }
    let mut text = Vec::new();
    write(&mut text, &cx.in_utf8())?;
    cx.encoding.encode(&str_from_utf8(py, &text)?, out)
}
