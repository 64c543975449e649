//! With the feature: spans and events of the crate `tracing`, whose fields have the names of OpenTelemetry's conventions.

use std::sync::Arc;

use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::Outcome;
use howdah_protocol::wire;
#[cfg(feature = "tokio")]
use tracing::Instrument;
use tracing::field::Empty;
use tracing::{Level, Span};

use super::blanked::{blanked, operation};
use crate::core::info::Facts;
use crate::error::{Error, Result};

/// What all spans and events are of.
const TARGET: &str = "howdah";
const SYSTEM: &str = "postgresql";

/// Where a connection goes.
#[derive(Default, Clone)]
pub(crate) struct Place(Arc<Address>);

#[derive(Default)]
struct Address {
    host: String,
    port: u16,
    dbname: String,
    pid: i32,
}

/// A statement that is watched, until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Span);

/// A connection that is being made.
pub(crate) struct Dialling(Span);

/// What the end of an operation tells.
pub(crate) trait Told {
    fn tell(&self, span: &Span);
}

/// The server has said something beside results. Its text is whatever a function of the user's puts into it.
pub(crate) fn notice(notice: &wire::Diagnostic) {
    let text = |code| notice.get(code).map(String::from_utf8_lossy);
    let severity = text(b'V').or_else(|| text(b'S')).unwrap_or_default();
    let (sqlstate, message) = (text(b'C'), text(b'M').unwrap_or_default());
    let (severity, sqlstate) = (severity.as_ref(), sqlstate.as_deref());
    match severity {
        "WARNING" => {
            tracing::warn!(target: TARGET, severity, db.response.status_code = sqlstate, "notice: {message}");
        }
        _ => {
            tracing::info!(target: TARGET, severity, db.response.status_code = sqlstate, "notice: {message}");
        }
    }
}

impl Place {
    pub(crate) fn new(facts: &Facts, pid: i32) -> Self {
        Self(Arc::new(Address {
            host: facts.host.clone(),
            port: facts.port,
            dbname: facts.dbname.clone(),
            pid,
        }))
    }

    /// Begins to watch a statement.
    pub(crate) fn watch(&self, sql: &str) -> Watch {
        self.span(|| operation(sql), || blanked(sql))
    }

    /// Begins to watch several statements that go as one.
    pub(crate) fn watch_all<'a>(&self, statements: impl Iterator<Item = &'a str>) -> Watch {
        let text = || statements.map(blanked).collect::<Vec<_>>().join("; ");
        self.span(|| Some("BATCH".to_owned()), text)
    }

    fn span(
        &self,
        operation: impl FnOnce() -> Option<String>,
        text: impl FnOnce() -> String,
    ) -> Watch {
        let at = &*self.0;
        let span = tracing::span!(
            target: TARGET,
            Level::INFO,
            "statement",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = at.dbname,
            db.operation.name = Empty,
            db.query.text = text(),
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = at.host,
            server.port = at.port,
            howdah.backend_pid = at.pid,
            howdah.rows = Empty,
        );
        if !span.is_disabled()
            && let Some(operation) = operation()
        {
            span.record("otel.name", operation.as_str());
            span.record("db.operation.name", operation);
        }
        Watch(span)
    }

    /// The connection has been lost.
    pub(crate) fn lost(&self, error: &Error) {
        let at = &*self.0;
        tracing::warn!(
            target: TARGET,
            {
                db.system.name = SYSTEM,
                db.namespace = at.dbname,
                db.response.status_code = error.sqlstate(),
                error.type = error_type(error),
                server.address = at.host,
                server.port = at.port,
                howdah.backend_pid = at.pid,
            },
            "the connection was lost"
        );
    }
}

impl Watch {
    /// Does the work within the span, and tells what came of it.
    pub(crate) fn of<T: Told>(self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let done = self.0.in_scope(work);
        self.tell(&done);
        done
    }

    #[cfg(feature = "tokio")]
    pub(crate) async fn over<T: Told>(self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = work.instrument(self.0.clone()).await;
        self.tell(&done);
        done
    }

    /// The statement has ended.
    pub(crate) fn ended(&self, outcome: &Outcome) {
        outcome.tell(&self.0);
    }

    pub(crate) fn failed(&self, error: &Error) {
        fail(&self.0, error);
    }

    fn tell<T: Told>(&self, done: &Result<T>) {
        match done {
            Ok(done) => done.tell(&self.0),
            Err(error) => self.failed(error),
        }
    }
}

impl Dialling {
    pub(crate) fn new() -> Self {
        Self(tracing::span!(
            target: TARGET,
            Level::INFO,
            "connect",
            otel.name = "CONNECT",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = Empty,
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = Empty,
            server.port = Empty,
            howdah.backend_pid = Empty,
        ))
    }

    /// One server was not it.
    pub(crate) fn refused(&self, server: &str, reason: &str) {
        tracing::info!(
            target: TARGET,
            parent: &self.0,
            { db.system.name = SYSTEM },
            "an attempt to connect to {server} has failed: {reason}"
        );
    }

    /// The connection has been made.
    pub(crate) fn done(&self, facts: &Facts, pid: i32) {
        self.0.record("db.namespace", facts.dbname.as_str());
        self.0.record("server.address", facts.host.as_str());
        self.0.record("server.port", facts.port);
        self.0.record("howdah.backend_pid", pid);
    }

    pub(crate) fn failed(&self, error: &Error) {
        fail(&self.0, error);
    }
}

impl Told for Outcome {
    fn tell(&self, span: &Span) {
        if let Some(words) = &self.error {
            let sqlstate = words.get(b'C').map(String::from_utf8_lossy);
            fail_with(span, sqlstate.as_deref(), "server");
            return;
        }
        let counts = self.results.iter().filter_map(QueryResult::tagged_rows);
        counts.fold(0, u64::saturating_add).tell(span);
    }
}

impl Told for u64 {
    fn tell(&self, span: &Span) {
        span.record("howdah.rows", *self);
    }
}

/// What a sequence gives: the rows that were counted, or results that were not.
impl Told for (u64, Vec<QueryResult>) {
    fn tell(&self, span: &Span) {
        let counts = self.1.iter().filter_map(QueryResult::tagged_rows);
        counts.fold(self.0, u64::saturating_add).tell(span);
    }
}

/// Notes an error, without its text, in which the server may have cited a value.
fn fail(span: &Span, error: &Error) {
    fail_with(span, error.sqlstate(), error_type(error));
}

fn fail_with(span: &Span, sqlstate: Option<&str>, error_type: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", sqlstate.unwrap_or(error_type));
    if let Some(sqlstate) = sqlstate {
        span.record("db.response.status_code", sqlstate);
    }
}

fn error_type(error: &Error) -> &str {
    match error {
        _ if error.sqlstate().is_some() => error.sqlstate().unwrap_or_default(),
        _ if error.is_timeout() => "timeout",
        _ if error.is_out_of_memory() => "out_of_memory",
        _ if error.is_closed() => "connection",
        _ if error.is_usage() => "usage",
        _ => "other",
    }
}
