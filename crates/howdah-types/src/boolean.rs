//! `bool`: `t` and `f` in text, one byte in binary.

use crate::DecodeError;
use crate::reader::fixed;

const NAME: &str = "bool";

/// Reads `t` or `f`.
///
/// # Errors
/// Anything else.
pub fn bool_from_text(raw: &[u8]) -> Result<bool, DecodeError> {
    match raw {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(DecodeError::invalid(NAME, "neither t nor f")),
    }
}

/// Reads one byte; as in `boolrecv`, every byte but 0 is true.
///
/// # Errors
/// Not exactly one byte.
pub fn bool_from_binary(raw: &[u8]) -> Result<bool, DecodeError> {
    fixed(NAME, raw).map(|[byte]| byte != 0)
}

/// Appends `t` or `f`.
pub fn bool_to_text(value: bool, out: &mut Vec<u8>) {
    out.push(if value { b't' } else { b'f' });
}

/// Appends one byte.
pub fn bool_to_binary(value: bool, out: &mut Vec<u8>) {
    out.push(u8::from(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text() {
        assert_eq!(bool_from_text(b"t"), Ok(true));
        assert_eq!(bool_from_text(b"f"), Ok(false));
        for bad in [&b""[..], b"true", b"T", b"1"] {
            assert!(bool_from_text(bad).is_err());
        }
        let mut out = Vec::new();
        bool_to_text(true, &mut out);
        bool_to_text(false, &mut out);
        assert_eq!(out, b"tf");
    }

    #[test]
    fn binary() {
        assert_eq!(bool_from_binary(&[1]), Ok(true));
        assert_eq!(bool_from_binary(&[0]), Ok(false));
        assert!(bool_from_binary(&[]).is_err());
        assert!(bool_from_binary(&[1, 0]).is_err());
        let mut out = Vec::new();
        bool_to_binary(true, &mut out);
        bool_to_binary(false, &mut out);
        assert_eq!(out, [1, 0]);
    }
}
