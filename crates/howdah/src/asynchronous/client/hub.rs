//! What the clones of a client share: the connection, who waits for an answer, and who waits for a turn.
//!
//! A request is queued in the session by its own future, under a lock that is held for that only, and is answered by the
//! [driver](super::driver). What may run code of others (wakers, handlers, the parameters' encoding) runs without the lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};

use super::line::{Line, Place};
use super::requests::{Requests, Slot};
use crate::asynchronous::AsyncSession;
use crate::core::messages::{Messages, Notify};
use crate::core::timeout::OperationTimeout;
use crate::core::{Core, Known};
use crate::error::{Error, Result};
use howdah_net::cancel::Gate;

/// The connection, as it is moved between the hub and who leases it.
pub(super) type OwnSession = Box<AsyncSession<[(); 0]>>;

pub(super) struct Hub {
    state: Mutex<State>,
    pub(super) messages: Messages,
    pub(super) known: Known,
    pub(super) backend_pid: i32,
    pub(super) timeout: OperationTimeout,
    /// Knows how long a cancellation may take, also while the connection is leased.
    gate: Gate,
}

pub(super) struct State {
    /// `None` while it is leased.
    pub(super) session: Option<OwnSession>,
    pub(super) requests: Requests,
    pub(super) line: Line,
    /// Those who have given something up, and wait until the connection is at rest.
    pub(super) resting: Vec<Waker>,
    /// Those who wait for notifications.
    pub(super) listeners: BTreeMap<u64, Waker>,
    /// Wakes the driver; `None` while it is about to run anyway.
    pub(super) driver: Option<Waker>,
    /// Clones of the client, and leases. The driver ends with the last.
    pub(super) handles: usize,
    /// Whether there is a driver.
    pub(super) is_driven: bool,
}

/// Why something is not done now.
enum NotNow {
    /// It never will be.
    Never(Error),
    /// Somebody else has the connection or comes first, or something is still being given up.
    Later,
}

impl Hub {
    /// Takes over a connection, for one handle.
    pub(super) fn new(session: OwnSession) -> Self {
        Self {
            messages: session.core.messages.clone(),
            known: session.core.known.clone(),
            backend_pid: session.core.session.connection().process_id(),
            timeout: session.core.timeout.clone(),
            gate: session.core.cancel.gate().clone(),
            state: Mutex::new(State {
                session: Some(session),
                requests: Requests::default(),
                line: Line::default(),
                resting: Vec::new(),
                listeners: BTreeMap::new(),
                driver: None,
                handles: 1,
                is_driven: true,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the connection was closed or lost.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.lock();
        let session = state.session.as_ref();
        session.map_or(!state.is_driven, |session| {
            AsyncSession::is_closed(&**session)
        })
    }

    pub(super) fn cancel_timeout(&self) -> Duration {
        self.gate.timeout()
    }

    /// Sets how long a cancellation may take; a lease that is out knows it when it is back.
    pub(super) fn set_cancel_timeout(&self, timeout: Duration) {
        let mut state = self.lock();
        self.gate.set_timeout(timeout);
        if let Some(session) = &mut state.session {
            session.core.session.set_cancel_timeout(timeout);
        }
    }

    pub(super) fn add_handle(&self) {
        self.lock().handles += 1;
    }

    pub(super) fn drop_handle(&self) {
        let mut state = self.lock();
        state.handles -= 1;
        if state.handles == 0 {
            wake_driver(state);
        }
    }

    /// Does something with the connection, among others, when it is the turn of `place`.
    pub(super) fn poll_turn<T>(
        &self,
        place: &mut Place,
        cx: &mut Context<'_>,
        work: &mut Option<impl FnOnce(&mut Core) -> Result<T>>,
    ) -> Poll<Result<T>> {
        let mut state = self.lock();
        let (polled, _unneeded) = state.poll_turn(place, cx, work);
        drop(state);
        polled
    }

    /// Queues an exchange, among others, when it is the turn of `place`.
    pub(super) fn poll_submit(
        &self,
        place: &mut Place,
        cx: &mut Context<'_>,
        queue: &mut Option<impl FnOnce(&mut Core) -> Result<ExchangeId>>,
    ) -> Poll<Result<Slot>> {
        let mut state = self.lock();
        let (polled, _unneeded) = state.poll_turn(place, cx, queue);
        let polled = polled.map_ok(|id| state.requests.add(id));
        match polled {
            Poll::Ready(Ok(_)) => wake_driver(state),
            _ => drop(state),
        }
        polled
    }

    /// The outcome of an exchange that was queued.
    pub(super) fn poll_outcome(
        &self,
        slot: Slot,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Box<Outcome>>> {
        let mut state = self.lock();
        let (polled, _unneeded) = state.requests.poll(slot, cx);
        drop(state);
        polled
    }

    /// Notes that nobody wants the outcome any more. What the server runs is given up only if nobody waits for anything; it is to be
    /// over at `over`, if that is said. Tells whether it is given up.
    pub(super) fn forget(&self, slot: Slot, over: Option<Instant>) -> bool {
        let mut state = self.lock();
        let remains = state.requests.forget(slot);
        if let Some(id) = remains.unanswered
            && let Some(session) = &mut state.session
        {
            let session = &mut session.core.session;
            session.detach(id);
            if session.is_detached() {
                session.cancel_and_drain(Instant::now());
                if let Some(over) = over {
                    session.hasten_rest(over);
                }
                wake_driver(state);
                return true;
            }
        }
        drop(state);
        false
    }

    /// Ready when what was given up is over.
    pub(super) fn poll_rest(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.lock();
        let polled = match &state.session {
            // Nobody could have leased it before.
            None => Poll::Ready(Ok(())),
            Some(session) => match session.core.check_open() {
                Ok(()) if session.core.session.is_interrupted() => Poll::Pending,
                open => Poll::Ready(open),
            },
        };
        if polled.is_pending() {
            state.resting.retain(|known| !known.will_wake(cx.waker()));
            state.resting.push(cx.waker().clone());
        }
        drop(state);
        polled
    }

    /// Takes the connection when it is the turn of `place` and nothing is unanswered.
    pub(super) fn poll_lease(
        &self,
        place: &mut Place,
        cx: &mut Context<'_>,
    ) -> Poll<Result<OwnSession>> {
        let mut state = self.lock();
        let is_free = |session: &mut OwnSession| {
            let session = &session.core.session;
            session.is_settled() && session.unanswered() == 0
        };
        let now = match state.in_turn(place).map(is_free) {
            Ok(true) => state.session.take().ok_or(NotNow::Later),
            Ok(false) => Err(NotNow::Later),
            Err(not_now) => Err(not_now),
        };
        let (polled, _unneeded) = match now {
            Ok(session) => {
                state.handles += 1;
                (Poll::Ready(Ok(session)), state.line.leave(place))
            }
            Err(NotNow::Never(error)) => (Poll::Ready(Err(error)), state.line.leave(place)),
            Err(NotNow::Later) => (Poll::Pending, state.line.wait(place, true, cx.waker())),
        };
        drop(state);
        polled
    }

    /// Gives the connection back. What was left of operations on it is ended by the driver.
    pub(super) fn give_back(&self, mut session: OwnSession) {
        let mut state = self.lock();
        let timeout = self.cancel_timeout();
        session.core.session.set_cancel_timeout(timeout);
        state.session = Some(session);
        state.handles -= 1;
        if state.is_driven {
            wake_driver(state);
            return;
        }
        let mut woken = Vec::new();
        state.end(&mut woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// The oldest notification that nobody has taken, or has the task woken when there is one; `key` names who waits.
    pub(super) fn poll_notification(&self, key: u64, cx: &mut Context<'_>) -> Poll<Result<Notify>> {
        let mut state = self.lock();
        if let Some(session) = &mut state.session {
            let was_filling = session.core.session.backlog.is_filling();
            if let Some(notify) = session.core.next_notification() {
                // The driver may have stopped reading.
                if was_filling {
                    wake_driver(state);
                }
                return Poll::Ready(Ok(notify));
            }
            session.core.check_open()?;
        }
        let _unneeded = state.listeners.insert(key, cx.waker().clone());
        drop(state);
        Poll::Pending
    }

    /// Notes that one who waits for notifications does not any more.
    pub(super) fn stop_listening(&self, key: u64) {
        let mut state = self.lock();
        let _unneeded = state.listeners.remove(&key);
        drop(state);
    }

    /// Gives up a place, so that those behind it go on.
    pub(super) fn leave(&self, place: &mut Place) {
        let mut state = self.lock();
        let unneeded = state.line.leave(place);
        let mut called = Vec::new();
        if unneeded.is_some() || !state.line.is_empty() {
            state.call(&mut called);
        }
        drop(state);
        called.into_iter().for_each(Waker::wake);
        drop(unneeded);
    }
}

/// Has the driver look at what there is to do, once the lock is released.
fn wake_driver(mut state: MutexGuard<'_, State>) {
    let driver = state.driver.take();
    drop(state);
    if let Some(driver) = driver {
        driver.wake();
    }
}

impl State {
    /// Calls those in the line whose turn it is.
    pub(super) fn call(&mut self, called: &mut Vec<Waker>) {
        if self.line.is_empty() {
            return;
        }
        let Some(session) = &self.session else { return };
        let session = &session.core;
        if session.is_closed() {
            self.line.call_all(called);
        } else if !session.session.is_interrupted() {
            let is_free = session.session.unanswered() == 0;
            self.line.call(is_free, Instant::now(), called);
        }
    }

    /// The connection, if statements can be queued by who has this place.
    fn in_turn(&mut self, place: &Place) -> std::result::Result<&mut OwnSession, NotNow> {
        let Some(session) = &mut self.session else {
            return Err(NotNow::Later);
        };
        session.core.check_open().map_err(NotNow::Never)?;
        if session.core.session.is_interrupted() || !self.line.is_turn_of(place) {
            return Err(NotNow::Later);
        }
        Ok(session)
    }

    fn poll_turn<T>(
        &mut self,
        place: &mut Place,
        cx: &mut Context<'_>,
        work: &mut Option<impl FnOnce(&mut Core) -> Result<T>>,
    ) -> (Poll<Result<T>>, Option<Waker>) {
        let worked = match self.in_turn(place) {
            Ok(session) => match work.take() {
                Some(work) => work(&mut session.core),
                None => Err(Error::usage("the future has ended")),
            },
            Err(NotNow::Never(error)) => Err(error),
            Err(NotNow::Later) => {
                return (Poll::Pending, self.line.wait(place, false, cx.waker()));
            }
        };
        (Poll::Ready(worked), self.line.leave(place))
    }
}
