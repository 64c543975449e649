//! Connection URIs: `postgresql://user:password@host:port,host:port/dbname?option=value`.
//!
//! Source: libpq, "Connection URIs". The grammar is libpq's own, which accepts more than RFC 3986: a host list, a
//! query directly after the host, a colon or a slash inside a value.

use super::error::ConninfoError;
use super::params::Params;
use super::parse::{is_secret, is_space, store};

/// The part after the scheme, if the text is a URI.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://")
        .or_else(|| text.strip_prefix("postgres://"))
}

pub(super) fn parse_uri(uri: &str, after_scheme: &str) -> Result<Params, ConninfoError> {
    let mut params = Params::new();
    let rest = take_credentials(after_scheme, &mut params)?;
    let rest = take_hosts(rest, uri, &mut params)?;
    let rest = take_dbname(rest, &mut params)?;
    if let Some(query) = rest.strip_prefix('?') {
        take_query(query, &mut params)?;
    }
    Ok(params.sorted())
}

/// Reads `user:password@`, if an `@` comes before the first slash.
fn take_credentials<'a>(text: &'a str, params: &mut Params) -> Result<&'a str, ConninfoError> {
    let Some((credentials, rest)) = split_credentials(text) else {
        return Ok(text);
    };
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    store_decoded(params, "user", user)?;
    store_decoded(params, "password", password)?;
    Ok(rest)
}

fn split_credentials(text: &str) -> Option<(&str, &str)> {
    let authority = text.split('/').next().unwrap_or_default();
    let (credentials, _) = authority.split_once('@')?;
    Some((
        credentials,
        text.strip_prefix(credentials)?.strip_prefix('@')?,
    ))
}

/// Reads `host:port,host:port`; what follows begins with a slash, a question mark or not at all.
fn take_hosts<'a>(text: &'a str, uri: &str, params: &mut Params) -> Result<&'a str, ConninfoError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    let mut rest = text;
    loop {
        let (host, after) = take_host(rest, uri)?;
        let (port, after) = match after.strip_prefix(':') {
            Some(port) => split_at_any(port, "/?,"),
            None => ("", after),
        };
        hosts.push(host);
        ports.push(port);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => {
                rest = after;
                break;
            }
        }
    }
    store_decoded(params, "host", &hosts.join(","))?;
    store_decoded(params, "port", &ports.join(","))?;
    Ok(rest)
}

fn take_host<'a>(text: &'a str, uri: &str) -> Result<(&'a str, &'a str), ConninfoError> {
    let Some(bracketed) = text.strip_prefix('[') else {
        return Ok(split_at_any(text, ":/?,"));
    };
    let Some((host, rest)) = bracketed.split_once(']') else {
        let problem =
            "end of string reached when looking for matching \"]\" in IPv6 host address in URI";
        return Err(in_uri(problem, uri));
    };
    if host.is_empty() {
        return Err(in_uri("IPv6 host address may not be empty in URI", uri));
    }
    match rest.chars().next() {
        None | Some(':' | '/' | '?' | ',') => Ok((host, rest)),
        Some(c) => {
            let position = uri.len().saturating_sub(rest.len()).saturating_add(1);
            let problem = format!(
                "unexpected character \"{c}\" at position {position} in URI (expected \":\" or \"/\")"
            );
            Err(in_uri(&problem, uri))
        }
    }
}

fn take_dbname<'a>(text: &'a str, params: &mut Params) -> Result<&'a str, ConninfoError> {
    let Some(path) = text.strip_prefix('/') else {
        return Ok(text);
    };
    let (dbname, rest) = split_at_any(path, "?");
    store_decoded(params, "dbname", dbname)?;
    Ok(rest)
}

fn take_query(query: &str, params: &mut Params) -> Result<(), ConninfoError> {
    // A final "&" ends the last option; it does not begin an empty one.
    let query = query
        .strip_suffix('&')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(query);
    if query.is_empty() {
        return Ok(());
    }
    query
        .split('&')
        .try_for_each(|option| take_option(option, params))
}

fn take_option(option: &str, params: &mut Params) -> Result<(), ConninfoError> {
    let error = |problem: &str, name: &str| {
        Err(ConninfoError::programming(format!("{problem}: \"{name}\"")))
    };
    let Some((name, value)) = option.split_once('=') else {
        return error(
            "missing key/value separator \"=\" in URI query parameter",
            option,
        );
    };
    if value.contains('=') {
        return error(
            "extra key/value separator \"=\" in URI query parameter",
            name,
        );
    }
    let name = decode(name, false)?;
    let value = decode(value, is_secret(&name))?;
    if name == "ssl" && value == "true" {
        // The spelling of JDBC URIs.
        return params.set("sslmode", "require");
    }
    if name != "requiressl" && super::keywords::find(&name).is_none() {
        return error("invalid URI query parameter", &name);
    }
    store(params, &name, value)
}

fn store_decoded(params: &mut Params, name: &str, encoded: &str) -> Result<(), ConninfoError> {
    if encoded.is_empty() {
        return Ok(());
    }
    params.set(name, decode(encoded, is_secret(name))?)
}

/// Undoes percent-encoding, and trims white space as libpq does.
fn decode(encoded: &str, secret: bool) -> Result<String, ConninfoError> {
    let shown = if secret { "***" } else { encoded };
    let error = |problem: &str| ConninfoError::programming(format!("{problem}: \"{shown}\""));
    let trimmed = encoded.trim_matches(is_space);
    let (word, spaces) = trimmed.split_at(trimmed.find(is_space).unwrap_or(trimmed.len()));
    let mut decoded = Vec::with_capacity(word.len());
    let mut bytes = word.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        match (
            bytes.next().and_then(hex_digit),
            bytes.next().and_then(hex_digit),
        ) {
            (Some(0), Some(0)) => {
                return Err(error("forbidden value %00 in percent-encoded value"));
            }
            (Some(high), Some(low)) => decoded.push(high << 4 | low),
            _ => return Err(error("invalid percent-encoded token")),
        }
    }
    if !spaces.is_empty() {
        let problem = format!(
            "unexpected spaces found in \"{shown}\", use percent-encoded spaces (%20) instead"
        );
        return Err(ConninfoError::programming(problem));
    }
    String::from_utf8(decoded).map_err(|_| error("percent-encoded value is not UTF-8"))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn split_at_any<'a>(text: &'a str, stops: &str) -> (&'a str, &'a str) {
    text.split_at(text.find(|c| stops.contains(c)).unwrap_or(text.len()))
}

/// An error that quotes the URI, without the password and the query, which may hold one too.
fn in_uri(problem: &str, uri: &str) -> ConninfoError {
    let after_scheme = strip_scheme(uri).unwrap_or_default();
    let scheme = uri.strip_suffix(after_scheme).unwrap_or_default();
    let (credentials, location) = match split_credentials(after_scheme) {
        None => (String::new(), after_scheme),
        Some((credentials, location)) => match credentials.split_once(':') {
            None | Some((_, "")) => (format!("{credentials}@"), location),
            Some((user, _)) => (format!("{user}:***@"), location),
        },
    };
    let (location, query) = location
        .split_once('?')
        .map_or((location, ""), |(location, _)| (location, "?***"));
    ConninfoError::programming(format!(
        "{problem}: \"{scheme}{credentials}{location}{query}\""
    ))
}
