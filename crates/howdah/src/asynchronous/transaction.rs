//! Blocks that are kept or undone as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::Block;

use super::AsyncSession;
use crate::error::Result;

/// A transaction, from [`AsyncConnection::transaction`](crate::AsyncConnection::transaction).
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
    pub(super) async fn open(session: &'a mut AsyncSession) -> Result<Self> {
        session.settle().await?;
        let block = session.core.open_transaction()?;
        Ok(Self(Guard::new(session, block)))
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
        let mut guard = Guard::new(session, block);
        let made = guard.session.perform(
            |core| core.queue_opening(&sql),
            |core, outcome| core.finish_control(&sql, outcome),
        );
        match made.await {
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

/// A block that is rolled back unless it is ended otherwise.
struct Guard<'a> {
    session: &'a mut AsyncSession,
    block: Block,
    over: bool,
}

impl<'a> Guard<'a> {
    fn new(session: &'a mut AsyncSession, block: Block) -> Self {
        Self {
            session,
            block,
            over: false,
        }
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
        self.abandon();
        self.session.settle().await
    }

    /// Leaves the rollback to whatever is done next.
    fn abandon(&mut self) {
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
            self.abandon();
        }
    }
}

macro_rules! used_as_session {
    ($block:ident) => {
        impl Deref for $block<'_> {
            type Target = AsyncSession;

            fn deref(&self) -> &AsyncSession {
                self.0.session
            }
        }

        impl DerefMut for $block<'_> {
            fn deref_mut(&mut self) -> &mut AsyncSession {
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

used_as_session!(AsyncTransaction);
used_as_session!(AsyncSavepoint);
