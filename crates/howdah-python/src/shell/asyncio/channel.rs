//! A connection's place in the event loop.

use std::cell::Cell;
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use howdah_net::cancel::deadline_after;
use howdah_net::drive::{Lost, lost};
use howdah_protocol::session::{ExchangeId, Outcome, Progress};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::gate::Gate;
use super::op::{Answer, Op};
use crate::core::deliver::Message;
use crate::core::{CANCEL_TIME, Core, Io};
use crate::errors::operational;
use crate::log;
use howdah_adapt::lock;

/// What the loop calls, and what operations run on. It does not hold the connection object.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Channel {
    pub(crate) core: Arc<Core>,
    pub(super) gate: Gate<Op>,
    registration: Mutex<Registration>,
    /// The operations that wait for something, in the order in which their exchanges were queued.
    running: Mutex<VecDeque<Running>>,
    /// Whether reading has been given up until there is an operation: nobody takes what comes.
    paused: AtomicBool,
    /// Whether the loop will call us to go on; if that is a computation, what arrives meanwhile waits.
    working: AtomicBool,
    /// The timer for what the session wants to do at a later time.
    timer: Mutex<Option<Timer>>,
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
    /// A notification.
    Notification,
    /// That nothing is left over of what was interrupted.
    Settled,
}

/// A call of the loop's that is due at a time.
struct Timer {
    when: Instant,
    handle: Py<PyAny>,
}

#[derive(Default)]
struct Registration {
    event_loop: Option<Py<PyAny>>,
    /// The channel's own descriptor of the socket.
    fd: Option<OwnedFd>,
    writing: bool,
}

thread_local! {
    /// Address of the event loop that is calling us in this thread, while a task is stepped; 0 otherwise.
    ///
    /// To ask asyncio for the running loop costs a system call before CPython 3.12.
    static CURRENT_LOOP: Cell<usize> = const { Cell::new(0) };
}

/// How many bytes one call of the loop may read before others get their turn.
const READ_BUDGET: usize = 512 * 1024;

/// What one call of the loop has brought.
#[derive(Default)]
struct Read {
    messages: Vec<Message>,
    ended: Vec<(ExchangeId, Outcome)>,
    /// The session has nothing to do.
    idle: bool,
    /// The handshake computes, and wants to be called again.
    working: bool,
    /// The server is to be asked to cancel.
    cancel: bool,
    lost: Option<Lost>,
}

impl Channel {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            gate: Gate::new(),
            registration: Mutex::default(),
            running: Mutex::default(),
            paused: AtomicBool::new(false),
            working: AtomicBool::new(false),
            timer: Mutex::default(),
        }
    }

    /// The loop that the channel is registered with.
    pub(crate) fn event_loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let registration = lock(&self.registration);
        registration
            .event_loop
            .as_ref()
            .map(|event_loop| event_loop.clone_ref(py))
    }

    /// Sees to it that the channel is registered with the running loop.
    pub(crate) fn attach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if slf.get().is_in_its_loop() {
            return Ok(());
        }
        let running = running_loop(py)?;
        let current = slf.get().event_loop(py);
        match current {
            Some(current) if current.is(&running) => return Ok(()),
            Some(current) => slf.get().leave_loop(current.bind(py))?,
            None => {}
        }
        let Some(socket) = slf.get().core.socket() else {
            return Ok(());
        };
        let fd = socket.duplicate()?;
        running.call_method1("add_reader", (fd.as_raw_fd(), slf.getattr("_on_readable")?))?;
        *lock(&slf.get().registration) = Registration {
            event_loop: Some(running.unbind()),
            fd: Some(fd),
            writing: false,
        };
        slf.get().paused.store(false, Ordering::Relaxed);
        slf.get().working.store(false, Ordering::Relaxed);
        Self::end_orphans(slf)
    }

    /// Ends the operations that the loop before has left unfinished.
    fn end_orphans(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let left = this.running_ops(slf.py());
        if left.is_empty() {
            return Ok(());
        }
        for waiting in this.gate.take_waiting() {
            waiting.bind(slf.py()).get().detach();
        }
        left.iter()
            .try_for_each(|op| Op::drain_detached(op.bind(slf.py())))
    }

    /// Whether the loop that the channel is registered with is known to run in this thread, because it has called us.
    fn is_in_its_loop(&self) -> bool {
        let current = CURRENT_LOOP.get();
        let registration = lock(&self.registration);
        let own = registration.event_loop.as_ref();
        current != 0 && own.is_some_and(|own| own.as_ptr().addr() == current)
    }

    /// Moves away from a loop that is not running any more.
    fn leave_loop(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let closed = event_loop.call_method0("is_closed")?.is_truthy()?;
        if !closed && event_loop.call_method0("is_running")?.is_truthy()? {
            return Err(PyRuntimeError::new_err(
                "the connection is bound to another event loop, which is still running",
            ));
        }
        let left = self.running_ops(event_loop.py());
        let forsaken = !left.is_empty() && left.iter().all(|op| closed || op.get().is_detached());
        if self.gate.is_held() && !forsaken {
            return Err(PyRuntimeError::new_err(
                "an operation on the connection is unfinished in another event loop, which does not run any more",
            ));
        }
        self.unregister(event_loop.py(), closed)
    }

    /// Ends the registration, when the connection is closed. From any thread.
    pub(crate) fn detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let Some(event_loop) = this.event_loop(py) else {
            return Ok(());
        };
        let event_loop = event_loop.bind(py);
        if this.core.forked() || event_loop.call_method0("is_closed")?.is_truthy()? {
            return this.unregister(py, true);
        }
        let here = this.is_in_its_loop()
            || !event_loop.call_method0("is_running")?.is_truthy()?
            || running_loop(py).is_ok_and(|running| running.is(event_loop));
        if here {
            return this.unregister(py, false);
        }
        // The loop runs in another thread, and may only be changed there.
        let unregister = slf.getattr("_on_closed_elsewhere")?;
        event_loop
            .call_method1("call_soon_threadsafe", (unregister,))
            .map(drop)
    }

    /// As [`Channel::detach`], where there is another error to raise.
    pub(crate) fn detach_or_report(slf: &Bound<'_, Self>) {
        if let Err(error) = Self::detach(slf) {
            error.write_unraisable(slf.py(), Some(slf));
        }
    }

    fn unregister(&self, py: Python<'_>, loop_is_gone: bool) -> PyResult<()> {
        let registration = std::mem::take(&mut *lock(&self.registration));
        let (Some(event_loop), Some(fd)) = (registration.event_loop, registration.fd) else {
            return Ok(());
        };
        if loop_is_gone {
            return Ok(());
        }
        let event_loop = event_loop.bind(py);
        if registration.writing {
            event_loop.call_method1("remove_writer", (fd.as_raw_fd(),))?;
        }
        event_loop.call_method1("remove_reader", (fd.as_raw_fd(),))?;
        Ok(())
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

    /// Has an operation not woken any more.
    pub(super) fn stop_running(&self, op: &Bound<'_, Op>) {
        let mut running = lock(&self.running);
        let place = running.iter().position(|waiting| waiting.op.is(op));
        let before = place.and_then(|place| running.remove(place));
        drop(running);
        // Without the lock: this may call back into Python.
        drop(before);
    }

    fn running_ops(&self, py: Python<'_>) -> Vec<Py<Op>> {
        let running = lock(&self.running);
        let ops = running.iter().map(|waiting| waiting.op.clone_ref(py));
        ops.collect()
    }

    /// Sends what is outgoing; tells whether all of it went. If not, the loop goes on with it.
    pub(crate) fn flush(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        let sent = {
            let mut io = lock(&this.core.io);
            match io.as_mut() {
                Some(io) => send(io),
                None => Ok(true),
            }
        };
        let done = match sent {
            Ok(done) => done,
            Err(lost) => {
                let error = this.core.broken(slf.py(), &lost);
                Self::detach_or_report(slf);
                return Err(error);
            }
        };
        Self::watch_writing(slf, !done)?;
        Ok(done)
    }

    /// Has the loop tell, or no longer tell, when the socket can be written.
    fn watch_writing(slf: &Bound<'_, Self>, wanted: bool) -> PyResult<()> {
        let py = slf.py();
        let (event_loop, fd) = {
            let mut registration = lock(&slf.get().registration);
            if registration.writing == wanted {
                return Ok(());
            }
            let Registration {
                event_loop: Some(event_loop),
                fd: Some(fd),
                ..
            } = &*registration
            else {
                return Ok(());
            };
            let pair = (event_loop.clone_ref(py), fd.as_raw_fd());
            registration.writing = wanted;
            pair
        };
        let event_loop = event_loop.bind(py);
        if wanted {
            event_loop.call_method1("add_writer", (fd, slf.getattr("_on_writable")?))?;
        } else {
            event_loop.call_method1("remove_writer", (fd,))?;
        }
        Ok(())
    }

    /// Has the loop tell, or no longer tell, when the socket can be read.
    fn watch_reading(slf: &Bound<'_, Self>, wanted: bool) -> PyResult<()> {
        let (event_loop, fd) = {
            let registration = lock(&slf.get().registration);
            let (Some(event_loop), Some(fd)) = (&registration.event_loop, &registration.fd) else {
                return Ok(());
            };
            (event_loop.clone_ref(slf.py()), fd.as_raw_fd())
        };
        let event_loop = event_loop.bind(slf.py());
        if wanted {
            event_loop.call_method1("add_reader", (fd, slf.getattr("_on_readable")?))?;
        } else {
            event_loop.call_method1("remove_reader", (fd,))?;
        }
        Ok(())
    }

    /// Stops reading when many notifications wait that nobody takes: more stay with the server until an operation runs.
    fn rest_when_full(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let full = lock(&this.core.io)
            .as_ref()
            .is_some_and(|io| io.session.backlog.is_filling());
        if full && !this.paused.swap(true, Ordering::Relaxed) {
            Self::watch_reading(slf, false)?;
        }
        Ok(())
    }

    /// Frees the gate for an operation that was dropped while it had it.
    pub(super) fn operation_dropped(slf: &Bound<'_, Self>) {
        let core = &slf.get().core;
        if !core.is_settled() {
            core.lose();
            Self::detach_or_report(slf);
        }
        slf.get().leave_gate(slf.py());
    }

    /// Frees the gate, and sees to it that the next operation in the queue runs.
    pub(crate) fn leave_gate(&self, py: Python<'_>) {
        self.core.facts.set_busy(false);
        while let Some(next) = self.gate.leave() {
            let next = next.bind(py);
            next.get().hand_over();
            match self.wake_soon(next) {
                Ok(()) => return,
                // Its loop is gone, so nobody will ever run it.
                Err(_) => next.get().detach(),
            }
        }
    }

    /// Has the loop wake an operation: for use inside a task's step, where another task must not be stepped.
    pub(crate) fn wake_soon(&self, op: &Bound<'_, Op>) -> PyResult<()> {
        let py = op.py();
        let event_loop = match self.event_loop(py) {
            Some(event_loop) => event_loop.into_bound(py),
            None => running_loop(py)?,
        };
        wake_by(&event_loop, "call_soon", op)
    }

    /// Sends a cancel request from a thread of its own, which ends when the server has acted on it; `false` if there is nothing
    /// to cancel.
    pub(crate) fn cancel_in_background(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let core = Arc::clone(&slf.get().core);
        let event_loop = slf.get().event_loop(py);
        let poke = slf.getattr("_on_cancel_sent")?.unbind();
        // An operation that looks for cancel requests does so attached to the interpreter, as we are: it cannot see one that
        // ends at once because there is nothing to cancel.
        let Some(target) = core.cancel_begins().cloned() else {
            return Ok(false);
        };
        let spawned = std::thread::Builder::new()
            .name("howdah-cancel".into())
            .spawn({
                let core = Arc::clone(&core);
                move || {
                    let sent = target.send(deadline_after(CANCEL_TIME), &mut || true);
                    core.cancel_ends();
                    Python::try_attach(|py| {
                        if let Err(error) = sent {
                            log::cancel_failure(py, &error);
                        }
                        if let Some(event_loop) = event_loop {
                            // A loop that has been closed meanwhile waits for nothing.
                            let _ = event_loop.call_method1(py, "call_soon_threadsafe", (&poke,));
                        }
                        drop(poke);
                    });
                }
            });
        if let Err(error) = spawned {
            core.cancel_ends();
            return Err(error.into());
        }
        Ok(true)
    }

    /// Has the loop look whether the operation that runs was only waiting for a cancel request to arrive. From any thread.
    pub(crate) fn poke(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(event_loop) = slf.get().event_loop(py) else {
            return Ok(());
        };
        if event_loop.call_method0(py, "is_closed")?.is_truthy(py)? {
            return Ok(());
        }
        let poke = slf.getattr("_on_cancel_sent")?;
        event_loop.call_method1(py, "call_soon_threadsafe", (poke,))?;
        Ok(())
    }

    /// Reads what is there and moves the session on.
    fn read(&self) -> Read {
        let mut read = Read::default();
        let mut io = lock(&self.core.io);
        let Some(io) = io.as_mut() else {
            return read;
        };
        let mut budget = READ_BUDGET;
        loop {
            let spare = io.session.spare();
            let room = spare.len();
            let count = match io.socket.recv_now(spare) {
                Ok(None) => break,
                Ok(Some(0)) => {
                    read.lost = Some(io.session.eof().into());
                    break;
                }
                Ok(Some(count)) => count,
                Err(error) => {
                    read.lost = Some(lost(&mut io.session, error));
                    break;
                }
            };
            io.session.received(count);
            read.take_progress(io);
            budget = budget.saturating_sub(count);
            if count < room || budget == 0 || read.working || read.cancel || read.lost.is_some() {
                break;
            }
        }
        read
    }

    /// Moves the session on with what it has.
    fn compute(&self) -> Read {
        let mut read = Read::default();
        if let Some(io) = lock(&self.core.io).as_mut() {
            read.take_progress(io);
        }
        read
    }

    /// Has the loop move the session on, because something is to be done that no input will bring about.
    pub(super) fn advance_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().event_loop(py) {
            Some(event_loop) => {
                event_loop.call_method1(py, "call_soon", (slf.getattr("_on_working")?,))?;
                Ok(())
            }
            None => Err(PyRuntimeError::new_err("the connection has no event loop")),
        }
    }

    /// Delivers what was read, and goes on with it.
    fn take_in(slf: &Bound<'_, Self>, mut read: Read) -> PyResult<()> {
        let py = slf.py();
        // A handler that raises KeyboardInterrupt must not keep the rest from those who wait for it.
        let mut outcome = Ok(());
        let mut heard = false;
        for message in std::mem::take(&mut read.messages) {
            heard |= matches!(message, Message::Notification(_));
            match slf.get().core.deliver(py, message) {
                // Too much was kept: those who wait are to know why.
                Err(error) if slf.get().core.facts.is_broken() => {
                    Self::detach_or_report(slf);
                    return Self::wake_all(slf, error);
                }
                delivered => outcome = outcome.and(delivered),
            }
        }
        if read.working {
            outcome = outcome.and(Self::work_soon(slf));
        }
        outcome.and(Self::follow_up(slf, read, heard))
    }

    /// Has the loop go on with a computation after a look at whatever else waits.
    fn work_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::advance_soon(slf)?;
        slf.get().working.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Goes on with what was read.
    fn follow_up(slf: &Bound<'_, Self>, read: Read, heard: bool) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Some(lost) = &read.lost {
            let error = this.core.broken(py, lost);
            Self::detach_or_report(slf);
            return Self::wake_all(slf, error);
        }
        // Handlers may have ended it as well.
        if this.core.facts.is_closed() && lock(&this.core.io).is_none() {
            return Self::wake_all(slf, operational(py, "the connection is closed"));
        }
        let sent = match Self::flush(slf) {
            Ok(sent) => sent,
            Err(error) => return Self::wake_all(slf, error),
        };
        if read.cancel {
            Self::cancel_for_session(slf)?;
        }
        if read.idle || !read.ended.is_empty() {
            this.core.refresh_facts();
        }
        if read.idle {
            this.core.facts.set_busy(false);
        }
        this.note_answers(read, heard, sent);
        Self::arm_timer(slf)?;
        Self::wake_answered(slf)?;
        if lock(&this.running).is_empty() {
            return Self::rest_when_full(slf);
        }
        Ok(())
    }

    /// Gives what has come to the operations that wait for it.
    fn note_answers(&self, read: Read, heard: bool, sent: bool) {
        let mut unclaimed = Vec::new();
        let mut running = lock(&self.running);
        for (id, outcome) in read.ended {
            let wants = |waiting: &&mut Running| waiting.awaits == Awaits::Exchange(id);
            match running.iter_mut().find(wants) {
                Some(waiting) => waiting.answer = Some(Ok(outcome)),
                None => unclaimed.push(outcome),
            }
        }
        let at_rest = self.core.is_at_rest();
        for waiting in running.iter_mut().filter(|each| each.answer.is_none()) {
            let outcome = match waiting.awaits {
                Awaits::Started if read.idle => Outcome::default(),
                Awaits::Settled if at_rest => Outcome::default(),
                Awaits::Notification if heard => Outcome::default(),
                Awaits::Sending(id) if sent => self.core.take_partial(id),
                _ => continue,
            };
            waiting.answer = Some(Ok(outcome));
        }
        drop(running);
        drop(unclaimed);
    }

    /// Wakes the operations whose answers have come, unless a cancel request is under way: the next statement must not be hit.
    fn wake_answered(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let mut outcome = Ok(());
        while this.core.no_cancel_pending() {
            let ready = {
                let mut running = lock(&this.running);
                let place = running.iter().position(|each| each.answer.is_some());
                place.and_then(|place| running.remove(place))
            };
            let Some(ready) = ready else { break };
            outcome = outcome.and(Self::wake(slf, ready));
        }
        outcome
    }

    /// Tells all operations that the connection is lost.
    fn wake_all(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let all = std::mem::take(&mut *lock(&this.running));
        let mut outcome = Ok(());
        let mut told = false;
        for mut waiting in all {
            told |= !waiting.op.get().is_detached();
            waiting.answer = Some(Err(error.clone_ref(py)));
            outcome = outcome.and(Self::wake(slf, waiting));
        }
        if !told {
            this.core.keep_reason(Some(error));
        }
        outcome
    }

    /// Wakes an operation, now that what it awaits has come: directly, as no task is being stepped.
    fn wake(slf: &Bound<'_, Self>, mut ready: Running) -> PyResult<()> {
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

    /// Sends the cancel request that the session asks for.
    fn cancel_for_session(slf: &Bound<'_, Self>) -> PyResult<()> {
        match Self::cancel_in_background(slf) {
            Ok(true) => return Ok(()),
            // Nothing runs any more.
            Ok(false) => {}
            // No thread to be had: the next time, perhaps.
            Err(error) => error.write_unraisable(slf.py(), Some(slf)),
        }
        slf.get().core.cancel_request_ended();
        Self::advance_soon(slf)
    }

    /// Has the loop call us when the session wants to do something.
    fn arm_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let wanted = lock(&this.core.io)
            .as_ref()
            .and_then(|io| io.session.poll_timeout());
        let before = {
            let mut timer = lock(&this.timer);
            match (&*timer, wanted) {
                (None, None) => return Ok(()),
                (Some(timer), Some(when)) if timer.when == when => return Ok(()),
                _ => timer.take(),
            }
        };
        if let Some(before) = before {
            before.handle.call_method0(py, "cancel")?;
        }
        let (Some(when), Some(event_loop)) = (wanted, this.event_loop(py)) else {
            return Ok(());
        };
        let left = when.saturating_duration_since(Instant::now());
        let arguments = (left.as_secs_f64(), slf.getattr("_on_timer")?);
        let handle = event_loop.call_method1(py, "call_later", arguments)?;
        let before = lock(&this.timer).replace(Timer { when, handle });
        drop(before);
        Ok(())
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
        for waiting in all {
            let op = waiting.op.bind(py);
            if op.get().is_detached() {
                this.leave_gate(py);
                continue;
            }
            op.get()
                .answered(Err(operational(py, "the connection is closed")));
            if let Some(event_loop) = event_loop.as_ref().filter(|_| !is_closed) {
                wake_by(event_loop.bind(py), "call_soon_threadsafe", op)?;
            }
        }
        Ok(())
    }
}

#[pymethods]
impl Channel {
    /// Called by the loop when the socket can be read.
    fn _on_readable(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        if this.core.forked() || this.working.load(Ordering::Relaxed) {
            return Ok(());
        }
        let read = this.read();
        Self::take_in(slf, read)
    }

    /// Called by the loop to move the session on without input.
    fn _on_working(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        this.working.store(false, Ordering::Relaxed);
        if this.core.forked() {
            return Ok(());
        }
        // What is not with the server yet cannot be cancelled there.
        if let Err(error) = Self::flush(slf) {
            return Self::wake_all(slf, error);
        }
        let read = this.compute();
        Self::take_in(slf, read)
    }

    /// Called by the loop at the time that the session wanted.
    fn _on_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let timer = lock(&slf.get().timer).take();
        drop(timer);
        Self::_on_working(slf)
    }

    /// Called by the loop when the socket can be written.
    fn _on_writable(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::_on_working(slf)
    }

    /// Called by the loop when a cancel request has been acted on: the answer may have come before.
    fn _on_cancel_sent(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().core.cancel_request_ended();
        Self::_on_working(slf)
    }

    /// Called by the loop when the time of an operation that listens is over.
    fn _on_time(slf: &Bound<'_, Self>, op: &Bound<'_, Op>) -> PyResult<()> {
        let this = slf.get();
        let listening = {
            let mut running = lock(&this.running);
            let place = running
                .iter()
                .position(|waiting| waiting.op.is(op) && waiting.awaits == Awaits::Notification);
            place.and_then(|place| running.remove(place))
        };
        let Some(mut listening) = listening else {
            return Ok(());
        };
        listening.answer = Some(Ok(Outcome::default()));
        Self::wake(slf, listening)
    }

    /// Called by the loop when the connection was closed in another thread than the loop's.
    fn _on_closed_elsewhere(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().unregister(slf.py(), false)
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

impl Read {
    fn take_progress(&mut self, io: &mut Io) {
        loop {
            self.idle = false;
            match io.session.advance(Instant::now()) {
                Ok(Progress::Ended(id, outcome)) => self.ended.push((id, outcome)),
                Ok(Progress::Idle) => {
                    self.idle = true;
                    return;
                }
                Ok(Progress::NeedInput) => return,
                Ok(Progress::Working) => {
                    self.working = true;
                    return;
                }
                Ok(Progress::SendCancel) => {
                    self.cancel = true;
                    return;
                }
                Ok(Progress::Notice(notice)) => self.messages.push(Message::Notice(notice)),
                Ok(Progress::Notification(notification)) => {
                    self.messages.push(Message::Notification(notification));
                }
                Err(error) => {
                    self.lost = Some(error.into());
                    return;
                }
            }
        }
    }
}

/// Sends what the kernel takes; tells whether that was all.
///
/// A server that has hung up may have said why, so a reset is left for the reader to find.
fn send(io: &mut Io) -> Result<bool, Lost> {
    while !io.session.outgoing().is_empty() {
        match io.socket.send_now(io.session.outgoing()) {
            Ok(0) => return Ok(false),
            Ok(count) => io.session.sent(count),
            Err(error) if howdah_net::socket::is_reset(&error) => {
                let rest = io.session.outgoing().len();
                io.session.sent(rest);
            }
            Err(error) => return Err(Lost::Io(error)),
        }
    }
    Ok(true)
}

/// The event loop that runs in this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION
        .get_or_try_init(py, || {
            py.import("asyncio")?
                .getattr("get_running_loop")
                .map(Bound::unbind)
        })?
        .bind(py)
        .call0()
}
