//! Sockets and files that Python's code knows by their numbers.

use std::fs::File;
use std::io;

#[cfg(unix)]
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd as OwnedSocket, RawFd as RawSocket};
#[cfg(windows)]
use std::os::windows::io::{FromRawSocket, OwnedSocket, RawSocket};

/// Takes over a socket that Python's `socket.detach()` has let go of; `None` if the number is none of a socket.
pub fn owned_socket(number: i64) -> Option<OwnedSocket> {
    let number = RawSocket::try_from(number).ok().filter(|_| number >= 0)?;
    // SAFETY: the caller is our own Python code, which detached the descriptor from its socket object just before and
    // does not use it any more: it is open, and nobody else closes it.
    #[cfg(unix)]
    let socket = unsafe { OwnedSocket::from_raw_fd(number) };
    // SAFETY: as on Unix.
    #[cfg(windows)]
    let socket = unsafe { OwnedSocket::from_raw_socket(number) };
    Some(socket)
}

/// Opens the file of a descriptor once more.
///
/// # Errors
/// There is none with this number, or there are too many. On Windows the numbers are the C library's: not supported.
#[cfg(unix)]
pub fn open_again(number: i32) -> io::Result<File> {
    if number < 0 {
        return Err(io::Error::from_raw_os_error(BAD_DESCRIPTOR));
    }
    // SAFETY: it is not -1, and is borrowed for one call only, which says so if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned().map(File::from)
}

/// `EBADF`, the same on every Unix.
#[cfg(unix)]
const BAD_DESCRIPTOR: i32 = 9;

/// Opens the file of a descriptor once more: not on Windows, where the numbers are the C library's.
///
/// # Errors
/// That.
#[cfg(windows)]
pub fn open_again(_number: i32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
