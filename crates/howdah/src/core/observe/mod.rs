//! What a program's traces have of connections and what is done on them: with the feature `tracing` spans and events, without it
//! nothing, at no cost.
//!
//! Literals in statements are blanked, since they may be passwords. Values of parameters get here only where the configuration asks for them.

#[cfg(feature = "tracing")]
mod blanked;
#[cfg(feature = "tracing")]
mod events;
#[cfg(not(feature = "tracing"))]
mod silent;
#[cfg(feature = "tracing")]
mod traced;
#[cfg(feature = "tracing")]
mod transfers;
#[cfg(feature = "tracing")]
mod values;

#[cfg(feature = "tracing")]
pub(crate) use events::{ListenerWatch, notice, repeated, transaction_repeated};
#[cfg(not(feature = "tracing"))]
pub(crate) use silent::{
    CopyWatch, Dialling, Life, ListenerWatch, ObjectWatch, Place, StreamWatch, Watch, notice,
    repeated, transaction_repeated,
};
#[cfg(feature = "tracing")]
pub(crate) use traced::{Dialling, Life, Place, Watch};
#[cfg(feature = "tracing")]
pub(crate) use transfers::{CopyWatch, ObjectWatch, StreamWatch};
