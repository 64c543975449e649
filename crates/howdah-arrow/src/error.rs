//! What is wrong with a value, a column or a request.

use std::fmt;

use arrow_schema::ArrowError;
use howdah_types::memory::OutOfMemory;
use howdah_types::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};

/// Why rows do not become Arrow's, or Arrow's do not become rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The case of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value is malformed, or the type that it is to have cannot hold it.
    Data,
    /// Types that are not converted into each other.
    Unsupported,
    /// What was asked for makes no sense, as a column that there is not.
    Usage,
    /// There is no memory.
    OutOfMemory,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// The same, said of a column.
    #[must_use]
    pub(crate) fn of_column(self, name: &str) -> Self {
        Self::new(self.kind, format!("column {name:?}: {}", self.message))
    }

    /// Which case this is.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::data(error.to_string())
    }
}

/// Why a value is refused: what becomes an [`Error`] when it is known where the value is.
#[derive(Debug)]
pub(crate) enum Fault {
    Decode(DecodeError),
    Encode(EncodeError),
    Other(&'static str),
    /// The same with words that depend on the value.
    Said(Box<str>),
    OutOfMemory,
}

impl Fault {
    /// The error about the value in a row, counted from 0, of a column.
    #[cold]
    pub(crate) fn at(&self, column: &str, row: u64) -> Error {
        let (kind, text) = match self {
            Self::Decode(error) if error.kind() == DecodeErrorKind::OutOfMemory => {
                (ErrorKind::OutOfMemory, error.to_string())
            }
            Self::Encode(error) if error.kind() == EncodeErrorKind::OutOfMemory => {
                (ErrorKind::OutOfMemory, error.to_string())
            }
            Self::OutOfMemory => (ErrorKind::OutOfMemory, "out of memory".to_owned()),
            Self::Decode(error) => (ErrorKind::Data, error.to_string()),
            Self::Encode(error) => (ErrorKind::Data, error.to_string()),
            Self::Other(text) => (ErrorKind::Data, (*text).to_owned()),
            Self::Said(text) => (ErrorKind::Data, text.to_string()),
        };
        Error::new(kind, format!("column {column:?}, row {row}: {text}"))
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<EncodeError> for Fault {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<OutOfMemory> for Fault {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}
