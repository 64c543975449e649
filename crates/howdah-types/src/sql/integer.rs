//! Integers: sent as any integer type and as `numeric`, if they are in its range; read where nothing is lost.

use std::any::type_name;

use super::{Element, IsNull, SqlType, ToSql, Type, scalar_from_sql};
use crate::numeric::{self, Numeric};
use crate::{DecodeError, EncodeError, Format, int, oid};

macro_rules! integers {
    ($($rust:ty),+) => {
        $(
            impl ToSql for $rust {
                fn to_sql(
                    &self,
                    ty: Type<'_>,
                    format: Format,
                    out: &mut Vec<u8>,
                ) -> Result<IsNull, EncodeError> {
                    match format {
                        Format::Binary => to_binary(*self, ty, out),
                        Format::Text => to_text(*self, ty, out),
                    }
                }
            }

            impl SqlType for $rust {
                fn is_sent_as(ty: Type<'_>) -> bool {
                    is_integer(ty)
                }
            }
        )+
    };
}

// A list of u8 is a bytea, and so u8 is no Element.
integers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, usize);

macro_rules! elements {
    ($($rust:ty),+) => {
        $(impl Element for $rust {})+
    };
}

elements!(i8, i16, i32, i64, i128, isize, u16, u32, u64, usize);

scalar_from_sql!(i16, |raw, ctx| {
    oid::INT2 => int::int2_from_text(raw), int::int2_from_binary(raw);
});
scalar_from_sql!(i32, |raw, ctx| {
    oid::INT4 => int::int4_from_text(raw), int::int4_from_binary(raw);
    oid::INT2 => int::int4_from_text(raw), int::int2_from_binary(raw).map(i32::from);
});
scalar_from_sql!(i64, |raw, ctx| {
    oid::INT8 => int::int8_from_text(raw), int::int8_from_binary(raw);
    oid::INT4 => int::int8_from_text(raw), int::int4_from_binary(raw).map(i64::from);
    oid::INT2 => int::int8_from_text(raw), int::int2_from_binary(raw).map(i64::from);
    oid::OID | oid::XID | oid::CID => int::int8_from_text(raw), int::oid_from_binary(raw).map(i64::from);
});
scalar_from_sql!(u32, |raw, ctx| {
    oid::OID | oid::XID | oid::CID => int::oid_from_text(raw), int::oid_from_binary(raw);
});
scalar_from_sql!(u64, |raw, ctx| {
    oid::XID8 => int::xid8_from_text(raw), int::xid8_from_binary(raw);
    oid::OID | oid::XID | oid::CID => int::xid8_from_text(raw), int::oid_from_binary(raw).map(u64::from);
});
scalar_from_sql!(i128, |raw, ctx| {
    oid::NUMERIC => Numeric::from_text(raw).and_then(|v| whole(&v)), Numeric::from_binary(raw).and_then(|v| whole(&v));
    oid::INT8 => int::int8_from_text(raw).map(i128::from), int::int8_from_binary(raw).map(i128::from);
    oid::INT4 => int::int4_from_text(raw).map(i128::from), int::int4_from_binary(raw).map(i128::from);
    oid::INT2 => int::int2_from_text(raw).map(i128::from), int::int2_from_binary(raw).map(i128::from);
});

/// What all Rust integers are to the writers below.
trait Integer:
    Copy
    + itoa::Integer
    + TryInto<i16>
    + TryInto<i32>
    + TryInto<i64>
    + TryInto<u32>
    + TryInto<u64>
    + TryInto<i128>
{
}

impl<T> Integer for T where
    T: Copy
        + itoa::Integer
        + TryInto<i16>
        + TryInto<i32>
        + TryInto<i64>
        + TryInto<u32>
        + TryInto<u64>
        + TryInto<i128>
{
}

fn to_binary<T: Integer>(value: T, ty: Type<'_>, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
    match ty.oid() {
        oid::INT2 => int::int2_to_binary(fit(value, ty)?, out),
        oid::INT4 => int::int4_to_binary(fit(value, ty)?, out),
        oid::INT8 => int::int8_to_binary(fit(value, ty)?, out),
        oid::NUMERIC => numeric::int_to_binary(fit(value, ty)?, out)?,
        oid::OID | oid::XID | oid::CID => int::oid_to_binary(fit(value, ty)?, out),
        oid::XID8 => int::xid8_to_binary(fit(value, ty)?, out),
        _ => return Err(ty.refused::<T>()),
    }
    Ok(IsNull::No)
}

/// Checks the range as well, so that an integer that is out of it is the same error in both formats.
fn to_text<T: Integer>(value: T, ty: Type<'_>, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
    match ty.oid() {
        oid::INT2 => int::int_to_text(fit::<_, i16>(value, ty)?, out),
        oid::INT4 => int::int_to_text(fit::<_, i32>(value, ty)?, out),
        oid::INT8 => int::int_to_text(fit::<_, i64>(value, ty)?, out),
        oid::OID | oid::XID | oid::CID => int::int_to_text(fit::<_, u32>(value, ty)?, out),
        oid::XID8 => int::int_to_text(fit::<_, u64>(value, ty)?, out),
        oid::NUMERIC | oid::UNKNOWN => int::int_to_text(value, out),
        _ => return Err(ty.refused::<T>()),
    }
    Ok(IsNull::No)
}

fn is_integer(ty: Type<'_>) -> bool {
    matches!(
        ty.oid(),
        oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::NUMERIC
            | oid::OID
            | oid::XID
            | oid::CID
            | oid::XID8
            | oid::UNKNOWN
    )
}

fn fit<T: Integer + TryInto<N>, N>(value: T, ty: Type<'_>) -> Result<N, EncodeError> {
    value.try_into().map_err(|_| beyond(value, ty))
}

#[cold]
fn beyond<T: Integer>(value: T, ty: Type<'_>) -> EncodeError {
    // None of them is beyond the range of i128.
    let value = value.try_into().unwrap_or(i128::MAX);
    EncodeError::out_of_range(ty.static_name(), value, type_name::<T>())
}

fn whole(value: &Numeric) -> Result<i128, DecodeError> {
    value
        .to_i128()
        .ok_or(DecodeError::range("numeric", "not an integer of 128 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EncodeErrorKind;
    use proptest::prelude::*;

    fn binary(value: &dyn ToSql, ty: u32) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Binary, &mut out)?;
        Ok(out)
    }

    fn text(value: &dyn ToSql, ty: u32) -> Result<String, EncodeError> {
        let mut out = Vec::new();
        value.to_sql(ty.into(), Format::Text, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_integer_goes_into_each_integer_type_that_holds_it() {
        let sevens: [&dyn ToSql; 11] = [
            &7_i8, &7_i16, &7_i32, &7_i64, &7_i128, &7_isize, &7_u8, &7_u16, &7_u32, &7_u64,
            &7_usize,
        ];
        for seven in sevens {
            assert_eq!(binary(seven, oid::INT2).unwrap(), 7_i16.to_be_bytes());
            assert_eq!(binary(seven, oid::INT4).unwrap(), 7_i32.to_be_bytes());
            assert_eq!(binary(seven, oid::INT8).unwrap(), 7_i64.to_be_bytes());
            for ty in [oid::OID, oid::XID, oid::CID] {
                assert_eq!(binary(seven, ty).unwrap(), 7_u32.to_be_bytes());
            }
            assert_eq!(binary(seven, oid::XID8).unwrap(), 7_u64.to_be_bytes());
            let numeric = binary(seven, oid::NUMERIC).unwrap();
            assert_eq!(Numeric::from_binary(&numeric).unwrap().to_i128(), Some(7));
            for ty in [oid::INT2, oid::NUMERIC, oid::XID8, oid::UNKNOWN] {
                assert_eq!(text(seven, ty).unwrap(), "7");
            }
            for ty in [
                oid::FLOAT4,
                oid::FLOAT8,
                oid::TEXT,
                oid::BOOL,
                oid::MONEY,
                oid::DATE,
                oid::INT4_ARRAY,
                oid::REGCLASS,
            ] {
                let error = binary(seven, ty).unwrap_err();
                assert_eq!(error.kind(), EncodeErrorKind::Mismatch);
                assert_eq!(text(seven, ty).unwrap_err(), error);
            }
        }
    }

    #[test]
    fn an_integer_out_of_range_is_an_error_that_names_it() {
        let error = binary(&3_000_000_000_u32, oid::INT4).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::OutOfRange(3_000_000_000));
        assert_eq!(
            error.to_string(),
            "3000000000 of Rust type u32 is out of range for PostgreSQL type int4"
        );
        assert_eq!(text(&3_000_000_000_u32, oid::INT4), Err(error));
        let list = vec![1, 3_000_000_000_u32];
        assert_eq!(binary(&list, oid::INT4_ARRAY), Err(error));
        assert_eq!(binary(&Some(3_000_000_000_u32), oid::INT4), Err(error));
        let refused: [(&dyn ToSql, u32); 8] = [
            (&-1_i8, oid::OID),
            (&-1_i64, oid::XID8),
            (&u16::MAX, oid::INT2),
            (&(i64::from(i32::MAX) + 1), oid::INT4),
            (&(i64::from(i32::MIN) - 1), oid::INT4),
            (&u64::MAX, oid::INT8),
            (&(i128::from(i64::MIN) - 1), oid::INT8),
            (&(1_u64 << 32), oid::OID),
        ];
        for (value, ty) in refused {
            let error = binary(value, ty).unwrap_err();
            assert!(
                matches!(error.kind(), EncodeErrorKind::OutOfRange(_)),
                "{error}"
            );
        }
        assert_eq!(binary(&u64::MAX, oid::XID8).unwrap(), [0xFF; 8]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_value_or_an_error(value: i128, shift in 0_u32..128) {
            let value = value >> shift;
            for ty in [oid::INT2, oid::INT4, oid::INT8, oid::OID, oid::XID8, oid::NUMERIC] {
                let fits = match ty {
                    oid::INT2 => i16::try_from(value).is_ok(),
                    oid::INT4 => i32::try_from(value).is_ok(),
                    oid::INT8 => i64::try_from(value).is_ok(),
                    oid::OID => u32::try_from(value).is_ok(),
                    oid::XID8 => u64::try_from(value).is_ok(),
                    _ => true,
                };
                let binary = binary(&value, ty);
                prop_assert_eq!(binary.is_ok(), fits);
                prop_assert_eq!(text(&value, ty).is_ok(), fits);
                if let Ok(raw) = binary {
                    let mut back = Vec::new();
                    crate::transcode::binary_to_text(ty, &raw, &mut back).unwrap();
                    prop_assert_eq!(String::from_utf8(back).unwrap(), value.to_string());
                }
            }
        }
    }
}
