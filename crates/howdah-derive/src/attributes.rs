//! What is in `#[howdah(...)]`.

use syn::{Attribute, LitStr, Result};

use crate::rename::Rule;

/// The attributes of a type, a field or a variant.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) name: Option<LitStr>,
    pub(crate) rename_all: Option<Rule>,
}

impl Attributes {
    /// Of a type.
    pub(crate) fn of_type(attributes: &[Attribute]) -> Result<Self> {
        Self::parse(attributes, true)
    }

    /// Of a field or a variant: only its name.
    pub(crate) fn of_part(attributes: &[Attribute]) -> Result<Self> {
        Self::parse(attributes, false)
    }

    /// Whether there is any.
    pub(crate) const fn is_given(&self) -> bool {
        self.name.is_some() || self.rename_all.is_some()
    }

    fn parse(attributes: &[Attribute], whole: bool) -> Result<Self> {
        let mut found = Self::default();
        let ours = attributes
            .iter()
            .filter(|each| each.path().is_ident("howdah"));
        for attribute in ours {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    found.name = Some(meta.value()?.parse()?);
                    Ok(())
                } else if whole && meta.path.is_ident("rename_all") {
                    found.rename_all = Some(Rule::parse(&meta.value()?.parse()?)?);
                    Ok(())
                } else if whole {
                    Err(meta.error("expected `name = \"...\"` or `rename_all = \"...\"`"))
                } else {
                    Err(meta.error("expected `name = \"...\"`"))
                }
            })?;
        }
        Ok(found)
    }
}
