//! The life of a listener's connection.

use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hub::Change;
use super::{Failure, Hub, Pace};

type Result<T, E> = std::result::Result<T, E>;

/// What a door is about to do.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a shell does for the follower. Notifications go to the hub as they come, whatever is waited for.
pub trait Door<E>: Send {
    /// Makes the connection, in the place of one that is there.
    fn connect<'a>(&'a mut self, hub: &'a Arc<Hub<E>>) -> Work<'a, Result<(), E>>;

    /// Gives the connection up.
    fn disconnect(&mut self) -> Work<'_, ()>;

    /// Tells whoever wants to know of an error that ended a connection, or an attempt to make one: so many in a row have failed.
    fn report<'a>(&'a mut self, error: &'a E, failed: u32) -> Work<'a, ()>;

    /// There is a connection again, which listens on so many channels.
    fn reconnected(&mut self, _channels: usize) {}

    /// Runs a statement. If it takes longer than `bound`, the connection is lost.
    fn run<'a>(
        &'a mut self,
        hub: &'a Hub<E>,
        sql: &'a str,
        bound: Duration,
    ) -> Work<'a, Result<(), E>>;

    /// Waits, with the connection if there is one, until `until` or until the hub may have something to do.
    fn wait<'a>(&'a mut self, hub: &'a Hub<E>, until: Option<Instant>) -> Work<'a, Result<(), E>>;
}

/// Serves the hub until it is closed, or no connection can be had any more. The door has a connection at first.
pub async fn follow<E: Failure + Send + Sync>(
    mut door: impl Door<E>,
    hub: Arc<Hub<E>>,
    pace: Pace,
) {
    // However this ends, nobody waits for ever.
    let ending = Ending(hub);
    let hub = &ending.0;
    let mut delays = 0;
    let failure = loop {
        let began = Instant::now();
        let Err(lost) = serve(&mut door, hub, &pace).await else {
            return;
        };
        if hub.is_over() {
            return;
        }
        door.disconnect().await;
        hub.lost();
        door.report(&lost, 0).await;
        if pace.is_stable(began.elapsed()) {
            delays = 0;
        }
        match reconnect(&mut door, hub, &pace, &mut delays).await {
            Ok(true) => {
                door.reconnected(hub.wanted().len());
                hub.push_gap();
            }
            Ok(false) => return,
            Err(error) => break error,
        }
    };
    hub.fail(failure);
}

struct Ending<E: Failure>(Arc<Hub<E>>);

impl<E: Failure> Drop for Ending<E> {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.fail(E::closed("the listener's task has ended"));
        }
    }
}

/// Does what is wanted until the hub is over, or the connection is lost.
async fn serve<E: Failure + Send + Sync>(
    door: &mut impl Door<E>,
    hub: &Hub<E>,
    pace: &Pace,
) -> Result<(), E> {
    let mut heard = Instant::now();
    while !hub.is_over() {
        change(door, hub, pace, false).await?;
        let due = pace.heartbeat.and_then(|time| heard.checked_add(time));
        if due.is_some_and(|due| due <= Instant::now()) {
            door.run(hub, "SELECT 1", pace.answer).await?;
            heard = Instant::now();
        } else {
            door.wait(hub, due).await?;
        }
    }
    Ok(())
}

/// Connects again, with all channels; tells whether the hub is not over.
async fn reconnect<E: Failure + Send + Sync>(
    door: &mut impl Door<E>,
    hub: &Arc<Hub<E>>,
    pace: &Pace,
    delays: &mut u32,
) -> Result<bool, E> {
    let mut failed = 0;
    loop {
        let until = Instant::now().checked_add(pace.delay_before(*delays));
        *delays = delays.saturating_add(1);
        while !hub.is_over() && until.is_some_and(|until| until > Instant::now()) {
            door.wait(hub, until).await?;
        }
        if hub.is_over() {
            return Ok(false);
        }
        let connected = match door.connect(hub).await {
            Ok(()) => change(door, hub, pace, true).await,
            Err(error) => Err(error),
        };
        let Err(error) = connected else {
            return Ok(!hub.is_over());
        };
        door.disconnect().await;
        hub.lost();
        failed += 1;
        door.report(&error, failed).await;
        if error.is_final() || pace.max_attempts.is_some_and(|most| failed >= most) {
            return Err(error);
        }
    }
}

/// Has what is wanted be in force. `all`: see [`is_of_connection`].
async fn change<E: Failure + Send + Sync>(
    door: &mut impl Door<E>,
    hub: &Hub<E>,
    pace: &Pace,
    all: bool,
) -> Result<(), E> {
    loop {
        let changes = hub.changes();
        if changes.is_empty() || hub.is_over() {
            return Ok(());
        }
        let statements: Vec<String> = changes.iter().map(Change::statement).collect();
        match door.run(hub, &statements.join("; "), pace.answer).await {
            Ok(()) => changes.into_iter().for_each(|change| hub.done(change)),
            Err(error) if is_of_connection(&error, hub, &changes, all) => return Err(error),
            Err(error) => match <[Change; 1]>::try_from(changes) {
                Ok([change]) => hub.refused(change, error),
                Err(changes) => one_by_one(door, hub, pace, changes, all).await?,
            },
        }
    }
}

async fn one_by_one<E: Failure + Send + Sync>(
    door: &mut impl Door<E>,
    hub: &Hub<E>,
    pace: &Pace,
    changes: Vec<Change>,
    all: bool,
) -> Result<(), E> {
    for change in changes {
        match door.run(hub, &change.statement(), pace.answer).await {
            Ok(()) => hub.done(change),
            Err(error) if is_of_connection(&error, hub, slice::from_ref(&change), all) => {
                return Err(error);
            }
            Err(error) => hub.refused(change, error),
        }
    }
    Ok(())
}

/// Whether an error is one of the connection, and not of who wants what could not be done; with `all` so is what the server refuses and
/// has taken before.
fn is_of_connection<E: Failure>(error: &E, hub: &Hub<E>, changes: &[Change], all: bool) -> bool {
    error.is_closed() || (all && hub.were_accepted(changes))
}
