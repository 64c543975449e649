//! What a listener's users and its follower have in common.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Event, Failure, Gap, Heard};

type Result<T, E> = std::result::Result<T, E>;

/// What is wanted, and what has come.
pub struct Hub<E> {
    state: Mutex<State<E>>,
    capacity: usize,
}

struct State<E> {
    wanted: BTreeSet<String>,
    /// The channels that the connection listens on.
    in_force: BTreeSet<String>,
    /// Those of them for which UNLISTEN is under way.
    leaving: BTreeSet<String>,
    /// Those that the server has taken once, as long as they are wanted.
    accepted: BTreeSet<String>,
    /// What the server said against a channel, until somebody wants it again.
    refused: BTreeMap<String, E>,
    events: VecDeque<Event>,
    notifications: usize,
    /// How long they are together.
    bytes: usize,
    end: End<E>,
    follower: Option<Waker>,
    waiting: BTreeMap<u64, Waker>,
    keys: u64,
}

enum End<E> {
    None,
    Closed,
    /// And whether somebody who waits for events has been told.
    Failed(E, bool),
}

/// How many bytes the names and payloads in a buffer have together, at most; one that is longer is alone in it.
const MAX_BYTES: usize = 32 << 20;

/// A place for whoever waits for the hub. Dropping it, at any time, loses nothing.
pub struct Waiting<E> {
    hub: Arc<Hub<E>>,
    key: u64,
}

/// A statement that is to be run, so that what is wanted is in force.
pub(super) enum Change {
    Listen(String),
    Unlisten(String),
}

impl<E: Failure> Hub<E> {
    /// For so many notifications, at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State::new()),
            capacity: capacity.max(1),
        })
    }

    /// Wants a channel.
    ///
    /// # Errors
    /// Its name is none, or the hub is over.
    pub fn want(&self, channel: &str) -> Result<(), E> {
        check_channel(channel)?;
        let before = self.change(|state| {
            state.check_open()?;
            state.wanted.insert(channel.to_owned());
            Ok(state.refused.remove(channel))
        })?;
        drop(before);
        Ok(())
    }

    /// Wants a channel no more.
    ///
    /// # Errors
    /// As [`want`](Self::want).
    pub fn unwant(&self, channel: &str) -> Result<(), E> {
        check_channel(channel)?;
        self.change(|state| {
            state.check_open()?;
            state.wanted.remove(channel);
            state.accepted.remove(channel);
            Ok(())
        })
    }

    /// The channels that are wanted, sorted.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        self.lock().wanted.iter().cloned().collect()
    }

    /// Ends it. What has come and was not taken is dropped.
    pub fn close(&self) {
        self.change(|state| {
            if matches!(state.end, End::None) {
                state.end = End::Closed;
            }
            state.events.clear();
            state.notifications = 0;
            state.bytes = 0;
        });
    }

    /// Whether it is closed, or has failed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self.lock().end, End::None)
    }

    /// Whether the follower has something to do.
    #[must_use]
    pub fn has_work(&self) -> bool {
        let state = self.lock();
        !matches!(state.end, End::None) || state.wanted != state.in_force
    }

    /// Names who is woken when there is something to do.
    pub fn set_follower(&self, waker: &Waker) {
        let mut state = self.lock();
        if !state
            .follower
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            let before = state.follower.replace(waker.clone());
            drop(state);
            drop(before);
        }
    }

    /// Takes a notification in. One of a channel that is not wanted any more was under way when that was said.
    pub fn push(&self, channel: &str, payload: &str, pid: i32) {
        let mut state = self.lock();
        if !state.wanted.contains(channel) || !matches!(state.end, End::None) {
            return;
        }
        let size = channel.len() + payload.len();
        let is_full = |state: &State<E>| {
            state.notifications >= self.capacity || state.bytes + size > MAX_BYTES
        };
        while state.notifications > 0 && is_full(&state) {
            state.drop_oldest();
        }
        state.notifications += 1;
        state.bytes += size;
        state.events.push_back(Event::Notification(Heard {
            channel: channel.to_owned(),
            payload: payload.to_owned(),
            pid,
        }));
        wake(state, false);
    }

    /// The connection is there again.
    pub(super) fn push_gap(&self) {
        let mut state = self.lock();
        if let Some(Event::Gap(gap)) = state.events.back_mut() {
            gap.reconnected = true;
        } else {
            let gap = Gap {
                reconnected: true,
                dropped: 0,
            };
            state.events.push_back(Event::Gap(gap));
        }
        wake(state, false);
    }

    /// What is to be run.
    pub(super) fn changes(&self) -> Vec<Change> {
        let mut state = self.lock();
        state.leaving = &state.in_force - &state.wanted;
        let listen = state.wanted.difference(&state.in_force);
        let listen = listen.cloned().map(Change::Listen);
        let unlisten = state.leaving.iter().cloned().map(Change::Unlisten);
        listen.chain(unlisten).collect()
    }

    /// Whether the server has taken all of these before: what it then has against them is no reason not to want them.
    pub(super) fn were_accepted(&self, changes: &[Change]) -> bool {
        let state = self.lock();
        changes.iter().all(|change| match change {
            Change::Listen(channel) => state.accepted.contains(channel),
            Change::Unlisten(_) => true,
        })
    }

    /// It has been run.
    pub(super) fn done(&self, change: Change) {
        self.change(|state| match change {
            Change::Listen(channel) => {
                if state.wanted.contains(&channel) {
                    state.accepted.insert(channel.clone());
                }
                state.in_force.insert(channel);
            }
            Change::Unlisten(channel) => state.left(&channel),
        });
    }

    /// The server refused it.
    pub(super) fn refused(&self, change: Change, error: E) {
        let unused = self.change(|state| match change {
            Change::Listen(channel) => {
                state.wanted.remove(&channel);
                state.refused.insert(channel, error)
            }
            // There is no reason for which a server would; it is not asked for ever.
            Change::Unlisten(channel) => {
                state.left(&channel);
                Some(error)
            }
        });
        drop(unused);
    }

    /// There is no connection.
    pub(super) fn lost(&self) {
        self.change(|state| {
            state.in_force.clear();
            state.leaving.clear();
        });
    }

    /// Nothing more will come, for this reason.
    pub fn fail(&self, error: E) {
        let unused = self.change(|state| {
            if matches!(state.end, End::None) {
                state.end = End::Failed(error, false);
                return None;
            }
            Some(error)
        });
        drop(unused);
    }

    /// The next event, if there is one now; `Some(Ok(None))` when there are no more.
    pub fn take_event(&self) -> Option<Result<Option<Event>, E>> {
        self.lock().take_event()
    }

    /// Whether the channel is listened on; `None` as long as that is open.
    pub fn answer(&self, channel: &str) -> Option<Result<(), E>> {
        self.lock().take_answer(channel)
    }

    /// Whether the channel is listened on no more, or it is wanted again.
    #[must_use]
    pub fn is_silent(&self, channel: &str) -> bool {
        self.lock().is_silent(channel)
    }

    /// Copies of the errors that it keeps for whoever asks.
    #[must_use]
    pub fn failures(&self) -> Vec<E> {
        let state = self.lock();
        let end = match &state.end {
            End::Failed(error, _) => Some(error),
            End::None | End::Closed => None,
        };
        let kept = state.refused.values().chain(end);
        kept.map(Failure::again).collect()
    }

    fn change<T>(&self, work: impl FnOnce(&mut State<E>) -> T) -> T {
        let mut state = self.lock();
        let done = work(&mut state);
        wake(state, true);
        done
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        lock(self)
    }
}

fn lock<E>(hub: &Hub<E>) -> MutexGuard<'_, State<E>> {
    hub.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes whoever waits, and the follower if it is to look, without the lock.
fn wake<E>(mut state: MutexGuard<'_, State<E>>, follower: bool) {
    let waiting = take(&mut state.waiting);
    let follower = follower.then(|| state.follower.clone()).flatten();
    drop(state);
    waiting.into_values().chain(follower).for_each(Waker::wake);
}

/// How much of the memory of a buffer a notification counts for.
fn size_of(notify: &Heard) -> usize {
    notify.channel.len() + notify.payload.len()
}

impl<E: Failure> State<E> {
    fn new() -> Self {
        Self {
            wanted: BTreeSet::new(),
            in_force: BTreeSet::new(),
            leaving: BTreeSet::new(),
            accepted: BTreeSet::new(),
            refused: BTreeMap::new(),
            events: VecDeque::new(),
            notifications: 0,
            bytes: 0,
            end: End::None,
            follower: None,
            waiting: BTreeMap::new(),
            keys: 0,
        }
    }

    /// A channel is listened on no more.
    fn left(&mut self, channel: &str) {
        self.in_force.remove(channel);
        self.leaving.remove(channel);
    }

    fn check_open(&self) -> Result<(), E> {
        match &self.end {
            End::None => Ok(()),
            End::Closed => Err(E::closed("the listener is closed")),
            End::Failed(error, _) => Err(error.again()),
        }
    }

    /// Makes room for one notification, and a gap in its place, which takes in those that are there.
    fn drop_oldest(&mut self) {
        let mut all = Gap {
            reconnected: false,
            dropped: 1,
        };
        while let Some(event) = self.events.pop_front() {
            match event {
                Event::Gap(gap) => {
                    all.reconnected |= gap.reconnected;
                    all.dropped += gap.dropped;
                }
                Event::Notification(notify) => {
                    self.bytes -= size_of(&notify);
                    break;
                }
            }
        }
        self.notifications -= 1;
        self.events.push_front(Event::Gap(all));
    }

    /// The next event; nothing when it has ended.
    fn take_event(&mut self) -> Option<Result<Option<Event>, E>> {
        if let Some(event) = self.events.pop_front() {
            if let Event::Notification(notify) = &event {
                self.notifications -= 1;
                self.bytes -= size_of(notify);
            }
            return Some(Ok(Some(event)));
        }
        match &mut self.end {
            End::None => None,
            End::Failed(error, told @ false) => {
                *told = true;
                Some(Err(error.again()))
            }
            End::Closed | End::Failed(..) => Some(Ok(None)),
        }
    }

    /// Whether a channel is listened on.
    fn take_answer(&self, channel: &str) -> Option<Result<(), E>> {
        if let Err(error) = self.check_open() {
            return Some(Err(error));
        }
        if let Some(error) = self.refused.get(channel) {
            return Some(Err(error.again()));
        }
        if !self.wanted.contains(channel) {
            let text = "unlisten() was called for the channel meanwhile";
            return Some(Err(E::usage(text)));
        }
        let is_in_force = self.in_force.contains(channel) && !self.leaving.contains(channel);
        is_in_force.then_some(Ok(()))
    }

    fn is_silent(&self, channel: &str) -> bool {
        !matches!(self.end, End::None)
            || self.wanted.contains(channel)
            || !self.in_force.contains(channel)
    }
}

impl<E: Failure> Waiting<E> {
    /// For whoever polls it from now on.
    #[must_use]
    pub fn new(hub: &Arc<Hub<E>>) -> Self {
        let mut state = hub.lock();
        state.keys += 1;
        let key = state.keys;
        drop(state);
        Self {
            hub: Arc::clone(hub),
            key,
        }
    }

    /// The next event; `None` when there are no more.
    pub fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, E>>> {
        let event = self.poll(cx, State::take_event);
        event.map(Result::transpose)
    }

    /// Whether the channel is listened on.
    pub fn poll_listening(&self, channel: &str, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.poll(cx, |state| state.take_answer(channel))
    }

    /// Whether the channel is listened on no more.
    pub fn poll_silent(&self, channel: &str, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.poll(cx, |state| state.is_silent(channel).then_some(Ok(())))
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        take: impl FnOnce(&mut State<E>) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.hub.lock();
        if let Some(value) = take(&mut state) {
            return Poll::Ready(value);
        }
        let before = state.waiting.insert(self.key, cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<E> Drop for Waiting<E> {
    fn drop(&mut self) {
        let before = lock(&self.hub).waiting.remove(&self.key);
        drop(before);
    }
}

/// An identifier of SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Change {
    pub(super) fn statement(&self) -> String {
        match self {
            Self::Listen(channel) => format!("LISTEN {}", quoted(channel)),
            Self::Unlisten(channel) => format!("UNLISTEN {}", quoted(channel)),
        }
    }
}

/// Refuses a name that a server would shorten, or not take.
fn check_channel<E: Failure>(channel: &str) -> Result<(), E> {
    if channel.is_empty() || channel.len() > 63 || channel.contains('\0') {
        let text = "the name of a channel has 1 to 63 bytes, none of them NUL";
        return Err(E::usage(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose fault it is.
    #[derive(Debug, PartialEq, Eq)]
    enum Fault {
        Usage,
        Closed,
    }

    impl Failure for Fault {
        fn usage(_: &'static str) -> Self {
            Self::Usage
        }

        fn closed(_: &'static str) -> Self {
            Self::Closed
        }

        fn again(&self) -> Self {
            match self {
                Self::Usage => Self::Usage,
                Self::Closed => Self::Closed,
            }
        }

        fn is_closed(&self) -> bool {
            *self == Self::Closed
        }

        fn is_final(&self) -> bool {
            *self == Self::Usage
        }
    }

    fn notify(hub: &Hub<Fault>, payload: usize) {
        hub.push("c", &payload.to_string(), 1);
    }

    fn hub(capacity: usize) -> Arc<Hub<Fault>> {
        let hub = Hub::new(capacity);
        hub.want("c").unwrap();
        hub
    }

    /// What lies in the buffer: payloads, and gaps as text.
    fn events(hub: &Arc<Hub<Fault>>) -> Vec<String> {
        let (waiting, mut cx) = (Waiting::new(hub), Context::from_waker(Waker::noop()));
        let mut events = Vec::new();
        while let Poll::Ready(Some(event)) = waiting.poll_event(&mut cx) {
            events.push(match event.unwrap() {
                Event::Notification(notify) => notify.payload,
                Event::Gap(gap) => format!("{} {}", gap.dropped, gap.reconnected),
            });
        }
        events
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let hub = hub(2);
        (1..=5).for_each(|payload| notify(&hub, payload));
        assert_eq!(events(&hub), ["3 false", "4", "5"]);
        (6..=7).for_each(|payload| notify(&hub, payload));
        assert_eq!(events(&hub), ["6", "7"]);
    }

    #[test]
    fn a_gap_that_is_in_the_way_is_not_lost() {
        let hub = hub(2);
        notify(&hub, 1);
        hub.push_gap();
        (2..=3).for_each(|payload| notify(&hub, payload));
        assert_eq!(events(&hub), ["1 false", "0 true", "2", "3"]);
        notify(&hub, 1);
        hub.push_gap();
        (2..=4).for_each(|payload| notify(&hub, payload));
        assert_eq!(events(&hub), ["2 true", "3", "4"]);
    }

    #[test]
    fn gaps_are_one_where_nothing_is_between() {
        let hub = hub(2);
        (0..1000).for_each(|_| hub.push_gap());
        assert_eq!(events(&hub), ["0 true"]);
    }

    #[test]
    fn long_payloads_fill_the_buffer_too() {
        let hub = hub(1000);
        for letter in ["a", "b", "c", "d"] {
            hub.push("c", &letter.repeat(MAX_BYTES / 3), 1);
        }
        let short = |event: String| event.chars().take(7).collect::<String>();
        let events: Vec<String> = events(&hub).into_iter().map(short).collect();
        assert_eq!(events, ["2 false", "ccccccc", "ddddddd"]);
        assert_eq!(hub.lock().bytes, 0);
    }

    #[test]
    fn a_channel_that_is_being_left_is_not_listened_on() {
        let hub = hub(2);
        let (waiting, mut cx) = (Waiting::new(&hub), Context::from_waker(Waker::noop()));
        let run = |hub: &Hub<Fault>| hub.changes().into_iter().for_each(|each| hub.done(each));
        run(&hub);
        assert!(waiting.poll_listening("c", &mut cx).is_ready());
        hub.unwant("c").unwrap();
        let under_way = hub.changes();
        hub.want("c").unwrap();
        assert!(waiting.poll_listening("c", &mut cx).is_pending());
        under_way.into_iter().for_each(|each| hub.done(each));
        assert!(waiting.poll_listening("c", &mut cx).is_pending() && hub.has_work());
        run(&hub);
        assert!(waiting.poll_listening("c", &mut cx).is_ready() && !hub.has_work());
    }

    #[test]
    fn what_came_before_a_failure_comes_before_it() {
        let hub = hub(2);
        notify(&hub, 1);
        hub.fail(Fault::Closed);
        assert_eq!(hub.failures(), [Fault::Closed]);
        notify(&hub, 2);
        let (waiting, mut cx) = (Waiting::new(&hub), Context::from_waker(Waker::noop()));
        let mut next = || waiting.poll_event(&mut cx);
        assert!(matches!(next(), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(next(), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(), Poll::Ready(None)));
        assert!(hub.want("d").is_err());
    }

    #[test]
    fn names_that_a_server_would_change_are_refused() {
        let check = check_channel::<Fault>;
        assert!(check(&"x".repeat(63)).is_ok());
        for name in ["", "a\0b", &"x".repeat(64)] {
            assert_eq!(check(name), Err(Fault::Usage));
        }
        let change = Change::Listen("a\"B".into());
        assert_eq!(change.statement(), "LISTEN \"a\"\"B\"");
    }
}
