//! Why a session did not begin, and whose fault it is.

use std::fmt;

use crate::auth::scram::{InvalidNonce, ScramError};
use crate::error::{ProtocolError, UsageError};
use crate::wire::Diagnostic;

/// A session that did not begin. The connection is to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartupError {
    /// The server reported an error before it let the client in: a wrong password, no entry for the host, too many clients.
    Rejected(Diagnostic),
    /// The server reported an error after it had let the client in: an unknown database.
    Server(Diagnostic),
    /// The server broke the protocol.
    Protocol(ProtocolError),
    /// The caller's parameters cannot be sent.
    Usage(UsageError),
    /// Authentication failed on this side: no password, a server that could not prove itself, `require_auth`.
    Auth(String),
    /// The server wants something that this version does not do.
    NotSupported(String),
    /// The server works, but is none of those that `target_session_attrs` asks for: why.
    WrongServer(&'static str),
}

impl StartupError {
    /// What the server reported, if it did.
    #[must_use]
    pub fn diagnostic(&self) -> Option<&Diagnostic> {
        match self {
            Self::Rejected(diagnostic) | Self::Server(diagnostic) => Some(diagnostic),
            _ => None,
        }
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(diagnostic) | Self::Server(diagnostic) => write_report(f, diagnostic),
            Self::Protocol(error) => error.fmt(f),
            Self::Usage(error) => error.fmt(f),
            Self::Auth(text) | Self::NotSupported(text) => f.write_str(text),
            Self::WrongServer(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StartupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Protocol(error) => Some(error),
            Self::Usage(error) => Some(error),
            Self::Rejected(_)
            | Self::Server(_)
            | Self::Auth(_)
            | Self::NotSupported(_)
            | Self::WrongServer(_) => None,
        }
    }
}

impl From<ProtocolError> for StartupError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl From<UsageError> for StartupError {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl From<InvalidNonce> for StartupError {
    fn from(error: InvalidNonce) -> Self {
        Self::Auth(error.to_string())
    }
}

impl From<ScramError> for StartupError {
    fn from(error: ScramError) -> Self {
        match error {
            ScramError::Protocol(error) => Self::Protocol(error),
            ScramError::Refused(text) => Self::Auth(text),
        }
    }
}

/// Writes a diagnostic as libpq reports it: `FATAL:  message`, then `DETAIL:` and `HINT:` lines.
fn write_report(f: &mut fmt::Formatter<'_>, diagnostic: &Diagnostic) -> fmt::Result {
    let text = |field: Option<&[u8]>| field.map(|text| String::from_utf8_lossy(text).into_owned());
    let severity = text(diagnostic.severity()).unwrap_or_default();
    let message = text(diagnostic.message_primary()).unwrap_or_default();
    write!(f, "{severity}:  {message}")?;
    let more = [
        ("DETAIL", diagnostic.message_detail()),
        ("HINT", diagnostic.message_hint()),
    ];
    for (label, field) in more {
        if let Some(field) = text(field) {
            write!(f, "\n{label}:  {field}")?;
        }
    }
    Ok(())
}
