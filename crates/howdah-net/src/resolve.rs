//! Names to addresses, on a thread of its own so that the wait can be given up.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Instant;

use crate::connect::ConnectError;
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
    let (sender, receiver) = sync_channel(1);
    let name = host.to_owned();
    std::thread::Builder::new()
        .name("howdah-resolve".into())
        .spawn(move || {
            let found = (name.as_str(), port).to_socket_addrs();
            // Nobody listens any more if the wait was given up.
            let _ = sender.send(found.map(Iterator::collect::<Vec<_>>));
        })
        .map_err(ConnectError::Io)?;
    loop {
        let Some(slice) = time_slice(deadline) else {
            return Err(ConnectError::TimedOut);
        };
        match receiver.recv_timeout(slice) {
            Ok(Ok(addresses)) => return Ok(addresses),
            Ok(Err(error)) => return Err(unresolved(host, &error)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(ConnectError::Unresolved(format!(
                    "could not translate host name \"{host}\" to address"
                )));
            }
            Err(RecvTimeoutError::Timeout) if !go_on() => return Err(ConnectError::Interrupted),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// What a failed lookup of `host` is reported as, whoever looked it up.
#[must_use]
pub fn unresolved(host: &str, error: &std::io::Error) -> ConnectError {
    let text = error.to_string();
    let reason = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(&text);
    ConnectError::Unresolved(format!("failed to resolve host '{host}': {reason}"))
}
