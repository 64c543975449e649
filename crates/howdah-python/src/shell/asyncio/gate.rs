//! Which operation may use the session of an asynchronous connection: one at a time, the others in the order they came.

use std::collections::VecDeque;
use std::sync::Mutex;

use howdah_adapt::lock;
use pyo3::prelude::*;

/// The right to use the session, and the operations that wait for it.
pub(crate) struct Gate<T>(Mutex<State<T>>);

struct State<T> {
    held: bool,
    waiting: VecDeque<Py<T>>,
}

/// What became of an operation that asked for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It has it.
    Now,
    /// It is in the queue, and will be woken.
    Later,
}

impl<T> Gate<T> {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(State {
            held: false,
            waiting: VecDeque::new(),
        }))
    }

    /// Takes the gate, or joins the queue.
    pub(crate) fn enter(&self, op: impl FnOnce() -> Py<T>) -> Entered {
        let mut state = lock(&self.0);
        if !state.held {
            state.held = true;
            return Entered::Now;
        }
        state.waiting.push_back(op());
        Entered::Later
    }

    /// Leaves the queue.
    pub(crate) fn give_up(&self, op: &Py<T>) {
        lock(&self.0).waiting.retain(|other| !other.is(op));
    }

    /// Whether an operation has the gate.
    pub(crate) fn is_held(&self) -> bool {
        lock(&self.0).held
    }

    /// Empties the queue.
    pub(crate) fn take_waiting(&self) -> VecDeque<Py<T>> {
        std::mem::take(&mut lock(&self.0).waiting)
    }

    /// Frees the gate, or hands it to the next in the queue, which is to be woken.
    #[must_use]
    pub(crate) fn leave(&self) -> Option<Py<T>> {
        let mut state = lock(&self.0);
        let next = state.waiting.pop_front();
        state.held = next.is_some();
        next
    }
}
