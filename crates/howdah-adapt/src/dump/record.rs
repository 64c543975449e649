//! Tuples: the text of a composite, without a type, so that the server decides by the context.
//!
//! Objects of a class that was registered for a composite type.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::composite::{begin_binary, begin_field, quote_field};
use howdah_types::length;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::adapter::Adapter;
use super::plan::DumperPlan;
use super::written::as_text;
use super::{dump, structured};
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::memory;
use crate::nested::Nested;

/// # Errors
/// ProgrammingError if binary is asked for: without a type there is none; RecursionError.
pub(super) fn tuple(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    fields(
        value,
        value.cast::<PyTuple>()?.iter().map(Ok),
        want,
        out,
        cx,
    )
}

/// The same for the items of anything.
pub(super) fn sequence(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    fields(value, value.try_iter()?, want, out, cx)
}

fn fields<'py>(
    value: &Bound<'py, PyAny>,
    items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    if want == PyFormat::Binary {
        return Err(error::cannot_adapt(value, want));
    }
    let values = memory::collect(items)?;
    let _nested = Nested::enter(value.py())?;
    structured::write(value.py(), out, cx, |out, cx| {
        write_fields(&values, out, cx)
    })?;
    Ok(as_text(0))
}

/// Appends the fields of a composite as text.
pub(super) fn write_fields(
    values: &[Bound<'_, PyAny>],
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<()> {
    out.push(b'(');
    for (number, item) in values.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        memory::room(out, 0)?;
        // No dumper is asked: in a record there is no type to be told.
        if item.is_none() {
            continue;
        }
        let start = out.len();
        let written = dump(item, PyFormat::Text, out, cx)?;
        if written.null == IsNull::Yes {
            out.truncate(start);
        } else if out.get(start..).is_some_and(needs_quotes) {
            memory::room_for_quotes(item.py(), out, start)?;
            quote_field(out, start);
        }
    }
    out.push(b')');
    Ok(())
}

/// The rule of `record_out`, narrower than the one for ranges: whoever reads a tuple without a type sees the quotes.
fn needs_quotes(field: &[u8]) -> bool {
    let special = |byte: &u8| {
        matches!(
            byte,
            b'"' | b'\\' | b',' | b'(' | b')' | b' ' | b'\t'..=b'\r'
        )
    };
    field.is_empty() || field.iter().any(special)
}

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
    let values = memory::collect(values.try_iter()?)?;
    let _nested = Nested::enter(value.py())?;
    if adapter.format == Format::Text {
        structured::write(py, out, cx, |out, cx| write_fields(&values, out, cx))?;
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
    let adaptation = cx.adapters(py)?;
    for (oid, value) in types.into_iter().zip(&values) {
        memory::room(out, 0)?;
        let mark = begin_field(out, oid);
        let plan = DumperPlan::by_oid(py, oid, Format::Binary, adaptation)?;
        match plan.dump_typed(value, oid, out, cx)? {
            IsNull::Yes => length::end_null(out, mark),
            IsNull::No => length::end(out, mark).map_err(|e| error::encode(py, e))?,
        }
    }
    Ok(adapter.written())
}
