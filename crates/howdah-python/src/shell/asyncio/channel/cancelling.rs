//! Cancel requests, and what the session wants to do at a later time.

use std::sync::Arc;
use std::time::Instant;

use howdah_net::cancel::deadline_after;
use pyo3::prelude::*;

use super::Channel;
use crate::core::CANCEL_TIME;
use crate::log;
use howdah_adapt::lock;

/// A call of the loop's that is due at a time.
pub(super) struct Timer {
    pub(super) when: Instant,
    pub(super) handle: Py<PyAny>,
}

impl Channel {
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

    /// Sends the cancel request that the session asks for.
    pub(super) fn cancel_for_session(slf: &Bound<'_, Self>) -> PyResult<()> {
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
}
