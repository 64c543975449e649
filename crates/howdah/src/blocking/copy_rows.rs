//! COPY of rows.

use std::fmt;

use super::Session;
use super::copy::{CopyIn, CopyOut};
use crate::core::copy_rows::{CopyPreparation, RowDecoder, RowEncoder};
use crate::error::Result;
use crate::params::ToParams;
use crate::row::Row;

impl Session {
    /// Runs a `COPY ... FROM STDIN` that takes rows, each a tuple of values.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut copy = conn.copy_in_rows("COPY users (id, name) FROM STDIN (FORMAT binary)")?;
    /// copy.write_row((1, "ann"))?;
    /// copy.write_rows([(2, Some("bob")), (3, None)])?;
    /// assert_eq!(copy.finish()?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The server is asked for the types of the columns before, each time; values go as these types, and as no other. The
    /// binary format is the quicker one. The text format takes whatever has no binary form as well, such as a string
    /// for a column of integers; of its options those that change how the data looks are refused, and so is CSV.
    ///
    /// # Errors
    /// The server's, or it is another statement, or the connection is closed or lost.
    pub fn copy_in_rows(&mut self, sql: &str) -> Result<CopyInRows<'_>> {
        self.begin_copy_in_rows(sql, None)
    }

    /// The same with the OIDs of the columns' types given, instead of asking for them.
    ///
    /// Types other than those of the columns make the server refuse the rows, or take them for other values.
    ///
    /// ```no_run
    /// use howdah::types::oid;
    ///
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let sql = "COPY users (id, name) FROM STDIN (FORMAT binary)";
    /// let mut copy = conn.copy_in_typed(sql, &[oid::INT4, oid::TEXT])?;
    /// copy.write_row((1, "ann"))?;
    /// copy.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_in_rows`](Self::copy_in_rows), and another number of types than of columns.
    pub fn copy_in_typed(&mut self, sql: &str, types: &[u32]) -> Result<CopyInRows<'_>> {
        self.begin_copy_in_rows(sql, Some(types))
    }

    /// Runs a `COPY ... TO STDOUT` and gives its rows as they arrive, in bounded memory.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// for row in conn.copy_out_rows("COPY users (id, name) TO STDOUT (FORMAT binary)")? {
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
    /// As [`copy_in_rows`](Self::copy_in_rows). Errors of the server's that come behind rows come from the iterator.
    pub fn copy_out_rows(&mut self, sql: &str) -> Result<CopyOutRows<'_>> {
        self.begin_copy_out_rows(sql, None)
    }

    /// The same with the OIDs of the columns' types given, instead of asking for them; the columns are called `column1` and so on.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// use howdah::types::oid;
    ///
    /// let query = "COPY (SELECT 1, 'ann') TO STDOUT (FORMAT binary)";
    /// let row = conn.copy_out_typed(query, &[oid::INT4, oid::TEXT])?.next().expect("a row")?;
    /// assert_eq!(row.get::<i32>("column1")?, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`copy_out_rows`](Self::copy_out_rows), and another number of types than of columns.
    pub fn copy_out_typed(&mut self, sql: &str, types: &[u32]) -> Result<CopyOutRows<'_>> {
        self.begin_copy_out_rows(sql, Some(types))
    }

    fn begin_copy_in_rows(&mut self, sql: &str, types: Option<&[u32]>) -> Result<CopyInRows<'_>> {
        let mut session = self.bounded();
        let preparation = session.prepare_copy(sql, types)?;
        let copying = session.begin_copy(sql, true)?;
        drop(session);
        let mut copy = CopyIn::new(self, copying);
        let layout = preparation.layout(&copy.session.core, &copy.copying)?;
        let rows = RowEncoder::new(&layout, &mut copy.copying);
        Ok(CopyInRows { copy, rows })
    }

    fn begin_copy_out_rows(&mut self, sql: &str, types: Option<&[u32]>) -> Result<CopyOutRows<'_>> {
        let mut session = self.bounded();
        let preparation = session.prepare_copy(sql, types)?;
        let copying = session.begin_copy(sql, false)?;
        drop(session);
        let copy = CopyOut::new(self, copying);
        let layout = preparation.layout(&copy.session.core, &copy.copying)?;
        let rows = RowDecoder::new(layout);
        Ok(CopyOutRows { copy, rows })
    }

    /// Asks what the columns of a COPY are.
    fn prepare_copy(&mut self, sql: &str, types: Option<&[u32]>) -> Result<CopyPreparation> {
        self.settle()?;
        let mut preparation = CopyPreparation::new(&mut self.core, sql, types)?;
        while let Some(question) = preparation.question(&self.core.known) {
            let outcome = self.perform(|core| preparation.ask(core, &question))?;
            preparation.learn(&self.core.known, &question, outcome)?;
        }
        Ok(preparation)
    }
}

/// A `COPY ... FROM STDIN` that takes rows, from [`Session::copy_in_rows`].
///
/// Rows are gathered, and sent when there are enough of them. Dropping it before [`finish`](Self::finish) has the server undo the
/// COPY, and leaves a transaction that it runs in failed.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// conn.execute("CREATE TEMP TABLE users (id int4, name text)", ())?;
/// let mut copy = conn.copy_in_rows("COPY users FROM STDIN (FORMAT binary)")?;
/// copy.write_row((1, "ann"))?;
/// copy.flush()?;
/// copy.write_rows([(2, Some("bob")), (3, None)])?;
/// assert_eq!(copy.finish()?, 3);
/// # Ok(())
/// # }
/// ```
pub struct CopyInRows<'a> {
    copy: CopyIn<'a>,
    rows: RowEncoder,
}

impl CopyInRows<'_> {
    /// Writes a row: a tuple of up to 12 values, a list of values of one type, a `&[&dyn ToSql]`, or a type of your own that is
    /// [`ToParams`].
    ///
    /// It waits when the server is slower than the rows come.
    ///
    /// # Errors
    /// A value cannot be sent as its column's type, or the number of values is another, or types are named for them, as by
    /// [`Typed`](crate::Typed), which are the columns' to have: [`is_usage`](crate::Error::is_usage), the row is left out, and the COPY
    /// goes on. Or what the server says of earlier rows, or the connection is lost: the COPY is over.
    pub fn write_row(&mut self, row: impl ToParams) -> Result<()> {
        if self.copy.copying.is_full() {
            self.copy.push()?;
        }
        self.rows.write(&row, &mut self.copy.copying)
    }

    /// Writes many rows.
    ///
    /// # Errors
    /// As [`write_row`](Self::write_row); the rows before stay written.
    pub fn write_rows(&mut self, rows: impl IntoIterator<Item: ToParams>) -> Result<()> {
        rows.into_iter().try_for_each(|row| self.write_row(row))
    }

    /// Sends what was gathered.
    ///
    /// # Errors
    /// What the server says of earlier rows, or the connection is lost. The COPY is over then.
    pub fn flush(&mut self) -> Result<()> {
        self.copy.push()
    }

    /// Ends the COPY; tells how many rows the server has taken.
    ///
    /// # Errors
    /// What the server says of the rows, or the connection is lost. Or there were other statements in the same text, as for
    /// [`CopyIn::finish`](crate::CopyIn::finish).
    pub fn finish(mut self) -> Result<u64> {
        self.rows.end(&mut self.copy.copying);
        self.copy.end()
    }
}

impl fmt::Debug for CopyInRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyInRows").finish_non_exhaustive()
    }
}

/// The rows of a `COPY ... TO STDOUT` as they arrive, from [`Session::copy_out_rows`].
///
/// An error is the last item. Dropping it before its end cancels the statement, which leaves a transaction that it runs in failed.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// for row in conn.copy_out_rows("COPY (SELECT 1 AS id, 'ann' AS name) TO STDOUT (FORMAT binary)")? {
///     let row = row?;
///     assert_eq!(row.read::<(i32, &str)>()?, (1, "ann"));
/// }
/// # Ok(())
/// # }
/// ```
pub struct CopyOutRows<'a> {
    copy: CopyOut<'a>,
    rows: RowDecoder,
}

impl Iterator for CopyOutRows<'_> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        let Self { copy, rows } = self;
        loop {
            if let Some(row) = rows.next(&mut copy.copying, &copy.session.core) {
                return Some(row);
            }
            if rows.is_over() || copy.copying.is_over {
                return None;
            }
            if let Err(error) = copy.receive() {
                return Some(Err(error));
            }
        }
    }
}

impl fmt::Debug for CopyOutRows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyOutRows").finish_non_exhaustive()
    }
}
