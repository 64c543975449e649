//! Bytes to messages and back, for both directions of protocol 3.0 and 3.2.
//!
//! [`frame_header`] finds a message in the receive buffer, [`BackendMessage::decode`] reads its body, the functions of
//! [`frontend`] append requests to an outgoing buffer. [`FrontendMessage`] and [`BackendMessage::encode`] are the other
//! direction, for servers and tests. Strings are byte slices: the client encoding is the caller's business.
//! Source: PostgreSQL documentation, "Message Formats".

pub mod backend;
pub mod copy;
pub mod frontend;
mod read;
pub mod trace;
mod write;

pub use backend::{
    Authentication, BackendMessage, CopyResponse, DataRow, Diagnostic, FieldDescription, Fields,
    affected_rows, check_data_row, fields,
};
pub use frontend::{FrontendMessage, IsNull, Secret, Target};
pub(crate) use read::Reader;

use crate::error::ProtocolError;

/// Bytes of a frame before its body: the tag and the length.
pub const HEADER_LEN: usize = 5;

/// The largest length word the server takes or makes: its `MaxAllocSize` less one.
pub const MAX_MESSAGE_LEN: usize = 0x3fff_fffe;

/// What the server says of the transaction in each ReadyForQuery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionStatus {
    /// Not in a transaction block ('I').
    Idle,
    /// In a transaction block ('T').
    InTransaction,
    /// In a failed transaction block: everything is refused until it ends ('E').
    Failed,
}

impl TransactionStatus {
    /// The status for the byte of ReadyForQuery, if there is one.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            b'I' => Some(Self::Idle),
            b'T' => Some(Self::InTransaction),
            b'E' => Some(Self::Failed),
            _ => None,
        }
    }

    /// The byte of ReadyForQuery.
    #[must_use]
    pub const fn as_byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::InTransaction => b'T',
            Self::Failed => b'E',
        }
    }
}

/// Text or binary representation of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Format code 0.
    #[default]
    Text,
    /// Format code 1.
    Binary,
}

impl Format {
    /// The format for a format code, if there is one.
    #[must_use]
    pub const fn from_code(code: i16) -> Option<Self> {
        match code {
            0 => Some(Self::Text),
            1 => Some(Self::Binary),
            _ => None,
        }
    }

    /// The format code.
    #[must_use]
    pub const fn code(self) -> i16 {
        match self {
            Self::Text => 0,
            Self::Binary => 1,
        }
    }
}

/// The first five bytes of a message: what it is and how long its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The message type.
    pub tag: u8,
    /// Bytes after the header.
    pub body_len: usize,
}

impl FrameHeader {
    /// Bytes of the whole message, header included.
    #[must_use]
    pub const fn frame_len(self) -> usize {
        HEADER_LEN + self.body_len
    }
}

/// How long a message from the server may be, by its type.
///
/// A length is judged as soon as the header is there, so a lying peer can't make the receive buffer grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    authentication: usize,
    diagnostic: usize,
    short: usize,
    long: usize,
}

impl Limits {
    /// Until AuthenticationOk: what libpq allows a server that nobody knows yet.
    pub const BEFORE_AUTHENTICATION: Self = Self {
        authentication: 2_000,
        diagnostic: 30_000,
        short: 2_000,
        long: 2_000,
    };

    /// After AuthenticationOk: rows and other long messages up to [`MAX_MESSAGE_LEN`], all others up to 1 MiB.
    pub const SESSION: Self = Self {
        authentication: 2_000,
        diagnostic: MAX_MESSAGE_LEN,
        short: 1 << 20,
        long: MAX_MESSAGE_LEN,
    };

    /// The same limits, with none above `len`.
    #[must_use]
    pub fn capped_at(self, len: usize) -> Self {
        Self {
            authentication: self.authentication.min(len),
            diagnostic: self.diagnostic.min(len),
            short: self.short.min(len),
            long: self.long.min(len),
        }
    }

    /// The largest length word for a message type, `None` if the server has no such message.
    #[inline]
    fn for_tag(&self, tag: u8) -> Option<usize> {
        match tag {
            b'D' | b'd' | b'T' | b'V' | b'A' => Some(self.long),
            b'E' | b'N' => Some(self.diagnostic),
            b'R' => Some(self.authentication),
            b'1' | b'2' | b'3' | b'C' | b'G' | b'H' | b'I' | b'K' | b'S' | b'W' | b'Z' | b'c'
            | b'n' | b's' | b't' | b'v' => Some(self.short),
            _ => None,
        }
    }
}

/// The header of the message from the server that starts at `buf`; `None` if fewer than five bytes are there.
///
/// # Errors
/// An unknown type, or a length below 4 or above the limit for the type: reported before the body has arrived.
#[inline]
pub fn frame_header(buf: &[u8], limits: &Limits) -> Result<Option<FrameHeader>, ProtocolError> {
    let Some(&[tag, a, b, c, d]) = buf.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let Some(limit) = limits.for_tag(tag) else {
        return Err(unknown_tag(tag));
    };
    body_len([a, b, c, d], limit)
        .map(|body_len| Some(FrameHeader { tag, body_len }))
        .ok_or_else(|| bad_length(tag, [a, b, c, d]))
}

/// The body of the message at the start of `buf`, if it is a DataRow and all of it is there, and what follows it.
#[inline]
pub(crate) fn whole_data_row(buf: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[tag, a, b, c, d], rest) = buf.split_first_chunk::<HEADER_LEN>()?;
    let len = body_len([a, b, c, d], Limits::SESSION.long)?;
    rest.split_at_checked(len).filter(|_| tag == b'D')
}

/// The body's length that a length word stands for, if it lies between 4 and the limit.
#[inline]
fn body_len(word: [u8; 4], limit: usize) -> Option<usize> {
    let len = usize::try_from(i32::from_be_bytes(word)).ok()?;
    if len > limit {
        return None;
    }
    len.checked_sub(4)
}

#[cold]
fn unknown_tag(tag: u8) -> ProtocolError {
    ProtocolError::unexpected(
        format_args!("message type '{}'", tag.escape_ascii()),
        "a message of the PostgreSQL protocol",
    )
}

#[cold]
fn bad_length(tag: u8, word: [u8; 4]) -> ProtocolError {
    ProtocolError::malformed(format_args!(
        "message of type '{}': its length cannot be {}",
        tag.escape_ascii(),
        i32::from_be_bytes(word)
    ))
}

#[cfg(test)]
mod tests;
