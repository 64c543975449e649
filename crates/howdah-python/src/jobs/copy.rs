//! `copy()`: a statement whose data goes or comes in pieces, each an operation that goes on with the lease of the one before.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use howdah_protocol::connection::{Ending, QueryResult};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{ExchangeId, Outcome, Session};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{bind, check, take_copy_start};
use crate::core::Core;
use crate::core::copying::{CopyState, Phase};
use crate::cursor::BaseCursor;
use crate::errors;
use crate::hooks::{Span, Subject, rowcount, status};
use crate::shell::{Job, Next};

/// How much data is queued at once, in bytes.
const PIECE: usize = 128 * 1024;

/// One operation of a COPY.
pub(crate) struct CopyJob {
    cursor: Py<BaseCursor>,
    state: Arc<CopyState>,
    /// What the state was taken from, while this is at it.
    phase: Phase,
    work: Work,
    /// The answer to all of it is awaited.
    is_ending: bool,
}

/// What an operation of a COPY does.
pub(crate) enum Work {
    Start(Py<PyAny>, Option<Py<PyAny>>),
    /// Wait for data; gives what is made of it.
    Read(Box<dyn Reader>),
    /// Send data.
    Feed(Data),
    /// Send data, the last.
    Finish(Data),
    /// Have it fail, for this reason.
    Fail(Vec<u8>),
    /// Have the server give it up.
    Leave,
}

/// What makes something of the data.
pub(crate) trait Reader: Send + Sync {
    /// What it makes of data that has been received; `None` if there is none.
    fn next_received(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>>;

    /// Whether data has been received of which it has not given all.
    fn has_rest(&self) -> bool;

    /// About how many bytes more it needs, as far as it knows.
    fn wants(&self) -> usize;

    /// What it gives at the end of the data.
    fn at_end(&self, py: Python<'_>) -> PyResult<Py<PyAny>>;

    /// Shows the collector the Python objects that it holds.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;
}

/// Data on its way to the server.
pub(crate) enum Data {
    Object(Py<PyBytes>, usize),
    Own(Vec<u8>, usize),
}

impl Data {
    fn next_piece<'a>(&'a mut self, py: Python<'a>) -> Option<&'a [u8]> {
        let (all, pos) = match self {
            Self::Object(bytes, pos) => (bytes.as_bytes(py), pos),
            Self::Own(bytes, pos) => (bytes.as_slice(), pos),
        };
        let rest = all.get(*pos..).filter(|rest| !rest.is_empty())?;
        let piece = rest.get(..PIECE).unwrap_or(rest);
        *pos += piece.len();
        Some(piece)
    }
}

impl CopyJob {
    /// Takes the COPY of a cursor, if what is to be done can be.
    pub(crate) fn new(
        py: Python<'_>,
        cursor: Py<BaseCursor>,
        state: &Arc<CopyState>,
        work: Work,
    ) -> PyResult<Self> {
        match &work {
            Work::Start(..) if state.is_busy() || state.is_running() => {
                return Err(errors::operational(py, "the cursor is in a COPY"));
            }
            Work::Start(..) | Work::Leave => {}
            Work::Read(..) => state.check_readable(py)?,
            Work::Feed(_) | Work::Finish(_) | Work::Fail(_) => state.check_writable(py)?,
        }
        Ok(Self {
            cursor,
            state: Arc::clone(state),
            phase: state.take(),
            work,
            is_ending: false,
        })
    }

    fn check(&self, py: Python<'_>, core: &Arc<Core>, outcome: &Outcome) -> PyResult<()> {
        if !outcome.refused_copy.is_empty() {
            return Err(not_alone(py));
        }
        check(py, core, outcome, Some(&self.state.sql()))
    }

    fn id(&self) -> Option<ExchangeId> {
        match self.phase {
            Phase::In(id) | Phase::Out(id) => Some(id),
            _ => None,
        }
    }

    fn begin(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Start(query, params) = &self.work else {
            return Ok(Next::Rest);
        };
        if core.pipeline.is_on() {
            let text = "COPY cannot be used in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let cursor = self.cursor.get();
        core.check_open(py)?;
        cursor.begin(py, false)?;
        let bound = params.as_ref().map(|params| params.bind(py));
        let text = bind::merged_text(cursor, core, query.bind(py), bound)?;
        let queued = core.with_session(py, |session| session.copy(text.sql(py), true))?;
        let id = queued.map_err(|error| errors::usage(py, &error))?;
        cursor.note_query(py, &text, None);
        self.state.begin(text.sql(py));
        // Which way it goes is known when it has begun.
        self.phase = Phase::Out(id);
        Ok(Next::Rows(id))
    }

    /// What has come of the statement.
    fn begun(&mut self, py: Python<'_>, core: &Arc<Core>, mut outcome: Outcome) -> PyResult<Next> {
        let Some(id) = self.id() else {
            return Err(no_copy(py, &outcome));
        };
        let ended = outcome.statements > 0;
        let Some(start) = take_copy_start(py, core, id, &mut outcome)? else {
            if !ended {
                // A result with rows, which are thrown away.
                drop(core.with_session(py, |session| session.take_rows(id))?);
                return Ok(Next::Rows(id));
            }
            self.phase = Phase::Over;
            self.check(py, core, &outcome)?;
            return Err(no_copy(py, &outcome));
        };
        let is_in = start.is_in;
        self.cursor.get().show_copy(Some(start.clone()));
        self.state.note_start(start);
        if is_in {
            self.phase = Phase::In(id);
        }
        match (ended, is_in) {
            (true, true) => self.ended_early(py, core, &outcome),
            (true, false) => {
                self.finish_out(py, core, outcome)?;
                Ok(self.done(py, core))
            }
            (false, _) => Ok(self.done(py, core)),
        }
    }

    /// The server has ended what it was given data for: that is an error of its.
    fn ended_early(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: &Outcome,
    ) -> PyResult<Next> {
        self.phase = Phase::GivenUp;
        self.check(py, core, outcome)?;
        let text = "the server has ended the COPY before it was given all data";
        Err(errors::new(py, "InternalError", text))
    }

    /// The end of a COPY TO: with the last of the data, or the error that comes behind it.
    fn finish_out(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<()> {
        let checked = self.check(py, core, &outcome);
        let checked = checked.and_then(|()| check_alone(py, &outcome));
        let mut results = outcome.results.into_iter();
        if let Err(error) = checked {
            self.tell(-1, None, Some(error.clone_ref(py)));
            let rows = results.next().map(|copied| copied.rows);
            let rows = rows.or(outcome.unfinished.map(|unfinished| unfinished.rows));
            self.state.keep(rows.unwrap_or_default());
            self.phase = Phase::Failed(error);
            return Ok(());
        }
        self.phase = Phase::Over;
        let mut result = results.next().ok_or_else(|| no_result(py))?;
        self.state.keep(std::mem::take(&mut result.rows));
        self.tell_result(&result);
        self.set_result(py, result)
    }

    /// Notes for hooks that it has ended.
    fn tell(&self, rowcount: i64, tag: Option<String>, error: Option<PyErr>) {
        if let Some(span) = self.state.span() {
            span.end(rowcount, tag, error);
        }
    }

    fn tell_result(&self, result: &QueryResult) {
        self.tell(rowcount(result), status(&result.tag), None);
    }

    fn set_result(&self, py: Python<'_>, result: QueryResult) -> PyResult<()> {
        BaseCursor::set_results(self.cursor.bind(py), vec![result])
    }

    /// Queues the next piece of the data, or its end.
    fn feed(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Phase::In(id) = self.phase else {
            return Ok(self.done(py, core));
        };
        let (Work::Feed(data) | Work::Finish(data)) = &mut self.work else {
            return Ok(self.done(py, core));
        };
        let Some(piece) = data.next_piece(py) else {
            if matches!(self.work, Work::Feed(_)) {
                return Ok(self.done(py, core));
            }
            core.with_session(py, |session| session.copy_done(id))?;
            self.is_ending = true;
            return Ok(Next::Rows(id));
        };
        let queue = |session: &mut Session| session.copy_data(id, piece);
        let queued: Result<bool, UsageError> = core.with_session(py, queue)?;
        match queued.map_err(|error| errors::usage(py, &error))? {
            true => Ok(Next::Feed(id)),
            // It has failed: what the server says comes with the outcome.
            false => Ok(Next::Exchange(id)),
        }
    }

    /// Gives what was read, or waits for more of it.
    fn give(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Read(reader) = &self.work else {
            return Ok(self.done(py, core));
        };
        if let Some(value) = reader.next_received(py)? {
            self.restore(core);
            return Ok(Next::Done(value));
        }
        if let Phase::Out(id) = self.phase {
            let wanted = reader.wants();
            core.with_session(py, |session| session.want_rows(id, wanted))?;
            return Ok(Next::Rows(id));
        }
        let at_end = reader.at_end(py)?;
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Failed(error) => Err(error),
            phase => {
                self.phase = phase;
                self.restore(core);
                Ok(Next::Done(at_end))
            }
        }
    }

    /// Gives the COPY back.
    fn restore(&mut self, core: &Core) {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let running = matches!(phase, Phase::In(_) | Phase::Out(_));
        core.streaming.store(running, Ordering::Relaxed);
        self.state.set(phase);
    }

    fn done(&mut self, py: Python<'_>, core: &Arc<Core>) -> Next {
        self.restore(core);
        Next::Done(py.None())
    }
}

impl Job for CopyJob {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.streaming.store(false, Ordering::Relaxed);
        if let Work::Start(..) = self.work {
            return self.begin(py, core);
        }
        core.check_open(py)?;
        match (&self.work, self.id()) {
            (Work::Read(..), _) => self.give(py, core),
            (Work::Fail(reason), Some(id)) => {
                core.with_session(py, |session| session.copy_fail(id, reason))?;
                Ok(Next::Exchange(id))
            }
            (Work::Leave, Some(_)) => {
                self.phase = Phase::GivenUp;
                Ok(Next::Rest)
            }
            _ => self.feed(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, mut outcome: Outcome) -> PyResult<Next> {
        let ended = outcome.statements > 0;
        match &self.work {
            Work::Start(..) => self.begun(py, core, outcome),
            Work::Read(..) if ended => {
                self.finish_out(py, core, outcome)?;
                self.give(py, core)
            }
            Work::Read(..) => {
                if let Phase::Out(id) = self.phase {
                    let (columns, messages) =
                        core.with_session(py, |session| session.take_rows(id))?;
                    // Rows with columns are those of a statement behind it.
                    if columns.is_none() {
                        self.state.keep(messages);
                    }
                }
                self.give(py, core)
            }
            Work::Finish(_) if ended && self.is_ending => {
                self.phase = Phase::GivenUp;
                self.check(py, core, &outcome)?;
                check_alone(py, &outcome)?;
                self.phase = Phase::Over;
                let result = outcome.results.pop().ok_or_else(|| no_result(py))?;
                self.tell_result(&result);
                self.cursor.get().show_copy(None);
                self.set_result(py, result)?;
                Ok(self.done(py, core))
            }
            Work::Finish(_) if self.is_ending => {
                let Some(id) = self.id() else {
                    return Err(no_result(py));
                };
                // Of a statement behind it, which is an error then.
                drop(core.with_session(py, |session| session.take_rows(id))?);
                Ok(Next::Rows(id))
            }
            Work::Feed(_) | Work::Finish(_) if ended => self.ended_early(py, core, &outcome),
            Work::Feed(_) | Work::Finish(_) => self.feed(py, core),
            Work::Fail(_) | Work::Leave => {
                // The server says that it has failed, as it was told.
                self.phase = Phase::GivenUp;
                let refused = self.state.span().and(self.check(py, core, &outcome).err());
                self.tell(-1, None, refused);
                Ok(self.done(py, core))
            }
        }
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        core.streaming.store(false, Ordering::Relaxed);
        let phase = std::mem::replace(&mut self.phase, Phase::GivenUp);
        drop(phase);
        self.state.set(Phase::GivenUp);
    }

    fn refused(&mut self, _core: &Arc<Core>) {
        let phase = std::mem::replace(&mut self.phase, Phase::GivenUp);
        self.state.set(phase);
    }

    fn has_lease(&self) -> bool {
        self.id().is_some() && !matches!(self.work, Work::Start(..))
    }

    fn keeps_lease(&self) -> bool {
        self.state.is_running()
    }

    fn has_own_bound(&self) -> bool {
        matches!(self.work, Work::Leave)
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let Work::Start(query, params) = &self.work else {
            return Ok(None);
        };
        let cursor = self.cursor.get();
        bind::subject(py, core, "copy", cursor, query, params.as_ref())
    }

    fn part_of(&self) -> Option<Arc<Span>> {
        match self.work {
            Work::Start(..) => None,
            _ => self.state.span(),
        }
    }

    fn observed(&mut self, py: Python<'_>, span: &Arc<Span>) -> PyResult<()> {
        self.state.set_span(Some(span));
        span.put_off(py)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        match &self.work {
            Work::Start(query, params) => {
                visit.call(query)?;
                visit.call(params)
            }
            Work::Read(reader) => reader.traverse(visit),
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        match self.work {
            Work::Start(..) => "copy",
            Work::Read(..) => "read",
            Work::Feed(_) => "write",
            Work::Finish(_) | Work::Fail(_) | Work::Leave => "finish",
        }
    }
}

fn no_result(py: Python<'_>) -> PyErr {
    errors::new(py, "InternalError", "got no result of the COPY")
}

/// Fails if statements have been executed beside a COPY.
fn check_alone(py: Python<'_>, outcome: &Outcome) -> PyResult<()> {
    match outcome.results.len() {
        0 | 1 => Ok(()),
        _ => Err(not_alone(py)),
    }
}

fn not_alone(py: Python<'_>) -> PyErr {
    let text = "copy() is for one COPY, and not for several statements";
    errors::programming(py, text.to_owned())
}

/// The error for a statement that is no COPY with data of the client's.
fn no_copy(py: Python<'_>, outcome: &Outcome) -> PyErr {
    let got = match outcome.results.last() {
        Some(result) if result.columns.is_some() => "rows",
        Some(result) if result.ending == Ending::Empty => "an empty query",
        _ => "a command without data",
    };
    let text = format!("copy() is for COPY ... FROM STDIN and COPY ... TO STDOUT, got {got}");
    errors::programming(py, text)
}
