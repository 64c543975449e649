//! What every shell does with a connection: run statements, whole, one exchange at a time.
//!
//! [`Session`] adds to [`Connection`] what sync and async, Python and Rust would otherwise each write again: the
//! implicit BEGIN, the choice of protocol, prepared statements, the gathering of results, the refusal of a COPY that
//! nobody feeds. A shell queues requests, then moves bytes until [`Session::advance`] says [`Progress::Done`]:
//!
//! ```text
//! session.execute(&request)?;                     // nothing has been written yet; an error leaves all as it was
//! loop {
//!     write session.outgoing() to the socket; session.sent(n)
//!     match session.advance()? {
//!         Progress::Done => break,                // session.take_outcome()
//!         Progress::NeedInput => read from the socket into session.spare(); session.received(n)
//!         Progress::Notice(..) | Progress::Notification(..) => hand it out
//!     }
//! }
//! ```

mod statements;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::connection::{
    Columns, Connection, Error, Event, Notification, Params, QueryResult, RowSet,
};
use crate::error::UsageError;
use crate::wire::backend::Diagnostic;
use crate::wire::{Format, TransactionStatus};

use statements::{Key, Mixed, Plan, Prepared};

pub use statements::Statements;

/// One statement to be run.
#[derive(Debug, Clone, Copy)]
pub struct Execute<'a> {
    /// The text, with `$1`... for parameters, in the client encoding.
    pub sql: &'a [u8],
    /// The parameters. Without any, `sql` may hold several statements.
    pub params: &'a Params,
    /// Format of the results.
    pub format: ResultFormat<'a>,
    /// Whether to prepare it: always, never, or as the policy says.
    pub prepare: Option<bool>,
    /// The statement that begins a transaction, where one is to be begun if none is running.
    pub begin: Option<&'a [u8]>,
    /// Use the extended protocol also where the simple one would do.
    pub extended: bool,
}

/// In which format result columns are asked for.
#[derive(Debug, Clone, Copy)]
pub enum ResultFormat<'a> {
    /// All in text.
    Text,
    /// All in binary.
    Binary,
    /// In text, but once a statement is prepared and its columns are known, in binary those that are chosen.
    Auto(Choice<'a>),
}

/// Which columns are wanted in binary, by the OID of their type.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    /// What tells this choice from others: what it comes to is remembered with a prepared statement.
    pub id: u64,
    /// Whether a type is wanted in binary.
    pub accepts: &'a dyn Fn(u32) -> bool,
}

impl std::fmt::Debug for Choice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Choice")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How far an exchange has come.
#[derive(Debug)]
pub enum Progress {
    /// All that was asked has been answered: the outcome can be taken.
    Done,
    /// More bytes from the server are needed; write what is outgoing first.
    NeedInput,
    /// The handshake computes, and has paused: advance again, after a look at whatever else waits.
    Working,
    /// A notice came.
    Notice(Diagnostic),
    /// A notification came.
    Notification(Notification),
}

/// What an exchange gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The results of the statements that ended well, in order.
    pub results: Vec<QueryResult>,
    /// The error that ended it.
    pub error: Option<Diagnostic>,
    /// Index of the statement that failed among those queued, counted from 0.
    pub failed_at: usize,
    /// A COPY was refused, because it has to be run by other means.
    pub refused_copy: bool,
}

/// A session that can run one exchange at a time.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    /// The prepared statements and their policy.
    pub statements: Statements,
    /// Statements queued whose results have not come.
    uses: VecDeque<Use>,
    finished: usize,
    outcome: Outcome,
    /// Whether extended requests have been queued that no Sync follows yet.
    open: bool,
}

/// Why a statement was queued: what to note when its result comes.
#[derive(Debug)]
enum Use {
    /// The caller's, which leaves nothing to note.
    Plain,
    /// A simple query, with the number of results before it; to be counted towards preparation, where there is a key, if
    /// it turns out to be one statement.
    Simple(Option<Key>, usize),
    /// To be counted towards preparation.
    Counted(Key),
    /// Prepared in this exchange; `true` once the server has said so.
    Prepared(Key, Box<[u8]>, bool),
    /// One that had been prepared before.
    Reused(Arc<Prepared>),
}

impl Session {
    /// Takes over a connection that is being started.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            statements: Statements::default(),
            uses: VecDeque::new(),
            finished: 0,
            outcome: Outcome::default(),
            open: false,
        }
    }

    /// The connection underneath.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Bytes to be written to the socket.
    #[inline]
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.connection.outgoing()
    }

    /// Notes how many of them were written.
    pub fn sent(&mut self, len: usize) {
        self.connection.sent(len);
    }

    /// Room to receive into.
    pub fn spare(&mut self) -> &mut [u8] {
        self.connection.spare()
    }

    /// Notes how many bytes were received.
    pub fn received(&mut self, len: usize) {
        self.connection.received(len);
    }

    /// To be called at the socket's end: tells what that means.
    pub fn eof(&mut self) -> Error {
        self.connection.eof()
    }

    /// Queues Terminate, after which the session takes no more requests.
    pub fn terminate(&mut self) {
        self.connection.terminate();
    }

    /// Whether the session has been started and nothing waits for an answer.
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connection.is_idle()
    }

    /// Queues a statement with its Sync: one exchange.
    ///
    /// # Errors
    /// What cannot be sent: a NUL in the text, too many or too large parameters. Nothing has been queued then.
    pub fn execute(&mut self, request: &Execute<'_>) -> Result<(), UsageError> {
        let mark = self.connection.mark();
        let simple = request.params.is_empty() && !request.extended && !request.format.is_binary();
        let queued = if simple {
            self.queue_simple(request)
        } else {
            self.begin(request.begin)
                .and_then(|_| self.queue_extended(request))
                .map(|()| self.connection.sync())
        };
        self.open &= queued.is_err();
        self.settle(mark, queued)
    }

    /// Queues a statement without its Sync, so that more can follow in the same exchange; [`Session::end_exchange`] ends it.
    ///
    /// # Errors
    /// As [`Session::execute`]; what was queued before stays.
    pub fn execute_more(&mut self, request: &Execute<'_>) -> Result<(), UsageError> {
        let mark = self.connection.mark();
        let queued = self
            .begin(request.begin)
            .and_then(|_| self.queue_extended(request));
        self.open |= queued.is_ok();
        self.settle(mark, queued)
    }

    /// Ends a sequence of [`Session::execute_more`], if there is one, so that the server answers all of it.
    pub fn end_exchange(&mut self) {
        if std::mem::take(&mut self.open) {
            self.connection.sync();
        }
    }

    /// Moves on with the bytes received. Call it again until it gives [`Progress::Done`] or [`Progress::NeedInput`].
    ///
    /// # Errors
    /// The session is over: broken protocol, refused at the start.
    pub fn advance(&mut self) -> Result<Progress, Error> {
        while let Some(event) = self.connection.poll()? {
            match event {
                Event::Notice(diagnostic) => return Ok(Progress::Notice(diagnostic)),
                Event::Notification(notification) => {
                    return Ok(Progress::Notification(notification));
                }
                Event::Working => return Ok(Progress::Working),
                Event::Result(result) => self.on_result(result),
                Event::Failed(diagnostic) => self.on_failure(diagnostic),
                Event::Prepared => self.on_prepared(),
                Event::Ready(_) => self.on_ready(),
                Event::CopyIn(_) | Event::CopyBoth(_) => self.refuse_copy_in(),
                Event::CopyOut(_) => self.outcome.refused_copy = true,
                Event::Started
                | Event::CopyData(_)
                | Event::CopyDone
                | Event::Closed
                | Event::Parameters(_)
                | Event::ParameterStatus { .. } => {}
            }
        }
        Ok(if self.connection.is_idle() {
            Progress::Done
        } else {
            Progress::NeedInput
        })
    }

    /// Takes what the exchange has given.
    pub fn take_outcome(&mut self) -> Outcome {
        self.finished = 0;
        std::mem::take(&mut self.outcome)
    }

    /// Takes the rows that have come so far of the result that is still coming: for streaming.
    pub fn take_rows(&mut self) -> (Option<Columns>, RowSet) {
        self.connection.take_rows()
    }

    fn settle(
        &mut self,
        mark: crate::connection::Mark,
        queued: Result<(), UsageError>,
    ) -> Result<(), UsageError> {
        match queued {
            Ok(()) => self.statements.closing(),
            Err(_) => self.connection.forget_since(mark),
        }
        queued
    }

    /// Queues BEGIN, and the closing of evicted statements; tells whether there was anything.
    ///
    /// BEGIN goes by the extended protocol and without a Sync: should it fail, the server skips what follows, which must
    /// not run outside of a transaction.
    fn begin(&mut self, begin: Option<&[u8]>) -> Result<bool, UsageError> {
        let idle = self.connection.is_idle();
        let closing = !self.statements.to_close().is_empty();
        for name in self.statements.to_close() {
            self.connection.close_statement(name, true)?;
        }
        let wanted = begin
            .filter(|_| idle && self.connection.transaction_status() == TransactionStatus::Idle);
        let Some(sql) = wanted else {
            return Ok(closing);
        };
        self.connection.parse(b"", sql, &[], true)?;
        self.connection.bind(b"", &Params::default(), &[])?;
        self.connection.execute(0, true)?;
        Ok(true)
    }

    /// One simple query, which may hold several statements, or the prepared form of it once it has proved to be one.
    fn queue_simple(&mut self, request: &Execute<'_>) -> Result<(), UsageError> {
        let plan = self.statements.plan(request.sql, &[], request.prepare);
        let led = self.begin(request.begin)?;
        if let Plan::Unprepared = plan {
            self.connection.query(request.sql)?;
            let counted = self.statements.counts(request.prepare);
            let key = counted.then(|| Key::new(request.sql, &[]));
            self.uses
                .push_back(Use::Simple(key, self.outcome.results.len()));
            if led || self.open {
                self.connection.sync();
            }
            return Ok(());
        }
        self.queue_planned(request, plan)?;
        self.connection.sync();
        Ok(())
    }

    fn queue_extended(&mut self, request: &Execute<'_>) -> Result<(), UsageError> {
        let plan = self
            .statements
            .plan(request.sql, &request.params.oids, request.prepare);
        self.queue_planned(request, plan)
    }

    fn queue_planned(&mut self, request: &Execute<'_>, plan: Plan) -> Result<(), UsageError> {
        let Execute { sql, params, .. } = *request;
        let binary = request.format.is_binary();
        let all: &[Format] = if binary { &[Format::Binary] } else { &[] };
        match plan {
            Plan::Unprepared => {
                self.connection.parse(b"", sql, &params.oids, true)?;
                self.connection.bind(b"", params, all)?;
                self.connection.describe_portal()?;
                self.connection.execute(0, false)?;
                let counted = self.statements.counts(request.prepare);
                self.uses.push_back(if counted {
                    Use::Counted(Key::new(sql, &params.oids))
                } else {
                    Use::Plain
                });
            }
            Plan::Prepare(name) => {
                self.connection.parse(&name, sql, &params.oids, false)?;
                self.connection.describe_statement(&name, binary)?;
                self.connection.bind(&name, params, all)?;
                self.connection.execute(0, false)?;
                let key = Key::new(sql, &params.oids);
                self.statements.preparing(key.clone(), name.clone());
                self.uses.push_back(Use::Prepared(key, name, false));
            }
            Plan::Preparing(name) => {
                self.connection.bind(&name, params, all)?;
                self.connection.describe_portal()?;
                self.connection.execute(0, false)?;
                self.uses.push_back(Use::Plain);
            }
            Plan::Prepared(prepared) => {
                let (columns, formats) = self.columns_for(request, &prepared);
                let formats = formats.as_deref().unwrap_or(all);
                self.connection.bind(&prepared.name, params, formats)?;
                self.connection.execute_known(0, columns)?;
                self.uses.push_back(Use::Reused(prepared));
            }
        }
        Ok(())
    }

    /// The description that the result of a prepared statement will have in the wanted format, with the formats to ask for.
    fn columns_for(
        &mut self,
        request: &Execute<'_>,
        prepared: &Prepared,
    ) -> (Option<Columns>, Option<Arc<[Format]>>) {
        let Some(columns) = &prepared.columns else {
            return (None, None);
        };
        let choice = match request.format {
            ResultFormat::Text => return (Some(with_formats(columns, |_| false)), None),
            ResultFormat::Binary => return (Some(with_formats(columns, |_| true)), None),
            ResultFormat::Auto(choice) => choice,
        };
        let known = prepared.mixed.clone();
        let mixed = known.filter(|mixed| mixed.choice == choice.id);
        let mixed = mixed.unwrap_or_else(|| {
            let columns = with_formats(columns, choice.accepts);
            let formats = columns.iter().map(|field| field.format).collect();
            let mixed = Mixed {
                choice: choice.id,
                columns,
                formats,
            };
            self.statements
                .remember_mixed(request.sql, &request.params.oids, mixed.clone());
            mixed
        });
        (Some(mixed.columns), Some(mixed.formats))
    }

    fn on_result(&mut self, result: QueryResult) {
        self.finished += 1;
        if clears_statements(&result.tag) {
            self.statements
                .clear(!result.tag.starts_with(b"D") || result.tag.starts_with(b"DROP"));
            self.forget_finishing();
        }
        // How many results a simple query has is only known at its end.
        if !matches!(self.uses.front(), Some(Use::Simple(..))) {
            match self.uses.pop_front() {
                Some(Use::Counted(key)) => self.statements.executed(key),
                Some(Use::Prepared(key, name, true)) => {
                    let columns = result.columns.as_ref();
                    let columns = columns.map(|columns| with_formats(columns, |_| false));
                    self.statements.prepared(key, name, columns);
                }
                _ => {}
            }
        }
        self.outcome.results.push(result);
    }

    /// The statement that has just cleared the others is neither counted nor kept prepared.
    fn forget_finishing(&mut self) {
        match self.uses.front_mut() {
            Some(Use::Simple(key, _)) => *key = None,
            Some(queued) => {
                if let Use::Prepared(_, name, true) = std::mem::replace(queued, Use::Plain) {
                    self.statements.close_later(name);
                }
            }
            None => {}
        }
    }

    fn on_prepared(&mut self) {
        let pending = self.uses.iter_mut().find_map(|queued| match queued {
            Use::Prepared(_, _, done @ false) => Some(done),
            _ => None,
        });
        if let Some(done) = pending {
            *done = true;
        }
    }

    fn on_failure(&mut self, diagnostic: Diagnostic) {
        if let Some(Use::Reused(prepared)) = self.uses.front()
            && is_stale_plan(&diagnostic)
        {
            self.statements.discard(prepared);
        }
        if self.outcome.error.is_none() {
            self.outcome.error = Some(diagnostic);
            self.outcome.failed_at = self.finished;
        }
    }

    /// The end of an exchange, or of a simple query within one.
    fn on_ready(&mut self) {
        if !self.connection.is_idle() {
            return;
        }
        let failed = self.outcome.error.is_some();
        self.statements.exchange_ended();
        while let Some(queued) = self.uses.pop_front() {
            match queued {
                Use::Simple(Some(key), before)
                    if !failed && self.outcome.results.len() == before + 1 =>
                {
                    self.statements.executed(key);
                }
                // The server has it, but it could not be run: what its columns are is not known.
                Use::Prepared(_, name, true) => self.statements.close_later(name),
                _ => {}
            }
        }
    }

    /// A COPY FROM STDIN has come where nobody can feed it: the server is told so, and the caller by the outcome.
    fn refuse_copy_in(&mut self) {
        self.outcome.refused_copy = true;
        // The reason has no NUL and is short: this cannot fail.
        let _ = self
            .connection
            .copy_fail(b"COPY cannot be used with this method");
    }
}

impl ResultFormat<'_> {
    fn is_binary(self) -> bool {
        matches!(self, Self::Binary)
    }
}

/// The same columns with the format that `binary` chooses by type.
fn with_formats(columns: &Columns, binary: impl Fn(u32) -> bool) -> Columns {
    let format = |oid| {
        if binary(oid) {
            Format::Binary
        } else {
            Format::Text
        }
    };
    if columns
        .iter()
        .all(|field| field.format == format(field.type_oid))
    {
        return Arc::clone(columns);
    }
    let mut fields = columns.to_vec();
    for field in &mut fields {
        field.format = format(field.type_oid);
    }
    fields.into()
}

/// Whether a command with this tag may have made prepared statements useless, or dropped them.
fn clears_statements(tag: &[u8]) -> bool {
    matches!(tag.first(), Some(b'A' | b'D' | b'R'))
        && [
            b"DROP".as_slice(),
            b"ALTER",
            b"ROLLBACK",
            b"DISCARD ALL",
            b"DEALLOCATE ALL",
        ]
        .iter()
        .any(|word| {
            tag.strip_prefix(*word)
                .is_some_and(|rest| matches!(rest.first(), None | Some(b' ')))
        })
}

/// Whether an error says that a prepared statement is gone, or that its result would no longer be as described.
fn is_stale_plan(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.sqlstate(), Some(b"26000" | b"0A000"))
}
