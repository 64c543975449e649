//! Dates, times and intervals.

use howdah_types::datetime::{
    CivilDate, CivilDateTime, CivilTime, Date, Interval, MICROS_PER_DAY, MICROS_PER_SECOND, Time,
    TimeTz, Timestamp, TimestampTz, Years,
};
use howdah_types::{DateFormat, DecodeError, DecodeErrorKind};
use pyo3::exceptions::{PyNotImplementedError, PyOverflowError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyTime, PyTzInfo};

use super::zone;
use crate::context::LoadContext;
use crate::error::{self, shown};

const YEARS: Years = Years::FOUR_DIGITS;

pub(super) fn date_text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let civil = Date::from_text(data, cx.date_style(py)?).and_then(|date| date.civil(YEARS));
    date(
        py,
        civil.map_err(|e| unloadable(py, "date", e, Some(data)))?,
    )
}

pub(super) fn date_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let civil = Date::from_binary(data).and_then(|date| date.civil(YEARS));
    date(py, civil.map_err(|e| unloadable(py, "date", e, None))?)
}

fn date(py: Python<'_>, civil: CivilDate) -> PyResult<Bound<'_, PyAny>> {
    Ok(PyDate::new(py, civil.year, civil.month, civil.day)?.into_any())
}

pub(super) fn time_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = Time::from_text(data).map_err(|e| unloadable(py, "time", e, Some(data)))?;
    time(py, value, None, Some(data))
}

pub(super) fn time_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = Time::from_binary(data).map_err(|e| unloadable(py, "time", e, None))?;
    time(py, value, None, None)
}

pub(super) fn timetz_text<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = TimeTz::from_text(data).map_err(|e| unloadable(py, "timetz", e, Some(data)))?;
    time(py, value.time, Some(value.offset), Some(data))
}

pub(super) fn timetz_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = TimeTz::from_binary(data).map_err(|e| unloadable(py, "timetz", e, None))?;
    time(py, value.time, Some(value.offset), None)
}

fn time<'py>(
    py: Python<'py>,
    value: Time,
    offset: Option<i32>,
    data: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let name = if offset.is_some() { "timetz" } else { "time" };
    let civil = value.civil().map_err(|e| unloadable(py, name, e, data))?;
    if civil.hour > 23 {
        return Err(no_such_hour(py, name, civil.hour, data));
    }
    let zone = match offset {
        Some(east) => Some(PyTzInfo::fixed_offset(
            py,
            PyDelta::new(py, 0, east, 0, true)?,
        )?),
        None => None,
    };
    let CivilTime {
        hour,
        minute,
        second,
        micro,
    } = civil;
    Ok(PyTime::new(py, hour, minute, second, micro, zone.as_ref())?.into_any())
}

/// Python has no 24:00:00.
#[cold]
fn no_such_hour(py: Python<'_>, name: &str, hour: u8, data: Option<&[u8]>) -> PyErr {
    let message = match data {
        Some(data) => format!(
            "can't parse {name} {}: hour must be in 0..23",
            shown(py, data)
        ),
        None => format!("time not supported by Python: hour={hour}"),
    };
    error::data(py, &message)
}

#[inline]
pub(super) fn timestamp_text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let civil = Timestamp::from_text(data, cx.date_style(py)?).and_then(|stamp| stamp.civil(YEARS));
    let civil = civil.map_err(|e| unloadable(py, "timestamp", e, Some(data)))?;
    Ok(datetime(py, civil, None)?.into_any())
}

#[inline]
pub(super) fn timestamp_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let civil = Timestamp::from_binary(data).and_then(|stamp| stamp.civil(YEARS));
    let civil = civil.map_err(|e| unloadable(py, "timestamp", e, None))?;
    Ok(datetime(py, civil, None)?.into_any())
}

#[inline]
pub(super) fn timestamptz_text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let style = cx.date_style(py)?;
    // Whatever the value is: infinity would be the same in any style.
    if style.format != DateFormat::Iso {
        let style = &cx.date_style.text;
        let message = format!(
            "can't parse timestamptz with DateStyle '{style}': {}",
            shown(py, data)
        );
        return Err(unread_style(py, &message));
    }
    let stamp = TimestampTz::from_text(data, style)
        .map_err(|e| unloadable(py, "timestamp", e, Some(data)))?;
    zoned(py, stamp, cx, Some(data))
}

#[inline]
pub(super) fn timestamptz_binary<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let stamp = TimestampTz::from_binary(data).map_err(|e| unloadable(py, "timestamp", e, None))?;
    zoned(py, stamp, cx, None)
}

/// In the session's time zone, whatever offset the text came with.
#[inline]
fn zoned<'py>(
    py: Python<'py>,
    stamp: TimestampTz,
    cx: &LoadContext<'_>,
    data: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let known = cx.zone(py)?;
    let zone = known.tzinfo(py);
    if let Some((civil, fold)) = known.local(stamp) {
        return Ok(zone::datetime(py, civil, Some(zone), fold)?.into_any());
    }
    let civil = match stamp.civil_utc(YEARS) {
        Ok(civil) => civil,
        Err(e) => return at_the_edge(py, stamp, zone, e, data),
    };
    let utc = datetime(py, civil, Some(zone))?.into_any();
    if zone.is(PyTzInfo::utc(py)?) {
        return Ok(utc);
    }
    known.learn(py, stamp)?;
    match zone.call_method1(intern!(py, "fromutc"), (utc,)) {
        Err(e) if e.is_instance_of::<PyOverflowError>(py) => {
            let out_of_range = stamp.civil_at(
                0,
                Years {
                    first: 2,
                    last: 9998,
                },
            );
            let Err(e) = out_of_range else { return Err(e) };
            at_the_edge(py, stamp, zone, e, data)
        }
        result => result,
    }
}

/// A moment that has a year of four digits in the time zone, but not in UTC, or not after the conversion.
#[cold]
fn at_the_edge<'py>(
    py: Python<'py>,
    stamp: TimestampTz,
    zone: &Bound<'py, PyTzInfo>,
    error: DecodeError,
    data: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let bound = if stamp.micros < 0 { "min" } else { "max" };
    let bound = py.get_type::<PyDateTime>().getattr(bound)?;
    let offset = zone.call_method1(intern!(py, "utcoffset"), (bound,))?;
    let offset = match offset.cast::<PyDelta>() {
        Ok(offset) => offset.get_days() * 86_400 + offset.get_seconds(),
        Err(_) => 0,
    };
    match stamp.civil_at(offset, YEARS) {
        Ok(civil) if !stamp.is_infinite() => Ok(datetime(py, civil, Some(zone))?.into_any()),
        _ => Err(unloadable(py, "timestamp", error, data)),
    }
}

#[inline]
fn datetime<'py>(
    py: Python<'py>,
    civil: CivilDateTime,
    zone: Option<&Bound<'py, PyTzInfo>>,
) -> PyResult<Bound<'py, PyDateTime>> {
    zone::datetime(py, civil, zone, false)
}

pub(super) fn interval_text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let style = &cx.interval_style;
    let unread = || {
        let message = format!(
            "can't parse interval with IntervalStyle '{}': {}",
            style.text,
            shown(py, data)
        );
        unread_style(py, &message)
    };
    match Interval::from_text(data, style.value.ok_or_else(unread)?) {
        Ok(value) => timedelta(py, value, Some(data)),
        Err(e) if e.kind() == DecodeErrorKind::Unsupported => Err(unread()),
        Err(e) => Err(error::decode(py, e, data)),
    }
}

pub(super) fn interval_binary<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let value = Interval::from_binary(data).map_err(|e| unloadable(py, "interval", e, None))?;
    timedelta(py, value, None)
}

/// A year counts 365 days, a month 30.
fn timedelta<'py>(
    py: Python<'py>,
    value: Interval,
    data: Option<&[u8]>,
) -> PyResult<Bound<'py, PyAny>> {
    let months = i64::from(value.months);
    let days = months / 12 * 365 + months % 12 * 30 + i64::from(value.days);
    let days = days + value.micros.div_euclid(MICROS_PER_DAY);
    let micros = value.micros.rem_euclid(MICROS_PER_DAY);
    let part = |n: i64| i32::try_from(n).unwrap_or(i32::MAX);
    let made = PyDelta::new(
        py,
        i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }),
        part(micros / MICROS_PER_SECOND),
        part(micros % MICROS_PER_SECOND),
        true,
    );
    made.map(Bound::into_any).map_err(|e| {
        let text = data
            .map(|data| format!(" {}", shown(py, data)))
            .unwrap_or_default();
        let why = if value.is_infinite() {
            "it is infinite".into()
        } else {
            e.value(py).to_string()
        };
        error::data(py, &format!("can't parse interval{text}: {why}"))
    })
}

/// A value in a style that is not read.
#[cold]
fn unread_style(py: Python<'_>, message: &str) -> PyErr {
    error::also::<PyNotImplementedError>(py, "NotSupportedError", message)
}

/// What Python cannot hold; `data` is the value if it came as text.
#[cold]
fn unloadable(py: Python<'_>, name: &str, error: DecodeError, data: Option<&[u8]>) -> PyErr {
    let text = data
        .map(|data| format!(": {}", shown(py, data)))
        .unwrap_or_default();
    let message = match error.kind() {
        DecodeErrorKind::Infinity | DecodeErrorKind::YearTooLarge => {
            format!("{name} too large (after year 10K){text}")
        }
        DecodeErrorKind::NegInfinity | DecodeErrorKind::YearTooSmall => {
            format!("{name} too small (before year 1){text}")
        }
        _ => {
            let value = data
                .map(|data| format!(" {}", shown(py, data)))
                .unwrap_or_default();
            format!("can't parse {name}{value}: {}", error.detail())
        }
    };
    error::data(py, &message)
}
