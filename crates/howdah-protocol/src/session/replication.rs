//! Replication: a two-way COPY as an exchange of its own, whose data comes like that of a COPY and is never all of it. What has
//! to be said meanwhile is said by the session, at its time, so that every shell says it.

use std::time::Instant;

use super::Session;
use super::exchange::{CopyStart, ExchangeId};
use super::standby::{Positions, Standby, StandbyOptions};
use crate::connection::{Ending, QueryResult};
use crate::error::UsageError;
use crate::replication::{Keepalive, STATUS_LEN};
use crate::wire::Format;
use crate::wire::backend::CopyResponse;

impl Session {
    /// Queues a `START_REPLICATION`; nothing may be queued behind it before it has ended. No transaction is begun.
    ///
    /// When [`Session::take_copy_start`] tells that it has begun, its messages come by [`Session::take_rows`]: each a
    /// [`WalData`](crate::replication::WalData). Keepalives are answered by the session, and the server is told at intervals how far
    /// the client is, when [`Session::advance`] is called: at [`Session::poll_timeout`] at the latest. The server may end it, as at
    /// the end of a timeline; then messages that were not taken are the rows of the outcome's first result, or are unfinished if it
    /// was an error; and a result with columns tells the next timeline. The client ends it by [`Session::end_following`], or by
    /// [`Session::cancel_and_drain`].
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn replicate(
        &mut self,
        sql: &[u8],
        options: StandbyOptions,
    ) -> Result<ExchangeId, UsageError> {
        let id = self.copy(sql, false)?;
        self.standby = Some((id, Standby::new(options)));
        Ok(id)
    }

    /// Whether the server sends the messages of an exchange's stream, and wants to be told how far the client is.
    #[must_use]
    pub fn is_following(&self, id: ExchangeId) -> bool {
        self.answering() == Some(id) && self.connection.is_following()
    }

    /// Notes up to where the client has come, if that is further than before: the server is told with the next status. Without
    /// `applied` what is durable counts as applied, unless the data is the log itself.
    pub fn confirm(&mut self, id: ExchangeId, positions: Positions) {
        if let Some(standby) = self.standby_of(id) {
            standby.confirm(positions);
        }
    }

    /// Has the server told at once how far the client is, and, with `wants_reply`, answer with a keepalive. It is queued by the next
    /// [`Session::report`].
    pub fn ask_for_status(&mut self, id: ExchangeId, wants_reply: bool, now: Instant) {
        if let Some(standby) = self.standby_of(id) {
            standby.ask(wants_reply, now);
        }
    }

    /// Queues what the server is to be told by now, or would be told anew: to be called before a wait for more messages.
    pub fn report(&mut self, now: Instant) {
        if self.standby.as_ref().is_some_and(|(_, each)| each.has_news) {
            self.queue_status(now);
        }
        self.report_when_due(now);
    }

    /// When the server is to be told something; before that, [`Session::report`] is of no use but for news.
    #[must_use]
    pub fn status_due_at(&self) -> Option<Instant> {
        let (id, standby) = self.standby.as_ref()?;
        self.can_tell(*id).then(|| standby.due_at())?
    }

    /// How far the client says it is, and where the server was when it last said so.
    #[must_use]
    pub fn told(&self, id: ExchangeId) -> Option<(Positions, u64)> {
        let (_, standby) = self.standby.as_ref().filter(|(own, _)| *own == id)?;
        let positions = standby.positions(self.connection.followed_to());
        Some((positions, standby.server_end))
    }

    /// Ends the stream of an exchange: the server is told a last time how far the client is. What it still sends is thrown away, and
    /// what it says of the end comes with the outcome.
    ///
    /// One that is in the middle of a transaction sends all of it first. So it is soon asked to cancel that, and the outcome may be
    /// an error that says so; the session has ended the stream, or is over, within [`Session::cancel_timeout`].
    pub fn end_following(&mut self, id: ExchangeId, now: Instant) {
        if self.is_following(id) {
            self.queue_status(now);
            drop(self.connection.take_rows());
            self.connection.end_following();
            self.cancel.begin_later(now);
        }
    }

    /// A two-way COPY has begun: it is the stream that was asked for, or nobody's.
    pub(super) fn begin_following(&mut self, response: &CopyResponse, now: Instant) {
        let start = CopyStart {
            is_in: false,
            is_binary: response.format == Format::Binary,
            columns: response.columns.len(),
        };
        let wanted = match (self.exchanges.front_mut(), &mut self.standby) {
            (Some(front), Some((id, standby))) if front.id == *id => {
                standby.begin(now);
                front.begin_copy(start)
            }
            _ => false,
        };
        if wanted {
            self.connection.follow();
            return;
        }
        // A walsender takes nothing but messages of replication and this.
        self.connection.end_following();
        self.refuse_copy(now, false);
        self.cancel.begin(now, false);
    }

    pub(super) fn note_keepalive(&mut self, keepalive: &Keepalive, now: Instant) {
        if let Some((_, standby)) = &mut self.standby {
            standby.note_keepalive(keepalive, now);
        }
    }

    /// The server has ended the stream by itself: it waits for the client to do so too.
    pub(super) fn follow_to_end(&mut self, result: &QueryResult) {
        if self.standby.take().is_some() && result.ending == Ending::Suspended {
            self.connection.end_following();
        }
    }

    pub(super) fn report_when_due(&mut self, now: Instant) {
        if self.status_due_at().is_some_and(|due| due <= now) {
            self.queue_status(now);
        }
    }

    fn standby_of(&mut self, id: ExchangeId) -> Option<&mut Standby> {
        let standby = self.standby.as_mut().filter(|(own, _)| *own == id);
        standby.map(|(_, standby)| standby)
    }

    /// Whether the server can be told: one that does not take what it was told before is told when it has.
    fn can_tell(&self, id: ExchangeId) -> bool {
        self.is_following(id) && self.connection.outgoing().is_empty()
    }

    fn queue_status(&mut self, now: Instant) {
        let id = self.standby.as_ref().map(|(id, _)| *id);
        if !id.is_some_and(|id| self.can_tell(id)) {
            return;
        }
        let followed_to = self.connection.followed_to();
        let Some((_, standby)) = &mut self.standby else {
            return;
        };
        let mut body = Vec::with_capacity(STATUS_LEN);
        standby.tell(now, followed_to).write(&mut body);
        // Short: this cannot fail.
        let _ = self.connection.copy_data(&body);
    }
}
