//! A connected stream socket, TCP or Unix.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::net::{AddressFamily, RecvFlags, connect, recv, send};

use crate::lend_descriptor;
use crate::platform;

/// The address of a server, as it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket; one that starts with `@` lies in the abstract namespace.
    Unix(PathBuf),
}

/// Options of a TCP socket, as libpq names them.
#[derive(Debug, Clone, Default)]
pub struct TcpOptions {
    /// Whether keepalives are off.
    pub no_keepalives: bool,
    /// Idle time before the first keepalive.
    pub keepalives_idle: Option<Duration>,
    /// Time between keepalives.
    pub keepalives_interval: Option<Duration>,
    /// Lost keepalives before the connection counts as dead.
    pub keepalives_count: Option<u32>,
    /// Time that sent data may stay unacknowledged.
    pub user_timeout: Option<Duration>,
}

/// A connected socket.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// The socket is ready.
    Ready,
    /// The time is over, or a signal came.
    NotYet,
}

impl Socket {
    /// Begins a connection without waiting; it stands when the socket becomes writable, see [`Socket::finish_connect`].
    ///
    /// # Errors
    /// The system refuses at once, for example a Unix socket that does not exist.
    pub fn begin_connect(peer: &Peer, options: &TcpOptions) -> io::Result<Self> {
        let family = match peer {
            Peer::Tcp(SocketAddr::V4(_)) => AddressFamily::INET,
            Peer::Tcp(SocketAddr::V6(_)) => AddressFamily::INET6,
            Peer::Unix(_) => AddressFamily::UNIX,
        };
        let fd = platform::new_socket(family)?;
        let begun = match peer {
            Peer::Tcp(address) => {
                set_tcp_options(&fd, options)?;
                connect(&fd, address)
            }
            Peer::Unix(path) => platform::connect_unix(&fd, path)?,
        };
        match begun {
            Err(error) if !platform::is_under_way(error) => Err(error.into()),
            _ => Ok(Self { fd }),
        }
    }

    /// Tells whether the connection that was begun stands, once the socket is writable.
    ///
    /// # Errors
    /// Why it does not.
    pub fn finish_connect(&self) -> io::Result<()> {
        sockopt::socket_error(&self.fd)?.map_err(io::Error::from)
    }

    /// Takes over a connected descriptor.
    #[must_use]
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self { fd }
    }

    /// Sets the options of a TCP socket that is connected already.
    ///
    /// # Errors
    /// The system's.
    pub fn set_tcp_options(&self, options: &TcpOptions) -> io::Result<()> {
        set_tcp_options(&self.fd, options)
    }

    /// The user that the process at the other end of a Unix socket runs as: the name, or `#` and the number of one that has none.
    ///
    /// # Errors
    /// The system's; one that cannot tell says so.
    pub fn peer_user(&self) -> io::Result<String> {
        platform::peer_user(&self.fd)
    }

    /// A second descriptor of the same socket.
    ///
    /// # Errors
    /// There are too many open files.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        platform::duplicate(&self.fd)
    }

    /// Makes [`Socket::recv`] wait, at most one [`SLICE`] at a time.
    ///
    /// # Errors
    /// The system's.
    pub fn set_waiting(&self) -> io::Result<()> {
        platform::set_waiting(&self.fd, SLICE)
    }

    /// Sends what the kernel takes at once, which may be nothing.
    ///
    /// # Errors
    /// The system's; a full buffer is none.
    pub fn send_now(&self, bytes: &[u8]) -> io::Result<usize> {
        match send(&self.fd, bytes, platform::SEND_FLAGS) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Receives; `None` when nothing came within a slice, see [`Socket::set_waiting`], or a signal did. 0 bytes is the end.
    ///
    /// # Errors
    /// The system's.
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if !platform::RECV_WAITS {
            self.wait(true, false, SLICE)?;
        }
        self.recv_with(buffer, RecvFlags::empty())
    }

    /// Receives what is there; `None` when nothing is. 0 bytes is the end.
    ///
    /// # Errors
    /// The system's.
    pub fn recv_now(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        self.recv_with(buffer, platform::RECV_NOW)
    }

    fn recv_with(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Option<usize>> {
        match recv(&self.fd, buffer, flags) {
            Ok((count, _)) => Ok(Some(count)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends the connection for all who use the socket, without closing the descriptor: who waits for it is woken.
    pub fn shut_down(&self) {
        // A connection that is down already is what was wanted.
        let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Both);
    }

    /// Whether the other end sends no more, or the connection is broken; what it has sent before may still be there to be read.
    ///
    /// It asks the system, and waits for nothing. Linux tells as soon as it knows; others may tell of an end only, not of a half one.
    #[must_use]
    pub fn has_hung_up(&self) -> bool {
        let mut socket = [PollFd::new(&self.fd, HALF_CLOSED)];
        let ended = HALF_CLOSED | PollFlags::HUP | PollFlags::ERR;
        let asked = poll(&mut socket, Some(&Timespec::default()));
        asked.is_ok() && socket.iter().any(|each| each.revents().intersects(ended))
    }

    /// Waits until the socket can be read or, if asked for, written.
    ///
    /// # Errors
    /// The system's.
    pub fn wait(&self, read: bool, write: bool, time: Duration) -> io::Result<Waited> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, read);
        flags.set(PollFlags::OUT, write);
        wait_for(&mut [PollFd::new(&self.fd, flags)], time)
    }

    /// Waits until the socket can be read or, if asked for, written, or until there is something to read from `bell`.
    ///
    /// # Errors
    /// The system's.
    pub fn wait_or_bell(
        &self,
        write: bool,
        bell: &platform::Pipe,
        time: Duration,
    ) -> io::Result<Waited> {
        let mut flags = PollFlags::IN;
        flags.set(PollFlags::OUT, write);
        let bell = PollFd::new(bell, PollFlags::IN);
        wait_for(&mut [PollFd::new(&self.fd, flags), bell], time)
    }
}

/// What tells that the other end has closed its half of a connection, where there is such a thing.
#[cfg(any(target_os = "linux", target_os = "android"))]
const HALF_CLOSED: PollFlags = PollFlags::RDHUP;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const HALF_CLOSED: PollFlags = PollFlags::empty();

/// Waits until one of these is ready.
fn wait_for(these: &mut [PollFd<'_>], time: Duration) -> io::Result<Waited> {
    let timeout = Timespec::try_from(time).unwrap_or(Timespec {
        tv_sec: i64::from(i32::MAX),
        tv_nsec: 0,
    });
    match poll(these, Some(&timeout)) {
        Ok(0) | Err(Errno::INTR) => Ok(Waited::NotYet),
        Ok(_) => Ok(Waited::Ready),
        Err(error) => Err(error.into()),
    }
}

lend_descriptor!(Socket, fd);

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.fd
    }
}

/// Whether the error means that the server has hung up.
#[must_use]
pub fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// How long a single wait may last, so that signals that came to other threads are seen.
pub const SLICE: Duration = Duration::from_millis(100);

/// The time left until `deadline`, at most one [`SLICE`]; `None` when it is over.
#[must_use]
pub fn time_slice(deadline: Option<Instant>) -> Option<Duration> {
    match deadline {
        None => Some(SLICE),
        Some(deadline) => {
            let left = deadline.saturating_duration_since(Instant::now());
            (!left.is_zero()).then(|| left.min(SLICE))
        }
    }
}

fn set_tcp_options(fd: &OwnedFd, options: &TcpOptions) -> io::Result<()> {
    sockopt::set_tcp_nodelay(fd, true)?;
    sockopt::set_socket_keepalive(fd, !options.no_keepalives)?;
    if let Some(idle) = options.keepalives_idle {
        sockopt::set_tcp_keepidle(fd, idle)?;
    }
    if let Some(interval) = options.keepalives_interval {
        sockopt::set_tcp_keepintvl(fd, interval)?;
    }
    if let Some(count) = options.keepalives_count {
        sockopt::set_tcp_keepcnt(fd, count)?;
    }
    if let Some(time) = options.user_timeout {
        platform::set_user_timeout(fd, time)?;
    }
    Ok(())
}
