//! `inet`, `cidr`, `macaddr` and `macaddr8`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::str;

use crate::DecodeError;
use crate::bytea::{hex_digits, hex_value};
use crate::int::int_to_text;
use crate::reader::{Reader, Scanner, fixed};

const NAME: &str = "inet";
/// The server's `PGSQL_AF_INET` and `PGSQL_AF_INET6`, the same on every platform.
const FAMILY_V4: u8 = 2;
const FAMILY_V6: u8 = 3;

/// An `inet` or a `cidr`: an address and the length of its network's prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inet {
    /// The address.
    pub address: IpAddr,
    /// The number of bits that belong to the network: up to 32 for IPv4 and 128 for IPv6.
    pub prefix: u8,
}

impl Inet {
    /// An address on its own, with the longest prefix.
    #[must_use]
    pub const fn host(address: IpAddr) -> Self {
        let prefix = max_prefix(&address);
        Self { address, prefix }
    }

    /// Whether the prefix is as long as the address, so that the text of an `inet` has none.
    #[must_use]
    pub const fn is_host(&self) -> bool {
        self.prefix == max_prefix(&self.address)
    }

    /// Whether no bits are set beyond the prefix, as in a `cidr`.
    #[must_use]
    pub fn is_network(&self) -> bool {
        let prefix = u32::from(self.prefix);
        match self.address {
            IpAddr::V4(address) => address.to_bits().checked_shl(prefix).unwrap_or(0) == 0,
            IpAddr::V6(address) => address.to_bits().checked_shl(prefix).unwrap_or(0) == 0,
        }
    }

    /// Reads the text form, with or without a prefix.
    ///
    /// # Errors
    /// Not an address, or a prefix that is too long.
    pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
        parse(raw).ok_or(DecodeError::invalid(
            NAME,
            "not an address with an optional prefix",
        ))
    }

    /// Reads the binary form of either type.
    ///
    /// # Errors
    /// An unknown family, a prefix that is too long, or a length that contradicts the family.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let [family, prefix, _is_cidr, length] = reader.array()?;
        let address = match (family, length) {
            (FAMILY_V4, 4) => IpAddr::from(reader.array::<4>()?),
            (FAMILY_V6, 16) => IpAddr::from(reader.array::<16>()?),
            _ => return Err(DecodeError::invalid(NAME, "unknown address family")),
        };
        reader.finish()?;
        if prefix > max_prefix(&address) {
            return Err(DecodeError::range(NAME, "prefix longer than the address"));
        }
        Ok(Self { address, prefix })
    }

    /// Appends the text form; the prefix is left out if it is as long as the address, unless `cidr`.
    pub fn to_text(&self, cidr: bool, out: &mut Vec<u8>) {
        let written = match ipv4_compatible(self.address) {
            Some(inner) => write!(out, "::{inner}"),
            None => write!(out, "{}", self.address),
        };
        // Writing to a Vec does not fail.
        debug_assert!(written.is_ok());
        if cidr || !self.is_host() {
            out.push(b'/');
            int_to_text(self.prefix, out);
        }
    }

    /// Appends the binary form, of a `cidr` if asked for.
    pub fn to_binary(&self, cidr: bool, out: &mut Vec<u8>) {
        match self.address {
            IpAddr::V4(address) => {
                out.extend_from_slice(&[FAMILY_V4, self.prefix, u8::from(cidr), 4]);
                out.extend_from_slice(&address.octets());
            }
            IpAddr::V6(address) => {
                out.extend_from_slice(&[FAMILY_V6, self.prefix, u8::from(cidr), 16]);
                out.extend_from_slice(&address.octets());
            }
        }
    }
}

/// Reads a `macaddr` (six bytes) or a `macaddr8` (eight) in text: pairs of digits with or without separators.
///
/// # Errors
/// Not as many hexadecimal digits.
pub fn macaddr_from_text<const N: usize>(raw: &[u8]) -> Result<[u8; N], DecodeError> {
    let mut digits = raw
        .iter()
        .filter(|byte| !matches!(**byte, b':' | b'-' | b'.'));
    let mut nibble = || {
        digits
            .next()
            .map(|digit| hex_value(*digit))
            .filter(|value| *value < 16)
    };
    let mut out = [0; N];
    for byte in &mut out {
        let pair = nibble().zip(nibble());
        let (high, low) = pair.ok_or(DecodeError::invalid("macaddr", "not a MAC address"))?;
        *byte = (high << 4) | low;
    }
    if digits.next().is_some() {
        return Err(DecodeError::invalid("macaddr", "too many digits"));
    }
    Ok(out)
}

/// Reads a `macaddr` (six bytes) or a `macaddr8` (eight) in binary.
///
/// # Errors
/// Not as many bytes.
pub fn macaddr_from_binary<const N: usize>(raw: &[u8]) -> Result<[u8; N], DecodeError> {
    fixed("macaddr", raw)
}

/// Appends a `macaddr` or a `macaddr8` in text, with colons.
pub fn macaddr_to_text(value: &[u8], out: &mut Vec<u8>) {
    for (at, &byte) in value.iter().enumerate() {
        if at > 0 {
            out.push(b':');
        }
        out.extend_from_slice(&hex_digits(byte));
    }
}

/// Appends a `macaddr` or a `macaddr8` in binary.
pub fn macaddr_to_binary(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(value);
}

/// The IPv4 address inside `::1.2.3.4`, which the server writes with dots and the standard library does not.
const fn ipv4_compatible(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    match address.octets() {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] if a != 0 || b != 0 => {
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

const fn max_prefix(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn parse(raw: &[u8]) -> Option<Inet> {
    let slash = raw.iter().position(|byte| *byte == b'/');
    let (address, prefix) = raw.split_at(slash.unwrap_or(raw.len()));
    let host = Inet::host(str::from_utf8(address).ok()?.parse().ok()?);
    if prefix.is_empty() {
        return Some(host);
    }
    let mut scanner = Scanner::new(prefix);
    scanner.eat(b'/');
    let (prefix, _) = scanner.number().filter(|_| scanner.is_empty())?;
    let prefix = u8::try_from(prefix)
        .ok()
        .filter(|prefix| *prefix <= host.prefix)?;
    Some(Inet { prefix, ..host })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: Inet, cidr: bool) -> String {
        let mut out = Vec::new();
        value.to_text(cidr, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses() {
        for (plain, cidr) in [
            ("192.168.0.1", "192.168.0.1/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::1", "::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:1.2.3.4/96", "::ffff:1.2.3.4/96"),
        ] {
            let value = Inet::from_text(plain.as_bytes()).unwrap();
            assert_eq!(text(value, false), plain);
            assert_eq!(text(value, true), cidr);
            assert_eq!(Inet::from_text(cidr.as_bytes()), Ok(value));
        }
        let mut out = Vec::new();
        Inet::from_text(b"10.1.2.3/8")
            .unwrap()
            .to_binary(true, &mut out);
        assert_eq!(out, [2, 8, 1, 4, 10, 1, 2, 3]);
    }

    #[test]
    fn refused() {
        for bad in [
            "",
            "/8",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4/-1",
            "::1/129",
            "1.2.3.4/8/8",
            "1.2.3.4 ",
        ] {
            assert!(Inet::from_text(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for bad in [
            &[][..],
            &[2, 32, 0, 4, 1, 2, 3],
            &[2, 33, 0, 4, 1, 2, 3, 4],
            &[4, 32, 0, 4, 1, 2, 3, 4],
            &[2, 32, 0, 16, 1, 2, 3, 4],
            &[2, 32, 0, 4, 1, 2, 3, 4, 5],
        ] {
            assert!(Inet::from_binary(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn hardware_addresses() {
        let six = [8, 0, 0x2b, 1, 2, 3];
        for form in [
            "08:00:2b:01:02:03",
            "08-00-2B-01-02-03",
            "0800.2b01.0203",
            "08002b010203",
        ] {
            assert_eq!(macaddr_from_text(form.as_bytes()), Ok(six), "{form}");
        }
        let mut out = Vec::new();
        macaddr_to_text(&six, &mut out);
        assert_eq!(out, b"08:00:2b:01:02:03");
        assert!(macaddr_from_text::<8>(&out).is_err());
        assert!(macaddr_from_text::<6>(b"08:00:2b:01:02:03:04").is_err());
        assert!(macaddr_from_text::<6>(b"08:00:2b:01:02:0g").is_err());
        assert_eq!(macaddr_from_binary::<8>(&[1; 8]), Ok([1; 8]));
        assert!(macaddr_from_binary::<8>(&[1; 6]).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(octets: [u8; 16], v4: bool, prefix in 0_u8..=32, cidr: bool) {
            let address = if v4 { IpAddr::from([octets[0], octets[1], octets[2], octets[3]]) } else { IpAddr::from(octets) };
            let value = Inet { address, prefix };
            prop_assert_eq!(Inet::from_text(text(value, cidr).as_bytes()), Ok(value));
            let mut out = Vec::new();
            value.to_binary(cidr, &mut out);
            prop_assert_eq!(Inet::from_binary(&out), Ok(value));
            for length in 0..out.len() {
                prop_assert!(Inet::from_binary(&out[..length]).is_err());
            }
        }
    }
}
