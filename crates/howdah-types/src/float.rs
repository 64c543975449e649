//! `float4` and `float8`: shortest exact digits in text, IEEE 754 big-endian in binary.

use std::fmt::{self, LowerExp};
use std::io::{Cursor, Write};
use std::str::{self, FromStr};

use crate::DecodeError;
use crate::reader::fixed;

/// Reads a `float4` in text: digits, `NaN`, `Infinity` or `-Infinity`.
///
/// # Errors
/// Anything else.
pub fn float4_from_text(raw: &[u8]) -> Result<f32, DecodeError> {
    parse(raw, "float4")
}

/// Reads a `float8` in text: digits, `NaN`, `Infinity` or `-Infinity`.
///
/// # Errors
/// Anything else.
#[inline]
pub fn float8_from_text(raw: &[u8]) -> Result<f64, DecodeError> {
    plain(raw).map_or_else(|| parse(raw, "float8"), Ok)
}

/// Reads a `float4` in binary.
///
/// # Errors
/// Not exactly four bytes.
pub fn float4_from_binary(raw: &[u8]) -> Result<f32, DecodeError> {
    fixed("float4", raw).map(f32::from_be_bytes)
}

/// Reads a `float8` in binary.
///
/// # Errors
/// Not exactly eight bytes.
pub fn float8_from_binary(raw: &[u8]) -> Result<f64, DecodeError> {
    fixed("float8", raw).map(f64::from_be_bytes)
}

/// Appends a `float4` in text: the shortest digits that read back as the same value, as `float4out` writes them.
pub fn float4_to_text(value: f32, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return special(value.is_nan(), value.is_sign_negative(), out);
    }
    let bits = u64::from(value.to_bits());
    write_shortest(value, Parts::new(bits, 23, 8), 6, out);
}

/// Appends a `float8` in text: the shortest digits that read back as the same value, as `float8out` writes them.
pub fn float8_to_text(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        return special(value.is_nan(), value.is_sign_negative(), out);
    }
    write_shortest(value, Parts::new(value.to_bits(), 52, 11), 15, out);
}

/// Appends a `float4` in binary.
pub fn float4_to_binary(value: f32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a `float8` in binary.
pub fn float8_to_binary(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Reads up to 15 digits, a point between them or none: what most numbers are.
///
/// The digits without the point and the power of ten are both exact as `f64`, so that their quotient is rounded once.
#[inline]
fn plain(raw: &[u8]) -> Option<f64> {
    const POWERS: [f64; 15] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14,
    ];
    let (is_negative, text) = match raw.split_first()? {
        (b'-', text) => (true, text),
        _ => (false, raw),
    };
    if text.len() > POWERS.len() + 1 {
        return None;
    }
    let (before, behind) = digits(text, 0);
    let (digits, count, decimals) = match behind {
        [] => (before, text.len(), 0),
        // A digit on either side.
        [b'.', decimals @ ..] if behind.len() < text.len() => match digits(decimals, before) {
            (all, []) if !decimals.is_empty() => (all, text.len() - 1, decimals.len()),
            _ => return None,
        },
        _ => return None,
    };
    if count == 0 || count > POWERS.len() {
        return None;
    }
    let value = digits as f64 / POWERS.get(decimals)?;
    Some(if is_negative { -value } else { value })
}

/// The number that the digits at the start of `text` stand for, behind others, and the rest of it. Too many wrap around.
#[inline]
fn digits(mut text: &[u8], others: i64) -> (i64, &[u8]) {
    let mut number = others;
    while let [byte, rest @ ..] = text
        && byte.is_ascii_digit()
    {
        number = number.wrapping_mul(10).wrapping_add(i64::from(byte - b'0'));
        text = rest;
    }
    (number, text)
}

/// The standard library reads PostgreSQL's three special spellings too, in any case.
#[inline(never)]
fn parse<T: FromStr>(raw: &[u8], name: &'static str) -> Result<T, DecodeError> {
    str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| DecodeError::invalid(name, "not a floating point number"))
}

/// Space for every shortest number in scientific notation.
type Buffer = Cursor<[u8; 32]>;

/// Appends the digits that the server would choose, positional for exponents from -4 to below `limit`.
///
/// The standard library's choice differs from the server's in two rare cases, in which the digits are asked for
/// again: of two that are equally near the server takes the even one, and it never takes a number on the very middle
/// between two values, though that reads as the one whose bits are even.
fn write_shortest<T>(value: T, parts: Parts, limit: usize, out: &mut Vec<u8>)
where
    T: LowerExp + FromStr + PartialEq + Copy,
{
    let shortest = written(format_args!("{value:e}"));
    let (_, _, rest, exponent) = scientific(text_of(&shortest));
    if !parts.is_close_call(rest.len(), exponent) {
        return lay_out(text_of(&shortest), limit, out);
    }
    let reads = |text: &[u8]| {
        let text = str::from_utf8(text).ok();
        text.and_then(|text| text.parse().ok()) == Some(value)
    };
    let nearest = (rest.len()..=17).map(|precision| written(format_args!("{value:.precision$e}")));
    // Next to a power of two the even one may be too far away.
    let mut candidates = nearest
        .clone()
        .take(1)
        .chain([shortest.clone()])
        .chain(nearest);
    let chosen = candidates.find(|buffer| {
        let text = text_of(buffer);
        reads(text) && !parts.is_midpoint(text)
    });
    lay_out(text_of(&chosen.unwrap_or(shortest)), limit, out);
}

fn written(number: fmt::Arguments<'_>) -> Buffer {
    let mut buffer = Buffer::new([0; 32]);
    let written = buffer.write_fmt(number);
    // The buffer is large enough.
    debug_assert!(written.is_ok());
    buffer
}

fn text_of(buffer: &Buffer) -> &[u8] {
    let end = usize::try_from(buffer.position()).unwrap_or(0);
    buffer.get_ref().get(..end).unwrap_or_default()
}

/// Sign, digits and exponent of `-1.234e-5`, the digits in two parts.
fn scientific(text: &[u8]) -> (&[u8], &[u8], &[u8], i32) {
    let (sign, text) = text.split_at(usize::from(text.starts_with(b"-")));
    let at = text.iter().position(|byte| *byte == b'e');
    let (digits, exponent) = text.split_at(at.unwrap_or(text.len()));
    let (first, rest) = digits.split_at(digits.len().min(1));
    let exponent = str::from_utf8(exponent.get(1..).unwrap_or_default());
    let exponent = exponent.ok().and_then(|text| text.parse().ok());
    (
        sign,
        first,
        rest.get(1..).unwrap_or_default(),
        exponent.unwrap_or(0),
    )
}

fn lay_out(text: &[u8], limit: usize, out: &mut Vec<u8>) {
    let (sign, first, rest, exponent) = scientific(text);
    out.extend_from_slice(sign);
    match usize::try_from(exponent) {
        Ok(exponent) if exponent < limit => {
            out.extend_from_slice(first);
            let (whole, decimals) = rest.split_at(rest.len().min(exponent));
            out.extend_from_slice(whole);
            out.resize(out.len() + exponent - whole.len(), b'0');
            if !decimals.is_empty() {
                out.push(b'.');
                out.extend_from_slice(decimals);
            }
        }
        Err(_) if exponent >= -4 => {
            let zeros = usize::try_from(-1 - exponent).unwrap_or(0);
            out.extend_from_slice(b"0.");
            out.resize(out.len() + zeros, b'0');
            out.extend_from_slice(first);
            out.extend_from_slice(rest);
        }
        _ => {
            out.extend_from_slice(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
            if exponent.unsigned_abs() < 10 {
                out.push(b'0');
            }
            out.extend_from_slice(
                itoa::Buffer::new()
                    .format(exponent.unsigned_abs())
                    .as_bytes(),
            );
        }
    }
}

/// A finite number as `mantissa * 2^exponent`.
#[derive(Clone, Copy)]
struct Parts {
    mantissa: u64,
    exponent: i32,
    /// Whether the number below is only half as far away as the one above.
    is_power: bool,
}

impl Parts {
    /// From the bits of a number with fields of so many bits.
    fn new(bits: u64, mantissa_bits: u32, exponent_bits: u32) -> Self {
        let implied = 1 << mantissa_bits;
        let fraction = bits & (implied - 1);
        let field = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
        let field = i32::try_from(field).unwrap_or_default();
        let bias = (1 << (exponent_bits - 1)) - 1 + mantissa_bits.cast_signed();
        Self {
            mantissa: if field == 0 {
                fraction
            } else {
                fraction | implied
            },
            exponent: field.max(1) - bias,
            is_power: fraction == 0 && field > 1,
        }
    }

    /// Whether a number of so many decimals times `10^exponent` may be the wrong one of two.
    ///
    /// As near as another it can only be if this value has one decimal more, a 5; on the middle to a neighbour only if
    /// that is a whole number, because others have more decimals than the value.
    fn is_close_call(self, decimals: usize, exponent: i32) -> bool {
        let decimals = i32::try_from(decimals).unwrap_or(i32::MAX) - exponent;
        let exact = -self.exponent - self.mantissa.trailing_zeros().cast_signed();
        exact == decimals + 1 || decimals < 0 && exact <= 0
    }

    /// Whether the decimal number in `text` is exactly in the middle between this one and a neighbour.
    fn is_midpoint(self, text: &[u8]) -> bool {
        let (_, first, rest, exponent) = scientific(text);
        let digits = first.iter().chain(rest);
        let digits = digits.fold(0_u64, |sum, byte| {
            sum.wrapping_mul(10)
                .wrapping_add(u64::from(byte.wrapping_sub(b'0')))
        });
        let decimals = i32::try_from(rest.len()).unwrap_or_default();
        let Ok(power) = u32::try_from(exponent - decimals) else {
            return false;
        };
        // digits * 10^power as odd * 2^twos.
        let twos = digits.trailing_zeros();
        let fives = 5_u64.checked_pow(power);
        let odd = fives.and_then(|fives| digits.checked_shr(twos)?.checked_mul(fives));
        let twos = (twos + power).cast_signed();
        odd.is_some_and(|odd| {
            twos == self.exponent - 1 && odd.abs_diff(2 * self.mantissa) == 1
                || self.is_power && twos == self.exponent - 2 && odd + 1 == 4 * self.mantissa
        })
    }
}

fn special(nan: bool, negative: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(match (nan, negative) {
        (true, _) => b"NaN",
        (false, false) => b"Infinity",
        (false, true) => b"-Infinity",
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        float8_to_text(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn spellings() {
        assert!(float8_from_text(b"NaN").unwrap().is_nan());
        assert_eq!(float8_from_text(b"Infinity"), Ok(f64::INFINITY));
        assert_eq!(float4_from_text(b"-Infinity"), Ok(f32::NEG_INFINITY));
        assert_eq!(float8_from_text(b"-1.5e-07"), Ok(-1.5e-7));
        assert_eq!(float8_from_text(b"1e+300"), Ok(1e300));
        for odd in ["1.", ".5", "-.5", "00.50", "+1.5", "123456789012345.6"] {
            let number = odd.parse().unwrap();
            assert_eq!(float8_from_text(odd.as_bytes()), Ok(number), "{odd}");
        }
        for bad in [
            &b""[..],
            b"1.5x",
            b" 1",
            b"-",
            b"1e",
            b"\xff",
            b"0x1p3",
            b".",
            b"1.5.2",
            b"1..",
            b"--1",
        ] {
            assert!(float8_from_text(bad).is_err());
        }
    }

    #[test]
    fn written() {
        assert_eq!(text(1.5), "1.5");
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(1e300), "1e+300");
        assert_eq!(text(123_456_789_012_345.0), "123456789012345");
        assert_eq!(text(1e14), "100000000000000");
        assert_eq!(text(1e15), "1e+15");
        assert_eq!(text(-1.25e-7), "-1.25e-07");
        assert_eq!(text(0.000_12), "0.00012");
        assert_eq!(text(0.0), "0");
        assert_eq!(text(5e-324), "5e-324");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(-f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-Infinity");
        let mut out = Vec::new();
        float4_to_text(0.1, &mut out);
        float4_to_text(1e5, &mut out);
        float4_to_text(1e6, &mut out);
        float4_to_text(-1_234_567.0, &mut out);
        assert_eq!(out, b"0.11000001e+06-1.234567e+06");
    }

    #[test]
    #[allow(
        clippy::excessive_precision,
        reason = "these are the values in question"
    )]
    fn close_calls() {
        // As PostgreSQL 18 writes them.
        for (value, written) in [
            (1e23, "9.999999999999999e+22"),
            (-8.41e21, "-8.409999999999999e+21"),
            (9_007_199_254_740_993.0, "9.007199254740992e+15"),
            (8.5e22, "8.5e+22"),
            (2e22, "2e+22"),
            (0.5_f64.powi(24), "5.960464477539063e-08"),
        ] {
            assert_eq!(text(value), written);
        }
        let mut out = Vec::new();
        float4_to_text(2_490_571.25, &mut out);
        float4_to_text(354_671.125, &mut out);
        assert_eq!(out, b"2.4905712e+06354671.12");
    }

    #[test]
    fn few_digits() {
        for text in [
            "0",
            "-0",
            "0.0",
            "1",
            "-1.5",
            "007",
            "0.1",
            "0.3",
            "123456.789012345",
            "99999999999999.9",
            "0.00000000000001",
            "999999999999999",
            "12345678901234567890",
            "0.000000000000000000001",
        ] {
            let expected: f64 = text.parse().unwrap();
            let read = float8_from_text(text.as_bytes()).unwrap();
            assert_eq!(read.to_bits(), expected.to_bits(), "{text}");
        }
        assert_eq!(plain(b"-2.5"), Some(-2.5));
        for other in [
            &b""[..],
            b"-",
            b".",
            b"1.",
            b".5",
            b"1.2.3",
            b"1e5",
            b"--1",
            b"1:2",
            b"1/2",
            b"NaN",
        ] {
            assert_eq!(plain(other), None);
        }
        assert!(plain(b"999999999999999").is_some());
        assert_eq!(plain(b"9999999999999999"), None);
    }

    proptest! {
        #[test]
        fn float8_of_few_digits(text in "-?[0-9]{1,12}(\\.[0-9]{1,12})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(float8_from_text(text.as_bytes()).unwrap().to_bits(), expected.to_bits());
        }

        #[test]
        fn float8_round_trip(value: f64) {
            let mut out = Vec::new();
            float8_to_text(value, &mut out);
            prop_assert_eq!(float8_from_text(&out).unwrap().to_bits(), value.to_bits());
            out.clear();
            float8_to_binary(value, &mut out);
            prop_assert_eq!(float8_from_binary(&out).unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn float4_round_trip(value: f32) {
            let mut out = Vec::new();
            float4_to_text(value, &mut out);
            prop_assert_eq!(float4_from_text(&out).unwrap().to_bits(), value.to_bits());
            out.clear();
            float4_to_binary(value, &mut out);
            prop_assert_eq!(float4_from_binary(&out).unwrap().to_bits(), value.to_bits());
        }
    }
}
