//! `pg_lsn`: a position in the write-ahead log, in text two halves in hexadecimal.

use std::io::Write;

use crate::DecodeError;
use crate::bytea::hex_value;
use crate::reader::fixed;

const NAME: &str = "pg_lsn";

/// Reads a position in text: `16/B374D848`.
///
/// # Errors
/// Not one to eight hexadecimal digits on both sides of a slash.
pub fn pg_lsn_from_text(raw: &[u8]) -> Result<u64, DecodeError> {
    let slash = raw.iter().position(|byte| *byte == b'/');
    let halves = slash.and_then(|at| {
        let (high, low) = raw.split_at(at);
        half(high).zip(half(low.strip_prefix(b"/")?))
    });
    let (high, low) = halves.ok_or(DecodeError::invalid(NAME, "not two hexadecimal halves"))?;
    Ok((u64::from(high) << 32) | u64::from(low))
}

/// Reads a position in binary.
///
/// # Errors
/// Not exactly eight bytes.
pub fn pg_lsn_from_binary(raw: &[u8]) -> Result<u64, DecodeError> {
    fixed(NAME, raw).map(u64::from_be_bytes)
}

/// Appends a position in text.
pub fn pg_lsn_to_text(value: u64, out: &mut Vec<u8>) {
    let written = write!(out, "{:X}/{:X}", value >> 32, value & 0xFFFF_FFFF);
    // Writing to a Vec does not fail.
    debug_assert!(written.is_ok());
}

/// Appends a position in binary.
pub fn pg_lsn_to_binary(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn half(digits: &[u8]) -> Option<u32> {
    if !(1..=8).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |value, digit| {
        let digit = Some(hex_value(*digit)).filter(|digit| *digit < 16)?;
        Some((value << 4) | u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layouts() {
        assert_eq!(pg_lsn_from_text(b"16/B374D848"), Ok(0x16_B374_D848));
        assert_eq!(
            pg_lsn_from_text(b"ffffffff/00000000"),
            Ok(0xFFFF_FFFF_0000_0000)
        );
        for bad in [
            "",
            "/",
            "1/",
            "/1",
            "1",
            "1/2/3",
            "g/1",
            "123456789/0",
            "+1/2",
            "1 /2",
        ] {
            assert!(pg_lsn_from_text(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(pg_lsn_from_binary(&[0; 9]).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(value: u64) {
            let mut out = Vec::new();
            pg_lsn_to_text(value, &mut out);
            prop_assert_eq!(pg_lsn_from_text(&out), Ok(value));
            out.clear();
            pg_lsn_to_binary(value, &mut out);
            prop_assert_eq!(pg_lsn_from_binary(&out), Ok(value));
        }
    }
}
