//! ipnet's networks as `inet` and `cidr`: as the latter, one with bits beyond its prefix is refused.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{from_sql_as, to_sql_as};
use crate::DecodeError;
use crate::net::Inet;

to_sql_as!(IpNet, Inet, |value| from_net(*value));
to_sql_as!(Ipv4Net, Inet, |value| from_net((*value).into()));
to_sql_as!(Ipv6Net, Inet, |value| from_net((*value).into()));
from_sql_as!(IpNet, Inet, net);
from_sql_as!(Ipv4Net, Inet, |value| match net(value)? {
    IpNet::V4(net) => Ok(net),
    IpNet::V6(_) => Err(DecodeError::range("inet", "an IPv6 network")),
});
from_sql_as!(Ipv6Net, Inet, |value| match net(value)? {
    IpNet::V6(net) => Ok(net),
    IpNet::V4(_) => Err(DecodeError::range("inet", "an IPv4 network")),
});

fn from_net(net: IpNet) -> Inet {
    Inet {
        address: net.addr(),
        prefix: net.prefix_len(),
    }
}

fn net(value: Inet) -> Result<IpNet, DecodeError> {
    IpNet::new(value.address, value.prefix)
        .map_err(|_| DecodeError::range("inet", "the prefix is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSql, LoadContext, ToSql, oid};

    #[test]
    fn round_trip() {
        let ctx = LoadContext::default();
        for text in ["10.1.2.3/8", "2001:db8::/32"] {
            let value: IpNet = text.parse().unwrap();
            let mut out = Vec::new();
            value
                .to_sql(oid::INET.into(), Format::Binary, &mut out)
                .unwrap();
            let back = IpNet::from_sql(oid::INET.into(), Format::Binary, &out, &ctx);
            assert_eq!(back, Ok(value));
            let back = IpNet::from_sql(oid::CIDR.into(), Format::Text, text.as_bytes(), &ctx);
            assert_eq!(back, Ok(value));
        }
        let bits: IpNet = "10.1.2.3/8".parse().unwrap();
        let mut out = Vec::new();
        assert!(
            bits.to_sql(oid::CIDR.into(), Format::Binary, &mut out)
                .is_err()
        );
        assert!(
            bits.trunc()
                .to_sql(oid::CIDR.into(), Format::Binary, &mut out)
                .is_ok()
        );
        let raw = b"10.0.0.1";
        let host: Ipv4Net = "10.0.0.1/32".parse().unwrap();
        assert_eq!(
            Ipv4Net::from_sql(oid::INET.into(), Format::Text, raw, &ctx),
            Ok(host)
        );
        assert!(Ipv6Net::from_sql(oid::INET.into(), Format::Text, raw, &ctx).is_err());
        assert!(IpNet::from_sql(oid::TEXT.into(), Format::Text, raw, &ctx).is_err());
    }
}
