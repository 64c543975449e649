//! What the blocking and the tokio shell share: everything but the waiting.
//!
//! Each operation is a step that queues an exchange, then bytes that move until it is answered, then a step that takes its
//! outcome. A shell is the middle: `settle`, `enter`, queue, drive, `leave`, finish.

#[cfg(feature = "arrow")]
pub(crate) mod arrow;
pub(crate) mod attempts;
pub(crate) mod cancel;
pub(crate) mod copy_rows;
mod copy_statement;
pub(crate) mod copying;
pub(crate) mod dial;
pub(crate) mod info;
mod known;
pub(crate) mod large_object;
pub(crate) mod listener;
pub(crate) mod messages;
pub(crate) mod observe;
pub(crate) mod portal;
mod prepare;
pub(crate) mod replication;
pub(crate) mod sequence;
mod settings;
mod shared;
pub(crate) mod statement;
pub(crate) mod stream;
pub(crate) mod timeout;
mod types;
pub(crate) mod within;

use std::time::Instant;

use howdah_protocol::connection::{Notification, Params};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{
    Block, Characteristics, ExchangeId, Execute, Outcome, ResultFormat, Session,
};
use howdah_protocol::wire::TransactionStatus;
use howdah_types::oid;

use crate::error::{Error, Result};
use crate::params;
use crate::row::Rows;
use attempts::Fate;
use cancel::CancelHandle;
use howdah_net::cancel::deadline_after;
use howdah_net::drive::Lost;
use howdah_net::limit::Limit;
use howdah_net::link::Link;
use info::Facts;
pub(crate) use known::{Finished, Known};
use messages::{Messages, Notify};
use observe::Life;
#[cfg(feature = "tokio")]
pub(crate) use prepare::Question;
pub(crate) use prepare::{Given, Mode, Preparation};
pub(crate) use shared::shared_methods;
use timeout::OperationTimeout;

/// How often a look at the socket receives: a server may talk without end.
pub(crate) const LOOKS: usize = 64;

/// A session, and all that is known of it.
pub(crate) struct Core {
    pub(crate) session: Link,
    pub(crate) messages: Messages,
    pub(crate) facts: Facts,
    pub(crate) cancel: CancelHandle,
    pub(crate) known: Known,
    life: Life,
    params: Params,
    /// Whether a statement within the block that is open has ended the transaction.
    block_ended: bool,
    /// What has happened in the transaction of the block that is open.
    pub(crate) fate: Fate,
    portals: portal::Portals,
    /// Whether the exchange that is open is a sequence that has items.
    in_sequence: bool,
    /// Whether the client encoding is UTF8 with this version of the parameters.
    encoding: (Option<u64>, bool),
    /// How long operations may take.
    pub(crate) timeout: OperationTimeout,
    /// What bounds the operation, or the group of operations, that runs.
    pub(crate) limit: Option<Limit>,
    end: Option<End>,
}

/// How a connection came to its end.
enum End {
    Closed,
    Lost(String),
}

impl Core {
    /// Takes over a session that has been started.
    pub(crate) fn new(
        session: Link,
        facts: Facts,
        cancel: CancelHandle,
        known: Known,
        life: Life,
    ) -> Self {
        let mut core = Self {
            session,
            messages: Messages::default(),
            facts,
            cancel,
            known,
            life,
            params: Params::default(),
            block_ended: false,
            fate: Fate::default(),
            portals: portal::Portals::default(),
            in_sequence: false,
            encoding: (None, true),
            timeout: OperationTimeout::default(),
            limit: None,
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
            Some(End::Lost(reason)) => Err(Error::was_lost(reason)),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.end, Some(End::Lost(_)))
    }

    /// Whether nothing is left over from an earlier operation but portals, which are closed with the next one. If something is, begins
    /// to end it.
    pub(crate) fn is_settled(&mut self) -> bool {
        self.take_dropped_portals();
        let settled = self.session.is_settled();
        if !settled {
            self.spoil_sequence();
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

    /// Queues a COPY.
    pub(crate) fn queue_copy(&mut self, sql: &str) -> Result<ExchangeId> {
        self.check_block()?;
        self.check_encoding(sql, false)?;
        Ok(self.session.copy(sql.as_bytes(), true)?)
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

    /// Whether the server is a walsender, which takes nothing but the simple protocol.
    pub(crate) fn speaks_replication(&self) -> bool {
        self.session.connection().speaks_replication()
    }

    /// Whether a transaction is running, failed or not.
    pub(crate) fn in_transaction(&self) -> bool {
        self.status() != TransactionStatus::Idle
    }

    /// Whether a transaction is running, or is begun by the next statement.
    fn has_transaction(&self) -> bool {
        self.in_transaction() || self.session.transactions.implicit_begin().is_some()
    }

    /// Opens a transaction, whose BEGIN goes with its first statement.
    pub(crate) fn open_transaction(&mut self, plan: &Characteristics) -> Result<Block> {
        let status = self.status();
        let transactions = &mut self.session.transactions;
        if status != TransactionStatus::Idle || transactions.depth() > 0 {
            return Err(Error::usage(
                "a transaction is running, which transaction() cannot commit: open a block in it with savepoint(), or commit \
                 or roll it back before",
            ));
        }
        self.session.take_unseen_commit();
        self.fate = Fate::default();
        Ok(self.session.transactions.open_as(plan))
    }

    /// Opens a block within the running transaction, with the statement that makes its savepoint.
    pub(crate) fn open_savepoint(&mut self) -> Result<(Block, String)> {
        self.check_block()?;
        if !self.has_transaction() {
            let text = "no transaction is running that could have a savepoint: use transaction()";
            return Err(Error::usage(text));
        }
        // The statement begins the transaction, where that is still to be done.
        let transactions = &mut self.session.transactions;
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
        // Borrows make sure that blocks end from the inside, unless one was never dropped.
        self.session.transactions.close_whole(block);
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
        match self.session.transactions.depth() {
            0 => Ok(()),
            _ => Err(never_ended()),
        }
    }

    /// The same of blocks within this one.
    pub(crate) fn check_within(&self, block: &Block) -> Result<()> {
        match self.session.transactions.is_innermost(block) {
            true => Ok(()),
            false => Err(never_ended()),
        }
    }

    /// What ends the running transaction well, if one is running.
    pub(crate) fn commit_statement(&self) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| "COMMIT".into())
    }

    /// What undoes the running transaction, if one is running.
    pub(crate) fn rollback_statement(&self) -> Option<String> {
        (self.status() != TransactionStatus::Idle).then(|| "ROLLBACK".into())
    }

    /// Notes what the outcomes of exchanges mean for what is known, in the order in which they come.
    pub(crate) fn note(&mut self, outcome: &Outcome) {
        self.note_unseen();
        self.known.note(&outcome.results);
        self.fate.note(outcome);
    }

    /// Notes that there may have been more, which nobody waited for.
    fn note_unseen(&mut self) {
        if self.session.take_unseen_changes() {
            self.known.forget_types();
        }
        if self.session.take_unseen_commit() {
            self.fate.note_ended();
        }
    }

    /// Notes where the transaction stands after statements of the user's: within a block they begin one unless one runs.
    pub(crate) fn note_block(&mut self) {
        let in_block = self.session.transactions.depth() > 0;
        if in_block && self.status() == TransactionStatus::Idle {
            self.block_ended = true;
            self.fate.note_ended();
        }
    }

    /// Queues the lookup of types.
    pub(crate) fn queue_lookup(&mut self, oids: &[u32]) -> Result<ExchangeId> {
        self.lookup(oids, Session::execute)
    }

    fn lookup(
        &mut self,
        oids: &[u32],
        queue: impl FnOnce(&mut Session, &Execute<'_>) -> std::result::Result<ExchangeId, UsageError>,
    ) -> Result<ExchangeId> {
        let mut sql = types::lookup(self.session.connection().server_version());
        let known = self.known.types();
        let is_simple = self.speaks_replication();
        if is_simple {
            self.params.clear();
            let list: Vec<String> = oids.iter().map(u32::to_string).collect();
            sql = sql.replace("$1", &format!("'{{{}}}'", list.join(",")));
        } else {
            params::encode(&[&oids], &[oid::OID_ARRAY], &known, &mut self.params)?;
        }
        let request = Execute {
            sql: sql.as_bytes(),
            params: &self.params,
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: false,
            extended: !is_simple,
        };
        Ok(queue(&mut self.session, &request)?)
    }

    /// Takes what has come so far of an exchange whose results nobody wants.
    pub(crate) fn take_unwanted(&mut self, id: ExchangeId) -> Outcome {
        drop(self.session.take_rows(id));
        let outcome = self.session.take_partial(id, false);
        self.known.note(&outcome.results);
        self.fate.note(&outcome);
        outcome
    }

    /// The rows that have come so far of the result that is coming.
    pub(crate) fn take_rows(&mut self, id: ExchangeId) -> Option<Rows> {
        let (columns, rows) = self.session.take_rows(id);
        if rows.is_empty() {
            return None;
        }
        let parameters = self.session.connection().shared_parameters();
        Some(
            self.known
                .some(columns.unwrap_or_default(), rows, parameters),
        )
    }

    /// The end of a stream: the rows that are left, and the error behind them, if there is one.
    pub(crate) fn end_stream(&mut self, mut outcome: Outcome) -> (Option<Rows>, Option<Error>) {
        self.note_block();
        let unfinished = outcome.unfinished.take();
        match self.known.one(outcome) {
            Ok(finished) => (Some(finished.results), None),
            Err(error) => {
                let unfinished = unfinished.into_iter().collect();
                (self.known.rows_of(unfinished).results.pop(), Some(error))
            }
        }
    }

    /// The session has come to rest after an interruption.
    pub(crate) fn recovered(&mut self) {
        self.note_unseen();
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
            self.known.lost(&error);
            self.life.lost(&error);
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
        self.life.closed();
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
            self.keep_notification(notification)?;
        }
        Ok(())
    }

    /// Keeps a notification until somebody takes it.
    ///
    /// # Errors
    /// Too many wait that nobody has taken: the connection is lost.
    pub(crate) fn keep_notification(
        &mut self,
        notification: Notification,
    ) -> std::result::Result<(), Lost> {
        let kept = self.session.backlog.push(notification);
        kept.map_err(|error| Lost::Session(error.into()))
    }

    /// Whether the session rests in a transaction that nobody sees to.
    #[cfg(feature = "tokio")]
    pub(crate) fn is_left_in_transaction(&self) -> bool {
        self.session.is_settled() && self.status() != TransactionStatus::Idle
    }

    /// Leaves nothing behind of whoever had the connection: blocks, a transaction, another mode.
    pub(crate) fn tidy(&mut self) {
        self.forget_blocks();
        self.session
            .transactions
            .change(|now| now.autocommit = true);
        if !self.session.is_settled() || self.status() != TransactionStatus::Idle {
            self.session.transactions.owe_whole_rollback();
        }
    }

    /// The oldest notification that nobody has taken.
    pub(crate) fn next_notification(&mut self) -> Option<Notify> {
        self.session.backlog.pop().map(|oldest| (&oldest).into())
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
    pub(crate) fn check_encoding(&mut self, sql: &str, params: bool) -> Result<()> {
        if self.is_utf8() || (sql.is_ascii() && !params) {
            return Ok(());
        }
        Err(Error::usage(
            "client_encoding was changed: set it back to UTF8 before sending parameters or text that is not ASCII",
        ))
    }

    fn is_utf8(&mut self) -> bool {
        let parameters = self.session.connection().shared_parameters();
        if self.encoding.0 != Some(parameters.version()) {
            let is_utf8 = settings::is_utf8(parameters);
            self.encoding = (Some(parameters.version()), is_utf8);
        }
        self.encoding.1
    }
}

fn never_ended() -> Error {
    Error::usage("the transaction has a block that was never ended: it can only be rolled back")
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
