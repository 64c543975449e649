//! Ranges and multiranges.

use super::to_sql::common_format;
use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, Type};
use crate::quoting::room_for_quotes;
use crate::range::{
    Bounds, MultirangeBinary, MultirangeText, Range, range_from_binary, range_from_text,
    range_to_binary, range_to_text,
};
use crate::{DecodeError, EncodeError, Format, LoadContext, length, memory};

/// The ranges of a multirange, in the order in which they were given: the server sorts and joins them.
///
/// ```
/// use howdah_types::{Format, FromSql, LoadContext, Multirange, oid};
///
/// let ctx = LoadContext::default();
/// let ranges = Multirange::<i32>::from_sql(oid::INT4MULTIRANGE.into(), Format::Text, b"{[1,3),[5,9)}", &ctx)?;
/// assert_eq!(ranges.0.len(), 2);
/// # Ok::<(), howdah_types::DecodeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Multirange<T>(pub Vec<Range<T>>);

impl<T: FromSqlOwned> FromSql<'_> for Range<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let subtype = ty.range_subtype().filter(|subtype| T::accepts(*subtype));
        let subtype = subtype.ok_or_else(|| ty.mismatch::<Self>())?;
        let mut bound = Bound {
            ty: subtype,
            ctx,
            scratch: Vec::new(),
        };
        let range = match format {
            Format::Text => map(range_from_text(raw)?, |text| bound.text(text)),
            Format::Binary => map(range_from_binary(raw)?, |raw| bound.binary(raw)),
        }?;
        if has_no_bounds(&range) && !T::accepts(subtype.thorough()) {
            return Err(ty.mismatch::<Self>());
        }
        Ok(range)
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.range_subtype().is_some_and(T::accepts)
    }
}

impl<T: FromSqlOwned> FromSql<'_> for Multirange<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let subtype = ty.multirange_subtype();
        let subtype = subtype.filter(|subtype| T::accepts(*subtype));
        let subtype = subtype.ok_or_else(|| ty.mismatch::<Self>())?;
        let mut bound = Bound {
            ty: subtype,
            ctx,
            scratch: Vec::new(),
        };
        let mut ranges = Vec::new();
        match format {
            Format::Text => {
                let mut reader = MultirangeText::new(raw)?;
                while let Some(range) = reader.next_range()? {
                    ranges.push(map(range, |text| bound.text(text))?);
                }
            }
            Format::Binary => {
                let mut reader = MultirangeBinary::new(raw)?;
                while let Some(range) = reader.next_range()? {
                    ranges.push(map(range, |raw| bound.binary(raw))?);
                }
            }
        }
        if ranges.iter().all(has_no_bounds) && !T::accepts(subtype.thorough()) {
            return Err(ty.mismatch::<Self>());
        }
        Ok(Self(ranges))
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.multirange_subtype().is_some_and(T::accepts)
    }
}

impl<T: SqlType> ToSql for Range<T> {
    fn format(&self, ty: Type<'_>) -> Format {
        match ty.range_subtype() {
            Some(subtype) if !subtype.is_untyped() => format_of(self, subtype),
            _ => Format::Text,
        }
    }

    /// Writes the range; a bound that is NULL counts as missing.
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        let subtype = ty.range_subtype().ok_or_else(|| ty.refused::<Self>())?;
        if has_no_bounds(self) && !T::is_sent_as(subtype.thorough()) {
            return Err(ty.refused::<Self>());
        }
        write(self, subtype, format, out).map(|()| IsNull::No)
    }
}

impl<T: SqlType> SqlType for Range<T> {
    fn is_sent_as(ty: Type<'_>) -> bool {
        ty.range_subtype().is_some_and(T::is_sent_as)
    }
}

impl<T: SqlType> Element for Range<T> {}

impl<T: SqlType> ToSql for Multirange<T> {
    fn format(&self, ty: Type<'_>) -> Format {
        match ty.multirange_subtype() {
            Some(subtype) if !subtype.is_untyped() => {
                common_format(self.0.iter().map(|range| format_of(range, subtype)))
            }
            _ => Format::Text,
        }
    }

    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        let subtype = ty
            .multirange_subtype()
            .ok_or_else(|| ty.refused::<Self>())?;
        if self.0.iter().all(has_no_bounds) && !T::is_sent_as(subtype.thorough()) {
            return Err(ty.refused::<Self>());
        }
        match format {
            Format::Text => write_text(&self.0, subtype, out),
            Format::Binary => write_binary(&self.0, subtype, out),
        }
        .map(|()| IsNull::No)
    }
}

impl<T: SqlType> SqlType for Multirange<T> {
    fn is_sent_as(ty: Type<'_>) -> bool {
        ty.multirange_subtype().is_some_and(T::is_sent_as)
    }
}

impl<T: SqlType> Element for Multirange<T> {}

fn write<T: ToSql>(
    range: &Range<T>,
    subtype: Type<'_>,
    format: Format,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    memory::room(out, memory::FIXED)?;
    let bound = |bound: &T, out: &mut Vec<u8>| {
        let start = out.len();
        memory::room(out, memory::FIXED)?;
        let null = bound.to_sql(subtype, format, out)?;
        room_for_quotes(out, start)?;
        Ok(null)
    };
    match format {
        Format::Text => range_to_text(range, out, bound),
        Format::Binary => range_to_binary(range, out, bound),
    }
}

fn write_text<T: ToSql>(
    ranges: &[Range<T>],
    subtype: Type<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(b'{');
    for (at, range) in ranges.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(range, subtype, Format::Text, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_binary<T: ToSql>(
    ranges: &[Range<T>],
    subtype: Type<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let count = i32::try_from(ranges.len())
        .map_err(|_| EncodeError::new("multirange", "too many ranges"))?;
    out.extend_from_slice(&count.to_be_bytes());
    for range in ranges {
        let mark = length::begin(out);
        write(range, subtype, Format::Binary, out)?;
        length::end(out, mark)?;
    }
    Ok(())
}

/// The format that the bounds can be sent in.
fn format_of<T: ToSql>(range: &Range<T>, subtype: Type<'_>) -> Format {
    let Range::Bounds(bounds) = range else {
        return Format::Binary;
    };
    let given = [&bounds.lower, &bounds.upper];
    common_format(
        given
            .into_iter()
            .flatten()
            .map(|bound| bound.format(subtype)),
    )
}

/// Whether there is no bound that would tell a wrong type.
const fn has_no_bounds<T>(range: &Range<T>) -> bool {
    matches!(
        range,
        Range::Empty
            | Range::Bounds(Bounds {
                lower: None,
                upper: None,
                ..
            })
    )
}

/// Reads the bounds.
struct Bound<'c> {
    ty: Type<'c>,
    ctx: &'c LoadContext,
    scratch: Vec<u8>,
}

impl Bound<'_> {
    fn text<T: FromSqlOwned>(
        &mut self,
        text: crate::range::ElementText<'_>,
    ) -> Result<T, DecodeError> {
        let raw = text.try_bytes(&mut self.scratch)?;
        T::from_sql(self.ty, Format::Text, raw, self.ctx)
    }

    fn binary<T: FromSqlOwned>(&self, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(self.ty, Format::Binary, raw, self.ctx)
    }
}

fn map<A, B>(
    range: Range<A>,
    mut read: impl FnMut(A) -> Result<B, DecodeError>,
) -> Result<Range<B>, DecodeError> {
    Ok(match range {
        Range::Empty => Range::Empty,
        Range::Bounds(bounds) => Range::Bounds(Bounds {
            lower: bounds.lower.map(&mut read).transpose()?,
            upper: bounds.upper.map(&mut read).transpose()?,
            lower_inclusive: bounds.lower_inclusive,
            upper_inclusive: bounds.upper_inclusive,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datetime::Timestamp;
    use crate::{Definition, EncodeErrorKind, Kind, Types, oid};

    fn read<T: FromSqlOwned>(ty: u32, format: Format, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(ty.into(), format, raw, &LoadContext::default())
    }

    fn send(value: &dyn ToSql, ty: Type<'_>, format: Format) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        value.to_sql(ty, format, &mut out).map(|_| out)
    }

    fn from<T>(lower: T) -> Range<T> {
        Range::Bounds(Bounds {
            lower: Some(lower),
            upper: None,
            lower_inclusive: true,
            upper_inclusive: false,
        })
    }

    #[test]
    fn ranges() {
        let range = from(1);
        let ty = Type::built_in(oid::INT4RANGE);
        assert_eq!(range.format(ty), Format::Binary);
        for format in [Format::Binary, Format::Text] {
            let raw = send(&range, ty, format).unwrap();
            assert_eq!(read::<Range<i32>>(oid::INT4RANGE, format, &raw), Ok(range));
        }
        assert!(read::<Range<i32>>(oid::INT8RANGE, Format::Text, b"[1,)").is_err());
        assert!(read::<Range<i32>>(oid::INT4, Format::Text, b"1").is_err());
        let raw = b"[\"2000-01-01 00:00:01\",)";
        let Ok(Range::Bounds(bounds)) = read::<Range<Timestamp>>(oid::TSRANGE, Format::Text, raw)
        else {
            panic!()
        };
        assert_eq!(bounds.lower, Some(Timestamp { micros: 1_000_000 }));
    }

    #[test]
    fn bounds_are_checked_as_values_are() {
        let wide = send(&from(7_u16), oid::INT8RANGE.into(), Format::Binary).unwrap();
        assert_eq!(wide, b"\x12\0\0\0\x08\0\0\0\0\0\0\0\x07");
        let error = send(&from(1_u64 << 40), oid::INT4RANGE.into(), Format::Binary).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::OutOfRange(1 << 40));
        let error = send(&from(0.5), oid::NUMRANGE.into(), Format::Binary).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::Mismatch);
        for nothing in [Range::<f64>::Empty, from(0.5)] {
            assert!(send(&nothing, oid::INT4RANGE.into(), Format::Binary).is_err());
            assert!(send(&nothing, oid::INT4.into(), Format::Text).is_err());
        }
        let none = Multirange::<bool>(Vec::new());
        assert!(send(&none, oid::INT4MULTIRANGE.into(), Format::Binary).is_err());
    }

    #[test]
    fn ranges_made_by_users() {
        let mut types = Types::new();
        let mut add = |oid, kind| {
            let name = "r".to_owned();
            types.insert(oid, Definition { name, kind });
        };
        add(20_000, Kind::Range(oid::FLOAT8));
        add(20_001, Kind::Multirange(oid::FLOAT8));
        let ty = Type::new(20_000, &types);
        let value = from(0.5);
        assert_eq!(value.format(ty), Format::Binary);
        assert_eq!(send(&value, ty, Format::Text).unwrap(), b"[0.5,)");
        assert_eq!(from("0.5").format(ty), Format::Text);
        assert_eq!(send(&from("0.5"), ty, Format::Text).unwrap(), b"[0.5,)");
        assert!(send(&from(1), ty, Format::Text).is_err());
        let ty = Type::new(20_001, &types);
        let value = Multirange(vec![value, Range::Empty]);
        assert_eq!(send(&value, ty, Format::Text).unwrap(), b"{[0.5,),empty}");
        // Of a range that nobody knows the server has to make what it can.
        let ty = Type::new(30_000, &types);
        assert_eq!(value.format(ty), Format::Text);
        assert_eq!(send(&value, ty, Format::Text).unwrap(), b"{[0.5,),empty}");
    }

    #[test]
    fn multiranges() {
        let value = Multirange(vec![from(1_i64), from(7)]);
        let ty = Type::built_in(oid::INT8MULTIRANGE);
        assert_eq!(value.format(ty), Format::Binary);
        for format in [Format::Binary, Format::Text] {
            let raw = send(&value, ty, format).unwrap();
            assert_eq!(read(oid::INT8MULTIRANGE, format, &raw), Ok(value.clone()));
        }
        assert!(read::<Multirange<i64>>(oid::INT8RANGE, Format::Text, b"[1,2)").is_err());
    }

    #[test]
    fn lists_of_ranges() {
        let ranges = vec![Range::<i64>::Empty];
        let raw = send(&ranges, oid::INT8RANGE_ARRAY.into(), Format::Binary).unwrap();
        assert_eq!(
            read::<Vec<Range<i64>>>(oid::INT8RANGE_ARRAY, Format::Binary, &raw),
            Ok(ranges)
        );
    }
}
