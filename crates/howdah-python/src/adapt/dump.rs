//! Parameters: Python values to bytes.

mod datetime;
mod json;
mod list;
mod network;
mod number;
mod range;
mod record;
mod scalar;
mod structured;

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::oid;
use pyo3::prelude::*;

use super::context::DumpContext;
use super::error;
use super::types::Kind;

/// The format that a placeholder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PyFormat {
    /// `%s`: whatever suits the type.
    Auto,
    /// `%t`
    Text,
    /// `%b`
    Binary,
}

impl PyFormat {
    /// The letter of the placeholder and the name of the member of `howdah.adapt.PyFormat`.
    pub(super) const fn names(self) -> (char, &'static str) {
        match self {
            Self::Auto => ('s', "AUTO"),
            Self::Text => ('t', "TEXT"),
            Self::Binary => ('b', "BINARY"),
        }
    }
}

/// Appends `value` to `out` and says as what.
///
/// The way is chosen by the exact class, else by the first known class among its bases. The OID is the one that
/// psycopg 3 gives for the same value and placeholder, because the server resolves functions and operators by it.
///
/// # Errors
/// ProgrammingError for a class that cannot be sent, DataError for a value that cannot; whatever the value's own
/// methods raise. `out` may then hold part of the value.
#[inline]
pub(crate) fn dump(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext,
) -> PyResult<Written> {
    match Kind::of(value)? {
        Some(kind) => dump_as(kind, value, want, out, cx),
        None => Err(error::cannot_adapt(value, want)),
    }
}

fn dump_as(
    kind: Kind,
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext,
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
        Kind::Delta => datetime::timedelta(value, want, out),
        Kind::Json => json::json(value, oid::JSON, want, out, cx),
        Kind::Jsonb => json::json(value, oid::JSONB, want, out, cx),
        Kind::List => list::list(value.cast()?, want, out, cx),
        Kind::Tuple => record::tuple(value, want, out, cx),
        Kind::Number(oid) => number::number(value, oid, want, out),
        Kind::Numpy(oid) => number::numpy(value, oid, want, out),
        Kind::Address => network::address(value, want, out),
        Kind::Interface => network::interface(value, want, out),
        Kind::Network => network::network(value, want, out),
        Kind::Range => range::range(value, want, out, cx),
        Kind::RangeOf(oid) => range::range_of(value, oid, want, out, cx),
        Kind::Multirange => range::multirange(value, want, out, cx),
        Kind::MultirangeOf(oid) => range::multirange_of(value, oid, want, out, cx),
    }
}

const fn as_text(oid: u32) -> Written {
    Written {
        oid,
        format: Format::Text,
        null: IsNull::No,
    }
}

const fn as_binary(oid: u32) -> Written {
    Written {
        oid,
        format: Format::Binary,
        null: IsNull::No,
    }
}

const NULL: Written = Written {
    oid: 0,
    format: Format::Text,
    null: IsNull::Yes,
};
