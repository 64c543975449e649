//! A live connection, lent to its `pgconn` from the first command until all has been answered and handed out.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use howdah_protocol::session::Outcome;
use pyo3::prelude::*;

use crate::core::{Core, Flavor};
use crate::errors;
use crate::shell::asyncio::Channel;
use crate::shell::{Job, Next, blocking};

/// Takes the connection's turn: on a synchronous one waiting for it, on an asynchronous one if it is free.
pub(super) fn take(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
) -> PyResult<()> {
    core.check_open(py)?;
    if core.pipeline.is_on() {
        let text = "the connection is in a pipeline() block, whose results are its cursors'";
        return Err(errors::operational(py, text));
    }
    match (core.flavor, channel) {
        (Flavor::Async, Some(channel)) => {
            if !Channel::lend(channel.bind(py))? {
                let text = "another command is already in progress";
                return Err(errors::operational(py, text));
            }
        }
        _ => drop(blocking::run(py, core, &mut Lend, None)?),
    }
    core.snapshot.leave_error_to_pgconn();
    Ok(())
}

/// Gives the turn back.
pub(super) fn give_back(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
) -> PyResult<()> {
    core.refresh_snapshot();
    if let Some(channel) = channel {
        return Channel::end_loan(channel.bind(py));
    }
    // Whoever has closed the connection has left the gate as well.
    if core.streaming.swap(false, Ordering::Relaxed) && !core.forked() {
        core.note_rest();
        core.gate.leave();
    }
    Ok(())
}

/// The beginning of a loan.
struct Lend;

impl Job for Lend {
    fn start(&mut self, py: Python<'_>, core: &Arc<Core>) -> PyResult<Next> {
        core.check_open(py)?;
        core.streaming.store(true, Ordering::Relaxed);
        Ok(Next::Done(py.None()))
    }

    fn resume(&mut self, py: Python<'_>, _core: &Arc<Core>, _outcome: Outcome) -> PyResult<Next> {
        Ok(Next::Done(py.None()))
    }

    fn keeps_lease(&self) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "pgconn"
    }
}
