//! A PostgreSQL driver: blocking and tokio, on a protocol engine of its own. No libpq, no OpenSSL, no C.
//!
//! [`Connection`] blocks:
//!
//! ```no_run
//! use howdah::Connection;
//!
//! fn main() -> Result<(), howdah::Error> {
//!     let mut conn = Connection::connect("host=localhost dbname=test user=postgres")?;
//!     conn.execute("CREATE TEMP TABLE test (num integer, data text)", ())?;
//!     conn.execute("INSERT INTO test VALUES ($1, $2)", (100, "abc'def"))?;
//!     for row in conn.query("SELECT num, data FROM test", ())? {
//!         println!("{} {}", row.get::<i32>("num")?, row.get::<&str>("data")?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `AsyncConnection` has the same methods, to be awaited on tokio (feature `tokio`, on by default):
//!
#![cfg_attr(feature = "tokio", doc = "```no_run")]
#![cfg_attr(not(feature = "tokio"), doc = "```ignore")]
//! use howdah::AsyncConnection;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), howdah::Error> {
//!     let mut conn = AsyncConnection::connect("dbname=test").await?;
//!     conn.execute("LISTEN mychan", ()).await?;
//!     let mut notifies = conn.notifies(None);
//!     while let Some(notify) = notifies.next().await {
//!         println!("{:?}", notify?);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # How it behaves
//!
//! * **Transactions** are begun by [`transaction()`](Connection::transaction), and rolled back unless they are committed;
//!   [`savepoint()`](Session::savepoint) opens a part of one that can be undone by itself. Outside of them each statement is a
//!   transaction of its own. [`build_transaction()`](Connection::build_transaction) says more of one, and runs it again if others
//!   were in the way. After `set_autocommit(false)` the first statement begins one, which `commit()` or `rollback()` ends.
//! * **Parameters** are `$1`, `$2`, ... in the statement and [a tuple or a list](ToParams) beside it, `()` for none. Each is sent as
//!   the type that the server infers for it, exactly or not at all: see [`rust_types`]. A string is a literal of any type.
//! * **Results** are [`Rows`] that keep the received bytes; [`Row::get`] reads a value when asked, as any type that is
//!   [`FromSql`], and [`Row::read`] a whole row as a tuple or a struct that is [`FromRow`]; `query_as()` gives them all. [`Row::text`] and
//!   [`types::AnyValue`] are for any type. `query_stream()` gives rows as they arrive, and a [`Portal`] in pages.
//! * **Many statements** are run without waiting for each by `execute_many()` and `batch()`, all or none: [`guide`] says more.
//!   A text of several is run by `batch_execute()` and `simple_query()`.
//! * **Rows in bulk** go and come by COPY: [`copy_in_rows()`](Session::copy_in_rows), [`copy_out_rows()`](Session::copy_out_rows).
//! * **Types made by users** are structs and enums with `#[derive(ToSql, FromSql)]`; domains are the types beneath them.
//!   [`rust_types`] has the table of all types.
//! * **Large objects** are files of bytes within a transaction: [`create_large_object()`](Session::create_large_object).
//! * **Statements** that are used often are prepared by themselves. [`prepare()`](Session::prepare) tells what one takes and gives.
//! * **Notices and notifications** go to handlers; notifications also to `notifies()`. None is lost between two calls.
//!   A [`Listener`] has a connection of its own, connects again when that is lost, and says where something may be missing.
//! * **Cancelling** is done by a [`CancelHandle`] from any thread or task, and by dropping a future.
//! * **Time limits**: [`Config::operation_timeout`] for each operation, [`Connection::within`] for one or a group of them.
//! * **After an error** a connection is idle, within a failed transaction, or closed, and [`Error`] says which:
//!   [`is_closed`](Error::is_closed), [`is_cancelled`](Error::is_cancelled), [`is_safe_to_retry`](Error::is_safe_to_retry),
//!   [`code`](Error::code), which is an [`SqlState`].
//! * **Many tasks** use one connection at once by an `AsyncClient`, whose clones send their requests without waiting for those
//!   of others. Threads that block share a connection behind a mutex: every operation of it takes `&mut`.
//!
//! A [`Config`] has all options of a connection as methods, so that no password has to be put into a connection string.
//! Connections are encrypted as `sslmode` and libpq's other options about TLS say; [`Info::tls`] tells what was agreed on.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `tokio` (default) | `AsyncConnection`, `AsyncClient` |
//! | `derive` (default) | `#[derive(ToSql, FromSql, FromRow)]` |
//! | `rustls` (default) | TLS; without it connections are not encrypted, and an `sslmode` that asks for that is an error |
//! | `arrow` | [`arrow`]: results as record batches, and such batches into tables |
//! | `chrono`, `jiff`, `time` | their dates and times as parameters and results |
//! | `rust_decimal` | its `Decimal`, for `numeric` |
//! | `serde_json` | its `Value`, and [`types`]`::Json<T>` for any serde type |
//! | `uuid` | its `Uuid` |
//! | `bytes` | its `Bytes`, for `bytea` |
//! | `ipnet` | its networks, for `inet` and `cidr` |
//! | `geo-types` | its shapes of `f64`, for `point`, `lseg`, `box`, `path` and `polygon` |
//! | `tracing` | spans of connections and what is done on them: see [`guide`] |
//!
//! Without features, `numeric` is read as [`types::numeric::Numeric`] or `i128`, dates and times as the types of
//! [`types::datetime`], addresses as those of `std::net`.
//!
//! The crate needs Rust 1.95 or newer.

#![forbid(unsafe_code)]
#![warn(unnameable_types)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "tokio")]
mod asynchronous;
mod batch;
mod blocking;
pub mod config;
mod core;
mod diagnostic;
mod error;
mod excerpt;
mod params;
mod row;
mod sqlstate;
mod statement;

#[cfg(feature = "tokio")]
pub use asynchronous::{
    AsyncClient, AsyncClientNotifies, AsyncConnection, AsyncCopyIn, AsyncCopyInRows, AsyncCopyOut,
    AsyncCopyOutRows, AsyncLargeObject, AsyncLease, AsyncListener, AsyncNotifies, AsyncRowStream,
    AsyncSavepoint, AsyncSession, AsyncTransaction, AsyncTransactionBuilder,
};
pub use batch::Batch;
pub use blocking::{
    Connection, CopyIn, CopyInRows, CopyOut, CopyOutRows, LargeObject, Listener, Notifies,
    RowStream, Savepoint, Session, Transaction, TransactionBuilder,
};
pub use config::Config;
pub use core::attempts::RetryPolicy;
pub use core::cancel::CancelHandle;
pub use core::info::{Info, TlsFacts, TransactionStatus};
pub use core::large_object::LargeObjectMode;
pub use core::listener::{Gap, ListenerEvent, ListenerOptions};
pub use core::messages::{HandlerId, Notify};
pub use core::portal::Portal;
pub use core::within::Within;
pub use diagnostic::Diagnostic;
pub use error::{Error, ProviderError, Result};
pub use howdah_protocol::session::IsolationLevel;
#[doc(no_inline)]
pub use howdah_types as types;
pub use howdah_types::{FromSql, FromSqlOwned, ToSql};
pub use params::{TakeParam, ToParams, Typed};

#[cfg(feature = "derive")]
pub use howdah_derive::{FromRow, FromSql, ToSql};
pub use row::{Column, FromRow, FromRowOwned, Places, Placing, Row, RowIndex, Rows};
pub use sqlstate::{OtherCode, SqlState};
pub use statement::{Parameter, Statement};

/// Results as Arrow's record batches, and such batches into tables: `query_arrow()` and `copy_arrow()`.
///
/// ```
/// # fn main() -> Result<(), howdah::Error> {
/// # let mut conn = howdah::Connection::connect("")?;
/// let batches = conn.query_arrow("SELECT 1 AS n", (), &howdah::arrow::ArrowOptions::default())?;
/// assert_eq!(batches.schema().field(0).name(), "n");
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "arrow")]
pub mod arrow {
    #[cfg(feature = "tokio")]
    pub use crate::asynchronous::AsyncArrowStream;
    pub use crate::blocking::ArrowStream;
    pub use crate::core::arrow::ArrowOptions;
    #[doc(no_inline)]
    pub use howdah_arrow::{DataType, RecordBatch, Schema, SchemaRef};
}

/// Replication: streams of a server's log, and of the changes in it. [`guide`] says more.
///
/// ```no_run
/// use howdah::replication::ChangeOptions;
///
/// # fn main() -> Result<(), howdah::Error> {
/// let mut conn = howdah::Connection::connect("dbname=test replication=database")?;
/// for change in conn.follow_changes("a_slot", &["a_publication"], &ChangeOptions::default())? {
///     println!("{:?}", change?);
/// }
/// # Ok(())
/// # }
/// ```
pub mod replication {
    #[cfg(feature = "tokio")]
    pub use crate::asynchronous::AsyncReplicationStream;
    pub use crate::blocking::ReplicationStream;
    pub use crate::core::replication::{
        Begin, Change, ChangeOptions, ChangedRow, Commit, CommitPrepared, Delete, Feedback, Insert,
        LogicalMessage, Old, Origin, Prepared, Relation, RelationColumn, RollbackPrepared,
        StreamAbort, StreamCommit, StreamItem, StreamStart, Streaming, Truncate, TypeName, Update,
        Value, WalData,
    };
}

/// Parameters, transactions, many statements at once, many tasks on one connection, streams, large objects, replication, listening, and giving up.
#[cfg_attr(feature = "tokio", doc = "\n")]
#[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/rust.md"))]
pub mod guide {
    #![allow(missing_docs)]
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/from-tokio-postgres.md"))]
    pub mod from_tokio_postgres {}
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/from-sqlx.md"))]
    pub mod from_sqlx {}
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/pools.md"))]
    pub mod pools {}
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/cancellation.md"))]
    pub mod cancellation {}
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/custom-types.md"))]
    pub mod custom_types {}
    #[cfg_attr(all(feature = "tokio", feature = "derive"), doc = include_str!("../docs/guides/testing.md"))]
    pub mod testing {}
}

/// Which Rust types go with which types of PostgreSQL.
#[cfg_attr(feature = "derive", doc = "\n")]
#[cfg_attr(feature = "derive", doc = include_str!("../docs/rust-types.md"))]
pub mod rust_types {}

/// The examples of the READMEs, the crate's and the project's, are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/project.md")]
struct Readme;
