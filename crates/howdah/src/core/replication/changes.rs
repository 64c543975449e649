//! What the plugin `pgoutput` tells.

use std::sync::Arc;

use howdah_types::PgLsn;
use howdah_types::datetime::TimestampTz;

use super::row::ChangedRow;

/// A change, or where a transaction begins or ends.
///
/// ```
/// use howdah::replication::{
///     Begin, Change, Commit, CommitPrepared, Delete, Insert, LogicalMessage, Origin, Prepared, RollbackPrepared, StreamAbort,
///     StreamCommit, StreamStart, Truncate, TypeName, Update,
/// };
///
/// /// What a change is, for a log.
/// fn told(change: &Change) -> String {
///     match change {
///         Change::Begin(Begin { xid, .. }) => format!("transaction {xid}"),
///         Change::Commit(Commit { end_lsn, .. }) => format!("committed up to {end_lsn}"),
///         Change::Origin(Origin { name, .. }) => format!("from {name}"),
///         Change::Relation(relation) => format!("table {}.{}", relation.schema, relation.name),
///         Change::Type(TypeName { name, .. }) => format!("type {name}"),
///         Change::Insert(Insert { relation, new, .. }) => format!("{} of {} columns", relation.name, new.len()),
///         Change::Update(Update { relation, old, .. }) => format!("{}: {}", relation.name, old.is_some()),
///         Change::Delete(Delete { relation, old, .. }) => format!("{} of {} columns", relation.name, old.row().len()),
///         Change::Truncate(Truncate { relations, .. }) => format!("{} tables are empty", relations.len()),
///         Change::Message(LogicalMessage { prefix, .. }) => format!("a message of {prefix}"),
///         Change::StreamStart(StreamStart { xid, .. }) => format!("part of {xid}"),
///         Change::StreamStop => "end of the part".into(),
///         Change::StreamCommit(StreamCommit { xid, .. }) => format!("{xid} is committed"),
///         Change::StreamAbort(StreamAbort { xid, .. }) => format!("{xid} is rolled back"),
///         Change::BeginPrepare(Prepared { gid, .. }) => format!("transaction {gid}"),
///         Change::Prepare(Prepared { gid, .. }) | Change::StreamPrepare(Prepared { gid, .. }) => format!("{gid} is prepared"),
///         Change::CommitPrepared(CommitPrepared { gid, .. }) => format!("{gid} is committed"),
///         Change::RollbackPrepared(RollbackPrepared { gid, .. }) => format!("{gid} is rolled back"),
///         _ => "something newer".into(),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// A transaction begins that was committed; its changes follow, up to `Commit`.
    Begin(Begin),
    /// The transaction ends that has begun.
    Commit(Commit),
    /// The transaction that has begun comes from another server.
    Origin(Origin),
    /// What a table is like: before its first change, and when that may be another.
    Relation(Arc<Relation>),
    /// The name of a type that is not built in.
    Type(TypeName),
    /// A row was inserted.
    Insert(Insert),
    /// A row was updated.
    Update(Update),
    /// A row was deleted.
    Delete(Delete),
    /// Tables were truncated.
    Truncate(Truncate),
    /// What `pg_logical_emit_message()` was given.
    Message(LogicalMessage),
    /// Changes follow of a transaction that is in progress, to be kept until its end.
    StreamStart(StreamStart),
    /// They end for now.
    StreamStop,
    /// A transaction was committed whose changes were streamed.
    StreamCommit(StreamCommit),
    /// A transaction was rolled back whose changes were streamed, or a part of it.
    StreamAbort(StreamAbort),
    /// A transaction begins that was prepared; its changes follow, up to `Prepare`.
    BeginPrepare(Prepared),
    /// The transaction ends that has begun: it is prepared.
    Prepare(Prepared),
    /// A transaction was prepared whose changes were streamed.
    StreamPrepare(Prepared),
    /// A prepared transaction was committed.
    CommitPrepared(CommitPrepared),
    /// A prepared transaction was rolled back.
    RollbackPrepared(RollbackPrepared),
}

impl Change {
    /// Where a transaction ends in the log, if this is its end: what is to be [confirmed](crate::replication::ReplicationStream::flushed) when all
    /// of it is durable.
    #[must_use]
    pub fn end_lsn(&self) -> Option<PgLsn> {
        match self {
            Self::Commit(commit) => Some(commit.end_lsn),
            Self::StreamCommit(commit) => Some(commit.end_lsn),
            Self::Prepare(prepared) | Self::StreamPrepare(prepared) => Some(prepared.end_lsn),
            Self::CommitPrepared(commit) => Some(commit.end_lsn),
            Self::RollbackPrepared(rollback) => Some(rollback.end_lsn),
            _ => None,
        }
    }

    /// The table of a change of a row.
    #[must_use]
    pub fn relation(&self) -> Option<&Relation> {
        match self {
            Self::Insert(insert) => Some(&insert.relation),
            Self::Update(update) => Some(&update.relation),
            Self::Delete(delete) => Some(&delete.relation),
            _ => None,
        }
    }

    /// The row that was inserted, or as it was updated.
    #[must_use]
    pub fn new_row(&self) -> Option<&ChangedRow> {
        match self {
            Self::Insert(insert) => Some(&insert.new),
            Self::Update(update) => Some(&update.new),
            _ => None,
        }
    }

    /// What is told of the row before it was updated or deleted.
    #[must_use]
    pub fn old(&self) -> Option<&Old> {
        match self {
            Self::Update(update) => update.old.as_ref(),
            Self::Delete(delete) => Some(&delete.old),
            _ => None,
        }
    }
}

/// What is told of a row as it was.
///
/// ```
/// use howdah::replication::{Change, Old};
///
/// fn deleted_id(change: &Change) -> Result<Option<i32>, howdah::Error> {
///     match change {
///         Change::Delete(delete) => match &delete.old {
///             Old::Key(key) | Old::Full(key) => key.get("id").map(Some),
///         },
///         _ => Ok(None),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub enum Old {
    /// The columns of its key.
    Key(ChangedRow),
    /// All columns: the replica identity is full.
    Full(ChangedRow),
}

impl Old {
    /// The row, or its key.
    #[must_use]
    pub fn row(&self) -> &ChangedRow {
        match self {
            Self::Key(row) | Self::Full(row) => row,
        }
    }
}

/// A table.
///
/// ```
/// use howdah::replication::{Relation, RelationColumn};
///
/// /// The columns by which a row is known.
/// fn key(relation: &Relation) -> Vec<&str> {
///     let key = relation.columns.iter().filter(|column| column.is_key);
///     key.map(|RelationColumn { name, .. }| name.as_str()).collect()
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Relation {
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What is told of a row that is updated or deleted: `d`, `n`, `f` or `i`, as in `pg_class`.
    pub replica_identity: char,
    /// The columns that are published.
    pub columns: Box<[RelationColumn]>,
}

/// A column of a table.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RelationColumn {
    /// Its name.
    pub name: String,
    /// OID of its type.
    pub type_oid: u32,
    /// The type's modifier, -1 if there is none.
    pub type_modifier: i32,
    /// Whether it is part of the key by which rows are known.
    pub is_key: bool,
}

/// A transaction begins that was committed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Begin {
    /// The transaction.
    pub xid: u32,
    /// Where its commit is in the log.
    pub final_lsn: PgLsn,
    /// When it was committed.
    pub committed_at: TimestampTz,
}

/// The transaction ends that has begun.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Commit {
    /// Where its commit is in the log.
    pub commit_lsn: PgLsn,
    /// Where it ends: what is to be confirmed when it is durable.
    pub end_lsn: PgLsn,
    /// When it was committed.
    pub committed_at: TimestampTz,
}

/// Where a transaction comes from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Origin {
    /// The name of the origin.
    pub name: String,
    /// Where its commit is in the log of that server.
    pub commit_lsn: PgLsn,
}

/// The name of a type.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TypeName {
    /// OID of the type.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The transaction in which it was told.
    pub xid: Option<u32>,
}

/// A row was inserted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Insert {
    /// Where.
    pub relation: Arc<Relation>,
    /// The row.
    pub new: ChangedRow,
    /// The transaction; in a streamed one, its subtransaction if there is one.
    pub xid: u32,
}

/// A row was updated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Update {
    /// Where.
    pub relation: Arc<Relation>,
    /// The row; large values that were not changed are not sent.
    pub new: ChangedRow,
    /// What it was before: told if its key has changed, or if the replica identity is full.
    pub old: Option<Old>,
    /// The transaction; in a streamed one, its subtransaction if there is one.
    pub xid: u32,
}

/// A row was deleted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delete {
    /// Where.
    pub relation: Arc<Relation>,
    /// What it was.
    pub old: Old,
    /// The transaction; in a streamed one, its subtransaction if there is one.
    pub xid: u32,
}

/// Tables were truncated.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Truncate {
    /// Which.
    pub relations: Vec<Arc<Relation>>,
    /// Whether `CASCADE` was said.
    pub cascade: bool,
    /// Whether `RESTART IDENTITY` was said.
    pub restart_identity: bool,
    /// The transaction; in a streamed one, its subtransaction if there is one.
    pub xid: u32,
}

/// What `pg_logical_emit_message()` was given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogicalMessage {
    /// What kind of message it is, by the program's choice.
    pub prefix: String,
    /// The message.
    pub content: Vec<u8>,
    /// Where it is in the log.
    pub lsn: PgLsn,
    /// Whether it is part of a transaction; if not, it comes by itself, whatever becomes of that.
    pub is_transactional: bool,
    /// The transaction that it is part of.
    pub xid: Option<u32>,
}

/// Changes follow of a transaction in progress.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamStart {
    /// The transaction.
    pub xid: u32,
    /// Whether these are its first.
    pub is_first: bool,
}

/// A streamed transaction was committed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamCommit {
    /// The transaction.
    pub xid: u32,
    /// Where its commit is in the log.
    pub commit_lsn: PgLsn,
    /// Where it ends: what is to be confirmed when it is durable.
    pub end_lsn: PgLsn,
    /// When it was committed.
    pub committed_at: TimestampTz,
}

/// A streamed transaction was rolled back, or a part of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamAbort {
    /// The transaction.
    pub xid: u32,
    /// The subtransaction whose changes are void; the same as `xid` if all are.
    pub subxid: u32,
    /// Where the rollback is in the log, and when it was: with [`Streaming::Parallel`](crate::replication::Streaming::Parallel).
    pub aborted: Option<(PgLsn, TimestampTz)>,
}

/// A prepared transaction.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Prepared {
    /// Its name.
    pub gid: String,
    /// The transaction.
    pub xid: u32,
    /// Where its `PREPARE TRANSACTION` is in the log.
    pub prepare_lsn: PgLsn,
    /// Where that ends: once this is confirmed, its changes do not come again.
    pub end_lsn: PgLsn,
    /// When it was prepared.
    pub prepared_at: TimestampTz,
}

/// A prepared transaction was committed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CommitPrepared {
    /// Its name.
    pub gid: String,
    /// The transaction.
    pub xid: u32,
    /// Where its `COMMIT PREPARED` is in the log.
    pub commit_lsn: PgLsn,
    /// Where that ends.
    pub end_lsn: PgLsn,
    /// When it was committed.
    pub committed_at: TimestampTz,
}

/// A prepared transaction was rolled back.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RollbackPrepared {
    /// Its name.
    pub gid: String,
    /// The transaction.
    pub xid: u32,
    /// Where its `PREPARE TRANSACTION` ends in the log.
    pub prepare_end_lsn: PgLsn,
    /// Where its `ROLLBACK PREPARED` ends.
    pub end_lsn: PgLsn,
    /// When it was prepared.
    pub prepared_at: TimestampTz,
    /// When it was rolled back.
    pub rolled_back_at: TimestampTz,
}
