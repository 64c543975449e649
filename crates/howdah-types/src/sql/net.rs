//! Network addresses and bit strings.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{scalar_from_sql, scalar_to_sql, to_sql_as};
use crate::bit::Bits;
use crate::net::{
    Inet, macaddr_from_binary, macaddr_from_text, macaddr_to_binary, macaddr_to_text,
};
use crate::{DecodeError, oid};

/// A `macaddr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

/// A `macaddr8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr8(pub [u8; 8]);

scalar_to_sql!(Inet, oid::INET, |value, out| binary value.to_binary(false, out), text value.to_text(false, out));
to_sql_as!(IpAddr, Inet, |value| Inet::host(*value));
to_sql_as!(Ipv4Addr, Inet, |value| Inet::host((*value).into()));
to_sql_as!(Ipv6Addr, Inet, |value| Inet::host((*value).into()));
scalar_to_sql!(MacAddr, oid::MACADDR, |value, out| binary macaddr_to_binary(&value.0, out), text macaddr_to_text(&value.0, out));
scalar_to_sql!(MacAddr8, oid::MACADDR8, |value, out| binary macaddr_to_binary(&value.0, out), text macaddr_to_text(&value.0, out));
scalar_to_sql!(Bits, oid::VARBIT, |value, out| binary value.to_binary(out), text value.to_text(out));

scalar_from_sql!(Inet, |raw, ctx| {
    oid::INET | oid::CIDR => Self::from_text(raw), Self::from_binary(raw);
});
scalar_from_sql!(IpAddr, |raw, ctx| {
    oid::INET | oid::CIDR => Inet::from_text(raw).and_then(host), Inet::from_binary(raw).and_then(host);
});
scalar_from_sql!(Ipv4Addr, |raw, ctx| {
    oid::INET | oid::CIDR => Inet::from_text(raw).and_then(v4), Inet::from_binary(raw).and_then(v4);
});
scalar_from_sql!(Ipv6Addr, |raw, ctx| {
    oid::INET | oid::CIDR => Inet::from_text(raw).and_then(v6), Inet::from_binary(raw).and_then(v6);
});
scalar_from_sql!(MacAddr, |raw, ctx| {
    oid::MACADDR => macaddr_from_text(raw).map(Self), macaddr_from_binary(raw).map(Self);
});
scalar_from_sql!(MacAddr8, |raw, ctx| {
    oid::MACADDR8 => macaddr_from_text(raw).map(Self), macaddr_from_binary(raw).map(Self);
});
scalar_from_sql!(Bits, |raw, ctx| {
    oid::BIT | oid::VARBIT => Self::from_text(raw), Self::from_binary(raw);
});

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_mac(&self.0, f)
    }
}

impl fmt::Display for MacAddr8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_mac(&self.0, f)
    }
}

fn write_mac(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = Vec::new();
    macaddr_to_text(bytes, &mut text);
    f.write_str(&String::from_utf8_lossy(&text))
}

fn host(value: Inet) -> Result<IpAddr, DecodeError> {
    if value.is_host() {
        Ok(value.address)
    } else {
        Err(DecodeError::range("inet", "a network, not an address"))
    }
}

fn v4(value: Inet) -> Result<Ipv4Addr, DecodeError> {
    match host(value)? {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(DecodeError::range("inet", "an IPv6 address")),
    }
}

fn v6(value: Inet) -> Result<Ipv6Addr, DecodeError> {
    match host(value)? {
        IpAddr::V6(address) => Ok(address),
        IpAddr::V4(_) => Err(DecodeError::range("inet", "an IPv4 address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSqlOwned, LoadContext, ToSql};

    fn read<T: FromSqlOwned>(ty: u32, format: Format, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(ty.into(), format, raw, &LoadContext::default())
    }

    #[test]
    fn addresses_and_bits() {
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(read(oid::INET, Format::Text, b"127.0.0.1"), Ok(address));
        assert!(read::<IpAddr>(oid::CIDR, Format::Text, b"127.0.0.0/8").is_err());
        assert_eq!(
            read::<Bits>(oid::BIT, Format::Text, b"101").unwrap().len(),
            3
        );
        let mut out = Vec::new();
        address.to_sql(&mut out).unwrap();
        assert_eq!(read(oid::INET, Format::Binary, &out), Ok(address));
    }

    #[test]
    fn families_and_hardware() {
        let four = Ipv4Addr::LOCALHOST;
        assert_eq!(read(oid::INET, Format::Text, b"127.0.0.1"), Ok(four));
        assert!(read::<Ipv6Addr>(oid::INET, Format::Text, b"127.0.0.1").is_err());
        assert!(read::<Ipv4Addr>(oid::INET, Format::Text, b"::1").is_err());
        let mac = MacAddr([8, 0, 43, 1, 2, 3]);
        let mut out = Vec::new();
        mac.to_sql(&mut out).unwrap();
        assert_eq!(read(oid::MACADDR, Format::Binary, &out), Ok(mac));
        assert_eq!(
            read(oid::MACADDR, Format::Text, mac.to_string().as_bytes()),
            Ok(mac)
        );
        assert_eq!(mac.to_string(), "08:00:2b:01:02:03");
        assert!(read::<MacAddr8>(oid::MACADDR8, Format::Binary, &out).is_err());
    }
}
