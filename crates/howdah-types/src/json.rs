//! `json` and `jsonb`: text in both formats, but for the version byte in front of a binary `jsonb`.

use crate::{DecodeError, DecodeErrorKind};

const JSONB_VERSION: u8 = 1;

/// The JSON text inside a binary `jsonb`.
///
/// # Errors
/// `Unsupported` if the version is not 1, the only one there is.
pub fn jsonb_from_binary(raw: &[u8]) -> Result<&[u8], DecodeError> {
    raw.strip_prefix(&[JSONB_VERSION]).ok_or(DecodeError::new(
        DecodeErrorKind::Unsupported,
        "jsonb",
        "unknown version",
    ))
}

/// Appends the version byte, after which the JSON text of a binary `jsonb` goes.
pub fn jsonb_to_binary(out: &mut Vec<u8>) {
    out.push(JSONB_VERSION);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version() {
        let mut out = Vec::new();
        jsonb_to_binary(&mut out);
        out.extend_from_slice(b"[1]");
        assert_eq!(jsonb_from_binary(&out), Ok(&b"[1]"[..]));
        assert!(jsonb_from_binary(b"").is_err());
        assert!(jsonb_from_binary(b"\x02[1]").is_err());
    }
}
