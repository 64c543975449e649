//! Blocks that are committed or rolled back as a whole.

use std::fmt;
use std::ops::{Deref, DerefMut};

use howdah_protocol::session::Block;
use howdah_protocol::wire::TransactionStatus;

use super::AsyncConnection;
use crate::error::Result;

/// A transaction or savepoint, from [`AsyncConnection::transaction`]. It can be used as the connection that it borrows.
///
/// Dropping it rolls back what was done within: the connection does so before it sends anything else.
#[must_use = "dropping the block rolls it back"]
pub struct AsyncTransaction<'a> {
    conn: &'a mut AsyncConnection,
    block: Block,
    over: bool,
}

impl<'a> AsyncTransaction<'a> {
    pub(super) async fn open(conn: &'a mut AsyncConnection) -> Result<Self> {
        conn.settle().await?;
        let (block, opening) = conn.core.open_block();
        // From here on dropping it, and this future with it, closes the block.
        let mut opened = Self {
            conn,
            block,
            over: false,
        };
        if let Some(sql) = opening {
            let made = opened
                .conn
                .perform(
                    |core| core.queue_opening(&sql),
                    |core, outcome| core.finish_control(&sql, outcome),
                )
                .await;
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
    /// As [`AsyncConnection::commit`]. What was done is rolled back then.
    pub async fn commit(mut self) -> Result<()> {
        self.conn.settle().await?;
        let block = self.block.clone();
        self.conn
            .control(|core| (core.status() != TransactionStatus::Idle).then(|| block.commit()))
            .await?;
        self.end();
        Ok(())
    }

    /// Undoes what was done.
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn rollback(mut self) -> Result<()> {
        self.abandon();
        self.conn.settle().await
    }

    /// Leaves the rollback to whatever is done next.
    fn abandon(&mut self) {
        self.end();
        let transactions = &mut self.conn.core.session.transactions;
        transactions.owe_rollback(self.block.clone());
    }

    fn end(&mut self) {
        self.over = true;
        // Borrows make sure that blocks end from the inside.
        let _ = self.conn.core.session.transactions.close(&self.block);
    }
}

impl Drop for AsyncTransaction<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.abandon();
        }
    }
}

impl Deref for AsyncTransaction<'_> {
    type Target = AsyncConnection;

    fn deref(&self) -> &AsyncConnection {
        self.conn
    }
}

impl DerefMut for AsyncTransaction<'_> {
    fn deref_mut(&mut self) -> &mut AsyncConnection {
        self.conn
    }
}

impl fmt::Debug for AsyncTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTransaction")
            .field("block", &self.block)
            .finish_non_exhaustive()
    }
}
