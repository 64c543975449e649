//! `hstore` to dictionaries of str, whose values may be None.

use howdah_types::hstore::{HstoreBinary, HstoreText};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;
use crate::memory;
use howdah_ffi::values::dict;

/// What has been decoded as `text` already; bytes, if that is not a str.
///
/// # Errors
/// DataError if it is malformed or not in the encoding.
pub(super) fn text<'py>(text: &Bound<'py, PyAny>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let py = text.py();
    let data = match text.cast::<PyString>() {
        Ok(text) => text.to_str()?.as_bytes(),
        Err(_) => data,
    };
    let bad = |e| error::decode(py, e, data);
    let mut pairs = HstoreText::new(data);
    let pairs_of = dict(py)?;
    let mut scratch = Vec::new();
    while let Some((key, value)) = pairs.next_pair().map_err(bad)? {
        let key = Encoding::Utf8.load(py, memory::unescaped(&key, &mut scratch)?)?;
        let value = match value {
            Some(value) => Encoding::Utf8.load(py, memory::unescaped(&value, &mut scratch)?)?,
            None => py.None().into_bound(py),
        };
        pairs_of.set_item(key, value)?;
    }
    Ok(pairs_of.into_any())
}

/// # Errors
/// DataError if it is malformed or not in the encoding.
pub(super) fn binary<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e| error::decode(py, e, data);
    let encoding = match cx.encoding {
        Encoding::SqlAscii => Encoding::Utf8,
        known => known,
    };
    let mut pairs = HstoreBinary::new(data).map_err(bad)?;
    let pairs_of = dict(py)?;
    while let Some((key, value)) = pairs.next_pair().map_err(bad)? {
        let value = match value {
            Some(value) => encoding.load(py, value)?,
            None => py.None().into_bound(py),
        };
        pairs_of.set_item(encoding.load(py, key)?, value)?;
    }
    Ok(pairs_of.into_any())
}
