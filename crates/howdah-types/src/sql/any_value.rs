//! Values of any type, as an enum.

use super::any_text::{AnyFields, Shape, text_of};
use super::{FromSql, Item, Items, Multirange, Type};
use crate::datetime::{Date, Interval, Time, TimeTz, Timestamp, TimestampTz};
use crate::numeric::Numeric;
use crate::range::Range;
use crate::{DecodeError, Format, LoadContext, memory, oid, uuid};

/// A value of any type, NULL included, for results whose columns are not known before.
///
/// It is the same whether the value came as text or in binary. Lower bounds of arrays are not kept. A domain is the type beneath it.
///
/// ```
/// use howdah_types::{AnyValue, Format, FromSql, LoadContext, oid};
///
/// let ctx = LoadContext::default();
/// let list = AnyValue::from_sql(oid::INT4_ARRAY.into(), Format::Text, b"{1,NULL}", &ctx)?;
/// assert_eq!(list, AnyValue::Array(vec![AnyValue::Int(1), AnyValue::Null]));
/// # Ok::<(), howdah_types::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum AnyValue {
    /// NULL.
    Null,
    /// A `bool`.
    Bool(bool),
    /// An `int2`, `int4`, `int8`, `oid`, `xid` or `cid`.
    Int(i64),
    /// A `float4`.
    Float4(f32),
    /// A `float8`.
    Float8(f64),
    /// A `numeric`.
    Numeric(Numeric),
    /// A `text`, `varchar`, `bpchar`, `name`, `"char"`, a label of an enum, or a field of an anonymous `record`, of which the server
    /// does not tell the type in text.
    Text(String),
    /// A `bytea`.
    Bytes(Vec<u8>),
    /// A `date`.
    Date(Date),
    /// A `time`.
    Time(Time),
    /// A `timetz`.
    TimeTz(TimeTz),
    /// A `timestamp`.
    Timestamp(Timestamp),
    /// A `timestamptz`.
    TimestampTz(TimestampTz),
    /// An `interval`.
    Interval(Interval),
    /// A `uuid`.
    Uuid([u8; 16]),
    /// The text of a `json` or `jsonb`.
    Json(String),
    /// The items of an array; of one with more dimensions these are arrays.
    Array(Vec<AnyValue>),
    /// The fields of a composite with their names, or those of a `record`, whose names are empty.
    Composite(Vec<(String, AnyValue)>),
    /// A range.
    Range(Box<Range<AnyValue>>),
    /// The ranges of a multirange.
    Multirange(Vec<Range<AnyValue>>),
    /// A value of any other type, as its [text](super::AnyText).
    Other(String),
}

impl AnyValue {
    /// Whether it is NULL.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The field of a composite with this name.
    ///
    /// ```
    /// use howdah_types::AnyValue;
    ///
    /// let user = AnyValue::Composite(vec![("id".to_owned(), AnyValue::Int(7))]);
    /// assert_eq!(user.field("id"), Some(&AnyValue::Int(7)));
    /// assert_eq!(user.field("name"), None);
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Composite(fields) => {
                let mut fields = fields.iter();
                fields
                    .find(|(field, _)| field == name)
                    .map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

impl<'a> FromSql<'a> for AnyValue {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        ty.check_depth()?;
        match Shape::of(ty) {
            Shape::Array(..) => Vec::from_sql(ty, format, raw, ctx).map(Self::Array),
            Shape::Range(_) => Range::from_sql(ty, format, raw, ctx)
                .map(Box::new)
                .map(Self::Range),
            Shape::Multirange(_) => {
                let ranges: Multirange<Self> = Multirange::from_sql(ty, format, raw, ctx)?;
                Ok(Self::Multirange(ranges.0))
            }
            Shape::Composite => composite(ty, format, raw, ctx),
            Shape::Scalar => scalar(ty, format, raw, ctx),
        }
    }

    fn accepts(_: Type<'_>) -> bool {
        true
    }

    fn from_null(_: Type<'_>) -> Result<Self, DecodeError> {
        Ok(Self::Null)
    }

    fn from_item(item: Item<'a>, items: &mut Items<'_>) -> Result<Self, DecodeError> {
        match item {
            Item::List => Vec::from_item(item, items).map(Self::Array),
            Item::Value(_) | Item::Null => items.scalar(item),
        }
    }
}

fn composite(
    ty: Type<'_>,
    format: Format,
    raw: &[u8],
    ctx: &LoadContext,
) -> Result<AnyValue, DecodeError> {
    let mut fields = AnyFields::new(ty, format, raw)?;
    let mut names = ty.attributes().map(<[_]>::iter);
    let (mut found, mut scratch) = (Vec::new(), Vec::new());
    while let Some((part, raw)) = fields.next(&mut scratch)? {
        let name = names.as_mut().and_then(Iterator::next);
        let name = memory::string(name.map_or("", |attribute| &attribute.name))?;
        let value = match raw {
            None => AnyValue::Null,
            // In text the server would not tell what it is.
            Some(raw) if names.is_none() => AnyValue::Text(text_of(part, format, raw, ctx)?),
            Some(raw) => AnyValue::from_sql(part, format, raw, ctx)?,
        };
        memory::push(&mut found, (name, value))?;
    }
    Ok(AnyValue::Composite(found))
}

fn scalar(
    ty: Type<'_>,
    format: Format,
    raw: &[u8],
    ctx: &LoadContext,
) -> Result<AnyValue, DecodeError> {
    macro_rules! read {
        ($variant:ident) => {
            FromSql::from_sql(ty, format, raw, ctx).map(AnyValue::$variant)
        };
    }
    match ty.oid() {
        oid::BOOL => read!(Bool),
        oid::INT2 | oid::INT4 | oid::INT8 | oid::OID | oid::XID | oid::CID => read!(Int),
        oid::FLOAT4 => read!(Float4),
        oid::FLOAT8 => read!(Float8),
        oid::NUMERIC => read!(Numeric),
        oid::BYTEA => read!(Bytes),
        oid::DATE => read!(Date),
        oid::TIME => read!(Time),
        oid::TIMETZ => read!(TimeTz),
        oid::TIMESTAMP => read!(Timestamp),
        oid::TIMESTAMPTZ => read!(TimestampTz),
        oid::INTERVAL => read!(Interval),
        oid::JSON | oid::JSONB => read!(Json),
        oid::UUID => match format {
            Format::Text => uuid::uuid_from_text(raw),
            Format::Binary => uuid::uuid_from_binary(raw),
        }
        .map(AnyValue::Uuid),
        _ => {
            let text = text_of(ty, format, raw, ctx)?;
            Ok(match is_text(ty) {
                true => AnyValue::Text(text),
                false => AnyValue::Other(text),
            })
        }
    }
}

fn is_text(ty: Type<'_>) -> bool {
    let is_enum = ty.is_enum(None) && !ty.is_opaque();
    is_enum
        || matches!(
            ty.oid(),
            oid::TEXT
                | oid::VARCHAR
                | oid::BPCHAR
                | oid::NAME
                | oid::CHAR
                | oid::CSTRING
                | oid::UNKNOWN
        )
}
