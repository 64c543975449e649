//! What is in `#[howdah(...)]`.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Result};

use crate::rename::Rule;

/// The attributes of a type, a field or a variant.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) rename_all: Option<Rule>,
    pub(crate) default: bool,
    pub(crate) flatten: bool,
    pub(crate) skip: bool,
}

/// What has attributes.
#[derive(Clone, Copy)]
enum Owner {
    Type,
    Part,
    Column,
}

impl Attributes {
    /// Of a type.
    pub(crate) fn of_type(attributes: &[Attribute]) -> Result<Self> {
        Self::parse(attributes, Owner::Type)
    }

    /// Of a field or a variant of a value: only its name.
    pub(crate) fn of_part(attributes: &[Attribute]) -> Result<Self> {
        Self::parse(attributes, Owner::Part)
    }

    /// Of a field of a row.
    pub(crate) fn of_column(attributes: &[Attribute]) -> Result<Self> {
        Self::parse(attributes, Owner::Column)
    }

    /// Whether there is any.
    pub(crate) const fn is_given(&self) -> bool {
        self.name.is_some()
            || self.rename_all.is_some()
            || self.default
            || self.flatten
            || self.skip
    }

    fn parse(attributes: &[Attribute], owner: Owner) -> Result<Self> {
        let mut found = Self::default();
        let ours = attributes
            .iter()
            .filter(|each| each.path().is_ident("howdah"));
        for attribute in ours {
            attribute.parse_nested_meta(|meta| found.add(&meta, owner))?;
        }
        Ok(found)
    }

    fn add(&mut self, meta: &ParseNestedMeta<'_>, owner: Owner) -> Result<()> {
        let is = |name| meta.path.is_ident(name);
        match owner {
            _ if is("name") => self.name = Some(meta.value()?.parse()?),
            Owner::Type if is("rename_all") => {
                self.rename_all = Some(Rule::parse(&meta.value()?.parse()?)?);
            }
            Owner::Column if is("default") => self.default = true,
            Owner::Column if is("flatten") => self.flatten = true,
            Owner::Column if is("skip") => self.skip = true,
            owner => return Err(meta.error(owner.expected())),
        }
        Ok(())
    }
}

impl Owner {
    const fn expected(self) -> &'static str {
        match self {
            Self::Type => "expected `name = \"...\"` or `rename_all = \"...\"`",
            Self::Part => "expected `name = \"...\"`",
            Self::Column => "expected `name = \"...\"`, `default`, `flatten` or `skip`",
        }
    }
}
