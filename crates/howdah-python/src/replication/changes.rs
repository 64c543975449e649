//! Messages of `pgoutput` as objects of Python's, their rows loaded as those of results are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use howdah_adapt::load::{self, Loader};
use howdah_adapt::{Adaptation, LoadContext, SessionSettings, lock};
use howdah_ffi::values::bytes;
use howdah_protocol::error::ProtocolError;
use howdah_protocol::replication::pgoutput::{Decoder, Message, Old, Relation, Tuple, Value};
use howdah_protocol::wire::Format;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors;
use crate::imports;

/// What makes changes of the messages of one stream.
pub(super) struct Decoding {
    adaptation: Adaptation,
    inner: Mutex<Inner>,
}

struct Inner {
    decoder: Decoder,
    /// The transaction that the next change belongs to, unless it says so itself.
    xid: Option<u32>,
    relations: HashMap<u32, Arc<Known>>,
}

/// A relation as Python knows it.
struct Known {
    relation: Arc<Relation>,
    object: Py<PyAny>,
    text: Arc<[Loader]>,
    binary: Arc<[Loader]>,
}

/// The exception for what the server should not have sent.
pub(super) fn broken(py: Python<'_>, error: &ProtocolError) -> PyErr {
    errors::operational(py, error.to_string())
}

/// What making objects has to know.
struct Making<'a, 'py> {
    py: Python<'py>,
    cx: LoadContext<'a>,
    decoding: &'a Decoding,
}

impl Decoding {
    pub(super) fn new(version: u8, adaptation: Adaptation) -> Self {
        Self {
            adaptation,
            inner: Mutex::new(Inner {
                decoder: Decoder::new(version),
                xid: None,
                relations: HashMap::new(),
            }),
        }
    }

    /// The change in a message.
    pub(super) fn decode(
        &self,
        py: Python<'_>,
        payload: &[u8],
        settings: &SessionSettings,
    ) -> PyResult<Py<PyAny>> {
        let (message, xid) = {
            let mut inner = lock(&self.inner);
            let message = inner.decoder.decode(payload);
            let message = message.map_err(|error| broken(py, &error))?;
            match &message {
                Message::Begin(begin) => inner.xid = Some(begin.xid),
                Message::BeginPrepare(begin) => inner.xid = Some(begin.xid),
                _ if !inner.decoder.is_in_transaction() => inner.xid = None,
                _ => {}
            }
            (message, inner.xid)
        };
        let making = Making {
            py,
            cx: LoadContext::new(settings, Some(&self.adaptation)),
            decoding: self,
        };
        making.object(&message, xid).map(Bound::unbind)
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.adaptation.traverse(visit)?;
        let Ok(inner) = self.inner.try_lock() else {
            return Ok(());
        };
        for known in inner.relations.values() {
            if Arc::strong_count(known) == 1 {
                visit.call(&known.object)?;
                let loaders = known.text.iter().chain(known.binary.iter());
                loaders
                    .clone()
                    .try_for_each(|loader| loader.traverse(visit))?;
            }
        }
        Ok(())
    }
}

impl<'py> Making<'_, 'py> {
    fn object(&self, message: &Message<'_>, xid: Option<u32>) -> PyResult<Bound<'py, PyAny>> {
        match message {
            Message::Insert(_) | Message::Update(_) | Message::Delete(_) => {
                self.change(message, xid)
            }
            Message::Relation(described) => self.relation(&described.relation),
            Message::Truncate(truncate) => {
                let relations = truncate.relations.iter();
                let relations = relations.map(|each| {
                    self.known(each)
                        .map(|known| known.object.clone_ref(self.py))
                });
                let relations = PyTuple::new(self.py, relations.collect::<PyResult<Vec<_>>>()?)?;
                let arguments = (
                    relations,
                    truncate.cascade,
                    truncate.restart_identity,
                    truncate.xid.or(xid),
                );
                imports::TRUNCATE.get(self.py)?.call1(arguments)
            }
            Message::Type(named) => {
                let names = (self.text(named.namespace)?, self.text(named.name)?);
                let arguments = (named.oid, names.0, names.1, named.xid.or(xid));
                imports::TYPE.get(self.py)?.call1(arguments)
            }
            Message::Logical(logical) => {
                let own = xid.filter(|_| logical.is_transactional);
                let arguments = (
                    self.text(logical.prefix)?,
                    bytes(self.py, logical.content)?,
                    self.lsn(logical.lsn)?,
                    logical.is_transactional,
                    logical.xid.or(own),
                );
                imports::LOGICAL_MESSAGE.get(self.py)?.call1(arguments)
            }
            _ => self.boundary(message),
        }
    }

    /// Where transactions begin and end.
    fn boundary(&self, message: &Message<'_>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        match message {
            Message::Begin(begin) => imports::BEGIN.get(py)?.call1((
                begin.xid,
                self.lsn(begin.final_lsn)?,
                self.time(begin.committed_at)?,
            )),
            Message::Commit(commit) => imports::COMMIT.get(py)?.call1((
                self.lsn(commit.commit_lsn)?,
                self.lsn(commit.end_lsn)?,
                self.time(commit.committed_at)?,
            )),
            Message::Origin(origin) => imports::ORIGIN
                .get(py)?
                .call1((self.text(origin.name)?, self.lsn(origin.commit_lsn)?)),
            Message::StreamStart(start) => imports::STREAM_START
                .get(py)?
                .call1((start.xid, start.is_first)),
            Message::StreamStop => imports::STREAM_STOP.get(py)?.call0(),
            Message::StreamCommit(commit) => imports::STREAM_COMMIT.get(py)?.call1((
                commit.xid,
                self.lsn(commit.commit_lsn)?,
                self.lsn(commit.end_lsn)?,
                self.time(commit.committed_at)?,
            )),
            Message::StreamAbort(abort) => {
                let (lsn, time) = abort.aborted.unzip();
                imports::STREAM_ABORT.get(py)?.call1((
                    abort.xid,
                    abort.subxid,
                    lsn.map(|lsn| self.lsn(lsn)).transpose()?,
                    time.map(|time| self.time(time)).transpose()?,
                ))
            }
            _ => self.two_phase(message),
        }
    }

    fn two_phase(&self, message: &Message<'_>) -> PyResult<Bound<'py, PyAny>> {
        let (class, gid, xid, first, end, time) = match message {
            Message::BeginPrepare(m) => {
                let class = &imports::BEGIN_PREPARE;
                (class, m.gid, m.xid, m.prepare_lsn, m.end_lsn, m.prepared_at)
            }
            Message::Prepare(m) => {
                let class = &imports::PREPARE;
                (class, m.gid, m.xid, m.prepare_lsn, m.end_lsn, m.prepared_at)
            }
            Message::StreamPrepare(m) => {
                let class = &imports::STREAM_PREPARE;
                (class, m.gid, m.xid, m.prepare_lsn, m.end_lsn, m.prepared_at)
            }
            Message::CommitPrepared(m) => {
                let class = &imports::COMMIT_PREPARED;
                (class, m.gid, m.xid, m.commit_lsn, m.end_lsn, m.committed_at)
            }
            Message::RollbackPrepared(m) => {
                let class = &imports::ROLLBACK_PREPARED;
                let (first, time) = (m.prepare_end_lsn, m.rolled_back_at);
                (class, m.gid, m.xid, first, m.end_lsn, time)
            }
            _ => {
                let text = "a message of pgoutput that is not known";
                return Err(errors::new(self.py, "NotSupportedError", text));
            }
        };
        let (gid, first, end) = (self.text(gid)?, self.lsn(first)?, self.lsn(end)?);
        let class = class.get(self.py)?;
        match message {
            Message::RollbackPrepared(m) => {
                let prepared = self.time(m.prepared_at)?;
                class.call1((gid, xid, first, end, prepared, self.time(time)?))
            }
            _ => class.call1((gid, xid, first, end, self.time(time)?)),
        }
    }

    fn change(&self, message: &Message<'_>, xid: Option<u32>) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        match message {
            Message::Insert(insert) => {
                let known = self.known(&insert.relation)?;
                let row = self.row(&known, &insert.new)?;
                let xid = insert.xid.or(xid);
                imports::INSERT.get(py)?.call1((&known.object, row, xid))
            }
            Message::Update(update) => {
                let known = self.known(&update.relation)?;
                let row = self.row(&known, &update.new)?;
                let (old, key) = self.old(&known, update.old.as_ref())?;
                let xid = update.xid.or(xid);
                imports::UPDATE
                    .get(py)?
                    .call1((&known.object, row, old, key, xid))
            }
            Message::Delete(delete) => {
                let known = self.known(&delete.relation)?;
                let (old, key) = self.old(&known, Some(&delete.old))?;
                let xid = delete.xid.or(xid);
                imports::DELETE
                    .get(py)?
                    .call1((&known.object, old, key, xid))
            }
            _ => self.boundary(message),
        }
    }

    /// The row as it was, and the values of its key: one of them, or neither.
    #[expect(clippy::type_complexity, reason = "two of the same")]
    fn old(
        &self,
        known: &Known,
        old: Option<&Old<'_>>,
    ) -> PyResult<(Option<Bound<'py, PyTuple>>, Option<Bound<'py, PyTuple>>)> {
        match old {
            None => Ok((None, None)),
            Some(Old::Full(row)) => Ok((Some(self.row(known, row)?), None)),
            Some(Old::Key(row)) => {
                let columns = known.relation.columns.iter();
                let is_key = columns.map(|column| column.is_key);
                let values = self.values(known, row)?.into_iter();
                let key = values.zip(is_key).filter(|(_, is_key)| *is_key);
                let key = PyTuple::new(self.py, key.map(|(value, _)| value).collect::<Vec<_>>())?;
                Ok((None, Some(key)))
            }
        }
    }

    fn row(&self, known: &Known, row: &Tuple<'_>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(self.py, self.values(known, row)?)
    }

    fn values(&self, known: &Known, row: &Tuple<'_>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = self.py;
        let loaders = known.text.iter().zip(known.binary.iter());
        let values = row
            .values()
            .zip(loaders)
            .map(|(value, (text, binary))| match value {
                Value::Null => Ok(py.None().into_bound(py)),
                Value::Unchanged => imports::UNCHANGED.get(py).cloned(),
                Value::Text(data) => text.load(py, data, &self.cx),
                Value::Binary(data) => binary.load(py, data, &self.cx),
            });
        values.collect()
    }

    /// A relation as Python knows it, made anew when it was described anew.
    fn known(&self, relation: &Arc<Relation>) -> PyResult<Arc<Known>> {
        let known = lock(&self.decoding.inner)
            .relations
            .get(&relation.oid)
            .cloned();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.relation, relation)) {
            return Ok(known);
        }
        let types = relation.columns.iter().map(|column| column.type_oid);
        let types: Vec<u32> = types.collect();
        let adaptation = &self.decoding.adaptation;
        let known = Arc::new(Known {
            relation: Arc::clone(relation),
            object: self.make_relation(relation)?.unbind(),
            text: load::for_types(self.py, &types, Format::Text, adaptation)?,
            binary: load::for_types(self.py, &types, Format::Binary, adaptation)?,
        });
        let mut inner = lock(&self.decoding.inner);
        let before = inner.relations.insert(relation.oid, Arc::clone(&known));
        drop(inner);
        // Without the lock: it may call back into Python.
        drop(before);
        Ok(known)
    }

    fn relation(&self, relation: &Arc<Relation>) -> PyResult<Bound<'py, PyAny>> {
        let known = self.known(relation)?;
        Ok(known.object.bind(self.py).clone())
    }

    fn make_relation(&self, relation: &Relation) -> PyResult<Bound<'py, PyAny>> {
        let py = self.py;
        let class = imports::RELATION_COLUMN.get(py)?;
        let columns = relation.columns.iter().map(|column| {
            let name = self.text(&column.name)?;
            class.call1((name, column.type_oid, column.type_modifier, column.is_key))
        });
        let columns = PyTuple::new(py, columns.collect::<PyResult<Vec<_>>>()?)?;
        let namespace = match &*relation.namespace {
            b"" => b"pg_catalog",
            named => named,
        };
        imports::RELATION.get(py)?.call1((
            relation.oid,
            self.text(namespace)?,
            self.text(&relation.name)?,
            char::from(relation.replica_identity),
            columns,
        ))
    }

    fn text(&self, raw: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.cx.encoding.decode_str(self.py, raw)?.into_any())
    }

    fn lsn(&self, lsn: u64) -> PyResult<Bound<'py, PyAny>> {
        imports::LSN.get(self.py)?.call1((lsn,))
    }

    fn time(&self, micros: i64) -> PyResult<Bound<'py, PyAny>> {
        imports::WAL_TIME.get(self.py)?.call1((micros,))
    }
}
