//! What every shell does with a connection: run statements, many at a time, and give them up.
//!
//! [`Session`] adds to [`Connection`] what sync and async, Python and Rust would otherwise each write again: exchanges that are
//! queued before earlier ones are answered, the implicit BEGIN and transaction blocks, the choice of protocol, prepared
//! statements, the gathering of results, the refusal of a COPY that nobody feeds, cancellation and its bound. A shell queues
//! requests, then moves bytes until [`Session::advance`] gives the outcome of its exchange:
//!
//! ```text
//! let id = session.execute(&request)?;            // nothing has been written yet; an error leaves all as it was
//! loop {
//!     match session.advance(now)? {
//!         Progress::Ended(ended, outcome) => if ended == id { break },
//!         Progress::Notice(..) | Progress::Notification(..) => hand it out
//!         Progress::SendCancel => send a CancelRequest; then session.cancel_request_ended()
//!         Progress::Working => look whether anything else is to be done
//!         Progress::NeedInput | Progress::Idle => {
//!             write session.outgoing() to the socket; session.sent(n)
//!             read from the socket into session.spare(); session.received(n), or session.nothing_came()
//!             // at session.poll_timeout() at the latest, advance again
//!         }
//!     }
//! }
//! ```
//!
//! Exchanges end in the order in which they were queued. Who does not want one any more says so with [`Session::detach`], or
//! has it given up by the server with [`Session::cancel_and_drain`]; then the session is to come to rest
//! ([`Session::is_settled`]) within [`Session::set_cancel_timeout`], or it is over.

mod backlog;
mod cancel;
mod copy;
mod exchange;
mod formats;
mod portal;
mod queue;
mod replication;
mod route;
mod standby;
mod statements;
mod transaction;
mod two_phase;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::connection::{Columns, Connection, Error, Event, Notification, Params, RowSet};
use crate::error::{ProtocolError, UsageError};
use crate::startup::{Channel, GssAnswer};
use crate::wire::TransactionStatus;
use crate::wire::backend::Diagnostic;

use cancel::{Cancel, Due};
use copy::INTERRUPTED;
use exchange::{Exchange, Role};
use standby::Standby;

pub use backlog::{Backlog, MAX_NOTIFICATION_BYTES, MAX_NOTIFICATIONS};
pub use cancel::CANCEL_TIMEOUT;
pub use exchange::{CopyStart, Description, ExchangeId, Outcome};
pub use formats::{BinaryChoice, ResultFormat};
pub use standby::{Clock, Positions, StandbyOptions};
pub use statements::Statements;
pub use transaction::{Block, Characteristics, IsolationLevel, Transactions};
pub use two_phase::{TwoPhase, TwoPhaseError};

/// As good as never: an [`Instant`] cannot hold every time that a user may give.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

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
    /// Whether it is the user's, and so begins a transaction where each statement does and none is running.
    pub begin: bool,
    /// Use the extended protocol also where the simple one would do.
    pub extended: bool,
}

/// How far a session has come.
#[derive(Debug)]
pub enum Progress {
    /// An exchange has been answered whole.
    Ended(ExchangeId, Box<Outcome>),
    /// A notice came.
    Notice(Diagnostic),
    /// A notification came: call handlers, or keep it in [`Session::backlog`].
    Notification(Notification),
    /// The server is to be asked to cancel what it runs; call [`Session::cancel_request_ended`] when it was, or could not be.
    SendCancel,
    /// More is to be done at once; look first whether anything else is to be done.
    Working,
    /// More bytes from the server are needed; write what is outgoing first.
    NeedInput,
    /// Nothing is asked; what is outgoing is still to be written.
    Idle,
}

/// A session that runs exchanges, one after the other, queued before the earlier ones are answered.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    /// The prepared statements and their policy.
    pub statements: Statements,
    /// How transactions are begun, and the blocks that are open.
    pub transactions: Transactions,
    /// The two-phase transaction, if there is one.
    pub two_phase: TwoPhase,
    /// Notifications that nobody has taken.
    pub backlog: Backlog,
    /// Those that have not been answered, oldest first.
    exchanges: VecDeque<Exchange>,
    /// The memory of the last exchange's list, for the next one.
    spare_list: VecDeque<exchange::PendingStatement>,
    next_id: u64,
    cancel: Cancel,
    /// Whether the statement that is being queued has an exchange of its own.
    single: bool,
    /// Whether a transaction has been begun for a statement that could not be executed.
    begun_in_vain: bool,
    /// Whether that is rolled back before the exchange that is being queued.
    undoing: bool,
    /// Statements that are closed at the end of the exchange in which they were prepared.
    temporary: Vec<Box<[u8]>>,
    /// Portals of the running transaction that are closed with the next statement.
    dropped_portals: Vec<Box<[u8]>>,
    /// What the server of a replication stream is told.
    standby: Option<(ExchangeId, Standby)>,
}

impl Session {
    /// Takes over a connection that is being started.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            statements: Statements::default(),
            transactions: Transactions::default(),
            two_phase: TwoPhase::default(),
            backlog: Backlog::default(),
            exchanges: VecDeque::new(),
            spare_list: VecDeque::new(),
            next_id: 0,
            cancel: Cancel::default(),
            single: false,
            begun_in_vain: false,
            undoing: false,
            temporary: Vec::new(),
            dropped_portals: Vec::new(),
            standby: None,
        }
    }

    /// The connection underneath.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection underneath, for requests that are no exchanges: whoever makes them takes their events from
    /// [`Connection::poll`] as well, and reports the ends of commands to [`Session::note_command`]. To be called while the
    /// session is settled; exchanges can be queued again once the connection is idle.
    pub fn raw(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Notes the tag of a command that was run by [`Session::raw`]: it may have made prepared statements useless.
    pub fn note_command(&mut self, tag: &[u8]) {
        exchange::note_command(tag, &mut self.statements);
    }

    /// Tells what carries the session, where that is not the socket itself; before the startup message is sent.
    pub fn set_channel(&mut self, channel: Channel) {
        self.connection.set_channel(channel);
    }

    /// The server's token that a mechanism of GSSAPI has to answer, see [`Connection::gss_request`].
    #[must_use]
    pub fn gss_request(&self) -> Option<&[u8]> {
        self.connection.gss_request()
    }

    /// Takes what the mechanism made of it, see [`Connection::gss_answer`].
    ///
    /// # Errors
    /// The mechanism's: the session is over.
    pub fn gss_answer(&mut self, answer: Result<GssAnswer, String>) -> Result<(), Error> {
        self.connection.gss_answer(answer)
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
        self.cancel.received(len);
    }

    /// Notes that there was nothing to be received. To be called whenever a look at the socket that does not wait finds it empty: that
    /// ends [`Session::is_overdue`].
    pub fn nothing_came(&mut self) {
        self.cancel.nothing_came();
    }

    /// Whether the bound of an interruption has passed, but what came before may still lie in the socket: a shell then looks there
    /// without waiting, even if it has not heard that there is anything. It ends by itself, after a second or 8 MiB.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.cancel.is_overdue()
    }

    /// To be called at the socket's end: tells what that means.
    pub fn eof(&mut self) -> Error {
        self.connection.eof()
    }

    /// Queues Terminate, after which the session takes no more requests.
    pub fn terminate(&mut self) {
        self.connection.terminate();
    }

    /// The transaction status at the end of the last exchange; within a transaction where one that goes on has begun it.
    #[must_use]
    pub fn transaction_status(&self) -> TransactionStatus {
        match self.connection.transaction_status() {
            TransactionStatus::Idle if self.users_front().is_some_and(|each| each.begins) => {
                TransactionStatus::InTransaction
            }
            status => status,
        }
    }

    /// A number that changes when a transaction ends: within one it stays the same.
    #[must_use]
    pub fn transaction_number(&self) -> u64 {
        self.statements.transaction_number()
    }

    /// The exchange of the user's that is answered next.
    fn users_front(&self) -> Option<&Exchange> {
        let mut exchanges = self.exchanges.iter();
        exchanges.find(|each| each.role == Role::User)
    }

    /// Whether the session has been started and nothing waits for an answer.
    #[inline]
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connection.is_idle()
    }

    /// Whether nothing is left over from what was interrupted: no answers to come, no cancel request under way, no rollback
    /// owed. Before that, no other statement may be queued.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        // A sequence that has not been ended is not over, even if all that was asked has been answered.
        self.connection.is_idle() && self.exchanges.is_empty() && !self.is_interrupted()
    }

    /// Whether something was interrupted and has not come to rest. Exchanges that are still to be answered do not matter here.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.cancel.is_draining() || self.cancel.is_in_flight() || self.transactions.owes_rollback()
    }

    /// Sets how long the session may take to come to rest after an interruption, a year at most; [`CANCEL_TIMEOUT`] at first.
    pub fn set_cancel_timeout(&mut self, timeout: Duration) {
        self.cancel.timeout = timeout.min(FAR);
    }

    /// How long the session may take to come to rest after an interruption.
    #[must_use]
    pub fn cancel_timeout(&self) -> Duration {
        self.cancel.timeout
    }

    /// Whether the request asked for by [`Progress::SendCancel`] has not been reported to have ended.
    #[must_use]
    pub fn is_cancel_in_flight(&self) -> bool {
        self.cancel.is_in_flight()
    }

    /// How many exchanges have not been answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.exchanges.len()
    }

    /// The exchange that is being answered: a notice that comes now is about it.
    #[must_use]
    pub fn answering(&self) -> Option<ExchangeId> {
        self.exchanges.front().map(|exchange| exchange.id)
    }

    /// Whether something is unanswered, and nobody wants any of it: it can be given up without harm to others.
    #[must_use]
    pub fn is_detached(&self) -> bool {
        !self.exchanges.is_empty() && self.exchanges.iter().all(|each| each.detached)
    }

    /// Moves on with the bytes received. Call it again until it gives [`Progress::NeedInput`] or [`Progress::Idle`].
    ///
    /// # Errors
    /// The session is over: broken protocol, refused at the start, or not at rest in time after an interruption.
    pub fn advance(&mut self, now: Instant) -> Result<Progress, Error> {
        while let Some(event) = self.connection.poll()? {
            match event {
                Event::Notice(diagnostic) => return Ok(Progress::Notice(diagnostic)),
                Event::Notification(notification) => {
                    return Ok(Progress::Notification(notification));
                }
                Event::Working => return Ok(Progress::Working),
                Event::Result(result) => self.on_result(result)?,
                Event::Ready(_) => {
                    if let Some((id, outcome)) = self.on_ready()? {
                        return Ok(Progress::Ended(id, outcome));
                    }
                }
                Event::CopyIn(response) if self.begin_copy(&response, true) => {}
                Event::CopyOut(response) if self.begin_copy(&response, false) => {}
                Event::CopyBoth(response) => self.begin_following(&response, now),
                Event::Keepalive(keepalive) => self.note_keepalive(&keepalive, now),
                Event::CopyIn(_) => self.refuse_copy(now, true),
                Event::CopyOut(_) => self.refuse_copy(now, false),
                other => self.on_minor_event(other),
            }
        }
        self.discard_detached();
        self.report_when_due(now);
        self.on_time(now)
    }

    /// When to call [`Session::advance`] at the latest, even if nothing has been received.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let cancel = self.cancel.timeout(self.can_ask());
        cancel.into_iter().chain(self.status_due_at()).min()
    }

    /// Whether the server could be asked to give something up: what it does not have yet it would not.
    fn can_ask(&self) -> bool {
        !self.exchanges.is_empty() && self.connection.outgoing().is_empty()
    }

    /// Whether [`Session::take_partial`] would give anything new.
    #[must_use]
    pub fn has_partial(&self, id: ExchangeId) -> bool {
        let front = self.exchanges.front();
        front.is_some_and(|front| front.id == id && front.has_partial())
    }

    /// Takes what has come so far of an exchange that is being answered: for pipelines and long sequences.
    ///
    /// With `settled` results behind a command that may have changed parameters stay, since servers tell of that at the end
    /// only; without it they come with the parameters known so far.
    pub fn take_partial(&mut self, id: ExchangeId, settled: bool) -> Outcome {
        match self.exchanges.front_mut() {
            Some(exchange) if exchange.id == id => exchange.take_partial(settled),
            _ => Outcome::default(),
        }
    }

    /// Takes the answer to the last statement that has been answered of an exchange that is being answered: its result, or what a
    /// description gave. What came before stays.
    pub fn take_last(&mut self, id: ExchangeId) -> Outcome {
        match self.exchanges.front_mut() {
            Some(exchange) if exchange.id == id => exchange.take_last(),
            _ => Outcome::default(),
        }
    }

    /// Whether a statement of an exchange that is being answered has failed.
    #[must_use]
    pub fn has_failed(&self, id: ExchangeId) -> bool {
        let front = self.exchanges.front();
        front.is_some_and(|front| front.id == id && front.outcome.error.is_some())
    }

    /// Whether an exchange that is being answered may turn out to have to be run again, see [`Outcome::again`]: it relies on what was
    /// prepared before, and it has not been told yet whether that can be used.
    #[must_use]
    pub fn may_be_repeated(&self, id: ExchangeId) -> bool {
        let status = self.connection.transaction_status();
        let found = self.exchanges.iter().find(|each| each.id == id);
        found.is_some_and(|found| found.may_be_repeated(status) && !self.has_rows_of(id, |_| 0))
    }

    /// Takes the rows that have come so far of the result that is still coming of an exchange: for streaming.
    pub fn take_rows(&mut self, id: ExchangeId) -> (Option<Columns>, RowSet) {
        match self.exchanges.front() {
            Some(exchange) if exchange.id == id => self.connection.take_rows(),
            _ => (None, RowSet::default()),
        }
    }

    /// Whether [`Session::take_rows`] would give any for an exchange, as many as [`Session::want_rows`] asks for, or
    /// [`Session::take_copy_start`] something.
    #[must_use]
    pub fn has_rows(&self, id: ExchangeId) -> bool {
        self.has_rows_of(id, |front| front.wanted_rows)
    }

    /// Whether there are any of an exchange, and about so many bytes.
    fn has_rows_of(&self, id: ExchangeId, bytes: impl FnOnce(&Exchange) -> usize) -> bool {
        let front = self.exchanges.front().filter(|front| front.id == id);
        front.is_some_and(|front| {
            self.connection.has_rows_of(bytes(front)) || front.outcome.copy.is_some()
        })
    }

    /// Has [`Session::has_rows`] tell of rows when they are about so many bytes, and not before: of an exchange that is being answered,
    /// for the rows that are taken from then on.
    pub fn want_rows(&mut self, id: ExchangeId, bytes: usize) {
        if let Some(front) = self.exchanges.front_mut().filter(|front| front.id == id) {
            front.wanted_rows = bytes;
        }
    }

    /// Has the outcome of an exchange thrown away. What the server does about it stays as it is.
    pub fn detach(&mut self, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.iter_mut().find(|each| each.id == id) {
            exchange.detached = true;
            drop(std::mem::take(&mut exchange.outcome.results));
        }
    }

    /// Whether a statement of a detached exchange was one of ALTER, DROP, DISCARD ALL and ROLLBACK, of which no outcome tells, since
    /// this was last asked: types may be others than they were.
    pub fn take_unseen_changes(&mut self) -> bool {
        std::mem::take(&mut self.statements.unseen_changes)
    }

    /// Whether a statement of a detached exchange has committed or prepared a transaction, of which no outcome tells, since this was last
    /// asked.
    pub fn take_unseen_commit(&mut self) -> bool {
        std::mem::take(&mut self.statements.unseen_commit)
    }

    /// Has everything that is unanswered given up by the server, and thrown away; then pays the rollback that is owed, if any.
    ///
    /// The session is at rest, or over, within [`Session::cancel_timeout`] from `now`. A second call does not extend that.
    pub fn cancel_and_drain(&mut self, now: Instant) {
        self.end_exchange();
        if self.connection.is_copying_in() {
            // A server that waits for data does not look for cancel requests.
            self.fail_copy(INTERRUPTED);
        }
        if self.connection.is_following() {
            // It ends by itself then, if it is not in the middle of a transaction.
            self.connection.end_following();
        }
        for exchange in &mut self.exchanges {
            exchange.detached = true;
            drop(std::mem::take(&mut exchange.outcome.results));
        }
        if !self.is_settled() {
            // A rollback is what is wanted: to cancel it would leave the transaction open.
            let asks = self.exchanges.iter().any(|each| !each.is_rollback);
            self.cancel.begin(now, asks);
        }
    }

    /// Has the session be over at `deadline`, if it has not come to rest by then: for whoever gives up something that was to be
    /// over at a certain time. It shortens the bound of [`Session::cancel_and_drain`], and never extends it.
    pub fn hasten_rest(&mut self, deadline: Instant) {
        self.cancel.hasten(deadline);
    }

    /// Notes that the request asked for by [`Progress::SendCancel`] has reached the server, or that it could not be sent.
    pub fn cancel_request_ended(&mut self) {
        self.cancel.request_ended();
    }

    fn on_result(&mut self, result: crate::connection::QueryResult) -> Result<(), Error> {
        self.follow_to_end(&result);
        let front = self.exchanges.front();
        if front.is_some_and(|front| front.role == Role::Probe) {
            self.learn_route(&result);
        }
        let Some(exchange) = self.exchanges.front_mut() else {
            return Ok(());
        };
        if exchange.gets_refused_copy() {
            // That was all of it: what follows is not to be given up.
            self.cancel.end();
        }
        if exchange.on_result(result, &mut self.statements) {
            return Ok(());
        }
        let text = "the server sent more results than the query can have";
        Err(self.give_up(ProtocolError::refused(text).into()))
    }

    fn on_minor_event(&mut self, event: Event) {
        let Some(exchange) = self.exchanges.front_mut() else {
            return;
        };
        match event {
            Event::Failed(diagnostic) => {
                let refused = !exchange.outcome.refused_copy.is_empty();
                if refused && !exchange.detached && exchange.end.is_none() {
                    // That was what the server owed, until it is told where the exchange ends.
                    self.cancel.end();
                }
                let unfinished = self.connection.take_unfinished();
                let unbound = self.connection.failed_unbound();
                exchange.on_failure(diagnostic, unfinished, unbound, &mut self.statements);
            }
            Event::Prepared => exchange.on_prepared(),
            Event::Parameters(oids) => exchange.on_parameters(oids),
            Event::Described(columns) => exchange.on_described(columns, &mut self.statements),
            _ => {}
        }
    }

    /// The end of an exchange, or of a simple query within one.
    fn on_ready(&mut self) -> Result<Option<(ExchangeId, Box<Outcome>)>, Error> {
        let answered = self.connection.answered();
        let front = self.exchanges.front();
        let end = front.and_then(|front| front.end);
        if end.is_none_or(|end| answered < end) {
            return Ok(None);
        }
        let Some(exchange) = self.exchanges.pop_front() else {
            return Ok(None);
        };
        if self.exchanges.iter().any(|each| !each.detached) {
            self.cancel.end();
        } else if !self.exchanges.is_empty() {
            self.cancel.ask_anew();
        }
        let (id, detached, is_rollback) = (exchange.id, exchange.detached, exchange.is_rollback);
        let status = self.connection.transaction_status();
        if status == TransactionStatus::Idle {
            self.statements.next_transaction();
            self.dropped_portals.clear();
        }
        let again = exchange.is_repeatable(status);
        self.begun_in_vain = again && status != TransactionStatus::Idle;
        let parameters = self.connection.shared_parameters();
        let (mut outcome, list) = exchange.end(&mut self.statements, parameters);
        outcome.again = again;
        self.spare_list = list;
        // Without the savepoint there is nothing to undo: it was never made, or has been undone.
        let undone = |error: &Diagnostic| error.sqlstate() == Some(b"3B001");
        if is_rollback && outcome.error.as_ref().is_some_and(|error| !undone(error)) {
            // Where the transaction stands is not what anybody expects.
            let text = "the transaction block that was interrupted could not be rolled back";
            return Err(self.give_up(ProtocolError::refused(text).into()));
        }
        Ok((!detached).then_some((id, outcome)))
    }

    /// A COPY has come where nobody can feed or take it: the server is told so, and the caller by the outcome.
    pub(super) fn refuse_copy(&mut self, now: Instant, fail: bool) {
        if let Some(exchange) = self.exchanges.front_mut() {
            exchange.refuse_copy(!fail);
        }
        if fail {
            self.fail_copy(b"COPY cannot be used with this method");
            // The server now owes an error, and no more than that.
            self.cancel.begin(now, false);
        }
    }

    /// Rows that nobody wants are not gathered.
    fn discard_detached(&mut self) {
        let front = self.exchanges.front();
        if front.is_some_and(|front| front.detached && front.role != Role::Probe) {
            drop(self.connection.take_rows());
        }
    }

    /// What is to be done when all that was received has been looked at.
    fn on_time(&mut self, now: Instant) -> Result<Progress, Error> {
        if self.connection.is_idle() && !self.cancel.is_in_flight() {
            self.pay_rollback(now)?;
            if self.connection.is_idle() {
                self.cancel.end();
                return Ok(Progress::Idle);
            }
        }
        if self.exchanges.front().is_some_and(Exchange::owes_end) {
            self.cancel.begin(now, false);
        }
        if self
            .exchanges
            .front()
            .is_some_and(Exchange::gets_refused_copy)
        {
            // A short one ends by itself. What others have queued behind it is not to be hit.
            match self.exchanges.iter().skip(1).all(|each| each.detached) {
                true => self.cancel.begin_later(now),
                false => self.cancel.end(),
            }
        }
        // What is not with the server yet cannot be given up there; but what stands before it may keep it from being read.
        let sent = self.connection.outgoing().is_empty();
        match self.cancel.due(now, !self.exchanges.is_empty(), sent) {
            Due::Nothing => Ok(Progress::NeedInput),
            Due::Request => Ok(Progress::SendCancel),
            Due::GiveUp => Err(self.give_up(Error::Unresponsive(self.cancel.allowed()))),
        }
    }

    /// Queues the rollback that is owed.
    fn pay_rollback(&mut self, now: Instant) -> Result<(), Error> {
        let status = self.connection.transaction_status();
        let Some(sql) = self.transactions.take_pending_rollback(status) else {
            return Ok(());
        };
        let queued = self.command(sql.as_bytes());
        let text = "the rollback of a transaction block cannot be sent";
        let id = queued.map_err(|_| self.give_up(ProtocolError::refused(text).into()))?;
        if let Some(exchange) = self.exchanges.iter_mut().find(|each| each.id == id) {
            exchange.detached = true;
            exchange.is_rollback = true;
        }
        self.cancel.stop_asking(now);
        Ok(())
    }

    fn give_up(&mut self, error: Error) -> Error {
        self.connection.give_up();
        error
    }

    /// Queues a statement of the driver's own, by the simple protocol: it begins no transaction and is never prepared.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn command(&mut self, sql: &[u8]) -> Result<ExchangeId, UsageError> {
        self.execute(&Execute {
            sql,
            params: &Params::default(),
            format: ResultFormat::Text,
            prepare: Some(false),
            begin: false,
            extended: false,
        })
    }
}
