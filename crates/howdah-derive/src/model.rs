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
        if attributes.is_given() || Attributes::of_part(&only.attrs)?.is_given() {
            let message =
                "a struct around one value has no names: it is sent and read as that value";
            return Err(Error::new(ident.span(), message));
        }
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

/// The name of a field or variant that has none of its own.
pub(crate) fn renamed(ident: &Ident, attributes: &Attributes) -> String {
    let name = ident.unraw().to_string();
    match attributes.rename_all {
        Some(rule) => rule.apply(&name),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse_quote;

    fn refused(input: DeriveInput) -> String {
        match Model::new(input) {
            Ok(_) => panic!("it was accepted"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_postgresql_has_no_type_for_is_refused() {
        let union = refused(parse_quote!(union U { a: i32, b: u32 }));
        assert_eq!(union, "a union is no value of PostgreSQL");
        let empty = refused(parse_quote!(
            struct S {}
        ));
        assert_eq!(empty, "a composite needs fields");
        assert_eq!(
            refused(parse_quote!(
                struct S;
            )),
            empty
        );
        let values = refused(parse_quote!(
            enum E {
                A,
                B(i32),
            }
        ));
        assert_eq!(values, "a label of an enum holds no values");
        assert_eq!(
            refused(parse_quote!(
                enum E {}
            )),
            "an enum needs variants"
        );
    }

    #[test]
    fn attributes_that_mean_nothing_are_refused() {
        let double = refused(parse_quote!(
            enum E {
                A,
                #[howdah(name = "A")]
                B,
            }
        ));
        assert_eq!(double, "another variant has the label \"A\"");
        let key = refused(parse_quote!(
            #[howdah(nome = "x")]
            enum E {
                A,
            }
        ));
        assert!(key.starts_with("expected `name"), "{key}");
        let part = refused(parse_quote!(
            enum E {
                #[howdah(rename_all = "lowercase")]
                A,
            }
        ));
        assert!(part.starts_with("expected `name"), "{part}");
        let case = refused(parse_quote!(
            #[howdah(rename_all = "sPoNgE")]
            enum E {
                A,
            }
        ));
        assert!(case.contains("snake_case"), "{case}");
        let wrapper = refused(parse_quote!(
            #[howdah(name = "x")]
            struct S(i32);
        ));
        assert!(wrapper.contains("has no names"), "{wrapper}");
        let inner = refused(parse_quote!(
            struct S(#[howdah(name = "x")] i32);
        ));
        assert_eq!(inner, wrapper);
    }

    #[test]
    fn names() {
        let input: DeriveInput = parse_quote! {
            #[howdah(rename_all = "camelCase")]
            struct S { zip_code: i32, #[howdah(name = "x")] y: i32, r#type: i32 }
        };
        let Ok(Model {
            shape: Shape::Composite(fields),
            ..
        }) = Model::new(input)
        else {
            panic!("no composite")
        };
        let names: Vec<_> = fields
            .iter()
            .filter_map(|field| field.name.as_deref())
            .collect();
        assert_eq!(names, ["zipCode", "x", "type"]);
        let tuple: DeriveInput = parse_quote!(
            struct S(i32, i32);
        );
        let Ok(Model {
            shape: Shape::Composite(fields),
            ..
        }) = Model::new(tuple)
        else {
            panic!("no composite")
        };
        assert!(fields.iter().all(|field| field.name.is_none()));
    }
}
