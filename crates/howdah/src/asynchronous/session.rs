//! What an asynchronous connection and the blocks on it have in common.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_types::FromSqlOwned;
use tokio::io::Interest;

use super::operations::operations;
use super::timer::Timer;
use super::watch::Watched;
use super::{AsyncNotifies, AsyncRowStream, AsyncSavepoint};
use crate::batch::Batch;
use crate::core::sequence::Wanted;
use crate::core::{Core, Given, Known, LOOKS, Mode, Preparation, Question, shared_methods};
use crate::error::{Error, Result};
use crate::params::{Parameters, ToParams};
use crate::row::{FromRowOwned, Row, Rows};
use crate::statement::Statement;
use howdah_net::Limit;
use howdah_net::drive::{Lost, Step, Until, flush, hand_out, try_receive};
use howdah_net::socket::Waited;

/// What runs statements on tokio: an [`AsyncConnection`](crate::AsyncConnection),
/// [`AsyncTransaction`](crate::AsyncTransaction) or [`AsyncSavepoint`], each of which can be used as one.
///
/// It has the methods of [`Session`](crate::Session), to be awaited.
///
/// ```no_run
/// use howdah::{AsyncConnection, AsyncSession};
///
/// async fn pay(db: &mut AsyncSession, id: i32, money: i32) -> Result<u64, howdah::Error> {
///     db.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (money, id)).await
/// }
///
/// # async fn example() -> Result<(), howdah::Error> {
/// let mut conn = AsyncConnection::connect("dbname=test").await?;
/// pay(&mut conn, 1, 10).await?;
/// let mut tx = conn.transaction().await?;
/// pay(&mut tx, 1, -10).await?;
/// pay(&mut tx, 2, 10).await?;
/// tx.commit().await
/// # }
/// ```
///
/// It has no size that the compiler knows, so that it stays where it is: two transactions cannot swap what they run on.
pub struct AsyncSession<Size: ?Sized = [()]> {
    pub(super) core: Core,
    pub(super) link: Watched,
    pub(super) timer: Timer,
    /// The limit of the operation that is being given up.
    pub(super) given_up: Option<Limit>,
    _size: Size,
}

impl AsyncSession {
    /// Runs a statement; tells how many rows it has changed or given, 0 for one that does not count.
    ///
    /// Parameters are a tuple or a list, `()` for none: see [`ToParams`].
    ///
    /// # Errors
    /// The server's, or a parameter cannot be sent, or the connection is closed or lost.
    pub async fn execute(&mut self, sql: &str, params: impl ToParams) -> Result<u64> {
        self.bounded().run_to_count(sql, &params).await
    }

    /// Runs a statement and gives its result, with all rows received.
    ///
    /// Types made by users that this connection has not met before are looked up, by one statement more: see
    /// [`rust_types`](crate::rust_types).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let rows = conn.query("SELECT n, n * n AS square FROM generate_series(1, $1) AS n", (3,)).await?;
    /// for row in rows {
    ///     println!("{} {}", row.get::<i32>("n")?, row.get::<i32>("square")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query(&mut self, sql: &str, params: impl ToParams) -> Result<Rows> {
        self.bounded().run_to_rows(sql, &params).await
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and any other number of rows.
    pub async fn query_one(&mut self, sql: &str, params: impl ToParams) -> Result<Row> {
        self.query(sql, params).await?.exactly_one()
    }

    /// Runs a statement that gives one row or none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let none = conn.query_opt("SELECT 1 WHERE $1::bool", (false,)).await?;
    /// assert!(none.is_none());
    /// let row = conn.query_one("SELECT 1, 'one'", ()).await?;
    /// assert_eq!(row.read::<(i32, &str)>()?, (1, "one"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and more than one row.
    pub async fn query_opt(&mut self, sql: &str, params: impl ToParams) -> Result<Option<Row>> {
        self.query(sql, params).await?.at_most_one()
    }

    /// Runs a statement and reads its rows as structs with `#[derive(FromRow)]`, as tuples, or as another [`FromRow`](crate::FromRow).
    ///
    /// Columns are looked for once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let squares: Vec<(i32, i32)> = conn.query_as("SELECT n, n * n FROM generate_series(1, 3) AS n", ()).await?;
    /// assert_eq!(squares, [(1, 1), (2, 4), (3, 9)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query`](Self::query), and a row cannot be read as a `T`; the statement has been run then.
    pub async fn query_as<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Vec<T>> {
        self.query(sql, params).await?.read_all()
    }

    /// Runs a statement that gives exactly one row, and reads it.
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and any other number of rows.
    pub async fn query_one_as<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<T> {
        self.query_one(sql, params).await?.read()
    }

    /// Runs a statement that gives one row or none, and reads it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let found: Option<(i32, String)> = conn.query_opt_as("SELECT 1, 'ann' WHERE $1", (false,)).await?;
    /// assert_eq!(found, None);
    /// let (id, name): (i32, String) = conn.query_one_as("SELECT 1, 'ann'", ()).await?;
    /// assert_eq!((id, name.as_str()), (1, "ann"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and more than one row.
    pub async fn query_opt_as<T: FromRowOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params).await?;
        row.map(|row| row.read()).transpose()
    }

    /// Runs a statement that gives one row of one column, and reads the value.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let count: i64 = conn.query_scalar("SELECT count(*) FROM users WHERE age > $1", (18,)).await?;
    /// let oldest = conn.query_scalar::<Option<i32>>("SELECT max(age) FROM users", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_one`](Self::query_one), and any other number of columns, or the value cannot be read as a `T`: a NULL only as
    /// an `Option`. The statement has been run then.
    pub async fn query_scalar<T: FromSqlOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<T> {
        self.query_one(sql, params).await?.scalar()
    }

    /// Runs a statement that gives one row of one column, or none, and reads the value.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let name: Option<String> = conn.query_scalar_opt("SELECT 'ann' WHERE $1", (false,)).await?;
    /// assert_eq!(name, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_scalar`](Self::query_scalar), but for no row.
    pub async fn query_scalar_opt<T: FromSqlOwned>(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params).await?;
        row.map(|row| row.scalar()).transpose()
    }

    /// Runs a statement and gives its rows as they arrive, in bounded memory.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut stream = conn.query_stream("SELECT id FROM big_table", ()).await?;
    /// while let Some(row) = stream.next().await {
    ///     println!("{}", row?.get::<i64>("id")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A parameter cannot be sent, or the connection is closed or lost. The server's errors come from the stream.
    pub async fn query_stream(
        &mut self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<AsyncRowStream<'_>> {
        let limit = self.core.operation_limit();
        self.stream(sql, &params, limit).await
    }

    /// Asks what a statement takes and gives, without running it, and has it prepared on the server.
    ///
    /// The [`Statement`] is used in the place of its text, as often as one likes. This is for those who want to know the types: a
    /// statement that is used often is prepared by itself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let add = conn.prepare("SELECT $1::int4 + $2").await?;
    /// for number in 1..4 {
    ///     let sum: i32 = conn.query_scalar(&add, (number, 10)).await?;
    ///     assert_eq!(sum, number + 10);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, also if it cannot tell the type of a parameter; or the connection is closed or lost, or one for replication, on
    /// which nothing can be prepared.
    pub async fn prepare(&mut self, sql: &str) -> Result<Statement> {
        self.bounded().ask_about(sql, true).await
    }

    /// Asks what a statement takes and gives, without running it, as [`prepare`](Self::prepare), and leaves nothing prepared: for
    /// tools that look at many statements once.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let statement = conn.describe("SELECT id, name FROM users WHERE age > $1").await?;
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
    pub async fn describe(&mut self, sql: &str) -> Result<Statement> {
        self.bounded().ask_about(sql, false).await
    }

    /// Runs a statement once for each of `items`, without waiting for the answers; tells how many rows were changed or given.
    ///
    /// All is done or nothing: outside of a transaction the server runs them as one; within one, an error leaves it failed.
    /// Memory is bounded, however many items there are: each is encoded when it has its turn, and results are not kept.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let people = [(1, "ann"), (2, "bob")];
    /// conn.execute_many("INSERT INTO users (id, name) VALUES ($1, $2)", people).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](crate::Error::item) tells which it was. A COPY cannot be run.
    pub async fn execute_many<I>(&mut self, sql: &str, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: ToParams>,
    {
        let watch = self.core.known.watch(sql);
        let mut session = self.bounded();
        watch
            .over(session.run_many(Wanted::Count, sql, items))
            .await
    }

    /// Runs several statements with parameters of their own, without waiting for the answers; gives the result of each.
    ///
    /// All is done or nothing, as for [`execute_many`](Self::execute_many). Only before a statement with parameters that this
    /// connection has not run before, the answers so far are waited for.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut batch = howdah::Batch::new();
    /// batch
    ///     .add("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1))
    ///     .add("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2))
    ///     .add("SELECT sum(money) FROM accounts", ());
    /// let results = conn.batch(&batch).await?;
    /// println!("{}", results[2].row(0).expect("a row").get::<i64>(0)?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](crate::Error::item) tells which statement it was. A COPY cannot be run.
    pub async fn batch(&mut self, batch: &Batch<'_>) -> Result<Vec<Rows>> {
        let watch = self.core.known.watch_all(batch.texts());
        let mut session = self.bounded();
        let ended = watch.over(session.run_batch(batch)).await;
        let (_, results) = ended.map_err(|error| error.in_one_of(batch))?;
        let mut finished = session.core.known.rows_of(results);
        session
            .attach_types(&mut finished.results, &finished.unknown)
            .await?;
        Ok(finished.results)
    }

    /// Opens a block within the running transaction that can be undone by itself; dropping it has it undone by the next
    /// operation. Blocks nest.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// let mut attempt = tx.savepoint().await?;
    /// match attempt.execute("INSERT INTO users (name) VALUES ($1)", ("ann",)).await {
    ///     Ok(_) => attempt.release().await?,
    ///     Err(_) => attempt.rollback().await?,
    /// }
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No transaction is running, and the connection is in autocommit; or the transaction has failed, or the connection is
    /// closed or lost.
    pub async fn savepoint(&mut self) -> Result<AsyncSavepoint<'_>> {
        AsyncSavepoint::open(self).await
    }

    /// The notifications, as they come: a stream that ends when `timeout` has passed since this call, or never.
    ///
    /// Notifications that came while no handler was there are not lost: they come first. While a transaction is running the
    /// server holds them back.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// conn.execute("LISTEN mychan", ()).await?;
    /// let mut notifies = conn.notifies(None);
    /// while let Some(notify) = notifies.next().await {
    ///     println!("{:?}", notify?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn notifies(&mut self, timeout: Option<Duration>) -> AsyncNotifies<'_> {
        AsyncNotifies::new(self, timeout)
    }

    /// Waits until the server has said something unasked, or has gone, while no operation is running.
    ///
    /// What it has said is seen by the next operation: a connection that was lost fails it. The future can be dropped.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// let lost = tokio::time::timeout(Duration::from_millis(1), conn.readable()).await;
    /// println!("{}", if lost.is_err() { "the server says nothing" } else { "it has said something, or has gone" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed, or the runtime is shutting down.
    pub async fn readable(&mut self) -> Result<()> {
        loop {
            self.core.check_open()?;
            poll_fn(|cx| self.link.poll_read_ready(cx))
                .await
                .map_err(|error| Error::lost(Lost::Io(error)))?;
            let mut there = false;
            self.link.attempt(Interest::READABLE, |socket| {
                there = !matches!(socket.wait(true, false, Duration::ZERO), Ok(Waited::NotYet));
                there
            });
            if there {
                return Ok(());
            }
        }
    }

    /// Runs a statement whose rows are handed out as they arrive.
    pub(super) async fn stream(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
        limit: Option<Limit>,
    ) -> Result<AsyncRowStream<'_>> {
        let mut watch = self.core.known.watch(sql);
        let mut session = self.bounded_by(limit);
        let begun = watch.beside(session.begin_stream(sql, params)).await;
        drop(session);
        let (id, first) = begun.inspect_err(|error| watch.failed(error))?;
        Ok(AsyncRowStream::new(self, id, first, watch))
    }

    /// Runs a statement of the driver's own, if there is one to run.
    pub(super) async fn control(
        &mut self,
        statement: impl FnOnce(&Core) -> Option<String>,
    ) -> Result<()> {
        let Some(sql) = statement(&self.core) else {
            return Ok(());
        };
        let watch = self.core.known.watch(&sql);
        let outcome = watch
            .over(self.bounded().perform(|core| core.queue_control(&sql)))
            .await?;
        self.core.known.control(&sql, outcome)
    }

    /// Does something with the core when the connection is at rest.
    async fn with_core<T>(&mut self, work: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
        self.settle().await?;
        work(&mut self.core)
    }

    /// One exchange, from its queueing to its outcome.
    pub(super) async fn perform(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<Outcome> {
        self.begin(queue).await?;
        self.run_exchange().await
    }

    pub(super) fn known(&self) -> &Known {
        &self.core.known
    }

    fn note_statements(&mut self) {
        self.core.note_block();
    }

    /// Brings the connection to rest, then queues an exchange.
    pub(super) async fn begin(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<ExchangeId> {
        self.enter().await?;
        queue(&mut self.core).inspect_err(|_| self.core.cancel.gate().leave())
    }

    /// Runs what was queued to its end. If this is dropped before, the statement is cancelled.
    async fn run_exchange(&mut self) -> Result<Outcome> {
        let running = Running(self);
        poll_fn(|cx| {
            loop {
                if let Some(outcome) = ready!(running.0.poll_exchange(cx))? {
                    return Poll::Ready(Ok(outcome));
                }
            }
        })
        .await
    }

    /// One turn of the running exchange; its outcome when it is over.
    pub(super) fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Outcome>>> {
        self.poll_until(Until::Idle, cx)
    }

    /// The same, which is over when something else has happened as well.
    pub(super) fn poll_until(
        &mut self,
        until: Until,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Outcome>>> {
        let ended = ready!(self.poll_step(until, cx))?;
        if ended.is_some() {
            self.core.cancel.gate().leave();
        }
        Poll::Ready(Ok(ended))
    }

    /// One turn; what has been answered, if anything has.
    pub(super) fn poll_step(
        &mut self,
        until: Until,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Outcome>>> {
        let step = ready!(self.poll_bounded(until, cx))?;
        Poll::Ready(self.take_step(Ok(step)))
    }

    /// Hands out one message that has been received already; tells whether there was any.
    pub(super) fn hand_out_message(&mut self) -> Result<bool> {
        match hand_out(&mut self.core.session, Until::Heard, Instant::now()) {
            Ok(None) => Ok(false),
            step => {
                let step = step.map(|step| step.unwrap_or(Step::Interrupted));
                self.take_step(step).map(|_| true)
            }
        }
    }

    /// Takes in what has come, without waiting: a server that has gone is seen.
    pub(super) fn hear(&mut self) -> Result<()> {
        for _ in 0..LOOKS {
            let received = self.receive_now()?;
            while self.hand_out_message()? {}
            if !received || self.core.session.backlog.is_filling() {
                break;
            }
        }
        Ok(())
    }

    /// Receives once, whether or not tokio has heard that there is anything.
    pub(super) fn receive_now(&mut self) -> Result<bool> {
        try_receive(&mut self.core.session, &self.link.socket).map_err(|lost| self.lose(lost))
    }

    /// Does what a step asks for; gives what has been answered.
    pub(super) fn take_step(
        &mut self,
        step: std::result::Result<Step, Lost>,
    ) -> Result<Option<Outcome>> {
        let delivered = match step {
            Ok(Step::Ended(_, outcome)) => {
                self.core.note(&outcome);
                return Ok(Some(*outcome));
            }
            Ok(Step::Notice(notice)) => {
                self.core.messages.deliver_notice(notice);
                Ok(())
            }
            Ok(Step::Notification(notification)) => self.core.deliver_notification(notification),
            Ok(Step::SendCancel) => {
                self.send_cancel();
                Ok(())
            }
            Ok(Step::Done | Step::TimedOut | Step::Interrupted) => Ok(()),
            Err(lost) => Err(lost),
        };
        delivered.map_err(|lost| self.lose(lost)).map(|()| None)
    }

    /// Leaves a running exchange to the next operation, and has it cancelled meanwhile.
    pub(super) fn detach(&mut self) {
        if self.core.is_closed() || self.core.is_settled() {
            return;
        }
        // What is still to be sent, or has come, is left to the next operation: it waits anyway.
        let _ = flush(&mut self.core.session, &self.link.socket);
        let _ = self.hand_out_message();
    }

    /// Sends the rollback that is owed, where nothing else is under way: what the transaction has locked is not to wait for the next
    /// operation, which may come late. That one takes the answer.
    pub(super) fn send_rollback(&mut self) {
        if self.core.is_closed() || !self.core.cancel.gate().try_enter() {
            return;
        }
        self.core.session.cancel_and_drain(Instant::now());
        let _ = self.hand_out_message();
        if self.core.is_closed() {
            return;
        }
        // What the socket does not take now goes with the next operation.
        let _ = flush(&mut self.core.session, &self.link.socket);
        if self.core.session.is_settled() {
            // There was nothing to be rolled back.
            self.core.cancel.gate().leave();
        }
    }
}

operations!(AsyncSession);

impl AsyncSession<[(); 0]> {
    pub(super) fn new(core: Core, link: Watched) -> Self {
        Self {
            core,
            link,
            timer: Timer::default(),
            given_up: None,
            _size: [],
        }
    }
}

impl<Size: ?Sized> AsyncSession<Size> {
    /// Sends a cancel request in the background.
    pub(super) fn send_cancel(&self) {
        // Without a runtime the statement can only end by itself.
        let deadline = self.core.cancel_deadline();
        self.core.cancel.cancel_in_background(deadline);
    }

    /// Notes that a cancel request has ended, if it has; tells whether it has.
    pub(super) fn poll_cancel_ended(&mut self, cx: &mut Context<'_>) -> bool {
        let ended = self.core.session.is_cancel_in_flight()
            && self.core.cancel.gate().poll_free(cx).is_ready();
        if ended {
            self.core.session.cancel_request_ended();
        }
        ended
    }

    /// The connection is lost.
    pub(super) fn lose(&mut self, lost: Lost) -> Error {
        self.link.socket.shut_down();
        self.core.lost_by(lost)
    }

    pub(super) fn hang_up(&mut self) {
        let socket = &self.link.socket;
        if self.core.close() {
            // The server also notices when the socket closes.
            let _ = socket.send_now(self.core.session.outgoing());
        }
        socket.shut_down();
    }
}

shared_methods!(AsyncSession, link.socket);

impl<Size: ?Sized> Drop for AsyncSession<Size> {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// An exchange that is waited for.
pub(super) struct Running<'a>(pub(super) &'a mut AsyncSession);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.detach();
    }
}
