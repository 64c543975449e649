//! Whether a certificate is for the host that the user named, as libpq decides it.
//!
//! Source: libpq 18, "Client Verification of Server Certificates"; RFC 6125 where that follows it.

use std::net::IpAddr;

use super::certificate::{Certificate, Name};

/// Checks that a certificate is for `host`.
///
/// A host name is looked for among the DNS names of subjectAltName, and an address among the IP addresses. If there are none of
/// that kind, the common name of the subject counts.
///
/// # Errors
/// It is for other names, which the text tells.
pub(super) fn check(certificate: &Certificate, host: &str) -> Result<(), String> {
    let names = certificate.alternative_names()?;
    let address = address_of(host);
    let mut examined = Vec::new();
    let mut same_kind = false;
    for name in &names {
        match name {
            Name::Dns(text) => {
                same_kind |= address.is_none();
                examined.push(text.clone());
                if matches(text, host)? {
                    return Ok(());
                }
            }
            Name::Ip(bytes) => {
                same_kind |= address.is_some();
                examined.push(shown(bytes));
                if address.is_some_and(|address| is_address(bytes, address)) {
                    return Ok(());
                }
            }
        }
    }
    if !same_kind && let Some(common) = certificate.common_name() {
        if matches(&common, host)? {
            return Ok(());
        }
        examined.push(common);
    }
    Err(mismatch(&examined, host))
}

fn mismatch(examined: &[String], host: &str) -> String {
    let others = examined.len().saturating_sub(1);
    match examined.first() {
        None => "could not get server's host name from server certificate".to_owned(),
        Some(first) => {
            let first = first.escape_debug();
            let more = match others {
                0 => String::new(),
                1 => " (and 1 other name)".to_owned(),
                others => format!(" (and {others} other names)"),
            };
            format!("server certificate for \"{first}\"{more} does not match host name \"{host}\"")
        }
    }
}

/// Whether a name of a certificate is the host's, or has a wildcard for its first label.
fn matches(name: &str, host: &str) -> Result<bool, String> {
    if name.contains('\0') {
        // Whoever issued it may have read another name.
        return Err("SSL certificate's name contains embedded null".to_owned());
    }
    Ok(name.eq_ignore_ascii_case(host) || matches_wildcard(name, host))
}

fn matches_wildcard(pattern: &str, host: &str) -> bool {
    let Some(suffix) = pattern
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
    else {
        return false;
    };
    let Some(split) = host.len().checked_sub(suffix.len()) else {
        return false;
    };
    let (Some(label), Some(rest)) = (host.get(..split), host.get(split..)) else {
        return false;
    };
    suffix.len() > 1
        && !label.is_empty()
        && !label.contains('.')
        && rest.eq_ignore_ascii_case(suffix)
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.parse().ok()
}

fn is_address(bytes: &[u8], address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => bytes == address.octets(),
        IpAddr::V6(address) => bytes == address.octets(),
    }
}

fn shown(bytes: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return IpAddr::from(octets).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(octets) => IpAddr::from(octets).to_string(),
        Err(_) => format!("an address of {} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_and_in_any_case() {
        for (name, host, same) in [
            ("db.example", "db.example", true),
            ("DB.Example", "db.eXample", true),
            ("db.example", "db.example.org", false),
            ("db.example", "b.example", false),
            ("", "db", false),
            ("*.example", "db.example", true),
            ("*.Example", "db.eXAMPLE", true),
            ("*.example", "a.db.example", false),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("*example", "db.example", false),
            ("*", "db", false),
            ("*.", "db.", false),
            ("d*.example", "db.example", false),
            ("db.*", "db.example", false),
            ("*.\u{e9}", "a\u{e9}", false),
        ] {
            assert_eq!(matches(name, host), Ok(same), "{name} {host}");
        }
        assert!(matches("db.example\0.evil", "db.example").is_err());
    }

    #[test]
    fn addresses_are_compared_as_bytes() {
        let v4 = address_of("127.0.0.1").unwrap();
        assert!(is_address(&[127, 0, 0, 1], v4));
        assert!(!is_address(&[127, 0, 0, 1, 0], v4) && !is_address(&[], v4));
        let v6 = address_of("0::1").unwrap();
        let mut bytes = [0; 16];
        bytes[15] = 1;
        assert!(is_address(&bytes, v6) && !is_address(&[0; 16], v6));
        assert_eq!(shown(&bytes), "::1");
    }
}
