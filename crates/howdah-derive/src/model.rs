//! A type as the macros see it.

use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Data, DataEnum, DeriveInput, Error, Fields, Generics, Ident, LitStr, Member, Result, Type,
};

use crate::attributes::Attributes;

/// A struct or an enum, with the names that PostgreSQL has for it and for its parts.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    /// The name of the PostgreSQL type, where it was given.
    pub(crate) name: Option<LitStr>,
    pub(crate) shape: Shape,
}

pub(crate) enum Shape {
    /// A composite.
    Composite(Vec<Field>),
    /// A struct around one value, which it is sent and read as.
    Wrapper(Box<Type>),
    /// An enum.
    Enum(Vec<Variant>),
}

pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The name of the attribute; none in a tuple struct.
    pub(crate) name: Option<String>,
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) label: String,
}

impl Model {
    pub(crate) fn new(input: DeriveInput) -> Result<Self> {
        let attributes = Attributes::of_type(&input.attrs)?;
        let shape = match input.data {
            Data::Struct(data) => of_struct(data.fields, &attributes, &input.ident)?,
            Data::Enum(data) => of_enum(data, &attributes, &input.ident)?,
            Data::Union(data) => {
                let message = "a union is no value of PostgreSQL";
                return Err(Error::new(data.union_token.span(), message));
            }
        };
        if let (Shape::Wrapper(_), Some(name)) = (&shape, &attributes.name) {
            let message = "a struct around one value has no name of its own: it is sent and read as that value";
            return Err(Error::new(name.span(), message));
        }
        Ok(Self {
            ident: input.ident,
            generics: input.generics,
            name: attributes.name,
            shape,
        })
    }

    /// The types of the parts, where they need bounds because the type is generic.
    pub(crate) fn bounded(&self) -> Vec<&Type> {
        if self.generics.params.is_empty() {
            return Vec::new();
        }
        match &self.shape {
            Shape::Composite(fields) => fields.iter().map(|field| &field.ty).collect(),
            Shape::Wrapper(ty) => vec![ty],
            Shape::Enum(_) => Vec::new(),
        }
    }
}

fn of_struct(fields: Fields, attributes: &Attributes, ident: &Ident) -> Result<Shape> {
    if let Fields::Unnamed(unnamed) = &fields
        && let (Some(only), 1) = (unnamed.unnamed.first(), unnamed.unnamed.len())
    {
        return Ok(Shape::Wrapper(Box::new(only.ty.clone())));
    }
    if fields.is_empty() {
        return Err(Error::new(ident.span(), "a composite needs fields"));
    }
    let members: Vec<Member> = fields.members().collect();
    let parts = fields.into_iter().zip(members);
    let parts = parts.map(|(field, member)| {
        let given = Attributes::of_part(&field.attrs)?.name;
        let own = field.ident.as_ref().map(|ident| renamed(ident, attributes));
        Ok(Field {
            member,
            ty: field.ty,
            name: given.map(|name| name.value()).or(own),
        })
    });
    parts.collect::<Result<_>>().map(Shape::Composite)
}

fn of_enum(data: DataEnum, attributes: &Attributes, ident: &Ident) -> Result<Shape> {
    if data.variants.is_empty() {
        return Err(Error::new(ident.span(), "an enum needs variants"));
    }
    let variants = data.variants.into_iter().map(|variant| {
        if !variant.fields.is_empty() {
            let message = "a label of an enum holds no values";
            return Err(Error::new(variant.fields.span(), message));
        }
        let given = Attributes::of_part(&variant.attrs)?.name;
        Ok(Variant {
            label: given.map_or_else(|| renamed(&variant.ident, attributes), |name| name.value()),
            ident: variant.ident,
        })
    });
    let variants = variants.collect::<Result<Vec<_>>>()?;
    for (at, variant) in variants.iter().enumerate() {
        if variants
            .iter()
            .take(at)
            .any(|other| other.label == variant.label)
        {
            let message = format!("another variant has the label {:?}", variant.label);
            return Err(Error::new(variant.ident.span(), message));
        }
    }
    Ok(Shape::Enum(variants))
}

fn renamed(ident: &Ident, attributes: &Attributes) -> String {
    let name = ident.unraw().to_string();
    match attributes.rename_all {
        Some(rule) => rule.apply(&name),
        None => name,
    }
}
