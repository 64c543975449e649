//! Errors by blame: the peer broke the protocol, or the caller misused the engine.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display};

pub use crate::memory::OutOfMemory;

/// The peer broke the protocol; the connection can't be used any more.
///
/// The message says what was wrong and never holds a password, a query or a value.
#[derive(Clone, PartialEq, Eq)]
pub struct ProtocolError {
    // Boxed, so that `Result<(), ProtocolError>` fits a register on the row path.
    what: Box<What>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Message(Cow<'static, str>),
    /// The message may have been right, but it could not be kept.
    OutOfMemory(OutOfMemory),
}

impl ProtocolError {
    /// The peer sent something valid at the wrong time: "got X while expecting Y".
    #[cold]
    pub fn unexpected(got: impl Display, expecting: &str) -> Self {
        Self::from_text(format!("got {got} while expecting {expecting}"))
    }

    /// The peer sent bytes that are not what they claim to be: "malformed X".
    #[cold]
    pub fn malformed(what: impl Display) -> Self {
        Self::from_text(format!("malformed {what}"))
    }

    /// The peer asked for something this driver does not do, or would not accept: the text is the whole message.
    #[cold]
    pub fn refused(why: impl Into<Cow<'static, str>>) -> Self {
        Self::from_text(why)
    }

    /// What there was no memory for, if it is that which has ended the connection.
    pub(crate) fn out_of_memory(&self) -> Option<OutOfMemory> {
        match *self.what {
            What::OutOfMemory(error) => Some(error),
            What::Message(_) => None,
        }
    }

    fn from_text(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            what: Box::new(What::Message(text.into())),
        }
    }
}

impl Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.what {
            What::Message(text) => f.write_str(text),
            What::OutOfMemory(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.what {
            What::Message(text) => f.debug_tuple("ProtocolError").field(text).finish(),
            What::OutOfMemory(error) => fmt::Debug::fmt(error, f),
        }
    }
}

impl Error for ProtocolError {}

impl From<OutOfMemory> for ProtocolError {
    #[cold]
    fn from(error: OutOfMemory) -> Self {
        Self {
            what: Box::new(What::OutOfMemory(error)),
        }
    }
}

/// The caller asked for something that can't be put on the wire; nothing was written and the connection is as before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// A string holds a NUL byte, which the protocol uses to end strings.
    NulInString {
        /// Which string: "query", "portal name", ...
        what: &'static str,
    },
    /// A message or a value is larger than the server accepts (1 GiB).
    MessageTooLarge {
        /// Size in bytes, as far as it was known.
        size: usize,
    },
    /// More parameters than the 16-bit count of the protocol can say.
    TooManyParameters {
        /// How many were given.
        count: usize,
    },
    /// More items of another kind than the count of the protocol can say.
    TooManyItems {
        /// What kind: "columns", "format codes", ...
        what: &'static str,
        /// How many were given.
        count: usize,
    },
    /// The number of format codes is none of 0, 1 and the number of values.
    FormatCountMismatch {
        /// How many format codes were given.
        formats: usize,
        /// How many values were given.
        count: usize,
    },
    /// A list that an empty name ends was given an empty name.
    EmptyName {
        /// Which name: "startup parameter name", "SASL mechanism", ...
        what: &'static str,
    },
    /// There is no memory for the message.
    OutOfMemory(OutOfMemory),
    /// A cancel key has a length that the protocol does not know (4 to 256 bytes).
    InvalidKeyLength {
        /// Length in bytes.
        length: usize,
    },
    /// A field code of an error or notice is zero, which ends the list of fields.
    InvalidFieldCode,
}

impl Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NulInString { what } => write!(f, "{what} cannot contain NUL (0x00) bytes"),
            Self::MessageTooLarge { size } => {
                write!(
                    f,
                    "message of {size} bytes is larger than the server accepts"
                )
            }
            Self::TooManyParameters { count } => {
                write!(
                    f,
                    "number of parameters must be between 0 and 65535, got {count}"
                )
            }
            Self::TooManyItems { what, count } => {
                write!(
                    f,
                    "number of {what} must be between 0 and 65535, got {count}"
                )
            }
            Self::FormatCountMismatch { formats, count } => {
                write!(f, "got {formats} format codes for {count} values")
            }
            Self::EmptyName { what } => write!(f, "{what} cannot be empty"),
            Self::InvalidKeyLength { length } => {
                write!(
                    f,
                    "cancel key must have between 4 and 256 bytes, got {length}"
                )
            }
            Self::OutOfMemory(error) => error.fmt(f),
            Self::InvalidFieldCode => f.write_str("field code of a diagnostic cannot be zero"),
        }
    }
}

impl Error for UsageError {}

impl From<OutOfMemory> for UsageError {
    #[cold]
    fn from(error: OutOfMemory) -> Self {
        Self::OutOfMemory(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_blame() {
        let error = ProtocolError::unexpected("DataRow", "ReadyForQuery");
        assert_eq!(
            error.to_string(),
            "got DataRow while expecting ReadyForQuery"
        );
        assert_eq!(
            ProtocolError::malformed("DataRow").to_string(),
            "malformed DataRow"
        );
        let error = UsageError::TooManyParameters { count: 65_536 };
        assert_eq!(
            error.to_string(),
            "number of parameters must be between 0 and 65535, got 65536"
        );
    }

    #[test]
    fn a_protocol_error_is_one_pointer() {
        assert_eq!(size_of::<Result<(), ProtocolError>>(), size_of::<usize>());
    }
}
