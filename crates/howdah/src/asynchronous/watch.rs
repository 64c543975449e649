//! A socket that tokio watches.

use std::io;
use std::net;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::TcpStream;

use howdah_net::Socket;
use howdah_net::platform::OwnedFd;

/// A socket with a second descriptor that is registered with tokio.
///
/// All bytes go through the socket, as in the blocking shell. The registered descriptor only tells when it is ready, and
/// leaves the first one free to be registered once more, by the user.
pub(super) struct Watched {
    pub(super) socket: Socket,
    watch: Watch,
}

impl Watched {
    /// Registers a socket that is connected, or is about to be.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        let watch = Watch::new(socket.duplicate()?)?;
        Ok(Self { socket, watch })
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch.poll_read_ready(cx)
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch.poll_write_ready(cx)
    }

    /// Does something with the socket that is thought to be ready; `work` tells whether it may be ready for more.
    pub(super) fn attempt(&self, interest: Interest, work: impl FnOnce(&Socket) -> bool) {
        self.watch.attempt(interest, || work(&self.socket));
    }
}

/// A second descriptor of a socket, registered with tokio.
///
/// Of what tokio can do with a `TcpStream` nothing is used that a Unix socket does not have: it only tells when it is ready.
pub(super) struct Watch(TcpStream);

impl Watch {
    /// Registers the second descriptor of a socket that is connected, or is about to be.
    pub(super) fn new(second: OwnedFd) -> io::Result<Self> {
        Ok(Self(TcpStream::from_std(net::TcpStream::from(second))?))
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read_ready(cx)
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }

    /// Does something with the socket that is thought to be ready; `work` tells whether it may be ready for more.
    pub(super) fn attempt(&self, interest: Interest, work: impl FnOnce() -> bool) {
        // Tokio forgets that a descriptor is ready when it hears of this error.
        let work = || match work() {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        };
        let _ = self.0.try_io(interest, work);
    }
}
