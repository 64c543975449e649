//! `Json` and `Jsonb`.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::IsNull;
use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::written::{as_binary, as_text};
use crate::buffer::append_buffer;
use crate::context::DumpContext;
use crate::format::PyFormat;
use crate::imports;
use crate::types::Kind;

/// The format that a binary `jsonb` starts with; there is no other.
const JSONB_VERSION: u8 = 1;

/// What the wrapper's `dumps`, else the one of `set_json_dumps()`, makes of its object; None becomes NULL.
pub(super) fn json(
    value: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let own = value.getattr(intern!(value.py(), "dumps"))?;
    let dumps = if own.is_truthy()? {
        own
    } else {
        default_dumps(value.py())?
    };
    let dumped = dumps.call1((value.getattr(intern!(value.py(), "obj"))?,))?;
    append(&dumped, oid, want, out, cx)
}

/// The same by a function of a dumper's, if it has one; for any object that is to become JSON.
pub(super) fn json_by<'py>(
    value: &Bound<'py, PyAny>,
    oid: u32,
    mut dumps: Option<Bound<'py, PyAny>>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let kind = Kind::of(value)?;
    let wrapped = matches!(kind, Some(Kind::Json | Kind::Jsonb));
    let mut object = value.clone();
    if wrapped {
        let own = value.getattr(intern!(py, "dumps"))?;
        if own.is_truthy()? {
            dumps = Some(own);
        }
        object = value.getattr(intern!(py, "obj"))?;
    }
    let dumps = match dumps {
        Some(dumps) => dumps,
        None => default_dumps(py)?,
    };
    append(&dumps.call1((object,))?, oid, want, out, cx)
}

/// A function that a class or a base of it has as an attribute, and not as a method; `None` if that is None.
pub(crate) fn class_function<'py>(
    class: &Bound<'py, PyType>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    for base in class.mro() {
        let attributes = base.getattr(intern!(class.py(), "__dict__"))?;
        if attributes.contains(name)? {
            let found = attributes.get_item(name)?;
            return Ok((!found.is_none()).then_some(found));
        }
    }
    Ok(None)
}

fn default_dumps(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    imports::JSON_HOOKS.get(py)?.get_item(intern!(py, "_dumps"))
}

fn append(
    dumped: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
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
        Err(_) => append_buffer(dumped, out)?,
    }
    Ok(written)
}
