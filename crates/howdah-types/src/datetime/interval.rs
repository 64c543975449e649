//! `interval`: months, days and microseconds, which do not add up to each other.

use super::{CivilTime, MICROS_PER_SECOND, parse, write};
use crate::reader::{Reader, Scanner};
use crate::{DecodeError, DecodeErrorKind, IntervalStyle};

const NAME: &str = "interval";

/// An `interval`: three counts, each with its own sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Interval {
    /// Months; a year is twelve.
    pub months: i32,
    /// Days, of no fixed length.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

impl Interval {
    /// Longer than every interval, since PostgreSQL 17.
    pub const INFINITY: Self = Self {
        months: i32::MAX,
        days: i32::MAX,
        micros: i64::MAX,
    };
    /// More negative than every interval, since PostgreSQL 17.
    pub const NEG_INFINITY: Self = Self {
        months: i32::MIN,
        days: i32::MIN,
        micros: i64::MIN,
    };

    /// Whether this is one of the infinities.
    #[must_use]
    pub fn is_infinite(self) -> bool {
        self == Self::INFINITY || self == Self::NEG_INFINITY
    }

    /// Reads the text form, which must be in style `postgres`.
    ///
    /// # Errors
    /// `Unsupported` in another IntervalStyle; not an interval, or a field out of range.
    pub fn from_text(raw: &[u8], style: IntervalStyle) -> Result<Self, DecodeError> {
        match raw {
            b"infinity" => return Ok(Self::INFINITY),
            b"-infinity" => return Ok(Self::NEG_INFINITY),
            _ => {}
        }
        if style != IntervalStyle::Postgres {
            return Err(DecodeError::new(
                DecodeErrorKind::Unsupported,
                NAME,
                "only IntervalStyle postgres is read",
            ));
        }
        postgres(raw).ok_or(DecodeError::invalid(NAME, "not an interval"))
    }

    /// Reads the binary form.
    ///
    /// # Errors
    /// Not exactly sixteen bytes.
    pub fn from_binary(raw: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(NAME, raw);
        let micros = reader.i64()?;
        let days = reader.i32()?;
        let months = reader.i32()?;
        reader.finish()?;
        Ok(Self {
            months,
            days,
            micros,
        })
    }

    /// Appends a text form with a sign on every field, which every IntervalStyle setting reads alike.
    pub fn to_text(self, out: &mut Vec<u8>) {
        match self {
            Self::INFINITY => return out.extend_from_slice(b"infinity"),
            Self::NEG_INFINITY => return out.extend_from_slice(b"-infinity"),
            _ => {}
        }
        for (count, unit) in [(self.months, b" mons "), (self.days, b" days ")] {
            if count != 0 {
                signed(count < 0, u64::from(count.unsigned_abs()), out);
                out.extend_from_slice(unit);
            }
        }
        clock(self.micros, out);
    }

    /// Appends the text form that a server with IntervalStyle `postgres` writes: `1 year -2 mons +3 days 04:05:06`.
    pub fn to_postgres_text(self, out: &mut Vec<u8>) {
        if self.is_infinite() {
            return self.to_text(out);
        }
        let start = out.len();
        let mut negative = false;
        for (count, unit) in [
            (self.months / 12, " year"),
            (self.months % 12, " mon"),
            (self.days, " day"),
        ] {
            if count != 0 {
                separate(start, negative && count > 0, out);
                out.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
                out.extend_from_slice(unit.as_bytes());
                out.extend_from_slice(if count == 1 { b"" } else { b"s" });
                negative = count < 0;
            }
        }
        if self.micros != 0 || out.len() == start {
            separate(start, negative && self.micros > 0, out);
            if self.micros < 0 {
                out.push(b'-');
            }
            unsigned_clock(self.micros, 2, out);
        }
    }

    /// Appends the binary form.
    pub fn to_binary(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.micros.to_be_bytes());
        out.extend_from_slice(&self.days.to_be_bytes());
        out.extend_from_slice(&self.months.to_be_bytes());
    }
}

/// `1 year -2 mons +3 days -04:05:06.789`, every part optional but one.
fn postgres(raw: &[u8]) -> Option<Interval> {
    let mut scanner = Scanner::new(raw);
    let mut interval = Interval::default();
    loop {
        let negative = scanner.eat(b'-');
        if !negative {
            scanner.eat(b'+');
        }
        let (count, _) = scanner.number()?;
        if scanner.eat(b':') {
            interval.micros = time(&mut scanner, negative, count)?;
            return scanner.is_empty().then_some(interval);
        }
        let count = i64::try_from(count).ok()?;
        let count = if negative { -count } else { count };
        if !scanner.eat(b' ') {
            return None;
        }
        add_unit(&mut interval, scanner.letters(), count)?;
        if scanner.is_empty() {
            return Some(interval);
        }
        if !scanner.eat(b' ') {
            return None;
        }
    }
}

fn add_unit(interval: &mut Interval, unit: &[u8], count: i64) -> Option<()> {
    let (field, factor) = match unit {
        b"year" | b"years" => (&mut interval.months, 12),
        b"mon" | b"mons" => (&mut interval.months, 1),
        b"day" | b"days" => (&mut interval.days, 1),
        _ => return None,
    };
    let sum = count.checked_mul(factor)?.checked_add(i64::from(*field))?;
    *field = i32::try_from(sum).ok()?;
    Some(())
}

/// What follows the hours, as signed microseconds.
fn time(scanner: &mut Scanner<'_>, negative: bool, hours: u64) -> Option<i64> {
    let minutes = u64::from(scanner.two_digits()?);
    let seconds = u64::from(scanner.eat(b':').then(|| scanner.two_digits())??);
    let micros = if scanner.eat(b'.') {
        u64::from(parse::fraction(scanner)?)
    } else {
        0
    };
    let seconds = hours
        .checked_mul(3600)?
        .checked_add(minutes * 60 + seconds)?;
    let total = seconds
        .checked_mul(MICROS_PER_SECOND.unsigned_abs())?
        .checked_add(micros)?;
    if negative {
        0_i64.checked_sub_unsigned(total)
    } else {
        i64::try_from(total).ok()
    }
}

fn clock(micros: i64, out: &mut Vec<u8>) {
    out.push(if micros < 0 { b'-' } else { b'+' });
    unsigned_clock(micros, 1, out);
}

/// The hours with so many digits at least, minutes, seconds and decimals.
fn unsigned_clock(micros: i64, width: usize, out: &mut Vec<u8>) {
    let total = micros.unsigned_abs();
    let hour = 3600 * MICROS_PER_SECOND.unsigned_abs();
    let rest = i64::try_from(total % hour).unwrap_or_default();
    write::padded(total / hour, width, out);
    write::minutes(CivilTime::from_micros(rest), out);
}

/// A space after what was written since `start`, and a `+` where a `-` came before.
fn separate(start: usize, plus: bool, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b' ');
    }
    if plus {
        out.push(b'+');
    }
}

fn signed(negative: bool, value: u64, out: &mut Vec<u8>) {
    out.push(if negative { b'-' } else { b'+' });
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Interval, DecodeError> {
        Interval::from_text(text.as_bytes(), IntervalStyle::Postgres)
    }

    const fn interval(months: i32, days: i32, micros: i64) -> Interval {
        Interval {
            months,
            days,
            micros,
        }
    }

    #[test]
    fn text() {
        for (text, expected) in [
            ("00:00:00", interval(0, 0, 0)),
            (
                "1 year 2 mons 3 days 04:05:06.789",
                interval(14, 3, 14_706_789_000),
            ),
            (
                "-1 years -2 mons +3 days -00:00:00.000001",
                interval(-14, 3, -1),
            ),
            ("1 mon", interval(1, 0, 0)),
            ("-7 days", interval(0, -7, 0)),
            ("2562047788:00:54.775807", interval(0, 0, i64::MAX)),
            ("-2562047788:00:54.775808", interval(0, 0, i64::MIN)),
            ("infinity", Interval::INFINITY),
            ("-infinity", Interval::NEG_INFINITY),
        ] {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn as_the_server_writes_it() {
        for text in [
            "00:00:00",
            "1 year 2 mons 3 days 04:05:06.789",
            "-1 years -2 mons +3 days -00:00:00.000001",
            "-1 days +02:03:00",
            "1 mon",
            "2 mons",
            "-7 days",
            "2562047788:00:54.775807",
            "-2562047788:00:54.775808",
            "infinity",
            "-infinity",
        ] {
            let mut out = Vec::new();
            read(text).unwrap().to_postgres_text(&mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn refused() {
        for bad in [
            "",
            " ",
            "1",
            "1 ",
            "1 fortnight",
            "1 day ",
            "1 day 2",
            "00:00",
            "00:00:00x",
            "1:2:3",
            "2562047788:00:54.775808",
            "9999999999 days",
            "178956971 years",
            "00:00:00.1234567",
            "1 day  00:00:00",
            "- 1 day",
            "--1 day",
            "99999999999999999999 days",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn other_styles_say_so() {
        for style in [
            IntervalStyle::SqlStandard,
            IntervalStyle::Iso8601,
            IntervalStyle::PostgresVerbose,
        ] {
            let error = Interval::from_text(b"1-2", style).unwrap_err();
            assert_eq!(error.kind(), DecodeErrorKind::Unsupported);
        }
    }

    proptest! {
        #[test]
        fn round_trip(months: i32, days: i32, micros: i64) {
            let value = interval(months, days, micros);
            let mut out = Vec::new();
            value.to_text(&mut out);
            prop_assert_eq!(Interval::from_text(&out, IntervalStyle::Postgres), Ok(value));
            out.clear();
            value.to_postgres_text(&mut out);
            prop_assert_eq!(Interval::from_text(&out, IntervalStyle::Postgres), Ok(value));
            out.clear();
            value.to_binary(&mut out);
            prop_assert_eq!(Interval::from_binary(&out), Ok(value));
            prop_assert!(Interval::from_binary(&out[1..]).is_err());
        }
    }
}
