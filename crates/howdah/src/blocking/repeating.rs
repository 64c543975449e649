//! Sequences and streams, which are run again where what was prepared for them turns out to be of no use.

use howdah_net::drive::{Step, Until};
use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::{ExchangeId, Outcome};

use super::Session;
use crate::batch::Batch;
use crate::core::observe::repeated;
use crate::core::sequence::{Ended, Sequence, Wanted};
use crate::core::stream::First;
use crate::core::{Core, LOOKS, Mode};
use crate::error::{Error, Result};
use crate::params::{Parameters, ToParams};

impl Session {
    /// Runs a statement once for each of `items`; gives how many rows were changed or given.
    pub(super) fn run_many<I>(&mut self, wanted: Wanted, sql: &str, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: ToParams>,
    {
        let ended = self.feed_many(wanted, sql, items);
        let (count, _) = ended.map_err(|error| error.in_statement(sql))?;
        Ok(count)
    }

    fn feed_many<I>(
        &mut self,
        wanted: Wanted,
        sql: &str,
        items: I,
    ) -> Result<(u64, Vec<QueryResult>)>
    where
        I: IntoIterator<Item: ToParams>,
    {
        let mut items = items.into_iter();
        let mut kept = Vec::new();
        let mut sequence = self.begin_sequence(wanted, false)?;
        let mut fed = Ok(true);
        for item in items.by_ref() {
            fed = self.feed(&mut sequence, sql, &item, true);
            if sequence.may_be_repeated(&self.core) {
                kept.push(item);
            } else if !kept.is_empty() {
                kept = Vec::new();
            }
            if !matches!(fed, Ok(true)) {
                break;
            }
        }
        if let Ended::Done(count, results) = self.end_sequence(sequence, fed)? {
            return Ok((count, results));
        }
        let mut sequence = self.begin_sequence(wanted, true)?;
        let mut fed = Ok(true);
        for item in kept.into_iter().chain(items) {
            fed = self.feed(&mut sequence, sql, &item, true);
            if !matches!(fed, Ok(true)) {
                break;
            }
        }
        self.end_sequence(sequence, fed)?.done()
    }

    /// Runs several statements; gives their results.
    pub(super) fn run_batch(&mut self, batch: &Batch<'_>) -> Result<(u64, Vec<QueryResult>)> {
        let ended = match self.feed_batch(batch, false)? {
            Ended::Again => self.feed_batch(batch, true)?,
            ended @ Ended::Done(..) => ended,
        };
        ended.done()
    }

    fn feed_batch(&mut self, batch: &Batch<'_>, again: bool) -> Result<Ended> {
        let mut sequence = self.begin_sequence(Wanted::Results, again)?;
        let checked = sequence.check(&mut self.core, batch.statements());
        let mut fed = checked.map(|()| true);
        for (sql, params) in batch.statements() {
            if !matches!(fed, Ok(true)) {
                break;
            }
            fed = self.feed(&mut sequence, sql, params, false);
        }
        self.end_sequence(sequence, fed)
    }

    /// Begins a statement whose rows are handed out as they arrive. Where it relies on what was prepared before, what comes first is
    /// waited for: afterwards nobody has its parameters.
    pub(super) fn begin_stream(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
    ) -> Result<(ExchangeId, First)> {
        let id = self.queue_stream(sql, params)?;
        let first = self.first_of_stream(id)?;
        if !first.is_to_be_repeated() {
            return Ok((id, first));
        }
        self.roll_back_in_vain()?;
        let id = self.queue_stream(sql, params)?;
        Ok((id, First::Came(None)))
    }

    fn queue_stream(&mut self, sql: &str, params: &dyn Parameters) -> Result<ExchangeId> {
        let mut ready = self.make_ready(sql, params, Mode::Stream)?;
        self.begin(|core| ready.execute(core, sql))
    }

    fn first_of_stream(&mut self, id: ExchangeId) -> Result<First> {
        while self.core.session.may_be_repeated(id) {
            if let Some(outcome) = self.turn()? {
                return Ok(First::Ended(Box::new(outcome)));
            }
        }
        Ok(First::Came(self.core.take_rows(id)))
    }

    /// Rolls back the transaction that was begun for what could not be executed, if there is one.
    pub(super) fn roll_back_in_vain(&mut self) -> Result<()> {
        repeated();
        if self.core.in_transaction() {
            self.perform(|core| core.queue_control("ROLLBACK"))?;
        }
        Ok(())
    }

    /// The second time, `again`, a transaction that was begun for the first is rolled back before.
    fn begin_sequence(&mut self, wanted: Wanted, again: bool) -> Result<Sequence> {
        if again {
            self.roll_back_in_vain()?;
        }
        self.enter()?;
        Ok(Sequence::new(wanted, again))
    }

    /// Queues one item, and sends what has been queued if that is much; tells whether the server goes on.
    fn feed(
        &mut self,
        sequence: &mut Sequence,
        sql: &str,
        item: &dyn Parameters,
        same: bool,
    ) -> Result<bool> {
        loop {
            let core = &mut self.core;
            let asked = sequence.prepare(core, sql, item, same)?;
            let Some(question) = asked else { break };
            self.core.session.flush();
            if !self.pump(sequence, Until::Idle)? {
                return Ok(false);
            }
            sequence.ask(&mut self.core, sql, &question)?;
            self.pump_turns(Until::Idle, |_| {})?;
            if !sequence.learn(&mut self.core, sql, &question)? {
                return Ok(false);
            }
        }
        sequence.execute(&mut self.core, sql, same)?;
        if !sequence.is_full(&self.core) {
            return Ok(true);
        }
        let until = sequence.patience(&self.core);
        self.core.session.flush();
        let mut goes_on = self.pump(sequence, until)?;
        // What comes meanwhile is heard before all has been sent.
        for _ in 0..LOOKS {
            if !goes_on || !self.has_come()? {
                break;
            }
            goes_on = self.pump(sequence, until)?;
        }
        Ok(goes_on)
    }

    /// Moves bytes until all has been sent, or answered, and takes in what comes; tells whether the server goes on.
    fn pump(&mut self, sequence: &mut Sequence, until: Until) -> Result<bool> {
        self.pump_turns(until, |core| {
            sequence.take_in(core);
        })?;
        Ok(sequence.take_in(&mut self.core))
    }

    fn pump_turns(&mut self, until: Until, mut take: impl FnMut(&mut Core)) -> Result<()> {
        loop {
            let step = self.step(until);
            let done = matches!(step, Ok(Step::Done));
            self.take_bounded(step)?;
            if done {
                return Ok(());
            }
            take(&mut self.core);
        }
    }

    /// Waits for the rest of the answers.
    fn end_sequence(&mut self, mut sequence: Sequence, fed: Result<bool>) -> Result<Ended> {
        if self.core.is_closed() || fed.as_ref().is_err_and(Error::is_given_up) {
            return Err(fed
                .err()
                .unwrap_or_else(|| Error::closed("the connection is closed")));
        }
        let outcome = match sequence.end(&mut self.core, fed.err()) {
            None => Outcome::default(),
            Some(_) => loop {
                match self.turn()? {
                    Some(outcome) => break outcome,
                    None => {
                        sequence.take_in(&mut self.core);
                    }
                }
            },
        };
        self.core.cancel.gate().leave();
        sequence.finish(&mut self.core, outcome)
    }
}
