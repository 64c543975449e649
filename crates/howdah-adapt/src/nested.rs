//! How deep values may be nested in each other.

use std::cell::Cell;

use pyo3::prelude::*;

use super::error;

/// More than any table has, and little of the smallest stack that a thread gets.
///
/// The interpreter's own count does not serve: some versions allow more levels than the stack has room for.
const MAX_DEPTH: u32 = 200;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level of values in values, given back when dropped.
pub(super) struct Nested(());

impl Nested {
    /// Goes one level deeper.
    ///
    /// # Errors
    /// DataError that is also RecursionError, beyond the deepest one.
    pub(super) fn enter(py: Python<'_>) -> PyResult<Self> {
        DEPTH.with(|depth| {
            if depth.get() == MAX_DEPTH {
                return Err(error::too_deep(py, "too many nested values"));
            }
            depth.set(depth.get() + 1);
            Ok(Self(()))
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}
