//! Values dumped by a built-in class other than the one that is their default.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::Format;
use howdah_types::oid;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat};

use super::adapter::Adapter;
use super::plan::DumperPlan;
use super::written::NULL;
use super::{datetime, hstore, json, list, network};
use super::{number, range, record, scalar};
use crate::codec::DumpCodec;
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::types::{Kind, Types};

/// Appends a value as the class does.
///
/// # Errors
/// TypeError or AttributeError for a value of another kind than the class is for, and those of [`super::dump`].
pub(crate) fn dump(
    adapter: &Adapter<'_>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let want = adapter.want();
    let mut written = match adapter.codec {
        DumpCodec::Null => return Ok(NULL),
        DumpCodec::Time if !adapter.is_settled => return datetime::time(value, want, out),
        DumpCodec::DateTime if !adapter.is_settled => return datetime::datetime(value, want, out),
        DumpCodec::Time => datetime::time(&without_zone(value, want)?, want, out)?,
        DumpCodec::DateTime => zoned(datetime::datetime(value, want, out)?, oid::TIMESTAMPTZ)?,
        DumpCodec::Str => scalar::str(value, want, out, cx)?,
        DumpCodec::Bytes => bytes(value, want, out)?,
        DumpCodec::Bool => scalar::truth(value.is_truthy()?, want, out),
        DumpCodec::Int => scalar::int(&integer(value, want)?, want, out)?,
        DumpCodec::Integer(oid) => fixed_integer(value, oid, want, out)?,
        DumpCodec::Float4 => number::float4(&float(value)?, want, out)?,
        DumpCodec::Float8 => scalar::float(&float(value)?, want, out)?,
        DumpCodec::Decimal => decimal(value, want, out)?,
        DumpCodec::Numeric => number::to_numeric(value, want, out)?,
        DumpCodec::Date => datetime::date(value, want, out)?,
        DumpCodec::TimeTz => time_with_zone(value, want, out)?,
        DumpCodec::DateTimeNoTz => zoned(datetime::datetime(value, want, out)?, oid::TIMESTAMP)?,
        DumpCodec::Delta => datetime::timedelta(value, want, out, cx)?,
        DumpCodec::Uuid => scalar::uuid(value, want, out)?,
        DumpCodec::Json | DumpCodec::Jsonb => {
            let dumps = json::class_function(&adapter.class, intern!(value.py(), "_dumps"))?;
            return dump_json(adapter, value, dumps, out, cx);
        }
        DumpCodec::Inet => inet(value, want, out)?,
        DumpCodec::Cidr => network::network(value, want, out)?,
        DumpCodec::Tuple => record::sequence(value, want, out, cx)?,
        DumpCodec::Enum => enumeration(adapter, value, want, out, cx)?,
        DumpCodec::Hstore => hstore::hstore(value, want, out, cx)?,
        DumpCodec::Composite => record::composite(adapter, value, out, cx)?,
        DumpCodec::List => elements(adapter, value, out, cx)?,
        DumpCodec::Range | DumpCodec::Multirange => bounds(adapter, value, out, cx)?,
    };
    if let Some(oid) = adapter.fixed_oid() {
        written.oid = oid;
    }
    Ok(written)
}

/// The same for what becomes JSON, by a function unless the value brings its own.
pub(crate) fn dump_json<'py>(
    adapter: &Adapter<'_>,
    value: &Bound<'py, PyAny>,
    dumps: Option<Bound<'py, PyAny>>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let base = match adapter.codec {
        DumpCodec::Json => oid::JSON,
        _ => oid::JSONB,
    };
    let mut written = json::json_by(value, base, dumps, adapter.want(), out, cx)?;
    written.oid = adapter.oid;
    Ok(written)
}

fn bytes(value: &Bound<'_, PyAny>, want: PyFormat, out: &mut Vec<u8>) -> PyResult<Written> {
    match Kind::of(value)? {
        Some(Kind::Binary) => scalar::buffer(&value.getattr("obj")?, want, out),
        _ => scalar::buffer(value, want, out),
    }
}

/// An int, made of a number of numpy's if need be; nothing is cut off to become one.
fn integer<'py>(value: &Bound<'py, PyAny>, want: PyFormat) -> PyResult<Bound<'py, PyAny>> {
    if let Some(int) = number::as_int(value)? {
        return Ok(int.into_any());
    }
    let message = format!("integer expected, got '{}'", value.get_type().name()?);
    Err(match want {
        PyFormat::Binary => PyTypeError::new_err(message),
        PyFormat::Auto | PyFormat::Text => error::data(value.py(), &message),
    })
}

/// A float, made of what has `__float__` if need be; a str has not.
fn float<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    if value.is_instance_of::<PyFloat>() {
        return Ok(value.clone());
    }
    Ok(PyFloat::new(value.py(), value.extract()?).into_any())
}

fn decimal(value: &Bound<'_, PyAny>, want: PyFormat, out: &mut Vec<u8>) -> PyResult<Written> {
    if value.is_instance(Types::get(value.py())?.decimal.bind(value.py()))? {
        return scalar::decimal(value, want, out);
    }
    let message = format!("Decimal expected, got '{}'", value.get_type().name()?);
    Err(PyTypeError::new_err(message))
}

fn fixed_integer(
    value: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let int = integer(value, want)?;
    match (oid, want) {
        (_, PyFormat::Auto | PyFormat::Text) => number::int_text(&int, oid, out),
        (oid::NUMERIC, PyFormat::Binary) => number::to_numeric(&int, want, out),
        (_, PyFormat::Binary) => number::int_binary(&int, oid, out),
    }
}

/// In text the server ignores the zone, in binary there is no place for it.
fn without_zone<'py>(value: &Bound<'py, PyAny>, want: PyFormat) -> PyResult<Bound<'py, PyAny>> {
    match want {
        PyFormat::Binary => range::without_zone(value),
        PyFormat::Auto | PyFormat::Text => Ok(value.clone()),
    }
}

fn time_with_zone(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let written = datetime::time(value, want, out)?;
    if written.oid != oid::TIMETZ {
        let message = "a time without a time zone cannot be sent as timetz";
        return Err(error::data(value.py(), message));
    }
    Ok(written)
}

/// In binary a time without its zone, or with one too many, would be another time.
fn zoned(written: Written, oid: u32) -> PyResult<Written> {
    if written.format == Format::Binary && written.oid != oid {
        let message = "can't subtract offset-naive and offset-aware datetimes";
        return Err(PyTypeError::new_err(message));
    }
    Ok(written)
}

fn inet(value: &Bound<'_, PyAny>, want: PyFormat, out: &mut Vec<u8>) -> PyResult<Written> {
    let types = &Types::get(value.py())?.network;
    let is_interface = types
        .interfaces
        .iter()
        .map(|class| value.is_instance(class.bind(value.py())))
        .collect::<PyResult<Vec<_>>>()?;
    if is_interface.contains(&true) {
        return network::interface(value, want, out);
    }
    network::address(value, want, out)
}

/// The label of a member: by the class's table, if it has one, else the member's name.
fn enumeration(
    adapter: &Adapter<'_>,
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let Some(labels) = adapter.class.getattr_opt(intern!(py, "_dump_map"))? else {
        return scalar::enumeration(value, want, out, cx);
    };
    let label = labels.get_item(value)?;
    cx.append_encoded(py, out, |out| {
        out.extend_from_slice(label.cast::<PyBytes>()?.as_bytes());
        Ok(())
    })?;
    Ok(adapter.written())
}

/// A list, whose elements are of the type that the class says, if it says one.
fn elements(
    adapter: &Adapter<'_>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let element = adapter.type_attribute(intern!(py, "element_oid"))?;
    if element == 0 {
        return list::list(value.cast()?, adapter.want(), out, cx);
    }
    let delimiter = match adapter.class.getattr_opt(intern!(py, "delimiter"))? {
        Some(delimiter) => delimiter.cast::<PyBytes>()?.as_bytes().first().copied(),
        None => None,
    };
    let plan = DumperPlan::by_oid(py, element, adapter.format, cx.adapters(py)?)?;
    list::list_of(
        value.cast()?,
        &plan,
        element,
        delimiter.unwrap_or(b','),
        adapter,
        out,
        cx,
    )?;
    Ok(adapter.written())
}

/// A range or a multirange, whose bounds are of the type that the class says, if it says one.
fn bounds(
    adapter: &Adapter<'_>,
    value: &Bound<'_, PyAny>,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let py = value.py();
    let want = adapter.want();
    let several = adapter.codec == DumpCodec::Multirange;
    let subtype = adapter.type_attribute(intern!(py, "subtype_oid"))?;
    if subtype == 0 {
        return range::plain(value, several, want, out, cx);
    }
    if range::is_known(adapter.oid) {
        return range::typed(value, adapter.oid, several, want, out, cx);
    }
    let target = range::Target {
        oid: adapter.oid,
        format: adapter.format,
        several,
    };
    let plan = DumperPlan::by_oid(py, subtype, adapter.format, cx.adapters(py)?)?;
    range::by_plan(&target, value, &plan, subtype, out, cx)
}
