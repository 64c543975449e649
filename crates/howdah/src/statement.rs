//! Statements of which it is known what they take and give.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use howdah_protocol::session::Description;
use howdah_types::{Type, Types};

use crate::row::Column;

/// A statement with the types of its parameters and its columns, as the server says; from [`Session::prepare`](crate::Session::prepare) or
/// [`Session::describe`](crate::Session::describe).
///
/// It is used in the place of its text, in all methods that run one statement. A connection that has prepared it has it on the
/// server, and uses that as long as it is there; the server is asked again by itself otherwise. So it can be kept as long as
/// one likes and need not be closed, and other connections take it too.
///
/// ```no_run
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let statement = conn.prepare("SELECT id, name FROM users WHERE age > $1 AND name LIKE $2")?;
/// for parameter in statement.parameters() {
///     println!("takes {}", parameter.type_name());
/// }
/// for column in statement.columns() {
///     println!("gives {} {}", column.type_name(), column.name());
/// }
/// for age in [18, 30, 65] {
///     println!("{}", conn.query(&statement, (age, "A%"))?.row_count());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Statement {
    inner: Arc<Inner>,
}

struct Inner {
    sql: Box<str>,
    description: Description,
    types: Arc<Types>,
}

/// A parameter of a [`Statement`].
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let statement = conn.prepare("SELECT $1::int4[]")?;
/// let parameter: howdah::Parameter<'_> = statement.parameters().next().expect("a parameter");
/// assert_eq!(parameter.type_name(), "int4[]");
/// assert_eq!(parameter.type_oid(), howdah::types::oid::INT4_ARRAY);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    ty: Type<'a>,
    oid: u32,
}

impl Statement {
    pub(crate) fn new(sql: &str, description: Description, types: Arc<Types>) -> Self {
        let sql = sql.into();
        let inner = Inner {
            sql,
            description,
            types,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The text.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.inner.sql
    }

    /// The parameters, in the order of their numbers.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = Parameter<'_>> {
        let inner = &*self.inner;
        inner.description.parameters.iter().map(|&oid| Parameter {
            ty: Type::new(oid, &inner.types),
            oid,
        })
    }

    /// The columns from left to right; none for a statement that returns no rows.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = Column<'_>> {
        let inner = &*self.inner;
        let fields = inner.description.columns.as_deref().unwrap_or_default();
        fields.iter().map(|field| Column::new(field, &inner.types))
    }
}

impl Parameter<'_> {
    /// The OID of the type that the server has inferred.
    #[must_use]
    pub fn type_oid(&self) -> u32 {
        self.oid
    }

    /// The type's name as in `pg_type`, such as `int4` or `text[]`; `type` and the OID of one that is not known.
    #[must_use]
    pub fn type_name(&self) -> Cow<'_, str> {
        self.ty.name()
    }
}

impl Deref for Statement {
    type Target = str;

    fn deref(&self) -> &str {
        self.sql()
    }
}

impl AsRef<str> for Statement {
    fn as_ref(&self) -> &str {
        self.sql()
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("sql", &self.sql())
            .field("parameters", &self.parameters().collect::<Vec<_>>())
            .field("columns", &self.columns().collect::<Vec<_>>())
            .finish()
    }
}

impl fmt::Debug for Parameter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.type_name())
    }
}
