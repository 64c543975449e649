//! The Rust door of howdah.
