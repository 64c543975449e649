//! The blocking shell.

#[cfg(feature = "arrow")]
mod arrow;
mod bounded;
mod connect;
mod connection;
mod copy;
mod copy_rows;
mod large_object;
mod listener;
mod notifies;
mod portal;
mod repeating;
mod replication;
mod script;
mod session;
mod stream;
mod transaction;

#[cfg(feature = "arrow")]
pub use arrow::ArrowStream;
pub use connection::Connection;
pub use copy::{CopyIn, CopyOut};
pub use copy_rows::{CopyInRows, CopyOutRows};
pub use large_object::LargeObject;
pub use listener::Listener;
pub use notifies::Notifies;
pub use replication::ReplicationStream;
pub use session::Session;
pub use stream::RowStream;
pub use transaction::{Savepoint, Transaction, TransactionBuilder};
