//! Notices and notifications, to whoever wants them.

use std::collections::VecDeque;

use howdah_protocol::connection::Notification;
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::Core;
use crate::errors;
use crate::log;
use howdah_adapt::Encoding;
use howdah_adapt::lock;

/// What the user registered.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) notice: Vec<Py<PyAny>>,
    pub(crate) notify: Vec<Py<PyAny>>,
}

/// Notifications that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Notification>,
    /// Length of their texts.
    bytes: usize,
    /// Whether a `notifies()` generator runs: it takes them even if there are handlers.
    pub(crate) generators: usize,
}

/// From here on a backlog is long enough: so many notifications, or so many bytes.
const FULL: usize = 64 * 1024;
const FULL_BYTES: usize = 16 * 1024 * 1024;

impl Backlog {
    pub(crate) fn push(&mut self, notification: Notification) {
        self.bytes += notification.channel.len() + notification.payload.len();
        self.waiting.push_back(notification);
    }

    /// Whether more should wait at the server until somebody takes these.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= FULL || self.bytes >= FULL_BYTES
    }

    fn take(&mut self) -> VecDeque<Notification> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
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
        let diagnostic = errors::diagnostic(py, notice, self.facts.encoding(py))?;
        for handler in handlers {
            call(py, &handler, &diagnostic, "notice")?;
        }
        Ok(())
    }

    fn deliver_notification(&self, py: Python<'_>, notification: Notification) -> PyResult<()> {
        let handlers = self.copy_handlers(py, |handlers| &handlers.notify);
        {
            let mut backlog = lock(&self.backlog);
            if handlers.is_empty() || backlog.generators > 0 {
                backlog.push(notification.clone());
            }
        }
        if handlers.is_empty() {
            return Ok(());
        }
        let notify = notify(py, &notification, self.facts.settings().encoding)?;
        for handler in handlers {
            call(py, &handler, &notify, "notify")?;
        }
        Ok(())
    }

    /// Takes the notifications that nobody has taken, as `Notify` objects.
    pub(crate) fn take_backlog<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let waiting = lock(&self.backlog).take();
        let encoding = self.facts.settings().encoding;
        waiting
            .iter()
            .map(|notification| notify(py, notification, encoding))
            .collect()
    }

    fn copy_handlers(
        &self,
        py: Python<'_>,
        which: impl FnOnce(&Handlers) -> &Vec<Py<PyAny>>,
    ) -> Vec<Py<PyAny>> {
        let handlers = lock(&self.handlers);
        which(&handlers)
            .iter()
            .map(|handler| handler.clone_ref(py))
            .collect()
    }
}

/// A `Notify` object.
fn notify<'py>(
    py: Python<'py>,
    notification: &Notification,
    encoding: Encoding,
) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || {
        py.import("howdah._notify")?
            .getattr("Notify")
            .map(Bound::unbind)
    })?;
    let channel = encoding.decode_str(py, &notification.channel)?;
    let payload = encoding.decode_str(py, &notification.payload)?;
    class
        .bind(py)
        .call1((channel, payload, notification.process_id))
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
