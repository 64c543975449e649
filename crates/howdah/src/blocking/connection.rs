//! The blocking connection.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_types::ToSql;

use super::connect::connect;
use super::{Notifies, RowStream, Transaction};
use crate::core::{Core, Mode, shared_methods};
use crate::error::{Error, Result};
use crate::row::{Row, Rows};
use howdah_net::Socket;
use howdah_net::drive::{Lost, Step, Until, drive, turn};

/// A connection to a PostgreSQL server, for code that blocks.
///
/// Unless [`set_autocommit`](Self::set_autocommit) is on, the first statement begins a transaction, which
/// [`commit`](Self::commit) or [`rollback`](Self::rollback) ends; dropping the connection rolls it back.
///
/// Statements have PostgreSQL's own placeholders, `$1`, `$2`, ... One that is used often is prepared by itself.
///
/// ```no_run
/// use howdah::Connection;
///
/// # fn main() -> Result<(), howdah::Error> {
/// let mut conn = Connection::connect("host=localhost dbname=test user=postgres")?;
/// conn.execute("CREATE TEMP TABLE test (num integer, data text)", &[])?;
/// conn.execute("INSERT INTO test VALUES ($1, $2)", &[&100, &"abc'def"])?;
/// let row = conn.query_one("SELECT num, data FROM test", &[])?;
/// assert_eq!(row.read::<(i32, &str)>()?, (100, "abc'def"));
/// conn.commit()?;
/// # Ok(())
/// # }
/// ```
///
/// After an error the connection is idle, within a failed transaction ([`rollback`](Self::rollback) ends it), or closed.
pub struct Connection {
    pub(super) core: Core,
    pub(super) socket: Socket,
}

impl Connection {
    /// Connects to a server.
    ///
    /// `conninfo` is what libpq takes: `key=value` words or a `postgresql://` URI. What it does not say comes from the
    /// environment (`PGHOST`, `PGUSER`, ...) and the password file. With several hosts they are tried in turn, each
    /// for at most `connect_timeout`.
    ///
    /// # Errors
    /// `conninfo` is wrong; or no server could be reached or let the session start: the text then lists every attempt.
    pub fn connect(conninfo: &str) -> Result<Self> {
        let (core, socket) = connect(conninfo)?;
        Ok(Self { core, socket })
    }

    /// Runs a statement; tells how many rows it has changed or given, 0 for one that does not count.
    ///
    /// # Errors
    /// The server's, or a parameter cannot be sent, or the connection is closed or lost.
    pub fn execute(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<u64> {
        self.perform(
            |core| core.queue(sql, params, Mode::Usual),
            Core::finish_count,
        )
    }

    /// Runs a statement and gives its result, with all rows received.
    ///
    /// Types made by users that this connection has not met before are looked up, by one statement more: see
    /// [`rust_types`](crate::rust_types).
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn query(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Rows> {
        let mut rows = self.perform(
            |core| core.queue(sql, params, Mode::Usual),
            Core::finish_rows,
        )?;
        self.meet_types(std::slice::from_mut(&mut rows))?;
        Ok(rows)
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and any other number of rows.
    pub fn query_one(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Row> {
        self.query(sql, params)?.exactly_one()
    }

    /// Runs a statement that gives one row or none.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and more than one row.
    pub fn query_opt(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<Option<Row>> {
        self.query(sql, params)?.at_most_one()
    }

    /// Runs a statement and gives its rows as they arrive, in bounded memory.
    ///
    /// Dropping the stream before its end cancels the statement on the server.
    ///
    /// # Errors
    /// A parameter cannot be sent, or the connection is closed or lost. The server's errors come from the stream.
    pub fn query_stream(&mut self, sql: &str, params: &[&dyn ToSql]) -> Result<RowStream<'_>> {
        let id = self.begin(|core| core.queue(sql, params, Mode::Once))?;
        Ok(RowStream::new(self, id))
    }

    /// Runs a text of any number of statements without parameters; gives the result of each.
    ///
    /// In autocommit the server runs them in one transaction. When one fails, those after it are not run.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub fn execute_script(&mut self, sql: &str) -> Result<Vec<Rows>> {
        let mut results = self.perform(|core| core.queue_script(sql), Core::finish_all)?;
        self.meet_types(&mut results)?;
        Ok(results)
    }

    /// Chooses whether each statement is a transaction of its own. At first it is not.
    ///
    /// # Errors
    /// A transaction is running.
    pub fn set_autocommit(&mut self, on: bool) -> Result<()> {
        self.settle()?;
        self.core.set_autocommit(on)
    }

    /// Commits the running transaction; does nothing where there is none.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back; or it cannot be committed, as a deferred
    /// constraint is violated; or this is within a [`transaction`](Self::transaction) block. If the connection is lost,
    /// it is not known whether the server has committed.
    pub fn commit(&mut self) -> Result<()> {
        self.core.check_outside("commit")?;
        self.settle()?;
        self.control(Core::commit_statement)
    }

    /// Rolls the running transaction back; does nothing where there is none.
    ///
    /// # Errors
    /// The connection is closed or lost, or this is within a [`transaction`](Self::transaction) block.
    pub fn rollback(&mut self) -> Result<()> {
        self.core.check_outside("rollback")?;
        self.settle()?;
        self.control(Core::rollback_statement)
    }

    /// Opens a block that is committed or rolled back as a whole; dropping it, also by `?` or a panic, rolls it back.
    ///
    /// Where no transaction is running it is one, in autocommit as well; else it is a savepoint. Blocks nest.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut block = conn.transaction()?;
    /// block.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", &[&10, &1])?;
    /// block.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", &[&10, &2])?;
    /// block.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost, or the savepoint cannot be made.
    pub fn transaction(&mut self) -> Result<Transaction<'_>> {
        Transaction::open(self)
    }

    /// Runs `work` in a [`transaction`](Self::transaction) block: commits if it ends well, rolls back if it fails or panics.
    ///
    /// # Errors
    /// Those of `work`, and of the block.
    pub fn with_transaction<T, E: From<Error>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut block = self.transaction()?;
        let value = work(&mut block)?;
        block.commit()?;
        Ok(value)
    }

    /// The notifications, as they come: an iterator that ends when `timeout` has passed since this call, or never.
    ///
    /// Notifications that came while no handler was there are not lost: they come first. Use autocommit, or the server
    /// holds them back until the transaction ends.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// conn.set_autocommit(true)?;
    /// conn.execute("LISTEN mychan", &[])?;
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

    /// Closes the connection; a running transaction is rolled back by the server. Dropping it does the same.
    pub fn close(&mut self) {
        if self.core.close() {
            // The server also notices when the socket closes.
            let _ = self.socket.send_now(self.core.session.outgoing());
        }
        self.socket.shut_down();
    }

    /// Runs a statement of the driver's own, if there is one to run.
    pub(super) fn control(
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
    }

    /// Looks up the types made by users that these results are the first to have.
    fn meet_types(&mut self, results: &mut [Rows]) -> Result<()> {
        let Some(oids) = self.core.unmet_types(results) else {
            return Ok(());
        };
        self.perform(
            |core| core.queue_lookup(&oids),
            |core, outcome| core.finish_lookup(&oids, outcome),
        )?;
        self.core.introduce_types(results);
        Ok(())
    }

    /// One exchange, from its queueing to its outcome.
    pub(super) fn perform<T>(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
        finish: impl FnOnce(&mut Core, Outcome) -> Result<T>,
    ) -> Result<T> {
        let id = self.begin(queue)?;
        let outcome = loop {
            let step = drive(&mut self.core.session, &self.socket, Until::Idle, None);
            if let Some((ended, outcome)) = self.take_step(step)?
                && ended == id
            {
                break outcome;
            }
        };
        self.core.cancel.gate().leave();
        finish(&mut self.core, outcome)
    }

    /// Brings the connection to rest, then queues an exchange.
    fn begin(&mut self, queue: impl FnOnce(&mut Core) -> Result<ExchangeId>) -> Result<ExchangeId> {
        self.settle()?;
        self.core.cancel.gate().enter();
        queue(&mut self.core).inspect_err(|_| self.core.cancel.gate().leave())
    }

    /// One turn of the running exchange; its outcome when it is over.
    pub(super) fn turn(&mut self) -> Result<Option<Outcome>> {
        let session = &mut self.core.session;
        let turned = turn(session, &self.socket, Until::Idle, None, Instant::now());
        let step = turned.map(|step| step.unwrap_or(Step::Interrupted));
        let ended = self.take_step(step)?;
        if ended.is_some() {
            self.core.cancel.gate().leave();
        }
        Ok(ended.map(|(_, outcome)| outcome))
    }

    /// Does what a step asks for; gives what has been answered.
    pub(super) fn take_step(
        &mut self,
        step: std::result::Result<Step, Lost>,
    ) -> Result<Option<(ExchangeId, Outcome)>> {
        let delivered = match step {
            Ok(Step::Ended(id, outcome)) => return Ok(Some((id, outcome))),
            Ok(Step::Notice(notice)) => {
                self.core.messages.deliver_notice(notice);
                Ok(())
            }
            Ok(Step::Notification(notification)) => self.core.deliver_notification(notification),
            Ok(Step::SendCancel) => {
                // If it cannot be sent, the statement may still end by itself.
                let _ = self.core.cancel.cancel();
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

    /// Fails if the connection is closed; ends what an earlier operation has left.
    ///
    /// It takes the session's bound at most, after which the connection is lost.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.core.check_open()?;
        if self.core.is_settled() {
            return Ok(());
        }
        while !self.core.session.is_settled() {
            let step = drive(&mut self.core.session, &self.socket, Until::Idle, None);
            self.take_step(step)?;
        }
        self.core.recovered();
        Ok(())
    }
}

shared_methods!(Connection);

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

impl AsFd for Connection {
    /// The socket, to wait for what the server says while nothing is running. Do not read from it or write to it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("closed", &self.is_closed())
            .field("info", &self.info())
            .finish_non_exhaustive()
    }
}
