//! What the server of a replication stream is told of how far the client is, and when.

use std::time::{Duration, Instant};

use crate::replication::{Keepalive, StandbyStatus};

/// How a replication stream is answered.
#[derive(Debug, Clone, Copy)]
pub struct StandbyOptions {
    /// How long the server waits at most to hear from the client, a year at most; `None` if only when it asks.
    pub interval: Option<Duration>,
    /// Whether the data is the log itself, and not what an output plugin makes of it.
    pub is_physical: bool,
    /// What the client's time is.
    pub clock: Clock,
}

/// The client's time at one moment, from which others are told.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// The moment.
    pub at: Instant,
    /// Its time: microseconds since the beginning of the year 2000 in UTC.
    pub micros: i64,
}

/// Positions in the log up to which the client has come; 0 where nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Positions {
    /// Received and written.
    pub written: u64,
    /// Written so that nothing will be lost.
    pub flushed: u64,
    /// Applied.
    pub applied: u64,
}

/// What the server of one stream is told.
#[derive(Debug)]
pub(super) struct Standby {
    options: StandbyOptions,
    /// What the user has confirmed.
    confirmed: Positions,
    /// Whether the user tells what has been applied: otherwise what is durable is.
    tells_applied: bool,
    /// Up to where the server has sent what there was to send, as it has said.
    pub(super) server_end: u64,
    /// When the server was told last, or the stream began.
    told_at: Instant,
    /// Since when the server is to be told without further delay.
    asked_at: Option<Instant>,
    /// Whether the server is to answer.
    wants_reply: bool,
    /// Whether more has been confirmed since the server was told.
    pub(super) has_news: bool,
}

impl Standby {
    pub(super) fn new(options: StandbyOptions) -> Self {
        Self {
            options,
            confirmed: Positions::default(),
            tells_applied: false,
            server_end: 0,
            told_at: options.clock.at,
            asked_at: None,
            wants_reply: false,
            has_news: false,
        }
    }

    /// The stream begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.told_at = now;
    }

    pub(super) fn confirm(&mut self, positions: Positions) {
        let before = self.confirmed;
        self.tells_applied |= positions.applied > 0;
        self.confirmed = Positions {
            written: before.written.max(positions.written).max(positions.flushed),
            flushed: before.flushed.max(positions.flushed),
            applied: before.applied.max(positions.applied),
        };
        self.has_news |= self.confirmed != before;
    }

    /// Has the server told at once.
    pub(super) fn ask(&mut self, wants_reply: bool, now: Instant) {
        self.asked_at.get_or_insert(now);
        self.wants_reply |= wants_reply;
    }

    pub(super) fn note_keepalive(&mut self, keepalive: &Keepalive, now: Instant) {
        self.server_end = self.server_end.max(keepalive.end);
        if keepalive.wants_reply {
            self.ask(false, now);
        }
    }

    /// When the server is to be told.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let interval = self.options.interval.map(|each| each.min(FAR));
        let regular = interval.and_then(|interval| self.told_at.checked_add(interval));
        self.asked_at.into_iter().chain(regular).min()
    }

    /// What the server is to be told at `now`, which it will have been; its last message starts and ends at `followed_to`.
    pub(super) fn tell(&mut self, now: Instant, followed_to: (u64, u64)) -> StandbyStatus {
        let Positions {
            written,
            flushed,
            applied,
        } = self.positions(followed_to);
        let Clock { at, micros } = self.options.clock;
        let passed = now.saturating_duration_since(at).as_micros();
        self.told_at = now;
        self.asked_at = None;
        self.has_news = false;
        StandbyStatus {
            written,
            flushed,
            applied,
            sent_at: micros.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX)),
            wants_reply: std::mem::take(&mut self.wants_reply),
        }
    }

    /// How far the client is. Where all that has come is durable, so is all before the position at which the server says it is: there
    /// was nothing for the client in it, and the server need not keep it.
    pub(super) fn positions(&self, (start, end): (u64, u64)) -> Positions {
        let is_physical = self.options.is_physical;
        let come = if is_physical { end } else { start };
        let confirmed = self.confirmed;
        let all = confirmed.flushed >= come;
        let flushed = match all {
            true => confirmed.flushed.max(self.server_end),
            false => confirmed.flushed,
        };
        let applied = match self.tells_applied || is_physical {
            true => confirmed.applied,
            false => flushed,
        };
        Positions {
            written: confirmed.written.max(flushed),
            flushed,
            applied,
        }
    }
}

/// As good as never: an [`Instant`] cannot hold every time that a user may give.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
