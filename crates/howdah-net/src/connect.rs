//! Reaching a server: one address at a time, with a deadline, and a way to give up.

use std::fmt;
use std::io;
use std::time::Instant;

use crate::socket::{Peer, Socket, TcpOptions, Waited, time_slice};

/// Why a server was not reached.
#[derive(Debug)]
pub enum ConnectError {
    /// The name has no address: the text tells why, and the error is the system's, where it was asked.
    Unresolved(String, Option<io::Error>),
    /// The server runs as another user than `requirepeer` says: the text tells both.
    WrongPeer(String),
    /// The system's error.
    Io(io::Error),
    /// The time was over.
    TimedOut,
    /// The caller gave up.
    Interrupted,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(text, _) | Self::WrongPeer(text) => f.write_str(text),
            Self::Io(error) => f.write_str(&os_message(error)),
            Self::TimedOut => f.write_str("connection timeout expired"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) | Self::Unresolved(_, Some(error)) => Some(error),
            _ => None,
        }
    }
}

/// Connects a socket to `peer`, calling `go_on` every so often; when it says no, or the deadline passes, it gives up.
///
/// # Errors
/// The system's, or the wait was given up.
pub fn establish(
    peer: &Peer,
    options: &TcpOptions,
    deadline: Option<Instant>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Socket, ConnectError> {
    let socket = Socket::begin_connect(peer, options).map_err(ConnectError::Io)?;
    loop {
        let Some(slice) = time_slice(deadline) else {
            return Err(ConnectError::TimedOut);
        };
        match socket.wait(false, true, slice).map_err(ConnectError::Io)? {
            Waited::Ready => break,
            Waited::NotYet if !go_on() => return Err(ConnectError::Interrupted),
            Waited::NotYet => {}
        }
    }
    socket.finish_connect().map_err(ConnectError::Io)?;
    Ok(socket)
}

/// The system's words without Rust's `(os error N)`.
pub(crate) fn os_message(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}
