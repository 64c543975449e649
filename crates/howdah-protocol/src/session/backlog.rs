//! Notifications that nobody has taken yet, up to a bound.

use std::collections::VecDeque;

use crate::connection::Notification;
use crate::error::ProtocolError;

/// How many notifications may wait, unless it is set otherwise.
pub const MAX_NOTIFICATIONS: usize = 128 * 1024;
/// How many bytes of them may wait, unless it is set otherwise.
pub const MAX_NOTIFICATION_BYTES: usize = 32 * 1024 * 1024;

/// Notifications in the order they came.
///
/// Where the shell can, it stops reading when [`Backlog::is_filling`], so that the rest waits at the server; a connection
/// that has to read on, for the answer to a statement, is given up when the bound is passed.
#[derive(Debug)]
pub struct Backlog {
    /// How many may wait.
    pub max_count: usize,
    /// How many bytes of channels and payloads may wait.
    pub max_bytes: usize,
    waiting: VecDeque<Notification>,
    bytes: usize,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            max_count: MAX_NOTIFICATIONS,
            max_bytes: MAX_NOTIFICATION_BYTES,
            waiting: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl Backlog {
    /// Keeps a notification.
    ///
    /// # Errors
    /// Too many wait: the session is to be given up.
    pub fn push(&mut self, notification: Notification) -> Result<(), ProtocolError> {
        self.bytes += size(&notification);
        self.waiting.push_back(notification);
        if self.waiting.len() <= self.max_count && self.bytes <= self.max_bytes {
            return Ok(());
        }
        Err(ProtocolError::refused(format!(
            "too many notifications wait that nobody has taken: {} of {} bytes, at most {} of {} are kept",
            self.waiting.len(),
            self.bytes,
            self.max_count,
            self.max_bytes
        )))
    }

    /// Whether more should wait at the server until somebody takes these: half of the bound is used.
    #[must_use]
    pub fn is_filling(&self) -> bool {
        self.waiting.len() >= self.max_count / 2 || self.bytes >= self.max_bytes / 2
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Notification> {
        let oldest = self.waiting.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&oldest));
        Some(oldest)
    }

    /// Takes all.
    pub fn take(&mut self) -> VecDeque<Notification> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

fn size(notification: &Notification) -> usize {
    notification.channel.len() + notification.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notification(payload: &str) -> Notification {
        Notification {
            process_id: 1,
            channel: b"c".as_slice().into(),
            payload: payload.as_bytes().into(),
            parameters: std::sync::Arc::default(),
        }
    }

    #[test]
    fn what_is_taken_makes_room() {
        let mut backlog = Backlog {
            max_bytes: 10,
            ..Backlog::default()
        };
        backlog.push(notification("1234")).unwrap();
        assert!(backlog.is_filling());
        backlog.push(notification("1234")).unwrap();
        assert_eq!(backlog.pop().unwrap().payload, b"1234".as_slice().into());
        backlog.push(notification("1234")).unwrap();
        assert!(backlog.push(notification("")).is_err());
        assert_eq!(backlog.take().len(), 3);
        assert!(backlog.is_empty() && !backlog.is_filling());
    }

    #[test]
    fn so_many_and_no_more() {
        let mut backlog = Backlog {
            max_count: 2,
            ..Backlog::default()
        };
        backlog.push(notification("a")).unwrap();
        backlog.push(notification("b")).unwrap();
        let error = backlog.push(notification("c")).unwrap_err();
        assert!(error.to_string().contains("at most 2"), "{error}");
    }
}
