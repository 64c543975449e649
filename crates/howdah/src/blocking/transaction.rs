//! Blocks that are kept or undone as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::{Block, Characteristics};

use super::Session;
use crate::core::attempts::{Attempts, Plan, builder_methods};
use crate::core::observe::transaction_repeated;
use crate::error::{Error, Result};
use howdah_net::Limit;

/// A transaction, from [`Connection::transaction`](crate::Connection::transaction).
///
/// Statements are run in it by the methods of [`Session`]. Dropping it rolls back what was done within.
///
/// One that is neither dropped nor ended, as by [`std::mem::forget`], stays open: what is run on the connection goes on in it, and
/// it can only be rolled back, by [`Connection::rollback`](crate::Connection::rollback) or by closing. Likewise a [`Savepoint`] that was
/// leaked leaves its transaction nothing but a rollback.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// # conn.execute("CREATE TEMP TABLE accounts AS SELECT 1 AS id, 100 AS money", ())?;
/// let mut tx = conn.transaction()?;
/// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1))?;
/// tx.commit()?;
///
/// let mut tx = conn.transaction()?;
/// tx.execute("DELETE FROM accounts", ())?;
/// tx.rollback()?;
/// assert_eq!(conn.query_scalar::<i32>("SELECT money FROM accounts", ())?, 90);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the transaction rolls it back"]
pub struct Transaction<'a>(Guard<'a>);

/// A part of a transaction that can be undone by itself, from [`Session::savepoint`].
///
/// Statements are run in it by the methods of [`Session`]. Dropping it undoes what was done within.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// # conn.execute("CREATE TEMP TABLE users (name text UNIQUE)", ())?;
/// let mut tx = conn.transaction()?;
/// for name in ["ann", "bob", "ann"] {
///     let mut attempt = tx.savepoint()?;
///     match attempt.execute("INSERT INTO users VALUES ($1)", (name,)) {
///         Ok(_) => attempt.release()?,
///         Err(_) => attempt.rollback()?,
///     }
/// }
/// tx.commit()?;
/// assert_eq!(conn.query_scalar::<i64>("SELECT count(*) FROM users", ())?, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the savepoint undoes what was done since"]
pub struct Savepoint<'a>(Guard<'a>);

impl<'a> Transaction<'a> {
    pub(super) fn open(session: &'a mut Session, plan: &Characteristics) -> Result<Self> {
        session.bounded().settle()?;
        let block = session.core.open_transaction(plan)?;
        Ok(Self(Guard::new(session, block)))
    }

    /// Commits if what was done in it ended well, rolls back if it failed. Tells also whether it may be run again.
    pub(super) fn end<T, E: From<Error>>(
        mut self,
        work: std::result::Result<T, E>,
    ) -> (std::result::Result<T, E>, bool) {
        match work {
            Ok(value) => match self.0.keep() {
                Ok(()) => (Ok(value), false),
                Err(error) => {
                    let again = self.core.fate.allows_repetition_after(&error);
                    (Err(error.into()), again)
                }
            },
            Err(error) => {
                // What is known before all that was asked has been answered may not be all.
                let again = self.bounded().settle().is_ok() && self.core.fate.allows_repetition();
                // Where this fails, the connection is lost and nothing is kept either.
                (Err(error), self.0.roll_back().is_ok() && again)
            }
        }
    }

    /// Commits what was done.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back, or has been ended by a statement within it; or it
    /// cannot be committed, as a deferred constraint is violated. If the connection is lost, it is not known whether the
    /// server has committed.
    pub fn commit(mut self) -> Result<()> {
        self.0.keep()
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub fn rollback(mut self) -> Result<()> {
        self.0.roll_back()
    }
}

/// How a transaction is to be, from [`Connection::build_transaction`](crate::Connection::build_transaction).
///
/// What is not said is the server's default, or that of the session.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::{IsolationLevel, RetryPolicy};
///
/// let serializable = conn.build_transaction().isolation(IsolationLevel::Serializable);
/// let mut tx = serializable.read_only(true).deferrable(true).start()?;
/// assert_eq!(tx.query_scalar::<String>("SHOW transaction_isolation", ())?, "serializable");
/// tx.commit()?;
///
/// let one: i32 = conn.build_transaction().retry(RetryPolicy::new(3)).run(|tx| tx.query_scalar("SELECT 1", ()))?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it is begun by start() or run()"]
pub struct TransactionBuilder<'a> {
    session: &'a mut Session,
    plan: Plan,
}

builder_methods!(TransactionBuilder);

impl<'a> TransactionBuilder<'a> {
    pub(super) fn new(session: &'a mut Session) -> Self {
        let plan = Plan::default();
        Self { session, plan }
    }

    /// Opens the transaction, as [`Connection::transaction`](crate::Connection::transaction).
    ///
    /// # Errors
    /// Those of [`Connection::transaction`](crate::Connection::transaction). What the server says of the transaction comes from
    /// its first statement.
    pub fn start(self) -> Result<Transaction<'a>> {
        Transaction::open(self.session, &self.plan.characteristics)
    }

    /// Runs `work` in such a transaction: commits if it ends well, rolls back if it fails or panics, and runs it again, in a new
    /// transaction, if others were in the way.
    ///
    /// It is run again if the last error of the server's in it was a serialization failure (SQLSTATE 40001) or a deadlock
    /// (40P01), also where `work` makes another error of that, or none; or if that is the error of the commit. Between two
    /// attempts, when everything has been rolled back, this thread sleeps; [`retry`](Self::retry) says how long, and how many
    /// attempts there are. A transaction is not run again if its connection is lost, if it is not known whether it has been
    /// committed, or if a statement of `work` has ended it.
    ///
    /// ```no_run
    /// use howdah::IsolationLevel;
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let left: i64 = conn.build_transaction().isolation(IsolationLevel::Serializable).run(|tx| {
    ///     tx.execute("DELETE FROM queue WHERE id = $1", (1,))?;
    ///     tx.query_one("SELECT count(*) FROM queue", ())?.get(0)
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the last attempt: of `work`, of [`start`](Self::start), and of the commit.
    pub fn run<T, E: From<Error>>(
        self,
        mut work: impl FnMut(&mut Transaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut attempts = Attempts::new(self.plan.retry);
        loop {
            let mut tx = Transaction::open(self.session, &self.plan.characteristics)?;
            let done = work(&mut tx);
            let (ended, again) = tx.end(done);
            match again.then(|| attempts.pause()).flatten() {
                Some(pause) => {
                    transaction_repeated(attempts.made(), pause);
                    std::thread::sleep(pause);
                }
                None => return ended,
            }
        }
    }
}

impl fmt::Debug for TransactionBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionBuilder")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl<'a> Savepoint<'a> {
    pub(super) fn open(session: &'a mut Session) -> Result<Self> {
        let limit = session.core.operation_limit();
        session.bounded_by(limit).settle()?;
        let (block, sql) = session.core.open_savepoint()?;
        // From here on dropping it closes the block.
        let mut guard = Guard::new(session, block);
        match guard.make(&sql, limit) {
            Ok(()) => Ok(Self(guard)),
            Err(error) => {
                guard.end();
                Err(error)
            }
        }
    }

    /// Keeps what was done, as a part of the transaction around it: it is committed when that is.
    ///
    /// # Errors
    /// The transaction has failed since, or has been ended by a statement within it; or the connection is closed or lost.
    pub fn release(mut self) -> Result<()> {
        self.0.keep()
    }

    /// Undoes what was done since the savepoint, also where a statement has failed.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub fn rollback(mut self) -> Result<()> {
        self.0.roll_back()
    }
}

/// A block that is rolled back unless it is ended otherwise.
struct Guard<'a> {
    session: &'a mut Session,
    block: Block,
    over: bool,
}

impl<'a> Guard<'a> {
    fn new(session: &'a mut Session, block: Block) -> Self {
        Self {
            session,
            block,
            over: false,
        }
    }

    /// Makes its savepoint.
    fn make(&mut self, sql: &str, limit: Option<Limit>) -> Result<()> {
        let mut session = self.session.bounded_by(limit);
        let outcome = session.perform(|core| core.queue_opening(sql))?;
        drop(session);
        self.session.core.known.control(sql, outcome)
    }

    fn keep(&mut self) -> Result<()> {
        let mut session = self.session.bounded();
        session.settle()?;
        session.core.check_block()?;
        session.core.check_within(&self.block)?;
        session.control(|core| core.keep_statement(&self.block))?;
        drop(session);
        self.end();
        Ok(())
    }

    fn roll_back(&mut self) -> Result<()> {
        self.end();
        let undone = self.undo();
        if undone.as_ref().is_err_and(Error::is_unsent) {
            // It is done before anything else is.
            let transactions = &mut self.session.core.session.transactions;
            transactions.owe_rollback(self.block.clone());
        }
        undone
    }

    fn undo(&mut self) -> Result<()> {
        let mut session = self.session.bounded();
        session.settle()?;
        session.control(|core| core.undo_statement(&self.block))
    }

    fn end(&mut self) {
        self.over = true;
        self.session.core.close_block(&self.block);
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.session.core.is_closed() {
            self.end();
        } else {
            // A failure means a lost connection, or a transaction that has ended: either way nothing is kept.
            let _ = self.roll_back();
        }
    }
}

macro_rules! used_as_session {
    ($block:ident) => {
        impl Deref for $block<'_> {
            type Target = Session;

            fn deref(&self) -> &Session {
                self.0.session
            }
        }

        impl DerefMut for $block<'_> {
            fn deref_mut(&mut self) -> &mut Session {
                self.0.session
            }
        }

        impl fmt::Debug for $block<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($block))
                    .field("block", &self.0.block)
                    .finish_non_exhaustive()
            }
        }
    };
}

used_as_session!(Transaction);
used_as_session!(Savepoint);
