//! What the blocking and the tokio shell share: everything but the waiting.
//!
//! Each operation is a step that queues an exchange, then bytes that move until it is answered, then a step that takes its
//! outcome. A shell is the middle: `settle`, `enter`, queue, drive, `leave`, finish.

pub(crate) mod cancel;
pub(crate) mod dial;
pub(crate) mod info;
pub(crate) mod messages;
mod prepare;
mod settings;
mod shared;
mod types;

use std::sync::Arc;
use std::time::Instant;

use howdah_protocol::connection::{Notification, Params, QueryResult, RowSet};
use howdah_protocol::session::{Block, ExchangeId, Execute, Outcome, ResultFormat, Session};
use howdah_protocol::wire::TransactionStatus;
use howdah_types::{LoadContext, oid};

use crate::error::{Error, Result};
use crate::params;
use crate::row::{Reading, Rows};
use cancel::CancelHandle;
use howdah_net::cancel::deadline_after;
use howdah_net::drive::Lost;
use info::Facts;
use messages::{Messages, Notify};
use prepare::Descriptions;
pub(crate) use prepare::{Mode, Preparation};
use settings::Settings;
pub(crate) use shared::shared_methods;
use types::Acquaintances;

/// A session, and all that is known of it.
pub(crate) struct Core {
    pub(crate) session: Session,
    pub(crate) messages: Messages,
    pub(crate) facts: Facts,
    pub(crate) cancel: CancelHandle,
    pub(crate) types: Acquaintances,
    descriptions: Descriptions,
    params: Params,
    settings: Settings,
    /// Whether a statement within the block that is open has ended the transaction.
    block_ended: bool,
    end: Option<End>,
}

/// How a connection came to its end.
enum End {
    Closed,
    Lost(String),
}

impl Core {
    /// Takes over a session that has been started.
    pub(crate) fn new(session: Session, facts: Facts, cancel: CancelHandle) -> Self {
        let settings = Settings::of(session.connection().shared_parameters());
        let mut core = Self {
            session,
            messages: Messages::default(),
            facts,
            cancel,
            types: Acquaintances::default(),
            descriptions: Descriptions::default(),
            params: Params::default(),
            settings,
            block_ended: false,
            end: None,
        };
        core.session
            .transactions
            .change(|now| now.autocommit = true);
        core
    }

    /// Fails unless the connection can be used.
    pub(crate) fn check_open(&self) -> Result<()> {
        match &self.end {
            None => Ok(()),
            Some(End::Closed) => Err(Error::closed("the connection is closed")),
            Some(End::Lost(reason)) => {
                Err(Error::closed(&format!("the connection was lost: {reason}")))
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.end, Some(End::Lost(_)))
    }

    /// Whether nothing is left over from an earlier operation. If something is, begins to end it.
    pub(crate) fn is_settled(&mut self) -> bool {
        let settled = self.session.is_settled();
        if !settled {
            self.session.cancel_and_drain(Instant::now());
        }
        settled
    }

    /// Queues a text of any number of statements, by the simple protocol.
    pub(crate) fn queue_script(&mut self, sql: &str) -> Result<ExchangeId> {
        self.check_block()?;
        self.check_encoding(sql, false)?;
        self.queue_simple(sql)
    }

    /// Queues a statement of the driver's own that begins no transaction.
    pub(crate) fn queue_control(&mut self, sql: &str) -> Result<ExchangeId> {
        Ok(self.session.command(sql.as_bytes())?)
    }

    /// Queues the statement that opens a savepoint, with the BEGIN of the block around it if that has not been sent.
    pub(crate) fn queue_opening(&mut self, sql: &str) -> Result<ExchangeId> {
        self.queue_simple(sql)
    }

    /// The transaction status after the last exchange.
    pub(crate) fn status(&self) -> TransactionStatus {
        self.session.connection().transaction_status()
    }

    /// Opens a transaction, whose BEGIN goes with its first statement.
    pub(crate) fn open_transaction(&mut self) -> Result<Block> {
        let status = self.status();
        let transactions = &mut self.session.transactions;
        if status != TransactionStatus::Idle || transactions.depth() > 0 {
            return Err(Error::usage(
                "a transaction is running, which transaction() cannot commit: open a block in it with savepoint(), or commit \
                 or roll it back before",
            ));
        }
        Ok(transactions.open(status, None, true))
    }

    /// Opens a block within the running transaction, with the statement that makes its savepoint.
    pub(crate) fn open_savepoint(&mut self) -> Result<(Block, String)> {
        self.check_block()?;
        let status = self.status();
        let transactions = &mut self.session.transactions;
        if status == TransactionStatus::Idle && transactions.implicit_begin().is_none() {
            let text = "no transaction is running that could have a savepoint: use transaction()";
            return Err(Error::usage(text));
        }
        // The statement begins the transaction, where that is still to be done.
        let block = transactions.open(TransactionStatus::InTransaction, None, true);
        let sql = transactions.opening(&block).concat();
        Ok((block, String::from_utf8_lossy(&sql).into_owned()))
    }

    /// Fails if the transaction of the block that is open has been ended by a statement within it: what followed would be in
    /// none, and what came before is kept or lost already.
    pub(crate) fn check_block(&self) -> Result<()> {
        if !self.block_ended {
            return Ok(());
        }
        Err(Error::usage(
            "the transaction has been ended by a statement within its block: nothing more can be done in it",
        ))
    }

    /// The statement that keeps the work of a block, if anything has been done in it.
    pub(crate) fn keep_statement(&self, block: &Block) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| block.commit())
    }

    /// The statement that undoes the work of a block, if anything has been done in it.
    pub(crate) fn undo_statement(&self, block: &Block) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| block.rollback())
    }

    /// Notes that a block has ended, whichever way.
    pub(crate) fn close_block(&mut self, block: &Block) {
        // Borrows make sure that blocks end from the inside.
        let _ = self.session.transactions.close(block);
        self.block_ended &= self.session.transactions.depth() > 0;
    }

    /// Notes that a block has ended whose work is to be undone before anything else is done.
    #[cfg(feature = "tokio")]
    pub(crate) fn abandon_block(&mut self, block: &Block) {
        self.close_block(block);
        self.session.transactions.owe_rollback(block.clone());
    }

    /// Notes that blocks that were never dropped have ended.
    pub(crate) fn forget_blocks(&mut self) {
        self.session.transactions.close_all();
        self.block_ended = false;
    }

    /// Changes the mode, where no transaction is running.
    pub(crate) fn set_autocommit(&mut self, on: bool) -> Result<()> {
        let in_block = self.session.transactions.depth() > 0;
        if in_block || self.status() != TransactionStatus::Idle {
            let text = "autocommit cannot be changed within a transaction";
            return Err(Error::usage(text));
        }
        self.session.transactions.change(|now| now.autocommit = on);
        Ok(())
    }

    /// Fails if a block was never dropped, as by [`std::mem::forget`]: it may have been meant to be undone.
    pub(crate) fn check_outside(&self) -> Result<()> {
        if self.session.transactions.depth() == 0 {
            return Ok(());
        }
        let text = "the transaction has a block that was never ended: it can only be rolled back";
        Err(Error::usage(text))
    }

    /// What ends the running transaction well, if one is running.
    pub(crate) fn commit_statement(&self) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| "COMMIT".into())
    }

    /// What undoes the running transaction, if one is running.
    pub(crate) fn rollback_statement(&self) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| "ROLLBACK".into())
    }

    /// The outcome of a statement of the driver's own.
    pub(crate) fn finish_control(&mut self, sql: &str, outcome: Outcome) -> Result<()> {
        let results = self.finish(outcome)?;
        let rolled_back = results.iter().any(|result| *result.tag == *b"ROLLBACK");
        if sql == "COMMIT" && rolled_back {
            return Err(Error::rolled_back());
        }
        Ok(())
    }

    /// The results of the user's statements of the exchange that has ended.
    fn finish_statements(&mut self, outcome: Outcome) -> Result<Vec<QueryResult>> {
        self.note_block();
        self.finish(outcome)
    }

    /// Notes where the transaction stands after statements of the user's: within a block they begin one unless one runs.
    fn note_block(&mut self) {
        let in_block = self.session.transactions.depth() > 0;
        self.block_ended |= in_block && self.status() == TransactionStatus::Idle;
    }

    /// The results of the exchange that has ended.
    fn finish(&mut self, outcome: Outcome) -> Result<Vec<QueryResult>> {
        self.read_parameters();
        if outcome.refused_copy {
            return Err(Error::usage("COPY cannot be used with this method"));
        }
        self.types.heed(&outcome.results);
        if let Some(diagnostic) = outcome.error {
            self.descriptions.forget();
            return Err(Error::server(diagnostic));
        }
        if outcome.results.iter().any(|result| result.incomplete) {
            return Err(Error::rows_out_of_memory());
        }
        Ok(outcome.results)
    }

    /// The result of the one statement of the exchange that has ended.
    pub(crate) fn finish_rows(&mut self, outcome: Outcome) -> Result<Rows> {
        let mut results = self.finish_statements(outcome)?;
        let result = results
            .pop()
            .ok_or_else(|| Error::shape("the server gave no result"))?;
        Ok(self.rows_of_result(result))
    }

    /// The results of all statements of the exchange that has ended.
    pub(crate) fn finish_all(&mut self, outcome: Outcome) -> Result<Vec<Rows>> {
        let results = self.finish_statements(outcome)?;
        let rows = results.into_iter();
        Ok(rows.map(|result| self.rows_of_result(result)).collect())
    }

    /// How many rows the statements of the exchange that has ended gave or changed.
    pub(crate) fn finish_count(&mut self, outcome: Outcome) -> Result<u64> {
        let results = self.finish_statements(outcome)?;
        let counts = results.iter().filter_map(QueryResult::tagged_rows);
        Ok(counts.fold(0, u64::saturating_add))
    }

    /// The types in these results that have to be looked up before the results are handed out.
    pub(crate) fn unmet_types(&self, results: &[Rows]) -> Option<Vec<u32>> {
        // A failed transaction has no answers, and names in another encoding could not be read.
        if self.status() == TransactionStatus::Failed || !self.settings.utf8 {
            return None;
        }
        let columns = results.iter().flat_map(Rows::columns);
        let unmet = self.types.unmet(columns.map(|column| column.type_oid()));
        Some(unmet).filter(|unmet| !unmet.is_empty())
    }

    /// Queues the lookup of types.
    pub(crate) fn queue_lookup(&mut self, oids: &[u32]) -> Result<ExchangeId> {
        let sql = types::lookup(self.session.connection().server_version());
        let known = self.types.known();
        params::encode(&[&oids], &[oid::OID_ARRAY], &known, &mut self.params)?;
        Ok(self.session.execute(&Execute {
            sql: sql.as_bytes(),
            params: &self.params,
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: false,
            extended: true,
        })?)
    }

    /// The outcome of the lookup of these types.
    pub(crate) fn finish_lookup(&mut self, oids: &[u32], outcome: Outcome) -> Result<()> {
        let found = self.finish_rows(outcome)?;
        self.types.learn(oids, found)
    }

    /// Has results know of the types that have been looked up since they came.
    pub(crate) fn introduce_types(&self, results: &mut [Rows]) {
        for rows in results {
            rows.set_types(self.types.known());
        }
    }

    /// The rows that have come so far of the result that is coming.
    pub(crate) fn take_rows(&mut self, id: ExchangeId) -> Option<Rows> {
        let (columns, rows) = self.session.take_rows(id);
        (!rows.is_empty()).then(|| self.rows_of(columns.unwrap_or_default(), rows))
    }

    /// The session has come to rest after an interruption.
    pub(crate) fn recovered(&mut self) {
        self.read_parameters();
        self.note_block();
        self.cancel.gate().leave();
    }

    /// When a cancel request that the session asks for has to be over: with all that is left of the interruption.
    pub(crate) fn cancel_deadline(&self) -> Instant {
        self.session
            .poll_timeout()
            .unwrap_or_else(|| deadline_after(self.session.cancel_timeout()))
    }

    /// Notes that the connection is lost; gives the error that says why.
    pub(crate) fn lost(&mut self, error: Error) -> Error {
        if self.end.is_none() {
            self.end = Some(End::Lost(error.to_string()));
        }
        self.cancel.gate().leave();
        error
    }

    /// Notes that the connection is lost, for the reason that driving it gave.
    pub(crate) fn lost_by(&mut self, lost: Lost) -> Error {
        self.lost(Error::lost(lost))
    }

    /// Notes that the user closes the connection; `true` if the server can be told with what is then outgoing.
    pub(crate) fn close(&mut self) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.end = Some(End::Closed);
        let polite = self.session.is_idle();
        if polite {
            self.session.terminate();
        }
        self.cancel.gate().leave();
        polite
    }

    /// Hands out a notification.
    ///
    /// # Errors
    /// Too many wait that nobody has taken: the connection is lost.
    pub(crate) fn deliver_notification(
        &mut self,
        notification: Notification,
    ) -> std::result::Result<(), Lost> {
        if self.messages.deliver_notification(&notification) {
            let kept = self.session.backlog.push(notification);
            kept.map_err(|error| Lost::Session(error.into()))?;
        }
        Ok(())
    }

    /// The oldest notification that nobody has taken.
    pub(crate) fn next_notification(&mut self) -> Option<Notify> {
        self.session.backlog.pop().map(|oldest| (&oldest).into())
    }

    fn rows_of(&self, columns: howdah_protocol::connection::Columns, rows: RowSet) -> Rows {
        let reading = self.reading(Arc::clone(&self.settings.load));
        Rows::from_parts(columns, rows, Box::default(), reading)
    }

    fn rows_of_result(&self, result: QueryResult) -> Rows {
        let columns = result.columns.unwrap_or_default();
        let reading = self.reading(self.settings.load_at(&result.parameters));
        Rows::from_parts(columns, result.rows, result.tag, reading)
    }

    fn reading(&self, load: Arc<LoadContext>) -> Reading {
        Reading {
            load,
            types: self.types.known(),
        }
    }

    fn queue_simple(&mut self, sql: &str) -> Result<ExchangeId> {
        self.params.clear();
        Ok(self.session.execute(&Execute {
            sql: sql.as_bytes(),
            params: &self.params,
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: true,
            extended: false,
        })?)
    }

    /// Rust's strings are UTF-8: while the session speaks another encoding, only plain ASCII goes through unchanged.
    fn check_encoding(&self, sql: &str, params: bool) -> Result<()> {
        if self.settings.utf8 || (sql.is_ascii() && !params) {
            return Ok(());
        }
        Err(Error::usage(
            "client_encoding was changed: set it back to UTF8 before sending parameters or text that is not ASCII",
        ))
    }

    fn read_parameters(&mut self) {
        let parameters = self.session.connection().shared_parameters();
        self.settings.refresh(parameters);
    }
}

/// The types whose binary form every Rust type that takes them can read.
fn is_read_in_binary(ty: u32) -> bool {
    is_scalar_read_in_binary(ty)
        || oid::element_of(ty).is_some_and(|element| is_scalar_read_in_binary(element.oid))
}

fn is_scalar_read_in_binary(ty: u32) -> bool {
    matches!(
        ty,
        oid::BOOL
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::OID
            | oid::XID
            | oid::CID
            | oid::XID8
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::NUMERIC
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::BYTEA
            | oid::DATE
            | oid::TIME
            | oid::TIMETZ
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::INTERVAL
            | oid::UUID
            | oid::JSON
            | oid::JSONB
    )
}
