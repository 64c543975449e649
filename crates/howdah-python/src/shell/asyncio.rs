//! The asyncio shell: operations that are awaited, and the channel that wakes them.
//!
//! The channel keeps its own duplicate of the socket's descriptor registered with the loop for as long as the
//! connection lives. An operation is its own future: what it yields to the task is itself, and the loop's callback,
//! having read the answer, steps the task directly. No tokio, no thread, no loop future.

mod channel;
mod gate;
mod op;
mod request;

pub(crate) use channel::Channel;
pub(crate) use op::{Op, thrown};
pub(crate) use request::LoopRequest;
