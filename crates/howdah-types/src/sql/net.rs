//! Network addresses and bit strings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{scalar_from_sql, scalar_to_sql, to_sql_as};
use crate::bit::Bits;
use crate::net::Inet;
use crate::{DecodeError, oid};

scalar_to_sql!(Inet, oid::INET, |value, out|
    binary value.to_binary(false, out),
    text value.to_text(false, out));
to_sql_as!(IpAddr, Inet, |value| Inet::host(*value));
to_sql_as!(Ipv4Addr, Inet, |value| Inet::host((*value).into()));
to_sql_as!(Ipv6Addr, Inet, |value| Inet::host((*value).into()));
scalar_to_sql!(Bits, oid::VARBIT, |value, out|
    binary value.to_binary(out),
    text value.to_text(out));

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
scalar_from_sql!(Bits, |raw, ctx| {
    oid::BIT | oid::VARBIT => Self::from_text(raw), Self::from_binary(raw);
});

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
    fn families() {
        let four = Ipv4Addr::LOCALHOST;
        assert_eq!(read(oid::INET, Format::Text, b"127.0.0.1"), Ok(four));
        assert!(read::<Ipv6Addr>(oid::INET, Format::Text, b"127.0.0.1").is_err());
        assert!(read::<Ipv4Addr>(oid::INET, Format::Text, b"::1").is_err());
    }
}
