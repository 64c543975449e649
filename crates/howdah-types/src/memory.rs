//! Memory whose size a value decides: asked for in a way that may fail.
//!
//! The codecs append without asking. Whoever has large values to write leaves room for them before, with [`room`]: a
//! codec writes no more than [`FIXED`] bytes besides what is as long as the value.

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
