//! Results that a pipeline still owes to a cursor.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use howdah_protocol::connection::QueryResult;
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::BaseCursor;
use crate::core::Core;
use crate::core::pipeline::{Failure, Recipient};
use crate::errors;
use crate::jobs::execute::Text;
use crate::jobs::pipeline::Pending;
use crate::jobs::texts::Texts;
use crate::shell::ready::Fetch;
use howdah_adapt::lock;

/// A cursor that waits for what comes of one of its executions.
///
/// The reference is weak: a result is of no use once nobody has the cursor, and the event loop, which knows the pipeline, must
/// not keep the connection.
struct PendingExecution {
    cursor: Py<PyWeakrefReference>,
    /// Which of the cursor's executions: what comes of one before the last is not wanted.
    number: u64,
    text: Arc<Text>,
    /// Whether it is one of several executions, by `executemany()`.
    many: bool,
    /// Those of these, if each has its own.
    texts: Option<Arc<Texts>>,
    /// How many results have come.
    taken: AtomicUsize,
}

/// What is done with a result that a pipeline owes to a cursor.
pub(crate) struct PendingFetch {
    pub(super) cursor: Py<BaseCursor>,
    pub(super) then: Then,
}

/// What is done when a result has come.
pub(crate) enum Then {
    Nothing,
    Fetch(Fetch),
    Scroll(isize, String),
}

impl Pending for PendingFetch {
    fn ticket(&self) -> Option<u64> {
        self.cursor.get().awaited_ticket()
    }

    fn go_on(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let cursor = self.cursor.get();
        match &self.then {
            Then::Nothing => Ok(py.None()),
            Then::Fetch(what) => cursor.fetch(py, *what),
            Then::Scroll(value, mode) => {
                cursor.move_to(py, *value, mode)?;
                Ok(py.None())
            }
        }
    }
}

impl BaseCursor {
    /// The pipeline's recipient for the execution that was begun last.
    pub(crate) fn recipient(
        slf: &Bound<'_, Self>,
        text: &Arc<Text>,
        texts: Option<&Arc<Texts>>,
    ) -> PyResult<Arc<dyn Recipient>> {
        let cursor = PyWeakrefReference::new(slf)?.unbind();
        let state = lock(&slf.get().state);
        Ok(Arc::new(PendingExecution {
            cursor,
            number: state.number,
            text: Arc::clone(text),
            many: state.many.is_some(),
            texts: texts.map(Arc::clone),
            taken: AtomicUsize::new(0),
        }))
    }

    /// Notes under which ticket of the pipeline the last of its results will come.
    pub(crate) fn note_ticket(&self, ticket: u64) {
        lock(&self.state).ticket = Some(ticket);
    }

    /// The ticket of a result that has not come.
    pub(crate) fn awaited_ticket(&self) -> Option<u64> {
        let pipeline = &self.home.get()?.core.pipeline;
        if !pipeline.is_on() {
            return None;
        }
        let state = lock(&self.state);
        let ticket = state.ticket.filter(|_| state.many != Some(false));
        ticket.filter(|ticket| !pipeline.has_booked(*ticket))
    }

    /// Why there is no result: told once.
    pub(crate) fn take_failure(&self, py: Python<'_>) -> Option<PyErr> {
        let failure = lock(&self.state).failure.take()?;
        Some(self.home.get()?.core.pipeline.see(py, failure))
    }

    fn is_current(&self, number: u64) -> bool {
        let state = lock(&self.state);
        state.number == number && !state.closed
    }
}

impl PendingExecution {
    fn cursor<'py>(&self, py: Python<'py>) -> Option<Bound<'py, BaseCursor>> {
        let cursor = self.cursor.bind(py).upgrade()?;
        cursor.cast_into().ok()
    }
}

impl Recipient for PendingExecution {
    fn take(&self, py: Python<'_>, results: Vec<QueryResult>) -> PyResult<()> {
        self.taken.fetch_add(results.len(), Ordering::Relaxed);
        if let Some(texts) = &self.texts {
            texts.answered(results.len());
        }
        let cursor = self.cursor(py);
        let Some(cursor) = cursor.filter(|cursor| cursor.get().is_current(self.number)) else {
            return Ok(());
        };
        if self.many {
            BaseCursor::add_results(&cursor, results)
        } else {
            BaseCursor::set_results(&cursor, results)
        }
    }

    fn annotate(&self, py: Python<'_>, error: &PyErr) {
        if self.many {
            errors::note_index(py, error, self.taken.load(Ordering::Relaxed));
        }
        self.text.note_place(py, error);
    }

    fn fail(&self, py: Python<'_>, failure: Failure) {
        let Some(cursor) = self.cursor(py) else {
            return;
        };
        let mut state = lock(&cursor.get().state);
        // The first says most, be it of an execution before the last.
        let surplus = match &state.failure {
            None => state.failure.replace(failure),
            Some(_) => Some(failure),
        };
        drop(state);
        drop(surplus);
    }

    fn error(&self, py: Python<'_>, core: &Core, diagnostic: &Diagnostic) -> PyErr {
        let Some(texts) = &self.texts else {
            return core.server_error(py, diagnostic, Some(self.text.sql(py)));
        };
        let text = texts.of(self.taken.load(Ordering::Relaxed));
        core.server_error(py, diagnostic, text.as_deref())
    }

    fn can_be_asked(&self, by_another_than: &Bound<'_, PyAny>) -> bool {
        let cursor = self.cursor(by_another_than.py());
        cursor.is_some_and(|cursor| !cursor.is(by_another_than))
    }
}
