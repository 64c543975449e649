//! One cancel request on its way, without waiting.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use howdah_protocol::startup::EncryptionError;

use super::CancelTarget;
use crate::connect::ConnectError;
use crate::lend_descriptor;
use crate::socket::{Socket, TcpOptions, Waited, is_reset, time_slice};
use crate::tunnel::{Change, Tunnel};

/// What a server may say before it closes the socket. It has nothing to say; but one that never stops is not to be read for ever.
const MOST_HEARD: usize = 64 * 1024;

/// A cancel request on its way, from [`CancelTarget::begin`]. Nothing in it waits, and it needs no thread.
///
/// Call [`advance`](Self::advance); wait until the descriptor can be read or written, as it says, but not longer than until
/// [`poll_timeout`](Self::poll_timeout); and call it again, in either case. Dropping it closes the socket: what has been sent
/// cannot be taken back.
pub struct CancelRequest {
    socket: Socket,
    stage: Stage,
    /// What is still to be sent.
    rest: Vec<u8>,
    /// What it goes through, if it is encrypted.
    tunnel: Option<Box<Tunnel>>,
    heard: usize,
    deadline: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Sending,
    /// The server has the request. It closes the socket when it has signalled the session.
    Closing,
}

/// How far a [`CancelRequest`] is.
///
/// A need is what the kernel has said of the socket in this very call, after everything before it was used up. So a
/// reactor that tells of changes only can be used, as well as one that tells of states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The server has acted on the request.
    Done,
    /// It goes on when the socket can be read.
    NeedReadable,
    /// It goes on when the socket can be written.
    NeedWritable,
}

impl CancelRequest {
    pub(super) fn begin(target: &CancelTarget, deadline: Instant) -> Result<Self, ConnectError> {
        let socket = Socket::begin_connect(&target.peer, &TcpOptions::default());
        let tunnel = target.route.as_ref().map(Tunnel::again).transpose();
        Ok(Self {
            socket: socket.map_err(ConnectError::Io)?,
            stage: Stage::Connecting,
            rest: target.request.clone(),
            tunnel: tunnel.map_err(not_encrypted)?.map(Box::new),
            heard: 0,
            deadline,
        })
    }

    /// Does what can be done without waiting. It may be called at any time, also before what it asked for has happened.
    ///
    /// # Errors
    /// The server cannot be reached, or `now` is not before the deadline. Nothing is sent after that, but what the server has
    /// said by then counts. The request is over: drop it.
    pub fn advance(&mut self, now: Instant) -> Result<Progress, ConnectError> {
        if self.stage == Stage::Connecting {
            self.check_time(now)?;
            if !self.connected()? {
                return Ok(Progress::NeedWritable);
            }
            self.stage = Stage::Sending;
        }
        if self.stage == Stage::Sending {
            self.check_time(now)?;
            if let Some(need) = self.send(now)? {
                return Ok(need);
            }
            self.stage = Stage::Closing;
        }
        if self.closed()? {
            return Ok(Progress::Done);
        }
        self.check_time(now)?;
        Ok(Progress::NeedReadable)
    }

    /// When to call [`advance`](Self::advance) at the latest: then it gives up, or has to look at what tells nobody that it has
    /// ended. What comes later may be sooner than what was said before.
    #[must_use]
    pub fn poll_timeout(&self) -> Instant {
        match self.preparing() {
            Some(due) => due.min(self.deadline),
            None => self.deadline,
        }
    }

    /// Until when nothing can be sent, though the socket would take it; `None` where only the socket counts.
    #[must_use]
    pub fn preparing(&self) -> Option<Instant> {
        let tunnel = self.tunnel.as_ref()?;
        tunnel.poll_timeout().filter(|_| !self.is_sent())
    }

    /// Has it give up at `deadline`, if it was given longer.
    pub fn hasten(&mut self, deadline: Instant) {
        self.deadline = self.deadline.min(deadline);
    }

    /// Whether the server may have it: then it may be acted on even after it was dropped.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.stage == Stage::Closing
    }

    /// Waits until the server has closed the socket, or the time is over; `go_on` is asked every so often.
    ///
    /// # Errors
    /// As [`advance`](Self::advance), or `go_on` said no: then it can be gone on with.
    pub fn wait(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<(), ConnectError> {
        loop {
            let write = match self.advance(Instant::now())? {
                Progress::Done => return Ok(()),
                Progress::NeedReadable => false,
                Progress::NeedWritable => true,
            };
            let until = self.poll_timeout();
            let slice = time_slice(Some(until)).unwrap_or_default();
            let waited = self.socket.wait(!write, write, slice);
            if waited.map_err(ConnectError::Io)? == Waited::NotYet && !go_on() {
                return Err(ConnectError::Interrupted);
            }
        }
    }

    fn check_time(&self, now: Instant) -> Result<(), ConnectError> {
        match now < self.deadline {
            true => Ok(()),
            false => Err(ConnectError::TimedOut),
        }
    }

    fn connected(&self) -> Result<bool, ConnectError> {
        let waited = self.socket.wait(false, true, Duration::ZERO);
        if waited.map_err(ConnectError::Io)? == Waited::NotYet {
            return Ok(false);
        }
        self.socket.finish_connect().map_err(ConnectError::Io)?;
        Ok(true)
    }

    /// Sends what is left; tells what it needs to go on, if it does.
    fn send(&mut self, now: Instant) -> Result<Option<Progress>, ConnectError> {
        while !self.rest.is_empty() {
            self.through_tunnel(|tunnel, deliver| tunnel.advance(now, deliver))?;
            let outgoing = match &mut self.tunnel {
                Some(tunnel) => tunnel.outgoing(&self.rest),
                None => &self.rest,
            };
            if outgoing.is_empty() {
                // The server's part of the handshake is missing, or this side's.
                if !self.receive_handshake()? {
                    return Ok(Some(Progress::NeedReadable));
                }
                continue;
            }
            let count = match self.socket.send_now(outgoing).map_err(ConnectError::Io)? {
                0 => return Ok(Some(Progress::NeedWritable)),
                count => count,
            };
            let count = match &mut self.tunnel {
                Some(tunnel) => tunnel.sent(count),
                None => count,
            };
            self.rest.drain(..count);
        }
        Ok(None)
    }

    /// Takes in what the server says before the request can be sent; tells whether it said anything.
    fn receive_handshake(&mut self) -> Result<bool, ConnectError> {
        let Some(tunnel) = &mut self.tunnel else {
            return Ok(false);
        };
        let received = self.socket.recv_now(tunnel.spare());
        let count = match received.map_err(ConnectError::Io)? {
            None => return Ok(false),
            Some(0) => {
                return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            Some(count) => count,
        };
        self.through_tunnel(|tunnel, deliver| tunnel.received(count, deliver))?;
        Ok(true)
    }

    fn through_tunnel(
        &mut self,
        act: impl FnOnce(&mut Tunnel, &mut dyn FnMut(&[u8])) -> Result<Change, EncryptionError>,
    ) -> Result<(), ConnectError> {
        let Some(tunnel) = &mut self.tunnel else {
            return Ok(());
        };
        let heard = &mut self.heard;
        match act(tunnel, &mut |plain| *heard += plain.len()).map_err(not_encrypted)? {
            Change::Refused(_) => Err(not_encrypted("the server does not have that any more")),
            Change::None | Change::Open(_) => Ok(()),
        }
    }

    fn closed(&mut self) -> Result<bool, ConnectError> {
        let mut buffer = [0; 1024];
        loop {
            match self.socket.recv_now(&mut buffer) {
                Ok(Some(0)) => return Ok(true),
                Ok(Some(count)) => self.heard += count,
                Ok(None) => return Ok(false),
                // A server that resets the connection has read the request as well.
                Err(error) if is_reset(&error) => return Ok(true),
                Err(error) => return Err(ConnectError::Io(error)),
            }
            if self.heard > MOST_HEARD {
                let text = "the server answers a cancel request, which it only has to close";
                let error = io::Error::new(io::ErrorKind::InvalidData, text);
                return Err(ConnectError::Io(error));
            }
        }
    }
}

/// The session is encrypted, and so would its cancel request have to be.
fn not_encrypted(why: impl fmt::Display) -> ConnectError {
    let text = format!("it cannot be encrypted as the session is: {why}");
    ConnectError::Io(io::Error::new(io::ErrorKind::InvalidData, text))
}

lend_descriptor!(
    /// The socket, to wait for it. It is the same one until the end.
    CancelRequest,
    socket
);

impl fmt::Debug for CancelRequest {
    /// Without the session's secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelRequest")
            .field("stage", &self.stage)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
