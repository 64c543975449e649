//! Which encryption a server is tried with.
//!
//! Source: libpq 18, "Parameter Key Words"; where that leaves it open, `init_allowed_encryption_methods` and
//! `select_next_encryption_method`.

use super::config::{ChannelBinding, Config, GssEncMode, SslMode};
use super::error::ConninfoError;
use super::tls::SslCertMode;

/// How one attempt to connect is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    Plain,
    /// With TLS.
    Tls,
    /// With GSSAPI.
    Gss,
}

impl Config {
    /// The encryptions to try a server with, in this order; `local` is whether it is reached by a Unix socket, where there is
    /// none: nothing may be tried if `gssencmode` requires one.
    ///
    /// Where the server says that it does not have one, or there is no ticket for it, the next takes its place on the same
    /// connection; where it fails otherwise, on another one.
    #[must_use]
    pub fn encryptions(&self, local: bool) -> &'static [Encryption] {
        use Encryption::{Gss, Plain, Tls};
        let all: &'static [Encryption] = match self.sslmode {
            SslMode::Disable => &[Gss, Plain],
            SslMode::Allow => &[Gss, Plain, Tls],
            SslMode::Prefer => &[Gss, Tls, Plain],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Gss, Tls],
        };
        match self.gssencmode {
            GssEncMode::Require if local => &[],
            _ if local => &[Plain],
            GssEncMode::Require => &[Gss],
            GssEncMode::Prefer => all,
            GssEncMode::Disable => all.get(1..).unwrap_or_default(),
        }
    }

    /// Does without encryption by GSSAPI, for a program that was built without it.
    ///
    /// # Errors
    /// It is required.
    pub fn without_gss_encryption(mut self) -> Result<Self, ConninfoError> {
        if self.gssencmode == GssEncMode::Require {
            return Err(ConninfoError::not_supported(
                "gssencmode value \"require\" is not supported: howdah was built without its feature \"gssapi\"",
            ));
        }
        self.gssencmode = GssEncMode::Disable;
        Ok(self)
    }

    /// Does without TLS, for a program that was built without it: nobody is asked for it. Files that options name are not looked
    /// at, as by a libpq that was built without.
    ///
    /// # Errors
    /// It is required, or something that only TLS gives.
    pub fn without_tls(mut self) -> Result<Self, ConninfoError> {
        // `sslrootcert=system` and `sslnegotiation=direct` imply one of these modes, or are refused before.
        let required = match self.sslmode {
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => {
                Some(("sslmode", self.sslmode.as_str()))
            }
            _ if self.tls.certificate_mode == SslCertMode::Require => {
                Some(("sslcertmode", "require"))
            }
            _ if self.channel_binding == ChannelBinding::Require => {
                Some(("channel_binding", "require"))
            }
            _ => None,
        };
        if let Some((option, value)) = required {
            return Err(ConninfoError::not_supported(format!(
                "{option} value \"{value}\" is not supported: howdah was built without its feature \"rustls\"",
            )));
        }
        self.sslmode = SslMode::Disable;
        Ok(self)
    }
}
