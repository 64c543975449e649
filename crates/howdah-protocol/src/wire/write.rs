//! Appending messages to a buffer: lengths are patched in, and a failure leaves the buffer as it was.

use super::{Format, MAX_MESSAGE_LEN};
use crate::error::UsageError;
use crate::memory;

/// Room that is left behind whatever has a size of its own: fixed parts of messages, and the Sync behind them, are written
/// without asking.
const FIXED: usize = 64;

/// Makes room for `more` bytes and for what is fixed behind them.
#[inline]
pub(crate) fn room(out: &mut Vec<u8>, more: usize) -> Result<(), UsageError> {
    Ok(memory::room(out, more + FIXED)?)
}

/// A message with a tag.
#[inline]
pub(crate) fn message(
    out: &mut Vec<u8>,
    tag: u8,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    let start = out.len();
    room(out, 0)?;
    out.push(tag);
    framed(out, start, MAX_MESSAGE_LEN, body)
}

/// A message of the startup phase: no tag, and a limit of its own.
pub(crate) fn untagged(
    out: &mut Vec<u8>,
    limit: usize,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    let start = out.len();
    framed(out, start, limit, body)
}

/// A message without a body.
#[inline]
pub(crate) fn empty(out: &mut Vec<u8>, tag: u8) {
    out.extend_from_slice(&[tag, 0, 0, 0, 4]);
}

/// A string and the NUL that ends it; `what` names it in the error.
#[inline]
pub(crate) fn cstr(out: &mut Vec<u8>, text: &[u8], what: &'static str) -> Result<(), UsageError> {
    check_size(text.len())?;
    if text.contains(&0) {
        return Err(UsageError::NulInString { what });
    }
    room(out, text.len())?;
    out.extend_from_slice(text);
    out.push(0);
    Ok(())
}

/// Bytes as they are, if they fit a message.
#[inline]
pub(crate) fn bytes(out: &mut Vec<u8>, data: &[u8]) -> Result<(), UsageError> {
    check_size(data.len())?;
    room(out, data.len())?;
    out.extend_from_slice(data);
    Ok(())
}

/// A 16-bit count.
#[inline]
pub(crate) fn count(out: &mut Vec<u8>, count: usize, what: &'static str) -> Result<(), UsageError> {
    let short = u16::try_from(count).map_err(|_| UsageError::TooManyItems { what, count })?;
    room(out, 0)?;
    out.extend_from_slice(&short.to_be_bytes());
    Ok(())
}

/// A count of format codes and the codes.
#[inline]
pub(crate) fn formats(out: &mut Vec<u8>, formats: &[Format]) -> Result<(), UsageError> {
    count(out, formats.len(), "format codes")?;
    room(out, 2 * formats.len())?;
    for format in formats {
        out.extend_from_slice(&format.code().to_be_bytes());
    }
    Ok(())
}

/// A length and the bytes, or NULL.
#[inline]
pub(crate) fn value(out: &mut Vec<u8>, value: Option<&[u8]>) -> Result<(), UsageError> {
    match value {
        None => {
            room(out, 0)?;
            out.extend_from_slice(&(-1_i32).to_be_bytes());
        }
        Some(data) => {
            let len = check_size(data.len())?;
            room(out, data.len())?;
            out.extend_from_slice(&len.to_be_bytes());
            out.extend_from_slice(data);
        }
    }
    Ok(())
}

/// The size as a length word, unless the server would refuse it.
#[inline]
pub(crate) fn check_size(size: usize) -> Result<i32, UsageError> {
    check_limit(size, MAX_MESSAGE_LEN)
}

/// Overwrites the four bytes at `at`, which the caller has reserved.
#[inline]
pub(crate) fn patch(out: &mut [u8], at: usize, len: i32) {
    if let Some(slot) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *slot = len.to_be_bytes();
    }
}

#[inline]
fn framed(
    out: &mut Vec<u8>,
    start: usize,
    limit: usize,
    body: impl FnOnce(&mut Vec<u8>) -> Result<(), UsageError>,
) -> Result<(), UsageError> {
    let at = out.len();
    room(out, 0)?;
    out.extend_from_slice(&[0; 4]);
    let written = body(out).and_then(|()| {
        room(out, 0)?;
        check_limit(out.len().saturating_sub(at), limit)
    });
    match written {
        Ok(len) => {
            patch(out, at, len);
            Ok(())
        }
        Err(error) => {
            out.truncate(start);
            Err(error)
        }
    }
}

#[inline]
fn check_limit(size: usize, limit: usize) -> Result<i32, UsageError> {
    i32::try_from(size)
        .ok()
        .filter(|_| size <= limit)
        .ok_or(UsageError::MessageTooLarge { size })
}
