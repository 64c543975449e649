//! The length in front of a value: written as a placeholder, patched once the value is there.
//!
//! Bind parameters, array elements and fields of composites are framed alike: a big-endian int32 that counts
//! the bytes after it, or -1 for NULL.

use crate::EncodeError;

/// Reserves the length of a value that is about to be appended; give the result to [`end`].
#[must_use]
pub fn begin(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Fills in the length of the value appended since [`begin`] gave `mark`.
///
/// # Errors
/// The value is longer than 2 GiB, or `mark` is not from the same buffer.
pub fn end(out: &mut [u8], mark: usize) -> Result<(), EncodeError> {
    let too_long = EncodeError::new("value", "longer than 2147483647 bytes");
    let count = out.len().checked_sub(mark).ok_or(too_long)?;
    let count = i32::try_from(count).map_err(|_| too_long)?;
    patch(out, mark, count).ok_or(too_long)
}

/// Turns the length reserved by [`begin`] into NULL and drops what was appended since.
pub fn end_null(out: &mut Vec<u8>, mark: usize) {
    out.truncate(mark);
    // A mark that did not come from begin() leaves the buffer as it is.
    let _ = patch(out, mark, -1);
}

/// Appends a NULL.
pub fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1_i32).to_be_bytes());
}

/// Appends `value` with its length.
///
/// # Errors
/// The value is longer than 2 GiB.
pub fn value(out: &mut Vec<u8>, value: &[u8]) -> Result<(), EncodeError> {
    let mark = begin(out);
    out.extend_from_slice(value);
    end(out, mark)
}

fn patch(out: &mut [u8], mark: usize, count: i32) -> Option<()> {
    out.get_mut(mark.checked_sub(4)?..mark)?
        .copy_from_slice(&count.to_be_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_patched() {
        let mut out = vec![9];
        let mark = begin(&mut out);
        out.extend_from_slice(b"abc");
        end(&mut out, mark).unwrap();
        let mark = begin(&mut out);
        out.extend_from_slice(b"dropped");
        end_null(&mut out, mark);
        value(&mut out, b"z").unwrap();
        assert_eq!(out, b"\x09\0\0\0\x03abc\xff\xff\xff\xff\0\0\0\x01z");
    }

    #[test]
    fn a_wrong_mark_is_an_error() {
        assert!(end(&mut [0; 8], 9).is_err());
        assert!(end(&mut [0; 8], 2).is_err());
    }
}
