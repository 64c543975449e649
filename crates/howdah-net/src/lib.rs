//! What the doors of the howdah driver share about the outside world. It is plumbing, and **not for users**: it is published only
//! because the doors need it, and any release may change it. Use the crate `howdah`, or the Python package of that name.
//!
//! The engine, `howdah-protocol`, has no sockets, clock, environment or files. They are here, once, below the blocking and the
//! tokio shell of the crate `howdah` and the blocking and the asyncio shell of the Python extension:
//!
//! | module | what it is |
//! |---|---|
//! | [`connector`] | the plan of a connection: which server comes next, and what the failures add up to |
//! | [`environment`] | environment variables, the user's name, the password file |
//! | [`resolve`] | names to addresses, with a deadline |
//! | [`connect`] | one server reached, with a deadline |
//! | [`link`] | a session as its socket sees it: where encryption stands |
//! | [`socket`] | the socket, and the wait for it |
//! | [`tls`] | with the feature `rustls`: TLS, its certificates and keys |
//! | `gss` | with the feature `gssapi`: its tokens, and encryption by it |
//! | `tunnel` | the bytes of an encrypted connection |
//! | [`platform`] | what systems do differently |
//! | [`drive`] | the loop that moves bytes between a socket and a session |
//! | [`cancel`] | cancel requests |
//! | [`limit`] | the time of an operation |
//! | [`listening`] | what a listener wants and has heard, and what it does when its connection is lost |
//! | [`standby`] | what a stream of replication needs beside its session |
//!
//! Nothing in here knows of Python or of an async runtime. What waits does so in slices, and asks its caller in between whether
//! to go on.

#![forbid(unsafe_code)]

pub mod cancel;
pub mod connect;
pub mod connector;
pub mod drive;
pub mod environment;
#[cfg(feature = "gssapi")]
mod gss;
pub mod limit;
pub mod link;
pub mod listening;
pub mod platform;
pub mod resolve;
pub mod socket;
pub mod standby;
pub mod tls;
// Where there is no encryption nothing goes through it, and much of it is never made.
#[cfg_attr(
    not(any(feature = "rustls", feature = "gssapi")),
    expect(dead_code, unused_variables, clippy::ptr_arg)
)]
mod tunnel;

pub use connect::ConnectError;
pub use connector::{Action, Connector};
#[cfg(feature = "gssapi")]
pub use gss::Service;
pub use limit::Limit;
pub use link::Link;
pub use socket::{Peer, Socket};
pub use tunnel::Route;
