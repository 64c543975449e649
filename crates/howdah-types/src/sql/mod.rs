//! [`FromSql`] and [`ToSql`]: the codecs behind Rust types.

mod array;
#[cfg(feature = "chrono")]
mod chrono;
mod datetime;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "serde_json")]
mod json;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
mod scalar;
mod structure;
#[cfg(feature = "uuid")]
mod uuid;

use std::any::type_name;

use crate::{DecodeError, EncodeError, Format, LoadContext};

/// Whether a value is NULL; see [`ToSql::to_sql`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    /// The value is NULL and nothing was appended.
    Yes,
    /// The value was appended, perhaps as no bytes at all.
    No,
}

/// A Rust type that values of the server are read as.
///
/// Integers and floats widen where nothing is lost (`int2` reads as `i64`); every other pair of types is a
/// [`Mismatch`](crate::DecodeErrorKind::Mismatch) that names both.
pub trait FromSql<'a>: Sized {
    /// Reads a value that is not NULL, of the type with the OID `ty`.
    ///
    /// # Errors
    /// The type is not one that is accepted, or the bytes are not a value of it.
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError>;

    /// Whether values of the type with this OID read as this Rust type.
    fn accepts(oid: u32) -> bool;

    /// Reads a NULL.
    ///
    /// # Errors
    /// Always, unless the type is an `Option`.
    fn from_null() -> Result<Self, DecodeError> {
        Err(DecodeError::null(type_name::<Self>()))
    }

    /// Reads a value or a NULL.
    ///
    /// # Errors
    /// As for [`from_sql`](Self::from_sql) and [`from_null`](Self::from_null).
    fn from_nullable(
        ty: u32,
        format: Format,
        raw: Option<&'a [u8]>,
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match raw {
            Some(raw) => Self::from_sql(ty, format, raw, ctx),
            None => Self::from_null(),
        }
    }
}

/// A type that can be read without borrowing from the bytes.
pub trait FromSqlOwned: for<'a> FromSql<'a> {}

impl<T: for<'a> FromSql<'a>> FromSqlOwned for T {}

/// A Rust value that can be sent as a parameter.
///
/// It is `Sync`, so that parameters can be held by a future that moves between threads.
pub trait ToSql: Sync {
    /// The OID that the parameter is declared with; 0 lets the server infer it, as it does for a literal in quotes.
    fn oid(&self) -> u32;

    /// The format that [`to_sql`](Self::to_sql) writes.
    fn format(&self) -> Format {
        Format::Binary
    }

    /// Appends the value, without a length, unless it is NULL.
    ///
    /// # Errors
    /// The value has no representation in PostgreSQL. `out` may then hold part of it.
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError>;
}

/// A Rust type that is always sent as the same PostgreSQL type, so that a NULL and an empty list have one too.
pub trait SqlType: ToSql {
    /// What [`ToSql::oid`] gives.
    const OID: u32;
    /// What [`ToSql::format`] gives.
    const FORMAT: Format;
}

/// A [`SqlType`] that can be the element of an array: everything but arrays.
pub trait Element: SqlType {}

impl<'a, T: FromSql<'a>> FromSql<'a> for Option<T> {
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        T::from_sql(ty, format, raw, ctx).map(Some)
    }

    fn accepts(oid: u32) -> bool {
        T::accepts(oid)
    }

    fn from_null() -> Result<Self, DecodeError> {
        Ok(None)
    }
}

impl<T: SqlType> ToSql for Option<T> {
    fn oid(&self) -> u32 {
        T::OID
    }

    fn format(&self) -> Format {
        T::FORMAT
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match self {
            Some(value) => value.to_sql(out),
            None => Ok(IsNull::Yes),
        }
    }
}

impl<T: SqlType> SqlType for Option<T> {
    const OID: u32 = T::OID;
    const FORMAT: Format = T::FORMAT;
}

impl<T: Element> Element for Option<T> {}

impl<T: ToSql + ?Sized> ToSql for &T {
    fn oid(&self) -> u32 {
        (**self).oid()
    }

    fn format(&self) -> Format {
        (**self).format()
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        (**self).to_sql(out)
    }
}

impl<T: SqlType + ?Sized> SqlType for &T {
    const OID: u32 = T::OID;
    const FORMAT: Format = T::FORMAT;
}

impl<T: Element + ?Sized> Element for &T {}

/// Implements [`ToSql`], [`SqlType`] and [`Element`] for a type with one OID and format.
macro_rules! scalar_to_sql {
    ($rust:ty, $oid:expr, $format:expr, |$value:ident, $out:ident| $body:expr) => {
        impl $crate::ToSql for $rust {
            fn oid(&self) -> u32 {
                $oid
            }

            fn format(&self) -> $crate::Format {
                $format
            }

            fn to_sql(&self, $out: &mut Vec<u8>) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $body;
                Ok($crate::IsNull::No)
            }
        }

        impl $crate::SqlType for $rust {
            const OID: u32 = $oid;
            const FORMAT: $crate::Format = $format;
        }

        impl $crate::Element for $rust {}
    };
}

/// Implements [`FromSql`] for an owned type, with one arm for each PostgreSQL type and format.
macro_rules! scalar_from_sql {
    ($rust:ty, |$raw:ident, $ctx:ident| { $($oid:pat => $text:expr, $binary:expr;)+ }) => {
        impl $crate::FromSql<'_> for $rust {
            fn from_sql(
                ty: u32,
                format: $crate::Format,
                $raw: &[u8],
                $ctx: &$crate::LoadContext,
            ) -> Result<Self, $crate::DecodeError> {
                let _ = $ctx;
                match (ty, format) {
                    $(
                        ($oid, $crate::Format::Text) => $text,
                        ($oid, $crate::Format::Binary) => $binary,
                    )+
                    _ => Err($crate::DecodeError::mismatch(ty, std::any::type_name::<Self>())),
                }
            }

            fn accepts(oid: u32) -> bool {
                matches!(oid, $($oid)|+)
            }
        }
    };
}

#[cfg(feature = "serde_json")]
pub use json::Json;
use scalar_from_sql;
use scalar_to_sql;

#[cfg(test)]
mod tests;
