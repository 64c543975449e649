//! The beginning and the end of `transaction()` blocks. What they are made of is decided when they have their turn.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use howdah_protocol::session::{Block, Outcome};
use pyo3::prelude::*;

use super::pipeline::{Tag, end_exchange, end_with_command};
use super::{check, queue_command};
use crate::core::snapshot::IDLE;
use crate::core::{Core, LeftBlock};
use crate::errors;
use crate::hooks::Subject;
use crate::shell::{Job, Next};
use howdah_adapt::lock;

/// A transaction block that was begun.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct TransactionBlock {
    core: Arc<Core>,
    /// Taken by the end of the block.
    block: Mutex<Option<Block>>,
    outermost: bool,
    savepoint_name: String,
}

#[pymethods]
impl TransactionBlock {
    /// Whether the block is the transaction itself.
    #[getter]
    fn outermost(&self) -> bool {
        self.outermost
    }

    /// The name of its savepoint; empty if it has none.
    #[getter]
    fn savepoint_name(&self) -> &str {
        &self.savepoint_name
    }
}

impl TransactionBlock {
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Has it rolled back before anything else is done; `false` if it has ended.
    pub(crate) fn leave(&self) -> bool {
        let block = lock(&self.block).take();
        let is_open = block.is_some();
        if let Some(block) = block {
            self.core.leave_block(LeftBlock { block, is_open });
        }
        is_open
    }
}

impl Drop for TransactionBlock {
    /// Nobody can end it any more: an interruption came between its beginning and its `with` statement.
    fn drop(&mut self) {
        self.leave();
    }
}

/// The beginning of a block.
pub(crate) struct BeginBlock {
    savepoint_name: Option<String>,
    block: Option<Block>,
    /// The statements that are still to be run.
    statements: VecDeque<Vec<u8>>,
    /// Whether anything that the server may have done would have to be undone.
    begun: bool,
    /// Whether what is awaited is the answer to a pipeline.
    in_pipeline: bool,
}

impl BeginBlock {
    pub(crate) fn new(savepoint_name: Option<String>) -> Self {
        Self {
            savepoint_name: savepoint_name.filter(|name| !name.is_empty()),
            block: None,
            statements: VecDeque::new(),
            begun: false,
            in_pipeline: false,
        }
    }

    fn next(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if let Some(sql) = self.statements.front() {
            let queued = queue_command(py, core, sql).map(Next::Exchange);
            return queued.inspect_err(|_| self.undo(core));
        }
        let Some(block) = self.block.take() else {
            return Ok(Next::Done(py.None()));
        };
        let made = TransactionBlock {
            core: Arc::clone(core),
            outermost: block.is_outermost(),
            savepoint_name: block.savepoint().unwrap_or_default().to_owned(),
            block: Mutex::new(Some(block)),
        };
        // If no object can be made of it, dropping it leaves the block.
        Py::new(py, made).map(|made| Next::Done(made.into_any()))
    }

    /// Leaves the block, which is not to be.
    fn undo(&mut self, core: &Arc<Core>) {
        let Some(block) = self.block.take() else {
            return;
        };
        if self.begun {
            core.leave_block(LeftBlock {
                block,
                is_open: true,
            });
        } else {
            core.close_block(&block);
        }
    }
}

impl Job for BeginBlock {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        // Where the transaction stands is only known when a pipeline has been answered.
        if let Some(id) = end_exchange(py, core)? {
            self.in_pipeline = true;
            return Ok(Next::Exchange(id));
        }
        let name = self.savepoint_name.clone();
        let (block, statements) = core.open_block(py, name.as_deref())?;
        self.block = Some(block);
        self.statements = statements.into();
        self.next(py, core)
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if std::mem::take(&mut self.in_pipeline) {
            return match core.collect_last(py, outcome) {
                Some(error) => Err(error),
                None => self.start(py, core),
            };
        }
        let sql = self.statements.pop_front();
        let checked = check(py, core, &outcome, sql.as_deref());
        checked.inspect_err(|_| self.undo(core))?;
        self.begun = true;
        self.next(py, core)
    }

    fn subject(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let is_outermost = core.snapshot.settled_status() == IDLE && !core.in_transaction_block();
        let sql = if is_outermost { "BEGIN" } else { "SAVEPOINT" };
        Ok(Some(Subject::own(py, "begin", sql)))
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        self.begun = true;
        self.undo(core);
    }

    fn name(&self) -> &'static str {
        "_begin_block"
    }
}

/// The end of a block.
pub(crate) struct EndBlock {
    block: Option<Block>,
    /// Whether the session still counts it as entered.
    is_open: bool,
    commit: bool,
    /// Whether it was to be, before the pipeline had an error.
    was_commit: bool,
    sql: String,
    /// Where a pipeline is answered first: the tag of the command at its end.
    tag: Option<Tag>,
    /// The error that the pipeline had.
    error: Option<PyErr>,
}

impl EndBlock {
    pub(crate) fn new(block: &TransactionBlock, commit: bool) -> Self {
        Self {
            block: lock(&block.block).take(),
            is_open: true,
            commit,
            was_commit: commit,
            sql: String::new(),
            tag: None,
            error: None,
        }
    }

    /// Ends the exchange of a pipeline; the commit goes along.
    fn end_pipeline(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<Next>> {
        let Some(id) = core.pipeline.open() else {
            return Ok(None);
        };
        self.tag = Some(if self.commit {
            end_with_command(py, core, id, &self.sql)?
        } else {
            end_exchange(py, core)?;
            Tag::default()
        });
        Ok(Some(Next::Exchange(id)))
    }

    /// All of a pipeline has been answered: the block is rolled back if it is to be, or if a statement has failed.
    fn after_pipeline(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: Outcome,
        tag: &Tag,
    ) -> PyResult<Next> {
        self.error = core.collect_last(py, outcome);
        let Some(block) = self.block.as_ref() else {
            return self.done(py);
        };
        if self.commit && self.error.is_none() {
            let rolled_back = tag.get().is_some_and(|tag| **tag == *b"ROLLBACK");
            return self.committed(py, rolled_back);
        }
        if core.snapshot.settled_status() == IDLE {
            return self.done(py);
        }
        self.commit = false;
        self.sql = block.rollback();
        queue_command(py, core, self.sql.as_bytes()).map(Next::Exchange)
    }

    /// The block has been committed, or the server has rolled it back.
    fn committed(&mut self, py: Python<'_>, rolled_back: bool) -> PyResult<Next> {
        let block = self.block.take();
        if rolled_back && block.is_some_and(|block| block.is_outermost()) {
            let text =
                "the transaction had failed: the server rolled it back instead of committing it";
            return Err(errors::new(py, "InFailedSqlTransaction", text));
        }
        self.done(py)
    }

    /// The end. The error of a pipeline is raised where the block was to be committed, else given.
    fn done(&mut self, py: Python<'_>) -> PyResult<Next> {
        self.block = None;
        match self.error.take() {
            Some(error) if self.was_commit => Err(error),
            Some(error) => Ok(Next::Done(error.into_value(py).into_any())),
            None => Ok(Next::Done(py.None())),
        }
    }
}

impl Job for EndBlock {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Some(block) = &self.block else {
            return Err(errors::programming(py, "the block has ended"));
        };
        let action = if self.commit { "commit" } else { "rollback" };
        self.is_open = false;
        if !core.close_block(block) {
            let text = format!("transaction {action} at the wrong nesting level");
            self.block = None;
            return Err(errors::out_of_order(py, text));
        }
        core.check_open(py)?;
        self.sql = if self.commit {
            block.commit()
        } else {
            block.rollback()
        };
        if let Some(next) = self.end_pipeline(py, core)? {
            return Ok(next);
        }
        queue_command(py, core, self.sql.as_bytes()).map(Next::Exchange)
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if let Some(tag) = self.tag.take() {
            return self.after_pipeline(py, core, outcome, &tag);
        }
        let checked = check(py, core, &outcome, Some(self.sql.as_bytes()));
        checked.inspect_err(|_| self.block = None)?;
        let mut results = outcome.results.iter();
        let rolled_back = results.any(|result| *result.tag == *b"ROLLBACK");
        self.committed(py, self.commit && rolled_back)
    }

    fn subject(&self, py: Python<'_>, _core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let Some(block) = &self.block else {
            return Ok(None);
        };
        let (kind, sql) = match self.commit {
            true => ("commit", block.commit()),
            false => ("rollback", block.rollback()),
        };
        Ok(Some(Subject::own(py, kind, &sql)))
    }

    /// What the block did is not to stay in a transaction that goes on.
    fn interrupted(&mut self, core: &Arc<Core>) {
        if let Some(block) = self.block.take() {
            core.leave_block(LeftBlock {
                block,
                is_open: self.is_open,
            });
        }
    }

    fn name(&self) -> &'static str {
        "_end_block"
    }
}
