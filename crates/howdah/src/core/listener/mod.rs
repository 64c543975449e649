//! Listeners: what both shells have beside the hub and the follower that all shells share, see [`howdah_net::listening`].

mod options;

pub use options::ListenerOptions;

use std::io;

use howdah_net::drive::Lost;
use howdah_net::listening::{Event, Failure, is_final_state};

use super::messages::Notify;
use super::observe::ListenerWatch;
use crate::error::Error;

pub(crate) type Hub = howdah_net::listening::Hub<Error>;

/// What a listener has heard.
///
/// ```
/// use howdah::{Gap, ListenerEvent};
///
/// fn show(event: ListenerEvent) {
///     match event {
///         ListenerEvent::Notification(notify) => println!("{}: {}", notify.channel, notify.payload),
///         ListenerEvent::Gap(Gap { reconnected: true, .. }) => println!("what came meanwhile was not heard"),
///         ListenerEvent::Gap(gap) => println!("{} were dropped", gap.dropped),
///         _ => {}
///     }
/// }
/// ```
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

impl From<Event> for ListenerEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Notification(heard) => Self::Notification(Notify {
                channel: heard.channel,
                payload: heard.payload,
                pid: heard.pid,
            }),
            Event::Gap(gap) => Self::Gap(Gap {
                reconnected: gap.reconnected,
                dropped: gap.dropped,
            }),
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

impl Failure for Error {
    fn usage(text: &'static str) -> Self {
        Self::usage(text)
    }

    fn closed(text: &'static str) -> Self {
        Self::closed(text)
    }

    fn again(&self) -> Self {
        self.again()
    }

    fn is_closed(&self) -> bool {
        self.is_closed()
    }

    fn is_final(&self) -> bool {
        self.is_usage() || is_final_state(self.sqlstate().unwrap_or_default())
    }
}

/// Tells of what happens to a listener's connection, where it is made: the function for errors, and what watches.
pub(crate) struct Teller {
    options: ListenerOptions,
    watch: ListenerWatch,
}

impl Teller {
    pub(crate) fn new(options: &ListenerOptions) -> Self {
        Self {
            options: options.clone(),
            watch: ListenerWatch::new(),
        }
    }

    /// The connection was lost, or so many attempts in a row have failed.
    pub(crate) fn error(&self, error: &Error, failed: u32) {
        self.options.report(error);
        match failed {
            0 => self.watch.lost(error),
            failed => self.watch.failed(error, failed),
        }
    }

    pub(crate) fn reconnected(&self, channels: usize) {
        self.watch.reconnected(channels);
    }
}

/// The server has not answered in time.
pub(crate) fn silent() -> Error {
    let text = "the server did not answer within the time of a listener's statement";
    Error::lost(Lost::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
}
