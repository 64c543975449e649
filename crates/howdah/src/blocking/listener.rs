//! A listener for code that blocks: a thread follows the connection.

use std::fmt;
use std::future::ready;
use std::io::{Read, Write};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use howdah_protocol::session::{ExchangeId, Outcome};

use super::{Connection, Session};
use crate::config::Config;
use crate::core::listener::{Hub, ListenerEvent, ListenerOptions, Teller, silent};
use crate::error::{Error, Result};
use howdah_net::drive::{Look, Lost, Step, Until, look};
use howdah_net::listening::{Door, Waiting, Work, follow};
use howdah_net::platform::{Pipe, pipe};

/// Listens on channels, by a connection of its own, which is made again when it is lost.
///
/// A thread reads what comes, also while nobody waits for it, into a buffer that is bounded. Where notifications may be missing,
/// since the connection was lost or the buffer was full, there is a [`Gap`](crate::Gap) between the events. [`guide`](crate::guide)
/// says more.
///
/// ```no_run
/// use howdah::{Listener, ListenerEvent};
///
/// # fn refresh(_: &str) {}
/// # fn refresh_all() {}
/// fn main() -> Result<(), howdah::Error> {
///     let listener = Listener::connect("host=db.example dbname=shop")?;
///     listener.listen("prices")?;
///     refresh_all();
///     for event in &listener {
///         match event? {
///             ListenerEvent::Notification(notify) => refresh(&notify.payload),
///             _ => refresh_all(),
///         }
///     }
///     Ok(())
/// }
/// ```
///
/// All methods take `&self`: other threads may listen on more channels, or close it, while one waits. An event goes to one of
/// those who wait. Dropping it closes it.
pub struct Listener {
    hub: Arc<Hub>,
}

impl ListenerOptions {
    /// Connects, and starts the thread that follows the connection.
    ///
    /// # Errors
    /// As [`Config::connect`]: the first attempt is not repeated. Or there are too many threads or open files.
    pub fn connect(&self, config: &Config) -> Result<Listener> {
        let hub = Hub::new(self.capacity);
        let (bell, rope) = pipe().map_err(lost)?;
        for end in [&bell, &rope] {
            end.set_nonblocking(true).map_err(lost)?;
        }
        let mut door = Threaded {
            conn: None,
            bell,
            config: config.clone(),
            teller: Teller::new(self),
        };
        door.connect_now(&hub)?;
        hub.set_follower(&Waker::from(Arc::new(Rope(rope))));
        let work = follow(door, Arc::clone(&hub), self.pace(config));
        thread::Builder::new()
            .name("howdah-listener".into())
            .spawn(move || {
                // Its door waits by itself: the first poll is the whole of it.
                let _ = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
            })
            .map_err(lost)?;
        Ok(Listener { hub })
    }
}

impl Listener {
    /// Connects to a server, with [`ListenerOptions`] as they are at first.
    ///
    /// # Errors
    /// As [`Connection::connect`].
    pub fn connect(conninfo: &str) -> Result<Self> {
        ListenerOptions::new().connect(&conninfo.parse()?)
    }

    /// Listens on a channel, by this very name: `LISTEN` is in force when this returns.
    ///
    /// While there is no connection it waits until there is one.
    ///
    /// # Errors
    /// The server refuses it, or the name is none of 1 to 63 bytes: the listener is as before. Or the listener is closed or has
    /// failed, or another thread calls [`unlisten`](Self::unlisten) for the channel meanwhile.
    pub fn listen(&self, channel: &str) -> Result<()> {
        self.hub.want(channel)?;
        let waiting = Waiting::new(&self.hub);
        block(None, |cx| waiting.poll_listening(channel, cx)).unwrap_or(Ok(()))
    }

    /// Listens on a channel no more. What has come of it before lies in the buffer still.
    ///
    /// ```
    /// # fn main() -> Result<(), howdah::Error> {
    /// # use std::time::Duration;
    /// let listener = howdah::Listener::connect("")?;
    /// listener.listen("prices")?;
    /// listener.unlisten("prices")?;
    /// assert!(listener.channels().is_empty());
    /// assert!(listener.next_timeout(Duration::ZERO)?.is_none());
    /// listener.close();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The name is none of 1 to 63 bytes, or the listener is closed or has failed.
    pub fn unlisten(&self, channel: &str) -> Result<()> {
        self.hub.unwant(channel)?;
        let waiting = Waiting::new(&self.hub);
        block(None, |cx| waiting.poll_silent(channel, cx)).unwrap_or(Ok(()))
    }

    /// The channels that it listens on, sorted.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.hub.wanted()
    }

    /// The next event, if there is one within this time; zero is a look at what has come.
    ///
    /// # Errors
    /// The listener is closed, or has failed: what had come before was given before.
    pub fn next_timeout(&self, timeout: Duration) -> Result<Option<ListenerEvent>> {
        let waiting = Waiting::new(&self.hub);
        let deadline = Instant::now().checked_add(timeout);
        match block(deadline, |cx| waiting.poll_event(cx)) {
            Some(Some(event)) => event.map(|event| Some(event.into())),
            Some(None) => Err(Error::closed("the listener is closed")),
            None => Ok(None),
        }
    }

    /// Closes it, without waiting: who waits for an event is told that there are no more, and events that wait are dropped.
    pub fn close(&self) {
        self.hub.close();
    }

    fn next_event(&self) -> Option<Result<ListenerEvent>> {
        let waiting = Waiting::new(&self.hub);
        let event = block(None, |cx| waiting.poll_event(cx)).flatten();
        event.map(|event| event.map(ListenerEvent::from))
    }
}

impl Iterator for &Listener {
    type Item = Result<ListenerEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event()
    }
}

/// It waits for each event, and ends when the listener is closed, or with an error when it has failed.
impl Iterator for Listener {
    type Item = Result<ListenerEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("channels", &self.channels())
            .finish_non_exhaustive()
    }
}

/// Waits in this thread until there is a value, or the time is over.
fn block<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
        match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(left) => thread::park_timeout(left),
        }
    }
}

struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Rings the bell of the follower's thread.
struct Rope(Pipe);

impl Wake for Rope {
    fn wake(self: Arc<Self>) {
        // If it is full, it rings.
        let _ = (&self.0).write(&[0]);
    }
}

/// The connection in its thread. The futures that it makes are ready: it blocks before.
struct Threaded {
    conn: Option<Connection>,
    bell: Pipe,
    config: Config,
    teller: Teller,
}

impl Threaded {
    fn connect_now(&mut self, hub: &Arc<Hub>) -> Result<()> {
        let mut conn = self.config.connect()?;
        let hub = Arc::clone(hub);
        conn.add_notify_handler(move |notify| {
            hub.push(&notify.channel, &notify.payload, notify.pid);
        });
        self.conn = Some(conn);
        Ok(())
    }

    fn run_now(&mut self, hub: &Hub, sql: &str, bound: Duration) -> Result<()> {
        let deadline = Instant::now().checked_add(bound);
        let (session, bell) = self.session()?;
        let id = session.begin(|core| core.queue_control(sql))?;
        loop {
            match turn(session, bell, Until::Idle, deadline)? {
                Turned::Ended(ended, outcome) if ended == id => {
                    session.core.cancel.gate().leave();
                    return session.core.known.control(sql, *outcome);
                }
                Turned::TimedOut => return Err(silent()),
                _ if hub.is_over() => return Err(Error::closed("the listener is closed")),
                _ => {}
            }
        }
    }

    fn wait_now(&mut self, hub: &Hub, until: Option<Instant>) -> Result<()> {
        let Ok((session, bell)) = self.session() else {
            return self.rest(hub, until);
        };
        while !hub.has_work() {
            if let Turned::TimedOut = turn(session, bell, Until::Heard, until)? {
                break;
            }
        }
        Ok(())
    }

    /// Waits without a connection.
    fn rest(&mut self, hub: &Hub, until: Option<Instant>) -> Result<()> {
        self.bell.set_nonblocking(false).map_err(lost)?;
        while !hub.is_over() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            self.bell.set_read_timeout(left).map_err(lost)?;
            let _ = self.bell.read(&mut [0; 64]);
        }
        self.bell.set_nonblocking(true).map_err(lost)
    }

    fn session(&mut self) -> Result<(&mut Session, &mut Pipe)> {
        match &mut self.conn {
            Some(conn) => Ok((conn, &mut self.bell)),
            None => Err(Error::closed("there is no connection")),
        }
    }
}

enum Turned {
    Ended(ExchangeId, Box<Outcome>),
    TimedOut,
    /// Something has happened, or the bell has rung.
    Other,
}

/// Moves bytes until something has happened, or the bell rings.
fn turn(
    session: &mut Session,
    bell: &mut Pipe,
    until: Until,
    deadline: Option<Instant>,
) -> Result<Turned> {
    let step = match look(&mut session.core.session, &session.socket, until, deadline) {
        Ok(Look::Step(Step::TimedOut)) => return Ok(Turned::TimedOut),
        Ok(Look::Step(step)) => Ok(step),
        Ok(Look::Wait { write, until }) => {
            let left = until.map_or(Duration::MAX, |until| {
                until.saturating_duration_since(Instant::now())
            });
            let waited = session.socket.wait_or_bell(write, bell, left);
            // What rang is looked at by the caller, behind this.
            let _ = bell.read(&mut [0; 64]);
            waited.map(|_| Step::Interrupted).map_err(Lost::Io)
        }
        Err(lost) => Err(lost),
    };
    Ok(match session.take_step(step)? {
        Some((id, outcome)) => Turned::Ended(id, Box::new(outcome)),
        None => Turned::Other,
    })
}

fn lost(error: std::io::Error) -> Error {
    Error::lost(Lost::Io(error))
}

impl Door<Error> for Threaded {
    fn connect<'a>(&'a mut self, hub: &'a Arc<Hub>) -> Work<'a, Result<()>> {
        Box::pin(ready(self.connect_now(hub)))
    }

    fn disconnect(&mut self) -> Work<'_, ()> {
        self.conn = None;
        Box::pin(ready(()))
    }

    fn report<'a>(&'a mut self, error: &'a Error, failed: u32) -> Work<'a, ()> {
        self.teller.error(error, failed);
        Box::pin(ready(()))
    }

    fn reconnected(&mut self, channels: usize) {
        self.teller.reconnected(channels);
    }

    fn run<'a>(&'a mut self, hub: &'a Hub, sql: &'a str, bound: Duration) -> Work<'a, Result<()>> {
        Box::pin(ready(self.run_now(hub, sql, bound)))
    }

    fn wait<'a>(&'a mut self, hub: &'a Hub, until: Option<Instant>) -> Work<'a, Result<()>> {
        Box::pin(ready(self.wait_now(hub, until)))
    }
}
