//! `hstore` as maps. Its OID differs from database to database: it is sent as text of an undeclared type.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type};
use crate::hstore::{HstoreBinary, HstoreText, pair_to_text};
use crate::{DecodeError, EncodeError, Format, LoadContext, text};

macro_rules! map {
    ($map:ty $(, $hasher:ident: $($bound:ident +)+)?) => {
        impl$(<$hasher: $($bound +)+>)? FromSql<'_> for $map {
            fn from_sql(
                ty: Type<'_>,
                format: Format,
                raw: &[u8],
                _: &LoadContext,
            ) -> Result<Self, DecodeError> {
                if !<Self as FromSql<'_>>::accepts(ty) {
                    return Err(ty.mismatch::<Self>());
                }
                let mut map = Self::default();
                read(format, raw, |key, value| {
                    map.insert(key, value);
                })?;
                Ok(map)
            }

            fn accepts(ty: Type<'_>) -> bool {
                ty.is_extension("hstore")
            }
        }

        impl$(<$hasher: $($bound +)+ Sync>)? ToSql for $map {
            fn oid(&self) -> u32 {
                0
            }

            fn format(&self) -> Format {
                Format::Text
            }

            fn to_sql(&self, out: &mut Vec<u8>) -> Result<IsNull, EncodeError> {
                write(self.iter(), out)
            }
        }

        impl$(<$hasher: $($bound +)+ Sync>)? SqlType for $map {
            const OID: u32 = 0;
            const FORMAT: Format = Format::Text;
        }

        impl$(<$hasher: $($bound +)+ Sync>)? Element for $map {}
    };
}

map!(HashMap<String, Option<String>, S>, S: BuildHasher + Default +);
map!(BTreeMap<String, Option<String>>);

fn read(
    format: Format,
    raw: &[u8],
    mut insert: impl FnMut(String, Option<String>),
) -> Result<(), DecodeError> {
    let own = |raw: &[u8]| text::str_from(raw).map(str::to_owned);
    match format {
        Format::Text => {
            let mut scratch = Vec::new();
            let mut reader = HstoreText::new(raw);
            while let Some((key, value)) = reader.next_pair()? {
                let key = own(key.bytes(&mut scratch))?;
                let value = value.map(|value| own(value.bytes(&mut scratch)));
                insert(key, value.transpose()?);
            }
        }
        Format::Binary => {
            let mut reader = HstoreBinary::new(raw)?;
            while let Some((key, value)) = reader.next_pair()? {
                insert(own(key)?, value.map(own).transpose()?);
            }
        }
    }
    Ok(())
}

fn write<'m>(
    pairs: impl Iterator<Item = (&'m String, &'m Option<String>)>,
    out: &mut Vec<u8>,
) -> Result<IsNull, EncodeError> {
    let start = out.len();
    for (at, (key, value)) in pairs.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        pair_to_text(key.as_bytes(), value.as_deref().map(str::as_bytes), out);
    }
    match out.get(start..) {
        Some(written) if written.contains(&0) => Err(EncodeError::new(
            "hstore",
            "PostgreSQL text cannot contain NUL (0x00) bytes",
        )),
        _ => Ok(IsNull::No),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Definition, Kind, Types};

    #[test]
    fn maps() {
        let mut types = Types::new();
        let definition = |name: &str| Definition {
            name: name.to_owned(),
            kind: Kind::Base,
        };
        types.insert(20_000, definition("hstore"));
        types.insert(20_001, definition("citext"));
        let ctx = LoadContext::default();
        let map: HashMap<_, _> = [
            ("a b".to_owned(), Some("1\"".to_owned())),
            ("n".into(), None),
        ]
        .into_iter()
        .collect();
        let mut out = Vec::new();
        map.to_sql(&mut out).unwrap();
        let ty = Type::new(20_000, &types);
        assert_eq!(HashMap::from_sql(ty, Format::Text, &out, &ctx), Ok(map));
        let binary = b"\0\0\0\x01\0\0\0\x01k\xff\xff\xff\xff";
        let sorted = BTreeMap::from_sql(ty, Format::Binary, binary, &ctx).unwrap();
        assert_eq!(sorted, BTreeMap::from([("k".to_owned(), None)]));
        let other = Type::new(20_001, &types);
        assert!(BTreeMap::from_sql(other, Format::Text, &out, &ctx).is_err());
        let nul = BTreeMap::from([("\0".to_owned(), None)]);
        assert!(nul.to_sql(&mut Vec::new()).is_err());
    }
}
