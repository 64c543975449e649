//! Parameters: Python values to bytes.

pub(super) mod by_codec;
mod composite;
mod datetime;
mod hstore;
mod json;
mod list;
mod network;
mod number;
mod range;
mod record;
mod scalar;
mod structured;
mod way;

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use howdah_types::oid;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::context::DumpContext;
use super::types::Kind;
pub(super) use json::class_function;
pub(super) use scalar::append_buffer;
use way::Way;

/// The format that a placeholder asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PyFormat {
    /// `%s`: whatever suits the type.
    Auto,
    /// `%t`
    Text,
    /// `%b`
    Binary,
}

impl PyFormat {
    /// From a member of `howdah.adapt.PyFormat`.
    ///
    /// # Errors
    /// ValueError for anything else.
    pub(super) fn extract(format: &Bound<'_, PyAny>) -> PyResult<Self> {
        let letter = format.cast::<PyString>().ok().map(|text| text.to_str());
        match letter.transpose()? {
            Some("s") => Ok(Self::Auto),
            Some("t") => Ok(Self::Text),
            Some("b") => Ok(Self::Binary),
            _ => Err(PyValueError::new_err(format!(
                "bad dumper format: {format}"
            ))),
        }
    }

    /// Its place in a table.
    pub(super) const fn number(self) -> usize {
        match self {
            Self::Auto => 0,
            Self::Text => 1,
            Self::Binary => 2,
        }
    }

    /// The member of `howdah.adapt.PyFormat`.
    ///
    /// # Errors
    /// ImportError.
    pub(super) fn member(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let name = self.names().1;
        py.import(intern!(py, "howdah._enums"))?
            .getattr(intern!(py, "PyFormat"))?
            .getattr(name)
    }

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
/// The way is chosen by the exact class, else by the first known class among its bases, and what the user has
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
    Way::find(value, want, cx)?.dump(value, want, out, cx)
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
