//! PostgreSQL values to and from bytes, in the text and the binary format.
//!
//! One module per family of types. Encoders append to a buffer of the caller; decoders take the bytes of one
//! value, never a NULL, and believe nothing: bad input is a [`DecodeError`], never a panic, and no decoder
//! reserves more memory than the input can fill. The crate does no I/O.
//!
//! * Functions `*_from_text`, `*_from_binary`, `*_to_text`, `*_to_binary` convert single values.
//! * [`FromSql`] and [`ToSql`] put them behind Rust types; the features `jiff`, `chrono`, `time`, `uuid`, `serde_json`,
//!   `rust_decimal`, `bytes`, `ipnet` and `geo-types` add the types of those crates.
//! * [`transcode`] makes the server's text of a binary value.
//! * [`oid`] is the table of the built-in types.
//!
//! ```
//! use howdah_types::{Format, FromSql, LoadContext, ToSql, numeric, oid};
//!
//! let mut out = Vec::new();
//! numeric::text_to_binary(b"1.10", &mut out)?;
//! let mut text = Vec::new();
//! numeric::binary_to_text(&out, &mut text)?;
//! assert_eq!(text, b"1.10");
//!
//! let ctx = LoadContext::default();
//! let list = Vec::<Option<i64>>::from_sql(oid::INT4_ARRAY.into(), Format::Text, b"{1,NULL}", &ctx)?;
//! assert_eq!(list, [Some(1), None]);
//! let refused = list.to_sql(oid::TEXT_ARRAY.into(), Format::Binary, &mut out);
//! assert_eq!(refused.unwrap_err().to_string(), "Rust type i64 cannot be sent as PostgreSQL type text");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![warn(unnameable_types)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::panic))]

pub mod array;
pub mod bit;
pub mod boolean;
pub mod bytea;
pub mod composite;
mod context;
pub mod datetime;
mod error;
pub mod float;
pub mod geometry;
pub mod hstore;
pub mod int;
pub mod json;
pub mod length;
pub mod lsn;
pub mod memory;
pub mod money;
pub mod net;
pub mod numeric;
pub mod oid;
mod quoting;
pub mod range;
mod reader;
mod sql;
pub mod sqlstate;
pub mod text;
pub mod transcode;
pub mod tsquery;
pub mod tsvector;
pub mod uuid;

pub use context::{DateFormat, DateStyle, Format, IntervalStyle, LoadContext};
pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
#[cfg(feature = "serde_json")]
pub use sql::Json;
pub use sql::{
    AnyText, AnyValue, Attribute, Definition, Element, Field, FieldWriter, Fields, FromSql,
    FromSqlOwned, IsNull, Kind, MacAddr, MacAddr8, Money, Multirange, Oid, PgLsn, SqlType, ToSql,
    Type, Types, is_built_in,
};
#[doc(hidden)]
pub use sql::{Item, ItemWriter, Items, Shape};
