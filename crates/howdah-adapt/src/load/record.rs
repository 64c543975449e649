//! Records: in text the fields are strings, in binary they come with their types.

use howdah_protocol::wire::Format;
use howdah_types::composite::{CompositeBinary, CompositeText};
use howdah_types::oid;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::registered;
use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;
use crate::nested::Nested;
use howdah_ffi::values::TupleBuilder;

/// A tuple of str and None; of bytes if the encoding is SQL_ASCII.
pub(super) fn text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let loader = registered::find(py, oid::TEXT, Format::Text, cx)?;
    text_fields(py, data, cx, |_, field, cx| loader.load(py, field, cx))
}

/// A tuple of what `load` makes of the fields; it is told their numbers.
pub(super) fn text_fields<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
    load: impl Fn(usize, &[u8], &LoadContext<'_>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter()?;
    let decoded;
    let (data, cx) = if matches!(cx.encoding, Encoding::Utf8 | Encoding::SqlAscii) {
        (data, *cx)
    } else {
        // In some encodings a byte of a character looks like a backslash or a bracket.
        decoded = cx.encoding.decode(py, data)?;
        (
            decoded.cast::<PyString>()?.to_str()?.as_bytes(),
            cx.in_utf8(),
        )
    };
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeText::new(data).map_err(bad)?;
    let mut values = Vec::new();
    let mut scratch = Vec::new();
    while let Some(field) = fields.next_field().map_err(bad)? {
        values.push(match field {
            Some(field) => load(values.len(), field.bytes(&mut scratch), &cx)?,
            None => py.None().into_bound(py),
        });
    }
    Ok(PyTuple::new(py, values)?.into_any())
}

/// A tuple of what the binary loaders make of the fields.
///
/// # Errors
/// RecursionError besides those of the fields: a peer can nest records as deep as its message is long.
pub(super) fn binary<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter()?;
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeBinary::new(data).map_err(bad)?;
    let mut tuple = TupleBuilder::new(py, fields.remaining())?;
    while let Some((oid, field)) = fields.next_field().map_err(bad)? {
        tuple.push(match field {
            Some(field) => registered::find(py, oid, Format::Binary, cx)?.load(py, field, cx)?,
            None => py.None().into_bound(py),
        });
    }
    Ok(tuple.finish().into_any())
}
