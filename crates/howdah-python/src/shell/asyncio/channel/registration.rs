//! Where the loop is told of the channel, and where it has to be told no longer.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use howdah_net::platform::{AsRawFd, OwnedFd};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::super::op::Op;
use super::Channel;
use crate::imports;
use howdah_adapt::lock;

#[derive(Default)]
pub(super) struct Registration {
    pub(super) event_loop: Option<Py<PyAny>>,
    /// The channel's own descriptor of the socket.
    pub(super) fd: Option<OwnedFd>,
    pub(super) writing: bool,
}

impl Registration {
    /// Has the loop forget the socket, in the loop's thread.
    fn end(self, py: Python<'_>) -> PyResult<()> {
        let (Some(event_loop), Some(fd)) = (self.event_loop, self.fd) else {
            return Ok(());
        };
        let event_loop = event_loop.bind(py);
        if self.writing {
            event_loop.call_method1("remove_writer", (fd.as_raw_fd(),))?;
        }
        event_loop.call_method1("remove_reader", (fd.as_raw_fd(),))?;
        Ok(())
    }
}

thread_local! {
    /// Address of the event loop that is calling us in this thread, while a task is stepped; 0 otherwise.
    ///
    /// To ask asyncio for the running loop costs a system call before CPython 3.12.
    pub(super) static CURRENT_LOOP: Cell<usize> = const { Cell::new(0) };
}

impl Channel {
    /// The loop that the channel is registered with.
    pub(crate) fn event_loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let registration = lock(&self.registration);
        registration
            .event_loop
            .as_ref()
            .map(|event_loop| event_loop.clone_ref(py))
    }

    /// Whether the loop that the channel is registered with has been closed.
    pub(in super::super) fn is_loop_closed(&self, py: Python<'_>) -> bool {
        let is_closed =
            |event_loop: Py<PyAny>| event_loop.call_method0(py, "is_closed")?.is_truthy(py);
        let event_loop = self.event_loop(py);
        event_loop.is_some_and(|event_loop| is_closed(event_loop).unwrap_or(true))
    }

    /// Sees to it that the channel is registered with the running loop.
    pub(crate) fn attach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if slf.get().is_in_its_loop() {
            return Ok(());
        }
        let running = running_loop(py)?;
        let current = slf.get().event_loop(py);
        match current {
            Some(current) if current.is(&running) => return Ok(()),
            Some(current) => Self::leave_loop(slf, current.bind(py))?,
            None => {}
        }
        // Of a lost connection the socket is still there, for the user, and would call for ever.
        let core = &slf.get().core;
        let Some(socket) = core.socket().filter(|_| !core.snapshot.is_closed()) else {
            return Ok(());
        };
        let fd = socket.duplicate()?;
        running.call_method1("add_reader", (fd.as_raw_fd(), slf.getattr("_on_readable")?))?;
        let selects = running.is_instance(imports::BASE_SELECTOR_EVENT_LOOP.get(py)?)?;
        slf.get().reads_to_end.store(!selects, Ordering::Relaxed);
        *lock(&slf.get().registration) = Registration {
            event_loop: Some(running.unbind()),
            fd: Some(fd),
            writing: false,
        };
        slf.get().paused.store(false, Ordering::Relaxed);
        slf.get().working.store(false, Ordering::Relaxed);
        slf.get().sending.store(false, Ordering::Relaxed);
        Self::end_orphans(slf)
    }

    /// Ends the operations that the loop before has left unfinished.
    pub(super) fn end_orphans(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let left = this.running_ops(slf.py());
        if left.is_empty() {
            return Ok(());
        }
        for waiting in this.gate.take_waiting() {
            waiting.bind(slf.py()).get().detach();
        }
        left.iter()
            .try_for_each(|op| Op::drain_detached(op.bind(slf.py())))
    }

    /// Whether the loop that the channel is registered with is known to run in this thread, because it has called us.
    pub(super) fn is_in_its_loop(&self) -> bool {
        let current = CURRENT_LOOP.get();
        let registration = lock(&self.registration);
        let own = registration.event_loop.as_ref();
        current != 0 && own.is_some_and(|own| own.as_ptr().addr() == current)
    }

    /// Moves away from a loop, which is not running any more or, if nothing is under way, runs in another thread.
    pub(super) fn leave_loop(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let closed = event_loop.call_method0("is_closed")?.is_truthy()?;
        if !closed && event_loop.call_method0("is_running")?.is_truthy()? {
            return Self::leave_running_loop(slf);
        }
        let left = this.running_ops(event_loop.py());
        let all_detached =
            !left.is_empty() && left.iter().all(|op| closed || op.get().is_detached());
        if this.gate.is_held() && !all_detached {
            return Err(PyRuntimeError::new_err(
                "an operation on the connection is unfinished in another event loop, which does not run any more",
            ));
        }
        this.unregister(event_loop.py(), closed)
    }

    /// Moves away from a loop that runs in another thread, and ends the registration there, where alone that may be done.
    fn leave_running_loop(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let under_way = this.gate.is_held()
            || !lock(&this.running).is_empty()
            || lock(&this.timer).is_some()
            || this.working.load(Ordering::Relaxed);
        if under_way {
            return Err(PyRuntimeError::new_err(
                "the connection is in use in another event loop, which is still running",
            ));
        }
        let registration = std::mem::take(&mut *lock(&this.registration));
        let event_loop = registration.event_loop.as_ref();
        let event_loop = event_loop.map(|event_loop| event_loop.clone_ref(slf.py()));
        {
            let mut left = lock(&this.left);
            left.push(registration);
            this.has_left.store(true, Ordering::Relaxed);
        }
        let Some(event_loop) = event_loop else {
            return Ok(());
        };
        let event_loop = event_loop.bind(slf.py());
        let end = slf.getattr("_on_left")?;
        match event_loop.call_method1("call_soon_threadsafe", (end,)) {
            // It has been closed meanwhile.
            Err(_) if event_loop.call_method0("is_closed")?.is_truthy()? => Ok(()),
            told => told.map(drop),
        }
    }

    /// Ends the registrations with the loop that runs in this thread, from which the channel has moved away.
    pub(super) fn end_left(&self, py: Python<'_>) -> PyResult<()> {
        let running = running_loop(py)?;
        let is_here = |each: &mut Registration| {
            let event_loop = each.event_loop.as_ref();
            event_loop.is_some_and(|event_loop| event_loop.is(&running))
        };
        let ended: Vec<_> = {
            let mut left = lock(&self.left);
            let ended = left.extract_if(.., is_here).collect();
            self.has_left.store(!left.is_empty(), Ordering::Relaxed);
            ended
        };
        ended.into_iter().try_for_each(|each| each.end(py))
    }

    /// Whether the loop that is calling is the one that the channel has moved away from.
    pub(super) fn is_left(&self, py: Python<'_>) -> bool {
        self.has_left.load(Ordering::Relaxed)
            && !running_loop(py).is_ok_and(|running| {
                let registration = lock(&self.registration);
                let own = registration.event_loop.as_ref();
                own.is_some_and(|own| own.is(&running))
            })
    }

    /// Ends the registration, when the connection is closed. From any thread.
    pub(crate) fn detach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let Some(event_loop) = this.event_loop(py) else {
            return Ok(());
        };
        let event_loop = event_loop.bind(py);
        if this.core.forked() || event_loop.call_method0("is_closed")?.is_truthy()? {
            return this.unregister(py, true);
        }
        if this.may_change(event_loop)? {
            return this.unregister(py, false);
        }
        // The loop runs in another thread, and may only be changed there.
        let unregister = slf.getattr("_on_closed_elsewhere")?;
        event_loop
            .call_method1("call_soon_threadsafe", (unregister,))
            .map(drop)
    }

    /// Whether the loop, which is not closed, can be told something in this thread: it runs here, or nowhere.
    fn may_change(&self, event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.is_in_its_loop()
            || !event_loop.call_method0("is_running")?.is_truthy()?
            || running_loop(event_loop.py()).is_ok_and(|running| running.is(event_loop)))
    }

    /// Has the loop call a method with an operation, if it runs in another thread than this one; `false` if it does not.
    pub(in super::super) fn call_in_its_loop(
        slf: &Bound<'_, Self>,
        method: &str,
        op: &Bound<'_, Op>,
    ) -> PyResult<bool> {
        let py = slf.py();
        let Some(event_loop) = slf.get().event_loop(py) else {
            return Ok(false);
        };
        let event_loop = event_loop.bind(py);
        if event_loop.call_method0("is_closed")?.is_truthy()? || slf.get().may_change(event_loop)? {
            return Ok(false);
        }
        let arguments = (slf.getattr(method)?, op);
        event_loop.call_method1("call_soon_threadsafe", arguments)?;
        Ok(true)
    }

    /// As [`Channel::detach`], where there is another error to raise.
    pub(crate) fn detach_or_report(slf: &Bound<'_, Self>) {
        if let Err(error) = Self::detach(slf) {
            error.write_unraisable(slf.py(), Some(slf));
        }
    }

    pub(super) fn unregister(&self, py: Python<'_>, loop_is_gone: bool) -> PyResult<()> {
        // A timer of that loop would be taken for one of the next.
        self.disarm_timer(py, loop_is_gone)?;
        let registration = std::mem::take(&mut *lock(&self.registration));
        match loop_is_gone {
            true => Ok(()),
            false => registration.end(py),
        }
    }

    /// Has the loop tell, or no longer tell, when the socket can be written.
    pub(super) fn watch_writing(slf: &Bound<'_, Self>, wanted: bool) -> PyResult<()> {
        let py = slf.py();
        let (event_loop, fd) = {
            let mut registration = lock(&slf.get().registration);
            if registration.writing == wanted {
                return Ok(());
            }
            let Registration {
                event_loop: Some(event_loop),
                fd: Some(fd),
                ..
            } = &*registration
            else {
                return Ok(());
            };
            let pair = (event_loop.clone_ref(py), fd.as_raw_fd());
            registration.writing = wanted;
            pair
        };
        let event_loop = event_loop.bind(py);
        if wanted {
            event_loop.call_method1("add_writer", (fd, slf.getattr("_on_writable")?))?;
        } else {
            event_loop.call_method1("remove_writer", (fd,))?;
        }
        Ok(())
    }

    /// Has the loop tell, or no longer tell, when the socket can be read.
    pub(super) fn watch_reading(slf: &Bound<'_, Self>, wanted: bool) -> PyResult<()> {
        let (event_loop, fd) = {
            let registration = lock(&slf.get().registration);
            let (Some(event_loop), Some(fd)) = (&registration.event_loop, &registration.fd) else {
                return Ok(());
            };
            (event_loop.clone_ref(slf.py()), fd.as_raw_fd())
        };
        let event_loop = event_loop.bind(slf.py());
        if wanted {
            event_loop.call_method1("add_reader", (fd, slf.getattr("_on_readable")?))?;
        } else {
            event_loop.call_method1("remove_reader", (fd,))?;
        }
        Ok(())
    }

    /// Stops reading when many notifications wait that nobody takes, or a stream has rows that are not taken yet: more stay with
    /// the server until an operation runs.
    pub(super) fn rest_when_full(slf: &Bound<'_, Self>) -> PyResult<()> {
        let this = slf.get();
        let full = lock(&this.core.io)
            .as_ref()
            .is_some_and(|io| io.session.backlog.is_filling());
        let full = full || this.core.streaming.load(Ordering::Relaxed);
        if full && !this.paused.swap(true, Ordering::Relaxed) {
            Self::watch_reading(slf, false)?;
        }
        Ok(())
    }
}

/// The event loop that runs in this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    imports::GET_RUNNING_LOOP.get(py)?.call0()
}
