//! Notices and notifications, to whoever wants them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use howdah_protocol::connection::Notification;
use howdah_protocol::wire;

use crate::diagnostic::Diagnostic;

/// A notification that another session, or this one, sent with `NOTIFY`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Notify {
    /// The channel it was sent on.
    pub channel: String,
    /// The payload; empty when none was given.
    pub payload: String,
    /// Process ID of the session that sent it.
    pub pid: i32,
}

/// Names a handler that was added, so that it can be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

/// The handlers.
#[derive(Default)]
pub(crate) struct Messages {
    pub(crate) notice: Handlers<Diagnostic>,
    pub(crate) notify: Handlers<Notify>,
    listeners: Arc<()>,
}

/// Held by a `notifies()` that is under way: it takes notifications also when there are handlers.
#[derive(Debug)]
pub(crate) struct Listener(#[expect(dead_code, reason = "counted, never looked at")] Arc<()>);

impl Messages {
    pub(crate) fn listen(&self) -> Listener {
        Listener(Arc::clone(&self.listeners))
    }

    pub(crate) fn deliver_notice(&mut self, notice: wire::Diagnostic) {
        if !self.notice.is_empty() {
            self.notice.call(&Diagnostic::new(notice));
        }
    }

    /// Calls the handlers; tells whether the notification is to be kept for `notifies()`.
    pub(crate) fn deliver_notification(&mut self, notification: &Notification) -> bool {
        if !self.notify.is_empty() {
            self.notify.call(&notification.into());
        }
        self.notify.is_empty() || Arc::strong_count(&self.listeners) > 1
    }
}

impl From<&Notification> for Notify {
    fn from(notification: &Notification) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            channel: text(&notification.channel),
            payload: text(&notification.payload),
            pid: notification.process_id,
        }
    }
}

/// Functions that are called in the order in which they were added.
pub(crate) struct Handlers<T> {
    list: Vec<(HandlerId, Handler<T>)>,
    next: u64,
}

type Handler<T> = Box<dyn FnMut(&T) + Send>;

impl<T> Handlers<T> {
    pub(crate) fn add(&mut self, handler: Handler<T>) -> HandlerId {
        self.next += 1;
        let id = HandlerId(self.next);
        self.list.push((id, handler));
        id
    }

    /// Removes a handler; tells whether it was there.
    pub(crate) fn remove(&mut self, id: HandlerId) -> bool {
        let before = self.list.len();
        self.list.retain(|(each, _)| *each != id);
        self.list.len() < before
    }

    fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Calls all. One that panics has been reported by the panic hook: the others and the connection go on.
    fn call(&mut self, message: &T) {
        for (_, handler) in &mut self.list {
            let _ = catch_unwind(AssertUnwindSafe(|| handler(message)));
        }
    }
}

impl<T> Default for Handlers<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            next: 0,
        }
    }
}

impl<T> fmt::Debug for Handlers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} handlers", self.list.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn notification(payload: &str) -> Notification {
        Notification {
            process_id: 7,
            channel: b"c".as_slice().into(),
            payload: payload.as_bytes().into(),
            parameters: Arc::default(),
        }
    }

    #[test]
    fn a_handler_that_panics_stays_and_harms_nobody() {
        let mut messages = Messages::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        messages.notify.add(Box::new(|_| panic!("on purpose")));
        messages.notify.add(Box::new(move |n| {
            log.lock().unwrap().push(n.payload.clone())
        }));
        assert!(!messages.deliver_notification(&notification("a")));
        assert!(!messages.deliver_notification(&notification("b")));
        assert_eq!(*seen.lock().unwrap(), ["a", "b"]);
    }

    #[test]
    fn notifications_wait_where_nobody_handles_them() {
        let mut messages = Messages::default();
        assert!(messages.deliver_notification(&notification("kept")));
        let id = messages.notify.add(Box::new(|_| {}));
        assert!(!messages.deliver_notification(&notification("handled")));
        let listener = messages.listen();
        assert!(messages.deliver_notification(&notification("both")));
        drop(listener);
        assert!(!messages.deliver_notification(&notification("handled")));
        assert!(messages.notify.remove(id) && !messages.notify.remove(id));
    }
}
