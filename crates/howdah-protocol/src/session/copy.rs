//! COPY as an exchange of its own: its data goes and comes in pieces, and nothing gathers.

use super::exchange::{CopyStart, ExchangeId};
use super::{Execute, ResultFormat, Session};
use crate::connection::Params;
use crate::error::UsageError;
use crate::wire::Format;
use crate::wire::backend::CopyResponse;

/// What the server is told of a COPY that was interrupted.
pub(super) const INTERRUPTED: &[u8] = b"COPY was interrupted by the client";

impl Session {
    /// Queues a statement that is to be a COPY, by the simple protocol. Nothing may be queued behind it before it is answered.
    ///
    /// When [`Session::take_copy_start`] tells that it has begun, its data goes by [`Session::copy_data`] until
    /// [`Session::copy_done`] or [`Session::copy_fail`], or comes by [`Session::take_rows`], one message a row. What was not taken
    /// comes with the outcome. A second COPY of the same statement is refused.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn copy(&mut self, sql: &[u8], begin: bool) -> Result<ExchangeId, UsageError> {
        let id = self.execute(&Execute {
            sql,
            params: &Params::default(),
            format: ResultFormat::Text,
            prepare: Some(false),
            begin,
            extended: false,
        })?;
        if let Some(last) = self.exchanges.back_mut() {
            last.wants_copy = true;
        }
        Ok(id)
    }

    /// How the COPY of an exchange has begun: told once.
    pub fn take_copy_start(&mut self, id: ExchangeId) -> Option<CopyStart> {
        let front = self.exchanges.front_mut();
        front.filter(|front| front.id == id)?.outcome.copy.take()
    }

    /// Whether the server takes data for the COPY of an exchange.
    #[must_use]
    pub fn is_copying_in(&self, id: ExchangeId) -> bool {
        self.answering() == Some(id) && self.connection.is_copying_in()
    }

    /// Queues data for the COPY of an exchange; `false` if the server does not take it any more, since it has failed.
    ///
    /// # Errors
    /// More than 1 GiB at once.
    pub fn copy_data(&mut self, id: ExchangeId, data: &[u8]) -> Result<bool, UsageError> {
        let takes = self.is_copying_in(id);
        if takes {
            self.connection.copy_data(data)?;
        }
        Ok(takes)
    }

    /// Ends the data for the COPY of an exchange.
    pub fn copy_done(&mut self, id: ExchangeId) {
        if self.is_copying_in(id) {
            self.connection.copy_done();
        }
    }

    /// Has the COPY of an exchange fail, for a reason that the server's error repeats, up to a NUL in it.
    pub fn copy_fail(&mut self, id: ExchangeId, reason: &[u8]) {
        if self.is_copying_in(id) {
            self.fail_copy(reason);
        }
    }

    pub(super) fn fail_copy(&mut self, reason: &[u8]) {
        let reason = reason.split(|byte| *byte == 0).next().unwrap_or_default();
        let reason = reason.get(..MAX_REASON).unwrap_or(reason);
        // Without a NUL, and short: this cannot fail.
        let _ = self.connection.copy_fail(reason);
    }

    /// A COPY has begun: tells whether it is one that was asked for.
    pub(super) fn begin_copy(&mut self, response: &CopyResponse, is_in: bool) -> bool {
        let start = CopyStart {
            is_in,
            is_binary: response.format == Format::Binary,
            columns: response.columns.len(),
        };
        let following = self.standby.as_ref().map(|(id, _)| *id);
        let front = self.exchanges.front_mut();
        let front = front.filter(|front| Some(front.id) != following);
        let wanted = front.is_some_and(|front| front.begin_copy(start));
        if wanted && !is_in {
            self.connection.keep_copy_data();
        }
        wanted
    }
}

/// The longest reason for a failure that is sent, in bytes.
const MAX_REASON: usize = 1000;
