//! CancelRequest: sent over a connection of its own, which the server closes when it has acted on it.
//!
//! [`CancelTarget`] knows where it goes. [`CancelRequest`] is one on its way, and never waits: each shell waits for its
//! descriptor as it waits for anything. [`Gate`] keeps the session from sending anything meanwhile, so that the request
//! cannot hit a statement that it was not meant for. What sends one does this, whatever it waits with:
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use howdah_net::cancel::{CancelTarget, Gate, deadline_after};
//! # use howdah_net::ConnectError;
//! # fn cancel(gate: &Gate, target: &CancelTarget) -> Result<(), ConnectError> {
//! let Some(ticket) = gate.begin(deadline_after(Duration::from_secs(5))) else {
//!     return Ok(()); // nothing is running
//! };
//! target.send(ticket.deadline(), &mut || true) // or `target.begin(ticket.deadline())`, and what that says
//! # }
//! ```

mod gate;
mod request;

use std::fmt;
use std::time::{Duration, Instant};

pub use gate::{Gate, Ticket};
pub use request::{CancelRequest, Progress};

use crate::connect::ConnectError;
use crate::socket::Peer;
use crate::tunnel::Route;

/// As good as never: `Instant` cannot hold every time that a user may give.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is needed to cancel a session's running statement, from any thread.
#[derive(Clone)]
pub struct CancelTarget {
    /// Where the session's server listens.
    pub peer: Peer,
    /// The CancelRequest message. It holds the session's secret.
    pub request: Vec<u8>,
    /// How it is encrypted, where the session is: it goes in no other way then.
    pub route: Option<Route>,
}

impl CancelTarget {
    /// Begins a request, without waiting; go on with [`CancelRequest::advance`].
    ///
    /// # Errors
    /// The system refuses at once, for example a Unix socket that does not exist.
    pub fn begin(&self, deadline: Instant) -> Result<CancelRequest, ConnectError> {
        CancelRequest::begin(self, deadline)
    }

    /// Sends a request and waits until the server has closed the socket: by then it has signalled the session, so a late
    /// cancel cannot hit a statement that is sent afterwards. `go_on` is asked every so often.
    ///
    /// # Errors
    /// The server cannot be reached or has not acted before `deadline`, or `go_on` said no.
    pub fn send(
        &self,
        deadline: Instant,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), ConnectError> {
        self.begin(deadline)?.wait(go_on)
    }
}

impl fmt::Debug for CancelTarget {
    /// Without the session's secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelTarget")
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The moment when `time` from now is over; one that is years ahead where `time` is more than a year.
#[must_use]
pub fn deadline_after(time: Duration) -> Instant {
    Instant::now() + time.min(FAR)
}
