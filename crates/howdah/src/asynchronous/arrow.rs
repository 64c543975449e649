//! Results as Arrow's record batches, and such batches into tables.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use howdah_arrow::{Catalog, RecordBatch, SchemaRef};

use super::{AsyncRowStream, AsyncSession};
use crate::core::Mode;
use crate::core::arrow::{self, ArrowOptions, Reading, TABLE_COLUMNS, Writing};
use crate::core::statement::quoted;
use crate::error::{Error, Result};
use crate::params::{Parameters, ToParams};

impl AsyncSession {
    /// Runs a statement and gives its rows in record batches as they arrive, in the memory of one batch.
    ///
    /// There is at least one batch, which tells the schema. Dropping the stream before its end cancels the statement.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let options = howdah::arrow::ArrowOptions::default();
    /// let mut stream = conn.query_arrow("SELECT * FROM measurements", (), &options).await?;
    /// while let Some(batch) = stream.next().await {
    ///     println!("{} rows", batch?.num_rows());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_stream`](Self::query_stream), and the statement gives no rows, or the options do not fit its columns. A value
    /// that its column's type cannot hold is an error of the stream.
    pub async fn query_arrow(
        &mut self,
        sql: &str,
        params: impl ToParams,
        options: &ArrowOptions,
    ) -> Result<AsyncArrowStream<'_>> {
        self.stream_arrow(sql, &params, options).await
    }

    /// Writes record batches of one schema into a table, by COPY; tells how many rows there were.
    ///
    /// The name of the table is one identifier, which is quoted; the fields go to the columns of their names. If anything fails the
    /// server undoes the COPY.
    ///
    /// # Errors
    /// The server's; a field of a type that its column does not take, or a value that it cannot hold; the iterator's.
    pub async fn copy_arrow<I>(
        &mut self,
        table: &str,
        schema: &SchemaRef,
        batches: I,
    ) -> Result<u64>
    where
        I: IntoIterator<Item = RecordBatch>,
    {
        let rows = self.query(TABLE_COLUMNS, (quoted(table),)).await?;
        let columns = arrow::targets(schema, rows)?;
        let catalog = self.arrow_catalog(&columns).await?;
        let mut writing = Writing::new(schema, columns, &catalog)?;
        let mut copy = self.copy_in(&writing.statement(table)).await?;
        for batch in batches {
            writing
                .take(&batch)
                .map_err(Error::has_failed_transaction)?;
            let mut more = true;
            while more {
                more = writing.format().map_err(Error::has_failed_transaction)?;
                copy.send(&writing.buffer).await?;
            }
        }
        writing.finish();
        copy.send(&writing.buffer).await?;
        copy.finish().await
    }

    async fn stream_arrow(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
        options: &ArrowOptions,
    ) -> Result<AsyncArrowStream<'_>> {
        let limit = self.core.operation_limit();
        let mut session = self.bounded_by(limit);
        let ready = session.make_ready(sql, params, Mode::Stream).await?;
        let columns = ready.columns();
        let columns = columns.ok_or_else(|| Error::usage("the statement gives no rows"))?;
        let columns = arrow::columns(&columns);
        let catalog = session.arrow_catalog(&columns).await?;
        drop(session);
        let reading = Reading::new(columns, &catalog, options)?;
        let rows = self.stream(sql, params, limit).await?;
        Ok(AsyncArrowStream { rows, reading })
    }

    /// Looks up the types of users among columns.
    async fn arrow_catalog(&mut self, columns: &[howdah_arrow::Column]) -> Result<Catalog> {
        match arrow::lookup(columns) {
            Some(sql) => arrow::catalog(self.query(&sql, ()).await?),
            None => Ok(Catalog::default()),
        }
    }
}

/// The rows of a statement in record batches as they arrive, from [`AsyncSession::query_arrow`]. An error is the last item.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// let options = howdah::arrow::ArrowOptions::default();
/// let mut batches = conn.query_arrow("SELECT n FROM generate_series(1, 3) AS n", (), &options).await?;
/// let (schema, batch) = (batches.schema(), batches.next().await.expect("a batch")?);
/// assert_eq!(batch.num_rows(), 3);
/// drop(batches);
/// conn.execute("CREATE TEMP TABLE numbers (n int4)", ()).await?;
/// assert_eq!(conn.copy_arrow("numbers", &schema, [batch]).await?, 3);
/// # Ok(())
/// # }
/// ```
pub struct AsyncArrowStream<'a> {
    rows: AsyncRowStream<'a>,
    reading: Reading,
}

impl AsyncArrowStream<'_> {
    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.reading.schema()
    }

    /// The next batch; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        poll_fn(|cx| self.poll_batch(cx)).await
    }

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        let received = ready!(self.poll_receive(cx));
        if received.is_err() {
            self.reading.give_up();
        }
        Poll::Ready(received.transpose())
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<RecordBatch>>> {
        loop {
            if let Some(batch) = self.reading.next_full() {
                return Poll::Ready(Ok(Some(batch)));
            }
            if self.reading.is_over() {
                return Poll::Ready(Ok(None));
            }
            match ready!(self.rows.poll_rows(cx))? {
                Some(rows) => self.reading.take(&rows)?,
                None => return Poll::Ready(self.reading.finish()),
            }
        }
    }
}

impl Stream for AsyncArrowStream<'_> {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_batch(cx)
    }
}

impl fmt::Debug for AsyncArrowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncArrowStream")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
