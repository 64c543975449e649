//! What a blocking connection and the blocks on it have in common.

use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_types::FromSqlOwned;

use super::{Notifies, RowStream, Savepoint};
use crate::batch::Batch;
use crate::core::sequence::Wanted;
use crate::core::{Core, Finished, Given, LOOKS, Mode, Preparation, shared_methods};
use crate::error::Result;
use crate::params::{Parameters, ToParams};
use crate::row::{FromRowOwned, Row, Rows};
use crate::statement::Statement;
use howdah_net::drive::{Lost, Step, Until, drive, try_receive, turn};
use howdah_net::{Limit, Socket};

/// What runs statements: a [`Connection`](crate::Connection), [`Transaction`](crate::Transaction) or
/// [`Savepoint`], each of which can be used as one.
///
/// ```no_run
/// use howdah::{Connection, Session};
///
/// fn pay(db: &mut Session, id: i32, money: i32) -> Result<u64, howdah::Error> {
///     db.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (money, id))
/// }
///
/// fn main() -> Result<(), howdah::Error> {
///     let mut conn = Connection::connect("dbname=test")?;
///     pay(&mut conn, 1, 10)?;
///     let mut tx = conn.transaction()?;
///     pay(&mut tx, 1, -10)?;
///     pay(&mut tx, 2, 10)?;
///     tx.commit()
/// }
/// ```
///
/// It has no size that the compiler knows, so that it stays where it is: two transactions cannot swap what they run on.
pub struct Session<Size: ?Sized = [()]> {
    pub(super) core: Core,
    pub(super) socket: Socket,
    _size: Size,
}

impl Session {
    /// Runs a statement; tells how many rows it has changed or given, 0 for one that does not count.
    ///
    /// Parameters are a tuple or a list, `()` for none: see [`ToParams`].
    ///
    /// # Errors
    /// The server's, or a parameter cannot be sent, or the connection is closed or lost.
    pub fn execute(&mut self, sql: &str, params: impl ToParams) -> Result<u64> {
        let watch = self.core.known.watch(sql);
        let outcome = watch.of(|| self.bounded().run(sql, &params))?;
        let counted = self.core.known.count(outcome);
        counted.map_err(|error| error.in_statement(sql))
    }

    /// Runs a statement and gives its result, with all rows received.
    ///
    /// Types made by users that this connection has not met before are looked up, by one statement more: see
    /// [`rust_types`](crate::rust_types).
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let rows = conn.query("SELECT n, n * n AS square FROM generate_series(1, $1) AS n", (3,))?;
    /// for row in rows {
    ///     println!("{} {}", row.get::<i32>("n")?, row.get::<i32>("square")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn query(&mut self, sql: &str, params: impl ToParams) -> Result<Rows> {
        self.bounded().run_to_rows(sql, &params)
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and any other number of rows.
    pub fn query_one(&mut self, sql: &str, params: impl ToParams) -> Result<Row> {
        self.query(sql, params)?.exactly_one()
    }

    /// Runs a statement that gives one row or none.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let none = conn.query_opt("SELECT 1 WHERE $1::bool", (false,))?;
    /// assert!(none.is_none());
    /// let row = conn.query_one("SELECT 1, 'one'", ())?;
    /// assert_eq!(row.read::<(i32, &str)>()?, (1, "one"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and more than one row.
    pub fn query_opt(&mut self, sql: &str, params: impl ToParams) -> Result<Option<Row>> {
        self.query(sql, params)?.at_most_one()
    }

    /// Runs a statement and reads its rows as structs with `#[derive(FromRow)]`, as tuples, or as another [`FromRow`](crate::FromRow).
    ///
    /// Columns are looked for once.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let users: Vec<(i64, String)> = conn.query_as("SELECT id, name FROM users", ())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query`](Self::query), and a row cannot be read as a `T`; the statement has been run then.
    pub fn query_as<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Vec<T>> {
        self.query(sql, params)?.read_all()
    }

    /// Runs a statement that gives exactly one row, and reads it.
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and any other number of rows.
    pub fn query_one_as<T: FromRowOwned>(&mut self, sql: &str, params: impl ToParams) -> Result<T> {
        self.query_one(sql, params)?.read()
    }

    /// Runs a statement that gives one row or none, and reads it.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let found: Option<(i32, String)> = conn.query_opt_as("SELECT 1, 'ann' WHERE $1", (false,))?;
    /// assert_eq!(found, None);
    /// let (id, name): (i32, String) = conn.query_one_as("SELECT 1, 'ann'", ())?;
    /// assert_eq!((id, name.as_str()), (1, "ann"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and more than one row.
    pub fn query_opt_as<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params)?;
        row.map(|row| row.read()).transpose()
    }

    /// Runs a statement that gives one row of one column, and reads the value.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let count: i64 = conn.query_scalar("SELECT count(*) FROM users WHERE age > $1", (18,))?;
    /// let oldest = conn.query_scalar::<Option<i32>>("SELECT max(age) FROM users", ())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_one`](Self::query_one), and any other number of columns, or the value cannot be read as a `T`: a NULL only as
    /// an `Option`. The statement has been run then.
    pub fn query_scalar<T: FromSqlOwned>(&mut self, sql: &str, params: impl ToParams) -> Result<T> {
        self.query_one(sql, params)?.scalar()
    }

    /// Runs a statement that gives one row of one column, or none, and reads the value.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let name: Option<String> = conn.query_scalar_opt("SELECT 'ann' WHERE $1", (false,))?;
    /// assert_eq!(name, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_scalar`](Self::query_scalar), but for no row.
    pub fn query_scalar_opt<T: FromSqlOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params)?;
        row.map(|row| row.scalar()).transpose()
    }

    /// Runs a statement and gives its rows as they arrive, in bounded memory.
    ///
    /// Dropping the stream before its end cancels the statement on the server.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// for row in conn.query_stream("SELECT generate_series(1, 1000)", ())? {
    ///     println!("{}", row?.get::<i32>(0)?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A parameter cannot be sent, or the connection is closed or lost. The server's errors come from the stream.
    pub fn query_stream(&mut self, sql: &str, params: impl ToParams) -> Result<RowStream<'_>> {
        let limit = self.core.operation_limit();
        self.stream(sql, &params, limit)
    }

    /// Asks what a statement takes and gives, without running it, and has it prepared on the server.
    ///
    /// The [`Statement`] is used in the place of its text, as often as one likes. This is for those who want to know the types: a
    /// statement that is used often is prepared by itself.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let add = conn.prepare("SELECT $1::int4 + $2")?;
    /// for number in 1..4 {
    ///     let sum: i32 = conn.query_scalar(&add, (number, 10))?;
    ///     assert_eq!(sum, number + 10);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, also if it cannot tell the type of a parameter; or the connection is closed or lost, or one for replication, on
    /// which nothing can be prepared.
    pub fn prepare(&mut self, sql: &str) -> Result<Statement> {
        self.ask_about(sql, true)
    }

    /// Asks what a statement takes and gives, without running it, as [`prepare`](Self::prepare), and leaves nothing prepared: for
    /// tools that look at many statements once.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let statement = conn.describe("SELECT id, name FROM users WHERE age > $1")?;
    /// println!("takes {:?}", statement.parameters().collect::<Vec<_>>());
    /// for column in statement.columns() {
    ///     println!("{} {} is column {:?}", column.name(), column.type_name(), column.table_column());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn describe(&mut self, sql: &str) -> Result<Statement> {
        self.ask_about(sql, false)
    }

    fn ask_about(&mut self, sql: &str, keep: bool) -> Result<Statement> {
        let mut session = self.bounded();
        let outcome = session.perform(|core| core.queue_description(sql, keep))?;
        let known = &session.core.known;
        let described = known.described(outcome);
        let (description, unknown) = described.map_err(|error| error.in_statement(sql))?;
        session.attach_types(&mut [], &unknown)?;
        drop(session);
        Ok(Statement::new(sql, description, self.core.known.types()))
    }

    /// Runs a statement once for each of `items`, without waiting for the answers; tells how many rows were changed or given.
    ///
    /// All is done or nothing: outside of a transaction the server runs them as one; within one, an error leaves it failed.
    /// Memory is bounded, however many items there are: each is encoded when it has its turn, and results are not kept.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let people = [(1, "ann"), (2, "bob")];
    /// conn.execute_many("INSERT INTO users (id, name) VALUES ($1, $2)", people)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](crate::Error::item) tells which it was. A COPY cannot be run.
    pub fn execute_many<I>(&mut self, sql: &str, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: ToParams>,
    {
        let watch = self.core.known.watch(sql);
        watch.of(|| self.bounded().run_many(Wanted::Count, sql, items))
    }

    /// Runs several statements with parameters of their own, without waiting for the answers; gives the result of each.
    ///
    /// All is done or nothing, as for [`execute_many`](Self::execute_many). Only before a statement with parameters that this
    /// connection has not run before, the answers so far are waited for.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut batch = howdah::Batch::new();
    /// batch
    ///     .add("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1))
    ///     .add("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2))
    ///     .add("SELECT sum(money) FROM accounts", ());
    /// let results = conn.batch(&batch)?;
    /// println!("{}", results[2].row(0).expect("a row").get::<i64>(0)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](crate::Error::item) tells which statement it was. A COPY cannot be run.
    pub fn batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Rows>> {
        let watch = self.core.known.watch_all(batch.texts());
        let mut session = self.bounded();
        let results = watch.of(|| session.run_batch(batch));
        let (_, results) = results.map_err(|error| error.in_one_of(batch))?;
        let Finished {
            mut results,
            unknown,
        } = session.core.known.rows_of(results);
        session.attach_types(&mut results, &unknown)?;
        Ok(results)
    }

    /// Opens a block within the running transaction that can be undone by itself; dropping it undoes it. Blocks nest.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// let mut attempt = tx.savepoint()?;
    /// match attempt.execute("INSERT INTO users (name) VALUES ($1)", ("ann",)) {
    ///     Ok(_) => attempt.release()?,
    ///     Err(_) => attempt.rollback()?,
    /// }
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No transaction is running, and the connection is in autocommit; or the transaction has failed, or the connection is
    /// closed or lost.
    pub fn savepoint(&mut self) -> Result<Savepoint<'_>> {
        Savepoint::open(self)
    }

    /// The notifications, as they come: an iterator that ends when `timeout` has passed since this call, or never.
    ///
    /// Notifications that came while no handler was there are not lost: they come first. While a transaction is running the
    /// server holds them back.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.execute("LISTEN mychan", ())?;
    /// for notify in conn.notifies(None) {
    ///     let notify = notify?;
    ///     println!("{notify:?}");
    ///     if notify.payload == "stop" {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn notifies(&mut self, timeout: Option<Duration>) -> Notifies<'_> {
        Notifies::new(self, timeout)
    }

    /// Runs a statement of the driver's own, if there is one to run.
    pub(super) fn control(
        &mut self,
        statement: impl FnOnce(&Core) -> Option<String>,
    ) -> Result<()> {
        let Some(sql) = statement(&self.core) else {
            return Ok(());
        };
        let watch = self.core.known.watch(&sql);
        let outcome = watch.of(|| self.bounded().perform(|core| core.queue_control(&sql)))?;
        self.core.known.control(&sql, outcome)
    }

    /// Asks what has to be known before a statement can be executed.
    pub(super) fn make_ready(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
        mode: Mode,
    ) -> Result<Preparation> {
        self.settle()?;
        let mut preparation = self.core.prepare(sql, Given::of(params), mode)?;
        while let Some(question) = preparation.question(&self.core.known, params)? {
            let mut outcome = self.perform(|core| core.ask(sql, &question))?;
            if outcome.again {
                // The name for it was taken: the next one will not be.
                outcome = self.perform(|core| core.ask(sql, &question))?;
            }
            preparation.learn(&self.core.known, sql, &question, outcome)?;
        }
        Ok(preparation)
    }

    /// Runs a statement; gives its result.
    fn run_to_rows(&mut self, sql: &str, params: &dyn Parameters) -> Result<Rows> {
        let watch = self.core.known.watch(sql);
        let outcome = watch.of(|| self.run(sql, params))?;
        let finished = self.core.known.one(outcome);
        let mut finished = finished.map_err(|error| error.in_statement(sql))?;
        let rows = std::slice::from_mut(&mut finished.results);
        self.attach_types(rows, &finished.unknown)?;
        Ok(finished.results)
    }

    /// Runs a statement whose rows are handed out as they arrive.
    pub(super) fn stream(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
        limit: Option<Limit>,
    ) -> Result<RowStream<'_>> {
        let mut watch = self.core.known.watch(sql);
        let begun = watch.within(|| self.bounded_by(limit).begin_stream(sql, params));
        let (id, first) = begun.inspect_err(|error| watch.failed(error))?;
        Ok(RowStream::new(self, id, first, watch))
    }

    /// Runs one statement of the user's.
    fn run(&mut self, sql: &str, params: &dyn Parameters) -> Result<Outcome> {
        let mut outcome = self.run_once(sql, params)?;
        if outcome.again {
            self.roll_back_in_vain()?;
            outcome = self.run_once(sql, params)?;
        }
        self.core.note_block();
        Ok(outcome)
    }

    fn run_once(&mut self, sql: &str, params: &dyn Parameters) -> Result<Outcome> {
        let mut ready = self.make_ready(sql, params, Mode::Gather)?;
        self.perform(|core| ready.execute(core, sql))
    }

    /// Looks up the types made by users that these results are the first to have.
    pub(super) fn attach_types(&mut self, results: &mut [Rows], unknown: &[u32]) -> Result<()> {
        if unknown.is_empty() {
            return Ok(());
        }
        let outcome = self.perform(|core| core.queue_lookup(unknown))?;
        self.core.known.insert_types(unknown, outcome)?;
        self.core.known.attach_types(results);
        Ok(())
    }

    /// One exchange, from its queueing to its outcome.
    pub(super) fn perform(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<Outcome> {
        let id = self.begin(queue)?;
        loop {
            let deadline = self.core.give_up_at();
            let step = drive(&mut self.core.session, &self.socket, Until::Idle, deadline);
            if let Some((ended, outcome)) = self.take_bounded(step)?
                && ended == id
            {
                self.core.cancel.gate().leave();
                return Ok(outcome);
            }
        }
    }

    /// Brings the connection to rest, then queues an exchange.
    pub(super) fn begin(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<ExchangeId> {
        self.enter()?;
        queue(&mut self.core).inspect_err(|_| self.core.cancel.gate().leave())
    }

    /// One turn of the running exchange; its outcome when it is over.
    pub(super) fn turn(&mut self) -> Result<Option<Outcome>> {
        self.turn_until(Until::Idle)
    }

    /// The same, which is over when something else has happened as well.
    pub(super) fn turn_until(&mut self, until: Until) -> Result<Option<Outcome>> {
        let step = self.step(until);
        let ended = self.take_bounded(step)?;
        if ended.is_some() {
            self.core.cancel.gate().leave();
        }
        Ok(ended.map(|(_, outcome)| outcome))
    }

    pub(super) fn step(&mut self, until: Until) -> std::result::Result<Step, Lost> {
        let deadline = self.core.give_up_at();
        let session = &mut self.core.session;
        let turned = turn(session, &self.socket, until, deadline, Instant::now());
        turned.map(|step| step.unwrap_or(Step::Interrupted))
    }

    /// Receives what is there, without waiting; tells whether anything was.
    pub(super) fn has_come(&mut self) -> Result<bool> {
        try_receive(&mut self.core.session, &self.socket).map_err(|lost| {
            self.socket.shut_down();
            self.core.lost_by(lost)
        })
    }

    /// Takes in what has come, without waiting: a server that has gone is seen.
    pub(super) fn hear(&mut self) -> Result<()> {
        let now = Instant::now();
        for _ in 0..LOOKS {
            // A deadline of now is a look without a wait.
            let step = drive(
                &mut self.core.session,
                &self.socket,
                Until::Heard,
                Some(now),
            );
            if matches!(step, Ok(Step::TimedOut)) {
                break;
            }
            self.take_step(step)?;
            if self.core.session.backlog.is_filling() {
                break;
            }
        }
        Ok(())
    }

    /// Does what a step asks for; gives what has been answered.
    pub(super) fn take_step(
        &mut self,
        step: std::result::Result<Step, Lost>,
    ) -> Result<Option<(ExchangeId, Outcome)>> {
        let delivered = match step {
            Ok(Step::Ended(id, outcome)) => {
                self.core.note(&outcome);
                return Ok(Some((id, *outcome)));
            }
            Ok(Step::Notice(notice)) => {
                self.core.messages.deliver_notice(notice);
                Ok(())
            }
            Ok(Step::Notification(notification)) => self.core.deliver_notification(notification),
            Ok(Step::SendCancel) => {
                // If it cannot be sent, the statement may still end by itself.
                let _ = self.core.cancel.cancel_by(self.core.cancel_deadline());
                self.core.session.cancel_request_ended();
                Ok(())
            }
            Ok(Step::Done | Step::TimedOut | Step::Interrupted) => Ok(()),
            Err(lost) => Err(lost),
        };
        match delivered {
            Ok(()) => Ok(None),
            Err(lost) => {
                self.socket.shut_down();
                Err(self.core.lost_by(lost))
            }
        }
    }
}

impl Session<[(); 0]> {
    pub(super) fn new(core: Core, socket: Socket) -> Self {
        Self {
            core,
            socket,
            _size: [],
        }
    }
}

impl<Size: ?Sized> Session<Size> {
    pub(super) fn close(&mut self) {
        if self.core.close() {
            // The server also notices when the socket closes.
            let _ = self.socket.send_now(self.core.session.outgoing());
        }
        self.socket.shut_down();
    }
}

shared_methods!(Session, socket);

impl<Size: ?Sized> Drop for Session<Size> {
    fn drop(&mut self) {
        self.close();
    }
}
