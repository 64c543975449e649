//! A connection's place in the event loop.

mod cancelling;
mod progress;
mod registration;
mod waking;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use howdah_protocol::session::ExchangeId;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::gate::Gate;
use super::op::{Answer, Op};
use crate::core::Core;
use crate::imports;
use cancelling::Timer;
use howdah_adapt::lock;
use registration::Registration;
pub(crate) use registration::running_loop;

/// What the loop calls, and what operations run on. It does not hold the connection object.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Channel {
    pub(crate) core: Arc<Core>,
    pub(super) gate: Gate<Op>,
    registration: Mutex<Registration>,
    /// Registrations with loops that it has moved away from, which those are still to end.
    left: Mutex<Vec<Registration>>,
    /// Whether there are any: only as long as that is so has a reader to ask which loop is calling.
    has_left: AtomicBool,
    /// The operations that wait for something, in the order in which their exchanges were queued.
    running: Mutex<VecDeque<Running>>,
    /// Whether reading has been given up until there is an operation: nobody takes what comes.
    paused: AtomicBool,
    /// Whether the loop will call us to go on; if that is a computation, what arrives meanwhile waits.
    working: AtomicBool,
    /// Whether the loop will call us to send what several operations have queued.
    sending: AtomicBool,
    /// Whether the loop calls a reader for the last time when the peer has reset the connection, as libuv's do, even if there is
    /// more to read before that.
    reads_to_end: AtomicBool,
    /// Whether the loop may never tell again that there is more to read.
    unread: AtomicBool,
    /// The timer for what the session wants to do at a later time.
    timer: Mutex<Option<Timer>>,
    /// The task that the session is lent to.
    borrower: Mutex<Option<Py<PyAny>>>,
}

/// An operation that waits.
struct Running {
    op: Py<Op>,
    awaits: Awaits,
    /// What it waited for, once that has come.
    answer: Option<Answer>,
}

/// What an operation waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaits {
    /// The end of the handshake.
    Started,
    /// The answer to its exchange.
    Exchange(ExchangeId),
    /// That all of its exchange that has been queued has been sent.
    Sending(ExchangeId),
    /// Rows of its exchange, or the answer to it.
    Rows(ExchangeId),
    /// That the data of a COPY has been sent, or its exchange is answered.
    Feeding(ExchangeId),
    /// Results of its exchange, or its error.
    Results(ExchangeId),
    /// That what was queued in the pipeline under this ticket has been answered and handed out.
    Booked(u64),
    /// A notification.
    Notification,
    /// That nothing is left over of what was interrupted.
    Settled,
    /// The same, and that no cancel request is under way: then it can begin.
    Beginning,
}

impl Awaits {
    /// Whether an operation may stop to wait for it, with nothing given up.
    fn may_be_in_vain(self) -> bool {
        matches!(self, Self::Notification | Self::Rows(_))
    }
}

impl Channel {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            gate: Gate::new(),
            registration: Mutex::default(),
            left: Mutex::default(),
            has_left: AtomicBool::new(false),
            running: Mutex::default(),
            paused: AtomicBool::new(false),
            working: AtomicBool::new(false),
            sending: AtomicBool::new(false),
            reads_to_end: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            timer: Mutex::default(),
            borrower: Mutex::default(),
        }
    }

    /// Has `op` woken when what it awaits has come.
    pub(super) fn set_running(
        slf: &Bound<'_, Self>,
        op: &Bound<'_, Op>,
        awaits: Awaits,
    ) -> PyResult<()> {
        let this = slf.get();
        let waiting = Running {
            op: op.clone().unbind(),
            awaits,
            answer: None,
        };
        lock(&this.running).push_back(waiting);
        if this.paused.swap(false, Ordering::Relaxed) {
            Self::watch_reading(slf, true)?;
        }
        Ok(())
    }

    /// Has an operation not woken any more; tells what it awaited.
    pub(super) fn stop_running(&self, op: &Bound<'_, Op>) -> Option<Awaits> {
        let mut running = lock(&self.running);
        let place = running.iter().position(|waiting| waiting.op.is(op));
        let before = place.and_then(|place| running.remove(place));
        drop(running);
        // What it held is dropped without the lock: this may call back into Python.
        before.map(|before| before.awaits)
    }

    /// Lends the session to code that moves it on by itself, if nobody has it: the loop does not read meanwhile.
    pub(crate) fn lend(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        // Before anything is held: this calls into Python.
        let task = current_task(slf.py())?;
        if !this.gate.try_enter() {
            return Ok(false);
        }
        if this.core.cancel_gate().is_pending() || !this.core.is_settled() {
            this.leave_gate(slf.py());
            return Ok(false);
        }
        this.core.streaming.store(true, Ordering::Relaxed);
        let before = std::mem::replace(&mut *lock(&this.borrower), task);
        drop(before);
        // One that is closed does not read anyway.
        if !this.is_loop_closed(slf.py()) {
            Self::rest_when_full(slf)?;
        }
        Ok(true)
    }

    /// Takes the session back.
    pub(crate) fn end_loan(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        // Whoever has closed the connection has left the gate as well.
        if !this.core.streaming.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        this.forget_borrower();
        this.leave_gate(slf.py());
        let reads = !this.core.snapshot.is_closed() && !this.is_loop_closed(slf.py());
        if reads && this.paused.swap(false, Ordering::Relaxed) {
            Self::watch_reading(slf, true)?;
        }
        Ok(())
    }

    /// Lets go of the task that the session was lent to.
    fn forget_borrower(&self) {
        let borrower = lock(&self.borrower).take();
        // Without the lock: this may call back into Python.
        drop(borrower);
    }

    /// Whether the session is lent to the task that asks, which would wait for itself.
    ///
    /// # Errors
    /// What is raised as the task is asked for.
    pub(super) fn is_lent_to_caller(&self, py: Python<'_>) -> PyResult<bool> {
        if !self.core.streaming.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let borrower = lock(&self.borrower).as_ref().map(|task| task.clone_ref(py));
        let Some(borrower) = borrower else {
            return Ok(false);
        };
        Ok(current_task(py)?.is_some_and(|caller| caller.is(&borrower)))
    }

    fn running_ops(&self, py: Python<'_>) -> Vec<Py<Op>> {
        let running = lock(&self.running);
        let ops = running.iter().map(|waiting| waiting.op.clone_ref(py));
        ops.collect()
    }

    /// Frees the gate for an operation that was dropped while it had it.
    pub(super) fn operation_dropped(slf: &Bound<'_, Self>) {
        let core = &slf.get().core;
        // What others have asked who share the connection goes on.
        if !slf.get().gate.is_shared() && !core.is_settled() {
            core.lose();
            Self::detach_or_report(slf);
        }
        slf.get().leave_gate(slf.py());
    }

    /// Whether a statement may join those that run, or begin to share the connection: if nobody has it, what was given up must
    /// not be left over, which would be waited for.
    pub(super) fn can_share_now(&self) -> bool {
        self.core.can_share() && (self.gate.is_held() || self.core.is_at_rest())
    }

    /// Leaves the gate, and sees to it that those in the queue run whose turn it is.
    pub(crate) fn leave_gate(&self, py: Python<'_>) {
        self.core.note_rest();
        let mut left = 1;
        while left > 0 {
            left -= 1;
            for next in self.gate.leave(self.core.can_share()) {
                let next = next.bind(py);
                next.get().hand_over();
                // Its loop is gone, so nobody will ever run it.
                if self.wake_soon(next).is_err() {
                    next.get().detach();
                    left += 1;
                }
            }
        }
    }
}

#[pymethods]
impl Channel {
    /// Called by the loop when the socket can be read.
    fn _on_readable(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        if this.core.forked() || this.is_left(slf.py()) {
            return Ok(());
        }
        if this.working.load(Ordering::Relaxed) {
            this.unread.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let read = this.read();
        Self::take_in(slf, read)?;
        Self::read_on(slf)
    }

    /// Called by the loop to move the session on without input.
    fn _on_working(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        this.working.store(false, Ordering::Relaxed);
        this.sending.store(false, Ordering::Relaxed);
        if this.core.forked() {
            return Ok(());
        }
        // What is not with the server yet cannot be cancelled there.
        if let Err(error) = Self::flush(slf) {
            return Self::wake_all(slf, error);
        }
        let read = this.compute();
        Self::take_in(slf, read)?;
        Self::read_on(slf)
    }

    /// Called by the loop at the time that the session wanted.
    fn _on_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let timer = lock(&slf.get().timer).take();
        drop(timer);
        if slf.get().core.is_overdue() {
            // Whether or not the loop has heard that there is anything.
            return Self::_on_readable(slf);
        }
        Self::_on_working(slf)
    }

    /// Called by the loop when the socket can be written.
    fn _on_writable(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::_on_working(slf)
    }

    /// Called by the loop when a cancel request is over that another loop has driven.
    fn _on_request_ended(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::request_ended(slf)
    }

    /// Called by the loop when the time of an operation is over that listens, or waits for rows for a time.
    fn _on_time(slf: &Bound<'_, Self>, op: &Bound<'_, Op>) -> PyResult<()> {
        let this = slf.get();
        let listening = {
            let mut running = lock(&this.running);
            let place = running
                .iter()
                .position(|waiting| waiting.op.is(op) && waiting.awaits.may_be_in_vain());
            place.and_then(|place| running.remove(place))
        };
        let Some(mut listening) = listening else {
            return Ok(());
        };
        listening.answer = Some(Ok(Box::default()));
        Self::wake(slf, listening)
    }

    /// Called by the loop when what has the gate was dropped in another thread than the loop's.
    fn _on_abandoned(slf: &Bound<'_, Self>, op: &Bound<'_, Op>) {
        Op::drain_or_lose(slf, op);
    }

    /// Called by the loop when the time of an operation is over.
    #[expect(clippy::unused_self, reason = "the loop calls a method of the channel")]
    fn _on_expired(&self, op: &Bound<'_, Op>) -> PyResult<()> {
        Op::expire(op)
    }

    /// Called by the loop when an operation has to be over, because the connection is being left.
    fn _on_overdue(slf: &Bound<'_, Self>, op: &Bound<'_, Op>) -> PyResult<()> {
        let core = &slf.get().core;
        if op.get().is_over() {
            return Ok(());
        }
        let error = core.too_late(slf.py());
        Self::detach_or_report(slf);
        Self::wake_all(slf, error)
    }

    /// Called by the loop when the connection was closed in another thread than the loop's.
    fn _on_closed_elsewhere(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().unregister(slf.py(), false)
    }

    /// Called by the loop that the channel has moved away from.
    fn _on_left(&self, py: Python<'_>) -> PyResult<()> {
        self.end_left(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.gate.traverse(&visit)?;
        if let Ok(left) = self.left.try_lock() {
            left.iter()
                .try_for_each(|each| visit.call(&each.event_loop))?;
        }
        if let Ok(running) = self.running.try_lock() {
            running
                .iter()
                .try_for_each(|waiting| visit.call(&waiting.op))?;
        }
        if let Ok(Some(task)) = self.borrower.try_lock().as_deref() {
            visit.call(task)?;
        }
        if let Ok(registration) = self.registration.try_lock() {
            visit.call(&registration.event_loop)?;
        }
        if let Ok(Some(timer)) = self.timer.try_lock().as_deref() {
            visit.call(&timer.handle)?;
        }
        Ok(())
    }

    /// Operations that nobody can step any more: what they were about is the end of the connection.
    fn __clear__(&self) {
        let waiting = self.gate.take_waiting();
        let running = self
            .running
            .try_lock()
            .map(|mut running| std::mem::take(&mut *running));
        let registration = self
            .registration
            .try_lock()
            .map(|mut registration| std::mem::take(&mut *registration));
        let left = self
            .left
            .try_lock()
            .map(|mut left| std::mem::take(&mut *left));
        let timer = self.timer.try_lock().map(|mut timer| timer.take());
        let borrower = self.borrower.try_lock().map(|mut task| task.take());
        drop((waiting, running, registration, left, timer, borrower));
    }
}

/// The task that is being stepped, if there is one.
fn current_task(py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
    match imports::CURRENT_TASK.get(py)?.call0() {
        Ok(task) => Ok((!task.is_none()).then(|| task.unbind())),
        // No event loop runs here.
        Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(None),
        Err(error) => Err(error),
    }
}
