//! What the socket gives: it is read and written in the loop's callbacks, and the session moved on.

use std::sync::atomic::Ordering;
use std::time::Instant;

use howdah_net::drive::{Lost, lost, take_leave};
use howdah_protocol::session::{ExchangeId, Outcome, Progress};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::{Awaits, Channel, Running};
use crate::core::Io;
use crate::core::deliver::Message;
use crate::errors;
use howdah_adapt::lock;
use howdah_ffi::context::within;

/// How many bytes one call of the loop may read before others get their turn.
const READ_BUDGET: usize = 512 * 1024;

/// How many notices and notifications one call of the loop may hand out before others get their turn: each may run handlers.
const MESSAGE_BUDGET: usize = 256;

/// What one call of the loop has brought.
#[derive(Default)]
pub(super) struct Read {
    /// What the server said beside answers, each with the exchange that was being answered then.
    messages: Vec<(Option<ExchangeId>, Message)>,
    ended: Vec<(ExchangeId, Box<Outcome>)>,
    /// The session has nothing to do.
    idle: bool,
    /// More is to be done at once, after a look at whatever else waits.
    working: bool,
    /// The server is to be asked to cancel.
    cancel: bool,
    lost: Option<Lost>,
}

impl Channel {
    /// Sends what is outgoing; tells whether all of it went. If not, the loop goes on with it.
    pub(crate) fn flush(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        let sent = {
            let mut io = lock(&this.core.io);
            match io.as_mut() {
                Some(io) => send(io),
                None => Ok(true),
            }
        };
        let done = match sent {
            Ok(done) => done,
            Err(lost) => {
                let error = this.core.broken(slf.py(), &lost);
                Self::detach_or_report(slf);
                return Err(error);
            }
        };
        Self::watch_writing(slf, !done)?;
        Ok(done)
    }

    /// Sends what is outgoing, or has the loop do so once all tasks that are ready have had their turn: statements that share the
    /// connection go out together. Tells whether all of it went.
    pub(in super::super) fn send_soon(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let this = slf.get();
        if !this.gate.is_shared() || this.core.unanswered() < 2 {
            return Self::flush(slf);
        }
        if !this.sending.swap(true, Ordering::Relaxed) {
            Self::advance_soon(slf)?;
        }
        Ok(false)
    }

    /// Reads what is there and moves the session on.
    pub(super) fn read(&self) -> Read {
        let mut read = Read::default();
        let mut io = lock(&self.core.io);
        let Some(io) = io.as_mut() else {
            return read;
        };
        let to_end = self.reads_to_end.load(Ordering::Relaxed);
        self.unread.store(to_end, Ordering::Relaxed);
        let mut budget = READ_BUDGET;
        loop {
            let spare = io.session.spare();
            let room = spare.len();
            let count = match io.socket.recv_now(spare) {
                Ok(None) => {
                    io.session.nothing_came();
                    self.unread.store(false, Ordering::Relaxed);
                    break;
                }
                Ok(Some(0)) => {
                    read.lost = Some(io.session.eof().into());
                    break;
                }
                Ok(Some(count)) => count,
                Err(error) => {
                    read.lost = Some(lost(&mut io.session, error));
                    break;
                }
            };
            io.session.received(count);
            read.take_progress(io);
            budget = budget.saturating_sub(count);
            let is_all = count < room && !to_end;
            if is_all || budget == 0 || read.working || read.cancel || read.lost.is_some() {
                break;
            }
        }
        read
    }

    /// Moves the session on with what it has.
    pub(super) fn compute(&self) -> Read {
        let mut read = Read::default();
        if let Some(io) = lock(&self.core.io).as_mut() {
            read.take_progress(io);
        }
        read
    }

    /// Has the loop call the reader again where it might never do so by itself.
    pub(super) fn read_on(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let can = !this.working.load(Ordering::Relaxed)
            && !this.paused.load(Ordering::Relaxed)
            && this.reads_to_end.load(Ordering::Relaxed)
            && !this.core.snapshot.is_closed();
        if can
            && this.unread.swap(false, Ordering::Relaxed)
            && let Some(event_loop) = this.event_loop(slf.py())
        {
            let reader = slf.getattr("_on_readable")?;
            event_loop.call_method1(slf.py(), "call_soon", (reader,))?;
        }
        Ok(())
    }

    /// Has the loop move the session on, because something is to be done that no input will bring about.
    pub(in super::super) fn advance_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().event_loop(py) {
            Some(event_loop) => {
                event_loop.call_method1(py, "call_soon", (slf.getattr("_on_working")?,))?;
                Ok(())
            }
            None => Err(PyRuntimeError::new_err("the connection has no event loop")),
        }
    }

    /// Delivers what was read, and goes on with it.
    pub(super) fn take_in(slf: &Bound<'_, Self>, mut read: Read) -> PyResult<()> {
        let py = slf.py();
        // A handler that raises KeyboardInterrupt must not keep the rest from those who wait for it.
        let mut outcome = Ok(());
        let mut heard = false;
        for (answering, message) in std::mem::take(&mut read.messages) {
            heard |= matches!(message, Message::Notification(_));
            let context = slf.get().context_of(py, answering);
            let context = context.as_ref().map(|context| context.bind(py));
            match within(context, || slf.get().core.deliver(py, message)) {
                // Too much was kept: those who wait are to know why.
                Err(error) if slf.get().core.snapshot.is_broken() => {
                    Self::detach_or_report(slf);
                    return Self::wake_all(slf, error);
                }
                delivered => outcome = outcome.and(delivered),
            }
        }
        if read.working {
            outcome = outcome.and(Self::work_soon(slf));
        }
        outcome = outcome.and(Self::follow_up(slf, read, heard));
        let hooks = &slf.get().core.hooks;
        match hooks.are_quiet() {
            true => outcome,
            false => hooks.tell(py).and(outcome),
        }
    }

    /// The context of the task that waits for what was being answered when a message came: handlers run in it, as they would
    /// in the task itself. On a connection that several tasks share it is not another's.
    fn context_of(&self, py: Python<'_>, answering: Option<ExchangeId>) -> Option<Py<PyAny>> {
        let running = lock(&self.running);
        let waits = |waiting: &&Running| match waiting.awaits {
            Awaits::Exchange(id) | Awaits::Rows(id) | Awaits::Sending(id) => Some(id) == answering,
            _ => false,
        };
        let known = running.iter().find(waits);
        let only = || running.front().filter(|_| !self.gate.is_shared());
        let op = known.or_else(only)?.op.clone_ref(py);
        drop(running);
        op.get().context(py)
    }

    /// Has the loop go on with a computation after a look at whatever else waits.
    pub(super) fn work_soon(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::advance_soon(slf)?;
        slf.get().working.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Goes on with what was read.
    pub(super) fn follow_up(slf: &Bound<'_, Self>, read: Read, heard: bool) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if let Some(lost) = &read.lost {
            let error = this.core.broken(py, lost);
            Self::detach_or_report(slf);
            return Self::wake_all(slf, error);
        }
        // Handlers may have ended it as well.
        if this.core.snapshot.is_closed() && lock(&this.core.io).is_none() {
            return Self::wake_all(slf, errors::closed(py));
        }
        let sent = match Self::flush(slf) {
            Ok(sent) => sent,
            Err(error) => return Self::wake_all(slf, error),
        };
        if read.cancel {
            Self::cancel_for_session(slf)?;
        }
        if read.idle || !read.ended.is_empty() {
            this.core.refresh_snapshot();
        }
        this.core.collect(py);
        if read.idle || this.core.pipeline.is_on() {
            this.core.note_rest();
        }
        this.note_answers(read, heard, sent);
        Self::arm_timer(slf)?;
        Self::wake_answered(slf)?;
        if lock(&this.running).is_empty() {
            return Self::rest_when_full(slf);
        }
        Ok(())
    }

    /// Gives what has come to the operations that wait for it.
    pub(super) fn note_answers(&self, read: Read, heard: bool, sent: bool) {
        let mut unclaimed = Vec::new();
        let mut running = lock(&self.running);
        for (id, outcome) in read.ended {
            let wants = |waiting: &&mut Running| matches!(waiting.awaits, Awaits::Exchange(wanted) | Awaits::Rows(wanted) | Awaits::Feeding(wanted) if wanted == id);
            match running.iter_mut().find(wants) {
                Some(waiting) => waiting.answer = Some(Ok(outcome)),
                None => unclaimed.push(outcome),
            }
        }
        let can_begin = || self.core.is_at_rest() && !self.core.is_held_up();
        for waiting in running.iter_mut().filter(|each| each.answer.is_none()) {
            let outcome = match waiting.awaits {
                Awaits::Started if read.idle => Box::default(),
                Awaits::Settled if self.core.is_at_rest() => Box::default(),
                Awaits::Beginning if can_begin() => Box::default(),
                Awaits::Feeding(_) if sent => Box::default(),
                Awaits::Notification if heard => Box::default(),
                Awaits::Rows(id) if self.core.has_rows(id) => Box::default(),
                Awaits::Results(id) if self.core.has_partial(id) => {
                    Box::new(self.core.take_partial(id))
                }
                Awaits::Sending(id) if sent => Box::new(self.core.take_partial(id)),
                _ => continue,
            };
            waiting.answer = Some(Ok(outcome));
        }
        drop(running);
        drop(unclaimed);
    }
}

impl Read {
    fn note(&mut self, io: &Io, message: Message) {
        self.messages.push((io.session.answering(), message));
    }

    fn take_progress(&mut self, io: &mut Io) {
        loop {
            self.idle = false;
            if self.messages.len() >= MESSAGE_BUDGET {
                self.working = true;
                return;
            }
            match io.session.advance(Instant::now()) {
                Ok(Progress::Ended(id, outcome)) => self.ended.push((id, outcome)),
                Ok(Progress::Idle) => {
                    self.idle = true;
                    return;
                }
                Ok(Progress::NeedInput) => return,
                Ok(Progress::Working) => {
                    self.working = true;
                    return;
                }
                Ok(Progress::SendCancel) => {
                    self.cancel = true;
                    return;
                }
                Ok(Progress::Notice(notice)) => self.note(io, Message::Notice(notice)),
                Ok(Progress::Notification(notification)) => {
                    self.note(io, Message::Notification(notification));
                }
                Err(error) => {
                    take_leave(&mut io.session, &io.socket);
                    self.lost = Some(error.into());
                    return;
                }
            }
        }
    }
}

/// Sends what the kernel takes; tells whether that was all.
///
/// A server that has hung up may have said why, so a reset is left for the reader to find.
fn send(io: &mut Io) -> Result<bool, Lost> {
    while !io.session.outgoing().is_empty() {
        match io.socket.send_now(io.session.outgoing()) {
            Ok(0) => return Ok(false),
            Ok(count) => io.session.sent(count),
            Err(error) if howdah_net::socket::is_reset(&error) => {
                let rest = io.session.outgoing().len();
                io.session.sent(rest);
            }
            Err(error) => return Err(Lost::Io(error)),
        }
    }
    Ok(true)
}
