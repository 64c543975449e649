//! Which column, and whole rows as tuples.

use howdah_types::FromSql;

use super::{Places, Placing, Row};
use crate::error::{Error, Result};

/// What names a column of a row: its number from 0, or its name.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::{Row, RowIndex};
///
/// fn number(row: &Row, column: impl RowIndex) -> Result<i64, howdah::Error> {
///     row.get(column)
/// }
///
/// let row = conn.query_one("SELECT 5::int8 AS n", ())?;
/// assert_eq!((number(&row, 0)?, number(&row, "n")?), (5, 5));
/// # Ok(())
/// # }
/// ```
pub trait RowIndex {
    /// The number of the column.
    fn find(&self, row: &Row) -> Option<usize>;

    /// What to say when there is no such column.
    fn missing(&self) -> Error;
}

/// A type that a whole row can be read as: tuples of up to 12 values, from left to right, and structs with the derive macro.
///
/// With `#[derive(FromRow)]` the fields of a struct are read from the columns of their names; other columns are left alone. The
/// fields of a tuple struct are the columns from left to right, and there have to be as many.
///
#[cfg_attr(feature = "derive", doc = "```no_run")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// use howdah::{Connection, FromRow};
///
/// #[derive(FromRow)]
/// struct User {
///     id: i64,
///     #[howdah(name = "full_name")]
///     name: String,
///     email: Option<String>,
/// }
///
/// fn users(conn: &mut Connection) -> Result<Vec<User>, howdah::Error> {
///     conn.query_as("SELECT id, full_name, email FROM users", ())
/// }
/// ```
///
/// Attributes of fields:
///
/// * `#[howdah(name = "...")]` names the column; `#[howdah(rename_all = "camelCase")]` on the struct makes the names of all
///   that have no name of their own, as for [`FromSql`].
/// * `#[howdah(default)]`: the field is its type's `Default` if there is no such column. A NULL is no missing column: it is
///   read as an `Option`.
/// * `#[howdah(flatten)]`: the field is a `FromRow` itself, which is read from the same row.
/// * `#[howdah(skip)]`: the field has no column, and is its type's `Default`.
///
/// Fields may borrow from the row, and structs may have type parameters:
///
#[cfg_attr(feature = "derive", doc = "```no_run")]
#[cfg_attr(not(feature = "derive"), doc = "```ignore")]
/// # use howdah::{Connection, FromRow};
/// #[derive(FromRow)]
/// struct Entry<'a, T> {
///     key: &'a str,
///     value: T,
/// }
///
/// # fn example(conn: &mut Connection) -> Result<(), howdah::Error> {
/// let row = conn.query_one("SELECT 'answer' AS key, 42 AS value", ())?;
/// let entry: Entry<'_, i32> = row.read()?;
/// # Ok(())
/// # }
/// ```
///
/// By hand, [`from_row`](Self::from_row) reads the values by [`Row::get`].
pub trait FromRow<'a>: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// A value cannot be read; a column is missing, or the number of columns is another.
    fn from_row(row: &'a Row) -> Result<Self>;

    /// Finds the columns, once for a result.
    fn place(placing: &mut Placing<'_>) -> Result<()> {
        let _ = placing;
        Ok(())
    }

    /// Reads a row from the columns that were found.
    fn from_places(row: &'a Row, places: &mut Places<'_>) -> Result<Self> {
        let _ = places;
        Self::from_row(row)
    }
}

/// A type that rows can be read as without borrowing from them.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::{FromRowOwned, Session};
///
/// fn all<T: FromRowOwned>(db: &mut Session, table: &str) -> Result<Vec<T>, howdah::Error> {
///     db.query_as(&format!("SELECT * FROM {table}"), ())
/// }
///
/// let numbers: Vec<(i32,)> = all(&mut conn, "generate_series(1, 3)")?;
/// assert_eq!(numbers, [(1,), (2,), (3,)]);
/// # Ok(())
/// # }
/// ```
pub trait FromRowOwned: for<'a> FromRow<'a> {}

impl<T: for<'a> FromRow<'a>> FromRowOwned for T {}

impl RowIndex for usize {
    #[inline]
    fn find(&self, row: &Row) -> Option<usize> {
        (*self < row.len()).then_some(*self)
    }

    #[cold]
    fn missing(&self) -> Error {
        Error::shape(format!("the result has no column {self}"))
    }
}

impl RowIndex for str {
    fn find(&self, row: &Row) -> Option<usize> {
        row.set.position(self)
    }

    #[cold]
    fn missing(&self) -> Error {
        Error::shape(format!("the result has no column {self:?}"))
    }
}

impl RowIndex for String {
    fn find(&self, row: &Row) -> Option<usize> {
        <str as RowIndex>::find(self, row)
    }

    fn missing(&self) -> Error {
        self.as_str().missing()
    }
}

impl<T: RowIndex + ?Sized> RowIndex for &T {
    fn find(&self, row: &Row) -> Option<usize> {
        (**self).find(row)
    }

    fn missing(&self) -> Error {
        (**self).missing()
    }
}

macro_rules! tuples {
    ($($count:literal: $($name:ident $number:tt),+;)+) => {
        $(
            impl<'a, $($name: FromSql<'a>),+> FromRow<'a> for ($($name,)+) {
                fn from_row(row: &'a Row) -> Result<Self> {
                    row.check_width($count, concat!("a tuple of ", $count))?;
                    Ok(($(row.value::<$name>($number)?,)+))
                }

                fn place(placing: &mut Placing<'_>) -> Result<()> {
                    placing.check_width($count, concat!("a tuple of ", $count))
                }
            }
        )+
    };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    9: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    10: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    11: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    12: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}
