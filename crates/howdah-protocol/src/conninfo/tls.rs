//! The options about TLS.
//!
//! Source: libpq 18, "SSL Support" and "Parameter Key Words"; what libpq does where that leaves it open.

use super::config::{Environment, SslMode, choice, words};
use super::error::ConninfoError;
use super::params::Params;
use super::secrecy::shown;
use crate::auth::Password;

/// The options about TLS. Paths are not looked at here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsOptions {
    /// Whether TLS begins at once, without an SSLRequest.
    pub direct: bool,
    /// The certificates that are trusted to have issued the server's.
    pub roots: RootCertificates,
    /// The certificates that have been revoked: a file.
    pub crl_file: Option<OptionalFile>,
    /// The same: a directory.
    pub crl_dir: Option<String>,
    /// The client's certificate.
    pub certificate: Option<OptionalFile>,
    /// The client's private key.
    pub key: Option<OptionalFile>,
    /// What the key is encrypted with.
    pub key_password: Option<Password>,
    /// Whether the client's certificate is sent.
    pub certificate_mode: SslCertMode,
    /// Whether the server is told, in plaintext, which name it is reached by.
    pub sni: bool,
    /// A file to which the secrets of TLS are appended, for debugging.
    pub key_log: Option<String>,
    /// The lowest version that is acceptable.
    pub min_version: TlsVersion,
    /// The highest version that is acceptable.
    pub max_version: TlsVersion,
}

/// A file that an option names, or that is looked for at its usual place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalFile {
    /// Where it is.
    pub path: String,
    /// Whether an option names it.
    pub is_given: bool,
}

/// The option `sslrootcert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootCertificates {
    /// Those that the operating system trusts.
    System,
    /// Those in a file, if it exists.
    File(OptionalFile),
    /// None is named, and there is no home directory where they would be.
    Nowhere,
}

/// The option `sslcertmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslCertMode {
    /// The client's certificate is never sent.
    Disable,
    /// It is sent if there is one and the server asks for it.
    Allow,
    /// A server that does not ask for it is refused.
    Require,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// 1.0
    Tls1_0,
    /// 1.1
    Tls1_1,
    /// 1.2
    Tls1_2,
    /// 1.3
    Tls1_3,
}

impl TlsOptions {
    /// The options about TLS, checked against each other and against `sslmode`.
    pub(super) fn resolve(
        params: &Params,
        sslmode: SslMode,
        environment: &Environment<'_>,
    ) -> Result<Self, ConninfoError> {
        let file = |name: &str, usual: &str| optional_file(params, name, usual, environment);
        let crl_dir = params.filled("sslcrldir").map(str::to_owned);
        let crl_file = file("sslcrl", "root.crl").filter(|file| file.is_given || crl_dir.is_none());
        let tls = Self {
            direct: choice(params, "sslnegotiation", NEGOTIATION)?,
            roots: match file("sslrootcert", "root.crt") {
                Some(file) if file.path == "system" => RootCertificates::System,
                Some(file) => RootCertificates::File(file),
                None => RootCertificates::Nowhere,
            },
            crl_file,
            crl_dir,
            certificate: file("sslcert", "postgresql.crt"),
            key: file("sslkey", "postgresql.key"),
            key_password: params.filled("sslpassword").map(Password::new),
            certificate_mode: match params.get("sslcertmode") {
                None => SslCertMode::Allow,
                Some(_) => choice(params, "sslcertmode", CERT_MODE)?,
            },
            sni: params
                .get("sslsni")
                .is_some_and(|value| value.starts_with('1')),
            key_log: params.filled("sslkeylogfile").map(str::to_owned),
            min_version: version(params, "ssl_min_protocol_version", TlsVersion::Tls1_0)?,
            max_version: version(params, "ssl_max_protocol_version", TlsVersion::Tls1_3)?,
        };
        tls.check(params, sslmode)?;
        Ok(tls)
    }

    fn check(&self, params: &Params, sslmode: SslMode) -> Result<(), ConninfoError> {
        let named = params.get("sslmode").unwrap_or_default();
        let weak = |option: &str, strong: &str| {
            ConninfoError::operational(format!(
                "weak sslmode \"{named}\" may not be used with {option} (use {strong})"
            ))
        };
        if self.roots == RootCertificates::System && sslmode != SslMode::VerifyFull {
            return Err(weak("sslrootcert=system", "\"verify-full\""));
        }
        let is_weak = matches!(sslmode, SslMode::Disable | SslMode::Allow | SslMode::Prefer);
        if self.direct && is_weak {
            let strong = "\"require\", \"verify-ca\", or \"verify-full\"";
            return Err(weak("sslnegotiation=direct", strong));
        }
        if self.min_version > self.max_version {
            return Err(ConninfoError::operational(
                "invalid SSL protocol version range",
            ));
        }
        if self.max_version < TlsVersion::Tls1_2 && sslmode != SslMode::Disable {
            return Err(ConninfoError::not_supported(
                "ssl_max_protocol_version is below TLSv1.2: older versions of TLS are not supported, as they are not safe",
            ));
        }
        Ok(())
    }
}

const NEGOTIATION: &[(&str, bool)] = &[("postgres", false), ("direct", true)];

const CERT_MODE: &[(&str, SslCertMode)] = &[
    ("disable", SslCertMode::Disable),
    ("allow", SslCertMode::Allow),
    ("require", SslCertMode::Require),
];

const VERSIONS: [(&str, TlsVersion); 4] = [
    ("TLSv1", TlsVersion::Tls1_0),
    ("TLSv1.1", TlsVersion::Tls1_1),
    ("TLSv1.2", TlsVersion::Tls1_2),
    ("TLSv1.3", TlsVersion::Tls1_3),
];

words! {
    SslCertMode: CERT_MODE,
    TlsVersion: VERSIONS,
}

fn optional_file(
    params: &Params,
    name: &str,
    usual: &str,
    environment: &Environment<'_>,
) -> Option<OptionalFile> {
    if let Some(path) = params.filled(name) {
        return Some(OptionalFile {
            path: path.to_owned(),
            is_given: true,
        });
    }
    let directory = environment.system.tls_directory();
    environment.home.map(|home| OptionalFile {
        path: format!("{home}/{directory}{usual}"),
        is_given: false,
    })
}

fn version(params: &Params, name: &str, default: TlsVersion) -> Result<TlsVersion, ConninfoError> {
    let Some(value) = params.filled(name) else {
        return Ok(default);
    };
    let found = VERSIONS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(value));
    found.map(|(_, version)| *version).ok_or_else(|| {
        let value = shown(value);
        ConninfoError::operational(format!("invalid \"{name}\" value: \"{value}\""))
    })
}
