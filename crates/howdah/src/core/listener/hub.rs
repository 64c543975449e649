//! What a listener's users and its follower have in common.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Gap, ListenerEvent, ListenerOptions};
use crate::core::messages::Notify;
use crate::core::observe::ListenerWatch;
use crate::core::statement::quoted;
use crate::error::{Error, Result};

/// What is wanted, and what has come.
pub(crate) struct Hub {
    state: Mutex<State>,
    capacity: usize,
    pub(super) watch: ListenerWatch,
}

#[derive(Default)]
struct State {
    wanted: BTreeSet<String>,
    /// The channels that the connection listens on.
    in_force: BTreeSet<String>,
    /// Those of them for which UNLISTEN is under way.
    leaving: BTreeSet<String>,
    /// Those that the server has taken once, as long as they are wanted.
    accepted: BTreeSet<String>,
    /// What the server said against a channel, until somebody wants it again.
    refused: BTreeMap<String, Error>,
    events: VecDeque<ListenerEvent>,
    notifications: usize,
    /// How long they are together.
    bytes: usize,
    end: End,
    follower: Option<Waker>,
    waiting: BTreeMap<u64, Waker>,
    keys: u64,
}

#[derive(Default)]
enum End {
    #[default]
    None,
    Closed,
    /// And whether somebody who waits for events has been told.
    Failed(Error, bool),
}

/// How many bytes the names and payloads in a buffer have together, at most; one that is longer is alone in it.
const MAX_BYTES: usize = 32 << 20;

/// A place for whoever waits for the hub. Dropping it, at any time, loses nothing.
pub(crate) struct Waiting {
    hub: Arc<Hub>,
    key: u64,
}

/// A statement that is to be run, so that what is wanted is in force.
pub(super) enum Change {
    Listen(String),
    Unlisten(String),
}

impl Hub {
    pub(crate) fn new(options: &ListenerOptions) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            capacity: options.capacity,
            watch: ListenerWatch::new(),
        })
    }

    /// Wants a channel.
    pub(crate) fn want(&self, channel: &str) -> Result<()> {
        check_channel(channel)?;
        self.change(|state| {
            state.check_open()?;
            state.refused.remove(channel);
            state.wanted.insert(channel.to_owned());
            Ok(())
        })
    }

    /// Wants a channel no more.
    pub(crate) fn unwant(&self, channel: &str) -> Result<()> {
        check_channel(channel)?;
        self.change(|state| {
            state.check_open()?;
            state.wanted.remove(channel);
            state.accepted.remove(channel);
            Ok(())
        })
    }

    /// The channels that are wanted, sorted.
    pub(crate) fn wanted(&self) -> Vec<String> {
        self.lock().wanted.iter().cloned().collect()
    }

    /// Ends it. What has come and was not taken is dropped.
    pub(crate) fn close(&self) {
        self.change(|state| {
            if matches!(state.end, End::None) {
                state.end = End::Closed;
            }
            state.events.clear();
            state.notifications = 0;
            state.bytes = 0;
        });
    }

    pub(crate) fn is_over(&self) -> bool {
        !matches!(self.lock().end, End::None)
    }

    /// Whether the follower has something to do.
    pub(crate) fn has_work(&self) -> bool {
        let state = self.lock();
        !matches!(state.end, End::None) || state.wanted != state.in_force
    }

    /// Names who is woken when there is something to do.
    pub(crate) fn set_follower(&self, waker: &Waker) {
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
    pub(crate) fn push(&self, notify: &Notify) {
        let mut state = self.lock();
        if !state.wanted.contains(&notify.channel) || !matches!(state.end, End::None) {
            return;
        }
        let size = size_of(notify);
        let is_full =
            |state: &State| state.notifications >= self.capacity || state.bytes + size > MAX_BYTES;
        while state.notifications > 0 && is_full(&state) {
            state.drop_oldest();
        }
        state.notifications += 1;
        state.bytes += size;
        let event = ListenerEvent::Notification(notify.clone());
        state.events.push_back(event);
        wake(state, false);
    }

    /// The connection is there again.
    pub(super) fn push_gap(&self) {
        let mut state = self.lock();
        if let Some(ListenerEvent::Gap(gap)) = state.events.back_mut() {
            gap.reconnected = true;
        } else {
            let gap = Gap {
                reconnected: true,
                dropped: 0,
            };
            state.events.push_back(ListenerEvent::Gap(gap));
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
    pub(super) fn refused(&self, change: Change, error: Error) {
        self.change(|state| match change {
            Change::Listen(channel) => {
                state.wanted.remove(&channel);
                state.refused.insert(channel, error);
            }
            // There is no reason for which a server would; it is not asked for ever.
            Change::Unlisten(channel) => state.left(&channel),
        });
    }

    /// There is no connection.
    pub(super) fn lost(&self) {
        self.change(|state| {
            state.in_force.clear();
            state.leaving.clear();
        });
    }

    /// Nothing more will come, for this reason.
    pub(super) fn fail(&self, error: Error) {
        self.change(|state| {
            if matches!(state.end, End::None) {
                state.end = End::Failed(error, false);
            }
        });
    }

    fn change<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let done = work(&mut state);
        wake(state, true);
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes whoever waits, and the follower if it is to look, without the lock.
fn wake(mut state: MutexGuard<'_, State>, follower: bool) {
    let waiting = take(&mut state.waiting);
    let follower = follower.then(|| state.follower.clone()).flatten();
    drop(state);
    waiting.into_values().chain(follower).for_each(Waker::wake);
}

/// How much of the memory of a buffer a notification counts for.
fn size_of(notify: &Notify) -> usize {
    notify.channel.len() + notify.payload.len()
}

impl State {
    /// A channel is listened on no more.
    fn left(&mut self, channel: &str) {
        self.in_force.remove(channel);
        self.leaving.remove(channel);
    }

    fn check_open(&self) -> Result<()> {
        match &self.end {
            End::None => Ok(()),
            End::Closed => Err(Error::closed("the listener is closed")),
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
                ListenerEvent::Gap(gap) => {
                    all.reconnected |= gap.reconnected;
                    all.dropped += gap.dropped;
                }
                ListenerEvent::Notification(notify) => {
                    self.bytes -= size_of(&notify);
                    break;
                }
            }
        }
        self.notifications -= 1;
        self.events.push_front(ListenerEvent::Gap(all));
    }

    /// The next event; nothing when it has ended.
    fn take_event(&mut self) -> Option<Result<Option<ListenerEvent>>> {
        if let Some(event) = self.events.pop_front() {
            if let ListenerEvent::Notification(notify) = &event {
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
    fn take_answer(&self, channel: &str) -> Option<Result<()>> {
        if let Err(error) = self.check_open() {
            return Some(Err(error));
        }
        if let Some(error) = self.refused.get(channel) {
            return Some(Err(error.again()));
        }
        if !self.wanted.contains(channel) {
            let text = "unlisten() was called for the channel meanwhile";
            return Some(Err(Error::usage(text)));
        }
        let is_in_force = self.in_force.contains(channel) && !self.leaving.contains(channel);
        is_in_force.then_some(Ok(()))
    }
}

impl Waiting {
    pub(crate) fn new(hub: &Arc<Hub>) -> Self {
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
    pub(crate) fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Result<ListenerEvent>>> {
        let event = self.poll(cx, State::take_event);
        event.map(Result::transpose)
    }

    /// Whether the channel is listened on.
    pub(crate) fn poll_listening(&self, channel: &str, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(cx, |state| state.take_answer(channel))
    }

    /// Whether the channel is listened on no more.
    pub(crate) fn poll_silent(&self, channel: &str, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll(cx, |state| {
            let silent = !matches!(state.end, End::None)
                || state.wanted.contains(channel)
                || !state.in_force.contains(channel);
            silent.then_some(Ok(()))
        })
    }

    fn poll<T>(&self, cx: &mut Context<'_>, take: impl FnOnce(&mut State) -> Option<T>) -> Poll<T> {
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

impl Drop for Waiting {
    fn drop(&mut self) {
        let before = self.hub.lock().waiting.remove(&self.key);
        drop(before);
    }
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
fn check_channel(channel: &str) -> Result<()> {
    if channel.is_empty() || channel.len() > 63 || channel.contains('\0') {
        let text = "the name of a channel has 1 to 63 bytes, none of them NUL";
        return Err(Error::usage(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify(payload: usize) -> Notify {
        Notify {
            channel: "c".into(),
            payload: payload.to_string(),
            pid: 1,
        }
    }

    fn hub(capacity: usize) -> Arc<Hub> {
        let hub = Hub::new(&ListenerOptions::new().capacity(capacity));
        hub.want("c").unwrap();
        hub
    }

    /// What lies in the buffer: payloads, and gaps as text.
    fn events(hub: &Arc<Hub>) -> Vec<String> {
        let (waiting, mut cx) = (Waiting::new(hub), Context::from_waker(Waker::noop()));
        let mut events = Vec::new();
        while let Poll::Ready(Some(event)) = waiting.poll_event(&mut cx) {
            events.push(match event.unwrap() {
                ListenerEvent::Notification(notify) => notify.payload,
                ListenerEvent::Gap(gap) => format!("{} {}", gap.dropped, gap.reconnected),
            });
        }
        events
    }

    #[test]
    fn the_oldest_are_dropped_and_counted() {
        let hub = hub(2);
        (1..=5).for_each(|payload| hub.push(&notify(payload)));
        assert_eq!(events(&hub), ["3 false", "4", "5"]);
        (6..=7).for_each(|payload| hub.push(&notify(payload)));
        assert_eq!(events(&hub), ["6", "7"]);
    }

    #[test]
    fn a_gap_that_is_in_the_way_is_not_lost() {
        let hub = hub(2);
        hub.push(&notify(1));
        hub.push_gap();
        (2..=3).for_each(|payload| hub.push(&notify(payload)));
        assert_eq!(events(&hub), ["1 false", "0 true", "2", "3"]);
        hub.push(&notify(1));
        hub.push_gap();
        (2..=4).for_each(|payload| hub.push(&notify(payload)));
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
        let long = |letter: &str| Notify {
            payload: letter.repeat(MAX_BYTES / 3),
            ..notify(0)
        };
        ["a", "b", "c", "d"]
            .iter()
            .for_each(|each| hub.push(&long(each)));
        let short = |event: String| event.chars().take(7).collect::<String>();
        let events: Vec<String> = events(&hub).into_iter().map(short).collect();
        assert_eq!(events, ["2 false", "ccccccc", "ddddddd"]);
        assert_eq!(hub.lock().bytes, 0);
    }

    #[test]
    fn a_channel_that_is_being_left_is_not_listened_on() {
        let hub = hub(2);
        let (waiting, mut cx) = (Waiting::new(&hub), Context::from_waker(Waker::noop()));
        let run = |hub: &Hub| hub.changes().into_iter().for_each(|each| hub.done(each));
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
        hub.push(&notify(1));
        hub.fail(Error::closed("on purpose"));
        hub.push(&notify(2));
        let (waiting, mut cx) = (Waiting::new(&hub), Context::from_waker(Waker::noop()));
        let mut next = || waiting.poll_event(&mut cx);
        assert!(matches!(next(), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(next(), Poll::Ready(Some(Err(_)))));
        assert!(matches!(next(), Poll::Ready(None)));
        assert!(hub.want("d").is_err());
    }

    #[test]
    fn names_that_a_server_would_change_are_refused() {
        assert!(check_channel(&"x".repeat(63)).is_ok());
        for name in ["", "a\0b", &"x".repeat(64)] {
            assert!(check_channel(name).unwrap_err().is_usage());
        }
        let change = Change::Listen("a\"B".into());
        assert_eq!(change.statement(), "LISTEN \"a\"\"B\"");
    }
}
