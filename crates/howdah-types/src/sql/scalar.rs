//! Booleans, numbers, text and bytes.

use std::any::type_name;
use std::borrow::Cow;

use super::{FromSql, scalar_from_sql, scalar_to_sql};
use crate::numeric::{self, Numeric};
use crate::{
    DecodeError, DecodeErrorKind, Format, LoadContext, boolean, bytea, float, int, json, oid, text,
};

scalar_to_sql!(bool, oid::BOOL, Format::Binary, |value, out| {
    boolean::bool_to_binary(*value, out)
});
scalar_to_sql!(i16, oid::INT2, Format::Binary, |value, out| {
    int::int2_to_binary(*value, out)
});
scalar_to_sql!(i32, oid::INT4, Format::Binary, |value, out| {
    int::int4_to_binary(*value, out)
});
scalar_to_sql!(i64, oid::INT8, Format::Binary, |value, out| {
    int::int8_to_binary(*value, out)
});
scalar_to_sql!(u32, oid::OID, Format::Binary, |value, out| {
    int::oid_to_binary(*value, out)
});
scalar_to_sql!(f32, oid::FLOAT4, Format::Binary, |value, out| {
    float::float4_to_binary(*value, out)
});
scalar_to_sql!(f64, oid::FLOAT8, Format::Binary, |value, out| {
    float::float8_to_binary(*value, out)
});
scalar_to_sql!(i128, oid::NUMERIC, Format::Binary, |value, out| {
    numeric::int_to_binary(*value, out)?
});
scalar_to_sql!(Numeric, oid::NUMERIC, Format::Binary, |value, out| value
    .to_binary(out)?);
// Undeclared, as a literal in quotes is, so that a string can be compared with or stored in any type.
scalar_to_sql!(str, 0, Format::Text, |value, out| text::str_to(value, out)?);
scalar_to_sql!(String, 0, Format::Text, |value, out| text::str_to(
    value, out
)?);
scalar_to_sql!(Cow<'_, str>, 0, Format::Text, |value, out| text::str_to(
    value, out
)?);
scalar_to_sql!([u8], oid::BYTEA, Format::Binary, |value, out| {
    bytea::bytea_to_binary(value, out)
});
scalar_to_sql!(Vec<u8>, oid::BYTEA, Format::Binary, |value, out| {
    bytea::bytea_to_binary(value, out)
});

scalar_from_sql!(bool, |raw, ctx| {
    oid::BOOL => boolean::bool_from_text(raw), boolean::bool_from_binary(raw);
});
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
scalar_from_sql!(i128, |raw, ctx| {
    oid::NUMERIC => Numeric::from_text(raw).and_then(|v| whole(&v)), Numeric::from_binary(raw).and_then(|v| whole(&v));
    oid::INT8 => int::int8_from_text(raw).map(i128::from), int::int8_from_binary(raw).map(i128::from);
    oid::INT4 => int::int4_from_text(raw).map(i128::from), int::int4_from_binary(raw).map(i128::from);
    oid::INT2 => int::int2_from_text(raw).map(i128::from), int::int2_from_binary(raw).map(i128::from);
});

impl<'a> FromSql<'a> for &'a str {
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &'a [u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match (ty, format) {
            // The binary form of jsonb has a version byte in front.
            (oid::JSONB, Format::Binary) => text::str_from(json::jsonb_from_binary(raw)?),
            _ if Self::accepts(ty) => text::str_from(raw),
            _ => Err(DecodeError::mismatch(ty, type_name::<Self>())),
        }
    }

    fn accepts(ty: u32) -> bool {
        is_text(ty)
    }
}

impl FromSql<'_> for String {
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match <&str>::from_sql(ty, format, raw, ctx) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) if error.kind() == DecodeErrorKind::Mismatch => {
                Err(DecodeError::mismatch(ty, type_name::<Self>()))
            }
            Err(error) => Err(error),
        }
    }

    fn accepts(ty: u32) -> bool {
        is_text(ty)
    }
}

impl<'a> FromSql<'a> for &'a [u8] {
    /// Borrows a `bytea`, which only the binary format allows.
    fn from_sql(
        ty: u32,
        format: Format,
        raw: &'a [u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        match (ty, format) {
            (oid::BYTEA, Format::Binary) => Ok(raw),
            (oid::BYTEA, Format::Text) => Err(DecodeError::new(
                DecodeErrorKind::Unsupported,
                "bytea",
                "text format cannot be borrowed as bytes, read it as Vec<u8>",
            )),
            _ => Err(DecodeError::mismatch(ty, type_name::<Self>())),
        }
    }

    fn accepts(ty: u32) -> bool {
        ty == oid::BYTEA
    }
}

scalar_from_sql!(Vec<u8>, |raw, ctx| {
    oid::BYTEA => bytes_from_text(raw), Ok(raw.to_vec());
});

/// Types whose text, and binary form too, is their characters. Types made by users are among them: enums and
/// domains over text are, and the others are sent as text unless binary was asked for.
fn is_text(ty: u32) -> bool {
    matches!(
        ty,
        oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::UNKNOWN
            | oid::XML
            | oid::CHAR
            | oid::CSTRING
            | oid::JSON
            | oid::JSONB
            | oid::JSONPATH
            | oid::REFCURSOR
            | oid::PG_NODE_TREE
            | oid::FIRST_NORMAL..
    )
}

fn bytes_from_text(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = Vec::new();
    bytea::bytea_from_text(raw, &mut out).map(|()| out)
}

fn whole(value: &Numeric) -> Result<i128, DecodeError> {
    value
        .to_i128()
        .ok_or(DecodeError::range("numeric", "not an integer of 128 bits"))
}
