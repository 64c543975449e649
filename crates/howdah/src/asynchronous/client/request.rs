//! The futures of a client: each can be dropped at any time without harm to the others.

use std::future::poll_fn;

use howdah_net::Limit;
use howdah_protocol::session::{ExchangeId, Outcome};
use tokio::time::timeout_at;

use super::hub::{Hub, OwnSession};
use super::line::Place;
use super::requests::Slot;
use crate::core::Core;
use crate::error::{Error, Result};

/// Does something with the connection, among others.
pub(super) async fn turn<T>(
    hub: &Hub,
    limit: Option<Limit>,
    work: impl FnOnce(&mut Core) -> Result<T>,
) -> Result<T> {
    let (mut turn, mut work) = (Turn::new(hub), Some(work));
    let worked = poll_fn(|cx| hub.poll_turn(&mut turn.place, cx, &mut work));
    by(limit, worked).await
}

/// Queues an exchange, among others, and gives its outcome.
pub(super) async fn exchange(
    hub: &Hub,
    limit: Option<Limit>,
    queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
) -> Result<Outcome> {
    let (mut turn, mut queue) = (Turn::new(hub), Some(queue));
    let submitted = poll_fn(|cx| hub.poll_submit(&mut turn.place, cx, &mut queue));
    let slot = by(limit, submitted).await?;
    let mut request = Request {
        hub,
        slot: Some(slot),
    };
    let answered = poll_fn(|cx| hub.poll_outcome(slot, cx));
    let Some(limit) = limit else {
        let outcome = answered.await;
        request.slot = None;
        return outcome.map(|outcome| *outcome);
    };
    // It is rare, and would make the future of every statement larger.
    match Box::pin(timeout_at(limit.give_up.into(), answered)).await {
        Ok(outcome) => {
            request.slot = None;
            outcome.map(|outcome| *outcome)
        }
        Err(_) => Err(request.give_up(limit).await),
    }
}

/// Takes the connection.
pub(super) async fn lease(hub: &Hub, limit: Option<Limit>) -> Result<OwnSession> {
    let mut turn = Turn::new(hub);
    by(limit, poll_fn(|cx| hub.poll_lease(&mut turn.place, cx))).await
}

/// Waits for what has not been sent before, and leaves the line when the time is over.
async fn by<T>(limit: Option<Limit>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(limit) = limit else {
        return work.await;
    };
    if limit.is_over() {
        return Err(Error::out_of_time(limit));
    }
    Box::pin(timeout_at(limit.give_up.into(), work))
        .await
        .unwrap_or_else(|_| Err(Error::out_of_time(limit)))
}

/// One who waits for a turn.
struct Turn<'a> {
    hub: &'a Hub,
    place: Place,
}

/// An exchange that is waited for.
struct Request<'a> {
    hub: &'a Hub,
    /// `None` once the outcome has been taken.
    slot: Option<Slot>,
}

impl<'a> Turn<'a> {
    fn new(hub: &'a Hub) -> Self {
        let place = Place::default();
        Self { hub, place }
    }
}

impl Request<'_> {
    /// Gives it up, and waits for its end, if nobody else waits for an answer.
    async fn give_up(mut self, limit: Limit) -> Error {
        let slot = self.slot.take();
        let is_given_up = slot.is_some_and(|slot| self.hub.forget(slot, Some(limit.over)));
        if !is_given_up {
            return Error::given_up(limit);
        }
        // The driver sees to it that this is over in time.
        match poll_fn(|cx| self.hub.poll_rest(cx)).await {
            Ok(()) => Error::given_up(limit),
            Err(lost) => lost.behind_a_statement().in_overtime(),
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.place.is_taken() {
            self.hub.leave(&mut self.place);
        }
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            self.hub.forget(slot, None);
        }
    }
}
