//! The blocking shell.

mod connect;
mod connection;
mod notifies;
mod stream;
mod transaction;

pub use connection::Connection;
pub use notifies::Notifies;
pub use stream::RowStream;
pub use transaction::Transaction;
