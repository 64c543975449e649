//! What the output plugin `pgoutput` sends: the changes of transactions, in the protocol's versions 1 to 4.
//!
//! ```
//! use howdah_protocol::replication::pgoutput::{Decoder, Message};
//!
//! let mut decoder = Decoder::new(1);
//! let begin = b"B\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x02\0\0\0\x07";
//! let Message::Begin(begin) = decoder.decode(begin)? else { panic!() };
//! assert_eq!((begin.final_lsn, begin.committed_at, begin.xid), (256, 2, 7));
//! # Ok::<(), howdah_protocol::error::ProtocolError>(())
//! ```
//!
//! Positions in the log are numbers; times are microseconds since the beginning of the year 2000 in UTC. Names are in the
//! client encoding.

mod decode;
#[cfg(test)]
mod tests;
mod tuple;

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::ProtocolError;
use decode::State;

pub use tuple::{Tuple, Value, Values};

/// The newest version of the protocol that is understood.
pub const NEWEST_VERSION: u8 = 4;

/// How much memory the descriptions of relations may take, in bytes.
pub const MAX_RELATION_BYTES: usize = 64 * 1024 * 1024;

/// Reads the messages of one stream, in their order: relations are described once, and within a streamed transaction messages have
/// another layout.
#[derive(Debug)]
pub struct Decoder {
    version: u8,
    state: State,
    relations: HashMap<u32, Arc<Relation>>,
    relation_bytes: usize,
}

impl Decoder {
    /// A decoder for the version that the stream was started with, as `proto_version`.
    #[must_use]
    pub fn new(version: u8) -> Self {
        Self {
            version,
            state: State::Outside,
            relations: HashMap::new(),
            relation_bytes: 0,
        }
    }

    /// Reads the next message.
    ///
    /// # Errors
    /// The bytes are no message, or not one that can come next. The decoder is as before.
    pub fn decode<'a>(&mut self, payload: &'a [u8]) -> Result<Message<'a>, ProtocolError> {
        decode::decode(self, payload)
    }

    /// Whether the next message belongs to a transaction whose end has not come.
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        self.state != State::Outside
    }

    /// A relation that has been described.
    #[must_use]
    pub fn relation(&self, oid: u32) -> Option<&Arc<Relation>> {
        self.relations.get(&oid)
    }
}

/// A message.
///
/// The transaction of a change is the one that has begun; within a streamed one, where several may be under way, each change has an
/// `xid` of its own, which is that of its subtransaction if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// A committed transaction begins.
    Begin(Begin),
    /// It ends.
    Commit(Commit),
    /// The transaction that has begun comes from another server, by the name of its origin here.
    Origin(Origin<'a>),
    /// What a relation is like: before its first change, and whenever that may be another.
    Relation(Described),
    /// The name of a type of a relation's that is not built in.
    Type(TypeName<'a>),
    /// A row was inserted.
    Insert(Insert<'a>),
    /// A row was updated.
    Update(Update<'a>),
    /// A row was deleted.
    Delete(Delete<'a>),
    /// Relations were truncated.
    Truncate(Truncate),
    /// What `pg_logical_emit_message()` was given.
    Logical(Logical<'a>),
    /// Changes of a transaction in progress follow.
    StreamStart(StreamStart),
    /// They end for now.
    StreamStop,
    /// A streamed transaction was committed.
    StreamCommit(StreamCommit),
    /// A streamed transaction, or a subtransaction of it, was rolled back.
    StreamAbort(StreamAbort),
    /// A prepared transaction begins.
    BeginPrepare(Prepare<'a>),
    /// It ends: it is prepared.
    Prepare(Prepare<'a>),
    /// A prepared transaction was committed.
    CommitPrepared(CommitPrepared<'a>),
    /// A prepared transaction was rolled back.
    RollbackPrepared(RollbackPrepared<'a>),
    /// A streamed transaction was prepared.
    StreamPrepare(Prepare<'a>),
}

/// A committed transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// Where its commit is in the log.
    pub final_lsn: u64,
    /// When it was committed.
    pub committed_at: i64,
    /// Its number.
    pub xid: u32,
}

/// A transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Where its commit is in the log.
    pub commit_lsn: u64,
    /// Where it ends: what is to be confirmed when it is durable.
    pub end_lsn: u64,
    /// When it was committed.
    pub committed_at: i64,
}

/// Where a transaction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// Where its commit is in the log of that server.
    pub commit_lsn: u64,
    /// The name of the origin.
    pub name: &'a [u8],
}

/// A relation was described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The streamed transaction in which it was.
    pub xid: Option<u32>,
    /// What it is like from here on.
    pub relation: Arc<Relation>,
}

/// A relation, most often a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its OID.
    pub oid: u32,
    /// Its schema; `pg_catalog` is empty.
    pub namespace: Box<[u8]>,
    /// Its name.
    pub name: Box<[u8]>,
    /// What of a row is told when it is updated or deleted, as in `pg_class`: `d`, `n`, `f` or `i`.
    pub replica_identity: u8,
    /// The columns that are published.
    pub columns: Box<[Column]>,
}

/// A column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Box<[u8]>,
    /// Whether it is part of the key by which rows are known.
    pub is_key: bool,
    /// OID of its type.
    pub type_oid: u32,
    /// The type's modifier, -1 if there is none.
    pub type_modifier: i32,
}

/// The name of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName<'a> {
    /// The streamed transaction in which it was told.
    pub xid: Option<u32>,
    /// OID of the type.
    pub oid: u32,
    /// Its schema; `pg_catalog` is empty.
    pub namespace: &'a [u8],
    /// Its name.
    pub name: &'a [u8],
}

/// A row was inserted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Insert<'a> {
    /// The streamed transaction, or its subtransaction.
    pub xid: Option<u32>,
    /// Where.
    pub relation: Arc<Relation>,
    /// The row.
    pub new: Tuple<'a>,
}

/// A row was updated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update<'a> {
    /// The streamed transaction, or its subtransaction.
    pub xid: Option<u32>,
    /// Where.
    pub relation: Arc<Relation>,
    /// What the row was before: told if its key has changed, or if the replica identity is `f`.
    pub old: Option<Old<'a>>,
    /// The row.
    pub new: Tuple<'a>,
}

/// A row was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delete<'a> {
    /// The streamed transaction, or its subtransaction.
    pub xid: Option<u32>,
    /// Where.
    pub relation: Arc<Relation>,
    /// What the row was.
    pub old: Old<'a>,
}

/// What is told of a row as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old<'a> {
    /// The columns of its key; the others are NULL here, whatever they were.
    Key(Tuple<'a>),
    /// All columns.
    Full(Tuple<'a>),
}

/// Relations were truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncate {
    /// The streamed transaction, or its subtransaction.
    pub xid: Option<u32>,
    /// Whether `CASCADE` was said.
    pub cascade: bool,
    /// Whether `RESTART IDENTITY` was said.
    pub restart_identity: bool,
    /// Which.
    pub relations: Vec<Arc<Relation>>,
}

/// A message that a program has put into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logical<'a> {
    /// The streamed transaction, or its subtransaction.
    pub xid: Option<u32>,
    /// Whether it belongs to the transaction; otherwise it comes by itself, whatever becomes of that.
    pub is_transactional: bool,
    /// Where it is in the log.
    pub lsn: u64,
    /// What kind of message it is, by the program's choice.
    pub prefix: &'a [u8],
    /// The message.
    pub content: &'a [u8],
}

/// Changes of a transaction in progress follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamStart {
    /// The transaction.
    pub xid: u32,
    /// Whether these are its first.
    pub is_first: bool,
}

/// A streamed transaction was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCommit {
    /// The transaction.
    pub xid: u32,
    /// Where its commit is in the log.
    pub commit_lsn: u64,
    /// Where it ends: what is to be confirmed when it is durable.
    pub end_lsn: u64,
    /// When it was committed.
    pub committed_at: i64,
}

/// A streamed transaction was rolled back, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamAbort {
    /// The transaction.
    pub xid: u32,
    /// The subtransaction whose changes are void; the same as `xid` if all are.
    pub subxid: u32,
    /// Where the rollback is in the log, and when it was: of version 4 with `streaming` set to `parallel`.
    pub aborted: Option<(u64, i64)>,
}

/// A transaction that was prepared, at its beginning and at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepare<'a> {
    /// Where its `PREPARE TRANSACTION` is in the log.
    pub prepare_lsn: u64,
    /// Where that ends: what is to be confirmed when it is durable. It does not come again then.
    pub end_lsn: u64,
    /// When it was prepared.
    pub prepared_at: i64,
    /// The transaction.
    pub xid: u32,
    /// Its name.
    pub gid: &'a [u8],
}

/// A prepared transaction was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitPrepared<'a> {
    /// Where its `COMMIT PREPARED` is in the log.
    pub commit_lsn: u64,
    /// Where that ends.
    pub end_lsn: u64,
    /// When it was committed.
    pub committed_at: i64,
    /// The transaction.
    pub xid: u32,
    /// Its name.
    pub gid: &'a [u8],
}

/// A prepared transaction was rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackPrepared<'a> {
    /// Where its `PREPARE TRANSACTION` ends in the log.
    pub prepare_end_lsn: u64,
    /// Where its `ROLLBACK PREPARED` ends.
    pub end_lsn: u64,
    /// When it was prepared.
    pub prepared_at: i64,
    /// When it was rolled back.
    pub rolled_back_at: i64,
    /// The transaction.
    pub xid: u32,
    /// Its name.
    pub gid: &'a [u8],
}
