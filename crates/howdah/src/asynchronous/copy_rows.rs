//! COPY of rows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::AsyncSession;
use super::copy::{AsyncCopyIn, AsyncCopyOut};
use crate::core::copy_rows::{CopyPreparation, RowDecoder, RowEncoder};
use crate::error::Result;
use crate::params::ToParams;
use crate::row::Row;

impl AsyncSession {
    /// Runs a `COPY ... FROM STDIN` that takes rows, each a tuple of values.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut copy = conn.copy_in_rows("COPY users (id, name) FROM STDIN (FORMAT binary)").await?;
    /// copy.write_row((1, "ann")).await?;
    /// copy.write_rows([(2, Some("bob")), (3, None)]).await?;
    /// assert_eq!(copy.finish().await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// All that [`Session::copy_in_rows`](crate::Session::copy_in_rows) says holds here.
    ///
    /// # Errors
    /// The server's, or it is another statement, or the connection is closed or lost.
    pub async fn copy_in_rows(&mut self, sql: &str) -> Result<AsyncCopyInRows<'_>> {
        self.begin_copy_in_rows(sql, None).await
    }

    /// The same with the OIDs of the columns' types given, instead of asking for them.
    ///
    /// Types other than those of the columns make the server refuse the rows, or take them for other values.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// use howdah::types::oid;
    ///
    /// conn.execute("CREATE TEMP TABLE users (id int4, name text)", ()).await?;
    /// let mut copy = conn.copy_in_typed("COPY users FROM STDIN (FORMAT binary)", &[oid::INT4, oid::TEXT]).await?;
    /// copy.write_row((1, "ann")).await?;
    /// assert_eq!(copy.finish().await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_in_rows`](Self::copy_in_rows), and another number of types than of columns.
    pub async fn copy_in_typed(&mut self, sql: &str, types: &[u32]) -> Result<AsyncCopyInRows<'_>> {
        self.begin_copy_in_rows(sql, Some(types)).await
    }

    /// Runs a `COPY ... TO STDOUT` and gives its rows as they arrive, in bounded memory.
    ///
    /// ```no_run
    /// # async fn example(conn: &mut howdah::AsyncConnection) -> Result<(), howdah::Error> {
    /// let mut copy = conn.copy_out_rows("COPY users (id, name) TO STDOUT (FORMAT binary)").await?;
    /// while let Some(row) = copy.next().await {
    ///     let row = row?;
    ///     let (id, name): (i32, Option<&str>) = row.read()?;
    ///     println!("{id} {name:?}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The server is asked for the names and types of the columns before.
    ///
    /// # Errors
    /// As [`copy_in_rows`](Self::copy_in_rows). Errors of the server's that come behind rows come from the stream.
    pub async fn copy_out_rows(&mut self, sql: &str) -> Result<AsyncCopyOutRows<'_>> {
        self.begin_copy_out_rows(sql, None).await
    }

    /// The same with the OIDs of the columns' types given, instead of asking for them; the columns are called `column1` and so on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::AsyncConnection::connect("").await?;
    /// use howdah::types::oid;
    ///
    /// let query = "COPY (SELECT 1, 'ann') TO STDOUT (FORMAT binary)";
    /// let row = conn.copy_out_typed(query, &[oid::INT4, oid::TEXT]).await?.next().await.expect("a row")?;
    /// assert_eq!(row.get::<i32>("column1")?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_out_rows`](Self::copy_out_rows), and another number of types than of columns.
    pub async fn copy_out_typed(
        &mut self,
        sql: &str,
        types: &[u32],
    ) -> Result<AsyncCopyOutRows<'_>> {
        self.begin_copy_out_rows(sql, Some(types)).await
    }

    async fn begin_copy_in_rows(
        &mut self,
        sql: &str,
        types: Option<&[u32]>,
    ) -> Result<AsyncCopyInRows<'_>> {
        let mut session = self.bounded();
        let preparation = session.prepare_copy(sql, types).await?;
        let copying = session.begin_copy(sql, true).await?;
        drop(session);
        let mut copy = AsyncCopyIn::new(self, copying);
        let layout = preparation.layout(&copy.session.core, &copy.copying)?;
        let rows = RowEncoder::new(&layout, &mut copy.copying);
        Ok(AsyncCopyInRows { copy, rows })
    }

    async fn begin_copy_out_rows(
        &mut self,
        sql: &str,
        types: Option<&[u32]>,
    ) -> Result<AsyncCopyOutRows<'_>> {
        let mut session = self.bounded();
        let preparation = session.prepare_copy(sql, types).await?;
        let copying = session.begin_copy(sql, false).await?;
        drop(session);
        let copy = AsyncCopyOut::new(self, copying);
        let layout = preparation.layout(&copy.session.core, &copy.copying)?;
        let rows = RowDecoder::new(layout);
        Ok(AsyncCopyOutRows { copy, rows })
    }

    /// Asks what the columns of a COPY are.
    async fn prepare_copy(&mut self, sql: &str, types: Option<&[u32]>) -> Result<CopyPreparation> {
        self.settle().await?;
        let mut preparation = CopyPreparation::new(&mut self.core, sql, types)?;
        while let Some(question) = preparation.question(&self.core.known) {
            let outcome = self
                .perform(|core| preparation.ask(core, &question))
                .await?;
            preparation.learn(&self.core.known, &question, outcome)?;
        }
        Ok(preparation)
    }
}

/// A `COPY ... FROM STDIN` that takes rows, from [`AsyncSession::copy_in_rows`].
///
/// Rows are gathered, and sent when there are enough of them. Dropping it before [`finish`](Self::finish) has the server undo the
/// COPY, and leaves a transaction that it runs in failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// conn.execute("CREATE TEMP TABLE users (id int4, name text)", ()).await?;
/// let mut copy = conn.copy_in_rows("COPY users FROM STDIN (FORMAT binary)").await?;
/// copy.write_row((1, "ann")).await?;
/// copy.flush().await?;
/// copy.write_rows([(2, Some("bob")), (3, None)]).await?;
/// assert_eq!(copy.finish().await?, 3);
/// # Ok(())
/// # }
/// ```
pub struct AsyncCopyInRows<'a> {
    copy: AsyncCopyIn<'a>,
    rows: RowEncoder,
}

impl AsyncCopyInRows<'_> {
    /// Writes a row: a tuple of up to 12 values, a list of values of one type, a `&[&dyn ToSql]`, or a type of your own that is
    /// [`ToParams`].
    ///
    /// It waits when the server is slower than the rows come. If the future is dropped before it is done, the row is not written.
    ///
    /// # Errors
    /// A value cannot be sent as its column's type, or the number of values is another, or types are named for them, as by
    /// [`Typed`](crate::Typed), which are the columns' to have: [`is_usage`](crate::Error::is_usage), the row is left out, and the COPY
    /// goes on. Or what the server says of earlier rows, or the connection is lost: the COPY is over.
    pub async fn write_row(&mut self, row: impl ToParams) -> Result<()> {
        if self.copy.copying.is_full() {
            self.copy.push().await?;
        }
        self.rows.write(&row, &mut self.copy.copying)
    }

    /// Writes many rows. If the future is dropped, some may have been written.
    ///
    /// # Errors
    /// As [`write_row`](Self::write_row); the rows before stay written.
    pub async fn write_rows(&mut self, rows: impl IntoIterator<Item: ToParams>) -> Result<()> {
        for row in rows {
            self.write_row(row).await?;
        }
        Ok(())
    }

    /// Sends what was gathered.
    ///
    /// # Errors
    /// What the server says of earlier rows, or the connection is lost. The COPY is over then.
    pub async fn flush(&mut self) -> Result<()> {
        self.copy.push().await
    }

    /// Ends the COPY; tells how many rows the server has taken.
    ///
    /// # Errors
    /// What the server says of the rows, or the connection is lost. Or there were other statements in the same text, as for
    /// [`AsyncCopyIn::finish`](crate::AsyncCopyIn::finish).
    pub async fn finish(mut self) -> Result<u64> {
        self.rows.end(&mut self.copy.copying);
        self.copy.end().await
    }
}

impl fmt::Debug for AsyncCopyInRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCopyInRows").finish_non_exhaustive()
    }
}

/// The rows of a `COPY ... TO STDOUT` as they arrive, from [`AsyncSession::copy_out_rows`].
///
/// It is a `Stream`; [`next`](Self::next) is there for those who use no other crate for streams. An error is the last item. Dropping it
/// before its end cancels the statement, which leaves a transaction that it runs in failed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::AsyncConnection::connect("").await?;
/// let mut rows = conn.copy_out_rows("COPY (SELECT 1 AS id, 'ann' AS name) TO STDOUT (FORMAT binary)").await?;
/// while let Some(row) = rows.next().await {
///     let row = row?;
///     assert_eq!(row.read::<(i32, &str)>()?, (1, "ann"));
/// }
/// # Ok(())
/// # }
/// ```
pub struct AsyncCopyOutRows<'a> {
    copy: AsyncCopyOut<'a>,
    rows: RowDecoder,
}

impl AsyncCopyOutRows<'_> {
    /// The next row; `None` when there are no more.
    pub async fn next(&mut self) -> Option<Result<Row>> {
        poll_fn(|cx| self.poll_row(cx)).await
    }

    fn poll_row(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Row>>> {
        let Self { copy, rows } = self;
        loop {
            if let Some(row) = rows.next(&mut copy.copying, &copy.session.core) {
                return Poll::Ready(Some(row));
            }
            if rows.is_over() || copy.copying.is_over {
                return Poll::Ready(None);
            }
            if let Err(error) = ready!(copy.poll_receive(cx)) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl Stream for AsyncCopyOutRows<'_> {
    type Item = Result<Row>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_row(cx)
    }
}

impl fmt::Debug for AsyncCopyOutRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCopyOutRows").finish_non_exhaustive()
    }
}
