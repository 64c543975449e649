//! One cancel request on its way, without waiting.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::CancelTarget;
use crate::connect::ConnectError;
use crate::lend_descriptor;
use crate::socket::{Socket, TcpOptions, Waited, is_reset, time_slice};
use crate::tls::{Change, Tunnel};

/// What a server may say before it closes the socket. It has nothing to say; but one that never stops is not to be read for ever.
const MOST_HEARD: usize = 64 * 1024;

/// A cancel request on its way, from [`CancelTarget::begin`]. Nothing in it waits, and it needs no thread.
///
/// Call [`advance`](Self::advance); wait until the descriptor can be read or written, as it says, but not longer than until
/// [`deadline`](Self::deadline); and call it again, in either case. Dropping it closes the socket: what has been sent
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
        let tunnel = target.tls.as_ref().map(Tunnel::again).transpose();
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
            if let Some(need) = self.send()? {
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

    /// When [`advance`](Self::advance) gives up.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
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
            let slice = time_slice(Some(self.deadline)).ok_or(ConnectError::TimedOut)?;
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
    fn send(&mut self) -> Result<Option<Progress>, ConnectError> {
        while !self.rest.is_empty() {
            let outgoing = match &mut self.tunnel {
                Some(tunnel) => tunnel.outgoing(&self.rest),
                None => &self.rest,
            };
            if outgoing.is_empty() {
                // The server's part of the handshake is missing.
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
        let count = match self
            .socket
            .recv_now(tunnel.spare())
            .map_err(ConnectError::Io)?
        {
            None => return Ok(false),
            Some(0) => {
                return Err(ConnectError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            Some(count) => count,
        };
        let heard = &mut self.heard;
        let change = tunnel.received(count, &mut |plain| *heard += plain.len());
        match change.map_err(not_encrypted)? {
            Change::Refused => Err(not_encrypted("the server has no TLS for it")),
            Change::None | Change::Open(..) => Ok(true),
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
