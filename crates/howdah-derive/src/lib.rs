//! The derive macros of `howdah`, which documents and exports them: use them from there.

#![forbid(unsafe_code)]

mod attributes;
mod from_row;
mod from_sql;
mod model;
mod rename;
mod to_sql;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use model::Model;

/// Makes a Rust type one that values of the server are read as: a struct of a composite, an enum of an enum.
///
/// A tuple struct with one field is read as that field. On the type, `#[howdah(name = "...")]` is the name of the
/// PostgreSQL type, and `#[howdah(rename_all = "snake_case")]` makes names of those of the fields or variants; on one of
/// these, `#[howdah(name = "...")]` is its name. The module `rust_types` of `howdah` tells more, with an example.
#[proc_macro_derive(FromSql, attributes(howdah))]
pub fn derive_from_sql(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), from_sql::expand)
}

/// Makes a Rust type one that can be sent as a parameter: a struct as a composite, an enum as an enum.
///
/// Fields are sent in the order in which they are declared, each as the type of the attribute in its place, which has to have
/// the field's name. A tuple struct with one field is sent as that field. The attributes are those of `FromSql`.
#[proc_macro_derive(ToSql, attributes(howdah))]
pub fn derive_to_sql(input: TokenStream) -> TokenStream {
    expand(parse_macro_input!(input), to_sql::expand)
}

/// Makes a struct one that rows are read as: by the names of its fields, or, of a tuple struct, by position.
///
/// `#[howdah(rename_all = "...")]` is for the struct; `#[howdah(name = "...")]`, `#[howdah(default)]`, `#[howdah(flatten)]` and
/// `#[howdah(skip)]` are for its fields. The trait `FromRow` of `howdah` tells what they do.
#[proc_macro_derive(FromRow, attributes(howdah))]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    match from_row::expand(parse_macro_input!(input)) {
        Ok(tokens) => tokens.into(),
        Err(error) => error.into_compile_error().into(),
    }
}

fn expand(input: DeriveInput, make: fn(&Model) -> proc_macro2::TokenStream) -> TokenStream {
    match Model::new(input) {
        Ok(model) => make(&model).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
