//! Results: bytes to Python values.

mod array;
mod choice;
mod datetime;
mod document;
mod enumeration;
mod hstore;
mod json;
mod network;
mod numeric;
mod range;
mod record;
mod registered;
mod row;
mod scalar;
mod zone;

use std::sync::Arc;

use howdah_protocol::wire::Format;
use howdah_types::oid::{self, TypeKind};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTzInfo;

use super::context::LoadContext;
pub(super) use choice::binary_is_equal;
use choice::element_of;
pub use registered::{LastLoaders, for_columns, for_types};
pub(super) use registered::{json_by, of_class};
pub use row::{load_dict, load_first, load_instance, load_row, load_rows};
pub(super) use zone::Zone;

/// How the values of one column are loaded; chosen once for a column.
#[derive(Debug, Clone)]
#[expect(
    missing_docs,
    reason = "each is named for the type and the format that it reads"
)]
pub enum Loader {
    /// str, in either format.
    Str,
    /// bytes as they came.
    Bytes,
    Bytea,
    Bool,
    BoolBinary,
    Int,
    Int2Binary,
    Int4Binary,
    Int8Binary,
    OidBinary,
    Float,
    Float4Binary,
    Float8Binary,
    Numeric,
    NumericBinary,
    Uuid,
    UuidBinary,
    Date,
    DateBinary,
    Time,
    TimeBinary,
    TimeTz,
    TimeTzBinary,
    Timestamp,
    TimestampBinary,
    TimestampTz,
    TimestampTzBinary,
    Interval,
    IntervalBinary,
    /// json in either format, jsonb in text.
    Json,
    JsonbBinary,
    Inet,
    InetBinary,
    Cidr,
    CidrBinary,
    /// A range with the loader of its bounds.
    Range(Box<Self>),
    RangeBinary(Box<Self>),
    Multirange(Box<Self>),
    MultirangeBinary(Box<Self>),
    Record,
    RecordBinary,
    Array(Box<array::TextElements>),
    ArrayBinary(Box<array::BinaryElements>),
    Composite(Arc<record::Composite>),
    CompositeBinary(Arc<record::Composite>),
    Enum(Arc<enumeration::Enumeration>),
    /// hstore with the loader of its text.
    Hstore(Box<Self>),
    HstoreBinary,
    /// json in either format and jsonb in text, parsed by a function of the user's.
    JsonBy(Arc<Py<PyAny>>),
    JsonbBinaryBy(Arc<Py<PyAny>>),
    /// The method `load` of a loader that is called.
    Python(Arc<Py<PyAny>>),
    /// Of a value that came in binary automatically, the text is loaded.
    ByText(u32, Box<Self>),
}

impl Loader {
    /// The default loader for a type and a format, as in psycopg 3.
    ///
    /// A type that is not known loads as str from text and as bytes from binary.
    fn by_default(oid: u32, format: Format) -> Self {
        match format {
            Format::Text => Self::for_text(oid),
            Format::Binary => Self::for_binary(oid),
        }
    }

    fn for_text(oid: u32) -> Self {
        match oid {
            oid::BYTEA => Self::Bytea,
            oid::BOOL => Self::Bool,
            oid::INT2 | oid::INT4 | oid::INT8 | oid::OID => Self::Int,
            oid::FLOAT4 | oid::FLOAT8 => Self::Float,
            oid::NUMERIC => Self::Numeric,
            oid::UUID => Self::Uuid,
            oid::DATE => Self::Date,
            oid::TIME => Self::Time,
            oid::TIMETZ => Self::TimeTz,
            oid::TIMESTAMP => Self::Timestamp,
            oid::TIMESTAMPTZ => Self::TimestampTz,
            oid::INTERVAL => Self::Interval,
            oid::JSON | oid::JSONB => Self::Json,
            oid::INET => Self::Inet,
            oid::CIDR => Self::Cidr,
            oid::RECORD => Self::Record,
            _ => Self::for_compound_text(oid),
        }
    }

    fn for_compound_text(oid: u32) -> Self {
        if let Some(element) = element_of(oid) {
            return Self::Array(Box::new(array::TextElements {
                loader: Self::for_text(element.oid),
                delimiter: element.delimiter,
            }));
        }
        match oid::lookup(oid).map(|entry| entry.kind) {
            Some(TypeKind::Range { subtype, .. }) => Self::Range(Box::new(Self::for_text(subtype))),
            Some(TypeKind::Multirange { subtype, .. }) => {
                Self::Multirange(Box::new(Self::for_text(subtype)))
            }
            _ => Self::Str,
        }
    }

    fn for_binary(oid: u32) -> Self {
        match oid {
            oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR => Self::Str,
            oid::BOOL => Self::BoolBinary,
            oid::INT2 => Self::Int2Binary,
            oid::INT4 => Self::Int4Binary,
            oid::INT8 => Self::Int8Binary,
            oid::OID => Self::OidBinary,
            oid::FLOAT4 => Self::Float4Binary,
            oid::FLOAT8 => Self::Float8Binary,
            oid::NUMERIC => Self::NumericBinary,
            oid::UUID => Self::UuidBinary,
            oid::DATE => Self::DateBinary,
            oid::TIME => Self::TimeBinary,
            oid::TIMETZ => Self::TimeTzBinary,
            oid::TIMESTAMP => Self::TimestampBinary,
            oid::TIMESTAMPTZ => Self::TimestampTzBinary,
            oid::INTERVAL => Self::IntervalBinary,
            oid::JSON => Self::Json,
            oid::JSONB => Self::JsonbBinary,
            oid::INET => Self::InetBinary,
            oid::CIDR => Self::CidrBinary,
            oid::RECORD => Self::RecordBinary,
            _ => Self::for_compound_binary(oid),
        }
    }

    fn for_compound_binary(oid: u32) -> Self {
        if let Some(element) = element_of(oid) {
            return Self::ArrayBinary(Box::new(array::BinaryElements {
                oid: element.oid,
                loader: Self::for_binary(element.oid),
            }));
        }
        match oid::lookup(oid).map(|entry| entry.kind) {
            Some(TypeKind::Range { subtype, .. }) => {
                Self::RangeBinary(Box::new(Self::for_binary(subtype)))
            }
            Some(TypeKind::Multirange { subtype, .. }) => {
                Self::MultirangeBinary(Box::new(Self::for_binary(subtype)))
            }
            _ => Self::Bytes,
        }
    }

    /// The Python value for the bytes of one field that is not NULL.
    ///
    /// # Errors
    /// DataError for a value that Python's type cannot hold or that is malformed, NotSupportedError for a DateStyle or
    /// IntervalStyle that is not read; each is also of the class that psycopg raises, such as UnicodeDecodeError. What
    /// code of the user's raises comes out as it is.
    #[inline]
    pub fn load<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Str => cx.encoding.load(py, data),
            Self::Bytes => scalar::bytes(py, data),
            Self::Bytea => scalar::bytea(py, data),
            Self::Bool => scalar::bool_text(py, data),
            Self::BoolBinary => scalar::bool_binary(py, data),
            Self::Int => scalar::int_text(py, data),
            Self::Int2Binary => scalar::int2_binary(py, data),
            Self::Int4Binary => scalar::int4_binary(py, data),
            Self::Int8Binary => scalar::int8_binary(py, data),
            Self::OidBinary => scalar::oid_binary(py, data),
            Self::Float => scalar::float_text(py, data),
            Self::Float4Binary => scalar::float4_binary(py, data),
            Self::Float8Binary => scalar::float8_binary(py, data),
            Self::Numeric => numeric::text(py, data),
            Self::NumericBinary => numeric::binary(py, data),
            Self::Uuid => scalar::uuid_text(py, data),
            Self::UuidBinary => scalar::uuid_binary(py, data),
            Self::Date => datetime::date_text(py, data, cx),
            Self::DateBinary => datetime::date_binary(py, data),
            Self::Time => datetime::time_text(py, data),
            Self::TimeBinary => datetime::time_binary(py, data),
            Self::TimeTz => datetime::timetz_text(py, data),
            Self::TimeTzBinary => datetime::timetz_binary(py, data),
            Self::Timestamp => datetime::timestamp_text(py, data, cx),
            Self::TimestampBinary => datetime::timestamp_binary(py, data),
            Self::TimestampTz => datetime::timestamptz_text(py, data, cx),
            Self::TimestampTzBinary => datetime::timestamptz_binary(py, data, cx),
            Self::Interval => datetime::interval_text(py, data, cx),
            Self::IntervalBinary => datetime::interval_binary(py, data),
            Self::Json => json::json(py, data, cx),
            Self::JsonbBinary => json::jsonb_binary(py, data, cx),
            Self::Inet => network::inet_text(py, data),
            Self::InetBinary => network::inet_binary(py, data),
            Self::Cidr => network::cidr_text(py, data),
            Self::CidrBinary => network::cidr_binary(py, data),
            Self::Range(bounds) => range::range_text(py, data, bounds, cx),
            Self::RangeBinary(bounds) => range::range_binary(py, data, bounds, cx),
            Self::Multirange(bounds) => range::multirange_text(py, data, bounds, cx),
            Self::MultirangeBinary(bounds) => range::multirange_binary(py, data, bounds, cx),
            Self::Record => record::text(py, data, cx),
            Self::RecordBinary => record::binary(py, data, cx),
            Self::Array(elements) => elements.load(py, data, cx),
            Self::ArrayBinary(elements) => elements.load(py, data, cx),
            Self::Composite(composite) => composite.load_text(py, data, cx),
            Self::CompositeBinary(composite) => composite.load_binary(py, data, cx),
            Self::Enum(members) => members.load(py, data, cx),
            Self::Hstore(text) => hstore::text(&text.load(py, data, cx)?, data),
            Self::HstoreBinary => hstore::binary(py, data, cx),
            Self::JsonBy(loads) => json::json_by(loads.bind(py), &cx.encoded(py, data)?),
            Self::JsonbBinaryBy(loads) => json::jsonb_binary_by(loads.bind(py), data),
            Self::Python(load) => {
                let data = cx.encoded(py, data)?;
                load.bind(py).call1((scalar::bytes(py, &data)?,))
            }
            Self::ByText(oid, loader) => registered::by_text(py, *oid, data, loader, cx),
        }
    }
}

impl Loader {
    /// Shows the collector what the loader holds, unless another one holds it too.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Python(object) | Self::JsonBy(object) | Self::JsonbBinaryBy(object)
                if Arc::strong_count(object) == 1 =>
            {
                visit.call(&**object)
            }
            Self::Composite(composite) | Self::CompositeBinary(composite)
                if Arc::strong_count(composite) == 1 =>
            {
                composite.traverse(visit)
            }
            Self::Enum(members) if Arc::strong_count(members) == 1 => members.traverse(visit),
            Self::Range(inner)
            | Self::RangeBinary(inner)
            | Self::Multirange(inner)
            | Self::MultirangeBinary(inner)
            | Self::Hstore(inner)
            | Self::ByText(_, inner) => inner.traverse(visit),
            Self::Array(elements) => elements.loader.traverse(visit),
            Self::ArrayBinary(elements) => elements.loader.traverse(visit),
            _ => Ok(()),
        }
    }
}

/// Imports what loading needs.
///
/// # Errors
/// ImportError.
pub(super) fn import(py: Python<'_>) -> PyResult<()> {
    json::Parser::get(py)?;
    // The C API of `datetime` and the class of time zones.
    PyTzInfo::utc(py)?;
    Ok(())
}
