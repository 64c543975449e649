//! `float4` and `float8`: shortest exact digits in text, IEEE 754 big-endian in binary.

use std::fmt::LowerExp;
use std::io::Write;
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
pub fn float8_from_text(raw: &[u8]) -> Result<f64, DecodeError> {
    parse(raw, "float8")
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

/// Appends a `float4` in text: the shortest digits that read back as the same value.
pub fn float4_to_text(value: f32, out: &mut Vec<u8>) {
    if value.is_finite() {
        digits(value, f64::from(value.abs()), out);
    } else {
        special(value.is_nan(), value.is_sign_negative(), out);
    }
}

/// Appends a `float8` in text: the shortest digits that read back as the same value.
pub fn float8_to_text(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        digits(value, value.abs(), out);
    } else {
        special(value.is_nan(), value.is_sign_negative(), out);
    }
}

/// Appends a `float4` in binary.
pub fn float4_to_binary(value: f32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a `float8` in binary.
pub fn float8_to_binary(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// The standard library reads PostgreSQL's three special spellings too, in any case.
fn parse<T: FromStr>(raw: &[u8], name: &'static str) -> Result<T, DecodeError> {
    str::from_utf8(raw)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| DecodeError::invalid(name, "not a floating point number"))
}

/// Positional inside the range where that is short, with an exponent outside it.
fn digits<T: LowerExp + std::fmt::Display>(value: T, magnitude: f64, out: &mut Vec<u8>) {
    let positional = magnitude == 0.0 || (1e-5..1e16).contains(&magnitude);
    let written = if positional {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
    // Writing to a Vec does not fail.
    debug_assert!(written.is_ok());
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
        for bad in [&b""[..], b"1.5x", b" 1", b"-", b"1e", b"\xff", b"0x1p3"] {
            assert!(float8_from_text(bad).is_err());
        }
    }

    #[test]
    fn written() {
        assert_eq!(text(1.5), "1.5");
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(1e300), "1e300");
        assert_eq!(text(5e-324), "5e-324");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(-f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-Infinity");
        let mut out = Vec::new();
        float4_to_text(0.1, &mut out);
        assert_eq!(out, b"0.1");
    }

    proptest! {
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
