//! `date`, `time`, `timetz`, `timestamp`, `timestamptz` and `interval`.
//!
//! The structs hold what the binary format holds: days or microseconds from 2000-01-01, with the extreme values
//! standing for the infinities. Everything the server can send is representable; whether a year or an infinity
//! fits the caller's own type is asked with [`Date::civil`] and its siblings, whose errors name the case.
//!
//! Who wants year, month and day from text anyway takes [`Date::civil_from_text`] and its siblings, which do not
//! count the days on the way.

mod civil;
mod fast;
mod interval;
mod parse;
mod write;

pub use civil::{CivilDate, CivilDateTime, CivilTime, Years};
pub use interval::Interval;

use crate::reader::{Reader, fixed};
use crate::{DateStyle, DecodeError, DecodeErrorKind};

/// Microseconds of a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;
/// Microseconds of a day without leap seconds.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A `date`: days since 2000-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Days since 2000-01-01, negative before it.
    pub days: i32,
}

/// A `time`: microseconds since midnight, 24:00:00 included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Microseconds since midnight.
    pub micros: i64,
}

/// A `timetz`: a time of day and its distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeTz {
    /// The local time.
    pub time: Time,
    /// Seconds east of UTC. PostgreSQL's binary form counts west; this does not.
    pub offset: i32,
}

/// A `timestamp`: microseconds since 2000-01-01 00:00:00, without a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Microseconds since 2000-01-01 00:00:00, negative before it.
    pub micros: i64,
}

/// A `timestamptz`: microseconds since 2000-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimestampTz {
    /// Microseconds since 2000-01-01 00:00:00 UTC, negative before it.
    pub micros: i64,
}

impl Date {
    /// Later than every date.
    pub const INFINITY: Self = Self { days: i32::MAX };
    /// Earlier than every date.
    pub const NEG_INFINITY: Self = Self { days: i32::MIN };

    /// The date of a calendar day; `None` if it does not exist or is out of range.
    #[must_use]
    pub fn from_civil(civil: CivilDate) -> Option<Self> {
        let days = i32::try_from(civil.to_days()?).ok()?;
        Some(Self { days }).filter(|date| !date.is_infinite())
    }

    /// The calendar day, if its year is among `years`.
    ///
    /// # Errors
    /// `Infinity`, `NegInfinity`, `YearTooSmall` or `YearTooLarge`.
    pub fn civil(self, years: Years) -> Result<CivilDate, DecodeError> {
        reject_infinity("date", self == Self::INFINITY, self == Self::NEG_INFINITY)?;
        years.check("date", CivilDate::from_days(i64::from(self.days)))
    }

    /// Whether this is one of the infinities.
    #[must_use]
    pub fn is_infinite(self) -> bool {
        self == Self::INFINITY || self == Self::NEG_INFINITY
    }

    /// Reads the text form, in any DateStyle.
    ///
    /// # Errors
    /// Not a date in that style, or a day that does not exist.
    pub fn from_text(raw: &[u8], style: DateStyle) -> Result<Self, DecodeError> {
        match fast::date(raw, style).and_then(Self::from_civil) {
            Some(date) => Ok(date),
            None => parse::date(raw, style),
        }
    }

    /// Reads the text form into the fields of the calendar day, if its year is among `years`: what
    /// [`from_text`](Self::from_text) and then [`civil`](Self::civil) give, without the day count in between.
    ///
    /// # Errors
    /// Those of both.
    pub fn civil_from_text(
        raw: &[u8],
        style: DateStyle,
        years: Years,
    ) -> Result<CivilDate, DecodeError> {
        match fast::date(raw, style) {
            Some(date) => years.check("date", date),
            None => parse::date(raw, style)?.civil(years),
        }
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly four bytes.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let days = fixed("date", raw).map(i32::from_be_bytes)?;
        Ok(Self { days })
    }

    /// Appends the text form in ISO style, which the server reads whatever its DateStyle.
    pub fn to_text(self, out: &mut Vec<u8>) {
        write::date(self, out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.days.to_be_bytes());
    }
}

impl Time {
    /// The time with these fields; `None` if there is none. 24:00:00 is a time.
    #[must_use]
    pub fn from_civil(civil: CivilTime) -> Option<Self> {
        civil.to_micros().map(|micros| Self { micros })
    }

    /// The fields of the time; hour 24 stays 24.
    ///
    /// # Errors
    /// `micros` is negative or beyond 24:00:00.
    pub fn civil(self) -> Result<CivilTime, DecodeError> {
        self.checked("time")?;
        Ok(CivilTime::from_micros(self.micros))
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// Not a time of day.
    pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
        match fast::time(raw).and_then(Self::from_civil) {
            Some(time) => Ok(time),
            None => parse::time(raw),
        }
    }

    /// Reads the text form into the fields of the time; hour 24 stays 24.
    ///
    /// # Errors
    /// Not a time of day.
    pub fn civil_from_text(raw: &[u8]) -> Result<CivilTime, DecodeError> {
        match fast::time(raw) {
            Some(time) => Ok(time),
            None => parse::time(raw)?.civil(),
        }
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly eight bytes, or not a time of day.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let micros = fixed("time", raw).map(i64::from_be_bytes)?;
        Self { micros }.checked("time")
    }

    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        write::time(self, out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
    }

    fn checked(self, name: &'static str) -> Result<Self, DecodeError> {
        if (0..=MICROS_PER_DAY).contains(&self.micros) {
            Ok(self)
        } else {
            Err(DecodeError::range(name, "not a time of day"))
        }
    }
}

impl TimeTz {
    /// Reads the text form; the offset may have minutes and seconds.
    ///
    /// # Errors
    /// Not a time of day with an offset.
    pub fn from_text(raw: &[u8]) -> Result<Self, DecodeError> {
        let (time, offset) = Self::civil_from_text(raw)?;
        let time = Time::from_civil(time).ok_or(parse::NO_SUCH_TIME)?;
        Ok(Self { time, offset })
    }

    /// Reads the text form into the fields of the local time, hour 24 staying 24, and the seconds east of UTC.
    ///
    /// # Errors
    /// Not a time of day with an offset.
    pub fn civil_from_text(raw: &[u8]) -> Result<(CivilTime, i32), DecodeError> {
        match fast::timetz(raw) {
            Some(parts) => Ok(parts),
            None => parse::timetz(raw),
        }
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly twelve bytes, not a time of day, or an offset of a day or more.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("timetz", raw);
        let micros = reader.i64()?;
        let west = reader.i32()?;
        reader.finish()?;
        if west.unsigned_abs() >= 86_400 {
            return Err(DecodeError::range("timetz", "offset of a day or more"));
        }
        let time = Time { micros }.checked("timetz")?;
        Ok(Self {
            time,
            offset: -west,
        })
    }

    /// Appends the text form.
    pub fn to_text(self, out: &mut Vec<u8>) {
        write::time(self.time, out);
        write::offset(self.offset, out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        self.time.to_binary(out);
        out.extend_from_slice(&self.offset.wrapping_neg().to_be_bytes());
    }
}

impl Timestamp {
    /// Later than every timestamp.
    pub const INFINITY: Self = Self { micros: i64::MAX };
    /// Earlier than every timestamp.
    pub const NEG_INFINITY: Self = Self { micros: i64::MIN };

    /// The timestamp of a calendar day and time; `None` if it does not exist or is out of range.
    #[must_use]
    pub fn from_civil(civil: CivilDateTime) -> Option<Self> {
        let micros = civil.to_micros()?;
        Some(Self { micros }).filter(|stamp| !stamp.is_infinite())
    }

    /// The calendar day and time, if the year is among `years`.
    ///
    /// # Errors
    /// `Infinity`, `NegInfinity`, `YearTooSmall` or `YearTooLarge`.
    pub fn civil(self, years: Years) -> Result<CivilDateTime, DecodeError> {
        civil_of("timestamp", self.micros, years)
    }

    /// Whether this is one of the infinities.
    #[must_use]
    pub fn is_infinite(self) -> bool {
        self == Self::INFINITY || self == Self::NEG_INFINITY
    }

    /// Reads the text form, in any DateStyle.
    ///
    /// # Errors
    /// Not a timestamp in that style, or a day or time that does not exist.
    pub fn from_text(raw: &[u8], style: DateStyle) -> Result<Self, DecodeError> {
        match fast::timestamp(raw, style).and_then(Self::from_civil) {
            Some(stamp) => Ok(stamp),
            None => parse::timestamp(raw, style),
        }
    }

    /// Reads the text form into the fields of day and time, if the year is among `years`: what
    /// [`from_text`](Self::from_text) and then [`civil`](Self::civil) give, without the count in between.
    ///
    /// # Errors
    /// Those of both.
    pub fn civil_from_text(
        raw: &[u8],
        style: DateStyle,
        years: Years,
    ) -> Result<CivilDateTime, DecodeError> {
        match fast::timestamp(raw, style) {
            Some(stamp) => checked(years, "timestamp", stamp),
            None => parse::timestamp(raw, style)?.civil(years),
        }
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly eight bytes.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let micros = fixed("timestamp", raw).map(i64::from_be_bytes)?;
        Ok(Self { micros })
    }

    /// Appends the text form in ISO style.
    pub fn to_text(self, out: &mut Vec<u8>) {
        write::timestamp(self.micros, b"", out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
    }
}

impl TimestampTz {
    /// Later than every timestamp.
    pub const INFINITY: Self = Self { micros: i64::MAX };
    /// Earlier than every timestamp.
    pub const NEG_INFINITY: Self = Self { micros: i64::MIN };

    /// The instant of a calendar day and time at `offset` seconds east of UTC; `None` if there is none.
    #[must_use]
    pub fn from_civil(civil: CivilDateTime, offset: i32) -> Option<Self> {
        let east = i64::from(offset) * MICROS_PER_SECOND;
        let micros = civil.to_micros()?.checked_sub(east)?;
        Some(Self { micros }).filter(|stamp| !stamp.is_infinite())
    }

    /// The calendar day and time in UTC, if the year is among `years`.
    ///
    /// # Errors
    /// `Infinity`, `NegInfinity`, `YearTooSmall` or `YearTooLarge`.
    pub fn civil_utc(self, years: Years) -> Result<CivilDateTime, DecodeError> {
        civil_of("timestamptz", self.micros, years)
    }

    /// The calendar day and time at `offset` seconds east of UTC, if the year is among `years`.
    ///
    /// # Errors
    /// `Infinity`, `NegInfinity`, `YearTooSmall` or `YearTooLarge`.
    pub fn civil_at(self, offset: i32, years: Years) -> Result<CivilDateTime, DecodeError> {
        if self.is_infinite() {
            return self.civil_utc(years);
        }
        let east = i64::from(offset) * MICROS_PER_SECOND;
        civil_of("timestamptz", self.micros.saturating_add(east), years)
    }

    /// Whether this is one of the infinities.
    #[must_use]
    pub fn is_infinite(self) -> bool {
        self == Self::INFINITY || self == Self::NEG_INFINITY
    }

    /// Reads the text form, which must be in ISO style: the others name zones by ambiguous abbreviations.
    ///
    /// # Errors
    /// `Unsupported` in another DateStyle; not a timestamp, or a day or time that does not exist.
    pub fn from_text(raw: &[u8], style: DateStyle) -> Result<Self, DecodeError> {
        Self::from_text_with_offset(raw, style).map(|(stamp, _)| stamp)
    }

    /// Reads the text form as [`from_text`](Self::from_text) does and gives the offset it was written with too,
    /// in seconds east of UTC; 0 for an infinity.
    ///
    /// # Errors
    /// As for `from_text`.
    pub fn from_text_with_offset(raw: &[u8], style: DateStyle) -> Result<(Self, i32), DecodeError> {
        let fast = fast::timestamptz(raw, style);
        match fast.and_then(|(civil, offset)| Some((Self::from_civil(civil, offset)?, offset))) {
            Some(parts) => Ok(parts),
            None => parse::timestamptz(raw, style),
        }
    }

    /// Reads the text form into the fields of day and time as they are written, and the seconds east of UTC that
    /// are written behind them, if the year written is among `years`.
    ///
    /// It gives what [`from_text_with_offset`](Self::from_text_with_offset) and then [`civil_at`](Self::civil_at)
    /// that offset give, without the count in between. A server writes the local time of the session's `TimeZone`
    /// setting; where that is UTC, the fields need no conversion.
    ///
    /// # Errors
    /// Those of both.
    pub fn civil_from_text(
        raw: &[u8],
        style: DateStyle,
        years: Years,
    ) -> Result<(CivilDateTime, i32), DecodeError> {
        if let Some((civil, offset)) = fast::timestamptz(raw, style) {
            return Ok((checked(years, "timestamptz", civil)?, offset));
        }
        let (stamp, offset) = parse::timestamptz(raw, style)?;
        Ok((stamp.civil_at(offset, years)?, offset))
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly eight bytes.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let micros = fixed("timestamptz", raw).map(i64::from_be_bytes)?;
        Ok(Self { micros })
    }

    /// Appends the text form in ISO style, in UTC.
    pub fn to_text(self, out: &mut Vec<u8>) {
        write::timestamp(self.micros, b"+00", out);
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
    }
}

fn civil_of(name: &'static str, micros: i64, years: Years) -> Result<CivilDateTime, DecodeError> {
    reject_infinity(name, micros == i64::MAX, micros == i64::MIN)?;
    checked(years, name, CivilDateTime::from_micros(micros))
}

fn checked(
    years: Years,
    name: &'static str,
    civil: CivilDateTime,
) -> Result<CivilDateTime, DecodeError> {
    years.check(name, civil.date)?;
    Ok(civil)
}

fn reject_infinity(name: &'static str, positive: bool, negative: bool) -> Result<(), DecodeError> {
    if positive {
        return Err(DecodeError::new(
            DecodeErrorKind::Infinity,
            name,
            "infinity has no counterpart",
        ));
    }
    if negative {
        return Err(DecodeError::new(
            DecodeErrorKind::NegInfinity,
            name,
            "-infinity has no counterpart",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
