//! The layout that a server writes nearly always, `YYYY-MM-DD HH:MM:SS[.ffffff][+HH[:MM[:SS]]]`, read by position.
//!
//! Nothing is refused here: what is not a valid value in exactly this layout is `None`, and the general reader
//! decides about it. So the fields that come out need no second check.

use super::civil::days_in_month;
use super::{CivilDate, CivilDateTime, CivilTime};
use crate::{DateFormat, DateStyle};

pub(super) fn date(raw: &[u8], style: DateStyle) -> Option<CivilDate> {
    match day(raw, style)? {
        (date, []) => Some(date),
        _ => None,
    }
}

pub(super) fn time(raw: &[u8]) -> Option<CivilTime> {
    match clock(raw)? {
        (time, []) => Some(time),
        _ => None,
    }
}

pub(super) fn timestamp(raw: &[u8], style: DateStyle) -> Option<CivilDateTime> {
    match day_and_clock(raw, style)? {
        (stamp, []) => Some(stamp),
        _ => None,
    }
}

/// The fields as they are written, and the seconds east of UTC behind them.
pub(super) fn timestamptz(raw: &[u8], style: DateStyle) -> Option<(CivilDateTime, i32)> {
    let (stamp, rest) = day_and_clock(raw, style)?;
    Some((stamp, zone(rest)?))
}

/// The fields as they are written, and the seconds east of UTC behind them.
pub(super) fn timetz(raw: &[u8]) -> Option<(CivilTime, i32)> {
    let (time, rest) = clock(raw)?;
    Some((time, zone(rest)?))
}

fn day_and_clock(raw: &[u8], style: DateStyle) -> Option<(CivilDateTime, &[u8])> {
    let (date, rest) = day(raw, style)?;
    let (time, rest) = clock(rest.strip_prefix(b" ")?)?;
    Some((CivilDateTime { date, time }, rest))
}

fn day(raw: &[u8], style: DateStyle) -> Option<(CivilDate, &[u8])> {
    if style.format != DateFormat::Iso {
        return None;
    }
    let ([a, b, c, d, b'-', e, f, b'-', g, h], rest) = raw.split_first_chunk()? else {
        return None;
    };
    let year = i32::from(pair(*a, *b)?) * 100 + i32::from(pair(*c, *d)?);
    let month = pair(*e, *f)?;
    let day = pair(*g, *h)?;
    let exists = day > 0 && day <= days_in_month(year, month)?;
    exists.then_some((CivilDate { year, month, day }, rest))
}

fn clock(raw: &[u8]) -> Option<(CivilTime, &[u8])> {
    let ([a, b, b':', c, d, b':', e, f], rest) = raw.split_first_chunk()? else {
        return None;
    };
    let (hour, minute, second) = (pair(*a, *b)?, pair(*c, *d)?, pair(*e, *f)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (micro, rest) = fraction(rest)?;
    let time = CivilTime {
        hour,
        minute,
        second,
        micro,
    };
    Some((time, rest))
}

/// At most six decimals; a seventh is left over, where no caller expects a digit.
fn fraction(raw: &[u8]) -> Option<(u32, &[u8])> {
    let Some(decimals) = raw.strip_prefix(b".") else {
        return Some((0, raw));
    };
    let (mut micro, mut rest) = (0, decimals);
    let mut place = 100_000;
    while let [first, tail @ ..] = rest
        && place > 0
        && first.is_ascii_digit()
    {
        micro += u32::from(first - b'0') * place;
        place /= 10;
        rest = tail;
    }
    (place < 100_000).then_some((micro, rest))
}

/// `+HH`, `+HH:MM` or `+HH:MM:SS`, up to the end.
fn zone(raw: &[u8]) -> Option<i32> {
    let (sign, hours, rest) = match raw {
        [sign @ (b'+' | b'-'), a, b, rest @ ..] => (*sign, i32::from(pair(*a, *b)?), rest),
        _ => return None,
    };
    let (minutes, seconds) = match rest {
        [] => (0, 0),
        [b':', a, b] => (i32::from(pair(*a, *b)?), 0),
        [b':', a, b, b':', c, d] => (i32::from(pair(*a, *b)?), i32::from(pair(*c, *d)?)),
        _ => return None,
    };
    let offset = hours * 3600 + minutes * 60 + seconds;
    (offset < 86_400).then_some(if sign == b'-' { -offset } else { offset })
}

/// The value of two digits.
#[inline]
fn pair(high: u8, low: u8) -> Option<u8> {
    let (high, low) = (high.wrapping_sub(b'0'), low.wrapping_sub(b'0'));
    (high < 10 && low < 10).then(|| high * 10 + low)
}
