//! Nothing is sent while a cancel request is under way.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use howdah_protocol::session::CANCEL_TIMEOUT;

use crate::socket::time_slice;

/// Where a session and the cancel requests for it meet: a request begins only while something is running, and nothing more
/// is sent while one is under way. So a request never hits a statement that it was not meant for.
///
/// The session's side [enters](Self::try_enter) before it sends and [leaves](Self::leave) when all is answered. The other
/// side, on any thread, [begins](Self::begin) and holds the [`Ticket`] until the server has acted. Clones are the same
/// gate. It takes a lock for moments only, and calls nothing but wakers, without the lock. In a child of a fork it must
/// not be touched: the lock may be held by a thread that the child lacks.
///
/// A ticket holds the gate until its deadline at most: a request whose sender does not come to run, such as a task of a
/// runtime that is blocked, must not stop the session for ever.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whether anything is running.
    busy: bool,
    /// The requests that are under way, by number, with their deadlines: hardly ever more than one.
    pending: Vec<(u64, Instant)>,
    last_number: u64,
    /// Tasks that wait until no request is under way.
    wakers: Vec<Waker>,
    /// How long a cancellation may take where nothing else is said.
    timeout: Duration,
}

impl Default for State {
    fn default() -> Self {
        Self {
            busy: false,
            pending: Vec::new(),
            last_number: 0,
            wakers: Vec::new(),
            timeout: CANCEL_TIMEOUT,
        }
    }
}

/// A cancel request that is under way, until this is dropped or its deadline passes.
#[derive(Debug)]
#[must_use = "dropping it says that the request is over"]
pub struct Ticket {
    shared: Arc<Shared>,
    number: u64,
    deadline: Instant,
}

impl Gate {
    /// Notes that something is about to be sent, unless a request is under way; tells whether it may be. Never waits.
    #[must_use = "where it is false, nothing may be sent"]
    pub fn try_enter(&self) -> bool {
        let mut state = self.shared.lock();
        if state.is_held() {
            return false;
        }
        state.busy = true;
        true
    }

    /// Notes that something is about to be sent, as soon as no request is under way. That is waited for, until `deadline` at most;
    /// tells whether it may be sent.
    #[must_use = "where it is false, nothing may be sent"]
    pub fn enter(&self, deadline: Option<Instant>) -> bool {
        while !self.try_enter() {
            let Some(slice) = time_slice(deadline) else {
                return false;
            };
            self.wait(slice);
        }
        true
    }

    /// Notes that nothing is running any more: no request begins from here on.
    pub fn leave(&self) {
        self.shared.lock().busy = false;
    }

    /// Whether anything is running.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.shared.lock().busy
    }

    /// Whether a request is under way.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.shared.lock().is_held()
    }

    /// When nothing will hold the gate any more, at the latest; `None` while nothing does.
    #[must_use]
    pub fn free_at(&self) -> Option<Instant> {
        let state = self.shared.lock();
        state.until().filter(|until| Instant::now() < *until)
    }

    /// Sets how long a cancellation may take where nothing else is said; [`CANCEL_TIMEOUT`] at first. It is kept here because
    /// all who cancel share the gate.
    pub fn set_timeout(&self, timeout: Duration) {
        self.shared.lock().timeout = timeout;
    }

    /// How long a cancellation may take where nothing else is said.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.shared.lock().timeout
    }

    /// Waits until no request is under way, `time` at most; tells whether that is so.
    pub fn wait(&self, time: Duration) -> bool {
        let state = self.shared.lock();
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        let time = state.until().map_or(time, |until| left(until).min(time));
        let waited = self
            .shared
            .ended
            .wait_timeout_while(state, time, |state| state.is_held());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.is_held()
    }

    /// Ready when no request is under way; wakes the task when the last one ends, but not for a deadline that passes: the
    /// task that sends the request has to see to that.
    pub fn poll_free(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.shared.lock();
        if !state.is_held() {
            return Poll::Ready(());
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Begins a request that is to be over by `deadline`; `None` where nothing is running that it could cancel.
    pub fn begin(&self, deadline: Instant) -> Option<Ticket> {
        let mut state = self.shared.lock();
        if !state.busy {
            return None;
        }
        state.last_number += 1;
        let number = state.last_number;
        state.pending.push((number, deadline));
        Some(Ticket {
            shared: Arc::clone(&self.shared),
            number,
            deadline,
        })
    }
}

impl Ticket {
    /// When the request has to be over.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Has the request be over by `deadline`, if it was given longer.
    pub fn hasten(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
        let mut state = self.shared.lock();
        for (number, until) in &mut state.pending {
            if *number == self.number {
                *until = self.deadline;
            }
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.pending.retain(|(number, _)| *number != self.number);
        if !state.pending.is_empty() {
            return;
        }
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.shared.ended.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Whether a request is under way whose time is not over.
    fn is_held(&self) -> bool {
        // Nearly always nothing is pending: the clock is not looked at then.
        self.until().is_some_and(|until| Instant::now() < until)
    }

    /// The last of the deadlines.
    fn until(&self) -> Option<Instant> {
        self.pending.iter().map(|(_, deadline)| *deadline).max()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::super::deadline_after;
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn begin(gate: &Gate) -> Option<Ticket> {
        gate.begin(deadline_after(LONG))
    }

    #[test]
    fn nothing_running_means_nothing_to_cancel() {
        let gate = Gate::default();
        assert!(begin(&gate).is_none());
        assert!(gate.try_enter());
        assert!(begin(&gate).is_some());
        gate.leave();
        assert!(begin(&gate).is_none());
        assert!(!gate.is_pending());
    }

    #[test]
    fn nothing_is_sent_while_a_request_is_under_way() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let tickets = (begin(&gate).unwrap(), begin(&gate.clone()).unwrap());
        gate.leave();
        assert!(!gate.try_enter() && gate.is_pending());
        assert!(!gate.wait(Duration::from_millis(1)));
        drop(tickets.0);
        assert!(!gate.try_enter() && gate.is_pending());
        drop(tickets.1);
        assert!(!gate.is_pending() && gate.wait(Duration::ZERO));
        assert!(gate.try_enter());
    }

    #[test]
    fn whoever_could_not_enter_is_not_running() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let ticket = begin(&gate);
        gate.leave();
        assert!(!gate.try_enter());
        assert!(begin(&gate).is_none());
        drop(ticket);
    }

    #[test]
    fn a_thread_that_waits_goes_on_when_the_request_ends() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let ticket = begin(&gate).unwrap();
        let waiting = std::thread::spawn({
            let gate = gate.clone();
            move || gate.wait(LONG)
        });
        drop(ticket);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn a_request_holds_the_gate_until_its_deadline_at_most() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let overdue = gate.begin(Instant::now()).unwrap();
        assert!(!gate.is_pending() && gate.wait(Duration::ZERO));
        assert!(gate.enter(None));
        let soon = gate.begin(deadline_after(Duration::from_millis(30)));
        let begun = Instant::now();
        assert!(gate.is_pending());
        assert!(gate.wait(LONG));
        assert!(begun.elapsed() < LONG);
        // The latest counts, in whatever order they end.
        let last = begin(&gate);
        drop((overdue, soon));
        assert!(!gate.try_enter());
        drop(last);
        assert!(gate.try_enter());
    }

    #[test]
    fn a_request_can_be_hastened_but_not_prolonged() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let mut ticket = begin(&gate).unwrap();
        let soon = deadline_after(Duration::from_millis(30));
        ticket.hasten(soon);
        ticket.hasten(deadline_after(LONG));
        assert_eq!(ticket.deadline(), soon);
        assert_eq!(gate.free_at(), Some(soon));
        assert!(gate.is_busy() && gate.is_pending());
        assert!(gate.wait(LONG));
        assert_eq!(gate.free_at(), None);
    }

    #[test]
    fn all_who_share_the_gate_know_its_timeout() {
        let gate = Gate::default();
        assert_eq!(gate.timeout(), CANCEL_TIMEOUT);
        gate.clone().set_timeout(LONG);
        assert_eq!(gate.timeout(), LONG);
    }

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_task_is_woken_once_by_the_end_of_the_last_request() {
        let gate = Gate::default();
        assert!(gate.enter(None));
        let counter = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&counter));
        let mut cx = Context::from_waker(&waker);
        assert!(gate.poll_free(&mut cx).is_ready());
        let tickets = (begin(&gate), begin(&gate));
        assert!(gate.poll_free(&mut cx).is_pending());
        assert!(gate.poll_free(&mut cx).is_pending());
        drop(tickets.0);
        assert_eq!(counter.0.load(Ordering::SeqCst), 0);
        drop(tickets.1);
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
        assert!(gate.poll_free(&mut cx).is_ready());
    }
}
