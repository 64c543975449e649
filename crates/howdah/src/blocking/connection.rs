//! The blocking connection.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::connect::connect;
use super::{Session, Transaction, TransactionBuilder};
use crate::config::Config;
use crate::core::Core;
use crate::error::{Error, Result};
use howdah_net::lend_descriptor;

/// A connection to a PostgreSQL server, for code that blocks.
///
/// Statements are run by the methods of [`Session`], which a connection has in common with [`Transaction`] and
/// [`Savepoint`](crate::Savepoint). Each is a transaction of its own; [`transaction`](Self::transaction) makes one of several.
///
/// Statements have PostgreSQL's own placeholders, `$1`, `$2`, ... One that is used often is prepared by itself.
///
/// ```no_run
/// use howdah::Connection;
///
/// # fn main() -> Result<(), howdah::Error> {
/// let mut conn = Connection::connect("host=localhost dbname=test user=postgres")?;
/// conn.execute("CREATE TEMP TABLE test (num integer, data text)", ())?;
/// conn.execute("INSERT INTO test VALUES ($1, $2)", (100, "abc'def"))?;
/// let row = conn.query_one("SELECT num, data FROM test", ())?;
/// assert_eq!(row.read::<(i32, &str)>()?, (100, "abc'def"));
/// # Ok(())
/// # }
/// ```
///
/// After an error the connection is idle, within a failed transaction, if one is running, or closed. Dropping it closes it.
pub struct Connection {
    session: Session<[(); 0]>,
}

impl Config {
    /// Connects, as [`Connection::connect`].
    ///
    /// # Errors
    /// An option is wrong, a function gave no secret, or no server could be reached or let the session start.
    pub fn connect(&self) -> Result<Connection> {
        let (core, socket) = connect(self)?;
        Ok(Connection {
            session: Session::new(core, socket),
        })
    }
}

impl Connection {
    /// Connects to a server. A [`Config`] can more: passwords that change.
    ///
    /// `conninfo` is what libpq takes: `key=value` words or a `postgresql://` URI. What it does not say comes from the
    /// environment (`PGHOST`, `PGUSER`, ...) and the password file. With several hosts they are tried in turn, each
    /// for at most `connect_timeout`.
    ///
    /// # Errors
    /// `conninfo` is wrong; or no server could be reached or let the session start: the text then lists every attempt.
    pub fn connect(conninfo: &str) -> Result<Self> {
        conninfo.parse::<Config>()?.connect()
    }

    /// Opens a transaction; dropping it without a commit, also by `?` or a panic, rolls it back.
    ///
    /// Its `BEGIN` goes with its first statement. Within it [`savepoint`](Session::savepoint) opens a block that can be rolled
    /// back by itself.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut tx = conn.transaction()?;
    /// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1))?;
    /// tx.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2))?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The connection cannot be taken out of it:
    ///
    /// ```compile_fail,E0277
    /// # fn both(one: &mut howdah::Connection, other: &mut howdah::Connection) -> Result<(), howdah::Error> {
    /// let (mut one, mut other) = (one.transaction()?, other.transaction()?);
    /// std::mem::swap(&mut *one, &mut *other);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A transaction is running, begun by a `BEGIN` or by the first statement without [autocommit](Self::set_autocommit): a
    /// block in it could not promise that its commit is one. Or the connection is closed or lost.
    pub fn transaction(&mut self) -> Result<Transaction<'_>> {
        self.build_transaction().start()
    }

    /// A transaction of which more is said before it is opened: its isolation level, that nothing is written.
    ///
    /// ```no_run
    /// use howdah::IsolationLevel;
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let report = conn.build_transaction().isolation(IsolationLevel::Serializable).read_only(true).deferrable(true);
    /// let mut tx = report.start()?;
    /// let total = tx.query_one("SELECT sum(money) FROM accounts", ())?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build_transaction(&mut self) -> TransactionBuilder<'_> {
        TransactionBuilder::new(self)
    }

    /// Runs `work` in a [`transaction`](Self::transaction), once: commits if it ends well, rolls back if it fails or panics.
    ///
    /// [`TransactionBuilder::run`] runs it again if other transactions were in the way.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.with_transaction(|tx| {
    ///     tx.execute("DELETE FROM queue WHERE id = $1", (1,))?;
    ///     tx.execute("INSERT INTO done (id) VALUES ($1)", (1,))
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `work`, of [`transaction`](Self::transaction), and of the commit.
    pub fn with_transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut tx = self.transaction()?;
        let done = work(&mut tx);
        tx.end(done).0
    }

    /// Chooses whether each statement is a transaction of its own, as it is at first.
    ///
    /// Where it is not, the first statement begins a transaction, which [`commit`](Self::commit) or
    /// [`rollback`](Self::rollback) ends; closing the connection rolls it back.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.set_autocommit(false)?;
    /// conn.execute("CREATE TEMP TABLE kept (n int4)", ())?;
    /// conn.commit()?;
    /// conn.execute("DROP TABLE kept", ())?;
    /// conn.rollback()?;
    /// assert_eq!(conn.query_scalar::<i64>("SELECT count(*) FROM kept", ())?, 0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A transaction is running.
    pub fn set_autocommit(&mut self, on: bool) -> Result<()> {
        self.bounded().settle()?;
        self.core.set_autocommit(on)
    }

    /// Commits the running transaction, of a connection without autocommit or of a `BEGIN`; does nothing where there is none.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back; or it cannot be committed, as a deferred
    /// constraint is violated. If the connection is lost, it is not known whether the server has committed.
    pub fn commit(&mut self) -> Result<()> {
        let mut session = self.bounded();
        session.settle()?;
        session.core.check_outside()?;
        session.control(Core::commit_statement)
    }

    /// Rolls the running transaction back; does nothing where there is none.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub fn rollback(&mut self) -> Result<()> {
        let mut session = self.bounded();
        session.settle()?;
        session.core.forget_blocks();
        session.control(Core::rollback_statement)
    }

    /// Makes it ready for whoever uses it next, as a pool does: what an operation has left is ended, an open transaction rolled back,
    /// and [autocommit](Self::set_autocommit) is on. Where nothing was left, nothing is sent.
    ///
    /// Whether the server has closed the connection is found out by a look at the socket, which costs no round trip. What statements
    /// have made of the session stays (`SET`, `LISTEN`, temporary tables, advisory locks): `DISCARD ALL` ends that. So do handlers.
    /// Notifications that nobody has taken are forgotten.
    ///
    /// ```no_run
    /// # fn example(conn: &mut howdah::Connection) -> Result<(), howdah::Error> {
    /// conn.execute("BEGIN", ())?;
    /// conn.reset()?;
    /// assert_eq!(conn.info().transaction_status(), howdah::TransactionStatus::Idle);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost, also because it did not come to rest within its
    /// [`cancel_timeout`](Session::cancel_timeout).
    pub fn reset(&mut self) -> Result<()> {
        self.core.check_open()?;
        self.hear()?;
        self.core.tidy();
        self.bounded().settle()?;
        // What ended on the way may have been heard before it was waited for.
        self.core.recovered();
        self.core.session.backlog.take();
        Ok(())
    }

    /// Closes the connection; a running transaction is rolled back by the server. Dropping it does the same.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.close();
    /// assert!(conn.is_closed());
    /// assert!(conn.execute("SELECT 1", ()).unwrap_err().is_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn close(&mut self) {
        self.session.close();
    }
}

impl Deref for Connection {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

lend_descriptor!(
    /// The socket, to wait for what the server says while nothing is running. Do not read from it or write to it.
    Connection,
    session.socket
);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("closed", &self.is_closed())
            .field("info", &self.info())
            .finish_non_exhaustive()
    }
}
