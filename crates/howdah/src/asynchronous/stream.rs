//! Rows as they arrive.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use howdah_protocol::session::ExchangeId;

use super::AsyncSession;
use crate::core::observe::Watch;
use crate::core::stream::First;
use crate::error::{Error, Result};
use crate::row::{Row, Rows};
use howdah_net::Limit;
use howdah_net::drive::Until;

/// The rows of a statement as they arrive, from [`AsyncSession::query_stream`].
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. No more is kept than was
/// received at once: a stream that nobody reads holds the server back. An error is the last item. Dropping the stream
/// before its end cancels the statement, which leaves a transaction that it runs in failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// let mut rows = conn.query_stream("SELECT generate_series(1, 100000000)", ()).await?;
/// let first = rows.next().await.expect("a row")?;
/// assert_eq!(first.get::<i32>(0)?, 1);
/// // The rest is not sent.
/// drop(rows);
/// # Ok(())
/// # }
/// ```
pub struct AsyncRowStream<'a> {
    session: &'a mut AsyncSession,
    id: ExchangeId,
    ready: Option<Rows>,
    /// What comes behind those.
    failure: Option<Error>,
    /// Whether nothing is to be expected any more.
    over: bool,
    /// What bounds the wait that goes on.
    limit: Option<Option<Limit>>,
    watch: Watch,
}

impl<'a> AsyncRowStream<'a> {
    pub(super) fn new(
        session: &'a mut AsyncSession,
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
            limit: None,
            watch,
        }
    }

    /// The next row; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<Row>> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        let received = ready!(self.poll_receive(cx));
        self.over |= received.is_err();
        Poll::Ready(received.transpose())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Row>>> {
        loop {
            if let Some(row) = self.ready.as_mut().and_then(Iterator::next) {
                return Poll::Ready(Ok(Some(row)));
            }
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure));
            }
            if self.over {
                return Poll::Ready(Ok(None));
            }
            ready!(self.poll_wait(cx))?;
        }
    }

    /// Waits for more rows, or for the end.
    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let limit = &mut self.limit;
        let turned = ready!(self.session.poll_rows(self.id, Until::Idle, limit, cx));
        match turned.inspect_err(|error| self.watch.failed(error))? {
            Some(outcome) => {
                self.watch.ended(&outcome);
                self.over = true;
                (self.ready, self.failure) = self.session.core.end_stream(outcome);
            }
            None => self.ready = self.session.core.take_rows(self.id),
        }
        Poll::Ready(Ok(()))
    }

    /// All rows that have been received and not been given, or come next.
    #[cfg(feature = "arrow")]
    pub(super) fn poll_rows(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Rows>>> {
        loop {
            if let Some(rows) = self.ready.take() {
                return Poll::Ready(Ok(Some(rows)));
            }
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Err(failure));
            }
            if self.over {
                return Poll::Ready(Ok(None));
            }
            ready!(self.poll_wait(cx)).inspect_err(|_| self.over = true)?;
        }
    }
}

impl Stream for AsyncRowStream<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl Drop for AsyncRowStream<'_> {
    fn drop(&mut self) {
        self.session.detach();
    }
}

impl fmt::Debug for AsyncRowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncRowStream")
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}
