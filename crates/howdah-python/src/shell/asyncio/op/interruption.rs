//! Operations that are cut short: they are over when the session has come to rest.

use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;

use super::super::channel::{Awaits, Channel};
use super::{Answer, Op, Phase, Poll};
use crate::core::limit::Expires;
use crate::shell::job::Job;
use howdah_adapt::lock;

impl Op {
    /// The end of an interrupted operation, once the session is at rest.
    pub(super) fn drained(&self, slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let channel = self.channel.get();
        if !channel.core.is_at_rest() {
            self.set_phase(Phase::Draining(error.into_value(slf.py())));
            return Ok(Poll::Pending);
        }
        channel.stop_running(slf);
        self.finish(slf.py(), Err(error))
    }

    /// Tells the job that it is cut short.
    pub(super) fn interrupt_job(&self) {
        let job = lock(&self.state).job.take();
        if let Some(mut job) = job {
            job.interrupted(&self.channel.get().core);
            lock(&self.state).job = Some(job);
        }
    }

    /// Tells the job that it cannot begin, and that is the end of it.
    pub(super) fn refuse_job(&self) {
        let job = lock(&self.state).job.take();
        if let Some(mut job) = job {
            job.refused(&self.channel.get().core);
        }
    }

    /// An exception was thrown in where the operation waits: mostly `CancelledError`. It is raised in the end whatever happens.
    pub(super) fn interrupt(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let polled = Self::cut_short(slf, error);
        if slf.get().is_over() {
            slf.get().stop_bound(slf.py());
            slf.get().stop_expiry(slf.py());
        }
        polled
    }

    /// Gives it up where it waits, because its time is over; what has been answered already is looked at when it goes on.
    ///
    /// From the loop's callback.
    pub(in super::super) fn expire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let limit = {
            let state = lock(&this.state);
            let waits = matches!(state.phase, Phase::Queued | Phase::Running);
            state.limit.filter(|_| waits)
        };
        let Some(limit) = limit else {
            return Ok(());
        };
        // Where it has to wait for the session to come to rest, the task goes on waiting.
        let Err(error) = Self::cut_short(slf, limit.expired(slf.py())) else {
            return Ok(());
        };
        this.set_phase(Phase::Expired(error));
        this.channel.get().wake_soon(slf)
    }

    pub(super) fn cut_short(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let py = slf.py();
        let this = slf.get();
        let channel = this.channel.get();
        match this.set_phase(Phase::Finished) {
            Phase::Finished => Err(error),
            // The caller wants it to be over for another reason by now.
            Phase::Expired(_) => Err(error),
            Phase::Detached => {
                this.set_phase(Phase::Detached);
                Err(error)
            }
            Phase::Fresh if this.is_leased() => Self::fail(slf, error),
            Phase::Fresh => {
                this.interrupt_job();
                Err(error)
            }
            Phase::Queued => {
                channel.gate.give_up(&slf.clone().unbind());
                this.interrupt_job();
                Err(error)
            }
            Phase::Answered(answer) => {
                this.take_note(py, answer);
                Self::fail(slf, error)
            }
            Phase::HandedOver => Self::fail(slf, error),
            Phase::Running => {
                let awaited = channel.stop_running(slf);
                if let Some(Awaits::Exchange(id)) = awaited
                    && channel.gate.is_shared()
                    && (!channel.core.leave_exchange(id) || !channel.gate.claim())
                {
                    // The server may be at another's statement when a cancel request reaches it: nobody waits for this one, that
                    // is all.
                    return this.finish(py, Err(error));
                }
                if awaited == Some(Awaits::Notification) && !this.has_gate() {
                    // What others have asked meanwhile goes on.
                    this.interrupt_job();
                    return this.finish(py, Err(error));
                }
                if !this.has_gate() && !channel.gate.try_enter() {
                    // Others wait as well, and are told what the server makes of this.
                    if let Err(failure) = Channel::cancel(this.channel.bind(py)) {
                        failure.write_unraisable(py, Some(slf));
                    }
                    return this.finish(py, Err(error));
                }
                lock(&this.state).has_gate = true;
                if let Some(Awaits::Exchange(_) | Awaits::Sending(_) | Awaits::Booked(_)) = awaited
                {
                    channel.core.interrupt_pipeline(py);
                }
                Self::fail(slf, error)
            }
            // The end came after the task had asked for a second cancellation, and before this.
            Phase::Draining(_) if channel.core.is_at_rest() => this.drained(slf, error),
            // A second interruption does not wait: the channel sees to the rest.
            Phase::Draining(_) => {
                this.set_phase(Phase::Detached);
                Err(error)
            }
        }
    }

    /// Lets the job know of an answer that came before it was cut short.
    pub(super) fn take_note(&self, py: Python<'_>, answer: Answer) {
        let job = lock(&self.state).job.take();
        let settling = lock(&self.state).settling;
        if let (Some(mut job), Ok(outcome)) = (job, answer) {
            if !settling && self.has_gate() {
                // What it gives, or wants next, is not wanted any more.
                drop(job.resume(py, &self.channel.get().core, *outcome));
            }
            lock(&self.state).job = Some(job);
        }
    }

    /// The operation has failed: it is over when the session is at rest.
    pub(super) fn fail(slf: &Bound<'_, Self>, error: PyErr) -> PyResult<Poll> {
        let py = slf.py();
        let this = slf.get();
        let channel = this.channel.bind(py);
        let core = &channel.get().core;
        this.interrupt_job();
        if !this.has_gate() || channel.get().gate.is_shared() {
            // What the others have asked goes on.
            return this.finish(py, Err(error));
        }
        if core.snapshot.started().is_none() {
            core.close();
            Channel::detach_or_report(channel);
            return this.finish(py, Err(error));
        }
        if core.snapshot.is_closed() || core.is_settled() {
            return this.finish(py, Err(error));
        }
        this.stop_timer(py);
        if channel.get().is_loop_closed(py) {
            // Nobody reads the rest, unless the connection is used from another loop: that one sees to it.
            Channel::set_running(channel, slf, Awaits::Settled)?;
            this.set_phase(Phase::Detached);
            return Err(error);
        }
        let limit = lock(&this.state).limit;
        core.hasten_rest(limit);
        if let Err(failure) = Self::begin_draining(slf) {
            // Lost meanwhile.
            failure.write_unraisable(py, Some(slf));
            core.lose();
            Channel::detach_or_report(channel);
            channel.get().stop_running(slf);
            return this.finish(py, Err(error));
        }
        if error.is_instance_of::<PyGeneratorExit>(py) {
            this.set_phase(Phase::Detached);
            return Err(error);
        }
        this.set_phase(Phase::Draining(error.into_value(py)));
        Ok(Poll::Pending)
    }

    /// Sees to it that the session comes to rest, and that the channel wakes the operation then.
    pub(super) fn begin_draining(slf: &Bound<'_, Self>) -> PyResult<()> {
        let channel = slf.get().channel.bind(slf.py());
        channel.get().core.note_busy();
        Channel::set_running(channel, slf, Awaits::Settled)?;
        Channel::advance_soon(channel)
    }

    /// Has the session brought to rest in the background, with the gate that nobody else leaves; the job is told.
    ///
    /// From any thread: what is given up may be dropped wherever the garbage collector runs.
    pub(crate) fn run_detached(channel: &Bound<'_, Channel>, job: Box<dyn Job>) -> PyResult<()> {
        let op = Bound::new(channel.py(), Self::new(channel.clone().unbind(), job, None))?;
        lock(&op.get().state).has_gate = true;
        if Channel::call_in_its_loop(channel, "_on_abandoned", &op)? {
            op.get().detach();
        } else {
            Self::drain_or_lose(channel, &op);
        }
        Ok(())
    }

    /// Has the session brought to rest, in the thread of its loop.
    pub(in super::super) fn drain_or_lose(channel: &Bound<'_, Channel>, op: &Bound<'_, Self>) {
        if Self::drain_detached(op).is_err() {
            // The loop is closed: nobody would read the rest.
            channel.get().core.lose();
            Channel::detach_or_report(channel);
            channel.get().stop_running(op);
            channel.get().leave_gate(channel.py());
        }
    }

    /// Ends an operation whose loop is gone: what it still brings is for nobody.
    pub(in super::super) fn drain_detached(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        this.detach();
        drop(this.take_callbacks());
        let timer = lock(&this.state).timer.take();
        drop(timer);
        this.interrupt_job();
        let channel = this.channel.get();
        // What it waited for will not come; it is woken when the session has come to rest, and once only.
        channel.stop_running(slf);
        if !this.has_gate() || channel.core.is_settled() {
            this.leave_gate(slf.py());
            return Ok(());
        }
        Self::begin_draining(slf)
    }
}
