//! An exchange: what is asked up to one ReadyForQuery, with all that has to be booked when it is answered.

use std::collections::VecDeque;
use std::sync::Arc;

use super::statements::{Key, Prepared, Statements};
use crate::connection::{Columns, Parameters, QueryResult};
use crate::wire::TransactionStatus;
use crate::wire::backend::Diagnostic;

/// How many statements the list of the next exchange has room for at most when it is taken over from the last.
const LIST_KEPT: usize = 16;

/// Names an exchange of a session; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub(super) u64);

/// What an exchange gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The results of the statements that ended well, in order, without those taken before.
    pub results: Vec<QueryResult>,
    /// The error that ended it.
    pub error: Option<Diagnostic>,
    /// The rows that had come, and were not taken, of the result that the error ended.
    pub unfinished: Option<QueryResult>,
    /// Index of the statement that failed among those queued, counted from 0.
    pub failed_at: usize,
    /// How many statements were queued: those behind `failed_at` were skipped by the server.
    pub statements: usize,
    /// Indices of the statements that were a COPY and were refused, because it has to be run by other means.
    pub refused_copy: Vec<usize>,
    /// What a statement that was only described is like; of a cursor or portal, what columns it has.
    pub description: Option<Description>,
    /// How a COPY has begun that was queued by [`Session::copy`](super::Session::copy), unless that was taken before.
    pub copy: Option<CopyStart>,
    /// Whether the error says that what was prepared cannot be used, and nothing has been executed: all that was queued can be run
    /// again, by [`Session::execute_again`](super::Session::execute_again) or
    /// [`Session::execute_more_again`](super::Session::execute_more_again), if nothing else has been queued since.
    pub again: bool,
}

/// How a COPY has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStart {
    /// Whether data goes to the server.
    pub is_in: bool,
    /// Whether its format is the binary one.
    pub is_binary: bool,
    /// How many columns it has.
    pub columns: usize,
}

/// The parameters and columns of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Type OIDs of its parameters.
    pub parameters: Arc<[u32]>,
    /// Its columns, all in text; `None` where it returns no rows.
    pub columns: Option<Columns>,
}

/// Requests whose answers end with one ReadyForQuery.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) id: ExchangeId,
    /// Statements whose results have not come.
    pending: Pending,
    finished: usize,
    /// The connection's count of requests at its end; `None` while more can be added.
    pub(super) end: Option<u64>,
    pub(super) outcome: Box<Outcome>,
    /// Nobody wants the outcome any more.
    pub(super) detached: bool,
    /// The driver's own way of ending a transaction block; it must not fail.
    pub(super) is_rollback: bool,
    /// The statement that the server sends the data of a refused COPY for.
    refused_data_of: Option<usize>,
    /// How many results a simple query can have at most.
    most_results: usize,
    /// Index of the first result that came after a command which may have changed parameters.
    changed_from: Option<usize>,
    /// Results that were taken before the end.
    taken: usize,
    /// Whether the error was taken before the end.
    error_taken: bool,
    /// Whether a BEGIN goes before its first statement.
    pub(super) begins: bool,
    parameters: Option<Arc<[u32]>>,
    pub(super) role: Role,
    /// Whether it relies on what was prepared before, or on a name that is free.
    relies: bool,
    /// Whether a statement of the user's has been executed.
    executed: bool,
    /// Whether what was prepared for a statement was found to be missing or of no use before that was executed.
    found_wanting: bool,
    /// Whether a COPY is wanted that has not begun.
    pub(super) wants_copy: bool,
    /// About how many bytes of rows are waited for.
    pub(super) wanted_rows: usize,
}

/// Whose an exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    User,
    /// The question who answers.
    Probe,
    /// The rollback of a transaction in which nothing could be executed.
    Undo,
}

/// Statements in order. Most exchanges have one, which needs no list.
#[derive(Debug)]
struct Pending {
    first: Option<PendingStatement>,
    more: VecDeque<PendingStatement>,
}

/// Why a statement was queued: what to note when its result comes.
#[derive(Debug)]
pub(super) enum PendingStatement {
    /// The caller's, which leaves nothing to note.
    Plain,
    /// A simple query; to be counted towards preparation, where there is a hash, if it turns out to be one statement.
    Simple(Option<u64>),
    /// To be counted towards preparation.
    Counted(u64),
    /// Prepared in this exchange; `true` once the server has said so.
    Prepared(Key, Box<[u8]>, bool),
    /// One that is only described, and kept prepared where there is a name.
    Described(Key, Option<Box<[u8]>>),
    /// None: the question what columns a cursor has.
    Cursor,
    /// None, bound to a portal: the question what columns that has. With the statement, if it had been prepared before.
    Portal(Option<Arc<Prepared>>),
    /// One that had been prepared before.
    Reused(Arc<Prepared>),
    /// None: the question whether what is prepared can still be used.
    Checked(Arc<Prepared>),
}

impl PendingStatement {
    /// Whether it fails if what was prepared before is of no use, or the name for it is taken.
    fn relies(&self) -> bool {
        match self {
            Self::Prepared(..) | Self::Reused(_) | Self::Checked(_) => true,
            Self::Described(_, name) => name.is_some(),
            Self::Portal(prepared) => prepared.is_some(),
            Self::Plain | Self::Simple(_) | Self::Counted(_) | Self::Cursor => false,
        }
    }
}

impl Pending {
    fn push_back(&mut self, statement: PendingStatement) {
        if self.first.is_none() && self.more.is_empty() {
            self.first = Some(statement);
        } else {
            self.more.push_back(statement);
        }
    }

    fn pop_front(&mut self) -> Option<PendingStatement> {
        self.first.take().or_else(|| self.more.pop_front())
    }

    fn front(&self) -> Option<&PendingStatement> {
        self.first.as_ref().or_else(|| self.more.front())
    }

    fn front_mut(&mut self) -> Option<&mut PendingStatement> {
        self.first.as_mut().or_else(|| self.more.front_mut())
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut PendingStatement> {
        self.first.iter_mut().chain(&mut self.more)
    }
}

impl Exchange {
    /// An exchange with nothing in it; `list` is an empty one.
    pub(super) fn new(id: ExchangeId, list: VecDeque<PendingStatement>) -> Self {
        Self {
            id,
            pending: Pending {
                first: None,
                more: list,
            },
            finished: 0,
            end: None,
            outcome: Box::default(),
            detached: false,
            is_rollback: false,
            refused_data_of: None,
            most_results: usize::MAX,
            changed_from: None,
            taken: 0,
            error_taken: false,
            begins: false,
            parameters: None,
            role: Role::User,
            relies: false,
            executed: false,
            found_wanting: false,
            wants_copy: false,
            wanted_rows: 0,
        }
    }

    /// A simple query of the session's own.
    pub(super) fn own(id: ExchangeId, role: Role, end: u64) -> Self {
        let mut exchange = Self::new(id, VecDeque::new());
        exchange.role = role;
        exchange.end = Some(end);
        exchange.detached = true;
        exchange.is_rollback = role == Role::Undo;
        exchange.push(PendingStatement::Simple(None));
        exchange
    }

    /// Whether its statements can be executed again, now that the session has this status.
    pub(super) fn is_repeatable(&self, status: TransactionStatus) -> bool {
        let outside = match status {
            TransactionStatus::Idle => true,
            TransactionStatus::InTransaction => false,
            TransactionStatus::Failed => self.begins,
        };
        self.found_wanting && !self.executed && !self.detached && outside
    }

    /// Whether it may turn out to have to be executed again, as far as that can be told with the status before it.
    pub(super) fn may_be_repeated(&self, status: TransactionStatus) -> bool {
        self.relies && !self.executed && !self.detached && status == TransactionStatus::Idle
    }

    pub(super) fn push(&mut self, statement: PendingStatement) {
        self.outcome.statements += 1;
        self.relies |= statement.relies();
        self.pending.push_back(statement);
    }

    /// Bounds the results by the length of a simple query: each statement takes a character at least.
    pub(super) fn bound_results(&mut self, sql: &[u8]) {
        self.most_results = sql.len().saturating_add(1);
    }

    /// Books a result; `false` if there are more than can have been asked for.
    pub(super) fn on_result(&mut self, result: QueryResult, statements: &mut Statements) -> bool {
        self.finished += 1;
        self.executed = true;
        if self.finished > self.most_results {
            return false;
        }
        if self.role != Role::Undo && note_command(&result.tag, statements) {
            self.forget_finishing(statements);
            statements.unseen_changes |= self.detached;
        }
        // How many results a simple query has is only known at its end.
        if !matches!(self.pending.front(), Some(PendingStatement::Simple(_))) {
            match self.pending.pop_front() {
                Some(PendingStatement::Counted(hash)) => {
                    statements.settle_executing(hash);
                    statements.executed(hash);
                }
                Some(PendingStatement::Prepared(key, name, true)) => {
                    let columns = result.columns.as_ref();
                    let columns = columns.map(super::formats::all_text);
                    statements.prepared(key, name, columns, None);
                }
                Some(PendingStatement::Reused(prepared)) => statements.reused(&prepared),
                _ => {}
            }
        }
        statements.unseen_commit |= self.detached && keeps(&result.tag);
        if self.changed_from.is_none() && may_change_parameters(&result.tag) {
            self.changed_from = Some(self.finished);
        }
        if !self.detached {
            let results = &mut self.outcome.results;
            if results.is_empty() {
                // Most exchanges have one.
                results.reserve_exact(1);
            }
            results.push(result);
        }
        true
    }

    /// The statement that has just cleared the others is neither counted nor kept prepared.
    fn forget_finishing(&mut self, statements: &mut Statements) {
        match self.pending.front_mut() {
            Some(PendingStatement::Simple(hash)) => *hash = None,
            Some(queued) => {
                let plain = PendingStatement::Plain;
                if let PendingStatement::Prepared(_, name, true) = std::mem::replace(queued, plain)
                {
                    statements.close_later(name);
                }
            }
            None => {}
        }
    }

    /// ParseComplete of a statement that is to be kept.
    pub(super) fn on_prepared(&mut self) {
        let waiting = self.pending.iter_mut().find_map(|queued| match queued {
            PendingStatement::Prepared(_, _, done @ false) => Some(done),
            _ => None,
        });
        if let Some(done) = waiting {
            *done = true;
        }
    }

    /// ParameterDescription of a statement that is only described.
    pub(super) fn on_parameters(&mut self, oids: Vec<u32>) {
        self.parameters = Some(oids.into());
    }

    /// RowDescription or NoData of a described statement, cursor or portal.
    pub(super) fn on_described(&mut self, columns: Option<Columns>, statements: &mut Statements) {
        let described = match self.pending.front() {
            Some(
                PendingStatement::Described(..)
                | PendingStatement::Cursor
                | PendingStatement::Portal(_)
                | PendingStatement::Checked(_),
            ) => self.pending.pop_front(),
            _ => return,
        };
        self.finished += 1;
        if matches!(described, Some(PendingStatement::Checked(_))) {
            self.parameters = None;
            return;
        }
        let description = Description {
            parameters: self.parameters.take().unwrap_or_default(),
            columns,
        };
        match described {
            Some(PendingStatement::Described(key, Some(name))) => {
                let types = Some(Arc::clone(&description.parameters));
                statements.prepared(key, name, description.columns.clone(), types);
            }
            Some(PendingStatement::Portal(Some(prepared))) => statements.reused(&prepared),
            _ => {}
        }
        self.outcome.description = Some(description);
    }

    /// A COPY has begun: tells whether it is the one that was asked for.
    pub(super) fn begin_copy(&mut self, start: CopyStart) -> bool {
        let wanted = std::mem::take(&mut self.wants_copy) && !self.detached && self.finished == 0;
        if wanted {
            self.outcome.copy = Some(start);
        }
        wanted
    }

    /// A COPY has come that nobody can feed or take.
    pub(super) fn refuse_copy(&mut self, has_data: bool) {
        self.outcome.refused_copy.push(self.finished);
        self.refused_data_of = has_data.then_some(self.finished);
    }

    /// Whether all that the server has to say is that it has ended: a COPY was refused, and has failed.
    pub(super) fn owes_end(&self) -> bool {
        !self.outcome.refused_copy.is_empty() && self.outcome.error.is_some() && self.end.is_some()
    }

    /// Whether the server sends the data of a COPY that was refused, and has been told where the exchange ends.
    pub(super) fn gets_refused_copy(&self) -> bool {
        !self.detached
            && self.end.is_some()
            && self.outcome.error.is_none()
            && self.refused_data_of == Some(self.finished)
    }

    pub(super) fn on_failure(
        &mut self,
        diagnostic: Diagnostic,
        unfinished: Option<QueryResult>,
        unbound: bool,
        statements: &mut Statements,
    ) {
        let sqlstate = diagnostic.sqlstate();
        match self.pending.front() {
            Some(PendingStatement::Reused(prepared) | PendingStatement::Portal(Some(prepared))) => {
                let missing = sqlstate == Some(b"26000");
                if missing || is_stale_plan(&diagnostic) {
                    self.found_wanting = unbound;
                    statements.found_wanting(prepared, missing);
                } else if prepared.parameters.is_some() && may_be_of_stale_types(&diagnostic) {
                    statements.discard(prepared);
                }
            }
            // Whatever is wrong with it now, it may be right when it has its turn.
            Some(PendingStatement::Checked(prepared)) => {
                self.found_wanting = true;
                statements.found_wanting(prepared, sqlstate == Some(b"26000"));
            }
            // The name is another's: the next one will not be.
            Some(
                PendingStatement::Prepared(_, _, false) | PendingStatement::Described(_, Some(_)),
            ) if sqlstate == Some(b"42P05") => {
                self.found_wanting = unbound;
            }
            _ => {}
        }
        if self.outcome.error.is_none() {
            self.outcome.error = Some(diagnostic);
            self.outcome.unfinished = unfinished.filter(|_| !self.detached);
            self.outcome.failed_at = self.finished;
        }
    }

    /// Whether something has come that was not taken.
    pub(super) fn has_partial(&self) -> bool {
        !self.outcome.results.is_empty() || (self.outcome.error.is_some() && !self.error_taken)
    }

    /// Takes what has come so far; with `settled` only what nothing that is still to come can change.
    pub(super) fn take_partial(&mut self, settled: bool) -> Outcome {
        let ready = match self.changed_from.filter(|_| settled) {
            Some(from) => from.saturating_sub(self.taken),
            None => self.outcome.results.len(),
        };
        let ready = ready.min(self.outcome.results.len());
        let behind = self.outcome.results.split_off(ready);
        let results = std::mem::replace(&mut self.outcome.results, behind);
        self.taken += results.len();
        let all = self.outcome.results.is_empty();
        self.error_taken |= all && self.outcome.error.is_some();
        Outcome {
            results,
            error: self.outcome.error.clone().filter(|_| all),
            unfinished: self.outcome.unfinished.take(),
            refused_copy: self.outcome.refused_copy.clone(),
            description: self.outcome.description.take(),
            failed_at: self.outcome.failed_at,
            statements: self.outcome.statements,
            copy: self.outcome.copy.take(),
            again: false,
        }
    }

    /// Takes the answer that has come last.
    pub(super) fn take_last(&mut self) -> Outcome {
        let error = self.outcome.error.clone();
        let description = self.outcome.description.take();
        let results = &mut self.outcome.results;
        let result = results.pop_if(|_| description.is_none());
        // Those behind a command that may have changed parameters are counted from it.
        if result.is_some() && self.changed_from.is_none() {
            self.taken += 1;
        }
        Outcome {
            results: result.into_iter().collect(),
            error,
            description,
            ..Outcome::default()
        }
    }

    /// The end: books what is left, and gives the outcome, with the list for the next exchange.
    pub(super) fn end(
        mut self,
        statements: &mut Statements,
        parameters: &Arc<Parameters>,
    ) -> (Box<Outcome>, VecDeque<PendingStatement>) {
        let failed = self.outcome.error.is_some();
        let unchecked =
            failed && matches!(self.pending.front(), Some(PendingStatement::Checked(_)));
        while let Some(queued) = self.pending.pop_front() {
            match queued {
                PendingStatement::Simple(Some(hash)) if !failed && self.finished == 1 => {
                    statements.executed(hash);
                }
                PendingStatement::Counted(hash) => statements.settle_executing(hash),
                // The server has it, but it could not be run: what its columns are is not known.
                PendingStatement::Prepared(_, name, true) => statements.close_later(name),
                // What was not looked at may be of no use either, and it is run again once only.
                PendingStatement::Checked(prepared) | PendingStatement::Reused(prepared)
                    if unchecked =>
                {
                    statements.discard(&prepared);
                }
                _ => {}
            }
        }
        statements.exchange_ended(self.id);
        self.settle_parameters(parameters);
        self.pending.more.shrink_to(LIST_KEPT);
        (self.outcome, self.pending.more)
    }

    /// A server tells of changed parameters at the end of an exchange only (since PostgreSQL 14), so results that came behind
    /// a SET get those of the end.
    fn settle_parameters(&mut self, parameters: &Arc<Parameters>) {
        let Some(from) = self.changed_from else {
            return;
        };
        let behind = from.saturating_sub(self.taken);
        for result in self.outcome.results.iter_mut().skip(behind) {
            result.parameters = Arc::clone(parameters);
        }
    }
}

/// Whether a command with this tag may have changed a parameter that the server reports.
fn may_change_parameters(tag: &[u8]) -> bool {
    let word = tag.split(|byte| *byte == b' ').next().unwrap_or_default();
    matches!(
        word,
        b"SET" | b"RESET" | b"COMMIT" | b"ROLLBACK" | b"DISCARD" | b"DO" | b"CALL"
    )
}

/// Whether a command with this tag ends a transaction without undoing it.
fn keeps(tag: &[u8]) -> bool {
    matches!(tag, b"COMMIT" | b"PREPARE TRANSACTION")
}

/// Forgets prepared statements, if a command with this tag may have made them useless; tells whether it may.
pub(super) fn note_command(tag: &[u8], statements: &mut Statements) -> bool {
    let clears = clears_statements(tag);
    if clears {
        statements.clear(!tag.ends_with(b" ALL"));
    }
    clears
}

/// Whether a command with this tag may have made prepared statements useless, or dropped them.
fn clears_statements(tag: &[u8]) -> bool {
    matches!(tag.first(), Some(b'A' | b'D' | b'R'))
        && [
            b"DROP".as_slice(),
            b"ALTER",
            b"ROLLBACK",
            b"DISCARD ALL",
            b"DEALLOCATE",
        ]
        .iter()
        .any(|word| {
            tag.strip_prefix(*word)
                .is_some_and(|rest| matches!(rest.first(), None | Some(b' ')))
        })
}

/// Whether an error may come from parameters whose types were inferred when a table or function was another (class 42).
fn may_be_of_stale_types(diagnostic: &Diagnostic) -> bool {
    diagnostic
        .sqlstate()
        .is_some_and(|sqlstate| sqlstate.starts_with(b"42"))
}

/// Whether an error says that the result of a prepared statement would no longer be as described. Its text is in the language of
/// the server; no other error of this function's has that code.
fn is_stale_plan(diagnostic: &Diagnostic) -> bool {
    diagnostic.sqlstate() == Some(b"0A000")
        && diagnostic.get(b'R') == Some(b"RevalidateCachedQuery")
}
