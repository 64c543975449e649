//! The blocking loop: moves bytes between a socket and a session until an exchange is over.
//!
//! A shell that waits by other means, such as tokio's reactor, takes the steps themselves: [`hand_out`] what has come, [`flush`]
//! what is outgoing, wait until the socket can be read (or written, if `flush` gave `false`), receive, [`take_in`], and again.

use std::io;
use std::time::Instant;

use howdah_protocol::connection::{Error, Notification};
use howdah_protocol::session::{ExchangeId, Outcome, Progress};
use howdah_protocol::wire::Diagnostic;

use crate::link::Link;
use crate::socket::{SLICE, Socket, is_reset, time_slice};

/// Why [`drive`] came back.
#[derive(Debug)]
pub enum Step {
    /// An exchange has been answered; go on by calling again.
    Ended(ExchangeId, Box<Outcome>),
    /// What was waited for has happened.
    Done,
    /// The server is to be asked to cancel what it runs; then call
    /// [`cancel_request_ended`](howdah_protocol::session::Session::cancel_request_ended), and go on.
    SendCancel,
    /// A notice came; go on by calling again.
    Notice(Diagnostic),
    /// A notification came; go on by calling again.
    Notification(Notification),
    /// A time slice went by, or a signal came, or the session has more to do; go on by calling again.
    Interrupted,
    /// The deadline passed.
    TimedOut,
}

/// Why the connection cannot be used any more.
#[derive(Debug)]
pub enum Lost {
    /// What the session says.
    Session(Error),
    /// What the system says.
    Io(io::Error),
}

impl From<Error> for Lost {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

/// When [`drive`] has nothing left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// The session rests: all that was asked has been answered, and nothing is left of what was interrupted.
    Idle,
    /// All that was asked has been sent; answers that have come meanwhile are taken in.
    Sent,
    /// Rows of this exchange have come, or it is answered.
    Rows(ExchangeId),
    /// Results of this exchange have come, or its error, or it is answered.
    Results(ExchangeId),
    /// Nothing: it goes on until something has to be handed out, or the deadline passes.
    Heard,
}

/// Moves bytes until what is wanted has happened, something has to be handed out, or the deadline passes.
///
/// It also comes back, with [`Step::Interrupted`], after every time slice, however busy the socket is: there a caller looks for
/// Ctrl-C, holding no lock. The socket must have been set up with [`prepare`].
///
/// # Errors
/// The connection is lost: the socket must be closed.
pub fn drive(
    link: &mut Link,
    socket: &Socket,
    until: Until,
    deadline: Option<Instant>,
) -> Result<Step, Lost> {
    let mut looked = false;
    let began = Instant::now();
    let mut now = began;
    loop {
        match turn(link, socket, until, deadline, now)? {
            // What is there already counts as having been heard in time: a deadline of now is a look without a wait. An answer
            // that is not complete by then is late, or a server that talks without end would never be.
            Some(Step::TimedOut)
                if until == Until::Heard && !looked && try_receive(link, socket)? =>
            {
                looked = true;
            }
            Some(Step::Done) if until == Until::Sent && !looked && try_receive(link, socket)? => {
                looked = true;
            }
            Some(step) => return Ok(step),
            None => {}
        }
        now = Instant::now();
        if now.saturating_duration_since(began) >= SLICE {
            return Ok(Step::Interrupted);
        }
    }
}

/// One turn of [`drive`] at the time `now`: hands out what has come, sends what is outgoing, and receives once. `None` means
/// go on.
///
/// # Errors
/// The connection is lost: the socket must be closed.
pub fn turn(
    link: &mut Link,
    socket: &Socket,
    until: Until,
    deadline: Option<Instant>,
    now: Instant,
) -> Result<Option<Step>, Lost> {
    match hand_out(link, until, now).inspect_err(|_| take_leave(link, socket))? {
        Some(Step::Interrupted) if time_slice(deadline).is_none() => {
            return Ok(Some(Step::TimedOut));
        }
        Some(step) => return Ok(Some(step)),
        None => {}
    }
    let blocked = !flush(link, socket)?;
    if is_done(link, until, blocked) {
        return Ok(Some(Step::Done));
    }
    // When the session wants to do something by itself: what has just been sent may be what it waited for.
    let due = link.poll_timeout();
    let received = if blocked || deadline.is_some() || due.is_some() {
        let Some(slice) = time_slice(deadline) else {
            return Ok(Some(Step::TimedOut));
        };
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let slice = left.map_or(slice, |left| left.min(slice));
        socket.wait(true, blocked, slice).map_err(Lost::Io)?;
        socket.recv_now(link.spare())
    } else {
        socket.recv(link.spare())
    };
    let came = take_in(link, received)?;
    Ok((!came).then_some(Step::Interrupted))
}

/// Whether what is waited for has happened; `blocked` says whether something is still to be sent.
#[must_use]
pub fn is_done(link: &Link, until: Until, blocked: bool) -> bool {
    match until {
        Until::Sent => !blocked,
        Until::Rows(id) => link.has_rows(id),
        Until::Results(id) => link.has_partial(id),
        Until::Idle | Until::Heard => false,
    }
}

/// What [`look`] came back with.
#[derive(Debug)]
pub enum Look {
    /// What [`drive`] would give.
    Step(Step),
    /// Nothing can be done before the socket can be read, or with `write` be written, or a moment has come.
    Wait {
        /// Whether there is something to be sent.
        write: bool,
        /// When to look again, whatever happens.
        until: Option<Instant>,
    },
}

/// What [`drive`] does between two waits, for a caller that waits by other means.
///
/// # Errors
/// The connection is lost: the socket must be closed.
pub fn look(
    link: &mut Link,
    socket: &Socket,
    until: Until,
    deadline: Option<Instant>,
) -> Result<Look, Lost> {
    let began = Instant::now();
    let mut now = began;
    let mut late = false;
    loop {
        match hand_out(link, until, now).inspect_err(|_| take_leave(link, socket))? {
            Some(Step::Interrupted) if late => return Ok(Look::Step(Step::TimedOut)),
            Some(step) => return Ok(Look::Step(step)),
            None => {}
        }
        let write = !flush(link, socket)?;
        let done = is_done(link, until, write);
        // What has come while it was sent is taken in all the same.
        let came = !late && (!done || until == Until::Sent) && try_receive(link, socket)?;
        if done && !came {
            return Ok(Look::Step(Step::Done));
        }
        if late {
            return Ok(Look::Step(Step::TimedOut));
        }
        late = deadline.is_some_and(|deadline| deadline <= now);
        if !came && !late {
            let until = deadline.into_iter().chain(link.poll_timeout()).min();
            return Ok(Look::Wait { write, until });
        }
        now = Instant::now();
        if now.saturating_duration_since(began) >= SLICE {
            return Ok(Look::Step(Step::Interrupted));
        }
    }
}

/// Receives what is there, without waiting; tells whether anything was.
///
/// # Errors
/// The connection is lost: the socket must be closed.
pub fn try_receive(link: &mut Link, socket: &Socket) -> Result<bool, Lost> {
    let received = socket.recv_now(link.spare());
    take_in(link, received)
}

/// What the bytes received so far give, if they give anything. `None` means that more has to be received.
///
/// To be called before each wait: until it gives `None`, what it would give lies there already.
///
/// # Errors
/// The server broke the protocol or ended the session: the socket must be closed.
pub fn hand_out(link: &mut Link, until: Until, now: Instant) -> Result<Option<Step>, Lost> {
    Ok(match link.advance(now)? {
        Progress::Ended(id, outcome) => Some(Step::Ended(id, outcome)),
        Progress::Idle if until == Until::Idle => Some(Step::Done),
        Progress::Notice(notice) => Some(Step::Notice(notice)),
        Progress::Notification(notification) => Some(Step::Notification(notification)),
        Progress::SendCancel => Some(Step::SendCancel),
        Progress::Working => Some(Step::Interrupted),
        Progress::Idle | Progress::NeedInput => None,
    })
}

/// Notes what was received into [`Link::spare`], as [`Socket::recv`] or [`Socket::recv_now`] gave it; tells whether anything
/// was.
///
/// # Errors
/// It was the end or an error, and the connection is lost: the socket must be closed.
pub fn take_in(link: &mut Link, received: io::Result<Option<usize>>) -> Result<bool, Lost> {
    match received {
        Ok(Some(0)) => Err(link.eof().into()),
        Ok(Some(count)) => {
            link.received(count);
            Ok(true)
        }
        Ok(None) => {
            link.nothing_came();
            Ok(false)
        }
        Err(error) => Err(lost(link, error)),
    }
}

/// Sends what is outgoing, as far as the kernel takes it without waiting; tells whether all of it went.
///
/// Where it did not, go on reading while the socket cannot be written: the server may wait for that.
///
/// A server that has hung up may have said why. That is still to be read, so such an error is not given here: it waits for the
/// end of input.
///
/// # Errors
/// The connection is lost: the socket must be closed.
pub fn flush(link: &mut Link, socket: &Socket) -> Result<bool, Lost> {
    while !link.outgoing().is_empty() {
        match socket.send_now(link.outgoing()) {
            Ok(0) => return Ok(false),
            Ok(count) => link.sent(count),
            Err(error) if is_reset(&error) => {
                let rest = link.outgoing().len();
                link.sent(rest);
            }
            Err(error) => return Err(Lost::Io(error)),
        }
    }
    Ok(true)
}

/// Sends what TLS has to say about its end, as far as the kernel takes it: the server logs why it was refused.
///
/// To be called when [`hand_out`] has given an error.
pub fn take_leave(link: &mut Link, socket: &Socket) {
    if link.is_refusing() {
        // The connection is lost anyway.
        let _ = flush(link, socket);
    }
}

/// Waits for one slice at a time in [`Socket::recv`].
///
/// # Errors
/// The system's.
pub fn prepare(socket: &Socket) -> io::Result<()> {
    socket.set_waiting()
}

/// The end of a connection by an error of its socket: of one that was reset, what the server said before tells more.
pub fn lost(link: &mut Link, error: io::Error) -> Lost {
    if !is_reset(&error) {
        return Lost::Io(error);
    }
    match link.eof() {
        Error::Disconnected(None) => Lost::Io(error),
        told => Lost::Session(told),
    }
}
