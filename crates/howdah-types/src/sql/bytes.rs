//! `bytes::Bytes` as `bytea`.

use bytes::Bytes;

use super::{from_sql_as, to_sql_as};

to_sql_as!(Bytes, [u8], |value| **value);
from_sql_as!(Bytes, Vec<u8>, |bytes| Ok(Self::from(bytes)));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, FromSql, LoadContext, ToSql, oid};

    #[test]
    fn round_trip() {
        let value = Bytes::from_static(b"\x00\xff");
        let ctx = LoadContext::default();
        let mut out = Vec::new();
        value
            .to_sql(oid::BYTEA.into(), Format::Binary, &mut out)
            .unwrap();
        let back = Bytes::from_sql(oid::BYTEA.into(), Format::Binary, &out, &ctx);
        assert_eq!(back.as_ref(), Ok(&value));
        out.clear();
        value
            .to_sql(oid::BYTEA.into(), Format::Text, &mut out)
            .unwrap();
        let back = Bytes::from_sql(oid::BYTEA.into(), Format::Text, &out, &ctx);
        assert_eq!(back, Ok(value));
        assert!(Bytes::from_sql(oid::TEXT.into(), Format::Text, b"x", &ctx).is_err());
    }
}
