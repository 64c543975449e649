//! `bytea`: hexadecimal or escaped in text, the bytes themselves in binary.

use crate::DecodeError;
use crate::reader::digit;

const NAME: &str = "bytea";

/// Appends the bytes of a text value to `out`; both settings of `bytea_output` are read.
///
/// # Errors
/// An odd number of hexadecimal digits, another character among them, or a bad escape. `out` may then hold
/// part of the value.
pub fn bytea_from_text(raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match raw.strip_prefix(b"\\x") {
        Some(hex) => unhex(hex, out),
        None => unescape(raw, out),
    }
}

/// The number of bytes in a text value in hexadecimal form, or `None` if it is in the escape form.
#[must_use]
pub fn hex_length(raw: &[u8]) -> Option<usize> {
    raw.strip_prefix(b"\\x").map(|hex| hex.len() / 2)
}

/// Fills `out` from a text value in hexadecimal form; for callers that own memory of the exact size.
///
/// # Errors
/// Not in hexadecimal form, a bad digit, or `out` is not of the length given by [`hex_length`].
pub fn bytea_from_hex(raw: &[u8], out: &mut [u8]) -> Result<(), DecodeError> {
    let hex = raw.strip_prefix(b"\\x").ok_or(BAD_HEX)?;
    let (pairs, []) = hex.as_chunks::<2>() else {
        return Err(BAD_HEX);
    };
    if pairs.len() != out.len() {
        return Err(DecodeError::length(NAME, "buffer of the wrong length"));
    }
    for (byte, pair) in out.iter_mut().zip(pairs) {
        *byte = hex_pair(*pair).ok_or(BAD_HEX)?;
    }
    Ok(())
}

/// Appends the text form: `\x` and two hexadecimal digits a byte.
pub fn bytea_to_text(value: &[u8], out: &mut Vec<u8>) {
    out.reserve(2 + value.len() * 2);
    out.extend_from_slice(b"\\x");
    for &byte in value {
        out.extend_from_slice(&hex_digits(byte));
    }
}

/// Appends the binary form: the bytes.
pub fn bytea_to_binary(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(value);
}

const BAD_HEX: DecodeError = DecodeError::invalid(NAME, "bad hexadecimal digits");

pub(crate) fn hex_digits(byte: u8) -> [u8; 2] {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' + (nibble - 10)
        }
    };
    [digit(byte >> 4), digit(byte & 15)]
}

pub(crate) fn hex_pair([high, low]: [u8; 2]) -> Option<u8> {
    let (high, low) = (hex_value(high), hex_value(low));
    (high < 16 && low < 16).then_some((high << 4) | low)
}

/// The value of a hexadecimal digit, 255 for anything else: a table, because this is the inner loop.
pub(crate) fn hex_value(byte: u8) -> u8 {
    HEX.get(usize::from(byte)).copied().unwrap_or(255)
}

const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let digits = *b"0123456789abcdef";
    let mut value = 0;
    let mut rest: &[u8] = &digits;
    while let [first, tail @ ..] = rest {
        set(&mut table, *first, value);
        set(&mut table, first.to_ascii_uppercase(), value);
        rest = tail;
        value += 1;
    }
    table
};

#[allow(clippy::indexing_slicing, reason = "a u8 is always inside 256 entries")]
const fn set(table: &mut [u8; 256], at: u8, value: u8) {
    table[at as usize] = value;
}

fn unhex(hex: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let (pairs, []) = hex.as_chunks::<2>() else {
        return Err(BAD_HEX);
    };
    out.reserve(pairs.len());
    for pair in pairs {
        out.push(hex_pair(*pair).ok_or(BAD_HEX)?);
    }
    Ok(())
}

/// The escape form: `\\` is a backslash, `\ooo` a byte in octal, everything else stands for itself.
fn unescape(mut raw: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    out.reserve(raw.len());
    while let [first, rest @ ..] = raw {
        raw = rest;
        if *first != b'\\' {
            out.push(*first);
        } else if let [b'\\', rest @ ..] = raw {
            out.push(b'\\');
            raw = rest;
        } else {
            let ([a, b, c], rest) = raw.split_first_chunk().ok_or(BAD_ESCAPE)?;
            out.push(octal([*a, *b, *c]).ok_or(BAD_ESCAPE)?);
            raw = rest;
        }
    }
    Ok(())
}

const BAD_ESCAPE: DecodeError = DecodeError::invalid(NAME, "bad escape sequence");

fn octal(digits: [u8; 3]) -> Option<u8> {
    let value = digits.iter().try_fold(0, |value, &byte| {
        digit(byte)
            .filter(|digit| *digit < 8)
            .map(|digit| value * 8 + digit)
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from_text(raw: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = Vec::new();
        bytea_from_text(raw, &mut out).map(|()| out)
    }

    #[test]
    fn hex() {
        assert_eq!(from_text(b"\\x00fF10"), Ok(vec![0, 255, 16]));
        assert_eq!(from_text(b"\\x"), Ok(vec![]));
        for bad in [&b"\\x0"[..], b"\\x0g", b"\\x 0", b"\\x0\xc3"] {
            assert!(from_text(bad).is_err());
        }
    }

    #[test]
    fn escape() {
        assert_eq!(from_text(b"a\\\\b\\000\\377"), Ok(b"a\\b\x00\xff".to_vec()));
        assert_eq!(from_text(b""), Ok(vec![]));
        for bad in [&b"\\"[..], b"\\0", b"\\00", b"\\400", b"\\08a", b"a\\q"] {
            assert!(from_text(bad).is_err());
        }
    }

    #[test]
    fn exact_buffer() {
        let mut out = [0; 2];
        assert_eq!(hex_length(b"\\x0aff"), Some(2));
        bytea_from_hex(b"\\x0aff", &mut out).unwrap();
        assert_eq!(out, [10, 255]);
        assert!(bytea_from_hex(b"\\x0a", &mut out).is_err());
        assert!(bytea_from_hex(b"0aff", &mut out).is_err());
        assert!(bytea_from_hex(b"\\x0aff0", &mut out).is_err());
        assert_eq!(hex_length(b"abc"), None);
    }

    proptest! {
        #[test]
        fn round_trip(value: Vec<u8>) {
            let mut text = Vec::new();
            bytea_to_text(&value, &mut text);
            prop_assert_eq!(from_text(&text), Ok(value));
        }

        #[test]
        fn any_input_is_bounded(raw: Vec<u8>) {
            if let Ok(value) = from_text(&raw) {
                prop_assert!(value.len() <= raw.len());
            }
        }
    }
}
