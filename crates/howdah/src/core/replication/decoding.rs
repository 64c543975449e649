//! Changes of the messages of `pgoutput`.

use std::collections::HashMap;
use std::sync::Arc;

use howdah_protocol::connection::{Columns, RowSet};
use howdah_protocol::replication::pgoutput::{self, Decoder, Message, Tuple};
use howdah_protocol::wire::Format;
use howdah_protocol::wire::backend::FieldDescription;
use howdah_types::PgLsn;
use howdah_types::datetime::TimestampTz;
use howdah_types::memory::{self, OutOfMemory};

use super::changes::{
    Begin, Change, Commit, CommitPrepared, Delete, Insert, LogicalMessage, Old, Origin, Prepared,
    Relation, RelationColumn, RollbackPrepared, StreamAbort, StreamCommit, StreamStart, Truncate,
    TypeName, Update,
};
use super::row::ChangedRow;
use crate::core::Core;
use crate::error::{Error, Result};

/// What makes changes of the messages of one stream.
#[derive(Debug)]
pub(super) struct Decoding {
    decoder: Decoder,
    /// The transaction that the next change belongs to, unless it says so itself.
    xid: Option<u32>,
    relations: HashMap<u32, Known>,
}

/// A relation as users know it.
#[derive(Debug)]
struct Known {
    described: Arc<pgoutput::Relation>,
    relation: Arc<Relation>,
    /// The columns of the last row, which most often are those of the next.
    columns: Columns,
}

impl Decoding {
    pub(super) fn new(version: u8) -> Self {
        Self {
            decoder: Decoder::new(version),
            xid: None,
            relations: HashMap::new(),
        }
    }

    /// The change in a message.
    pub(super) fn decode(&mut self, payload: &[u8], core: &Core) -> Result<Change> {
        let message = self.decoder.decode(payload);
        let message = message.map_err(|error| Error::shape(error.to_string()))?;
        match &message {
            Message::Begin(begin) => self.xid = Some(begin.xid),
            Message::BeginPrepare(begin) => self.xid = Some(begin.xid),
            _ if !self.decoder.is_in_transaction() => self.xid = None,
            _ => {}
        }
        match message {
            Message::Relation(described) => {
                Ok(Change::Relation(self.relation(&described.relation)))
            }
            Message::Insert(insert) => Ok(Change::Insert(Insert {
                new: self.row(&insert.relation, insert.new, false, core)?,
                relation: self.relation(&insert.relation),
                xid: self.xid_of(insert.xid),
            })),
            Message::Update(update) => Ok(Change::Update(Update {
                new: self.row(&update.relation, update.new, false, core)?,
                old: match update.old {
                    Some(old) => Some(self.old(&update.relation, old, core)?),
                    None => None,
                },
                relation: self.relation(&update.relation),
                xid: self.xid_of(update.xid),
            })),
            Message::Delete(delete) => Ok(Change::Delete(Delete {
                old: self.old(&delete.relation, delete.old, core)?,
                relation: self.relation(&delete.relation),
                xid: self.xid_of(delete.xid),
            })),
            Message::Truncate(truncate) => Ok(Change::Truncate(Truncate {
                relations: truncate
                    .relations
                    .iter()
                    .map(|each| self.relation(each))
                    .collect(),
                cascade: truncate.cascade,
                restart_identity: truncate.restart_identity,
                xid: self.xid_of(truncate.xid),
            })),
            Message::Type(named) => Ok(Change::Type(TypeName {
                oid: named.oid,
                schema: schema(named.namespace),
                name: text(named.name),
                xid: named.xid.or(self.xid),
            })),
            Message::Logical(logical) => {
                let own = self.xid.filter(|_| logical.is_transactional);
                Ok(Change::Message(LogicalMessage {
                    prefix: text(logical.prefix),
                    content: logical.content.to_vec(),
                    lsn: PgLsn(logical.lsn),
                    is_transactional: logical.is_transactional,
                    xid: logical.xid.or(own),
                }))
            }
            other => boundary(&other),
        }
    }

    fn xid_of(&self, own: Option<u32>) -> u32 {
        own.or(self.xid).unwrap_or_default()
    }

    fn old(
        &mut self,
        relation: &Arc<pgoutput::Relation>,
        old: pgoutput::Old<'_>,
        core: &Core,
    ) -> Result<Old> {
        Ok(match old {
            pgoutput::Old::Key(tuple) => Old::Key(self.row(relation, tuple, true, core)?),
            pgoutput::Old::Full(tuple) => Old::Full(self.row(relation, tuple, false, core)?),
        })
    }

    fn relation(&mut self, described: &Arc<pgoutput::Relation>) -> Arc<Relation> {
        Arc::clone(&self.known(described).relation)
    }

    fn known(&mut self, described: &Arc<pgoutput::Relation>) -> &mut Known {
        let known = self
            .relations
            .entry(described.oid)
            .or_insert_with(|| Known::new(described));
        if !Arc::ptr_eq(&known.described, described) {
            *known = Known::new(described);
        }
        known
    }

    /// A row, or the key of one.
    fn row(
        &mut self,
        relation: &Arc<pgoutput::Relation>,
        tuple: Tuple<'_>,
        is_key: bool,
        core: &Core,
    ) -> Result<ChangedRow> {
        let laid_out = LaidOut::of(relation, tuple, is_key);
        let laid_out = laid_out.map_err(|_| Error::rows_out_of_memory())?;
        let columns = match is_key {
            true => columns(relation, &laid_out.formats, true),
            false => self.known(relation).columns(&laid_out.formats),
        };
        let rows = RowSet::of_row(laid_out.body);
        let parameters = core.session.connection().shared_parameters();
        let row = core.known.some(columns, rows, parameters).row(0);
        let row = row.ok_or_else(Error::rows_out_of_memory)?;
        Ok(ChangedRow::new(row, laid_out.unchanged))
    }
}

impl Known {
    fn new(described: &Arc<pgoutput::Relation>) -> Self {
        let column = |column: &pgoutput::Column| RelationColumn {
            name: text(&column.name),
            type_oid: column.type_oid,
            type_modifier: column.type_modifier,
            is_key: column.is_key,
        };
        let relation = Relation {
            oid: described.oid,
            schema: schema(&described.namespace),
            name: text(&described.name),
            replica_identity: char::from(described.replica_identity),
            columns: described.columns.iter().map(column).collect(),
        };
        Self {
            described: Arc::clone(described),
            relation: Arc::new(relation),
            columns: columns(described, &[], false),
        }
    }

    /// The columns with these formats.
    fn columns(&mut self, formats: &[Format]) -> Columns {
        let same = self.columns.iter().map(|field| &field.format).eq(formats);
        if !same {
            self.columns = columns(&self.described, formats, false);
        }
        Arc::clone(&self.columns)
    }
}

/// The columns of a relation, or of its key.
fn columns(relation: &pgoutput::Relation, formats: &[Format], is_key: bool) -> Columns {
    let wanted = relation
        .columns
        .iter()
        .filter(|column| column.is_key || !is_key);
    let formats = formats
        .iter()
        .copied()
        .chain(std::iter::repeat(Format::Text));
    let field = |(column, format): (&pgoutput::Column, Format)| FieldDescription {
        name: column.name.clone(),
        table_oid: relation.oid,
        column_id: 0,
        type_oid: column.type_oid,
        type_size: -1,
        type_modifier: column.type_modifier,
        format,
    };
    wanted.zip(formats).map(field).collect()
}

/// A row as a result has it.
struct LaidOut {
    body: Vec<u8>,
    formats: Vec<Format>,
    unchanged: Vec<usize>,
}

impl LaidOut {
    fn of(
        relation: &pgoutput::Relation,
        tuple: Tuple<'_>,
        is_key: bool,
    ) -> std::result::Result<Self, OutOfMemory> {
        let mut row = Self {
            body: vec![0, 0],
            formats: Vec::new(),
            unchanged: Vec::new(),
        };
        memory::room(&mut row.formats, tuple.len())?;
        for (column, value) in relation.columns.iter().zip(tuple.values()) {
            if column.is_key || !is_key {
                row.push(value)?;
            }
        }
        // A relation has 1,600 columns at most.
        let count = i16::try_from(row.formats.len()).unwrap_or(i16::MAX);
        if let Some(place) = row.body.get_mut(..2) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        Ok(row)
    }

    fn push(&mut self, value: pgoutput::Value<'_>) -> std::result::Result<(), OutOfMemory> {
        let (bytes, format) = match value {
            pgoutput::Value::Text(bytes) => (Some(bytes), Format::Text),
            pgoutput::Value::Binary(bytes) => (Some(bytes), Format::Binary),
            pgoutput::Value::Null => (None, Format::Text),
            pgoutput::Value::Unchanged => {
                self.unchanged.push(self.formats.len());
                (None, Format::Text)
            }
        };
        self.formats.push(format);
        let len = bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        let bytes = bytes.unwrap_or_default();
        memory::room(&mut self.body, bytes.len() + 4)?;
        self.body.extend_from_slice(&len.to_be_bytes());
        self.body.extend_from_slice(bytes);
        Ok(())
    }
}

/// Where transactions begin and end.
fn boundary(message: &Message<'_>) -> Result<Change> {
    Ok(match message {
        Message::Begin(begin) => Change::Begin(Begin {
            xid: begin.xid,
            final_lsn: PgLsn(begin.final_lsn),
            committed_at: time(begin.committed_at),
        }),
        Message::Commit(commit) => Change::Commit(Commit {
            commit_lsn: PgLsn(commit.commit_lsn),
            end_lsn: PgLsn(commit.end_lsn),
            committed_at: time(commit.committed_at),
        }),
        Message::Origin(origin) => Change::Origin(Origin {
            name: text(origin.name),
            commit_lsn: PgLsn(origin.commit_lsn),
        }),
        Message::StreamStart(start) => Change::StreamStart(StreamStart {
            xid: start.xid,
            is_first: start.is_first,
        }),
        Message::StreamStop => Change::StreamStop,
        Message::StreamCommit(commit) => Change::StreamCommit(StreamCommit {
            xid: commit.xid,
            commit_lsn: PgLsn(commit.commit_lsn),
            end_lsn: PgLsn(commit.end_lsn),
            committed_at: time(commit.committed_at),
        }),
        Message::StreamAbort(abort) => Change::StreamAbort(StreamAbort {
            xid: abort.xid,
            subxid: abort.subxid,
            aborted: abort.aborted.map(|(lsn, at)| (PgLsn(lsn), time(at))),
        }),
        other => return two_phase(other),
    })
}

fn two_phase(message: &Message<'_>) -> Result<Change> {
    let prepared = |message: &pgoutput::Prepare<'_>| Prepared {
        gid: text(message.gid),
        xid: message.xid,
        prepare_lsn: PgLsn(message.prepare_lsn),
        end_lsn: PgLsn(message.end_lsn),
        prepared_at: time(message.prepared_at),
    };
    Ok(match message {
        Message::BeginPrepare(prepare) => Change::BeginPrepare(prepared(prepare)),
        Message::Prepare(prepare) => Change::Prepare(prepared(prepare)),
        Message::StreamPrepare(prepare) => Change::StreamPrepare(prepared(prepare)),
        Message::CommitPrepared(commit) => Change::CommitPrepared(CommitPrepared {
            gid: text(commit.gid),
            xid: commit.xid,
            commit_lsn: PgLsn(commit.commit_lsn),
            end_lsn: PgLsn(commit.end_lsn),
            committed_at: time(commit.committed_at),
        }),
        Message::RollbackPrepared(rollback) => Change::RollbackPrepared(RollbackPrepared {
            gid: text(rollback.gid),
            xid: rollback.xid,
            prepare_end_lsn: PgLsn(rollback.prepare_end_lsn),
            end_lsn: PgLsn(rollback.end_lsn),
            prepared_at: time(rollback.prepared_at),
            rolled_back_at: time(rollback.rolled_back_at),
        }),
        _ => return Err(Error::shape("a message of pgoutput that is not known")),
    })
}

fn time(micros: i64) -> TimestampTz {
    TimestampTz { micros }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn schema(name: &[u8]) -> String {
    match name {
        b"" => "pg_catalog".to_owned(),
        name => text(name),
    }
}
