//! Giving a statement up: when to ask the server, when to ask again, when to give up the connection.

use std::time::{Duration, Instant};

/// How long a connection may take to come to rest after it was interrupted, unless it is set otherwise.
pub const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait before a request is repeated for the first time; each pause is twice the last.
///
/// A server ignores a request that arrives before it has read the statement, so one is not always enough.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How much is read after the bound at most, which may lie there since before: more than the buffer of a socket has.
const LEFT_BEHIND: usize = 8 << 20;

/// How long that may take.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// The state of a cancellation.
#[derive(Debug)]
pub(super) struct Cancel {
    /// The bound for everything: the requests, the end of the statement, the rollback that is owed.
    pub(super) timeout: Duration,
    drain: Option<Drain>,
    /// Whether the shell is sending a request.
    in_flight: bool,
}

#[derive(Debug)]
struct Drain {
    begun: Instant,
    give_up: Instant,
    /// When to ask; `None` if the server need not be asked.
    ask: Option<Instant>,
    pause: Duration,
    /// Until when what is to be given up may still be on its way.
    unsent_until: Option<Instant>,
    /// What is left of a look at what came in time, once the bound has passed.
    last_look: Option<LastLook>,
}

#[derive(Debug)]
struct LastLook {
    until: Instant,
    bytes: usize,
}

impl LastLook {
    fn is_over(&self, now: Instant) -> bool {
        self.bytes == 0 || now >= self.until
    }
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    /// Ask the server.
    Request,
    /// The connection has to be given up.
    GiveUp,
}

impl Default for Cancel {
    fn default() -> Self {
        Self {
            timeout: CANCEL_TIMEOUT,
            drain: None,
            in_flight: false,
        }
    }
}

impl Cancel {
    /// Begins to wait for the end, with `ask` also asking the server for it.
    pub(super) fn begin(&mut self, now: Instant, ask: bool) {
        let drain = self.drain.get_or_insert_with(|| Drain {
            begun: now,
            // It is a year at most, which a clock can hold.
            give_up: now.checked_add(self.timeout).unwrap_or(now),
            ask: None,
            pause: FIRST_PAUSE,
            unsent_until: None,
            last_look: None,
        });
        if ask && drain.ask.is_none() {
            drain.ask = Some(now);
        }
    }

    /// Begins to wait for the end, which may come by itself: the server is asked for it after a pause.
    pub(super) fn begin_later(&mut self, now: Instant) {
        self.begin(now, false);
        if let Some(drain) = &mut self.drain {
            drain.ask = drain.ask.or_else(|| now.checked_add(FIRST_PAUSE));
        }
    }

    /// From here on only waits: what runs now must not be given up.
    pub(super) fn stop_asking(&mut self, now: Instant) {
        self.begin(now, false);
        if let Some(drain) = &mut self.drain {
            drain.ask = None;
        }
    }

    /// One exchange has ended, and there are others: the server is asked at once to give up the next.
    pub(super) fn ask_anew(&mut self) {
        if let Some(drain) = &mut self.drain
            && drain.ask.is_some()
        {
            drain.ask = Some(drain.begun);
            drain.pause = FIRST_PAUSE;
        }
    }

    /// Has the wait be given up at `deadline`, if it was given longer.
    pub(super) fn hasten(&mut self, deadline: Instant) {
        if let Some(drain) = &mut self.drain {
            drain.give_up = drain.give_up.min(deadline);
        }
    }

    /// How long the wait may take from its beginning.
    pub(super) fn allowed(&self) -> Duration {
        let drain = self.drain.as_ref();
        drain.map_or(self.timeout, |drain| {
            drain.give_up.saturating_duration_since(drain.begun)
        })
    }

    /// So many bytes were received, after which there may be more.
    pub(super) fn received(&mut self, len: usize) {
        if let Some(look) = self.drain.as_mut().and_then(|each| each.last_look.as_mut()) {
            look.bytes = look.bytes.saturating_sub(len);
        }
    }

    /// All that has come has been received.
    pub(super) fn nothing_came(&mut self) {
        self.received(LEFT_BEHIND);
    }

    /// Whether the bound has passed, and what came in time may not have been seen.
    pub(super) fn is_overdue(&self) -> bool {
        let look = self.drain.as_ref().and_then(|each| each.last_look.as_ref());
        look.is_some_and(|look| look.bytes > 0)
    }

    /// The end has come.
    pub(super) fn end(&mut self) {
        self.drain = None;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight
    }

    /// The shell's request has reached the server, or never will.
    pub(super) fn request_ended(&mut self) {
        self.in_flight = false;
    }

    /// What is due at `now`; `can_ask` says whether there is anything that the server could give up.
    ///
    /// What has not been `sent` is not with the server yet, so that there is no point in asking. But perhaps it cannot be sent
    /// before the server gives up what it runs: so it is asked after a pause all the same.
    pub(super) fn due(&mut self, now: Instant, can_ask: bool, sent: bool) -> Due {
        let Some(drain) = &mut self.drain else {
            return Due::Nothing;
        };
        if now >= drain.give_up {
            // The end may have come in time, behind more than was read until now.
            let look = drain.last_look.get_or_insert_with(|| LastLook {
                until: now.checked_add(LAST_LOOK).unwrap_or(now),
                bytes: LEFT_BEHIND,
            });
            return match look.is_over(now) {
                true => Due::GiveUp,
                false => Due::Nothing,
            };
        }
        match drain.ask {
            Some(when) if when <= now && can_ask && !self.in_flight => {
                let until = drain.unsent_until.or_else(|| now.checked_add(FIRST_PAUSE));
                if !sent && until.is_some_and(|until| now < until) {
                    drain.unsent_until = until;
                    return Due::Nothing;
                }
                drain.unsent_until = None;
                drain.ask = now.checked_add(drain.pause);
                drain.pause *= 2;
                self.in_flight = true;
                Due::Request
            }
            _ => Due::Nothing,
        }
    }

    /// When something will be due, as long as `can_ask` stays as it is: whether there is anything that the server could give up,
    /// and all of it has been sent.
    pub(super) fn timeout(&self, can_ask: bool) -> Option<Instant> {
        let drain = self.drain.as_ref()?;
        let ask = match can_ask {
            true => drain.ask,
            false => drain.ask.and(drain.unsent_until),
        };
        let ask = ask.filter(|_| !self.in_flight);
        Some(ask.map_or(drain.give_up, |ask| ask.min(drain.give_up)))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a time to begin with")]
mod tests {
    use super::*;

    /// Whether the connection is given up at a time, when the socket has been found empty.
    fn is_given_up(cancel: &mut Cancel, at: Instant) -> bool {
        assert_eq!(cancel.due(at, true, true), Due::Nothing);
        assert!(cancel.is_overdue());
        cancel.nothing_came();
        cancel.due(at, true, true) == Due::GiveUp
    }

    #[test]
    fn a_request_is_repeated_after_longer_and_longer_pauses() {
        let mut cancel = Cancel::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        cancel.begin(start, true);
        assert_eq!(cancel.due(start, false, true), Due::Nothing);
        assert_eq!(cancel.due(start, true, true), Due::Request);
        assert_eq!(
            cancel.due(after(300), true, true),
            Due::Nothing,
            "one at a time"
        );
        cancel.request_ended();
        assert_eq!(cancel.timeout(true), Some(after(250)));
        assert_eq!(cancel.timeout(false), Some(after(5000)));
        assert_eq!(cancel.due(after(250), true, true), Due::Request);
        cancel.request_ended();
        assert_eq!(cancel.due(after(700), true, true), Due::Nothing);
        assert_eq!(cancel.due(after(750), true, true), Due::Request);
        cancel.request_ended();
        assert!(is_given_up(&mut cancel, after(5000)));
    }

    #[test]
    fn what_is_on_its_way_is_waited_for_but_not_for_ever() {
        let mut cancel = Cancel::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        cancel.begin(start, true);
        assert_eq!(cancel.due(start, true, false), Due::Nothing);
        assert_eq!(cancel.timeout(false), Some(after(250)));
        assert_eq!(cancel.timeout(true), Some(start), "it has been sent");
        assert_eq!(cancel.due(after(200), true, false), Due::Nothing);
        assert_eq!(cancel.due(after(250), true, false), Due::Request);
        cancel.request_ended();
        assert_eq!(cancel.due(after(500), true, false), Due::Nothing);
        assert_eq!(cancel.due(after(600), true, true), Due::Request, "sent");
    }

    #[test]
    fn each_of_several_exchanges_is_given_up_at_once() {
        let mut cancel = Cancel::default();
        let start = Instant::now();
        cancel.begin(start, true);
        for _ in 0..100 {
            assert_eq!(cancel.due(start, true, true), Due::Request);
            cancel.ask_anew();
            assert_eq!(cancel.due(start, true, true), Due::Nothing, "one at a time");
            cancel.request_ended();
        }
        assert_eq!(cancel.due(start, true, true), Due::Request);
        cancel.stop_asking(start);
        cancel.ask_anew();
        cancel.request_ended();
        assert_eq!(cancel.due(start, true, true), Due::Nothing);
    }

    #[test]
    fn the_bound_can_be_shortened_but_not_extended() {
        let mut cancel = Cancel::default();
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        cancel.hasten(after(100));
        cancel.begin(start, true);
        assert_eq!(cancel.allowed(), CANCEL_TIMEOUT, "nothing was begun then");
        assert_eq!(cancel.due(start, true, true), Due::Request);
        cancel.hasten(after(100));
        cancel.hasten(after(200));
        assert_eq!(cancel.timeout(true), Some(after(100)));
        assert_eq!(cancel.allowed(), Duration::from_millis(100));
        assert_eq!(cancel.due(after(99), true, true), Due::Nothing);
        assert!(is_given_up(&mut cancel, after(100)));
    }

    #[test]
    fn a_second_interruption_does_not_extend_the_bound() {
        let mut cancel = Cancel::default();
        let start = Instant::now();
        cancel.begin(start, false);
        assert_eq!(cancel.timeout(false), Some(start + CANCEL_TIMEOUT));
        cancel.begin(start + Duration::from_secs(4), true);
        assert!(is_given_up(&mut cancel, start + CANCEL_TIMEOUT));
        cancel.end();
        assert_eq!(cancel.timeout(true), None);
    }
}
