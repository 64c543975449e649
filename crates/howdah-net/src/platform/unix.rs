//! Linux, macOS, and other Unix systems.

#[cfg(feature = "rustls")]
use std::fs::OpenOptions;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
#[cfg(feature = "rustls")]
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use howdah_protocol::conninfo::System;
use rustix::fd::OwnedFd;
use rustix::io::{Errno, fcntl_dupfd_cloexec, ioctl_fionbio};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType, sockopt};

/// One end of a pair of sockets in this process.
pub type Pipe = UnixStream;

/// Two sockets that are connected with each other.
///
/// # Errors
/// There are too many open files.
pub fn pipe() -> io::Result<(Pipe, Pipe)> {
    UnixStream::pair()
}

/// Whose names and paths the options follow.
pub(crate) const SYSTEM: System = System::Unix;

/// Where servers put their Unix sockets: Debian's place, then PostgreSQL's own default.
pub(crate) const SOCKET_DIRS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// Where the system's service file may be: Debian's place, Red Hat's, then PostgreSQL's own default.
pub(crate) const CONFIG_DIRS: &[&str] = &[
    "/etc/postgresql-common",
    "/etc/sysconfig/pgsql",
    "/usr/local/pgsql/etc",
];

/// Where the user's files are.
pub(crate) fn home() -> Option<String> {
    std::env::var("HOME").ok()
}

/// The name of the user that runs this process.
pub(crate) fn os_user() -> Option<String> {
    user_name(rustix::process::geteuid().as_raw())
        .or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
}

/// The name of the user with this id, if the system's list has it.
fn user_name(uid: u32) -> Option<String> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Whether others than its owner may use a file.
pub(crate) fn is_open_to_others(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// The same for a key: a file of root's may be readable by its group, for keys that belong to the system.
#[cfg(feature = "rustls")]
pub(crate) fn is_key_open_to_others(metadata: &Metadata) -> bool {
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.mode() & forbidden != 0
}

/// What makes a file for its owner alone, where there is none.
#[cfg(feature = "rustls")]
pub(crate) fn for_owner_alone(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// The part of a path where a colon says that it is none.
#[cfg(feature = "rustls")]
pub(crate) fn without_drive(path: &str) -> &str {
    path
}

/// Receiving does not wait.
pub(crate) const RECV_NOW: RecvFlags = RecvFlags::DONTWAIT;

/// Sending neither waits nor raises SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Sending does not wait. That it raises no SIGPIPE is an option of the socket here.
#[cfg(target_vendor = "apple")]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;

/// Whether the error says that a connection has been begun.
pub(crate) fn is_under_way(error: Errno) -> bool {
    matches!(error, Errno::INPROGRESS | Errno::INTR)
}

/// A socket that does not wait, is not inherited by other programs, and raises no signals.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn new_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::net::{SocketFlags, socket_with};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socket_with(family, SocketType::STREAM, flags, None)?)
}

/// The same in steps: a program that another thread starts in between inherits it.
#[cfg(target_vendor = "apple")]
pub(crate) fn new_socket(family: AddressFamily) -> io::Result<OwnedFd> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&fd, true)?;
    sockopt::set_socket_nosigpipe(&fd, true)?;
    Ok(fd)
}

/// Begins to connect to a Unix socket; to one that begins with `@` in the abstract namespace.
pub(crate) fn connect_unix(fd: &OwnedFd, path: &Path) -> io::Result<rustix::io::Result<()>> {
    let address = match path.to_str().and_then(|text| text.strip_prefix('@')) {
        Some(name) => abstract_address(name)?,
        None => SocketAddrUnix::new(path)?,
    };
    Ok(rustix::net::connect(fd, &address))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &str) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new_abstract_name(name.as_bytes())?)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn abstract_address(_name: &str) -> io::Result<SocketAddrUnix> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system has no abstract namespace for Unix sockets",
    ))
}

/// The user that the process at the other end of a Unix socket runs as: the name, or `#` and the number of one that has none.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_user(fd: &OwnedFd) -> io::Result<String> {
    let uid = sockopt::socket_peercred(fd)?.uid.as_raw();
    Ok(user_name(uid).unwrap_or_else(|| format!("#{uid}")))
}

/// The user that the process at the other end of a Unix socket runs as: known on Linux only.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_user(_fd: &OwnedFd) -> io::Result<String> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "this system does not tell them in a way that is known here",
    ))
}

/// Limits how long sent data may stay unacknowledged; where the system has no such limit, as libpq does, nothing.
pub(crate) fn set_user_timeout(fd: &OwnedFd, time: Duration) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(fd, millis)?;
    }
    let _ = (fd, time);
    Ok(())
}

/// A second descriptor of the same socket.
pub(crate) fn duplicate(fd: &OwnedFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(fd, 3)?)
}

/// Whether receiving can wait by itself, see [`set_waiting`].
pub(crate) const RECV_WAITS: bool = true;

/// Makes receiving wait, at most `slice` at a time.
pub(crate) fn set_waiting(fd: &OwnedFd, slice: Duration) -> io::Result<()> {
    ioctl_fionbio(fd, false)?;
    sockopt::set_socket_timeout(fd, sockopt::Timeout::Recv, Some(slice))?;
    Ok(())
}
