//! Composites and records: tuples, and what the derive macros make of structs.
//!
//! They are sent as text of an undeclared type, so that the server makes of each field what the attribute in its place
//! wants, and no one has to ask for OIDs before.

use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, Type};
use crate::composite::{CompositeBinary, CompositeText, quote_field};
use crate::{DecodeError, DecodeErrorKind, EncodeError, Format, LoadContext, oid};

const NAME: &str = "composite";

/// A field that a struct expects a composite to have.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name of the attribute; empty if it does not matter.
    pub name: &'static str,
    /// What an error calls the Rust type; empty for its own name.
    pub rust: &'static str,
    /// The detail of the error that the attribute in this place has another name.
    pub misnamed: &'static str,
}

/// Reads the fields of a composite or record, from left to right.
///
/// `#[derive(FromSql)]` uses it, and so can implementations by hand:
///
/// ```
/// use howdah_types::{DecodeError, Fields, Format, FromSql, LoadContext, Type, oid};
///
/// struct Point3(f64, f64, f64);
///
/// impl FromSql<'_> for Point3 {
///     fn from_sql(ty: Type<'_>, format: Format, raw: &[u8], ctx: &LoadContext) -> Result<Self, DecodeError> {
///         let mut fields = Fields::new::<Self>(ty, format, raw, ctx, 3)?;
///         let point = Self(fields.next()?, fields.next()?, fields.next()?);
///         fields.finish().map(|()| point)
///     }
///
///     fn accepts(ty: Type<'_>) -> bool {
///         ty.is_composite(None)
///     }
/// }
///
/// let ctx = LoadContext::default();
/// let point = Point3::from_sql(oid::RECORD.into(), Format::Text, b"(1,2.5,-3)", &ctx)?;
/// assert_eq!(point.1, 2.5);
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Fields<'a> {
    source: Source<'a>,
    ty: Type<'a>,
    ctx: &'a LoadContext,
    names: &'static [Field],
    count: usize,
    at: usize,
    scratch: Vec<u8>,
}

#[derive(Debug)]
enum Source<'a> {
    Text(CompositeText<'a>),
    Binary(CompositeBinary<'a>),
}

impl<'a> Fields<'a> {
    /// Starts reading a composite of `count` fields into a `T`.
    ///
    /// # Errors
    /// The type is no composite, or one that is known to have another number of attributes; or the bytes are none.
    pub fn new<T: ?Sized>(
        ty: Type<'a>,
        format: Format,
        raw: &'a [u8],
        ctx: &'a LoadContext,
        count: usize,
    ) -> Result<Self, DecodeError> {
        if !ty.is_composite(None) {
            return Err(ty.mismatch::<T>());
        }
        ty.check_depth()?;
        if ty.attributes().is_some_and(|known| known.len() != count) {
            return Err(COUNT);
        }
        let source = match format {
            Format::Text => Source::Text(CompositeText::new(raw)?),
            Format::Binary => Source::Binary(CompositeBinary::new(raw)?),
        };
        Ok(Self {
            source,
            ty,
            ctx,
            names: &[],
            count,
            at: 0,
            scratch: Vec::new(),
        })
    }

    /// Expects attributes of these names, where the type is known to have names.
    ///
    /// # Errors
    /// Another name.
    pub fn named(mut self, names: &'static [Field]) -> Result<Self, DecodeError> {
        self.names = names;
        let known = self.ty.attributes().unwrap_or_default();
        let wrong = known
            .iter()
            .zip(names)
            .find(|(attribute, field)| !field.name.is_empty() && attribute.name != field.name);
        match wrong {
            Some((_, field)) => Err(DecodeError::range(NAME, field.misnamed)),
            None => Ok(self),
        }
    }

    /// Reads the next field.
    ///
    /// # Errors
    /// There is none, or it cannot be read as a `T`.
    #[allow(
        clippy::should_implement_trait,
        reason = "each call gives another type"
    )]
    pub fn next<T: FromSqlOwned>(&mut self) -> Result<T, DecodeError> {
        let at = self.at;
        self.at += 1;
        let (oid, format, raw) = match &mut self.source {
            Source::Text(reader) => {
                let text = match reader.next_field()? {
                    Some(text) => text,
                    // A composite of one NULL, and one of nothing: their texts are alike.
                    None if self.count == 1 && at == 0 => None,
                    None => return Err(COUNT),
                };
                let attribute = self.ty.attributes().and_then(|known| known.get(at));
                let oid = attribute.map_or(oid::UNKNOWN, |attribute| attribute.oid);
                let raw = text.map(|text| text.bytes(&mut self.scratch));
                (oid, Format::Text, raw)
            }
            Source::Binary(reader) => {
                let (oid, raw) = reader.next_field()?.ok_or(COUNT)?;
                (oid, Format::Binary, raw)
            }
        };
        let ty = self.ty.part(oid);
        let label = self.names.get(at).map_or("", |field| field.rust);
        T::from_nullable(ty, format, raw, self.ctx).map_err(|error| labelled(error, label))
    }

    /// Checks that all has been read.
    ///
    /// # Errors
    /// There are more fields.
    pub fn finish(mut self) -> Result<(), DecodeError> {
        let over = match &mut self.source {
            Source::Text(reader) => reader.next_field()?.is_none(),
            Source::Binary(reader) => reader.next_field()?.is_none(),
        };
        if over { Ok(()) } else { Err(COUNT) }
    }
}

/// Writes a composite in text, from left to right.
///
/// ```
/// let mut out = Vec::new();
/// let mut fields = howdah_types::FieldWriter::begin(&mut out);
/// fields.field(&1)?;
/// fields.field("a b")?;
/// fields.field(&None::<i32>)?;
/// fields.finish();
/// assert_eq!(out, b"(1,\"a b\",)");
/// # Ok::<(), howdah_types::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> FieldWriter<'o> {
    /// Opens the composite.
    pub fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'(');
        Self { out, first: true }
    }

    /// Appends a field.
    ///
    /// # Errors
    /// The value cannot be written as text.
    pub fn field<T: ToSql + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        let start = self.out.len();
        match value.to_sql_text(self.out)? {
            IsNull::No => quote_field(self.out, start),
            IsNull::Yes => self.out.truncate(start),
        }
        Ok(())
    }

    /// Closes the composite.
    pub fn finish(self) {
        self.out.push(b')');
    }
}

const COUNT: DecodeError = DecodeError::range(
    NAME,
    "another number of attributes than the Rust type has fields",
);

/// The error of a field, with the field's name in the place of the Rust type's.
fn labelled(error: DecodeError, label: &'static str) -> DecodeError {
    let nested = error.detail().contains(" (field ");
    match error.kind() {
        kind @ (DecodeErrorKind::Mismatch | DecodeErrorKind::Null)
            if !label.is_empty() && !nested =>
        {
            DecodeError::new(kind, error.type_name(), label)
        }
        _ => error,
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $number:tt),+;)+) => {
        $(
            impl<$($name: FromSqlOwned),+> FromSql<'_> for ($($name,)+) {
                fn from_sql(
                    ty: Type<'_>,
                    format: Format,
                    raw: &[u8],
                    ctx: &LoadContext,
                ) -> Result<Self, DecodeError> {
                    let mut fields = Fields::new::<Self>(ty, format, raw, ctx, $count)?;
                    let tuple = ($(fields.next::<$name>()?,)+);
                    fields.finish().map(|()| tuple)
                }

                fn accepts(ty: Type<'_>) -> bool {
                    ty.is_composite(None)
                }
            }

            impl<$($name: ToSql),+> ToSql for ($($name,)+) {
                fn oid(&self) -> u32 {
                    0
                }

                fn format(&self) -> Format {
                    Format::Text
                }

                fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
                    let mut fields = FieldWriter::begin(out);
                    $(fields.field(&self.$number)?;)+
                    fields.finish();
                    Ok(IsNull::No)
                }
            }

            impl<$($name: ToSql),+> SqlType for ($($name,)+) {
                const OID: u32 = 0;
                const FORMAT: Format = Format::Text;
            }

            impl<$($name: ToSql),+> Element for ($($name,)+) {}
        )+
    };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}
