//! Pools of connections of the [`howdah`] driver, by [`bb8`].
//!
//! ```no_run
//! use howdah_bb8::{Manager, Pool};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder().max_size(16).build(Manager::new("dbname=shop".parse()?)).await?;
//! let mut conn = pool.get().await?;
//! let row = conn.query_one("SELECT count(*) FROM orders", ()).await?;
//! println!("{}", row.get::<i64>(0)?);
//! # Ok(())
//! # }
//! ```
//!
//! * Before a connection is handed out again, a look at its socket, without a round trip, tells whether the server has closed it. If
//!   so, it is replaced. This and the next point need `test_on_check_out`, which is on at first.
//! * What its last user has left is ended before the next one has it: a statement whose future was dropped is cancelled, an open
//!   transaction is rolled back, autocommit is on. What does not come to rest within the connection's `cancel_timeout` is replaced.
//! * A transaction that is dropped is rolled back at once, and holds no locks while its connection waits in the pool. One that was
//!   begun by a `BEGIN`, or without autocommit, holds them until the connection is used again: end it yourself.
//! * What statements have made of the session (`SET`, `LISTEN`, temporary tables, advisory locks) stays, unless the manager has
//!   [`discard_all`](Manager::discard_all).

#![forbid(unsafe_code)]
#![warn(unnameable_types)]

use bb8::ManageConnection;
use howdah::{AsyncConnection, Config, Error};

#[doc(no_inline)]
pub use bb8;

/// A pool of connections.
pub type Pool = bb8::Pool<Manager>;
/// Why there is no connection.
pub type RunError = bb8::RunError<Error>;
/// A connection of a [`Pool`], which goes back when it is dropped. It is an [`AsyncConnection`].
///
/// ```
/// use howdah_bb8::{Pool, PooledConnection, RunError};
///
/// async fn connection(pool: &Pool) -> Result<PooledConnection<'_>, RunError> {
///     pool.get().await
/// }
/// ```
pub type PooledConnection<'a> = bb8::PooledConnection<'a, Manager>;

/// Makes the connections of a [`Pool`], and makes them ready for their next users.
#[derive(Debug, Clone)]
pub struct Manager {
    config: Config,
    discard_all: bool,
}

impl Manager {
    /// Connects as `config` says.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            discard_all: false,
        }
    }

    /// Whether `DISCARD ALL` is run before a connection is handed out again, which costs a round trip; statements that the
    /// connection has prepared are gone by that, too.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use howdah_bb8::{Manager, Pool};
    ///
    /// let manager = Manager::new(howdah::Config::new()).discard_all(true);
    /// let pool: Pool = Pool::builder().max_size(4).build(manager).await?;
    /// let mut conn = pool.get().await?;
    /// conn.execute("SET work_mem = '64MB'", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn discard_all(mut self, on: bool) -> Self {
        self.discard_all = on;
        self
    }
}

impl ManageConnection for Manager {
    type Connection = AsyncConnection;
    type Error = Error;

    async fn connect(&self) -> Result<AsyncConnection, Error> {
        self.config.connect_async().await
    }

    async fn is_valid(&self, conn: &mut AsyncConnection) -> Result<(), Error> {
        conn.reset().await?;
        if self.discard_all {
            conn.execute("DISCARD ALL", ()).await?;
        }
        Ok(())
    }

    fn has_broken(&self, conn: &mut AsyncConnection) -> bool {
        conn.is_closed()
    }
}
