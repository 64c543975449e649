//! Reading messages, and what can come after what.

use std::sync::Arc;

use super::{
    Begin, Column, Commit, CommitPrepared, Decoder, Delete, Described, Insert, Logical,
    MAX_RELATION_BYTES, Message, Old, Origin, Prepare, Relation, RollbackPrepared, StreamAbort,
    StreamCommit, StreamStart, Truncate, Tuple, TypeName, Update,
};
use crate::error::ProtocolError;
use crate::memory;
use crate::wire::Reader;

/// What the next message belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No transaction.
    Outside,
    /// One that was committed.
    Begun,
    /// One that was prepared.
    Preparing,
    /// One in progress.
    Streaming,
}

pub(super) fn decode<'a>(
    decoder: &mut Decoder,
    payload: &'a [u8],
) -> Result<Message<'a>, ProtocolError> {
    let tag = payload.first().copied().unwrap_or_default();
    let Some((name, version)) = known(tag) else {
        return Err(ProtocolError::malformed("message of pgoutput"));
    };
    let after = match next_state(decoder.state, tag) {
        Some(after) if version <= decoder.version => after,
        _ => {
            let expecting = "another message of pgoutput";
            return Err(ProtocolError::unexpected(name, expecting));
        }
    };
    let mut r = Reader::new(payload, name);
    r.u8()?;
    let message = match tag {
        b'I' | b'U' | b'D' | b'T' => change(decoder, tag, &mut r)?,
        b'R' => described(decoder, &mut r)?,
        b'O' | b'Y' | b'M' => named(decoder, tag, &mut r)?,
        b'S' | b'E' | b'c' | b'A' => streaming(tag, &mut r)?,
        b'B' | b'C' => boundary(tag, &mut r)?,
        _ => prepared(tag, &mut r)?,
    };
    r.finish()?;
    if let Message::Relation(described) = &message {
        keep(decoder, &described.relation)?;
    }
    decoder.state = after;
    Ok(message)
}

/// The name of a message, and since which version it is sent.
fn known(tag: u8) -> Option<(&'static str, u8)> {
    Some(match tag {
        b'B' => ("Begin", 1),
        b'C' => ("Commit", 1),
        b'O' => ("Origin", 1),
        b'R' => ("Relation", 1),
        b'Y' => ("Type", 1),
        b'I' => ("Insert", 1),
        b'U' => ("Update", 1),
        b'D' => ("Delete", 1),
        b'T' => ("Truncate", 1),
        b'M' => ("Message", 1),
        b'S' => ("Stream Start", 2),
        b'E' => ("Stream Stop", 2),
        b'c' => ("Stream Commit", 2),
        b'A' => ("Stream Abort", 2),
        b'b' => ("Begin Prepare", 3),
        b'P' => ("Prepare", 3),
        b'K' => ("Commit Prepared", 3),
        b'r' => ("Rollback Prepared", 3),
        b'p' => ("Stream Prepare", 3),
        _ => return None,
    })
}

/// The state behind a message, if it can come.
fn next_state(state: State, tag: u8) -> Option<State> {
    match (state, tag) {
        // Those that are no part of a transaction come whenever they were written.
        (_, b'M') => Some(state),
        (State::Outside, b'B') => Some(State::Begun),
        (State::Outside, b'b') => Some(State::Preparing),
        (State::Outside, b'S') => Some(State::Streaming),
        (State::Begun, b'C') | (State::Preparing, b'P') | (State::Streaming, b'E') => {
            Some(State::Outside)
        }
        (State::Outside, b'c' | b'A' | b'K' | b'r' | b'p') => Some(State::Outside),
        (State::Outside, _) => None,
        (_, b'O' | b'R' | b'Y' | b'I' | b'U' | b'D' | b'T') => Some(state),
        _ => None,
    }
}

/// The transaction that a message within a streamed one names.
fn xid(decoder: &Decoder, r: &mut Reader<'_>) -> Result<Option<u32>, ProtocolError> {
    match decoder.state {
        State::Streaming => r.u32().map(Some),
        _ => Ok(None),
    }
}

fn boundary<'a>(tag: u8, r: &mut Reader<'a>) -> Result<Message<'a>, ProtocolError> {
    if tag == b'B' {
        return Ok(Message::Begin(Begin {
            final_lsn: r.u64()?,
            committed_at: r.i64()?,
            xid: r.u32()?,
        }));
    }
    no_flags(r)?;
    Ok(Message::Commit(Commit {
        commit_lsn: r.u64()?,
        end_lsn: r.u64()?,
        committed_at: r.i64()?,
    }))
}

fn streaming<'a>(tag: u8, r: &mut Reader<'a>) -> Result<Message<'a>, ProtocolError> {
    Ok(match tag {
        b'S' => Message::StreamStart(StreamStart {
            xid: r.u32()?,
            is_first: r.u8()? == 1,
        }),
        b'E' => Message::StreamStop,
        b'c' => {
            let xid = r.u32()?;
            no_flags(r)?;
            Message::StreamCommit(StreamCommit {
                xid,
                commit_lsn: r.u64()?,
                end_lsn: r.u64()?,
                committed_at: r.i64()?,
            })
        }
        _ => Message::StreamAbort(StreamAbort {
            xid: r.u32()?,
            subxid: r.u32()?,
            aborted: match r.remaining() {
                0 => None,
                _ => Some((r.u64()?, r.i64()?)),
            },
        }),
    })
}

fn prepared<'a>(tag: u8, r: &mut Reader<'a>) -> Result<Message<'a>, ProtocolError> {
    if tag != b'b' {
        no_flags(r)?;
    }
    Ok(match tag {
        b'K' => Message::CommitPrepared(CommitPrepared {
            commit_lsn: r.u64()?,
            end_lsn: r.u64()?,
            committed_at: r.i64()?,
            xid: r.u32()?,
            gid: r.cstr()?,
        }),
        b'r' => Message::RollbackPrepared(RollbackPrepared {
            prepare_end_lsn: r.u64()?,
            end_lsn: r.u64()?,
            prepared_at: r.i64()?,
            rolled_back_at: r.i64()?,
            xid: r.u32()?,
            gid: r.cstr()?,
        }),
        _ => {
            let prepare = Prepare {
                prepare_lsn: r.u64()?,
                end_lsn: r.u64()?,
                prepared_at: r.i64()?,
                xid: r.u32()?,
                gid: r.cstr()?,
            };
            match tag {
                b'b' => Message::BeginPrepare(prepare),
                b'P' => Message::Prepare(prepare),
                _ => Message::StreamPrepare(prepare),
            }
        }
    })
}

fn named<'a>(decoder: &Decoder, tag: u8, r: &mut Reader<'a>) -> Result<Message<'a>, ProtocolError> {
    if tag == b'O' {
        return Ok(Message::Origin(Origin {
            commit_lsn: r.u64()?,
            name: r.cstr()?,
        }));
    }
    let xid = xid(decoder, r)?;
    if tag == b'Y' {
        return Ok(Message::Type(TypeName {
            xid,
            oid: r.u32()?,
            namespace: r.cstr()?,
            name: r.cstr()?,
        }));
    }
    let flags = r.u8()?;
    let lsn = r.u64()?;
    let prefix = r.cstr()?;
    let Some(content) = r.value()? else {
        return Err(r.malformed("a length is negative"));
    };
    Ok(Message::Logical(Logical {
        xid,
        is_transactional: flags & 1 != 0,
        lsn,
        prefix,
        content,
    }))
}

fn change<'a>(
    decoder: &Decoder,
    tag: u8,
    r: &mut Reader<'a>,
) -> Result<Message<'a>, ProtocolError> {
    let xid = xid(decoder, r)?;
    if tag == b'T' {
        return truncate(decoder, xid, r);
    }
    let relation = relation(decoder, r)?;
    let width = relation.columns.len();
    let old = match (tag, r.u8()?) {
        (b'I' | b'U', b'N') => None,
        (b'U' | b'D', b'K') => Some(Old::Key(Tuple::read(r, width)?)),
        (b'U' | b'D', b'O') => Some(Old::Full(Tuple::read(r, width)?)),
        _ => return Err(r.malformed("unknown kind of row")),
    };
    if let (b'D', Some(old)) = (tag, old) {
        return Ok(Message::Delete(Delete { xid, relation, old }));
    }
    if old.is_some() && r.u8()? != b'N' {
        return Err(r.malformed("no new row"));
    }
    let new = Tuple::read(r, width)?;
    Ok(match tag {
        b'I' => Message::Insert(Insert { xid, relation, new }),
        _ => Message::Update(Update {
            xid,
            relation,
            old,
            new,
        }),
    })
}

fn truncate<'a>(
    decoder: &Decoder,
    xid: Option<u32>,
    r: &mut Reader<'a>,
) -> Result<Message<'a>, ProtocolError> {
    let Ok(count) = usize::try_from(r.i32()?) else {
        return Err(r.malformed("a count is negative"));
    };
    let options = r.u8()?;
    if count > r.remaining() / size_of::<u32>() {
        return Err(r.malformed("a count is larger than the message"));
    }
    let mut relations = Vec::new();
    memory::room(&mut relations, count)?;
    for _ in 0..count {
        relations.push(relation(decoder, r)?);
    }
    Ok(Message::Truncate(Truncate {
        xid,
        cascade: options & 1 != 0,
        restart_identity: options & 2 != 0,
        relations,
    }))
}

/// The relation whose OID comes next, which must have been described.
fn relation(decoder: &Decoder, r: &mut Reader<'_>) -> Result<Arc<Relation>, ProtocolError> {
    let oid = r.u32()?;
    let relation = decoder.relations.get(&oid);
    let relation = relation.ok_or_else(|| r.malformed("a relation was not described"))?;
    Ok(Arc::clone(relation))
}

fn described<'a>(decoder: &Decoder, r: &mut Reader<'a>) -> Result<Message<'a>, ProtocolError> {
    let xid = xid(decoder, r)?;
    let oid = r.u32()?;
    let namespace = memory::boxed(r.cstr()?)?;
    let name = memory::boxed(r.cstr()?)?;
    let replica_identity = r.u8()?;
    // Flags, an empty name, type and modifier.
    let count = r.count(10)?;
    let mut columns = Vec::new();
    memory::room(&mut columns, count)?;
    for _ in 0..count {
        columns.push(Column {
            is_key: r.u8()? & 1 != 0,
            name: memory::boxed(r.cstr()?)?,
            type_oid: r.u32()?,
            type_modifier: r.i32()?,
        });
    }
    Ok(Message::Relation(Described {
        xid,
        relation: Arc::new(Relation {
            oid,
            namespace,
            name,
            replica_identity,
            columns: columns.into(),
        }),
    }))
}

/// Keeps what a relation is like, within the bound.
fn keep(decoder: &mut Decoder, relation: &Arc<Relation>) -> Result<(), ProtocolError> {
    let before = decoder.relations.get(&relation.oid);
    let before = before.map_or(0, |before| size(before));
    let after = decoder.relation_bytes.saturating_sub(before) + size(relation);
    if after > MAX_RELATION_BYTES {
        let text = "the server has described more relations than can be kept";
        return Err(ProtocolError::refused(text));
    }
    decoder.relation_bytes = after;
    decoder.relations.insert(relation.oid, Arc::clone(relation));
    Ok(())
}

/// About how much memory a relation takes.
fn size(relation: &Relation) -> usize {
    let names = relation.columns.iter().map(|column| column.name.len());
    let own = size_of::<Relation>() + relation.namespace.len() + relation.name.len();
    own + relation.columns.len() * size_of::<Column>() + names.sum::<usize>()
}

/// A byte of flags, of which there are none so far.
fn no_flags(r: &mut Reader<'_>) -> Result<(), ProtocolError> {
    match r.u8()? {
        0 => Ok(()),
        _ => Err(r.malformed("unknown flags")),
    }
}
