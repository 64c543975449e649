//! Two-phase transactions: `tpc_begin()` and the other methods of that kind.

use std::sync::Arc;

use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::{Block, ExchangeId, Outcome, Session, TwoPhase, TwoPhaseError};
use howdah_protocol::wire::TransactionStatus;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use super::pipeline::end_exchange;
use super::{check, queue_command};
use crate::core::{Core, LeftBlock};
use crate::errors;
use crate::hooks::Subject;
use crate::shell::{Job, Next};

/// A method for two-phase transactions. In a pipeline, what was sent before is answered first: it decides what can be done.
pub(crate) struct TwoPhaseJob {
    step: Step,
    stage: Stage,
    sql: Vec<u8>,
    /// While it begins: what is to be rolled back if that is interrupted.
    begun: Option<Block>,
}

/// What the method does.
pub(crate) enum Step {
    /// Begins one with this identifier.
    Begin(String),
    Prepare,
    /// Ends the session's own.
    End {
        commit: bool,
    },
    /// Ends a prepared one with this identifier.
    EndOther {
        commit: bool,
        id: String,
    },
    /// Asks for all that are prepared.
    Recover,
}

enum Stage {
    /// What is awaited is the answer to a pipeline, if anything.
    Before,
    Command,
}

/// Identifier, time of preparation in microseconds since 1970, owner, database.
const RECOVER: &str = "SELECT gid, (extract(epoch FROM prepared) * 1000000)::pg_catalog.int8, owner, database \
     FROM pg_catalog.pg_prepared_xacts ORDER BY prepared, gid";

impl TwoPhaseJob {
    pub(crate) fn new(step: Step) -> Self {
        Self {
            step,
            stage: Stage::Before,
            sql: Vec::new(),
            begun: None,
        }
    }

    /// The statement to be run, now that it is the method's turn.
    fn statement(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Option<String>> {
        if !matches!(self.step, Step::Recover) {
            core.check_no_transaction_block(py, self.name())?;
        }
        let decided = core.with_session(py, |session| {
            let status = session.transaction_status();
            match &self.step {
                Step::Begin(_) => Ok(begin(session, status)),
                Step::Prepare => session.two_phase.prepare(status).map(|sql| Ok(Some(sql))),
                Step::End { commit } => session.two_phase.end(*commit, status).map(Ok),
                Step::EndOther { commit, id } => {
                    let sql = session.two_phase.end_other(*commit, id);
                    sql.map(|sql| Ok(Some(sql)))
                }
                Step::Recover => Ok(Ok(Some(RECOVER.to_owned()))),
            }
        })?;
        match decided {
            Ok(Ok(sql)) => Ok(sql),
            Ok(Err(reason)) => Err(errors::programming(py, reason)),
            Err(reason) => Err(self.refusal(py, reason)),
        }
    }

    fn refusal(&self, py: Python<'_>, reason: TwoPhaseError) -> PyErr {
        let method = self.name();
        let text = match (reason, &self.step) {
            (TwoPhaseError::NotBegun, Step::Prepare) => {
                format!("{method}() is only possible within a two-phase transaction")
            }
            (TwoPhaseError::NotBegun, _) => {
                format!("{method}() without xid is only possible within a two-phase transaction")
            }
            (TwoPhaseError::Begun, _) => {
                format!("{method}() with xid is only possible outside of a two-phase transaction")
            }
            (TwoPhaseError::Prepared, _) => {
                format!("{method}() is not possible: the two-phase transaction is prepared already")
            }
            (TwoPhaseError::RolledBack, _) => return rolled_back(py),
        };
        errors::programming(py, text)
    }

    fn run(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        self.stage = Stage::Command;
        let Some(sql) = self.statement(py, core)? else {
            return Ok(Next::Done(py.None()));
        };
        if let Step::Begin(_) = self.step {
            self.begun = Some(core.open_block(py, None)?.0);
        }
        let queued = self.queue(py, core, &sql);
        if queued.is_err() {
            self.close(core);
        }
        if queued.is_err() && matches!(self.step, Step::Prepare) {
            // Nothing has been sent: it is as it was.
            core.with_two_phase(py, TwoPhase::not_asked)?;
        }
        queued.map(Next::Exchange)
    }

    fn queue(&mut self, py: Python<'_>, core: &Arc<Core>, sql: &str) -> PyResult<ExchangeId> {
        let encoding = core.snapshot.settings().encoding;
        encoding.encode(&PyString::new(py, sql), &mut self.sql)?;
        queue_command(py, core, &self.sql)
    }

    /// The beginning is over, well or not.
    fn close(&mut self, core: &Arc<Core>) {
        if let Some(block) = self.begun.take() {
            core.close_block(&block);
        }
    }

    /// Whether there was nothing to be rolled back because the preparation that nobody has heard of has failed.
    fn is_rolled_back(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: &Outcome,
    ) -> PyResult<bool> {
        let error = outcome.error.as_ref().and_then(|error| error.sqlstate());
        let undone = matches!(self.step, Step::End { commit: false }) && error == Some(b"42704");
        Ok(undone && core.with_two_phase(py, |two_phase| two_phase.is_in_doubt())?)
    }

    /// Whether the server has no room for prepared transactions, as it is configured. Where it has, the same code says that one is busy.
    fn is_disabled(&self, outcome: &Outcome) -> bool {
        let error = outcome.error.as_ref().and_then(|error| error.sqlstate());
        matches!(self.step, Step::Prepare) && error == Some(b"55000")
    }

    /// The server has run the statement.
    fn done(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: &Outcome) -> PyResult<Next> {
        let rolled_back_instead = outcome.results.iter().any(|each| *each.tag == *b"ROLLBACK");
        core.with_two_phase(py, |two_phase| match &mut self.step {
            Step::Begin(id) => two_phase.begun(std::mem::take(id)),
            Step::Prepare => two_phase.prepared(!rolled_back_instead),
            Step::End { .. } => two_phase.ended(),
            Step::EndOther { .. } | Step::Recover => {}
        })?;
        match self.step {
            Step::Prepare | Step::End { commit: true } if rolled_back_instead => {
                Err(rolled_back(py))
            }
            Step::Recover => recovered(py, core, &outcome.results),
            _ => Ok(Next::Done(py.None())),
        }
    }
}

/// The statement that begins a two-phase transaction, or why there cannot be one.
fn begin(session: &Session, status: TransactionStatus) -> Result<Option<String>, &'static str> {
    match status {
        TransactionStatus::Idle => {}
        TransactionStatus::InTransaction => {
            return Err(
                "a two-phase transaction cannot be begun: connection in transaction status INTRANS",
            );
        }
        TransactionStatus::Failed => {
            return Err(
                "a two-phase transaction cannot be begun: connection in transaction status INERROR",
            );
        }
    }
    let begin = session.transactions.implicit_begin();
    let begin = begin.ok_or("a two-phase transaction cannot be begun in autocommit mode")?;
    Ok(Some(String::from_utf8_lossy(&begin).into_owned()))
}

/// PEP 249's word for it: the server cannot do what was asked for.
fn not_supported(py: Python<'_>, error: PyErr) -> PyErr {
    let unsupported = errors::new(py, "NotSupportedError", error.value(py).to_string());
    unsupported.set_cause(py, Some(error));
    unsupported
}

fn rolled_back(py: Python<'_>) -> PyErr {
    let text = "the two-phase transaction had failed: the server has rolled it back";
    errors::new(py, "InFailedSqlTransaction", text)
}

/// A list of tuples, one for each prepared transaction.
fn recovered(py: Python<'_>, core: &Arc<Core>, results: &[QueryResult]) -> PyResult<Next> {
    let encoding = core.snapshot.settings().encoding;
    let list = PyList::empty(py);
    for row in results.iter().flat_map(|result| result.rows.iter()) {
        let fields = row
            .map(|field| encoding.decode_str(py, field.unwrap_or_default()))
            .collect::<PyResult<Vec<_>>>()?;
        list.append(PyTuple::new(py, fields)?)?;
    }
    Ok(Next::Done(list.into_any().unbind()))
}

impl Job for TwoPhaseJob {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        match end_exchange(py, core)? {
            Some(id) => Ok(Next::Exchange(id)),
            None => self.run(py, core),
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if let Stage::Before = self.stage {
            return match core.collect_last(py, outcome) {
                Some(error) => Err(error),
                None => self.run(py, core),
            };
        }
        self.close(core);
        if self.is_rolled_back(py, core, &outcome)? {
            core.with_two_phase(py, TwoPhase::ended)?;
            return Ok(Next::Done(py.None()));
        }
        let checked = check(py, core, &outcome, Some(&self.sql));
        if checked.is_err() && matches!(self.step, Step::Prepare) {
            // What the server cannot prepare it rolls back.
            core.with_two_phase(py, |two_phase| two_phase.prepared(false))?;
        }
        checked.map_err(|error| match self.is_disabled(&outcome) {
            true => not_supported(py, error),
            false => error,
        })?;
        self.done(py, core, &outcome)
    }

    fn subject(&self, py: Python<'_>, _core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let (kind, sql) = match &self.step {
            Step::Begin(_) => ("begin", "BEGIN"),
            Step::Prepare => ("prepare", "PREPARE TRANSACTION"),
            Step::End { commit: true } => ("commit", "COMMIT"),
            Step::End { commit: false } => ("rollback", "ROLLBACK"),
            Step::EndOther { commit: true, .. } => ("commit", "COMMIT PREPARED"),
            Step::EndOther { commit: false, .. } => ("rollback", "ROLLBACK PREPARED"),
            Step::Recover => ("execute", RECOVER),
        };
        Ok(Some(Subject::own(py, kind, sql)))
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        if let Some(block) = self.begun.take() {
            core.leave_block(LeftBlock {
                block,
                is_open: true,
            });
        }
    }

    fn name(&self) -> &'static str {
        match self.step {
            Step::Begin(_) => "tpc_begin",
            Step::Prepare => "tpc_prepare",
            Step::End { commit: true } | Step::EndOther { commit: true, .. } => "tpc_commit",
            Step::End { .. } | Step::EndOther { .. } => "tpc_rollback",
            Step::Recover => "tpc_recover",
        }
    }
}
