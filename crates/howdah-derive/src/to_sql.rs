//! `ToSql`, with the traits that lists and ranges of the type need.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Field, Model, Shape, Variant};

pub(crate) fn expand(model: &Model) -> TokenStream {
    match &model.shape {
        Shape::Composite(fields) => text(model, &composite(fields)),
        Shape::Enum(variants) => text(model, &label(variants)),
        Shape::Wrapper(inner) => wrapper(model, inner),
    }
}

/// A type that is sent as text, whose type the server infers.
fn text(model: &Model, body: &TokenStream) -> TokenStream {
    let ident = &model.ident;
    let mut generics = model.generics.clone();
    let bounded = model.bounded();
    generics.make_where_clause().predicates.extend(
        bounded
            .iter()
            .map(|ty| -> syn::WherePredicate { syn::parse_quote!(#ty: ::howdah::types::ToSql) }),
    );
    let (params, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #params ::howdah::types::ToSql for #ident #arguments #bounds {
            fn oid(&self) -> u32 {
                0
            }

            fn format(&self) -> ::howdah::types::Format {
                ::howdah::types::Format::Text
            }

            fn to_sql(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<::howdah::types::IsNull, ::howdah::types::EncodeError> {
                #body
                ::std::result::Result::Ok(::howdah::types::IsNull::No)
            }
        }

        #[automatically_derived]
        impl #params ::howdah::types::SqlType for #ident #arguments #bounds {
            const OID: u32 = 0;
            const FORMAT: ::howdah::types::Format = ::howdah::types::Format::Text;
        }

        #[automatically_derived]
        impl #params ::howdah::types::Element for #ident #arguments #bounds {}
    }
}

fn composite(fields: &[Field]) -> TokenStream {
    let members = fields.iter().map(|field| &field.member);
    quote! {
        let mut fields = ::howdah::types::FieldWriter::begin(out);
        #(fields.field(&self.#members)?;)*
        fields.finish();
    }
}

fn label(variants: &[Variant]) -> TokenStream {
    let idents = variants.iter().map(|variant| &variant.ident);
    let labels = variants.iter().map(|variant| &variant.label);
    quote! {
        let label: &str = match self {
            #(Self::#idents => #labels,)*
        };
        ::std::vec::Vec::extend_from_slice(out, label.as_bytes());
    }
}

/// A struct around one value: all is that value's.
fn wrapper(model: &Model, inner: &syn::Type) -> TokenStream {
    let ident = &model.ident;
    let mut generics = model.generics.clone();
    generics.make_where_clause().predicates.extend(
        model
            .bounded()
            .iter()
            .map(|ty| -> syn::WherePredicate { syn::parse_quote!(#ty: ::howdah::types::Element) }),
    );
    let (params, arguments, bounds) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #params ::howdah::types::ToSql for #ident #arguments #bounds {
            fn oid(&self) -> u32 {
                ::howdah::types::ToSql::oid(&self.0)
            }

            fn format(&self) -> ::howdah::types::Format {
                ::howdah::types::ToSql::format(&self.0)
            }

            fn to_sql(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<::howdah::types::IsNull, ::howdah::types::EncodeError> {
                ::howdah::types::ToSql::to_sql(&self.0, out)
            }

            fn to_sql_text(
                &self,
                out: &mut ::std::vec::Vec<u8>,
            ) -> ::std::result::Result<::howdah::types::IsNull, ::howdah::types::EncodeError> {
                ::howdah::types::ToSql::to_sql_text(&self.0, out)
            }
        }

        #[automatically_derived]
        impl #params ::howdah::types::SqlType for #ident #arguments #bounds {
            const OID: u32 = <#inner as ::howdah::types::SqlType>::OID;
            const FORMAT: ::howdah::types::Format = <#inner as ::howdah::types::SqlType>::FORMAT;
            const ARRAY_OID: u32 = <#inner as ::howdah::types::SqlType>::ARRAY_OID;
            const ELEMENT_OID: u32 = <#inner as ::howdah::types::SqlType>::ELEMENT_OID;
            const DELIMITER: u8 = <#inner as ::howdah::types::SqlType>::DELIMITER;
        }

        #[automatically_derived]
        impl #params ::howdah::types::Element for #ident #arguments #bounds {
            const LEVELS: usize = <#inner as ::howdah::types::Element>::LEVELS;

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
        }
    }
}
