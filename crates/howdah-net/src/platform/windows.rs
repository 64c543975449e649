//! Windows. A descriptor is a socket there, and a socket is TCP.
//!
//! Every socket is non-blocking for good: there is no flag for one call that is not to wait.

use std::fs::Metadata;
#[cfg(feature = "rustls")]
use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use howdah_protocol::conninfo::System;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{AddressFamily, RecvFlags, SendFlags};
use socket2::{Domain, Protocol, Type};

/// One end of a pair of sockets in this process.
pub type Pipe = TcpStream;

/// Two sockets that are connected with each other, over the loopback address.
///
/// # Errors
/// There are no ports left, or another program has connected in between.
pub fn pipe() -> io::Result<(Pipe, Pipe)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    let (other, peer) = listener.accept()?;
    if peer != one.local_addr()? {
        return Err(io::Error::other(
            "another program has connected to a port of this one",
        ));
    }
    Ok((one, other))
}

/// Whose names and paths the options follow.
pub(crate) const SYSTEM: System = System::Windows;

/// Servers are reached by TCP.
pub(crate) const SOCKET_DIRS: &[&str] = &[];

/// PostgreSQL has no place of its own here: `PGSYSCONFDIR` names one.
pub(crate) const CONFIG_DIRS: &[&str] = &[];

/// Where the user's files are.
pub(crate) fn home() -> Option<String> {
    filled("APPDATA").map(|roaming| format!("{roaming}/postgresql"))
}

/// The name of the user that runs this process.
pub(crate) fn os_user() -> Option<String> {
    filled("USERNAME")
}

fn filled(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether others than its owner may use a file: not looked at, as by libpq.
pub(crate) fn is_open_to_others(_metadata: &Metadata) -> bool {
    false
}

/// The same for a key.
#[cfg(feature = "rustls")]
pub(crate) fn is_key_open_to_others(_metadata: &Metadata) -> bool {
    false
}

/// What makes a file for its owner alone, where there is none: its directory decides that here.
#[cfg(feature = "rustls")]
pub(crate) fn for_owner_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The part of a path where a colon says that it is none.
#[cfg(feature = "rustls")]
pub(crate) fn without_drive(path: &str) -> &str {
    match path.as_bytes() {
        [_, b':', ..] => path.get(2..).unwrap_or_default(),
        _ => path,
    }
}

/// Receiving does not wait.
pub(crate) const RECV_NOW: RecvFlags = RecvFlags::empty();

/// Sending does not wait.
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::empty();

/// Whether the error says that a connection has been begun.
pub(crate) fn is_under_way(error: Errno) -> bool {
    matches!(error, Errno::WOULDBLOCK | Errno::INPROGRESS)
}

/// A socket that does not wait, and is not inherited by other programs.
pub(crate) fn new_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    let domain = match family {
        AddressFamily::INET => Domain::IPV4,
        AddressFamily::INET6 => Domain::IPV6,
        _ => return Err(no_unix_sockets()),
    };
    let socket = socket2::Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Begins to connect to a Unix socket: never.
pub(crate) fn connect_unix(_fd: &OwnedFd, _path: &Path) -> io::Result<rustix::io::Result<()>> {
    Err(no_unix_sockets())
}

fn no_unix_sockets() -> io::Error {
    let text = "Unix sockets are not supported on Windows: name a host or an address";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// The user that the process at the other end of a Unix socket runs as: there are no such sockets.
pub(crate) fn peer_user(_fd: &OwnedFd) -> io::Result<String> {
    Err(no_unix_sockets())
}

/// Limits how long sent data may stay unacknowledged: as libpq does, nothing.
pub(crate) fn set_user_timeout(_fd: &OwnedFd, _time: Duration) -> io::Result<()> {
    Ok(())
}

/// A second descriptor of the same socket.
pub(crate) fn duplicate(fd: &OwnedFd) -> io::Result<OwnedFd> {
    fd.try_clone()
}

/// Whether receiving can wait by itself, see [`set_waiting`]. Here a timeout of the socket would leave it unusable.
pub(crate) const RECV_WAITS: bool = false;

/// Makes receiving wait: the socket has nothing to do with that.
pub(crate) fn set_waiting(fd: &OwnedFd, _slice: Duration) -> io::Result<()> {
    Ok(ioctl_fionbio(fd, true)?)
}
