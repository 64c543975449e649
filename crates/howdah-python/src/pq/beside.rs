//! Notices and notifications, to those that a `PGconn` knows.

use std::sync::Arc;

use howdah_adapt::lock;
use howdah_ffi::values::bytes;
use howdah_protocol::connection::Notification;
use pyo3::prelude::*;

use super::body::{Body, Said, Status};
use super::conn::PgConn;
use super::result::PgResult;
use crate::core::Core;
use crate::core::deliver::Message;
use crate::imports;
use crate::log;

impl PgConn {
    /// Hands out what came beside results. A handler that raises is logged, and harms nothing.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    pub(super) fn deliver(
        &self,
        py: Python<'_>,
        core: &Arc<Core>,
        beside: Vec<Message>,
    ) -> PyResult<()> {
        let mut outcome = Ok(());
        for message in beside {
            let delivered = match message {
                message if self.is_shared() => core.deliver(py, message),
                Message::Notice(report) => {
                    let encoding = lock(&self.machine).encoding();
                    let said = Said::Server(Arc::new(report), None);
                    let mut body = Body::of_error(said, encoding);
                    body.status = Status::NonfatalError;
                    let result = Bound::new(py, PgResult::new(body))?;
                    let handler = self.handler(py, |handlers| handlers.notice.as_ref());
                    call(py, handler, result.as_any(), "notice")
                }
                // As in libpq, it waits until somebody takes it.
                Message::Notification(notification) => core.keep_notification(py, notification),
            };
            outcome = outcome.and(delivered);
        }
        outcome
    }

    /// Takes the oldest notification that nobody has taken.
    pub(super) fn take_notification(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(core) = self.core(py)? else {
            return Ok(None);
        };
        // While somebody else has the connection, that one gets what comes.
        let taken = match core.io.try_lock() {
            Ok(mut io) => io.as_mut().and_then(|io| io.session.backlog.pop()),
            Err(_) => None,
        };
        let taken = taken.map(|notification| notify(py, &notification));
        taken.transpose().map(|taken| taken.map(Bound::unbind))
    }

    fn handler(
        &self,
        py: Python<'_>,
        which: impl FnOnce(&super::conn::Handlers) -> Option<&Py<PyAny>>,
    ) -> Option<Py<PyAny>> {
        let handlers = lock(&self.handlers);
        which(&handlers).map(|handler| handler.clone_ref(py))
    }
}

fn call(
    py: Python<'_>,
    handler: Option<Py<PyAny>>,
    argument: &Bound<'_, PyAny>,
    what: &str,
) -> PyResult<()> {
    let Some(handler) = handler else {
        return Ok(());
    };
    match handler.call1(py, (argument,)) {
        Ok(_) => Ok(()),
        Err(error) if error.is_instance_of::<pyo3::exceptions::PyException>(py) => {
            log::handler_failure(py, what, handler.bind(py), &error)
        }
        Err(error) => Err(error),
    }
}

/// A `PGnotify`.
fn notify<'py>(py: Python<'py>, notification: &Notification) -> PyResult<Bound<'py, PyAny>> {
    let channel = bytes(py, &notification.channel)?;
    let payload = bytes(py, &notification.payload)?;
    let class = imports::PG_NOTIFY.get(py)?;
    class.call1((channel, notification.process_id, payload))
}
