//! The classes of `howdah.types.numeric`, scalars of numpy, and numbers that are to be of a given type.

use howdah_protocol::connection::Written;
use howdah_types::{float, numeric, oid};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::scalar;
use super::written::{as_binary, as_text};
use crate::error;
use crate::format::PyFormat;
use crate::imports;
use crate::types::{Kind, Types};
use howdah_ffi::values::int_as_i64;

/// A number whose class stands for the type `oid`.
///
/// # Errors
/// Where psycopg would send the low bits of an int that is too large, or infinity for a float, DataError; for an `oid`
/// `struct.error` and beyond 64 bits OverflowError, as in psycopg.
pub(super) fn number(
    value: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    match (oid, want) {
        (oid::FLOAT8, _) => scalar::float(value, want, out),
        (oid::FLOAT4, _) => float4(value, want, out),
        // psycopg has no binary dumper for this class, and takes the one of int.
        (oid::NUMERIC, PyFormat::Binary) => scalar::int(value, want, out),
        (oid::NUMERIC, _) | (_, PyFormat::Text) => int_text(value, oid, out),
        _ => int_binary(value, oid, out),
    }
}

/// A scalar of numpy, of the type `oid`.
pub(super) fn numpy(
    value: &Bound<'_, PyAny>,
    oid: u32,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let py = value.py();
    match oid {
        oid::BOOL => Ok(scalar::truth(value.is_truthy()?, want, out)),
        oid::FLOAT4 => float4(&py.get_type::<PyFloat>().call1((value,))?, want, out),
        oid::NUMERIC => to_numeric(&py.get_type::<PyInt>().call1((value,))?, want, out),
        _ if want == PyFormat::Text => int_text(&py.get_type::<PyInt>().call1((value,))?, oid, out),
        _ => int_binary(value, oid, out),
    }
}

/// The int that a value is: one of Python's or of numpy's.
pub(super) fn as_int<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyInt>>> {
    if let Ok(int) = value.cast::<PyInt>() {
        return Ok(Some(int.clone()));
    }
    match Kind::of(value)? {
        Some(Kind::Numpy(oid::INT2 | oid::INT4 | oid::INT8 | oid::NUMERIC)) => {
            let int = value.py().get_type::<PyInt>().call1((value,))?;
            Ok(Some(int.cast_into()?))
        }
        _ => Ok(None),
    }
}

/// An int as text of whatever type.
pub(super) fn int_text(value: &Bound<'_, PyAny>, oid: u32, out: &mut Vec<u8>) -> PyResult<Written> {
    scalar::int(value, PyFormat::Text, out)?;
    Ok(as_text(oid))
}

/// An int in the width of an integer type.
pub(super) fn int_binary(
    value: &Bound<'_, PyAny>,
    oid: u32,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let py = value.py();
    if oid == oid::OID {
        let unsigned: u32 = value.extract().map_err(|_| struct_error(py))?;
        out.extend_from_slice(&unsigned.to_be_bytes());
        return Ok(as_binary(oid));
    }
    let int: i64 = value.extract()?;
    let too_large = || error::data(py, "integer out of range for its type");
    match oid {
        oid::INT2 => {
            let int = i16::try_from(int).map_err(|_| too_large())?;
            out.extend_from_slice(&int.to_be_bytes());
        }
        oid::INT4 => {
            let int = i32::try_from(int).map_err(|_| too_large())?;
            out.extend_from_slice(&int.to_be_bytes());
        }
        _ => out.extend_from_slice(&int.to_be_bytes()),
    }
    Ok(as_binary(oid))
}

/// An int or a Decimal as `numeric`; bool is an int.
///
/// # Errors
/// TypeError for anything else.
pub(super) fn to_numeric(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let py = value.py();
    if let Some(int) = as_int(value)? {
        if want == PyFormat::Text {
            return int_text(&int, oid::NUMERIC, out);
        }
        let Some(small) = int_as_i64(int.as_borrowed()) else {
            return scalar::int(&int, want, out);
        };
        numeric::int_to_binary(i128::from(small), out).map_err(|e| error::encode(py, e))?;
        return Ok(as_binary(oid::NUMERIC));
    }
    if value.is_instance(Types::get(py)?.decimal.bind(py))? {
        return scalar::decimal(value, want, out);
    }
    let name = value.get_type().name()?;
    let message = format!("cannot send a value of type {name} as numeric");
    Err(PyTypeError::new_err(message))
}

pub(super) fn float4(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let double = value.cast::<PyFloat>()?.value();
    if want == PyFormat::Text {
        return scalar::float_text(value.py(), double, oid::FLOAT4, out);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the rounding to single precision is what was asked for; overflow is checked"
    )]
    let single = double as f32;
    if single.is_infinite() && double.is_finite() {
        return Err(error::data(value.py(), "float out of range for real"));
    }
    float::float4_to_binary(single, out);
    Ok(as_binary(oid::FLOAT4))
}

#[cold]
fn struct_error(py: Python<'_>) -> PyErr {
    let message = "an oid is between 0 and 4294967295";
    let class = imports::STRUCT_ERROR.get(py);
    match class.and_then(|class| class.call1((message,))) {
        Ok(raised) => PyErr::from_value(raised),
        Err(error) => error,
    }
}
