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

/// Zeros, which the system mostly has ready.
pub(crate) fn zeroed(len: usize) -> Result<Vec<u8>, OutOfMemory> {
    let refused = OutOfMemory { bytes: len };
    if !limit::allows::<u8>(&[], len) {
        return Err(refused);
    }
    bytemuck::try_zeroed_slice_box(len)
        .map(Vec::from)
        .map_err(|()| refused)
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
