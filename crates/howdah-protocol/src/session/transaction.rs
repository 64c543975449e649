//! Transactions: their characteristics, the implicit BEGIN, blocks that nest, and the rollback that a block left undone.

use std::sync::Arc;

use crate::wire::TransactionStatus;

/// How much a transaction sees of others. Source: SET TRANSACTION.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsolationLevel {
    /// As `ReadCommitted` in PostgreSQL.
    ReadUncommitted,
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// How new transactions are begun; what is `None` is the server's default.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Characteristics {
    /// Whether each statement is a transaction of its own.
    pub autocommit: bool,
    /// The isolation level.
    pub isolation_level: Option<IsolationLevel>,
    /// Whether nothing can be written.
    pub read_only: Option<bool>,
    /// Whether a serializable, read-only transaction waits until it can run undisturbed.
    pub deferrable: Option<bool>,
}

/// How transactions are begun, and which blocks are open.
#[derive(Debug)]
pub struct Transactions {
    characteristics: Characteristics,
    begin: Arc<[u8]>,
    /// How many blocks are open.
    depth: usize,
    /// Whether an outermost block is open whose BEGIN goes with its first statement.
    riding: bool,
    /// The BEGIN of that block, where it is not as of all.
    own_begin: Option<Arc<[u8]>>,
    pending_rollback: Option<Block>,
}

/// A block that is committed or rolled back as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// How many blocks are around it.
    depth: usize,
    /// Whether it is the transaction itself.
    outermost: bool,
    /// Its savepoint, where it has one.
    savepoint: Option<String>,
}

impl Default for Transactions {
    fn default() -> Self {
        Self {
            characteristics: Characteristics::default(),
            begin: b"BEGIN".as_slice().into(),
            depth: 0,
            riding: false,
            own_begin: None,
            pending_rollback: None,
        }
    }
}

impl Transactions {
    /// How new transactions are begun.
    #[must_use]
    pub fn characteristics(&self) -> &Characteristics {
        &self.characteristics
    }

    /// Changes how transactions are begun. Only meant for when none is running.
    pub fn change(&mut self, change: impl FnOnce(&mut Characteristics)) {
        change(&mut self.characteristics);
        self.begin = self.characteristics.begin().into_bytes().into();
    }

    /// The statement that begins a transaction, if each statement outside of one begins one.
    #[must_use]
    pub fn implicit_begin(&self) -> Option<Arc<[u8]>> {
        let begin = self.own_begin.as_ref().unwrap_or(&self.begin);
        (!self.characteristics.autocommit || self.riding).then(|| Arc::clone(begin))
    }

    /// How many blocks are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Opens a block: a transaction where none is running, else a savepoint, with this name or one of the driver's.
    ///
    /// Run [`Transactions::opening`] then; with `riding` the BEGIN of a transaction goes with its first statement instead.
    pub fn open(
        &mut self,
        status: TransactionStatus,
        savepoint: Option<&str>,
        riding: bool,
    ) -> Block {
        let outermost = status == TransactionStatus::Idle && !self.riding;
        let depth = self.depth;
        self.depth += 1;
        self.riding |= outermost && riding;
        let own_name = (!outermost).then(|| format!("_howdah_{}", depth + 1));
        Block {
            depth,
            outermost,
            savepoint: savepoint.map(str::to_owned).or(own_name),
        }
    }

    /// Opens a transaction, whose BEGIN goes with its first statement, with characteristics of its own; `autocommit` says nothing.
    ///
    /// Only meant for when none is running and no block is open.
    pub fn open_as(&mut self, characteristics: &Characteristics) -> Block {
        let block = self.open(TransactionStatus::Idle, None, true);
        self.own_begin = Some(characteristics.begin().into_bytes().into());
        block
    }

    /// The statements that open a block on the server, each to be sent by itself.
    #[must_use]
    pub fn opening(&self, block: &Block) -> Vec<Vec<u8>> {
        let begin = block.outermost && !self.riding;
        let begin = begin.then(|| self.begin.to_vec());
        let savepoint = block.name().map(|name| format!("SAVEPOINT {name}"));
        begin
            .into_iter()
            .chain(savepoint.map(String::into_bytes))
            .collect()
    }

    /// Notes that a block has ended, whichever way; `false` if one that was opened within it has not.
    pub fn close(&mut self, block: &Block) -> bool {
        self.depth = self.depth.saturating_sub(1);
        if block.outermost {
            self.riding = false;
            self.own_begin = None;
        }
        self.depth == block.depth
    }

    /// Whether no block within it is open.
    #[must_use]
    pub fn is_innermost(&self, block: &Block) -> bool {
        self.depth == block.depth + 1
    }

    /// Notes that a block has ended, whichever way, with all blocks within it.
    pub fn close_whole(&mut self, block: &Block) {
        self.depth = block.depth + 1;
        self.close(block);
    }

    /// Notes that all blocks have ended.
    pub fn close_all(&mut self) {
        self.depth = 0;
        self.riding = false;
        self.own_begin = None;
    }

    /// Notes that a block has to be rolled back before anything else is sent; that of an outer block undoes the inner as well.
    pub fn owe_rollback(&mut self, block: Block) {
        match &self.pending_rollback {
            Some(owed) if owed.depth <= block.depth => {}
            _ => self.pending_rollback = Some(block),
        }
    }

    /// Notes that the transaction, if one is running, has to be rolled back with all its blocks before anything else is sent.
    pub fn owe_whole_rollback(&mut self) {
        self.close_all();
        self.pending_rollback = Some(Block {
            depth: 0,
            outermost: true,
            savepoint: None,
        });
    }

    /// Whether a rollback is owed.
    #[must_use]
    pub fn owes_rollback(&self) -> bool {
        self.pending_rollback.is_some()
    }

    /// The statement for the rollback that is owed, if the server has anything to roll back.
    pub(super) fn take_pending_rollback(&mut self, status: TransactionStatus) -> Option<String> {
        let block = self.pending_rollback.take()?;
        (status != TransactionStatus::Idle).then(|| block.rollback())
    }
}

impl Characteristics {
    /// The statement that begins a transaction.
    fn begin(&self) -> String {
        let mut sql = String::from("BEGIN");
        if let Some(level) = self.isolation_level {
            sql.push_str(" ISOLATION LEVEL ");
            sql.push_str(level.sql());
        }
        match self.read_only {
            Some(true) => sql.push_str(" READ ONLY"),
            Some(false) => sql.push_str(" READ WRITE"),
            None => {}
        }
        match self.deferrable {
            Some(true) => sql.push_str(" DEFERRABLE"),
            Some(false) => sql.push_str(" NOT DEFERRABLE"),
            None => {}
        }
        sql
    }
}

impl IsolationLevel {
    /// Its name in SQL.
    #[must_use]
    pub fn sql(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "READ UNCOMMITTED",
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

impl Block {
    /// Whether it is the transaction itself, rather than a savepoint in one.
    #[must_use]
    pub fn is_outermost(&self) -> bool {
        self.outermost
    }

    /// The name of its savepoint, where it has one.
    #[must_use]
    pub fn savepoint(&self) -> Option<&str> {
        self.savepoint.as_deref()
    }

    /// The statement that keeps its work.
    #[must_use]
    pub fn commit(&self) -> String {
        match self.name() {
            Some(name) if !self.outermost => format!("RELEASE SAVEPOINT {name}"),
            _ => "COMMIT".into(),
        }
    }

    /// The statements that undo its work, in one text.
    #[must_use]
    pub fn rollback(&self) -> String {
        match self.name() {
            Some(name) if !self.outermost => {
                format!("ROLLBACK TO SAVEPOINT {name}; RELEASE SAVEPOINT {name}")
            }
            _ => "ROLLBACK".into(),
        }
    }

    /// The savepoint's name, quoted.
    fn name(&self) -> Option<String> {
        let name = self.savepoint.as_ref()?;
        Some(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: TransactionStatus = TransactionStatus::Idle;
    const IN: TransactionStatus = TransactionStatus::InTransaction;

    fn texts(statements: Vec<Vec<u8>>) -> Vec<String> {
        let texts = statements.into_iter().map(String::from_utf8);
        texts.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn the_first_block_is_a_transaction_and_those_within_are_savepoints() {
        let mut transactions = Transactions::default();
        transactions.change(|now| now.autocommit = true);
        let outer = transactions.open(IDLE, None, false);
        assert_eq!(texts(transactions.opening(&outer)), ["BEGIN"]);
        let inner = transactions.open(IN, None, false);
        assert_eq!(
            texts(transactions.opening(&inner)),
            ["SAVEPOINT \"_howdah_2\""]
        );
        assert!(transactions.close(&inner) && transactions.close(&outer));
        assert_eq!(transactions.depth(), 0);
        assert_eq!(outer.commit(), "COMMIT");
        assert_eq!(inner.commit(), "RELEASE SAVEPOINT \"_howdah_2\"");
    }

    #[test]
    fn a_riding_begin_goes_with_the_first_statement() {
        let mut transactions = Transactions::default();
        transactions.change(|now| now.autocommit = true);
        assert_eq!(transactions.implicit_begin(), None);
        let outer = transactions.open(IDLE, None, true);
        assert!(transactions.opening(&outer).is_empty());
        assert!(transactions.implicit_begin().is_some());
        // Nothing has been run yet: the savepoint brings the BEGIN along.
        let inner = transactions.open(IDLE, None, true);
        assert!(!inner.is_outermost());
        transactions.close(&inner);
        transactions.close(&outer);
        assert_eq!(transactions.implicit_begin(), None);
    }

    #[test]
    fn a_named_outermost_block_has_a_savepoint_too() {
        let mut transactions = Transactions::default();
        let block = transactions.open(IDLE, Some("a\"b"), false);
        assert_eq!(
            texts(transactions.opening(&block)),
            ["BEGIN", "SAVEPOINT \"a\"\"b\""]
        );
        assert_eq!(block.rollback(), "ROLLBACK");
    }

    #[test]
    fn blocks_end_from_the_inside() {
        let mut transactions = Transactions::default();
        let outer = transactions.open(IDLE, None, false);
        let _inner = transactions.open(IN, None, false);
        assert!(!transactions.is_innermost(&outer));
        assert!(!transactions.close(&outer));
        let outer = transactions.open(IDLE, None, true);
        assert!(transactions.is_innermost(&outer));
        let _leaked = transactions.open(IN, None, true);
        transactions.close_whole(&outer);
        assert_eq!(transactions.depth(), outer.depth);
    }

    #[test]
    fn the_outer_rollback_undoes_the_inner() {
        let mut transactions = Transactions::default();
        let outer = transactions.open(IDLE, None, false);
        let inner = transactions.open(IN, None, false);
        transactions.owe_rollback(inner.clone());
        transactions.owe_rollback(outer);
        transactions.owe_rollback(inner);
        let sql = transactions.take_pending_rollback(IN);
        assert_eq!(sql.as_deref(), Some("ROLLBACK"));
        assert!(!transactions.owes_rollback());
        let inner = transactions.open(IN, None, false);
        transactions.owe_whole_rollback();
        transactions.owe_rollback(inner);
        assert_eq!(transactions.depth(), 0);
        let sql = transactions.take_pending_rollback(IN);
        assert_eq!(sql.as_deref(), Some("ROLLBACK"));
    }

    #[test]
    fn a_block_has_characteristics_of_its_own() {
        let serializable = Characteristics {
            isolation_level: Some(IsolationLevel::Serializable),
            ..Characteristics::default()
        };
        let mut transactions = Transactions::default();
        let expected = b"BEGIN ISOLATION LEVEL SERIALIZABLE".as_slice();
        for autocommit in [true, false] {
            transactions.change(|now| now.autocommit = autocommit);
            let usual = transactions.implicit_begin();
            let block = transactions.open_as(&serializable);
            assert_eq!(transactions.implicit_begin().as_deref(), Some(expected));
            transactions.close(&block);
            assert_eq!(transactions.implicit_begin(), usual);
            transactions.open_as(&serializable);
            transactions.close_all();
            assert_eq!(transactions.implicit_begin(), usual);
        }
    }

    #[test]
    fn characteristics_are_in_the_begin() {
        let mut transactions = Transactions::default();
        transactions.change(|now| {
            now.isolation_level = Some(IsolationLevel::Serializable);
            now.read_only = Some(true);
            now.deferrable = Some(false);
        });
        let begin = transactions.implicit_begin().unwrap();
        let expected = b"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY NOT DEFERRABLE";
        assert_eq!(&*begin, expected.as_slice());
    }
}
