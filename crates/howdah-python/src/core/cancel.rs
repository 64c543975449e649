//! Cancel requests for what the connection runs: begun from anywhere, driven by whoever can wait.

use std::sync::Mutex;
use std::time::Instant;

use howdah_net::ConnectError;
use howdah_net::cancel::{CancelRequest, Gate, Progress, Ticket, deadline_after};

use super::{Core, Io};
use howdah_adapt::lock;

/// A request on its way. While it lives, until its deadline at most, no other operation sends anything.
pub(crate) struct Underway {
    pub(crate) request: CancelRequest,
    /// What it needs to go on.
    pub(crate) need: Progress,
    ticket: Ticket,
}

impl Underway {
    /// Has it be over by `deadline`.
    pub(crate) fn hasten(&mut self, deadline: Instant) {
        self.request.hasten(deadline);
        self.ticket.hasten(deadline);
    }
}

/// The core's part in cancelling.
#[derive(Default)]
pub(super) struct Cancels {
    pub(super) gate: Gate,
    /// Requests that whoever waited for them has given up, and that the server may still act on.
    left: Mutex<Vec<Underway>>,
}

impl Core {
    /// Begins a request that is to be over by `deadline`. What goes without waiting has gone then.
    ///
    /// `None`: there is nothing to cancel, or the server has acted already.
    pub(crate) fn begin_cancel(&self, deadline: Instant) -> Result<Option<Underway>, ConnectError> {
        // In a child of a fork the gate must not be touched.
        if self.forked() || self.snapshot.is_closed() {
            return Ok(None);
        }
        let started = self.snapshot.started();
        let Some(target) = started.and_then(|started| started.cancel.as_ref()) else {
            return Ok(None);
        };
        let Some(ticket) = self.cancels.gate.begin(deadline) else {
            return Ok(None);
        };
        let mut request = target.begin(ticket.deadline())?;
        match request.advance(Instant::now())? {
            Progress::Done => Ok(None),
            need => Ok(Some(Underway {
                request,
                need,
                ticket,
            })),
        }
    }

    /// When a cancellation that begins now has to be over, unless something else is said.
    pub(crate) fn cancel_deadline(&self) -> Instant {
        deadline_after(self.cancels.gate.timeout())
    }

    /// What a request's sender, and the session, have to meet at.
    pub(crate) fn cancel_gate(&self) -> &Gate {
        &self.cancels.gate
    }

    /// Whether a cancel request is under way that could hit what is sent now.
    pub(crate) fn is_held_up(&self) -> bool {
        !self.snapshot.is_closed() && self.cancels.gate.is_pending()
    }

    /// When the session has to have come to rest; a request that it asks for takes no longer.
    pub(crate) fn rest_deadline(&self) -> Instant {
        let io = lock(&self.io);
        let timeout = io.as_ref().and_then(|io| io.session.poll_timeout());
        timeout.unwrap_or_else(|| self.cancel_deadline())
    }

    /// Whether the session has to be looked at by a certain time.
    pub(crate) fn has_timeout(&self) -> bool {
        let io = lock(&self.io);
        io.as_ref()
            .is_some_and(|io| io.session.poll_timeout().is_some())
    }

    /// Notes that something is being sent. Whoever sends has seen before that no request is under way.
    pub(crate) fn note_busy(&self) {
        // If one has begun since, it is for what runs already.
        let _ = self.cancels.gate.try_enter();
    }

    /// Notes that nothing is running any more, if that is so: then there is nothing to cancel.
    pub(crate) fn note_rest(&self) {
        if self.forked() {
            return;
        }
        // What a pipeline has been answered does not run, although its exchange goes on.
        let answered =
            self.pipeline.is_on() && self.pipeline.open().is_some() && !self.pipeline.waits();
        let running = |io: &Io| !io.session.is_idle();
        if answered || !lock(&self.io).as_ref().is_some_and(running) {
            self.cancels.gate.leave();
        }
    }

    /// Leaves a request that nobody waits for any more. If it may have reached the server, the next statement waits for it.
    pub(crate) fn leave_request(&self, mut underway: Underway) {
        if underway.request.is_sent() {
            underway.hasten(self.cancel_deadline());
            lock(&self.cancels.left).push(underway);
        }
    }

    /// Looks after the requests that were left.
    pub(crate) fn look_after_requests(&self) {
        let now = Instant::now();
        let going = |underway: &mut Underway| {
            let progress = underway.request.advance(now);
            progress.is_ok_and(|progress| progress != Progress::Done)
        };
        lock(&self.cancels.left).retain_mut(going);
    }

    /// Drops them, at the end of the connection.
    pub(super) fn drop_requests(&self) {
        drop(std::mem::take(&mut *lock(&self.cancels.left)));
    }
}
