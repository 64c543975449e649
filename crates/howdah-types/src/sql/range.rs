//! Ranges and multiranges.

use super::{Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, Type};
use crate::range::{
    Bounds, MultirangeBinary, MultirangeText, Range, range_from_binary, range_from_text,
    range_to_binary, range_to_text,
};
use crate::{DecodeError, EncodeError, Format, LoadContext, length, oid};

/// The ranges of a multirange, in the order in which they were given: the server sorts and joins them.
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
        let mut bound = Bound {
            ty: subtype.ok_or_else(|| ty.mismatch::<Self>())?,
            ctx,
            scratch: Vec::new(),
        };
        match format {
            Format::Text => map(range_from_text(raw)?, |text| bound.text(text)),
            Format::Binary => map(range_from_binary(raw)?, |raw| bound.binary(raw)),
        }
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
        let mut bound = Bound {
            ty: subtype.ok_or_else(|| ty.mismatch::<Self>())?,
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
        Ok(Self(ranges))
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.multirange_subtype().is_some_and(T::accepts)
    }
}

impl<T: Element> ToSql for Range<T> {
    fn oid(&self) -> u32 {
        Self::OID
    }

    fn format(&self) -> Format {
        Self::FORMAT
    }

    /// Writes the range; a bound that is NULL counts as missing.
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match Self::FORMAT {
            Format::Text => range_to_text(self, out, T::to_sql_text)?,
            Format::Binary => range_to_binary(self, out, T::to_sql)?,
        }
        Ok(IsNull::No)
    }

    fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        range_to_text(self, out, T::to_sql_text)?;
        Ok(IsNull::No)
    }
}

impl<T: Element> SqlType for Range<T> {
    const OID: u32 = oid::range_of(T::OID);
    const FORMAT: Format = format_of::<T>(Self::OID);
}

impl<T: Element> Element for Range<T> {}

impl<T: Element> ToSql for Multirange<T> {
    fn oid(&self) -> u32 {
        Self::OID
    }

    fn format(&self) -> Format {
        Self::FORMAT
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        if Self::FORMAT == Format::Text {
            return self.to_sql_text(out);
        }
        let count = i32::try_from(self.0.len())
            .map_err(|_| EncodeError::new("multirange", "too many ranges"))?;
        out.extend_from_slice(&count.to_be_bytes());
        for range in &self.0 {
            let mark = length::begin(out);
            range.to_sql(out)?;
            length::end(out, mark)?;
        }
        Ok(IsNull::No)
    }

    fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        out.push(b'{');
        for (at, range) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            range.to_sql_text(out)?;
        }
        out.push(b'}');
        Ok(IsNull::No)
    }
}

impl<T: Element> SqlType for Multirange<T> {
    const OID: u32 = multirange_of(oid::range_of(T::OID));
    const FORMAT: Format = format_of::<T>(Self::OID);
}

impl<T: Element> Element for Multirange<T> {}

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
        let raw = text.bytes(&mut self.scratch);
        T::from_sql(self.ty, Format::Text, raw, self.ctx)
    }

    fn binary<T: FromSqlOwned>(&self, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(self.ty, Format::Binary, raw, self.ctx)
    }
}

/// A range that the server has to find out about is in text, whose bounds it reads as what they have to be.
const fn format_of<T: SqlType>(oid: u32) -> Format {
    match oid {
        0 => Format::Text,
        _ => T::FORMAT,
    }
}

const fn multirange_of(range: u32) -> u32 {
    match range {
        oid::INT4RANGE => oid::INT4MULTIRANGE,
        oid::INT8RANGE => oid::INT8MULTIRANGE,
        oid::NUMRANGE => oid::NUMMULTIRANGE,
        oid::TSRANGE => oid::TSMULTIRANGE,
        oid::TSTZRANGE => oid::TSTZMULTIRANGE,
        oid::DATERANGE => oid::DATEMULTIRANGE,
        _ => 0,
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

    fn read<T: FromSqlOwned>(ty: u32, format: Format, raw: &[u8]) -> Result<T, DecodeError> {
        T::from_sql(ty.into(), format, raw, &LoadContext::default())
    }

    #[test]
    fn ranges() {
        let range = Range::Bounds(Bounds {
            lower: Some(1),
            upper: None,
            lower_inclusive: true,
            upper_inclusive: false,
        });
        assert_eq!(range.oid(), oid::INT4RANGE);
        let mut out = Vec::new();
        range.to_sql(&mut out).unwrap();
        assert_eq!(
            read::<Range<i32>>(oid::INT4RANGE, Format::Binary, &out),
            Ok(range)
        );
        assert_eq!(
            read::<Range<i32>>(oid::INT4RANGE, Format::Text, b"[1,)"),
            Ok(range)
        );
        assert!(read::<Range<i32>>(oid::INT8RANGE, Format::Text, b"[1,)").is_err());
        assert!(read::<Range<i32>>(oid::INT4, Format::Text, b"1").is_err());
        let raw = b"[\"2000-01-01 00:00:01\",)";
        let Ok(Range::Bounds(bounds)) = read::<Range<Timestamp>>(oid::TSRANGE, Format::Text, raw)
        else {
            panic!()
        };
        assert_eq!(bounds.lower, Some(Timestamp { micros: 1_000_000 }));
        assert_eq!(Range::<bool>::Empty.oid(), 0);
    }

    #[test]
    fn multiranges() {
        let part = |lower, upper| {
            Range::Bounds(Bounds {
                lower: Some(lower),
                upper,
                lower_inclusive: true,
                upper_inclusive: false,
            })
        };
        let value = Multirange(vec![part(1_i64, Some(3)), part(7, None)]);
        assert_eq!(
            (value.oid(), value.format()),
            (oid::INT8MULTIRANGE, Format::Binary)
        );
        let mut out = Vec::new();
        value.to_sql(&mut out).unwrap();
        let back = read(oid::INT8MULTIRANGE, Format::Binary, &out);
        assert_eq!(back, Ok(value.clone()));
        out.clear();
        value.to_sql_text(&mut out).unwrap();
        assert_eq!(out, b"{[1,3),[7,)}");
        assert_eq!(read(oid::INT8MULTIRANGE, Format::Text, &out), Ok(value));
        assert!(read::<Multirange<i64>>(oid::INT8RANGE, Format::Text, b"[1,2)").is_err());
        let unknown = Multirange::<f64>(vec![Range::Empty]);
        assert_eq!((unknown.oid(), unknown.format()), (0, Format::Text));
    }

    #[test]
    fn lists_of_ranges() {
        let ranges = vec![Range::<i64>::Empty];
        assert_eq!(ranges.oid(), oid::INT8RANGE_ARRAY);
        let mut out = Vec::new();
        ranges.to_sql(&mut out).unwrap();
        assert_eq!(
            read::<Vec<Range<i64>>>(oid::INT8RANGE_ARRAY, Format::Binary, &out),
            Ok(ranges)
        );
    }
}
