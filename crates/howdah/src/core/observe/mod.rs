//! What a program's traces have of connections and statements: with the feature `tracing` spans and events, without it nothing,
//! at no cost.
//!
//! No value of a parameter gets here, and literals in statements are blanked: they may be passwords.

#[cfg(feature = "tracing")]
mod blanked;
#[cfg(not(feature = "tracing"))]
mod silent;
#[cfg(feature = "tracing")]
mod traced;

#[cfg(not(feature = "tracing"))]
pub(crate) use silent::{Dialling, Place, Watch, notice};
#[cfg(feature = "tracing")]
pub(crate) use traced::{Dialling, Place, Watch, notice};
