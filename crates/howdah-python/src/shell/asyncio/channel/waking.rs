//! Operations are woken: by the channel itself where no task is being stepped, else by the loop.

use std::sync::atomic::Ordering;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::super::op::Op;
use super::registration::{CURRENT_LOOP, running_loop};
use super::{Awaits, Channel, Running};
use crate::errors;
use howdah_adapt::lock;

impl Channel {
    /// Has the loop wake an operation: for use inside a task's step, where another task must not be stepped.
    pub(crate) fn wake_soon(&self, op: &Bound<'_, Op>) -> PyResult<()> {
        let py = op.py();
        let event_loop = match self.event_loop(py) {
            Some(event_loop) => event_loop.into_bound(py),
            None => running_loop(py)?,
        };
        wake_by(&event_loop, "call_soon", op)
    }

    /// Wakes the operations whose answers have come.
    pub(super) fn wake_answered(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let mut outcome = Ok(());
        loop {
            let ready = {
                let mut running = lock(&this.running);
                // Waking one may hand out what another waits for.
                let is_ready = |each: &Running| match each.awaits {
                    Awaits::Booked(ticket) => this.core.pipeline.has_booked(ticket),
                    _ => each.answer.is_some(),
                };
                let place = running.iter().position(is_ready);
                place.and_then(|place| running.remove(place))
            };
            let Some(mut ready) = ready else { break };
            ready.answer.get_or_insert_with(|| Ok(Box::default()));
            outcome = outcome.and(Self::wake(slf, ready));
        }
        outcome
    }

    /// Tells all operations that the connection is lost.
    pub(super) fn wake_all(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let all = std::mem::take(&mut *lock(&this.running));
        let mut outcome = Ok(());
        let mut told = false;
        for mut waiting in all {
            // Each task gets its own, which will hold its traceback and its context; the first gets this one.
            let own = if told {
                errors::copy(py, &error)
            } else {
                error.clone_ref(py)
            };
            told |= !waiting.op.get().is_detached();
            waiting.answer = Some(Err(own));
            outcome = outcome.and(Self::wake(slf, waiting));
        }
        if !told {
            this.core.keep_reason(error);
        }
        outcome
    }

    /// Wakes an operation, now that what it awaits has come: directly, as no task is being stepped.
    pub(super) fn wake(slf: &Bound<'_, Self>, mut ready: Running) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let op = ready.op.bind(py);
        if op.get().is_detached() {
            this.leave_gate(py);
            return Ok(());
        }
        if let Some(answer) = ready.answer.take() {
            op.get().answered(answer);
        }
        let own = lock(&this.registration)
            .event_loop
            .as_ref()
            .map(|own| own.as_ptr().addr());
        let before = CURRENT_LOOP.replace(own.unwrap_or(0));
        let mut outcome = Ok(());
        for (callback, context) in op.get().take_callbacks() {
            let called = howdah_ffi::context::call_in_context(
                callback.bind(py),
                op.as_any(),
                context.as_ref().map(|context| context.bind(py)),
            );
            if let Err(error) = called {
                outcome = Err(error);
            }
        }
        CURRENT_LOOP.set(before);
        outcome
    }

    /// Ends what runs, after the connection was closed by the user.
    ///
    /// From any thread; `event_loop` is the loop that the operations run in.
    pub(crate) fn closed(slf: &Bound<'_, Self>, event_loop: Option<Py<PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let all = std::mem::take(&mut *lock(&this.running));
        // Whoever closes is a task, or no part of the loop at all.
        let event_loop = event_loop.filter(|_| !this.core.forked());
        let is_closed = match &event_loop {
            Some(event_loop) => event_loop.call_method0(py, "is_closed")?.is_truthy(py)?,
            None => true,
        };
        let event_loop = event_loop.as_ref().filter(|_| !is_closed);
        for waiting in all {
            let op = waiting.op.bind(py);
            if op.get().is_detached() {
                this.leave_gate(py);
                continue;
            }
            op.get().answered(Err(errors::closed(py)));
            if let Some(event_loop) = event_loop {
                wake_by(event_loop.bind(py), "call_soon_threadsafe", op)?;
            }
        }
        this.forget_borrower();
        // A stream that nobody fetches from has the gate: who waits for that is not to wait until it is dropped.
        if this.core.streaming.swap(false, Ordering::Relaxed)
            && let Some(event_loop) = event_loop
        {
            for next in this.gate.leave(false) {
                let next = next.bind(py);
                next.get().hand_over();
                wake_by(event_loop.bind(py), "call_soon_threadsafe", next)?;
            }
        }
        Ok(())
    }
}

/// Has a loop wake an operation.
fn wake_by(event_loop: &Bound<'_, PyAny>, method: &str, op: &Bound<'_, Op>) -> PyResult<()> {
    let py = op.py();
    for (callback, context) in op.get().take_callbacks() {
        let options = context.map(|context| {
            let options = PyDict::new(py);
            options.set_item("context", context).map(|()| options)
        });
        let options = options.transpose()?;
        event_loop.call_method(method, (callback, op), options.as_ref())?;
    }
    Ok(())
}
