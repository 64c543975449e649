//! `uuid::Uuid`.

use uuid::Uuid;

use super::{scalar_from_sql, scalar_to_sql};
use crate::oid;
use crate::uuid::{uuid_from_binary, uuid_from_text, uuid_to_binary, uuid_to_text};

scalar_to_sql!(Uuid, oid::UUID, |value, out|
    binary uuid_to_binary(value.as_bytes(), out),
    text uuid_to_text(value.as_bytes(), out));

scalar_from_sql!(Uuid, |raw, ctx| {
    oid::UUID => uuid_from_text(raw).map(Uuid::from_bytes), uuid_from_binary(raw).map(Uuid::from_bytes);
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSql, LoadContext, ToSql};

    #[test]
    fn round_trip() {
        let value = Uuid::from_u128(0xa0ee_bc99_9c0b_4ef8_bb6d_6bb9_bd38_0a11);
        let mut out = Vec::new();
        value
            .to_sql(oid::UUID.into(), Format::Binary, &mut out)
            .unwrap();
        let ctx = LoadContext::default();
        assert_eq!(
            Uuid::from_sql(oid::UUID.into(), Format::Binary, &out, &ctx),
            Ok(value)
        );
        let text = value.to_string();
        assert_eq!(
            Uuid::from_sql(oid::UUID.into(), Format::Text, text.as_bytes(), &ctx),
            Ok(value)
        );
        let refused = value.to_sql(oid::TEXT.into(), Format::Text, &mut out);
        assert!(refused.is_err());
        assert!(Uuid::from_sql(oid::TEXT.into(), Format::Text, text.as_bytes(), &ctx).is_err());
    }
}
