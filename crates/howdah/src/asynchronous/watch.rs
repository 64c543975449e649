//! A socket that tokio watches.

use std::io;
use std::net;
use std::os::fd::OwnedFd;
use std::os::unix;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use howdah_net::Socket;
use howdah_net::socket::Peer;

/// A socket with a second descriptor that is registered with tokio.
///
/// All bytes go through the socket, as in the blocking shell. The registered descriptor only tells when it is ready, and
/// leaves the first one free to be registered once more, by the user.
pub(super) struct Watched {
    pub(super) socket: Socket,
    watch: Watch,
}

impl Watched {
    /// Registers a socket that goes to `peer`, or is about to.
    pub(super) fn new(socket: Socket, peer: &Peer) -> io::Result<Self> {
        let watch = Watch::new(socket.duplicate()?, peer)?;
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
pub(super) enum Watch {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Watch {
    /// Registers the second descriptor of a socket that goes to `peer`, or is about to.
    pub(super) fn new(second: OwnedFd, peer: &Peer) -> io::Result<Self> {
        Ok(match peer {
            Peer::Tcp(_) => Self::Tcp(TcpStream::from_std(net::TcpStream::from(second))?),
            Peer::Unix(_) => Self::Unix(UnixStream::from_std(unix::net::UnixStream::from(second))?),
        })
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            Self::Unix(stream) => stream.poll_write_ready(cx),
        }
    }

    /// Does something with the socket that is thought to be ready; `work` tells whether it may be ready for more.
    pub(super) fn attempt(&self, interest: Interest, work: impl FnOnce() -> bool) {
        // Tokio forgets that a descriptor is ready when it hears of this error.
        let work = || match work() {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::WouldBlock)),
        };
        let _ = match self {
            Self::Tcp(stream) => stream.try_io(interest, work),
            Self::Unix(stream) => stream.try_io(interest, work),
        };
    }
}
