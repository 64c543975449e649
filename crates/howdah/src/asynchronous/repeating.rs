//! Sequences and streams, which are run again where what was prepared for them turns out to be of no use.

use std::future::poll_fn;
use std::task::{Poll, ready};

use howdah_protocol::connection::QueryResult;
use howdah_protocol::session::ExchangeId;

use super::AsyncSession;
use super::feeding::Feeding;
use crate::batch::Batch;
use crate::core::Mode;
use crate::core::sequence::{Ended, Wanted};
use crate::core::stream::First;
use crate::error::Result;
use crate::params::{Parameters, ToParams};

impl AsyncSession {
    /// Runs a statement once for each of `items`; gives how many rows were changed or given.
    pub(super) async fn run_many<I>(&mut self, wanted: Wanted, sql: &str, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: ToParams>,
    {
        let ended = self.feed_many(wanted, sql, items).await;
        let (count, _) = ended.map_err(|error| error.in_statement(sql))?;
        Ok(count)
    }

    async fn feed_many<I>(
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
        let mut feeding = Feeding::begin(self, wanted, false).await?;
        let mut fed = Ok(true);
        for item in items.by_ref() {
            fed = feeding.feed(sql, &item, true).await;
            if feeding.may_be_repeated() {
                kept.push(item);
            } else if !kept.is_empty() {
                kept = Vec::new();
            }
            if !matches!(fed, Ok(true)) {
                break;
            }
        }
        if let Ended::Done(count, results) = feeding.end(fed).await? {
            return Ok((count, results));
        }
        let mut feeding = Feeding::begin(self, wanted, true).await?;
        let mut fed = Ok(true);
        for item in kept.into_iter().chain(items) {
            fed = feeding.feed(sql, &item, true).await;
            if !matches!(fed, Ok(true)) {
                break;
            }
        }
        feeding.end(fed).await?.done()
    }

    /// Runs several statements; gives their results.
    pub(super) async fn run_batch(&mut self, batch: &Batch<'_>) -> Result<(u64, Vec<QueryResult>)> {
        let ended = match self.feed_batch(batch, false).await? {
            Ended::Again => self.feed_batch(batch, true).await?,
            ended @ Ended::Done(..) => ended,
        };
        ended.done()
    }

    async fn feed_batch(&mut self, batch: &Batch<'_>, again: bool) -> Result<Ended> {
        let mut feeding = Feeding::begin(self, Wanted::Results, again).await?;
        let mut fed = feeding.check(batch.statements()).map(|()| true);
        for (sql, params) in batch.statements() {
            if !matches!(fed, Ok(true)) {
                break;
            }
            fed = feeding.feed(sql, params, false).await;
        }
        feeding.end(fed).await
    }

    /// Begins a statement whose rows are handed out as they arrive. Where it relies on what was prepared before, what comes first is
    /// waited for: afterwards nobody has its parameters.
    pub(super) async fn begin_stream(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
    ) -> Result<(ExchangeId, First)> {
        let id = self.queue_stream(sql, params).await?;
        let first = self.first_of_stream(id).await?;
        if !first.is_to_be_repeated() {
            return Ok((id, first));
        }
        self.roll_back_in_vain().await?;
        let id = self.queue_stream(sql, params).await?;
        Ok((id, First::Came(None)))
    }

    async fn queue_stream(&mut self, sql: &str, params: &dyn Parameters) -> Result<ExchangeId> {
        let mut ready = self.make_ready(sql, params, Mode::Stream).await?;
        self.begin(|core| ready.execute(core, sql)).await
    }

    async fn first_of_stream(&mut self, id: ExchangeId) -> Result<First> {
        let mut beginning = Beginning(Some(self));
        let first = poll_fn(|cx| {
            loop {
                let Some(session) = &mut beginning.0 else {
                    return Poll::Ready(Ok(First::Came(None)));
                };
                if !session.core.session.may_be_repeated(id) {
                    return Poll::Ready(Ok(First::Came(session.core.take_rows(id))));
                }
                if let Some(outcome) = ready!(session.poll_exchange(cx))? {
                    return Poll::Ready(Ok(First::Ended(Box::new(outcome))));
                }
            }
        })
        .await;
        // From here on it is the stream that leaves it to the next operation.
        beginning.0 = None;
        first
    }
}

/// A stream whose beginning is waited for.
struct Beginning<'a>(Option<&'a mut AsyncSession>);

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if let Some(session) = &mut self.0 {
            session.detach();
        }
    }
}
