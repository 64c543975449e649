//! A PostgreSQL driver: blocking and tokio, on a protocol engine of its own.

#[cfg(feature = "tokio")]
mod asynchronous;
#[doc(hidden)]
pub mod blocking;
mod core;
mod diagnostic;
mod error;
#[doc(hidden)]
pub mod net;
mod row;

#[cfg(feature = "tokio")]
pub use asynchronous::{AsyncConnection, AsyncNotifies, AsyncRowStream, AsyncTransaction};
pub use blocking::{Connection, Notifies, RowStream, Transaction};
pub use core::cancel::CancelHandle;
pub use core::info::{Info, TransactionStatus};
pub use core::messages::{HandlerId, Notify};
pub use diagnostic::Diagnostic;
pub use error::{Error, Result};
#[doc(no_inline)]
pub use howdah_types as types;
pub use howdah_types::{FromSql, ToSql};
pub use row::{Column, FromRow, Row, RowIndex, Rows};
