//! Blocks that are kept or undone as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use howdah_protocol::session::{Block, Characteristics};

use super::AsyncSession;
use crate::core::attempts::{Attempts, Plan, builder_methods};
use crate::core::observe::transaction_repeated;
use crate::error::{Error, Result};
use howdah_net::Limit;

/// A transaction, from [`AsyncConnection::transaction`](crate::AsyncConnection::transaction) or
/// [`AsyncClient::transaction`](crate::AsyncClient::transaction).
///
/// Statements are run in it by the methods of [`AsyncSession`]. Dropping it rolls back what was done within: that is sent
/// at once, if nothing is running, and before anything else in any case.
///
/// One that is neither dropped nor ended, as by [`std::mem::forget`], stays open: what is run on the connection goes on in it, and
/// it can only be rolled back, by [`AsyncConnection::rollback`](crate::AsyncConnection::rollback) or by closing. That of a client has
/// the connection for itself, so that all others wait for ever. Likewise an [`AsyncSavepoint`] that was leaked leaves its
/// transaction nothing but a rollback.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// # conn.execute("CREATE TEMP TABLE accounts AS SELECT 1 AS id, 100 AS money", ()).await?;
/// let mut tx = conn.transaction().await?;
/// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1)).await?;
/// tx.commit().await?;
///
/// let mut tx = conn.transaction().await?;
/// tx.execute("DELETE FROM accounts", ()).await?;
/// tx.rollback().await?;
/// assert_eq!(conn.query_scalar::<i32>("SELECT money FROM accounts", ()).await?, 90);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the transaction rolls it back"]
pub struct AsyncTransaction<'a>(Guard<'a>);

/// A part of a transaction that can be undone by itself, from [`AsyncSession::savepoint`].
///
/// Statements are run in it by the methods of [`AsyncSession`]. Dropping it undoes what was done within: the connection does
/// so before it sends anything else.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// # conn.execute("CREATE TEMP TABLE users (name text UNIQUE)", ()).await?;
/// let mut tx = conn.transaction().await?;
/// for name in ["ann", "bob", "ann"] {
///     let mut attempt = tx.savepoint().await?;
///     match attempt.execute("INSERT INTO users VALUES ($1)", (name,)).await {
///         Ok(_) => attempt.release().await?,
///         Err(_) => attempt.rollback().await?,
///     }
/// }
/// tx.commit().await?;
/// assert_eq!(conn.query_scalar::<i64>("SELECT count(*) FROM users", ()).await?, 2);
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the savepoint undoes what was done since"]
pub struct AsyncSavepoint<'a>(Guard<'a>);

impl<'a> AsyncTransaction<'a> {
    async fn open(mut session: Held<'a>, plan: Characteristics) -> Result<Self> {
        session.bounded().settle().await?;
        let block = session.core.open_transaction(&plan)?;
        Ok(Self(Guard::new(session, block)))
    }

    /// Commits if what was done in it ended well, rolls back if it failed. Tells also whether it may be run again.
    pub(super) async fn end<T, E: From<Error>>(
        mut self,
        work: std::result::Result<T, E>,
    ) -> (std::result::Result<T, E>, bool) {
        match work {
            Ok(value) => match self.0.keep().await {
                Ok(()) => (Ok(value), false),
                Err(error) => {
                    let again = self.core.fate.allows_repetition_after(&error);
                    (Err(error.into()), again)
                }
            },
            Err(error) => {
                // What is known before all that was asked has been answered may not be all.
                let again =
                    self.bounded().settle().await.is_ok() && self.core.fate.allows_repetition();
                // Where this fails, the connection is lost and nothing is kept either.
                (Err(error), self.0.roll_back().await.is_ok() && again)
            }
        }
    }

    /// Commits what was done.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back, or has been ended by a statement within it; or it
    /// cannot be committed, as a deferred constraint is violated. If the connection is lost, it is not known whether the
    /// server has committed.
    pub async fn commit(mut self) -> Result<()> {
        self.0.keep().await
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(mut self) -> Result<()> {
        self.0.roll_back().await
    }
}

/// How a transaction is to be, from [`AsyncConnection::build_transaction`](crate::AsyncConnection::build_transaction) or
/// [`AsyncClient::build_transaction`](crate::AsyncClient::build_transaction).
///
/// What is not said is the server's default, or that of the session.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// use howdah::{IsolationLevel, RetryPolicy};
///
/// let serializable = conn.build_transaction().isolation(IsolationLevel::Serializable);
/// let mut tx = serializable.read_only(true).deferrable(true).start().await?;
/// assert_eq!(tx.query_scalar::<String>("SHOW transaction_isolation", ()).await?, "serializable");
/// tx.commit().await?;
///
/// let patient = conn.build_transaction().retry(RetryPolicy::new(3));
/// let one: i32 = patient.run(async |tx| tx.query_scalar("SELECT 1", ()).await).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "it is begun by start() or run()"]
pub struct AsyncTransactionBuilder<'a> {
    source: Source<'a>,
    plan: Plan,
}

builder_methods!(AsyncTransactionBuilder);

impl<'a> AsyncTransactionBuilder<'a> {
    pub(super) fn new(source: Source<'a>) -> Self {
        let plan = Plan::default();
        Self { source, plan }
    }

    /// Opens the transaction, as [`AsyncConnection::transaction`](crate::AsyncConnection::transaction) or
    /// [`AsyncClient::transaction`](crate::AsyncClient::transaction).
    ///
    /// # Errors
    /// Those of these. What the server says of the transaction comes from its first statement.
    pub async fn start(self) -> Result<AsyncTransaction<'a>> {
        let held = self.source.into_held().await?;
        AsyncTransaction::open(held, self.plan.characteristics).await
    }

    /// Runs `work` in such a transaction: commits if it ends well, rolls back if it fails, and runs it again, in a new transaction,
    /// if others were in the way.
    ///
    /// It is run again if the last error of the server's in it was a serialization failure (SQLSTATE 40001) or a deadlock
    /// (40P01), also where `work` makes another error of that, or none; or if that is the error of the commit. Between two
    /// attempts, when everything has been rolled back, it sleeps; [`retry`](Self::retry) says how long, and how many attempts there
    /// are. Meanwhile others may use the connection of a client. A transaction is not run again if its connection is lost, if it
    /// is not known whether it has been committed, or if a statement of `work` has ended it.
    ///
    /// If the future is dropped, the transaction is rolled back as one that is dropped. For a future that is to be spawned, `work` has
    /// to own what it uses: `async move |tx| ...`.
    ///
    /// ```no_run
    /// use howdah::IsolationLevel;
    ///
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let serializable = conn.build_transaction().isolation(IsolationLevel::Serializable);
    /// let left: i64 = serializable
    ///     .run(async |tx| {
    ///         tx.execute("DELETE FROM queue WHERE id = $1", (1,)).await?;
    ///         tx.query_one("SELECT count(*) FROM queue", ()).await?.get(0)
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of the last attempt: of `work`, of [`start`](Self::start), and of the commit.
    pub async fn run<T, E: From<Error>>(
        mut self,
        mut work: impl AsyncFnMut(&mut AsyncTransaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut attempts = Attempts::new(self.plan.retry);
        loop {
            let held = self.source.hold().await?;
            let plan = self.plan.characteristics.clone();
            let mut tx = AsyncTransaction::open(held, plan).await?;
            let done = work(&mut tx).await;
            let (ended, again) = tx.end(done).await;
            match again.then(|| attempts.pause()).flatten() {
                Some(pause) => {
                    transaction_repeated(attempts.made(), pause);
                    tokio::time::sleep(pause).await;
                }
                None => return ended,
            }
        }
    }
}

impl fmt::Debug for AsyncTransactionBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTransactionBuilder")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl<'a> AsyncSavepoint<'a> {
    pub(super) async fn open(session: &'a mut AsyncSession) -> Result<Self> {
        let limit = session.core.operation_limit();
        session.bounded_by(limit).settle().await?;
        let (block, sql) = session.core.open_savepoint()?;
        // From here on dropping it, and this future with it, closes the block.
        let mut guard = Guard::new(session.into(), block);
        match guard.make(&sql, limit).await {
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
    pub async fn release(mut self) -> Result<()> {
        self.0.keep().await
    }

    /// Undoes what was done since the savepoint, also where a statement has failed.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(mut self) -> Result<()> {
        self.0.roll_back().await
    }
}

/// Where a transaction has its session from.
pub(super) enum Source<'a> {
    Own(&'a mut AsyncSession),
    Shared(Box<dyn Share>),
}

/// A connection that others use too.
pub(super) trait Share: Send + Sync {
    /// Takes it, until what it gives is dropped.
    fn take(&self) -> Pin<Box<dyn Future<Output = Result<Held<'static>>> + Send + '_>>;
}

impl<'a> Source<'a> {
    async fn into_held(self) -> Result<Held<'a>> {
        match self {
            Self::Own(session) => Ok(Held::Borrowed(session)),
            Self::Shared(shared) => shared.take().await,
        }
    }

    async fn hold(&mut self) -> Result<Held<'_>> {
        match self {
            Self::Own(session) => Ok(Held::Borrowed(session)),
            Self::Shared(shared) => shared.take().await,
        }
    }
}

/// What a block is open on.
pub(super) enum Held<'a> {
    Borrowed(&'a mut AsyncSession),
    /// What gives it back when it is dropped.
    Leased(Box<dyn DerefMut<Target = AsyncSession> + Send + Sync + 'a>),
}

/// A block that is rolled back unless it is ended otherwise.
struct Guard<'a> {
    session: Held<'a>,
    block: Block,
    over: bool,
}

impl<'a> Guard<'a> {
    fn new(session: Held<'a>, block: Block) -> Self {
        Self {
            session,
            block,
            over: false,
        }
    }

    /// Makes its savepoint.
    async fn make(&mut self, sql: &str, limit: Option<Limit>) -> Result<()> {
        let mut session = self.session.bounded_by(limit);
        let outcome = session.perform(|core| core.queue_opening(sql)).await?;
        session.known().control(sql, outcome)
    }

    async fn keep(&mut self) -> Result<()> {
        let mut session = self.session.bounded();
        session.settle().await?;
        session.core.check_block()?;
        session.core.check_within(&self.block)?;
        session
            .control(|core| core.keep_statement(&self.block))
            .await?;
        drop(session);
        self.end();
        Ok(())
    }

    async fn roll_back(&mut self) -> Result<()> {
        self.detach();
        self.session.bounded().settle().await
    }

    /// Leaves the end of the rollback to whatever is done next.
    fn detach(&mut self) {
        self.over = true;
        // Else what runs is cancelled, and the rollback waits for that. One that is owed for a savepoint is within this one.
        let session = &self.session.core.session;
        let is_at_rest =
            session.is_idle() && session.unanswered() == 0 && !session.is_cancel_in_flight();
        self.session.core.abandon_block(&self.block);
        if is_at_rest && self.block.is_outermost() {
            self.session.send_rollback();
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.session.core.close_block(&self.block);
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.detach();
        }
    }
}

impl Deref for Held<'_> {
    type Target = AsyncSession;

    fn deref(&self) -> &AsyncSession {
        match self {
            Self::Borrowed(session) => session,
            Self::Leased(lease) => lease,
        }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut AsyncSession {
        match self {
            Self::Borrowed(session) => session,
            Self::Leased(lease) => lease,
        }
    }
}

impl<'a> From<&'a mut AsyncSession> for Held<'a> {
    fn from(session: &'a mut AsyncSession) -> Self {
        Self::Borrowed(session)
    }
}

macro_rules! used_as_session {
    ($block:ident) => {
        impl Deref for $block<'_> {
            type Target = AsyncSession;

            fn deref(&self) -> &AsyncSession {
                &self.0.session
            }
        }

        impl DerefMut for $block<'_> {
            fn deref_mut(&mut self) -> &mut AsyncSession {
                &mut self.0.session
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

used_as_session!(AsyncTransaction);
used_as_session!(AsyncSavepoint);
