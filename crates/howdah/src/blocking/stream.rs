//! Rows as they arrive.

use std::fmt;

use howdah_protocol::session::ExchangeId;

use super::Session;
use crate::core::observe::Watch;
use crate::core::stream::First;
use crate::error::{Error, Result};
use crate::row::{Row, Rows};

/// The rows of a statement as they arrive, from [`Session::query_stream`].
///
/// No more is kept than was received at once. An error is the last item. Dropping the stream before its end cancels the
/// statement, which leaves a transaction that it runs in failed.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let mut found = None;
/// for row in conn.query_stream("SELECT generate_series(1, 100000000)", ())? {
///     let number: i32 = row?.get(0)?;
///     if number % 7 == 0 {
///         found = Some(number);
///         break;
///     }
/// }
/// // The rest is not sent.
/// assert_eq!(found, Some(7));
/// # Ok(())
/// # }
/// ```
pub struct RowStream<'a> {
    session: &'a mut Session,
    id: ExchangeId,
    ready: Option<Rows>,
    /// What comes behind those.
    failure: Option<Error>,
    /// Whether nothing is to be expected any more.
    over: bool,
    watch: Watch,
}

impl<'a> RowStream<'a> {
    pub(super) fn new(
        session: &'a mut Session,
        id: ExchangeId,
        first: First,
        mut watch: Watch,
    ) -> Self {
        let ready = first.ready(&mut session.core, &mut watch);
        Self {
            session,
            id,
            ready: ready.rows,
            failure: ready.failure,
            over: ready.over,
            watch,
        }
    }

    fn receive(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.ready.as_mut().and_then(Iterator::next) {
                return Ok(Some(row));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.over {
                return Ok(None);
            }
            self.wait()?;
        }
    }

    /// Waits for more rows, or for the end.
    fn wait(&mut self) -> Result<()> {
        let mut session = self.session.bounded();
        loop {
            let turned = session.turn();
            match turned.inspect_err(|error| self.watch.failed(error))? {
                Some(outcome) => {
                    self.watch.ended(&outcome);
                    self.over = true;
                    (self.ready, self.failure) = session.core.end_stream(outcome);
                    return Ok(());
                }
                None => self.ready = session.core.take_rows(self.id),
            }
            if self.ready.is_some() {
                return Ok(());
            }
        }
    }

    /// All rows that have been received and not been given, or come next.
    #[cfg(feature = "arrow")]
    pub(super) fn receive_rows(&mut self) -> Result<Option<Rows>> {
        loop {
            if let Some(rows) = self.ready.take() {
                return Ok(Some(rows));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.over {
                return Ok(None);
            }
            self.wait().inspect_err(|_| self.over = true)?;
        }
    }
}

impl Iterator for RowStream<'_> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.receive().inspect_err(|_| self.over = true).transpose()
    }
}

impl Drop for RowStream<'_> {
    fn drop(&mut self) {
        if !self.over && !self.session.core.is_closed() {
            // A connection that does not come to rest is closed by this, and says so at its next use.
            let _ = self.session.bounded().settle();
        }
    }
}

impl fmt::Debug for RowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
