//! Transactions: the implicit BEGIN, and blocks that nest.

use howdah_protocol::wire::TransactionStatus;

use crate::error::{Error, Result};

/// How transactions are begun, and which blocks are open.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    autocommit: bool,
    /// How many blocks are open.
    depth: usize,
    /// Whether the outermost block began when no transaction was running: it begins one with its first statement.
    begins: bool,
    savepoints: u64,
    /// What a block that was dropped owes to the server before anything else is sent.
    owed: Option<Rollback>,
}

/// A block, as it is to be ended.
#[derive(Debug, Clone)]
pub(crate) enum Block {
    /// A transaction of its own.
    Outer,
    /// A savepoint with this name, within a transaction.
    Savepoint(String),
}

/// A rollback that is owed.
#[derive(Debug, Clone)]
pub(crate) struct Rollback(Block);

impl Transactions {
    pub(crate) fn autocommit(&self) -> bool {
        self.autocommit
    }

    /// Changes the mode, where no transaction is running.
    pub(crate) fn set_autocommit(&mut self, on: bool, status: TransactionStatus) -> Result<()> {
        if self.depth > 0 || status != TransactionStatus::Idle {
            return Err(Error::usage(
                "autocommit cannot be changed within a transaction",
            ));
        }
        self.autocommit = on;
        Ok(())
    }

    /// The statement that begins a transaction, if one is to be begun where none is running.
    pub(crate) fn begin(&self) -> Option<&'static [u8]> {
        (!self.autocommit || self.begins).then_some(b"BEGIN".as_slice())
    }

    /// Fails within a block: there only the block ends the transaction.
    pub(crate) fn check_outside(&self, what: &str) -> Result<()> {
        if self.depth == 0 {
            return Ok(());
        }
        Err(Error::usage(format!(
            "{what}() cannot be used within a transaction block: commit, roll back or drop the block"
        )))
    }

    /// Opens a block. A savepoint has still to be made on the server, with [`Block::opening`].
    pub(crate) fn open(&mut self, status: TransactionStatus) -> Block {
        let outer = self.depth == 0 && status == TransactionStatus::Idle;
        self.depth += 1;
        if outer {
            self.begins = true;
            return Block::Outer;
        }
        self.savepoints += 1;
        Block::Savepoint(format!("_howdah_{}", self.savepoints))
    }

    /// Notes that a block has ended, whichever way.
    pub(crate) fn close(&mut self, block: &Block) {
        self.depth = self.depth.saturating_sub(1);
        if matches!(block, Block::Outer) {
            self.begins = false;
        }
    }

    /// Notes that a block has been dropped. Rolling it back undoes what is owed for the blocks within it as well.
    #[cfg(any(feature = "tokio", test))]
    pub(crate) fn owe(&mut self, block: Block) {
        self.owed = Some(Rollback(block));
    }

    pub(crate) fn owed(&self) -> Option<&Rollback> {
        self.owed.as_ref()
    }

    pub(crate) fn paid(&mut self) {
        self.owed = None;
    }
}

impl Rollback {
    /// What is to be sent; nothing where no transaction is running.
    pub(crate) fn sql(&self, status: TransactionStatus) -> Option<String> {
        self.0.rollback(status)
    }
}

impl Block {
    /// The statement that opens the block on the server.
    pub(crate) fn opening(&self) -> Option<String> {
        match self {
            Self::Outer => None,
            Self::Savepoint(name) => Some(format!("SAVEPOINT \"{name}\"")),
        }
    }

    /// The statement that keeps its work; nothing where there was none.
    pub(crate) fn commit(&self, status: TransactionStatus) -> Option<String> {
        match self {
            _ if status == TransactionStatus::Idle => None,
            Self::Outer => Some("COMMIT".into()),
            Self::Savepoint(name) => Some(format!("RELEASE SAVEPOINT \"{name}\"")),
        }
    }

    /// The statements that undo its work; nothing where there was none.
    pub(crate) fn rollback(&self, status: TransactionStatus) -> Option<String> {
        match self {
            _ if status == TransactionStatus::Idle => None,
            Self::Outer => Some("ROLLBACK".into()),
            Self::Savepoint(name) => Some(format!(
                "ROLLBACK TO SAVEPOINT \"{name}\"; RELEASE SAVEPOINT \"{name}\""
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_block_is_a_transaction_and_those_within_are_savepoints() {
        let mut transactions = Transactions::default();
        transactions
            .set_autocommit(true, TransactionStatus::Idle)
            .unwrap();
        assert_eq!(transactions.begin(), None);
        let outer = transactions.open(TransactionStatus::Idle);
        assert!(outer.opening().is_none());
        assert_eq!(transactions.begin(), Some(b"BEGIN".as_slice()));
        // Nothing has been run yet: the savepoint brings the BEGIN along.
        let inner = transactions.open(TransactionStatus::Idle);
        assert_eq!(inner.opening().unwrap(), "SAVEPOINT \"_howdah_1\"");
        transactions.close(&inner);
        assert!(transactions.check_outside("commit").is_err());
        transactions.close(&outer);
        assert!(transactions.check_outside("commit").is_ok());
        assert_eq!(transactions.begin(), None);
    }

    #[test]
    fn a_block_without_work_ends_in_silence() {
        assert_eq!(Block::Outer.commit(TransactionStatus::Idle), None);
        assert_eq!(Block::Outer.rollback(TransactionStatus::Idle), None);
        let failed = TransactionStatus::Failed;
        assert_eq!(Block::Outer.rollback(failed).unwrap(), "ROLLBACK");
    }

    #[test]
    fn the_outer_rollback_pays_for_the_inner() {
        let mut transactions = Transactions::default();
        transactions.owe(Block::Savepoint("a".into()));
        transactions.owe(Block::Outer);
        let owed = transactions.owed().unwrap();
        assert_eq!(
            owed.sql(TransactionStatus::InTransaction).unwrap(),
            "ROLLBACK"
        );
        transactions.paid();
        assert!(transactions.owed().is_none());
    }
}
