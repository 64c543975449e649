//! `inet` and `cidr`.

use std::net::IpAddr;

use howdah_types::DecodeError;
use howdah_types::net::Inet;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

use crate::error;
use crate::types::Types;
use howdah_ffi::values::bytes;

/// An address, or an interface if the prefix is shorter than the address.
pub(super) fn inet_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    inet(py, data, Inet::from_text(data))
}

pub(super) fn inet_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    inet(py, data, Inet::from_binary(data))
}

/// A network.
pub(super) fn cidr_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    cidr(py, data, Inet::from_text(data))
}

pub(super) fn cidr_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    cidr(py, data, Inet::from_binary(data))
}

fn inet<'py>(
    py: Python<'py>,
    data: &[u8],
    value: Result<Inet, DecodeError>,
) -> PyResult<Bound<'py, PyAny>> {
    let value = value.map_err(|e| error::decode_by_class(py, e, data))?;
    let types = &Types::get(py)?.network;
    let packed = packed(py, &value)?;
    if value.is_host() {
        return of_family(&types.addresses, &value)
            .bind(py)
            .call1((packed,));
    }
    of_family(&types.interfaces, &value)
        .bind(py)
        .call1(((packed, value.prefix),))
}

fn cidr<'py>(
    py: Python<'py>,
    data: &[u8],
    value: Result<Inet, DecodeError>,
) -> PyResult<Bound<'py, PyAny>> {
    let value = value.map_err(|e| error::decode_by_class(py, e, data))?;
    let types = &Types::get(py)?.network;
    of_family(&types.networks, &value)
        .bind(py)
        .call1(((packed(py, &value)?, value.prefix),))
        // It has bits to the right of the prefix.
        .map_err(|e| error::of_value(py, e))
}

fn packed<'py>(py: Python<'py>, value: &Inet) -> PyResult<Bound<'py, PyBytes>> {
    match value.address {
        IpAddr::V4(address) => bytes(py, &address.octets()),
        IpAddr::V6(address) => bytes(py, &address.octets()),
    }
}

fn of_family<'a>([four, six]: &'a [Py<PyType>; 2], value: &Inet) -> &'a Py<PyType> {
    if value.address.is_ipv4() { four } else { six }
}
