//! Spans of the crate `tracing`, whose fields have the names of OpenTelemetry's conventions.

use std::sync::Arc;

use howdah_protocol::connection::{Ending, Params, QueryResult};
use howdah_protocol::session::Outcome;
use howdah_types::Types;
#[cfg(feature = "tokio")]
use tracing::Instrument;
use tracing::field::Empty;
use tracing::{Level, Span};

use super::blanked::{blanked, operation};
use super::values;
use crate::core::info::Facts;
use crate::error::{Error, Result};

/// What all spans and events are of.
pub(super) const TARGET: &str = "howdah";
pub(super) const SYSTEM: &str = "postgresql";

/// Where a connection goes.
#[derive(Default, Clone)]
pub(crate) struct Place(pub(super) Arc<Address>);

#[derive(Default)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) dbname: String,
    user: String,
    pub(super) pid: i32,
    /// Whether values of parameters are told.
    values: bool,
}

/// What is watched, until it has ended or this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(super) span: Span,
    over: bool,
}

/// A connection that is being made.
pub(crate) struct Dialling(Watch);

/// A connection for as long as it is open.
pub(crate) struct Life(Span);

/// What the end of an operation tells.
pub(crate) trait Told {
    fn tell(&self, watch: &mut Watch);
}

impl Place {
    pub(crate) fn new(facts: &Facts, pid: i32, values: bool) -> Self {
        Self(Arc::new(Address {
            host: facts.host.clone(),
            port: facts.port,
            dbname: facts.dbname.clone(),
            user: facts.user.clone(),
            pid,
            values,
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

    /// Whether values of parameters are to be told.
    pub(crate) fn tells_values(&self) -> bool {
        self.0.values
    }

    /// Tells the parameters of an execution within the span of its statement.
    pub(crate) fn values(&self, params: &Params, types: &[u32], known: &Types) {
        if params.is_empty() {
            return;
        }
        tracing::info!(
            target: TARGET,
            { howdah.parameters = values::shown(params, types, known) },
            "parameters"
        );
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
            howdah.dropped = Empty,
        );
        if !span.is_disabled()
            && let Some(operation) = operation()
        {
            span.record("otel.name", operation.as_str());
            span.record("db.operation.name", operation);
        }
        Watch::new(span)
    }
}

impl Watch {
    pub(super) fn new(span: Span) -> Self {
        Self { span, over: false }
    }

    /// Does the work within the span, and tells what came of it.
    pub(crate) fn of<T: Told>(mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let done = self.within(work);
        self.tell(&done);
        done
    }

    #[cfg(feature = "tokio")]
    pub(crate) async fn over<T: Told>(
        mut self,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let done = self.beside(work).await;
        self.tell(&done);
        done
    }

    /// Does the work within the span.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        self.span.in_scope(work)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn beside<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        work.instrument(self.span.clone())
    }

    /// The statement has ended.
    pub(crate) fn ended(&mut self, outcome: &Outcome) {
        outcome.tell(self);
    }

    /// It has failed. The text of the error is not told, in which the server may have cited a value.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.failed_with(error.sqlstate(), error_type(error));
    }

    /// It has ended well.
    pub(super) fn done(&mut self) {
        self.over = true;
    }

    fn failed_with(&mut self, sqlstate: Option<&str>, error_type: &str) {
        self.over = true;
        fail(&self.span, sqlstate, error_type);
    }

    fn tell<T: Told>(&mut self, done: &Result<T>) {
        match done {
            Ok(done) => done.tell(self),
            Err(error) => self.failed(error),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.over {
            self.span.record("howdah.dropped", true);
        }
    }
}

impl Dialling {
    /// `dbname` and `user` are those that are asked for.
    pub(crate) fn new(dbname: &str, user: &str) -> Self {
        Self(Watch::new(tracing::span!(
            target: TARGET,
            Level::INFO,
            "connect",
            otel.name = "CONNECT",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = dbname,
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = Empty,
            server.port = Empty,
            howdah.user = user,
            howdah.backend_pid = Empty,
            howdah.dropped = Empty,
        )))
    }

    /// One server was not it.
    pub(crate) fn refused(&self, server: &str, reason: &str) {
        tracing::info!(
            target: TARGET,
            parent: &self.0.span,
            { db.system.name = SYSTEM },
            "an attempt to connect to {server} has failed: {reason}"
        );
    }

    /// The connection has been made: its life begins, with a span that is nobody's child. It would keep the span of a request open that
    /// happened to be the first to need it.
    pub(crate) fn done(mut self, place: &Place) -> Life {
        let at = &*place.0;
        let span = &self.0.span;
        span.record("server.address", at.host.as_str());
        span.record("server.port", at.port);
        span.record("howdah.backend_pid", at.pid);
        let life = tracing::span!(
            target: TARGET,
            parent: None,
            Level::INFO,
            "connection",
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = SYSTEM,
            db.namespace = at.dbname,
            db.response.status_code = Empty,
            error.type = Empty,
            server.address = at.host,
            server.port = at.port,
            howdah.user = at.user,
            howdah.backend_pid = at.pid,
        );
        life.follows_from(span);
        self.0.done();
        Life(life)
    }

    pub(crate) fn failed(&mut self, error: &Error) {
        self.0.failed(error);
    }
}

impl Life {
    /// The connection has been lost.
    pub(crate) fn lost(&mut self, error: &Error) {
        fail(&self.0, error.sqlstate(), error_type(error));
        self.closed();
    }

    /// It has been closed.
    pub(crate) fn closed(&mut self) {
        self.0 = Span::none();
    }
}

impl Told for Outcome {
    fn tell(&self, watch: &mut Watch) {
        if let Some(words) = &self.error {
            let sqlstate = words.get(b'C').map(String::from_utf8_lossy);
            watch.failed_with(sqlstate.as_deref(), "server");
            return;
        }
        let counts = self
            .results
            .iter()
            .filter_map(|result| match result.ending {
                // A page of a portal has no tag.
                Ending::Suspended => u64::try_from(result.rows.len()).ok(),
                Ending::Complete | Ending::Empty => result.tagged_rows(),
            });
        counts.fold(0, u64::saturating_add).tell(watch);
    }
}

impl Told for u64 {
    fn tell(&self, watch: &mut Watch) {
        watch.span.record("howdah.rows", *self);
        watch.done();
    }
}

/// What a sequence gives: the rows that were counted, or results that were not.
impl Told for (u64, Vec<QueryResult>) {
    fn tell(&self, watch: &mut Watch) {
        let counts = self.1.iter().filter_map(QueryResult::tagged_rows);
        counts.fold(self.0, u64::saturating_add).tell(watch);
    }
}

fn fail(span: &Span, sqlstate: Option<&str>, error_type: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", sqlstate.unwrap_or(error_type));
    if let Some(sqlstate) = sqlstate {
        span.record("db.response.status_code", sqlstate);
    }
}

pub(super) fn error_type(error: &Error) -> &str {
    match error {
        _ if error.sqlstate().is_some() => error.sqlstate().unwrap_or_default(),
        _ if error.is_timeout() => "timeout",
        _ if error.is_out_of_memory() => "out_of_memory",
        _ if error.is_closed() => "connection",
        _ if error.is_usage() => "usage",
        _ => "other",
    }
}
