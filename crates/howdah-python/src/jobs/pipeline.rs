//! Pipeline mode: its blocks, its synchronisation points, and results that are fetched while more is sent.

use std::sync::{Arc, OnceLock};

use howdah_protocol::connection::{Params, QueryResult};
use howdah_protocol::session::{ExchangeId, Execute, Outcome, ResultFormat, Session};
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;

use super::queue;
use crate::core::Core;
use crate::core::pipeline::{Failure, Recipient};
use crate::errors;
use crate::hooks::Subject;
use crate::shell::{Job, Next};

/// Ends the pipeline's exchange, if it has one, so that the server answers all of it: with [`Core::collect_last`] then.
pub(super) fn end_exchange(py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<ExchangeId>> {
    let Some(id) = core.pipeline.open() else {
        return Ok(None);
    };
    core.with_session(py, Session::end_exchange)?;
    Ok(Some(id))
}

/// The command tag of a [`Command`], once it has come.
pub(super) type Tag = Arc<OnceLock<Box<[u8]>>>;

/// Queues a command of the driver's own in the pipeline's exchange `id`, and ends that.
pub(super) fn end_with_command(
    py: Python<'_>,
    core: &Arc<Core>,
    id: ExchangeId,
    sql: &str,
) -> PyResult<Tag> {
    let request = Execute {
        sql: sql.as_bytes(),
        params: &Params::default(),
        format: ResultFormat::Text,
        prepare: Some(false),
        begin: false,
        extended: true,
    };
    queue(py, core, &request, Session::execute)?;
    let tag = Tag::default();
    let command = Command {
        sql: sql.as_bytes().into(),
        tag: Arc::clone(&tag),
    };
    core.pipeline.push(id, 1, Arc::new(command));
    Ok(tag)
}

/// A command of the driver's own.
struct Command {
    sql: Box<[u8]>,
    tag: Tag,
}

impl Recipient for Command {
    fn take(&self, _py: Python<'_>, results: Vec<QueryResult>) -> PyResult<()> {
        for result in results {
            // There is one.
            let _ = self.tag.set(result.tag);
        }
        Ok(())
    }

    fn fail(&self, _py: Python<'_>, _failure: Failure) {}

    fn error(&self, py: Python<'_>, core: &Core, diagnostic: &Diagnostic) -> PyErr {
        core.server_error(py, diagnostic, Some(&self.sql))
    }

    fn can_be_asked(&self, _by_another_than: &Bound<'_, PyAny>) -> bool {
        false
    }
}

/// The beginning of a `pipeline()` block. Within another one it is a synchronisation point.
pub(crate) struct EnterPipeline;

impl Job for EnterPipeline {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        if let Some(id) = end_exchange(py, core)? {
            return Ok(Next::Exchange(id));
        }
        core.pipeline.enter();
        Ok(Next::Done(py.None()))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if let Some(error) = core.collect_last(py, outcome) {
            return Err(error);
        }
        core.pipeline.enter();
        Ok(Next::Done(py.None()))
    }

    fn name(&self) -> &'static str {
        "_pipeline_enter"
    }
}

/// A synchronisation point: all results come, and the first error that nobody has seen is raised.
pub(crate) struct SyncPipeline;

impl Job for SyncPipeline {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        if !core.pipeline.is_on() {
            return Err(errors::operational(
                py,
                "the connection is not in pipeline mode",
            ));
        }
        if let Some(id) = end_exchange(py, core)? {
            return Ok(Next::Exchange(id));
        }
        match core.pipeline.take_unseen(py) {
            Some(error) => Err(error),
            None => Ok(Next::Done(py.None())),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        match core.collect_last(py, outcome) {
            Some(error) => Err(error),
            None => Ok(Next::Done(py.None())),
        }
    }

    fn subject(&self, _py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let open = core.pipeline.open().is_some();
        Ok(open.then(|| Subject::of("sync", None)))
    }

    fn name(&self) -> &'static str {
        "sync"
    }
}

/// Has what the server has not answered given up, as its program has been told to end.
pub(crate) struct CancelPipeline;

impl Job for CancelPipeline {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        core.interrupt_pipeline(py);
        Ok(Next::Rest)
    }

    fn resume(&mut self, py: Python<'_>, _core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        Ok(Next::Done(py.None()))
    }

    fn has_own_bound(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "_pipeline_cancel"
    }
}

/// What has to wait for a result of the pipeline.
pub(crate) trait Pending: Send + Sync {
    /// The ticket of the result, if it has not come.
    fn ticket(&self) -> Option<u64>;

    /// Goes on with it.
    fn go_on(&self, py: Python<'_>) -> PyResult<Py<PyAny>>;
}

/// Waits for a result of the pipeline, then goes on with it.
pub(crate) struct AwaitResult<T>(pub(crate) T);

impl<T: Pending> Job for AwaitResult<T> {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        match self.0.ticket() {
            Some(ticket) => await_ticket(py, core, ticket),
            None => self.0.go_on(py).map(Next::Done),
        }
    }

    fn resume(&mut self, py: Python<'_>, _core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        self.0.go_on(py).map(Next::Done)
    }

    fn waits_without_gate(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "fetch"
    }
}

/// Waits until what was queued under a ticket has been answered.
pub(super) fn await_ticket(py: Python<'_>, core: &Arc<Core>, ticket: u64) -> PyResult<Next> {
    core.check_open(py)?;
    if core.pipeline.want(ticket) {
        core.with_session(py, Session::flush)?;
    }
    Ok(Next::Booked(ticket))
}
