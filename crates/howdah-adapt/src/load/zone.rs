//! How far a time zone is from UTC, remembered: a conversion by `zoneinfo` costs more than all else of a timestamp.
//!
//! Time is cut into spans, and what is remembered is the offset at each boundary. Where it is the same at both ends of
//! a span, it is the same all through: no zone in the tz database goes to another offset and back within less than
//! twice the length of a span (the shortest such excursion is that of Africa/Freetown in 1939, just under four days).
//! `fold`, which tells the second of two equal local times, is part of it: it is set from a change of offset on, so
//! that it begins within the span of that change, or on its boundary, where the two ends then differ.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use howdah_types::datetime::{CivilDate, CivilDateTime, CivilTime, Timestamp, TimestampTz, Years};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDateAccess, PyDateTime, PyTimeAccess, PyTzInfo};

/// Microseconds of a span as a power of two: 1.6 days.
const SPAN_BITS: u32 = 37;
/// Boundaries that are remembered: 17 years of them, 32 KiB for each zone in use.
const SLOTS: usize = 4096;
/// The years whose conversions stay within those of Python.
const YEARS: Years = Years {
    first: 2,
    last: 9998,
};

/// A time zone with the offsets that were worked out before.
pub(crate) struct Zone {
    tzinfo: Py<PyTzInfo>,
    /// `None` for UTC, and for what Python did not find by its name.
    offsets: Option<Arc<Offsets>>,
}

impl Zone {
    pub(crate) fn utc(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            tzinfo: PyTzInfo::utc(py)?.to_owned().unbind(),
            offsets: None,
        })
    }

    /// The zone that Python has under this name.
    pub(crate) fn named(name: &str, tzinfo: Bound<'_, PyTzInfo>) -> Self {
        Self {
            tzinfo: tzinfo.unbind(),
            offsets: Some(Offsets::of(name)),
        }
    }

    #[inline]
    pub(crate) fn tzinfo<'py>(&self, py: Python<'py>) -> &Bound<'py, PyTzInfo> {
        self.tzinfo.bind(py)
    }

    /// The local time of a moment as it was found before, and whether it is the second of two equal ones.
    #[inline]
    pub(super) fn local(&self, moment: TimestampTz) -> Option<(CivilDateTime, bool)> {
        let span = moment.micros >> SPAN_BITS;
        let offsets = self.offsets.as_ref()?;
        let start = offsets.get(span)?;
        if offsets.get(span + 1)? != start {
            return None;
        }
        let civil = moment.civil_at(start.seconds, YEARS).ok()?;
        Some((civil, start.fold))
    }

    /// Works out one of the boundaries around a moment that is not known yet.
    ///
    /// # Errors
    /// Those of the zone's own method.
    pub(super) fn learn(&self, py: Python<'_>, moment: TimestampTz) -> PyResult<()> {
        let Some(offsets) = &self.offsets else {
            return Ok(());
        };
        let span = moment.micros >> SPAN_BITS;
        let unknown = [span, span + 1]
            .into_iter()
            .find(|boundary| offsets.get(*boundary).is_none());
        let Some(boundary) = unknown else {
            return Ok(());
        };
        let start = TimestampTz {
            micros: boundary << SPAN_BITS,
        };
        let (Ok(utc), Ok(_)) = (start.civil_utc(YEARS), moment.civil_utc(YEARS)) else {
            return Ok(());
        };
        if let Some(offset) = offset_at(self.tzinfo(py), start, utc)? {
            offsets.set(boundary, offset);
        }
        Ok(())
    }
}

/// The offset that the zone itself gives; `None` if it is no whole number of seconds.
fn offset_at(
    zone: &Bound<'_, PyTzInfo>,
    moment: TimestampTz,
    utc: CivilDateTime,
) -> PyResult<Option<Offset>> {
    let utc = datetime(zone.py(), utc, Some(zone), false)?;
    let local = zone.call_method1(intern!(zone.py(), "fromutc"), (utc,))?;
    let local = local.cast::<PyDateTime>()?;
    let civil = CivilDateTime {
        date: CivilDate {
            year: local.get_year(),
            month: local.get_month(),
            day: local.get_day(),
        },
        time: CivilTime {
            hour: local.get_hour(),
            minute: local.get_minute(),
            second: local.get_second(),
            micro: local.get_microsecond(),
        },
    };
    let Some(stamp) = Timestamp::from_civil(civil) else {
        return Ok(None);
    };
    let micros = stamp.micros - moment.micros;
    if micros % 1_000_000 != 0 {
        return Ok(None);
    }
    Ok(i32::try_from(micros / 1_000_000)
        .ok()
        .map(|seconds| Offset {
            seconds,
            fold: local.get_fold(),
        }))
}

/// A datetime with these fields.
///
/// # Errors
/// Only of the interpreter: the fields are in range.
#[inline]
pub(super) fn datetime<'py>(
    py: Python<'py>,
    civil: CivilDateTime,
    zone: Option<&Bound<'py, PyTzInfo>>,
    fold: bool,
) -> PyResult<Bound<'py, PyDateTime>> {
    let CivilDate { year, month, day } = civil.date;
    let CivilTime {
        hour,
        minute,
        second,
        micro,
    } = civil.time;
    PyDateTime::new_with_fold(
        py, year, month, day, hour, minute, second, micro, zone, fold,
    )
}

/// Seconds east of UTC, and whether the local time is there for the second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offset {
    seconds: i32,
    fold: bool,
}

/// The offsets of one zone at boundaries of spans, each in the slot that its number says.
///
/// A slot is one word that holds the number too: threads may overwrite each other's, but never read half of one.
struct Offsets {
    slots: Box<[AtomicU64]>,
}

/// A slot that is in use; then 40 bits for the boundary, 18 for the seconds, 1 for the fold.
const USED: u64 = 1 << 63;
const BOUNDARY_SHIFT: u32 = 19;
const SECONDS_SHIFT: u32 = 1;
/// Added to offsets, which are less than a day, so that they are not negative.
const BIAS: i32 = 86_400;

impl Offsets {
    /// The one for the zone of that name: all connections share it.
    fn of(name: &str) -> Arc<Self> {
        static ZONES: Mutex<Vec<(String, Arc<Offsets>)>> = Mutex::new(Vec::new());
        let mut zones = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = zones.iter().find(|(known, _)| known == name) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(Self {
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        });
        zones.push((name.to_owned(), Arc::clone(&fresh)));
        fresh
    }

    #[inline]
    fn slot(&self, boundary: i64) -> Option<&AtomicU64> {
        let number = usize::try_from(boundary.rem_euclid(SLOTS.cast_signed() as i64)).ok()?;
        self.slots.get(number)
    }

    #[inline]
    fn get(&self, boundary: i64) -> Option<Offset> {
        let word = self.slot(boundary)?.load(Ordering::Relaxed);
        if word >> BOUNDARY_SHIFT != tag(boundary) {
            return None;
        }
        let seconds = word >> SECONDS_SHIFT & ((1 << (BOUNDARY_SHIFT - SECONDS_SHIFT)) - 1);
        Some(Offset {
            seconds: i32::try_from(seconds).ok()? - BIAS,
            fold: word & 1 == 1,
        })
    }

    fn set(&self, boundary: i64, offset: Offset) {
        let Some(slot) = self.slot(boundary) else {
            return;
        };
        if let Ok(seconds @ 0..172_800) = u64::try_from(offset.seconds + BIAS) {
            let word =
                tag(boundary) << BOUNDARY_SHIFT | seconds << SECONDS_SHIFT | u64::from(offset.fold);
            slot.store(word, Ordering::Relaxed);
        }
    }
}

/// The upper bits of the word for a boundary; those are at most 2^26, before and after the year 2000.
#[inline]
const fn tag(boundary: i64) -> u64 {
    (USED >> BOUNDARY_SHIFT) | (boundary.cast_unsigned() & ((1 << 40) - 1))
}
