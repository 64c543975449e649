//! Replication, as both shells have it.

mod changes;
mod decoding;
mod row;
mod start;

use std::time::Instant;

use howdah_net::standby;
use howdah_protocol::connection::{QueryResult, RowSet};
use howdah_protocol::replication::WalData as Message;
use howdah_protocol::session::{ExchangeId, Outcome, Positions};
use howdah_types::PgLsn;
use howdah_types::datetime::TimestampTz;
use howdah_types::lsn::pg_lsn_from_text;

use super::Core;
use super::observe::StreamWatch;
use crate::error::{Error, Result};
use decoding::Decoding;

pub use changes::{
    Begin, Change, Commit, CommitPrepared, Delete, Insert, LogicalMessage, Old, Origin, Prepared,
    Relation, RelationColumn, RollbackPrepared, StreamAbort, StreamCommit, StreamStart, Truncate,
    TypeName, Update,
};
pub use row::{ChangedRow, Value};
pub(crate) use start::Start;
pub use start::{ChangeOptions, Streaming};

/// A piece of the log, or a message of an output plugin.
///
/// ```
/// use howdah::replication::WalData;
///
/// fn show(data: &WalData) {
///     println!("{} to {}: {}", data.start, data.end, String::from_utf8_lossy(&data.payload));
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WalData {
    /// Where it starts in the log; for the message that ends a transaction, where that ends.
    pub start: PgLsn,
    /// Where the server's log ended; for a message of a plugin the same as `start`.
    pub end: PgLsn,
    /// When the server sent it, by its clock.
    pub sent_at: TimestampTz,
    /// The bytes of the log, or of the plugin.
    pub payload: Vec<u8>,
}

/// What the server is told of how far the client is; positions that are told never go back.
///
/// ```
/// use howdah::replication::Feedback;
/// use howdah::types::PgLsn;
///
/// let received = Feedback { written: PgLsn(200), flushed: PgLsn(100), ..Feedback::default() };
/// assert_eq!(received.applied, PgLsn(0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Feedback {
    /// Up to where it was written.
    pub written: PgLsn,
    /// Up to where nothing will be lost: the server need not keep it, nor send it again.
    pub flushed: PgLsn,
    /// Up to where it was applied; if this is never told, what is flushed counts as applied.
    pub applied: PgLsn,
    /// Whether the server is to answer at once.
    pub wants_reply: bool,
}

/// What a stream of replication gives: [`WalData`] or [`Change`].
///
/// ```
/// use howdah::replication::{ReplicationStream, StreamItem};
///
/// fn lag<M: StreamItem>(stream: &ReplicationStream<'_, M>) -> u64 {
///     stream.server_lsn().0.saturating_sub(stream.position().0)
/// }
/// ```
pub trait StreamItem: sealed::Read {}

impl StreamItem for WalData {}
impl StreamItem for Change {}

pub(crate) mod sealed {
    use super::{Change, Core, Following, Message, Result, WalData};
    use howdah_types::PgLsn;
    use howdah_types::datetime::TimestampTz;

    /// Made of what the server sends.
    #[expect(
        private_interfaces,
        unnameable_types,
        reason = "it cannot be named outside of the crate"
    )]
    pub trait Read: Sized {
        fn read(message: Message<'_>, following: &mut Following, core: &Core) -> Result<Self>;
    }

    #[expect(private_interfaces, reason = "it cannot be named outside of the crate")]
    impl Read for WalData {
        fn read(message: Message<'_>, _: &mut Following, _: &Core) -> Result<Self> {
            Ok(Self {
                start: PgLsn(message.start),
                end: PgLsn(message.end),
                sent_at: TimestampTz {
                    micros: message.sent_at,
                },
                payload: message.payload.to_vec(),
            })
        }
    }

    #[expect(private_interfaces, reason = "it cannot be named outside of the crate")]
    impl Read for Change {
        fn read(message: Message<'_>, following: &mut Following, core: &Core) -> Result<Self> {
            following.decoding.decode(message.payload, core)
        }
    }
}

/// A stream that runs.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) id: ExchangeId,
    is_physical: bool,
    decoding: Decoding,
    /// Received, and not given to the user.
    messages: RowSet,
    pos: usize,
    /// What has come with the end, behind those.
    last: RowSet,
    /// What comes behind that.
    failure: Option<Error>,
    /// Whether nothing more is to be expected of the server.
    pub(crate) is_over: bool,
    /// Up to where messages have been given.
    position: u64,
    watch: StreamWatch,
    next_timeline: Option<(u32, PgLsn)>,
}

impl Following {
    /// What has come of a stream that was queued; `None` if it is not known yet.
    pub(crate) fn begun(
        core: &mut Core,
        id: ExchangeId,
        start: &Start,
        mut outcome: Option<Outcome>,
    ) -> Option<Result<Self>> {
        let has_begun = match &mut outcome {
            Some(outcome) => outcome.copy.take(),
            None => core.session.take_copy_start(id),
        }
        .is_some();
        if !has_begun && outcome.is_none() {
            return None;
        }
        let mut following = Self {
            id,
            is_physical: start.is_physical,
            decoding: Decoding::new(start.version),
            messages: RowSet::default(),
            pos: 0,
            last: RowSet::default(),
            failure: None,
            is_over: false,
            position: 0,
            watch: StreamWatch::none(),
            next_timeline: None,
        };
        if let Some(outcome) = outcome {
            following.ended(core, outcome);
        }
        if has_begun {
            return Some(Ok(following));
        }
        let failure = following.failure.take();
        Some(Err(failure.unwrap_or_else(|| {
            Error::refused("the command has started no replication")
        })))
    }

    /// The same, watched from its beginning.
    pub(crate) fn watched(mut self, watch: StreamWatch) -> Self {
        self.watch = watch;
        if self.is_over {
            self.tell_end();
        }
        self
    }

    /// The server has ended it, with the last of the messages.
    pub(crate) fn ended(&mut self, core: &mut Core, outcome: Outcome) {
        self.take_last(core, outcome);
        self.tell_end();
    }

    fn tell_end(&mut self) {
        self.watch.ended(self.failure.as_ref().map_or(Ok(()), Err));
    }

    fn take_last(&mut self, core: &mut Core, mut outcome: Outcome) {
        core.note_block();
        self.is_over = true;
        self.last = match outcome.unfinished.take() {
            Some(unfinished) => unfinished.rows,
            None => RowSet::default(),
        };
        let mut results = match core.known.results(outcome) {
            Ok(results) => results,
            Err(error) => {
                self.failure = Some(error);
                return;
            }
        };
        self.next_timeline = next_timeline(&results);
        let ended_before = core.session.connection().has_ended_following();
        if !self.is_physical && self.position == 0 && ended_before {
            self.failure = Some(Error::usage(
                "the server has ended the stream at once: it runs one stream of logical replication for each connection, \
                 and there was one before; open another connection",
            ));
            return;
        }
        // Those of a server that shuts down have a tag.
        let messages = results.first_mut();
        if let Some(first) = messages.filter(|first| first.columns.is_none()) {
            self.last = std::mem::take(&mut first.rows);
        }
    }

    /// The next message that has been received, or else the error that has ended the stream.
    pub(crate) fn next<M: StreamItem>(&mut self, core: &Core) -> Option<Result<M>> {
        if self.pos >= self.messages.len() {
            self.messages = std::mem::take(&mut self.last);
            self.pos = 0;
        }
        // Taken for a moment: reading notes where the stream is.
        let messages = std::mem::take(&mut self.messages);
        let Some(body) = messages.bytes(self.pos) else {
            return self.failure.take().map(Err);
        };
        self.pos += 1;
        let item = self.read(body, core);
        match &item {
            Ok(_) => self.messages = messages,
            Err(error) => self.give_up(error),
        }
        Some(item)
    }

    /// Whether the server sends nothing more: a stream that was given up is still to be ended.
    pub(crate) fn needs_no_end(&self, core: &Core) -> bool {
        self.is_over && (core.is_closed() || !core.session.is_following(self.id))
    }

    /// Nothing more is given, for this reason.
    pub(crate) fn give_up(&mut self, error: &Error) {
        self.watch.failed(error);
        self.is_over = true;
        self.messages = RowSet::default();
        self.last = RowSet::default();
        self.failure = None;
    }

    fn read<M: StreamItem>(&mut self, body: &[u8], core: &Core) -> Result<M> {
        let message = Message::read(body).map_err(|error| Error::shape(error.to_string()))?;
        let position = match self.is_physical {
            true => message.end_of_payload(),
            false => message.start,
        };
        let item = M::read(message, self, core)?;
        self.position = self.position.max(position);
        Ok(item)
    }

    /// Takes what has been received meanwhile.
    pub(crate) fn take_in(&mut self, core: &mut Core) {
        self.messages = core.session.take_rows(self.id).1;
        self.pos = 0;
    }

    /// Whether the server is to be told something by now, however much there is to be given.
    pub(crate) fn is_status_due(&self, core: &Core) -> bool {
        !self.is_over
            && core
                .session
                .status_due_at()
                .is_some_and(|due| due <= Instant::now())
    }

    /// Notes up to where the client has come.
    pub(crate) fn confirm(&self, core: &mut Core, feedback: Feedback) {
        let positions = Positions {
            written: feedback.written.0,
            flushed: feedback.flushed.0,
            applied: feedback.applied.0,
        };
        core.session.confirm(self.id, positions);
    }

    /// Has the server told at once.
    pub(crate) fn tell(&self, core: &mut Core, wants_reply: bool) {
        let now = Instant::now();
        core.session.ask_for_status(self.id, wants_reply, now);
        core.session.report(now);
    }

    /// The error that has ended the stream and that nobody has seen, if there is one.
    pub(crate) fn take_end(&mut self) -> Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// The end that the client has asked for.
    pub(crate) fn closed(&mut self, core: &mut Core, outcome: Outcome) -> Result<()> {
        core.note_block();
        self.is_over = true;
        self.next_timeline = next_timeline(&outcome.results);
        let ended = core.known.results(outcome).map(drop);
        // In the middle of a transaction the server is asked to cancel it.
        let closed = ended.or_else(|error| match error.is_cancelled() {
            true => Ok(()),
            false => Err(error),
        });
        self.watch.ended(closed.as_ref().map(drop));
        closed
    }

    pub(crate) fn position(&self) -> PgLsn {
        PgLsn(self.position)
    }

    pub(crate) fn next_timeline(&self) -> Option<(u32, PgLsn)> {
        self.next_timeline
    }

    /// What the server is told to be flushed, and where it has said it was.
    pub(crate) fn told(&self, core: &Core) -> (PgLsn, PgLsn) {
        let (positions, server) = core.session.told(self.id).unwrap_or_default();
        (PgLsn(positions.flushed), PgLsn(server))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.watch.left(self.position());
    }
}

/// The timeline that comes next, and where it begins, if the server has told.
fn next_timeline(results: &[QueryResult]) -> Option<(u32, PgLsn)> {
    let (timeline, start) = standby::next_timeline(results)?;
    Some((timeline, PgLsn(pg_lsn_from_text(start).ok()?)))
}

/// Adds the methods of a stream that wait for nothing.
macro_rules! stream_methods {
    ($stream:ident) => {
        impl<M: $crate::core::replication::StreamItem> $stream<'_, M> {
            /// Notes that nothing up to a position will be lost: the server need not keep it, nor send it again.
            ///
            /// For a transaction that is where it ends, as [`Change::end_lsn`](crate::replication::Change::end_lsn) tells. The
            /// server is told when the stream waits for messages, or at its time, or at the end.
            pub fn flushed(&mut self, lsn: $crate::types::PgLsn) {
                let feedback = $crate::replication::Feedback {
                    written: lsn,
                    flushed: lsn,
                    ..Default::default()
                };
                self.following.confirm(&mut self.session.core, feedback);
            }

            /// Up to where messages have been given: what to confirm when all of them are durable that have to be.
            #[must_use]
            pub fn position(&self) -> $crate::types::PgLsn {
                self.following.position()
            }

            /// Up to where the server is told that nothing will be lost: what was confirmed; and, if all that has been sent was
            /// confirmed, where the server has said that there was nothing else.
            #[must_use]
            pub fn flushed_lsn(&self) -> $crate::types::PgLsn {
                self.following.told(&self.session.core).0
            }

            /// Up to where the server has said that it has sent what there was to be sent.
            #[must_use]
            pub fn server_lsn(&self) -> $crate::types::PgLsn {
                self.following.told(&self.session.core).1
            }

            /// Whether nothing more is to be expected of the server, after what has been received.
            #[must_use]
            pub fn has_ended(&self) -> bool {
                self.following.is_over
            }

            /// The timeline that follows the one that has ended, and where to start on it, if the server has told.
            #[must_use]
            pub fn next_timeline(&self) -> Option<(u32, $crate::types::PgLsn)> {
                self.following.next_timeline()
            }
        }
    };
}

pub(crate) use stream_methods;
