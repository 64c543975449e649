//! [`FromSql`] and [`ToSql`]: the codecs behind Rust types.

mod any_text;
mod any_value;
mod array;
#[cfg(feature = "bytes")]
mod bytes;
#[cfg(feature = "chrono")]
mod chrono;
mod composite;
mod datetime;
mod from_sql;
#[cfg(feature = "geo-types")]
mod geo_types;
mod geometry;
mod hstore;
mod integer;
#[cfg(feature = "ipnet")]
mod ipnet;
#[cfg(feature = "jiff")]
mod jiff;
#[cfg(feature = "serde_json")]
mod json;
mod macros;
mod net;
mod range;
#[cfg(feature = "rust_decimal")]
mod rust_decimal;
mod scalar;
mod text;
#[cfg(feature = "time")]
mod time;
mod to_sql;
mod types;
#[cfg(feature = "uuid")]
mod uuid;
mod wrapper;

pub use any_text::AnyText;
pub use any_value::AnyValue;
pub use array::{Item, ItemWriter, Items, Shape};
pub use composite::{Field, FieldWriter, Fields};
pub use from_sql::{FromSql, FromSqlOwned};
#[cfg(feature = "serde_json")]
pub use json::Json;
pub use range::Multirange;
pub use to_sql::{Element, IsNull, SqlType, ToSql};
pub use types::{Attribute, Definition, Kind, Type, Types, is_built_in};
pub use wrapper::{MacAddr, MacAddr8, Money, Oid, PgLsn};

#[cfg(any(
    feature = "bytes",
    feature = "chrono",
    feature = "geo-types",
    feature = "ipnet",
    feature = "jiff",
    feature = "serde_json",
    feature = "time"
))]
use macros::from_sql_as;
use macros::{scalar_from_sql, scalar_to_sql, to_sql_as};

#[cfg(test)]
mod tests;
