//! Who may use the session: one operation at a time, the others in the order they came.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::prelude::*;

use super::lock;
use crate::errors;
use crate::shell::asyncio::Op;

/// The right to use a session.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    holder: Option<ThreadId>,
    waiting: VecDeque<Py<Op>>,
    /// Threads that wait; they are served by the condition variable.
    threads: usize,
}

/// What became of an operation that asked for the gate.
pub(crate) enum Entered {
    /// It has it.
    Now,
    /// It is in the queue, and will be woken.
    Later,
}

impl Gate {
    /// Waits for the gate, detached from the interpreter, looking for signals.
    pub(crate) fn enter_blocking(&self, py: Python<'_>) -> PyResult<Turn<'_>> {
        let me = std::thread::current().id();
        let mut first = true;
        loop {
            {
                let mut state = lock(&self.state);
                if state.holder.is_none() {
                    state.holder = Some(me);
                    return Ok(Turn { gate: self });
                }
                if state.holder == Some(me) && first {
                    drop(state);
                    return Err(errors::operational(
                        py,
                        "the connection is in use by the operation that called this code",
                    ));
                }
            }
            first = false;
            py.detach(|| {
                let mut state = lock(&self.state);
                if state.holder.is_some() {
                    state.threads += 1;
                    let waited = self.freed.wait_timeout(state, Duration::from_millis(100));
                    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
                    state.threads -= 1;
                }
            });
            py.check_signals()?;
        }
    }

    /// Takes the gate, or joins the queue.
    pub(crate) fn enter(&self, op: impl FnOnce() -> Py<Op>) -> Entered {
        let mut state = lock(&self.state);
        if state.holder.is_none() {
            state.holder = Some(std::thread::current().id());
            return Entered::Now;
        }
        state.waiting.push_back(op());
        Entered::Later
    }

    /// Leaves the queue, or gives the gate on if it had been handed over already.
    pub(crate) fn give_up(&self, op: &Py<Op>) -> bool {
        let mut state = lock(&self.state);
        let before = state.waiting.len();
        state.waiting.retain(|other| !other.is(op));
        before != state.waiting.len()
    }

    /// Frees the gate, or hands it to the next in the queue, which is to be woken.
    #[must_use]
    pub(crate) fn leave(&self) -> Option<Py<Op>> {
        let mut state = lock(&self.state);
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.holder = None;
            if state.threads > 0 {
                self.freed.notify_one();
            }
        }
        next
    }
}

/// The gate, held by a blocking operation.
pub(crate) struct Turn<'a> {
    gate: &'a Gate,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Only asynchronous operations queue up, and only on asynchronous connections.
        drop(self.gate.leave());
    }
}
