//! ISO 8601 text, which the server reads under every DateStyle.

use super::{CivilDate, CivilDateTime, CivilTime, Date, Time};

pub(super) fn date(value: Date, out: &mut Vec<u8>) {
    match value {
        Date::INFINITY => out.extend_from_slice(b"infinity"),
        Date::NEG_INFINITY => out.extend_from_slice(b"-infinity"),
        _ => {
            let civil = CivilDate::from_days(i64::from(value.days));
            let era = day(civil, out);
            out.extend_from_slice(era);
        }
    }
}

pub(super) fn time(value: Time, out: &mut Vec<u8>) {
    clock(CivilTime::from_micros(value.micros), out);
}

/// Appends a timestamp with `zone` after the time; the era comes last, as the server writes it.
pub(super) fn timestamp(micros: i64, zone: &[u8], out: &mut Vec<u8>) {
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        _ => {
            let civil = CivilDateTime::from_micros(micros);
            let era = day(civil.date, out);
            out.push(b' ');
            clock(civil.time, out);
            out.extend_from_slice(zone);
            out.extend_from_slice(era);
        }
    }
}

pub(super) fn offset(seconds: i32, out: &mut Vec<u8>) {
    out.push(if seconds < 0 { b'-' } else { b'+' });
    let seconds = seconds.unsigned_abs();
    padded(seconds / 3600, 2, out);
    if !seconds.is_multiple_of(3600) {
        out.push(b':');
        padded(seconds / 60 % 60, 2, out);
    }
    if !seconds.is_multiple_of(60) {
        out.push(b':');
        padded(seconds % 60, 2, out);
    }
}

pub(super) fn clock(time: CivilTime, out: &mut Vec<u8>) {
    padded(u32::from(time.hour), 2, out);
    minutes(time, out);
}

/// `:MM:SS` and the decimals that are needed.
pub(super) fn minutes(time: CivilTime, out: &mut Vec<u8>) {
    out.push(b':');
    padded(u32::from(time.minute), 2, out);
    out.push(b':');
    padded(u32::from(time.second), 2, out);
    if time.micro > 0 {
        out.push(b'.');
        padded(time.micro, 6, out);
        while out.pop_if(|byte| *byte == b'0').is_some() {}
    }
}

/// Appends `YYYY-MM-DD` and returns the era that belongs at the end.
fn day(civil: CivilDate, out: &mut Vec<u8>) -> &'static [u8] {
    let before_christ = civil.year <= 0;
    let year = if before_christ {
        civil.year.unsigned_abs() + 1
    } else {
        civil.year.unsigned_abs()
    };
    padded(year, 4, out);
    out.push(b'-');
    padded(u32::from(civil.month), 2, out);
    out.push(b'-');
    padded(u32::from(civil.day), 2, out);
    if before_christ { b" BC" } else { b"" }
}

/// At least `width` digits.
pub(super) fn padded(value: impl itoa::Integer, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value).as_bytes();
    for _ in digits.len()..width {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}
