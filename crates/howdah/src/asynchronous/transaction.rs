//! Blocks that are kept or undone as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::Block;

use super::AsyncSession;
use crate::error::{Error, Result};

/// A transaction, from [`AsyncConnection::transaction`](crate::AsyncConnection::transaction) or
/// [`AsyncClient::transaction`](crate::AsyncClient::transaction).
///
/// Statements are run in it by the methods of [`AsyncSession`]. Dropping it rolls back what was done within: the connection
/// does so before it sends anything else.
#[must_use = "dropping the transaction rolls it back"]
pub struct AsyncTransaction<'a>(Guard<'a>);

/// A part of a transaction that can be undone by itself, from [`AsyncSession::savepoint`].
///
/// Statements are run in it by the methods of [`AsyncSession`]. Dropping it undoes what was done within: the connection does
/// so before it sends anything else.
#[must_use = "dropping the savepoint undoes what was done since"]
pub struct AsyncSavepoint<'a>(Guard<'a>);

impl<'a> AsyncTransaction<'a> {
    pub(super) async fn open(mut session: Held<'a>) -> Result<Self> {
        session.settle().await?;
        let block = session.core.open_transaction()?;
        Ok(Self(Guard::new(session, block)))
    }

    /// Runs `work` in it: commits if it ends well, rolls back if it fails.
    pub(super) async fn run<T, E: From<Error>>(
        mut self,
        work: impl AsyncFnOnce(&mut AsyncTransaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        match work(&mut self).await {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                // Where this fails, the connection is lost and nothing is kept either.
                let _ = self.rollback().await;
                Err(error)
            }
        }
    }

    /// Commits what was done.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back, or has been ended by a statement within it; or it
    /// cannot be committed, as a deferred constraint is violated. If the connection is lost, it is not known whether the
    /// server has committed.
    pub async fn commit(self) -> Result<()> {
        self.0.keep().await
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(self) -> Result<()> {
        self.0.roll_back().await
    }
}

impl<'a> AsyncSavepoint<'a> {
    pub(super) async fn open(session: &'a mut AsyncSession) -> Result<Self> {
        session.settle().await?;
        let (block, sql) = session.core.open_savepoint()?;
        // From here on dropping it, and this future with it, closes the block.
        let mut guard = Guard::new(session.into(), block);
        match guard.make(&sql).await {
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
    pub async fn release(self) -> Result<()> {
        self.0.keep().await
    }

    /// Undoes what was done since the savepoint, also where a statement has failed.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(self) -> Result<()> {
        self.0.roll_back().await
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
    async fn make(&mut self, sql: &str) -> Result<()> {
        let made = self.session.perform(|core| core.queue_opening(sql));
        let outcome = made.await?;
        self.session.known().control(sql, outcome)
    }

    async fn keep(mut self) -> Result<()> {
        self.session.settle().await?;
        self.session.core.check_block()?;
        let block = self.block.clone();
        self.session
            .control(|core| core.keep_statement(&block))
            .await?;
        self.end();
        Ok(())
    }

    async fn roll_back(mut self) -> Result<()> {
        self.detach();
        self.session.settle().await
    }

    /// Leaves the rollback to whatever is done next.
    fn detach(&mut self) {
        self.over = true;
        self.session.core.abandon_block(&self.block);
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
