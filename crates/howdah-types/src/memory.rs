//! Memory whose size a value decides: asked for in a way that may fail.
//!
//! [`ToSql`](crate::ToSql) and [`FromSql`](crate::FromSql) ask themselves. The codecs of single values append without asking:
//! whoever has large ones to write leaves room before, with [`room`], for as much as the value takes and for [`FIXED`]
//! bytes.

use std::fmt;

/// There is no memory for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl std::error::Error for OutOfMemory {}

/// How many bytes any value of a type of limited length takes at most, in either format, and what frames it.
pub const FIXED: usize = 128;

/// Makes room for `more` items behind those in `buffer`, so that appending them cannot fail.
///
/// # Errors
/// There is no memory; the buffer is as before.
#[inline]
pub fn room<T>(buffer: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    if buffer.capacity() - buffer.len() >= more {
        return Ok(());
    }
    grow(buffer, more)
}

/// Appends an item.
pub(crate) fn push<T>(items: &mut Vec<T>, item: T) -> Result<(), OutOfMemory> {
    room(items, 1)?;
    items.push(item);
    Ok(())
}

/// A copy of bytes.
pub(crate) fn copy(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copied = Vec::new();
    copied
        .try_reserve_exact(bytes.len())
        .map_err(|_| OutOfMemory)?;
    copied.extend_from_slice(bytes);
    Ok(copied)
}

/// A copy of a string.
pub(crate) fn string(text: &str) -> Result<String, OutOfMemory> {
    let mut copied = String::new();
    copied
        .try_reserve_exact(text.len())
        .map_err(|_| OutOfMemory)?;
    copied.push_str(text);
    Ok(copied)
}

#[cold]
fn grow<T>(buffer: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    // Where twice as much as there is cannot be had, what is needed still may.
    let grown = buffer.try_reserve(more);
    grown
        .or_else(|_| buffer.try_reserve_exact(more))
        .map_err(|_| OutOfMemory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_changes_nothing() {
        let mut buffer = vec![1_u8, 2];
        assert_eq!(room(&mut buffer, usize::MAX / 2), Err(OutOfMemory));
        assert_eq!(buffer, [1, 2]);
        room(&mut buffer, 1000).unwrap();
        assert!(buffer.capacity() >= 1002);
    }
}
