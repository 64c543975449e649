//! Development tools of howdah: a scripted server, in memory and behind a socket, and ways to cut a byte stream.
//!
//! A [`Script`] says what the server expects and answers. [`Pair`] plays it in memory against any engine that turns bytes
//! into bytes; [`MockServer`] plays it on a TCP port or a Unix socket. [`Chunking`] cuts what the server sends.
#![forbid(unsafe_code)]

mod chunk;
mod pair;
mod script;
mod server;

pub use chunk::{Chunking, split_everywhere};
pub use pair::Pair;
pub use script::{Player, Script, ScriptError, State};
pub use server::MockServer;
