//! An awaitable operation: coroutine, iterator and future in one object.
//!
//! ```text
//!             gate is free            the session is at rest          answered                done
//! Fresh ───────────────────▶ (begin) ───────────────────▶ Running ──────────▶ Answered ──────────▶ Finished
//!   │ gate is taken             ▲   └─ at rest first ─▶ Running ─▶ Answered ─┘    │ more to run: Running
//!   └────────▶ Queued ─▶ HandedOver                        │
//!                                                          │ interrupted: the job leaves what must be done,
//!                                                          ▼ the session comes to rest
//!                                                       Draining ──────────────▶ Finished (raises)
//!                                                          │ interrupted again: the channel sees to the rest
//!                                                          ▼
//!                                                       Detached
//! ```

mod interruption;
mod timers;

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use howdah_protocol::session::Outcome;
use pyo3::exceptions::{PyBaseException, PyGeneratorExit, PyRuntimeError, PyRuntimeWarning};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::channel::{Awaits, Channel};
use super::gate::Entered;
use crate::core::Core;
use crate::core::limit::{Limit, Timeout};
use crate::core::pipeline::Status;
use crate::errors;
use crate::hooks::Span;
use crate::imports;
use crate::shell::job::{Job, Next};
use crate::shell::told;
use howdah_adapt::lock;
use howdah_ffi::awaitable::{Awaitable, Step};

/// How many stretches of a long exchange are sent in a row before others get their turn.
const STRETCHES: usize = 8;

/// One operation on an asynchronous connection. It begins when it is first awaited.
#[pyclass(frozen, module = "howdah._howdah", name = "Operation")]
pub(crate) struct Op {
    channel: Py<Channel>,
    state: Mutex<State>,
    /// What hooks were told of it.
    span: OnceLock<Arc<Span>>,
    /// asyncio's mark that a yielded object is a future to wait for.
    blocking: AtomicBool,
}

struct State {
    phase: Phase,
    job: Option<Box<dyn Job>>,
    /// Whether the job has still to begin, once the session has come to rest.
    settling: bool,
    /// Whether it has the gate. One that only waits for a pipeline does not need it.
    has_gate: bool,
    callback: Option<Callback>,
    more_callbacks: Vec<Callback>,
    /// The task asked for cancellation, with this message.
    cancelled: Option<Option<Py<PyAny>>>,
    timer: Option<Py<PyAny>>,
    /// The timer for when it has to be over, where it has to be.
    bound: Option<Py<PyAny>>,
    /// What its caller says of its time, until it begins; and what that comes to.
    timeout: Option<Timeout>,
    limit: Option<Limit>,
    /// The timer for when it is given up.
    expiry: Option<Py<PyAny>>,
}

/// What to call, with which context.
type Callback = (Py<PyAny>, Option<Py<PyAny>>);

/// What has become of what an operation waited for: what its exchange gave, or why it never will.
pub(super) type Answer = PyResult<Box<Outcome>>;

enum Phase {
    /// Not awaited yet.
    Fresh,
    /// Waits for the gate.
    Queued,
    /// Has been given the gate.
    HandedOver,
    /// Waits for the server.
    Running,
    /// What it waited for has come.
    Answered(Answer),
    /// Was interrupted by this exception, and waits for the session to come to rest.
    Draining(Py<PyBaseException>),
    /// Was given up at its time, and has still to say so.
    Expired(PyErr),
    /// As before, but nobody waits for it any more.
    Detached,
    Finished,
}

/// What polling an operation gave.
enum Poll {
    Pending,
    Ready(Py<PyAny>),
}

/// Where what a job wants is.
enum Wanted {
    /// It wants nothing more, and gives this.
    Done(Py<PyAny>),
    /// Here: the job goes on at once.
    Here,
    ToCome(Awaits),
}

impl Op {
    pub(crate) fn new(channel: Py<Channel>, job: Box<dyn Job>, timeout: Option<Timeout>) -> Self {
        Self {
            channel,
            state: Mutex::new(State {
                phase: Phase::Fresh,
                job: Some(job),
                settling: false,
                has_gate: false,
                callback: None,
                more_callbacks: Vec::new(),
                cancelled: None,
                timer: None,
                bound: None,
                timeout,
                limit: None,
                expiry: None,
            }),
            span: OnceLock::new(),
            blocking: AtomicBool::new(false),
        }
    }

    /// Notes that the gate has been handed to it.
    pub(super) fn hand_over(&self) {
        let mut state = lock(&self.state);
        state.has_gate = true;
        state.phase = Phase::HandedOver;
    }

    fn has_gate(&self) -> bool {
        lock(&self.state).has_gate
    }

    /// Leaves the gate, if it has it.
    fn leave_gate(&self, py: Python<'_>) {
        if std::mem::take(&mut lock(&self.state).has_gate) {
            self.channel.get().leave_gate(py);
        }
    }

    /// Notes that nobody will wait for it any more.
    pub(super) fn detach(&self) {
        let before = self.set_phase(Phase::Detached);
        drop(before);
    }

    /// Whether it is over, for whoever awaits it.
    pub(super) fn is_over(&self) -> bool {
        let state = lock(&self.state);
        matches!(state.phase, Phase::Detached | Phase::Finished)
    }

    pub(super) fn is_detached(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Detached)
    }

    /// Notes that what it waited for has come, or why it never will.
    pub(super) fn answered(&self, answer: Answer) {
        let mut state = lock(&self.state);
        if matches!(state.phase, Phase::Running) {
            state.phase = Phase::Answered(answer);
            return;
        }
        drop(state);
        // Without the lock: this may call back into Python.
        drop(answer);
    }

    /// The context of the task that waits for it.
    pub(super) fn context(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = lock(&self.state);
        let (_, context) = state.callback.as_ref()?;
        context.as_ref().map(|context| context.clone_ref(py))
    }

    pub(super) fn take_callbacks(&self) -> impl Iterator<Item = Callback> + use<> {
        let mut state = lock(&self.state);
        let first = state.callback.take();
        let more = std::mem::take(&mut state.more_callbacks);
        first.into_iter().chain(more)
    }

    fn set_phase(&self, phase: Phase) -> Phase {
        std::mem::replace(&mut lock(&self.state).phase, phase)
    }

    /// Moves on as far as it goes without waiting.
    fn poll(slf: &Bound<'_, Self>) -> PyResult<Poll> {
        let this = slf.get();
        match this.set_phase(Phase::Finished) {
            Phase::Fresh => this.enter(slf),
            Phase::HandedOver => this.begin(slf),
            Phase::Answered(answer) => this.guarded(slf, || this.resume(slf, answer)),
            Phase::Draining(error) => {
                let error = error.into_bound(slf.py()).into_any();
                this.drained(slf, PyErr::from_value(error))
            }
            waiting @ (Phase::Queued | Phase::Running) => {
                this.set_phase(waiting);
                Ok(Poll::Pending)
            }
            Phase::Expired(error) => Err(error),
            Phase::Detached | Phase::Finished => Err(PyRuntimeError::new_err(
                "cannot reuse already awaited operation",
            )),
        }
    }

    fn enter(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        let channel = self.channel.bind(slf.py());
        if !channel.get().core.hooks.are_quiet() {
            self.tell_beginning(slf.py())?;
        }
        let attached = channel.get().core.check_process(slf.py());
        if let Err(error) = attached.and_then(|()| Channel::attach(channel)) {
            self.refuse_job();
            return Err(error);
        }
        self.start_bound(slf)?;
        self.start_expiry(slf)?;
        if self.is_leased() {
            lock(&self.state).has_gate = true;
            return self.guarded(slf, || self.start(slf));
        }
        self.check_not_lent(slf.py())?;
        let can_share = channel.get().can_share_now() && self.can_share(slf.py());
        match channel.get().gate.enter(|| slf.clone().unbind(), can_share) {
            Entered::Now => {
                lock(&self.state).has_gate = true;
                self.begin(slf)
            }
            Entered::Later => {
                self.set_phase(Phase::Queued);
                Ok(Poll::Pending)
            }
        }
    }

    /// Fails if its own task has the session lent to it.
    fn check_not_lent(&self, py: Python<'_>) -> PyResult<()> {
        let lent = self.channel.get().is_lent_to_caller(py);
        let error = match lent {
            Ok(false) => return Ok(()),
            Ok(true) => errors::operational(py, "another command is already in progress"),
            Err(error) => error,
        };
        self.refuse_job();
        Err(error)
    }

    /// Tells hooks of it.
    #[cold]
    fn tell_beginning(&self, py: Python<'_>) -> PyResult<()> {
        // Without the lock: hooks are called.
        let Some(mut job) = lock(&self.state).job.take() else {
            return Ok(());
        };
        let begun = told::begin(py, &self.channel.get().core, &mut *job);
        lock(&self.state).job = Some(job);
        if let Some(span) = begun.inspect_err(|_| self.refuse_job())? {
            // It begins once.
            let _ = self.span.set(span);
        }
        Ok(())
    }

    /// What has become of it for now, after hooks were told if it is over.
    #[inline]
    fn tell_end(&self, py: Python<'_>, polled: PyResult<Poll>) -> PyResult<Poll> {
        match self.channel.get().core.hooks.are_quiet() {
            true => polled,
            false => self.tell_polled(py, polled),
        }
    }

    #[cold]
    fn tell_polled(&self, py: Python<'_>, polled: PyResult<Poll>) -> PyResult<Poll> {
        let over = match polled {
            // What has ended meanwhile is told of by the loop's callback.
            Ok(Poll::Pending) => return Ok(Poll::Pending),
            Ok(Poll::Ready(value)) => Ok(value),
            Err(error) => Err(error),
        };
        let told = self.channel.get().core.hooks.tell(py);
        let over = match self.span.get() {
            Some(span) => span.call_over(py, over),
            None => over,
        };
        told.and(over).map(Poll::Ready)
    }

    /// Whether it is part of something that has the gate already.
    fn is_leased(&self) -> bool {
        let state = lock(&self.state);
        state.job.as_ref().is_some_and(|job| job.has_lease())
    }

    fn can_share(&self, py: Python<'_>) -> bool {
        // Without the lock: it looks at objects of Python's.
        let job = lock(&self.state).job.take();
        let can_share = job.as_ref().is_some_and(|job| job.can_share(py));
        lock(&self.state).job = job;
        can_share
    }

    /// It has the gate: begins, once the session is at rest.
    fn begin(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        self.guarded(slf, || self.start_at_rest(slf))
    }

    /// Starts if the session is at rest and no cancel request is under way; else waits for that.
    fn start_at_rest(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        let channel = self.channel.get();
        let core = &channel.core;
        let held_up = core.is_held_up() && self.sends(core);
        if channel.gate.is_shared() || (!held_up && core.is_settled()) {
            return self.start(slf);
        }
        lock(&self.state).settling = true;
        self.wait(slf, Awaits::Beginning)?;
        Channel::advance_soon(self.channel.bind(slf.py()))?;
        Ok(Poll::Pending)
    }

    fn sends(&self, core: &Core) -> bool {
        let state = lock(&self.state);
        state.job.as_ref().is_none_or(|job| job.sends(core))
    }

    fn start(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        self.check_time(slf.py())?;
        self.go_on(slf, |job, py, core| job.start(py, core))
    }

    /// Runs a step of an operation that has the gate: unless it waits then, it is over, and frees the gate.
    fn guarded(
        &self,
        slf: &Bound<'_, Self>,
        step: impl FnOnce() -> PyResult<Poll>,
    ) -> PyResult<Poll> {
        let guard = OnPanic(self, slf.py());
        let polled = step();
        drop(guard);
        match polled {
            Ok(Poll::Pending) => Ok(Poll::Pending),
            Ok(Poll::Ready(value)) => self.finish(slf.py(), Ok(value)),
            Err(error) => Self::fail(slf, error),
        }
    }

    fn resume(&self, slf: &Bound<'_, Self>, answer: Answer) -> PyResult<Poll> {
        self.stop_timer(slf.py());
        let outcome = answer?;
        if std::mem::take(&mut lock(&self.state).settling) {
            return self.start_at_rest(slf);
        }
        self.go_on(slf, |job, py, core| job.resume(py, core, *outcome))
    }

    /// Takes one step of the job, and does what it wants next.
    fn go_on(
        &self,
        slf: &Bound<'_, Self>,
        step: impl FnOnce(&mut dyn Job, Python<'_>, &Arc<Core>) -> PyResult<Next>,
    ) -> PyResult<Poll> {
        let py = slf.py();
        let Some(mut job) = lock(&self.state).job.take() else {
            return Err(PyRuntimeError::new_err("operation has no job"));
        };
        let core = &self.channel.get().core;
        let next = step(&mut *job, py, core);
        let polled = next.and_then(|next| self.run_next(slf, &mut *job, next));
        lock(&self.state).job = Some(job);
        polled
    }

    /// Does what the job wants next.
    fn run_next(&self, slf: &Bound<'_, Self>, job: &mut dyn Job, mut next: Next) -> PyResult<Poll> {
        let py = slf.py();
        let channel = self.channel.bind(py);
        let core = &channel.get().core;
        let mut stretches = 0;
        loop {
            let awaits = match self.look_for(slf, next)? {
                Wanted::Done(value) => return Ok(Poll::Ready(value)),
                Wanted::Here => {
                    next = job.resume(py, core, Outcome::default())?;
                    continue;
                }
                Wanted::ToCome(awaits) => awaits,
            };
            if awaits != Awaits::Notification {
                core.note_busy();
            }
            let sent = Channel::send_soon(channel)?;
            // Code that the job has called may have closed the connection: no answer will come.
            core.check_open(py)?;
            let Awaits::Sending(id) = awaits else {
                self.wait(slf, awaits)?;
                if sent && matches!(awaits, Awaits::Feeding(_)) {
                    // By the loop, so that others get their turn and what the server says meanwhile is seen.
                    Channel::advance_soon(channel)?;
                }
                if matches!(awaits, Awaits::Booked(_) | Awaits::Notification)
                    && job.waits_without_gate()
                {
                    self.leave_gate(py);
                }
                return Ok(Poll::Pending);
            };
            stretches += 1;
            if !sent || stretches == STRETCHES {
                self.wait(slf, awaits)?;
                if sent {
                    Channel::advance_soon(channel)?;
                }
                return Ok(Poll::Pending);
            }
            next = job.resume(py, core, core.take_partial(id))?;
        }
    }

    /// Looks whether what the job wants is there, and sees to it that it comes.
    fn look_for(&self, slf: &Bound<'_, Self>, next: Next) -> PyResult<Wanted> {
        let channel = self.channel.bind(slf.py());
        let core = &channel.get().core;
        let awaits = match next {
            Next::Done(value) => return Ok(Wanted::Done(value)),
            Next::Listen(deadline) => {
                self.start_timer(slf, deadline)?;
                Awaits::Notification
            }
            Next::Pump(id) => Awaits::Sending(id),
            Next::Feed(id) => Awaits::Feeding(id),
            Next::Results(id) => Awaits::Results(id),
            Next::Booked(ticket) if core.pipeline.has_booked(ticket) => return Ok(Wanted::Here),
            Next::Booked(ticket) => Awaits::Booked(ticket),
            Next::Exchange(id) => {
                // Of a pipeline that has failed the server may owe no more than the end, and a stream that is being ended is
                // given a time: the session sees to that.
                if core.pipeline.status() == Status::Aborted || core.wants_time() {
                    Channel::advance_soon(channel)?;
                }
                Awaits::Exchange(id)
            }
            Next::Started(_) => {
                // The handshake may begin with something else than bytes, which the channel has to look for.
                if core.has_timeout() {
                    Channel::advance_soon(channel)?;
                }
                Awaits::Started
            }
            Next::Rows(id) | Next::RowsBy(id, _) if core.has_rows(id) => {
                // They have come with what was waited for before, and nothing more may come.
                Channel::send_soon(channel)?;
                return Ok(Wanted::Here);
            }
            Next::Rows(id) => Awaits::Rows(id),
            Next::RowsBy(id, deadline) => {
                self.start_timer(slf, deadline)?;
                Awaits::Rows(id)
            }
            Next::Rest if core.is_at_rest() || core.is_settled() => return Ok(Wanted::Here),
            Next::Rest => {
                Channel::advance_soon(channel)?;
                Awaits::Settled
            }
        };
        Ok(Wanted::ToCome(awaits))
    }

    /// Has the channel wake it when what it awaits has come.
    fn wait(&self, slf: &Bound<'_, Self>, awaits: Awaits) -> PyResult<()> {
        self.set_phase(Phase::Running);
        Channel::set_running(self.channel.bind(slf.py()), slf, awaits)?;
        self.renew_expiry(slf)
    }

    /// The end: the gate goes to the next.
    fn finish(&self, py: Python<'_>, result: PyResult<Py<PyAny>>) -> PyResult<Poll> {
        self.set_phase(Phase::Finished);
        self.stop_timer(py);
        self.stop_bound(py);
        self.stop_expiry(py);
        let job = lock(&self.state).job.take();
        let keeps = result.is_ok() && job.as_ref().is_some_and(|job| job.keeps_lease());
        // Without the lock: this may call back into Python.
        drop(job);
        if !keeps {
            self.leave_gate(py);
        }
        result.map(Poll::Ready)
    }

    /// What the interpreter expects of an awaitable.
    fn to_step(slf: &Bound<'_, Self>, poll: Poll) -> Step {
        match poll {
            Poll::Pending => {
                slf.get().blocking.store(true, Ordering::Release);
                Step::Yield(slf.clone().into_any().unbind())
            }
            Poll::Ready(value) => Step::Return(value),
        }
    }
}

impl Awaitable for Op {
    fn step(slf: &Bound<'_, Self>) -> PyResult<Step> {
        let polled = Self::poll(slf);
        let told = slf.get().tell_end(slf.py(), polled);
        told.map(|poll| Self::to_step(slf, poll))
    }
}

#[pymethods]
impl Op {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::step(slf)?.into_next()
    }

    fn send(slf: &Bound<'_, Self>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        Self::step(slf)?.into_next()
    }

    #[pyo3(signature = (typ, val=None, tb=None))]
    fn throw(
        slf: &Bound<'_, Self>,
        typ: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
        tb: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let error = thrown(typ, val, tb)?;
        let polled = Self::interrupt(slf, error);
        let poll = slf.get().tell_end(slf.py(), polled)?;
        Self::to_step(slf, poll).into_next()
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let polled = Self::interrupt(slf, PyGeneratorExit::new_err(()));
        match slf.get().tell_end(py, polled) {
            Err(error) if !error.is_instance_of::<PyGeneratorExit>(py) => Err(error),
            _ => Ok(()),
        }
    }

    // What follows is the part of asyncio.Future that a task uses. Source: asyncio's "Extending", custom futures.

    /// `None` until it has begun: asyncio then takes it for the coroutine that it is, and makes a task of it.
    #[getter]
    fn _asyncio_future_blocking(&self) -> Option<bool> {
        let begun = !matches!(lock(&self.state).phase, Phase::Fresh);
        begun.then(|| self.blocking.load(Ordering::Acquire))
    }

    #[setter(_asyncio_future_blocking)]
    fn set_asyncio_future_blocking(&self, value: bool) {
        self.blocking.store(value, Ordering::Release);
    }

    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.channel.get().event_loop(py) {
            Some(event_loop) => Ok(event_loop),
            None => super::channel::running_loop(py).map(Bound::unbind),
        }
    }

    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback(
        slf: &Bound<'_, Self>,
        callback: Py<PyAny>,
        context: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let this = slf.get();
        let waits = {
            let mut state = lock(&this.state);
            if state.callback.is_none() {
                state.callback = Some((callback, context));
            } else {
                state.more_callbacks.push((callback, context));
            }
            state.waits()
        };
        if waits {
            Ok(())
        } else {
            this.channel.get().wake_soon(slf)
        }
    }

    fn remove_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut removed = 0;
        let mut outcome = Ok(());
        for (held, context) in self.take_callbacks() {
            // Compared without the lock: this calls into Python.
            let same = held.bind(py).eq(callback);
            if matches!(same, Ok(true)) {
                removed += 1;
            } else {
                lock(&self.state).more_callbacks.push((held, context));
            }
            outcome = outcome.and(same.map(drop));
        }
        outcome.map(|()| removed)
    }

    fn done(&self) -> bool {
        !lock(&self.state).waits()
    }

    fn cancelled(&self) -> bool {
        lock(&self.state).cancelled.is_some()
    }

    /// Tells the task that waits, soon, that it was cancelled; the task then throws that in here.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let this = slf.get();
        {
            let mut state = lock(&this.state);
            if state.callback.is_none() && state.more_callbacks.is_empty() {
                return Ok(false);
            }
            state.cancelled = Some(msg);
        }
        this.channel.get().wake_soon(slf)?;
        Ok(true)
    }

    /// Called by the task when it is woken: raises `CancelledError` if it was cancelled.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        match lock(&self.state).cancelled.take() {
            None => Ok(()),
            Some(message) => Err(cancelled_error(py, message)),
        }
    }

    fn exception(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.result(py).map(|()| None)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)?;
        if let Some(span) = self.span.get() {
            Span::traverse(span, &visit)?;
        }
        match self.state.try_lock() {
            Ok(state) => state.traverse(&visit),
            Err(_) => Ok(()),
        }
    }

    /// What keeps a cycle going is let go of by the channel too; an operation only drops what nobody can ask it for any more.
    fn __clear__(&self) {
        let Ok(mut state) = self.state.try_lock() else {
            return;
        };
        let callbacks = (
            state.callback.take(),
            std::mem::take(&mut state.more_callbacks),
        );
        let timers = (state.timer.take(), state.bound.take(), state.expiry.take());
        drop(state);
        drop((callbacks, timers));
    }
}

impl State {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        for (callback, context) in self.callback.iter().chain(&self.more_callbacks) {
            visit.call(callback)?;
            visit.call(context)?;
        }
        visit.call(&self.timer)?;
        visit.call(&self.bound)?;
        visit.call(&self.expiry)?;
        if let Some(message) = &self.cancelled {
            visit.call(message)?;
        }
        if let Phase::Draining(error) = &self.phase {
            visit.call(error)?;
        }
        match &self.job {
            Some(job) => job.traverse(visit),
            None => Ok(()),
        }
    }

    fn waits(&self) -> bool {
        matches!(
            self.phase,
            Phase::Queued | Phase::Running | Phase::Draining(_)
        )
    }
}

impl Drop for Op {
    /// Warns as a coroutine does that was never awaited; gives back what it held.
    fn drop(&mut self) {
        let state = self
            .state
            .get_mut()
            .unwrap_or_else(|error| error.into_inner());
        let mut job = state.job.take();
        let is_fresh = matches!(state.phase, Phase::Fresh);
        let leased = is_fresh && job.as_ref().is_some_and(|job| job.has_lease());
        if let Some(job) = job.as_mut().filter(|_| !leased) {
            job.interrupted(&self.channel.get().core);
        }
        match (&state.phase, job) {
            (Phase::Fresh, Some(job)) => errors::in_destructor(|py| {
                let text = CString::new(format!("operation '{}' was never awaited", job.name()))?;
                if leased {
                    Self::run_detached(self.channel.bind(py), job)?;
                }
                PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1)
            }),
            // It had the gate, and was dropped without `close()`: by a task that was never run again.
            (Phase::HandedOver | Phase::Answered(_) | Phase::Draining(_), _) if state.has_gate => {
                errors::in_destructor(|py| {
                    Channel::operation_dropped(self.channel.bind(py));
                    Ok(())
                });
            }
            _ => {}
        }
    }
}

/// Should a step panic: closes the connection, as where the session stands is not known then, and frees the gate.
struct OnPanic<'a, 'py>(&'a Op, Python<'py>);

impl Drop for OnPanic<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.channel.get().core.lose();
            self.0.leave_gate(self.1);
        }
    }
}

fn cancelled_error(py: Python<'_>, message: Option<Py<PyAny>>) -> PyErr {
    let made = imports::CANCELLED_ERROR
        .get(py)
        .and_then(|class| match message {
            Some(message) if !message.is_none(py) => class.call1((message,)),
            _ => class.call0(),
        });
    made.map_or_else(|error| error, PyErr::from_value)
}

/// The exception of a `throw(type, value, traceback)` or `throw(value)`.
pub(crate) fn thrown(
    typ: &Bound<'_, PyAny>,
    val: Option<&Bound<'_, PyAny>>,
    tb: Option<&Bound<'_, PyAny>>,
) -> PyResult<PyErr> {
    let value = match (typ.is_instance_of::<pyo3::types::PyType>(), val) {
        (false, _) => typ.clone(),
        (true, Some(value)) if !value.is_none() => value.clone(),
        (true, _) => typ.call0()?,
    };
    if let Some(tb) = tb.filter(|tb| !tb.is_none()) {
        value.setattr("__traceback__", tb)?;
    }
    Ok(PyErr::from_value(value))
}
