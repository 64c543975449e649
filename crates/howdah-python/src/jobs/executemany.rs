//! `executemany()`: one statement, many sets of parameters, in one exchange.

use std::ops::Range;
use std::sync::Arc;

use howdah_protocol::connection::Params;
use howdah_protocol::session::{ExchangeId, Execute, Outcome, Session};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use super::execute::{Text, check_text, result_format};
use super::insert::Insert;
use super::kept::{How, Kept, Of, Queued};
use super::pipeline::await_ticket;
use super::rewrite::{self, Gathered, Rewriting};
use super::texts::Texts;
use super::{bind, check};
use crate::binding::Binding;
use crate::core::Core;
use crate::core::pipeline::{Failure, Recipient, check_complete};
use crate::core::watched::WatchedRecipient;
use crate::cursor::BaseCursor;
use crate::errors;
use crate::hooks::{Span, Subject, Watched};
use crate::shell::{Job, Next};
use howdah_adapt::{Adaptation, DumpContext, lock, memory};

/// One call of `executemany()`.
pub(crate) struct ExecuteMany {
    pub(crate) cursor: Py<BaseCursor>,
    pub(crate) query: Py<PyAny>,
    pub(crate) params: Py<PyAny>,
    pub(crate) returning: bool,
    /// Whether an INSERT may be rewritten.
    pub(crate) rewrite: bool,
    pub(crate) running: Option<Running>,
    pub(crate) watched: Watched,
}

/// What there is once it has begun.
pub(crate) struct Running {
    params: Py<PyIterator>,
    adaptation: Adaptation,
    /// That of the last one, where each has its own.
    text: Option<Arc<Text>>,
    /// All of them, where each has its own.
    texts: Option<Arc<Texts>>,
    /// The parameters of the last that has been queued.
    last: Option<Py<PyAny>>,
    /// All has been queued, or given up for this error.
    ended: bool,
    failure: Option<PyErr>,
    /// The exchange that all executions are in, once there is one.
    id: Option<ExchangeId>,
    /// Within a `pipeline()` block: the exchange and the results are the pipeline's.
    in_pipeline: bool,
    recipient: Option<Arc<dyn Recipient>>,
    /// The same, where hooks were told of it.
    watched: Option<Arc<WatchedRecipient>>,
    /// How many executions were queued.
    queued: usize,
    /// How many executions were queued since the pipeline was told.
    untold: usize,
    /// The pipeline's ticket of the last of them.
    ticket: Option<u64>,
    /// What has been taken of the parameters, and not been queued.
    first: Option<Py<PyAny>>,
    /// An INSERT whose table is being looked at.
    insert: Option<Insert>,
    /// The table is looked at once more.
    again: bool,
    rewriting: Option<Rewriting>,
    /// The rows of each statement, where some have several.
    parts: Vec<Range<usize>>,
    /// All that has been queued, as long as it may have to be run again.
    kept: Option<Kept>,
    /// There are no more parameters.
    exhausted: bool,
    /// What was queued is being queued again.
    repeated: bool,
}

/// How much is queued before it is sent and the answers so far are taken, in bytes.
const BATCH: usize = 64 * 1024;

impl Job for ExecuteMany {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let in_pipeline = core.pipeline.is_on();
        if in_pipeline
            && let Some(error) = core.pipeline.take_unwanted(self.cursor.bind(py).as_any())
        {
            return Err(error);
        }
        let cursor = self.cursor.get();
        core.check_open(py)?;
        cursor.begin(py, cursor.is_binary())?;
        cursor.binding.check_format(py, cursor.is_binary())?;
        cursor.begin_many(self.returning);
        self.running = Some(Running {
            params: self.params.bind(py).try_iter()?.unbind(),
            adaptation: cursor.adaptation(py)?,
            text: None,
            texts: cursor.binding.is_in_text().then(Arc::default),
            last: None,
            ended: false,
            failure: None,
            id: None,
            in_pipeline,
            recipient: None,
            watched: None,
            queued: 0,
            untold: 0,
            ticket: None,
            first: None,
            insert: None,
            again: false,
            rewriting: None,
            parts: Vec::new(),
            kept: (!in_pipeline).then(Kept::default),
            exhausted: false,
            repeated: false,
        });
        match self.look_up(py, core)? {
            Some(next) => Ok(next),
            None => self.queue_batch(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        let Some(running) = &mut self.running else {
            return Ok(Next::Done(py.None()));
        };
        if running.in_pipeline {
            return self.resume_in_pipeline(py, core);
        }
        if let Some(insert) = running.insert.take() {
            if outcome.again && !std::mem::replace(&mut running.again, true) {
                let id = rewrite::look_up(py, core, &insert, true)?;
                running.insert = Some(insert);
                return Ok(Next::Exchange(id));
            }
            check(py, core, &outcome, None)?;
            running.rewriting = Rewriting::new(&insert, &outcome.results)?;
            return self.queue_batch(py, core);
        }
        let kept = running
            .kept
            .take_if(|kept| running.ended && !kept.is_empty());
        if let Some(kept) = kept.filter(|_| outcome.again) {
            return self.repeat(py, core, &kept);
        }
        if outcome.error.is_some() && running.kept.is_some() {
            // When it has ended it is known whether all can be run again.
            return self.end(py, core);
        }
        if outcome.error.is_some() || !outcome.refused_copy.is_empty() {
            let failed = running
                .check(py, core, &outcome)
                .inspect_err(|error| running.note_place(py, error, outcome.failed_at));
            if running.ended {
                failed?;
                return Ok(Next::Done(py.None()));
            }
            running.failure = failed.err().or(running.failure.take());
            return self.end(py, core);
        }
        if let Some(texts) = &running.texts {
            texts.answered(outcome.results.len());
        }
        // Should the row factory fail, what has been queued is still to be answered.
        let failed = check_complete(&outcome.results)
            .and_then(|()| BaseCursor::add_results(self.cursor.bind(py), outcome.results))
            .err();
        running.failure = running.failure.take().or(failed);
        match running.failure.take_if(|_| running.ended) {
            Some(error) => Err(error),
            None if running.ended => {
                self.cursor.get().tell(&self.watched);
                Ok(Next::Done(py.None()))
            }
            None if running.failure.is_some() => self.end(py, core),
            None => self.queue_batch(py, core),
        }
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let (cursor, params) = (self.cursor.get(), Some(&self.params));
        let subject = bind::subject(py, core, "executemany", cursor, &self.query, params)?;
        Ok(subject.map(|subject| Subject {
            is_batch: true,
            ..subject
        }))
    }

    fn observed(&mut self, _py: Python<'_>, span: &Arc<Span>) -> PyResult<()> {
        self.watched = Watched::by(span);
        Ok(())
    }

    /// What was to be one exchange is not kept in parts, and a transaction around it has failed.
    fn interrupted(&mut self, core: &Arc<Core>) {
        if let Some(running) = &mut self.running
            && running.id.is_some()
            && !running.in_pipeline
            && !std::mem::replace(&mut running.ended, true)
            && let Some(io) = lock(&core.io).as_mut()
        {
            io.session.spoil();
        }
    }

    /// It waits for its results, once all has been sent.
    fn waits_without_gate(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.ended)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        visit.call(&self.query)?;
        visit.call(&self.params)?;
        let Some(running) = &self.running else {
            return Ok(());
        };
        running.adaptation.traverse(visit)?;
        visit.call(&running.last)?;
        visit.call(&running.first)?;
        visit.call(&running.params)
    }

    fn name(&self) -> &'static str {
        "executemany"
    }
}

impl ExecuteMany {
    /// What has come has been handed to the cursor.
    fn resume_in_pipeline(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let ended = self.running.as_ref().is_none_or(|running| running.ended);
        if ended && !self.returning {
            return Ok(Next::Done(py.None()));
        }
        if let Some(error) = self.cursor.get().take_failure(py) {
            return Err(error);
        }
        if ended {
            return Ok(Next::Done(py.None()));
        }
        self.queue_batch(py, core)
    }

    /// Queues executions until there is enough to send.
    fn queue_batch(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if core.pipeline.is_aborted() {
            return self.skip(py, core);
        }
        loop {
            let Some(running) = &mut self.running else {
                return Ok(Next::Done(py.None()));
            };
            let Some(params) = running.next(py) else {
                return self.end(py, core);
            };
            let queued = match running.rewriting {
                None => params.and_then(|params| self.queue_one(py, core, &params)),
                Some(_) => match params.and_then(|params| self.gather(py, core, &params)) {
                    Ok(None) => continue,
                    Ok(Some(queued)) => Ok(queued),
                    Err(error) => Err(error),
                },
            };
            match queued {
                Ok(queued) if queued.is_copy_perhaps => return self.probe(py, core, queued.id),
                Ok(queued) if queued.unsent < BATCH => {}
                // So that no more has to be kept.
                Ok(queued) if self.keeps() => return answered(py, core, queued.id),
                Ok(queued) => {
                    self.tell_pipeline(core);
                    return Ok(Next::Pump(queued.id));
                }
                Err(error) => {
                    if let Some(running) = &mut self.running {
                        running.failure = Some(error);
                    }
                    return self.end(py, core);
                }
            }
        }
    }

    /// Waits for the answer to the first execution, as what is sent behind COPY FROM STDIN would be read as its data.
    fn probe(&mut self, py: Python<'_>, core: &Arc<Core>, id: ExchangeId) -> PyResult<Next> {
        self.tell_pipeline(core);
        if let Some(ticket) = self.running.as_ref().and_then(|running| running.ticket) {
            return await_ticket(py, core, ticket);
        }
        answered(py, core, id)
    }

    /// Queues one execution.
    fn queue_one(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        params: &Bound<'_, PyAny>,
    ) -> PyResult<Queued> {
        let cursor = self.cursor.get();
        let settings = core.snapshot.settings();
        let Some(running) = &mut self.running else {
            return Err(ended(py));
        };
        let cx = DumpContext::new(&settings, Some(&running.adaptation));
        let number = running.queued;
        if running.text.is_none() || running.texts.is_some() {
            let (text, _) = bind::text(cursor, core, self.query.bind(py), Some(params))
                .inspect_err(|error| errors::note_index(py, error, number))?;
            let text = Arc::new(text);
            if running.recipient.is_none() {
                let mut recipient =
                    BaseCursor::recipient(self.cursor.bind(py), &text, running.texts.as_ref())?;
                if let Some(span) = self.watched.get().filter(|_| running.in_pipeline) {
                    let watched = WatchedRecipient::new(py, recipient, span, None)?;
                    running.watched = Some(Arc::clone(&watched));
                    recipient = watched;
                }
                running.recipient = Some(recipient);
            }
            if let Some(texts) = &running.texts {
                texts.push(text.merged(py))?;
            }
            running.text = Some(text);
        }
        let Some(text) = &running.text else {
            return Err(ended(py));
        };
        let mut values = core.borrow_params();
        let dumped = bind::dump(cursor.binding, text, Some(params), &cx, &mut values);
        let dumped = dumped.inspect_err(|error| errors::note_index(py, error, number));
        let is_copy_perhaps = number == 0 && text.may_copy(py);
        let queued =
            dumped.and_then(|()| queue_values(py, core, cursor, text, &values, running.how()));
        let queued = queued.map(|queued| Queued {
            is_copy_perhaps,
            ..queued
        });
        if let Ok(queued) = &queued {
            running.keep(queued, &values, Of::Query);
        }
        core.return_params(values);
        if let Ok(queued) = &queued {
            running.id = Some(queued.id);
            running.queued += 1;
            running.untold += 1;
            running.last = Some(params.clone().unbind());
        }
        queued
    }

    /// Queues again what has been queued, none of which has been executed, and goes on.
    fn repeat(&mut self, py: Python<'_>, core: &Arc<Core>, kept: &Kept) -> PyResult<Next> {
        let cursor = self.cursor.get();
        let Some(running) = &mut self.running else {
            return Err(ended(py));
        };
        let Some(text) = running.text.clone() else {
            return Err(ended(py));
        };
        (running.id, running.ended, running.repeated) = (None, false, true);
        let how = running.how();
        let mut values = core.borrow_params();
        let queued = kept.each(&mut values, |values, of| {
            let queued = match &running.rewriting {
                Some(rewriting) if of == Of::Rewritten => rewriting.queue(py, core, values, how)?,
                _ => queue_values(py, core, cursor, &text, values, how)?,
            };
            running.id = Some(queued.id);
            Ok(())
        });
        core.return_params(values);
        if let Err(error) = queued {
            running.failure = Some(error);
            return self.end(py, core);
        }
        if kept.lacks_last() {
            running.put_back(py);
        }
        match (running.id, &running.failure) {
            (_, Some(_)) => self.end(py, core),
            // What it does was not seen the first time.
            (Some(id), None) if running.rewriting.is_none() && text.may_copy(py) => {
                self.probe(py, core, id)
            }
            _ => self.queue_batch(py, core),
        }
    }

    /// Whether all that has been queued is kept.
    fn keeps(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.kept.is_some())
    }

    /// Asks what the table of an INSERT is like, if that may be rewritten.
    fn look_up(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Next>> {
        let cursor = self.cursor.get();
        let is_plain = rewrite::is_plain(core.snapshot.settings().encoding);
        let may = self.rewrite && !self.returning && cursor.binding == Binding::Server && is_plain;
        let Some(running) = self
            .running
            .as_mut()
            .filter(|each| may && !each.in_pipeline)
        else {
            return Ok(None);
        };
        // What is wrong with it is said when it is executed.
        let nothing = PyTuple::empty(py);
        let text = bind::text(cursor, core, self.query.bind(py), Some(nothing.as_any()));
        let Ok((text, None)) = text else {
            return Ok(None);
        };
        let Some(insert) = Insert::parse(text.sql(py)) else {
            return Ok(None);
        };
        // Nothing is sent if there are no parameters, or the first are wrong.
        let Some(first) = running.params.bind(py).clone().next() else {
            return Ok(None);
        };
        let first = first?;
        let settings = core.snapshot.settings();
        let cx = DumpContext::new(&settings, Some(&running.adaptation));
        bind::dump(
            Binding::Server,
            &text,
            Some(&first),
            &cx,
            &mut Params::default(),
        )
        .inspect_err(|error| errors::note_index(py, error, 0))?;
        running.first = Some(first.unbind());
        let id = rewrite::look_up(py, core, &insert, false)?;
        running.text = Some(Arc::new(text));
        running.insert = Some(insert);
        Ok(Some(Next::Exchange(id)))
    }

    /// Gathers one set of parameters; gives what has been queued, if anything was.
    fn gather(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        params: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Queued>> {
        let settings = core.snapshot.settings();
        let Some(running) = &mut self.running else {
            return Err(ended(py));
        };
        let (Some(text), Some(rewriting)) = (&running.text, &mut running.rewriting) else {
            return Err(ended(py));
        };
        let cx = DumpContext::new(&settings, Some(&running.adaptation));
        let mut values = core.borrow_params();
        let number = running.queued;
        let dumped = bind::dump(Binding::Server, text, Some(params), &cx, &mut values);
        let dumped = dumped.inspect_err(|error| errors::note_index(py, error, number));
        let mut gathered = dumped.and_then(|()| rewriting.gather(&values, number));
        if let Ok(Gathered::Other) = gathered {
            gathered = running
                .send_gathered(py, core)
                .and_then(|_| match &mut running.rewriting {
                    Some(rewriting) => rewriting.gather(&values, number),
                    None => Err(ended(py)),
                });
        }
        core.return_params(values);
        match gathered? {
            Gathered::Row(is_full) => {
                running.queued += 1;
                running.last = Some(params.clone().unbind());
                match is_full {
                    true => running.send_gathered(py, core),
                    false => Ok(None),
                }
            }
            Gathered::Other | Gathered::Alone => {
                running.send_gathered(py, core)?;
                let queued = self.queue_one(py, core, params)?;
                if let Some(running) = &mut self.running {
                    memory::push(&mut running.parts, number..number + 1)?;
                }
                Ok(Some(queued))
            }
        }
    }

    /// The server would skip it all.
    fn skip(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if !self.returning {
            core.pipeline.skip(py, None);
            if let Some(span) = self.watched.get() {
                span.end(-1, None, Some(Failure::Skipped(0).error(py)));
            }
            return Ok(Next::Done(py.None()));
        }
        Err(core.pipeline.see_skipped(py))
    }

    /// Lets the pipeline know whose the results of what has been queued are.
    fn tell_pipeline(&mut self, core: &Arc<Core>) {
        let Some(running) = self.running.as_mut().filter(|running| running.in_pipeline) else {
            return;
        };
        let count = std::mem::take(&mut running.untold);
        let (Some(id), Some(recipient)) = (running.id, &running.recipient) else {
            return;
        };
        if count > 0 {
            let ticket = core.pipeline.push(id, count, Arc::clone(recipient));
            self.cursor.get().note_ticket(ticket);
            running.ticket = Some(ticket);
        }
    }

    /// Ends the exchange, so that the server answers all of it.
    fn end(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        self.tell_pipeline(core);
        let Some(running) = &mut self.running else {
            return Ok(Next::Done(py.None()));
        };
        running.ended = true;
        if let Some(watched) = &running.watched {
            watched.expect(running.queued);
        }
        // As if each had been sent when it came.
        if let Err(error) = running.send_gathered(py, core) {
            running.failure = running.failure.take().or(Some(error));
        }
        if let (Some(text), Some(last)) = (&running.text, &running.last) {
            self.cursor.get().note_query(py, text, Some(last));
        }
        if let Some(id) = running.id.filter(|_| !running.in_pipeline) {
            core.with_session(py, Session::end_exchange)?;
            return Ok(Next::Exchange(id));
        }
        if let Some(error) = running.failure.take() {
            return Err(error);
        }
        match (running.ticket, running.id) {
            (Some(ticket), _) if self.returning => await_ticket(py, core, ticket),
            (_, Some(id)) => Ok(Next::Pump(id)),
            (_, None) => Ok(Next::Done(py.None())),
        }
    }
}

impl Running {
    /// Queues the statement for the rows that are gathered, if there are any.
    fn send_gathered(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Queued>> {
        let how = self.how();
        let Some(rewriting) = &mut self.rewriting else {
            return Ok(None);
        };
        let mut values = core.borrow_params();
        let queued = rewriting.take(py, &mut values).and_then(|rows| {
            let queue = |rows| {
                let queued = rewriting.queue(py, core, &values, how);
                queued.map(|queued| (queued, rows))
            };
            rows.map(queue).transpose()
        });
        if let Ok(Some((queued, _))) = &queued {
            self.keep(queued, &values, Of::Rewritten);
        }
        core.return_params(values);
        let Some((queued, rows)) = queued? else {
            return Ok(None);
        };
        self.id = Some(queued.id);
        memory::push(&mut self.parts, rows)?;
        Ok(Some(queued))
    }

    /// How an execution is queued. What is queued again may be the first of its exchange, or not.
    fn how(&self) -> How {
        match self.repeated {
            true => Session::execute_more_again,
            false => Session::execute_more,
        }
    }

    /// The next set of parameters.
    fn next<'py>(&mut self, py: Python<'py>) -> Option<PyResult<Bound<'py, PyAny>>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first.into_bound(py)));
        }
        if self.exhausted {
            return None;
        }
        let next = self.params.bind(py).clone().next();
        self.exhausted = next.is_none();
        next
    }

    /// Takes the last set of parameters as the next once more.
    fn put_back(&mut self, py: Python<'_>) {
        self.first = self.last.as_ref().map(|last| last.clone_ref(py));
        self.queued = self.queued.saturating_sub(1);
        self.parts.pop();
    }

    /// Keeps what has just been queued, if it may have to be run again with all before it.
    fn keep(&mut self, queued: &Queued, values: &Params, of: Of) {
        let Some(mut kept) = self.kept.take().filter(|_| queued.may_be_repeated) else {
            return;
        };
        let is_long = of == Of::Query && values.values.len() >= BATCH;
        let done = match is_long {
            // Nothing is queued behind it before it is answered.
            true => {
                kept.omit_last();
                Ok(())
            }
            false => kept.push(values, of),
        };
        // Without memory it is not run again.
        self.kept = done.is_ok().then_some(kept);
    }

    /// The exception of an outcome, with what is known of the text of the execution that has failed.
    fn check(&self, py: Python<'_>, core: &Arc<Core>, outcome: &Outcome) -> PyResult<()> {
        match &self.texts {
            Some(texts) => check(py, core, outcome, texts.of(outcome.failed_at).as_deref()),
            // With rows gathered it is another than that of the call.
            None if self.rewriting.is_some() => check(py, core, outcome, None),
            None => check_text(py, core, outcome, self.text.as_deref()),
        }
    }

    /// Notes which parameters an error is about, by the number of its statement.
    fn note_place(&self, py: Python<'_>, error: &PyErr, statement: usize) {
        match self.parts.get(statement) {
            Some(rows) if rows.len() > 1 => errors::note_indexes(py, error, rows),
            Some(rows) => errors::note_index(py, error, rows.start),
            None => errors::note_index(py, error, statement),
        }
    }
}

/// Queues one execution with these parameters.
fn queue_values(
    py: Python<'_>,
    core: &Arc<Core>,
    cursor: &BaseCursor,
    text: &Text,
    values: &Params,
    how: How,
) -> PyResult<Queued> {
    let settings = core.snapshot.settings();
    let loaders = cursor.adapters(py)?.get();
    let accepts = |oid| settings.text_is_plain(oid) && loaders.binary_is_equal(py, oid);
    let request = Execute {
        sql: text.sql(py),
        params: values,
        format: result_format(
            cursor.is_binary(),
            settings.choice_id(loaders.loaders_id()),
            &accepts,
        ),
        prepare: cursor.binding.prepare(Some(true)),
        begin: true,
        extended: true,
    };
    Queued::by(py, core, &request, how)
}

/// Has the server answer what it has been sent.
fn answered(py: Python<'_>, core: &Arc<Core>, id: ExchangeId) -> PyResult<Next> {
    core.with_session(py, Session::flush)?;
    Ok(Next::Results(id))
}

fn ended(py: Python<'_>) -> PyErr {
    errors::new(py, "InternalError", "executemany() has ended")
}
