//! Blocks that are kept or undone as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::Block;

use super::Session;
use crate::error::Result;

/// A transaction, from [`Connection::transaction`](crate::Connection::transaction).
///
/// Statements are run in it by the methods of [`Session`]. Dropping it rolls back what was done within.
#[must_use = "dropping the transaction rolls it back"]
pub struct Transaction<'a>(Guard<'a>);

/// A part of a transaction that can be undone by itself, from [`Session::savepoint`].
///
/// Statements are run in it by the methods of [`Session`]. Dropping it undoes what was done within.
#[must_use = "dropping the savepoint undoes what was done since"]
pub struct Savepoint<'a>(Guard<'a>);

impl<'a> Transaction<'a> {
    pub(super) fn open(session: &'a mut Session) -> Result<Self> {
        session.settle()?;
        let block = session.core.open_transaction()?;
        Ok(Self(Guard::new(session, block)))
    }

    /// Commits what was done.
    ///
    /// # Errors
    /// The transaction had failed, so that the server has rolled it back, or has been ended by a statement within it; or it
    /// cannot be committed, as a deferred constraint is violated. If the connection is lost, it is not known whether the
    /// server has committed.
    pub fn commit(self) -> Result<()> {
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

impl<'a> Savepoint<'a> {
    pub(super) fn open(session: &'a mut Session) -> Result<Self> {
        session.settle()?;
        let (block, sql) = session.core.open_savepoint()?;
        // From here on dropping it closes the block.
        let mut guard = Guard::new(session, block);
        match guard.make(&sql) {
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
    pub fn release(self) -> Result<()> {
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
    fn make(&mut self, sql: &str) -> Result<()> {
        let outcome = self.session.perform(|core| core.queue_opening(sql))?;
        self.session.core.known.control(sql, outcome)
    }

    fn keep(mut self) -> Result<()> {
        self.session.settle()?;
        self.session.core.check_block()?;
        let block = self.block.clone();
        self.session.control(|core| core.keep_statement(&block))?;
        self.end();
        Ok(())
    }

    fn roll_back(&mut self) -> Result<()> {
        self.end();
        self.session.settle()?;
        let block = self.block.clone();
        self.session.control(|core| core.undo_statement(&block))
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
        if self.session.is_closed() {
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
