//! PostgreSQL types as the readers see them: the built-in ones, and those made by users as far as they are known.

use std::any::type_name;
use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::oid::{self, TypeKind};
use crate::{DecodeError, DecodeErrorKind, EncodeError};

/// The type of a value that is to be read or written.
///
/// A domain is the type beneath it. What is in a value that came as text, and whose type is not known, has the type
/// [`UNTYPED`](Self::UNTYPED): it is read as whatever the Rust type takes it for. So are the fields of an anonymous
/// `record`, of which the server tells nothing in text.
///
/// ```
/// use howdah_types::{Type, Types, oid};
///
/// let known = Types::new();
/// let list = Type::new(oid::INT4_ARRAY, &known);
/// assert_eq!(list.name(), "int4[]");
/// let (element, _) = list.element().expect("an array");
/// assert_eq!(element.oid(), Type::built_in(oid::INT4).oid());
/// assert!(!list.is_enum(None) && !list.is_composite(None) && !list.is_extension("hstore"));
/// assert!(list.parts_accepted(&[]));
/// assert_eq!(list.part(oid::INT4).oid(), oid::INT4);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Type<'t> {
    oid: u32,
    /// The OID before domains were looked through.
    declared: u32,
    /// Whether the parts of the type are to be looked at as well; see [`parts_accepted`](Self::parts_accepted).
    thorough: bool,
    /// How many values this one is in.
    depth: u32,
    types: &'t Types,
}

/// The types made by users that are known, by their OIDs, which differ from database to database.
///
/// ```
/// use howdah_types::{Attribute, Definition, Kind, Type, Types, oid};
///
/// let mut types = Types::new();
/// let attribute = Attribute { name: "street".into(), oid: oid::TEXT };
/// let address = Definition { name: "address".into(), kind: Kind::Composite(vec![attribute]) };
/// types.insert(16_500, address);
/// assert_eq!(types.get(16_500).expect("it is known").name, "address");
/// assert!(Type::new(16_500, &types).is_composite(Some("address")));
/// types.clear();
/// assert!(types.is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Types {
    map: BTreeMap<u32, Definition>,
}

/// A type made by a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name, without its schema.
    pub name: String,
    /// What it is made of.
    pub kind: Kind,
}

/// What a type made by a user is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing else: the base types of extensions.
    Base,
    /// Labels.
    Enum,
    /// A domain over the type with this OID.
    Domain(u32),
    /// An array.
    Array {
        /// The OID of the elements.
        element: u32,
        /// What separates them in text.
        delimiter: u8,
    },
    /// A range with bounds of the type with this OID.
    Range(u32),
    /// A multirange with bounds of the type with this OID.
    Multirange(u32),
    /// A composite, or the row of a table.
    Composite(Vec<Attribute>),
}

/// An attribute of a composite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The OID of the type.
    pub oid: u32,
}

static NONE: Types = Types::new();

/// The OIDs below are given by hand, to base types and catalogues: none of them is a domain.
const FIRST_ASSIGNED: u32 = 10_000;

/// How many values may be in each other.
const MAX_DEPTH: u32 = 64;

/// How deep a type is looked into where there is no value. Rust types may be recursive, and a server that lies could make
/// types so: what is deeper is taken on trust until there is a value.
const MAX_THOROUGH_DEPTH: u32 = 8;

/// How many domains may lie upon each other.
const MAX_DOMAINS: usize = 64;

impl Types {
    /// No types.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            map: BTreeMap::new(),
        }
    }

    /// Adds a type, or replaces what was known of it.
    pub fn insert(&mut self, oid: u32, definition: Definition) {
        self.map.insert(oid, definition);
    }

    /// The type with this OID, if it is known; built-in types are not in here.
    #[must_use]
    pub fn get(&self, oid: u32) -> Option<&Definition> {
        self.map.get(&oid)
    }

    /// How many are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// What is beneath the domains that this type may be.
    fn beneath(&self, mut oid: u32) -> u32 {
        for _ in 0..MAX_DOMAINS {
            match self.get(oid) {
                Some(&Definition {
                    kind: Kind::Domain(base),
                    ..
                }) => oid = base,
                _ => break,
            }
        }
        oid
    }
}

impl Type<'static> {
    /// Of no known type: text to be read as whatever the Rust type takes it for.
    pub const UNTYPED: Self = Self::built_in(oid::UNKNOWN);

    /// The built-in type with this OID, or one of which nothing else is known.
    #[must_use]
    pub const fn built_in(oid: u32) -> Self {
        Self {
            oid,
            declared: oid,
            thorough: false,
            depth: 0,
            types: &NONE,
        }
    }
}

impl<'t> Type<'t> {
    /// The type with this OID, with `types` to look for it and for its parts; for a domain the type beneath.
    #[inline]
    #[must_use]
    pub fn new(declared: u32, types: &'t Types) -> Self {
        let oid = match declared {
            FIRST_ASSIGNED.. => types.beneath(declared),
            _ => declared,
        };
        Self {
            oid,
            declared,
            thorough: false,
            depth: 0,
            types,
        }
    }

    /// The OID; of a domain that of the type beneath.
    #[must_use]
    pub const fn oid(self) -> u32 {
        self.oid
    }

    /// The OID by which other types name it; of a domain its own.
    #[must_use]
    pub const fn declared_oid(self) -> u32 {
        self.declared
    }

    /// The name as in `pg_type`, with `[]` for an array; the OID where it is not known.
    #[must_use]
    pub fn name(self) -> Cow<'t, str> {
        if let Some(entry) = oid::lookup(self.oid) {
            return Cow::Borrowed(entry.name);
        }
        if let Some(entry) = oid::element_of(self.oid) {
            return Cow::Owned(format!("{}[]", entry.name));
        }
        match self.definition() {
            // An array of a domain by the domain's own name.
            Some(&Definition {
                kind: Kind::Array { element, .. },
                ..
            }) => match oid::lookup(element) {
                Some(entry) => Cow::Owned(format!("{}[]", entry.name)),
                None => {
                    let known = self.types.get(element);
                    let name = known.map_or("?", |definition| &definition.name);
                    Cow::Owned(format!("{name}[]"))
                }
            },
            Some(definition) => Cow::Borrowed(&definition.name),
            None => Cow::Owned(format!("type {}", self.oid)),
        }
    }

    /// Whether nothing is known of it: see [`UNTYPED`](Self::UNTYPED).
    #[must_use]
    pub const fn is_untyped(self) -> bool {
        self.oid == oid::UNKNOWN
    }

    /// Whether it may be anything: untyped, or made by a user and not looked up.
    #[must_use]
    pub fn is_opaque(self) -> bool {
        self.is_untyped() || !(is_built_in(self.oid) || self.definition().is_some())
    }

    /// Whether it is an enum; with `name`, the one of that name. An opaque type may be one.
    #[must_use]
    pub fn is_enum(self, name: Option<&str>) -> bool {
        self.is_opaque() || self.is_named(name, |kind| *kind == Kind::Enum)
    }

    /// Whether it is a composite; with `name`, the one of that name. A `record` and an opaque type may be one.
    #[must_use]
    pub fn is_composite(self, name: Option<&str>) -> bool {
        let composite = |kind: &Kind| matches!(kind, Kind::Composite(_));
        self.oid == oid::RECORD || self.is_opaque() || self.is_named(name, composite)
    }

    /// Whether it is a base type of an extension, of this name. An opaque type may be one.
    #[must_use]
    pub fn is_extension(self, name: &str) -> bool {
        self.is_opaque() || self.is_named(Some(name), |kind| *kind == Kind::Base)
    }

    /// The type of an array's elements and what separates them; for an opaque type an untyped one.
    #[must_use]
    pub fn element(self) -> Option<(Self, u8)> {
        if let Some(entry) = oid::element_of(self.oid) {
            return Some((self.part(entry.oid), entry.delimiter));
        }
        match self.definition().map(|definition| &definition.kind) {
            Some(&Kind::Array { element, delimiter }) => Some((self.part(element), delimiter)),
            _ => self.opaque_part().map(|part| (part, b',')),
        }
    }

    /// The type of a range's bounds; for an opaque type an untyped one.
    #[must_use]
    pub fn range_subtype(self) -> Option<Self> {
        if let Some(entry) = oid::lookup(self.oid)
            && let TypeKind::Range { subtype, .. } = entry.kind
        {
            return Some(self.part(subtype));
        }
        match self.definition().map(|definition| &definition.kind) {
            Some(&Kind::Range(subtype)) => Some(self.part(subtype)),
            _ => self.opaque_part(),
        }
    }

    /// The type of a multirange's bounds; for an opaque type an untyped one.
    #[must_use]
    pub fn multirange_subtype(self) -> Option<Self> {
        if let Some(entry) = oid::lookup(self.oid)
            && let TypeKind::Multirange { subtype, .. } = entry.kind
        {
            return Some(self.part(subtype));
        }
        match self.definition().map(|definition| &definition.kind) {
            Some(&Kind::Multirange(subtype)) => Some(self.part(subtype)),
            _ => self.opaque_part(),
        }
    }

    /// The attributes of a composite, where they are known.
    #[must_use]
    pub fn attributes(self) -> Option<&'t [Attribute]> {
        match &self.definition()?.kind {
            Kind::Composite(attributes) => Some(attributes),
            _ => None,
        }
    }

    /// The error that this type does not load into `T`.
    #[cold]
    #[must_use]
    pub fn mismatch<T: ?Sized>(self) -> DecodeError {
        DecodeError::new(
            DecodeErrorKind::Mismatch,
            self.static_name(),
            type_name::<T>(),
        )
    }

    /// The error that a `T` is not sent as this type.
    #[must_use]
    pub fn refused<T: ?Sized>(self) -> EncodeError {
        EncodeError::mismatch(self.static_name(), type_name::<T>())
    }

    /// What an error calls it: the name, or the kind of a type made by a user.
    #[must_use]
    pub fn static_name(self) -> &'static str {
        match oid::lookup(self.oid) {
            Some(entry) => entry.name,
            None if oid::element_of(self.oid).is_some() => "array",
            None => self
                .definition()
                .map_or("with an unknown OID", |definition| definition.kind.name()),
        }
    }

    /// The same type, to be looked at with its parts: there is no value of which they could be found wrong.
    #[must_use]
    pub(crate) const fn thorough(self) -> Self {
        Self {
            thorough: true,
            ..self
        }
    }

    /// Whether the attributes of a composite are accepted, each by the function in its place. They are asked only where
    /// there is no value, such as for NULL or an empty list; of a value the fields say what is wrong.
    #[must_use]
    pub fn parts_accepted(self, accepts: &[fn(Type<'_>) -> bool]) -> bool {
        if !self.thorough || self.depth >= MAX_THOROUGH_DEPTH {
            return true;
        }
        self.attributes().is_none_or(|known| {
            let mut parts = known.iter().zip(accepts);
            known.len() == accepts.len()
                && parts.all(|(attribute, accepts)| accepts(self.part(attribute.oid)))
        })
    }

    /// The type with this OID, of a value within one of this type.
    #[must_use]
    pub fn part(self, oid: u32) -> Self {
        Self {
            depth: self.depth.saturating_add(1),
            thorough: self.thorough,
            ..Self::new(oid, self.types)
        }
    }

    /// Fails for a value that is in too many others: Rust types may be recursive, and the stack has an end.
    pub(super) fn check_depth(self) -> Result<(), DecodeError> {
        if self.depth > MAX_DEPTH {
            return Err(DecodeError::range("value", "too many nested values"));
        }
        Ok(())
    }

    fn opaque_part(self) -> Option<Self> {
        self.is_opaque().then(|| self.part(oid::UNKNOWN))
    }

    fn is_named(self, name: Option<&str>, is_kind: impl Fn(&Kind) -> bool) -> bool {
        self.definition().is_some_and(|definition| {
            is_kind(&definition.kind) && name.is_none_or(|name| name == definition.name)
        })
    }

    fn definition(self) -> Option<&'t Definition> {
        self.types.get(self.oid)
    }
}

impl From<u32> for Type<'static> {
    fn from(oid: u32) -> Self {
        Self::built_in(oid)
    }
}

/// Whether the type with this OID is in every database, so that it has not to be looked up.
#[must_use]
pub fn is_built_in(oid: u32) -> bool {
    oid::lookup(oid).is_some() || oid::element_of(oid).is_some()
}

impl Kind {
    /// What an error calls a type of which it cannot hold the name.
    const fn name(&self) -> &'static str {
        match self {
            Self::Base => "of an extension",
            Self::Enum => "enum",
            Self::Domain(_) => "domain",
            Self::Array { .. } => "array",
            Self::Range(_) => "range",
            Self::Multirange(_) => "multirange",
            Self::Composite(_) => "composite",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Types {
        let mut types = Types::new();
        let mut add = |oid, name: &str, kind| {
            let name = name.to_owned();
            types.insert(oid, Definition { name, kind });
        };
        add(20_000, "mood", Kind::Enum);
        add(
            20_001,
            "_mood",
            Kind::Array {
                element: 20_000,
                delimiter: b',',
            },
        );
        add(20_002, "positive", Kind::Domain(oid::INT4));
        add(20_003, "very_positive", Kind::Domain(20_002));
        add(20_004, "endless", Kind::Domain(20_004));
        add(20_005, "floatrange", Kind::Range(20_003));
        types
    }

    #[test]
    fn domains_are_the_types_beneath() {
        let types = types();
        assert_eq!(Type::new(20_003, &types).oid(), oid::INT4);
        assert_eq!(Type::new(20_004, &types).oid(), 20_004);
        let range = Type::new(20_005, &types);
        assert_eq!(range.range_subtype().map(Type::oid), Some(oid::INT4));
        assert!(range.element().is_none() && range.multirange_subtype().is_none());
    }

    #[test]
    fn names() {
        let types = types();
        assert_eq!(Type::new(oid::INT4_ARRAY, &types).name(), "int4[]");
        assert_eq!(Type::new(20_001, &types).name(), "mood[]");
        assert_eq!(Type::new(30_000, &types).name(), "type 30000");
        let error = Type::new(20_001, &types).mismatch::<i32>();
        assert_eq!(
            error.to_string(),
            "PostgreSQL type array cannot be read as Rust type i32"
        );
    }

    #[test]
    fn what_is_not_known_may_be_anything() {
        let types = types();
        let unknown = Type::new(30_000, &types);
        assert!(unknown.is_enum(Some("mood")) && unknown.is_composite(None));
        assert!(unknown.element().is_some_and(|(part, _)| part.is_untyped()));
        let mood = Type::new(20_000, &types);
        assert!(mood.is_enum(Some("mood")) && mood.is_enum(None));
        assert!(!mood.is_enum(Some("other")) && !mood.is_composite(None));
        assert!(!Type::built_in(oid::INT4).is_opaque());
        assert!(Type::built_in(oid::RECORD).is_composite(Some("any")));
    }
}
