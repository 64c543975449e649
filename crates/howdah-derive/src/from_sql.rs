//! `FromSql`.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{GenericParam, Type, parse_quote};

use crate::model::{Field, Model, Shape, Variant};

pub(crate) fn expand(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let body = match &model.shape {
        Shape::Composite(fields) => composite(model, fields),
        Shape::Enum(variants) => labels(model, variants),
        Shape::Wrapper(inner) => wrapper(inner),
    };
    let (_, arguments, _) = model.generics.split_for_impl();
    let mut generics = model.generics.clone();
    let bound = match model.shape {
        Shape::Wrapper(_) => quote!(::howdah::types::FromSql<'__sql>),
        _ => quote!(::howdah::types::FromSqlOwned),
    };
    generics.make_where_clause().predicates.extend(
        model
            .bounded()
            .iter()
            .map(|ty| -> syn::WherePredicate { parse_quote!(#ty: #bound) }),
    );
    let lifetime: GenericParam = parse_quote!('__sql);
    generics.params.insert(0, lifetime);
    let (params, _, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #params ::howdah::types::FromSql<'__sql> for #ident #arguments #bounds {
            #body
        }
    }
}

fn composite(model: &Model, fields: &[Field]) -> TokenStream {
    let count = fields.len();
    let name = expected(model);
    let members = fields.iter().map(|field| &field.member);
    let descriptions = fields.iter().map(|field| description(model, field));
    let body = quote! {
        const FIELDS: &[::howdah::types::Field] = &[#(#descriptions),*];
        if !ty.is_composite(#name) {
            return ::std::result::Result::Err(ty.mismatch::<Self>());
        }
        let mut fields = ::howdah::types::Fields::new::<Self>(ty, format, raw, ctx, #count)?;
        fields = fields.named(FIELDS)?;
        let value = Self { #(#members: fields.next()?),* };
        fields.finish()?;
        ::std::result::Result::Ok(value)
    };
    let types = fields.iter().map(|field| &field.ty);
    let accepts = quote! {
        ty.is_composite(#name)
            && ty.parts_accepted(&[#(<#types as ::howdah::types::FromSql<'static>>::accepts),*])
    };
    methods(&body, &accepts)
}

/// What errors say of a field.
pub(crate) fn description(model: &Model, field: &Field) -> TokenStream {
    let ident = &model.ident;
    let ty = field.ty.to_token_stream().to_string().replace(' ', "");
    let member = field.member.to_token_stream();
    let rust = format!("{ty} (field {member} of {ident})");
    let name = field.name.as_deref().unwrap_or_default();
    let misnamed =
        format!("the attribute in the place of field {member} of {ident} is not named {name:?}");
    quote! {
        ::howdah::types::Field { name: #name, rust: #rust, misnamed: #misnamed }
    }
}

fn labels(model: &Model, variants: &[Variant]) -> TokenStream {
    let name = expected(model);
    let idents = variants.iter().map(|variant| &variant.ident);
    let labels = variants
        .iter()
        .map(|variant| proc_macro2::Literal::byte_string(variant.label.as_bytes()));
    let unknown = format!("a label that {} has no variant for", model.ident);
    let body = quote! {
        let _ = (format, ctx);
        if !<Self as ::howdah::types::FromSql<'_>>::accepts(ty) {
            return ::std::result::Result::Err(ty.mismatch::<Self>());
        }
        match raw {
            #(#labels => ::std::result::Result::Ok(Self::#idents),)*
            _ => ::std::result::Result::Err(::howdah::types::DecodeError::new(
                ::howdah::types::DecodeErrorKind::OutOfRange,
                "enum",
                #unknown,
            )),
        }
    };
    methods(&body, &quote!(ty.is_enum(#name)))
}

/// A struct around one value: all is that value's.
fn wrapper(inner: &Type) -> TokenStream {
    let body = quote! {
        <#inner as ::howdah::types::FromSql<'__sql>>::from_sql(ty, format, raw, ctx).map(Self)
    };
    let accepts = quote!(<#inner as ::howdah::types::FromSql<'__sql>>::accepts(ty));
    let methods = methods(&body, &accepts);
    quote! {
        #methods

        fn from_null(
            ty: ::howdah::types::Type<'_>,
        ) -> ::std::result::Result<Self, ::howdah::types::DecodeError> {
            <#inner as ::howdah::types::FromSql<'__sql>>::from_null(ty).map(Self)
        }

        fn accepts_item(element: ::howdah::types::Type<'_>) -> bool {
            <#inner as ::howdah::types::FromSql<'__sql>>::accepts_item(element)
        }

        fn from_item(
            item: ::howdah::types::Item<'__sql>,
            items: &mut ::howdah::types::Items<'_>,
        ) -> ::std::result::Result<Self, ::howdah::types::DecodeError> {
            <#inner as ::howdah::types::FromSql<'__sql>>::from_item(item, items).map(Self)
        }
    }
}

fn methods(body: &TokenStream, accepts: &TokenStream) -> TokenStream {
    quote! {
        fn from_sql(
            ty: ::howdah::types::Type<'_>,
            format: ::howdah::types::Format,
            raw: &'__sql [u8],
            ctx: &::howdah::types::LoadContext,
        ) -> ::std::result::Result<Self, ::howdah::types::DecodeError> {
            #body
        }

        fn accepts(ty: ::howdah::types::Type<'_>) -> bool {
            #accepts
        }
    }
}

/// The name of the PostgreSQL type that is expected, if any.
pub(crate) fn expected(model: &Model) -> TokenStream {
    match &model.name {
        Some(name) => quote!(::std::option::Option::Some(#name)),
        None => quote!(::std::option::Option::None),
    }
}
