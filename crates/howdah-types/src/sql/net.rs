//! Network addresses and bit strings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Element, IsNull, SqlType, ToSql, Type, scalar_from_sql, scalar_to_sql, to_sql_as};
use crate::bit::Bits;
use crate::net::Inet;
use crate::{DecodeError, EncodeError, Format, memory, oid};

to_sql_as!(IpAddr, Inet, |value| Inet::host(*value));
to_sql_as!(Ipv4Addr, Inet, |value| Inet::host((*value).into()));
to_sql_as!(Ipv6Addr, Inet, |value| Inet::host((*value).into()));
scalar_to_sql!(Bits, oid::BIT | oid::VARBIT, |value, out|
binary {
    memory::room(out, value.len() / 8 + memory::FIXED)?;
    value.to_binary(out);
},
text {
    memory::room(out, value.len())?;
    value.to_text(out);
});

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

impl ToSql for Inet {
    /// Writes it; as a `cidr` only if it is a network, without bits beyond its prefix.
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        if !Self::is_sent_as(ty) {
            return Err(ty.refused::<Self>());
        }
        let cidr = ty.oid() == oid::CIDR;
        if cidr && !self.is_network() {
            return Err(EncodeError::new(
                "cidr",
                "the address has bits beyond the prefix of the network",
            ));
        }
        match format {
            Format::Text => self.to_text(cidr, out),
            Format::Binary => self.to_binary(cidr, out),
        }
        Ok(IsNull::No)
    }
}

impl SqlType for Inet {
    fn is_sent_as(ty: Type<'_>) -> bool {
        matches!(ty.oid(), oid::INET | oid::CIDR | oid::UNKNOWN)
    }
}

impl Element for Inet {}

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
    use crate::{FromSqlOwned, LoadContext};

    fn send(value: &dyn ToSql, ty: u32) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        value
            .to_sql(ty.into(), Format::Binary, &mut out)
            .map(|_| out)
    }

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
        let raw = send(&address, oid::INET).unwrap();
        assert_eq!(read(oid::INET, Format::Binary, &raw), Ok(address));
    }

    #[test]
    fn a_cidr_is_a_network() {
        let inet = |text: &str| Inet::from_text(text.as_bytes()).unwrap();
        for network in [
            "10.0.0.0/8",
            "10.1.2.3/32",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::1",
        ] {
            let raw = send(&inet(network), oid::CIDR).unwrap();
            assert_eq!(read(oid::CIDR, Format::Binary, &raw), Ok(inet(network)));
            assert_eq!(raw[2], 1);
        }
        for host in ["10.1.2.3/8", "10.1.2.3/0", "2001:db8::1/32", "::1/0"] {
            assert!(send(&inet(host), oid::CIDR).is_err(), "{host}");
            assert_eq!(send(&inet(host), oid::INET).unwrap()[2], 0);
        }
        let host = IpAddr::from([10, 1, 2, 3]);
        assert!(send(&host, oid::CIDR).is_ok());
        assert!(send(&host, oid::MACADDR).is_err());
    }

    #[test]
    fn families() {
        let four = Ipv4Addr::LOCALHOST;
        assert_eq!(read(oid::INET, Format::Text, b"127.0.0.1"), Ok(four));
        assert!(read::<Ipv6Addr>(oid::INET, Format::Text, b"127.0.0.1").is_err());
        assert!(read::<Ipv4Addr>(oid::INET, Format::Text, b"::1").is_err());
    }
}
