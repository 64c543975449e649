//! The text forms that the server writes, in every DateStyle.

use super::{CivilDate, CivilDateTime, CivilTime, Date, Time, Timestamp, TimestampTz};
use crate::reader::Scanner;
use crate::{DateFormat, DateStyle, DecodeError, DecodeErrorKind};

pub(super) fn date(raw: &[u8], style: DateStyle) -> Result<Date, DecodeError> {
    match raw {
        b"infinity" => return Ok(Date::INFINITY),
        b"-infinity" => return Ok(Date::NEG_INFINITY),
        _ => {}
    }
    let mut scanner = Scanner::new(raw);
    let parsed = numeric_date(&mut scanner, style);
    let parsed = finish_era(&mut scanner, parsed).ok_or(DecodeError::invalid(
        "date",
        "not a date in the session's DateStyle",
    ))?;
    Date::from_civil(parsed).ok_or(DecodeError::range("date", "no such day"))
}

pub(super) fn time(raw: &[u8]) -> Result<Time, DecodeError> {
    let mut scanner = Scanner::new(raw);
    let parsed = clock(&mut scanner).filter(|_| scanner.is_empty());
    let parsed = parsed.ok_or(DecodeError::invalid("time", "not a time"))?;
    Time::from_civil(parsed).ok_or(DecodeError::range("time", "no such time of day"))
}

pub(super) const NO_SUCH_TIME: DecodeError = DecodeError::range("timetz", "no such time of day");

pub(super) fn timetz(raw: &[u8]) -> Result<(CivilTime, i32), DecodeError> {
    let invalid = DecodeError::invalid("timetz", "not a time with an offset");
    let mut scanner = Scanner::new(raw);
    let parsed = clock(&mut scanner).ok_or(invalid)?;
    let offset = zone(&mut scanner)
        .filter(|_| scanner.is_empty())
        .ok_or(invalid)?;
    parsed.to_micros().ok_or(NO_SUCH_TIME)?;
    Ok((parsed, offset))
}

pub(super) fn timestamp(raw: &[u8], style: DateStyle) -> Result<Timestamp, DecodeError> {
    match raw {
        b"infinity" => return Ok(Timestamp::INFINITY),
        b"-infinity" => return Ok(Timestamp::NEG_INFINITY),
        _ => {}
    }
    let mut scanner = Scanner::new(raw);
    let parsed = match style.format {
        DateFormat::Postgres => postgres(&mut scanner),
        _ => date_and_clock(&mut scanner, style),
    };
    let invalid = DecodeError::invalid("timestamp", "not a timestamp in the session's DateStyle");
    let (date, time) = parsed.ok_or(invalid)?;
    let date = finish_era(&mut scanner, Some(date)).ok_or(invalid)?;
    Timestamp::from_civil(CivilDateTime { date, time })
        .ok_or(DecodeError::range("timestamp", "no such day or time"))
}

pub(super) fn timestamptz(raw: &[u8], style: DateStyle) -> Result<(TimestampTz, i32), DecodeError> {
    match raw {
        b"infinity" => return Ok((TimestampTz::INFINITY, 0)),
        b"-infinity" => return Ok((TimestampTz::NEG_INFINITY, 0)),
        _ => {}
    }
    if style.format != DateFormat::Iso {
        return Err(DecodeError::new(
            DecodeErrorKind::Unsupported,
            "timestamptz",
            "only DateStyle ISO is read",
        ));
    }
    let invalid = DecodeError::invalid("timestamptz", "not a timestamp with an offset");
    let mut scanner = Scanner::new(raw);
    let (date, time) = date_and_clock(&mut scanner, style).ok_or(invalid)?;
    let offset = zone(&mut scanner).ok_or(invalid)?;
    let date = finish_era(&mut scanner, Some(date)).ok_or(invalid)?;
    let stamp = TimestampTz::from_civil(CivilDateTime { date, time }, offset)
        .ok_or(DecodeError::range("timestamptz", "no such day or time"))?;
    Ok((stamp, offset))
}

/// `YYYY-MM-DD`, `DD.MM.YYYY`, and the two orders of `MM/DD/YYYY` and `MM-DD-YYYY`.
fn numeric_date(scanner: &mut Scanner<'_>, style: DateStyle) -> Option<CivilDate> {
    let separator = match style.format {
        DateFormat::Iso => return iso_date(scanner),
        DateFormat::German => b'.',
        DateFormat::Sql => b'/',
        DateFormat::Postgres => b'-',
    };
    let first = two(scanner)?;
    let second = scanner.eat(separator).then(|| two(scanner))??;
    let year = scanner.eat(separator).then(|| year(scanner))??;
    let day_first = style.day_first || style.format == DateFormat::German;
    let (day, month) = if day_first {
        (first, second)
    } else {
        (second, first)
    };
    Some(CivilDate { year, month, day })
}

fn iso_date(scanner: &mut Scanner<'_>) -> Option<CivilDate> {
    let year = year(scanner)?;
    let month = scanner.eat(b'-').then(|| two(scanner))??;
    let day = scanner.eat(b'-').then(|| two(scanner))??;
    Some(CivilDate { year, month, day })
}

fn date_and_clock(scanner: &mut Scanner<'_>, style: DateStyle) -> Option<(CivilDate, CivilTime)> {
    let date = numeric_date(scanner, style)?;
    if !scanner.eat(b' ') && !scanner.eat(b'T') {
        return None;
    }
    Some((date, clock(scanner)?))
}

/// `Wed Dec 17 07:37:16 1997`, or with the day before the month.
fn postgres(scanner: &mut Scanner<'_>) -> Option<(CivilDate, CivilTime)> {
    if scanner.letters().is_empty() || !scanner.eat(b' ') {
        return None;
    }
    let day_first = scanner.peek()?.is_ascii_digit();
    let early = if day_first {
        Some(spaced_two(scanner)?)
    } else {
        None
    };
    let month = month(scanner.letters())?;
    if !scanner.eat(b' ') {
        return None;
    }
    let day = match early {
        Some(day) => day,
        None => spaced_two(scanner)?,
    };
    let time = clock(scanner)?;
    let year = scanner.eat(b' ').then(|| year(scanner))??;
    Some((CivilDate { year, month, day }, time))
}

/// `HH:MM:SS` and up to six decimals.
fn clock(scanner: &mut Scanner<'_>) -> Option<CivilTime> {
    let hour = two(scanner)?;
    let minute = scanner.eat(b':').then(|| two(scanner))??;
    let second = scanner.eat(b':').then(|| two(scanner))??;
    let micro = if scanner.eat(b'.') {
        fraction(scanner)?
    } else {
        0
    };
    Some(CivilTime {
        hour,
        minute,
        second,
        micro,
    })
}

/// One to six decimals of a second as microseconds.
pub(super) fn fraction(scanner: &mut Scanner<'_>) -> Option<u32> {
    let (value, digits) = scanner.number()?;
    let missing = 6_usize.checked_sub(digits)?;
    let scale = [1, 10, 100, 1_000, 10_000, 100_000].get(missing)?;
    u32::try_from(value * scale).ok()
}

/// `+HH`, `+HH:MM` or `+HH:MM:SS` as seconds east of UTC, less than a day.
fn zone(scanner: &mut Scanner<'_>) -> Option<i32> {
    let west = match scanner.next()? {
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let hours = i32::from(two(scanner)?);
    let minutes = if scanner.eat(b':') {
        i32::from(two(scanner)?)
    } else {
        0
    };
    let seconds = if scanner.eat(b':') {
        i32::from(two(scanner)?)
    } else {
        0
    };
    let offset = hours * 3600 + minutes * 60 + seconds;
    (offset < 86_400).then_some(if west { -offset } else { offset })
}

/// Turns the year around if ` BC` follows, and insists that nothing else does.
fn finish_era(scanner: &mut Scanner<'_>, date: Option<CivilDate>) -> Option<CivilDate> {
    let mut date = date?;
    if scanner.eat_str(b" BC") {
        date.year = 1 - date.year;
    }
    scanner.is_empty().then_some(date)
}

fn year(scanner: &mut Scanner<'_>) -> Option<i32> {
    let (value, digits) = scanner.number()?;
    // The server pads years to four digits; a shorter one is another style's day or month.
    i32::try_from(value).ok().filter(|_| digits >= 4)
}

fn two(scanner: &mut Scanner<'_>) -> Option<u8> {
    scanner
        .two_digits()
        .and_then(|value| u8::try_from(value).ok())
}

/// Two digits and a space.
fn spaced_two(scanner: &mut Scanner<'_>) -> Option<u8> {
    let value = two(scanner)?;
    scanner.eat(b' ').then_some(value)
}

fn month(name: &[u8]) -> Option<u8> {
    const NAMES: [&[u8]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    let at = NAMES.iter().position(|candidate| *candidate == name)?;
    u8::try_from(at + 1).ok()
}
