//! `serde_json::Value`, and [`Json`] for any serde type.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type, from_sql_as, to_sql_as};
use crate::memory::{self, OutOfMemory};
use crate::{DecodeError, EncodeError, Format, LoadContext, json, oid};

/// A value that travels as `json` or `jsonb`. A `json` keeps the order in which serde gives the fields.
///
/// ```
/// use howdah_types::{Format, FromSql, Json, LoadContext, oid};
///
/// let json = Json::<Vec<i32>>::from_sql(oid::JSON.into(), Format::Text, b"[1, 2]", &LoadContext::default())?;
/// assert_eq!(json.0, [1, 2]);
/// # Ok::<(), howdah_types::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromSql<'_> for Json<T> {
    fn from_sql(
        ty: Type<'_>,
        format: Format,
        raw: &[u8],
        ctx: &LoadContext,
    ) -> Result<Self, DecodeError> {
        let document = document(ty, format, raw).ok_or_else(|| ty.mismatch::<Self>())??;
        ctx.check_encoding(document)?;
        serde_json::from_slice(document)
            .map(Self)
            .map_err(|_| DecodeError::invalid("json", "not JSON of the expected shape"))
    }

    fn accepts(ty: Type<'_>) -> bool {
        is_json(ty)
    }
}

impl<T: Serialize + Sync> ToSql for Json<T> {
    fn to_sql(
        &self,
        ty: Type<'_>,
        format: Format,
        out: &mut Vec<u8>,
    ) -> Result<IsNull, EncodeError> {
        if !is_json(ty) {
            return Err(ty.refused::<Self>());
        }
        if (ty.oid(), format) == (oid::JSONB, Format::Binary) {
            json::jsonb_to_binary(out);
        }
        serde_json::to_writer(Growing(out), &self.0).map_err(|error| {
            if error.is_io() {
                return EncodeError::from(OutOfMemory);
            }
            EncodeError::new(ty.static_name(), "the value cannot be represented as JSON")
        })?;
        Ok(IsNull::No)
    }
}

/// A buffer that need not have the memory to grow.
struct Growing<'o>(&'o mut Vec<u8>);

impl io::Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        memory::room(self.0, bytes.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<T: Serialize + Sync> SqlType for Json<T> {
    fn is_sent_as(ty: Type<'_>) -> bool {
        is_json(ty)
    }
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

    fn send(value: &dyn ToSql, ty: u32, format: Format) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        value.to_sql(ty.into(), format, &mut out).map(|_| out)
    }

    #[test]
    fn values() {
        let ctx = LoadContext::default();
        let value = serde_json::json!({"a": [1, null, "x"]});
        for ty in [oid::JSON, oid::JSONB] {
            assert_eq!(value.format(ty.into()), Format::Binary);
            for format in [Format::Binary, Format::Text] {
                let raw = send(&value, ty, format).unwrap();
                let back = Value::from_sql(ty.into(), format, &raw, &ctx);
                assert_eq!(back.as_ref(), Ok(&value));
            }
        }
        let plain = send(&value, oid::JSON, Format::Binary).unwrap();
        assert!(Value::from_sql(oid::JSONB.into(), Format::Binary, &plain, &ctx).is_err());
        assert!(Value::from_sql(oid::TEXT.into(), Format::Text, &plain, &ctx).is_err());
        assert!(send(&value, oid::TEXT, Format::Text).is_err());
    }

    #[test]
    fn serde_types() {
        let ctx = LoadContext::default();
        let raw = send(&Json(vec![1, 2]), oid::JSON, Format::Binary).unwrap();
        assert_eq!(raw, b"[1,2]");
        assert_eq!(
            Json::<Vec<i32>>::from_sql(oid::JSON.into(), Format::Text, &raw, &ctx),
            Ok(Json(vec![1, 2]))
        );
        assert!(Json::<bool>::from_sql(oid::JSON.into(), Format::Text, &raw, &ctx).is_err());
        let list = send(&vec![Json(1)], oid::JSONB_ARRAY, Format::Text).unwrap();
        assert_eq!(list, b"{1}");
        assert!(send(&Json(1), oid::INT4, Format::Text).is_err());
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
