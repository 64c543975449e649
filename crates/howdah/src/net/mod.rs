//! The outside world that both doors share: sockets, name resolution, environment, files, cancel requests.
//!
//! This is the driver's own plumbing. It is public for the Python extension and promises no stability.

pub mod cancel;
pub mod connect;
pub mod connector;
pub mod environment;
pub mod resolve;
pub mod socket;

pub use connect::ConnectError;
pub use connector::{Action, Connector};
pub use socket::{Peer, Socket};
