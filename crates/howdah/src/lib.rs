//! The Rust door of howdah.

pub mod blocking;
pub mod net;
