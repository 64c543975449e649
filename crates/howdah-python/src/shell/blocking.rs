//! The sync shell: howdah's blocking loop, detached from the interpreter, with an eye on signals.

use std::cell::{Cell, OnceCell};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use howdah_net::ConnectError;
use howdah_net::drive::{Look, Lost, Step, Until, drive, look};
use howdah_net::platform::Pipe;
use howdah_net::socket::{SLICE, time_slice};
use howdah_protocol::session::{ExchangeId, Outcome};
use pyo3::prelude::*;

use super::job::{Job, Next};
use super::select::Select;
use crate::core::cancel::Underway;
use crate::core::deliver::Message;
use crate::core::gate::{Turn, bells};
use crate::core::limit::{Expires, Limit, Timeout};
use crate::core::{Core, disconnected};
use crate::errors;
use crate::log;
use howdah_adapt::lock;

/// Runs a job to its end. If it is cut short, as by Ctrl-C, the statement is cancelled and the answer awaited.
pub(crate) fn run(
    py: Python<'_>,
    core: &Arc<Core>,
    job: &mut dyn Job,
    timeout: Option<Timeout>,
) -> PyResult<Py<PyAny>> {
    core.check_process(py)?;
    let shell = Shell {
        py,
        core,
        deadline: core.deadline(),
        select: Select::replaced(py)?,
        thrown: Cell::new(None),
        bell: OnceCell::new(),
        limit: match job.has_own_bound() {
            true => None,
            false => core.limit(timeout),
        },
    };
    let Some(mut turn) = shell.take_turn(job)? else {
        return job.without_turn(py);
    };
    let _guard = core.lost_by_panic();
    let ended = loop {
        let ended = shell.come_to_rest(job);
        match ended.and_then(|()| shell.run_steps(job)).transpose() {
            Some(ended) => break ended,
            // It goes on when the others have had their turn.
            None => {
                core.note_rest();
                drop(turn);
                let Some(again) = shell.take_turn(job)? else {
                    return job.without_turn(py);
                };
                turn = again;
            }
        }
    };
    if ended.is_ok() && job.keeps_lease() {
        turn.keep();
        return ended;
    }
    if ended.is_err() {
        job.interrupted(core);
        // What is raised in the end is what cut the job short, or what a greenlet was thrown after that.
        let _ = shell.settle(false);
    }
    core.note_rest();
    shell.thrown.take().map_or(ended, Err)
}

/// One operation on its way, which has its turn.
struct Shell<'a, 'py> {
    py: Python<'py>,
    core: &'a Arc<Core>,
    /// Where waits go through a function of Python's.
    select: Option<Select<'py>>,
    /// What that has raised while the session was brought to rest: nobody waits any longer then.
    thrown: Cell<Option<PyErr>>,
    /// What wakes it when others want the connection while it only listens, and what rings that; nothing where the system has no more.
    bell: OnceCell<Option<(Pipe, Arc<Pipe>)>>,
    /// When the connection is lost, if the operation is not over.
    deadline: Option<Instant>,
    /// When it is given up, if it is not over.
    limit: Option<Limit>,
}

/// Why a wait is over.
enum Waited {
    Ended(ExchangeId, Box<Outcome>),
    Done,
    Heard,
    /// Others wait for the connection, which is not needed to listen.
    Wanted,
    TimedOut,
}

impl<'a> Shell<'a, '_> {
    /// Waits for the gate; a job that is part of what has it goes on with that. `None` if the job's own time is over before.
    fn take_turn(&self, job: &mut dyn Job) -> PyResult<Option<Turn<'a>>> {
        if job.has_lease() {
            return Ok(Some(self.core.gate.continue_turn()));
        }
        let gate = &self.core.gate;
        let own = job.waits_until();
        let until = earliest(self.until(), own);
        let turn = gate.enter_blocking(self.py, self.select.as_ref(), until, job.listens());
        let turn = turn.and_then(|turn| match turn {
            None if own.is_none_or(|own| Instant::now() < own) => Err(self.out_of_time()),
            turn => Ok(turn),
        });
        turn.inspect_err(|_| job.interrupted(self.core))
    }

    /// Waits for what has to be over before the job can begin: cancel requests for earlier statements, and what is left over
    /// of these.
    fn come_to_rest(&self, job: &dyn Job) -> PyResult<()> {
        if job.has_lease() {
            return Ok(());
        }
        while self.core.is_held_up() && job.sends(self.core) {
            self.core.look_after_requests();
            let slice = time_slice(self.until()).ok_or_else(|| self.out_of_time())?;
            match &self.select {
                Some(select) => select.pause()?,
                None => drop(self.py.detach(|| self.core.cancel_gate().wait(slice))),
            }
            self.py.check_signals()?;
        }
        self.settle(true)?;
        match self.limit {
            Some(limit) => limit.check(self.py),
            None => Ok(()),
        }
    }

    /// When a wait has to end, so that the operation can be over in time.
    fn until(&self) -> Option<Instant> {
        earliest(self.deadline, self.limit.map(|limit| limit.give_up))
    }

    /// The exception for a wait that ended at its time; the connection is lost if it was being left.
    fn out_of_time(&self) -> PyErr {
        match self.limit {
            Some(limit) if self.until() == Some(limit.give_up) => limit.expired(self.py),
            _ => self.core.too_late(self.py),
        }
    }

    /// Runs a job; `None` if it has given way to others, and has to be run again.
    fn run_steps(&self, job: &mut dyn Job) -> PyResult<Option<Py<PyAny>>> {
        let Self { py, core, .. } = *self;
        let mut next = job.start(py, core)?;
        loop {
            let outcome = match next {
                Next::Done(value) => return Ok(Some(value)),
                Next::Exchange(id) => self.interruptible(self.exchange(id))?,
                Next::Started(deadline) => {
                    self.handshake(deadline)?;
                    Outcome::default()
                }
                Next::Pump(id) => {
                    core.note_busy();
                    self.interruptible(self.sent())?;
                    core.collect(py);
                    // Many short waits in a row must not be deaf to signals.
                    py.check_signals()?;
                    core.take_partial(id)
                }
                Next::Feed(id) => self.fed(id)?,
                Next::Rows(id) => self.rows(id, None)?,
                Next::RowsBy(id, deadline) => self.rows(id, deadline)?,
                Next::Results(id) => {
                    core.note_busy();
                    self.results(id)?;
                    core.take_partial(id)
                }
                Next::Booked(ticket) => {
                    self.interruptible(self.booked(ticket))?;
                    Outcome::default()
                }
                Next::Rest => {
                    self.settle(true)?;
                    Outcome::default()
                }
                Next::Listen(deadline) => {
                    if !self.listen(deadline)? {
                        return Ok(None);
                    }
                    Outcome::default()
                }
            };
            next = job.resume(py, core, outcome)?;
        }
    }

    /// Drives the handshake. Whatever ends it early ends the connection.
    fn handshake(&self, deadline: Option<Instant>) -> PyResult<()> {
        self.core.note_busy();
        let ended = match self.wait(Until::Idle, deadline) {
            Ok(Waited::Done) => {
                self.core.refresh_snapshot();
                return Ok(());
            }
            Ok(_) => Err(errors::new(
                self.py,
                "ConnectionTimeout",
                "connection timeout expired",
            )),
            Err(error) => Err(error),
        };
        self.core.close();
        ended
    }

    /// Drives the session until an exchange is answered.
    fn exchange(&self, id: ExchangeId) -> PyResult<Outcome> {
        self.core.note_busy();
        loop {
            match self.wait(Until::Idle, self.until())? {
                Waited::Ended(ended, outcome) if ended == id => {
                    self.core.refresh_snapshot();
                    return Ok(*outcome);
                }
                Waited::Ended(..) | Waited::Heard | Waited::Wanted => {}
                Waited::TimedOut => return Err(self.out_of_time()),
                // The session rests, and the exchange was not among what it has answered: that cannot be.
                Waited::Done => return Err(self.core.broken(self.py, &disconnected())),
            }
        }
    }

    /// Drives the session until rows of an exchange have come, or it is answered, or this time is over.
    fn rows(&self, id: ExchangeId, deadline: Option<Instant>) -> PyResult<Outcome> {
        self.core.note_busy();
        let is_over = || deadline.is_some_and(|deadline| deadline <= Instant::now());
        loop {
            match self.wait(Until::Rows(id), earliest(self.until(), deadline))? {
                Waited::Ended(ended, outcome) if ended == id => {
                    self.core.refresh_snapshot();
                    return Ok(*outcome);
                }
                Waited::Done => return Ok(Outcome::default()),
                Waited::TimedOut if is_over() => return Ok(Outcome::default()),
                Waited::TimedOut => return Err(self.out_of_time()),
                Waited::Ended(..) | Waited::Heard | Waited::Wanted => {}
            }
        }
    }

    /// Drives the session until the data of a COPY has been sent, or its exchange is answered.
    fn fed(&self, id: ExchangeId) -> PyResult<Outcome> {
        self.core.note_busy();
        loop {
            match self.wait(Until::Sent, self.until())? {
                Waited::Ended(ended, outcome) if ended == id => {
                    self.core.refresh_snapshot();
                    return Ok(*outcome);
                }
                Waited::Done => {
                    // Many short waits in a row must not be deaf to signals.
                    self.py.check_signals()?;
                    return Ok(Outcome::default());
                }
                Waited::TimedOut => return Err(self.out_of_time()),
                Waited::Ended(..) | Waited::Heard | Waited::Wanted => {}
            }
        }
    }

    /// Drives the session until all that was asked has been sent.
    fn sent(&self) -> PyResult<()> {
        match self.wait(Until::Sent, self.until())? {
            Waited::TimedOut => Err(self.out_of_time()),
            _ => Ok(()),
        }
    }

    /// Drives the session until results of an exchange have come, or its error.
    fn results(&self, id: ExchangeId) -> PyResult<()> {
        loop {
            match self.wait(Until::Results(id), self.until())? {
                Waited::Ended(..) => {}
                Waited::TimedOut => return Err(self.out_of_time()),
                Waited::Done | Waited::Heard | Waited::Wanted => return Ok(()),
            }
        }
    }

    /// What a wait gave. If it was interrupted, so is the pipeline whose answers would come next.
    fn interruptible<T>(&self, waited: PyResult<T>) -> PyResult<T> {
        waited.inspect_err(|_| self.core.interrupt_pipeline(self.py))
    }

    /// Drives the session until what was queued in the pipeline under a ticket has been answered.
    fn booked(&self, ticket: u64) -> PyResult<()> {
        self.core.note_busy();
        loop {
            self.core.collect(self.py);
            if self.core.pipeline.has_booked(ticket) {
                return Ok(());
            }
            let Some(id) = self.core.pipeline.open() else {
                return Err(self.core.broken(self.py, &disconnected()));
            };
            self.results(id)?;
        }
    }

    /// Waits for a notification, or until the time is over; `false` if others want the connection before that.
    fn listen(&self, deadline: Option<Instant>) -> PyResult<bool> {
        let gate = &self.core.gate;
        let make = || Some(bells().ok()?).map(|(own, bell)| (own, Arc::new(bell)));
        let bell = self.bell.get_or_init(make).as_ref();
        if let Some((own, _)) = bell {
            // That it has rung before says nothing any more.
            while matches!((&*own).read(&mut [0; 16]), Ok(1..)) {}
        }
        // At the end of the time it has the last look.
        let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
        let is_wanted = gate.hang_bell(bell.map(|(_, bell)| Arc::clone(bell)));
        if is_wanted && !is_over {
            gate.hang_bell(None);
            return Ok(false);
        }
        let heard = self.hear(deadline);
        gate.hang_bell(None);
        heard
    }

    fn hear(&self, deadline: Option<Instant>) -> PyResult<bool> {
        let mut deadline = deadline;
        // One notification seldom comes alone: those that have been received already are delivered as well, but not without end.
        let mut enough = None;
        loop {
            match self.wait(Until::Heard, deadline)? {
                Waited::Heard => {}
                Waited::Wanted => return Ok(enough.is_some()),
                _ => return Ok(true),
            }
            let now = Instant::now();
            if *enough.get_or_insert(now + SLICE) < now {
                return Ok(true);
            }
            deadline = Some(now);
        }
    }

    /// Brings the session to rest: ends what was interrupted, now or before, and pays the rollback that is owed.
    ///
    /// The session itself bounds the time. With `watchful` Ctrl-C ends the wait as well.
    fn settle(&self, watchful: bool) -> PyResult<()> {
        if self.core.is_settled() {
            return Ok(());
        }
        self.core.note_busy();
        let mut deadline = if watchful {
            self.until()
        } else {
            self.core.hasten_rest(self.limit);
            earliest(self.deadline, self.limit.map(|limit| limit.over))
        };
        loop {
            match self.wait_for(Until::Idle, deadline, watchful) {
                Ok(Waited::Done) => break,
                Ok(Waited::TimedOut) if watchful => return Err(self.out_of_time()),
                // The session has the same bound, and looks at what came in time.
                Ok(Waited::TimedOut) if deadline != self.deadline && self.core.wants_time() => {
                    deadline = self.deadline;
                }
                Ok(Waited::TimedOut) => return Err(self.core.too_late(self.py)),
                Ok(_) => {}
                Err(error) if self.core.snapshot.is_closed() || watchful => return Err(error),
                // A handler raised.
                Err(_) => {}
            }
        }
        self.core.refresh_snapshot();
        Ok(())
    }

    fn wait(&self, until: Until, deadline: Option<Instant>) -> PyResult<Waited> {
        self.wait_for(until, deadline, true)
    }

    /// Drives the session until what is wanted has happened, delivering what comes meanwhile and looking for signals, however
    /// busy the socket is.
    fn wait_for(
        &self,
        until: Until,
        deadline: Option<Instant>,
        watchful: bool,
    ) -> PyResult<Waited> {
        let Self { py, core, .. } = *self;
        loop {
            let heard = match self.step(until, deadline, watchful)? {
                Step::Ended(id, outcome) => return Ok(Waited::Ended(id, outcome)),
                Step::Done => return Ok(Waited::Done),
                Step::TimedOut => return Ok(Waited::TimedOut),
                Step::SendCancel => {
                    self.send_cancel(watchful)?;
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
            if until == Until::Heard {
                if heard {
                    return Ok(Waited::Heard);
                }
                if core.gate.is_wanted() {
                    return Ok(Waited::Wanted);
                }
            }
        }
    }

    /// One stretch of the blocking loop.
    fn step(&self, until: Until, deadline: Option<Instant>, watchful: bool) -> PyResult<Step> {
        let core = self.core;
        let bell = self.bell.get().filter(|_| until == Until::Heard);
        let bell = bell.and_then(|bell| bell.as_ref()).map(|(own, _)| own);
        if self.select.is_none() && bell.is_none() {
            return self.stepped(self.py.detach(|| {
                let mut io = lock(&core.io);
                match io.as_mut() {
                    Some(io) => drive(&mut io.session, &io.socket, until, deadline),
                    None => Err(disconnected()),
                }
            }));
        }
        let looked = match lock(&core.io).as_mut() {
            Some(io) => look(&mut io.session, &io.socket, until, deadline),
            None => Err(disconnected()),
        };
        match looked {
            Ok(Look::Step(step)) => {
                if let (Step::Interrupted, Some(select)) = (&step, &self.select) {
                    let paused = select.pause();
                    paused.inspect_err(|error| self.note_thrown(error, watchful))?;
                }
                self.stepped(Ok(step))
            }
            Ok(Look::Wait { write, until }) => {
                let waited = self.wait_through(bell, write, until);
                match waited.inspect_err(|error| self.note_thrown(error, watchful))? {
                    Ok(()) => self.stepped(Ok(Step::Interrupted)),
                    Err(error) => self.stepped(Err(Lost::Io(error))),
                }
            }
            Err(lost) => self.stepped(Err(lost)),
        }
    }

    fn stepped(&self, driven: Result<Step, Lost>) -> PyResult<Step> {
        let core = self.core;
        match driven {
            Ok(_) | Err(_) if core.snapshot.is_closed() => {
                // Closed by another thread while this one waited.
                drop(lock(&core.io).take());
                Err(errors::closed(self.py))
            }
            Ok(step) => Ok(step),
            Err(lost) => Err(core.broken(self.py, &lost)),
        }
    }

    /// Waits for the socket or the bell without holding the session, by a function of Python's where there is one.
    ///
    /// The outer error is what that has raised.
    fn wait_through(
        &self,
        bell: Option<&Pipe>,
        write: bool,
        until: Option<Instant>,
    ) -> PyResult<io::Result<()>> {
        // The descriptor stays open, whoever closes the connection meanwhile.
        let Some(socket) = self.core.socket() else {
            return Ok(Ok(()));
        };
        self.core.waiting.fetch_add(1, Ordering::Relaxed);
        let waited = match (&self.select, bell) {
            (Some(select), _) => select.wait_or_bell(&*socket, write, bell, until).map(Ok),
            (None, Some(bell)) => {
                let time = time_slice(until).unwrap_or_default();
                let waited = self.py.detach(|| socket.wait_or_bell(write, bell, time));
                Ok(waited.map(drop))
            }
            (None, None) => Ok(Ok(())),
        };
        self.core.waiting.fetch_sub(1, Ordering::Relaxed);
        waited
    }

    /// Notes what a function of Python's has raised that waited. While the session is being brought to rest nothing can be put off
    /// that a greenlet is thrown, and where the function cannot wait the wait would have no end: the connection is lost.
    fn note_thrown(&self, error: &PyErr, watchful: bool) {
        if !watchful {
            self.core.lose();
            self.thrown.set(Some(error.clone_ref(self.py)));
        }
    }

    /// Sends the cancel request that the session asks for. If it cannot be sent, the statement may still end by itself.
    fn send_cancel(&self, watchful: bool) -> PyResult<()> {
        let core = self.core;
        let sent = core.begin_cancel(core.rest_deadline()).map_or_else(
            |error| Ok(Err(error)),
            |begun| match begun {
                Some(underway) if watchful || self.select.is_some() => {
                    finish_cancel(self.py, core, underway)
                }
                Some(mut underway) => Ok(self.py.detach(|| underway.request.wait(&mut || true))),
                None => Ok(Ok(())),
            },
        );
        core.cancel_request_ended();
        let sent = sent.inspect_err(|error| self.note_thrown(error, watchful))?;
        if let Err(error) = sent {
            log::cancel_failure(self.py, &error);
        }
        Ok(())
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Asks the server to cancel what runs, by `deadline`, and waits until it has acted on that.
///
/// The outer error is what a signal's handler has raised.
pub(crate) fn cancel(
    py: Python<'_>,
    core: &Core,
    deadline: Instant,
) -> PyResult<Result<(), ConnectError>> {
    match core.begin_cancel(deadline) {
        Ok(None) => Ok(Ok(())),
        Ok(Some(underway)) => finish_cancel(py, core, underway),
        Err(error) => Ok(Err(error)),
    }
}

/// Waits until the server has acted on a request, looking for signals.
pub(crate) fn finish_cancel(
    py: Python<'_>,
    core: &Core,
    mut underway: Underway,
) -> PyResult<Result<(), ConnectError>> {
    let waited = match Select::replaced(py)? {
        Some(select) => select.finish_request(&mut underway.request),
        None => watching(py, |go_on| underway.request.wait(go_on)),
    };
    if waited.is_err() {
        core.leave_request(underway);
    }
    waited
}

/// Runs something that waits, detached, and looks for signals meanwhile: the outer error is what a handler has raised.
pub(crate) fn watching<T: Send>(
    py: Python<'_>,
    wait: impl FnOnce(&mut dyn FnMut() -> bool) -> Result<T, ConnectError> + Send,
) -> PyResult<Result<T, ConnectError>> {
    let mut signal = None;
    let waited = py.detach(|| {
        wait(&mut || {
            signal = Python::attach(|py| py.check_signals().err());
            signal.is_none()
        })
    });
    match signal {
        Some(error) => Err(error),
        None => Ok(waited),
    }
}
