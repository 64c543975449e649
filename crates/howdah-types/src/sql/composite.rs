//! Composites and records: tuples, and what the derive macros make of structs.

use super::to_sql::common_format;
use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, Type};
use crate::composite::{
    CompositeBinary, CompositeText, begin_binary, begin_field, quote_field, room_for_quotes,
};
use crate::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Format, LoadContext, length,
    memory, oid,
};

const NAME: &str = "composite";

/// A field of a struct, for which a composite is expected to have an attribute.
///
/// ```
/// use howdah_types::{DecodeError, EncodeError, Field, FieldWriter, Fields, Format, FromSql, IsNull, LoadContext, ToSql, Type, oid};
///
/// struct User {
///     id: i32,
///     name: String,
/// }
///
/// const FIELDS: &[Field] = &[
///     Field { name: "id", rust: "User::id", misnamed: "its first attribute is not id" },
///     Field { name: "name", rust: "User::name", misnamed: "its second attribute is not name" },
/// ];
///
/// impl FromSql<'_> for User {
///     fn from_sql(ty: Type<'_>, format: Format, raw: &[u8], ctx: &LoadContext) -> Result<Self, DecodeError> {
///         let mut fields = Fields::new::<Self>(ty, format, raw, ctx, 2)?.named(FIELDS)?;
///         let user = Self { id: fields.next()?, name: fields.next()? };
///         fields.finish().map(|()| user)
///     }
///
///     fn accepts(ty: Type<'_>) -> bool {
///         ty.is_composite(None)
///     }
/// }
///
/// impl ToSql for User {
///     fn to_sql(&self, ty: Type<'_>, format: Format, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
///         let mut fields = FieldWriter::begin::<Self>(ty, format, out, 2)?.named(FIELDS)?;
///         fields.field(&self.id)?;
///         fields.field(&self.name)?;
///         fields.finish()
///     }
/// }
///
/// let user = User::from_sql(oid::RECORD.into(), Format::Text, b"(1,ann)", &LoadContext::default())?;
/// assert_eq!((user.id, user.name.as_str()), (1, "ann"));
/// # Ok::<(), DecodeError>(())
/// ```
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
///         ty.is_composite(None) && ty.parts_accepted(&[f64::accepts, f64::accepts, f64::accepts])
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
        if has_another_count(ty, count) {
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
        match misnamed(self.ty, names) {
            Some(field) => Err(DecodeError::range(NAME, field.misnamed)),
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
                let raw = text
                    .map(|text| text.try_bytes(&mut self.scratch))
                    .transpose()?;
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

/// Writes a composite, from left to right.
///
/// `#[derive(ToSql)]` uses it, and so can implementations by hand:
///
/// ```
/// use howdah_types::{EncodeError, FieldWriter, Format, IsNull, SqlType, ToSql, Type, oid};
///
/// struct Point3(f64, f64, f64);
///
/// impl ToSql for Point3 {
///     fn format(&self, ty: Type<'_>) -> Format {
///         FieldWriter::format(ty, &[&self.0, &self.1, &self.2])
///     }
///
///     fn to_sql(&self, ty: Type<'_>, format: Format, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
///         let mut fields = FieldWriter::begin::<Self>(ty, format, out, 3)?;
///         fields.field(&self.0)?;
///         fields.field(&self.1)?;
///         fields.field(&self.2)?;
///         fields.finish()
///     }
/// }
///
/// impl SqlType for Point3 {
///     fn is_sent_as(ty: Type<'_>) -> bool {
///         ty.is_composite(None) && ty.parts_accepted(&[f64::is_sent_as, f64::is_sent_as, f64::is_sent_as])
///     }
/// }
///
/// let mut out = Vec::new();
/// Point3(1.0, 2.5, -3.0).to_sql(Type::UNTYPED, Format::Text, &mut out)?;
/// assert_eq!(out, b"(1,2.5,-3)");
/// # Ok::<(), EncodeError>(())
/// ```
#[derive(Debug)]
pub struct FieldWriter<'o> {
    out: &'o mut Vec<u8>,
    ty: Type<'o>,
    format: Format,
    names: &'static [Field],
    count: usize,
    at: usize,
}

impl<'o> FieldWriter<'o> {
    /// The format that a composite with these fields can be sent in: binary if its attributes are known and all fields have
    /// a binary form as the types of theirs.
    #[must_use]
    pub fn format(ty: Type<'_>, fields: &[&dyn ToSql]) -> Format {
        match ty.attributes() {
            Some(known) => common_format(
                known
                    .iter()
                    .zip(fields)
                    .map(|(attribute, field)| field.format(ty.part(attribute.oid))),
            ),
            None => Format::Text,
        }
    }

    /// Opens a composite of `count` fields of a `T`.
    ///
    /// # Errors
    /// The type is no composite, or one that is known to have another number of attributes.
    pub fn begin<T: ?Sized>(
        ty: Type<'o>,
        format: Format,
        out: &'o mut Vec<u8>,
        count: usize,
    ) -> Result<Self, EncodeError> {
        if !ty.is_composite(None) {
            return Err(ty.refused::<T>());
        }
        if has_another_count(ty, count) {
            return Err(EncodeError::new(NAME, COUNT.detail()));
        }
        match format {
            Format::Text => out.push(b'('),
            Format::Binary => begin_binary(out, count)?,
        }
        Ok(Self {
            out,
            ty,
            format,
            names: &[],
            count,
            at: 0,
        })
    }

    /// Expects attributes of these names, where the type is known to have names.
    ///
    /// # Errors
    /// Another name.
    pub fn named(mut self, names: &'static [Field]) -> Result<Self, EncodeError> {
        self.names = names;
        match misnamed(self.ty, names) {
            Some(field) => Err(EncodeError::new(NAME, field.misnamed)),
            None => Ok(self),
        }
    }

    /// Appends a field.
    ///
    /// # Errors
    /// The value cannot be sent as the type of the attribute in its place, or not in this format.
    pub fn field<T: ToSql + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let at = self.at;
        self.at += 1;
        let attribute = self.ty.attributes().and_then(|known| known.get(at));
        let oid = attribute.map_or(oid::UNKNOWN, |attribute| attribute.oid);
        let ty = self.ty.part(oid);
        memory::room(self.out, memory::FIXED)?;
        let written = match self.format {
            Format::Text => self.text_field(at, ty, value),
            Format::Binary => self.binary_field(ty, value),
        };
        let label = self.names.get(at).map_or("", |field| field.rust);
        written.map_err(|error| labelled_unsent(error, label))
    }

    fn text_field<T: ToSql + ?Sized>(
        &mut self,
        at: usize,
        ty: Type<'_>,
        value: &T,
    ) -> Result<(), EncodeError> {
        if at > 0 {
            self.out.push(b',');
        }
        let start = self.out.len();
        match value.to_sql(ty, Format::Text, self.out)? {
            IsNull::No => {
                room_for_quotes(self.out, start)?;
                quote_field(self.out, start);
            }
            IsNull::Yes => self.out.truncate(start),
        }
        Ok(())
    }

    fn binary_field<T: ToSql + ?Sized>(
        &mut self,
        ty: Type<'_>,
        value: &T,
    ) -> Result<(), EncodeError> {
        let mark = begin_field(self.out, ty.declared_oid());
        match value.to_sql(ty, Format::Binary, self.out)? {
            IsNull::No => length::end(self.out, mark),
            IsNull::Yes => {
                length::end_null(self.out, mark);
                Ok(())
            }
        }
    }

    /// Closes the composite.
    ///
    /// # Errors
    /// Not as many fields have been written as were announced.
    pub fn finish(self) -> Result<IsNull, EncodeError> {
        if self.at != self.count {
            return Err(EncodeError::new(NAME, "not as many fields as announced"));
        }
        if self.format == Format::Text {
            self.out.push(b')');
        }
        Ok(IsNull::No)
    }
}

const COUNT: DecodeError = DecodeError::range(
    NAME,
    "another number of attributes than the Rust type has fields",
);

fn has_another_count(ty: Type<'_>, count: usize) -> bool {
    ty.attributes().is_some_and(|known| known.len() != count)
}

/// The first field in whose place the type has an attribute of another name.
fn misnamed(ty: Type<'_>, names: &'static [Field]) -> Option<&'static Field> {
    let known = ty.attributes().unwrap_or_default();
    let mut pairs = known.iter().zip(names);
    pairs
        .find(|(attribute, field)| !field.name.is_empty() && attribute.name != field.name)
        .map(|(_, field)| field)
}

/// The error of a field, with the field's name in the place of the Rust type's.
fn labelled(error: DecodeError, label: &'static str) -> DecodeError {
    match error.kind() {
        kind @ (DecodeErrorKind::Mismatch | DecodeErrorKind::Null)
            if is_to_be_labelled(error.detail(), label) =>
        {
            DecodeError::new(kind, error.type_name(), label)
        }
        _ => error,
    }
}

/// The same of a field that is sent.
fn labelled_unsent(error: EncodeError, label: &'static str) -> EncodeError {
    match error.kind() {
        EncodeErrorKind::Mismatch | EncodeErrorKind::OutOfRange(_)
            if is_to_be_labelled(error.detail(), label) =>
        {
            error.with_detail(label)
        }
        _ => error,
    }
}

/// The innermost field's name is kept.
fn is_to_be_labelled(detail: &str, label: &str) -> bool {
    !label.is_empty() && !detail.contains(" (field ")
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
                        && ty.parts_accepted(&[$(<$name as FromSql<'static>>::accepts),+])
                }
            }

            impl<$($name: ToSql),+> ToSql for ($($name,)+) {
                fn format(&self, ty: Type<'_>) -> Format {
                    FieldWriter::format(ty, &[$(&self.$number),+])
                }

                fn to_sql(
                    &self,
                    ty: Type<'_>,
                    format: Format,
                    out: &mut Vec<u8>,
                ) -> Result<IsNull, EncodeError> {
                    let mut fields = FieldWriter::begin::<Self>(ty, format, out, $count)?;
                    $(fields.field(&self.$number)?;)+
                    fields.finish()
                }
            }

            impl<$($name: SqlType),+> SqlType for ($($name,)+) {
                fn is_sent_as(ty: Type<'_>) -> bool {
                    ty.is_composite(None) && ty.parts_accepted(&[$($name::is_sent_as),+])
                }
            }

            impl<$($name: SqlType),+> Element for ($($name,)+) {}
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
