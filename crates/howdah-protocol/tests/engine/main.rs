//! The engine against scripted servers: conversations, statements, memory, properties.

mod cancelling;
mod client;
mod conversations;
mod fixture;
mod memory;
mod pipelines;
mod poolers;
mod portals;
mod properties;
mod replay;
mod server;
mod statements;
