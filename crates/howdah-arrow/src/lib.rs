//! PostgreSQL rows to and from Arrow, column by column, for both doors of howdah.
//!
//! Reading: [`ReadPlan`] finds an Arrow schema for the columns of a result, and a [`BatchBuilder`] makes record batches of its
//! rows as they came from the wire, in text or in binary. Writing: [`WritePlan`] finds how the fields of an Arrow schema become
//! the columns of a table, and a [`RowWriter`] makes the rows of a COPY of record batches. Of types that users have made,
//! [`Catalog`] tells, which a door fills from the statement [`catalog::LOOKUP`]. The crate does no I/O.
#![forbid(unsafe_code)]
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)
)]

mod batch;
mod build;
pub mod catalog;
mod error;
mod name;
mod node;
mod read;
mod write;

pub use arrow_array::RecordBatch;
pub use arrow_schema::{DataType, Schema, SchemaRef};
pub use batch::{BatchBuilder, Limits};
pub use catalog::Catalog;
pub use error::{Error, ErrorKind};
pub use name::data_type;
pub use read::{Column, ReadPlan};
pub use write::{RowWriter, WritePlan};
