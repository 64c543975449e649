//! What a connection object holds, and what Rust code does with it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

use howdah_adapt::{AdaptersMap, lock};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;

use crate::connect::Opened;
use crate::core::Core;
use crate::core::pipeline::Status;
use crate::errors;
use crate::pq::PgConn;
use crate::shell::asyncio::Channel;

/// What synchronous and asynchronous connections share.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct BaseConnection {
    pub(super) core: Arc<Core>,
    pub(super) channel: Option<Py<Channel>>,
    pub(super) factories: Mutex<Factories>,
    pub(super) adapters: OnceLock<Py<AdaptersMap>>,
    /// What shows it as libpq would, if anybody has asked.
    pub(super) pgconn: OnceLock<Py<PgConn>>,
}

#[derive(Default)]
pub(super) struct Factories {
    /// Unless rows are plain tuples.
    pub(super) row: Option<Py<PyAny>>,
    pub(super) cursor: Option<Py<PyAny>>,
    /// Makes cursors that have a name.
    pub(super) server_cursor: Option<Py<PyAny>>,
    /// Whether `cursor` is a class with the constructor of its base, which finds the row factory by itself.
    pub(super) plain_cursor: bool,
}

impl BaseConnection {
    pub(super) fn new(opened: &Bound<'_, Opened>) -> Self {
        let opened = (opened.py(), opened.get());
        Self {
            core: Arc::clone(&opened.1.core),
            channel: opened
                .1
                .channel
                .as_ref()
                .map(|channel| channel.clone_ref(opened.0)),
            factories: Mutex::default(),
            adapters: OnceLock::new(),
            pgconn: OnceLock::new(),
        }
    }

    /// A connection of a `PGconn` that has been opened, which becomes its `pgconn`.
    pub(super) fn of_pgconn(pgconn: Bound<'_, PgConn>) -> PyResult<Self> {
        let core = pgconn.get().give(pgconn.py())?;
        let made = Self {
            core,
            channel: None,
            factories: Mutex::default(),
            adapters: OnceLock::new(),
            pgconn: OnceLock::new(),
        };
        // Nobody has asked before.
        let _ = made.pgconn.set(pgconn.unbind());
        Ok(made)
    }

    /// The connection itself, of an object that stands for it: a proxy, such as a wrapper for monitoring, that says to be one.
    pub(crate) fn behind<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        if let Ok(connection) = object.cast::<Self>() {
            return Ok(connection.clone());
        }
        let py = object.py();
        let itself = object
            .is_instance(&py.get_type::<Self>())?
            .then(|| object.getattr(intern!(py, "connection")))
            .transpose()?
            .and_then(|itself| itself.cast_into::<Self>().ok());
        itself.ok_or_else(|| {
            let name = object.get_type().qualname();
            let name = name.map_or_else(|_| "object".to_owned(), |name| name.to_string());
            PyTypeError::new_err(format!("expected a connection, got {name}"))
        })
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn channel(&self) -> Option<&Py<Channel>> {
        self.channel.as_ref()
    }

    /// The adapters: those of the package as they were when the connection's were first asked for, and the user's.
    pub(crate) fn adapters_map(&self, py: Python<'_>) -> PyResult<&Py<AdaptersMap>> {
        if let Some(known) = self.adapters.get() {
            return Ok(known);
        }
        let made = AdaptersMap::copy_of(AdaptersMap::global(py)?.bind(py))?;
        let made = Py::new(py, made)?;
        Ok(self.adapters.get_or_init(|| made))
    }

    /// The row factory, unless it is the default.
    pub(crate) fn own_row_factory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let factories = lock(&self.factories);
        factories.row.as_ref().map(|factory| factory.clone_ref(py))
    }

    /// State and place in short.
    pub(crate) fn summary(&self) -> String {
        let snapshot = &self.core.snapshot;
        if snapshot.is_closed() {
            return "[BAD]".to_owned();
        }
        let status = match self.core.transaction_status() {
            0 => "IDLE",
            1 => "ACTIVE",
            2 => "INTRANS",
            3 => "INERROR",
            _ => "UNKNOWN",
        };
        let pipeline = match self.core.pipeline.status() {
            Status::Off => "",
            Status::On => ", pipeline=ON",
            Status::Aborted => ", pipeline=ABORTED",
        };
        format!("[{status}{pipeline}] ({})", self.place())
    }

    /// Server, user and database, without what goes without saying.
    fn place(&self) -> String {
        let option = |name: &str| {
            let options = &self.core.snapshot.conninfo;
            let found = options.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let (host, port) = (option("host"), option("port"));
        let (user, database) = (option("user"), option("dbname"));
        let mut parts = Vec::new();
        if !host.starts_with('/') {
            parts.push(format!("host={host}"));
        }
        if !port.is_empty() && port != "5432" {
            parts.push(format!("port={port}"));
        }
        if user != database {
            parts.push(format!("user={user}"));
        }
        parts.push(format!("database={database}"));
        parts.join(" ")
    }

    pub(super) fn shut(&self, py: Python<'_>) -> PyResult<()> {
        close(py, &self.core, self.channel.as_ref())
    }
}

/// Closes a connection at the user's wish.
///
/// # Errors
/// The event loop's.
pub(crate) fn close(
    py: Python<'_>,
    core: &Arc<Core>,
    channel: Option<&Py<Channel>>,
) -> PyResult<()> {
    let Some(channel) = channel else {
        core.close();
        // A stream that nobody fetches from has the gate: who waits for that is not to wait until it is dropped.
        if core.streaming.swap(false, Ordering::Relaxed) && !core.forked() {
            core.gate.leave();
        }
        return Ok(());
    };
    let channel = channel.bind(py);
    let event_loop = channel.get().event_loop(py);
    let detached = Channel::detach(channel);
    core.close();
    Channel::closed(channel, event_loop)?;
    detached
}

impl Drop for BaseConnection {
    fn drop(&mut self) {
        errors::in_destructor(|py| self.shut(py));
    }
}
