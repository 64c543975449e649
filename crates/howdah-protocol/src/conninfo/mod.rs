//! Connection strings: parsing, writing, and the plan of a connection.
//!
//! Nothing here reads the environment, a file or the clock: a shell hands in what it found ([`Environment`]).
//!
//! Source: libpq 18, "Connection Strings" and "Parameter Key Words".

mod config;
mod encoding;
mod encryption;
mod error;
mod keywords;
mod params;
mod parse;
mod passfile;
pub(crate) mod secrecy;
mod service;
mod targets;
mod tls;
mod uri;

pub use config::{
    ChannelBinding, Config, Environment, GssEncMode, Keepalives, LoadBalanceHosts, Passfile,
    SslMode, System, TargetSessionAttrs,
};
pub use encryption::Encryption;
pub use error::{ConninfoError, ConninfoErrorKind};
pub use keywords::{Display, KEYWORDS, Keyword, find as find_keyword};
pub use params::Params;
pub use parse::make;
pub use secrecy::shown;
pub use targets::{Endpoint, Target};
pub use tls::{OptionalFile, RootCertificates, SslCertMode, TlsOptions, TlsVersion};

/// Parses a connection string: `key=value` words or a URI.
///
/// The options come back in libpq's order, with the values that the string gives and no defaults. An option given
/// twice keeps its last value.
///
/// # Errors
/// Malformed text and unknown options, with libpq's message; a NUL anywhere in the text.
///
/// ```
/// let params = howdah_protocol::conninfo::parse("postgresql://ann@db.example:5433/shop").unwrap();
/// assert_eq!(params.get("host"), Some("db.example"));
/// ```
pub fn parse(conninfo: &str) -> Result<Params, ConninfoError> {
    if conninfo.contains('\0') {
        return Err(ConninfoError::programming(
            "connection info string contains a NUL character",
        ));
    }
    match uri::strip_scheme(conninfo) {
        Some(after_scheme) => uri::parse_uri(conninfo, after_scheme),
        None => parse::parse_key_values(conninfo),
    }
}

#[cfg(test)]
mod config_tests;
#[cfg(test)]
mod oracle_tests;
