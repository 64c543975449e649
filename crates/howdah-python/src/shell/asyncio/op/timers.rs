//! The timers of an operation.

use std::time::Instant;

use pyo3::prelude::*;

use super::Op;
use crate::core::limit::{Expires, Limit};
use howdah_adapt::lock;

impl Op {
    pub(super) fn start_timer(
        &self,
        slf: &Bound<'_, Self>,
        deadline: Option<Instant>,
    ) -> PyResult<()> {
        self.stop_timer(slf.py());
        let timer = self.call_at(slf, deadline, "_on_time")?;
        lock(&self.state).timer = timer;
        Ok(())
    }

    /// Sees to it that the operation is over in time, if the connection is being left.
    pub(super) fn start_bound(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let deadline = self.channel.get().core.deadline();
        if deadline.is_some() {
            let bound = self.call_at(slf, deadline, "_on_overdue")?;
            lock(&self.state).bound = bound;
        }
        Ok(())
    }

    /// Sees to it that the operation is given up at its time, which begins.
    pub(super) fn start_expiry(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let limit = {
            let mut state = lock(&self.state);
            let bounded = state.job.as_ref().is_some_and(|job| !job.has_own_bound());
            let limit = bounded.then(|| self.channel.get().core.limit(state.timeout));
            state.limit = limit.flatten();
            state.limit
        };
        match limit {
            Some(limit) => self.call_when_expired(slf, limit),
            None => Ok(()),
        }
    }

    /// The same where that time has passed already, and nothing was waited for then.
    pub(super) fn renew_expiry(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let limit = lock(&self.state).limit;
        match limit.filter(Limit::is_over) {
            Some(limit) => self.call_when_expired(slf, limit),
            None => Ok(()),
        }
    }

    fn call_when_expired(&self, slf: &Bound<'_, Self>, limit: Limit) -> PyResult<()> {
        self.stop_expiry(slf.py());
        let expiry = self.call_at(slf, Some(limit.give_up), "_on_expired")?;
        lock(&self.state).expiry = expiry;
        Ok(())
    }

    /// Fails if its time is over.
    pub(super) fn check_time(&self, py: Python<'_>) -> PyResult<()> {
        let limit = lock(&self.state).limit;
        limit.map_or(Ok(()), |limit| limit.check(py))
    }

    /// Has the loop call a method of the channel for this operation.
    pub(super) fn call_at(
        &self,
        slf: &Bound<'_, Self>,
        deadline: Option<Instant>,
        method: &str,
    ) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let channel = self.channel.bind(py);
        let (Some(deadline), Some(event_loop)) = (deadline, channel.get().event_loop(py)) else {
            return Ok(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let arguments = (left.as_secs_f64(), channel.getattr(method)?, slf);
        event_loop
            .call_method1(py, "call_later", arguments)
            .map(Some)
    }

    pub(super) fn stop_timer(&self, py: Python<'_>) {
        let timer = lock(&self.state).timer.take();
        cancel_timer(py, timer);
    }

    pub(super) fn stop_bound(&self, py: Python<'_>) {
        let bound = lock(&self.state).bound.take();
        cancel_timer(py, bound);
    }

    pub(super) fn stop_expiry(&self, py: Python<'_>) {
        let expiry = lock(&self.state).expiry.take();
        cancel_timer(py, expiry);
    }
}

fn cancel_timer(py: Python<'_>, timer: Option<Py<PyAny>>) {
    if let Some(timer) = timer
        && let Err(error) = timer.call_method0(py, "cancel")
    {
        error.write_unraisable(py, Some(timer.bind(py)));
    }
}
