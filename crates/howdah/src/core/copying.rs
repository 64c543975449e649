//! COPY, as both shells have it.

use howdah_protocol::connection::RowSet;
use howdah_protocol::session::{CopyStart, ExchangeId, Outcome};

use super::Core;
use super::observe::CopyWatch;
use crate::error::{Error, Result};

/// How much data is gathered, and queued at once, in bytes.
const PIECE: usize = 64 * 1024;

/// How much memory is kept for it, in bytes.
const KEPT: usize = 4 * PIECE;

/// A COPY that runs.
#[derive(Debug)]
pub(crate) struct Copying {
    pub(crate) id: ExchangeId,
    /// Whether its format is the binary one.
    pub(crate) is_binary: bool,
    /// How many columns it has.
    pub(crate) columns: usize,
    /// Given by the user, and not all queued.
    pub(crate) buffer: Vec<u8>,
    /// How much of that was queued.
    queued: usize,
    /// Received, and not given to the user.
    messages: RowSet,
    pos: usize,
    /// What comes behind those: how many rows there were, or why it failed.
    end: Option<Result<u64>>,
    /// Whether nothing more is to be expected of the server.
    pub(crate) is_over: bool,
    pub(crate) watch: CopyWatch,
}

impl Copying {
    /// What has come of a statement that was queued as a COPY; `None` if it is not known yet.
    pub(crate) fn begun(
        core: &mut Core,
        id: ExchangeId,
        is_in: bool,
        outcome: Option<Outcome>,
    ) -> Option<Result<Self>> {
        let mut outcome = outcome;
        let start = match &mut outcome {
            Some(outcome) => outcome.copy.take(),
            None => core.session.take_copy_start(id),
        };
        if start.is_none() && outcome.is_none() {
            return None;
        }
        let mut copying = Self {
            id,
            is_binary: start.as_ref().is_some_and(|start| start.is_binary),
            columns: start.as_ref().map_or(0, |start| start.columns),
            buffer: Vec::new(),
            queued: 0,
            messages: RowSet::default(),
            pos: 0,
            end: None,
            is_over: false,
            watch: CopyWatch::none(),
        };
        if let Some(outcome) = outcome {
            copying.ended(core, outcome);
        }
        Some(copying.checked(start, is_in))
    }

    /// The same, watched from its beginning.
    pub(crate) fn watched(mut self, mut watch: CopyWatch) -> Self {
        watch.received(&self.messages);
        if let Some(end) = &self.end {
            watch.ended(end);
        }
        self.watch = watch;
        self
    }

    fn checked(mut self, start: Option<CopyStart>, is_in: bool) -> Result<Self> {
        let goes = start.map(|start| start.is_in);
        if goes == Some(is_in) && !(is_in && self.is_over) {
            return Ok(self);
        }
        match self.end.take() {
            Some(Err(error)) => Err(error),
            _ if is_in => Err(Error::refused("the statement is no COPY ... FROM STDIN")),
            _ => Err(Error::refused("the statement is no COPY ... TO STDOUT")),
        }
    }

    /// Nothing more is to be expected, as waiting for it has failed.
    pub(crate) fn fail(&mut self, error: &Error) {
        self.is_over = true;
        self.watch.failed(error);
    }

    /// The server has answered: with the last of the data.
    pub(crate) fn ended(&mut self, core: &mut Core, mut outcome: Outcome) {
        core.note_block();
        self.is_over = true;
        let is_alone = outcome.results.len() <= 1;
        let mut results = outcome.results.iter_mut().chain(&mut outcome.unfinished);
        self.messages = results
            .next()
            .map(|result| std::mem::take(&mut result.rows))
            .unwrap_or_default();
        self.pos = 0;
        self.watch.received(&self.messages);
        let end = match core.known.count(outcome) {
            Ok(_) if !is_alone => Err(Error::refused("a COPY goes with no other statements")),
            end => end,
        };
        self.watch.ended(&end);
        self.end = Some(end);
    }

    /// The next message that has been received, or else the error that has ended the COPY.
    pub(crate) fn next_message(&mut self) -> Option<Result<Vec<u8>>> {
        if let Some(message) = self.messages.bytes(self.pos) {
            self.pos += 1;
            return Some(Ok(message.to_vec()));
        }
        self.take_failure().map(Err)
    }

    /// Whether there are messages that have been received, and not given.
    pub(crate) fn has_messages(&self) -> bool {
        !self.messages.is_empty()
    }

    /// All messages that have been received, and not given.
    pub(crate) fn take_messages(&mut self) -> RowSet {
        std::mem::take(&mut self.messages)
    }

    /// The error that has ended the COPY.
    pub(crate) fn take_failure(&mut self) -> Option<Error> {
        self.end.take_if(|end| end.is_err())?.err()
    }

    /// Takes what has been received meanwhile.
    pub(crate) fn take_in(&mut self, core: &mut Core) {
        let (columns, messages) = core.session.take_rows(self.id);
        // Rows with columns are those of a statement behind it.
        self.messages = match columns {
            None => messages,
            Some(_) => RowSet::default(),
        };
        self.pos = 0;
        self.watch.received(&self.messages);
    }

    /// What it came to.
    pub(crate) fn take_end(&mut self) -> Result<u64> {
        let failed = || Err(Error::refused("the COPY has failed"));
        self.end.take().unwrap_or_else(failed)
    }

    /// Takes data from the user, at most a piece; gives how much. When it is full, that has to be queued.
    pub(crate) fn gather(&mut self, data: &[u8]) -> usize {
        let room = PIECE.saturating_sub(self.buffer.len());
        let taken = data.get(..room).unwrap_or(data);
        self.buffer.extend_from_slice(taken);
        taken.len()
    }

    /// Whether what was gathered is to be queued.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= PIECE
    }

    /// Whether more was gathered than is queued at once.
    pub(crate) fn is_long(&self) -> bool {
        self.buffer.len() - self.queued > PIECE
    }

    /// Queues the next piece of what was gathered; tells whether there was any. If the server has failed meanwhile it is for nobody.
    pub(crate) fn queue_piece(&mut self, core: &mut Core) -> Result<bool> {
        let rest = self.buffer.get(self.queued..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(false);
        }
        let piece = rest.get(..PIECE).unwrap_or(rest);
        core.session.copy_data(self.id, piece)?;
        self.queued += piece.len();
        self.watch.sent(piece.len());
        if self.queued == self.buffer.len() {
            self.buffer.clear();
            self.queued = 0;
            // A long row may have been in it.
            self.buffer.shrink_to(KEPT);
        }
        Ok(true)
    }

    /// Queues the end of the data.
    pub(crate) fn queue_end(&mut self, core: &mut Core) {
        core.session.copy_done(self.id);
    }
}
