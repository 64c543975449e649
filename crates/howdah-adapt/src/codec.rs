//! The codecs that the built-in adapter classes name in their attribute `_codec`.

use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

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

/// How the values of a loader class are read; in which format, the class says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadCodec {
    Str,
    Bytes,
    Bytea,
    Bool,
    /// int2, int4 and int8 in text.
    Int,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Inet,
    Cidr,
    Record,
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
    named_loader(name.to_str()?).map(Some)
}

/// The codec that a dumper class has, be it a built-in one's or its own.
pub(super) fn inherited_dumper(class: &Bound<'_, PyType>) -> PyResult<DumpCodec> {
    let name = class.getattr(intern!(class.py(), "_codec"))?;
    named_dumper(name.cast::<PyString>()?.to_str()?)
}

/// The codec that a loader class has, be it a built-in one's or its own.
pub(super) fn inherited_loader(class: &Bound<'_, PyType>) -> PyResult<LoadCodec> {
    let name = class.getattr(intern!(class.py(), "_codec"))?;
    named_loader(name.cast::<PyString>()?.to_str()?)
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

fn named_loader(name: &str) -> PyResult<LoadCodec> {
    Ok(match name {
        "str" => LoadCodec::Str,
        "bytes" => LoadCodec::Bytes,
        "bytea" => LoadCodec::Bytea,
        "bool" => LoadCodec::Bool,
        "int" => LoadCodec::Int,
        "int2" => LoadCodec::Int2,
        "int4" => LoadCodec::Int4,
        "int8" => LoadCodec::Int8,
        "oid" => LoadCodec::Oid,
        "float" | "float8" => LoadCodec::Float8,
        "float4" => LoadCodec::Float4,
        "numeric" => LoadCodec::Numeric,
        "uuid" => LoadCodec::Uuid,
        "date" => LoadCodec::Date,
        "time" => LoadCodec::Time,
        "timetz" => LoadCodec::TimeTz,
        "timestamp" => LoadCodec::Timestamp,
        "timestamptz" => LoadCodec::TimestampTz,
        "interval" => LoadCodec::Interval,
        "inet" => LoadCodec::Inet,
        "cidr" => LoadCodec::Cidr,
        "record" => LoadCodec::Record,
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
