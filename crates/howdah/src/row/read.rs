//! Which column, and whole rows as tuples.

use howdah_types::FromSql;

use super::Row;
use crate::error::{Error, Result};

/// What names a column of a row: its number from 0, or its name.
pub trait RowIndex {
    /// The number of the column.
    #[doc(hidden)]
    fn find(&self, row: &Row) -> Option<usize>;

    /// What to say when there is no such column.
    #[doc(hidden)]
    fn missing(&self) -> Error;
}

/// A type that a whole row can be read as: tuples of up to 12 values, from left to right.
pub trait FromRow<'a>: Sized {
    /// Reads the row.
    ///
    /// # Errors
    /// A value cannot be read, or the number of columns is another.
    fn from_row(row: &'a Row) -> Result<Self>;
}

impl RowIndex for usize {
    fn find(&self, row: &Row) -> Option<usize> {
        (*self < row.len()).then_some(*self)
    }

    fn missing(&self) -> Error {
        Error::usage(format!("the result has no column {self}"))
    }
}

impl RowIndex for str {
    fn find(&self, row: &Row) -> Option<usize> {
        row.columns().position(|column| column.name() == self)
    }

    fn missing(&self) -> Error {
        Error::usage(format!("the result has no column {self:?}"))
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
                    check_width(row, $count)?;
                    Ok(($(row.value::<$name>($number)?,)+))
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

fn check_width(row: &Row, width: usize) -> Result<()> {
    if row.len() == width {
        return Ok(());
    }
    let got = row.len();
    Err(Error::shape(format!(
        "a row of {got} columns cannot be read as a tuple of {width}"
    )))
}
