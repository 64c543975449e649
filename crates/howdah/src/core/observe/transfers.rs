//! Spans of what lasts: COPY, streams of replication, large objects.

use howdah_protocol::connection::RowSet;
use howdah_types::PgLsn;
use tracing::field::Empty;
use tracing::{Level, Span};

use super::blanked::blanked;
use super::traced::{Place, SYSTEM, TARGET, Watch};
use crate::error::{Error, Result};

/// A COPY that is watched.
#[derive(Debug)]
pub(crate) struct CopyWatch {
    watch: Watch,
    bytes: u64,
}

/// A stream of replication that is watched.
#[derive(Debug)]
pub(crate) struct StreamWatch(Watch);

/// A large object that is watched while it is open.
#[derive(Debug)]
pub(crate) struct ObjectWatch {
    watch: Watch,
    read: u64,
    written: u64,
}

impl Place {
    pub(crate) fn watch_copy(&self, sql: &str, is_in: bool) -> CopyWatch {
        let at = &*self.0;
        let span = tracing::span!(
            target: TARGET,
            Level::INFO,
            "copy",
            otel.name = "COPY",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = at.dbname,
            db.operation.name = "COPY",
            db.query.text = blanked(sql),
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = at.host,
            server.port = at.port,
            howdah.backend_pid = at.pid,
            howdah.copy.direction = if is_in { "in" } else { "out" },
            howdah.copy.bytes = Empty,
            howdah.rows = Empty,
            howdah.dropped = Empty,
        );
        let watch = Watch::new(span);
        CopyWatch { watch, bytes: 0 }
    }

    pub(crate) fn watch_replication(
        &self,
        command: &str,
        slot: Option<&str>,
        is_physical: bool,
    ) -> StreamWatch {
        let at = &*self.0;
        StreamWatch(Watch::new(tracing::span!(
            target: TARGET,
            Level::INFO,
            "replication",
            otel.name = "START_REPLICATION",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = at.dbname,
            db.operation.name = "START_REPLICATION",
            db.query.text = blanked(command),
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = at.host,
            server.port = at.port,
            howdah.backend_pid = at.pid,
            howdah.replication.kind = if is_physical { "physical" } else { "logical" },
            howdah.replication.slot = slot,
            howdah.replication.lsn = Empty,
            howdah.dropped = Empty,
        )))
    }

    pub(crate) fn watch_object(&self, oid: u32, mode: &str) -> ObjectWatch {
        let at = &*self.0;
        let watch = Watch::new(tracing::span!(
            target: TARGET,
            Level::INFO,
            "large object",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = at.dbname,
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = at.host,
            server.port = at.port,
            howdah.backend_pid = at.pid,
            howdah.large_object.oid = oid,
            howdah.large_object.mode = mode,
            howdah.large_object.bytes_read = Empty,
            howdah.large_object.bytes_written = Empty,
            howdah.dropped = Empty,
        ));
        ObjectWatch {
            watch,
            read: 0,
            written: 0,
        }
    }
}

impl CopyWatch {
    /// None.
    pub(crate) fn none() -> Self {
        let watch = Watch::new(Span::none());
        Self { watch, bytes: 0 }
    }

    /// So much has been queued.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// These have come.
    pub(crate) fn received(&mut self, messages: &RowSet) {
        if self.watch.span.is_disabled() {
            return;
        }
        let lengths = (0..messages.len()).filter_map(|number| messages.bytes(number));
        self.bytes += lengths.map(|message| message.len() as u64).sum::<u64>();
    }

    /// What it came to.
    pub(crate) fn ended(&mut self, end: &Result<u64>) {
        match end {
            Ok(rows) => {
                self.watch.span.record("howdah.rows", *rows);
                self.watch.done();
            }
            Err(error) => self.failed(error),
        }
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.watch.failed(error);
    }
}

impl Drop for CopyWatch {
    fn drop(&mut self) {
        self.watch.span.record("howdah.copy.bytes", self.bytes);
    }
}

impl StreamWatch {
    /// None.
    pub(crate) fn none() -> Self {
        Self(Watch::new(Span::none()))
    }

    /// What it came to.
    pub(crate) fn ended(&mut self, end: std::result::Result<(), &Error>) {
        match end {
            Ok(()) => self.0.done(),
            Err(error) => self.failed(error),
        }
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.0.failed(error);
    }

    /// Up to where messages have been given.
    pub(crate) fn left(&self, position: PgLsn) {
        let lsn = tracing::field::display(position);
        self.0.span.record("howdah.replication.lsn", lsn);
    }
}

impl ObjectWatch {
    /// So much has been read, or why nothing could be.
    pub(crate) fn read(&mut self, read: &Result<usize>) {
        match read {
            Ok(count) => self.read += *count as u64,
            Err(error) => self.failed(error),
        }
    }

    /// Whether so much has been written.
    pub(crate) fn written(&mut self, count: usize, written: &Result<()>) {
        match written {
            Ok(()) => self.written += count as u64,
            Err(error) => self.failed(error),
        }
    }

    /// Something else was asked of it.
    pub(crate) fn asked<T>(&mut self, answer: &Result<T>) {
        if let Err(error) = answer {
            self.failed(error);
        }
    }

    fn failed(&mut self, error: &Error) {
        self.watch.failed(error);
    }
}

impl Drop for ObjectWatch {
    fn drop(&mut self) {
        let span = &self.watch.span;
        span.record("howdah.large_object.bytes_read", self.read);
        span.record("howdah.large_object.bytes_written", self.written);
        // It is closed by this, or with its transaction.
        self.watch.done();
    }
}
