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

pub(crate) use choose::{
    EPOCH_DAYS, EPOCH_MICROS, builder, data_type_of, field, precision_and_scale, reads_binary_as,
};
pub(crate) use column::Builder;
pub(crate) use range::RANGE_FIELDS;
