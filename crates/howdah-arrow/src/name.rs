//! Names of Arrow types, as users write them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, IntervalUnit, TimeUnit};

/// The type with a name such as `string`, `int64`, `decimal128(12, 2)`, `timestamp[us, UTC]` or `list<int32>`: those by which
/// pyarrow calls them. `None` for any other name.
#[must_use]
pub fn data_type(name: &str) -> Option<DataType> {
    let name = name.trim();
    if let Some(found) = plain(name) {
        return Some(found);
    }
    if let Some(inner) = between(name, "list<", ">") {
        let inner = inner.strip_prefix("item:").unwrap_or(inner);
        return Some(DataType::List(Arc::new(Field::new(
            "item",
            data_type(inner)?,
            true,
        ))));
    }
    if let Some(inner) =
        between(name, "decimal128(", ")").or_else(|| between(name, "decimal(", ")"))
    {
        let (precision, scale) = inner.split_once(',')?;
        let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        let fits = (1..=38).contains(&precision) && (-38..=38).contains(&scale);
        return fits.then_some(DataType::Decimal128(precision, scale));
    }
    if let Some(inner) = between(name, "timestamp[", "]") {
        let (unit, zone) = match inner.split_once(',') {
            None => (inner, None),
            Some((unit, zone)) => {
                let zone = zone.trim();
                (unit, Some(zone.strip_prefix("tz=").unwrap_or(zone)))
            }
        };
        return Some(DataType::Timestamp(
            time_unit(unit.trim())?,
            zone.map(Arc::from),
        ));
    }
    if let Some(inner) = between(name, "time64[", "]") {
        return time_unit(inner).map(DataType::Time64);
    }
    between(name, "duration[", "]")
        .and_then(time_unit)
        .map(DataType::Duration)
}

fn between<'a>(name: &'a str, start: &str, end: &str) -> Option<&'a str> {
    name.strip_prefix(start)?.strip_suffix(end)
}

fn time_unit(name: &str) -> Option<TimeUnit> {
    Some(match name {
        "s" => TimeUnit::Second,
        "ms" => TimeUnit::Millisecond,
        "us" => TimeUnit::Microsecond,
        "ns" => TimeUnit::Nanosecond,
        _ => return None,
    })
}

fn plain(name: &str) -> Option<DataType> {
    Some(match name {
        "bool" | "boolean" => DataType::Boolean,
        "int8" => DataType::Int8,
        "int16" => DataType::Int16,
        "int32" => DataType::Int32,
        "int64" => DataType::Int64,
        "uint8" => DataType::UInt8,
        "uint16" => DataType::UInt16,
        "uint32" => DataType::UInt32,
        "uint64" => DataType::UInt64,
        "float" | "float32" => DataType::Float32,
        "double" | "float64" => DataType::Float64,
        "string" | "utf8" => DataType::Utf8,
        "large_string" | "large_utf8" => DataType::LargeUtf8,
        "string_view" | "utf8_view" => DataType::Utf8View,
        "binary" => DataType::Binary,
        "large_binary" => DataType::LargeBinary,
        "binary_view" => DataType::BinaryView,
        "date32" | "date32[day]" => DataType::Date32,
        "month_day_nano_interval" => DataType::Interval(IntervalUnit::MonthDayNano),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_pyarrow() {
        let zoned = DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        assert_eq!(data_type("timestamp[ns, tz=UTC]"), Some(zoned.clone()));
        assert_eq!(data_type("timestamp[ns, UTC]"), Some(zoned));
        assert_eq!(
            data_type("decimal128(12, 2)"),
            Some(DataType::Decimal128(12, 2))
        );
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
        assert_eq!(data_type("list<string>"), Some(list.clone()));
        assert_eq!(data_type("list<item: string>"), Some(list));
        for unknown in [
            "",
            "strings",
            "decimal128(39, 0)",
            "timestamp[h]",
            "list<int>",
        ] {
            assert_eq!(data_type(unknown), None, "{unknown}");
        }
    }
}
