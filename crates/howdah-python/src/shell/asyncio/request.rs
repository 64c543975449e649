//! A cancel request on its way, driven by an event loop: without a thread, and without anything that waits.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use howdah_net::ConnectError;
use howdah_net::cancel::Progress;
use howdah_net::platform::{AsFd, AsRawFd, RawFd};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::channel::Channel;
use crate::core::Core;
use crate::core::cancel::Underway;
use crate::errors;
use crate::log;
use howdah_adapt::lock;

/// The request, until it is over. The loop may be any, not only that of the connection.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct LoopRequest(Mutex<Option<State>>);

struct State {
    underway: Underway,
    /// What the loop has been asked to watch the socket for.
    watched: Option<Progress>,
    /// For the deadline.
    timer: Option<Py<PyAny>>,
    event_loop: Py<PyAny>,
    channel: Py<Channel>,
    wants: Wants,
}

/// Who wants to know of the end.
pub(super) enum Wants {
    Nobody,
    /// The session, which has asked for it.
    Session(Arc<Core>),
    /// Who waits for this future.
    Future(Py<PyAny>),
}

impl Drop for State {
    /// Also of a request that its loop has dropped: the session need not wait for it.
    fn drop(&mut self) {
        if let Wants::Session(core) = &self.wants {
            core.cancel_request_ended();
        }
    }
}

impl LoopRequest {
    fn new<'py>(
        channel: &Bound<'py, Channel>,
        event_loop: &Bound<'py, PyAny>,
        underway: Underway,
        wants: Wants,
    ) -> PyResult<Bound<'py, Self>> {
        let state = State {
            underway,
            watched: None,
            timer: None,
            event_loop: event_loop.clone().unbind(),
            channel: channel.clone().unbind(),
            wants,
        };
        Bound::new(channel.py(), Self(Mutex::new(Some(state))))
    }

    /// Has the loop that runs in this thread drive a request.
    pub(super) fn start(
        channel: &Bound<'_, Channel>,
        event_loop: &Bound<'_, PyAny>,
        underway: Underway,
        wants: Wants,
    ) -> PyResult<()> {
        let future = match &wants {
            Wants::Future(future) => Some(future.clone_ref(channel.py())),
            _ => None,
        };
        let need = underway.need;
        let request = Self::new(channel, event_loop, underway, wants)?;
        if let Some(future) = future {
            let callback = request.getattr("_on_future_done")?;
            future.call_method1(channel.py(), "add_done_callback", (callback,))?;
        }
        // Not gone on with: a task may be being stepped, and the end may wake another.
        Self::watch(&request, need)
    }

    /// Has a loop drive a request. From any thread, also from a signal's handler.
    pub(super) fn hand_over(
        channel: &Bound<'_, Channel>,
        event_loop: &Bound<'_, PyAny>,
        underway: Underway,
    ) -> PyResult<()> {
        let request = Self::new(channel, event_loop, underway, Wants::Nobody)?;
        let go_on = request.getattr("_on_ready")?;
        event_loop.call_method1("call_soon_threadsafe", (go_on,))?;
        Ok(())
    }

    /// Goes as far as it goes without waiting.
    fn go_on(slf: &Bound<'_, Self>) -> PyResult<()> {
        let advanced = match &mut *lock(&slf.get().0) {
            Some(state) => state.underway.request.advance(Instant::now()),
            None => return Ok(()),
        };
        match advanced {
            Ok(Progress::Done) => Self::end(slf, Ok(())),
            Ok(need) => Self::watch(slf, need),
            Err(error) => Self::end(slf, Err(error)),
        }
    }

    /// Has the loop call us when the socket is ready for what is needed, and at the moment when to go on in any case.
    fn watch(slf: &Bound<'_, Self>, need: Progress) -> PyResult<()> {
        let py = slf.py();
        let (event_loop, fd, before, left) = {
            let mut state = lock(&slf.get().0);
            let Some(state) = state.as_mut() else {
                return Ok(());
            };
            let until = state.underway.request.poll_timeout();
            let left = until.saturating_duration_since(Instant::now());
            (
                state.event_loop.clone_ref(py),
                state.underway.request.as_fd().as_raw_fd(),
                state.watched.replace(need),
                state.timer.is_none().then_some(left),
            )
        };
        let event_loop = event_loop.bind(py);
        if before != Some(need) {
            unwatch(event_loop, fd, before)?;
            let method = match need {
                Progress::NeedWritable => "add_writer",
                _ => "add_reader",
            };
            event_loop.call_method1(method, (fd, slf.getattr("_on_ready")?))?;
        }
        if let Some(left) = left {
            let arguments = (left.as_secs_f64(), slf.getattr("_on_deadline")?);
            let timer = event_loop.call_method1("call_later", arguments)?.unbind();
            let before = match &mut *lock(&slf.get().0) {
                Some(state) => state.timer.replace(timer),
                None => Some(timer),
            };
            drop(before);
        }
        Ok(())
    }

    /// It is over: leaves the loop, and tells who wants to know.
    fn end(slf: &Bound<'_, Self>, ended: Result<(), ConnectError>) -> PyResult<()> {
        let py = slf.py();
        let Some(mut state) = lock(&slf.get().0).take() else {
            return Ok(());
        };
        let event_loop = state.event_loop.bind(py);
        let fd = state.underway.request.as_fd().as_raw_fd();
        let left = unwatch(event_loop, fd, state.watched);
        let stopped = match &state.timer {
            Some(timer) => timer.call_method0(py, "cancel").map(drop),
            None => Ok(()),
        };
        let told = match std::mem::replace(&mut state.wants, Wants::Nobody) {
            Wants::Future(future) => tell(future.bind(py), ended),
            wants => {
                state.wants = wants;
                if let Err(error) = ended {
                    log::cancel_failure(py, &error);
                }
                Ok(())
            }
        };
        let channel = state.channel.clone_ref(py);
        let same = channel.get().event_loop(py);
        let same = same.is_some_and(|own| own.is(&state.event_loop));
        // The ticket: from here on the next statement may be sent.
        drop(state);
        let woken = match same {
            true => Channel::request_ended(channel.bind(py)),
            false => Channel::poke(channel.bind(py)),
        };
        left.and(stopped).and(told).and(woken)
    }
}

#[pymethods]
impl LoopRequest {
    /// Called by the loop when the socket is ready, and at first.
    fn _on_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::go_on(slf)
    }

    /// Called by the loop when it is time to go on, or to give up.
    fn _on_deadline(slf: &Bound<'_, Self>) -> PyResult<()> {
        let timer = match &mut *lock(&slf.get().0) {
            Some(state) => state.timer.take(),
            None => None,
        };
        drop(timer);
        Self::go_on(slf)
    }

    /// Called by the loop when nobody waits for the future any more, because it is done or was cancelled.
    fn _on_future_done(slf: &Bound<'_, Self>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        if !future.call_method0("cancelled")?.is_truthy()? {
            return Ok(());
        }
        let (is_sent, timer) = {
            let mut state = lock(&slf.get().0);
            let Some(state) = state.as_mut() else {
                return Ok(());
            };
            let deadline = state.channel.get().core.cancel_deadline();
            state.underway.hasten(deadline);
            (state.underway.request.is_sent(), state.timer.take())
        };
        if let Some(timer) = timer {
            timer.call_method0(slf.py(), "cancel")?;
        }
        // What the server may have, it may still act on.
        match is_sent {
            true => Self::go_on(slf),
            false => Self::end(slf, Ok(())),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Ok(state) = self.0.try_lock() else {
            return Ok(());
        };
        let Some(state) = state.as_ref() else {
            return Ok(());
        };
        visit.call(&state.timer)?;
        visit.call(&state.event_loop)?;
        visit.call(&state.channel)?;
        match &state.wants {
            Wants::Future(future) => visit.call(future),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        let state = self.0.try_lock().map(|mut state| state.take());
        drop(state);
    }
}

/// Has the loop not watch a descriptor any more.
fn unwatch(event_loop: &Bound<'_, PyAny>, fd: RawFd, watched: Option<Progress>) -> PyResult<()> {
    let method = match watched {
        Some(Progress::NeedWritable) => "remove_writer",
        Some(Progress::NeedReadable) => "remove_reader",
        _ => return Ok(()),
    };
    event_loop.call_method1(method, (fd,)).map(drop)
}

/// Gives a future its outcome, unless it has been cancelled.
pub(super) fn tell(future: &Bound<'_, PyAny>, ended: Result<(), ConnectError>) -> PyResult<()> {
    let py = future.py();
    if future.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    match ended {
        Ok(()) => future.call_method1("set_result", (py.None(),))?,
        Err(error) => {
            let error = errors::cancel_failed(py, &error).into_value(py);
            future.call_method1("set_exception", (error,))?
        }
    };
    Ok(())
}
