//! Notifications as they come.

use std::fmt;
use std::time::{Duration, Instant};

use super::Connection;
use super::drive::{Step, Until, drive, glance, hand_out};
use crate::core::messages::Notify;
use crate::error::Result;

/// The notifications of a connection, from [`Connection::notifies`].
///
/// The iterator ends when the time is over, and after an error.
pub struct Notifies<'a> {
    conn: &'a mut Connection,
    deadline: Option<Instant>,
    over: bool,
}

impl<'a> Notifies<'a> {
    pub(super) fn new(conn: &'a mut Connection, timeout: Option<Duration>) -> Self {
        conn.core.messages.listeners += 1;
        let deadline = timeout.and_then(|time| Instant::now().checked_add(time));
        Self {
            conn,
            deadline,
            over: false,
        }
    }

    fn receive(&mut self) -> Result<Option<Notify>> {
        if let Some(notify) = self.conn.core.messages.backlog.pop_front() {
            return Ok(Some(notify));
        }
        self.conn.settle()?;
        self.look()?;
        loop {
            if let Some(notify) = self.conn.core.messages.backlog.pop_front() {
                return Ok(Some(notify));
            }
            let (session, socket) = (&mut self.conn.core.session, &self.conn.socket);
            match drive(session, socket, Until::Heard, self.deadline) {
                Ok(Step::TimedOut) => return Ok(None),
                step => self.conn.deliver(step)?,
            }
        }
    }

    /// Takes what has come already, also when there is no time to wait.
    fn look(&mut self) -> Result<()> {
        let (session, socket) = (&mut self.conn.core.session, &self.conn.socket);
        if let Err(lost) = glance(session, socket) {
            return self.conn.deliver(Err(lost));
        }
        loop {
            match hand_out(&mut self.conn.core.session, Until::Heard) {
                Ok(None) => return Ok(()),
                Ok(Some(step)) => self.conn.deliver(Ok(step))?,
                Err(lost) => self.conn.deliver(Err(lost))?,
            }
        }
    }
}

impl Iterator for Notifies<'_> {
    type Item = Result<Notify>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let received = self.receive();
        self.over = received.is_err();
        received.transpose()
    }
}

impl Drop for Notifies<'_> {
    fn drop(&mut self) {
        self.conn.core.messages.listeners -= 1;
    }
}

impl fmt::Debug for Notifies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifies")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
