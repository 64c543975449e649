//! Listeners: what both shells share.
//!
//! A **hub** holds what is wanted and what has come, behind a mutex that is held for that only. A **follower** has the
//! connection: one async function, which a task of tokio runs, or a thread for which the waits of its door block. Whoever calls
//! a method changes the hub, wakes the follower, and waits for the hub.

mod follower;
mod hub;
mod options;

pub(crate) use follower::{Door, Work, follow, silent};
pub(crate) use hub::{Hub, Waiting};
pub use options::ListenerOptions;

use super::messages::Notify;

/// What a listener has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenerEvent {
    /// A notification came.
    Notification(Notify),
    /// Notifications may be missing here.
    Gap(Gap),
}

impl ListenerEvent {
    /// The notification, if it is one.
    #[must_use]
    pub fn notification(&self) -> Option<&Notify> {
        match self {
            Self::Notification(notify) => Some(notify),
            Self::Gap(_) => None,
        }
    }
}

/// Notifications may be missing: whatever they would have told has to be found out anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Gap {
    /// The connection was lost, and is there again with all its channels: what was sent meanwhile was not heard.
    pub reconnected: bool,
    /// How many notifications were dropped as the buffer was full: the oldest, those that would be in the gap's place.
    pub dropped: u64,
}
