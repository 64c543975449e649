//! The sync shell: howdah's blocking loop, detached from the interpreter, with an eye on signals.

use std::sync::Arc;
use std::time::{Duration, Instant};

use howdah_net::cancel::deadline_after;
use howdah_net::connect::ConnectError;
use howdah_net::drive::{Step, Until, drive};
use pyo3::prelude::*;

use super::job::{Job, Next};
use crate::core::deliver::Message;
use crate::core::{CANCEL_TIME, Core, Patience, disconnected};
use crate::errors;
use crate::log;
use howdah_adapt::lock;

/// Runs a job to its end. If it is cut short, as by Ctrl-C, the statement is cancelled and the answer awaited.
pub(crate) fn run(py: Python<'_>, core: &Arc<Core>, job: &mut dyn Job) -> PyResult<Py<PyAny>> {
    core.check_process(py)?;
    let _turn = core.gate.enter_blocking(py)?;
    let _guard = core.lost_by_panic();
    let ended = run_steps(py, core, job);
    if ended.is_err() && core.facts.started().is_some() && core.is_unfinished() {
        call_off(py, core);
    }
    core.facts.set_busy(false);
    core.wait_for_cancels(py);
    ended
}

fn run_steps(py: Python<'_>, core: &Arc<Core>, job: &mut dyn Job) -> PyResult<Py<PyAny>> {
    let mut next = job.start(py, core)?;
    loop {
        match next {
            Next::Done(value) => return Ok(value),
            Next::Exchange => exchange(py, core, Until::Answered, None)?,
            Next::Started(deadline) => handshake(py, core, deadline)?,
            Next::Pump => exchange(py, core, Until::Sent, None)?,
            Next::Listen(deadline) => exchange(py, core, Until::Heard, deadline)?,
        }
        let outcome = core.take_outcome();
        next = job.resume(py, core, outcome)?;
    }
}

/// Drives the handshake. Whatever ends it early ends the connection.
fn handshake(py: Python<'_>, core: &Arc<Core>, deadline: Option<Instant>) -> PyResult<()> {
    let ended = exchange_until(py, core, Until::Answered, deadline);
    let idle = lock(&core.io)
        .as_ref()
        .is_some_and(|io| io.session.is_idle());
    match ended {
        Ok(()) if idle => Ok(()),
        Ok(()) => {
            core.close();
            Err(errors::new(
                py,
                "ConnectionTimeout",
                "connection timeout expired",
            ))
        }
        Err(error) => {
            core.close();
            Err(error)
        }
    }
}

/// Drives the session until what is wanted has happened.
fn exchange(
    py: Python<'_>,
    core: &Arc<Core>,
    until: Until,
    deadline: Option<Instant>,
) -> PyResult<()> {
    core.facts.set_busy(until != Until::Heard);
    exchange_until(py, core, until, deadline)
}

fn exchange_until(
    py: Python<'_>,
    core: &Arc<Core>,
    until: Until,
    deadline: Option<Instant>,
) -> PyResult<()> {
    loop {
        let message = match step(py, core, until, deadline)? {
            Step::Done | Step::TimedOut => return Ok(()),
            Step::Interrupted => {
                py.check_signals()?;
                continue;
            }
            Step::Notice(notice) => Message::Notice(notice),
            Step::Notification(notification) => Message::Notification(notification),
        };
        let heard = matches!(message, Message::Notification(_)) && until == Until::Heard;
        core.deliver(py, message)?;
        if heard {
            drain(py, core)?;
            return Ok(());
        }
    }
}

/// Delivers what has been received already.
fn drain(py: Python<'_>, core: &Arc<Core>) -> PyResult<()> {
    loop {
        match step(py, core, Until::Heard, Some(Instant::now()))? {
            Step::Notice(notice) => core.deliver(py, Message::Notice(notice))?,
            Step::Notification(notification) => {
                core.deliver(py, Message::Notification(notification))?;
            }
            Step::Done | Step::TimedOut | Step::Interrupted => return Ok(()),
        }
    }
}

/// One stretch of the blocking loop, detached from the interpreter.
fn step(
    py: Python<'_>,
    core: &Arc<Core>,
    until: Until,
    deadline: Option<Instant>,
) -> PyResult<Step> {
    let driven = py.detach(|| {
        let mut io = lock(&core.io);
        match io.as_mut() {
            Some(io) => drive(&mut io.session, &io.socket, until, deadline),
            None => Err(disconnected()),
        }
    });
    match driven {
        Ok(_) | Err(_) if core.facts.is_closed() => {
            // Closed by another thread while this one waited.
            drop(lock(&core.io).take());
            Err(errors::operational(py, "the connection is closed"))
        }
        Ok(step) => Ok(step),
        Err(lost) => Err(core.broken(py, &lost)),
    }
}

/// Has the running statement cancelled and takes what is still to come; a server that does not obey loses the connection.
fn call_off(py: Python<'_>, core: &Arc<Core>) {
    if let Some(io) = lock(&core.io).as_mut() {
        io.session.end_exchange();
    }
    let mut patience = Patience::new();
    while let Some(deadline) = patience.next() {
        if let Err(error) = send_cancel(py, core, CANCEL_TIME) {
            log::cancel_failure(py, &error);
        }
        if answered_by(py, core, deadline) {
            drop(core.take_outcome());
            return;
        }
    }
    core.broken(py, &disconnected());
}

/// Waits for the end of the exchange until `deadline`; tells whether it is over, or the connection is.
fn answered_by(py: Python<'_>, core: &Arc<Core>, deadline: Instant) -> bool {
    loop {
        match step(py, core, Until::Answered, Some(deadline)) {
            Ok(Step::Done) | Err(_) => return true,
            Ok(Step::TimedOut) => return false,
            Ok(Step::Interrupted | Step::Notice(_)) => {}
            // Handlers may be what raised: notifications wait for a better moment.
            Ok(Step::Notification(notification)) => {
                lock(&core.backlog).push(notification);
            }
        }
    }
}

/// Sends a cancel request and waits until the server has acted on it.
pub(crate) fn send_cancel(
    py: Python<'_>,
    core: &Arc<Core>,
    time: Duration,
) -> Result<(), ConnectError> {
    let Some(target) = core.cancel_begins() else {
        return Ok(());
    };
    let sent = py.detach(|| target.send(deadline_after(time), &mut || true));
    core.cancel_ends();
    sent
}
