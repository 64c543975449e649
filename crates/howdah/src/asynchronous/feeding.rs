//! Many executions in one exchange, which are queued while answers come.

use std::future::poll_fn;
use std::task::{Poll, ready};

use howdah_protocol::session::Outcome;

use super::AsyncSession;
use super::session::Running;
use crate::core::sequence::{Ended, Sequence, Wanted};
use crate::core::{Core, LOOKS};
use crate::error::{Error, Result};
use crate::params::Parameters;
use howdah_net::drive::{Step, Until};

/// A sequence that is being fed. Dropping it before its end has nothing kept of it.
pub(super) struct Feeding<'a> {
    running: Running<'a>,
    sequence: Sequence,
}

impl<'a> Feeding<'a> {
    /// The second time, `again`, a transaction that was begun for the first is rolled back before.
    pub(super) async fn begin(
        session: &'a mut AsyncSession,
        wanted: Wanted,
        again: bool,
    ) -> Result<Self> {
        if again {
            session.roll_back_in_vain().await?;
        }
        session.enter().await?;
        Ok(Self {
            running: Running(session),
            sequence: Sequence::new(wanted, again),
        })
    }

    /// Asks whether what is prepared for these items can be used.
    pub(super) fn check<'s>(
        &mut self,
        items: impl Iterator<Item = (&'s str, &'s dyn Parameters)>,
    ) -> Result<()> {
        let (sequence, core) = self.parts();
        sequence.check(core, items)
    }

    /// Whether it may turn out that all has to be run again.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.sequence.may_be_repeated(&self.running.0.core)
    }

    /// Queues one item, and sends what has been queued if that is much; tells whether the server goes on.
    pub(super) async fn feed(
        &mut self,
        sql: &str,
        item: &dyn Parameters,
        same: bool,
    ) -> Result<bool> {
        loop {
            let (sequence, core) = self.parts();
            let asked = sequence.prepare(core, sql, item, same)?;
            let Some(question) = asked else { break };
            core.session.flush();
            if !self.pump(Until::Idle).await? {
                return Ok(false);
            }
            let (sequence, core) = self.parts();
            sequence.ask(core, sql, &question)?;
            self.pump_turns(Until::Idle, false).await?;
            let (sequence, core) = self.parts();
            if !sequence.learn(core, sql, &question)? {
                return Ok(false);
            }
        }
        let (sequence, core) = self.parts();
        sequence.execute(core, sql, same)?;
        if !sequence.is_full(core) {
            return Ok(true);
        }
        let until = sequence.patience(core);
        core.session.flush();
        let mut goes_on = self.pump(until).await?;
        // What comes meanwhile is heard before all has been sent, also where the task never gives way.
        for _ in 0..LOOKS {
            if !goes_on || !self.running.0.receive_now()? {
                break;
            }
            goes_on = self.pump(until).await?;
        }
        Ok(goes_on)
    }

    /// Waits for the rest of the answers.
    pub(super) async fn end(mut self, fed: Result<bool>) -> Result<Ended> {
        let session = &mut *self.running.0;
        if session.core.is_closed() || fed.as_ref().is_err_and(Error::is_given_up) {
            return Err(fed
                .err()
                .unwrap_or_else(|| Error::closed("the connection is closed")));
        }
        let outcome = match self.sequence.end(&mut session.core, fed.err()) {
            None => {
                session.core.cancel.gate().leave();
                Outcome::default()
            }
            Some(_) => {
                poll_fn(|cx| {
                    loop {
                        if let Some(outcome) = ready!(session.poll_exchange(cx))? {
                            return Poll::Ready(Ok::<_, Error>(outcome));
                        }
                        self.sequence.take_in(&mut session.core);
                    }
                })
                .await?
            }
        };
        self.sequence.finish(&mut session.core, outcome)
    }

    fn parts(&mut self) -> (&mut Sequence, &mut Core) {
        (&mut self.sequence, &mut self.running.0.core)
    }

    /// Moves bytes until all has been sent, or answered, and takes in what comes; tells whether the server goes on.
    async fn pump(&mut self, until: Until) -> Result<bool> {
        self.pump_turns(until, true).await?;
        Ok(self.sequence.take_in(&mut self.running.0.core))
    }

    async fn pump_turns(&mut self, until: Until, take_in: bool) -> Result<()> {
        let session = &mut *self.running.0;
        poll_fn(|cx| {
            loop {
                let step = ready!(session.poll_bounded(until, cx))?;
                let done = matches!(step, Step::Done);
                session.take_step(Ok(step))?;
                if done {
                    return Poll::Ready(Ok(()));
                }
                if take_in {
                    self.sequence.take_in(&mut session.core);
                }
            }
        })
        .await
    }
}
