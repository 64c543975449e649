//! Dictionaries of str to `hstore`.

use howdah_protocol::connection::Written;
use howdah_types::hstore::{begin_binary, pair_to_binary, pair_to_text};
use pyo3::prelude::*;
use pyo3::types::{PyAnyMethods, PyMapping, PyString};

use super::written::{as_binary, as_text};
use super::{scalar, structured};
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::memory;

/// # Errors
/// DataError unless all keys are str and all values str or None.
pub(super) fn hstore(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let pairs = pairs_of(value)?;
    if want != PyFormat::Binary {
        let start = out.len();
        structured::write(value.py(), out, cx, |out, _| write_text(&pairs, out))?;
        scalar::refuse_nul(value.py(), out.get(start..).unwrap_or_default())?;
        return Ok(as_text(0));
    }
    let py = value.py();
    begin_binary(out, pairs.len()).map_err(|e| error::encode(py, e))?;
    for (key, value) in &pairs {
        let mut encoded = Vec::new();
        cx.encoding.encode(key, &mut encoded)?;
        let split = encoded.len();
        if let Some(value) = value {
            cx.encoding.encode(value, &mut encoded)?;
        }
        let encoded_len = encoded.len();
        let (key, text) = encoded.split_at(split);
        memory::room(out, encoded_len)?;
        pair_to_binary(key, value.as_ref().map(|_| text), out).map_err(|e| error::encode(py, e))?;
    }
    Ok(as_binary(0))
}

type Pair<'py> = (Bound<'py, PyString>, Option<Bound<'py, PyString>>);

fn pairs_of<'py>(value: &Bound<'py, PyAny>) -> PyResult<Vec<Pair<'py>>> {
    let items = value.cast::<PyMapping>()?.items()?;
    memory::collect(items.iter().map(|item| {
        let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
        let key = text(&key, "keys")?;
        if value.is_none() {
            return Ok((key, None));
        }
        Ok((key, Some(text(&value, "values")?)))
    }))
}

fn text<'py>(value: &Bound<'py, PyAny>, what: &str) -> PyResult<Bound<'py, PyString>> {
    let refused = |_| error::data(value.py(), &format!("hstore {what} can only be strings"));
    value.cast::<PyString>().cloned().map_err(refused)
}

fn write_text(pairs: &[Pair<'_>], out: &mut Vec<u8>) -> PyResult<()> {
    for (number, (key, value)) in pairs.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        let key = key.to_str()?.as_bytes();
        let value = value.as_ref().map(|value| value.to_str()).transpose()?;
        let value = value.map(str::as_bytes);
        // Each character may need a backslash.
        memory::room(out, 2 * (key.len() + value.map_or(0, <[u8]>::len)))?;
        pair_to_text(key, value, out);
    }
    Ok(())
}
