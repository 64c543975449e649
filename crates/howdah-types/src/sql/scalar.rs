//! Booleans, numbers, text and bytes.

use std::borrow::Cow;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type, scalar_from_sql, scalar_to_sql};
use crate::numeric::{self, Numeric};
use crate::{
    DecodeError, DecodeErrorKind, EncodeError, Format, LoadContext, boolean, bytea, float, int,
    json, oid, text,
};

scalar_to_sql!(bool, oid::BOOL, |value, out|
    binary boolean::bool_to_binary(*value, out),
    text boolean::bool_to_text(*value, out));
scalar_to_sql!(i16, oid::INT2, |value, out|
    binary int::int2_to_binary(*value, out),
    text int::int_to_text(*value, out));
scalar_to_sql!(i32, oid::INT4, |value, out|
    binary int::int4_to_binary(*value, out),
    text int::int_to_text(*value, out));
scalar_to_sql!(i64, oid::INT8, |value, out|
    binary int::int8_to_binary(*value, out),
    text int::int_to_text(*value, out));
scalar_to_sql!(u32, oid::OID, |value, out|
    binary int::oid_to_binary(*value, out),
    text int::int_to_text(*value, out));
scalar_to_sql!(f32, oid::FLOAT4, |value, out|
    binary float::float4_to_binary(*value, out),
    text float::float4_to_text(*value, out));
scalar_to_sql!(f64, oid::FLOAT8, |value, out|
    binary float::float8_to_binary(*value, out),
    text float::float8_to_text(*value, out));
scalar_to_sql!(i128, oid::NUMERIC, |value, out|
    binary numeric::int_to_binary(*value, out)?,
    text int::int_to_text(*value, out));
scalar_to_sql!(Numeric, oid::NUMERIC, |value, out|
    binary value.to_binary(out)?,
    text value.to_text(out));
// Undeclared, as a literal in quotes is, so that a string can be compared with or stored in any type.
scalar_to_sql!(str, 0, |value, out| text text::str_to(value, out)?);
scalar_to_sql!(String, 0, |value, out| text text::str_to(value, out)?);
scalar_to_sql!(Cow<'_, str>, 0, |value, out| text text::str_to(value, out)?);
scalar_to_sql!([u8], oid::BYTEA, |value, out|
    binary bytea::bytea_to_binary(value, out),
    text bytea::bytea_to_text(value, out));
scalar_to_sql!(Vec<u8>, oid::BYTEA, |value, out|
    binary bytea::bytea_to_binary(value, out),
    text bytea::bytea_to_text(value, out));

impl<const N: usize> ToSql for [u8; N] {
    fn oid(&self) -> u32 {
        oid::BYTEA
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql(out)
    }

    fn to_sql_text(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        self.as_slice().to_sql_text(out)
    }
}

impl<const N: usize> SqlType for [u8; N] {
    const OID: u32 = oid::BYTEA;
    const FORMAT: Format = Format::Binary;
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
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        characters(ty, format, raw).ok_or_else(|| ty.mismatch::<Self>())?
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_text(ty)
    }
}

impl<'a> FromSql<'a> for Cow<'a, str> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let text = characters(ty, format, raw).ok_or_else(|| ty.mismatch::<Self>())?;
        text.map(Cow::Borrowed)
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_text(ty)
    }
}

impl FromSql<'_> for String {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let text = characters(ty, format, raw).ok_or_else(|| ty.mismatch::<Self>())?;
        text.map(str::to_owned)
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_text(ty)
    }
}

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
    oid::BYTEA => bytes_from_text(raw), Ok(raw.to_vec());
});

/// The characters of a value, if it is of a type that consists of them.
fn characters<'a>(
    ty: Type<'_>,
    format: Format,
    raw: &'a [u8],
) -> Option<Result<&'a str, DecodeError>> {
    match (ty.oid(), format) {
        // The binary form of jsonb has a version byte in front.
        (oid::JSONB, Format::Binary) => Some(json::jsonb_from_binary(raw).and_then(text::str_from)),
        (_, Format::Text) => is_text(ty).then(|| text::str_from(raw)),
        (oid, Format::Binary) => {
            (consists_of_characters(oid) || ty.is_enum(None)).then(|| text::str_from(raw))
        }
    }
}

/// Types that are read as their text: those that consist of characters, those made by users, and the built-in ones that
/// no other Rust type is for.
fn is_text(ty: Type<'_>) -> bool {
    consists_of_characters(ty.oid()) || has_only_text(ty.oid()) || ty.oid() >= oid::FIRST_NORMAL
}

/// Types whose binary form is their text.
const fn consists_of_characters(ty: u32) -> bool {
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
    )
}

const fn has_only_text(ty: u32) -> bool {
    matches!(
        ty,
        oid::ACLITEM
            | oid::BOX
            | oid::CIRCLE
            | oid::INT2VECTOR
            | oid::LINE
            | oid::LSEG
            | oid::MONEY
            | oid::OIDVECTOR
            | oid::PATH
            | oid::PG_LSN
            | oid::PG_SNAPSHOT
            | oid::POINT
            | oid::POLYGON
            | oid::REGCLASS
            | oid::REGCOLLATION
            | oid::REGCONFIG
            | oid::REGDICTIONARY
            | oid::REGNAMESPACE
            | oid::REGOPER
            | oid::REGOPERATOR
            | oid::REGPROC
            | oid::REGPROCEDURE
            | oid::REGROLE
            | oid::REGTYPE
            | oid::TID
            | oid::TSQUERY
            | oid::TSVECTOR
            | oid::TXID_SNAPSHOT
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
