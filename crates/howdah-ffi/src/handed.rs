//! A value that is handed from one to the next, guarded by the interpreter's lock.

use std::cell::UnsafeCell;
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::HAS_GIL;

/// Holds a value that is taken out to be worked with, and put back.
///
/// The interpreter's lock guards it, which costs nothing; only where there is none it has one of its own.
#[derive(Default)]
pub struct Handed<T> {
    lock: Mutex<()>,
    value: UnsafeCell<T>,
}

// SAFETY: `Handed::replace` alone reaches the value, one thread at a time, and gives and takes it whole.
unsafe impl<T: Send> Sync for Handed<T> {}

impl<T> std::fmt::Debug for Handed<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed").finish_non_exhaustive()
    }
}

impl<T> Handed<T> {
    /// A place with a value in it.
    pub const fn new(value: T) -> Self {
        Self {
            lock: Mutex::new(()),
            value: UnsafeCell::new(value),
        }
    }

    /// Puts a value there; gives the one that was there.
    #[inline]
    pub fn replace(&self, _attached: Python<'_>, value: T) -> T {
        let _guard = (!HAS_GIL).then(|| self.lock.lock().unwrap_or_else(PoisonError::into_inner));
        // SAFETY: either the lock is held, or the interpreter's, of which the token is the proof; a move gives up neither.
        unsafe { self.value.get().replace(value) }
    }
}

impl<T: Default> Handed<T> {
    /// Takes the value, and leaves an empty one.
    #[inline]
    pub fn take(&self, py: Python<'_>) -> T {
        self.replace(py, T::default())
    }
}
