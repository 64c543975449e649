//! `hstore` as maps. Its OID differs from database to database: it is known by its name.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use super::{Element, FromSql, IsNull, SqlType, ToSql, Type};
use crate::hstore::{HstoreBinary, HstoreText, begin_binary, pair_to_binary, pair_to_text};
use crate::{DecodeError, EncodeError, Format, LoadContext, memory, text};

macro_rules! map {
    ($map:ty $(, $hasher:ident: $($bound:ident +)+)?) => {
        impl$(<$hasher: $($bound +)+>)? FromSql<'_> for $map {
            fn from_sql(
                ty: Type<'_>,
                format: Format,
                raw: &[u8],
                ctx: &LoadContext,
            ) -> Result<Self, DecodeError> {
                if !<Self as FromSql<'_>>::accepts(ty) {
                    return Err(ty.mismatch::<Self>());
                }
                let mut map = Self::default();
                read(format, raw, ctx, |key, value| {
                    map.insert(key, value);
                })?;
                Ok(map)
            }

            fn accepts(ty: Type<'_>) -> bool {
                ty.is_extension("hstore")
            }
        }

        impl$(<$hasher: $($bound +)+ Sync>)? ToSql for $map {
            fn format(&self, ty: Type<'_>) -> Format {
                if ty.is_opaque() {
                    Format::Text
                } else {
                    Format::Binary
                }
            }

            fn to_sql(
                &self,
                ty: Type<'_>,
                format: Format,
                out: &mut Vec<u8>,
            ) -> Result<IsNull, EncodeError> {
                if !<Self as SqlType>::is_sent_as(ty) {
                    return Err(ty.refused::<Self>());
                }
                if self.iter().any(has_nul) {
                    return Err(EncodeError::new(
                        "hstore",
                        "PostgreSQL text cannot contain NUL (0x00) bytes",
                    ));
                }
                match format {
                    Format::Text => write_text(self.iter(), out)?,
                    Format::Binary => write_binary(self.iter(), out)?,
                }
                Ok(IsNull::No)
            }
        }

        impl$(<$hasher: $($bound +)+ Sync>)? SqlType for $map {
            fn is_sent_as(ty: Type<'_>) -> bool {
                ty.is_extension("hstore")
            }
        }

        impl$(<$hasher: $($bound +)+ Sync>)? Element for $map {}
    };
}

map!(HashMap<String, Option<String>, S>, S: BuildHasher + Default +);
map!(BTreeMap<String, Option<String>>);

fn read(
    format: Format,
    raw: &[u8],
    ctx: &LoadContext,
    mut insert: impl FnMut(String, Option<String>),
) -> Result<(), DecodeError> {
    let own = |raw: &[u8]| {
        ctx.check_encoding(raw)?;
        Ok::<_, DecodeError>(memory::string(text::str_from(raw)?)?)
    };
    match format {
        Format::Text => {
            let mut scratch = Vec::new();
            let mut reader = HstoreText::new(raw);
            while let Some((key, value)) = reader.next_pair()? {
                let key = own(key.try_bytes(&mut scratch)?)?;
                let value = match value {
                    Some(value) => Some(own(value.try_bytes(&mut scratch)?)?),
                    None => None,
                };
                insert(key, value);
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

/// A pair as the maps' iterators give it.
type Entry<'m> = (&'m String, &'m Option<String>);

fn has_nul((key, value): Entry<'_>) -> bool {
    let nul = |text: &String| text.contains('\0');
    nul(key) || value.as_ref().is_some_and(nul)
}

fn bytes<'m>((key, value): Entry<'m>) -> (&'m [u8], Option<&'m [u8]>) {
    (key.as_bytes(), value.as_deref().map(str::as_bytes))
}

fn write_text<'m>(
    pairs: impl Iterator<Item = Entry<'m>>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    for (at, (key, value)) in pairs.map(bytes).enumerate() {
        // Each character may need a backslash.
        memory::room(out, 2 * length(key, value) + memory::FIXED)?;
        if at > 0 {
            out.push(b',');
        }
        pair_to_text(key, value, out);
    }
    Ok(())
}

fn length(key: &[u8], value: Option<&[u8]>) -> usize {
    key.len() + value.map_or(0, <[u8]>::len)
}

fn write_binary<'m>(
    pairs: impl ExactSizeIterator<Item = Entry<'m>>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    begin_binary(out, pairs.len())?;
    pairs.map(bytes).try_for_each(|(key, value)| {
        memory::room(out, length(key, value) + memory::FIXED)?;
        pair_to_binary(key, value, out)
    })
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
        let ty = Type::new(20_000, &types);
        assert_eq!(map.format(ty), Format::Binary);
        for format in [Format::Text, Format::Binary] {
            let mut out = Vec::new();
            map.to_sql(ty, format, &mut out).unwrap();
            let back = HashMap::from_sql(ty, format, &out, &ctx);
            assert_eq!(back.as_ref(), Ok(&map));
        }
        let binary = b"\0\0\0\x01\0\0\0\x01k\xff\xff\xff\xff";
        let sorted = BTreeMap::from_sql(ty, Format::Binary, binary, &ctx).unwrap();
        assert_eq!(sorted, BTreeMap::from([("k".to_owned(), None)]));
        let other = Type::new(20_001, &types);
        assert!(BTreeMap::from_sql(other, Format::Text, b"", &ctx).is_err());
        assert!(map.to_sql(other, Format::Text, &mut Vec::new()).is_err());
        let nul = BTreeMap::from([("\0".to_owned(), None)]);
        assert!(nul.to_sql(ty, Format::Text, &mut Vec::new()).is_err());
        // One that has not been looked up may be it.
        assert_eq!(map.format(Type::new(20_002, &types)), Format::Text);
        assert!(
            map.to_sql(Type::new(20_002, &types), Format::Text, &mut Vec::new())
                .is_ok()
        );
    }
}
