//! How values of a PostgreSQL type are made: what reading and writing look at.

use std::sync::Arc;

use howdah_types::oid::{self, TypeKind};
use howdah_types::transcode;

use crate::catalog::{Attribute, Catalog, UserKind};

/// How deep types may be in each other: a server that lies could make one that contains itself.
const MAX_DEPTH: usize = 32;
/// How many parts the types of all columns may have: one that has another twice, which has a third twice, has ever more.
const MAX_PARTS: usize = 100_000;

/// A type, as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The OID that the server calls it by where values are in each other: of a domain its own.
    pub(crate) oid: u32,
    pub(crate) kind: Kind,
}

/// What values of a type are.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Xid8,
    Float4,
    Float8,
    /// With the modifier that tells precision and scale, or -1.
    Numeric(i32),
    /// Characters, as they are.
    Text,
    Json,
    /// Characters with a version in front in binary.
    Jsonb,
    Bytea,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Enum(Arc<[String]>),
    List(Box<Node>, u8),
    Range(Box<Node>),
    Multirange(Box<Node>),
    Composite(Arc<[(String, Node)]>),
    /// Any other built-in type, by its OID: read as its text.
    Other(u32),
    /// A type of which nothing is known but its text.
    Unknown,
}

/// Makes the nodes of the columns of one plan. What is too deep, or has too many parts, is text of which nothing is known.
pub(crate) struct Nodes<'c> {
    catalog: &'c Catalog,
    parts_left: usize,
}

impl<'c> Nodes<'c> {
    pub(crate) fn new(catalog: &'c Catalog) -> Self {
        Self {
            catalog,
            parts_left: MAX_PARTS,
        }
    }

    /// The type with this OID and modifier.
    pub(crate) fn node(&mut self, oid: u32, modifier: i32) -> Node {
        self.at_depth(oid, modifier, 0)
    }

    fn part(&mut self, oid: u32, modifier: i32, outer: usize) -> Node {
        let Some(left) = self.parts_left.checked_sub(1) else {
            let kind = Kind::Unknown;
            return Node { oid, kind };
        };
        self.parts_left = left;
        self.at_depth(oid, modifier, outer + 1)
    }

    fn boxed(&mut self, oid: u32, modifier: i32, outer: usize) -> Box<Node> {
        Box::new(self.part(oid, modifier, outer))
    }

    fn at_depth(&mut self, oid: u32, modifier: i32, depth: usize) -> Node {
        let kind = if depth > MAX_DEPTH {
            Kind::Unknown
        } else if let Some(element) = oid::element_of(oid) {
            Kind::List(self.boxed(element.oid, modifier, depth), element.delimiter)
        } else if let Some(entry) = oid::lookup(oid) {
            match entry.kind {
                TypeKind::Range { subtype, .. } => Kind::Range(self.boxed(subtype, -1, depth)),
                TypeKind::Multirange { subtype, .. } => {
                    Kind::Multirange(self.boxed(subtype, -1, depth))
                }
                TypeKind::Base | TypeKind::Pseudo => built_in(oid, modifier),
            }
        } else {
            self.of_user(oid, modifier, depth)
        };
        Node { oid, kind }
    }

    fn of_user(&mut self, oid: u32, modifier: i32, depth: usize) -> Kind {
        let Some(known) = self.catalog.get(oid) else {
            return Kind::Unknown;
        };
        match &known.kind {
            UserKind::Base => Kind::Unknown,
            UserKind::Enum(labels) => Kind::Enum(Arc::clone(labels)),
            UserKind::Domain {
                base,
                modifier: own,
            } => {
                let modifier = if modifier == -1 { *own } else { modifier };
                self.part(*base, modifier, depth).kind
            }
            UserKind::Array { element, delimiter } => {
                Kind::List(self.boxed(*element, modifier, depth), *delimiter)
            }
            UserKind::Range(subtype) => Kind::Range(self.boxed(*subtype, -1, depth)),
            UserKind::Multirange(subtype) => Kind::Multirange(self.boxed(*subtype, -1, depth)),
            UserKind::Composite(attributes) => {
                let field = |attribute: &Attribute| {
                    let node = self.part(attribute.oid, attribute.modifier, depth);
                    (attribute.name.clone(), node)
                };
                Kind::Composite(attributes.iter().map(field).collect())
            }
        }
    }
}

impl Node {
    /// Whether values can be read that came in binary.
    pub(crate) fn reads_binary(&self) -> bool {
        match &self.kind {
            Kind::Unknown => false,
            Kind::Other(oid) => transcode::knows_scalar(*oid),
            Kind::List(part, _) | Kind::Range(part) | Kind::Multirange(part) => part.reads_binary(),
            Kind::Composite(fields) => fields.iter().all(|(_, node)| node.reads_binary()),
            _ => true,
        }
    }
}

fn built_in(oid: u32, modifier: i32) -> Kind {
    match oid {
        oid::BOOL => Kind::Bool,
        oid::INT2 => Kind::Int2,
        oid::INT4 => Kind::Int4,
        oid::INT8 => Kind::Int8,
        oid::OID | oid::XID | oid::CID => Kind::Oid,
        oid::XID8 => Kind::Xid8,
        oid::FLOAT4 => Kind::Float4,
        oid::FLOAT8 => Kind::Float8,
        oid::NUMERIC => Kind::Numeric(modifier),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::XML => Kind::Text,
        oid::REFCURSOR | oid::CSTRING => Kind::Text,
        oid::JSON => Kind::Json,
        oid::JSONB => Kind::Jsonb,
        oid::BYTEA => Kind::Bytea,
        oid::DATE => Kind::Date,
        oid::TIME => Kind::Time,
        oid::TIMESTAMP => Kind::Timestamp,
        oid::TIMESTAMPTZ => Kind::TimestampTz,
        oid::INTERVAL => Kind::Interval,
        oid::UUID => Kind::Uuid,
        _ => Kind::Other(oid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::CatalogRow;

    fn parts(node: &Node) -> usize {
        match &node.kind {
            Kind::List(part, _) | Kind::Range(part) | Kind::Multirange(part) => 1 + parts(part),
            Kind::Composite(fields) => fields.iter().map(|(_, node)| 1 + parts(node)).sum(),
            _ => 0,
        }
    }

    fn twice(oid: i64, part: i64) -> CatalogRow {
        CatalogRow {
            oid,
            kind: "c".to_owned(),
            names: vec!["a".to_owned(), "b".to_owned()],
            oids: vec![part, part],
            modifiers: vec![-1, -1],
            ..CatalogRow::default()
        }
    }

    #[test]
    fn types_that_contain_themselves_end() {
        let mut catalog = Catalog::default();
        catalog.insert(twice(70_000, 70_000));
        for (oid, kind) in (70_001..).zip(["a", "d", "r", "m"]) {
            catalog.insert(CatalogRow {
                oid,
                kind: kind.to_owned(),
                part: oid,
                ..CatalogRow::default()
            });
        }
        for oid in 70_000..70_005 {
            let mut nodes = Nodes::new(&catalog);
            let count = parts(&nodes.node(oid, -1));
            assert!(count <= MAX_PARTS + 2 * MAX_DEPTH, "{count} parts");
            // The other columns are what they are.
            assert!(matches!(nodes.node(oid::INT4, -1).kind, Kind::Int4));
        }
    }

    #[test]
    fn types_that_double_end() {
        let mut catalog = Catalog::default();
        for oid in 70_001..70_031 {
            catalog.insert(twice(oid, oid - 1));
        }
        catalog.insert(twice(70_000, 23));
        assert_eq!(parts(&Nodes::new(&catalog).node(70_003, -1)), 30);
        let mut nodes = Nodes::new(&catalog);
        for _ in 0..3 {
            let count = parts(&nodes.node(70_030, -1));
            assert!(count <= MAX_PARTS + 2 * MAX_DEPTH, "{count} parts");
        }
        assert_eq!(nodes.parts_left, 0);
    }
}
