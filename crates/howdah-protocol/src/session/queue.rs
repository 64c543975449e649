//! Queueing: which requests a statement is made of.

use std::sync::Arc;

use super::exchange::{Description, Exchange, ExchangeId, PendingStatement};
use super::formats::{MixedFormats, ResultFormat, with_formats};
use super::route::Route;
use super::statements::{Key, Plan, Prepared, stands_for_another};
use super::{Execute, Session};
use crate::connection::{Columns, Mark, Params};
use crate::error::UsageError;
use crate::wire::{Format, TransactionStatus};

/// A statement that fails wherever it is run, so that nothing is kept of those queued before it.
const FAILING: &[u8] = b"ROLLBACK TO SAVEPOINT \"_howdah_given_up\"";

impl Session {
    /// Queues a statement and ends its exchange: it is one of its own, unless [`Session::execute_more`] has begun one.
    ///
    /// # Errors
    /// What cannot be sent: a NUL in the text, too many or too large parameters. Nothing has been queued then.
    pub fn execute(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        self.single = !self.is_open();
        let queued = self.execute_alone(request);
        self.single = false;
        queued
    }

    fn execute_alone(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        let simple = request.params.is_empty() && !request.extended && request.format.is_simple();
        if !simple || self.is_open() {
            let id = self.execute_more(request)?;
            self.end_exchange();
            return Ok(id);
        }
        if request.begin && self.connection.speaks_replication() {
            self.begin_simply()?;
        }
        self.queue(|session, id| session.queue_simple(request, id))
            .inspect(|_| self.note_end())
    }

    /// Queues a statement so that more can follow in the same exchange; [`Session::end_exchange`] ends it.
    ///
    /// # Errors
    /// As [`Session::execute`]; what was queued before stays.
    pub fn execute_more(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        self.queue(|session, id| {
            session.begin(request.begin)?;
            let plan = session.plan(request, id);
            session.queue_planned(request, plan, id)
        })
    }

    /// Queues a statement as [`Session::execute_more`] does, where the outcome of an exchange said that it can be run again. The
    /// transaction that was begun for it is rolled back before and begun anew.
    ///
    /// # Errors
    /// As [`Session::execute_more`].
    pub fn execute_more_again(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        self.undoing = self.begun_in_vain && !self.is_open();
        let queued = self.execute_more(request);
        self.undoing = false;
        queued
    }

    /// Queues the question whether what was prepared for a statement, without declaring types, can still be used, so that more can
    /// follow in the same exchange; `None` where nothing is that would be.
    ///
    /// Asked before anything is executed, of each statement behind the first, it leaves them to fail where all can be run again
    /// ([`Outcome::again`](super::Outcome)), and not after others have been executed.
    ///
    /// # Errors
    /// As [`Session::execute_more`].
    pub fn check_more(
        &mut self,
        sql: &[u8],
        begin: bool,
    ) -> Result<Option<ExchangeId>, UsageError> {
        let Some(prepared) = self.statements.relied_on(sql) else {
            return Ok(None);
        };
        let queued = self.queue(|session, _| {
            session.begin(begin)?;
            session.connection.ask_description(&prepared.name)?;
            Ok(PendingStatement::Checked(prepared))
        });
        queued.map(Some)
    }

    /// Queues the question what the parameters and columns of a statement are, in an exchange of its own. These `types` are declared for
    /// its parameters, or none.
    ///
    /// With `keep` the statement stays prepared: an execution with parameters of the same types, of type 0 for none, uses it. Of FETCH and
    /// EXECUTE that is no use, and they do not.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn prepare(
        &mut self,
        sql: &[u8],
        types: &[u32],
        keep: bool,
    ) -> Result<ExchangeId, UsageError> {
        let id = self.prepare_more(sql, types, keep)?;
        self.end_exchange();
        Ok(id)
    }

    /// Queues the same question so that more can follow in the same exchange, as by [`Session::execute_more`].
    ///
    /// # Errors
    /// As [`Session::execute_more`].
    pub fn prepare_more(
        &mut self,
        sql: &[u8],
        types: &[u32],
        keep: bool,
    ) -> Result<ExchangeId, UsageError> {
        self.queue(|session, _| {
            session.begin(false)?;
            let keep = keep && session.keeps_statements() && !stands_for_another(sql);
            session.name_owner();
            let name = keep.then(|| session.statements.next_name());
            let wire_name = name.as_deref().unwrap_or_default();
            session.connection.parse(wire_name, sql, types, true)?;
            session.connection.ask_description(wire_name)?;
            Ok(PendingStatement::Described(Key::new(sql, types)?, name))
        })
    }

    /// Queues the question what the columns of a statement are if it is executed with such parameters, in an exchange of its own.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn describe(&mut self, request: &Execute<'_>) -> Result<ExchangeId, UsageError> {
        let id = self.queue(|session, _| {
            session.begin(request.begin)?;
            session.name_owner();
            let types = &request.params.oids;
            session.connection.parse(b"", request.sql, types, true)?;
            session.connection.ask_description(b"")?;
            Ok(PendingStatement::Described(
                Key::new(request.sql, &[])?,
                None,
            ))
        })?;
        self.end_exchange();
        Ok(id)
    }

    /// Queues the question what columns a cursor has, in the exchange that is open or in one of its own, and ends that.
    ///
    /// With `begin` a transaction is begun where each statement does and none is running.
    ///
    /// # Errors
    /// As [`Session::execute_more`].
    pub fn describe_cursor(&mut self, name: &[u8], begin: bool) -> Result<ExchangeId, UsageError> {
        let id = self.queue(|session, _| {
            session.begin(begin)?;
            session.connection.ask_portal_description(name)?;
            Ok(PendingStatement::Cursor)
        })?;
        self.end_exchange();
        Ok(id)
    }

    /// The description of a statement that [`Session::prepare`] has kept, with these types declared.
    #[must_use]
    pub fn description(&self, sql: &[u8], types: &[u32]) -> Option<Description> {
        self.statements.description(sql, types)
    }

    /// Ends a sequence of [`Session::execute_more`], if there is one, so that the server answers all of it.
    pub fn end_exchange(&mut self) {
        if self.is_open() {
            self.close_temporary();
            self.connection.sync();
            self.note_end();
        }
    }

    /// Has nothing kept of what was queued by [`Session::execute_more`] and not ended, if there is such a sequence, and the
    /// transaction around it failed, if there is one. It goes on to [`Session::end_exchange`].
    pub fn spoil(&mut self) {
        if !self.is_open() {
            return;
        }
        // Its text is right, and short: this cannot fail.
        let _ = self.execute_more(&Execute {
            sql: FAILING,
            params: &Params::default(),
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: false,
            extended: true,
        });
    }

    /// Closes what was prepared for the exchange that ends.
    fn close_temporary(&mut self) {
        for name in std::mem::take(&mut self.temporary) {
            // It has been sent before, so it can be; without memory it stays.
            let _ = self.connection.close_statement(&name, true);
        }
    }

    /// Has the server send what it has for the sequence of [`Session::execute_more`], which goes on.
    pub fn flush(&mut self) {
        if self.is_open() {
            self.connection.flush();
        }
    }

    /// Whether a sequence of [`Session::execute_more`] has not been ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.exchanges.back().is_some_and(|last| last.end.is_none())
    }

    fn note_end(&mut self) {
        let asked = self.connection.asked();
        if let Some(last) = self.exchanges.back_mut() {
            last.end = Some(asked);
        }
    }

    /// Adds a statement to the exchange that is open, or begins one; takes all back if it cannot be sent.
    pub(super) fn queue(
        &mut self,
        requests: impl FnOnce(&mut Self, ExchangeId) -> Result<PendingStatement, UsageError>,
    ) -> Result<ExchangeId, UsageError> {
        let mark = self.connection.mark();
        let before = self.exchanges.len();
        let opened = !self.is_open();
        if opened {
            if let Err(error) = self.lead() {
                self.take_back(mark, before);
                return Err(error);
            }
            self.next_id += 1;
            let list = std::mem::take(&mut self.spare_list);
            let new = Exchange::new(ExchangeId(self.next_id), list);
            self.exchanges.push_back(new);
        }
        let id = ExchangeId(self.next_id);
        let begun = self.exchanges.back().is_some_and(|last| last.begins);
        let queued = requests(self, id);
        let queued = self.settle(begun, id, queued);
        if queued.is_err() {
            let kept = if opened { before } else { self.exchanges.len() };
            self.take_back(mark, kept);
        }
        queued
    }

    /// Takes back the requests since `mark`, and the exchanges beyond the first `kept`.
    fn take_back(&mut self, mark: Mark, kept: usize) {
        self.connection.forget_since(mark);
        self.exchanges.truncate(kept);
    }

    fn settle(
        &mut self,
        begun: bool,
        id: ExchangeId,
        queued: Result<PendingStatement, UsageError>,
    ) -> Result<ExchangeId, UsageError> {
        match queued {
            Ok(statement) => {
                self.statements.closing();
                self.dropped_portals.clear();
                if let PendingStatement::Counted(hash) = statement {
                    self.statements.executing(hash);
                }
                if let Some(last) = self.exchanges.back_mut() {
                    last.push(statement);
                }
                Ok(id)
            }
            Err(error) => {
                if let Some(last) = self.exchanges.back_mut() {
                    last.begins = begun;
                }
                Err(error)
            }
        }
    }

    /// Queues BEGIN, where one is due, as an exchange of its own by the simple protocol.
    fn begin_simply(&mut self) -> Result<(), UsageError> {
        if !self.connection.is_idle()
            || self.connection.transaction_status() != TransactionStatus::Idle
        {
            return Ok(());
        }
        if let Some(sql) = self.transactions.implicit_begin() {
            let begun = self.command(&sql)?;
            self.detach(begun);
        }
        Ok(())
    }

    /// Queues BEGIN where one is due, and the closing of evicted statements and dropped portals; tells whether there was anything.
    ///
    /// BEGIN goes by the extended protocol and without a Sync: should it fail, the server skips what follows, which must
    /// not run outside of a transaction.
    pub(super) fn begin(&mut self, wanted: bool) -> Result<bool, UsageError> {
        let closing = !self.statements.to_close().is_empty() || !self.dropped_portals.is_empty();
        for name in self.statements.to_close() {
            self.connection.close_statement(name, true)?;
        }
        for name in &self.dropped_portals {
            self.connection.close_portal(name, true)?;
        }
        // The status is that of the last ReadyForQuery: it does not tell of a BEGIN in the same exchange.
        let begun = self.exchanges.back().is_some_and(|last| last.begins);
        let idle = self.status_ahead() == Some(TransactionStatus::Idle);
        let due = wanted && idle && !begun;
        let begin = due.then(|| self.transactions.implicit_begin()).flatten();
        let Some(sql) = begin else {
            return Ok(closing);
        };
        self.connection.parse(b"", &sql, &[], true)?;
        self.connection.bind(b"", &Params::default(), &[])?;
        self.connection.execute(0, true)?;
        if let Some(last) = self.exchanges.back_mut() {
            last.begins = true;
        }
        Ok(true)
    }

    pub(super) fn plan(&mut self, request: &Execute<'_>, id: ExchangeId) -> Plan {
        let Execute { sql, params, .. } = *request;
        let chosen = matches!(request.format, ResultFormat::Chosen(_));
        let never = (chosen || self.connection.speaks_replication()).then_some(false);
        let wish = never.or(request.prepare);
        self.name_owner();
        let repeatable = self.is_repeatable();
        self.statements
            .plan(sql, &params.oids, wish, id, repeatable)
    }

    /// Where a pooler may be between, names have to be of this connection alone.
    fn name_owner(&mut self) {
        if self.statements.route != Route::Direct {
            self.statements.owner = Some(self.connection.process_id());
        }
    }

    /// One simple query, which may hold several statements, or the prepared form of it once it has proved to be one.
    fn queue_simple(
        &mut self,
        request: &Execute<'_>,
        id: ExchangeId,
    ) -> Result<PendingStatement, UsageError> {
        let plan = self.plan(request, id);
        let led = self.begin(request.begin)?;
        if let Plan::Unprepared(hash) = plan {
            self.connection.query(request.sql)?;
            if led {
                self.connection.sync();
            }
            if let Some(last) = self.exchanges.back_mut() {
                last.bound_results(request.sql);
            }
            return Ok(PendingStatement::Simple(hash));
        }
        let queued = self.queue_planned(request, plan, id)?;
        self.close_temporary();
        self.connection.sync();
        Ok(queued)
    }

    fn queue_planned(
        &mut self,
        request: &Execute<'_>,
        plan: Plan,
        id: ExchangeId,
    ) -> Result<PendingStatement, UsageError> {
        let Execute { sql, params, .. } = *request;
        let binary = request.format.is_binary();
        let all = request.format.of_all();
        Ok(match plan {
            Plan::Unprepared(hash) => {
                self.connection.parse(b"", sql, &params.oids, true)?;
                self.connection.bind(b"", params, all)?;
                self.connection.describe_portal()?;
                self.connection.execute(0, false)?;
                hash.map_or(PendingStatement::Plain, PendingStatement::Counted)
            }
            Plan::Prepare(name) => {
                self.connection.parse(&name, sql, &params.oids, false)?;
                self.connection.describe_statement(&name, binary)?;
                self.connection.bind(&name, params, all)?;
                self.connection.execute(0, false)?;
                let key = Key::new(sql, &params.oids)?;
                self.statements.preparing(key.clone(), name.clone(), id);
                PendingStatement::Prepared(key, name, false)
            }
            Plan::PrepareForNow(name) => {
                self.connection.parse(&name, sql, &params.oids, true)?;
                self.connection.bind(&name, params, all)?;
                self.connection.describe_portal()?;
                self.connection.execute(0, false)?;
                let key = Key::new(sql, &params.oids)?;
                self.statements.preparing(key, name.clone(), id);
                self.temporary.push(name);
                PendingStatement::Plain
            }
            Plan::Preparing(name) => {
                self.connection.bind(&name, params, all)?;
                self.connection.describe_portal()?;
                self.connection.execute(0, false)?;
                PendingStatement::Plain
            }
            Plan::Prepared(prepared) => {
                let (columns, formats) = self.columns_for(request, &prepared);
                let formats = formats.as_deref().unwrap_or(all);
                self.connection.bind(&prepared.name, params, formats)?;
                self.connection.execute_known(0, columns)?;
                PendingStatement::Reused(prepared)
            }
        })
    }

    /// The description that the result of a prepared statement will have in the wanted format, with the formats to ask for.
    pub(super) fn columns_for(
        &mut self,
        request: &Execute<'_>,
        prepared: &Prepared,
    ) -> (Option<Columns>, Option<Arc<[Format]>>) {
        let Some(columns) = &prepared.columns else {
            return (None, None);
        };
        let choice = match request.format {
            // What is chosen is not for prepared statements.
            ResultFormat::Text | ResultFormat::Chosen(_) => {
                return (Some(with_formats(columns, |_| false)), None);
            }
            ResultFormat::Binary => return (Some(with_formats(columns, |_| true)), None),
            ResultFormat::Auto(choice) => choice,
        };
        let known = prepared.mixed.clone();
        let mixed = known.filter(|mixed| mixed.choice == choice.id);
        let mixed = mixed.unwrap_or_else(|| {
            let mixed = MixedFormats::of(columns, choice);
            self.statements
                .remember_mixed(request.sql, &request.params.oids, mixed.clone());
            mixed
        });
        (Some(mixed.columns), Some(mixed.formats))
    }
}
