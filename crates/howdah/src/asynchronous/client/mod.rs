//! Many requests on one connection.

mod bounded;
mod driver;
mod hub;
mod lease;
mod line;
mod notifies;
mod request;
mod requests;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use howdah_net::Limit;
use howdah_protocol::session::{ExchangeId, Outcome};
use howdah_types::FromSqlOwned;

use super::operations::operations;
use super::transaction::{Held, Share, Source};
use super::{AsyncConnection, AsyncTransaction, AsyncTransactionBuilder};
use crate::batch::Batch;
use crate::core::messages::HandlerId;
use crate::core::statement::is_copy;
use crate::core::{Core, Given, Known, Mode, Preparation, Question};
use crate::error::{Error, Result};
use crate::params::{Parameters, ToParams};
use crate::row::{FromRowOwned, Row, Rows};
use crate::statement::Statement;
use driver::Driver;
use hub::{Hub, OwnSession};

pub use lease::AsyncLease;
pub use notifies::AsyncClientNotifies;

/// A connection that many tasks use at once, for tokio.
///
/// Its methods take `&self`, and clones are cheap and are the same connection. Requests that are made before earlier ones have
/// been answered are sent without waiting for those: the server runs them one after the other, in the order in which they were
/// first polled, and each gets its own result or error. So a hundred tasks on one connection cost about one round trip, where
/// a mutex around an [`AsyncConnection`] costs a hundred. What one of them may do slowly delays those behind it.
///
/// ```no_run
/// use howdah::AsyncClient;
///
/// # async fn example() -> Result<(), howdah::Error> {
/// let client = AsyncClient::connect("host=localhost dbname=test user=postgres").await?;
/// let tasks = (0..100).map(|id| {
///     let client = client.clone();
///     tokio::spawn(async move {
///         let row = client.query_one("SELECT name FROM users WHERE id = $1", (id,)).await?;
///         row.get::<String>(0)
///     })
/// });
/// for task in tasks.collect::<Vec<_>>() {
///     println!("{}", task.await.expect("no panic")?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// **Each statement is a transaction of its own.** [`transaction`](Self::transaction) has the connection for itself until it
/// ends, and so has a [`lease`](Self::lease), with all that an [`AsyncConnection`] can do: a stream of rows, for example. Others
/// wait meanwhile, in the order in which they came. A `BEGIN` as a statement is an error, and rolled back.
///
/// **A future may be dropped at any time**, without harm to the others. A statement that has been sent is then cancelled on the
/// server if nobody waits for any other, and what comes next waits for that, for
/// [`cancel_timeout`](super::AsyncSession::cancel_timeout) at most; else it runs to its end and its result is thrown away.
///
/// A task of the runtime is behind it, which reads and writes, whoever is polled. It also hands out notices and notifications as
/// they come. It ends when the last clone is dropped, which closes the connection, or when the connection is lost: then all
/// who wait are told.
pub struct AsyncClient {
    hub: Arc<Hub>,
    /// What bounds all that is done through this.
    limit: Option<Limit>,
}

impl AsyncClient {
    /// Connects to a server, as [`Connection::connect`](crate::Connection::connect).
    ///
    /// # Errors
    /// `conninfo` is wrong; or no server could be reached or let the session start: the text then lists every attempt.
    pub async fn connect(conninfo: &str) -> Result<Self> {
        Ok(AsyncConnection::connect(conninfo).await?.into_client())
    }

    /// Takes over a connection, whose task begins to run.
    pub(super) fn new(mut session: OwnSession) -> Self {
        session.core.tidy();
        session.core.limit = None;
        let hub = Arc::new(Hub::new(session));
        tokio::spawn(Driver::new(Arc::clone(&hub)));
        Self { hub, limit: None }
    }

    /// Runs a statement; tells how many rows it has changed or given, 0 for one that does not count.
    ///
    /// Parameters are a tuple or a list, `()` for none: see [`ToParams`].
    ///
    /// # Errors
    /// The server's, or a parameter cannot be sent, or the connection is closed or lost.
    pub async fn execute(&self, sql: &str, params: impl ToParams) -> Result<u64> {
        if is_copy(sql) {
            return Box::pin(self.execute_alone(sql, &params)).await;
        }
        self.on().run_to_count(sql, &params).await
    }

    /// Runs a statement and gives its result, with all rows received.
    ///
    /// Types made by users that this connection has not met before are looked up, by one statement more: see
    /// [`rust_types`](crate::rust_types).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let rows = client.query("SELECT n, n * n AS square FROM generate_series(1, $1) AS n", (3,)).await?;
    /// for row in rows {
    ///     println!("{} {}", row.get::<i32>("n")?, row.get::<i32>("square")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query(&self, sql: &str, params: impl ToParams) -> Result<Rows> {
        if is_copy(sql) {
            return Box::pin(self.query_alone(sql, &params)).await;
        }
        self.on().run_to_rows(sql, &params).await
    }

    /// Runs a statement that gives exactly one row.
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and any other number of rows.
    pub async fn query_one(&self, sql: &str, params: impl ToParams) -> Result<Row> {
        self.query(sql, params).await?.exactly_one()
    }

    /// Runs a statement that gives one row or none.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let none = client.query_opt("SELECT 1 WHERE $1::bool", (false,)).await?;
    /// assert!(none.is_none());
    /// let row = client.query_one("SELECT 1, 'one'", ()).await?;
    /// assert_eq!(row.read::<(i32, &str)>()?, (1, "one"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute), and more than one row.
    pub async fn query_opt(&self, sql: &str, params: impl ToParams) -> Result<Option<Row>> {
        self.query(sql, params).await?.at_most_one()
    }

    /// Runs a statement and reads its rows as structs with `#[derive(FromRow)]`, as tuples, or as another [`FromRow`](crate::FromRow).
    ///
    /// Columns are looked for once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let squares: Vec<(i32, i32)> = client.query_as("SELECT n, n * n FROM generate_series(1, 3) AS n", ()).await?;
    /// assert_eq!(squares, [(1, 1), (2, 4), (3, 9)]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query`](Self::query), and a row cannot be read as a `T`; the statement has been run then.
    pub async fn query_as<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Vec<T>> {
        self.query(sql, params).await?.read_all()
    }

    /// Runs a statement that gives exactly one row, and reads it.
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and any other number of rows.
    pub async fn query_one_as<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<T> {
        self.query_one(sql, params).await?.read()
    }

    /// Runs a statement that gives one row or none, and reads it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let found: Option<(i32, String)> = client.query_opt_as("SELECT 1, 'ann' WHERE $1", (false,)).await?;
    /// assert_eq!(found, None);
    /// let (id, name): (i32, String) = client.query_one_as("SELECT 1, 'ann'", ()).await?;
    /// assert_eq!((id, name.as_str()), (1, "ann"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_as`](Self::query_as), and more than one row.
    pub async fn query_opt_as<T: FromRowOwned>(
        &self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params).await?;
        row.map(|row| row.read()).transpose()
    }

    /// Runs a statement that gives one row of one column, and reads the value.
    ///
    /// ```no_run
    /// # async fn example(conn: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// let count: i64 = conn.query_scalar("SELECT count(*) FROM users WHERE age > $1", (18,)).await?;
    /// let oldest = conn.query_scalar::<Option<i32>>("SELECT max(age) FROM users", ()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_one`](Self::query_one), and any other number of columns, or the value cannot be read as a `T`: a NULL only as
    /// an `Option`. The statement has been run then.
    pub async fn query_scalar<T: FromSqlOwned>(
        &self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<T> {
        self.query_one(sql, params).await?.scalar()
    }

    /// Runs a statement that gives one row of one column, or none, and reads the value.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let name: Option<String> = client.query_scalar_opt("SELECT 'ann' WHERE $1", (false,)).await?;
    /// assert_eq!(name, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`query_scalar`](Self::query_scalar), but for no row.
    pub async fn query_scalar_opt<T: FromSqlOwned>(
        &self,
        sql: &str,
        params: impl ToParams,
    ) -> Result<Option<T>> {
        let row = self.query_opt(sql, params).await?;
        row.map(|row| row.scalar()).transpose()
    }

    /// Asks what a statement takes and gives, without running it, and has it prepared on the server.
    ///
    /// The [`Statement`] is used in the place of its text, as often as one likes. This is for those who want to know the types: a
    /// statement that is used often is prepared by itself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let add = client.prepare("SELECT $1::int4 + $2").await?;
    /// for number in 1..4 {
    ///     let sum: i32 = client.query_scalar(&add, (number, 10)).await?;
    ///     assert_eq!(sum, number + 10);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The server's, also if it cannot tell the type of a parameter; or the connection is closed or lost, or one for replication, on
    /// which nothing can be prepared.
    pub async fn prepare(&self, sql: &str) -> Result<Statement> {
        self.on().ask_about(sql, true).await
    }

    /// Asks what a statement takes and gives, without running it, as [`prepare`](Self::prepare), and leaves nothing prepared.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let query = client.describe("SELECT $1::int4 AS id").await?;
    /// assert_eq!(query.parameters().next().expect("a parameter").type_name(), "int4");
    /// assert_eq!(query.columns().next().expect("a column").name(), "id");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub async fn describe(&self, sql: &str) -> Result<Statement> {
        self.on().ask_about(sql, false).await
    }

    /// Runs a text of any number of statements without parameters, as [`AsyncSession::simple_query`](super::AsyncSession::simple_query),
    /// as the only one; gives the result of each.
    ///
    /// # Errors
    /// As [`execute`](Self::execute). A COPY cannot be run.
    pub async fn simple_query(&self, sql: &str) -> Result<Vec<Rows>> {
        self.lease_for_one().await?.simple_query(sql).await
    }

    /// Runs a text of any number of statements without parameters, as the only one, and keeps nothing of what they give.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// client.batch_execute("SET work_mem = '8MB'; SET jit = off").await?;
    /// let results = client.simple_query("SELECT 1; SELECT 2").await?;
    /// assert_eq!(results.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`simple_query`](Self::simple_query).
    pub async fn batch_execute(&self, sql: &str) -> Result<()> {
        self.lease_for_one().await?.batch_execute(sql).await
    }

    /// Runs a statement once for each of `items`, as [`AsyncSession::execute_many`](super::AsyncSession::execute_many), as the only
    /// one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// client.execute("CREATE TEMP TABLE users (id int4, name text)", ()).await?;
    /// let people = [(1, "ann"), (2, "bob")];
    /// let inserted = client.execute_many("INSERT INTO users VALUES ($1, $2)", people).await?;
    /// assert_eq!(inserted, 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](Error::item) tells which item it was. A COPY cannot be run.
    pub async fn execute_many<I>(&self, sql: &str, items: I) -> Result<u64>
    where
        I: IntoIterator<Item: ToParams>,
    {
        self.lease_for_one().await?.execute_many(sql, items).await
    }

    /// Runs several statements that are done all or none, as [`AsyncSession::batch`](super::AsyncSession::batch), as the only ones.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let mut batch = howdah::Batch::new();
    /// batch.add("SELECT $1::int4", (1,)).add("SELECT $1::text", ("one",));
    /// let results = client.batch(&batch).await?;
    /// assert_eq!(results.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute); [`item`](Error::item) tells which statement it was. A COPY cannot be run.
    pub async fn batch(&self, batch: &Batch<'_>) -> Result<Vec<Rows>> {
        self.lease_for_one().await?.batch(batch).await
    }

    /// Takes the connection, when all that was asked before has been answered, and gives it back when it is dropped.
    ///
    /// Meanwhile others wait. A transaction that was begun and not ended is rolled back then, and an operation that was not
    /// ended is cancelled. A future of this that is not polled when its turn comes loses it after a tenth of a second, and
    /// waits anew.
    ///
    /// ```no_run
    /// # async fn example(client: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// let mut lease = client.lease().await?;
    /// let mut stream = lease.query_stream("SELECT id FROM big_table", ()).await?;
    /// while let Some(row) = stream.next().await {
    ///     println!("{}", row?.get::<i64>("id")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn lease(&self) -> Result<AsyncLease> {
        self.lease_within(self.operation_limit(), self.limit).await
    }

    /// Opens a transaction, which [takes the connection](Self::lease) until it ends; dropping it without a commit rolls it back.
    ///
    /// ```no_run
    /// # async fn example(client: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// let mut tx = client.transaction().await?;
    /// tx.execute("UPDATE accounts SET money = money - $1 WHERE id = $2", (10, 1)).await?;
    /// tx.execute("UPDATE accounts SET money = money + $1 WHERE id = $2", (10, 2)).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection is closed or lost.
    pub async fn transaction(&self) -> Result<AsyncTransaction<'static>> {
        self.build_transaction().start().await
    }

    /// A transaction of which more is said before it is opened: its isolation level, that nothing is written.
    ///
    /// ```no_run
    /// # async fn example(client: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// let mut tx = client.build_transaction().read_only(true).start().await?;
    /// let total = tx.query_one("SELECT sum(money) FROM accounts", ()).await?;
    /// tx.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn build_transaction(&self) -> AsyncTransactionBuilder<'static> {
        AsyncTransactionBuilder::new(Source::Shared(Box::new(self.clone())))
    }

    /// Runs `work` in a [`transaction`](Self::transaction), once: commits if it ends well, rolls back if it fails.
    ///
    /// [`AsyncTransactionBuilder::run`] runs it again if other transactions were in the way.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// client.execute("CREATE TEMP TABLE queue (id int4)", ()).await?;
    /// client
    ///     .with_transaction(async |tx| {
    ///         tx.execute("INSERT INTO queue VALUES ($1)", (1,)).await?;
    ///         tx.execute("DELETE FROM queue WHERE id = $1", (2,)).await
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `work`, of [`transaction`](Self::transaction), and of the commit.
    pub async fn with_transaction<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&mut AsyncTransaction<'_>) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut tx = self.transaction().await?;
        let done = work(&mut tx).await;
        tx.end(done).await.0
    }

    /// The notifications, as they come: a stream that ends when `timeout` has passed since this call, or never.
    ///
    /// Notifications that came while no handler was there are not lost: they come first. Each is given to one of the streams that
    /// wait.
    ///
    /// ```no_run
    /// # async fn example(client: &howdah::AsyncClient) -> Result<(), howdah::Error> {
    /// client.execute("LISTEN mychan", ()).await?;
    /// let mut notifies = client.notifies(None);
    /// while let Some(notify) = notifies.next().await {
    ///     println!("{:?}", notify?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn notifies(&self, timeout: Option<Duration>) -> AsyncClientNotifies {
        AsyncClientNotifies::new(self.clone(), timeout)
    }

    /// Has `handler` called with each notice: what the server says beside results, such as warnings.
    ///
    /// If it panics, the panic ends there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let id = client.add_notice_handler(|notice| eprintln!("{}", notice.message_primary().unwrap_or_default()));
    /// client.execute("DROP TABLE IF EXISTS no_such_table", ()).await?;
    /// assert!(client.remove_notice_handler(id));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_notice_handler(
        &self,
        handler: impl FnMut(&crate::Diagnostic) + Send + 'static,
    ) -> HandlerId {
        self.hub.messages.notice.add(handler)
    }

    /// Removes a notice handler; tells whether it was there.
    pub fn remove_notice_handler(&self, id: HandlerId) -> bool {
        self.hub.messages.notice.remove(id)
    }

    /// Has `handler` called with each notification, as it comes.
    ///
    /// If it panics, the panic ends there. While there are handlers, notifications that come outside of
    /// [`notifies`](Self::notifies) are not kept for it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let id = client.add_notify_handler(|notify| println!("{}: {}", notify.channel, notify.payload));
    /// client.execute("LISTEN prices", ()).await?;
    /// assert!(client.remove_notify_handler(id));
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_notify_handler(
        &self,
        handler: impl FnMut(&crate::Notify) + Send + 'static,
    ) -> HandlerId {
        self.hub.messages.notify.add(handler)
    }

    /// Removes a notify handler; tells whether it was there.
    pub fn remove_notify_handler(&self, id: HandlerId) -> bool {
        self.hub.messages.notify.remove(id)
    }

    /// Forgets what is known of types made by users, as [`AsyncSession::forget_types`](super::AsyncSession::forget_types).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// // Another session has done: ALTER TYPE mood ADD VALUE 'sad'
    /// client.forget_types();
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget_types(&self) {
        self.hub.known.forget_types();
    }

    /// Process ID of the server process that serves the connection.
    #[must_use]
    pub fn backend_pid(&self) -> i32 {
        self.hub.backend_pid
    }

    /// Whether the connection was closed or lost.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.hub.is_closed()
    }

    /// Closes the connection, for all clones, when what was asked before has been answered.
    ///
    /// Dropping the last clone closes it too, at once.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), howdah::Error> {
    /// # let client = howdah::AsyncClient::connect("").await?;
    /// let other = client.clone();
    /// client.close().await;
    /// assert!(other.is_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(&self) {
        if let Ok(mut lease) = self.lease().await {
            lease.hang_up();
        }
    }
}

impl Share for AsyncClient {
    fn take(&self) -> Pin<Box<dyn Future<Output = Result<Held<'static>>> + Send + '_>> {
        Box::pin(async { Ok(Held::Leased(Box::new(self.lease().await?))) })
    }
}

impl AsyncClient {
    /// Runs a statement that cannot be run among others.
    async fn execute_alone(&self, sql: &str, params: &dyn Parameters) -> Result<u64> {
        self.lease_for_one().await?.run_to_count(sql, params).await
    }

    /// The same, for its result.
    async fn query_alone(&self, sql: &str, params: &dyn Parameters) -> Result<Rows> {
        self.lease_for_one().await?.run_to_rows(sql, params).await
    }
}

/// Requests among others.
struct On<'a> {
    hub: &'a Hub,
    limit: Option<Limit>,
}

impl On<'_> {
    async fn with_core<T>(&mut self, work: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
        request::turn(self.hub, self.limit, work).await
    }

    async fn perform(
        &mut self,
        queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
    ) -> Result<Outcome> {
        request::exchange(self.hub, self.limit, queue).await
    }

    fn known(&self) -> &Known {
        &self.hub.known
    }

    /// None of them stays in a transaction: the driver sees to that.
    fn note_statements(&self) {}
}

operations!(On<'_>);

impl Clone for AsyncClient {
    fn clone(&self) -> Self {
        self.hub.add_handle();
        Self {
            hub: Arc::clone(&self.hub),
            limit: self.limit,
        }
    }
}

impl Drop for AsyncClient {
    fn drop(&mut self) {
        self.hub.drop_handle();
    }
}

impl fmt::Debug for AsyncClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncClient")
            .field("closed", &self.is_closed())
            .field("backend_pid", &self.backend_pid())
            .finish_non_exhaustive()
    }
}
