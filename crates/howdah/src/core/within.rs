//! The time that operations have.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use howdah_net::Limit;

use super::Core;
use crate::error::{Error, Result};

impl Core {
    /// What bounds an operation that begins now.
    pub(crate) fn operation_limit(&self) -> Option<Limit> {
        self.timeout.limit_within(self.limit)
    }

    /// The same, which fails if that is over before it begins.
    pub(crate) fn new_limit(&self) -> Result<Option<Limit>> {
        match self.operation_limit() {
            Some(limit) if limit.is_over() => Err(Error::out_of_time(limit)),
            limit => Ok(limit),
        }
    }

    /// When the operation that runs has to be given up.
    pub(crate) fn give_up_at(&self) -> Option<Instant> {
        self.limit.map(|limit| limit.give_up)
    }

    /// Fails if the time of the operation is over before anything is sent.
    pub(crate) fn check_time(&self) -> Result<()> {
        match self.limit {
            Some(limit) if limit.is_over() => Err(Error::out_of_time(limit)),
            _ => Ok(()),
        }
    }

    /// Has what was left by another operation be over with the time of this one.
    pub(crate) fn hasten_rest(&mut self) {
        if let Some(limit) = self.limit {
            self.session.hasten_rest(limit.over);
        }
    }

    /// Begins to give up what runs; the session is at rest, or lost, when the time is over.
    pub(crate) fn give_up(&mut self, limit: Limit) {
        self.spoil_sequence();
        self.session.cancel_and_drain(Instant::now());
        self.session.hasten_rest(limit.over);
    }

    /// The error of an operation in whose time the connection was lost.
    pub(crate) fn lost_meanwhile(&self, error: Error) -> Error {
        match self.limit {
            Some(limit) if limit.is_over() => error.in_overtime(),
            _ => error,
        }
    }
}

/// A connection, or what runs on one, with a time for all that is done through this: from
/// [`Connection::within`](crate::Connection::within) and its like.
///
/// It is used as what it was made of. The time counts from its making; once it is over, operations fail, and send nothing.
///
/// ```no_run
/// use std::time::Duration;
///
/// use howdah::{Connection, Within};
///
/// # fn main() -> Result<(), howdah::Error> {
/// let mut conn = Connection::connect("dbname=test")?;
/// let mut hurried: Within<'_, Connection> = conn.within(Duration::from_secs(1));
/// hurried.execute("UPDATE users SET seen = now() WHERE id = $1", (1,))?;
/// hurried.set_operation_timeout(Some(Duration::from_secs(10)));
/// # Ok(())
/// # }
/// ```
pub struct Within<'a, On: ?Sized> {
    on: &'a mut On,
    core: fn(&mut On) -> &mut Core,
    /// What bounds what it was made of.
    before: Option<Limit>,
}

impl<'a, On: ?Sized> Within<'a, On> {
    /// One that ends at this limit; `core` leads to what is bounded.
    pub(crate) fn new(
        on: &'a mut On,
        core: fn(&mut On) -> &mut Core,
        limit: Option<Limit>,
    ) -> Self {
        let before = std::mem::replace(&mut core(on).limit, limit);
        Self { on, core, before }
    }

    /// One for an operation that begins now.
    pub(crate) fn operation(on: &'a mut On, core: fn(&mut On) -> &mut Core) -> Self {
        let limit = core(on).operation_limit();
        Self::new(on, core, limit)
    }

    /// One for a group of operations.
    pub(crate) fn group(on: &'a mut On, core: fn(&mut On) -> &mut Core, time: Duration) -> Self {
        let limit = Limit::earliest(core(on).limit, Limit::after(time));
        Self::new(on, core, limit)
    }
}

impl<On: ?Sized> Deref for Within<'_, On> {
    type Target = On;

    fn deref(&self) -> &On {
        self.on
    }
}

impl<On: ?Sized> DerefMut for Within<'_, On> {
    fn deref_mut(&mut self) -> &mut On {
        self.on
    }
}

impl<On: ?Sized> Drop for Within<'_, On> {
    fn drop(&mut self) {
        (self.core)(self.on).limit = self.before;
    }
}

impl<On: ?Sized + fmt::Debug> fmt::Debug for Within<'_, On> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("on", &self.on).finish()
    }
}
