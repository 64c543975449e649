//! Names to addresses, on a thread of its own so that the wait can be given up.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Instant;

use crate::connect::ConnectError;
use crate::lend_descriptor;
use crate::platform::{Pipe, pipe};
use crate::socket::time_slice;

/// Resolves `host`, calling `go_on` every so often; when it says no, or the deadline passes, the wait ends.
///
/// # Errors
/// The name has no address, or the wait was given up.
pub fn resolve(
    host: &str,
    port: u16,
    deadline: Option<Instant>,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let lookup = Lookup::begin(host, port)?;
    loop {
        let Some(slice) = time_slice(deadline) else {
            return Err(ConnectError::TimedOut);
        };
        match lookup.receiver.recv_timeout(slice) {
            Ok(found) => return lookup.judge(found),
            Err(RecvTimeoutError::Disconnected) => return Err(lookup.failed()),
            Err(RecvTimeoutError::Timeout) if !go_on() => return Err(ConnectError::Interrupted),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A name that is being resolved. Its descriptor can be read when there is something to [take](Self::take).
///
/// Dropping it leaves the thread alone, which ends when the system has answered.
#[derive(Debug)]
pub struct Lookup {
    host: String,
    receiver: Receiver<io::Result<Vec<SocketAddr>>>,
    /// The other end is closed when the thread is done.
    done: Pipe,
}

impl Lookup {
    /// Begins, without waiting.
    ///
    /// # Errors
    /// There are too many threads or open files.
    pub fn begin(host: &str, port: u16) -> Result<Self, ConnectError> {
        let (done, bell) = pipe().map_err(ConnectError::Io)?;
        let (sender, receiver) = sync_channel(1);
        let host = host.to_owned();
        let name = host.clone();
        std::thread::Builder::new()
            .name("howdah-resolve".into())
            .spawn(move || {
                let found = (name.as_str(), port).to_socket_addrs();
                // Nobody listens any more if the wait was given up.
                let _ = sender.send(found.map(Iterator::collect::<Vec<_>>));
                drop(bell);
            })
            .map_err(ConnectError::Io)?;
        Ok(Self {
            host,
            receiver,
            done,
        })
    }

    /// What has been found, once that is known. To be asked no more after that.
    #[must_use]
    pub fn take(&self) -> Option<Result<Vec<SocketAddr>, ConnectError>> {
        match self.receiver.try_recv() {
            Ok(found) => Some(self.judge(found)),
            Err(TryRecvError::Disconnected) => Some(Err(self.failed())),
            Err(TryRecvError::Empty) => None,
        }
    }

    fn judge(&self, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, ConnectError> {
        found.map_err(|error| unresolved(&self.host, error))
    }

    fn failed(&self) -> ConnectError {
        let text = format!("could not translate host name \"{}\" to address", self.host);
        ConnectError::Unresolved(text, None)
    }
}

lend_descriptor!(Lookup, done);

/// What a failed lookup of `host` is reported as, whoever looked it up.
#[must_use]
pub fn unresolved(host: &str, error: io::Error) -> ConnectError {
    let text = error.to_string();
    let reason = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text);
    let text = format!("failed to resolve host '{host}': {reason}");
    ConnectError::Unresolved(text, Some(error))
}
