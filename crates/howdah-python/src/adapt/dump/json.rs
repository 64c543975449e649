//! `Json` and `Jsonb`.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::IsNull;
use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{PyFormat, as_binary, as_text, scalar};
use crate::adapt::context::DumpContext;

/// The format that a binary `jsonb` starts with; there is no other.
const JSONB_VERSION: u8 = 1;

/// What the wrapper's `dumps`, else the one of `set_json_dumps()`, makes of its object; None becomes NULL.
pub(super) fn json(
    value: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext,
) -> PyResult<Written> {
    let py = value.py();
    let own = value.getattr(intern!(py, "dumps"))?;
    let dumps = if own.is_truthy()? {
        own
    } else {
        py.import(intern!(py, "howdah.types.json"))?
            .getattr(intern!(py, "_dumps"))?
    };
    let dumped = dumps.call1((value.getattr(intern!(py, "obj"))?,))?;
    let written = match want {
        PyFormat::Binary => as_binary(oid),
        PyFormat::Auto | PyFormat::Text => as_text(oid),
    };
    if dumped.is_none() {
        return Ok(Written {
            null: IsNull::Yes,
            ..written
        });
    }
    if want == PyFormat::Binary && oid == oid::JSONB {
        out.push(JSONB_VERSION);
    }
    match dumped.cast::<PyString>() {
        Ok(text) => cx.encoding.encode(text, out)?,
        Err(_) => scalar::append_buffer(&dumped, out)?,
    }
    Ok(written)
}
