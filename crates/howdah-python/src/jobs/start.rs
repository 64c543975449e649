//! The handshake of a session over a socket that is connected.

use std::sync::Arc;
use std::time::Instant;

use howdah_net::Peer;
use howdah_protocol::session::Outcome;
use pyo3::prelude::*;

use crate::core::Core;
use crate::shell::{Job, Next};
use howdah_adapt::lock;

/// Runs the handshake that is queued in the session.
pub(crate) struct Start {
    pub(crate) peer: Peer,
    /// Until when it has to be done; the asyncio shell has a timer of its own.
    pub(crate) deadline: Option<Instant>,
}

impl Job for Start {
    fn start(&mut self, _py: Python<'_>, _core: &Arc<Core>) -> PyResult<Next> {
        Ok(Next::Started(self.deadline))
    }

    fn resume(&mut self, py: Python<'_>, core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        if let Some(io) = lock(&core.io).as_ref() {
            core.snapshot.start(&io.session, self.peer.clone());
        }
        Ok(Next::Done(py.None()))
    }

    fn has_own_bound(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "connect"
    }
}
