//! The classes of `ipaddress`: `inet` and `cidr`.

use std::net::IpAddr;

use howdah_protocol::connection::Written;
use howdah_types::net::Inet;
use howdah_types::oid;
use pyo3::intern;
use pyo3::prelude::*;

use super::written::{as_binary, as_text};
use crate::format::PyFormat;

/// `inet`, with the longest prefix.
pub(super) fn address(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if want == PyFormat::Text {
        return own_text(value, oid::INET, out);
    }
    Inet::host(packed(value)?).to_binary(false, out);
    Ok(as_binary(oid::INET))
}

/// `inet`, with the prefix of the interface's network.
pub(super) fn interface(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if want == PyFormat::Text {
        return own_text(value, oid::INET, out);
    }
    let address = packed(value)?;
    let prefix = prefix(&value.getattr(intern!(value.py(), "network"))?)?;
    Inet { address, prefix }.to_binary(false, out);
    Ok(as_binary(oid::INET))
}

/// `cidr`.
pub(super) fn network(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if want == PyFormat::Text {
        return own_text(value, oid::CIDR, out);
    }
    let address = packed(&value.getattr(intern!(value.py(), "network_address"))?)?;
    let prefix = prefix(value)?;
    Inet { address, prefix }.to_binary(true, out);
    Ok(as_binary(oid::CIDR))
}

fn own_text(value: &Bound<'_, PyAny>, oid: u32, out: &mut Vec<u8>) -> PyResult<Written> {
    out.extend_from_slice(value.str()?.to_str()?.as_bytes());
    Ok(as_text(oid))
}

fn packed(address: &Bound<'_, PyAny>) -> PyResult<IpAddr> {
    let packed = address.getattr(intern!(address.py(), "packed"))?;
    match packed.extract::<[u8; 4]>() {
        Ok(four) => Ok(four.into()),
        Err(_) => Ok(packed.extract::<[u8; 16]>()?.into()),
    }
}

fn prefix(network: &Bound<'_, PyAny>) -> PyResult<u8> {
    network
        .getattr(intern!(network.py(), "prefixlen"))?
        .extract()
}
