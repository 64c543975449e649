//! The tokio shell.

#[cfg(feature = "arrow")]
mod arrow;
mod bounded;
pub(crate) mod cancel;
mod client;
mod connect;
mod connection;
mod copy;
mod copy_rows;
mod feeding;
mod large_object;
mod listener;
mod notifies;
mod operations;
mod portal;
mod repeating;
mod replication;
mod script;
mod session;
mod stream;
mod timer;
mod transaction;
mod turn;
mod watch;

#[cfg(feature = "arrow")]
pub use arrow::AsyncArrowStream;
pub use client::{AsyncClient, AsyncClientNotifies, AsyncLease};
pub use connection::AsyncConnection;
pub use copy::{AsyncCopyIn, AsyncCopyOut};
pub use copy_rows::{AsyncCopyInRows, AsyncCopyOutRows};
pub use large_object::AsyncLargeObject;
pub use listener::AsyncListener;
pub use notifies::AsyncNotifies;
pub use replication::AsyncReplicationStream;
pub use session::AsyncSession;
pub use stream::AsyncRowStream;
pub use transaction::{AsyncSavepoint, AsyncTransaction, AsyncTransactionBuilder};
