//! Waiting for notifications.

use std::sync::Arc;
use std::time::Instant;

use howdah_protocol::session::Outcome;
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::core::Core;
use crate::shell::{Job, Next};

/// Waits until there is at least one notification, or the time is over; gives a list.
pub(crate) struct WaitNotifies {
    pub(crate) deadline: Option<Instant>,
    pub(crate) listened: bool,
}

impl WaitNotifies {
    fn take(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let waiting = core.take_backlog(py)?;
        let time_is_over = self.listened
            && self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline);
        if waiting.is_empty() && !time_is_over {
            return Ok(Next::Listen(self.deadline));
        }
        Ok(Next::Done(PyList::new(py, waiting)?.into_any().unbind()))
    }
}

impl Job for WaitNotifies {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        self.take(py, core)
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        self.listened = true;
        self.take(py, core)
    }

    fn sends(&self, _core: &Core) -> bool {
        false
    }

    fn waits_without_gate(&self) -> bool {
        true
    }

    fn listens(&self) -> bool {
        true
    }

    fn waits_until(&self) -> Option<Instant> {
        self.deadline
    }

    /// What has come meanwhile is there for the next one.
    fn without_turn(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(PyList::empty(py).into_any().unbind())
    }

    fn has_own_bound(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "notifies"
    }
}
