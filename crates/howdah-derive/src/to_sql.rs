//! `ToSql`, with the traits that lists and ranges of the type need.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Type, parse_quote};

use crate::from_sql::{description, expected};
use crate::model::{Field, Model, Shape, Variant};

pub(crate) fn expand(model: &Model) -> TokenStream {
    match &model.shape {
        Shape::Composite(fields) => composite(model, fields),
        Shape::Enum(variants) => labels(model, variants),
        Shape::Wrapper(inner) => wrapper(model, inner),
    }
}

fn composite(model: &Model, fields: &[Field]) -> TokenStream {
    let count = fields.len();
    let name = expected(model);
    let members: Vec<_> = fields.iter().map(|field| &field.member).collect();
    let types = fields.iter().map(|field| &field.ty);
    let descriptions = fields.iter().map(|field| description(model, field));
    let methods = to_sql(
        &quote!(::howdah::types::FieldWriter::format(ty, &[#(&self.#members),*])),
        &quote! {
            const FIELDS: &[::howdah::types::Field] = &[#(#descriptions),*];
            if !ty.is_composite(#name) {
                return ::std::result::Result::Err(ty.refused::<Self>());
            }
            let mut fields = ::howdah::types::FieldWriter::begin::<Self>(ty, format, out, #count)?;
            fields = fields.named(FIELDS)?;
            #(fields.field(&self.#members)?;)*
            fields.finish()
        },
    );
    let is_sent_as = is_sent_as(&quote! {
        ty.is_composite(#name)
            && ty.parts_accepted(&[#(<#types as ::howdah::types::SqlType>::is_sent_as),*])
    });
    implement(
        model,
        &quote!(::howdah::types::SqlType),
        [methods, is_sent_as, quote!()],
    )
}

fn labels(model: &Model, variants: &[Variant]) -> TokenStream {
    let name = expected(model);
    let idents = variants.iter().map(|variant| &variant.ident);
    let labels = variants.iter().map(|variant| &variant.label);
    let methods = to_sql(
        &quote! {
            if ty.is_opaque() {
                ::howdah::types::Format::Text
            } else {
                ::howdah::types::Format::Binary
            }
        },
        &quote! {
            // A label is the same in both formats.
            let _ = format;
            if !ty.is_enum(#name) {
                return ::std::result::Result::Err(ty.refused::<Self>());
            }
            let label: &str = match self {
                #(Self::#idents => #labels,)*
            };
            ::std::vec::Vec::extend_from_slice(out, label.as_bytes());
            ::std::result::Result::Ok(::howdah::types::IsNull::No)
        },
    );
    let is_sent_as = is_sent_as(&quote!(ty.is_enum(#name)));
    implement(
        model,
        &quote!(::howdah::types::SqlType),
        [methods, is_sent_as, quote!()],
    )
}

/// A struct around one value: all is that value's.
fn wrapper(model: &Model, inner: &Type) -> TokenStream {
    let methods = to_sql(
        &quote!(::howdah::types::ToSql::format(&self.0, ty)),
        &quote!(::howdah::types::ToSql::to_sql(&self.0, ty, format, out)),
    );
    let is_sent_as = is_sent_as(&quote!(<#inner as ::howdah::types::SqlType>::is_sent_as(ty)));
    let element = quote! {
        const LEVELS: usize = <#inner as ::howdah::types::Element>::LEVELS;

        fn is_item_of(element: ::howdah::types::Type<'_>) -> bool {
            <#inner as ::howdah::types::Element>::is_item_of(element)
        }

        fn item_format(&self, element: ::howdah::types::Type<'_>) -> ::howdah::types::Format {
            ::howdah::types::Element::item_format(&self.0, element)
        }

        fn measure(
            &self,
            level: usize,
            shape: &mut ::howdah::types::Shape,
        ) -> ::std::result::Result<(), ::howdah::types::EncodeError> {
            ::howdah::types::Element::measure(&self.0, level, shape)
        }

        fn write_item(
            &self,
            writer: &mut ::howdah::types::ItemWriter<'_>,
        ) -> ::std::result::Result<(), ::howdah::types::EncodeError> {
            ::howdah::types::Element::write_item(&self.0, writer)
        }
    };
    implement(
        model,
        &quote!(::howdah::types::Element),
        [methods, is_sent_as, element],
    )
}

/// The methods of `ToSql`.
fn to_sql(format: &TokenStream, body: &TokenStream) -> TokenStream {
    quote! {
        fn format(&self, ty: ::howdah::types::Type<'_>) -> ::howdah::types::Format {
            #format
        }

        fn to_sql(
            &self,
            ty: ::howdah::types::Type<'_>,
            format: ::howdah::types::Format,
            out: &mut ::std::vec::Vec<u8>,
        ) -> ::std::result::Result<::howdah::types::IsNull, ::howdah::types::EncodeError> {
            #body
        }
    }
}

/// The method of `SqlType`.
fn is_sent_as(body: &TokenStream) -> TokenStream {
    quote! {
        fn is_sent_as(ty: ::howdah::types::Type<'_>) -> bool {
            #body
        }
    }
}

/// The three traits, for a type whose parts have to be `bound` where it is generic.
fn implement(model: &Model, bound: &TokenStream, bodies: [TokenStream; 3]) -> TokenStream {
    let ident = &model.ident;
    let mut generics = model.generics.clone();
    let bounded = model.bounded();
    generics.make_where_clause().predicates.extend(
        bounded
            .iter()
            .map(|ty| -> syn::WherePredicate { parse_quote!(#ty: #bound) }),
    );
    let (params, arguments, bounds) = generics.split_for_impl();
    let [to_sql, sql_type, element] = bodies;
    quote! {
        #[automatically_derived]
        impl #params ::howdah::types::ToSql for #ident #arguments #bounds {
            #to_sql
        }

        #[automatically_derived]
        impl #params ::howdah::types::SqlType for #ident #arguments #bounds {
            #sql_type
        }

        #[automatically_derived]
        impl #params ::howdah::types::Element for #ident #arguments #bounds {
            #element
        }
    }
}
