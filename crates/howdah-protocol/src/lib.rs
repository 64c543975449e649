//! PostgreSQL's frontend/backend protocol, version 3, without I/O.
#![forbid(unsafe_code)]
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(test, allow(clippy::indexing_slicing, clippy::panic))]

pub mod auth;
pub mod connection;
pub mod conninfo;
pub mod error;
pub mod session;
pub mod startup;
pub mod wire;
