//! Booleans, floats, `numeric` and bytes.

use super::{
    Element, FromSql, IsNull, SqlType, ToSql, Type, scalar_from_sql, scalar_to_sql, to_sql_as,
};
use crate::numeric::Numeric;
use crate::{
    DecodeError, DecodeErrorKind, EncodeError, Format, LoadContext, boolean, bytea, float, int,
    memory, oid,
};

scalar_to_sql!(bool, oid::BOOL, |value, out|
    binary boolean::bool_to_binary(*value, out),
    text boolean::bool_to_text(*value, out));
scalar_to_sql!(f64, oid::FLOAT8, |value, out|
    binary float::float8_to_binary(*value, out),
    text float::float8_to_text(*value, out));
scalar_to_sql!(Numeric, oid::NUMERIC, |value, out|
binary {
    memory::room(out, value.binary_len())?;
    value.to_binary(out)?;
},
text {
    memory::room(out, value.text_len())?;
    value.to_text(out);
});
scalar_to_sql!([u8], oid::BYTEA, |value, out|
binary {
    memory::room(out, value.len())?;
    bytea::bytea_to_binary(value, out);
},
text {
    memory::room(out, 2 * value.len() + memory::FIXED)?;
    bytea::bytea_to_text(value, out);
});
to_sql_as!(Vec<u8>, [u8], |value| **value);

impl ToSql for f32 {
    /// Writes it as a `float8` by way of `f64`: the shortest text of an `f32` is another `float8`.
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        match (ty.oid(), format) {
            (oid::FLOAT4, Format::Binary) => float::float4_to_binary(*self, out),
            (oid::FLOAT4 | oid::UNKNOWN, Format::Text) => float::float4_to_text(*self, out),
            (oid::FLOAT8, _) => return f64::from(*self).to_sql(ty, format, out),
            _ => return Err(ty.refused::<Self>()),
        }
        Ok(IsNull::No)
    }
}

impl SqlType for f32 {
    fn is_sent_as(ty: Type<'_>) -> bool {
        matches!(ty.oid(), oid::FLOAT4 | oid::FLOAT8 | oid::UNKNOWN)
    }
}

impl Element for f32 {}

impl<const N: usize> ToSql for [u8; N] {
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(ty, format, out)
    }
}

impl<const N: usize> SqlType for [u8; N] {
    fn is_sent_as(ty: Type<'_>) -> bool {
        <[u8]>::is_sent_as(ty)
    }
}

impl<const N: usize> Element for [u8; N] {}

impl<const N: usize> FromSql<'_> for [u8; N] {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        if !Self::accepts(ty) {
            return Err(ty.mismatch::<Self>());
        }
        let bytes = Vec::<u8>::from_sql(ty, format, raw, ctx)?;
        bytes
            .try_into()
            .map_err(|_| DecodeError::range("bytea", "another number of bytes than the Rust type"))
    }

    fn accepts(ty: Type<'_>) -> bool {
        Vec::<u8>::accepts(ty)
    }
}

scalar_from_sql!(bool, |raw, ctx| {
    oid::BOOL => boolean::bool_from_text(raw), boolean::bool_from_binary(raw);
});
scalar_from_sql!(f32, |raw, ctx| {
    oid::FLOAT4 => float::float4_from_text(raw), float::float4_from_binary(raw);
    oid::INT2 => int::int2_from_text(raw).map(f32::from), int::int2_from_binary(raw).map(f32::from);
});
scalar_from_sql!(f64, |raw, ctx| {
    oid::FLOAT8 => float::float8_from_text(raw), float::float8_from_binary(raw);
    // Through the narrow type, so that both formats give the same number.
    oid::FLOAT4 => float::float4_from_text(raw).map(f64::from), float::float4_from_binary(raw).map(f64::from);
    oid::INT4 => int::int4_from_text(raw).map(f64::from), int::int4_from_binary(raw).map(f64::from);
    oid::INT2 => int::int2_from_text(raw).map(f64::from), int::int2_from_binary(raw).map(f64::from);
});
scalar_from_sql!(Numeric, |raw, ctx| {
    oid::NUMERIC => Numeric::from_text(raw), Numeric::from_binary(raw);
    oid::INT8 => int::int8_from_text(raw).map(|v| Numeric::from(i128::from(v))), int::int8_from_binary(raw).map(|v| Numeric::from(i128::from(v)));
    oid::INT4 => int::int4_from_text(raw).map(|v| Numeric::from(i128::from(v))), int::int4_from_binary(raw).map(|v| Numeric::from(i128::from(v)));
    oid::INT2 => int::int2_from_text(raw).map(|v| Numeric::from(i128::from(v))), int::int2_from_binary(raw).map(|v| Numeric::from(i128::from(v)));
});
impl<'a> FromSql<'a> for &'a [u8] {
    /// Borrows a `bytea`, which only the binary format allows.
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match (ty.oid(), format) {
            (oid::BYTEA, Format::Binary) => Ok(raw),
            (oid::BYTEA, Format::Text) => Err(DecodeError::new(
                DecodeErrorKind::Unsupported,
                "bytea",
                "text format cannot be borrowed as bytes, read it as Vec<u8>",
            )),
            _ => Err(ty.mismatch::<Self>()),
        }
    }

    fn accepts(ty: Type<'_>) -> bool {
        ty.oid() == oid::BYTEA
    }
}

scalar_from_sql!(Vec<u8>, |raw, ctx| {
    oid::BYTEA => bytes_from_text(raw), Ok(memory::copy(raw)?);
});

fn bytes_from_text(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    memory::room(&mut out, raw.len())?;
    bytea::bytea_from_text(raw, &mut out).map(|()| out)
}
