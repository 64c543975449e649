//! Traces of what a `PGconn` and its server say, in libpq's format.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use howdah_adapt::lock;
use howdah_ffi::descriptors::open_again;
use howdah_protocol::connection::Connection;
use howdah_protocol::wire::trace::{Direction, Tracer};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::conn::PgConn;
use crate::core::Core;
use crate::errors;
use crate::imports;

/// The numbers of `howdah.pq.Trace`.
const SUPPRESS_TIMESTAMPS: i32 = 1;
const REGRESS_MODE: i32 = 2;

/// A trace that is being written.
pub(super) struct Trace {
    out: File,
    tracer: Tracer,
    timestamps: bool,
    /// What the lines to come have in front.
    now: Option<String>,
}

impl Trace {
    /// Writes the whole messages at the front of `bytes`. What cannot be written is not; that harms nothing.
    fn messages(&mut self, direction: Direction, bytes: &[u8]) {
        let mut lines = String::new();
        let mut rest = bytes;
        while let [tag, after @ ..] = rest
            && let Some((length, _)) = after.split_first_chunk::<4>()
        {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let Some((frame, behind)) = after.split_at_checked(length) else {
                break;
            };
            let Some(body) = frame.get(4..) else {
                break;
            };
            let now = self.now.as_deref();
            // A `String` takes all.
            let _ = self.tracer.message(&mut lines, now, direction, *tag, body);
            rest = behind;
        }
        let _ = self.out.write_all(lines.as_bytes());
    }
}

impl PgConn {
    /// Begins to write a trace to a descriptor, which the caller keeps.
    pub(super) fn begin_trace(&self, py: Python<'_>, descriptor: i32) -> PyResult<()> {
        let out = open_again(descriptor).map_err(|error| match error.kind() {
            ErrorKind::Unsupported => {
                let text = "trace() is not supported on Windows";
                errors::new(py, "NotSupportedError", text)
            }
            _ => error.into(),
        })?;
        let trace = Trace {
            out,
            tracer: Tracer::new(),
            timestamps: true,
            now: None,
        };
        *lock(&self.trace) = Some(trace);
        Ok(())
    }

    /// Sets what a trace that is being written leaves out.
    pub(super) fn set_trace(&self, py: Python<'_>, flags: i32) -> PyResult<()> {
        let mut trace = lock(&self.trace);
        let Some(trace) = trace.as_mut() else {
            let text = "set_trace_flags() has to be called after trace()";
            return Err(errors::operational(py, text));
        };
        trace.timestamps = flags & SUPPRESS_TIMESTAMPS == 0;
        trace.tracer = match flags & REGRESS_MODE {
            0 => Tracer::new(),
            _ => Tracer::regress(),
        };
        Ok(())
    }

    pub(super) fn end_trace(&self) {
        let trace = lock(&self.trace).take();
        drop(trace);
    }

    /// Takes the time for the lines to come. To be called without a lock.
    pub(super) fn note_time(&self, py: Python<'_>) -> PyResult<()> {
        if !lock(&self.trace).as_ref().is_some_and(|it| it.timestamps) {
            return Ok(());
        }
        let now = imports::DATETIME.get(py)?.call_method0("now")?;
        let text = now.call_method1("strftime", ("%Y-%m-%d %H:%M:%S.%f",))?;
        let text = text.cast_into::<PyString>()?.to_str()?.to_owned();
        if let Some(trace) = lock(&self.trace).as_mut() {
            trace.now = trace.timestamps.then_some(text);
        }
        Ok(())
    }

    /// Makes requests, and writes them to the trace.
    pub(super) fn asking<T>(
        &self,
        connection: &mut Connection,
        ask: impl FnOnce(&mut Connection) -> T,
    ) -> T {
        let before = connection.outgoing().len();
        let asked = ask(connection);
        if let Some(trace) = lock(&self.trace).as_mut() {
            let sent = connection.outgoing().get(before..).unwrap_or_default();
            trace.messages(Direction::Frontend, sent);
        }
        asked
    }

    /// Writes what has been received, and is about to be used up, to the trace.
    pub(super) fn trace_received(&self, connection: &Connection) {
        if let Some(trace) = lock(&self.trace).as_mut() {
            trace.messages(Direction::Backend, connection.unread());
        }
    }

    /// Makes requests on a connection, if it is there, and writes them to the trace.
    pub(super) fn with_connection<T>(
        &self,
        core: &Core,
        ask: impl FnOnce(&mut Connection) -> T,
    ) -> Option<T> {
        let mut io = lock(&core.io);
        io.as_mut().map(|io| self.asking(io.session.raw(), ask))
    }
}
