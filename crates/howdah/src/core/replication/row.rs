//! Rows within changes.

use std::fmt;

use howdah_types::FromSql;

use crate::error::{Error, Result};
use crate::row::{Column, Row, RowIndex};

/// A row within a change, whose values are read when asked.
///
/// A key has the columns of the key only.
///
/// ```
/// use howdah::replication::{ChangedRow, Value};
///
/// fn show(row: &ChangedRow) -> Result<(), howdah::Error> {
///     let id: i32 = row.get("id")?;
///     match row.value::<&str>("description")? {
///         Value::Sent(text) => println!("{id}: {text}"),
///         Value::Unchanged => println!("{id}: as before"),
///     }
///     assert!(!row.is_unchanged("id"));
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct ChangedRow {
    row: Row,
    /// The columns whose values are not sent.
    unchanged: Box<[usize]>,
}

/// A value of a row that was updated.
///
/// ```
/// use howdah::replication::Value;
///
/// assert_eq!(Value::Sent(5).sent(), Some(5));
/// assert_eq!(Value::<i32>::Unchanged.sent(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<T> {
    /// It has been sent.
    Sent(T),
    /// It is large, was not changed, and is not sent.
    Unchanged,
}

impl<T> Value<T> {
    /// The value, if it has been sent.
    pub fn sent(self) -> Option<T> {
        match self {
            Self::Sent(value) => Some(value),
            Self::Unchanged => None,
        }
    }
}

impl ChangedRow {
    pub(super) fn new(row: Row, unchanged: Vec<usize>) -> Self {
        Self {
            row,
            unchanged: unchanged.into(),
        }
    }

    /// The value of a column, by its number from 0 or by its name; what may be NULL is read as an `Option`.
    ///
    /// # Errors
    /// As [`Row::get`]; and the value is [not sent](Self::is_unchanged).
    pub fn get<'a, T: FromSql<'a>>(&'a self, column: impl RowIndex) -> Result<T> {
        match self.value(&column)? {
            Value::Sent(value) => Ok(value),
            Value::Unchanged => Err(Error::shape(
                "the value is large, was not changed, and is not sent: read it by value()",
            )),
        }
    }

    /// The same, where the value may be one that is not sent.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn value<'a, T: FromSql<'a>>(&'a self, column: impl RowIndex) -> Result<Value<T>> {
        match self.is_unchanged(&column) {
            true => Ok(Value::Unchanged),
            false => self.row.get(column).map(Value::Sent),
        }
    }

    /// Whether the value of a column is large, was not changed, and is not sent.
    pub fn is_unchanged(&self, column: impl RowIndex) -> bool {
        let number = column.find(&self.row);
        number.is_some_and(|number| self.unchanged.contains(&number))
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// Whether there are no columns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// The columns from left to right.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        self.row.columns()
    }
}

impl fmt::Debug for ChangedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangedRow")
            .field("columns", &self.columns().collect::<Vec<_>>())
            .field("unchanged", &self.unchanged)
            .finish_non_exhaustive()
    }
}
