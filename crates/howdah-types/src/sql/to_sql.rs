//! [`ToSql`]: what can be sent as a parameter, and as which types.

use super::{ItemWriter, Shape, Type};
use crate::{EncodeError, Format};

/// Whether a value is NULL; see [`ToSql::to_sql`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsNull {
    /// The value is NULL and nothing was appended.
    Yes,
    /// The value was appended, perhaps as no bytes at all.
    No,
}

/// A Rust value that can be sent as a parameter.
///
/// It is written as the type that the server has inferred for the parameter: from the column it is stored in, from what
/// it is compared with, or from a cast like `$1::int8`. A value goes where it is represented exactly, or is checked to
/// be: an integer into each integer type and `numeric` if it is in range, an `f64` into `float8` and not into `float4`,
/// an instant into `timestamptz` and not into `timestamp`. All else is a
/// [`Mismatch`](crate::EncodeErrorKind::Mismatch) that names both types. Only strings go everywhere, as literals in quotes
/// do.
///
/// It is `Sync`, so that parameters can be held by a future that moves between threads.
///
/// ```
/// use howdah_types::{EncodeError, Format, IsNull, SqlType, ToSql, Type, oid};
///
/// /// Degrees, stored as a `float8`.
/// struct Celsius(f64);
///
/// impl ToSql for Celsius {
///     fn to_sql(&self, ty: Type<'_>, format: Format, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
///         self.0.to_sql(ty, format, out)
///     }
/// }
///
/// // For `Option<Celsius>`: whether a NULL of it can be sent.
/// impl SqlType for Celsius {
///     fn is_sent_as(ty: Type<'_>) -> bool {
///         f64::is_sent_as(ty)
///     }
/// }
///
/// let mut out = Vec::new();
/// Celsius(21.5).to_sql(oid::FLOAT8.into(), Format::Binary, &mut out)?;
/// assert_eq!(out, 21.5_f64.to_be_bytes());
/// let refused = Celsius(21.5).to_sql(oid::INT4.into(), Format::Binary, &mut out);
/// assert_eq!(refused.unwrap_err().to_string(), "Rust type f64 cannot be sent as PostgreSQL type int4");
/// # Ok::<(), EncodeError>(())
/// ```
pub trait ToSql: Sync {
    /// The format that the value is to be written in as a value of the type `ty`.
    ///
    /// It is binary unless the type is not known. A type that has no binary form says text, and then all that the value is
    /// in is sent as text as well.
    fn format(&self, ty: Type<'_>) -> Format {
        if ty.is_untyped() {
            Format::Text
        } else {
            Format::Binary
        }
    }

    /// Appends the value as one of the type `ty`, without a length, unless it is NULL.
    ///
    /// `format` is what [`format`](Self::format) gives, or text: so all that is in a composite is sent if one value in it
    /// has no binary form.
    ///
    /// # Errors
    /// The Rust type is not sent as the type; the type has no such value, or no form of it in this format. `out` may then
    /// hold part of it.
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError>;
}

/// A [`ToSql`] that tells without a value what it can be sent as, so that an `Option` of it can.
pub trait SqlType: ToSql {
    /// Whether values, NULL included, can be sent as the type.
    fn is_sent_as(ty: Type<'_>) -> bool;
}

/// A [`SqlType`] that can be the item of a list: all but `u8`, of which lists are `bytea`.
///
/// ```
/// use howdah_types::{Element, EncodeError, Format, ToSql, oid};
///
/// fn array<T: Element>(items: &[T]) -> Result<Vec<u8>, EncodeError> {
///     let mut out = Vec::new();
///     items.to_sql(oid::INT4_ARRAY.into(), Format::Text, &mut out)?;
///     Ok(out)
/// }
///
/// assert_eq!(array(&[1, 2])?, b"{1,2}");
/// # Ok::<(), EncodeError>(())
/// ```
pub trait Element: SqlType {
    /// How deep it is a list of lists.
    #[doc(hidden)]
    const LEVELS: usize = 0;

    /// Whether it can be the item of an array of elements of this type: lists are items as well.
    #[doc(hidden)]
    fn is_item_of(element: Type<'_>) -> bool {
        Self::is_sent_as(element)
    }

    /// The format of the elements in it.
    #[doc(hidden)]
    fn item_format(&self, element: Type<'_>) -> Format {
        self.format(element)
    }

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

/// The format of a value whose parts have these: text if one of them is.
pub(super) fn common_format(mut parts: impl Iterator<Item = Format>) -> Format {
    if parts.any(|format| format == Format::Text) {
        Format::Text
    } else {
        Format::Binary
    }
}

impl<T: SqlType> ToSql for Option<T> {
    fn format(&self, ty: Type<'_>) -> Format {
        match self {
            Some(value) => value.format(ty),
            None => Format::Binary,
        }
    }

    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        match self {
            Some(value) => value.to_sql(ty, format, out),
            None if T::is_sent_as(ty.thorough()) => Ok(IsNull::Yes),
            None => Err(ty.refused::<Self>()),
        }
    }
}

impl<T: SqlType> SqlType for Option<T> {
    fn is_sent_as(ty: Type<'_>) -> bool {
        T::is_sent_as(ty)
    }
}

impl<T: Element> Element for Option<T> {
    const LEVELS: usize = T::LEVELS;

    fn is_item_of(element: Type<'_>) -> bool {
        T::is_item_of(element)
    }

    fn item_format(&self, element: Type<'_>) -> Format {
        match self {
            Some(value) => value.item_format(element),
            None => Format::Binary,
        }
    }

    fn measure(&self, level: usize, shape: &mut Shape) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.measure(level, shape),
            None => shape.null(T::LEVELS),
        }
    }

    fn write_item(&self, writer: &mut ItemWriter<'_>) -> Result<(), EncodeError> {
        match self {
            Some(value) => value.write_item(writer),
            None => writer.scalar(self),
        }
    }
}

/// Implements them for what points to a value: it is sent as the value.
macro_rules! pointer_to_sql {
    ($pointer:ty) => {
        impl<T: ToSql + ?Sized> ToSql for $pointer {
            fn format(&self, ty: Type<'_>) -> Format {
                (**self).format(ty)
            }

            fn to_sql(
                &self,
                ty: Type<'_>,
                format: Format,
                out: &mut Vec<u8>,
            ) -> Result<IsNull, EncodeError> {
                (**self).to_sql(ty, format, out)
            }
        }

        impl<T: SqlType + ?Sized> SqlType for $pointer {
            fn is_sent_as(ty: Type<'_>) -> bool {
                T::is_sent_as(ty)
            }
        }

        impl<T: Element + ?Sized> Element for $pointer {
            const LEVELS: usize = T::LEVELS;

            fn is_item_of(element: Type<'_>) -> bool {
                T::is_item_of(element)
            }

            fn item_format(&self, element: Type<'_>) -> Format {
                (**self).item_format(element)
            }

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

/// Values of different Rust types in one list or struct: what each can be sent as is found out when it is written.
macro_rules! dynamic_to_sql {
    ($($dynamic:ty),+) => {
        $(
            impl SqlType for $dynamic {
                fn is_sent_as(_: Type<'_>) -> bool {
                    true
                }
            }

            impl Element for $dynamic {}
        )+
    };
}

dynamic_to_sql!(dyn ToSql + '_, dyn ToSql + Send + '_);
