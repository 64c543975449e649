//! `stream()`: rows as they arrive. What has been received and not been asked for is one read of the socket at most.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_protocol::connection::{Ending, QueryResult, RowSet};
use howdah_protocol::session::{ExchangeId, Outcome};
use pyo3::exceptions::{PyException, PyRuntimeError, PyStopAsyncIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::BaseCursor;
use super::arrow::ArrowReading;
use super::rows::StreamedRows;
use crate::connection::BaseConnection;
use crate::core::limit::Timeout;
use crate::core::{Core, Flavor};
use crate::errors;
use crate::hooks::{Span, Subject, status};
use crate::jobs::bind;
use crate::jobs::execute::{Options, Text, check_text, queue_query};
use crate::shell;
use crate::shell::asyncio::Op;
use crate::shell::job::{Job, Next};
use crate::shell::ready::Ready;

/// The rows of a statement as they arrive, of a sync or an async cursor.
struct Stream {
    cursor: Py<BaseCursor>,
    connection: Py<BaseConnection>,
    /// Bounds each wait for rows.
    timeout: Option<Timeout>,
    /// What the rows go into, if batches of them are wanted and not the rows.
    batches: Option<Py<ArrowReading>>,
    state: Mutex<State>,
    /// What hooks were told of it.
    span: Mutex<Option<Arc<Span>>>,
    /// How many rows have been received.
    received: AtomicI64,
}

struct State {
    phase: Phase,
    /// Received, and not given yet.
    rows: Arc<RowSet>,
    /// Number of the next of them.
    pos: usize,
    /// What it takes to load them, once they have been described.
    reader: Option<Arc<StreamedRows>>,
}

enum Phase {
    /// Nothing has been sent.
    Fresh(Request),
    /// More rows may come: the stream has the connection's gate.
    Running(ExchangeId, Option<Text>),
    /// An operation fetches rows.
    Fetching,
    /// An error has ended it, which comes after the rows that came before.
    Failed(PyErr),
    Over,
}

struct Request {
    query: Py<PyAny>,
    params: Option<Py<PyAny>>,
    options: Options,
}

/// Makes the iterator.
pub(super) fn open(
    cursor: &Bound<'_, BaseCursor>,
    query: Py<PyAny>,
    params: Option<Py<PyAny>>,
    binary: Option<bool>,
    timeout: Option<Timeout>,
    batches: Option<Py<ArrowReading>>,
) -> PyResult<Py<PyAny>> {
    let py = cursor.py();
    let request = Request {
        query,
        params,
        options: Options {
            prepare: None,
            binary,
            extended: true,
            again: false,
        },
    };
    let connection = cursor.get().home(py)?.connection.clone_ref(py);
    let stream = Stream {
        cursor: cursor.clone().unbind(),
        connection,
        timeout,
        batches,
        state: Mutex::new(State {
            phase: Phase::Fresh(request),
            rows: Arc::default(),
            pos: 0,
            reader: None,
        }),
        span: Mutex::default(),
        received: AtomicI64::new(0),
    };
    let stream = Arc::new(stream);
    match stream.core().flavor {
        Flavor::Sync => Py::new(py, RowStream(stream)).map(Py::into_any),
        Flavor::Async => Py::new(py, AsyncRowStream(stream)).map(Py::into_any),
    }
}

impl Stream {
    /// The next of the rows, or of the batches, that have been received.
    ///
    /// # Errors
    /// There are some, but the user has closed the connection; or they cannot be loaded. Of a connection that was lost they are given.
    fn next_received(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if self.core().snapshot.was_closed() && self.has_rest() {
            return Err(errors::closed(py));
        }
        if let Some(batches) = &self.batches {
            let ended = matches!(lock(&self.state).phase, Phase::Failed(_) | Phase::Over);
            return batches.get().next_batch(py, ended);
        }
        let (rows, pos, reader) = {
            let mut state = lock(&self.state);
            let Some(reader) = state.reader.clone() else {
                return Ok(None);
            };
            if state.pos >= state.rows.len() {
                return Ok(None);
            }
            state.pos += 1;
            (Arc::clone(&state.rows), state.pos - 1, reader)
        };
        let loaded = rows.get(pos).map(|fields| reader.load(py, fields));
        loaded.transpose()
    }

    /// Whether something has been received that has not been given.
    fn has_rest(&self) -> bool {
        match &self.batches {
            Some(batches) => batches.get().has_begun(),
            None => {
                let state = lock(&self.state);
                state.pos < state.rows.len()
            }
        }
    }

    /// The error that has ended it, once.
    fn take_failure(&self) -> Option<PyErr> {
        let mut state = lock(&self.state);
        let failed = matches!(state.phase, Phase::Failed(_));
        match failed.then(|| std::mem::replace(&mut state.phase, Phase::Over)) {
            Some(Phase::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether nothing more is to be expected.
    fn is_over(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Over)
    }

    fn core(&self) -> &Arc<Core> {
        self.connection.get().core()
    }

    fn run(&self, py: Python<'_>, job: impl Job + 'static) -> PyResult<Py<PyAny>> {
        let connection = self.connection.get();
        let channel = connection.channel();
        shell::run_within(py, connection.core(), channel, job, self.timeout)
    }

    /// Ends the stream, giving up what is unanswered: at once on a sync connection, in the background on an async one.
    fn give_up(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        let ended = self.give_up_rest(py);
        self.leave();
        let span = lock(&self.span).take();
        span.map_or(Ok(()), |span| span.tell(py)).and(ended)
    }

    /// Tells hooks, if there are any, that nobody wants more of it; unless it has ended before.
    fn leave(&self) {
        let span = lock(&self.span).clone();
        if let Some(span) = span {
            span.end(self.received.load(Ordering::Relaxed), None, None);
        }
    }

    fn give_up_rest(self: &Arc<Self>, py: Python<'_>) -> PyResult<()> {
        // In a child of the process that began it there is nothing to end.
        if !self.is_running() || self.core().forked() {
            drop(self.end());
            return Ok(());
        }
        let job = EndStream(Arc::clone(self));
        match self.connection.get().channel() {
            Some(channel) => Op::run_detached(channel.bind(py), Box::new(job)),
            None => match self.run(py, job) {
                // Closed meanwhile: that ends it as well.
                Err(error)
                    if self.core().snapshot.is_closed()
                        && error.is_instance_of::<PyException>(py) =>
                {
                    Ok(())
                }
                ended => ended.map(drop),
            },
        }
    }

    /// The next of the rows that have been received; one that cannot be loaded ends the stream.
    fn next_or_end(self: &Arc<Self>, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.next_received(py).inspect_err(|_| {
            if let Err(error) = self.give_up(py) {
                error.write_unraisable(py, None);
            }
        })
    }

    /// Ends the stream; gives the phase that it was in.
    fn end(&self) -> Phase {
        let (phase, rows) = {
            let mut state = lock(&self.state);
            state.pos = 0;
            let rows = std::mem::take(&mut state.rows);
            (std::mem::replace(&mut state.phase, Phase::Over), rows)
        };
        drop(rows);
        if let Some(batches) = &self.batches {
            batches.get().give_up();
        }
        phase
    }

    /// Whether there is something to give.
    fn has_next(&self) -> bool {
        match &self.batches {
            Some(batches) => batches.get().has_full(),
            None => !lock(&self.state).rows.is_empty(),
        }
    }

    /// Puts back the phase that an operation has taken.
    fn restore(&self, phase: &mut Phase) {
        let taken = std::mem::replace(phase, Phase::Over);
        let old = std::mem::replace(&mut lock(&self.state).phase, taken);
        // Without the lock: it may hold objects of Python's.
        drop(old);
    }

    fn is_fetching(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Fetching)
    }

    /// Whether it has the gate, and no operation of it does.
    fn is_running(&self) -> bool {
        matches!(lock(&self.state).phase, Phase::Running(..))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        visit.call(&self.connection)?;
        if let Ok(span) = self.span.try_lock()
            && let Some(span) = &*span
        {
            Span::traverse(span, visit)?;
        }
        let Ok(state) = self.state.try_lock() else {
            return Ok(());
        };
        if let Some(reader) = state.reader.as_ref()
            && Arc::strong_count(reader) == 1
        {
            reader.traverse(visit)?;
        }
        if let Phase::Fresh(request) = &state.phase {
            visit.call(&request.query)?;
            visit.call(&request.params)?;
        }
        Ok(())
    }
}

/// Fetches rows: all that have come, or come next.
struct FetchRows {
    stream: Arc<Stream>,
    phase: Phase,
    asynchronous: bool,
    /// What was sent in this fetch, in case that it has to be sent again.
    sent: Option<Request>,
}

impl FetchRows {
    fn new(stream: &Arc<Stream>, asynchronous: bool) -> PyResult<Self> {
        let mut state = lock(&stream.state);
        if matches!(state.phase, Phase::Fetching) {
            drop(state);
            return Err(already_running(asynchronous));
        }
        let phase = std::mem::replace(&mut state.phase, Phase::Fetching);
        drop(state);
        Ok(Self {
            stream: Arc::clone(stream),
            phase,
            asynchronous,
            sent: None,
        })
    }

    /// Takes rows over; those of the first batch tell what they are like.
    fn take(&mut self, py: Python<'_>, core: &Core, mut result: QueryResult) -> PyResult<()> {
        let rows = std::mem::take(&mut result.rows);
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        self.stream.received.fetch_add(count, Ordering::Relaxed);
        if let Some(batches) = &self.stream.batches {
            batches.get().take(py, core, &result, &rows)?;
        }
        let described = lock(&self.stream.state).reader.is_some();
        if !described {
            let reader = BaseCursor::begin_stream(self.stream.cursor.bind(py), result)?;
            lock(&self.stream.state).reader = Some(Arc::new(reader));
        }
        if self.stream.batches.is_some() {
            return Ok(());
        }
        let mut state = lock(&self.stream.state);
        state.pos = 0;
        let old = std::mem::replace(&mut state.rows, Arc::new(rows));
        drop(state);
        drop(old);
        Ok(())
    }

    /// The last rows, or the error that ended the result.
    fn finish(&mut self, py: Python<'_>, core: &Arc<Core>, mut outcome: Outcome) -> PyResult<()> {
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        let text = match &phase {
            Phase::Running(_, text) => text.as_ref(),
            _ => None,
        };
        if let Err(error) = check_text(py, core, &outcome, text) {
            let rows = outcome.unfinished.ok_or_else(|| error.clone_ref(py))?;
            if let Some(span) = self.part_of() {
                span.end(-1, None, Some(error.clone_ref(py)));
            }
            self.phase = Phase::Failed(error);
            return self.take(py, core, rows);
        }
        let result = outcome.results.pop();
        let result = result.ok_or_else(|| errors::new(py, "InternalError", "got no result"))?;
        if result.ending == Ending::Empty {
            let text = "unexpected result status from query: EMPTY_QUERY";
            return Err(errors::new(py, "InternalError", text));
        }
        if result.columns.is_none() {
            let text = "the operation in stream() didn't produce a result";
            return Err(errors::programming(py, text));
        }
        let tag = status(&result.tag);
        self.take(py, core, result)?;
        if let Some(span) = self.part_of() {
            span.end(self.stream.received.load(Ordering::Relaxed), tag, None);
        }
        Ok(())
    }

    /// Gives the stream back with what has come; an async iterator wants the next row, or its end, as the value.
    fn done(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if let Phase::Running(id, _) = &self.phase {
            if !self.stream.has_next() {
                return Ok(Next::Rows(*id));
            }
            if !self.stream.is_fetching() {
                // Nobody has the stream any more, who could end it: this is the last of it.
                let running = std::mem::replace(&mut self.phase, Phase::Over);
                drop(running);
                return Ok(Next::Rest);
            }
        }
        let running = matches!(self.phase, Phase::Running(..));
        core.streaming.store(running, Ordering::Relaxed);
        self.stream.restore(&mut self.phase);
        if !self.asynchronous {
            return Ok(Next::Done(py.None()));
        }
        match self.stream.next_received(py)? {
            Some(row) => Ok(Next::Done(row)),
            None => Err(PyStopAsyncIteration::new_err(())),
        }
    }
}

impl Job for FetchRows {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.streaming.store(false, Ordering::Relaxed);
        core.check_open(py)?;
        if let Phase::Fresh(request) = &self.phase {
            if core.pipeline.is_on() {
                let text = "stream() cannot be used in pipeline mode";
                return Err(errors::programming(py, text));
            }
            let cursor = self.stream.cursor.get();
            let params = request.params.as_ref();
            let queued = queue_query(py, core, cursor, &request.query, params, &request.options);
            let (id, text) = queued?;
            let phase = std::mem::replace(&mut self.phase, Phase::Running(id, Some(text)));
            if let Phase::Fresh(request) = phase {
                self.sent = Some(request);
            }
        }
        match &self.phase {
            Phase::Running(id, _) => Ok(Next::Rows(*id)),
            _ => self.done(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        let sent = self.sent.take();
        if outcome.again
            && let Some(mut request) = sent.filter(|request| !request.options.again)
        {
            request.options.again = true;
            let phase = std::mem::replace(&mut self.phase, Phase::Fresh(request));
            drop(phase);
            return self.start(py, core);
        }
        if outcome.statements > 0 {
            self.finish(py, core, outcome)?;
        } else if let Phase::Running(id, _) = &self.phase
            && let Some(result) = core.take_rows(*id)
        {
            self.take(py, core, result)?;
        }
        self.done(py, core)
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        core.streaming.store(false, Ordering::Relaxed);
        drop(self.stream.end());
    }

    fn refused(&mut self, _core: &Arc<Core>) {
        self.stream.restore(&mut self.phase);
    }

    fn has_lease(&self) -> bool {
        matches!(self.phase, Phase::Running(..))
    }

    fn keeps_lease(&self) -> bool {
        self.stream.is_running()
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let Phase::Fresh(Request { query, params, .. }) = &self.phase else {
            return Ok(None);
        };
        let cursor = self.stream.cursor.get();
        bind::subject(py, core, "stream", cursor, query, params.as_ref())
    }

    fn part_of(&self) -> Option<Arc<Span>> {
        lock(&self.stream.span).clone()
    }

    fn observed(&mut self, py: Python<'_>, span: &Arc<Span>) -> PyResult<()> {
        *lock(&self.stream.span) = Some(Arc::clone(span));
        span.put_off(py)
    }

    fn name(&self) -> &'static str {
        "stream"
    }
}

/// Ends a stream that has the gate: what is unanswered is given up.
struct EndStream(Arc<Stream>);

impl Job for EndStream {
    fn start(&mut self, _py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        self.interrupted(core);
        Ok(Next::Rest)
    }

    fn resume(&mut self, py: Python<'_>, _core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        Ok(Next::Done(py.None()))
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        core.streaming.store(false, Ordering::Relaxed);
        self.0.leave();
        drop(self.0.end());
    }

    fn refused(&mut self, _core: &Arc<Core>) {}

    fn part_of(&self) -> Option<Arc<Span>> {
        lock(&self.0.span).clone()
    }

    fn has_lease(&self) -> bool {
        self.0.is_running()
    }

    fn has_own_bound(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "aclose"
    }
}

/// The exception that a generator raises which is used while it runs.
fn already_running(asynchronous: bool) -> PyErr {
    let text = "the stream is being fetched from already";
    if asynchronous {
        PyRuntimeError::new_err(text)
    } else {
        PyValueError::new_err(text)
    }
}

/// The iterator that `Cursor.stream()` returns. Leaving it before its end cancels the statement.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct RowStream(Arc<Stream>);

#[pymethods]
impl RowStream {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if let Some(row) = self.0.next_or_end(py)? {
            return Ok(Some(row));
        }
        if let Some(error) = self.0.take_failure() {
            return Err(error);
        }
        if self.0.is_over() {
            return Ok(None);
        }
        let job = FetchRows::new(&self.0, false)?;
        self.0.run(py, job)?;
        self.0.next_or_end(py)
    }

    /// End the iteration: the statement is cancelled if it still runs.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.0.is_fetching() {
            return Err(already_running(false));
        }
        self.0.give_up(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }
}

impl Drop for RowStream {
    fn drop(&mut self) {
        errors::in_destructor(|py| self.0.give_up(py));
    }
}

/// The asynchronous iterator that `AsyncCursor.stream()` returns. Leaving it before its end cancels the statement.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct AsyncRowStream(Arc<Stream>);

#[pymethods]
impl AsyncRowStream {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if let Some(row) = self.0.next_or_end(py)? {
            return Py::new(py, Ready::new(move |_| Ok(row))).map(Py::into_any);
        }
        if let Some(error) = self.0.take_failure() {
            return Py::new(py, Ready::new(move |_| Err(error))).map(Py::into_any);
        }
        if self.0.is_over() {
            let over = Ready::new(|_| Err(PyStopAsyncIteration::new_err(())));
            return Py::new(py, over).map(Py::into_any);
        }
        let job = FetchRows::new(&self.0, true)?;
        self.0.run(py, job)
    }

    /// End the iteration: the statement is cancelled if it still runs.
    fn aclose(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        if self.0.is_fetching() {
            return Err(already_running(true));
        }
        if self.0.is_running() {
            return self.0.run(py, EndStream(Arc::clone(&self.0)));
        }
        drop(self.0.end());
        Py::new(py, Ready::new(|py| Ok(py.None()))).map(Py::into_any)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.traverse(&visit)
    }
}

impl Drop for AsyncRowStream {
    /// Has the statement given up in the background: the next operation waits for that.
    fn drop(&mut self) {
        errors::in_destructor(|py| self.0.give_up(py));
    }
}
