//! `int2`, `int4`, `int8`, `oid`, `xid` and `xid8`: decimal digits in text, big-endian in binary.

use crate::DecodeError;
use crate::reader::{digit, fixed};

/// Reads an `int2` in text.
///
/// # Errors
/// Not a decimal integer, or out of range.
pub fn int2_from_text(raw: &[u8]) -> Result<i16, DecodeError> {
    signed(raw, "int2")?
        .try_into()
        .map_err(|_| out_of_range("int2"))
}

/// Reads an `int4` in text.
///
/// # Errors
/// Not a decimal integer, or out of range.
pub fn int4_from_text(raw: &[u8]) -> Result<i32, DecodeError> {
    signed(raw, "int4")?
        .try_into()
        .map_err(|_| out_of_range("int4"))
}

/// Reads an `int8` in text.
///
/// # Errors
/// Not a decimal integer, or out of range.
pub fn int8_from_text(raw: &[u8]) -> Result<i64, DecodeError> {
    signed(raw, "int8")
}

/// Reads an `oid`, `xid` or `cid` in text.
///
/// # Errors
/// Not a decimal integer, or out of range.
pub fn oid_from_text(raw: &[u8]) -> Result<u32, DecodeError> {
    magnitude(raw, "oid")?
        .try_into()
        .map_err(|_| out_of_range("oid"))
}

/// Reads an `xid8` in text.
///
/// # Errors
/// Not a decimal integer, or out of range.
pub fn xid8_from_text(raw: &[u8]) -> Result<u64, DecodeError> {
    magnitude(raw, "xid8")
}

/// Reads an `int2` in binary.
///
/// # Errors
/// Not exactly two bytes.
pub fn int2_from_binary(raw: &[u8]) -> Result<i16, DecodeError> {
    fixed("int2", raw).map(i16::from_be_bytes)
}

/// Reads an `int4` in binary.
///
/// # Errors
/// Not exactly four bytes.
pub fn int4_from_binary(raw: &[u8]) -> Result<i32, DecodeError> {
    fixed("int4", raw).map(i32::from_be_bytes)
}

/// Reads an `int8` in binary.
///
/// # Errors
/// Not exactly eight bytes.
pub fn int8_from_binary(raw: &[u8]) -> Result<i64, DecodeError> {
    fixed("int8", raw).map(i64::from_be_bytes)
}

/// Reads an `oid`, `xid` or `cid` in binary.
///
/// # Errors
/// Not exactly four bytes.
pub fn oid_from_binary(raw: &[u8]) -> Result<u32, DecodeError> {
    fixed("oid", raw).map(u32::from_be_bytes)
}

/// Reads an `xid8` in binary.
///
/// # Errors
/// Not exactly eight bytes.
pub fn xid8_from_binary(raw: &[u8]) -> Result<u64, DecodeError> {
    fixed("xid8", raw).map(u64::from_be_bytes)
}

/// Appends any integer in text.
pub fn int_to_text(value: impl itoa::Integer, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an `int2` in binary.
pub fn int2_to_binary(value: i16, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends an `int4` in binary.
pub fn int4_to_binary(value: i32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends an `int8` in binary.
pub fn int8_to_binary(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends an `oid`, `xid` or `cid` in binary.
pub fn oid_to_binary(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends an `xid8` in binary.
pub fn xid8_to_binary(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn signed(raw: &[u8], name: &'static str) -> Result<i64, DecodeError> {
    match raw {
        [b'-', digits @ ..] => 0_i64.checked_sub_unsigned(magnitude(digits, name)?),
        [b'+', digits @ ..] => magnitude(digits, name)?.try_into().ok(),
        _ => magnitude(raw, name)?.try_into().ok(),
    }
    .ok_or_else(|| out_of_range(name))
}

/// Up to 19 digits cannot overflow a u64, so the common case has no overflow checks.
fn magnitude(raw: &[u8], name: &'static str) -> Result<u64, DecodeError> {
    if raw.is_empty() {
        return Err(DecodeError::invalid(name, "no digits"));
    }
    if raw.len() > 19 {
        return long_magnitude(raw, name);
    }
    let mut value = 0_u64;
    for &byte in raw {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(not_a_digit(name));
        }
        value = value * 10 + u64::from(digit);
    }
    Ok(value)
}

#[cold]
fn long_magnitude(raw: &[u8], name: &'static str) -> Result<u64, DecodeError> {
    raw.iter().try_fold(0_u64, |value, &byte| {
        let digit = digit(byte).ok_or_else(|| not_a_digit(name))?;
        value
            .checked_mul(10)
            .and_then(|value| value.checked_add(u64::from(digit)))
            .ok_or_else(|| out_of_range(name))
    })
}

#[cold]
const fn not_a_digit(name: &'static str) -> DecodeError {
    DecodeError::invalid(name, "not a decimal integer")
}

#[cold]
const fn out_of_range(name: &'static str) -> DecodeError {
    DecodeError::range(name, "integer out of range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DecodeErrorKind;
    use proptest::prelude::*;

    #[test]
    fn edges_in_text() {
        assert_eq!(int2_from_text(b"-32768"), Ok(i16::MIN));
        assert_eq!(int4_from_text(b"2147483647"), Ok(i32::MAX));
        assert_eq!(int8_from_text(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(int8_from_text(b"+7"), Ok(7));
        assert_eq!(int8_from_text(b"00000000000000000000000012"), Ok(12));
        assert_eq!(oid_from_text(b"4294967295"), Ok(u32::MAX));
        assert_eq!(xid8_from_text(b"18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn out_of_range_in_text() {
        let kind = |result: Result<i64, DecodeError>| result.unwrap_err().kind();
        for bad in [
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999",
        ] {
            assert_eq!(
                kind(int8_from_text(bad.as_bytes())),
                DecodeErrorKind::OutOfRange
            );
        }
        assert!(int2_from_text(b"32768").is_err());
        assert!(int4_from_text(b"-2147483649").is_err());
        assert!(oid_from_text(b"4294967296").is_err());
    }

    #[test]
    fn not_numbers() {
        for bad in [
            "", "-", "+", "1 ", " 1", "1.0", "0x10", "--1", "1_000", "1e3", "-+1",
        ] {
            assert!(int8_from_text(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(oid_from_text(b"-1").is_err());
    }

    #[test]
    fn binary_lengths() {
        for length in 0..=9 {
            let raw = vec![1; length];
            assert_eq!(int2_from_binary(&raw).is_ok(), length == 2);
            assert_eq!(int4_from_binary(&raw).is_ok(), length == 4);
            assert_eq!(oid_from_binary(&raw).is_ok(), length == 4);
            assert_eq!(int8_from_binary(&raw).is_ok(), length == 8);
            assert_eq!(xid8_from_binary(&raw).is_ok(), length == 8);
        }
    }

    proptest! {
        #[test]
        fn int8_round_trip(value: i64) {
            let mut out = Vec::new();
            int_to_text(value, &mut out);
            prop_assert_eq!(int8_from_text(&out), Ok(value));
            out.clear();
            int8_to_binary(value, &mut out);
            prop_assert_eq!(int8_from_binary(&out), Ok(value));
        }

        #[test]
        fn small_round_trips(small: i16, medium: i32, oid: u32, xid: u64) {
            let mut out = Vec::new();
            int2_to_binary(small, &mut out);
            prop_assert_eq!(int2_from_binary(&out), Ok(small));
            out.clear();
            int4_to_binary(medium, &mut out);
            prop_assert_eq!(int4_from_binary(&out), Ok(medium));
            out.clear();
            oid_to_binary(oid, &mut out);
            prop_assert_eq!(oid_from_binary(&out), Ok(oid));
            out.clear();
            xid8_to_binary(xid, &mut out);
            prop_assert_eq!(xid8_from_binary(&out), Ok(xid));
            out.clear();
            int_to_text(small, &mut out);
            prop_assert_eq!(int2_from_text(&out), Ok(small));
        }

        #[test]
        fn text_agrees_with_the_standard_library(text in "[-+]?[0-9]{0,25}") {
            prop_assert_eq!(int8_from_text(text.as_bytes()).ok(), text.parse::<i64>().ok());
        }
    }
}
