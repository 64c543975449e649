//! The futures of a client: each can be dropped at any time without harm to the others.

use std::future::poll_fn;

use howdah_protocol::session::{ExchangeId, Outcome};

use super::hub::{Hub, OwnSession};
use super::line::Place;
use super::requests::Slot;
use crate::core::Core;
use crate::error::Result;

/// Does something with the connection, among others.
pub(super) async fn turn<T>(hub: &Hub, work: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
    let (mut turn, mut work) = (Turn::new(hub), Some(work));
    poll_fn(|cx| hub.poll_turn(&mut turn.place, cx, &mut work)).await
}

/// Queues an exchange, among others, and gives its outcome.
pub(super) async fn exchange(
    hub: &Hub,
    queue: impl FnOnce(&mut Core) -> Result<ExchangeId>,
) -> Result<Outcome> {
    let (mut turn, mut queue) = (Turn::new(hub), Some(queue));
    let slot = poll_fn(|cx| hub.poll_submit(&mut turn.place, cx, &mut queue)).await?;
    let mut request = Request {
        hub,
        slot: Some(slot),
    };
    let outcome = poll_fn(|cx| hub.poll_outcome(slot, cx)).await;
    request.slot = None;
    outcome.map(|outcome| *outcome)
}

/// Takes the connection.
pub(super) async fn lease(hub: &Hub) -> Result<OwnSession> {
    let mut turn = Turn::new(hub);
    poll_fn(|cx| hub.poll_lease(&mut turn.place, cx)).await
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
            self.hub.forget(slot);
        }
    }
}
