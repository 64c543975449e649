//! `serde_json::Value`, and [`Json`] for any serde type.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type, from_sql_as, to_sql_as};
use crate::{DecodeError, EncodeError, Format, LoadContext, json, oid};

/// A value that travels as `json` or `jsonb`: read from either, sent as `jsonb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromSql<'_> for Json<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        _: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let document = document(ty, format, raw).ok_or_else(|| ty.mismatch::<Self>())??;
        serde_json::from_slice(document)
            .map(Self)
            .map_err(|_| DecodeError::invalid("json", "not JSON of the expected shape"))
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_json(ty)
    }
}

impl<T: Serialize + Sync> ToSql for Json<T> {
    fn oid(&self) -> u32 {
        oid::JSONB
    }

    fn format(&self) -> Format {
        Format::Text
    }

    fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
        serde_json::to_writer(out, &self.0)
            .map_err(|_| EncodeError::new("jsonb", "the value cannot be represented as JSON"))?;
        Ok(IsNull::No)
    }
}

impl<T: Serialize + Sync> SqlType for Json<T> {
    const OID: u32 = oid::JSONB;
    const FORMAT: Format = Format::Text;
}

impl<T: Serialize + Sync> Element for Json<T> {}

to_sql_as!(Value, Json<&Value>, |value| Json(value));
from_sql_as!(Value, Json<Self>, |Json(value)| Ok(value));

fn is_json(ty: Type<'_>) -> bool {
    matches!(ty.oid(), oid::JSON | oid::JSONB) || ty.is_untyped()
}

/// The text of a value, if it is of a type that is JSON.
fn document<'a>(
    ty: Type<'_>,
    format: Format,
    raw: &'a [u8],
) -> Option<Result<&'a [u8], DecodeError>> {
    match (ty.oid(), format) {
        (oid::JSONB, Format::Binary) => Some(json::jsonb_from_binary(raw)),
        _ => is_json(ty).then_some(Ok(raw)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let ctx = LoadContext::default();
        let value = serde_json::json!({"a": [1, null, "x"]});
        let mut out = Vec::new();
        value.to_sql(&mut out).unwrap();
        assert_eq!(
            Value::from_sql(oid::JSONB.into(), Format::Text, &out, &ctx),
            Ok(value.clone())
        );
        assert_eq!(
            Value::from_sql(oid::JSON.into(), Format::Binary, &out, &ctx),
            Ok(value.clone())
        );
        let binary = [&[1], out.as_slice()].concat();
        assert_eq!(
            Value::from_sql(oid::JSONB.into(), Format::Binary, &binary, &ctx),
            Ok(value)
        );
        assert!(Value::from_sql(oid::JSONB.into(), Format::Binary, &out, &ctx).is_err());
        assert!(Value::from_sql(oid::TEXT.into(), Format::Text, &out, &ctx).is_err());
    }

    #[test]
    fn serde_types() {
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        Json(vec![1, 2]).to_sql(&mut out).unwrap();
        assert_eq!(out, b"[1,2]");
        assert_eq!(
            Json::<Vec<i32>>::from_sql(oid::JSON.into(), Format::Text, &out, &ctx),
            Ok(Json(vec![1, 2]))
        );
        assert!(Json::<bool>::from_sql(oid::JSON.into(), Format::Text, &out, &ctx).is_err());
    }

    #[test]
    fn deep_input_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(
            Value::from_sql(
                oid::JSON.into(),
                Format::Text,
                deep.as_bytes(),
                &LoadContext::default()
            )
            .is_err()
        );
    }
}
