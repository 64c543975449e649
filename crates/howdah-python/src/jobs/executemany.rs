//! `executemany()`: one statement, many sets of parameters, in one exchange.

use std::sync::Arc;

use howdah_protocol::session::{ExchangeId, Execute, Outcome, Session};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyIterator;

use super::execute::{Text, check_text, result_format};
use super::pipeline::await_ticket;
use super::{bind, queue};
use crate::core::Core;
use crate::core::pipeline::{Recipient, check_complete};
use crate::cursor::BaseCursor;
use crate::errors;
use crate::shell::{Job, Next};
use howdah_adapt::{Adaptation, DumpContext};

/// One call of `executemany()`.
pub(crate) struct ExecuteMany {
    pub(crate) cursor: Py<BaseCursor>,
    pub(crate) query: Py<PyAny>,
    pub(crate) params: Py<PyAny>,
    pub(crate) returning: bool,
    pub(crate) running: Option<Running>,
}

/// What there is once it has begun.
pub(crate) struct Running {
    params: Py<PyIterator>,
    adaptation: Adaptation,
    text: Option<Arc<Text>>,
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
    /// How many executions were queued.
    queued: usize,
    /// How many executions were queued since the pipeline was told.
    untold: usize,
    /// The pipeline's ticket of the last of them.
    ticket: Option<u64>,
}

/// An execution that has been queued.
struct Queued {
    id: ExchangeId,
    /// How many bytes are to be sent.
    unsent: usize,
    /// It is the first, and has to be answered before more is sent.
    is_copy_perhaps: bool,
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
        cursor.begin(py, cursor.is_binary())?;
        core.check_open(py)?;
        cursor.binding.check_format(py, cursor.is_binary())?;
        cursor.begin_many(self.returning);
        self.running = Some(Running {
            params: self.params.bind(py).try_iter()?.unbind(),
            adaptation: cursor.adaptation(py)?,
            text: None,
            last: None,
            ended: false,
            failure: None,
            id: None,
            in_pipeline,
            recipient: None,
            queued: 0,
            untold: 0,
            ticket: None,
        });
        self.queue_batch(py, core)
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        let Some(running) = &mut self.running else {
            return Ok(Next::Done(py.None()));
        };
        if running.in_pipeline {
            return self.resume_in_pipeline(py, core);
        }
        // A position in a text with its parameters in it is one of that text alone.
        let text = running.text.as_ref();
        let text = text.filter(|_| !self.cursor.get().binding.is_in_text());
        if outcome.error.is_some() || !outcome.refused_copy.is_empty() {
            let failed = check_text(py, core, &outcome, text.map(AsRef::as_ref))
                .inspect_err(|error| errors::note_index(py, error, outcome.failed_at));
            if running.ended {
                failed?;
                return Ok(Next::Done(py.None()));
            }
            running.failure = failed.err().or(running.failure.take());
            return self.end(py, core);
        }
        // Should the row factory fail, what has been queued is still to be answered.
        let failed = check_complete(&outcome.results)
            .and_then(|()| BaseCursor::add_results(self.cursor.bind(py), outcome.results))
            .err();
        running.failure = running.failure.take().or(failed);
        match running.failure.take_if(|_| running.ended) {
            Some(error) => Err(error),
            None if running.ended => Ok(Next::Done(py.None())),
            None if running.failure.is_some() => self.end(py, core),
            None => self.queue_batch(py, core),
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
            let queued = match running.params.bind(py).clone().next() {
                None => return self.end(py, core),
                Some(params) => params.and_then(|params| self.queue_one(py, core, &params)),
            };
            match queued {
                Ok(queued) if queued.is_copy_perhaps => return self.probe(py, core, queued.id),
                Ok(queued) if queued.unsent < BATCH => {}
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
        core.with_session(py, Session::flush)?;
        Ok(Next::Results(id))
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
        if running.text.is_none() || cursor.binding.is_in_text() {
            let (text, _) = bind::text(cursor, core, self.query.bind(py), Some(params))
                .inspect_err(|error| errors::note_index(py, error, number))?;
            let text = Arc::new(text);
            if running.recipient.is_none() {
                running.recipient = Some(BaseCursor::recipient(self.cursor.bind(py), &text)?);
            }
            running.text = Some(text);
        }
        let Some(text) = &running.text else {
            return Err(ended(py));
        };
        let loaders = cursor.adapters(py)?.get();
        let accepts = |oid| settings.text_is_plain(oid) && loaders.binary_is_equal(py, oid);
        let mut values = core.borrow_params();
        let dumped = bind::dump(cursor.binding, text, Some(params), &cx, &mut values);
        let dumped = dumped.inspect_err(|error| errors::note_index(py, error, number));
        let is_copy_perhaps = number == 0 && text.may_copy(py);
        let queued = dumped.and_then(|()| {
            let request = Execute {
                sql: text.sql(py),
                params: &values,
                format: result_format(
                    cursor.is_binary(),
                    settings.choice_id(loaders.loaders_id()),
                    &accepts,
                ),
                prepare: cursor.binding.prepare(Some(true)),
                begin: true,
                extended: true,
            };
            queue(py, core, &request, |session, request| {
                session.execute_more(request).map(|id| Queued {
                    id,
                    unsent: session.outgoing().len(),
                    is_copy_perhaps,
                })
            })
        });
        core.return_params(values);
        if let Ok(queued) = &queued {
            running.id = Some(queued.id);
            running.queued += 1;
            running.untold += 1;
            running.last = Some(params.clone().unbind());
        }
        queued
    }

    /// The server would skip it all.
    fn skip(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if !self.returning {
            core.pipeline.skip(py, None);
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

fn ended(py: Python<'_>) -> PyErr {
    errors::new(py, "InternalError", "executemany() has ended")
}
