//! Columns that are being filled with values from the wire.

mod bytes;
mod choose;
mod column;
mod decimal;
mod enumeration;
mod fixed;
mod list;
mod range;
mod record;
mod validity;

pub(crate) use choose::{as_text, builder, data_type_of, field};
pub(crate) use column::Builder;
