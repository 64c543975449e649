//! `PGcancel` and `PGcancelConn`: cancel requests, waited for or driven.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use howdah_adapt::lock;
use howdah_ffi::values::bytes;
use howdah_net::ConnectError;
use howdah_net::cancel::Progress;
use howdah_net::platform::{AsFd, AsRawFd, RawFd};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::numbers::{
    ALLOCATED, BAD, OK, POLL_FAILED, POLL_OK, POLL_READING, POLL_WRITING, STARTED,
};
use super::result::error_message;
use crate::core::Core;
use crate::core::cancel::Underway;
use crate::errors;
use crate::shell::asyncio::Channel;
use crate::shell::blocking;

/// What is needed to cancel what a connection runs.
#[pyclass(frozen, module = "howdah._howdah", name = "PGcancel")]
pub(crate) struct PgCancel {
    core: Mutex<Option<Arc<Core>>>,
    channel: Option<Py<Channel>>,
}

impl PgCancel {
    pub(super) fn new(core: Arc<Core>, channel: Option<Py<Channel>>) -> Self {
        Self {
            core: Mutex::new(Some(core)),
            channel,
        }
    }
}

/// A request is over: operations of an asynchronous connection may have waited for that.
fn tell(py: Python<'_>, channel: Option<&Py<Channel>>) -> PyResult<()> {
    channel.map_or(Ok(()), |channel| Channel::poke(channel.bind(py)))
}

#[pymethods]
impl PgCancel {
    /// Forget the connection.
    fn free(&self) {
        let core = lock(&self.core).take();
        drop(core);
    }

    /// Ask the server to cancel what runs, and wait until it has taken note; nothing happens if nothing runs.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        let core = lock(&self.core).clone();
        let Some(core) = core else {
            let text = "cancel failed: PQcancel() -- no cancel object supplied";
            return Err(errors::operational(py, text));
        };
        let cancelled = blocking::cancel(py, &core, core.cancel_deadline())?;
        tell(py, self.channel.as_ref())?;
        cancelled.map_err(|error| errors::operational(py, format!("cancel failed: {error}")))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)
    }
}

/// A cancel request that is driven without waiting.
#[pyclass(frozen, module = "howdah._howdah", name = "PGcancelConn")]
pub(crate) struct PgCancelConn {
    request: Mutex<Request>,
    channel: Option<Py<Channel>>,
}

struct Request {
    /// The connection, until `finish()`.
    core: Option<Arc<Core>>,
    stage: Stage,
    message: String,
}

enum Stage {
    Allocated,
    Underway(Underway),
    Done,
    Failed,
}

impl PgCancelConn {
    pub(super) fn new(core: Option<Arc<Core>>, channel: Option<Py<Channel>>) -> Self {
        let request = Request {
            core,
            stage: Stage::Allocated,
            message: String::new(),
        };
        Self {
            request: Mutex::new(request),
            channel,
        }
    }
}

impl Request {
    fn core(&self, py: Python<'_>) -> PyResult<Arc<Core>> {
        let core = self.core.as_ref().map(Arc::clone);
        core.ok_or_else(|| errors::operational(py, "the cancel connection is closed"))
    }

    fn begin(&mut self, core: &Core) {
        self.message.clear();
        self.stage = match core.begin_cancel(core.cancel_deadline()) {
            Ok(Some(underway)) => Stage::Underway(underway),
            Ok(None) => Stage::Done,
            Err(error) => self.failed(&error),
        };
    }

    fn advance(&mut self) -> u8 {
        let Stage::Underway(underway) = &mut self.stage else {
            return match self.stage {
                Stage::Done => POLL_OK,
                _ => POLL_FAILED,
            };
        };
        match underway.request.advance(Instant::now()) {
            Ok(Progress::Done) => {
                self.stage = Stage::Done;
                POLL_OK
            }
            Ok(Progress::NeedReadable) => POLL_READING,
            Ok(Progress::NeedWritable) => POLL_WRITING,
            Err(error) => {
                self.stage = self.failed(&error);
                POLL_FAILED
            }
        }
    }

    /// Until when something is prepared that the socket does not tell of.
    fn preparing(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Underway(underway) => underway.request.preparing(),
            Stage::Allocated | Stage::Done | Stage::Failed => None,
        }
    }

    fn failed(&mut self, error: &ConnectError) -> Stage {
        self.message = format!("{error}\n");
        Stage::Failed
    }
}

#[pymethods]
impl PgCancelConn {
    /// Begin the request; go on with `poll()`.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        let mut request = lock(&self.request);
        let core = request.core(py)?;
        if !matches!(request.stage, Stage::Allocated) {
            drop(request);
            let text = "couldn't start cancellation: cancel request is already being sent on this connection";
            return Err(errors::operational(py, text));
        }
        request.begin(&core);
        let failed = matches!(request.stage, Stage::Failed);
        let message = request.message.clone();
        drop(request);
        match failed {
            true => {
                let text = format!("couldn't start cancellation: {}", message.trim_end());
                Err(errors::operational(py, text))
            }
            false => Ok(()),
        }
    }

    /// Make the request, waiting until the server has taken note of it.
    fn blocking(&self, py: Python<'_>) -> PyResult<()> {
        self.start(py)?;
        let stage = std::mem::replace(&mut lock(&self.request).stage, Stage::Failed);
        let Stage::Underway(underway) = stage else {
            lock(&self.request).stage = stage;
            return Ok(());
        };
        let core = lock(&self.request).core(py)?;
        let finished = blocking::finish_cancel(py, &core, underway)?;
        tell(py, self.channel.as_ref())?;
        match finished {
            Ok(()) => {
                lock(&self.request).stage = Stage::Done;
                Ok(())
            }
            Err(error) => {
                let text = format!("couldn't cancel: {error}");
                lock(&self.request).message = format!("{error}\n");
                Err(errors::operational(py, text))
            }
        }
    }

    /// Go on with it: a number of `PollingStatus`.
    fn poll(&self, py: Python<'_>) -> PyResult<u8> {
        let polled = loop {
            let (polled, preparing) = {
                let mut request = lock(&self.request);
                request.core(py)?;
                (request.advance(), request.preparing())
            };
            let Some(due) = preparing.filter(|_| polled == POLL_READING) else {
                break polled;
            };
            // The socket does not tell when a token of GSSAPI has been made. libpq, too, waits for that in `PQcancelPoll`.
            let left = due.saturating_duration_since(Instant::now());
            py.detach(|| std::thread::sleep(left));
            py.check_signals()?;
        };
        if matches!(polled, POLL_OK | POLL_FAILED) {
            tell(py, self.channel.as_ref())?;
        }
        Ok(polled)
    }

    /// A number of `ConnStatus`.
    #[getter]
    fn status(&self) -> u8 {
        match lock(&self.request).stage {
            Stage::Allocated => ALLOCATED,
            Stage::Underway(_) => STARTED,
            Stage::Done => OK,
            Stage::Failed => BAD,
        }
    }

    /// The descriptor to wait for.
    #[getter]
    fn socket(&self, py: Python<'_>) -> PyResult<RawFd> {
        match &lock(&self.request).stage {
            Stage::Underway(underway) => return Ok(underway.request.as_fd().as_raw_fd()),
            Stage::Allocated | Stage::Done | Stage::Failed => {}
        }
        let text = "cancel connection not opened";
        Err(errors::operational(py, text))
    }

    /// The error, as bytes.
    #[getter(error_message)]
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let message = lock(&self.request).message.clone();
        bytes(py, message.as_bytes())
    }

    /// Return the error as text.
    #[pyo3(signature = (encoding=None), text_signature = "($self, encoding='')")]
    fn get_error_message(slf: &Bound<'_, Self>, encoding: Option<String>) -> PyResult<Py<PyAny>> {
        error_message(slf.as_any(), encoding, "utf-8")
    }

    /// Give up the request, so that another can be begun.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        {
            let mut request = lock(&self.request);
            request.core(py)?;
            request.stage = Stage::Allocated;
            request.message.clear();
        }
        tell(py, self.channel.as_ref())
    }

    /// Give up the request and forget the connection.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let core = {
            let mut request = lock(&self.request);
            request.stage = Stage::Failed;
            request.core.take()
        };
        match core {
            Some(_) => tell(py, self.channel.as_ref()),
            None => Ok(()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)
    }
}
