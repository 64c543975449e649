//! An awaitable operation: coroutine, iterator and future in one object.

use std::ffi::CString;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyRuntimeWarning};
use pyo3::prelude::*;

use super::channel::Channel;
use super::gate::Entered;
use crate::core::Patience;
use crate::errors;
use crate::shell::job::{Job, Next};
use howdah_adapt::lock;
use howdah_ffi::awaitable::{Awaitable, Step};

/// One operation on an asynchronous connection. It begins when it is first awaited.
#[pyclass(frozen, module = "howdah._howdah", name = "Operation")]
pub(crate) struct Op {
    channel: Py<Channel>,
    state: Mutex<State>,
    /// asyncio's mark that a yielded object is a future to wait for.
    blocking: AtomicBool,
}

struct State {
    phase: Phase,
    job: Option<Box<dyn Job>>,
    awaits: Awaits,
    callback: Option<Callback>,
    more_callbacks: Vec<Callback>,
    /// The task asked for cancellation, with this message.
    cancelled: Option<Option<Py<PyAny>>>,
    /// Why there is no answer.
    failure: Option<PyErr>,
    timer: Option<Py<PyAny>>,
    /// While the server is being asked to give up the statement.
    patience: Option<Patience>,
}

/// What to call, with which context.
type Callback = (Py<PyAny>, Option<Py<PyAny>>);

/// What an operation in its [`Phase::Running`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Awaits {
    Answer,
    Sending,
    Notification,
}

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
    Answered,
    /// Was interrupted by this exception, and waits for the server to be done with it.
    Draining(PyErr),
    /// As before, but nobody waits for it any more.
    Abandoned,
    Finished,
}

/// What polling an operation gave.
enum Poll {
    Pending,
    Ready(Py<PyAny>),
}

impl Op {
    pub(crate) fn new(channel: Py<Channel>, job: Box<dyn Job>) -> Self {
        Self {
            channel,
            state: Mutex::new(State {
                phase: Phase::Fresh,
                job: Some(job),
                awaits: Awaits::Answer,
                callback: None,
                more_callbacks: Vec::new(),
                cancelled: None,
                failure: None,
                timer: None,
                patience: None,
            }),
            blocking: AtomicBool::new(false),
        }
    }

    pub(crate) fn awaits(&self) -> Awaits {
        lock(&self.state).awaits
    }

    /// Notes that the gate has been handed to it.
    pub(crate) fn hand_over(&self) {
        lock(&self.state).phase = Phase::HandedOver;
    }

    /// Notes that nobody will wait for it any more.
    pub(crate) fn abandon(&self) {
        lock(&self.state).phase = Phase::Abandoned;
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Abandoned)
    }

    /// Notes that what it waited for has come, or why it never will.
    pub(crate) fn answered(&self, failure: Option<PyErr>) {
        let mut state = lock(&self.state);
        if failure.is_some() {
            state.failure = failure;
        }
        if matches!(state.phase, Phase::Running) {
            state.phase = Phase::Answered;
        }
    }

    pub(crate) fn take_callbacks(&self) -> impl Iterator<Item = Callback> + use<> {
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
            Phase::Answered => this.guarded(slf, || this.resume(slf)),
            Phase::Draining(error) => this.drained(slf, error),
            waiting @ (Phase::Queued | Phase::Running) => {
                this.set_phase(waiting);
                Ok(Poll::Pending)
            }
            Phase::Abandoned | Phase::Finished => Err(PyRuntimeError::new_err(
                "cannot reuse already awaited operation",
            )),
        }
    }

    fn enter(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        let channel = self.channel.bind(slf.py());
        channel.get().core.check_process(slf.py())?;
        Channel::attach(channel)?;
        match channel.get().gate.enter(|| slf.clone().unbind()) {
            Entered::Now => self.begin(slf),
            Entered::Later => {
                self.set_phase(Phase::Queued);
                Ok(Poll::Pending)
            }
        }
    }

    fn begin(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        self.guarded(slf, || self.go_on(slf, |job, py, core| job.start(py, core)))
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
            Err(error) if self.channel.get().core.is_unfinished() => Self::call_off(slf, error),
            Err(error) => self.finish(slf.py(), Err(error)),
        }
    }

    fn resume(&self, slf: &Bound<'_, Self>) -> PyResult<Poll> {
        let outcome = self.channel.get().core.take_outcome();
        let failure = lock(&self.state).failure.take();
        self.stop_timer(slf.py());
        match failure {
            Some(error) => Err(error),
            None => self.go_on(slf, |job, py, core| job.resume(py, core, outcome)),
        }
    }

    /// Takes one step of the job, and does what it wants next.
    fn go_on(
        &self,
        slf: &Bound<'_, Self>,
        step: impl FnOnce(
            &mut dyn Job,
            Python<'_>,
            &std::sync::Arc<crate::core::Core>,
        ) -> PyResult<Next>,
    ) -> PyResult<Poll> {
        let py = slf.py();
        let channel = self.channel.bind(py);
        let core = &channel.get().core;
        let Some(mut job) = lock(&self.state).job.take() else {
            return Err(PyRuntimeError::new_err("operation has no job"));
        };
        let mut next = step(&mut *job, py, core);
        loop {
            let awaits = match next? {
                Next::Done(value) => return Ok(Poll::Ready(value)),
                Next::Listen(deadline) => {
                    self.start_timer(slf, deadline)?;
                    Awaits::Notification
                }
                Next::Pump => Awaits::Sending,
                _ => Awaits::Answer,
            };
            core.facts.set_busy(awaits != Awaits::Notification);
            let sent = Channel::flush(channel)?;
            // Code that the job has called may have closed the connection: no answer will come.
            core.check_open(py)?;
            if awaits != Awaits::Sending || !sent {
                let mut state = lock(&self.state);
                state.job = Some(job);
                state.awaits = awaits;
                state.phase = Phase::Running;
                drop(state);
                Channel::set_running(channel, slf)?;
                return Ok(Poll::Pending);
            }
            let outcome = core.take_outcome();
            next = job.resume(py, core, outcome);
        }
    }

    /// The end: the gate goes to the next.
    fn finish(&self, py: Python<'_>, result: PyResult<Py<PyAny>>) -> PyResult<Poll> {
        self.set_phase(Phase::Finished);
        self.stop_timer(py);
        let job = lock(&self.state).job.take();
        // Without the lock: this may call back into Python.
        drop(job);
        self.channel.get().leave_gate(py);
        result.map(Poll::Ready)
    }

    /// The end of an interrupted operation, once the server is done with it.
    fn drained(&self, slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        if !self.is_drained() {
            self.set_phase(Phase::Draining(error));
            return Ok(Poll::Pending);
        }
        self.channel.get().stop_running();
        drop(self.channel.get().core.take_outcome());
        self.finish(slf.py(), Err(error))
    }

    /// Whether nothing is to come any more, neither answers nor cancel requests.
    fn is_drained(&self) -> bool {
        let core = &self.channel.get().core;
        core.facts.is_closed() || (!core.is_unfinished() && core.no_cancel_pending())
    }

    /// An exception was thrown in where the operation waits: mostly `CancelledError`. It is raised in the end whatever happens.
    fn interrupt(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let py = slf.py();
        let this = slf.get();
        let channel = this.channel.bind(py);
        match this.set_phase(Phase::Finished) {
            Phase::Fresh | Phase::Finished => Err(error),
            Phase::Abandoned => {
                this.set_phase(Phase::Abandoned);
                Err(error)
            }
            Phase::Queued => {
                channel.get().gate.give_up(&slf.clone().unbind());
                Err(error)
            }
            Phase::HandedOver => this.finish(py, Err(error)),
            Phase::Answered => {
                if !channel.get().core.is_unfinished() {
                    drop(channel.get().core.take_outcome());
                    return this.finish(py, Err(error));
                }
                Self::call_off(slf, error)
            }
            Phase::Running if this.awaits() == Awaits::Notification => {
                channel.get().stop_running();
                this.finish(py, Err(error))
            }
            Phase::Running => Self::call_off(slf, error),
            // The end came after the task had asked for a second cancellation, and before this.
            Phase::Draining(_) if this.is_drained() => this.drained(slf, error),
            // A second interruption does not wait: the channel sees to the rest.
            Phase::Draining(_) => {
                this.set_phase(Phase::Abandoned);
                Err(error)
            }
        }
    }

    /// Has the server give up the statement, and waits for that, if the interruption allows waiting.
    fn call_off(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let py = slf.py();
        let this = slf.get();
        let channel = this.channel.bind(py);
        let core = &channel.get().core;
        if core.facts.started().is_none() {
            core.close();
            Channel::detach_or_report(channel);
            channel.get().stop_running();
            return this.finish(py, Err(error));
        }
        if let Err(failure) = this.begin_draining(slf) {
            // Lost meanwhile; or the loop is closed, and nobody would read the rest.
            if !core.facts.is_closed() {
                failure.write_unraisable(py, Some(slf));
            }
            core.lose();
            Channel::detach_or_report(channel);
        }
        if core.facts.is_closed() {
            channel.get().stop_running();
            return this.finish(py, Err(error));
        }
        if error.is_instance_of::<PyGeneratorExit>(py) {
            this.set_phase(Phase::Abandoned);
            return Err(error);
        }
        this.set_phase(Phase::Draining(error));
        Ok(Poll::Pending)
    }

    /// Sees to it that the exchange comes to an end, and that the channel takes what it brings.
    fn begin_draining(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let channel = self.channel.bind(slf.py());
        if let Some(io) = lock(&channel.get().core.io).as_mut() {
            io.session.end_exchange();
        }
        Channel::flush(channel)?;
        {
            let mut state = lock(&self.state);
            state.patience = Some(Patience::new());
            state.awaits = Awaits::Answer;
        }
        Self::ask_to_give_up(slf)?;
        Channel::set_running(channel, slf)
    }

    /// Ends an operation whose loop is gone: what it still brings is for nobody.
    pub(crate) fn drain_for_nobody(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().abandon();
        drop(slf.get().take_callbacks());
        drop(lock(&slf.get().state).timer.take());
        slf.get().begin_draining(slf)
    }

    /// Sends a cancel request, and has the channel look again after a while; tells whether there is still hope.
    pub(crate) fn ask_to_give_up(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        let next = lock(&this.state).patience.as_mut().and_then(Patience::next);
        if next.is_none() {
            return Ok(false);
        }
        if let Err(error) = Channel::cancel_in_background(this.channel.bind(slf.py())) {
            // No thread to be had: the next time, perhaps.
            error.write_unraisable(slf.py(), Some(slf));
        }
        this.start_timer(slf, next)?;
        Ok(true)
    }

    fn start_timer(&self, slf: &Bound<'_, Self>, deadline: Option<Instant>) -> PyResult<()> {
        let py = slf.py();
        self.stop_timer(py);
        let channel = self.channel.bind(py);
        let (Some(deadline), Some(event_loop)) = (deadline, channel.get().event_loop(py)) else {
            return Ok(());
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let arguments = (left.as_secs_f64(), channel.getattr("_on_time")?, slf);
        let timer = event_loop.call_method1(py, "call_later", arguments)?;
        lock(&self.state).timer = Some(timer);
        Ok(())
    }

    fn stop_timer(&self, py: Python<'_>) {
        let timer = lock(&self.state).timer.take();
        if let Some(timer) = timer
            && let Err(error) = timer.call_method0(py, "cancel")
        {
            error.write_unraisable(py, Some(timer.bind(py)));
        }
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
        Self::poll(slf).map(|poll| Self::to_step(slf, poll))
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
        let poll = Self::interrupt(slf, error)?;
        Self::to_step(slf, poll).into_next()
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match Self::interrupt(slf, PyGeneratorExit::new_err(())) {
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
}

impl State {
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
        match (&state.phase, &state.job) {
            (Phase::Fresh, Some(job)) => errors::in_destructor(|py| {
                let text = CString::new(format!("operation '{}' was never awaited", job.name()))?;
                PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1)
            }),
            // It had the gate, and was dropped without `close()`: by a task that was never run again.
            (Phase::HandedOver | Phase::Answered | Phase::Draining(_), _) => {
                errors::in_destructor(|py| {
                    Channel::forsaken(self.channel.bind(py));
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
            let channel = self.0.channel.get();
            channel.core.lose();
            channel.leave_gate(self.1);
        }
    }
}

fn cancelled_error(py: Python<'_>, message: Option<Py<PyAny>>) -> PyErr {
    let made = py.import("asyncio").and_then(|asyncio| {
        let class = asyncio.getattr("CancelledError")?;
        match message {
            Some(message) if !message.is_none(py) => class.call1((message,)),
            _ => class.call0(),
        }
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
