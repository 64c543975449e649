//! Strings: sent as a value of any type, as a literal in quotes is; read from types that consist of characters, from those
//! made by users, and from those that no other Rust type is for.

use std::borrow::Cow;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type};
use crate::{DecodeError, EncodeError, Format, LoadContext, json, memory, oid, text};

macro_rules! strings {
    ($($rust:ty),+) => {
        $(
            impl ToSql for $rust {
                fn format(&self, ty: Type<'_>) -> Format {
                    format_of(ty)
                }

                /// Writes the characters, whatever the type is: the server reads them as a literal of it.
                fn to_sql(
                    &self,
                    ty: Type<'_>,
                    format: Format,
                    out: &mut Vec<u8>,
                ) -> Result<IsNull, EncodeError> {
                    if format == Format::Binary && format_of(ty) == Format::Text {
                        return Err(EncodeError::new(
                            ty.static_name(),
                            "a string has no binary form of it",
                        ));
                    }
                    if format == Format::Binary && ty.oid() == oid::JSONB {
                        json::jsonb_to_binary(out);
                    }
                    text::str_to(self, out).map(|()| IsNull::No)
                }
            }

            impl SqlType for $rust {
                fn is_sent_as(_: Type<'_>) -> bool {
                    true
                }
            }

            impl Element for $rust {}
        )+
    };
}

strings!(str, String, Cow<'_, str>);

/// Text, but for the types that read the same from it in either format, so that other values beside it can be in binary.
fn format_of(ty: Type<'_>) -> Format {
    match ty.oid() {
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON | oid::JSONB => Format::Binary,
        _ if ty.is_enum(None) && !ty.is_opaque() => Format::Binary,
        _ => Format::Text,
    }
}

impl<'a> FromSql<'a> for &'a str {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &'a [u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        characters(ty, format, raw, ctx).ok_or_else(|| ty.mismatch::<Self>())?
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
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let text = characters(ty, format, raw, ctx).ok_or_else(|| ty.mismatch::<Self>())?;
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
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let text = characters(ty, format, raw, ctx).ok_or_else(|| ty.mismatch::<Self>())?;
        Ok(memory::string(text?)?)
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_text(ty)
    }
}

/// The characters of a value, if it is of a type that consists of them.
fn characters<'a>(
    ty: Type<'_>,
    format: Format,
    raw: &'a [u8],
    ctx: &LoadContext,
) -> Option<Result<&'a str, DecodeError>> {
    let text = match (ty.oid(), format) {
        // The binary forms of these have a version byte in front.
        (oid::JSONB | oid::JSONPATH, Format::Binary) => json::jsonb_from_binary(raw),
        (_, Format::Text) if is_text(ty) => Ok(raw),
        (oid, Format::Binary) if consists_of_characters(oid) || ty.is_enum(None) => Ok(raw),
        _ => return None,
    };
    Some(text.and_then(|raw| {
        ctx.check_encoding(raw)?;
        text::str_from(raw)
    }))
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
            | oid::CSTRING
            | oid::JSON
            | oid::JSONB
            | oid::JSONPATH
            | oid::REFCURSOR
            | oid::PG_NODE_TREE
    )
}

/// Types whose binary form is something else, or the text of something else: of `xml` it has another declaration, and of
/// `"char"` a byte that is no character.
const fn has_only_text(ty: u32) -> bool {
    matches!(
        ty,
        oid::ACLITEM
            | oid::BOX
            | oid::CHAR
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
            | oid::XML
    )
}
