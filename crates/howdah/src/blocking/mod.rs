//! The blocking shell.

mod connect;
mod connection;
#[doc(hidden)]
pub mod drive;
mod notifies;
mod stream;
mod transaction;

pub use connection::Connection;
pub use notifies::Notifies;
pub use stream::RowStream;
pub use transaction::Transaction;
