//! Network addresses, bit strings and ranges.

use std::any::type_name;
use std::net::IpAddr;

use super::{
    Element, FromSql, FromSqlOwned, IsNull, SqlType, ToSql, scalar_from_sql, scalar_to_sql,
};
use crate::bit::Bits;
use crate::net::Inet;
use crate::oid::TypeKind;
use crate::range::{
    Bounds, Range, range_from_binary, range_from_text, range_to_binary, range_to_text,
};
use crate::{DecodeError, EncodeError, Format, LoadContext, oid};

scalar_to_sql!(Inet, oid::INET, Format::Binary, |value, out| value
    .to_binary(false, out));
scalar_to_sql!(IpAddr, oid::INET, Format::Binary, |value, out| Inet::host(
    *value
)
.to_binary(false, out));
scalar_to_sql!(Bits, oid::VARBIT, Format::Binary, |value, out| value
    .to_binary(out));

scalar_from_sql!(Inet, |raw, ctx| {
    oid::INET | oid::CIDR => Self::from_text(raw), Self::from_binary(raw);
});
scalar_from_sql!(IpAddr, |raw, ctx| {
    oid::INET | oid::CIDR => Inet::from_text(raw).and_then(host), Inet::from_binary(raw).and_then(host);
});
scalar_from_sql!(Bits, |raw, ctx| {
    oid::BIT | oid::VARBIT => Self::from_text(raw), Self::from_binary(raw);
});

impl<T: FromSqlOwned> FromSql<'_> for Range<T> {
    /// Reads one of the built-in ranges.
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let subtype = subtype(ty).filter(|subtype| T::accepts(*subtype));
        let subtype = subtype.ok_or_else(|| DecodeError::mismatch(ty, type_name::<Self>()))?;
        match format {
            Format::Text => {
                let mut scratch = Vec::new();
                map(range_from_text(raw)?, |text| {
                    T::from_sql(subtype, format, text.bytes(&mut scratch), ctx)
                })
            }
            Format::Binary => map(range_from_binary(raw)?, |raw| {
                T::from_sql(subtype, format, raw, ctx)
            }),
        }
    }

    fn accepts(ty: u32) -> bool {
        subtype(ty).is_some_and(T::accepts)
    }
}

impl<T: Element> ToSql for Range<T> {
    fn oid(&self) -> u32 {
        Self::OID
    }

    fn format(&self) -> Format {
        T::FORMAT
    }

    /// Writes the range; a bound that is NULL counts as missing.
    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        match T::FORMAT {
            Format::Text => range_to_text(self, out, T::to_sql)?,
            Format::Binary => range_to_binary(self, out, T::to_sql)?,
        }
        Ok(IsNull::No)
    }
}

impl<T: Element> SqlType for Range<T> {
    const OID: u32 = oid::range_of(T::OID);
    const FORMAT: Format = T::FORMAT;
}

impl<T: Element> Element for Range<T> {}

fn host(value: Inet) -> Result<IpAddr, DecodeError> {
    if value.is_host() {
        Ok(value.address)
    } else {
        Err(DecodeError::range("inet", "a network, not an address"))
    }
}

fn subtype(ty: u32) -> Option<u32> {
    match oid::lookup(ty)?.kind {
        TypeKind::Range { subtype, .. } => Some(subtype),
        _ => None,
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
        T::from_sql(ty, format, raw, &LoadContext::default())
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

    #[test]
    fn addresses_and_bits() {
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(read(oid::INET, Format::Text, b"127.0.0.1"), Ok(address));
        assert!(read::<IpAddr>(oid::CIDR, Format::Text, b"127.0.0.0/8").is_err());
        assert_eq!(
            read::<Bits>(oid::BIT, Format::Text, b"101").unwrap().len(),
            3
        );
        let mut out = Vec::new();
        address.to_sql(&mut out).unwrap();
        assert_eq!(read(oid::INET, Format::Binary, &out), Ok(address));
    }
}
