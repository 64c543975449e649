//! What systems do differently: the only room whose code depends on the system. Both halves offer the same; the table of
//! docs/platforms.md says what each system lacks.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(unix)]
pub use unix::{Pipe, pipe};

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;
#[cfg(windows)]
pub use windows::{Pipe, pipe};

#[cfg(not(any(unix, windows)))]
compile_error!(
    "howdah connects on Unix and on Windows: howdah-net uses sockets, poll() and files. The crates howdah-protocol and howdah-types \
     have no such needs."
);

// A descriptor is a socket on Windows.
pub use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Implements `AsFd` for a type, by a field of it that does; on Windows `AsSocket`.
#[cfg(unix)]
#[macro_export]
macro_rules! lend_descriptor {
    ($(#[$doc:meta])* $type:ty, $($field:ident).+) => {
        impl ::std::os::fd::AsFd for $type {
            $(#[$doc])*
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                ::std::os::fd::AsFd::as_fd(&self.$($field).+)
            }
        }
    };
}

/// Implements `AsSocket` for a type, by a field of it that does; on Unix `AsFd`.
#[cfg(windows)]
#[macro_export]
macro_rules! lend_descriptor {
    ($(#[$doc:meta])* $type:ty, $($field:ident).+) => {
        impl ::std::os::windows::io::AsSocket for $type {
            $(#[$doc])*
            fn as_socket(&self) -> ::std::os::windows::io::BorrowedSocket<'_> {
                ::std::os::windows::io::AsSocket::as_socket(&self.$($field).+)
            }
        }
    };
}
