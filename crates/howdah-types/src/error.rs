//! What a codec says when it refuses a value.

use std::fmt;

use crate::memory::OutOfMemory;
use crate::oid;

/// Why bytes from the server, or from a user, are not a value of the expected type.
///
/// Small and static: it carries no copy of the input, the door that has it decides how much of it to show.
///
/// ```
/// use howdah_types::{DecodeError, DecodeErrorKind, Format, FromSql, LoadContext, oid};
///
/// let read = i32::from_sql(oid::INT4.into(), Format::Text, b"seven", &LoadContext::default());
/// assert_eq!(read.unwrap_err().kind(), DecodeErrorKind::Invalid);
///
/// // Of implementations by hand:
/// let errors = [
///     DecodeError::new(DecodeErrorKind::OutOfRange, "int4", "it is odd"),
///     DecodeError::mismatch(oid::TEXT, "Even"),
///     DecodeError::null("Even"),
/// ];
/// assert_eq!(errors[2].kind(), DecodeErrorKind::Null);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    type_name: &'static str,
    detail: &'static str,
}

/// The case of a [`DecodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The bytes are not the representation of any value of the type.
    Invalid,
    /// A binary value is shorter or longer than its type or its own header says.
    Length,
    /// A well-formed value that the result type cannot hold.
    OutOfRange,
    /// `infinity`, and the result type has none.
    Infinity,
    /// `-infinity`, and the result type has none.
    NegInfinity,
    /// A date before the first year that the result type has.
    YearTooSmall,
    /// A date after the last year that the result type has.
    YearTooLarge,
    /// The value was sent in a style that is not read (a DateStyle or IntervalStyle setting, a newer version byte).
    Unsupported,
    /// A type that the function which was called knows nothing of.
    UnknownType,
    /// The PostgreSQL type does not load into the Rust type.
    Mismatch,
    /// A NULL where the Rust type is not an `Option`.
    Null,
    /// There is no memory for the Rust value.
    OutOfMemory,
}

impl DecodeError {
    /// An error of `kind` while reading a value of the PostgreSQL type `type_name`.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, type_name: &'static str, detail: &'static str) -> Self {
        Self {
            kind,
            type_name,
            detail,
        }
    }

    /// The PostgreSQL type `oid` does not load into the Rust type `rust`.
    #[must_use]
    pub fn mismatch(oid: u32, rust: &'static str) -> Self {
        Self::new(DecodeErrorKind::Mismatch, type_name(oid), rust)
    }

    /// A NULL met the Rust type `rust`, which has no place for it.
    #[must_use]
    pub const fn null(rust: &'static str) -> Self {
        Self::new(DecodeErrorKind::Null, "", rust)
    }

    /// Which case this is.
    #[must_use]
    pub const fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// The name of the PostgreSQL type that was read, empty if it does not matter.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// What is wrong; for `Mismatch` and `Null` the name of the Rust type.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.detail
    }

    pub(crate) const fn invalid(type_name: &'static str, detail: &'static str) -> Self {
        Self::new(DecodeErrorKind::Invalid, type_name, detail)
    }

    pub(crate) const fn length(type_name: &'static str, detail: &'static str) -> Self {
        Self::new(DecodeErrorKind::Length, type_name, detail)
    }

    pub(crate) const fn range(type_name: &'static str, detail: &'static str) -> Self {
        Self::new(DecodeErrorKind::OutOfRange, type_name, detail)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DecodeErrorKind::Mismatch => write!(
                f,
                "PostgreSQL type {} cannot be read as Rust type {}",
                self.type_name, self.detail
            ),
            DecodeErrorKind::Null => write!(f, "NULL cannot be read as Rust type {}", self.detail),
            DecodeErrorKind::OutOfMemory => OutOfMemory.fmt(f),
            _ => write!(f, "cannot read {}: {}", self.type_name, self.detail),
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<OutOfMemory> for DecodeError {
    #[cold]
    fn from(_: OutOfMemory) -> Self {
        Self::new(DecodeErrorKind::OutOfMemory, "", "")
    }
}

/// Why a value cannot be sent as a PostgreSQL type.
///
/// Static as [`DecodeError`] is, but for the integer that does not fit.
///
/// ```
/// use howdah_types::{EncodeError, EncodeErrorKind, Format, ToSql, oid};
///
/// let sent = 70_000.to_sql(oid::INT2.into(), Format::Binary, &mut Vec::new());
/// assert_eq!(sent.unwrap_err().kind(), EncodeErrorKind::OutOfRange(70_000));
///
/// // Of implementations by hand:
/// let errors = [
///     EncodeError::new("int4", "it is odd"),
///     EncodeError::mismatch("text", "Even"),
///     EncodeError::out_of_range("int2", 70_000, "Even"),
/// ];
/// assert_eq!(errors[1].kind(), EncodeErrorKind::Mismatch);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodeError {
    case: EncodeCase,
    /// What is out of range, as bytes: an `i128` within the case would make the tag of every `Result` 16 bytes long, and each test
    /// of one wait for two stores.
    integer: [u8; 16],
    type_name: &'static str,
    detail: &'static str,
}

/// The case of an [`EncodeError`], without what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EncodeCase {
    Invalid,
    OutOfRange,
    Mismatch,
    OutOfMemory,
}

/// The case of an [`EncodeError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The PostgreSQL type has no such value, or no form of it that could be written.
    Invalid,
    /// This integer is beyond the range of the PostgreSQL type.
    OutOfRange(i128),
    /// The Rust type is not sent as the PostgreSQL type.
    Mismatch,
    /// There is no memory for the value as it is sent.
    OutOfMemory,
}

impl EncodeError {
    /// An error while writing a value of the PostgreSQL type `type_name`.
    #[must_use]
    pub const fn new(type_name: &'static str, detail: &'static str) -> Self {
        Self::of_case(EncodeCase::Invalid, type_name, detail)
    }

    /// A value of the Rust type `rust` is not sent as the PostgreSQL type `type_name`.
    #[must_use]
    pub const fn mismatch(type_name: &'static str, rust: &'static str) -> Self {
        Self::of_case(EncodeCase::Mismatch, type_name, rust)
    }

    /// An integer of the Rust type `rust` is beyond the range of the PostgreSQL type `type_name`.
    #[must_use]
    pub const fn out_of_range(type_name: &'static str, value: i128, rust: &'static str) -> Self {
        Self {
            integer: value.to_ne_bytes(),
            ..Self::of_case(EncodeCase::OutOfRange, type_name, rust)
        }
    }

    const fn of_case(case: EncodeCase, type_name: &'static str, detail: &'static str) -> Self {
        Self {
            case,
            integer: [0; 16],
            type_name,
            detail,
        }
    }

    /// The same of what is named otherwise.
    pub(crate) const fn with_detail(self, detail: &'static str) -> Self {
        Self { detail, ..self }
    }

    /// Which case this is.
    #[must_use]
    pub const fn kind(&self) -> EncodeErrorKind {
        match self.case {
            EncodeCase::Invalid => EncodeErrorKind::Invalid,
            EncodeCase::OutOfRange => {
                EncodeErrorKind::OutOfRange(i128::from_ne_bytes(self.integer))
            }
            EncodeCase::Mismatch => EncodeErrorKind::Mismatch,
            EncodeCase::OutOfMemory => EncodeErrorKind::OutOfMemory,
        }
    }

    /// The name of the PostgreSQL type that was written.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        self.type_name
    }

    /// What is wrong; for `Mismatch` and `OutOfRange` the name of the Rust type.
    #[must_use]
    pub const fn detail(&self) -> &'static str {
        self.detail
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_name, detail, ..
        } = self;
        match self.kind() {
            EncodeErrorKind::Invalid => write!(f, "cannot write {type_name}: {detail}"),
            EncodeErrorKind::OutOfRange(value) => write!(
                f,
                "{value} of Rust type {detail} is out of range for PostgreSQL type {type_name}"
            ),
            EncodeErrorKind::Mismatch => write!(
                f,
                "Rust type {detail} cannot be sent as PostgreSQL type {type_name}"
            ),
            EncodeErrorKind::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for EncodeError {}

impl From<OutOfMemory> for EncodeError {
    #[cold]
    fn from(_: OutOfMemory) -> Self {
        Self::of_case(EncodeCase::OutOfMemory, "", "")
    }
}

fn type_name(oid: u32) -> &'static str {
    oid::lookup(oid).map_or("with an OID that is not built in", |entry| entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mismatch_names_both_types() {
        let error = DecodeError::mismatch(oid::INT4, "bool");
        assert_eq!(
            error.to_string(),
            "PostgreSQL type int4 cannot be read as Rust type bool"
        );
        let error = DecodeError::mismatch(1_000_000, "bool");
        assert!(error.to_string().contains("not built in"));
    }

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<DecodeError>() <= 40);
        assert!(size_of::<EncodeError>() <= 64);
    }
}
