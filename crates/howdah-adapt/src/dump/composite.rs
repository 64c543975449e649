//! Objects of a class that was registered for a composite type.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::composite::{begin_binary, begin_field};
use howdah_types::length;
use pyo3::intern;
use pyo3::prelude::*;

use super::by_codec::{Adapter, adaptation};
use super::way::Way;
use super::{record, structured};
use crate::context::DumpContext;
use crate::error;
use crate::nested::Nested;

/// In text the values say what they are, in binary the fields do.
///
/// # Errors
/// DataError if in binary there are more or fewer values than fields.
pub(super) fn composite(
    adapter: &Adapter<'_>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let info = adapter.class.getattr(intern!(py, "info"))?;
    let make_sequence = adapter.class.getattr(intern!(py, "make_sequence"))?;
    let values = make_sequence.call1((value, &info))?;
    let values: Vec<Bound<'_, PyAny>> = values.try_iter()?.collect::<PyResult<_>>()?;
    let _nested = Nested::enter()?;
    if adapter.format == Format::Text {
        structured::write(py, out, cx, |out, cx| {
            record::write_fields(&values, out, cx)
        })?;
        return Ok(adapter.written());
    }
    let types: Vec<u32> = info.getattr(intern!(py, "field_types"))?.extract()?;
    if types.len() != values.len() {
        let message = format!(
            "expected {} values in row, got {}",
            types.len(),
            values.len()
        );
        return Err(error::data(py, &message));
    }
    begin_binary(out, types.len()).map_err(|e| error::encode(py, e))?;
    let adaptation = adaptation(py, cx)?;
    for (oid, value) in types.into_iter().zip(&values) {
        let mark = begin_field(out, oid);
        let way = Way::by_oid(py, oid, Format::Binary, adaptation)?;
        match way.dump_typed(value, oid, out, cx)? {
            IsNull::Yes => length::end_null(out, mark),
            IsNull::No => length::end(out, mark).map_err(|e| error::encode(py, e))?,
        }
    }
    Ok(adapter.written())
}
