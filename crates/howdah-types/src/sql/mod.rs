//! [`FromSql`] and [`ToSql`]: the codecs behind Rust types.

mod array;
#[cfg(feature = "bytes")]
mod bytes;
#[cfg(feature = "chrono")]
mod chrono;
mod composite;
mod datetime;
#[cfg(feature = "geo-types")]
mod geo_types;
mod geometry;
mod hstore;
#[cfg(feature = "ipnet")]
mod ipnet;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "serde_json")]
mod json;
mod net;
mod range;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
mod scalar;
#[cfg(feature = "time")]
mod time;
mod types;
#[cfg(feature = "uuid")]
mod uuid;
mod wrapper;

use std::any::type_name;

use crate::{DecodeError, EncodeError, Format, LoadContext, oid};

pub use array::{Item, ItemWriter, Items, Shape};
pub use composite::{Field, FieldWriter, Fields};
#[cfg(feature = "serde_json")]
pub use json::Json;
pub use range::Multirange;
pub use types::{Attribute, Definition, Kind, Type, Types, is_built_in};
pub use wrapper::{MacAddr, MacAddr8, Money, PgLsn};

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
    /// Reads a value that is not NULL, of the type `ty`.
    ///
    /// # Errors
    /// The type is not one that is accepted, or the bytes are not a value of it.
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError>;

    /// Whether values of this type read as this Rust type.
    fn accepts(ty: Type<'_>) -> bool;

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
        ty: Type<'_>,
        format: Format,
        raw: Option<&'a [u8]>,
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match raw {
            Some(raw) => Self::from_sql(ty, format, raw, ctx),
            None => Self::from_null(),
        }
    }

    /// Whether arrays of elements of this type have items that read as this Rust type: lists are items as well.
    #[doc(hidden)]
    fn accepts_item(element: Type<'_>) -> bool {
        Self::accepts(element)
    }

    /// Reads an item of an array.
    #[doc(hidden)]
    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        items.scalar(item)
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

    /// Appends the value in text, whatever its [`format`](Self::format) is: within a composite all is text, so that the
    /// server can make of it what each attribute wants.
    ///
    /// # Errors
    /// As for [`to_sql`](Self::to_sql); also for a type whose format is binary and that does not provide this method.
    fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match self.format() {
            Format::Text => self.to_sql(out),
            Format::Binary => Err(EncodeError::new("value", "its Rust type has no text form")),
        }
    }
}

/// A Rust type that is always sent as the same PostgreSQL type, so that a NULL and an empty list have one too.
pub trait SqlType: ToSql {
    /// What [`ToSql::oid`] gives.
    const OID: u32;
    /// What [`ToSql::format`] gives.
    const FORMAT: Format;
    /// What [`ToSql::oid`] gives for a list of it; 0 lets the server infer it.
    const ARRAY_OID: u32 = oid::array_of(Self::OID);
    /// The OID of what a list of it has as elements: its own, unless it is a list itself.
    const ELEMENT_OID: u32 = Self::OID;
    /// What separates the values of a list in text.
    const DELIMITER: u8 = match Self::OID {
        oid::BOX => b';',
        _ => b',',
    };
}

/// A [`SqlType`] that can be the item of a list: all but `u8`, of which lists are `bytea`.
pub trait Element: SqlType {
    /// How deep it is a list of lists.
    #[doc(hidden)]
    const LEVELS: usize = 0;

    /// Notes how long the lists in it are.
    #[doc(hidden)]
    fn measure(&self, _level: usize, _shape: &mut Shape) -> Result<(), EncodeError> {
        Ok(())
    }

    /// Writes it as an item of an array.
    #[doc(hidden)]
    fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
        writer.scalar(self)
    }
}

impl<'a, T: FromSql<'a>> FromSql<'a> for Option<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        T::from_sql(ty, format, raw, ctx).map(Some)
    }

    fn accepts(ty: Type<'_>) -> bool {
        T::accepts(ty)
    }

    fn from_null() -> Result<Self, DecodeError> {
        Ok(None)
    }

    fn accepts_item(element: Type<'_>) -> bool {
        T::accepts_item(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        match item {
            Item::Null => Ok(None),
            item => T::from_item(item, items).map(Some),
        }
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

    fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match self {
            Some(value) => value.to_sql_text(out),
            None => Ok(IsNull::Yes),
        }
    }
}

impl<T: SqlType> SqlType for Option<T> {
    const OID: u32 = T::OID;
    const FORMAT: Format = T::FORMAT;
    const ARRAY_OID: u32 = T::ARRAY_OID;
    const ELEMENT_OID: u32 = T::ELEMENT_OID;
    const DELIMITER: u8 = T::DELIMITER;
}

impl<T: Element> Element for Option<T> {
    const LEVELS: usize = T::LEVELS;

    fn measure(&self, level: usize, shape: &mut Shape) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.measure(level, shape),
            None => shape.null(T::LEVELS),
        }
    }

    fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.write_item(writer),
            None => {
                writer.null();
                Ok(())
            }
        }
    }
}

/// Implements them for what points to a value: it is sent as the value.
macro_rules! pointer_to_sql {
    ($pointer:ty) => {
        impl<T: ToSql + ?Sized> ToSql for $pointer {
            fn oid(&self) -> u32 {
                (**self).oid()
            }

            fn format(&self) -> Format {
                (**self).format()
            }

            fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
                (**self).to_sql(out)
            }

            fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
                (**self).to_sql_text(out)
            }
        }

        impl<T: SqlType + ?Sized> SqlType for $pointer {
            const OID: u32 = T::OID;
            const FORMAT: Format = T::FORMAT;
            const ARRAY_OID: u32 = T::ARRAY_OID;
            const ELEMENT_OID: u32 = T::ELEMENT_OID;
            const DELIMITER: u8 = T::DELIMITER;
        }

        impl<T: Element + ?Sized> Element for $pointer {
            const LEVELS: usize = T::LEVELS;

            fn measure(&self, level: usize, shape: &mut Shape) -> Result<(), EncodeError> {
                (**self).measure(level, shape)
            }

            fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
                (**self).write_item(writer)
            }
        }
    };
}

pointer_to_sql!(&T);
pointer_to_sql!(Box<T>);

impl<'a, T: FromSql<'a>> FromSql<'a> for Box<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        T::from_sql(ty, format, raw, ctx).map(Self::new)
    }

    fn accepts(ty: Type<'_>) -> bool {
        T::accepts(ty)
    }

    fn from_null() -> Result<Self, DecodeError> {
        T::from_null().map(Self::new)
    }

    fn accepts_item(element: Type<'_>) -> bool {
        T::accepts_item(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        T::from_item(item, items).map(Self::new)
    }
}

/// Implements [`ToSql`], [`SqlType`] and [`Element`] for a type with one OID and format.
macro_rules! scalar_to_sql {
    ($rust:ty, $oid:expr, |$value:ident, $out:ident| binary $binary:expr, text $text:expr) => {
        impl $crate::ToSql for $rust {
            fn oid(&self) -> u32 {
                $oid
            }

            fn to_sql(&self, $out: &mut Vec<u8>) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $binary;
                Ok($crate::IsNull::No)
            }

            fn to_sql_text(
                &self,
                $out: &mut Vec<u8>,
            ) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $text;
                Ok($crate::IsNull::No)
            }
        }

        $crate::sql::sql_type!($rust, $oid, Binary);
    };
    ($rust:ty, $oid:expr, |$value:ident, $out:ident| text $text:expr) => {
        impl $crate::ToSql for $rust {
            fn oid(&self) -> u32 {
                $oid
            }

            fn format(&self) -> $crate::Format {
                $crate::Format::Text
            }

            fn to_sql(&self, $out: &mut Vec<u8>) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $text;
                Ok($crate::IsNull::No)
            }
        }

        $crate::sql::sql_type!($rust, $oid, Text);
    };
}

/// Implements [`ToSql`], [`SqlType`] and [`Element`] for a type that is sent as another one, which `convert` makes of it.
macro_rules! to_sql_as {
    ($rust:ty, $other:ty, |$value:ident| $convert:expr) => {
        impl $crate::ToSql for $rust {
            fn oid(&self) -> u32 {
                <$other as $crate::SqlType>::OID
            }

            fn format(&self) -> $crate::Format {
                <$other as $crate::SqlType>::FORMAT
            }

            fn to_sql(&self, out: &mut Vec<u8>) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $crate::ToSql::to_sql(&$convert, out)
            }

            fn to_sql_text(
                &self,
                out: &mut Vec<u8>,
            ) -> Result<$crate::IsNull, $crate::EncodeError> {
                let $value = self;
                $crate::ToSql::to_sql_text(&$convert, out)
            }
        }

        impl $crate::SqlType for $rust {
            const OID: u32 = <$other as $crate::SqlType>::OID;
            const FORMAT: $crate::Format = <$other as $crate::SqlType>::FORMAT;
        }

        impl $crate::Element for $rust {}
    };
}

/// Implements [`SqlType`] and [`Element`].
macro_rules! sql_type {
    ($rust:ty, $oid:expr, $format:ident) => {
        impl $crate::SqlType for $rust {
            const OID: u32 = $oid;
            const FORMAT: $crate::Format = $crate::Format::$format;
        }

        impl $crate::Element for $rust {}
    };
}

/// Implements [`FromSql`] for an owned type, with one arm for each PostgreSQL type and format. The first arm is what the
/// Rust type takes an untyped value for.
macro_rules! scalar_from_sql {
    ($rust:ty, |$raw:ident, $ctx:ident| {
        $first:pat => $first_text:expr, $first_binary:expr;
        $($oid:pat => $text:expr, $binary:expr;)*
    }) => {
        impl $crate::FromSql<'_> for $rust {
            fn from_sql(
                ty: $crate::Type<'_>,
                format: $crate::Format,
                $raw: &[u8],
                $ctx: &$crate::LoadContext,
            ) -> Result<Self, $crate::DecodeError> {
                let _ = $ctx;
                match (ty.oid(), format) {
                    ($first | $crate::oid::UNKNOWN, $crate::Format::Text) => $first_text,
                    ($first, $crate::Format::Binary) => $first_binary,
                    $(
                        ($oid, $crate::Format::Text) => $text,
                        ($oid, $crate::Format::Binary) => $binary,
                    )*
                    _ => Err(ty.mismatch::<Self>()),
                }
            }

            fn accepts(ty: $crate::Type<'_>) -> bool {
                matches!(ty.oid(), $first | $crate::oid::UNKNOWN $(| $oid)*)
            }
        }
    };
}

/// Implements [`FromSql`] for an owned type that is made of another one, which is read first.
#[cfg(any(
    feature = "bytes",
    feature = "chrono",
    feature = "geo-types",
    feature = "ipnet",
    feature = "jiff",
    feature = "serde_json",
    feature = "time"
))]
macro_rules! from_sql_as {
    ($rust:ty, $other:ty, $convert:expr) => {
        impl $crate::FromSql<'_> for $rust {
            fn from_sql(
                ty: $crate::Type<'_>,
                format: $crate::Format,
                raw: &[u8],
                ctx: &$crate::LoadContext,
            ) -> Result<Self, $crate::DecodeError> {
                if !<Self as $crate::FromSql<'_>>::accepts(ty) {
                    return Err(ty.mismatch::<Self>());
                }
                <$other as $crate::FromSql<'_>>::from_sql(ty, format, raw, ctx).and_then($convert)
            }

            fn accepts(ty: $crate::Type<'_>) -> bool {
                <$other as $crate::FromSql<'_>>::accepts(ty)
            }
        }
    };
}

#[cfg(any(
    feature = "bytes",
    feature = "chrono",
    feature = "geo-types",
    feature = "ipnet",
    feature = "jiff",
    feature = "serde_json",
    feature = "time"
))]
use from_sql_as;
use scalar_from_sql;
use scalar_to_sql;
use sql_type;
use to_sql_as;

#[cfg(test)]
mod tests;
