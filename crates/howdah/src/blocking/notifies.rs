//! Notifications as they come.

use std::fmt;
use std::time::{Duration, Instant};

use super::Session;
use crate::core::messages::{Listener, Notify};
use crate::error::Result;
use howdah_net::drive::{Step, Until, drive};

/// The notifications of a connection, from [`Session::notifies`].
///
/// The iterator ends when the time is over, and after an error.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// conn.execute("LISTEN prices", ())?;
/// conn.execute("NOTIFY prices, 'up'", ())?;
/// let notify = conn.notifies(Some(std::time::Duration::from_secs(1))).next().expect("a notification")?;
/// assert_eq!((notify.channel.as_str(), notify.payload.as_str()), ("prices", "up"));
/// # Ok(())
/// # }
/// ```
pub struct Notifies<'a> {
    session: &'a mut Session,
    deadline: Option<Instant>,
    over: bool,
    _listener: Listener,
}

impl<'a> Notifies<'a> {
    pub(super) fn new(session: &'a mut Session, timeout: Option<Duration>) -> Self {
        let listener = session.core.messages.listen();
        let deadline = timeout.and_then(|time| Instant::now().checked_add(time));
        Self {
            session,
            deadline,
            over: false,
            _listener: listener,
        }
    }

    fn receive(&mut self) -> Result<Option<Notify>> {
        // What came before the connection was lost is still there.
        if let Some(notify) = self.session.core.next_notification() {
            return Ok(Some(notify));
        }
        self.session.settle()?;
        loop {
            if let Some(notify) = self.session.core.next_notification() {
                return Ok(Some(notify));
            }
            let group = self.session.core.give_up_at();
            let deadline = self.deadline.into_iter().chain(group).min();
            let (session, socket) = (&mut self.session.core.session, &self.session.socket);
            match drive(session, socket, Until::Heard, deadline) {
                Ok(Step::TimedOut) => return self.session.core.check_time().map(|()| None),
                step => self.session.take_step(step).map(drop)?,
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

impl fmt::Debug for Notifies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifies")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
