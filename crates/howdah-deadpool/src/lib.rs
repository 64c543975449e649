//! Pools of connections of the [`howdah`] driver, by [`deadpool`].
//!
//! ```no_run
//! use howdah_deadpool::{Manager, Pool};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::builder(Manager::new("dbname=shop".parse()?)).max_size(16).build()?;
//! let mut conn = pool.get().await?;
//! let row = conn.query_one("SELECT count(*) FROM orders", ()).await?;
//! println!("{}", row.get::<i64>(0)?);
//! # Ok(())
//! # }
//! ```
//!
//! * Before a connection is handed out again, a look at its socket, without a round trip, tells whether the server has closed it. If
//!   so, it is replaced.
//! * What its last user has left is ended before the next one has it: a statement whose future was dropped is cancelled, an open
//!   transaction is rolled back, autocommit is on. What does not come to rest within the connection's `cancel_timeout` is replaced.
//! * A transaction that is dropped is rolled back at once, and holds no locks while its connection waits in the pool. One that was
//!   begun by a `BEGIN`, or without autocommit, holds them until the connection is used again: end it yourself.
//! * What statements have made of the session (`SET`, `LISTEN`, temporary tables, advisory locks) stays, unless the manager has
//!   [`discard_all`](Manager::discard_all).

#![forbid(unsafe_code)]
#![warn(unnameable_types)]

use deadpool::managed;
use deadpool::managed::{Metrics, RecycleResult};
use howdah::{AsyncConnection, Config, Error};

#[doc(no_inline)]
pub use deadpool;

/// A pool of connections.
pub type Pool = managed::Pool<Manager>;
/// Makes a [`Pool`].
///
/// ```
/// use howdah_deadpool::{Manager, Pool, PoolBuilder, PoolError};
///
/// fn builder() -> PoolBuilder {
///     Pool::builder(Manager::new(howdah::Config::new())).max_size(4)
/// }
/// ```
pub type PoolBuilder = managed::PoolBuilder<Manager>;
/// Why there is no connection.
pub type PoolError = managed::PoolError<Error>;
/// A connection of a [`Pool`], which goes back when it is dropped. It is an [`AsyncConnection`].
///
/// ```
/// use howdah_deadpool::{Object, Pool, PoolError};
///
/// async fn connection(pool: &Pool) -> Result<Object, String> {
///     pool.get().await.map_err(|error: PoolError| format!("no connection: {error}"))
/// }
/// ```
pub type Object = managed::Object<Manager>;

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
    /// use howdah_deadpool::{Manager, Pool};
    ///
    /// let manager = Manager::new(howdah::Config::new()).discard_all(true);
    /// let pool: Pool = Pool::builder(manager).max_size(4).build()?;
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

impl managed::Manager for Manager {
    type Type = AsyncConnection;
    type Error = Error;

    async fn create(&self) -> Result<AsyncConnection, Error> {
        self.config.connect_async().await
    }

    async fn recycle(&self, conn: &mut AsyncConnection, _: &Metrics) -> RecycleResult<Error> {
        conn.reset().await?;
        if self.discard_all {
            conn.execute("DISCARD ALL", ()).await?;
        }
        Ok(())
    }
}
