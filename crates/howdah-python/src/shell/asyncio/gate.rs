//! Which operations may use the session of an asynchronous connection, in the order they came: one at a time, or, where
//! statements are pipelined, those that can share it.

use std::collections::VecDeque;
use std::sync::Mutex;

use howdah_adapt::lock;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

/// The right to use the session, and the operations that wait for it.
pub(crate) struct Gate<T>(Mutex<State<T>>);

struct State<T> {
    lease: Lease,
    /// With whether they can share.
    waiting: VecDeque<(Py<T>, bool)>,
}

/// How the gate is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Free,
    Exclusive,
    /// By so many operations.
    Shared(usize),
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
            lease: Lease::Free,
            waiting: VecDeque::new(),
        }))
    }

    /// Takes the gate, or joins the queue. One that can share does not overtake one that waits and cannot.
    pub(crate) fn enter(&self, op: impl FnOnce() -> Py<T>, can_share: bool) -> Entered {
        let mut state = lock(&self.0);
        let joined = state.lease.joined(can_share);
        match joined.filter(|_| state.waiting.is_empty()) {
            Some(lease) => {
                state.lease = lease;
                Entered::Now
            }
            None => {
                state.waiting.push_back((op(), can_share));
                Entered::Later
            }
        }
    }

    /// Takes the gate, if it is free.
    pub(crate) fn try_enter(&self) -> bool {
        let mut state = lock(&self.0);
        let free = state.lease == Lease::Free;
        if free {
            state.lease = Lease::Exclusive;
        }
        free
    }

    /// Leaves the queue.
    pub(crate) fn give_up(&self, op: &Py<T>) {
        lock(&self.0).waiting.retain(|(other, _)| !other.is(op));
    }

    /// Whether an operation has the gate.
    pub(crate) fn is_held(&self) -> bool {
        lock(&self.0).lease != Lease::Free
    }

    /// Whether those that have the gate share it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(lock(&self.0).lease, Lease::Shared(_))
    }

    /// Makes the gate the caller's alone, which has it, unless others share it; tells whether it is.
    pub(crate) fn claim(&self) -> bool {
        let mut state = lock(&self.0);
        if state.lease == Lease::Shared(1) {
            state.lease = Lease::Exclusive;
        }
        state.lease == Lease::Exclusive
    }

    /// Empties the queue.
    pub(crate) fn take_waiting(&self) -> Vec<Py<T>> {
        let waiting = std::mem::take(&mut lock(&self.0).waiting);
        waiting.into_iter().map(|(op, _)| op).collect()
    }

    /// Shows the collector who waits.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.0.try_lock() {
            Ok(state) => state.waiting.iter().try_for_each(|(op, _)| visit.call(op)),
            Err(_) => Ok(()),
        }
    }

    /// Leaves the gate. Those in the queue that have it now are to be woken: one, or with `share` all in front that can share.
    #[must_use]
    pub(crate) fn leave(&self, share: bool) -> Vec<Py<T>> {
        let mut state = lock(&self.0);
        state.lease = match state.lease {
            Lease::Shared(count) if count > 1 => Lease::Shared(count - 1),
            _ => Lease::Free,
        };
        let mut next = Vec::new();
        while let Some((_, can_share)) = state.waiting.front()
            && let Some(lease) = state.lease.joined(*can_share && share)
        {
            state.lease = lease;
            next.extend(state.waiting.pop_front().map(|(op, _)| op));
        }
        next
    }
}

impl Lease {
    /// What it becomes with one operation more, if that can have it.
    fn joined(self, can_share: bool) -> Option<Self> {
        match (self, can_share) {
            (Self::Free, false) => Some(Self::Exclusive),
            (Self::Free, true) => Some(Self::Shared(1)),
            (Self::Shared(count), true) => Some(Self::Shared(count + 1)),
            _ => None,
        }
    }
}
