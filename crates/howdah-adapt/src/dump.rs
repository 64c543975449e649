//! Parameters: Python values to bytes.

mod adapter;
pub(super) mod by_codec;
mod datetime;
mod hstore;
mod json;
mod list;
mod mixture;
mod network;
mod number;
mod plan;
mod range;
mod record;
mod scalar;
mod structured;
mod written;

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;

use crate::buffer::append_buffer;
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::memory;
use crate::types::Kind;
pub(super) use adapter::Adapter;
pub(super) use json::class_function;
use plan::DumperPlan;
pub(crate) use scalar::float_text;
use written::NULL;

/// Appends `value` to `out` and says as what.
///
/// The plan is chosen by the exact class, else by the first known class among its bases, and what the user has
/// registered goes first. The OID is the one that psycopg 3 gives for the same value and placeholder, because the
/// server resolves functions and operators by it.
///
/// # Errors
/// ProgrammingError for a class that cannot be sent, DataError for a value that cannot; whatever the value's own
/// methods raise. `out` may then hold part of the value.
#[inline]
pub fn dump(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    DumperPlan::find(value, want, cx)?.dump(value, want, out, cx)
}

/// Appends `value` as one of a type, whatever its class.
///
/// # Errors
/// ProgrammingError if no dumper is registered for the type; those of [`dump`].
pub(super) fn dump_as_type(
    value: &Bound<'_, PyAny>,
    oid: u32,
    format: Format,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    if value.is_none() {
        return Ok(NULL);
    }
    let py = value.py();
    let plan = DumperPlan::by_oid(py, oid, format, cx.adapters(py)?)?;
    let want = match format {
        Format::Text => PyFormat::Text,
        Format::Binary => PyFormat::Binary,
    };
    plan.dump(value, want, out, cx)
}

fn dump_as(
    kind: Kind,
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    match kind {
        Kind::Null => Ok(NULL),
        Kind::Str => scalar::str(value, want, out, cx),
        Kind::Int => scalar::int(value, want, out),
        Kind::Bool => scalar::bool(value, want, out),
        Kind::Float => scalar::float(value, want, out),
        Kind::Bytes => scalar::bytes(value, want, out),
        Kind::Buffer => scalar::buffer(value, want, out),
        Kind::Binary => scalar::buffer(&value.getattr("obj")?, want, out),
        Kind::Decimal => scalar::decimal(value, want, out),
        Kind::Uuid => scalar::uuid(value, want, out),
        Kind::Enum => scalar::enumeration(value, want, out, cx),
        Kind::Date => datetime::date(value, want, out),
        Kind::Time => datetime::time(value, want, out),
        Kind::DateTime => datetime::datetime(value, want, out),
        Kind::Delta => datetime::timedelta(value, want, out, cx),
        Kind::Json => json::json(value, oid::JSON, want, out, cx),
        Kind::Jsonb => json::json(value, oid::JSONB, want, out, cx),
        Kind::List => list::list(value.cast()?, want, out, cx),
        Kind::Tuple => record::tuple(value, want, out, cx),
        Kind::Number(oid) => number::number(value, oid, want, out),
        Kind::Numpy(oid) => number::numpy(value, oid, want, out),
        Kind::Address => network::address(value, want, out),
        Kind::Interface => network::interface(value, want, out),
        Kind::Network => network::network(value, want, out),
        Kind::Range => range::plain(value, false, want, out, cx),
        Kind::RangeOf(oid) => range::typed(value, oid, false, want, out, cx),
        Kind::Multirange => range::plain(value, true, want, out, cx),
        Kind::MultirangeOf(oid) => range::typed(value, oid, true, want, out, cx),
    }
}

impl DumperPlan<'_> {
    pub(super) fn dump(
        &self,
        value: &Bound<'_, PyAny>,
        want: PyFormat,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<Written> {
        memory::room(out, 0)?;
        match self {
            Self::Kind(kind) => dump_as(*kind, value, want, out, cx),
            Self::Null(oid) => Ok(Written { oid: *oid, ..NULL }),
            Self::Builtin(entry) | Self::Settled(entry) => {
                let is_settled = matches!(self, Self::Settled(_));
                let adapter = Adapter::of_entry(entry, is_settled)?;
                by_codec::dump(&adapter, value, out, cx)
            }
            Self::Object(dumper) => called(dumper, value, out, cx),
        }
    }

    /// The OID that a value is sent with.
    pub(super) fn oid(
        &self,
        value: &Bound<'_, PyAny>,
        want: PyFormat,
        cx: &DumpContext<'_>,
    ) -> PyResult<u32> {
        if let Self::Object(dumper) = self {
            return dumper.getattr(intern!(value.py(), "oid"))?.extract();
        }
        if let Self::Builtin(entry) | Self::Settled(entry) = self {
            let is_settled = matches!(self, Self::Settled(_));
            let adapter = Adapter::of_entry(entry, is_settled)?;
            if let Some(oid) = adapter.fixed_oid() {
                return Ok(oid);
            }
        }
        let written = self.dump(value, want, &mut Vec::new(), &cx.in_utf8())?;
        Ok(written.oid)
    }

    /// Dumps one of several values that are of one type: the value may not have another.
    pub(super) fn dump_typed(
        &self,
        value: &Bound<'_, PyAny>,
        oid: u32,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<IsNull> {
        if value.is_none() {
            return Ok(IsNull::Yes);
        }
        let written = self.dump(value, PyFormat::Text, out, cx)?;
        if written.format == Format::Binary && written.oid != oid && oid != 0 {
            let name = value.get_type().name()?;
            let message = format!("cannot send a value of type {name} as the type with oid {oid}");
            return Err(error::data(value.py(), &message));
        }
        Ok(written.null)
    }
}

/// What a dumper's method gives.
fn called(
    dumper: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let dumped = dumper.call_method1(intern!(py, "dump"), (value,))?;
    let format: i16 = dumper.getattr(intern!(py, "format"))?.extract()?;
    let mut written = Written {
        oid: dumper.getattr(intern!(py, "oid"))?.extract()?,
        format: Format::from_code(format)
            .ok_or_else(|| error::data(py, &format!("bad format of a dumper: {format}")))?,
        null: IsNull::No,
    };
    if dumped.is_none() {
        written.null = IsNull::Yes;
    } else if written.format == Format::Text {
        cx.append_encoded(py, out, |out| append_buffer(&dumped, out))?;
    } else {
        append_buffer(&dumped, out)?;
    }
    Ok(written)
}
