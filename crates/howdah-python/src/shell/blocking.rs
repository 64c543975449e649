//! The sync shell: howdah's blocking loop, detached from the interpreter, with an eye on signals.

use std::sync::Arc;
use std::time::{Duration, Instant};

use howdah_net::cancel::deadline_after;
use howdah_net::connect::ConnectError;
use howdah_net::drive::{Step, Until, drive};
use howdah_protocol::session::{ExchangeId, Outcome};
use pyo3::prelude::*;

use super::job::{Job, Next};
use crate::core::deliver::Message;
use crate::core::{Core, disconnected};
use crate::errors;
use crate::log;
use howdah_adapt::lock;

/// Runs a job to its end. If it is cut short, as by Ctrl-C, the statement is cancelled and the answer awaited.
pub(crate) fn run(py: Python<'_>, core: &Arc<Core>, job: &mut dyn Job) -> PyResult<Py<PyAny>> {
    core.check_process(py)?;
    let leased = job.has_lease();
    let turn = if leased {
        core.gate.continue_turn()
    } else {
        let turn = core.gate.enter_blocking(py);
        turn.inspect_err(|_| job.interrupted(core))?
    };
    let _guard = core.lost_by_panic();
    let settled = if leased {
        Ok(())
    } else {
        settle(py, core, true)
    };
    let ended = settled.and_then(|()| run_steps(py, core, job));
    if ended.is_ok() && job.keeps_lease() {
        turn.keep();
        return ended;
    }
    if ended.is_err() {
        job.interrupted(core);
        // What is raised in the end is what cut the job short.
        let _ = settle(py, core, false);
    }
    core.facts.set_busy(false);
    core.wait_for_cancels(py);
    ended
}

fn run_steps(py: Python<'_>, core: &Arc<Core>, job: &mut dyn Job) -> PyResult<Py<PyAny>> {
    let mut next = job.start(py, core)?;
    loop {
        let outcome = match next {
            Next::Done(value) => return Ok(value),
            Next::Exchange(id) => interruptible(py, core, exchange(py, core, id))?,
            Next::Started(deadline) => {
                handshake(py, core, deadline)?;
                Outcome::default()
            }
            Next::Pump(id) => {
                core.facts.set_busy(true);
                interruptible(py, core, wait(py, core, Until::Sent, None))?;
                core.collect(py);
                core.take_partial(id)
            }
            Next::Rows(id) => rows(py, core, id)?,
            Next::Results(id) => {
                core.facts.set_busy(true);
                while let Waited::Ended(..) = wait(py, core, Until::Results(id), None)? {}
                core.take_partial(id)
            }
            Next::Booked(ticket) => {
                interruptible(py, core, booked(py, core, ticket))?;
                Outcome::default()
            }
            Next::Rest => {
                settle(py, core, true)?;
                Outcome::default()
            }
            Next::Listen(deadline) => {
                core.facts.set_busy(false);
                listen(py, core, deadline)?;
                Outcome::default()
            }
        };
        next = job.resume(py, core, outcome)?;
    }
}

/// Drives the handshake. Whatever ends it early ends the connection.
fn handshake(py: Python<'_>, core: &Arc<Core>, deadline: Option<Instant>) -> PyResult<()> {
    core.facts.set_busy(true);
    let ended = match wait(py, core, Until::Idle, deadline) {
        Ok(Waited::Done) => {
            core.refresh_facts();
            return Ok(());
        }
        Ok(_) => Err(errors::new(
            py,
            "ConnectionTimeout",
            "connection timeout expired",
        )),
        Err(error) => Err(error),
    };
    core.close();
    ended
}

/// Drives the session until an exchange is answered.
fn exchange(py: Python<'_>, core: &Arc<Core>, id: ExchangeId) -> PyResult<Outcome> {
    core.facts.set_busy(true);
    loop {
        match wait(py, core, Until::Idle, None)? {
            Waited::Ended(ended, outcome) if ended == id => {
                core.refresh_facts();
                return Ok(*outcome);
            }
            Waited::Ended(..) | Waited::TimedOut | Waited::Heard => {}
            // The session rests, and the exchange was not among what it has answered: that cannot be.
            Waited::Done => return Err(core.broken(py, &disconnected())),
        }
    }
}

/// Drives the session until rows of an exchange have come, or it is answered.
fn rows(py: Python<'_>, core: &Arc<Core>, id: ExchangeId) -> PyResult<Outcome> {
    core.facts.set_busy(true);
    loop {
        match wait(py, core, Until::Rows(id), None)? {
            Waited::Ended(ended, outcome) if ended == id => {
                core.refresh_facts();
                return Ok(*outcome);
            }
            Waited::Done => return Ok(Outcome::default()),
            Waited::Ended(..) | Waited::TimedOut | Waited::Heard => {}
        }
    }
}

/// What a wait gave. If it was interrupted, so is the pipeline whose answers would come next.
fn interruptible<T>(py: Python<'_>, core: &Arc<Core>, waited: PyResult<T>) -> PyResult<T> {
    waited.inspect_err(|_| core.interrupt_pipeline(py))
}

/// Drives the session until what was queued in the pipeline under a ticket has been answered.
fn booked(py: Python<'_>, core: &Arc<Core>, ticket: u64) -> PyResult<()> {
    core.facts.set_busy(true);
    loop {
        core.collect(py);
        if core.pipeline.has_booked(ticket) {
            return Ok(());
        }
        let Some(id) = core.pipeline.open() else {
            return Err(core.broken(py, &disconnected()));
        };
        wait(py, core, Until::Results(id), None)?;
    }
}

/// Waits for a notification, or until the time is over.
fn listen(py: Python<'_>, core: &Arc<Core>, deadline: Option<Instant>) -> PyResult<()> {
    let mut deadline = deadline;
    // One notification seldom comes alone: those that have been received already are delivered as well.
    while let Waited::Heard = wait(py, core, Until::Heard, deadline)? {
        deadline = Some(Instant::now());
    }
    Ok(())
}

/// Brings the session to rest: ends what was interrupted, now or before, and pays the rollback that is owed.
///
/// The session itself bounds the time. With `watchful` Ctrl-C ends the wait as well.
fn settle(py: Python<'_>, core: &Arc<Core>, watchful: bool) -> PyResult<()> {
    if core.is_settled() {
        return Ok(());
    }
    // There is something to cancel.
    core.facts.set_busy(true);
    loop {
        match wait_for(py, core, Until::Idle, None, watchful) {
            Ok(Waited::Done) => break,
            Ok(_) => {}
            Err(error) if core.facts.is_closed() || watchful => return Err(error),
            // A handler raised.
            Err(_) => {}
        }
    }
    core.refresh_facts();
    Ok(())
}

/// Why a wait is over.
enum Waited {
    Ended(ExchangeId, Box<Outcome>),
    Done,
    Heard,
    TimedOut,
}

fn wait(
    py: Python<'_>,
    core: &Arc<Core>,
    until: Until,
    deadline: Option<Instant>,
) -> PyResult<Waited> {
    wait_for(py, core, until, deadline, true)
}

/// Drives the session until what is wanted has happened, delivering what comes meanwhile and looking for signals, however
/// busy the socket is.
fn wait_for(
    py: Python<'_>,
    core: &Arc<Core>,
    until: Until,
    deadline: Option<Instant>,
    watchful: bool,
) -> PyResult<Waited> {
    loop {
        let heard = match step(py, core, until, deadline)? {
            Step::Ended(id, outcome) => return Ok(Waited::Ended(id, outcome)),
            Step::Done => return Ok(Waited::Done),
            Step::TimedOut => return Ok(Waited::TimedOut),
            Step::SendCancel => {
                if let Err(error) = send_cancel(py, core, core.time_to_settle()) {
                    log::cancel_failure(py, &error);
                }
                core.cancel_request_ended();
                false
            }
            Step::Interrupted => false,
            Step::Notice(notice) => {
                core.deliver(py, Message::Notice(notice))?;
                false
            }
            // Handlers may be what raised: notifications wait for a better moment.
            Step::Notification(notification) if !watchful => {
                core.keep_notification(py, notification)?;
                false
            }
            Step::Notification(notification) => {
                core.deliver(py, Message::Notification(notification))?;
                true
            }
        };
        // Where no signal has come this costs next to nothing, so that it can be done after every message.
        if watchful {
            py.check_signals()?;
        }
        if heard && until == Until::Heard {
            return Ok(Waited::Heard);
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
