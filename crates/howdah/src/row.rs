//! Results: rows that keep the bytes as they were received, and are read when asked.

mod placing;
mod read;

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::{Arc, OnceLock};

use howdah_protocol::connection::{Columns, RowSet};
use howdah_protocol::wire;
use howdah_protocol::wire::backend::{FieldDescription, affected_rows};
use howdah_types::{
    AnyText, DecodeError, DecodeErrorKind, Format, FromSql, LoadContext, Type, Types, bytea,
    memory, oid,
};

use crate::error::{Error, Result, short_name};

pub use placing::{Places, Placing};
pub use read::{FromRow, FromRowOwned, RowIndex};

/// The result of a statement, and a position in it: what other drivers call a cursor.
///
/// All rows have been received. They are fetched one by one, some or all, or iterated over; what has been fetched does
/// not come again, until [`rewind`](Self::rewind). Cloning is cheap and gives a second position.
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let mut rows = conn.query("SELECT num, data FROM test ORDER BY num", ())?;
/// if let Some(first) = rows.fetch_one() {
///     println!("{}", first.get::<i32>("num")?);
/// }
/// for row in rows {
///     println!("{} {}", row.get::<i32>(0)?, row.get::<&str>(1)?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Rows {
    set: Arc<ResultSet>,
    next: usize,
}

/// One row of a result.
///
/// It shares the received bytes with the other rows of its result; values are read when asked for.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::{Column, Row};
///
/// let row: Row = conn.query_one("SELECT 1 AS id, NULL::text AS name", ())?;
/// assert_eq!(row.get::<i32>("id")?, 1);
/// assert_eq!(row.get::<Option<&str>>(1)?, None);
/// let columns: Vec<Column<'_>> = row.columns().collect();
/// assert_eq!((columns[1].name(), &*columns[1].type_name()), ("name", "text"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Row {
    set: Arc<ResultSet>,
    number: usize,
}

/// A column of a result.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    field: &'a FieldDescription,
    ty: Type<'a>,
}

/// Rows with all that is needed to read them.
pub(crate) struct ResultSet {
    columns: Columns,
    rows: RowSet,
    tag: Box<[u8]>,
    reading: Reading,
    /// Values of `bytea` that came as text and were asked for as borrowed bytes, by row and column.
    bytes: OnceLock<Box<[Bytes]>>,
}

/// What has to be known to read values.
pub(crate) struct Reading {
    pub(crate) load: Arc<LoadContext>,
    pub(crate) types: Arc<Types>,
}

/// One such value, once it was asked for.
type Bytes = OnceLock<Box<[u8]>>;

impl Rows {
    pub(crate) fn from_parts(
        columns: Columns,
        rows: RowSet,
        tag: Box<[u8]>,
        reading: Reading,
    ) -> Self {
        let set = Arc::new(ResultSet {
            columns,
            rows,
            tag,
            reading,
            bytes: OnceLock::new(),
        });
        Self { set, next: 0 }
    }

    /// Columns and rows as they came, and what has to be known to read them.
    #[cfg(feature = "arrow")]
    pub(crate) fn as_received(&self) -> (&Columns, &RowSet, &LoadContext) {
        (&self.set.columns, &self.set.rows, &self.set.reading.load)
    }

    /// Has values read with more types known; before the result is shared.
    pub(crate) fn set_types(&mut self, types: Arc<Types>) {
        if let Some(set) = Arc::get_mut(&mut self.set) {
            set.reading.types = types;
        }
    }

    /// The next row, or `None` when all have been fetched.
    pub fn fetch_one(&mut self) -> Option<Row> {
        self.next()
    }

    /// The next rows, at most `count`; fewer when there are no more.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let mut rows = conn.query("SELECT generate_series(1, 5)", ())?;
    /// assert_eq!(rows.fetch_many(2).len(), 2);
    /// assert_eq!(rows.fetch_all().len(), 3);
    /// rows.rewind();
    /// assert_eq!(rows.fetch_one().expect("a row").get::<i32>(0)?, 1);
    /// assert_eq!(rows.row(4).expect("a row").get::<i32>(0)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn fetch_many(&mut self, count: usize) -> Vec<Row> {
        self.by_ref().take(count).collect()
    }

    /// All rows that have not been fetched.
    pub fn fetch_all(&mut self) -> Vec<Row> {
        self.by_ref().collect()
    }

    /// All rows that have not been fetched, as tuples or structs, or as another type that is a [`FromRow`].
    ///
    /// Columns are looked for by their names once, and missed even if there is no row.
    ///
    /// # Errors
    /// As for [`Row::read`].
    pub fn read_all<T: FromRowOwned>(self) -> Result<Vec<T>> {
        let found = placing::place::<T>(&self.set)?;
        self.map(|row| T::from_places(&row, &mut Places::new(&found)))
            .collect()
    }

    /// Goes back to the first row.
    pub fn rewind(&mut self) {
        self.next = 0;
    }

    /// How many rows the result has, fetched or not.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.set.rows.len()
    }

    /// The row with this number, counted from 0 and wherever the position is.
    #[must_use]
    pub fn row(&self, number: usize) -> Option<Row> {
        (number < self.row_count()).then(|| Row {
            set: Arc::clone(&self.set),
            number,
        })
    }

    pub(crate) fn exactly_one(self) -> Result<Row> {
        self.at_most_one()?.ok_or_else(Error::no_rows)
    }

    pub(crate) fn at_most_one(mut self) -> Result<Option<Row>> {
        match self.row_count() {
            0 | 1 => Ok(self.next()),
            count => Err(Error::shape(format!(
                "the statement gave {count} rows instead of one"
            ))),
        }
    }

    /// How many rows the statement has given or changed, as its [`status`](Self::status) says; 0 for one that does not count.
    #[must_use]
    pub fn rows_affected(&self) -> u64 {
        affected_rows(&self.set.tag).unwrap_or(0)
    }

    /// The server's word on the statement, such as `SELECT 5` or `ROLLBACK`; empty for an empty statement.
    #[must_use]
    pub fn status(&self) -> &str {
        std::str::from_utf8(&self.set.tag).unwrap_or_default()
    }

    /// The columns from left to right; none for a statement that returns no rows.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        self.set.columns()
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let row = self.row(self.next)?;
        self.next += 1;
        Some(row)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.row_count() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Rows {}
impl FusedIterator for Rows {}

impl Row {
    /// The value of a column, by its number from 0 or by its name.
    ///
    /// With equal names the first column counts. Texts and bytes can be borrowed: `get::<&str>`, `get::<&[u8]>`. Read
    /// what may be NULL as an `Option`.
    /// There is no other method for what may fail: it never panics.
    ///
    /// # Errors
    /// There is no such column; its type does not load into `T`; it is NULL and `T` is not an `Option`; the value does
    /// not fit. The text names the column, the PostgreSQL type and the Rust type.
    #[inline]
    pub fn get<'a, T: FromSql<'a>>(&'a self, column: impl RowIndex) -> Result<T> {
        match column.find(self) {
            Some(number) => self.value(number),
            None => Err(column.missing()),
        }
    }

    /// The text of a column of any type, `None` for NULL.
    ///
    /// It is what `psql` shows with the default settings and TimeZone UTC, whether the value came as text or in binary:
    /// see [`AnyText`](crate::types::AnyText). [`AnyValue`](crate::types::AnyValue) is for values of any type.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let row = conn.query_one("SELECT 1.50 AS price, ARRAY[1, 2] AS list, NULL AS none", ())?;
    /// assert_eq!(row.text("price")?.as_deref(), Some("1.50"));
    /// assert_eq!(row.text("list")?.as_deref(), Some("{1,2}"));
    /// assert_eq!(row.text("none")?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// There is no such column; or the bytes are no value of its type, or text in another encoding.
    pub fn text(&self, column: impl RowIndex) -> Result<Option<Cow<'_, str>>> {
        let text = self.get::<Option<AnyText<'_>>>(column)?;
        Ok(text.map(|text| text.0))
    }

    /// The whole row as a tuple, as a struct with `#[derive(FromRow)]`, or as another type that is a [`FromRow`].
    ///
    /// Columns are looked for by their names each time. [`Rows::read_all`] and `query_as()` look once.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let row = conn.query_one("SELECT 42, 'answer'", ())?;
    /// let (number, text): (i32, &str) = row.read()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for [`get`](Self::get), and a missing column, or another number of columns.
    pub fn read<'a, T: FromRow<'a>>(&'a self) -> Result<T> {
        T::from_row(self)
    }

    /// The one value of a row of one column.
    pub(crate) fn scalar<'a, T: FromSql<'a>>(&'a self) -> Result<T> {
        self.set.check_width(1, "one value")?;
        self.value(0)
    }

    /// The same, of what the derive macro makes: the columns are found, and then read from.
    pub fn read_placed<'a, T: FromRow<'a>>(&'a self) -> Result<T> {
        let found = placing::place::<T>(&self.set)?;
        T::from_places(self, &mut Places::new(&found))
    }

    /// There have to be `width` columns, of what the derive macro makes; `what` is what errors say of it.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # let mut conn = howdah::Connection::connect("")?;
    /// let row = conn.query_one("SELECT 1, 2", ())?;
    /// assert!(row.check_width(2, "Point").is_ok());
    /// assert!(row.check_width(3, "Space").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn check_width(&self, width: usize, what: &str) -> Result<()> {
        self.set.check_width(width, what)
    }

    /// How many columns there are.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.set.columns.len()
    }

    /// Whether there are no columns, as in `SELECT` without a list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns from left to right.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        self.set.columns()
    }

    #[inline]
    fn value<'a, T: FromSql<'a>>(&'a self, number: usize) -> Result<T> {
        let set = &*self.set;
        let Some(field) = set.columns.get(number) else {
            return Err(number.missing());
        };
        let ty = set.type_of(field);
        let raw = self.raw(number);
        match T::from_nullable(ty, format_of(field.format), raw, &set.reading.load) {
            Ok(value) => Ok(value),
            Err(error) => self.otherwise(number, field, error),
        }
    }

    /// The bytes of a value, `None` for NULL.
    #[inline]
    fn raw(&self, number: usize) -> Option<&[u8]> {
        let mut row = self.set.rows.get(self.number)?;
        row.nth(number).flatten()
    }

    /// What could not be read as it came; kept out of the way of what can.
    #[cold]
    #[inline(never)]
    fn otherwise<'a, T: FromSql<'a>>(
        &'a self,
        number: usize,
        field: &FieldDescription,
        error: DecodeError,
    ) -> Result<T> {
        let set = &*self.set;
        let ty = set.type_of(field);
        let borrowed = self.raw(number).filter(|_| {
            error.kind() == DecodeErrorKind::Unsupported
                && (field.type_oid, format_of(field.format)) == (oid::BYTEA, Format::Text)
        });
        match borrowed {
            Some(raw) => self
                .borrowed_bytes(raw, number)
                .and_then(|bytes| T::from_sql(ty, Format::Binary, bytes, &set.reading.load)),
            None => Err(error),
        }
        .map_err(|error| unread::<T>(number, field, ty, error))
    }

    /// A `bytea` that came as text, as bytes that live as long as the result.
    fn borrowed_bytes(&self, raw: &[u8], column: usize) -> std::result::Result<&[u8], DecodeError> {
        let width = self.len();
        let cells = match self.set.bytes.get() {
            Some(cells) => cells,
            None => {
                let count = self.set.rows.len() * width;
                let mut cells = Vec::new();
                memory::room(&mut cells, count)?;
                cells.extend(std::iter::repeat_with(OnceLock::new).take(count));
                self.set.bytes.get_or_init(|| cells.into())
            }
        };
        let Some(cell) = cells.get(self.number * width + column) else {
            return Ok(&[]);
        };
        if let Some(bytes) = cell.get() {
            return Ok(bytes);
        }
        let mut bytes = Vec::new();
        memory::room(&mut bytes, raw.len() / 2)?;
        bytea::bytea_from_text(raw, &mut bytes)?;
        Ok(cell.get_or_init(|| bytes.into()))
    }
}

impl<'a> Column<'a> {
    pub(crate) fn new(field: &'a FieldDescription, types: &'a Types) -> Self {
        let ty = Type::new(field.type_oid, types);
        Self { field, ty }
    }
}

impl Column<'_> {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.field.name).unwrap_or_default()
    }

    /// The OID of the type; for a domain that of the type beneath.
    #[must_use]
    pub fn type_oid(&self) -> u32 {
        self.field.type_oid
    }

    /// The type's name as in `pg_type`, such as `int4` or `text[]`; `type` and the OID of one that is not known.
    #[must_use]
    pub fn type_name(&self) -> Cow<'_, str> {
        self.ty.name()
    }

    /// The OID of the table or view that it is a column of; `None` if it is computed.
    #[must_use]
    pub fn table_oid(&self) -> Option<u32> {
        (self.field.table_oid != 0).then_some(self.field.table_oid)
    }

    /// Its number in that table, as in `pg_attribute.attnum`; `None` if it is computed.
    #[must_use]
    pub fn table_column(&self) -> Option<i16> {
        (self.field.column_id != 0).then_some(self.field.column_id)
    }
}

impl ResultSet {
    fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        let types = &self.reading.types;
        self.columns.iter().map(|field| Column::new(field, types))
    }

    fn check_width(&self, width: usize, what: &str) -> Result<()> {
        match self.columns.len() {
            len if len == width => Ok(()),
            len => Err(Error::shape(format!(
                "a row of {len} columns cannot be read as {what}"
            ))),
        }
    }

    /// The number of the first column of this name.
    fn position(&self, name: &str) -> Option<usize> {
        self.columns().position(|column| column.name() == name)
    }

    #[inline]
    fn type_of(&self, field: &FieldDescription) -> Type<'_> {
        Type::new(field.type_oid, &self.reading.types)
    }
}

/// The error that a column could not be read as a `T`.
#[cold]
fn unread<'a, T: FromSql<'a>>(
    number: usize,
    field: &FieldDescription,
    ty: Type<'_>,
    error: DecodeError,
) -> Error {
    let name = String::from_utf8_lossy(&field.name);
    let rust = short_name(std::any::type_name::<T>());
    let place = format!(
        "column {number} {name:?} ({}) cannot be read as {rust}",
        ty.name()
    );
    if error.kind() == DecodeErrorKind::Mismatch && !T::accepts(ty) {
        Error::mismatch(place, error)
    } else {
        Error::decode(&place, error)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("status", &self.status())
            .field("row_count", &self.row_count())
            .field("next", &self.next)
            .finish()
    }
}

/// A format of the protocol's, as values know it.
#[inline]
pub(crate) fn format_of(format: wire::Format) -> Format {
    match format {
        wire::Format::Text => Format::Text,
        wire::Format::Binary => Format::Binary,
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("number", &self.number)
            .field("columns", &self.columns().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for ResultSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns()).finish()
    }
}

impl fmt::Debug for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.type_name())
    }
}
