//! What happens beside spans.

use std::fmt::Display;
use std::time::Duration;

use howdah_protocol::wire;
use tracing::Dispatch;
use tracing::dispatcher;

use super::traced::{Place, SYSTEM, TARGET, error_type};
use crate::error::Error;

/// What a listener tells to whoever saw the traces where it was made: it runs in a thread or a task of its own.
pub(crate) struct ListenerWatch(Dispatch);

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

/// A statement whose plan was out of date, or missing, is run once more.
pub(crate) fn repeated() {
    tracing::info!(
        target: TARGET,
        { db.system.name = SYSTEM },
        "the statement is run again: what was prepared for it is out of date"
    );
}

/// A transaction that others were in the way of is run once more after this pause; so often it has been run.
pub(crate) fn transaction_repeated(attempts: u32, pause: Duration) {
    tracing::info!(
        target: TARGET,
        {
            db.system.name = SYSTEM,
            howdah.attempts = attempts,
            howdah.pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        },
        "the transaction is run again: other transactions were in its way"
    );
}

impl Place {
    /// The server is asked to cancel what it runs.
    pub(crate) fn cancelling(&self) {
        let at = &*self.0;
        tracing::info!(
            target: TARGET,
            {
                db.system.name = SYSTEM,
                server.address = at.host,
                server.port = at.port,
                howdah.backend_pid = at.pid,
            },
            "a cancel request is sent"
        );
    }

    /// It could not be asked.
    pub(crate) fn not_cancelled(&self, error: &dyn Display) {
        let at = &*self.0;
        tracing::warn!(
            target: TARGET,
            {
                db.system.name = SYSTEM,
                server.address = at.host,
                server.port = at.port,
                howdah.backend_pid = at.pid,
            },
            "the cancel request has failed: {error}"
        );
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

impl ListenerWatch {
    pub(crate) fn new() -> Self {
        Self(dispatcher::get_default(Clone::clone))
    }

    /// Its connection has been lost.
    pub(crate) fn lost(&self, error: &Error) {
        self.tell(|| {
            tracing::warn!(
                target: TARGET,
                {
                    db.system.name = SYSTEM,
                    db.response.status_code = error.sqlstate(),
                    error.type = error_type(error),
                },
                "a listener has lost its connection"
            );
        });
    }

    /// An attempt to connect again has failed; so many have in a row.
    pub(crate) fn failed(&self, error: &Error, attempts: u32) {
        self.tell(|| {
            tracing::warn!(
                target: TARGET,
                {
                    db.system.name = SYSTEM,
                    db.response.status_code = error.sqlstate(),
                    error.type = error_type(error),
                    howdah.attempts = attempts,
                },
                "a listener could not connect again"
            );
        });
    }

    /// It has a connection again, and listens on these channels.
    pub(crate) fn reconnected(&self, channels: usize) {
        self.tell(|| {
            tracing::info!(
                target: TARGET,
                { db.system.name = SYSTEM, howdah.channels = channels },
                "a listener has connected again"
            );
        });
    }

    fn tell(&self, event: impl FnOnce()) {
        dispatcher::with_default(&self.0, event);
    }
}
