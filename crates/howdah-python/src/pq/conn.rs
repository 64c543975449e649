//! `PGconn`: a connection as libpq shows it, one of its own or a live one of the driver's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_ffi::values::bytes;
use howdah_protocol::conninfo::{Keyword, Params, find_keyword};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use super::attempt::Attempt;
use super::body::Said;
use super::machine::Machine;
use super::trace::Trace;
use crate::core::Core;
use crate::errors;
use crate::shell::asyncio::Channel;

/// A connection as libpq has it.
#[pyclass(frozen, weakref, module = "howdah._howdah", name = "PGconn")]
pub(crate) struct PgConn {
    pub(super) link: Mutex<Link>,
    pub(super) machine: Mutex<Machine>,
    pub(super) nonblocking: AtomicBool,
    /// Whether it is a `Connection`'s, which may be at work by itself.
    is_shared: AtomicBool,
    /// Whether it has that connection's turn.
    pub(super) is_leased: AtomicBool,
    pub(super) channel: Option<Py<Channel>>,
    pub(super) handlers: Mutex<Handlers>,
    pub(super) trace: Mutex<Option<Trace>>,
    /// What it was opened with, for opening it anew.
    pub(super) params: Mutex<Option<Params>>,
}

/// What is behind it.
pub(super) enum Link {
    /// A session, which may be lost or closed by now.
    Open(Arc<Core>),
    /// One that is being opened.
    Starting(Box<Attempt>),
    /// An attempt that failed.
    Failed(Failed),
    /// `finish()` was called.
    Closed,
}

/// What is known of a connection that was not made.
#[derive(Clone)]
pub(super) struct Failed {
    pub(super) options: Vec<(String, String)>,
    pub(super) message: String,
    pub(super) needs_password: bool,
    pub(super) used_password: bool,
    /// Whether nothing can be done with it but look at it: it is an exception's.
    pub(super) is_finished: bool,
}

/// How the engine, and servers, say that a password was wanted; translated messages of servers are not understood.
const NO_PASSWORD: &str = "no password supplied";
const WRONG_PASSWORD: &str = "password authentication failed";

impl Failed {
    pub(super) fn new(options: Vec<(String, String)>, message: &str) -> Self {
        let message = message
            .strip_prefix("connection failed: ")
            .unwrap_or(message);
        let mut options = options;
        // It may become part of an exception.
        options.retain(|(name, _)| !find_keyword(name).is_some_and(Keyword::is_secret));
        Self {
            options,
            // As in libpq, one that was asked for counts as used.
            needs_password: message.contains(NO_PASSWORD),
            used_password: message.contains(NO_PASSWORD) || message.contains(WRONG_PASSWORD),
            message: message.to_owned(),
            is_finished: false,
        }
    }
}

/// What is called with what comes by itself; on a connection of the driver's own handlers are called.
#[derive(Default)]
pub(super) struct Handlers {
    pub(super) notice: Option<Py<PyAny>>,
    pub(super) notify: Option<Py<PyAny>>,
}

impl PgConn {
    fn make(link: Link, is_shared: bool, channel: Option<Py<Channel>>) -> Self {
        Self {
            link: Mutex::new(link),
            machine: Mutex::default(),
            // The driver's own never wait in `send()`.
            nonblocking: AtomicBool::new(is_shared),
            is_shared: AtomicBool::new(is_shared),
            is_leased: AtomicBool::new(false),
            channel,
            handlers: Mutex::default(),
            trace: Mutex::default(),
            params: Mutex::default(),
        }
    }

    /// A connection of its own.
    pub(super) fn own(link: Link, params: Option<Params>) -> Self {
        let made = Self::make(link, false, None);
        *lock(&made.params) = params;
        made
    }

    /// What shows a connection of the driver's.
    pub(crate) fn of_connection(core: &Arc<Core>, channel: Option<Py<Channel>>) -> Self {
        Self::make(Link::Open(Arc::clone(core)), true, channel)
    }

    /// What an exception has of a connection that was not made.
    pub(crate) fn of_failure(options: Vec<(String, String)>, message: &str) -> Self {
        let failed = Failed {
            is_finished: true,
            ..Failed::new(options, message)
        };
        Self::make(Link::Failed(failed), false, None)
    }

    /// Whether it is a `Connection`'s, which may be at work by itself.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Acquire)
    }

    /// What an asynchronous connection's loop calls.
    pub(super) fn channel_of(&self, py: Python<'_>) -> Option<Py<Channel>> {
        self.channel.as_ref().map(|channel| channel.clone_ref(py))
    }

    /// The first one among the arguments of a constructor.
    pub(crate) fn among<'py>(
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> Option<Bound<'py, Self>> {
        let named = kwargs.map(|kwargs| kwargs.values());
        let mut all = args.iter().chain(named.iter().flatten());
        all.find_map(|value| value.cast_into::<Self>().ok())
    }

    /// Gives the session to a `Connection`, of which it shows what there is to show from now on.
    ///
    /// # Errors
    /// It has none, is another connection's, or is in the middle of something.
    pub(crate) fn give(&self, py: Python<'_>) -> PyResult<Arc<Core>> {
        let core = self.usable(py, "making a connection")?;
        let machine = lock(&self.machine);
        let is_busy = machine.pipeline || !machine.is_idle();
        drop(machine);
        if is_busy || self.is_shared.swap(true, Ordering::AcqRel) {
            let text = "the PGconn is in use";
            return Err(errors::operational(py, text));
        }
        self.nonblocking.store(true, Ordering::Relaxed);
        core.snapshot.settings().prepare(py);
        Ok(core)
    }

    /// The session, if there is or was one.
    ///
    /// # Errors
    /// It is an exception's, for which nothing can be done.
    pub(super) fn core(&self, py: Python<'_>) -> PyResult<Option<Arc<Core>>> {
        let core = match &*lock(&self.link) {
            Link::Open(core) => Some(Some(Arc::clone(core))),
            Link::Failed(failed) if failed.is_finished => None,
            Link::Starting(_) | Link::Failed(_) | Link::Closed => Some(None),
        };
        core.ok_or_else(|| closed(py))
    }

    pub(super) fn failed(&self) -> Option<Failed> {
        match &*lock(&self.link) {
            Link::Failed(failed) => Some(failed.clone()),
            _ => None,
        }
    }

    /// Whether it was closed by the program.
    pub(super) fn is_closed(&self) -> bool {
        match &*lock(&self.link) {
            Link::Open(core) => core.snapshot.was_closed(),
            Link::Starting(_) | Link::Failed(_) => false,
            Link::Closed => true,
        }
    }

    /// The session, unless it was closed by the program; of a failed attempt there is none.
    pub(super) fn present(&self, py: Python<'_>) -> PyResult<Option<Arc<Core>>> {
        if self.is_closed() {
            return Err(closed(py));
        }
        match &*lock(&self.link) {
            Link::Open(core) => Ok(Some(Arc::clone(core))),
            _ => Ok(None),
        }
    }

    /// The session, if it is alive.
    pub(super) fn alive(&self, py: Python<'_>) -> PyResult<Option<Arc<Core>>> {
        let core = self.present(py)?;
        Ok(core.filter(|core| !core.snapshot.is_closed()))
    }

    pub(super) fn options_in_effect(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        match self.present(py)? {
            Some(core) => Ok(core.snapshot.conninfo.clone()),
            None => Ok(match &*lock(&self.link) {
                Link::Starting(attempt) => attempt.report().0,
                Link::Failed(failed) => failed.options.clone(),
                Link::Open(_) | Link::Closed => Vec::new(),
            }),
        }
    }

    /// A connection option in effect.
    pub(super) fn option<'py>(
        &self,
        py: Python<'py>,
        keyword: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let options = self.options_in_effect(py)?;
        let found = options.iter().find(|(name, _)| name == keyword);
        bytes(py, found.map_or(b"", |(_, value)| value.as_bytes()))
    }

    /// What its own last command was told.
    pub(super) fn said(&self) -> Option<Said> {
        lock(&self.machine).said.clone()
    }

    /// The last error where it is not [`said`](Self::said), and the encoding that an error is shown in.
    pub(super) fn told(&self, py: Python<'_>) -> (Option<String>, &'static str) {
        let core = match &*lock(&self.link) {
            Link::Open(core) => Arc::clone(core),
            Link::Failed(failed) => {
                let message = format!("{}\n", failed.message.trim_end());
                return (Some(message), "utf-8");
            }
            Link::Starting(_) | Link::Closed => return (None, "utf-8"),
        };
        match core.snapshot.error_message() {
            None => (None, lock(&self.machine).encoding()),
            // A lost connection speaks none.
            text if core.snapshot.is_closed() => (text, "utf-8"),
            text => (text, core.snapshot.encoding(py)),
        }
    }
}

pub(super) fn closed(py: Python<'_>) -> PyErr {
    errors::closed(py)
}

impl Drop for PgConn {
    fn drop(&mut self) {
        let link = std::mem::replace(&mut *lock(&self.link), Link::Closed);
        if let Link::Open(core) = link
            && !self.is_shared()
        {
            core.close();
        }
    }
}
