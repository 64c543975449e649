//! The types that users have made, as far as they have been looked up.

use std::collections::BTreeMap;
use std::sync::Arc;

use howdah_types::{is_built_in, oid};

/// What is known of the types of users, by OID.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    types: BTreeMap<u32, UserType>,
}

/// A type that a user has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserType {
    /// Its name, without the schema.
    pub name: String,
    /// What it is made of.
    pub kind: UserKind,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserKind {
    /// Nothing that is known: the types of extensions.
    Base,
    /// Labels, in their order.
    Enum(Arc<[String]>),
    /// A domain.
    Domain {
        /// The type beneath.
        base: u32,
        /// That type's modifier.
        modifier: i32,
    },
    /// An array.
    Array {
        /// The type of its elements.
        element: u32,
        /// What separates them in text.
        delimiter: u8,
    },
    /// A range over this type.
    Range(u32),
    /// A multirange over this type.
    Multirange(u32),
    /// A composite, or the row of a table.
    Composite(Vec<Attribute>),
}

/// An attribute of a composite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The type.
    pub oid: u32,
    /// That type's modifier.
    pub modifier: i32,
}

/// The statement that tells of types, and of the types they are made of, in the columns of a [`CatalogRow`]. In place of `{}`
/// goes a list of OIDs with commas between.
pub const LOOKUP: &str = "WITH RECURSIVE met (oid) AS (\
    SELECT t.oid FROM pg_catalog.pg_type t WHERE t.oid IN ({}) \
    UNION \
    SELECT part.oid FROM met JOIN pg_catalog.pg_type t ON t.oid = met.oid \
    CROSS JOIN LATERAL (\
      SELECT t.typelem UNION ALL SELECT t.typbasetype \
      UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r \
        WHERE t.oid = r.rngtypid OR t.oid = (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid \
      UNION ALL SELECT a.atttypid FROM pg_catalog.pg_attribute a \
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped\
    ) part (oid) \
    WHERE part.oid <> 0\
  ) \
  SELECT t.oid::pg_catalog.int8, t.typname::pg_catalog.text, \
    CASE WHEN e.typarray = t.oid THEN 'a' ELSE t.typtype::pg_catalog.text END, \
    CASE WHEN e.typarray = t.oid THEN e.oid WHEN t.typtype = 'd' THEN t.typbasetype ELSE coalesce(\
      (SELECT r.rngsubtype FROM pg_catalog.pg_range r \
        WHERE t.oid = r.rngtypid OR t.oid = (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid), 0) \
      END::pg_catalog.int8, \
    t.typtypmod, t.typdelim::pg_catalog.text, \
    CASE t.typtype WHEN 'e' THEN ARRAY(SELECT l.enumlabel::pg_catalog.text FROM pg_catalog.pg_enum l \
      WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) \
    ELSE ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a \
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) END, \
    ARRAY(SELECT a.atttypid::pg_catalog.int8 FROM pg_catalog.pg_attribute a \
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum), \
    ARRAY(SELECT a.atttypmod FROM pg_catalog.pg_attribute a \
      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) \
  FROM met JOIN pg_catalog.pg_type t ON t.oid = met.oid \
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem";

/// One row of what [`LOOKUP`] gives.
#[derive(Debug, Clone, Default)]
pub struct CatalogRow {
    /// The OID of the type.
    pub oid: i64,
    /// Its name.
    pub name: String,
    /// `typtype`, or `a` for an array.
    pub kind: String,
    /// The type that it is made of, or 0.
    pub part: i64,
    /// The modifier of a domain.
    pub modifier: i32,
    /// What separates the elements of an array of it in text.
    pub delimiter: String,
    /// The labels of an enum, or the names of attributes.
    pub names: Vec<String>,
    /// The types of attributes.
    pub oids: Vec<i64>,
    /// Their modifiers.
    pub modifiers: Vec<i32>,
}

impl Catalog {
    /// The OIDs among these that would have to be looked up.
    pub fn unknown(&self, oids: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let mut unknown = Vec::new();
        for oid in oids {
            if !is_built_in(oid) && !self.types.contains_key(&oid) && !unknown.contains(&oid) {
                unknown.push(oid);
            }
        }
        unknown
    }

    /// The statement to ask for these.
    #[must_use]
    pub fn lookup(oids: &[u32]) -> String {
        let list: Vec<String> = oids.iter().map(u32::to_string).collect();
        LOOKUP.replacen("{}", &list.join(", "), 1)
    }

    /// Takes a row of what the statement gave.
    pub fn insert(&mut self, row: CatalogRow) {
        let (Ok(oid), Ok(part)) = (u32::try_from(row.oid), u32::try_from(row.part)) else {
            return;
        };
        let kind = match (row.kind.as_str(), part) {
            ("a", element) => UserKind::Array {
                element,
                delimiter: row.delimiter.bytes().next().unwrap_or(b','),
            },
            ("e", _) => UserKind::Enum(row.names.into()),
            ("d", base) => UserKind::Domain {
                base,
                modifier: row.modifier,
            },
            ("r", subtype) if subtype != 0 => UserKind::Range(subtype),
            ("m", subtype) if subtype != 0 => UserKind::Multirange(subtype),
            ("c", _) => {
                let types = row.oids.into_iter().zip(row.modifiers);
                let named = row.names.into_iter().zip(types);
                let attribute = |(name, (oid, modifier))| Attribute {
                    name,
                    oid: u32::try_from(oid).unwrap_or_default(),
                    modifier,
                };
                UserKind::Composite(named.map(attribute).collect())
            }
            _ => UserKind::Base,
        };
        let name = row.name;
        self.types.insert(oid, UserType { name, kind });
    }

    /// The type with this OID, if it was looked up.
    #[must_use]
    pub fn get(&self, oid: u32) -> Option<&UserType> {
        self.types.get(&oid)
    }

    /// What an error calls a type.
    #[must_use]
    pub fn name(&self, oid: u32) -> String {
        if let Some(entry) = oid::lookup(oid) {
            return entry.regtype.to_owned();
        }
        if let Some(entry) = oid::element_of(oid) {
            return format!("{}[]", entry.regtype);
        }
        match self.get(oid) {
            Some(UserType {
                kind: UserKind::Array { element, .. },
                ..
            }) if *element != oid => match self.get(*element) {
                Some(known) => format!("{}[]", known.name),
                None => format!(
                    "{}[]",
                    oid::lookup(*element).map_or("?", |entry| entry.regtype)
                ),
            },
            Some(known) => known.name.clone(),
            None => format!("with OID {oid}"),
        }
    }
}
