//! Which thread may use the session of a sync connection: one at a time, the others in the order they came.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::errors;
use howdah_adapt::lock;

/// The right to use a session.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    holder: Option<ThreadId>,
    /// Threads that wait.
    threads: VecDeque<Ticket>,
    /// The thread whose turn it is, and that has not taken it yet: with a free gate anybody quicker would pass it by.
    called: Option<Ticket>,
    last_number: u64,
}

/// A thread's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket {
    thread: ThreadId,
    number: u64,
}

/// How long to wait before looking for signals.
const SLICE: Duration = Duration::from_millis(100);

impl Gate {
    /// Waits for the gate, detached from the interpreter, looking for signals; `None` if `deadline` has passed.
    pub(crate) fn enter_blocking(
        &self,
        py: Python<'_>,
        deadline: Option<Instant>,
    ) -> PyResult<Option<Turn<'_>>> {
        let me = std::thread::current().id();
        let ticket = {
            let mut state = lock(&self.state);
            if state.holder == Some(me) {
                drop(state);
                return Err(errors::operational(
                    py,
                    "the connection is in use by the operation that called this code, or by a stream that has not ended",
                ));
            }
            match state.enter_or_queue(me) {
                None => return Ok(Some(Turn { gate: self })),
                Some(ticket) => ticket,
            }
        };
        loop {
            if py.detach(|| self.wait(ticket)) {
                return Ok(Some(Turn { gate: self }));
            }
            if let Err(error) = py.check_signals() {
                self.leave_queue(ticket);
                return Err(error);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.leave_queue(ticket);
                return Ok(None);
            }
        }
    }

    /// The turn again that was kept by [`Turn::keep`].
    pub(crate) fn continue_turn(&self) -> Turn<'_> {
        Turn { gate: self }
    }

    /// Waits for a while; tells whether the gate is the caller's now.
    fn wait(&self, ticket: Ticket) -> bool {
        let not_yet = |state: &mut State| state.called != Some(ticket);
        let waited = self
            .freed
            .wait_timeout_while(lock(&self.state), SLICE, not_yet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.called != Some(ticket) {
            return false;
        }
        state.called = None;
        state.holder = Some(ticket.thread);
        true
    }

    fn leave_queue(&self, ticket: Ticket) {
        let mut state = lock(&self.state);
        state.threads.retain(|other| *other != ticket);
        if state.called == Some(ticket) {
            state.called = None;
            self.call_next(&mut state);
        }
    }

    fn call_next(&self, state: &mut State) {
        state.called = state.threads.pop_front();
        if state.called.is_some() {
            self.freed.notify_all();
        }
    }

    /// Frees the gate, and calls the next thread. For whoever has it, or ends whatever has it.
    pub(crate) fn leave(&self) {
        let mut state = lock(&self.state);
        state.holder = None;
        self.call_next(&mut state);
    }
}

impl State {
    /// Takes the gate, or gives the place in the queue.
    fn enter_or_queue(&mut self, me: ThreadId) -> Option<Ticket> {
        let called_me = self.called.filter(|ticket| ticket.thread == me);
        if self.holder.is_none() && (self.called.is_none() || called_me.is_some()) {
            // A signal handler of a thread that was called: it goes first, as the thread cannot go on before it.
            if let Some(ticket) = called_me {
                self.threads.push_front(ticket);
            }
            self.called = None;
            self.holder = Some(me);
            return None;
        }
        self.last_number += 1;
        let ticket = Ticket {
            thread: me,
            number: self.last_number,
        };
        // A signal handler of a thread that waits goes before that.
        let place = self.threads.iter().position(|other| other.thread == me);
        self.threads
            .insert(place.unwrap_or(self.threads.len()), ticket);
        Some(ticket)
    }
}

/// The gate, held by an operation.
pub(crate) struct Turn<'a> {
    gate: &'a Gate,
}

impl Turn<'_> {
    /// Does not leave the gate: [`Gate::continue_turn`] goes on with it, perhaps in another thread.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.leave();
    }
}
