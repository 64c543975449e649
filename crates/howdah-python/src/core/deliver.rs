//! Notices and notifications, to whoever wants them.

use std::sync::atomic::Ordering;

use howdah_net::drive::Lost;
use howdah_protocol::connection::Notification;
use howdah_protocol::session::{MAX_NOTIFICATION_BYTES, MAX_NOTIFICATIONS};
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;

use super::Core;
use crate::callbacks::copy_of;
use crate::errors;
use crate::imports;
use crate::log;
use howdah_adapt::Encoding;
use howdah_adapt::lock;

/// What the user registered.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) notice: Vec<Py<PyAny>>,
    pub(crate) notify: Vec<Py<PyAny>>,
    pub(crate) query: Vec<Py<PyAny>>,
}

/// How many notifications may wait that nobody has taken, and how many bytes of them: here for whoever may not touch the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            count: MAX_NOTIFICATIONS,
            bytes: MAX_NOTIFICATION_BYTES,
        }
    }
}

/// Something that came without being asked for.
pub(crate) enum Message {
    Notice(Diagnostic),
    Notification(Notification),
}

impl Core {
    /// Hands out a message. A handler that raises is logged, and harms nothing.
    ///
    /// Only what must not be swallowed comes back as an error: `KeyboardInterrupt` and its like.
    pub(crate) fn deliver(&self, py: Python<'_>, message: Message) -> PyResult<()> {
        match message {
            Message::Notice(notice) => self.deliver_notice(py, &notice),
            Message::Notification(notification) => self.deliver_notification(py, notification),
        }
    }

    fn deliver_notice(&self, py: Python<'_>, notice: &Diagnostic) -> PyResult<()> {
        let handlers = self.copy_handlers(py, |handlers| &handlers.notice);
        if handlers.is_empty() {
            return Ok(());
        }
        let diagnostic = errors::diagnostic(py, notice, self.snapshot.encoding(py))?;
        for handler in handlers {
            call(py, &handler, &diagnostic, "notice")?;
        }
        Ok(())
    }

    fn deliver_notification(&self, py: Python<'_>, notification: Notification) -> PyResult<()> {
        let handlers = self.copy_handlers(py, |handlers| &handlers.notify);
        if handlers.is_empty() {
            return self.keep_notification(py, notification);
        }
        let notify = notify(py, &notification)?;
        if self.generators.load(Ordering::Relaxed) > 0 {
            self.keep_notification(py, notification)?;
        }
        for handler in handlers {
            call(py, &handler, &notify, "notify")?;
        }
        Ok(())
    }

    /// Keeps a notification for whoever takes it. If too many wait, the connection is lost.
    pub(crate) fn keep_notification(
        &self,
        py: Python<'_>,
        notification: Notification,
    ) -> PyResult<()> {
        let kept = match lock(&self.io).as_mut() {
            Some(io) => {
                let limits = *lock(&self.limits);
                io.session.backlog.max_count = limits.count;
                io.session.backlog.max_bytes = limits.bytes;
                io.session.backlog.push(notification)
            }
            None => Ok(()),
        };
        kept.map_err(|error| self.broken(py, &Lost::Session(error.into())))
    }

    /// Takes the notifications that nobody has taken, as `Notify` objects.
    pub(crate) fn take_backlog<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut waiting = match lock(&self.io).as_mut() {
            Some(io) => io.session.backlog.take(),
            None => return Ok(Vec::new()),
        };
        let mut taken = Vec::new();
        while let Some(notification) = waiting.pop_front() {
            taken.push(notify(py, &notification)?);
        }
        Ok(taken)
    }

    pub(super) fn copy_handlers(
        &self,
        py: Python<'_>,
        which: impl FnOnce(&Handlers) -> &Vec<Py<PyAny>>,
    ) -> Vec<Py<PyAny>> {
        copy_of(py, which(&lock(&self.handlers)))
    }
}

/// A `Notify` object.
fn notify<'py>(py: Python<'py>, notification: &Notification) -> PyResult<Bound<'py, PyAny>> {
    let encoding = notification.parameters.get("client_encoding");
    let encoding = encoding.map_or(Encoding::Utf8, Encoding::from_postgres);
    let channel = encoding.decode_str(py, &notification.channel)?;
    let payload = encoding.decode_str(py, &notification.payload)?;
    let class = imports::NOTIFY.get(py)?;
    class.call1((channel, payload, notification.process_id))
}

fn call(
    py: Python<'_>,
    handler: &Py<PyAny>,
    argument: &Bound<'_, PyAny>,
    what: &str,
) -> PyResult<()> {
    let Err(error) = handler.call1(py, (argument,)) else {
        return Ok(());
    };
    if !error.is_instance_of::<pyo3::exceptions::PyException>(py) {
        return Err(error);
    }
    log::handler_failure(py, what, handler.bind(py), &error)
}
