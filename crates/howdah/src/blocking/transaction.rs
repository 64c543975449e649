//! Blocks that are committed or rolled back as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::Block;
use howdah_protocol::wire::TransactionStatus;

use super::Connection;
use crate::error::Result;

/// A transaction or savepoint, from [`Connection::transaction`]. It can be used as the connection that it borrows.
///
/// Dropping it rolls back what was done within.
#[must_use = "dropping the block rolls it back"]
pub struct Transaction<'a> {
    conn: &'a mut Connection,
    block: Block,
    over: bool,
}

impl<'a> Transaction<'a> {
    pub(super) fn open(conn: &'a mut Connection) -> Result<Self> {
        conn.settle()?;
        let (block, opening) = conn.core.open_block();
        // From here on dropping it closes the block.
        let mut opened = Self {
            conn,
            block,
            over: false,
        };
        if let Some(sql) = opening {
            let made = opened.conn.perform(
                |core| core.queue_opening(&sql),
                |core, outcome| core.finish_control(&sql, outcome),
            );
            if let Err(error) = made {
                opened.end();
                return Err(error);
            }
        }
        Ok(opened)
    }

    /// Keeps what was done: commits the transaction, or releases the savepoint.
    ///
    /// # Errors
    /// As [`Connection::commit`]. What was done is rolled back then.
    pub fn commit(mut self) -> Result<()> {
        self.conn.settle()?;
        let block = self.block.clone();
        self.conn
            .control(|core| (core.status() != TransactionStatus::Idle).then(|| block.commit()))?;
        self.end();
        Ok(())
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub fn rollback(mut self) -> Result<()> {
        self.roll_back()
    }

    fn roll_back(&mut self) -> Result<()> {
        self.end();
        self.conn.settle()?;
        let block = self.block.clone();
        self.conn
            .control(|core| (core.status() != TransactionStatus::Idle).then(|| block.rollback()))
    }

    fn end(&mut self) {
        self.over = true;
        // Borrows make sure that blocks end from the inside.
        let _ = self.conn.core.session.transactions.close(&self.block);
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.conn.is_closed() {
            self.end();
        } else {
            // A failure means a lost connection, or a transaction that has ended: either way nothing is kept.
            let _ = self.roll_back();
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.conn
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}
