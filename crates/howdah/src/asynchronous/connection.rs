//! The connection for tokio.

use std::fmt;
use std::future::poll_fn;
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use howdah_types::ToSql;
use tokio::io::Interest;

use super::connect::connect;
use super::turn::poll_turn;
use super::watch::Watched;
use super::{AsyncNotifies, AsyncRowStream, AsyncTransaction};
use crate::core::info::Info;
use crate::core::{Core, Mode, Patience, shared_methods};
use crate::error::{Error, Result};
use crate::row::{Row, Rows};
use howdah_net::drive::{Lost, Step, Until, hand_out};
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
        self.begin(|core| core.queue(sql, params, Mode::Once))
            .await?;
        Ok(AsyncRowStream::new(self))
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
        let status = self.core.status();
        self.core.transactions.set_autocommit(on, status)
    }

    /// Commits the running transaction; does nothing where there is none.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back; or it cannot be committed, as a deferred
    /// constraint is violated; or this is within a [`transaction`](Self::transaction) block. If the connection is lost,
    /// it is not known whether the server has committed.
    pub async fn commit(&mut self) -> Result<()> {
        self.core.transactions.check_outside("commit")?;
        self.settle().await?;
        self.control(Core::commit_statement).await
    }

    /// Rolls the running transaction back; does nothing where there is none.
    ///
    /// # Errors
    /// The connection is closed or lost, or this is within a [`transaction`](Self::transaction) block.
    pub async fn rollback(&mut self) -> Result<()> {
        self.core.transactions.check_outside("rollback")?;
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
            |core| core.finish_control(&sql),
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
            |core| core.finish_lookup(&oids),
        )
        .await?;
        self.core.introduce_types(results);
        Ok(())
    }

    /// One exchange, from its queueing to its outcome.
    pub(super) async fn perform<T>(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<()>,
        finish: impl FnOnce(&mut Core) -> Result<T>,
    ) -> Result<T> {
        self.begin(queue).await?;
        self.run().await?;
        finish(&mut self.core)
    }

    /// Brings the connection to rest, then queues an exchange.
    async fn begin(&mut self, queue: impl FnOnce(&mut Core) -> Result<()>) -> Result<()> {
        self.settle().await?;
        while !self.core.cancel.gate().try_enter() {
            poll_fn(|cx| self.core.cancel.gate().poll_free(cx)).await;
        }
        queue(&mut self.core).inspect_err(|_| self.core.cancel.gate().leave())
    }

    /// Runs what was queued to its end. If this is dropped before, the statement is cancelled.
    async fn run(&mut self) -> Result<()> {
        let running = Running(self);
        poll_fn(|cx| {
            while !ready!(running.0.poll_exchange(cx))? {}
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// One turn of the running exchange; `true` when it is over.
    pub(super) fn poll_exchange(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let over = ready!(self.poll_step(Until::Answered, cx))?;
        if over {
            self.core.cancel.gate().leave();
        }
        Poll::Ready(Ok(over))
    }

    /// One turn; `true` when there is no more to do.
    pub(super) fn poll_step(&mut self, until: Until, cx: &mut Context<'_>) -> Poll<Result<bool>> {
        let turn = ready!(poll_turn(&mut self.core.session, &self.link, until, cx));
        Poll::Ready(match turn {
            Ok(Some(step)) => Ok(self.deliver(step)),
            Ok(None) => Ok(false),
            Err(lost) => Err(self.lose(lost)),
        })
    }

    /// Hands out one message that has been received already; tells whether there was any.
    pub(super) fn hand_out_message(&mut self) -> Result<bool> {
        match hand_out(&mut self.core.session, Until::Heard) {
            Ok(None) => Ok(false),
            Ok(Some(step)) => {
                self.deliver(step);
                Ok(true)
            }
            Err(lost) => Err(self.lose(lost)),
        }
    }

    /// Hands out what came beside the results; tells whether it is the end.
    fn deliver(&mut self, step: Step) -> bool {
        match step {
            Step::Done => return true,
            Step::Notice(notice) => self.core.messages.deliver_notice(notice),
            Step::Notification(notify) => self.core.messages.deliver_notification(&notify),
            Step::TimedOut | Step::Interrupted => {}
        }
        false
    }

    /// The connection is lost.
    pub(super) fn lose(&mut self, lost: Lost) -> Error {
        self.link.socket.shut_down();
        self.core.lost_by(lost)
    }

    /// Fails if the connection is closed; ends what an earlier operation has left.
    pub(super) async fn settle(&mut self) -> Result<()> {
        self.core.check_open()?;
        if self.core.is_settled() {
            return Ok(());
        }
        self.call_off().await?;
        if let Some(sql) = self.core.owed_statement() {
            self.core.queue_control(&sql)?;
            self.run().await?;
            self.core.finish()?;
        }
        self.core.transactions.paid();
        Ok(())
    }

    /// Leaves a running exchange to the next operation, and has it cancelled meanwhile.
    pub(super) fn abandon(&mut self) {
        if !self.core.session.is_idle() && !self.core.is_closed() {
            self.core.called_off = self.core.cancel.cancel_in_background();
        }
    }

    /// Has what is running cancelled, and throws its results away; a server that does not obey loses the connection.
    async fn call_off(&mut self) -> Result<()> {
        if self.core.session.is_idle() {
            return Ok(());
        }
        let mut patience = Patience::new();
        // What is not with the server yet cannot be cancelled there.
        let mut until = Until::Sent;
        if self.core.called_off {
            poll_fn(|cx| self.core.cancel.gate().poll_free(cx)).await;
            until = Until::Answered;
        }
        while let Some(deadline) = patience.next_deadline() {
            if self.drain(until, deadline).await? && until == Until::Answered {
                self.core.recovered();
                return Ok(());
            }
            // If it cannot be sent, the statement may still end by itself.
            let _ = self.core.cancel.cancel_async().await;
            until = Until::Answered;
        }
        self.link.socket.shut_down();
        Err(self.core.lost(Error::drain_timeout()))
    }

    /// Throws away what comes, until the deadline; tells whether the exchange came so far before.
    async fn drain(&mut self, until: Until, deadline: Instant) -> Result<bool> {
        let drained = poll_fn(|cx| {
            loop {
                let over = ready!(self.poll_step(until, cx))?;
                self.core.discard();
                if over {
                    return Poll::Ready(Ok(()));
                }
            }
        });
        match tokio::time::timeout_at(deadline.into(), drained).await {
            Ok(ended) => ended.map(|()| true),
            Err(_) => Ok(false),
        }
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
        self.0.abandon();
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
