//! The engine against scripted servers: conversations, statements, memory, properties.

mod cancelling;
mod client;
mod conversations;
mod memory;
mod properties;
mod replay;
mod server;
mod statements;
