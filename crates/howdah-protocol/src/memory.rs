//! Memory whose size a peer or a caller decides: asked for in a way that may fail, so that an error comes of it and not
//! the end of the process.

use std::fmt;

/// There is no memory for what was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory {
    /// How much more was asked for, in bytes.
    pub bytes: usize,
}

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "out of memory: no room for {} bytes", self.bytes)
    }
}

impl std::error::Error for OutOfMemory {}

/// Makes room for `more` items behind those in `buffer`, so that appending them cannot fail.
#[inline]
pub(crate) fn room<T>(buffer: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    if buffer.capacity() - buffer.len() >= more {
        return Ok(());
    }
    grow(buffer, more)
}

#[cold]
fn grow<T>(buffer: &mut Vec<T>, more: usize) -> Result<(), OutOfMemory> {
    let refused = OutOfMemory {
        bytes: more.saturating_mul(size_of::<T>()),
    };
    if !limit::allows(buffer, more) {
        return Err(refused);
    }
    // Where twice as much as there is cannot be had, what is needed still may.
    let grown = buffer.try_reserve(more);
    grown
        .or_else(|_| buffer.try_reserve_exact(more))
        .map_err(|_| refused)
}

/// Makes a buffer of `len` zeros of one that is empty or shorter.
pub(crate) fn extend_to(buffer: &mut Vec<u8>, len: usize) -> Result<(), OutOfMemory> {
    let more = len.saturating_sub(buffer.len());
    let refused = OutOfMemory { bytes: more };
    if !limit::allows(buffer, more) || buffer.try_reserve_exact(more).is_err() {
        return Err(refused);
    }
    buffer.resize(len, 0);
    Ok(())
}

/// A buffer to receive into: zeros, which the system mostly has ready, or what is left of a result that was let go.
pub(crate) fn receiving(len: usize) -> Result<Vec<u8>, OutOfMemory> {
    let refused = OutOfMemory { bytes: len };
    if !limit::allows::<u8>(&[], len) {
        return Err(refused);
    }
    if let Some(spare) = spare::take(len) {
        return Ok(spare);
    }
    bytemuck::try_zeroed_slice_box(len)
        .map(Vec::from)
        .map_err(|()| refused)
}

/// Takes a buffer of a result that is let go: the next large result of this thread is received into it. Pages that are given back
/// to the system and asked for again cost more than what is read into them.
#[inline]
pub(crate) fn let_go(buffer: Vec<u8>) {
    if buffer.capacity() >= spare::LEAST {
        spare::put(buffer);
    }
}

mod spare {
    use std::cell::Cell;

    /// Smaller buffers are not worth it: the allocator has them at hand.
    pub(super) const LEAST: usize = 64 * 1024;
    /// A thread does not keep more.
    const MOST: usize = 4 * 1024 * 1024;

    thread_local! {
        static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }

    #[cold]
    pub(super) fn put(buffer: Vec<u8>) {
        if buffer.capacity() > MOST {
            return;
        }
        // At the end of a thread there is no place for it.
        let _ = SPARE.try_with(|place| {
            let other = place.take();
            let is_larger = other.capacity() > buffer.capacity();
            place.set(if is_larger { other } else { buffer });
        });
    }

    /// One of `len` bytes, if there is one that is not far larger: who keeps the result keeps all of it.
    pub(super) fn take(len: usize) -> Option<Vec<u8>> {
        if len < LEAST {
            return None;
        }
        let mut spare = SPARE.try_with(Cell::take).ok()?;
        if (len..=2 * len).contains(&spare.capacity()) {
            spare.resize(len, 0);
            return Some(spare);
        }
        let _ = SPARE.try_with(|place| place.set(spare));
        None
    }
}

/// What a buffer that is filled and emptied again and again keeps of its memory: what it has needed lately, up to a bound.
/// Memory that is given back and asked for again costs more than what is written to it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Kept {
    /// How often in a row less than a part of it was needed.
    spared: u8,
}

/// Bytes that a buffer keeps in any case.
const KEPT_ALWAYS: usize = 16 * 1024;
/// Bytes that it keeps as long as they are needed.
const KEPT_IN_USE: usize = 4 * 1024 * 1024;
/// After how many times of less need it gives its memory back.
const PATIENCE: u8 = 8;

impl Kept {
    /// Empties a buffer.
    pub(crate) fn clear(&mut self, buffer: &mut Vec<u8>) {
        let (used, capacity) = (buffer.len(), buffer.capacity());
        buffer.clear();
        if capacity <= KEPT_ALWAYS {
            return;
        }
        self.spared = if used >= capacity / 4 {
            0
        } else {
            self.spared + 1
        };
        if capacity > KEPT_IN_USE || self.spared >= PATIENCE {
            buffer.shrink_to(KEPT_ALWAYS);
            self.spared = 0;
        }
    }
}

/// A copy of some items.
pub(crate) fn copy<T: Copy>(items: &[T]) -> Result<Vec<T>, OutOfMemory> {
    let mut copied = Vec::new();
    if !limit::allows(&copied, items.len()) || copied.try_reserve_exact(items.len()).is_err() {
        return Err(OutOfMemory {
            bytes: size_of_val(items),
        });
    }
    copied.extend_from_slice(items);
    Ok(copied)
}

/// A copy that will not grow.
pub(crate) fn boxed<T: Copy>(items: &[T]) -> Result<Box<[T]>, OutOfMemory> {
    // Exactly as large as needed: nothing is moved.
    copy(items).map(Vec::into_boxed_slice)
}

#[cfg(not(test))]
mod limit {
    pub(super) const fn allows<T>(_: &[T], _: usize) -> bool {
        true
    }
}

/// Tests cannot use up the memory, but they can say from which size of a buffer on there is none.
#[cfg(test)]
pub(crate) mod limit {
    use std::cell::Cell;

    thread_local! {
        static LARGEST: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(crate) fn set(bytes: usize) {
        LARGEST.set(bytes);
    }

    pub(super) fn allows<T>(buffer: &[T], more: usize) -> bool {
        (buffer.len() + more).saturating_mul(size_of::<T>()) <= LARGEST.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_what_it_needs_again_and_again() {
        let (mut kept, mut buffer) = (Kept::default(), Vec::new());
        for _ in 0..20 {
            buffer.resize(1 << 20, 1);
            kept.clear(&mut buffer);
            assert!(buffer.is_empty() && buffer.capacity() >= 1 << 20);
        }
    }

    #[test]
    fn memory_that_is_needed_no_longer_is_given_back() {
        let (mut kept, mut buffer) = (Kept::default(), vec![1; 1 << 20]);
        for _ in 0..=PATIENCE {
            kept.clear(&mut buffer);
            buffer.push(1);
        }
        assert!(buffer.capacity() <= KEPT_ALWAYS);
    }

    #[test]
    fn more_than_the_bound_is_given_back_at_once() {
        let (mut kept, mut buffer) = (Kept::default(), vec![1; KEPT_IN_USE + 1]);
        kept.clear(&mut buffer);
        assert!(buffer.capacity() <= KEPT_ALWAYS);
    }

    #[test]
    fn the_buffer_of_a_result_that_was_let_go_is_received_into_again() -> Result<(), OutOfMemory> {
        let first = receiving(1 << 20)?;
        let place = first.as_ptr();
        let mut truncated = first;
        truncated.truncate(10);
        let_go(truncated);
        let second = receiving(1 << 20)?;
        assert_eq!((second.as_ptr(), second.len()), (place, 1 << 20));
        Ok(())
    }

    #[test]
    fn a_small_result_does_not_get_a_large_buffer() -> Result<(), OutOfMemory> {
        let_go(receiving(1 << 21)?);
        assert!(receiving(1 << 17)?.capacity() < 1 << 21);
        assert!(receiving(10)?.capacity() < 1 << 17);
        Ok(())
    }
}
