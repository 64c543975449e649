//! `commit()`, `rollback()`, and changes of how transactions are begun.

use std::sync::Arc;

use howdah_protocol::session::{Characteristics, Outcome};
use pyo3::prelude::*;

use super::pipeline::{end_exchange, end_with_command};
use super::{check, queue_command};
use crate::core::Core;
use crate::core::snapshot::IDLE;
use crate::errors;
use crate::hooks::Subject;
use crate::shell::{Job, Next};

/// The end of the running transaction, if there is one.
pub(crate) struct End {
    commit: bool,
    stage: Stage,
}

/// What the answer that is awaited is about.
enum Stage {
    /// The command alone.
    Command,
    /// All of a pipeline, with COMMIT at its end.
    Pipeline,
    /// The ROLLBACK behind a pipeline that had this error.
    Rollback(PyErr),
}

impl End {
    pub(crate) fn new(commit: bool) -> Self {
        let stage = Stage::Command;
        Self { commit, stage }
    }

    fn sql(&self) -> &'static str {
        if self.commit { "COMMIT" } else { "ROLLBACK" }
    }

    /// Runs the command, if there is a transaction.
    fn run(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Next>> {
        if core.snapshot.settled_status() == IDLE {
            return Ok(None);
        }
        queue_command(py, core, self.sql().as_bytes()).map(|id| Some(Next::Exchange(id)))
    }

    /// Ends the exchange of a pipeline. A commit goes along; before a rollback it has to be known where the transaction stands.
    fn end_pipeline(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Next>> {
        let Some(id) = core.pipeline.open() else {
            return Ok(None);
        };
        core.refresh_snapshot();
        self.stage = Stage::Pipeline;
        if self.commit && core.snapshot.settled_status() != IDLE {
            end_with_command(py, core, id, self.sql())?;
        } else {
            end_exchange(py, core)?;
        }
        Ok(Some(Next::Exchange(id)))
    }

    /// All of a pipeline has been answered.
    fn after_pipeline(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        error: Option<PyErr>,
    ) -> PyResult<Next> {
        if !self.commit
            && let Some(next) = self.run(py, core)?
        {
            self.stage = error.map_or(Stage::Command, Stage::Rollback);
            return Ok(next);
        }
        match error {
            Some(error) => Err(error),
            None => Ok(Next::Done(py.None())),
        }
    }
}

impl Job for End {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        core.check_no_transaction_block(py, self.name())?;
        core.check_no_two_phase(py, self.name())?;
        if let Some(next) = self.end_pipeline(py, core)? {
            return Ok(next);
        }
        let next = self.run(py, core)?;
        Ok(next.unwrap_or_else(|| Next::Done(py.None())))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        let error = match std::mem::replace(&mut self.stage, Stage::Command) {
            Stage::Pipeline => {
                let error = core.collect_last(py, outcome);
                return self.after_pipeline(py, core, error);
            }
            Stage::Rollback(error) => Some(error),
            Stage::Command => None,
        };
        check(py, core, &outcome, Some(self.sql().as_bytes()))?;
        match error {
            Some(error) => Err(error),
            None => Ok(Next::Done(py.None())),
        }
    }

    fn sends(&self, core: &Core) -> bool {
        core.snapshot.settled_status() != IDLE
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let does = self.sends(core) || core.pipeline.open().is_some();
        Ok(does.then(|| Subject::own(py, self.name(), self.sql())))
    }

    fn name(&self) -> &'static str {
        if self.commit { "commit" } else { "rollback" }
    }
}

/// A change of the transactions to come: not possible within one.
pub(crate) struct Change {
    pub(crate) attribute: &'static str,
    pub(crate) change: Box<dyn Fn(&mut Characteristics) + Send + Sync>,
}

impl Job for Change {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let attribute = self.attribute;
        if core.in_transaction_block() {
            return Err(errors::programming(
                py,
                format!(
                    "can't change '{attribute}' now: connection.transaction() context in progress"
                ),
            ));
        }
        core.check_open(py)?;
        let status = match core.snapshot.settled_status() {
            _ if core.pipeline.waits() => "ACTIVE",
            IDLE => {
                // In autocommit a pipeline is a transaction up to its synchronisation point.
                if let Some(id) = end_exchange(py, core)? {
                    return Ok(Next::Exchange(id));
                }
                core.change_characteristics(&*self.change);
                return Ok(Next::Done(py.None()));
            }
            2 => "INTRANS",
            _ => "INERROR",
        };
        Err(errors::programming(
            py,
            format!("can't change '{attribute}' now: connection in transaction status {status}"),
        ))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        match core.collect_last(py, outcome) {
            Some(error) => Err(error),
            None => self.start(py, core),
        }
    }

    fn sends(&self, _core: &Core) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        self.attribute
    }
}
