//! Tuples: the text of a composite, without a type, so that the server decides by the context.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::IsNull;
use howdah_types::composite::quote_field;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::{PyFormat, as_text, dump, structured};
use crate::context::DumpContext;
use crate::error;
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
    let values: Vec<_> = items.collect::<PyResult<_>>()?;
    let _nested = Nested::enter()?;
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
        let start = out.len();
        let written = dump(item, PyFormat::Text, out, cx)?;
        if written.null == IsNull::Yes {
            out.truncate(start);
        } else if out.get(start..).is_some_and(needs_quotes) {
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
