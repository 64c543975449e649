//! The connection for tokio.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::connect::connect;
use super::transaction::Source;
use super::{AsyncClient, AsyncSession, AsyncTransaction, AsyncTransactionBuilder};
use crate::config::Config;
use crate::core::Core;
use crate::error::{Error, Result};
use howdah_net::lend_descriptor;

/// A connection to a PostgreSQL server, for tokio.
///
/// It has the methods of [`Connection`](crate::Connection), to be awaited; statements are run by those of [`AsyncSession`].
/// They are to be used on a tokio runtime with I/O and time enabled, as `#[tokio::main]` makes it; there is no task behind the
/// connection. [`into_client`](Self::into_client) makes it one that many tasks use at once.
///
/// **A future may be dropped at any time.** The statement that it ran is then cancelled on the server, in the background,
/// and the next operation waits until that has happened and the server is ready: for
/// [`cancel_timeout`](AsyncSession::cancel_timeout) at most, or the connection is closed. As after an error, a transaction has
/// then failed and is to be rolled back. Whether a `COMMIT` that was dropped has happened is unknown.
///
/// ```no_run
/// use howdah::AsyncConnection;
///
/// #[tokio::main(flavor = "current_thread")]
/// async fn main() -> Result<(), howdah::Error> {
///     let mut conn = AsyncConnection::connect("host=localhost dbname=test user=postgres").await?;
///     conn.execute("CREATE TEMP TABLE test (num integer, data text)", ()).await?;
///     conn.execute("INSERT INTO test VALUES ($1, $2)", (100, "abc'def")).await?;
///     for row in conn.query("SELECT num, data FROM test", ()).await? {
///         println!("{} {}", row.get::<i32>(0)?, row.get::<&str>(1)?);
///     }
///     Ok(())
/// }
/// ```
pub struct AsyncConnection {
    session: AsyncSession<[(); 0]>,
}

impl Config {
    /// Connects, as [`AsyncConnection::connect`].
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// let mut config = howdah::Config::new();
    /// config.application_name("shop");
    /// let conn = config.connect_async().await?;
    /// assert_eq!(conn.info().parameter("application_name"), Some("shop"));
    /// let client = config.connect_client().await?;
    /// assert!(!client.is_closed());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_async(&self) -> Result<AsyncConnection> {
        let (core, link) = connect(self).await?;
        Ok(AsyncConnection {
            session: AsyncSession::new(core, link),
        })
    }

    /// Connects, as [`AsyncClient::connect`].
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_client(&self) -> Result<AsyncClient> {
        Ok(self.connect_async().await?.into_client())
    }
}

impl AsyncConnection {
    /// Connects to a server, as [`Connection::connect`](crate::Connection::connect); names are resolved without blocking.
    ///
    /// # Errors
    /// `conninfo` is wrong; or no server could be reached or let the session start: the text then lists every attempt.
    pub async fn connect(conninfo: &str) -> Result<Self> {
        conninfo.parse::<Config>()?.connect_async().await
    }

    /// Opens a transaction; dropping it without a commit has the next operation roll it back.
    ///
    /// Its `BEGIN` goes with its first statement. Within it [`savepoint`](AsyncSession::savepoint) opens a block that can be
    /// rolled back by itself.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut tx = conn.transaction().await?;
    /// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1)).await?;
    /// tx.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2)).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The connection cannot be taken out of it:
    ///
    /// ```compile_fail,E0277
    /// # use howdah::{AsyncConnection, Error};
    /// # async fn both(one: &mut AsyncConnection, other: &mut AsyncConnection) -> Result<(), Error> {
    /// let (mut one, mut other) = (one.transaction().await?, other.transaction().await?);
    /// std::mem::swap(&mut *one, &mut *other);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A transaction is running, begun by a `BEGIN` or by the first statement without [autocommit](Self::set_autocommit): a
    /// block in it could not promise that its commit is one. Or the connection is closed or lost.
    pub async fn transaction(&mut self) -> Result<AsyncTransaction<'_>> {
        self.build_transaction().start().await
    }

    /// A transaction of which more is said before it is opened: its isolation level, that nothing is written.
    ///
    /// ```no_run
    /// use howdah::IsolationLevel;
    ///
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let report = conn.build_transaction().isolation(IsolationLevel::Serializable).read_only(true).deferrable(true);
    /// let mut tx = report.start().await?;
    /// let total = tx.query_one("SELECT sum(money) FROM accounts", ()).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build_transaction(&mut self) -> AsyncTransactionBuilder<'_> {
        AsyncTransactionBuilder::new(Source::Own(self))
    }

    /// Runs `work` in a [`transaction`](Self::transaction), once: commits if it ends well, rolls back if it fails.
    ///
    /// [`AsyncTransactionBuilder::run`] runs it again if other transactions were in the way.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// conn.with_transaction(async |tx| {
    ///     tx.execute("DELETE FROM queue WHERE id = $1", (1,)).await?;
    ///     tx.execute("INSERT INTO done (id) VALUES ($1)", (1,)).await
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `work`, of [`transaction`](Self::transaction), and of the commit.
    pub async fn with_transaction<T, E: From<Error>>(
        &mut self,
        work: impl AsyncFnOnce(&mut AsyncTransaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut tx = self.transaction().await?;
        let done = work(&mut tx).await;
        tx.end(done).await.0
    }

    /// Chooses whether each statement is a transaction of its own, as it is at first.
    ///
    /// Where it is not, the first statement begins a transaction, which [`commit`](Self::commit) or
    /// [`rollback`](Self::rollback) ends; closing the connection rolls it back.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// conn.set_autocommit(false).await?;
    /// conn.execute("CREATE TEMP TABLE kept (n int4)", ()).await?;
    /// conn.commit().await?;
    /// conn.execute("DROP TABLE kept", ()).await?;
    /// conn.rollback().await?;
    /// assert_eq!(conn.query_scalar::<i64>("SELECT count(*) FROM kept", ()).await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A transaction is running.
    pub async fn set_autocommit(&mut self, on: bool) -> Result<()> {
        self.bounded().settle().await?;
        self.core.set_autocommit(on)
    }

    /// Commits the running transaction, of a connection without autocommit or of a `BEGIN`; does nothing where there is none.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back; or it cannot be committed, as a deferred
    /// constraint is violated. If the connection is lost, it is not known whether the server has committed.
    pub async fn commit(&mut self) -> Result<()> {
        let mut session = self.bounded();
        session.settle().await?;
        session.core.check_outside()?;
        session.control(Core::commit_statement).await
    }

    /// Rolls the running transaction back; does nothing where there is none.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(&mut self) -> Result<()> {
        let mut session = self.bounded();
        session.settle().await?;
        session.core.forget_blocks();
        session.control(Core::rollback_statement).await
    }

    /// Makes it a client, whose clones use the connection at once. A transaction that is running is rolled back.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn into_client(self) -> AsyncClient {
        AsyncClient::new(Box::new(self.session))
    }

    /// Makes it ready for whoever uses it next, as a pool does: what an operation has left is ended, an open transaction rolled back,
    /// and [autocommit](Self::set_autocommit) is on. Where nothing was left, nothing is sent.
    ///
    /// Whether the server has closed the connection is found out by a look at the socket, which costs no round trip. What statements
    /// have made of the session stays (`SET`, `LISTEN`, temporary tables, advisory locks): `DISCARD ALL` ends that. So do handlers.
    /// Notifications that nobody has taken are forgotten.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// conn.execute("BEGIN", ()).await?;
    /// conn.reset().await?;
    /// assert_eq!(conn.info().transaction_status(), howdah::TransactionStatus::Idle);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost, also because it did not come to rest within its
    /// [`cancel_timeout`](AsyncSession::cancel_timeout).
    pub async fn reset(&mut self) -> Result<()> {
        self.core.check_open()?;
        self.hear()?;
        self.core.tidy();
        self.bounded().settle().await?;
        // What ended on the way may have been heard before it was waited for.
        self.core.recovered();
        self.core.session.backlog.take();
        Ok(())
    }

    /// Closes the connection; a running transaction is rolled back by the server. Dropping it does the same.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// conn.close().await;
    /// assert!(conn.is_closed());
    /// assert!(conn.execute("SELECT 1", ()).await.unwrap_err().is_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&mut self) {
        self.session.hang_up();
    }
}

impl Deref for AsyncConnection {
    type Target = AsyncSession;

    fn deref(&self) -> &AsyncSession {
        &self.session
    }
}

impl DerefMut for AsyncConnection {
    fn deref_mut(&mut self) -> &mut AsyncSession {
        &mut self.session
    }
}

lend_descriptor!(
    /// The socket, by a descriptor that tokio does not know yet, so that you can register it with any event loop to wait
    /// for what the server says while nothing is running. Do not read from it or write to it.
    AsyncConnection,
    session.link.socket
);

impl fmt::Debug for AsyncConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncConnection")
            .field("closed", &self.is_closed())
            .field("info", &self.info())
            .finish_non_exhaustive()
    }
}
