//! What systems do differently about sockets. The table of docs/platforms.md says what each lacks.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketType};

/// Sending neither waits nor raises SIGPIPE.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Sending does not wait. That it raises no SIGPIPE is an option of the socket here.
#[cfg(target_vendor = "apple")]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT;

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
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    let fd = rustix::net::socket(family, SocketType::STREAM, None)?;
    fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&fd, true)?;
    rustix::net::sockopt::set_socket_nosigpipe(&fd, true)?;
    Ok(fd)
}

/// The user that the process at the other end of a Unix socket runs as.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_uid(fd: &OwnedFd) -> io::Result<u32> {
    Ok(rustix::net::sockopt::socket_peercred(fd)?.uid.as_raw())
}

/// The user that the process at the other end of a Unix socket runs as: known on Linux only.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_uid(_fd: &OwnedFd) -> io::Result<u32> {
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
        rustix::net::sockopt::set_tcp_user_timeout(fd, millis)?;
    }
    let _ = (fd, time);
    Ok(())
}

/// The address of a Unix socket; of one that begins with `@` in the abstract namespace.
pub(crate) fn unix_address(path: &std::path::Path) -> io::Result<SocketAddrUnix> {
    if let Some(name) = path.to_str().and_then(|text| text.strip_prefix('@')) {
        return abstract_address(name);
    }
    Ok(SocketAddrUnix::new(path)?)
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
