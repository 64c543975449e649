//! What the server has said, and nobody has taken.

use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};

use super::eventually;

/// The socket of a connection once more.
pub(crate) fn socket_of(conn: &impl AsFd) -> TcpStream {
    let socket: OwnedFd = conn.as_fd().try_clone_to_owned().unwrap();
    TcpStream::from(socket)
}

/// Waits until such bytes lie in the socket, without taking them.
pub(crate) fn wait_until_it_lies_in(socket: &TcpStream, is_there: impl Fn(&[u8]) -> bool) {
    let mut seen = [0; 16_384];
    eventually(|| {
        let len = socket.peek(&mut seen).unwrap_or(0);
        is_there(&seen[..len])
    });
}
