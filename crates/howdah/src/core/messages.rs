//! Notices and notifications, to whoever wants them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use howdah_protocol::connection::Notification;
use howdah_protocol::wire;

use super::observe;
use crate::diagnostic::Diagnostic;

/// A notification that another session, or this one, sent with `NOTIFY`.
///
/// ```
/// # use howdah::Notify;
/// fn show(notify: &Notify) -> String {
///     format!("{} says on {}: {}", notify.pid, notify.channel, notify.payload)
/// }
/// ```
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
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let id: howdah::HandlerId = conn.add_notify_handler(|notify| println!("{}: {}", notify.channel, notify.payload));
/// conn.execute("LISTEN prices", ())?;
/// assert!(conn.remove_notify_handler(id));
/// let id = conn.add_notice_handler(|notice| eprintln!("{}", notice.message_primary().unwrap_or_default()));
/// conn.execute("DROP TABLE IF EXISTS no_such_table", ())?;
/// assert!(conn.remove_notice_handler(id));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandlerId(u64);

/// The handlers. Clones are the same ones.
#[derive(Default, Clone)]
pub(crate) struct Messages {
    pub(crate) notice: Arc<Handlers<Diagnostic>>,
    pub(crate) notify: Arc<Handlers<Notify>>,
    listeners: Arc<AtomicUsize>,
}

/// Held by a `notifies()` that is under way: it takes notifications also when there are handlers.
#[derive(Debug)]
pub(crate) struct Listener(Arc<AtomicUsize>);

impl Messages {
    pub(crate) fn listen(&self) -> Listener {
        self.listeners.fetch_add(1, Ordering::Relaxed);
        Listener(Arc::clone(&self.listeners))
    }

    pub(crate) fn deliver_notice(&self, notice: wire::Diagnostic) {
        observe::notice(&notice);
        if !self.notice.is_empty() {
            self.notice.call(&Diagnostic::new(notice));
        }
    }

    /// Calls the handlers; tells whether the notification is to be kept for `notifies()`.
    pub(crate) fn deliver_notification(&self, notification: &Notification) -> bool {
        let kept = self.keeps_notifications();
        self.handle_notification(notification);
        kept
    }

    /// Whether a notification that comes now is to be kept for `notifies()`.
    pub(crate) fn keeps_notifications(&self) -> bool {
        self.notify.is_empty() || self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Calls the handlers of notifications.
    pub(crate) fn handle_notification(&self, notification: &Notification) {
        if !self.notify.is_empty() {
            self.notify.call(&notification.into());
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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

/// Functions that are called in the order in which they were added. None is called under a lock that others need: it may add
/// and remove handlers.
pub(crate) struct Handlers<T> {
    list: Mutex<List<T>>,
}

struct List<T> {
    handlers: Vec<(HandlerId, Handler<T>)>,
    next: u64,
}

type Handler<T> = Arc<Mutex<dyn FnMut(&T) + Send>>;

impl<T> Handlers<T> {
    pub(crate) fn add(&self, handler: impl FnMut(&T) + Send + 'static) -> HandlerId {
        let mut list = self.lock();
        list.next += 1;
        let id = HandlerId(list.next);
        list.handlers.push((id, Arc::new(Mutex::new(handler))));
        id
    }

    /// Removes a handler; tells whether it was there.
    pub(crate) fn remove(&self, id: HandlerId) -> bool {
        let mut list = self.lock();
        let found = list.handlers.iter().position(|(each, _)| *each == id);
        let removed = found.map(|at| list.handlers.remove(at));
        // It is dropped without the lock: what it holds may do anything then.
        drop(list);
        removed.is_some()
    }

    fn is_empty(&self) -> bool {
        self.lock().handlers.is_empty()
    }

    /// Calls all. One that panics has been reported by the panic hook: the others and the connection go on.
    fn call(&self, message: &T) {
        let handlers = self.lock().handlers.clone();
        for (_, handler) in handlers {
            let mut handler = handler.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = catch_unwind(AssertUnwindSafe(|| handler(message)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, List<T>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Handlers<T> {
    fn default() -> Self {
        let list = List {
            handlers: Vec::new(),
            next: 0,
        };
        Self {
            list: Mutex::new(list),
        }
    }
}

impl<T> fmt::Debug for Handlers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} handlers", self.lock().handlers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let messages = Messages::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        messages.notify.add(|_| panic!("on purpose"));
        messages
            .notify
            .add(move |n: &Notify| log.lock().unwrap().push(n.payload.clone()));
        assert!(!messages.deliver_notification(&notification("a")));
        assert!(!messages.deliver_notification(&notification("b")));
        assert_eq!(*seen.lock().unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_handler_can_remove_itself_and_add_others() {
        let messages = Messages::default();
        let id = Arc::new(Mutex::new(None));
        let (own, inner) = (Arc::clone(&id), messages.clone());
        let added = messages.notify.add(move |_: &Notify| {
            let id = own.lock().unwrap().take();
            assert!(inner.notify.remove(id.unwrap()));
            inner.notify.add(|_| {});
        });
        *id.lock().unwrap() = Some(added);
        messages.deliver_notification(&notification("a"));
        messages.deliver_notification(&notification("b"));
        assert!(!messages.notify.remove(added));
    }

    #[test]
    fn notifications_wait_where_nobody_handles_them() {
        let messages = Messages::default();
        assert!(messages.deliver_notification(&notification("kept")));
        let id = messages.notify.add(|_| {});
        assert!(!messages.deliver_notification(&notification("handled")));
        let listener = messages.listen();
        assert!(messages.deliver_notification(&notification("both")));
        drop(listener);
        assert!(!messages.deliver_notification(&notification("handled")));
        assert!(messages.notify.remove(id) && !messages.notify.remove(id));
    }
}
