//! The codecs that the built-in adapter classes name in their attribute `_codec`.

use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::load::Loader;
use super::registry::BINARY;

/// How the values of a dumper class are written; its format and its OID are the class's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DumpCodec {
    Null,
    Str,
    Bytes,
    Bool,
    /// Of the smallest type that holds the value.
    Int,
    /// Of the type with this OID.
    Integer(u32),
    Float4,
    Float8,
    Decimal,
    /// An int or a Decimal.
    Numeric,
    Date,
    /// With or without a time zone, as the value has it.
    Time,
    TimeTz,
    /// With or without a time zone, as the value has it.
    DateTime,
    DateTimeNoTz,
    Delta,
    Uuid,
    Json,
    Jsonb,
    Inet,
    Cidr,
    List,
    Tuple,
    Range,
    Multirange,
    Enum,
    Hstore,
    Composite,
}

/// How the values of a loader class are read.
#[derive(Debug, Clone)]
pub(super) enum LoadCodec {
    /// By what needs to know nothing of the class.
    Plain(Loader),
    Json,
    Jsonb,
    Array,
    Range,
    Multirange,
    Composite,
    Enum,
    Hstore,
}

/// What a dumper class stands for, if it is a built-in one itself and not a class derived from one.
pub(super) fn dumper(class: &Bound<'_, PyType>) -> PyResult<Option<DumpCodec>> {
    let Some(name) = own_name(class)? else {
        return Ok(None);
    };
    named_dumper(name.to_str()?).map(Some)
}

/// What a loader class stands for, if it is a built-in one itself and not a class derived from one.
pub(super) fn loader(class: &Bound<'_, PyType>) -> PyResult<Option<LoadCodec>> {
    let Some(name) = own_name(class)? else {
        return Ok(None);
    };
    let format = class.getattr(intern!(class.py(), "format"))?.extract()?;
    named_loader(name.to_str()?, format).map(Some)
}

/// The codec that a dumper class has, be it a built-in one's or its own.
pub(super) fn inherited_dumper(class: &Bound<'_, PyType>) -> PyResult<DumpCodec> {
    let name = class.getattr(intern!(class.py(), "_codec"))?;
    named_dumper(name.cast::<PyString>()?.to_str()?)
}

/// The codec that a loader class has, be it a built-in one's or its own.
pub(super) fn inherited_loader(class: &Bound<'_, PyType>) -> PyResult<LoadCodec> {
    let py = class.py();
    let name = class.getattr(intern!(py, "_codec"))?;
    let format = class.getattr(intern!(py, "format"))?.extract()?;
    named_loader(name.cast::<PyString>()?.to_str()?, format)
}

fn own_name<'py>(class: &Bound<'py, PyType>) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = class.py();
    let own = class.getattr(intern!(py, "__dict__"))?;
    if !own.contains(intern!(py, "_codec"))? {
        return Ok(None);
    }
    Ok(Some(own.get_item(intern!(py, "_codec"))?.cast_into()?))
}

fn named_dumper(name: &str) -> PyResult<DumpCodec> {
    Ok(match name {
        "none" => DumpCodec::Null,
        "str" => DumpCodec::Str,
        "bytes" => DumpCodec::Bytes,
        "bool" => DumpCodec::Bool,
        "int" => DumpCodec::Int,
        "int2" => DumpCodec::Integer(oid::INT2),
        "int4" => DumpCodec::Integer(oid::INT4),
        "int8" => DumpCodec::Integer(oid::INT8),
        "int_numeric" => DumpCodec::Integer(oid::NUMERIC),
        "oid" => DumpCodec::Integer(oid::OID),
        "float4" => DumpCodec::Float4,
        "float8" => DumpCodec::Float8,
        "decimal" => DumpCodec::Decimal,
        "numeric" => DumpCodec::Numeric,
        "date" => DumpCodec::Date,
        "time" => DumpCodec::Time,
        "timetz" => DumpCodec::TimeTz,
        "datetime" => DumpCodec::DateTime,
        "datetime_notz" => DumpCodec::DateTimeNoTz,
        "timedelta" => DumpCodec::Delta,
        "uuid" => DumpCodec::Uuid,
        "json" => DumpCodec::Json,
        "jsonb" => DumpCodec::Jsonb,
        "inet" => DumpCodec::Inet,
        "cidr" => DumpCodec::Cidr,
        "list" => DumpCodec::List,
        "tuple" => DumpCodec::Tuple,
        "range" => DumpCodec::Range,
        "multirange" => DumpCodec::Multirange,
        "enum" => DumpCodec::Enum,
        "hstore" => DumpCodec::Hstore,
        "composite" => DumpCodec::Composite,
        _ => return Err(unknown(name)),
    })
}

fn named_loader(name: &str, format: usize) -> PyResult<LoadCodec> {
    let either = |text: Loader, binary: Loader| {
        LoadCodec::Plain(if format == BINARY { binary } else { text })
    };
    Ok(match name {
        "str" => LoadCodec::Plain(Loader::Str),
        "bytes" => LoadCodec::Plain(Loader::Bytes),
        "bytea" => either(Loader::Bytea, Loader::Bytes),
        "bool" => either(Loader::Bool, Loader::BoolBinary),
        "int" => LoadCodec::Plain(Loader::Int),
        "int2" => either(Loader::Int, Loader::Int2Binary),
        "int4" => either(Loader::Int, Loader::Int4Binary),
        "int8" => either(Loader::Int, Loader::Int8Binary),
        "oid" => either(Loader::Int, Loader::OidBinary),
        "float" => either(Loader::Float, Loader::Float8Binary),
        "float4" => either(Loader::Float, Loader::Float4Binary),
        "float8" => either(Loader::Float, Loader::Float8Binary),
        "numeric" => either(Loader::Numeric, Loader::NumericBinary),
        "uuid" => either(Loader::Uuid, Loader::UuidBinary),
        "date" => either(Loader::Date, Loader::DateBinary),
        "time" => either(Loader::Time, Loader::TimeBinary),
        "timetz" => either(Loader::TimeTz, Loader::TimeTzBinary),
        "timestamp" => either(Loader::Timestamp, Loader::TimestampBinary),
        "timestamptz" => either(Loader::TimestampTz, Loader::TimestampTzBinary),
        "interval" => either(Loader::Interval, Loader::IntervalBinary),
        "inet" => either(Loader::Inet, Loader::InetBinary),
        "cidr" => either(Loader::Cidr, Loader::CidrBinary),
        "record" => either(Loader::Record, Loader::RecordBinary),
        "json" => LoadCodec::Json,
        "jsonb" => LoadCodec::Jsonb,
        "array" => LoadCodec::Array,
        "range" => LoadCodec::Range,
        "multirange" => LoadCodec::Multirange,
        "composite" => LoadCodec::Composite,
        "enum" => LoadCodec::Enum,
        "hstore" => LoadCodec::Hstore,
        _ => return Err(unknown(name)),
    })
}

fn unknown(name: &str) -> PyErr {
    pyo3::exceptions::PyLookupError::new_err(format!("there is no codec {name:?}"))
}
