//! Replication: what the data of a two-way COPY holds, in both directions, and what the plugin `pgoutput` makes of changes.
//!
//! The conversation itself is an exchange of a session, see [`Session::replicate`](crate::session::Session::replicate).
//! Source: PostgreSQL documentation, "Streaming Replication Protocol" and "Logical Replication Message Formats".

pub mod pgoutput;
mod wal;

pub use wal::{Keepalive, StandbyStatus, WalData};
pub(crate) use wal::{Kind, STATUS_LEN, kind_of};
