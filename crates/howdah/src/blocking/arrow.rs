//! Results as Arrow's record batches, and such batches into tables.

use std::fmt;

use howdah_arrow::{Catalog, RecordBatch, SchemaRef};

use super::{RowStream, Session};
use crate::core::Mode;
use crate::core::arrow::{self, ArrowOptions, Reading, TABLE_COLUMNS, Writing};
use crate::core::statement::quoted;
use crate::error::{Error, Result};
use crate::params::{Parameters, ToParams};

impl Session {
    /// Runs a statement and gives its rows in record batches as they arrive, in the memory of one batch.
    ///
    /// There is at least one batch, which tells the schema. Dropping the stream before its end cancels the statement.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let options = howdah::arrow::ArrowOptions::default();
    /// for batch in conn.query_arrow("SELECT * FROM measurements", (), &options)? {
    ///     println!("{} rows", batch?.num_rows());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_stream`](Self::query_stream), and the statement gives no rows, or the options do not fit its columns. A value
    /// that its column's type cannot hold is an error of the stream.
    pub fn query_arrow(
        &mut self,
        sql: &str,
        params: impl ToParams,
        options: &ArrowOptions,
    ) -> Result<ArrowStream<'_>> {
        self.stream_arrow(sql, &params, options)
    }

    /// Writes record batches of one schema into a table, by COPY; tells how many rows there were.
    ///
    /// The name of the table is one identifier, which is quoted; the fields go to the columns of their names. If anything fails the
    /// server undoes the COPY.
    ///
    /// # Errors
    /// The server's; a field of a type that its column does not take, or a value that it cannot hold; the iterator's.
    pub fn copy_arrow<I>(&mut self, table: &str, schema: &SchemaRef, batches: I) -> Result<u64>
    where
        I: IntoIterator<Item = RecordBatch>,
    {
        let rows = self.query(TABLE_COLUMNS, (quoted(table),))?;
        let columns = arrow::targets(schema, rows)?;
        let catalog = self.arrow_catalog(&columns)?;
        let mut writing = Writing::new(schema, columns, &catalog)?;
        let mut copy = self.copy_in(&writing.statement(table))?;
        for batch in batches {
            writing
                .take(&batch)
                .map_err(Error::has_failed_transaction)?;
            let mut more = true;
            while more {
                more = writing.format().map_err(Error::has_failed_transaction)?;
                copy.send(&writing.buffer)?;
            }
        }
        writing.finish();
        copy.send(&writing.buffer)?;
        copy.finish()
    }

    fn stream_arrow(
        &mut self,
        sql: &str,
        params: &dyn Parameters,
        options: &ArrowOptions,
    ) -> Result<ArrowStream<'_>> {
        let limit = self.core.operation_limit();
        let mut session = self.bounded_by(limit);
        let columns = session.make_ready(sql, params, Mode::Stream)?.columns();
        let columns = columns.ok_or_else(|| Error::usage("the statement gives no rows"))?;
        let columns = arrow::columns(&columns);
        let catalog = session.arrow_catalog(&columns)?;
        drop(session);
        let reading = Reading::new(columns, &catalog, options)?;
        let rows = self.stream(sql, params, limit)?;
        Ok(ArrowStream { rows, reading })
    }

    /// Looks up the types of users among columns.
    fn arrow_catalog(&mut self, columns: &[howdah_arrow::Column]) -> Result<Catalog> {
        match arrow::lookup(columns) {
            Some(sql) => arrow::catalog(self.query(&sql, ())?),
            None => Ok(Catalog::default()),
        }
    }
}

/// The rows of a statement in record batches as they arrive, from [`Session::query_arrow`]. An error is the last item.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let options = howdah::arrow::ArrowOptions::default();
/// let mut batches = conn.query_arrow("SELECT n FROM generate_series(1, 3) AS n", (), &options)?;
/// let (schema, batch) = (batches.schema(), batches.next().expect("a batch")?);
/// assert_eq!(batch.num_rows(), 3);
/// drop(batches);
/// conn.execute("CREATE TEMP TABLE numbers (n int4)", ())?;
/// assert_eq!(conn.copy_arrow("numbers", &schema, [batch])?, 3);
/// # Ok(())
/// # }
/// ```
pub struct ArrowStream<'a> {
    rows: RowStream<'a>,
    reading: Reading,
}

impl ArrowStream<'_> {
    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.reading.schema()
    }

    fn receive(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.reading.next_full() {
                return Ok(Some(batch));
            }
            if self.reading.is_over() {
                return Ok(None);
            }
            match self.rows.receive_rows()? {
                Some(rows) => self.reading.take(&rows)?,
                None => return self.reading.finish(),
            }
        }
    }
}

impl Iterator for ArrowStream<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let received = self.receive();
        if received.is_err() {
            self.reading.give_up();
        }
        received.transpose()
    }
}

impl fmt::Debug for ArrowStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrowStream")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}
