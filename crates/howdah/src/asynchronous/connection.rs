//! The connection for tokio.

use std::fmt;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_types::ToSql;
use tokio::io::Interest;

use super::connect::connect;
use super::turn::poll_turn;
use super::watch::Watched;
use super::{AsyncNotifies, AsyncRowStream, AsyncTransaction};
use crate::core::info::Info;
use crate::core::{Core, Mode, shared_methods};
use crate::error::{Error, Result};
use crate::row::{Row, Rows};
use howdah_net::drive::{Lost, Step, Until, flush, hand_out};
use howdah_net::socket::Waited;

/// A connection to a PostgreSQL server, for tokio.
///
/// It has the methods of [`Connection`](crate::Connection), to be awaited. They are to be used on a tokio runtime with I/O
/// and time enabled, as `#[tokio::main]` makes it; there is no task behind the connection.
///
/// **A future may be dropped at any time.** The statement that it ran is then cancelled on the server, in the background,
/// and the next operation waits until that has happened and the server is ready: 10 seconds at most, or the connection is
/// closed. As after an error, a transaction has then failed and is to be rolled back. Whether a `COMMIT` that was dropped
/// has happened is unknown.
///
/// ```no_run
/// use howdah::AsyncConnection;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), howdah::Error> {
///     let mut conn = AsyncConnection::connect("host=localhost dbname=test user=postgres").await?;
///     conn.execute("CREATE TEMP TABLE test (num integer, data text)", &[]).await?;
///     conn.execute("INSERT INTO test VALUES ($1, $2)", &[&100, &"abc'def"]).await?;
///     for row in conn.query("SELECT num, data FROM test", &[]).await? {
///         println!("{} {}", row.get::<i32>(0)?, row.get::<&str>(1)?);
///     }
///     conn.commit().await
/// }
/// ```
pub struct AsyncConnection {
    pub(super) core: Core,
    pub(super) link: Watched,
}

impl AsyncConnection {
    /// Connects to a server, as [`Connection::connect`](crate::Connection::connect); names are resolved without blocking.
    ///
    /// # Errors
    /// `conninfo` is wrong; or no server could be reached or let the session start: the text then lists every attempt.
    pub async fn connect(conninfo: &str) -> Result<Self> {
        let (core, link) = connect(conninfo).await?;
        Ok(Self { core, link })
    }

    /// Runs a statement; tells how many rows it has changed or given, 0 for one that does not count.
    ///
    /// # Errors
    /// The server's, or a parameter cannot be sent, or the connection is closed or lost.
    pub async fn execute(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<u64> {
        let queue = |core: &mut Core| core.queue(sql, params, Mode::Usual);
        self.perform(queue, Core::finish_count).await
    }

    /// Runs a statement and gives its result, with all rows received.
    ///
    /// Types made by users that this connection has not met before are looked up, by one statement more: see
    /// [`rust_types`](crate::rust_types).
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Rows> {
        let queue = |core: &mut Core| core.queue(sql, params, Mode::Usual);
        let mut rows = self.perform(queue, Core::finish_rows).await?;
        self.meet_types(std::slice::from_mut(&mut rows)).await?;
        Ok(rows)
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and any other number of rows.
    pub async fn query_one(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Row> {
        self.query(sql, params).await?.exactly_one()
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and more than one row.
    pub async fn query_opt(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Option<Row>> {
        self.query(sql, params).await?.at_most_one()
    }

    /// Runs a statement and gives its rows as they arrive, in bounded memory.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut stream = conn.query_stream("SELECT id FROM big_table", &[]).await?;
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
        params: &[&dyn ToSql],
    ) -> Result<AsyncRowStream<'_>> {
        let id = self
            .begin(|core| core.queue(sql, params, Mode::Once))
            .await?;
        Ok(AsyncRowStream::new(self, id))
    }

    /// Runs a text of any number of statements without parameters; gives the result of each.
    ///
    /// In autocommit the server runs them in one transaction. When one fails, those after it are not run.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_script(&mut self, sql: &str) -> Result<Vec<Rows>> {
        let mut results = self
            .perform(|core| core.queue_script(sql), Core::finish_all)
            .await?;
        self.meet_types(&mut results).await?;
        Ok(results)
    }

    /// Chooses whether each statement is a transaction of its own. At first it is not.
    ///
    /// # Errors
    /// A transaction is running.
    pub async fn set_autocommit(&mut self, on: bool) -> Result<()> {
        self.settle().await?;
        self.core.set_autocommit(on)
    }

    /// Commits the running transaction; does nothing where there is none.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back; or it cannot be committed, as a deferred
    /// constraint is violated; or this is within a [`transaction`](Self::transaction) block. If the connection is lost,
    /// it is not known whether the server has committed.
    pub async fn commit(&mut self) -> Result<()> {
        self.core.check_outside("commit")?;
        self.settle().await?;
        self.control(Core::commit_statement).await
    }

    /// Rolls the running transaction back; does nothing where there is none.
    ///
    /// # Errors
    /// The connection is closed or lost, or this is within a [`transaction`](Self::transaction) block.
    pub async fn rollback(&mut self) -> Result<()> {
        self.core.check_outside("rollback")?;
        self.settle().await?;
        self.control(Core::rollback_statement).await
    }

    /// Opens a block that is committed or rolled back as a whole; dropping it rolls it back with the next operation.
    ///
    /// Where no transaction is running it is one, in autocommit as well; else it is a savepoint. Blocks nest.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut block = conn.transaction().await?;
    /// block.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", &[&10, &1]).await?;
    /// block.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", &[&10, &2]).await?;
    /// block.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost, or the savepoint cannot be made.
    pub async fn transaction(&mut self) -> Result<AsyncTransaction<'_>> {
        AsyncTransaction::open(self).await
    }

    /// Runs `work` in a [`transaction`](Self::transaction) block: commits if it ends well, rolls back if it fails.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// conn.with_transaction(async |conn| {
    ///     conn.execute("DELETE FROM queue WHERE id = $1", &[&1]).await?;
    ///     conn.execute("INSERT INTO done (id) VALUES ($1)", &[&1]).await
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `work`, and of the block.
    pub async fn with_transaction<T, E: From<Error>>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut block = self.transaction().await?;
        match work(&mut block).await {
            Ok(value) => {
                block.commit().await?;
                Ok(value)
            }
            Err(error) => {
                block.rollback().await?;
                Err(error)
            }
        }
    }

    /// The notifications, as they come: a stream that ends when `timeout` has passed since this call, or never.
    ///
    /// Notifications that came while no handler was there are not lost: they come first. Use autocommit, or the server
    /// holds them back until the transaction ends.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// conn.set_autocommit(true).await?;
    /// conn.execute("LISTEN mychan", &[]).await?;
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

    /// Closes the connection; a running transaction is rolled back by the server. Dropping it does the same.
    pub async fn close(&mut self) {
        self.hang_up();
    }

    /// Runs a statement of the driver's own, if there is one to run.
    pub(super) async fn control(
        &mut self,
        statement: impl FnOnce(&Core) -> Option<String>,
    ) -> Result<()> {
        let Some(sql) = statement(&self.core) else {
            return Ok(());
        };
        self.perform(
            |core| core.queue_control(&sql),
            |core, outcome| core.finish_control(&sql, outcome),
        )
        .await
    }

    /// Looks up the types made by users that these results are the first to have.
    async fn meet_types(&mut self, results: &mut [Rows]) -> Result<()> {
        let Some(oids) = self.core.unmet_types(results) else {
            return Ok(());
        };
        self.perform(
            |core| core.queue_lookup(&oids),
            |core, outcome| core.finish_lookup(&oids, outcome),
        )
        .await?;
        self.core.introduce_types(results);
        Ok(())
    }

    /// One exchange, from its queueing to its outcome.
    pub(super) async fn perform<T>(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
        finish: impl FnOnce(&mut Core, Outcome) -> Result<T>,
    ) -> Result<T> {
        self.begin(queue).await?;
        let outcome = self.run().await?;
        finish(&mut self.core, outcome)
    }

    /// Brings the connection to rest, then queues an exchange.
    async fn begin(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<ExchangeId> {
        self.settle().await?;
        while !self.core.cancel.gate().try_enter() {
            poll_fn(|cx| self.core.cancel.gate().poll_free(cx)).await;
        }
        queue(&mut self.core).inspect_err(|_| self.core.cancel.gate().leave())
    }

    /// Runs what was queued to its end. If this is dropped before, the statement is cancelled.
    async fn run(&mut self) -> Result<Outcome> {
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
        let ended = ready!(self.poll_step(Until::Idle, cx))?;
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
        let turn = ready!(poll_turn(&mut self.core.session, &self.link, until, cx));
        let step = turn.map(|step| step.unwrap_or(Step::Interrupted));
        Poll::Ready(self.take_step(step))
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

    /// Does what a step asks for; gives what has been answered.
    fn take_step(&mut self, step: std::result::Result<Step, Lost>) -> Result<Option<Outcome>> {
        let delivered = match step {
            Ok(Step::Ended(_, outcome)) => return Ok(Some(outcome)),
            Ok(Step::Notice(notice)) => {
                self.core.messages.deliver_notice(notice);
                Ok(())
            }
            Ok(Step::Notification(notification)) => self.core.deliver_notification(notification),
            Ok(Step::SendCancel) => {
                // Without a runtime the statement can only end by itself.
                self.core.cancel.cancel_in_background();
                Ok(())
            }
            Ok(Step::Done | Step::TimedOut | Step::Interrupted) => Ok(()),
            Err(lost) => Err(lost),
        };
        delivered.map_err(|lost| self.lose(lost)).map(|()| None)
    }

    /// The connection is lost.
    pub(super) fn lose(&mut self, lost: Lost) -> Error {
        self.link.socket.shut_down();
        self.core.lost_by(lost)
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

    /// Fails if the connection is closed; ends what an earlier operation has left.
    ///
    /// It takes the session's bound at most, after which the connection is lost.
    pub(super) async fn settle(&mut self) -> Result<()> {
        self.core.check_open()?;
        if self.core.is_settled() {
            return Ok(());
        }
        while !self.core.session.is_settled() {
            let timer = self.core.session.poll_timeout();
            let step = poll_fn(|cx| self.poll_settling(cx));
            match timer {
                // A timer that fires has the session look at the time.
                Some(timer) => match tokio::time::timeout_at(timer.into(), step).await {
                    Ok(turned) => turned?,
                    Err(_) => self.hand_out_message().map(drop)?,
                },
                None => step.await?,
            }
        }
        self.core.recovered();
        Ok(())
    }

    /// One turn of coming to rest.
    fn poll_settling(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.core.session.is_cancel_in_flight()
            && self.core.cancel.gate().poll_free(cx).is_ready()
        {
            self.core.session.cancel_request_ended();
            return Poll::Ready(Ok(()));
        }
        self.poll_step(Until::Idle, cx).map_ok(drop)
    }

    fn hang_up(&mut self) {
        let socket = &self.link.socket;
        if self.core.close() {
            // The server also notices when the socket closes.
            let _ = socket.send_now(self.core.session.outgoing());
        }
        socket.shut_down();
    }
}

shared_methods!(AsyncConnection);

/// An exchange that is waited for.
struct Running<'a>(&'a mut AsyncConnection);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.detach();
    }
}

impl Drop for AsyncConnection {
    fn drop(&mut self) {
        self.hang_up();
    }
}

impl AsFd for AsyncConnection {
    /// The socket, by a descriptor that tokio does not know yet, so that you can register it with any event loop to wait
    /// for what the server says while nothing is running. Do not read from it or write to it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.link.socket.as_fd()
    }
}

impl fmt::Debug for AsyncConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = Info::new(&self.core.facts, self.core.session.connection());
        f.debug_struct("AsyncConnection")
            .field("closed", &self.core.is_closed())
            .field("info", &info)
            .finish_non_exhaustive()
    }
}
