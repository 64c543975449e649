//! `uuid`: 16 bytes, in text 36 characters.

use crate::DecodeError;
use crate::bytea::{hex_digits, hex_pair, hex_value};
use crate::reader::fixed;

const NAME: &str = "uuid";

/// Reads the text form; hyphens may be missing and braces may surround it.
///
/// # Errors
/// Not exactly 32 hexadecimal digits.
pub fn uuid_from_text(raw: &[u8]) -> Result<[u8; 16], DecodeError> {
    canonical(raw).or_else(|| lenient(raw)).ok_or(BAD)
}

/// Reads the binary form.
///
/// # Errors
/// Not exactly 16 bytes.
pub fn uuid_from_binary(raw: &[u8]) -> Result<[u8; 16], DecodeError> {
    fixed(NAME, raw)
}

/// Appends the text form: lower case, with hyphens.
pub fn uuid_to_text(value: &[u8; 16], out: &mut Vec<u8>) {
    for (position, &byte) in value.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.extend_from_slice(&hex_digits(byte));
    }
}

/// Appends the binary form.
pub fn uuid_to_binary(value: &[u8; 16], out: &mut Vec<u8>) {
    out.extend_from_slice(value);
}

const BAD: DecodeError = DecodeError::invalid(NAME, "not 32 hexadecimal digits");

/// The form that the server writes: groups of 8, 4, 4, 4 and 12 digits.
fn canonical(raw: &[u8]) -> Option<[u8; 16]> {
    let raw: &[u8; 36] = raw.try_into().ok()?;
    let mut out = [0; 16];
    let mut rest = raw.as_slice();
    for (position, byte) in out.iter_mut().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            rest = rest.strip_prefix(b"-")?;
        }
        let (pair, tail) = rest.split_first_chunk()?;
        *byte = hex_pair(*pair)?;
        rest = tail;
    }
    Some(out)
}

fn lenient(raw: &[u8]) -> Option<[u8; 16]> {
    let raw = match raw {
        [b'{', inner @ .., b'}'] => inner,
        _ => raw,
    };
    let mut digits = raw.iter().filter(|byte| **byte != b'-');
    let mut nibble = || digits.next().map(|d| hex_value(*d)).filter(|d| *d < 16);
    let mut out = [0; 16];
    for byte in &mut out {
        *byte = (nibble()? << 4) | nibble()?;
    }
    digits.next().is_none().then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: [u8; 16] = [
        0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a,
        0x11,
    ];

    #[test]
    fn accepted_forms() {
        for text in [
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
            "a0eebc999c0b4ef8bb6d6bb9bd380a11",
            "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
        ] {
            assert_eq!(uuid_from_text(text.as_bytes()), Ok(SAMPLE), "{text}");
        }
    }

    #[test]
    fn refused_forms() {
        for text in [
            "",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a111",
            "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ] {
            assert!(uuid_from_text(text.as_bytes()).is_err(), "{text}");
        }
        assert!(uuid_from_binary(&[0; 15]).is_err());
        assert!(uuid_from_binary(&[0; 17]).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(value: [u8; 16]) {
            let mut out = Vec::new();
            uuid_to_text(&value, &mut out);
            prop_assert_eq!(out.len(), 36);
            prop_assert_eq!(uuid_from_text(&out), Ok(value));
            out.clear();
            uuid_to_binary(&value, &mut out);
            prop_assert_eq!(uuid_from_binary(&out), Ok(value));
        }
    }
}
