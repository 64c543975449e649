//! Who waits for a turn on the connection, in the order in which they came.

use std::collections::{BTreeMap, BTreeSet};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long the connection is kept for one who wants it for itself, and whose future nobody polls.
const PATIENCE: Duration = Duration::from_millis(100);

/// The place of one who waits; none before the first wait.
#[derive(Debug, Default)]
pub(super) struct Place(Option<u64>);

/// Those who wait: for a turn among others, or for the connection to themselves, which is a lease.
///
/// Nobody overtakes one who waits for a lease, or it would never get one. But a future that nobody polls must not stall the
/// others: when a lease has been offered and is not taken in time, those behind it go on.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<u64, Waiting>,
    /// Those who want a lease, and whom nobody overtakes.
    leases: BTreeSet<u64>,
    offer: Option<Offer>,
    next: u64,
}

#[derive(Debug)]
struct Waiting {
    /// `None` once it has been called.
    waker: Option<Waker>,
    lease: bool,
}

#[derive(Debug)]
struct Offer {
    place: u64,
    until: Instant,
}

impl Place {
    /// Whether it is one in the line.
    pub(super) fn is_taken(&self) -> bool {
        self.0.is_some()
    }
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether nobody who waits for a lease came before.
    pub(super) fn is_turn_of(&self, place: &Place) -> bool {
        let first = self.leases.first();
        first.is_none_or(|first| place.0.is_some_and(|place| place <= *first))
    }

    /// Waits to be called. Gives a waker that is not needed any more, to be dropped where no lock is held.
    #[must_use]
    pub(super) fn wait(&mut self, place: &mut Place, lease: bool, waker: &Waker) -> Option<Waker> {
        if let Some(number) = place.0
            && (!lease || self.leases.contains(&number))
        {
            self.offer.take_if(|offer| offer.place == number);
            let waiting = self.waiting.get_mut(&number)?;
            return waiting.waker.replace(waker.clone());
        }
        // It is new, or has let its turn pass and goes to the end.
        let old = self.leave(place);
        self.next += 1;
        place.0 = Some(self.next);
        if lease {
            self.leases.insert(self.next);
        }
        let waker = Some(waker.clone());
        self.waiting.insert(self.next, Waiting { waker, lease });
        old
    }

    /// Has come to its turn, or does not want it any more.
    pub(super) fn leave(&mut self, place: &mut Place) -> Option<Waker> {
        let number = place.0.take()?;
        self.leases.remove(&number);
        self.offer.take_if(|offer| offer.place == number);
        self.waiting.remove(&number)?.waker
    }

    /// Calls those whose turn it is: all up to the first that wants a lease, and that one too if the connection is `free`.
    pub(super) fn call(&mut self, free: bool, now: Instant, called: &mut Vec<Waker>) {
        for (number, waiting) in &mut self.waiting {
            if waiting.lease && self.leases.contains(number) {
                if free && let Some(waker) = waiting.waker.take() {
                    called.push(waker);
                    let (place, until) = (*number, now + PATIENCE);
                    self.offer = Some(Offer { place, until });
                }
                break;
            }
            called.extend(waiting.waker.take());
        }
    }

    /// Calls all.
    pub(super) fn call_all(&mut self, called: &mut Vec<Waker>) {
        self.offer = None;
        let wakers = self.waiting.values_mut();
        called.extend(wakers.filter_map(|waiting| waiting.waker.take()));
    }

    /// When [`Line::pass`] is to be called.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.offer.as_ref().map(|offer| offer.until)
    }

    /// Lets those behind an offer go on whose time is over; tells whether there was one.
    pub(super) fn pass(&mut self, now: Instant) -> bool {
        let over = self.offer.take_if(|offer| offer.until <= now);
        over.is_some_and(|offer| self.leases.remove(&offer.place))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// One who waits.
    #[derive(Default)]
    struct Guest {
        place: Place,
        calls: Arc<Counter>,
    }

    impl Guest {
        fn wait(&mut self, line: &mut Line, lease: bool) {
            let waker = Waker::from(Arc::clone(&self.calls));
            drop(line.wait(&mut self.place, lease, &waker));
        }

        fn was_called(&self) -> bool {
            self.calls.0.swap(0, Ordering::SeqCst) > 0
        }
    }

    fn call(line: &mut Line, free: bool, now: Instant) {
        let mut called = Vec::new();
        line.call(free, now, &mut called);
        called.into_iter().for_each(Waker::wake);
    }

    #[test]
    fn nobody_overtakes_one_who_wants_a_lease() {
        let (mut line, now) = (Line::default(), Instant::now());
        let [mut before, mut lease, mut behind] = <[Guest; 3]>::default();
        assert!(line.is_turn_of(&behind.place));
        before.wait(&mut line, false);
        lease.wait(&mut line, true);
        assert!(!line.is_turn_of(&behind.place));
        behind.wait(&mut line, false);
        assert!(line.is_turn_of(&before.place) && line.is_turn_of(&lease.place));
        call(&mut line, false, now);
        assert!(before.was_called() && !lease.was_called() && !behind.was_called());
        line.leave(&mut before.place);
        call(&mut line, true, now);
        assert!(lease.was_called() && !behind.was_called());
        line.leave(&mut lease.place);
        call(&mut line, false, now);
        assert!(behind.was_called());
        line.leave(&mut behind.place);
        assert!(line.is_empty());
    }

    #[test]
    fn a_lease_that_is_not_taken_in_time_passes() {
        let (mut line, now) = (Line::default(), Instant::now());
        let [mut unpolled, mut behind, mut last] = <[Guest; 3]>::default();
        unpolled.wait(&mut line, true);
        behind.wait(&mut line, false);
        last.wait(&mut line, true);
        call(&mut line, true, now);
        assert!(unpolled.was_called());
        let until = line.timeout().unwrap();
        assert_eq!(until, now + PATIENCE);
        assert!(!line.pass(now) && line.pass(until));
        call(&mut line, true, until);
        assert!(behind.was_called() && last.was_called());
        assert!(line.is_turn_of(&behind.place));
        // When it is polled at last it may be lucky, or goes to the end.
        assert!(line.is_turn_of(&unpolled.place));
        unpolled.wait(&mut line, true);
        assert!(line.is_turn_of(&last.place) && !line.is_turn_of(&unpolled.place));
        line.leave(&mut last.place);
        assert!(line.is_turn_of(&unpolled.place));
    }

    #[test]
    fn who_is_polled_in_time_keeps_the_place() {
        let (mut line, now) = (Line::default(), Instant::now());
        let [mut lease, mut other] = <[Guest; 2]>::default();
        lease.wait(&mut line, true);
        other.wait(&mut line, true);
        call(&mut line, true, now);
        // It could not be had after all.
        lease.wait(&mut line, true);
        assert_eq!(line.timeout(), None);
        assert!(!line.pass(now + 2 * PATIENCE));
        assert!(line.is_turn_of(&lease.place) && !line.is_turn_of(&other.place));
    }
}
