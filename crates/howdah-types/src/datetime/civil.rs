//! The proleptic Gregorian calendar, as PostgreSQL uses it: year 0 is 1 BC.
//!
//! The day count follows Howard Hinnant's `days_from_civil`: years start in March, so that the leap day is last.

use super::{MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::{DecodeError, DecodeErrorKind};

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate {
    /// The year; 0 is 1 BC, -1 is 2 BC.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilTime {
    /// The hour, 0 to 23; 24 only for the `time` 24:00:00.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 59.
    pub second: u8,
    /// The microsecond, 0 to 999999.
    pub micro: u32,
}

/// A day and a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDateTime {
    /// The day.
    pub date: CivilDate,
    /// The time.
    pub time: CivilTime,
}

/// The years that the caller's own type can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Years {
    /// The first year.
    pub first: i32,
    /// The last year.
    pub last: i32,
}

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's day 0.
const EPOCH: i64 = 10_957;
/// Days from 0000-03-01 to 1970-01-01.
const SHIFT: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

impl Years {
    /// Every year.
    pub const ALL: Self = Self {
        first: i32::MIN,
        last: i32::MAX,
    };
    /// 1 to 9999, the years of Python's datetime and of ISO 8601.
    pub const FOUR_DIGITS: Self = Self {
        first: 1,
        last: 9999,
    };

    pub(super) fn check(
        self,
        name: &'static str,
        date: CivilDate,
    ) -> Result<CivilDate, DecodeError> {
        if date.year < self.first {
            return Err(DecodeError::new(
                DecodeErrorKind::YearTooSmall,
                name,
                "too small: the year is before the first that can be represented",
            ));
        }
        if date.year > self.last {
            return Err(DecodeError::new(
                DecodeErrorKind::YearTooLarge,
                name,
                "too large: the year is after the last that can be represented",
            ));
        }
        Ok(date)
    }
}

impl CivilDate {
    /// Days since 2000-01-01; `None` if there is no such day.
    #[must_use]
    pub fn to_days(self) -> Option<i64> {
        if self.day == 0 || self.day > days_in_month(self.year, self.month)? {
            return None;
        }
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(era * DAYS_PER_ERA + day_of_era - SHIFT - EPOCH)
    }

    /// The day that is `days` after 2000-01-01. Beyond the years of an `i32` the year saturates.
    #[must_use]
    pub fn from_days(days: i64) -> Self {
        let days = days.saturating_add(SHIFT + EPOCH);
        let era = days.div_euclid(DAYS_PER_ERA);
        // Below 146097, so that nothing from here on needs more than a machine word.
        let days = u32::try_from(days.rem_euclid(DAYS_PER_ERA)).unwrap_or_default();
        let (year, month, day) = day_of_era(days);
        let year = i64::from(year) + era * 400;
        Self {
            year: i32::try_from(year).unwrap_or(if year < 0 { i32::MIN } else { i32::MAX }),
            month,
            day,
        }
    }
}

/// Year, month and day of a day of the 400 years that repeat, which start with a March.
///
/// The divisions of Neri and Schneider, "Euclidean affine functions and their application to calendar algorithms".
const fn day_of_era(days: u32) -> (u32, u8, u8) {
    let quarters = 4 * days + 3;
    let century = quarters / 146_097;
    let product = 2_939_745 * ((quarters % 146_097) | 3) as u64;
    let [_, _, _, _, year_of_century, ..] = product.to_le_bytes();
    let day_of_year = (product % (1 << 32)) / 2_939_745 / 4;
    let shifted = 2141 * day_of_year + 197_913;
    let [_, _, month, ..] = shifted.to_le_bytes();
    let [day, ..] = (shifted % (1 << 16) / 2141).to_le_bytes();
    let year = 100 * century + year_of_century as u32;
    if day_of_year < 306 {
        (year, month, day + 1)
    } else {
        (year + 1, month - 12, day + 1)
    }
}

impl CivilTime {
    /// Microseconds since midnight; `None` if there is no such time. 24:00:00 is one.
    #[must_use]
    pub fn to_micros(self) -> Option<i64> {
        if self.minute > 59 || self.second > 59 || self.micro > 999_999 {
            return None;
        }
        let seconds =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let micros = seconds * MICROS_PER_SECOND + i64::from(self.micro);
        Some(micros).filter(|micros| *micros <= MICROS_PER_DAY)
    }

    pub(super) fn from_micros(micros: i64) -> Self {
        let seconds = micros / MICROS_PER_SECOND;
        Self {
            hour: low_byte(seconds / 3600),
            minute: low_byte(seconds / 60 % 60),
            second: low_byte(seconds % 60),
            micro: u32::try_from(micros % MICROS_PER_SECOND).unwrap_or_default(),
        }
    }
}

impl CivilDateTime {
    /// Microseconds since 2000-01-01 00:00:00; `None` if there is no such day or time, or it is out of range.
    #[must_use]
    pub fn to_micros(self) -> Option<i64> {
        let days = self.date.to_days()?;
        let time = self.time.to_micros()?;
        // Before the epoch from the day's end, or the first day that there is would begin out of range.
        let (midnight, time) = if days < 0 {
            (days + 1, time - MICROS_PER_DAY)
        } else {
            (days, time)
        };
        midnight.checked_mul(MICROS_PER_DAY)?.checked_add(time)
    }

    /// The day and time that are `micros` after 2000-01-01 00:00:00.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self {
            date: CivilDate::from_days(micros.div_euclid(MICROS_PER_DAY)),
            time: CivilTime::from_micros(micros.rem_euclid(MICROS_PER_DAY)),
        }
    }
}

pub(super) fn days_in_month(year: i32, month: u8) -> Option<u8> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Months, days, hours, minutes and seconds all fit; 255 would show a mistake in the arithmetic.
fn low_byte(value: i64) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn date(year: i32, month: u8, day: u8) -> CivilDate {
        CivilDate { year, month, day }
    }

    #[test]
    fn known_days() {
        for (civil, days) in [
            (date(2000, 1, 1), 0),
            (date(1970, 1, 1), -10_957),
            (date(2000, 2, 29), 59),
            (date(2000, 3, 1), 60),
            (date(1, 1, 1), -730_119),
            (date(0, 12, 31), -730_120),
            (date(9999, 12, 31), 2_921_939),
            (date(-4712, 1, 1), -2_451_507),
        ] {
            assert_eq!(civil.to_days(), Some(days), "{civil:?}");
            assert_eq!(CivilDate::from_days(days), civil, "{days}");
        }
    }

    #[test]
    fn days_that_do_not_exist() {
        for civil in [
            date(1900, 2, 29),
            date(2001, 2, 29),
            date(2000, 2, 30),
            date(2000, 0, 1),
            date(2000, 13, 1),
            date(2000, 4, 31),
            date(2000, 1, 0),
        ] {
            assert_eq!(civil.to_days(), None, "{civil:?}");
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(CivilDate::from_days(i64::MAX).year, i32::MAX);
        assert_eq!(CivilDate::from_days(i64::MIN).year, i32::MIN);
        assert!(date(i32::MAX, 12, 31).to_days().is_some());
        assert!(date(i32::MIN, 1, 1).to_days().is_some());
        for micros in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            let civil = CivilDateTime::from_micros(micros);
            assert_eq!(civil.to_micros(), Some(micros));
        }
        let time = CivilTime {
            hour: 0,
            minute: 0,
            second: 0,
            micro: 0,
        };
        assert_eq!(
            CivilDateTime {
                date: date(i32::MAX, 1, 1),
                time
            }
            .to_micros(),
            None
        );
    }

    #[test]
    fn every_day_of_an_era_follows_the_one_before() {
        let mut before = CivilDate::from_days(-1);
        for days in 0..2 * DAYS_PER_ERA {
            let civil = CivilDate::from_days(days);
            assert_eq!(civil.to_days(), Some(days));
            assert!(civil > before);
            before = civil;
        }
    }

    proptest! {
        #[test]
        fn days_round_trip(days in -1_000_000_000_i64..1_000_000_000) {
            let civil = CivilDate::from_days(days);
            prop_assert_eq!(civil.to_days(), Some(days));
            let next = CivilDate::from_days(days + 1);
            prop_assert!(next > civil);
        }

        #[test]
        fn micros_round_trip(micros: i64) {
            prop_assert_eq!(CivilDateTime::from_micros(micros).to_micros(), Some(micros));
        }
    }
}
