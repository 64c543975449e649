//! Waiting where somebody has put another function in the place of `select.select`, as gevent and eventlet do: it lets other
//! greenlets run meanwhile, which a wait of our own would stop. What it raises ends the wait, as a signal's handler does.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use howdah_net::ConnectError;
use howdah_net::cancel::{CancelRequest, Progress};
use howdah_net::platform::{AsFd, AsRawFd, Pipe, RawFd};
use howdah_net::resolve::Lookup;
use howdah_net::socket::{Peer, SLICE, Socket, TcpOptions, Waited};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyList};

use crate::imports;

/// The function that waits in the place of the system's.
pub(crate) struct Select<'py>(Bound<'py, PyAny>);

/// How often to look again at what tells nobody that it has changed.
const PAUSE: Duration = Duration::from_millis(10);

impl<'py> Select<'py> {
    /// The function, if it is another than Python's own.
    pub(crate) fn replaced(py: Python<'py>) -> PyResult<Option<Self>> {
        let modules = imports::MODULES.get(py)?.cast::<PyDict>()?;
        // Nobody has greenlets without that module.
        if !modules.contains(intern!(py, "greenlet"))? {
            return Ok(None);
        }
        let Some(module) = modules.get_item(intern!(py, "select"))? else {
            return Ok(None);
        };
        let function = module.getattr(intern!(py, "select"))?;
        let is_own = function.is_exact_instance_of::<PyCFunction>();
        Ok((!is_own).then_some(Self(function)))
    }

    /// Which greenlet calls: a number that no other has while this one lives.
    pub(crate) fn greenlet(&self) -> PyResult<usize> {
        let py = self.0.py();
        let modules = imports::MODULES.get(py)?.cast::<PyDict>()?;
        let Some(module) = modules.get_item(intern!(py, "greenlet"))? else {
            return Ok(0);
        };
        let current = module.call_method0(intern!(py, "getcurrent"))?;
        Ok(current.as_ptr().addr())
    }

    /// Waits until a descriptor can be read or, if asked for, written, or until a moment has come; it may also end before.
    ///
    /// The descriptor has to stay open meanwhile, and no lock may be held.
    pub(crate) fn wait(
        &self,
        socket: &impl AsFd,
        read: bool,
        write: bool,
        until: Option<Instant>,
    ) -> PyResult<()> {
        let fd = socket.as_fd().as_raw_fd();
        self.select([read.then_some(fd), None], write.then_some(fd), until)
    }

    /// Waits until a descriptor can be read or, if asked for, written, until there is something to read from `bell`, or until a moment
    /// has come; it may also end before. As [`Select::wait`].
    pub(crate) fn wait_or_bell(
        &self,
        socket: &impl AsFd,
        write: bool,
        bell: Option<&Pipe>,
        until: Option<Instant>,
    ) -> PyResult<()> {
        let fd = socket.as_fd().as_raw_fd();
        let bell = bell.map(|bell| bell.as_fd().as_raw_fd());
        self.select([Some(fd), bell], write.then_some(fd), until)
    }

    fn select(
        &self,
        read: [Option<RawFd>; 2],
        write: Option<RawFd>,
        until: Option<Instant>,
    ) -> PyResult<()> {
        let py = self.0.py();
        let list = |descriptors: [Option<RawFd>; 2]| {
            let descriptors = descriptors.into_iter().flatten();
            PyList::new(py, descriptors.collect::<Vec<_>>())
        };
        let time = until.map(|until| time_left(until).as_secs_f64());
        let arguments = (list(read)?, list([write, None])?, PyList::empty(py), time);
        self.0.call1(arguments).map(drop)
    }

    /// Lets others run for a moment.
    pub(crate) fn pause(&self) -> PyResult<()> {
        let empty = || PyList::empty(self.0.py());
        let arguments = (empty(), empty(), empty(), PAUSE.as_secs_f64());
        self.0.call1(arguments).map(drop)
    }

    /// Waits until the server has acted on a cancel request.
    pub(crate) fn finish_request(
        &self,
        request: &mut CancelRequest,
    ) -> PyResult<Result<(), ConnectError>> {
        loop {
            let write = match request.advance(Instant::now()) {
                Ok(Progress::Done) => return Ok(Ok(())),
                Ok(Progress::NeedReadable) => false,
                Ok(Progress::NeedWritable) => true,
                Err(error) => return Ok(Err(error)),
            };
            let until = request.poll_timeout();
            self.wait(request, !write, write, Some(until))?;
        }
    }

    /// Connects a socket.
    pub(crate) fn establish(
        &self,
        peer: &Peer,
        options: &TcpOptions,
        deadline: Instant,
    ) -> PyResult<Result<Socket, ConnectError>> {
        let socket = match Socket::begin_connect(peer, options) {
            Ok(socket) => socket,
            Err(error) => return Ok(Err(ConnectError::Io(error))),
        };
        loop {
            match socket.wait(false, true, Duration::ZERO) {
                Ok(Waited::Ready) => break,
                Ok(Waited::NotYet) if time_left(deadline).is_zero() => {
                    return Ok(Err(ConnectError::TimedOut));
                }
                Ok(Waited::NotYet) => self.wait(&socket, false, true, Some(deadline))?,
                Err(error) => return Ok(Err(ConnectError::Io(error))),
            }
        }
        let finished = socket.finish_connect();
        Ok(finished.map(|()| socket).map_err(ConnectError::Io))
    }

    /// Resolves a name.
    pub(crate) fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> PyResult<Result<Vec<SocketAddr>, ConnectError>> {
        let lookup = match Lookup::begin(host, port) {
            Ok(lookup) => lookup,
            Err(error) => return Ok(Err(error)),
        };
        loop {
            if let Some(found) = lookup.take() {
                return Ok(found);
            }
            if time_left(deadline).is_zero() {
                return Ok(Err(ConnectError::TimedOut));
            }
            self.wait(&lookup, true, false, Some(deadline))?;
        }
    }
}

/// Waits for a socket, at most one [`SLICE`], in whatever way this thread waits, and looks for signals.
///
/// # Errors
/// The system's, and what a signal's handler or a greenlet's killer has raised.
pub(crate) fn wait_slice(py: Python<'_>, socket: &Socket, read: bool, write: bool) -> PyResult<()> {
    wait_for(py, socket, (read, write), SLICE)
}

/// The same, for a part of a slice.
///
/// # Errors
/// As [`wait_slice`].
pub(crate) fn wait_for(
    py: Python<'_>,
    socket: &Socket,
    (read, write): (bool, bool),
    time: Duration,
) -> PyResult<()> {
    let time = time.min(SLICE);
    match Select::replaced(py)? {
        Some(select) => select.wait(socket, read, write, Some(Instant::now() + time))?,
        None => drop(py.detach(|| socket.wait(read, write, time))?),
    }
    py.check_signals()
}

fn time_left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
