//! Which thread may use the session of a sync connection: one at a time, the others in the order they came.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use howdah_net::platform::{Pipe, pipe};
use pyo3::prelude::*;

use crate::errors;
use crate::shell::select::Select;
use howdah_adapt::lock;

/// The right to use a session.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    holder: Option<Caller>,
    /// Threads that wait.
    threads: VecDeque<Waiting>,
    /// The thread whose turn it is, and that has not taken it yet: with a free gate anybody quicker would pass it by.
    called: Option<Waiting>,
    /// What wakes the holder, which gives way to others.
    bell: Option<Arc<Pipe>>,
    last_number: u64,
}

/// Who uses a session: a thread, or one of its greenlets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Caller {
    thread: ThreadId,
    greenlet: usize,
}

/// A thread's place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticket {
    caller: Caller,
    number: u64,
}

/// A place in the queue, with what wakes a greenlet that has it: a thread is woken by the condition variable.
struct Waiting {
    ticket: Ticket,
    /// It only wants to listen: whoever does that already need not give way to it.
    listens: bool,
    bell: Option<Pipe>,
}

/// How long to wait before looking for signals.
const SLICE: Duration = Duration::from_millis(100);

impl Gate {
    /// Waits for the gate, detached from the interpreter, looking for signals; `None` if `deadline` has passed.
    pub(crate) fn enter_blocking(
        &self,
        py: Python<'_>,
        select: Option<&Select<'_>>,
        deadline: Option<Instant>,
        listens: bool,
    ) -> PyResult<Option<Turn<'_>>> {
        let me = Caller {
            thread: std::thread::current().id(),
            greenlet: select.map_or(Ok(0), Select::greenlet)?,
        };
        if lock(&self.state).try_enter(me) {
            return Ok(Some(Turn { gate: self }));
        }
        let (own, bell) = select.map(|_| bells()).transpose()?.unzip();
        let ticket = {
            let mut state = lock(&self.state);
            if state.holder == Some(me) {
                drop(state);
                return Err(errors::operational(
                    py,
                    "the connection is in use by the operation that called this code, or by a stream that has not ended",
                ));
            }
            if state.try_enter(me) {
                return Ok(Some(Turn { gate: self }));
            }
            state.queue(me, bell, listens)
        };
        if let (Some(select), Some(own)) = (select, own) {
            let entered = self.wait_through(select, ticket, own, deadline);
            if !matches!(entered, Ok(true)) {
                self.leave_queue(ticket);
            }
            // A turn that is made is left when it is dropped.
            return Ok(entered?.then(|| Turn { gate: self }));
        }
        loop {
            let slice = deadline.map_or(SLICE, |deadline| {
                deadline
                    .saturating_duration_since(Instant::now())
                    .min(SLICE)
            });
            if py.detach(|| self.wait(ticket, slice)) {
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

    /// Has a bell rung whenever somebody begins to wait for the gate who does not only listen, as its holder does, which gives way
    /// then; tells whether somebody waits already.
    pub(crate) fn hang_bell(&self, bell: Option<Arc<Pipe>>) -> bool {
        let mut state = lock(&self.state);
        let old = std::mem::replace(&mut state.bell, bell);
        let is_wanted = state.is_wanted();
        drop(state);
        drop(old);
        is_wanted
    }

    /// Whether somebody waits for the gate who does not only listen.
    pub(crate) fn is_wanted(&self) -> bool {
        lock(&self.state).is_wanted()
    }

    /// The turn again that was kept by [`Turn::keep`].
    pub(crate) fn continue_turn(&self) -> Turn<'_> {
        Turn { gate: self }
    }

    /// Waits for a while; tells whether the gate is the caller's now.
    fn wait(&self, ticket: Ticket, time: Duration) -> bool {
        let not_yet = |state: &mut State| !state.is_called(ticket);
        let waited = self
            .freed
            .wait_timeout_while(lock(&self.state), time, not_yet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.take_turn(ticket)
    }

    /// Waits for the gate by a function of Python's; `false` if `deadline` has passed.
    fn wait_through(
        &self,
        select: &Select<'_>,
        ticket: Ticket,
        mut own: Pipe,
        deadline: Option<Instant>,
    ) -> PyResult<bool> {
        loop {
            if lock(&self.state).take_turn(ticket) {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
            select.wait(&own, true, false, deadline)?;
            // That it has rung is all that it says.
            let _ = own.read(&mut [0; 16]);
        }
    }

    fn leave_queue(&self, ticket: Ticket) {
        let mut state = lock(&self.state);
        state.threads.retain(|other| other.ticket != ticket);
        if state.is_called(ticket) {
            state.called = None;
            self.call_next(&mut state);
        }
    }

    fn call_next(&self, state: &mut State) {
        state.called = state.threads.pop_front();
        let Some(called) = &state.called else {
            return;
        };
        match &called.bell {
            Some(bell) => ring(bell),
            None => self.freed.notify_all(),
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
    /// Takes the gate, if it is free.
    fn try_enter(&mut self, me: Caller) -> bool {
        let called = self.called.as_ref().map(|called| called.ticket.caller);
        if self.holder.is_none() && called.is_none_or(|called| called == me) {
            // A signal handler of a thread that was called: it goes first, as the thread cannot go on before it.
            if let Some(called) = self.called.take() {
                self.threads.push_front(called);
            }
            self.holder = Some(me);
            return true;
        }
        false
    }

    /// Takes a place in the queue.
    fn queue(&mut self, me: Caller, bell: Option<Pipe>, listens: bool) -> Ticket {
        self.last_number += 1;
        let ticket = Ticket {
            caller: me,
            number: self.last_number,
        };
        // A signal handler of a thread that waits goes before that.
        let is_mine = |other: &Waiting| other.ticket.caller == me;
        let place = self.threads.iter().position(is_mine);
        let place = place.unwrap_or(self.threads.len());
        let waiting = Waiting {
            ticket,
            listens,
            bell,
        };
        self.threads.insert(place, waiting);
        if let Some(bell) = self.bell.as_ref().filter(|_| !listens) {
            ring(bell);
        }
        ticket
    }

    fn is_wanted(&self) -> bool {
        self.threads.iter().any(|waiting| !waiting.listens)
    }

    fn is_called(&self, ticket: Ticket) -> bool {
        let called = self.called.as_ref();
        called.is_some_and(|called| called.ticket == ticket)
    }

    /// Makes the gate the caller's, if it is called.
    fn take_turn(&mut self, ticket: Ticket) -> bool {
        let called = self.is_called(ticket);
        if called {
            self.called = None;
            self.holder = Some(ticket.caller);
        }
        called
    }
}

/// Rings a bell. That does not wait: one whose buffer is full has rung already.
fn ring(mut bell: &Pipe) {
    let _ = bell.write(&[0]);
}

/// The two ends of a bell, neither of which waits.
pub(crate) fn bells() -> std::io::Result<(Pipe, Pipe)> {
    let (own, bell) = pipe()?;
    own.set_nonblocking(true)?;
    bell.set_nonblocking(true)?;
    Ok((own, bell))
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
