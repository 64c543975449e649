//! CancelRequest: sent over a connection of its own, which the server closes when it has acted on it.

use std::io;
use std::time::{Duration, Instant};

use crate::connect::{ConnectError, establish};
use crate::socket::{Peer, Socket, TcpOptions, Waited, time_slice};

/// What is needed to cancel a session's running statement, from any thread.
#[derive(Debug, Clone)]
pub struct CancelTarget {
    /// Where the session's server listens.
    pub peer: Peer,
    /// The CancelRequest message.
    pub request: Vec<u8>,
}

impl CancelTarget {
    /// Sends the request and waits until the server has closed the socket: by then it has signalled the session, so a late
    /// cancel cannot hit a statement that is sent afterwards.
    ///
    /// # Errors
    /// The server cannot be reached in `time`, or `go_on` said no.
    pub fn send(
        &self,
        time: Duration,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<(), ConnectError> {
        let deadline = Instant::now().checked_add(time);
        let socket = establish(&self.peer, &TcpOptions::default(), deadline, go_on)?;
        let mut rest = self.request.as_slice();
        while !rest.is_empty() {
            let count = socket.send_now(rest).map_err(ConnectError::Io)?;
            rest = rest.get(count..).unwrap_or_default();
            if count == 0 {
                wait_for(&socket, true, deadline, go_on)?;
            }
        }
        let mut buffer = [0; 64];
        loop {
            match socket.recv_now(&mut buffer) {
                Ok(Some(0)) => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => wait_for(&socket, false, deadline, go_on)?,
                // A server that resets the connection has read the request as well.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(ConnectError::Io(error)),
            }
        }
    }
}

fn wait_for(
    socket: &Socket,
    write: bool,
    deadline: Option<Instant>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<(), ConnectError> {
    loop {
        let Some(slice) = time_slice(deadline) else {
            return Err(ConnectError::TimedOut);
        };
        match socket
            .wait(!write, write, slice)
            .map_err(ConnectError::Io)?
        {
            Waited::Ready => return Ok(()),
            Waited::NotYet if !go_on() => return Err(ConnectError::Interrupted),
            Waited::NotYet => {}
        }
    }
}
