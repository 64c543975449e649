//! The life of a listener's connection.

use std::io;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::hub::Change;
use super::{Hub, ListenerOptions};
use crate::config::Config;
use crate::error::{Error, Result};
use howdah_net::drive::Lost;

pub(crate) type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a shell does for the follower. Notifications go to the hub as they come, whatever is waited for.
pub(crate) trait Door: Send {
    /// Makes the connection, in the place of one that is there.
    fn connect<'a>(&'a mut self, hub: &'a Arc<Hub>, config: &'a Config) -> Work<'a, Result<()>>;

    /// Gives the connection up.
    fn disconnect(&mut self);

    /// Runs a statement. If it takes longer than `bound`, the connection is lost.
    fn run<'a>(
        &'a mut self,
        hub: &'a Hub,
        sql: &'a str,
        bound: Option<Duration>,
    ) -> Work<'a, Result<()>>;

    /// Waits, with the connection if there is one, until `until` or until the hub may have something to do.
    fn wait<'a>(&'a mut self, hub: &'a Hub, until: Option<Instant>) -> Work<'a, Result<()>>;
}

/// Serves the hub until it is closed, or no connection can be had any more.
pub(crate) async fn follow(
    mut door: impl Door,
    hub: Arc<Hub>,
    config: Config,
    options: ListenerOptions,
) {
    // However this ends, nobody waits for ever.
    let ending = Ending(hub);
    let hub = &ending.0;
    let mut delays = 0;
    let failure = loop {
        let began = Instant::now();
        let Err(lost) = serve(&mut door, hub, &options).await else {
            return;
        };
        if hub.is_over() {
            return;
        }
        door.disconnect();
        hub.lost();
        options.report(&lost);
        hub.watch.lost(&lost);
        if options.is_stable(began.elapsed()) {
            delays = 0;
        }
        match reconnect(&mut door, hub, &config, &options, &mut delays).await {
            Ok(true) => {
                hub.watch.reconnected(hub.wanted().len());
                hub.push_gap();
            }
            Ok(false) => return,
            Err(error) => break error,
        }
    };
    hub.fail(failure);
}

struct Ending(Arc<Hub>);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.fail(Error::closed("the listener's task has ended"));
        }
    }
}

/// Does what is wanted until the hub is over, or the connection is lost.
async fn serve(door: &mut impl Door, hub: &Hub, options: &ListenerOptions) -> Result<()> {
    let mut heard = Instant::now();
    while !hub.is_over() {
        change(door, hub, options, false).await?;
        let due = options.heartbeat.and_then(|time| heard.checked_add(time));
        if due.is_some_and(|due| due <= Instant::now()) {
            door.run(hub, "SELECT 1", options.heartbeat).await?;
            heard = Instant::now();
        } else {
            door.wait(hub, due).await?;
        }
    }
    Ok(())
}

/// Connects again, with all channels; tells whether the hub is not over.
async fn reconnect(
    door: &mut impl Door,
    hub: &Arc<Hub>,
    config: &Config,
    options: &ListenerOptions,
    delays: &mut u32,
) -> Result<bool> {
    let mut failed = 0;
    loop {
        let until = Instant::now().checked_add(options.delay_before(*delays));
        *delays = delays.saturating_add(1);
        while !hub.is_over() && until.is_some_and(|until| until > Instant::now()) {
            door.wait(hub, until).await?;
        }
        if hub.is_over() {
            return Ok(false);
        }
        let connected = match door.connect(hub, config).await {
            Ok(()) => change(door, hub, options, true).await,
            Err(error) => Err(error),
        };
        let Err(error) = connected else {
            return Ok(!hub.is_over());
        };
        door.disconnect();
        hub.lost();
        options.report(&error);
        failed += 1;
        hub.watch.failed(&error, failed);
        if is_final(&error) || options.max_attempts.is_some_and(|most| failed >= most) {
            return Err(error);
        }
    }
}

/// Whether connecting again would end the same way: the server knows the user or the database not, or the options are wrong.
fn is_final(error: &Error) -> bool {
    let code = error.sqlstate().unwrap_or_default();
    error.is_usage() || code.starts_with("28") || code == "3D000"
}

/// Has what is wanted be in force. `all`: see [`is_of_connection`].
async fn change(
    door: &mut impl Door,
    hub: &Hub,
    options: &ListenerOptions,
    all: bool,
) -> Result<()> {
    loop {
        let changes = hub.changes();
        if changes.is_empty() || hub.is_over() {
            return Ok(());
        }
        let statements: Vec<String> = changes.iter().map(Change::statement).collect();
        match door
            .run(hub, &statements.join("; "), options.heartbeat)
            .await
        {
            Ok(()) => changes.into_iter().for_each(|change| hub.done(change)),
            Err(error) if is_of_connection(&error, hub, &changes, all) => return Err(error),
            Err(error) => match <[Change; 1]>::try_from(changes) {
                Ok([change]) => hub.refused(change, error),
                Err(changes) => one_by_one(door, hub, options, changes, all).await?,
            },
        }
    }
}

async fn one_by_one(
    door: &mut impl Door,
    hub: &Hub,
    options: &ListenerOptions,
    changes: Vec<Change>,
    all: bool,
) -> Result<()> {
    for change in changes {
        match door.run(hub, &change.statement(), options.heartbeat).await {
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
fn is_of_connection(error: &Error, hub: &Hub, changes: &[Change], all: bool) -> bool {
    error.is_closed() || (all && hub.were_accepted(changes))
}

/// The server has not answered in time.
pub(crate) fn silent() -> Error {
    let text = "the server did not answer within the time of the heartbeat";
    Error::lost(Lost::Io(io::Error::new(io::ErrorKind::TimedOut, text)))
}
