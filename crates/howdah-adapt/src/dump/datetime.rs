//! Dates, times and intervals.

use howdah_protocol::connection::Written;
use howdah_types::datetime::{
    CivilDate, CivilDateTime, CivilTime, Date, Interval, MICROS_PER_SECOND, Time, TimeTz,
    Timestamp, TimestampTz,
};
use howdah_types::oid;
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTime, PyTimeAccess, PyTzInfo,
    PyTzInfoAccess,
};

use super::written::{as_binary, as_text};
use crate::context::DumpContext;
use crate::error;
use crate::format::PyFormat;

pub(super) fn date(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    if want == PyFormat::Text {
        return own_text(value, oid::DATE, out);
    }
    let date = Date::from_civil(civil_date(value.cast::<PyDate>()?));
    date.ok_or_else(|| impossible(value))?.to_binary(out);
    Ok(as_binary(oid::DATE))
}

/// `time`, or `timetz` if the value has a time zone.
pub(super) fn time(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let time = value.cast::<PyTime>()?;
    let offset = match time.get_tzinfo() {
        Some(zone) => Some(time_offset(value, &zone)?),
        None => None,
    };
    let oid = if offset.is_some() {
        oid::TIMETZ
    } else {
        oid::TIME
    };
    if want == PyFormat::Text {
        return own_text(value, oid, out);
    }
    let time = Time::from_civil(civil_time(time)).ok_or_else(|| impossible(value))?;
    match offset {
        Some(offset) => TimeTz { time, offset }.to_binary(out),
        None => time.to_binary(out),
    }
    Ok(as_binary(oid))
}

/// `timestamp`, or `timestamptz` if the value has a time zone.
#[inline]
pub(super) fn datetime(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
) -> PyResult<Written> {
    let moment = value.cast::<PyDateTime>()?;
    let zone = moment.get_tzinfo();
    let oid = if zone.is_some() {
        oid::TIMESTAMPTZ
    } else {
        oid::TIMESTAMP
    };
    if want == PyFormat::Text {
        return own_text(value, oid, out);
    }
    let civil = CivilDateTime {
        date: civil_date(moment),
        time: civil_time(moment),
    };
    let micros = civil.to_micros().ok_or_else(|| impossible(value))?;
    match zone {
        None => Timestamp { micros }.to_binary(out),
        Some(zone) => {
            let micros = micros - offset_micros(value, &zone)?;
            TimestampTz { micros }.to_binary(out);
        }
    }
    Ok(as_binary(oid))
}

/// The type that a date or a datetime is sent as by itself; `None` for anything else.
pub(super) fn type_of(value: &Bound<'_, PyAny>) -> Option<u32> {
    match value.cast::<PyDateTime>() {
        Ok(moment) if moment.get_tzinfo().is_some() => Some(oid::TIMESTAMPTZ),
        Ok(_) => Some(oid::TIMESTAMP),
        Err(_) => value.is_instance_of::<PyDate>().then_some(oid::DATE),
    }
}

pub(super) fn timedelta(
    value: &Bound<'_, PyAny>,
    want: PyFormat,
    out: &mut Vec<u8>,
    cx: &DumpContext<'_>,
) -> PyResult<Written> {
    let delta = value.cast::<PyDelta>()?;
    if want == PyFormat::Text && cx.sql_intervals {
        let (days, seconds, micros) = (
            delta.get_days(),
            delta.get_seconds(),
            delta.get_microseconds(),
        );
        let text = format!("{days:+} day {seconds:+} second {micros:+} microsecond");
        out.extend_from_slice(text.as_bytes());
        return Ok(as_text(oid::INTERVAL));
    }
    if want == PyFormat::Text {
        // The server would take the comma, but says so nowhere.
        let text = value.str()?.to_str()?.replace(',', "");
        out.extend_from_slice(text.as_bytes());
        return Ok(as_text(oid::INTERVAL));
    }
    let interval = Interval {
        months: 0,
        days: delta.get_days(),
        micros: sub_day_micros(delta),
    };
    interval.to_binary(out);
    Ok(as_binary(oid::INTERVAL))
}

/// What `str()` gives, which the server reads whatever its DateStyle.
fn own_text(value: &Bound<'_, PyAny>, oid: u32, out: &mut Vec<u8>) -> PyResult<Written> {
    out.extend_from_slice(value.str()?.to_str()?.as_bytes());
    Ok(as_text(oid))
}

#[inline]
fn civil_date(date: &impl PyDateAccess) -> CivilDate {
    CivilDate {
        year: date.get_year(),
        month: date.get_month(),
        day: date.get_day(),
    }
}

#[inline]
fn civil_time(time: &impl PyTimeAccess) -> CivilTime {
    CivilTime {
        hour: time.get_hour(),
        minute: time.get_minute(),
        second: time.get_second(),
        micro: time.get_microsecond(),
    }
}

fn sub_day_micros(delta: &Bound<'_, PyDelta>) -> i64 {
    i64::from(delta.get_seconds()) * MICROS_PER_SECOND + i64::from(delta.get_microseconds())
}

fn delta_micros(delta: &Bound<'_, PyDelta>) -> i64 {
    i64::from(delta.get_days()) * 86_400 * MICROS_PER_SECOND + sub_day_micros(delta)
}

/// Seconds east of UTC, as a time of day has them; its microseconds, if any, are dropped.
fn time_offset(value: &Bound<'_, PyAny>, zone: &Bound<'_, PyTzInfo>) -> PyResult<i32> {
    let py = value.py();
    let Some(micros) = utcoffset(value)? else {
        let message = format!(
            "cannot calculate the offset of tzinfo '{}' without a date",
            zone.str()?
        );
        return Err(error::data(py, &message));
    };
    i32::try_from(micros / MICROS_PER_SECOND).map_err(|_| impossible(value))
}

#[inline]
fn offset_micros(value: &Bound<'_, PyAny>, zone: &Bound<'_, PyTzInfo>) -> PyResult<i64> {
    if zone.is(PyTzInfo::utc(value.py())?) {
        return Ok(0);
    }
    utcoffset(value)?.ok_or_else(|| {
        PyTypeError::new_err("can't subtract offset-naive and offset-aware datetimes")
    })
}

/// `value.utcoffset()`, which Python keeps below a day; `None` if the time zone does not say.
fn utcoffset(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let offset = value.call_method0(intern!(value.py(), "utcoffset"))?;
    if offset.is_none() {
        return Ok(None);
    }
    Ok(Some(delta_micros(offset.cast::<PyDelta>()?)))
}

#[cold]
fn impossible(value: &Bound<'_, PyAny>) -> PyErr {
    let shown = value
        .repr()
        .map_or_else(|_| "value".into(), |repr| repr.to_string());
    error::data(value.py(), &format!("{shown} cannot be sent to PostgreSQL"))
}
