//! How values of a PostgreSQL type are made: what reading and writing look at.

use std::sync::Arc;

use howdah_types::oid::{self, TypeKind};
use howdah_types::transcode;

use crate::catalog::{Catalog, UserKind};

/// How deep types may be in each other: a server that lies could make one that contains itself.
const MAX_DEPTH: usize = 32;

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

impl Node {
    /// The type with this OID and modifier.
    pub(crate) fn new(oid: u32, modifier: i32, catalog: &Catalog) -> Self {
        Self::at_depth(oid, modifier, catalog, 0)
    }

    fn at_depth(oid: u32, modifier: i32, catalog: &Catalog, depth: usize) -> Self {
        let kind = if depth > MAX_DEPTH {
            Kind::Unknown
        } else if let Some(element) = oid::element_of(oid) {
            let node = Self::at_depth(element.oid, modifier, catalog, depth + 1);
            Kind::List(Box::new(node), element.delimiter)
        } else if let Some(entry) = oid::lookup(oid) {
            let part = |subtype| Box::new(Self::at_depth(subtype, -1, catalog, depth + 1));
            match entry.kind {
                TypeKind::Range { subtype, .. } => Kind::Range(part(subtype)),
                TypeKind::Multirange { subtype, .. } => Kind::Multirange(part(subtype)),
                TypeKind::Base | TypeKind::Pseudo => built_in(oid, modifier),
            }
        } else {
            Self::of_user(oid, modifier, catalog, depth)
        };
        Self { oid, kind }
    }

    fn of_user(oid: u32, modifier: i32, catalog: &Catalog, depth: usize) -> Kind {
        let part = |oid, modifier| Self::at_depth(oid, modifier, catalog, depth + 1);
        let Some(known) = catalog.get(oid) else {
            return Kind::Unknown;
        };
        match &known.kind {
            UserKind::Base => Kind::Unknown,
            UserKind::Enum(labels) => Kind::Enum(Arc::clone(labels)),
            UserKind::Domain {
                base,
                modifier: own,
            } => part(*base, if modifier == -1 { *own } else { modifier }).kind,
            UserKind::Array { element, delimiter } => {
                Kind::List(Box::new(part(*element, modifier)), *delimiter)
            }
            UserKind::Range(subtype) => Kind::Range(Box::new(part(*subtype, -1))),
            UserKind::Multirange(subtype) => Kind::Multirange(Box::new(part(*subtype, -1))),
            UserKind::Composite(attributes) => {
                let field = |attribute: &crate::catalog::Attribute| {
                    let node = part(attribute.oid, attribute.modifier);
                    (attribute.name.clone(), node)
                };
                Kind::Composite(attributes.iter().map(field).collect())
            }
        }
    }

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
