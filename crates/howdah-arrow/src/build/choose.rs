//! Which Arrow type stands for a PostgreSQL type, and which builder makes it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrowPrimitiveType;
use arrow_array::types::{
    Date32Type, Decimal128Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};
use howdah_types::datetime::{Date, Interval, Time, Timestamp, TimestampTz};
use howdah_types::{Format, LoadContext, float, int, is_built_in, numeric, oid};

use super::bytes::{Through, bytes};
use super::column::Builder;
use super::decimal::{decimal, scaled};
use super::enumeration::Labels;
use super::fixed::{Bools, Uuids, fixed};
use super::list::Lists;
use super::range::{Multiranges, Ranges, range_fields};
use super::record::Records;
use crate::error::Fault;
use crate::node::{Kind, Node};

/// Days from 1970-01-01 to 2000-01-01, from which PostgreSQL counts.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// What a numeric's modifier says: precision and scale, where a decimal of 128 bits has room for them.
pub(crate) fn precision_and_scale(modifier: i32) -> Option<(u8, i8)> {
    let bits = u32::try_from(modifier.checked_sub(4)?).ok()?;
    let precision = u8::try_from(bits >> 16).ok()?;
    // Eleven bits with a sign.
    let scale = i32::try_from(bits & 0x7FF).ok()?;
    let scale = i8::try_from((scale ^ 1024) - 1024).ok()?;
    let fits = (1..=38).contains(&precision)
        && scale >= -38
        && scale.unsigned_abs() <= precision.max(38)
        && i16::from(scale) <= i16::from(precision);
    fits.then_some((precision, scale))
}

/// The field that stands for values of a type, with the name of its extension type, if it has one.
pub(crate) fn field(name: &str, node: &Node) -> Field {
    let field = Field::new(name, data_type_of(node), true);
    let extension = match node.kind {
        Kind::Uuid => "arrow.uuid",
        Kind::Json | Kind::Jsonb => "arrow.json",
        _ => return field,
    };
    let metadata = [
        ("ARROW:extension:name", extension),
        ("ARROW:extension:metadata", ""),
    ];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned()));
    field.with_metadata(HashMap::from(metadata))
}

/// The type that stands for values of a type, unless the user wants another.
pub(crate) fn data_type_of(node: &Node) -> DataType {
    match &node.kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int2 => DataType::Int16,
        Kind::Int4 => DataType::Int32,
        Kind::Int8 => DataType::Int64,
        Kind::Oid => DataType::UInt32,
        Kind::Xid8 => DataType::UInt64,
        Kind::Float4 => DataType::Float32,
        Kind::Float8 => DataType::Float64,
        Kind::Numeric(modifier) => match precision_and_scale(*modifier) {
            Some((precision, scale)) => DataType::Decimal128(precision, scale),
            None => DataType::Utf8,
        },
        Kind::Bytea => DataType::Binary,
        Kind::Date => DataType::Date32,
        Kind::Time => DataType::Time64(TimeUnit::Microsecond),
        Kind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::TimestampTz => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        Kind::Uuid => DataType::FixedSizeBinary(16),
        Kind::Enum(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        Kind::List(element, _) => DataType::List(Arc::new(field("item", element))),
        Kind::Range(bound) => DataType::Struct(range_fields(&field("lower", bound))),
        Kind::Multirange(bound) => {
            let range = DataType::Struct(range_fields(&field("lower", bound)));
            DataType::List(Arc::new(Field::new("item", range, true)))
        }
        Kind::Composite(parts) => {
            let fields = parts.iter().map(|(name, node)| field(name, node));
            DataType::Struct(fields.collect())
        }
        Kind::Text | Kind::Json | Kind::Jsonb | Kind::Other(_) | Kind::Unknown => DataType::Utf8,
    }
}

/// A builder that makes values of a type into a column of an Arrow type; `None` where that is not done.
pub(crate) fn builder(node: &Node, to: &DataType) -> Option<Box<dyn Builder>> {
    if is_text(to) && !matches!(node.kind, Kind::Bytea) {
        return bytes(text_of(node), to);
    }
    match &node.kind {
        Kind::Bool => (*to == DataType::Boolean).then(|| Box::new(Bools::default()) as _),
        Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Oid | Kind::Xid8 => integer(&node.kind, to),
        Kind::Float4 | Kind::Float8 => floating(&node.kind, to),
        Kind::Numeric(_) => number(to),
        Kind::Bytea => bytes(Through::Bytes, to),
        Kind::Date | Kind::Time | Kind::Timestamp | Kind::TimestampTz => calendar(&node.kind, to),
        Kind::Interval => interval(to),
        Kind::Uuid => {
            (*to == DataType::FixedSizeBinary(16)).then(|| Box::new(Uuids::default()) as _)
        }
        Kind::Enum(labels) => {
            (*to == data_type_of(node)).then(|| Box::new(Labels::new(labels)) as _)
        }
        Kind::List(element, delimiter) => list(element, *delimiter, to),
        Kind::Range(bound) => match to {
            DataType::Struct(fields) => Some(Box::new(ranges(bound, fields)?)),
            _ => None,
        },
        Kind::Multirange(bound) => match to {
            DataType::List(item) => match item.data_type() {
                DataType::Struct(fields) => {
                    let ranges = ranges(bound, fields)?;
                    Some(Box::new(Multiranges::new(Arc::clone(item), ranges)))
                }
                _ => None,
            },
            _ => None,
        },
        Kind::Composite(parts) => record(parts, to),
        _ => None,
    }
}

fn is_text(to: &DataType) -> bool {
    matches!(
        to,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Whether values of a type that come in binary can be made into a column of an Arrow type.
pub(crate) fn reads_binary_as(node: &Node, to: &DataType) -> bool {
    if !node.reads_binary() {
        return false;
    }
    if is_text(to) {
        return match &node.kind {
            // Their texts are made of what the tables of built-in types say.
            Kind::List(..) | Kind::Range(_) | Kind::Multirange(_) => is_built_in(node.oid),
            Kind::Composite(_) => false,
            _ => true,
        };
    }
    match (&node.kind, to) {
        (Kind::List(element, _), _) => {
            items_of(element, to).is_some_and(|(_, inner)| reads_binary_as(element, inner))
        }
        (Kind::Range(bound), DataType::Struct(fields)) => bounds_read_binary(bound, fields),
        (Kind::Multirange(bound), DataType::List(item)) => match item.data_type() {
            DataType::Struct(fields) => bounds_read_binary(bound, fields),
            _ => true,
        },
        (Kind::Composite(parts), DataType::Struct(fields)) => parts
            .iter()
            .zip(fields)
            .all(|((_, part), field)| reads_binary_as(part, field.data_type())),
        _ => true,
    }
}

fn bounds_read_binary(bound: &Node, fields: &Fields) -> bool {
    fields
        .first()
        .is_none_or(|field| reads_binary_as(bound, field.data_type()))
}

/// How values of a type are made text.
fn text_of(node: &Node) -> Through {
    Through::Text(match node.kind {
        Kind::Text | Kind::Json | Kind::Enum(_) | Kind::Unknown => return Through::Characters,
        Kind::Jsonb => return Through::Jsonb,
        Kind::Bool => oid::BOOL,
        Kind::Int2 => oid::INT2,
        Kind::Int4 => oid::INT4,
        Kind::Int8 => oid::INT8,
        Kind::Oid => oid::OID,
        Kind::Xid8 => oid::XID8,
        Kind::Float4 => oid::FLOAT4,
        Kind::Float8 => oid::FLOAT8,
        Kind::Numeric(_) => oid::NUMERIC,
        Kind::Bytea => oid::BYTEA,
        Kind::Date => oid::DATE,
        Kind::Time => oid::TIME,
        Kind::Timestamp => oid::TIMESTAMP,
        Kind::TimestampTz => oid::TIMESTAMPTZ,
        Kind::Interval => oid::INTERVAL,
        Kind::Uuid => oid::UUID,
        Kind::Other(oid) => oid,
        Kind::List(..) | Kind::Range(_) | Kind::Multirange(_) | Kind::Composite(_) => node.oid,
    })
}

// --- numbers -----------------------------------------------------------------------------------------------------

/// Integers, in 64 bits or those of the type itself.
fn integer(kind: &Kind, to: &DataType) -> Option<Box<dyn Builder>> {
    match (kind, to) {
        (Kind::Int2, DataType::Int16) => {
            Some(fixed::<Int16Type, _>(to.clone(), |raw, format, _| {
                int2(raw, format)
            }))
        }
        (Kind::Int4, DataType::Int32) => {
            Some(fixed::<Int32Type, _>(to.clone(), |raw, format, _| {
                int4(raw, format)
            }))
        }
        (Kind::Int8, DataType::Int64) => {
            Some(fixed::<Int64Type, _>(to.clone(), |raw, format, _| {
                int8(raw, format)
            }))
        }
        (Kind::Oid, DataType::UInt32) => {
            Some(fixed::<UInt32Type, _>(to.clone(), |raw, format, _| {
                oid_of(raw, format)
            }))
        }
        (Kind::Xid8, DataType::UInt64) => {
            Some(fixed::<UInt64Type, _>(to.clone(), |raw, format, _| {
                xid8(raw, format)
            }))
        }
        _ => {
            let read: fn(&[u8], Format) -> Result<i128, Fault> = match kind {
                Kind::Int2 => |raw, format| int2(raw, format).map(i128::from),
                Kind::Int4 => |raw, format| int4(raw, format).map(i128::from),
                Kind::Int8 => |raw, format| int8(raw, format).map(i128::from),
                Kind::Oid => |raw, format| oid_of(raw, format).map(i128::from),
                _ => |raw, format| xid8(raw, format).map(i128::from),
            };
            converted(to, read)
        }
    }
}

/// Integers as another type of numbers.
fn converted(
    to: &DataType,
    read: fn(&[u8], Format) -> Result<i128, Fault>,
) -> Option<Box<dyn Builder>> {
    fn narrow<T: ArrowPrimitiveType>(
        to: &DataType,
        read: fn(&[u8], Format) -> Result<i128, Fault>,
    ) -> Box<dyn Builder>
    where
        T::Native: TryFrom<i128>,
    {
        fixed::<T, _>(to.clone(), move |raw, format, _| {
            T::Native::try_from(read(raw, format)?).map_err(|_| OUT_OF_RANGE)
        })
    }
    Some(match *to {
        DataType::Int8 => narrow::<Int8Type>(to, read),
        DataType::Int16 => narrow::<Int16Type>(to, read),
        DataType::Int32 => narrow::<Int32Type>(to, read),
        DataType::Int64 => narrow::<Int64Type>(to, read),
        DataType::UInt8 => narrow::<UInt8Type>(to, read),
        DataType::UInt16 => narrow::<UInt16Type>(to, read),
        DataType::UInt32 => narrow::<UInt32Type>(to, read),
        DataType::UInt64 => narrow::<UInt64Type>(to, read),
        DataType::Float64 => fixed::<Float64Type, _>(to.clone(), move |raw, format, _| {
            let value = read(raw, format)?;
            let exact = value.unsigned_abs() <= 1 << 53;
            // Of the integers up to there each is one.
            #[expect(clippy::cast_precision_loss)]
            exact.then_some(value as f64).ok_or(OUT_OF_RANGE)
        }),
        DataType::Decimal128(precision, scale) => {
            fixed::<Decimal128Type, _>(to.clone(), move |raw, format, _| {
                let mut digits = Vec::new();
                int::int_to_text(read(raw, format)?, &mut digits);
                decimal(&digits, Format::Text, precision, scale)
            })
        }
        _ => return None,
    })
}

fn floating(kind: &Kind, to: &DataType) -> Option<Box<dyn Builder>> {
    let to_own = to.clone();
    Some(match (kind, to) {
        (Kind::Float4, DataType::Float32) => {
            fixed::<Float32Type, _>(to_own, |raw, format, _| float4(raw, format))
        }
        (Kind::Float4, DataType::Float64) => {
            fixed::<Float64Type, _>(to_own, |raw, format, _| float4(raw, format).map(f64::from))
        }
        (_, DataType::Float64) => {
            fixed::<Float64Type, _>(to_own, |raw, format, _| float8(raw, format))
        }
        // Who asks for it has it rounded.
        #[expect(clippy::cast_possible_truncation)]
        (_, DataType::Float32) => {
            fixed::<Float32Type, _>(to_own, |raw, format, _| Ok(float8(raw, format)? as f32))
        }
        _ => return None,
    })
}

/// `numeric` as a decimal, or as numbers of other types.
fn number(to: &DataType) -> Option<Box<dyn Builder>> {
    match *to {
        DataType::Decimal128(precision, scale) => Some(fixed::<Decimal128Type, _>(
            to.clone(),
            move |raw, format, _| decimal(raw, format, precision, scale),
        )),
        DataType::Float64 => Some(fixed::<Float64Type, _>(to.clone(), |raw, format, _| {
            let mut text = Vec::new();
            if format == Format::Binary {
                numeric::binary_to_text(raw, &mut text)?;
            }
            let text = if format == Format::Binary { &text } else { raw };
            Ok(float::float8_from_text(text)?)
        })),
        _ => converted(to, |raw, format| scaled(raw, format, 0)),
    }
}

fn int2(raw: &[u8], format: Format) -> Result<i16, Fault> {
    Ok(match format {
        Format::Binary => int::int2_from_binary(raw),
        Format::Text => int::int2_from_text(raw),
    }?)
}

fn int4(raw: &[u8], format: Format) -> Result<i32, Fault> {
    Ok(match format {
        Format::Binary => int::int4_from_binary(raw),
        Format::Text => int::int4_from_text(raw),
    }?)
}

fn int8(raw: &[u8], format: Format) -> Result<i64, Fault> {
    Ok(match format {
        Format::Binary => int::int8_from_binary(raw),
        Format::Text => int::int8_from_text(raw),
    }?)
}

fn oid_of(raw: &[u8], format: Format) -> Result<u32, Fault> {
    Ok(match format {
        Format::Binary => int::oid_from_binary(raw),
        Format::Text => int::oid_from_text(raw),
    }?)
}

fn xid8(raw: &[u8], format: Format) -> Result<u64, Fault> {
    Ok(match format {
        Format::Binary => int::xid8_from_binary(raw),
        Format::Text => int::xid8_from_text(raw),
    }?)
}

fn float4(raw: &[u8], format: Format) -> Result<f32, Fault> {
    Ok(match format {
        Format::Binary => float::float4_from_binary(raw),
        Format::Text => float::float4_from_text(raw),
    }?)
}

fn float8(raw: &[u8], format: Format) -> Result<f64, Fault> {
    Ok(match format {
        Format::Binary => float::float8_from_binary(raw),
        Format::Text => float::float8_from_text(raw),
    }?)
}

const OUT_OF_RANGE: Fault = Fault::Other("out of the range of the type in the schema");

// --- dates and times ---------------------------------------------------------------------------------------------

fn calendar(kind: &Kind, to: &DataType) -> Option<Box<dyn Builder>> {
    match (kind, to) {
        (Kind::Date, DataType::Date32) => Some(fixed::<Date32Type, _>(to.clone(), date)),
        (Kind::Time, DataType::Time64(unit)) => match unit {
            TimeUnit::Microsecond => Some(fixed::<Time64MicrosecondType, _>(to.clone(), time)),
            TimeUnit::Nanosecond => Some(fixed::<Time64NanosecondType, _>(
                to.clone(),
                |raw, format, cx| Ok(time(raw, format, cx)? * 1000),
            )),
            _ => None,
        },
        (Kind::Timestamp, DataType::Timestamp(unit, None)) => Some(instants(to, *unit, false)),
        (Kind::TimestampTz, DataType::Timestamp(unit, Some(_))) => Some(instants(to, *unit, true)),
        _ => None,
    }
}

type Micros = fn(&[u8], Format, &LoadContext) -> Result<i64, Fault>;

fn instants(to: &DataType, unit: TimeUnit, has_zone: bool) -> Box<dyn Builder> {
    let read: Micros = if has_zone { timestamptz } else { timestamp };
    match (unit, has_zone) {
        // The usual ones, without a call for each value.
        (TimeUnit::Microsecond, false) => {
            fixed::<TimestampMicrosecondType, _>(to.clone(), timestamp)
        }
        (TimeUnit::Microsecond, true) => {
            fixed::<TimestampMicrosecondType, _>(to.clone(), timestamptz)
        }
        (TimeUnit::Nanosecond, _) => in_units::<TimestampNanosecondType>(to, read, unit),
        (TimeUnit::Millisecond, _) => in_units::<TimestampMillisecondType>(to, read, unit),
        (TimeUnit::Second, _) => in_units::<TimestampSecondType>(to, read, unit),
    }
}

fn in_units<T: ArrowPrimitiveType<Native = i64>>(
    to: &DataType,
    read: Micros,
    unit: TimeUnit,
) -> Box<dyn Builder> {
    fixed::<T, _>(to.clone(), move |raw, format, cx| {
        let micros = read(raw, format, cx)?;
        let per_unit = match unit {
            TimeUnit::Nanosecond => return micros.checked_mul(1000).ok_or(OUT_OF_RANGE),
            TimeUnit::Microsecond => 1,
            TimeUnit::Millisecond => 1000,
            TimeUnit::Second => 1_000_000,
        };
        match micros % per_unit {
            0 => Ok(micros / per_unit),
            _ => Err(Fault::Other(
                "more decimals than the unit of the type in the schema has",
            )),
        }
    })
}

fn date(raw: &[u8], format: Format, cx: &LoadContext) -> Result<i32, Fault> {
    let date = match format {
        Format::Binary => Date::from_binary(raw),
        Format::Text => Date::from_text(raw, cx.date_style),
    }?;
    match date.days.checked_add(EPOCH_DAYS) {
        Some(days) if !date.is_infinite() => Ok(days),
        _ => Err(infinite(date == Date::INFINITY)),
    }
}

fn time(raw: &[u8], format: Format, _: &LoadContext) -> Result<i64, Fault> {
    let time = match format {
        Format::Binary => Time::from_binary(raw),
        Format::Text => Time::from_text(raw),
    }?;
    match time.micros {
        0..86_400_000_000 => Ok(time.micros),
        _ => Err(Fault::Other("24:00:00, which is no time in Arrow")),
    }
}

#[inline]
fn timestamp(raw: &[u8], format: Format, cx: &LoadContext) -> Result<i64, Fault> {
    let timestamp = match format {
        Format::Binary => Timestamp::from_binary(raw),
        Format::Text => Timestamp::from_text(raw, cx.date_style),
    }?;
    since_1970(timestamp.micros)
}

#[inline]
fn timestamptz(raw: &[u8], format: Format, cx: &LoadContext) -> Result<i64, Fault> {
    let timestamp = match format {
        Format::Binary => TimestampTz::from_binary(raw),
        Format::Text => TimestampTz::from_text(raw, cx.date_style),
    }?;
    since_1970(timestamp.micros)
}

#[inline]
fn since_1970(micros: i64) -> Result<i64, Fault> {
    match micros.checked_add(EPOCH_MICROS) {
        Some(since) if micros != i64::MIN => Ok(since),
        _ if micros == i64::MIN || micros == i64::MAX => Err(infinite(micros == i64::MAX)),
        _ => Err(OUT_OF_RANGE),
    }
}

#[cold]
fn infinite(positive: bool) -> Fault {
    Fault::Other(if positive {
        "infinity, which Arrow has not: override the column as string"
    } else {
        "-infinity, which Arrow has not: override the column as string"
    })
}

fn interval(to: &DataType) -> Option<Box<dyn Builder>> {
    match to {
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let read = |raw: &[u8], format, cx: &LoadContext| {
                let interval = interval_of(raw, format, cx)?;
                let nanos = interval.micros.checked_mul(1000).ok_or(OUT_OF_RANGE)?;
                let (months, days) = (interval.months, interval.days);
                Ok(IntervalMonthDayNanoType::make_value(months, days, nanos))
            };
            Some(fixed::<IntervalMonthDayNanoType, _>(to.clone(), read))
        }
        DataType::Duration(unit) => Some(match unit {
            TimeUnit::Nanosecond => in_units::<DurationNanosecondType>(to, duration, *unit),
            TimeUnit::Microsecond => in_units::<DurationMicrosecondType>(to, duration, *unit),
            TimeUnit::Millisecond => in_units::<DurationMillisecondType>(to, duration, *unit),
            TimeUnit::Second => in_units::<DurationSecondType>(to, duration, *unit),
        }),
        _ => None,
    }
}

fn interval_of(raw: &[u8], format: Format, cx: &LoadContext) -> Result<Interval, Fault> {
    let interval = match format {
        Format::Binary => Interval::from_binary(raw),
        Format::Text => Interval::from_text(raw, cx.interval_style),
    }?;
    if interval.is_infinite() {
        return Err(infinite(interval == Interval::INFINITY));
    }
    Ok(interval)
}

/// The microseconds of an interval without months, its days having 24 hours.
fn duration(raw: &[u8], format: Format, cx: &LoadContext) -> Result<i64, Fault> {
    let interval = interval_of(raw, format, cx)?;
    if interval.months != 0 {
        return Err(Fault::Other(
            "an interval with months, which have no fixed length",
        ));
    }
    let days = i64::from(interval.days) * howdah_types::datetime::MICROS_PER_DAY;
    days.checked_add(interval.micros).ok_or(OUT_OF_RANGE)
}

// --- values in values --------------------------------------------------------------------------------------------

fn list(element: &Node, delimiter: u8, to: &DataType) -> Option<Box<dyn Builder>> {
    let (items, inner) = items_of(element, to)?;
    let elements = builder(element, inner)?;
    Some(Box::new(Lists::new(
        items,
        elements,
        element.oid,
        delimiter,
    )))
}

/// The lists that a list of these elements is made of, one for each dimension, and what its elements are made into.
fn items_of<'a>(element: &Node, to: &'a DataType) -> Option<(Vec<FieldRef>, &'a DataType)> {
    let mut items: Vec<FieldRef> = Vec::new();
    let mut inner = to;
    while let DataType::List(item) = inner {
        // A multirange is a list itself.
        if !items.is_empty() && builder(element, inner).is_some() {
            break;
        }
        items.push(Arc::clone(item));
        inner = item.data_type();
    }
    let known = (1..=howdah_types::array::MAX_DIMENSIONS).contains(&items.len());
    known.then_some((items, inner))
}

fn ranges(bound: &Node, fields: &Fields) -> Option<Ranges> {
    let like = fields.first()?;
    let same = range_fields(like);
    let named = same
        .iter()
        .zip(fields)
        .all(|(one, other)| one.name() == other.name() && one.data_type() == other.data_type());
    if same.len() != fields.len() || !named {
        return None;
    }
    let bounds = || builder(bound, like.data_type());
    Some(Ranges::new(fields.clone(), bounds()?, bounds()?))
}

fn record(parts: &[(String, Node)], to: &DataType) -> Option<Box<dyn Builder>> {
    let DataType::Struct(fields) = to else {
        return None;
    };
    if fields.len() != parts.len() {
        return None;
    }
    let columns = parts
        .iter()
        .zip(fields)
        .map(|((_, node), field)| Some((node.oid, builder(node, field.data_type())?)));
    let columns = columns.collect::<Option<Vec<_>>>()?;
    Some(Box::new(Records::new(fields.clone(), columns)))
}
