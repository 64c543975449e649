//! `text`, `varchar`, `bpchar`, `name`, `xml`, `unknown` and `"char"`: both formats are the characters.

use std::str;

use crate::memory::room;
use crate::reader::fixed;
use crate::{DecodeError, EncodeError};

const NAME: &str = "text";

/// Borrows the characters of a value, in either format.
///
/// # Errors
/// The bytes are not UTF-8.
pub fn str_from(raw: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(raw).map_err(|_| DecodeError::invalid(NAME, "invalid UTF-8"))
}

/// Appends characters, in either format.
///
/// # Errors
/// The string has a NUL, which no PostgreSQL text can hold; or there is no memory for it.
pub fn str_to(value: &str, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    bytes_to(value.as_bytes(), out)
}

/// Appends characters that are already in the client encoding.
///
/// # Errors
/// There is a NUL among them, or no memory for them.
pub fn bytes_to(value: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if has_nul(value) {
        return Err(EncodeError::new(
            NAME,
            "PostgreSQL text cannot contain NUL (0x00) bytes",
        ));
    }
    room(out, value.len())?;
    out.extend_from_slice(value);
    Ok(())
}

/// Whether a byte is 0, which no text can hold: eight at a time, as most strings are too short for what searches long ones.
#[inline]
#[must_use]
pub fn has_nul(bytes: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    let word_has = |word: &[u8; 8]| {
        let word = u64::from_ne_bytes(*word);
        word.wrapping_sub(LOW) & !word & (LOW << 7) != 0
    };
    let at_end = match bytes.last_chunk::<8>() {
        Some(last) => word_has(last),
        None => rest.contains(&0),
    };
    at_end || words.iter().any(word_has)
}

/// Reads a `"char"` in text: one byte, `\ooo` for bytes above 127, or nothing for 0.
///
/// # Errors
/// Anything else.
pub fn char_from_text(raw: &[u8]) -> Result<u8, DecodeError> {
    let octal = |byte: u8, limit: u8| Some(byte.wrapping_sub(b'0')).filter(|d| *d <= limit);
    match *raw {
        [] => Ok(0),
        [byte] => Ok(byte),
        [b'\\', a, b, c] => match (octal(a, 3), octal(b, 7), octal(c, 7)) {
            (Some(a), Some(b), Some(c)) => Ok((a << 6) | (b << 3) | c),
            _ => Err(DecodeError::invalid("char", "bad octal escape")),
        },
        _ => Err(DecodeError::length("char", "more than one byte")),
    }
}

/// Reads the one byte of a `"char"` in binary.
///
/// # Errors
/// Not exactly one byte.
pub fn char_from_binary(raw: &[u8]) -> Result<u8, DecodeError> {
    fixed("char", raw).map(|[byte]| byte)
}

/// Appends a `"char"` in text; a byte above 127 as `\ooo`, as servers since 15 write and read it.
pub fn char_to_text(value: u8, out: &mut Vec<u8>) {
    match value {
        0 => {}
        1..=127 => out.push(value),
        _ => out.extend_from_slice(&[
            b'\\',
            b'0' + (value >> 6),
            b'0' + ((value >> 3) & 7),
            b'0' + (value & 7),
        ]),
    }
}

/// Appends the one byte of a `"char"` in binary.
pub fn char_to_binary(value: u8, out: &mut Vec<u8>) {
    out.push(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_is_found_wherever_it_stands() {
        for length in 0..40 {
            for filler in [1, b'a', 0x7f, 0x80, 0x81, 0xff] {
                let plain = vec![filler; length];
                assert!(!has_nul(&plain), "{length} of {filler}");
                for place in 0..length {
                    let mut bytes = plain.clone();
                    bytes[place] = 0;
                    assert!(has_nul(&bytes), "{length} of {filler}, at {place}");
                }
            }
        }
    }

    #[test]
    fn characters() {
        assert_eq!(str_from("é€".as_bytes()), Ok("é€"));
        assert!(str_from(b"\xff").is_err());
        let mut out = Vec::new();
        str_to("é€", &mut out).unwrap();
        assert_eq!(out, "é€".as_bytes());
    }

    #[test]
    fn nul_is_refused_and_writes_nothing() {
        let mut out = Vec::new();
        let error = str_to("a\0b", &mut out).unwrap_err();
        assert!(error.to_string().contains("NUL"));
        assert!(out.is_empty());
    }

    #[test]
    fn every_char_survives_both_formats() {
        for value in 0..=255 {
            let mut out = Vec::new();
            char_to_text(value, &mut out);
            assert_eq!(char_from_text(&out), Ok(value));
            out.clear();
            char_to_binary(value, &mut out);
            assert_eq!(char_from_binary(&out), Ok(value));
        }
        assert!(char_from_text(b"\\400").is_err());
        assert!(char_from_text(b"ab").is_err());
        assert!(char_from_binary(b"").is_err());
    }
}
