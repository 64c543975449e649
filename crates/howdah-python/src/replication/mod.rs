//! What `ReplicationStream` and `AsyncReplicationStream` stand on.

mod changes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use howdah_adapt::{Adaptation, lock};
use howdah_ffi::values::bytes;
use howdah_protocol::connection::QueryResult;
use howdah_protocol::replication::WalData;
use howdah_protocol::session::{ExchangeId, Positions};
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::connection::BaseConnection;
use crate::core::Flavor;
use crate::core::copying::CopyState;
use crate::imports;
use crate::jobs::replication::{FollowJob, Interval, Work, next_timeline};
use crate::shell;
use crate::shell::ready::Ready;
use changes::Decoding;

/// The base of `ReplicationStream` and `AsyncReplicationStream`.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct BaseReplication {
    connection: Py<BaseConnection>,
    pub(crate) state: Arc<CopyState>,
    pub(crate) is_physical: bool,
    has_begun: AtomicBool,
    place: Mutex<Place>,
    /// What makes changes of messages, where that is wanted.
    decoding: Option<Decoding>,
}

/// Where the stream is.
#[derive(Default)]
struct Place {
    exchange: Option<ExchangeId>,
    /// Up to where messages have been given.
    position: u64,
    next_timeline: Option<(u64, u64)>,
}

impl BaseReplication {
    /// Whether it has been begun before; from here on it has.
    pub(crate) fn was_begun(&self) -> bool {
        self.has_begun.swap(true, Ordering::Relaxed)
    }

    /// Whether messages have been given.
    pub(crate) fn has_given(&self) -> bool {
        lock(&self.place).position > 0
    }

    pub(crate) fn set_exchange(&self, id: ExchangeId) {
        lock(&self.place).exchange = Some(id);
    }

    /// Notes what the server has said of the end.
    pub(crate) fn note_end(&self, results: &[QueryResult]) {
        lock(&self.place).next_timeline = next_timeline(results);
    }

    fn run(slf: &Bound<'_, Self>, work: Work) -> PyResult<Py<PyAny>> {
        let job = FollowJob::new(slf, work)?;
        let connection = slf.get().connection.get();
        shell::run(slf.py(), connection.core(), connection.channel(), job)
    }

    /// Whether the server is to be told something by now.
    fn is_status_due(&self, py: Python<'_>) -> PyResult<bool> {
        if !self.state.is_out() {
            return Ok(false);
        }
        let core = self.connection.get().core();
        let due = core.with_session(py, |session| session.status_due_at())?;
        Ok(due.is_some_and(|due| due <= Instant::now()))
    }

    fn message(&self, py: Python<'_>, body: &[u8]) -> PyResult<Py<PyAny>> {
        let data = WalData::read(body).map_err(|error| changes::broken(py, &error))?;
        let position = match self.is_physical {
            true => data.end_of_payload(),
            false => data.start,
        };
        {
            let mut place = lock(&self.place);
            place.position = place.position.max(position);
        }
        if let Some(decoding) = &self.decoding {
            let settings = self.connection.get().core().snapshot.settings();
            return decoding.decode(py, data.payload, &settings);
        }
        let payload = bytes(py, data.payload)?;
        let arguments = (data.start, data.end, data.sent_at, payload);
        Ok(imports::XLOG_DATA.get(py)?.call1(arguments)?.unbind())
    }

    fn told(&self, py: Python<'_>) -> PyResult<(Positions, u64)> {
        let id = lock(&self.place).exchange;
        let Some(id) = id else {
            return Ok((Positions::default(), 0));
        };
        let core = self.connection.get().core();
        let told = core.with_session(py, |session| session.told(id))?;
        Ok(told.unwrap_or_default())
    }
}

#[pymethods]
impl BaseReplication {
    #[new]
    #[pyo3(signature = (connection, *, physical=false, decode=None))]
    fn new(connection: &Bound<'_, PyAny>, physical: bool, decode: Option<u8>) -> PyResult<Self> {
        let py = connection.py();
        if decode.is_some() {
            imports::import_changes(py)?;
        }
        let connection = BaseConnection::behind(connection)?;
        let map = connection.get().adapters_map(py)?.clone_ref(py);
        let known = connection.clone().unbind().into_any();
        let adaptation = Adaptation::new(map, Some(known));
        Ok(Self {
            connection: connection.unbind(),
            state: Arc::default(),
            is_physical: physical,
            has_begun: AtomicBool::new(false),
            place: Mutex::default(),
            decoding: decode.map(|version| Decoding::new(version, adaptation)),
        })
    }

    /// The connection that the stream runs on.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<BaseConnection> {
        self.connection.clone_ref(py)
    }

    /// Whether the server sends messages.
    #[getter]
    fn _is_running(&self) -> bool {
        self.state.is_running() || self.state.is_busy()
    }

    /// Up to where messages have been given.
    #[getter]
    fn _position(&self) -> u64 {
        lock(&self.place).position
    }

    #[getter]
    fn _next_timeline(&self) -> Option<(u64, u64)> {
        lock(&self.place).next_timeline
    }

    /// What the server is told: written, flushed, applied; and where it was when it last said so.
    #[getter]
    fn _told(&self, py: Python<'_>) -> PyResult<(u64, u64, u64, u64)> {
        let (positions, server) = self.told(py)?;
        let Positions {
            written,
            flushed,
            applied,
        } = positions;
        Ok((written, flushed, applied, server))
    }

    /// Begin, with this command; `interval` is in seconds, 0 for never and `None` for what the server wants.
    #[pyo3(signature = (command, interval=None))]
    fn _start(slf: &Bound<'_, Self>, command: &str, interval: Option<f64>) -> PyResult<Py<PyAny>> {
        let interval = match interval {
            None => Interval::AsServer,
            Some(0.0) => Interval::Never,
            Some(seconds) => {
                let every = Duration::try_from_secs_f64(seconds);
                let text = "the interval has to be a number of seconds that is not negative";
                Interval::Every(every.map_err(|_| PyValueError::new_err(text))?)
            }
        };
        let settings = slf.get().connection.get().core().snapshot.settings();
        let mut sql = Vec::new();
        let command = pyo3::types::PyString::new(slf.py(), command);
        settings.encoding.encode(&command, &mut sql)?;
        Self::run(slf, Work::Start(sql, interval))
    }

    /// Take the next message that has been received; `None` if there is none, or the server has to be told something before.
    fn _take(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        if self.is_status_due(py)? {
            return Ok(None);
        }
        let Some((messages, number, _)) = self.state.next_message() else {
            return Ok(None);
        };
        self.message(py, messages.bytes(number).unwrap_or_default())
            .map(Some)
    }

    /// Wait until there are messages, which is true, or there will be none before so many seconds have passed.
    #[pyo3(signature = (timeout=None))]
    fn _wait(slf: &Bound<'_, Self>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let deadline = timeout.map(|seconds| {
            let wait = Duration::try_from_secs_f64(seconds.max(0.0));
            Instant::now().checked_add(wait.unwrap_or(Duration::MAX))
        });
        Self::run(slf, Work::Wait(deadline.flatten()))
    }

    /// Note up to where the client has come.
    fn _confirm(&self, py: Python<'_>, write: u64, flush: u64, apply: u64) -> PyResult<()> {
        let id = lock(&self.place).exchange;
        let Some(id) = id else { return Ok(()) };
        let positions = Positions {
            written: write,
            flushed: flush,
            applied: apply,
        };
        let core = self.connection.get().core();
        core.with_session(py, |session| session.confirm(id, positions))
    }

    /// Tell the server at once.
    fn _tell(slf: &Bound<'_, Self>, reply: bool) -> PyResult<Py<PyAny>> {
        Self::run(slf, Work::Tell(reply))
    }

    /// End the stream, if the server runs it. An error that nobody has seen comes out.
    fn _end(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if !this._is_running() {
            let failure = this.state.take_failure();
            let ended = failure.map_or_else(|| Ok(py.None()), Err);
            return match this.connection.get().core().flavor {
                Flavor::Sync => ended,
                Flavor::Async => Py::new(py, Ready::new(move |_| ended)).map(Py::into_any),
            };
        }
        Self::run(slf, Work::End)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.connection)?;
        match &self.decoding {
            Some(decoding) => decoding.traverse(&visit),
            None => Ok(()),
        }
    }
}
