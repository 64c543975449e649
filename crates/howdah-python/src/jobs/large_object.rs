//! Large objects: opening, and what is done with the descriptor.
//!
//! Source: the PostgreSQL manual, "Large Objects", server-side functions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use howdah_adapt::{bytes_of, lock, memory};
use howdah_protocol::connection::{Params, QueryResult, RowSet};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{ExchangeId, Execute, Outcome, ResultFormat, Session};
use howdah_protocol::wire::{Format, IsNull, TransactionStatus};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PySlice;

use super::{check, push_value, queue};
use crate::core::Core;
use crate::core::descriptors::{Descriptor, Opened, Slot};
use crate::errors;
use crate::hooks::Subject;
use crate::shell::{Job, Next};
use howdah_ffi::values;
use howdah_types::oid;

/// One operation on a large object.
pub(crate) struct LargeObjectJob {
    pub(crate) slot: Arc<Slot>,
    /// The object's OID, which is known from its creation on.
    pub(crate) oid: Arc<AtomicU32>,
    pub(crate) work: Work,
    pub(crate) again: bool,
}

/// What an operation does.
pub(crate) enum Work {
    /// Open it, or create it first; `open` is the mode of the server's.
    Open {
        create: bool,
        open: Option<i32>,
    },
    /// Read so many bytes, or up to the end.
    Read(Reading),
    /// Write.
    Write(Writing),
    /// Run one of the functions on the descriptor, with these arguments.
    Call(Function, Vec<i64>),
    Close,
    Unlink,
}

/// A function that takes a descriptor and gives a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    Seek,
    Tell,
    Truncate,
}

/// What is read.
#[derive(Default)]
pub(crate) struct Reading {
    /// How much is still to be read.
    pub(crate) left: Option<usize>,
    rows: Vec<RowSet>,
    /// How much was asked for last.
    asked: usize,
    total: usize,
}

/// What is written: a view of bytes, in pieces.
pub(crate) struct Writing {
    view: Py<PyAny>,
    len: usize,
    pos: usize,
    id: Option<ExchangeId>,
    ended: bool,
    written: i64,
    failure: Option<PyErr>,
}

/// How much is read or written by one call of a function of the server's, in bytes.
const PIECE: usize = 256 * 1024;
/// How many pieces one statement reads.
const PIECES: usize = 16;
/// How much is queued before it is sent, in bytes.
const BATCH: usize = 64 * 1024;

const READ: &[u8] = b"SELECT pg_catalog.loread($1, $2) FROM pg_catalog.generate_series(1, $3)";
const WRITE: &[u8] = b"SELECT pg_catalog.lowrite($1, $2)";
const CREATE: &[u8] = b"SELECT pg_catalog.lo_create($1)";
const CREATE_AND_OPEN: &[u8] =
    b"SELECT made, pg_catalog.lo_open(made, $2) FROM pg_catalog.lo_create($1) made";
const OPEN: &[u8] = b"SELECT $1, pg_catalog.lo_open($1, $2)";
const CLOSE: &[u8] = b"SELECT pg_catalog.lo_close($1)";
const UNLINK: &[u8] = b"SELECT pg_catalog.lo_unlink($1)";

impl Function {
    fn sql(self) -> &'static [u8] {
        match self {
            Self::Seek => b"SELECT pg_catalog.lo_lseek64($1, $2, $3)",
            Self::Tell => b"SELECT pg_catalog.lo_tell64($1)",
            Self::Truncate => b"SELECT pg_catalog.lo_truncate64($1, $2)",
        }
    }
}

impl Reading {
    pub(crate) fn new(size: Option<usize>) -> Self {
        Self {
            left: size,
            ..Self::default()
        }
    }

    /// The size and the number of the pieces to be read next; `None` if all has been read.
    fn next_pieces(&mut self) -> Option<(usize, usize)> {
        let (size, count) = match self.left {
            Some(0) => return None,
            Some(left) if left < PIECE => (left, 1),
            Some(left) => (PIECE, (left / PIECE).min(PIECES)),
            // Most are small.
            None if self.asked == 0 => (PIECE, 1),
            None => (PIECE, PIECES),
        };
        self.asked = size * count;
        Some((size, count))
    }

    /// Takes what has been read; tells whether there may be more.
    fn take(&mut self, results: Vec<QueryResult>) -> PyResult<bool> {
        let mut got = 0;
        for result in results {
            got += pieces(&result.rows).map(<[u8]>::len).sum::<usize>();
            memory::push(&mut self.rows, result.rows)?;
        }
        self.total += got;
        self.left = self.left.map(|left| left.saturating_sub(got));
        Ok(got == self.asked)
    }

    fn bytes(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let bytes = values::joined(py, self.total, self.rows.iter().flat_map(pieces))?;
        Ok(bytes.into_any().unbind())
    }
}

/// The first column of each row.
fn pieces(rows: &RowSet) -> impl Iterator<Item = &[u8]> {
    (0..rows.len()).filter_map(|row| rows.get(row)?.next().flatten())
}

impl Writing {
    pub(crate) fn new(view: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            len: view.len()?,
            view: view.clone().unbind(),
            pos: 0,
            id: None,
            ended: false,
            written: 0,
            failure: None,
        })
    }

    fn next_piece(&mut self, py: Python<'_>) -> PyResult<Option<Vec<u8>>> {
        if self.pos >= self.len {
            return Ok(None);
        }
        let end = self.len.min(self.pos + PIECE);
        let [start, stop] = [self.pos, end].map(|place| isize::try_from(place).unwrap_or_default());
        let piece = self
            .view
            .bind(py)
            .get_item(PySlice::new(py, start, stop, 1))?;
        self.pos = end;
        bytes_of(&piece).map(Some)
    }
}

/// An argument of a function.
enum Arg<'a> {
    Oid(u32),
    Int(i32),
    Long(i64),
    Bytes(&'a [u8]),
}

impl Arg<'_> {
    fn push(&self, py: Python<'_>, params: &mut Params) -> PyResult<()> {
        let (oid, bytes): (u32, &[u8]) = match self {
            Self::Oid(value) => (oid::OID, &value.to_be_bytes()),
            Self::Int(value) => (oid::INT4, &value.to_be_bytes()),
            Self::Long(value) => (oid::INT8, &value.to_be_bytes()),
            Self::Bytes(value) => (oid::BYTEA, value),
        };
        push_value(py, params, oid, Format::Binary, |out| {
            memory::append(out, bytes).map(|()| IsNull::No)
        })
    }
}

impl LargeObjectJob {
    /// Queues a call, for an exchange that `queue_on` says.
    fn queue_call<T>(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        sql: &[u8],
        args: &[Arg<'_>],
        queue_on: impl FnOnce(&mut Session, &Execute<'_>) -> Result<T, UsageError>,
    ) -> PyResult<T> {
        let mut params = core.borrow_params();
        let pushed = args.iter().try_for_each(|arg| arg.push(py, &mut params));
        let queued = pushed.and_then(|()| {
            let request = Execute {
                sql,
                params: &params,
                format: ResultFormat::Binary,
                prepare: None,
                begin: true,
                extended: true,
            };
            queue(py, core, &request, queue_on)
        });
        core.return_params(params);
        queued
    }

    /// Queues a call in an exchange of its own.
    fn ask(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        sql: &[u8],
        args: &[Arg<'_>],
    ) -> PyResult<Next> {
        let again = self.again;
        let id = self.queue_call(py, core, sql, args, |session, request| match again {
            true => session.execute_again(request),
            false => session.execute(request),
        })?;
        Ok(Next::Exchange(id))
    }

    /// The descriptor, if it is still good.
    fn fd(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<i32> {
        let descriptor = match self.slot.get() {
            Opened::Open(descriptor) => descriptor,
            Opened::Closed => return Err(errors::interface(py, "the large object is closed")),
            Opened::Never => return Err(errors::programming(py, "the large object is not open")),
            Opened::Undone => {
                let text =
                    "the large object was opened behind a savepoint that has been rolled back to";
                return Err(errors::programming(py, text));
            }
        };
        if descriptor.transaction
            != core.with_session(py, |session| session.transaction_number())?
        {
            let text = "the large object was opened in a transaction that has ended: it has to be opened again";
            return Err(errors::programming(py, text));
        }
        Ok(descriptor.fd)
    }

    fn open(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Open { create, open } = &self.work else {
            return Ok(Next::Done(py.None()));
        };
        let object = Arg::Oid(self.oid.load(Ordering::Relaxed));
        let in_vain = core.with_session(py, |session| {
            session.transaction_status() == TransactionStatus::Idle
                && session.transactions.implicit_begin().is_none()
        })?;
        if open.is_some() && in_vain {
            let text = "a large object is open until the end of a transaction: in autocommit mode it has to be opened in a transaction() block";
            return Err(errors::programming(py, text));
        }
        match (create, open) {
            (true, None) => self.ask(py, core, CREATE, &[object]),
            (true, Some(mode)) => self.ask(py, core, CREATE_AND_OPEN, &[object, Arg::Int(*mode)]),
            (false, Some(mode)) => self.ask(py, core, OPEN, &[object, Arg::Int(*mode)]),
            (false, None) => Ok(Next::Done(py.None())),
        }
    }

    /// Asks for more, or gives what was read.
    fn read(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let fd = self.fd(py, core)?;
        let Work::Read(reading) = &mut self.work else {
            return Ok(Next::Done(py.None()));
        };
        let Some((size, count)) = reading.next_pieces() else {
            return reading.bytes(py).map(Next::Done);
        };
        let [size, count] = [size, count].map(|n| Arg::Int(i32::try_from(n).unwrap_or(i32::MAX)));
        self.ask(py, core, READ, &[Arg::Int(fd), size, count])
    }

    /// Queues pieces until there is enough to send, or all.
    fn write(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let fd = self.fd(py, core)?;
        loop {
            let Work::Write(writing) = &mut self.work else {
                return Ok(Next::Done(py.None()));
            };
            let queued = match writing.next_piece(py) {
                Ok(None) => return self.end_writing(py, core),
                Ok(Some(piece)) => {
                    let args = [Arg::Int(fd), Arg::Bytes(&piece)];
                    self.queue_call(py, core, WRITE, &args, |session, request| {
                        let id = session.execute_more(request)?;
                        Ok((id, session.outgoing().len()))
                    })
                }
                Err(error) => Err(error),
            };
            let Work::Write(writing) = &mut self.work else {
                return Ok(Next::Done(py.None()));
            };
            match queued {
                Ok((id, unsent)) => {
                    writing.id = Some(id);
                    if unsent >= BATCH {
                        return Ok(Next::Pump(id));
                    }
                }
                Err(error) => {
                    writing.failure = Some(error);
                    return self.end_writing(py, core);
                }
            }
        }
    }

    /// Ends the exchange, so that the server answers all of it.
    fn end_writing(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Write(writing) = &mut self.work else {
            return Ok(Next::Done(py.None()));
        };
        writing.ended = true;
        match (writing.id, writing.failure.take()) {
            (Some(id), failure) => {
                core.with_session(py, |session| {
                    if failure.is_some() {
                        session.spoil();
                    }
                    session.end_exchange();
                })?;
                writing.failure = failure;
                Ok(Next::Exchange(id))
            }
            (None, Some(error)) => Err(error),
            (None, None) => values::int(py, 0).map(|none| Next::Done(none.unbind())),
        }
    }

    /// What has come of what was written.
    fn has_written(
        &mut self,
        py: Python<'_>,
        core: &Arc<Core>,
        outcome: &Outcome,
    ) -> PyResult<Next> {
        let Work::Write(writing) = &mut self.work else {
            return Ok(Next::Done(py.None()));
        };
        if writing.failure.is_none()
            && let Err(error) = check(py, core, outcome, Some(WRITE))
        {
            writing.failure = Some(error);
        }
        for result in &outcome.results {
            writing.written += number(py, Some(result), 0)?;
        }
        match (writing.ended, &writing.failure) {
            (true, None) => {
                let written = values::int(py, writing.written)?;
                Ok(Next::Done(written.unbind()))
            }
            (true, Some(_)) => writing
                .failure
                .take()
                .map_or(Ok(Next::Done(py.None())), Err),
            (false, None) => self.write(py, core),
            (false, Some(_)) => self.end_writing(py, core),
        }
    }

    fn close(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let opened = self.slot.get();
        self.slot.set(Opened::Closed);
        let Opened::Open(descriptor) = opened else {
            return Ok(Next::Done(py.None()));
        };
        if core.snapshot.is_closed() || core.forked() {
            return Ok(Next::Done(py.None()));
        }
        // The end of the transaction has closed it, or will.
        let is_good = core.with_session(py, |session| {
            session.transaction_number() == descriptor.transaction
                && session.transaction_status() == TransactionStatus::InTransaction
        })?;
        match is_good {
            true => self.ask(py, core, CLOSE, &[Arg::Int(descriptor.fd)]),
            false => Ok(Next::Done(py.None())),
        }
    }

    fn call(&self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        let Work::Call(function, given) = &self.work else {
            return Ok(Next::Done(py.None()));
        };
        let mut args = vec![Arg::Int(self.fd(py, core)?)];
        for (place, value) in given.iter().enumerate() {
            args.push(match i32::try_from(*value) {
                // From where to seek.
                Ok(value) if place == 1 => Arg::Int(value),
                _ => Arg::Long(*value),
            });
        }
        self.ask(py, core, function.sql(), &args)
    }

    fn sql(&self) -> &'static [u8] {
        match &self.work {
            Work::Open { create: true, open } => open.map_or(CREATE, |_| CREATE_AND_OPEN),
            Work::Open { .. } => OPEN,
            Work::Read(_) => READ,
            Work::Write(_) => WRITE,
            Work::Call(function, _) => function.sql(),
            Work::Close => CLOSE,
            Work::Unlink => UNLINK,
        }
    }

    /// The server has opened it.
    fn opened(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        result: Option<&QueryResult>,
    ) -> PyResult<Next> {
        let made = u32::try_from(number(py, result, 0)?).unwrap_or_default();
        self.oid.store(made, Ordering::Relaxed);
        if let Work::Open { open: Some(_), .. } = &self.work {
            let given = Descriptor {
                fd: i32::try_from(number(py, result, 1)?).unwrap_or(-1),
                transaction: core.with_session(py, |session| session.transaction_number())?,
            };
            core.descriptors.give(&self.slot, given);
        }
        Ok(Next::Done(py.None()))
    }
}

/// A number in the first row of a result.
fn number(py: Python<'_>, result: Option<&QueryResult>, column: usize) -> PyResult<i64> {
    let field = result.and_then(|result| result.rows.get(0)?.nth(column)?);
    let number = field.and_then(|field| match field.len() {
        // An OID or an int4: of those none is negative here.
        4 => field.try_into().ok().map(u32::from_be_bytes).map(i64::from),
        8 => field.try_into().ok().map(i64::from_be_bytes),
        _ => None,
    });
    number.ok_or_else(|| {
        let text = "a function for large objects has not given a number";
        errors::new(py, "InternalError", text)
    })
}

impl Job for LargeObjectJob {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        if let Work::Close = self.work {
            return self.close(py, core);
        }
        core.check_open(py)?;
        if core.pipeline.is_on() {
            let text = "large objects cannot be used in pipeline mode";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        match &self.work {
            Work::Open { .. } => self.open(py, core),
            Work::Read(_) => self.read(py, core),
            Work::Write(_) => self.write(py, core),
            Work::Call(..) => self.call(py, core),
            Work::Close => self.close(py, core),
            Work::Unlink => {
                self.slot.set(Opened::Closed);
                let object = Arg::Oid(self.oid.load(Ordering::Relaxed));
                self.ask(py, core, UNLINK, &[object])
            }
        }
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, outcome: Outcome) -> PyResult<Next> {
        if let Work::Write(_) = &self.work {
            return self.has_written(py, core, &outcome);
        }
        if outcome.again && !std::mem::replace(&mut self.again, true) {
            return self.start(py, core);
        }
        check(py, core, &outcome, Some(self.sql()))?;
        let result = outcome.results.last();
        match &mut self.work {
            Work::Open { .. } => self.opened(py, core, result),
            Work::Read(reading) => match reading.take(outcome.results)? {
                true => self.read(py, core),
                false => reading.bytes(py).map(Next::Done),
            },
            Work::Call(Function::Truncate, given) => {
                let size = given.first().copied().unwrap_or_default();
                values::int(py, size).map(|size| Next::Done(size.unbind()))
            }
            Work::Call(..) => {
                let place = values::int(py, number(py, result, 0)?)?;
                Ok(Next::Done(place.unbind()))
            }
            Work::Write(_) | Work::Close | Work::Unlink => Ok(Next::Done(py.None())),
        }
    }

    fn subject(&self, py: Python<'_>, _core: &Arc<Core>) -> PyResult<Option<Subject>> {
        let sql = String::from_utf8_lossy(self.sql());
        Ok(Some(Subject::own(py, "large_object", &sql)))
    }

    fn interrupted(&mut self, core: &Arc<Core>) {
        if let Work::Write(writing) = &mut self.work
            && writing.id.is_some()
            && !std::mem::replace(&mut writing.ended, true)
            && let Some(io) = lock(&core.io).as_mut()
        {
            io.session.spoil();
        }
    }

    fn sends(&self, core: &Core) -> bool {
        !matches!(self.work, Work::Close) || !core.snapshot.is_closed()
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.work {
            Work::Write(writing) => visit.call(&writing.view),
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        match self.work {
            Work::Open { .. } => "lobject",
            Work::Read(_) => "read",
            Work::Write(_) => "write",
            Work::Call(Function::Seek, _) => "seek",
            Work::Call(Function::Tell, _) => "tell",
            Work::Call(Function::Truncate, _) => "truncate",
            Work::Close => "close",
            Work::Unlink => "unlink",
        }
    }
}
