//! Operations that have to be over in time.

use std::time::Duration;

use howdah_protocol::session::{ExchangeId, Outcome};

use super::Session;
use crate::Connection;
use crate::core::within::Within;
use crate::error::{Error, Result};
use howdah_net::Limit;
use howdah_net::drive::{Lost, Step, Until, drive};

impl Connection {
    /// Has all that is done through what this gives be over within `time` from now: one operation, a group of them, or a transaction.
    /// [`Session::within`] says more.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let quick = conn.within(Duration::from_millis(200)).query_one("SELECT count(*) FROM users", ());
    /// if quick.is_err_and(|error| error.is_timeout()) {
    ///     println!("many");
    /// }
    /// let mut conn = conn.within(Duration::from_secs(3));
    /// let mut tx = conn.transaction()?;
    /// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1))?;
    /// tx.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2))?;
    /// tx.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn within(&mut self, time: Duration) -> Within<'_, Self> {
        Within::group(self, |conn| &mut conn.core, time)
    }
}

impl Session {
    /// Fails if the connection is closed; ends what an earlier operation has left.
    ///
    /// It takes the session's bound at most, or the time of the operation, after which the connection is lost.
    pub(super) fn settle(&mut self) -> Result<()> {
        self.core.check_open()?;
        if !self.core.is_settled() {
            // Where there is no time, the next operation does it.
            self.core.check_time()?;
            self.core.hasten_rest();
            self.come_to_rest()
                .map_err(|lost| self.core.lost_meanwhile(lost))?;
        }
        self.core.check_time()
    }

    /// The same, and waits until nothing keeps it from sending.
    pub(super) fn enter(&mut self) -> Result<()> {
        self.settle()?;
        match self.core.cancel.gate().enter(self.core.give_up_at()) {
            true => Ok(()),
            false => self.core.check_time(),
        }
    }

    /// Does what a step asks for, and gives what has been answered; if the time is over, what runs is given up.
    pub(super) fn take_bounded(
        &mut self,
        step: std::result::Result<Step, Lost>,
    ) -> Result<Option<(ExchangeId, Outcome)>> {
        match (&step, self.core.limit) {
            (Ok(Step::TimedOut), Some(limit)) => Err(self.give_up(limit)),
            _ => self.take_step(step),
        }
    }

    /// Gives up what runs, and waits for its end.
    fn give_up(&mut self, limit: Limit) -> Error {
        self.core.give_up(limit);
        match self.come_to_rest() {
            Ok(()) => Error::given_up(limit),
            Err(lost) => lost.in_overtime(),
        }
    }

    fn come_to_rest(&mut self) -> Result<()> {
        while !self.core.session.is_settled() {
            let step = drive(&mut self.core.session, &self.socket, Until::Idle, None);
            self.take_step(step)?;
        }
        self.core.recovered();
        Ok(())
    }
}
