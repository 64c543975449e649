//! Values of arrays, whatever they are kept as.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, TimeUnit};

use crate::error::Fault;

/// Gives a value by its number.
pub(super) type Get<T> = Box<dyn Fn(usize) -> T + Send>;

/// The numbers that an array is made of.
pub(super) fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<ScalarBuffer<T::Native>> {
    let array = array.as_primitive_opt::<T>()?;
    Some(array.values().clone())
}

fn get<T>(array: &ArrayRef) -> Option<Get<i128>>
where
    T: ArrowPrimitiveType,
    T::Native: Into<i128>,
{
    let values = numbers::<T>(array)?;
    Some(Box::new(move |row| {
        values.get(row).copied().unwrap_or_default().into()
    }))
}

/// Integers of any size.
pub(super) fn integers(array: &ArrayRef) -> Option<Get<i128>> {
    match array.data_type() {
        DataType::Int8 => get::<Int8Type>(array),
        DataType::Int16 => get::<Int16Type>(array),
        DataType::Int32 => get::<Int32Type>(array),
        DataType::Int64 => get::<Int64Type>(array),
        DataType::UInt8 => get::<UInt8Type>(array),
        DataType::UInt16 => get::<UInt16Type>(array),
        DataType::UInt32 => get::<UInt32Type>(array),
        DataType::UInt64 => get::<UInt64Type>(array),
        _ => None,
    }
}

/// Times, durations and timestamps, in microseconds.
pub(super) fn micros(array: &ArrayRef) -> Option<Get<Result<i64, Fault>>> {
    let (unit, values) = match array.data_type() {
        DataType::Timestamp(unit, _) => (
            *unit,
            match unit {
                TimeUnit::Second => get::<TimestampSecondType>(array),
                TimeUnit::Millisecond => get::<TimestampMillisecondType>(array),
                TimeUnit::Microsecond => get::<TimestampMicrosecondType>(array),
                TimeUnit::Nanosecond => get::<TimestampNanosecondType>(array),
            },
        ),
        DataType::Duration(unit) => (
            *unit,
            match unit {
                TimeUnit::Second => get::<DurationSecondType>(array),
                TimeUnit::Millisecond => get::<DurationMillisecondType>(array),
                TimeUnit::Microsecond => get::<DurationMicrosecondType>(array),
                TimeUnit::Nanosecond => get::<DurationNanosecondType>(array),
            },
        ),
        DataType::Time32(unit) => (
            *unit,
            match unit {
                TimeUnit::Second => get::<Time32SecondType>(array),
                _ => get::<Time32MillisecondType>(array),
            },
        ),
        DataType::Time64(unit) => (
            *unit,
            match unit {
                TimeUnit::Microsecond => get::<Time64MicrosecondType>(array),
                _ => get::<Time64NanosecondType>(array),
            },
        ),
        _ => return None,
    };
    let values = values?;
    Some(Box::new(move |row| {
        let value = values(row);
        let micros = match unit {
            TimeUnit::Second => value * 1_000_000,
            TimeUnit::Millisecond => value * 1000,
            TimeUnit::Microsecond => value,
            TimeUnit::Nanosecond if value % 1000 == 0 => value / 1000,
            TimeUnit::Nanosecond => {
                return Err(Fault::Other(
                    "nanoseconds, where PostgreSQL has microseconds",
                ));
            }
        };
        i64::try_from(micros).map_err(|_| Fault::Other("out of range"))
    }))
}

/// Gives the bytes of a value to whoever wants them.
pub(super) type Visit = Box<dyn Fn(usize, &mut dyn FnMut(&[u8])) + Send>;

/// Text of any kind.
pub(super) fn text(array: &ArrayRef) -> Option<Visit> {
    let array = array.clone();
    Some(match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string_opt::<i32>()?.clone();
            Box::new(move |row, take| take(array.value(row).as_bytes()))
        }
        DataType::LargeUtf8 => {
            let array = array.as_string_opt::<i64>()?.clone();
            Box::new(move |row, take| take(array.value(row).as_bytes()))
        }
        DataType::Utf8View => {
            let array = array.as_string_view_opt()?.clone();
            Box::new(move |row, take| take(array.value(row).as_bytes()))
        }
        DataType::Dictionary(key, _) => {
            let (values, keys) = dictionary(&array, key)?;
            let values = text(&values)?;
            Box::new(move |row, take| values(keys(row), take))
        }
        _ => return None,
    })
}

/// Bytes of any kind.
pub(super) fn bytes(array: &ArrayRef) -> Option<Visit> {
    Some(match array.data_type() {
        DataType::Binary => {
            let array = array.as_binary_opt::<i32>()?.clone();
            Box::new(move |row, take| take(array.value(row)))
        }
        DataType::LargeBinary => {
            let array = array.as_binary_opt::<i64>()?.clone();
            Box::new(move |row, take| take(array.value(row)))
        }
        DataType::BinaryView => {
            let array = array.as_binary_view_opt()?.clone();
            Box::new(move |row, take| take(array.value(row)))
        }
        DataType::FixedSizeBinary(_) => {
            let array = array.as_fixed_size_binary_opt()?.clone();
            Box::new(move |row, take| take(array.value(row)))
        }
        _ => return None,
    })
}

/// The values of a dictionary, and which of them a row has.
pub(super) fn dictionary(array: &ArrayRef, key: &DataType) -> Option<(ArrayRef, Get<usize>)> {
    fn of<K: ArrowDictionaryKeyType>(array: &ArrayRef) -> Option<(ArrayRef, Get<usize>)> {
        let array = array.as_dictionary_opt::<K>()?.clone();
        let values = array.values().clone();
        Some((
            values,
            Box::new(move |row| array.key(row).unwrap_or_default()),
        ))
    }
    match key {
        DataType::Int8 => of::<Int8Type>(array),
        DataType::Int16 => of::<Int16Type>(array),
        DataType::Int32 => of::<Int32Type>(array),
        DataType::Int64 => of::<Int64Type>(array),
        DataType::UInt8 => of::<UInt8Type>(array),
        DataType::UInt16 => of::<UInt16Type>(array),
        DataType::UInt32 => of::<UInt32Type>(array),
        DataType::UInt64 => of::<UInt64Type>(array),
        _ => None,
    }
}
