//! Statements that are run as one.

use std::fmt;

use crate::params::{Parameters, ToParams};

/// Statements with parameters of their own, for [`Session::batch`](crate::Session::batch): all are done or none.
///
/// Behind a statement that may change what others give, as `ALTER TABLE` and `SET search_path` do, those are prepared anew, which takes a
/// round trip for each that has parameters, unless their types are [named](crate::Typed). What a function does that a `SELECT` calls is
/// not seen: where that changes the columns of a statement that was run before and follows in the batch, that fails with SQLSTATE 0A000,
/// and nothing is done. Run it by itself.
///
/// ```no_run
/// use howdah::Batch;
///
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let mut batch = Batch::new();
/// batch.add("INSERT INTO orders (id, customer) VALUES ($1, $2)", (1, "ann"));
/// for item in ["pen", "ink"] {
///     batch.add("INSERT INTO items (order_id, name) VALUES ($1, $2)", (1, item));
/// }
/// batch.add("SELECT count(*) FROM items", ());
/// let results = conn.batch(&batch)?;
/// let count: i64 = results[batch.len() - 1].row(0).expect("a row").get(0)?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Batch<'a> {
    statements: Vec<(&'a str, Box<dyn Parameters + Send + 'a>)>,
}

impl<'a> Batch<'a> {
    /// One without statements.
    ///
    /// ```
    /// assert!(howdah::Batch::new().is_empty());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a statement. Parameters are a tuple or a list, `()` for none: see [`ToParams`].
    ///
    /// ```
    /// let mut batch = howdah::Batch::new();
    /// batch.add("DELETE FROM items WHERE id = $1", (1,)).add("DELETE FROM orders", ());
    /// assert_eq!(batch.len(), 2);
    /// ```
    pub fn add(&mut self, sql: &'a str, params: impl ToParams + Send + 'a) -> &mut Self {
        self.statements.push((sql, Box::new(params)));
        self
    }

    /// How many statements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// The texts of the statements.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().map(|(sql, _)| *sql)
    }

    /// The statements with their parameters.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (&str, &dyn Parameters)> {
        let statements = self.statements.iter();
        statements.map(|(sql, params)| (*sql, &**params as &dyn Parameters))
    }
}

/// Statements whose parameters are of the same types.
///
/// ```
/// let batch: howdah::Batch = [("DELETE FROM a WHERE id = $1", (1,)), ("DELETE FROM b WHERE id = $1", (2,))]
///     .into_iter()
///     .collect();
/// assert_eq!(batch.len(), 2);
/// ```
impl<'a, P: ToParams + Send + 'a> FromIterator<(&'a str, P)> for Batch<'a> {
    fn from_iter<I: IntoIterator<Item = (&'a str, P)>>(statements: I) -> Self {
        let mut batch = Self::new();
        for (sql, params) in statements {
            batch.add(sql, params);
        }
        batch
    }
}

/// With the texts of the statements, and without their parameters.
impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.texts()).finish()
    }
}
