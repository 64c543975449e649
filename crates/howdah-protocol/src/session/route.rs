//! Who answers: a session of the server's own, or a pooler that may give each transaction another one.
//!
//! What was prepared in one transaction may be missing in the next, then. So the policy of prepared statements depends on it.

use super::exchange::{Exchange, ExchangeId, Role};
use super::{Execute, Session};
use crate::connection::QueryResult;
use crate::error::UsageError;
use crate::wire::TransactionStatus;

/// What is known about who answers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// One session of the server's, which keeps what it was given.
    #[default]
    Direct,
    /// It is not known yet.
    Unknown,
    /// Not the one that the connection was started with: a pooler. It may keep prepared statements, or not.
    Pooled,
    /// A pooler that has lost a prepared statement.
    Lossy,
    /// A prepared statement was missing before it was known who answers: given none until it is.
    Doubtful,
}

impl Route {
    /// Whether what is prepared may be lost with the transaction, as far as is known.
    pub(super) fn may_lose(self) -> bool {
        matches!(self, Self::Pooled | Self::Lossy | Self::Doubtful)
    }

    /// After the loss of a prepared statement.
    pub(super) fn after_loss(self) -> Self {
        match self {
            Self::Direct => Self::Direct,
            Self::Unknown | Self::Doubtful => Self::Doubtful,
            Self::Pooled | Self::Lossy => Self::Lossy,
        }
    }
}

/// A pooler gives clients a process ID that is not that of the process which runs this.
const PROBE: &[u8] = b"SELECT pg_catalog.pg_backend_pid()";

impl Session {
    /// Has the session find out whether a pooler is between, once a statement has been prepared: a query of its own goes in front
    /// of a later exchange.
    ///
    /// Behind a pooler a prepared statement is used where its loss could be made good ([`Outcome::again`](super::Outcome)) or in
    /// the transaction that has used it before, and statements that are prepared at once are closed in the same exchange. Names of
    /// statements have the connection's process ID in them, since sessions of the server are shared.
    pub fn detect_poolers(&mut self) {
        self.statements.route = Route::Unknown;
    }

    /// Whether what [`Session::prepare`] is to keep will be kept.
    #[must_use]
    pub fn keeps_statements(&self) -> bool {
        self.statements.threshold.is_some() && !self.statements.route.may_lose()
    }

    /// Executes a statement again whose outcome said so, as [`Session::execute`]. The transaction that was begun for it is rolled
    /// back before and begun anew.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn execute_again(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        self.undoing = self.begun_in_vain;
        let queued = self.execute(request);
        self.undoing = false;
        queued
    }

    /// Queues what goes before the exchange that is about to be begun.
    pub(super) fn lead(&mut self) -> Result<(), UsageError> {
        if self.undoing {
            self.ask_own(b"ROLLBACK", Role::Undo)?;
        }
        if self.probe_is_due() {
            self.ask_own(PROBE, Role::Probe)?;
        }
        Ok(())
    }

    /// Within a transaction an error would end it, so it waits for the end.
    fn probe_is_due(&self) -> bool {
        let wanted = match self.statements.route {
            Route::Unknown => self.statements.has_prepared(),
            Route::Doubtful => true,
            Route::Direct | Route::Pooled | Route::Lossy => false,
        };
        wanted
            && self.connection.transaction_status() == TransactionStatus::Idle
            && self.exchanges.is_empty()
    }

    /// Queues a query whose outcome is for nobody else.
    fn ask_own(&mut self, sql: &[u8], role: Role) -> Result<(), UsageError> {
        self.connection.query(sql)?;
        self.next_id += 1;
        let end = self.connection.asked();
        let exchange = Exchange::own(ExchangeId(self.next_id), role, end);
        self.exchanges.push_back(exchange);
        Ok(())
    }

    /// The transaction status that the newest exchange will find, if nothing of the user's is unanswered before it.
    pub(super) fn status_ahead(&self) -> Option<TransactionStatus> {
        let before = self.exchanges.len().saturating_sub(1);
        let mut status = self.connection.transaction_status();
        for exchange in self.exchanges.iter().take(before) {
            match exchange.role {
                Role::Probe => {}
                Role::Undo => status = TransactionStatus::Idle,
                Role::User => return None,
            }
        }
        Some(status)
    }

    /// Whether the statement that is being queued is alone in its exchange and outside of transactions but its own: should what was
    /// prepared be missing, it can be executed again.
    pub(super) fn is_repeatable(&self) -> bool {
        let known = self.connection.transaction_status();
        self.single && self.status_ahead().unwrap_or(known) == TransactionStatus::Idle
    }

    /// Takes in the answer to the probe.
    pub(super) fn learn_route(&mut self, result: &QueryResult) {
        let Some(answer) = result.rows.get(0).and_then(|mut fields| fields.next()) else {
            return;
        };
        let process_id = self.connection.process_id();
        let direct = answer == Some(process_id.to_string().as_bytes());
        self.statements.route = match self.statements.route {
            Route::Unknown | Route::Doubtful if direct => Route::Direct,
            Route::Unknown => Route::Pooled,
            Route::Doubtful => Route::Lossy,
            known => known,
        };
    }
}
