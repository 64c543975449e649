//! Numbers, bytes, UUIDs.

use howdah_types::{DecodeError, boolean, bytea as bytea_codec, float, int, uuid};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyBool, PyBytes};

use crate::error;
use crate::memory;
use crate::types::Types;
use howdah_ffi::slots::TwoSlots;
use howdah_ffi::values;

#[inline]
pub(super) fn bytes<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    Ok(values::bytes(py, data)?.into_any())
}

pub(super) fn bytea<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let bad = |e| error::decode(py, e, data);
    if let Some(len) = bytea_codec::hex_length(data) {
        let made = PyBytes::new_with(py, len, |out| {
            bytea_codec::bytea_from_hex(data, out).map_err(bad)
        })?;
        return Ok(made.into_any());
    }
    let mut out = Vec::new();
    memory::room(&mut out, data.len())?;
    bytea_codec::bytea_from_text(data, &mut out).map_err(bad)?;
    bytes(py, &out)
}

#[inline]
pub(super) fn bool_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    bool(py, data, boolean::bool_from_text(data))
}

#[inline]
pub(super) fn bool_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    bool(py, data, boolean::bool_from_binary(data))
}

#[inline]
fn bool<'py>(
    py: Python<'py>,
    data: &[u8],
    value: Result<bool, DecodeError>,
) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Ok(value) => Ok(PyBool::new(py, value).to_owned().into_any()),
        Err(e) => Err(error::decode(py, e, data)),
    }
}

#[inline]
pub(super) fn int_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    int(py, data, int::int8_from_text(data))
}

#[inline]
pub(super) fn int2_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    int(py, data, int::int2_from_binary(data).map(i64::from))
}

#[inline]
pub(super) fn int4_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    int(py, data, int::int4_from_binary(data).map(i64::from))
}

#[inline]
pub(super) fn int8_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    int(py, data, int::int8_from_binary(data))
}

#[inline]
pub(super) fn oid_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    int(py, data, int::oid_from_binary(data).map(i64::from))
}

#[inline]
fn int<'py>(
    py: Python<'py>,
    data: &[u8],
    value: Result<i64, DecodeError>,
) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Ok(value) => values::int(py, value),
        Err(e) => Err(error::decode_by_class(py, e, data)),
    }
}

/// `float4` too: the shortest digits that the server writes for it are the ones that Python shall show.
#[inline]
pub(super) fn float_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    float(py, data, float::float8_from_text(data))
}

#[inline]
pub(super) fn float4_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    float(py, data, float::float4_from_binary(data).map(f64::from))
}

#[inline]
pub(super) fn float8_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    float(py, data, float::float8_from_binary(data))
}

#[inline]
fn float<'py>(
    py: Python<'py>,
    data: &[u8],
    value: Result<f64, DecodeError>,
) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Ok(value) => values::float(py, value),
        Err(e) => Err(error::decode_by_class(py, e, data)),
    }
}

pub(super) fn uuid_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    make_uuid(
        py,
        uuid::uuid_from_text(data).map_err(|e| error::decode_by_class(py, e, data))?,
    )
}

pub(super) fn uuid_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    make_uuid(
        py,
        uuid::uuid_from_binary(data).map_err(|e| error::decode_by_class(py, e, data))?,
    )
}

/// Fills the two slots that a UUID has: its `__init__` would spend most of the time on checks.
fn make_uuid(py: Python<'_>, bytes: [u8; 16]) -> PyResult<Bound<'_, PyAny>> {
    static SLOTS: PyOnceLock<Option<TwoSlots>> = PyOnceLock::new();
    let types = Types::get(py)?;
    let class = types.uuid.bind(py);
    let number = values::wide_int(py, u128::from_be_bytes(bytes))?;
    match SLOTS.get_or_init(py, || TwoSlots::find(class, ["int", "is_safe"])) {
        Some(slots) => slots.make(py, [number, types.safe_unknown.bind(py).clone()]),
        None => {
            let named = [(intern!(py, "int"), number)].into_py_dict(py)?;
            class.call((), Some(&named))
        }
    }
}
