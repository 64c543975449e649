//! Listeners: what all shells share.
//!
//! A **hub** holds what is wanted and what has come, behind a mutex that is held for that only. A **follower** has the
//! connection: one async function. A task of tokio runs it, or a thread for which the waits of its door block, or the Python
//! door, which polls it once for each step and does what that asks for. Whoever calls a method changes the hub, wakes the follower, and
//! waits for the hub.

mod follower;
mod hub;
mod pace;

pub use follower::{Door, Work, follow};
pub use hub::{Hub, Waiting};
pub use pace::Pace;

/// What a listener has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A notification came.
    Notification(Heard),
    /// Notifications may be missing here.
    Gap(Gap),
}

/// A notification, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The channel.
    pub channel: String,
    /// The payload.
    pub payload: String,
    /// The process that sent it.
    pub pid: i32,
}

/// Notifications may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The connection was lost, and is there again with all its channels.
    pub reconnected: bool,
    /// How many notifications were dropped as the buffer was full.
    pub dropped: u64,
}

/// What a door's errors have to be, for the rules to know what to do about them.
///
/// None of this may call anything that could come back to the hub; the hub drops an error only without its lock.
pub trait Failure: Sized {
    /// What was asked for is wrong.
    fn usage(text: &'static str) -> Self;

    /// It is closed.
    fn closed(text: &'static str) -> Self;

    /// The same error for somebody else.
    fn again(&self) -> Self;

    /// Whether there is no connection any more.
    fn is_closed(&self) -> bool;

    /// Whether connecting again would end the same way: the server knows the user or the database not, or the options are wrong.
    fn is_final(&self) -> bool;
}

/// Whether a server that says this to whoever connects would say it again: it knows the user or the database not.
#[must_use]
pub fn is_final_state(sqlstate: &str) -> bool {
    sqlstate.starts_with("28") || sqlstate == "3D000"
}
