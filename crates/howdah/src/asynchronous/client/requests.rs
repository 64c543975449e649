//! The requests that have been queued: each waits for the outcome of its exchange.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use howdah_protocol::session::{ExchangeId, Outcome};

use crate::error::{Error, Result};

/// Names a request until its outcome has been taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot(usize);

/// Requests by their slots, and in the order in which they are answered.
#[derive(Debug, Default)]
pub(super) struct Requests {
    slots: Vec<State>,
    free: Vec<usize>,
    /// Oldest first.
    unanswered: VecDeque<(ExchangeId, Slot)>,
}

#[derive(Debug)]
enum State {
    Free,
    /// With the task that waits, once it does.
    Unanswered(Option<Waker>),
    Answered(Result<Box<Outcome>>),
}

/// What a request that is not wanted any more leaves behind; it is to be dropped where no lock is held.
pub(super) struct Remains {
    /// The exchange, if it is unanswered.
    pub(super) unanswered: Option<ExchangeId>,
    _state: State,
}

impl Requests {
    /// Notes that an exchange was queued.
    pub(super) fn add(&mut self, id: ExchangeId) -> Slot {
        let state = State::Unanswered(None);
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot] = state;
                Slot(slot)
            }
            None => {
                self.slots.push(state);
                Slot(self.slots.len() - 1)
            }
        };
        self.unanswered.push_back((id, slot));
        slot
    }

    /// Takes the outcome, or has the task woken when it is there. Gives a waker that is not needed any more as well.
    pub(super) fn poll(
        &mut self,
        slot: Slot,
        cx: &mut Context<'_>,
    ) -> (Poll<Result<Box<Outcome>>>, Option<Waker>) {
        if let State::Unanswered(waiting) = &mut self.slots[slot.0] {
            let known = waiting.as_ref();
            if known.is_some_and(|known| known.will_wake(cx.waker())) {
                return (Poll::Pending, None);
            }
            return (Poll::Pending, waiting.replace(cx.waker().clone()));
        }
        match self.take(slot) {
            State::Answered(outcome) => (Poll::Ready(outcome), None),
            _ => (
                Poll::Ready(Err(Error::usage("the request has been answered"))),
                None,
            ),
        }
    }

    /// Gives an exchange its outcome, if anybody waits for it.
    pub(super) fn answer(
        &mut self,
        id: ExchangeId,
        outcome: Result<Box<Outcome>>,
        woken: &mut Vec<Waker>,
    ) {
        if let Some((front, slot)) = self.unanswered.front().copied()
            && front == id
        {
            self.unanswered.pop_front();
            self.settle(slot, outcome, woken);
        }
    }

    /// Nothing more will be answered, for this reason.
    pub(super) fn fail(&mut self, error: &Error, woken: &mut Vec<Waker>) {
        for (_, slot) in std::mem::take(&mut self.unanswered) {
            self.settle(slot, Err(error.again()), woken);
        }
    }

    /// Frees the slot of a request whose outcome nobody wants.
    pub(super) fn forget(&mut self, slot: Slot) -> Remains {
        let place = self
            .unanswered
            .iter()
            .position(|(_, each)| each.0 == slot.0);
        let removed = place.and_then(|place| self.unanswered.remove(place));
        Remains {
            unanswered: removed.map(|(id, _)| id),
            _state: self.take(slot),
        }
    }

    fn settle(&mut self, slot: Slot, outcome: Result<Box<Outcome>>, woken: &mut Vec<Waker>) {
        let answered = State::Answered(outcome);
        if let State::Unanswered(waker) = std::mem::replace(&mut self.slots[slot.0], answered) {
            woken.extend(waker);
        }
    }

    fn take(&mut self, slot: Slot) -> State {
        self.free.push(slot.0);
        std::mem::replace(&mut self.slots[slot.0], State::Free)
    }
}
