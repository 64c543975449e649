//! The texts of executions that have one each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

/// The texts of those executions of an `executemany()` that have not been answered: one of them is what an error is about.
///
/// They are no more than what is on its way to the server.
#[derive(Default)]
pub(crate) struct Texts(Mutex<Unanswered>);

#[derive(Default)]
struct Unanswered {
    /// How many have been answered.
    answered: usize,
    texts: VecDeque<Arc<[u8]>>,
}

impl Texts {
    /// Notes the text of the next execution.
    ///
    /// # Errors
    /// MemoryError.
    pub(super) fn push(&self, text: Arc<[u8]>) -> PyResult<()> {
        let mut state = lock(&self.0);
        let reserved = state.texts.try_reserve(1);
        if reserved.is_ok() {
            state.texts.push_back(text);
        }
        drop(state);
        reserved.map_err(|_| PyMemoryError::new_err(()))
    }

    /// Forgets those of so many more executions, which have been answered.
    pub(crate) fn answered(&self, count: usize) {
        let mut state = lock(&self.0);
        state.answered += count;
        let known = count.min(state.texts.len());
        state.texts.drain(..known);
    }

    /// The text of an execution by its number, if that has not been answered.
    pub(crate) fn of(&self, number: usize) -> Option<Arc<[u8]>> {
        let state = lock(&self.0);
        let behind = number.checked_sub(state.answered)?;
        state.texts.get(behind).map(Arc::clone)
    }
}
