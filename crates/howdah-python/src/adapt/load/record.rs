//! Records: in text the fields are strings, in binary they come with their types.

use howdah_types::composite::{CompositeBinary, CompositeText};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::Loader;
use crate::adapt::context::LoadContext;
use crate::adapt::encoding::Encoding;
use crate::adapt::error;
use crate::adapt::nested::Nested;
use crate::ffi::values::TupleBuilder;

/// A tuple of str and None; of bytes if the encoding is SQL_ASCII.
pub(super) fn text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext,
) -> PyResult<Bound<'py, PyAny>> {
    if matches!(cx.encoding, Encoding::Utf8 | Encoding::SqlAscii) {
        return plain_text(py, data, cx.encoding);
    }
    // In some encodings a byte of a character looks like a backslash or a bracket.
    let text = cx.encoding.decode(py, data)?;
    let text = text.cast::<PyString>()?;
    plain_text(py, text.to_str()?.as_bytes(), Encoding::Utf8)
}

fn plain_text<'py>(
    py: Python<'py>,
    data: &[u8],
    encoding: Encoding,
) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeText::new(data).map_err(bad)?;
    let mut values = Vec::new();
    let mut scratch = Vec::new();
    while let Some(field) = fields.next_field().map_err(bad)? {
        values.push(match field {
            Some(field) => encoding.decode(py, field.bytes(&mut scratch))?,
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
    cx: &LoadContext,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter()?;
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeBinary::new(data).map_err(bad)?;
    let mut tuple = TupleBuilder::new(py, fields.remaining())?;
    while let Some((oid, field)) = fields.next_field().map_err(bad)? {
        tuple.push(match field {
            Some(field) => Loader::for_binary(oid).load(py, field, cx)?,
            None => py.None().into_bound(py),
        });
    }
    Ok(tuple.finish().into_any())
}
