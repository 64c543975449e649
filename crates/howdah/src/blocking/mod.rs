//! The blocking shell.

pub mod drive;
