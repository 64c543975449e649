//! Many executions in one exchange: `execute_many()` and `batch()`.
//!
//! Without a transaction around it the server runs an exchange as one, so that all of it is done or nothing. What has to be
//! asked about a statement is asked within the exchange, so that it sees what those before it have made.
//!
//! What was prepared earlier may be of no use any more. So a batch first asks whether it is, and an exchange in which that turns out
//! is run again: nothing has been executed then. Items that cannot be had twice are kept until something has been. Behind an item that
//! may change what others give, those are prepared anew: it has been executed, and would be twice. So are items of a batch whose types
//! are named, about which nothing is asked, and items of `execute_many()` with other types than those before.

use std::collections::HashSet;
use std::sync::Arc;

use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_protocol::wire::TransactionStatus;

use howdah_net::drive::Until;

use super::Core;
use super::prepare::{Given, Mode, Preparation, Question};
use super::statement::{is_copy, may_redefine};
use crate::error::{Error, Result};
use crate::params::Parameters;

/// How many bytes are queued before they are sent, and what has come is taken.
const BATCH: usize = 64 * 1024;

/// What is wanted of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// How many rows they have changed or given.
    Count,
    /// All of them.
    Results,
    /// None: whoever asks has no items either, and gets errors as they are.
    Nothing,
}

/// How a sequence has ended.
pub(crate) enum Ended {
    /// With what it gave: how many rows were changed or given, and the results if they are wanted.
    Done(u64, Vec<QueryResult>),
    /// Nothing has been executed, since what was prepared is of no use: it is to be run again.
    Again,
}

impl Ended {
    /// What it gave, the second time.
    pub(crate) fn done(self) -> Result<(u64, Vec<QueryResult>)> {
        match self {
            Self::Done(count, results) => Ok((count, results)),
            Self::Again => Err(Error::shape("nothing was executed twice over")),
        }
    }
}

/// An exchange that is being queued: statements, which are its items, and questions about them.
pub(crate) struct Sequence {
    wanted: Wanted,
    /// The exchange, once there is one.
    id: Option<ExchangeId>,
    /// How many statements have been queued, questions among them.
    queued: usize,
    /// Which of them are questions.
    questions: Vec<usize>,
    /// Whether it is the second time.
    is_repeated: bool,
    /// The rows that those have changed or given whose results have been taken.
    count: u64,
    /// The item that is being prepared.
    preparation: Option<Preparation>,
    /// What has ended it early, other than the server.
    failure: Option<Error>,
    /// Whether there was an item that may have changed what others give.
    is_redefined: bool,
    /// The statements that were described in the exchange, since then if there was one.
    renewed: HashSet<Described>,
}

/// A statement's text with the types that were named for its parameters.
type Described = (Box<str>, Option<Arc<[u32]>>);

impl Core {
    /// Has nothing kept of the items of a sequence that has not been ended, and the transaction around them failed, if there is
    /// one.
    pub(super) fn spoil_sequence(&mut self) {
        if std::mem::take(&mut self.in_sequence) {
            self.session.spoil();
        }
    }
}

impl Sequence {
    pub(crate) fn new(wanted: Wanted, is_repeated: bool) -> Self {
        Self {
            wanted,
            id: None,
            queued: 0,
            questions: Vec::new(),
            is_repeated,
            count: 0,
            preparation: None,
            failure: None,
            is_redefined: false,
            renewed: HashSet::new(),
        }
    }

    /// Asks whether what is prepared for these items can be used, before any is queued. The first needs no question: it comes first.
    /// Those whose types are named need none, as nothing is used of what was prepared for them.
    ///
    /// Within a transaction nothing could be done about it.
    pub(crate) fn check<'a>(
        &mut self,
        core: &mut Core,
        items: impl Iterator<Item = (&'a str, &'a dyn Parameters)>,
    ) -> Result<()> {
        if self.is_repeated || core.in_transaction() {
            return Ok(());
        }
        core.check_block()?;
        let mut seen = HashSet::new();
        for (number, (sql, params)) in items.enumerate() {
            if !params.are_of(None) || !seen.insert(sql) || number == 0 {
                continue;
            }
            if let Some(id) = core.session.check_more(sql.as_bytes(), true)? {
                self.questions.push(self.queued);
                self.note_queued(id);
            }
        }
        Ok(())
    }

    /// Whether it may turn out that all has to be run again.
    pub(crate) fn may_be_repeated(&self, core: &Core) -> bool {
        !self.is_repeated && self.id.is_some_and(|id| core.session.may_be_repeated(id))
    }

    /// How long to wait when much has been queued: until that is sent, or answered where it may have to be run again, so that no more
    /// has to be kept.
    pub(crate) fn patience(&self, core: &Core) -> Until {
        match self.may_be_repeated(core) {
            true => Until::Idle,
            false => Until::Sent,
        }
    }

    /// Encodes the parameters of the next item, of many with the `same` text or not; gives what has to be asked before that can be done.
    pub(crate) fn prepare(
        &mut self,
        core: &mut Core,
        sql: &str,
        params: &dyn Parameters,
        same: bool,
    ) -> Result<Option<Question>> {
        if is_copy(sql) {
            return Err(Error::usage("COPY cannot be used with this method"));
        }
        let is_of = |kept: &Preparation| params.are_of(kept.named().map(|types| &**types));
        let preparation = match self.preparation.take() {
            Some(kept) if is_of(&kept) => kept,
            kept => {
                if let Some(kept) = kept {
                    kept.leave(core);
                }
                let preparation = core.prepare(sql, Given::of(params), Mode::Gather)?;
                self.renew(preparation, sql, same)
            }
        };
        let preparation = self.preparation.insert(preparation);
        preparation.question(&core.known, params)
    }

    /// Has a statement rely on what was prepared before only where all can be run again should that be of no use.
    fn renew(&mut self, mut preparation: Preparation, sql: &str, same: bool) -> Preparation {
        let named = preparation.named();
        let relies = match same {
            // It is the first of all, and the others follow it.
            true => self.queued == 0,
            false => named.is_none() && !self.is_redefined,
        };
        if relies && !same {
            return preparation;
        }
        let is_described = preparation.is_described();
        let is_new = is_described && self.renewed.insert((sql.into(), named.cloned()));
        if !relies {
            preparation.renew(!is_new);
        }
        preparation
    }

    /// Queues a question, whose answer is there when all that was sent has been answered.
    pub(crate) fn ask(&mut self, core: &mut Core, sql: &str, question: &Question) -> Result<()> {
        let id = core.ask_more(sql, question)?;
        self.questions.push(self.queued);
        self.note_queued(id);
        core.session.flush();
        Ok(())
    }

    /// Notes the answer; tells whether there is one, rather than an error of the server's.
    pub(crate) fn learn(
        &mut self,
        core: &mut Core,
        sql: &str,
        question: &Question,
    ) -> Result<bool> {
        let (Some(id), Some(preparation)) = (self.id, &mut self.preparation) else {
            return Ok(false);
        };
        if core.session.has_failed(id) {
            return Ok(false);
        }
        let answer = core.session.take_last(id);
        preparation.learn(&core.known, sql, question, answer)?;
        Ok(true)
    }

    /// Queues the item that has been prepared; the next one may be prepared in the same way if it has the `same` text.
    pub(crate) fn execute(&mut self, core: &mut Core, sql: &str, same: bool) -> Result<()> {
        let Some(mut preparation) = self.preparation.take() else {
            return Ok(());
        };
        let id = preparation.execute_more(core, sql, same)?;
        core.in_sequence = true;
        self.note_queued(id);
        if !same && may_redefine(sql) {
            self.is_redefined = true;
            self.renewed.clear();
        }
        self.preparation = same.then_some(preparation);
        Ok(())
    }

    /// Whether what has been queued is to be sent before more is.
    pub(crate) fn is_full(&self, core: &Core) -> bool {
        core.session.unsent() >= BATCH
    }

    /// Takes what has come, if it is not to be kept; tells whether the server goes on, rather than skipping what follows.
    pub(crate) fn take_in(&mut self, core: &mut Core) -> bool {
        let Some(id) = self.id else { return true };
        if self.wanted != Wanted::Results {
            let outcome = core.take_unwanted(id);
            self.count(&outcome.results);
        }
        !core.session.has_failed(id)
    }

    /// Ends the exchange, if there is one, so that the server answers all of it; what was queued is undone if there was a failure.
    pub(crate) fn end(&mut self, core: &mut Core, failure: Option<Error>) -> Option<ExchangeId> {
        self.failure = failure;
        if self.failure.is_some() {
            core.spoil_sequence();
        }
        core.in_sequence = false;
        core.session.end_exchange();
        self.id
    }

    /// What the exchange gave.
    pub(crate) fn finish(mut self, core: &mut Core, mut outcome: Outcome) -> Result<Ended> {
        if outcome.again && !self.is_repeated && self.failure.is_none() {
            return Ok(Ended::Again);
        }
        if self.items() > 0 {
            core.note_block();
        }
        if let Some(failure) = self.failure.take() {
            let failure = match core.status() {
                TransactionStatus::Failed => failure.has_failed_transaction(),
                _ => failure,
            };
            return Err(self.error_of(failure, self.items()));
        }
        let at = self.item_of(outcome.failed_at);
        if let Some(item) = outcome.results.iter().position(|result| result.incomplete) {
            return Err(self.error_of(Error::rows_out_of_memory(), item));
        }
        let results = match self.wanted {
            Wanted::Results => std::mem::take(&mut outcome.results),
            Wanted::Count | Wanted::Nothing => Vec::new(),
        };
        self.count(&outcome.results);
        core.known
            .results(outcome)
            .map_err(|error| self.error_of(error, at))?;
        Ok(Ended::Done(self.count, results))
    }

    fn note_queued(&mut self, id: ExchangeId) {
        self.id = Some(id);
        self.queued += 1;
    }

    fn count(&mut self, results: &[QueryResult]) {
        let counts = results.iter().filter_map(QueryResult::tagged_rows);
        self.count = counts.fold(self.count, u64::saturating_add);
    }

    fn error_of(&self, error: Error, item: usize) -> Error {
        match self.wanted {
            Wanted::Nothing => error,
            Wanted::Count | Wanted::Results => error.of_item(item),
        }
    }

    /// How many items have been queued.
    fn items(&self) -> usize {
        self.item_of(self.queued)
    }

    /// The item that a statement is, or is asked about.
    fn item_of(&self, statement: usize) -> usize {
        let before = self.questions.iter().filter(|&&asked| asked < statement);
        statement.saturating_sub(before.count())
    }
}
