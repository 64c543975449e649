//! Values of any type as their text.

use std::borrow::Cow;

use super::{FromSql, Type};
use crate::array::{ArrayEvent, ArrayText, quote_element};
use crate::composite::{CompositeBinary, CompositeText};
use crate::datetime::{Date, Interval, Timestamp, TimestampTz};
use crate::hstore::{HstoreBinary, pair_to_text};
use crate::quoting::{quote_attribute, room_for_quotes};
use crate::range::range_to_text;
use crate::range::{ElementText, MultirangeText, Range, range_from_binary, range_from_text};
use crate::{
    DecodeError, DecodeErrorKind, Format, IsNull, LoadContext, bytea, float, memory, oid, text,
    transcode,
};

/// A value of any type as its text: what `psql` shows, with DateStyle ISO, IntervalStyle `postgres`, TimeZone UTC, `bytea` in hex,
/// and floats that read back exactly.
///
/// It is the same whether the value came as text or in binary, and whatever the session's settings are. Only what is in an anonymous
/// `record` that came as text is as the server wrote it, because it does not tell the types. In binary, which only COPY gives of
/// them, `money`, `regclass` and its kin, `aclitem` and the types of extensions but `hstore` are errors: what their text is, is known
/// to the server alone.
///
/// ```
/// use howdah_types::{AnyText, Format, FromSql, LoadContext, oid};
///
/// let ctx = LoadContext::default();
/// let text = AnyText::from_sql(oid::INT4.into(), Format::Binary, &[0, 0, 1, 0], &ctx)?;
/// assert_eq!(text.0, "256");
/// # Ok::<(), howdah_types::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnyText<'a>(pub Cow<'a, str>);

impl<'a> FromSql<'a> for AnyText<'a> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        if format == Format::Text && is_as_written(ty) {
            ctx.check_encoding(raw)?;
            return text::str_from(raw).map(|text| Self(Cow::Borrowed(text)));
        }
        text_of(ty, format, raw, ctx).map(|text| Self(Cow::Owned(text)))
    }

    fn accepts(_: Type<'_>) -> bool {
        true
    }
}

/// The text of a value.
pub(super) fn text_of(
    ty: Type<'_>,
    format: Format,
    raw: &[u8],
    ctx: &LoadContext,
) -> Result<String, DecodeError> {
    let mut out = Vec::new();
    write(ty, format, raw, ctx, &mut out)?;
    ctx.check_encoding(&out)?;
    String::from_utf8(out).map_err(|_| DecodeError::invalid("text", "invalid UTF-8"))
}

type Written = Result<(), DecodeError>;

fn write(
    ty: Type<'_>,
    format: Format,
    raw: &[u8],
    ctx: &LoadContext,
    out: &mut Vec<u8>,
) -> Written {
    ty.check_depth()?;
    memory::room(out, raw.len() + memory::FIXED)?;
    let start = out.len();
    let part = Part { format, ctx };
    match format {
        Format::Text if is_as_written(ty) => out.extend_from_slice(raw),
        Format::Binary if ty.is_opaque() => return Err(unknown(ty)),
        _ => match Shape::of(ty) {
            Shape::Array(element, delimiter) => part.array(element, delimiter, raw, out)?,
            Shape::Range(subtype) => part.range(subtype, raw, out)?,
            Shape::Multirange(subtype) => part.multirange(subtype, raw, out)?,
            Shape::Composite => part.composite(ty, raw, out)?,
            Shape::Scalar => part.scalar(ty, raw, out)?,
        },
    }
    transcode::check_length(start, out)
}

/// What a type is made of.
pub(super) enum Shape<'t> {
    Array(Type<'t>, u8),
    Range(Type<'t>),
    Multirange(Type<'t>),
    Composite,
    Scalar,
}

impl<'t> Shape<'t> {
    pub(super) fn of(ty: Type<'t>) -> Self {
        if ty.is_opaque() {
            Self::Scalar
        } else if let Some((element, delimiter)) = ty.element() {
            Self::Array(element, delimiter)
        } else if let Some(subtype) = ty.range_subtype() {
            Self::Range(subtype)
        } else if let Some(subtype) = ty.multirange_subtype() {
            Self::Multirange(subtype)
        } else if ty.is_composite(None) {
            Self::Composite
        } else {
            Self::Scalar
        }
    }
}

/// Whether the text of a type does not depend on the session's settings, so that it is as the server wrote it.
fn is_as_written(ty: Type<'_>) -> bool {
    match Shape::of(ty) {
        Shape::Array(part, _) | Shape::Range(part) | Shape::Multirange(part) => {
            matches!(Shape::of(part), Shape::Scalar) && !depends_on_settings(part.oid())
        }
        Shape::Composite => ty.attributes().is_none(),
        Shape::Scalar => !depends_on_settings(ty.oid()),
    }
}

const fn depends_on_settings(ty: u32) -> bool {
    matches!(
        ty,
        oid::BYTEA
            | oid::DATE
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::INTERVAL
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
    )
}

fn unknown(ty: Type<'_>) -> DecodeError {
    DecodeError::new(
        DecodeErrorKind::UnknownType,
        ty.static_name(),
        "no text is made of its binary form",
    )
}

/// How what is in a value came.
struct Part<'c> {
    format: Format,
    ctx: &'c LoadContext,
}

impl Part<'_> {
    fn value(&self, ty: Type<'_>, raw: &[u8], out: &mut Vec<u8>) -> Written {
        write(ty, self.format, raw, self.ctx, out)
    }

    fn array(&self, element: Type<'_>, delimiter: u8, raw: &[u8], out: &mut Vec<u8>) -> Written {
        if self.format == Format::Binary {
            let is_of = |told| element.part(told).oid() == element.oid();
            return transcode::array(raw, delimiter, out, is_of, |_, raw, out| {
                self.value(element, raw, out)
            });
        }
        let mut events = ArrayText::new(raw, delimiter)?;
        // Lower bounds are in front, as they were written.
        let bounds = raw.iter().position(|&byte| byte == b'{').unwrap_or(0);
        out.extend_from_slice(raw.get(..bounds).unwrap_or_default());
        let (mut follows, mut scratch) = (false, Vec::new());
        while let Some(event) = events.next_event()? {
            if follows && event != ArrayEvent::Close {
                out.push(delimiter);
            }
            match event {
                ArrayEvent::Open => out.push(b'{'),
                ArrayEvent::Close => out.push(b'}'),
                ArrayEvent::Null => out.extend_from_slice(b"NULL"),
                ArrayEvent::Element(text) => {
                    let start = out.len();
                    self.value(element, text.try_bytes(&mut scratch)?, out)?;
                    room_for_quotes(out, start)?;
                    quote_element(out, start, delimiter);
                }
            }
            follows = event != ArrayEvent::Open;
        }
        Ok(())
    }

    fn range(&self, subtype: Type<'_>, raw: &[u8], out: &mut Vec<u8>) -> Written {
        match self.format {
            Format::Text => self.text_range(subtype, &range_from_text(raw)?, out),
            Format::Binary => transcode::range(&range_from_binary(raw)?, out, |bound, out| {
                self.value(subtype, bound, out)
            }),
        }
    }

    fn multirange(&self, subtype: Type<'_>, raw: &[u8], out: &mut Vec<u8>) -> Written {
        if self.format == Format::Binary {
            return transcode::multirange(raw, out, |bound, out| self.value(subtype, bound, out));
        }
        let mut ranges = MultirangeText::new(raw)?;
        out.push(b'{');
        let mut follows = false;
        while let Some(range) = ranges.next_range()? {
            if follows {
                out.push(b',');
            }
            self.text_range(subtype, &range, out)?;
            follows = true;
        }
        out.push(b'}');
        Ok(())
    }

    fn text_range(
        &self,
        subtype: Type<'_>,
        range: &Range<ElementText<'_>>,
        out: &mut Vec<u8>,
    ) -> Written {
        let mut scratch = Vec::new();
        range_to_text(range, out, |bound, out| {
            self.value(subtype, bound.try_bytes(&mut scratch)?, out)?;
            Ok(IsNull::No)
        })
    }

    fn composite(&self, ty: Type<'_>, raw: &[u8], out: &mut Vec<u8>) -> Written {
        let mut fields = AnyFields::new(ty, self.format, raw)?;
        let begin = out.len();
        let mut scratch = Vec::new();
        let mut before = b'(';
        while let Some((part, raw)) = fields.next(&mut scratch)? {
            out.push(before);
            before = b',';
            if let Some(raw) = raw {
                let start = out.len();
                self.value(part, raw, out)?;
                transcode::check_length(begin, out)?;
                room_for_quotes(out, start)?;
                quote_attribute(out, start);
            }
        }
        if before == b'(' {
            out.push(b'(');
        }
        out.push(b')');
        Ok(())
    }

    fn scalar(&self, ty: Type<'_>, raw: &[u8], out: &mut Vec<u8>) -> Written {
        match self.format {
            Format::Text => as_by_default(ty.oid(), raw, self.ctx, out),
            Format::Binary if ty.is_enum(None) => {
                out.extend_from_slice(raw);
                Ok(())
            }
            Format::Binary if ty.is_extension("hstore") => hstore(raw, out),
            Format::Binary => transcode::scalar(ty.oid(), raw, out),
        }
    }
}

/// Appends what came as text as it would be written with the default settings.
fn as_by_default(ty: u32, raw: &[u8], ctx: &LoadContext, out: &mut Vec<u8>) -> Written {
    match ty {
        oid::BYTEA => {
            let mut bytes = Vec::new();
            memory::room(&mut bytes, raw.len())?;
            bytea::bytea_from_text(raw, &mut bytes)?;
            memory::room(out, 2 * bytes.len() + memory::FIXED)?;
            bytea::bytea_to_text(&bytes, out);
        }
        oid::DATE => Date::from_text(raw, ctx.date_style)?.to_text(out),
        oid::FLOAT4 => float::float4_to_text(float::float4_from_text(raw)?, out),
        oid::FLOAT8 => float::float8_to_text(float::float8_from_text(raw)?, out),
        oid::INTERVAL => Interval::from_text(raw, ctx.interval_style)?.to_postgres_text(out),
        oid::TIMESTAMP => Timestamp::from_text(raw, ctx.date_style)?.to_text(out),
        oid::TIMESTAMPTZ => TimestampTz::from_text(raw, ctx.date_style)?.to_text(out),
        _ => out.extend_from_slice(raw),
    }
    Ok(())
}

fn hstore(raw: &[u8], out: &mut Vec<u8>) -> Written {
    let mut pairs = HstoreBinary::new(raw)?;
    let mut follows = false;
    while let Some((key, value)) = pairs.next_pair()? {
        if follows {
            out.extend_from_slice(b", ");
        }
        pair_to_text(key, value, out);
        follows = true;
    }
    Ok(())
}

/// The fields of a composite or record, each with its type, whatever number there is.
pub(super) struct AnyFields<'a> {
    source: Source<'a>,
    ty: Type<'a>,
    at: usize,
}

enum Source<'a> {
    Text(CompositeText<'a>),
    Binary(CompositeBinary<'a>),
}

/// The type of a field, and what it holds.
type AnyField<'a, 's> = (Type<'a>, Option<&'s [u8]>);

impl<'a> AnyFields<'a> {
    pub(super) fn new(ty: Type<'a>, format: Format, raw: &'a [u8]) -> Result<Self, DecodeError> {
        let source = match format {
            Format::Text => Source::Text(CompositeText::new(raw)?),
            Format::Binary => Source::Binary(CompositeBinary::new(raw)?),
        };
        Ok(Self { source, ty, at: 0 })
    }

    /// The next field. Of `()` there is one NULL if that is what the type has, and of a `record` none in either format.
    pub(super) fn next<'s>(
        &mut self,
        scratch: &'s mut Vec<u8>,
    ) -> Result<Option<AnyField<'a, 's>>, DecodeError>
    where
        'a: 's,
    {
        let at = self.at;
        self.at += 1;
        let known = self.ty.attributes();
        let (told, raw) = match &mut self.source {
            Source::Text(fields) => {
                let text = match fields.next_field()? {
                    Some(text) => text,
                    None if at == 0 && known.is_some_and(|known| known.len() == 1) => None,
                    None => return self.end(at),
                };
                (
                    oid::UNKNOWN,
                    text.map(|text| text.try_bytes(scratch)).transpose()?,
                )
            }
            Source::Binary(fields) => match fields.next_field()? {
                Some((_, None)) if known.is_none() && at == 0 && fields.remaining() == 0 => {
                    return Ok(None);
                }
                Some(field) => field,
                None => return self.end(at),
            },
        };
        let attribute = known.and_then(|known| known.get(at));
        if known.is_some() && attribute.is_none() {
            return Err(COUNT);
        }
        let ty = attribute.map_or(told, |attribute| attribute.oid);
        Ok(Some((self.ty.part(ty), raw)))
    }

    fn end<'s>(&self, found: usize) -> Result<Option<AnyField<'a, 's>>, DecodeError> {
        match self.ty.attributes() {
            Some(known) if known.len() != found => Err(COUNT),
            _ => Ok(None),
        }
    }
}

const COUNT: DecodeError = DecodeError::range("composite", "another number of attributes");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AnyValue, Attribute, Definition, Kind, Types, length};

    fn types() -> Types {
        let mut types = Types::new();
        let attribute = |oid| Attribute {
            name: "x".to_owned(),
            oid,
        };
        for (oid, kind) in [
            (20_000, Kind::Enum),
            (
                20_001,
                Kind::Composite(vec![attribute(20_001), attribute(oid::TEXT)]),
            ),
            (20_002, Kind::Composite(vec![attribute(oid::BYTEA)])),
            (
                20_003,
                Kind::Array {
                    element: 20_001,
                    delimiter: b',',
                },
            ),
            (20_004, Kind::Range(oid::FLOAT8)),
            (20_005, Kind::Multirange(20_004)),
            (20_006, Kind::Base),
        ] {
            let name = if kind == Kind::Base { "hstore" } else { "x" }.to_owned();
            types.insert(oid, Definition { name, kind });
        }
        types
    }

    fn text(ty: Type<'_>, format: Format, raw: &[u8]) -> Result<String, DecodeError> {
        let ctx = LoadContext::default();
        AnyText::from_sql(ty, format, raw, &ctx).map(|text| text.0.into_owned())
    }

    #[test]
    fn values_of_unknown_types_are_as_written_and_unreadable_in_binary() {
        let types = types();
        let unknown = Type::new(30_000, &types);
        assert_eq!(text(unknown, Format::Text, b"{x").as_deref(), Ok("{x"));
        let error = text(unknown, Format::Binary, b"{x").unwrap_err();
        assert_eq!(error.kind(), DecodeErrorKind::UnknownType);
    }

    #[test]
    fn another_number_of_attributes_is_an_error() {
        let types = types();
        let one = Type::new(20_002, &types);
        assert_eq!(text(one, Format::Text, b"()").as_deref(), Ok("()"));
        assert_eq!(
            text(one, Format::Text, b"(\\\\x00)").as_deref(),
            Ok("(\"\\\\x00\")")
        );
        assert!(text(one, Format::Text, b"(,)").is_err());
        assert!(text(Type::new(20_001, &types), Format::Text, b"()").is_err());
    }

    #[test]
    fn text_that_grows_with_each_level_has_an_end() {
        let types = types();
        let ty = Type::new(20_001, &types);
        let mut raw = Vec::new();
        for _ in 0..100 {
            let inner = std::mem::take(&mut raw);
            crate::composite::begin_binary(&mut raw, 2).unwrap();
            let mark = crate::composite::begin_field(&mut raw, 20_001);
            raw.extend_from_slice(&inner);
            match inner.is_empty() {
                true => length::end_null(&mut raw, mark),
                false => length::end(&mut raw, mark).unwrap(),
            }
            let mark = crate::composite::begin_field(&mut raw, oid::TEXT);
            raw.push(b'x');
            length::end(&mut raw, mark).unwrap();
        }
        assert!(text(ty, Format::Binary, &raw).is_err());
        assert!(AnyValue::from_sql(ty, Format::Binary, &raw, &LoadContext::default()).is_err());
    }

    proptest! {
        #[test]
        fn hostile_input_never_panics(
            written in "[(){}\\[\\],\"\\\\a0-9:=>. +-]{0,16}",
            raw: Vec<u8>,
        ) {
            let types = types();
            let ctx = LoadContext::default();
            let built_in = oid::TYPES.iter().flat_map(|entry| [entry.oid, entry.array_oid]);
            for oid in built_in.chain(20_000..20_008) {
                let ty = Type::new(oid, &types);
                for (format, raw) in [
                    (Format::Text, written.as_bytes()),
                    (Format::Text, &raw),
                    (Format::Binary, &raw),
                ] {
                    let _ = text(ty, format, raw);
                    let _ = AnyValue::from_sql(ty, format, raw, &ctx);
                }
            }
        }
    }
}
