//! Where the values of a Rust type are in the rows of a result: found once, and not for each row.

use howdah_types::FromSql;

use super::{FromRow, ResultSet, Row};
use crate::error::{Error, Result};

/// The columns that a Rust type is read from, as they are found. It is for what the derive macro makes.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// use howdah::{FromRow, Placing, Places, Result, Row};
///
/// /// What `#[derive(FromRow)]` makes of a struct.
/// struct User {
///     id: i32,
///     name: Option<String>,
/// }
///
/// impl<'a> FromRow<'a> for User {
///     fn from_row(row: &'a Row) -> Result<Self> {
///         row.read_placed()
///     }
///
///     fn place(placing: &mut Placing<'_>) -> Result<()> {
///         placing.column("id", "User::id")?;
///         placing.optional_column("name");
///         Ok(())
///     }
///
///     fn from_places(row: &'a Row, places: &mut Places<'_>) -> Result<Self> {
///         let id = places.read(row)?;
///         let name = places.read_optional(row)?;
///         Ok(Self { id, name })
///     }
/// }
///
/// let users: Vec<User> = conn.query_as("SELECT 1 AS id", ())?;
/// assert_eq!((users[0].id, &users[0].name), (1, &None));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Placing<'r> {
    set: &'r ResultSet,
    found: Vec<Option<usize>>,
}

/// The same columns, one after the other, while a row is read.
#[derive(Debug)]
pub struct Places<'p> {
    left: std::slice::Iter<'p, Option<usize>>,
}

/// Finds the columns that a `T` is read from; none is asked for by types that find them themselves.
pub(super) fn place<'a, T: FromRow<'a>>(set: &ResultSet) -> Result<Vec<Option<usize>>> {
    let found = Vec::new();
    let mut placing = Placing { set, found };
    T::place(&mut placing)?;
    Ok(placing.found)
}

impl Placing<'_> {
    /// The column of this name, which has to be there; `field` is what errors say of who wants it.
    pub fn column(&mut self, name: &str, field: &str) -> Result<()> {
        let number = self.set.position(name).ok_or_else(|| {
            Error::shape(format!("the result has no column {name:?} for {field}"))
        })?;
        self.found.push(Some(number));
        Ok(())
    }

    /// The column of this name, if it is there.
    pub fn optional_column(&mut self, name: &str) {
        self.found.push(self.set.position(name));
    }

    /// There have to be `width` columns; `what` is what errors say of who wants them.
    ///
    /// ```
    /// # use howdah::{Placing, Result};
    /// /// Of a struct without names for its fields.
    /// fn place(placing: &mut Placing<'_>) -> Result<()> {
    ///     placing.check_width(2, "Point")
    /// }
    /// ```
    pub fn check_width(&mut self, width: usize, what: &str) -> Result<()> {
        self.set.check_width(width, what)
    }
}

impl<'p> Places<'p> {
    pub(super) fn new(found: &'p [Option<usize>]) -> Self {
        Self { left: found.iter() }
    }

    /// The value in the next of the columns.
    pub fn read<'a, T: FromSql<'a>>(&mut self, row: &'a Row) -> Result<T> {
        match self.next() {
            Some(number) => row.value(number),
            None => Err(Error::shape("no column was found for the value")),
        }
    }

    /// The same, if the column is there.
    pub fn read_optional<'a, T: FromSql<'a>>(&mut self, row: &'a Row) -> Result<Option<T>> {
        self.next().map(|number| row.value(number)).transpose()
    }

    fn next(&mut self) -> Option<usize> {
        self.left.next().copied().flatten()
    }
}
