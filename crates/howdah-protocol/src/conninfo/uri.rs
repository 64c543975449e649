//! Connection URIs: `postgresql://user:password@host:port,host:port/dbname?option=value`.
//!
//! Source: libpq, "Connection URIs". The grammar is libpq's own, which accepts more than RFC 3986: a host list, a
//! query directly after the host, a colon or a slash inside a value.

use super::error::ConninfoError;
use super::params::Params;
use super::parse::{is_secret, store};
use super::secrecy::HIDDEN;

/// The part after the scheme, if the text is a URI.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://")
        .or_else(|| text.strip_prefix("postgres://"))
}

pub(super) fn parse_uri(uri: &str, after_scheme: &str) -> Result<Params, ConninfoError> {
    let (credentials, location) = split_credentials(after_scheme);
    let user = credentials.split(':').next().unwrap_or_default();
    let mut reader = Reader {
        uri,
        // An "@" in the query of a URI without a slash makes credentials of host and query.
        torn: location.contains('@') || user.contains('?'),
        params: Params::new(),
    };
    reader.take_credentials(credentials)?;
    let rest = reader.take_hosts(location)?;
    let rest = reader.take_dbname(rest)?;
    if let Some(query) = rest.strip_prefix('?') {
        reader.take_query(query)?;
    }
    Ok(reader.params.sorted())
}

/// `user:password`, if an `@` comes before the first slash, and what follows.
fn split_credentials(text: &str) -> (&str, &str) {
    let authority = text.split('/').next().unwrap_or_default();
    let credentials = authority
        .split_once('@')
        .map(|(credentials, _)| credentials);
    credentials
        .and_then(|credentials| {
            let rest = text.strip_prefix(credentials)?.strip_prefix('@')?;
            Some((credentials, rest))
        })
        .unwrap_or(("", text))
}

struct Reader<'a> {
    uri: &'a str,
    /// Whether there is an `@` that should have been escaped: errors then quote nothing, as it may be that the password
    /// has not ended yet.
    torn: bool,
    params: Params,
}

impl<'a> Reader<'a> {
    fn take_credentials(&mut self, credentials: &str) -> Result<(), ConninfoError> {
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        self.store_decoded("user", user)?;
        self.store_decoded("password", password)
    }

    /// Reads `host:port,host:port`; what follows begins with a slash, a question mark or not at all.
    fn take_hosts(&mut self, text: &'a str) -> Result<&'a str, ConninfoError> {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        let mut rest = text;
        loop {
            let (host, after) = self.take_host(rest)?;
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
        self.store_decoded("host", &hosts.join(","))?;
        self.store_decoded("port", &ports.join(","))?;
        Ok(rest)
    }

    fn take_host(&self, text: &'a str) -> Result<(&'a str, &'a str), ConninfoError> {
        let Some(bracketed) = text.strip_prefix('[') else {
            return Ok(split_at_any(text, ":/?,"));
        };
        let Some((host, rest)) = bracketed.split_once(']') else {
            let problem =
                "end of string reached when looking for matching \"]\" in IPv6 host address in URI";
            return Err(self.in_uri(problem));
        };
        if host.is_empty() {
            return Err(self.in_uri("IPv6 host address may not be empty in URI"));
        }
        match rest.chars().next() {
            None | Some(':' | '/' | '?' | ',') => Ok((host, rest)),
            Some(c) => {
                let c = if self.torn {
                    HIDDEN.into()
                } else {
                    c.to_string()
                };
                let position = self.uri.len().saturating_sub(rest.len()).saturating_add(1);
                Err(self.in_uri(&format!(
                    "unexpected character \"{c}\" at position {position} in URI (expected \":\" or \"/\")"
                )))
            }
        }
    }

    fn take_dbname(&mut self, text: &'a str) -> Result<&'a str, ConninfoError> {
        let Some(path) = text.strip_prefix('/') else {
            return Ok(text);
        };
        let (dbname, rest) = split_at_any(path, "?");
        self.store_decoded("dbname", dbname)?;
        Ok(rest)
    }

    fn take_query(&mut self, query: &str) -> Result<(), ConninfoError> {
        // A final "&" ends the last option; it does not begin an empty one.
        let query = query
            .strip_suffix('&')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(query);
        if query.is_empty() {
            return Ok(());
        }
        let mut after_secret = false;
        for option in query.split('&') {
            after_secret = self.take_option(option, after_secret)?;
        }
        Ok(())
    }

    /// Reads one option; tells whether it is a secret one. Behind such a one an unknown option may be the rest of it.
    fn take_option(&mut self, option: &str, after_secret: bool) -> Result<bool, ConninfoError> {
        let hide = after_secret || self.torn;
        let error = |problem: &str, name: &str| {
            let name = if hide { HIDDEN } else { name };
            Err(ConninfoError::programming(format!("{problem}: \"{name}\"")))
        };
        let Some((name, value)) = option.split_once('=') else {
            let problem = "missing key/value separator \"=\" in URI query parameter";
            return error(problem, option);
        };
        if value.contains('=') {
            let problem = "extra key/value separator \"=\" in URI query parameter";
            return error(problem, name);
        }
        let name = decode(name, hide)?;
        let known = name == "requiressl" || super::keywords::find(&name).is_some();
        let secret = is_secret(&name);
        let value = decode(value, secret || self.torn || (after_secret && !known))?;
        if name == "ssl" && value == "true" {
            // The spelling of JDBC URIs.
            self.params.set("sslmode", "require")?;
        } else if known {
            store(&mut self.params, &name, value)?;
        } else {
            let hint = if hide {
                String::new()
            } else {
                super::keywords::near_miss(&name)
            };
            let error = error("invalid URI query parameter", &name);
            return error.map_err(|error| error.with(&hint));
        }
        Ok(secret)
    }

    fn store_decoded(&mut self, name: &str, encoded: &str) -> Result<(), ConninfoError> {
        if encoded.is_empty() {
            return Ok(());
        }
        // A URI that lacks its host has the password for its port.
        let hide = is_secret(name) || name == "port" || self.torn;
        let value = decode(encoded, hide)?;
        self.params.set(name, value)
    }

    /// An error that quotes the URI, without the password and the query, which may hold one too.
    fn in_uri(&self, problem: &str) -> ConninfoError {
        if self.torn {
            return ConninfoError::programming(format!("{problem}: \"{HIDDEN}\""));
        }
        let after_scheme = strip_scheme(self.uri).unwrap_or_default();
        let scheme = self.uri.strip_suffix(after_scheme).unwrap_or_default();
        let (credentials, location) = split_credentials(after_scheme);
        let at = if location.len() < after_scheme.len() {
            "@"
        } else {
            ""
        };
        let credentials = match credentials.split_once(':') {
            None | Some((_, "")) => credentials.to_owned(),
            Some((user, _)) => format!("{user}:{HIDDEN}"),
        };
        let (location, query) = location
            .split_once('?')
            .map_or((location, ""), |(location, _)| (location, "?***"));
        ConninfoError::programming(format!(
            "{problem}: \"{scheme}{credentials}{at}{location}{query}\""
        ))
    }
}

/// Undoes percent-encoding, and trims spaces as libpq does.
fn decode(encoded: &str, secret: bool) -> Result<String, ConninfoError> {
    let shown = if secret { HIDDEN } else { encoded };
    let error = |problem: &str| ConninfoError::programming(format!("{problem}: \"{shown}\""));
    let trimmed = encoded.trim_matches(' ');
    let (word, spaces) = trimmed.split_at(trimmed.find(' ').unwrap_or(trimmed.len()));
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
