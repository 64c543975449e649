//! `FromRow`.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::spanned::Spanned as _;
use syn::{
    Data, DeriveInput, Error, Fields, GenericParam, Generics, Ident, Lifetime, Member, Result,
    Type, WherePredicate, parse_quote,
};

use crate::attributes::Attributes;
use crate::model::renamed;

/// A struct whose fields are columns.
struct RowModel {
    ident: Ident,
    generics: Generics,
    fields: Vec<RowField>,
    by_position: bool,
}

struct RowField {
    member: Member,
    ty: Type,
    source: Source,
}

/// Where the value of a field is from.
enum Source {
    /// The column of this name.
    Named(String),
    /// The column of this name, or the default if there is none.
    NamedOrDefault(String),
    /// The column at this position.
    At(usize),
    /// The same row.
    Row,
    /// No column.
    Default,
}

pub(crate) fn expand(input: DeriveInput) -> Result<TokenStream> {
    let model = RowModel::new(input)?;
    let (from_row, place, from_places) = match model.by_position {
        true => by_position(&model),
        false => by_name(&model),
    };
    let ident = &model.ident;
    let (_, arguments, _) = model.generics.split_for_impl();
    let generics = model.bounded();
    let (params, _, bounds) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #params ::howdah::FromRow<'__row> for #ident #arguments #bounds {
            fn from_row(row: &'__row ::howdah::Row) -> ::howdah::Result<Self> {
                #from_row
            }

            fn place(placing: &mut ::howdah::Placing<'_>) -> ::howdah::Result<()> {
                #place
                ::std::result::Result::Ok(())
            }

            fn from_places(
                row: &'__row ::howdah::Row,
                places: &mut ::howdah::Places<'_>,
            ) -> ::howdah::Result<Self> {
                #from_places
            }
        }
    })
}

type Bodies = (TokenStream, TokenStream, TokenStream);

/// A struct with named fields: the columns are found and then read.
fn by_name(model: &RowModel) -> Bodies {
    let place = model.fields.iter().map(|field| {
        let ty = &field.ty;
        match &field.source {
            Source::Named(name) => {
                let description = model.description(field);
                quote!(placing.column(#name, #description)?;)
            }
            Source::NamedOrDefault(name) => quote!(placing.optional_column(#name);),
            Source::Row => quote!(<#ty as ::howdah::FromRow<'_>>::place(placing)?;),
            Source::At(_) | Source::Default => quote!(),
        }
    });
    let values = model.fields.iter().map(|field| {
        let (member, ty) = (&field.member, &field.ty);
        let value = match &field.source {
            Source::NamedOrDefault(_) => quote! {
                places.read_optional::<#ty>(row)?.unwrap_or_default()
            },
            Source::Row => quote!(<#ty as ::howdah::FromRow<'_>>::from_places(row, places)?),
            Source::Default => quote!(::std::default::Default::default()),
            Source::Named(_) | Source::At(_) => quote!(places.read::<#ty>(row)?),
        };
        quote!(#member: #value)
    });
    (
        quote!(row.read_placed()),
        quote!(#(#place)*),
        quote!(::std::result::Result::Ok(Self { #(#values),* })),
    )
}

/// A tuple struct: there have to be as many columns, and nothing is to be found.
fn by_position(model: &RowModel) -> Bodies {
    let (mut width, mut values) = (0_usize, Vec::new());
    for field in &model.fields {
        let (member, ty) = (&field.member, &field.ty);
        values.push(match field.source {
            Source::At(position) => {
                width = position + 1;
                quote!(#member: row.get::<#ty>(#position)?)
            }
            _ => quote!(#member: ::std::default::Default::default()),
        });
    }
    let what = format!("{}, which has {width}", model.ident);
    (
        quote! {
            row.check_width(#width, #what)?;
            ::std::result::Result::Ok(Self { #(#values),* })
        },
        quote!(placing.check_width(#width, #what)?;),
        quote! {
            let _ = places;
            Self::from_row(row)
        },
    )
}

impl RowModel {
    fn new(input: DeriveInput) -> Result<Self> {
        let attributes = Attributes::of_type(&input.attrs)?;
        let Data::Struct(data) = input.data else {
            let message = "a row is read as a struct";
            return Err(Error::new(input.ident.span(), message));
        };
        let by_position = matches!(data.fields, Fields::Unnamed(_));
        if by_position && attributes.rename_all.is_some() {
            return Err(Error::new(input.ident.span(), POSITIONS));
        }
        let fields = fields(data.fields, &attributes)?;
        let is_read = |field: &RowField| !matches!(field.source, Source::Default);
        if !fields.iter().any(is_read) {
            let message = "a row needs fields that are read from columns";
            return Err(Error::new(input.ident.span(), message));
        }
        Ok(Self {
            ident: input.ident,
            generics: input.generics,
            fields,
            by_position,
        })
    }

    /// What errors say of a field.
    fn description(&self, field: &RowField) -> String {
        let ty = field.ty.to_token_stream().to_string().replace(' ', "");
        let member = field.member.to_token_stream();
        format!("field {member} ({ty}) of {}", self.ident)
    }

    /// The generics of the implementation: a row that lives as long as what is borrowed from it, and types that are read.
    fn bounded(&self) -> Generics {
        let row: Lifetime = parse_quote!('__row);
        let lives = self.generics.lifetimes().map(|borrowed| {
            let lifetime = &borrowed.lifetime;
            parse_quote!(#row: #lifetime)
        });
        let mut bounds: Vec<WherePredicate> = lives.collect();
        let is_generic = |field: &&RowField| mentions(&field.ty, &self.generics);
        for RowField { ty, source, .. } in self.fields.iter().filter(is_generic) {
            bounds.push(match source {
                Source::Named(_) | Source::At(_) => parse_quote!(#ty: ::howdah::FromSql<#row>),
                Source::NamedOrDefault(_) => {
                    parse_quote!(#ty: ::howdah::FromSql<#row> + ::std::default::Default)
                }
                Source::Row => parse_quote!(#ty: ::howdah::FromRow<#row>),
                Source::Default => parse_quote!(#ty: ::std::default::Default),
            });
        }
        let mut generics = self.generics.clone();
        generics.make_where_clause().predicates.extend(bounds);
        generics.params.insert(0, parse_quote!(#row));
        generics
    }
}

const POSITIONS: &str = "the fields of a tuple struct are columns by position: they have no names";

fn fields(fields: Fields, attributes: &Attributes) -> Result<Vec<RowField>> {
    let members: Vec<Member> = fields.members().collect();
    let mut position = 0;
    let parts = fields.into_iter().zip(members).map(|(field, member)| {
        let given = Attributes::of_column(&field.attrs)?;
        let flags = [given.default, given.flatten, given.skip];
        let named = given.name.is_some();
        let is_mixed = flags.iter().filter(|&&flag| flag).count() > 1;
        if is_mixed || (named && (given.flatten || given.skip)) {
            let message = "`flatten` and `skip` go with no other attribute";
            return Err(Error::new(field.ty.span(), message));
        }
        let source = match &field.ident {
            _ if given.skip => Source::Default,
            None if given.is_given() => return Err(Error::new(field.ty.span(), POSITIONS)),
            None => {
                position += 1;
                Source::At(position - 1)
            }
            Some(_) if given.flatten => Source::Row,
            Some(ident) => {
                let name = given.name.map(|name| name.value());
                let name = name.unwrap_or_else(|| renamed(ident, attributes));
                match given.default {
                    true => Source::NamedOrDefault(name),
                    false => Source::Named(name),
                }
            }
        };
        Ok(RowField {
            member,
            ty: field.ty,
            source,
        })
    });
    parts.collect()
}

/// Whether a type is made of one of the type's own parameters.
fn mentions(ty: &Type, generics: &Generics) -> bool {
    let is_parameter = |ident: &Ident| {
        generics.params.iter().any(|param| match param {
            GenericParam::Type(param) => param.ident == *ident,
            GenericParam::Const(param) => param.ident == *ident,
            GenericParam::Lifetime(_) => false,
        })
    };
    any_ident(ty.to_token_stream(), &is_parameter)
}

fn any_ident(tokens: TokenStream, is: &impl Fn(&Ident) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is(&ident),
        TokenTree::Group(group) => any_ident(group.stream(), is),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(input: DeriveInput) -> String {
        match expand(input) {
            Ok(tokens) => panic!("it was accepted: {tokens}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_no_row_can_be_is_refused() {
        let wanted = "a row is read as a struct";
        assert_eq!(
            refused(parse_quote!(
                enum E {
                    A,
                }
            )),
            wanted
        );
        assert_eq!(refused(parse_quote!(union U { a: i32, b: u32 })), wanted);
        let empty = "a row needs fields that are read from columns";
        assert_eq!(
            refused(parse_quote!(
                struct S;
            )),
            empty
        );
        let skipped = refused(parse_quote!(
            struct S {
                #[howdah(skip)]
                a: i32,
            }
        ));
        assert_eq!(skipped, empty);
    }

    #[test]
    fn attributes_that_mean_nothing_are_refused() {
        let named = refused(parse_quote!(
            struct S(#[howdah(name = "x")] i32);
        ));
        assert_eq!(named, POSITIONS);
        let flattened = refused(parse_quote!(
            struct S(#[howdah(flatten)] Other);
        ));
        assert_eq!(flattened, POSITIONS);
        let renamed = refused(parse_quote!(
            #[howdah(rename_all = "lowercase")]
            struct S(i32);
        ));
        assert_eq!(renamed, POSITIONS);
        let mixed = "`flatten` and `skip` go with no other attribute";
        let both = refused(parse_quote!(
            struct S {
                #[howdah(name = "b", skip)]
                a: i32,
                c: i32,
            }
        ));
        assert_eq!(both, mixed);
        let flags = refused(parse_quote!(
            struct S {
                #[howdah(default)]
                #[howdah(flatten)]
                a: i32,
            }
        ));
        assert_eq!(flags, mixed);
        let unknown = refused(parse_quote!(
            struct S {
                #[howdah(rename = "b")]
                a: i32,
            }
        ));
        assert_eq!(
            unknown,
            "expected `name = \"...\"`, `default`, `flatten` or `skip`"
        );
    }

    #[test]
    fn only_what_is_generic_gets_bounds() {
        let input: DeriveInput = parse_quote! {
            struct S<'a, T, const N: usize> { a: &'a str, b: Vec<Option<T>>, c: [u8; N], d: i32 }
        };
        let model = RowModel::new(input).unwrap_or_else(|error| panic!("{error}"));
        let bounds = model.bounded().where_clause.to_token_stream().to_string();
        let bounds = bounds.replace(' ', "");
        let sql = "::howdah::FromSql<'__row>";
        assert_eq!(
            bounds,
            format!("where'__row:'a,Vec<Option<T>>:{sql},[u8;N]:{sql}")
        );
    }
}
