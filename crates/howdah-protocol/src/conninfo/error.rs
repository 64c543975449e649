//! What can be wrong with a connection string.

use std::fmt;

/// A connection string or option that cannot be used, and why.
///
/// The text is libpq's where libpq has one. It never contains a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConninfoError {
    kind: ConninfoErrorKind,
    message: String,
}

/// Which PEP 249 class a [`ConninfoError`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConninfoErrorKind {
    /// Malformed text or an unknown option: `ProgrammingError`.
    Programming,
    /// A known option with a value that makes no connection: `OperationalError`.
    Operational,
    /// A valid request that this version does not serve: `NotSupportedError`.
    NotSupported,
}

impl ConninfoError {
    /// The class of the error.
    pub fn kind(&self) -> ConninfoErrorKind {
        self.kind
    }

    /// The text, without a final newline.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same with more text behind it.
    pub(super) fn with(mut self, text: &str) -> Self {
        self.message.push_str(text);
        self
    }

    pub(crate) fn programming(message: impl Into<String>) -> Self {
        Self {
            kind: ConninfoErrorKind::Programming,
            message: message.into(),
        }
    }

    pub(crate) fn operational(message: impl Into<String>) -> Self {
        Self {
            kind: ConninfoErrorKind::Operational,
            message: message.into(),
        }
    }

    pub(crate) fn not_supported(message: impl Into<String>) -> Self {
        Self {
            kind: ConninfoErrorKind::NotSupported,
            message: message.into(),
        }
    }
}

impl fmt::Display for ConninfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConninfoError {}
