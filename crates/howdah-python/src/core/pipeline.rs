//! Pipeline mode: statements whose results have not come, and what has become of those that failed.
//!
//! ```text
//!             a statement is queued                      its result has come
//!  (nothing) ───────────────────────▶ waiting, a ticket ────────────────────▶ booked: its cursor has it
//!                                        │ an earlier one failed                  │ it failed
//!                                        ▼                                        ▼
//!                                     skipped                                 unseen, until somebody is told
//! ```
//!
//! An error belongs to the statement that caused it: whoever fetches from its cursor is told. So is whoever ends the exchange,
//! unless somebody has seen the error already.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_protocol::wire::Diagnostic;
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;

use super::Core;
use crate::errors;
use howdah_adapt::lock;

/// Who gets what comes of a statement.
pub(crate) trait Recipient: Send + Sync {
    /// Takes its result, or some of several, in order.
    fn take(&self, py: Python<'_>, results: Vec<QueryResult>) -> PyResult<()>;

    /// Adds to its error what it knows of it.
    fn annotate(&self, _py: Python<'_>, _error: &PyErr) {}

    /// It has failed.
    fn fail(&self, py: Python<'_>, failure: Failure);

    /// The exception for what the server says of its statement, which has failed.
    fn error(&self, py: Python<'_>, core: &Core, diagnostic: &Diagnostic) -> PyErr;

    /// Whether anybody has the cursor that can be asked for the result, and it is another than this one.
    fn can_be_asked(&self, by_another_than: &Bound<'_, PyAny>) -> bool;
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The statement's own error, and which of the pipeline's it is.
    ///
    /// A copy: the other is raised where somebody is told first, and its traceback may hold the cursor.
    Error(PyErr, u64),
    /// It was not run, because an earlier one of this exchange failed.
    Skipped(u64),
    /// The pipeline was interrupted, so that it is not known whether it was run.
    Interrupted,
}

/// A connection's pipeline. What changes it has the connection's gate, or is the event loop's callback.
#[derive(Default)]
pub(crate) struct Pipeline {
    /// How many `pipeline()` blocks are entered.
    level: AtomicU32,
    /// Whether results are awaited.
    waits: AtomicBool,
    /// How many tickets have been booked: those below it are answered.
    booked: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The exchange that statements are added to.
    open: Option<ExchangeId>,
    waiting: VecDeque<Waiting>,
    tickets: u64,
    /// How many of them the server has been asked to answer at once.
    flushed: u64,
    /// Tickets below it are waited for: what has come of them is booked, even if it may still change.
    wanted: u64,
    /// The number of the exchange.
    exchange: u64,
    /// How many results of it have been booked.
    results: usize,
    /// A statement of the exchange has failed: those behind it are skipped.
    aborted: bool,
    /// The first error that nobody has seen.
    unseen: Option<Unseen>,
    /// Whether statements were skipped since an error was raised.
    skipped: bool,
    /// How many errors there were.
    errors: u64,
}

struct Waiting {
    recipient: Arc<dyn Recipient>,
    /// How many results are to come.
    count: usize,
}

struct Unseen {
    error: PyErr,
    number: u64,
    /// The exchange that it has aborted.
    exchange: u64,
    /// Whose error it is.
    recipient: Option<Arc<dyn Recipient>>,
}

/// The status of a pipeline. The numbers are those of `howdah.pq.PipelineStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Off = 0,
    On = 1,
    Aborted = 2,
}

impl Failure {
    /// The exception for it, where what made it so is not known.
    pub(crate) fn error(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Error(error, _) => error.clone_ref(py),
            Self::Skipped(_) => aborted(py),
            Self::Interrupted => errors::new(
                py,
                "PipelineAborted",
                "the pipeline was interrupted before the result had come",
            ),
        }
    }
}

impl Pipeline {
    pub(crate) fn status(&self) -> Status {
        if !self.is_on() {
            Status::Off
        } else if lock(&self.state).aborted {
            Status::Aborted
        } else {
            Status::On
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.level() > 0
    }

    pub(crate) fn level(&self) -> u32 {
        self.level.load(Ordering::Acquire)
    }

    pub(crate) fn enter(&self) {
        self.level.fetch_add(1, Ordering::AcqRel);
    }

    /// Leaves a block; what the last one leaves behind will not be asked for.
    pub(crate) fn leave(&self, py: Python<'_>) {
        let before = self
            .level
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |level| {
                level.checked_sub(1)
            });
        if before == Ok(1) {
            self.interrupt(py);
            drop(self.take_unseen(py));
        }
    }

    /// The exchange that statements are added to, if it has any.
    pub(crate) fn open(&self) -> Option<ExchangeId> {
        lock(&self.state).open
    }

    /// Whether results are awaited.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Acquire)
    }

    pub(crate) fn is_aborted(&self) -> bool {
        lock(&self.state).aborted
    }

    /// Notes that statements have been queued in exchange `id`, whose `count` results go to `recipient`; gives their ticket.
    pub(crate) fn push(&self, id: ExchangeId, count: usize, recipient: Arc<dyn Recipient>) -> u64 {
        let mut state = lock(&self.state);
        state.open = Some(id);
        state.waiting.push_back(Waiting { recipient, count });
        self.waits.store(true, Ordering::Release);
        let ticket = state.tickets;
        state.tickets += 1;
        ticket
    }

    /// Notes a statement that the server would skip, and that therefore is not sent.
    pub(crate) fn skip(&self, py: Python<'_>, recipient: Option<&dyn Recipient>) {
        let skipped = {
            let mut state = lock(&self.state);
            state.skipped = true;
            Failure::Skipped(state.exchange)
        };
        if let Some(recipient) = recipient {
            recipient.fail(py, skipped);
        }
    }

    /// The exception for a statement that the server would skip, and that is waited for.
    pub(crate) fn see_skipped(&self, py: Python<'_>) -> PyErr {
        self.skip(py, None);
        let exchange = lock(&self.state).exchange;
        self.see(py, Failure::Skipped(exchange))
    }

    /// Whether what was queued under a ticket has been answered.
    pub(crate) fn has_booked(&self, ticket: u64) -> bool {
        self.booked.load(Ordering::Acquire) > ticket
    }

    /// Notes that somebody waits for a ticket; tells whether the server has to be asked for what it has.
    pub(crate) fn want(&self, ticket: u64) -> bool {
        let mut state = lock(&self.state);
        state.wanted = state.wanted.max(ticket + 1);
        let asked = state.flushed > ticket;
        if !asked {
            state.flushed = state.tickets;
        }
        !asked
    }

    /// Takes the error to be raised by whoever ends an exchange: the first that nobody has seen. With it all is told.
    pub(crate) fn take_unseen(&self, py: Python<'_>) -> Option<PyErr> {
        let (unseen, skipped) = {
            let mut state = lock(&self.state);
            (state.unseen.take(), std::mem::take(&mut state.skipped))
        };
        match unseen {
            Some(unseen) => Some(unseen.error),
            None => skipped.then(|| aborted(py)),
        }
    }

    /// Takes the error that nobody has seen, if nobody can ask for it but by `cursor`, who is asked something else now.
    ///
    /// Without this a program that goes on sending would never learn that all of it is skipped.
    pub(crate) fn take_unwanted(&self, cursor: &Bound<'_, PyAny>) -> Option<PyErr> {
        let recipient = {
            let state = lock(&self.state);
            let unseen = state.unseen.as_ref()?;
            unseen.recipient.as_ref().map(Arc::clone)
        };
        let wanted = recipient
            .as_deref()
            .is_some_and(|recipient| recipient.can_be_asked(cursor));
        drop(recipient);
        if wanted {
            return None;
        }
        let mut state = lock(&self.state);
        state.skipped = false;
        let unseen = state.unseen.take();
        drop(state);
        unseen.map(|unseen| unseen.error)
    }

    /// The exception for a failure that is seen now.
    pub(crate) fn see(&self, py: Python<'_>, failure: Failure) -> PyErr {
        let mut state = lock(&self.state);
        let seen = match &failure {
            Failure::Interrupted => None,
            Failure::Skipped(exchange) => {
                state.skipped &= state.exchange != *exchange;
                // What made it so says more.
                let cause = |unseen: &mut Unseen| unseen.exchange == *exchange;
                state.unseen.take_if(cause)
            }
            Failure::Error(_, number) => {
                let unseen = state.unseen.take_if(|unseen| unseen.number == *number);
                state.skipped &= unseen.is_none();
                unseen
            }
        };
        drop(state);
        seen.map_or_else(|| failure.error(py), |unseen| unseen.error)
    }

    /// Gives up what has not come: it was interrupted, and whoever did that was told.
    pub(crate) fn interrupt(&self, py: Python<'_>) {
        let waiting = {
            let mut state = lock(&self.state);
            state.exchange_ended();
            std::mem::take(&mut state.waiting)
        };
        for each in waiting {
            each.recipient.fail(py, Failure::Interrupted);
        }
        self.note_booked();
    }

    /// Hands out what has come of the exchange.
    fn book(&self, py: Python<'_>, core: &Core, outcome: Outcome, ended: bool) {
        let mut results = outcome.results.into_iter();
        while let Some((recipient, at, count)) = self.next_waiting(results.len()) {
            let these: Vec<_> = results.by_ref().take(count).collect();
            let refused = |index| outcome.refused_copy.contains(&index);
            let taken = if (at..at + count).any(refused) {
                Err(refused_copy(py))
            } else {
                check_complete(&these).and_then(|()| recipient.take(py, these))
            };
            if let Err(error) = taken {
                self.note_failure(py, error, Some(recipient));
            }
            self.note_booked();
        }
        if let Some(diagnostic) = outcome.error.filter(|_| !self.is_aborted()) {
            let failed = lock(&self.state).waiting.pop_front();
            let failed = failed.map(|failed| failed.recipient);
            let error = if outcome.refused_copy.contains(&outcome.failed_at) {
                refused_copy(py)
            } else {
                match &failed {
                    Some(failed) => failed.error(py, core, &diagnostic),
                    None => core.server_error(py, &diagnostic, None),
                }
            };
            lock(&self.state).aborted = true;
            self.note_failure(py, error, failed);
        }
        if ended || self.is_aborted() {
            self.skip_waiting(py);
        }
        if ended {
            lock(&self.state).exchange_ended();
        }
        self.note_booked();
    }

    /// Who gets the next of `left` results, the first one's index, and how many there are for it.
    fn next_waiting(&self, left: usize) -> Option<(Arc<dyn Recipient>, usize, usize)> {
        let mut state = lock(&self.state);
        let at = state.results;
        let front = state.waiting.front_mut().filter(|_| left > 0)?;
        let count = front.count.min(left);
        front.count -= count;
        let recipient = Arc::clone(&front.recipient);
        let all = front.count == 0;
        state.results += count;
        let done = if all { state.waiting.pop_front() } else { None };
        drop(state);
        drop(done);
        Some((recipient, at, count))
    }

    fn note_failure(&self, py: Python<'_>, error: PyErr, recipient: Option<Arc<dyn Recipient>>) {
        let number = {
            let mut state = lock(&self.state);
            state.errors += 1;
            state.errors
        };
        if let Some(recipient) = &recipient {
            recipient.annotate(py, &error);
            recipient.fail(py, Failure::Error(errors::copy(py, &error), number));
        }
        let mut state = lock(&self.state);
        if state.unseen.is_none() {
            state.unseen = Some(Unseen {
                error,
                number,
                exchange: state.exchange,
                recipient,
            });
            return;
        }
        drop(state);
        drop((error, recipient));
    }

    /// The server has skipped all that waits.
    fn skip_waiting(&self, py: Python<'_>) {
        let (waiting, exchange) = {
            let mut state = lock(&self.state);
            state.skipped |= !state.waiting.is_empty();
            (std::mem::take(&mut state.waiting), state.exchange)
        };
        for each in waiting {
            each.recipient.fail(py, Failure::Skipped(exchange));
        }
    }

    fn note_booked(&self) {
        let state = lock(&self.state);
        let waiting = u64::try_from(state.waiting.len()).unwrap_or(u64::MAX);
        self.booked
            .store(state.tickets.saturating_sub(waiting), Ordering::Release);
        self.waits.store(waiting > 0, Ordering::Release);
    }
}

impl State {
    fn exchange_ended(&mut self) {
        self.open = None;
        self.exchange += 1;
        self.aborted = false;
        self.results = 0;
    }
}

impl Core {
    /// Hands out what has come of the pipeline's exchange, which goes on.
    pub(crate) fn collect(&self, py: Python<'_>) {
        if !self.pipeline.is_on() {
            return;
        }
        let (id, settled) = {
            let state = lock(&self.pipeline.state);
            let booked = self.pipeline.booked.load(Ordering::Acquire);
            (state.open, state.wanted <= booked)
        };
        let Some(id) = id else { return };
        let outcome = match lock(&self.io).as_mut() {
            Some(io) if io.session.has_partial(id) => io.session.take_partial(id, settled),
            _ => return,
        };
        self.pipeline.book(py, self, outcome, false);
        self.refresh_snapshot();
    }

    /// Hands out what the end of the pipeline's exchange has brought; gives the error that nobody has seen.
    pub(crate) fn collect_last(&self, py: Python<'_>, outcome: Outcome) -> Option<PyErr> {
        self.pipeline.book(py, self, outcome, true);
        self.pipeline.take_unseen(py)
    }
}

/// Fails if there was no memory for the rows of a result.
pub(crate) fn check_complete(results: &[QueryResult]) -> PyResult<()> {
    if results.iter().any(|result| result.incomplete) {
        let message = "out of memory: there is no room for the rows of the result";
        return Err(PyMemoryError::new_err(message));
    }
    Ok(())
}

fn aborted(py: Python<'_>) -> PyErr {
    errors::new(py, "PipelineAborted", "pipeline aborted")
}

fn refused_copy(py: Python<'_>) -> PyErr {
    errors::programming(
        py,
        "COPY cannot be used with this method; use copy() instead",
    )
}
