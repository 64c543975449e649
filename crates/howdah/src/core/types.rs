//! The types made by users: looked up when a parameter or a result first has one, and kept as long as the connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use howdah_protocol::connection::QueryResult;
use howdah_types::{Attribute, Definition, Kind, Types, is_built_in};

use crate::error::Result;
use crate::row::{Row, Rows};

/// With more types than this, all are forgotten: each temporary table makes two.
const MOST: usize = 20_000;

/// The types that a connection has looked up.
#[derive(Debug, Default)]
pub(crate) struct TypeCache {
    known: Arc<Types>,
    /// Those of which the catalogue does not tell.
    missing: BTreeSet<u32>,
    /// Whether the running transaction may have changed one, so that a rollback changes it back.
    altered: bool,
}

impl TypeCache {
    /// What is known.
    pub(crate) fn known(&self) -> Arc<Types> {
        Arc::clone(&self.known)
    }

    /// Adds those of these types that have not been looked up to `unknown`.
    pub(crate) fn unknown(&self, oids: impl Iterator<Item = u32>, unknown: &mut Vec<u32>) {
        for oid in oids {
            if !super::is_read_in_binary(oid)
                && !is_built_in(oid)
                && self.known.get(oid).is_none()
                && !self.missing.contains(&oid)
                && !unknown.contains(&oid)
            {
                unknown.push(oid);
            }
        }
    }

    /// Notes what the [`lookup`] of these types has given.
    pub(crate) fn insert(&mut self, asked: &[u32], found: Rows) -> Result<()> {
        if self.known.len() + self.missing.len() > MOST {
            self.forget();
        }
        let known = Arc::make_mut(&mut self.known);
        for row in found {
            let (oid, definition) = definition(&row)?;
            known.insert(oid, definition);
        }
        let missing = asked.iter().filter(|&&oid| known.get(oid).is_none());
        self.missing.extend(missing);
        Ok(())
    }

    /// Forgets all.
    pub(crate) fn forget(&mut self) {
        self.known = Arc::default();
        self.missing.clear();
    }

    /// Forgets all if these statements may have changed a type.
    pub(crate) fn invalidate_on(&mut self, results: &[QueryResult]) {
        for result in results {
            let alters =
                [&b"ALTER TYPE"[..], b"ALTER TABLE", b"ALTER DOMAIN"].contains(&&*result.tag);
            let reverts = self.altered && *result.tag == *b"ROLLBACK";
            if alters || reverts {
                self.altered = alters;
                self.forget();
            }
        }
    }
}

/// The statement that tells of types and of the types they are made of; its parameter is a list of OIDs.
pub(crate) fn lookup(server_version: u32) -> String {
    // Ranges had no multiranges before.
    let range_of = match server_version {
        ..140_000 => "r.rngtypid",
        _ => "r.rngtypid, r.rngmultitypid",
    };
    format!(
        "WITH RECURSIVE met (oid) AS (\
           SELECT unnest($1::pg_catalog.oid[]) \
           UNION \
           SELECT part.oid FROM met JOIN pg_catalog.pg_type t ON t.oid = met.oid \
           CROSS JOIN LATERAL (\
             SELECT t.typelem UNION ALL SELECT t.typbasetype \
             UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN ({range_of}) \
             UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a \
               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped\
           ) part (oid) \
           WHERE part.oid >= 10000\
         ) \
         SELECT t.oid, t.typname::pg_catalog.text, t.typtype::pg_catalog.text, t.typbasetype, \
           CASE WHEN e.typarray = t.oid THEN e.oid ELSE 0 END, e.typdelim::pg_catalog.text, \
           (SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN ({range_of})), \
           ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum), \
           ARRAY(SELECT a.atttypid FROM pg_catalog.pg_attribute a \
             WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) \
         FROM met JOIN pg_catalog.pg_type t ON t.oid = met.oid \
         LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem"
    )
}

/// One type, from a row of the [`lookup`].
fn definition(row: &Row) -> Result<(u32, Definition)> {
    let element = row.get::<u32>(4)?;
    let kind = match (row.get::<&str>(2)?, row.get::<Option<u32>>(6)?) {
        (_, _) if element != 0 => Kind::Array {
            element,
            delimiter: row.get::<&str>(5)?.bytes().next().unwrap_or(b','),
        },
        ("e", _) => Kind::Enum,
        ("d", _) => Kind::Domain(row.get(3)?),
        ("r", Some(subtype)) => Kind::Range(subtype),
        ("m", Some(subtype)) => Kind::Multirange(subtype),
        ("c", _) => Kind::Composite(attributes(row)?),
        _ => Kind::Base,
    };
    let name = row.get(1)?;
    Ok((row.get(0)?, Definition { name, kind }))
}

fn attributes(row: &Row) -> Result<Vec<Attribute>> {
    let names = row.get::<Vec<String>>(7)?;
    let oids = row.get::<Vec<u32>>(8)?;
    let pairs = names.into_iter().zip(oids);
    Ok(pairs.map(|(name, oid)| Attribute { name, oid }).collect())
}
