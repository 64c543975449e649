//! Strings, numbers, bytes, UUIDs, members of enumerations.

use howdah_protocol::connection::Written;
use howdah_types::{boolean, bytea, float, int, numeric, oid, uuid as uuid_codec};
use pyo3::exceptions::PyAttributeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyString};

use super::written::{as_binary, as_text};
use crate::buffer::append_buffer;
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;
use crate::memory;
use crate::types::Types;
use howdah_ffi::values::int_as_i64;

/// Without a type, so that the server decides by the context; as text only if binary is asked for.
#[inline]
pub(super) fn str(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let start = out.len();
    cx.encoding.encode(value.cast::<PyString>()?, out)?;
    if want == PyFormat::Binary {
        // The server refuses a NUL itself, with the class of its own error.
        return Ok(as_binary(oid::TEXT));
    }
    refuse_nul(value.py(), out.get(start..).unwrap_or_default())?;
    Ok(as_text(0))
}

/// # Errors
/// DataError for text that the server could not store.
#[inline]
pub(super) fn refuse_nul(py: Python<'_>, text: &[u8]) -> PyResult<()> {
    if text.contains(&0) {
        let message = "PostgreSQL text fields cannot contain NUL (0x00) bytes";
        return Err(error::data(py, message));
    }
    Ok(())
}

/// The smallest of smallint, integer, bigint and numeric that holds the value.
#[inline]
pub(super) fn int(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let number = value.cast::<PyInt>()?;
    let Some(number) = int_as_i64(number.as_borrowed()) else {
        return big_int(number, want, out);
    };
    let oid = int_oid(number);
    if want == PyFormat::Text {
        int::int_to_text(number, out);
        return Ok(as_text(oid));
    }
    // Big-endian: the low bytes are the last ones.
    let bytes = number.to_be_bytes();
    out.extend_from_slice(match oid {
        oid::INT2 => &bytes[6..],
        oid::INT4 => &bytes[4..],
        _ => &bytes,
    });
    Ok(as_binary(oid))
}

/// The OID of the smallest integer type that holds the value.
#[inline]
pub(super) fn int_oid(value: i64) -> u32 {
    if i16::try_from(value).is_ok() {
        oid::INT2
    } else if i32::try_from(value).is_ok() {
        oid::INT4
    } else {
        oid::INT8
    }
}

#[cold]
fn big_int(value: &Bound<'_, PyInt>, want: PyFormat, out: &mut Vec<u8>) -> PyResult<Written> {
    let py = value.py();
    // Of a subclass, such as IntEnum, only the number counts.
    let number = py.get_type::<PyInt>().call1((value,))?;
    // Through Decimal, because str(int) refuses more than 4300 digits.
    let digits = Types::get(py)?.decimal.bind(py).call1((number,))?.str()?;
    if want == PyFormat::Text {
        memory::append(out, digits.to_str()?.as_bytes())?;
        return Ok(as_text(oid::NUMERIC));
    }
    memory::room(out, digits.len()?)?;
    numeric::text_to_binary(digits.to_str()?.as_bytes(), out).map_err(|_| {
        error::data(
            py,
            "integer too large for PostgreSQL numeric binary format (maximum 32768 base-10000 digits)",
        )
    })?;
    Ok(as_binary(oid::NUMERIC))
}

#[inline]
pub(super) fn bool(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    Ok(truth(value.cast::<PyBool>()?.is_true(), want, out))
}

#[inline]
pub(super) fn truth(value: bool, want: PyFormat, out: &mut Vec<u8>) -> Written {
    if want == PyFormat::Text {
        boolean::bool_to_text(value, out);
        return as_text(oid::BOOL);
    }
    boolean::bool_to_binary(value, out);
    as_binary(oid::BOOL)
}

#[inline]
pub(super) fn float(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let number = value.cast::<PyFloat>()?.value();
    if want == PyFormat::Text {
        return float_text(value.py(), number, oid::FLOAT8, out);
    }
    float::float8_to_binary(number, out);
    Ok(as_binary(oid::FLOAT8))
}

/// What Python shows, which is what comes back from a place that takes any text.
pub(crate) fn float_text(
    py: Python<'_>,
    number: f64,
    oid: u32,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if !short_float(number, out) {
        let text = PyFloat::new(py, number).repr()?;
        out.extend_from_slice(text.to_str()?.as_bytes());
    }
    Ok(as_text(oid))
}

/// Appends a number of few decimals as Python shows it; tells whether it is one.
///
/// No two numbers of up to 15 digits read as the same float, so that if one of them does the shortest has been found.
fn short_float(number: f64, out: &mut Vec<u8>) -> bool {
    let size = number.abs();
    // Below and above there may be an exponent.
    if size != 0.0 && !(1e-4..1e10).contains(&size) {
        return false;
    }
    let whole = truncated(size);
    let Some((decimals, divisor)) = few_decimals(size, whole) else {
        return false;
    };
    if number.is_sign_negative() {
        out.push(b'-');
    }
    int::int_to_text(whole, out);
    if divisor == 1 {
        out.extend_from_slice(b".0");
        return true;
    }
    // A digit in the point's place keeps the zeros behind it.
    let point = out.len();
    int::int_to_text(decimals + divisor, out);
    if let Some(place) = out.get_mut(point) {
        *place = b'.';
    }
    true
}

/// What is behind the point, and the power of ten that it is to be divided by, if that has up to four zeros.
#[expect(
    clippy::cast_precision_loss,
    reason = "the numbers are of up to 14 digits"
)]
fn few_decimals(size: f64, whole: u64) -> Option<(u64, u64)> {
    const POWERS: [(f64, u64); 4] = [(1e1, 10), (1e2, 100), (1e3, 1000), (1e4, 10_000)];
    if whole as f64 == size {
        return Some((0, 1));
    }
    POWERS.iter().find_map(|(power, divisor)| {
        let scaled = size * power;
        let digits = truncated(scaled + 0.5);
        let near = digits as f64;
        // Most are too far away to be asked for a quotient.
        let is_same = (near - scaled).abs() <= near * 4e-16 && near / power == size;
        is_same.then(|| (digits - whole * divisor, *divisor))
    })
}

/// The whole number below a number of the type's range.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "that is wanted"
)]
fn truncated(number: f64) -> u64 {
    number as u64
}

#[inline]
pub(super) fn bytes(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    bytea(value.cast::<PyBytes>()?.as_bytes(), want, out)
}

/// bytearray, memoryview and whatever else has a buffer.
pub(super) fn buffer(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if want != PyFormat::Text {
        append_buffer(value, out)?;
        return Ok(as_binary(oid::BYTEA));
    }
    let mut raw = Vec::new();
    append_buffer(value, &mut raw)?;
    bytea(&raw, want, out)
}

fn bytea(value: &[u8], want: PyFormat, out: &mut Vec<u8>) -> PyResult<Written> {
    if want == PyFormat::Text {
        memory::room(out, 2 * value.len())?;
        bytea::bytea_to_text(value, out);
        return Ok(as_text(oid::BYTEA));
    }
    memory::room(out, value.len())?;
    bytea::bytea_to_binary(value, out);
    Ok(as_binary(oid::BYTEA))
}

/// In text unless binary is asked for: the server converts faster than we would.
pub(super) fn decimal(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let text = value.str()?;
    let text = match text.to_str()? {
        // A signalling NaN, or one with digits behind it.
        text if text.trim_start_matches('-').starts_with(['N', 's']) => "NaN",
        text => text,
    };
    memory::room(out, text.len())?;
    if want != PyFormat::Binary {
        out.extend_from_slice(text.as_bytes());
        return Ok(as_text(oid::NUMERIC));
    }
    numeric::text_to_binary(text.as_bytes(), out).map_err(|e| error::encode(value.py(), e))?;
    Ok(as_binary(oid::NUMERIC))
}

pub(super) fn uuid(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let number: u128 = value.getattr(intern!(value.py(), "int"))?.extract()?;
    if want == PyFormat::Text {
        // Without dashes, as psycopg spells it.
        out.extend_from_slice(format!("{number:032x}").as_bytes());
        return Ok(as_text(oid::UUID));
    }
    uuid_codec::uuid_to_binary(&number.to_be_bytes(), out);
    Ok(as_binary(oid::UUID))
}

/// The name of the member, without a type, as for an enumeration type of the server. A combination of flags may have none, which
/// depends on the interpreter's version.
pub(super) fn enumeration(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let name = value.getattr(intern!(value.py(), "name"))?;
    let Ok(name) = name.cast::<PyString>() else {
        let message = format!("{} has no name to be sent as", value.repr()?);
        return Err(PyAttributeError::new_err(message));
    };
    cx.encoding.encode(name, out)?;
    Ok(match want {
        PyFormat::Binary => as_binary(0),
        PyFormat::Auto | PyFormat::Text => as_text(0),
    })
}
