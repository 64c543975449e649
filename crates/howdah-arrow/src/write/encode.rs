//! Which Arrow types become which types of PostgreSQL, and how.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    IntervalMonthDayNanoType,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, IntervalUnit};
use howdah_types::datetime::Interval;
use howdah_types::memory::room;
use howdah_types::{int, numeric, uuid};

use super::containers;
use super::values::{Visit, bytes, integers, micros, numbers, text};
use crate::build::{EPOCH_DAYS, EPOCH_MICROS, precision_and_scale};
use crate::error::Fault;
use crate::node::{Kind, Node};

/// Appends the binary form of a value that is not NULL; tells whether that is text.
pub(super) type Encode = Box<dyn FnMut(usize, &mut Vec<u8>) -> Result<bool, Fault> + Send>;

/// How values of an array become values of a type; `None` where they do not.
pub(super) fn encoder(node: &Node, array: &ArrayRef) -> Option<Encode> {
    if *array.data_type() == DataType::Null {
        return Some(Box::new(|_, _| Ok(false)));
    }
    match &node.kind {
        Kind::Bool => {
            let array = array.as_boolean_opt()?.clone();
            Some(Box::new(move |row, out| {
                out.push(u8::from(array.value(row)));
                Ok(false)
            }))
        }
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid | Kind::Xid8 => integer(&node.kind, array),
        Kind::Float4 => {
            let values = numbers::<Float32Type>(array)?;
            Some(Box::new(move |row, out| {
                out.extend_from_slice(&values.get(row).copied().unwrap_or_default().to_be_bytes());
                Ok(false)
            }))
        }
        Kind::Float8 => float8(array),
        Kind::Numeric(modifier) => number(*modifier, array),
        Kind::Text | Kind::Json | Kind::Enum(_) | Kind::Other(_) | Kind::Unknown => {
            copied(text(array)?, None, true)
        }
        Kind::Jsonb => copied(text(array)?, Some(1), true),
        Kind::Bytea => copied(bytes(array)?, None, false),
        Kind::Date | Kind::Time | Kind::Timestamp | Kind::TimestampTz | Kind::Interval => {
            calendar(&node.kind, array)
        }
        Kind::Uuid => uuids(array),
        Kind::List(element, _) => containers::list(element, array),
        Kind::Range(bound) => containers::range(bound, array),
        Kind::Multirange(bound) => containers::multirange(bound, array),
        Kind::Composite(parts) => containers::record(parts, array),
    }
}

fn copied(visit: Visit, first: Option<u8>, is_text: bool) -> Option<Encode> {
    Some(Box::new(move |row, out| {
        let mut done = Ok(());
        visit(row, &mut |value| {
            done = room(out, value.len() + 1);
            if done.is_ok() {
                out.extend(first);
                out.extend_from_slice(value);
            }
        });
        done?;
        Ok(is_text)
    }))
}

fn integer(kind: &Kind, array: &ArrayRef) -> Option<Encode> {
    macro_rules! same {
        ($ty:ty) => {{
            let values = numbers::<$ty>(array)?;
            return Some(Box::new(move |row, out| {
                out.extend_from_slice(&values.get(row).copied().unwrap_or_default().to_be_bytes());
                Ok(false)
            }));
        }};
    }
    match (kind, array.data_type()) {
        (Kind::Int2, DataType::Int16) => same!(Int16Type),
        (Kind::Int4, DataType::Int32) => same!(Int32Type),
        (Kind::Int8, DataType::Int64) => same!(Int64Type),
        _ => {}
    }
    let values = integers(array)?;
    macro_rules! narrowed {
        ($ty:ty, $name:literal) => {
            Some(Box::new(move |row, out| {
                let value = <$ty>::try_from(values(row));
                let value =
                    value.map_err(|_| Fault::Other(concat!("out of range for type ", $name)))?;
                out.extend_from_slice(&value.to_be_bytes());
                Ok(false)
            }))
        };
    }
    match kind {
        Kind::Int2 => narrowed!(i16, "smallint"),
        Kind::Int4 => narrowed!(i32, "integer"),
        Kind::Int8 => narrowed!(i64, "bigint"),
        Kind::Oid => narrowed!(u32, "oid"),
        _ => narrowed!(u64, "xid8"),
    }
}

fn float8(array: &ArrayRef) -> Option<Encode> {
    if let Some(values) = numbers::<Float64Type>(array) {
        return Some(Box::new(move |row, out| {
            out.extend_from_slice(&values.get(row).copied().unwrap_or_default().to_be_bytes());
            Ok(false)
        }));
    }
    let values = numbers::<Float32Type>(array)?;
    Some(Box::new(move |row, out| {
        let value = f64::from(values.get(row).copied().unwrap_or_default());
        out.extend_from_slice(&value.to_be_bytes());
        Ok(false)
    }))
}

/// `numeric` of decimals, integers, or text. What the server would round is refused.
fn number(modifier: i32, array: &ArrayRef) -> Option<Encode> {
    if let DataType::Decimal128(_, scale) = *array.data_type() {
        let values = numbers::<Decimal128Type>(array)?;
        let kept = precision_and_scale(modifier).map_or(scale, |(_, kept)| kept);
        let surplus = u32::try_from(i16::from(scale) - i16::from(kept)).unwrap_or_default();
        let unit = 10_i128.checked_pow(surplus);
        return Some(Box::new(move |row, out| {
            let value = values.get(row).copied().unwrap_or_default();
            if value != 0 && unit.is_none_or(|unit| value % unit != 0) {
                return Err(Fault::Other("more decimals than the column has"));
            }
            let mut digits = Vec::new();
            int::int_to_text(value.unsigned_abs(), &mut digits);
            numeric::decimal_to_binary(value < 0, &digits, -i64::from(scale), out)?;
            Ok(false)
        }));
    }
    if let Some(values) = integers(array) {
        return Some(Box::new(move |row, out| {
            numeric::int_to_binary(values(row), out)?;
            Ok(false)
        }));
    }
    let values = text(array)?;
    Some(Box::new(move |row, out| {
        let mut done = Ok(());
        values(row, &mut |value| {
            done = room(out, value.len() + 16).map_err(Fault::from);
            if done.is_ok() {
                done = numeric::text_to_binary(value, out).map_err(Fault::from);
            }
        });
        done.map(|()| false)
    }))
}

fn calendar(kind: &Kind, array: &ArrayRef) -> Option<Encode> {
    let fits = matches!(
        (kind, array.data_type()),
        (Kind::Date, DataType::Date32)
            | (Kind::Time, DataType::Time32(_) | DataType::Time64(_))
            | (Kind::Timestamp, DataType::Timestamp(_, None))
            | (Kind::TimestampTz, DataType::Timestamp(_, Some(_)))
            | (
                Kind::Interval,
                DataType::Duration(_) | DataType::Interval(IntervalUnit::MonthDayNano)
            )
    );
    if !fits {
        return None;
    }
    if let Kind::Date = kind {
        let values = numbers::<Date32Type>(array)?;
        return Some(Box::new(move |row, out| {
            let days = values.get(row).copied().unwrap_or_default();
            let days = days
                .checked_sub(EPOCH_DAYS)
                .filter(|days| *days != i32::MIN);
            out.extend_from_slice(&days.ok_or(OUT_OF_RANGE)?.to_be_bytes());
            Ok(false)
        }));
    }
    if let DataType::Interval(_) = array.data_type() {
        let values = numbers::<IntervalMonthDayNanoType>(array)?;
        return Some(Box::new(move |row, out| {
            let value = values.get(row).copied().unwrap_or_default();
            if value.nanoseconds % 1000 != 0 {
                return Err(Fault::Other(
                    "nanoseconds, where PostgreSQL has microseconds",
                ));
            }
            let micros = value.nanoseconds / 1000;
            let (months, days) = (value.months, value.days);
            Interval {
                months,
                days,
                micros,
            }
            .to_binary(out);
            Ok(false)
        }));
    }
    let is_duration = matches!(kind, Kind::Interval);
    let epoch = match kind {
        Kind::Timestamp | Kind::TimestampTz => EPOCH_MICROS,
        _ => 0,
    };
    let values = micros(array)?;
    Some(Box::new(move |row, out| {
        let micros = values(row)?.checked_sub(epoch).ok_or(OUT_OF_RANGE)?;
        out.extend_from_slice(&micros.to_be_bytes());
        if is_duration {
            // Days and months.
            out.extend_from_slice(&[0; 8]);
        } else if micros == i64::MIN || micros == i64::MAX {
            return Err(OUT_OF_RANGE);
        }
        Ok(false)
    }))
}

const OUT_OF_RANGE: Fault = Fault::Other("out of range");

fn uuids(array: &ArrayRef) -> Option<Encode> {
    if *array.data_type() == DataType::FixedSizeBinary(16) {
        return copied(bytes(array)?, None, false);
    }
    let values = text(array)?;
    Some(Box::new(move |row, out| {
        let mut done = Ok(());
        values(row, &mut |value| {
            done = uuid::uuid_from_text(value).map(|value| out.extend_from_slice(&value));
        });
        done?;
        Ok(false)
    }))
}
