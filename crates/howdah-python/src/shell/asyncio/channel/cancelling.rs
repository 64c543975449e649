//! Cancel requests, and what the session wants to do at a later time.

use std::time::Instant;

use pyo3::prelude::*;

use super::super::request::{LoopRequest, Wants, tell};
use super::registration::running_loop;
use super::{Awaits, Channel};
use crate::errors;
use crate::log;
use crate::shell::blocking;
use howdah_adapt::lock;

/// A call of the loop's that is due at a time.
pub(super) struct Timer {
    pub(super) when: Instant,
    pub(super) handle: Py<PyAny>,
}

impl Channel {
    /// Asks the server to cancel what runs, without waiting for it: from the loop, another thread, or a signal's handler.
    ///
    /// The request goes at once as far as it goes without waiting; a loop sees to the rest. Where none is running that could,
    /// it is waited for.
    pub(crate) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let core = &slf.get().core;
        let ended = match core.begin_cancel(core.cancel_deadline()) {
            Ok(None) => Ok(()),
            Err(error) => Err(error),
            Ok(Some(underway)) => match slf.get().loop_to_drive(py)? {
                Some(event_loop) => {
                    return LoopRequest::hand_over(slf, event_loop.bind(py), underway);
                }
                None => blocking::finish_cancel(py, core, underway)?,
            },
        };
        if let Err(error) = ended {
            log::cancel_failure(py, &error);
        }
        Ok(())
    }

    /// A loop that is running: this thread's, or else that of the connection.
    fn loop_to_drive(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Ok(event_loop) = running_loop(py) {
            return Ok(Some(event_loop.unbind()));
        }
        let Some(event_loop) = self.event_loop(py) else {
            return Ok(None);
        };
        let runs = event_loop.call_method0(py, "is_running")?.is_truthy(py)?;
        Ok(runs.then_some(event_loop))
    }

    /// Asks the server to cancel what runs, by `deadline`: a future of the running loop, which may be any, that is done when the
    /// server has acted.
    pub(crate) fn cancel_by(slf: &Bound<'_, Self>, deadline: Instant) -> PyResult<Py<PyAny>> {
        let event_loop = running_loop(slf.py())?;
        let future = event_loop.call_method0("create_future")?;
        match slf.get().core.begin_cancel(deadline) {
            Ok(None) => tell(&future, Ok(()))?,
            Err(error) => tell(&future, Err(error))?,
            Ok(Some(underway)) => {
                let wants = Wants::Future(future.clone().unbind());
                LoopRequest::start(slf, &event_loop, underway, wants)?;
            }
        }
        Ok(future.unbind())
    }

    /// Sends the cancel request that the session asks for. If it cannot be sent, the statement may still end by itself.
    pub(super) fn cancel_for_session(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let core = &slf.get().core;
        match core.begin_cancel(core.rest_deadline()) {
            Ok(None) => core.cancel_request_ended(),
            Err(error) => {
                core.cancel_request_ended();
                log::cancel_failure(py, &error);
            }
            Ok(Some(underway)) => {
                let wants = Wants::Session(std::sync::Arc::clone(core));
                let Some(event_loop) = slf.get().event_loop(py) else {
                    return Err(errors::operational(py, "the connection has no event loop"));
                };
                return LoopRequest::start(slf, event_loop.bind(py), underway, wants);
            }
        }
        Self::advance_soon(slf)
    }

    /// A cancel request is over: operations may have waited for that.
    pub(in super::super) fn request_ended(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().core.snapshot.is_closed() {
            return Ok(());
        }
        Self::_on_working(slf)
    }

    /// Has the channel's loop look whether an operation was only waiting for the end of a cancel request. From any thread.
    pub(crate) fn poke(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let Some(event_loop) = slf.get().event_loop(py) else {
            return Ok(());
        };
        if event_loop.call_method0(py, "is_closed")?.is_truthy(py)? {
            return Ok(());
        }
        let ended = slf.getattr("_on_request_ended")?;
        event_loop.call_method1(py, "call_soon_threadsafe", (ended,))?;
        Ok(())
    }

    /// When the channel has to be called, even if nothing comes.
    fn wake_up_at(&self) -> Option<Instant> {
        let session = {
            let io = lock(&self.core.io);
            io.as_ref().and_then(|io| io.session.poll_timeout())
        };
        let waits = |awaits| move |waiting: &super::Running| waiting.awaits == awaits;
        let holds_up = lock(&self.running).iter().any(waits(Awaits::Beginning));
        let free_at = holds_up
            .then(|| self.core.cancel_gate().free_at())
            .flatten();
        [session, free_at].into_iter().flatten().min()
    }

    /// Has the loop not call us any more at the time that the session wanted.
    pub(super) fn disarm_timer(&self, py: Python<'_>, loop_is_gone: bool) -> PyResult<()> {
        let timer = lock(&self.timer).take();
        match timer {
            Some(timer) if !loop_is_gone => timer.handle.call_method0(py, "cancel").map(drop),
            _ => Ok(()),
        }
    }

    /// Has the loop call us when the session wants to do something.
    pub(super) fn arm_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let wanted = this.wake_up_at();
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
}
