//! The only room with unsafe code: what CPython's C API offers and PyO3 does not wrap.
//!
//! Every other crate of the workspace forbids `unsafe`, so what is in here is offered as safe functions.

pub mod arrow;
pub mod awaitable;
pub mod context;
pub mod decimal;
pub mod slots;
pub mod values;

/// Takes over a descriptor that Python's `socket.detach()` has let go of.
pub fn owned_fd(fd: i32) -> std::os::fd::OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: the caller is our own Python code, which detached the descriptor from its socket object just before and
    // does not use it any more: it is open, and nobody else closes it.
    unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) }
}
