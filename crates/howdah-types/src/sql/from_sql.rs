//! [`FromSql`]: what values of the server are read as.

use std::any::type_name;

use super::{Item, Items, Type};
use crate::{DecodeError, Format, LoadContext};

/// A Rust type that values of the server are read as.
///
/// Integers and floats widen where nothing is lost (`int2` reads as `i64`); every other pair of types is a
/// [`Mismatch`](crate::DecodeErrorKind::Mismatch) that names both, whatever the value is: a NULL too.
///
/// Both formats have to give the same value, because the format that a result comes in is not for the caller to know.
///
/// ```
/// use howdah_types::{DecodeError, Format, FromSql, LoadContext, Type, oid};
///
/// /// A text in small letters.
/// struct Small(String);
///
/// impl<'a> FromSql<'a> for Small {
///     fn from_sql(ty: Type<'_>, format: Format, raw: &'a [u8], ctx: &LoadContext) -> Result<Self, DecodeError> {
///         let text = <&str>::from_sql(ty, format, raw, ctx)?;
///         Ok(Self(text.to_lowercase()))
///     }
///
///     fn accepts(ty: Type<'_>) -> bool {
///         <&str>::accepts(ty)
///     }
/// }
///
/// let small = Small::from_sql(oid::TEXT.into(), Format::Text, b"ANN", &LoadContext::default())?;
/// assert_eq!(small.0, "ann");
/// assert!(Small::from_null(oid::TEXT.into()).is_err());
/// # Ok::<(), DecodeError>(())
/// ```
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

    /// Reads a NULL of the type `ty`.
    ///
    /// # Errors
    /// The type is not one that is accepted; or it is, and the Rust type is not an `Option`.
    fn from_null(ty: Type<'_>) -> Result<Self, DecodeError> {
        if Self::accepts(ty.thorough()) {
            Err(DecodeError::null(type_name::<Self>()))
        } else {
            Err(ty.mismatch::<Self>())
        }
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
            None => Self::from_null(ty),
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
///
/// ```
/// use howdah_types::{DecodeError, Format, FromSqlOwned, LoadContext, oid};
///
/// fn read<T: FromSqlOwned>(text: Vec<u8>) -> Result<T, DecodeError> {
///     T::from_sql(oid::INT4.into(), Format::Text, &text, &LoadContext::default())
/// }
///
/// assert_eq!(read::<i64>(b"7".to_vec())?, 7);
/// # Ok::<(), DecodeError>(())
/// ```
pub trait FromSqlOwned: for<'a> FromSql<'a> {}

impl<T: for<'a> FromSql<'a>> FromSqlOwned for T {}

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

    fn from_null(ty: Type<'_>) -> Result<Self, DecodeError> {
        if T::accepts(ty.thorough()) {
            Ok(None)
        } else {
            Err(ty.mismatch::<Self>())
        }
    }

    fn accepts_item(element: Type<'_>) -> bool {
        T::accepts_item(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        match item {
            Item::Null => items.scalar(item),
            item => T::from_item(item, items).map(Some),
        }
    }
}

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

    fn from_null(ty: Type<'_>) -> Result<Self, DecodeError> {
        T::from_null(ty).map(Self::new)
    }

    fn accepts_item(element: Type<'_>) -> bool {
        T::accepts_item(element)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        T::from_item(item, items).map(Self::new)
    }
}
