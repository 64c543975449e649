//! The methods of `PGconn`: each is libpq's function of that name.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use howdah_adapt::lock;
use howdah_ffi::values::bytes;
use howdah_net::platform::{AsFd, AsRawFd, RawFd};
use howdah_protocol::connection::{Connection, server_version_number};
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PyString, PyType};

use super::body::{Body, Status};
use super::cancel::{PgCancel, PgCancelConn};
use super::conn::{Link, PgConn, closed};
use super::machine::{CopyStep, Kind, Mode};
use super::numbers::{BAD, OK};
use super::params::{BytesLike, Values, format};
use super::result::{PgResult, error_message, no_pointer};
use super::run::{Synced, outgoing};
use super::{info, opening, params};
use crate::core::pipeline::Status as PipelineStatus;
use crate::core::snapshot::{ACTIVE, UNKNOWN};
use crate::errors;
use crate::imports;

#[pymethods]
impl PgConn {
    /// Open a connection. If that fails its status is `BAD`, and `error_message` tells why.
    #[classmethod]
    fn connect(cls: &Bound<'_, PyType>, conninfo: BytesLike) -> PyResult<Self> {
        let made = Self::start(cls.py(), &conninfo.0)?;
        made.wait_open(cls.py())?;
        Ok(made)
    }

    /// Begin to open a connection; go on with `connect_poll()` when the socket can be written.
    #[classmethod]
    fn connect_start(cls: &Bound<'_, PyType>, conninfo: BytesLike) -> PyResult<Self> {
        Self::start(cls.py(), &conninfo.0)
    }

    /// Go on opening: a number of `PollingStatus`.
    fn connect_poll(&self, py: Python<'_>) -> PyResult<u8> {
        self.poll(py)
    }

    /// Close the connection, and open it anew with the same options.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.start_anew(py)?;
        self.wait_open(py)
    }

    /// Begin to open it anew; go on with `reset_poll()`.
    fn reset_start(&self, py: Python<'_>) -> PyResult<()> {
        self.start_anew(py)
    }

    /// Go on opening it anew: a number of `PollingStatus`.
    fn reset_poll(&self, py: Python<'_>) -> PyResult<u8> {
        self.poll(py)
    }

    /// Ask whether a server takes connections: a number of `Ping`.
    #[classmethod]
    fn ping(cls: &Bound<'_, PyType>, conninfo: BytesLike) -> PyResult<u8> {
        opening::ping(cls.py(), &conninfo.0)
    }

    /// Close the connection.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        let link = std::mem::replace(&mut *lock(&self.link), Link::Closed);
        let Link::Open(core) = link else {
            return Ok(());
        };
        if self.is_shared() {
            // What belongs to the connection object still shows that it is closed.
            *lock(&self.link) = Link::Open(Arc::clone(&core));
        }
        crate::connection::close(py, &core, self.channel.as_ref())
    }

    /// The connection options in effect, as `ConninfoOption`s.
    #[getter]
    fn info(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        info::options(py, &self.options_in_effect(py)?)
    }

    /// The name of the database.
    #[getter]
    fn db<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "dbname")
    }

    /// The user's name.
    #[getter]
    fn user<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "user")
    }

    /// The password that is used.
    #[getter]
    fn password<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "password")
    }

    /// The server's host name, address or socket directory.
    #[getter]
    fn host<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "host")
    }

    /// The server's address.
    #[getter]
    fn hostaddr<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "hostaddr")
    }

    /// The server's port.
    #[getter]
    fn port<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let port = self.option(py, "port")?;
        match port.as_bytes() {
            b"" => bytes(py, b"5432"),
            _ => Ok(port),
        }
    }

    /// Nothing: it has had no meaning for long.
    #[getter]
    fn tty<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.present(py)?;
        bytes(py, b"")
    }

    /// The options of the command line that were given to the server.
    #[getter]
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.option(py, "options")
    }

    /// A number of `ConnStatus`.
    #[getter]
    fn status(&self) -> u8 {
        match &*lock(&self.link) {
            Link::Open(core) if !core.snapshot.is_closed() => OK,
            Link::Starting(attempt) => attempt.status(),
            _ => BAD,
        }
    }

    /// A number of `TransactionStatus`.
    #[getter]
    fn transaction_status(&self) -> u8 {
        let core = match &*lock(&self.link) {
            Link::Open(core) if !core.snapshot.is_closed() => Arc::clone(core),
            _ => return UNKNOWN,
        };
        if self.is_shared() && !self.is_leased.load(Ordering::Acquire) {
            return core.transaction_status();
        }
        match lock(&self.machine).is_idle() {
            true => core.snapshot.settled_status(),
            false => ACTIVE,
        }
    }

    /// Return a setting that the server reports by itself, `None` if it does not.
    fn parameter_status<'py>(
        &self,
        py: Python<'py>,
        name: BytesLike,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(core) = self.present(py)? else {
            return Ok(None);
        };
        let parameters = core.snapshot.parameters();
        let name = String::from_utf8_lossy(&name.0).into_owned();
        let value = parameters.get(&name);
        value.map(|value| bytes(py, value.as_bytes())).transpose()
    }

    /// The last error, empty if there was none.
    #[getter(error_message)]
    fn message<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.is_closed() {
            return bytes(py, b"connection pointer is NULL\n");
        }
        let (text, encoding) = self.told(py);
        match (text, self.said()) {
            (Some(text), _) => {
                let encoded =
                    PyString::new(py, &text).call_method1("encode", (encoding, "replace"))?;
                Ok(encoded.cast_into::<PyBytes>()?)
            }
            (None, Some(said)) => said.message(py, encoding),
            (None, None) => bytes(py, b""),
        }
    }

    /// Return the last error as text, without its severity.
    #[pyo3(signature = (encoding=None), text_signature = "($self, encoding='')")]
    fn get_error_message(slf: &Bound<'_, Self>, encoding: Option<String>) -> PyResult<Py<PyAny>> {
        let (_, own) = slf.get().told(slf.py());
        error_message(slf.as_any(), encoding, own)
    }

    /// 3, or 0 if the connection is lost.
    #[getter]
    fn protocol_version(&self, py: Python<'_>) -> PyResult<u8> {
        Ok(if self.alive(py)?.is_some() { 3 } else { 0 })
    }

    /// 30000 for 3.0, 30002 for 3.2, 0 if the connection is lost.
    #[getter]
    fn full_protocol_version(&self, py: Python<'_>) -> PyResult<u32> {
        let core = self.alive(py)?;
        let minor = core.and_then(|core| Some(core.snapshot.started()?.minor_version));
        Ok(minor.map_or(0, |minor| 30000 + u32::from(minor)))
    }

    /// 180006 for 18.6, 0 if the connection is lost.
    #[getter]
    fn server_version(&self, py: Python<'_>) -> PyResult<u32> {
        let core = self.alive(py)?;
        let parameters = core.map(|core| core.snapshot.parameters());
        let text = parameters.as_ref().and_then(|p| p.get("server_version"));
        Ok(text.map_or(0, server_version_number))
    }

    /// The socket's descriptor. Raises `OperationalError` if the connection is lost.
    #[getter]
    fn socket(&self, py: Python<'_>) -> PyResult<RawFd> {
        let core = self.alive(py)?;
        if let Link::Starting(attempt) = &*lock(&self.link)
            && let Some(descriptor) = attempt.descriptor()
        {
            return Ok(descriptor);
        }
        match core.and_then(|core| core.socket()) {
            Some(socket) => Ok(socket.as_fd().as_raw_fd()),
            None if self.failed().is_some_and(|f| f.is_finished) => Err(closed(py)),
            None => Err(errors::operational(py, "the connection is lost")),
        }
    }

    /// The process ID of the server session.
    #[getter]
    fn backend_pid(&self, py: Python<'_>) -> PyResult<i32> {
        let core = self.alive(py)?;
        let process_id = core.and_then(|core| Some(core.snapshot.started()?.process_id));
        Ok(process_id.unwrap_or(0))
    }

    /// Whether the server wanted a password and there was none.
    #[getter]
    fn needs_password(&self) -> bool {
        self.failed().is_some_and(|failed| failed.needs_password)
    }

    /// Whether a password was given to the server.
    #[getter]
    fn used_password(&self) -> bool {
        match &*lock(&self.link) {
            Link::Open(core) => {
                let started = core.snapshot.started();
                started.is_some_and(|started| started.used_password)
            }
            Link::Failed(failed) => failed.used_password,
            Link::Starting(_) | Link::Closed => false,
        }
    }

    /// Whether GSSAPI authenticated the client, or encrypts the connection.
    #[getter]
    fn used_gssapi(&self) -> bool {
        match &*lock(&self.link) {
            Link::Open(core) => {
                let started = core.snapshot.started();
                started.is_some_and(|started| started.used_gssapi)
            }
            Link::Failed(_) | Link::Starting(_) | Link::Closed => false,
        }
    }

    /// Whether the connection is encrypted.
    #[getter]
    fn ssl_in_use(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self._tls(py)?.is_some())
    }

    /// What TLS has agreed on: its version, the cipher by OpenSSL's name, the bits of its key, and whether ALPN was.
    fn _tls(&self, py: Python<'_>) -> PyResult<Option<(&'static str, &'static str, u16, bool)>> {
        let core = self.present(py)?;
        let started = core.as_ref().and_then(|core| core.snapshot.started());
        let tls = started.and_then(|started| started.tls.as_ref());
        Ok(tls.map(|tls| (tls.version, tls.cipher, tls.key_bits, tls.alpn)))
    }

    /// A pointer of libpq's: there is none.
    #[getter]
    fn pgconn_ptr(&self, py: Python<'_>) -> PyResult<i64> {
        Err(no_pointer(py))
    }

    /// Run a command, or several, and return the last result.
    fn exec_(&self, py: Python<'_>, command: BytesLike) -> PyResult<PgResult> {
        self.execute(py, command.0)
    }

    /// Send a command, or several, without waiting.
    fn send_query(&self, py: Python<'_>, command: BytesLike) -> PyResult<()> {
        if lock(&self.machine).pipeline {
            let text = "sending query failed: send_query() is not allowed in pipeline mode";
            return Err(errors::operational(py, text));
        }
        self.ask_query(py, "sending query", command.0)
    }

    /// Run a command with parameters, and return its result.
    #[pyo3(signature = (command, param_values, param_types=None, param_formats=None, result_format=0))]
    fn exec_params(
        &self,
        py: Python<'_>,
        command: BytesLike,
        param_values: Option<Values>,
        param_types: Option<Vec<u32>>,
        param_formats: Option<Vec<i16>>,
        result_format: i16,
    ) -> PyResult<PgResult> {
        let values = params::collect(param_values, param_types, param_formats)?;
        let format = format(result_format)?;
        self.discard(py)?;
        self.ask_params(py, "executing query", command.0, &values, format)?;
        self.run(py)
    }

    /// Send a command with parameters without waiting.
    #[pyo3(signature = (command, param_values, param_types=None, param_formats=None, result_format=0))]
    fn send_query_params(
        &self,
        py: Python<'_>,
        command: BytesLike,
        param_values: Option<Values>,
        param_types: Option<Vec<u32>>,
        param_formats: Option<Vec<i16>>,
        result_format: i16,
    ) -> PyResult<()> {
        let values = params::collect(param_values, param_types, param_formats)?;
        let format = format(result_format)?;
        self.ask_params(py, "sending query and params", command.0, &values, format)
    }

    /// Prepare a statement under a name, and return what came of it.
    #[pyo3(signature = (name, command, param_types=None))]
    fn prepare(
        &self,
        py: Python<'_>,
        name: BytesLike,
        command: BytesLike,
        param_types: Option<Vec<u32>>,
    ) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_prepare(py, name, command, param_types)?;
        self.run(py)
    }

    /// Ask for a statement to be prepared, without waiting.
    #[pyo3(signature = (name, command, param_types=None))]
    fn send_prepare(
        &self,
        py: Python<'_>,
        name: BytesLike,
        command: BytesLike,
        param_types: Option<Vec<u32>>,
    ) -> PyResult<()> {
        let types = param_types.unwrap_or_default();
        let command = Arc::new(command.0);
        let query = Some(Arc::clone(&command));
        self.send(
            py,
            "sending query and params",
            Kind::Other,
            query,
            |connection| {
                connection.parse(&name.0, &command, &types, false)?;
                Ok(Synced::No)
            },
        )
    }

    /// Run a prepared statement, and return its result.
    #[pyo3(signature = (name, param_values, param_formats=None, result_format=0))]
    fn exec_prepared(
        &self,
        py: Python<'_>,
        name: BytesLike,
        param_values: Option<Values>,
        param_formats: Option<Vec<i16>>,
        result_format: i16,
    ) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_query_prepared(py, name, param_values, param_formats, result_format)?;
        self.run(py)
    }

    /// Ask for a prepared statement to be run, without waiting.
    #[pyo3(signature = (name, param_values, param_formats=None, result_format=0))]
    fn send_query_prepared(
        &self,
        py: Python<'_>,
        name: BytesLike,
        param_values: Option<Values>,
        param_formats: Option<Vec<i16>>,
        result_format: i16,
    ) -> PyResult<()> {
        let values = params::collect(param_values, None, param_formats)?;
        let format = format(result_format)?;
        self.send(
            py,
            "sending prepared query",
            Kind::Query,
            None,
            |connection| {
                connection.bind(&name.0, &values, &[format])?;
                connection.describe_portal()?;
                connection.execute(0, false)?;
                Ok(Synced::No)
            },
        )
    }

    /// Return the parameters and columns of a prepared statement.
    fn describe_prepared(&self, py: Python<'_>, name: BytesLike) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_describe_prepared(py, name)?;
        self.run(py)
    }

    /// Ask for the parameters and columns of a prepared statement.
    fn send_describe_prepared(&self, py: Python<'_>, name: BytesLike) -> PyResult<()> {
        let ask = |connection: &mut Connection, name: &[u8]| connection.ask_description(name);
        self.ask_named(py, "sending describe prepared", &name.0, ask)
    }

    /// Return the columns of a portal.
    fn describe_portal(&self, py: Python<'_>, name: BytesLike) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_describe_portal(py, name)?;
        self.run(py)
    }

    /// Ask for the columns of a portal.
    fn send_describe_portal(&self, py: Python<'_>, name: BytesLike) -> PyResult<()> {
        let ask =
            |connection: &mut Connection, name: &[u8]| connection.ask_portal_description(name);
        self.ask_named(py, "sending describe portal", &name.0, ask)
    }

    /// Close a prepared statement.
    fn close_prepared(&self, py: Python<'_>, name: BytesLike) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_close_prepared(py, name)?;
        self.run(py)
    }

    /// Ask for a prepared statement to be closed.
    fn send_close_prepared(&self, py: Python<'_>, name: BytesLike) -> PyResult<()> {
        let ask =
            |connection: &mut Connection, name: &[u8]| connection.close_statement(name, false);
        self.ask_named(py, "sending close prepared", &name.0, ask)
    }

    /// Close a portal.
    fn close_portal(&self, py: Python<'_>, name: BytesLike) -> PyResult<PgResult> {
        self.discard(py)?;
        self.send_close_portal(py, name)?;
        self.run(py)
    }

    /// Ask for a portal to be closed.
    fn send_close_portal(&self, py: Python<'_>, name: BytesLike) -> PyResult<()> {
        let ask = |connection: &mut Connection, name: &[u8]| connection.close_portal(name, false);
        self.ask_named(py, "sending close portal", &name.0, ask)
    }

    /// Wait for the next result; `None` when a command has no more.
    fn get_result(&self, py: Python<'_>) -> PyResult<Option<PgResult>> {
        Ok(self.wait_result(py)?.map(PgResult::new))
    }

    /// Receive what has come, without waiting.
    fn consume_input(&self, py: Python<'_>) -> PyResult<()> {
        let what = "consuming input";
        let failed = |error: PyErr| {
            let text = error.value(py).to_string();
            errors::operational(py, format!("{what} failed: {text}"))
        };
        let core = self.usable(py, what)?;
        // Somebody else reads.
        if self.is_shared()
            && !self.is_leased.load(Ordering::Acquire)
            && core.transaction_status() == ACTIVE
        {
            return Ok(());
        }
        self.take_turn(py, &core)?;
        let moved = self.turn(py, &core, true).map_err(failed);
        self.settle(py, &core)?;
        moved.map(drop)
    }

    /// 1 if `get_result()` would wait.
    fn is_busy(&self, py: Python<'_>) -> PyResult<u8> {
        self.core(py)?;
        Ok(u8::from(lock(&self.machine).is_busy()))
    }

    /// 1 if commands do not wait until they have been sent.
    #[getter]
    fn nonblocking(&self) -> u8 {
        u8::from(self.nonblocking.load(Ordering::Relaxed))
    }

    #[setter]
    fn set_nonblocking(&self, value: i64) {
        self.nonblocking.store(value != 0, Ordering::Relaxed);
    }

    /// Send what has not been sent yet; 0 if that was all, 1 if it goes on when the socket can be written.
    fn flush(&self, py: Python<'_>) -> PyResult<u8> {
        let core = self.usable(py, "flushing")?;
        if self.is_shared() && !self.is_leased.load(Ordering::Acquire) {
            return Ok(0);
        }
        let sent = self.turn(py, &core, false)?;
        Ok(u8::from(!sent))
    }

    /// Have the rows of the command just sent come one by one.
    fn set_single_row_mode(&self, py: Python<'_>) -> PyResult<()> {
        self.choose_mode(py, Mode::Single, "single row mode")
    }

    /// Have the rows of the command just sent come `size` at a time.
    fn set_chunked_rows_mode(&self, py: Python<'_>, size: isize) -> PyResult<()> {
        match usize::try_from(size) {
            Err(_) | Ok(0) => {
                let text = "setting chunked rows mode failed: there is no row in a chunk";
                Err(errors::operational(py, text))
            }
            Ok(size) => self.choose_mode(py, Mode::Chunks(size), "chunked rows mode"),
        }
    }

    /// Return what can ask the server to cancel what runs.
    fn get_cancel(&self, py: Python<'_>) -> PyResult<PgCancel> {
        match self.core(py)?.filter(|core| !core.snapshot.is_closed()) {
            Some(core) => Ok(PgCancel::new(core, self.channel_of(py))),
            None => Err(errors::operational(py, "couldn't create cancel object")),
        }
    }

    /// Return what can do that without waiting.
    fn cancel_conn(&self, py: Python<'_>) -> PyResult<PgCancelConn> {
        Ok(PgCancelConn::new(self.core(py)?, self.channel_of(py)))
    }

    /// Return a password as the server keeps it, so that it need not be sent; the algorithm is the server's by default.
    #[pyo3(signature = (passwd, user, algorithm=None))]
    fn encrypt_password<'py>(
        &self,
        py: Python<'py>,
        passwd: BytesLike,
        user: BytesLike,
        algorithm: Option<BytesLike>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let algorithm = algorithm.map(|algorithm| algorithm.0);
        let text = self.encrypted(py, &passwd.0, &user.0, algorithm)?;
        bytes(py, text.as_bytes())
    }

    /// Change a user's password, sending only what the server keeps of it.
    fn change_password(&self, py: Python<'_>, user: BytesLike, passwd: BytesLike) -> PyResult<()> {
        self.set_password(py, &user.0, &passwd.0)
    }

    /// Take a notification that has come, as a `PGnotify`.
    fn notifies(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.take_notification(py)
    }

    /// Send data to a COPY; 0 if it has to be tried again once the socket can be written.
    fn put_copy_data(&self, py: Python<'_>, buffer: BytesLike) -> PyResult<u8> {
        self.give_copied(py, &buffer.0).map(u8::from)
    }

    /// End a COPY to the server; with an error it fails.
    #[pyo3(signature = (error=None))]
    fn put_copy_end(&self, py: Python<'_>, error: Option<BytesLike>) -> PyResult<u8> {
        let reason = error.as_ref().map(|error| error.0.as_slice());
        self.end_copy(py, reason).map(|()| 1)
    }

    /// Take data of a COPY: its length and itself; -1 at the end, 0 if none has come and `async_` says not to wait.
    fn get_copy_data<'py>(
        &self,
        py: Python<'py>,
        async_: i64,
    ) -> PyResult<(i64, Bound<'py, PyAny>)> {
        let empty = || bytes(py, b"").map(Bound::into_any);
        match self.copied(py, async_ == 0)? {
            CopyStep::Data(data) => {
                let length = i64::try_from(data.len()).unwrap_or(i64::MAX);
                let view = PyMemoryView::from(bytes(py, &data)?.as_any())?;
                Ok((length, view.into_any()))
            }
            CopyStep::Done => Ok((-1, empty()?)),
            CopyStep::Wait => Ok((0, empty()?)),
            CopyStep::NoCopy => {
                let text = "getting copy data failed: no COPY in progress";
                Err(errors::operational(py, text))
            }
        }
    }

    /// Return a result that says nothing but its status; an error's has the last message.
    fn make_empty_result(&self, exec_status: i64) -> PyResult<PgResult> {
        let status = Status::from_number(exec_status).ok_or_else(|| {
            PyValueError::new_err(format!("{exec_status} is not a valid ExecStatus"))
        })?;
        let machine = lock(&self.machine);
        let mut body = Body::empty(status, machine.encoding());
        if status == Status::FatalError && !self.is_closed() {
            body.said.clone_from(&machine.said);
        }
        Ok(PgResult::new(body))
    }

    /// A number of `PipelineStatus`.
    #[getter]
    fn pipeline_status(&self) -> u8 {
        let machine = lock(&self.machine);
        let own = match (machine.pipeline, machine.is_aborted()) {
            (false, _) => PipelineStatus::Off,
            (true, false) => PipelineStatus::On,
            (true, true) => PipelineStatus::Aborted,
        };
        drop(machine);
        let status = match &*lock(&self.link) {
            Link::Open(core) if core.snapshot.is_closed() => PipelineStatus::Off,
            Link::Open(core) if self.is_shared() && own == PipelineStatus::Off => {
                core.pipeline.status()
            }
            _ => own,
        };
        status as u8
    }

    /// Enter pipeline mode: commands are sent without waiting for each other.
    fn enter_pipeline_mode(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.usable(py, "entering pipeline mode")?;
        if lock(&self.machine).pipeline {
            return Ok(());
        }
        if !lock(&self.machine).is_idle() {
            let text = "cannot enter pipeline mode, connection not idle";
            return Err(errors::operational(py, text));
        }
        self.take_turn(py, &core)?;
        lock(&self.machine).set_pipeline(true);
        Ok(())
    }

    /// Leave pipeline mode. Raises `OperationalError` if results have not been taken.
    fn exit_pipeline_mode(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.core(py)?.ok_or_else(|| closed(py))?;
        let mut machine = lock(&self.machine);
        if !machine.pipeline {
            return Ok(());
        }
        if !machine.is_collected() || outgoing(&core) > 0 {
            drop(machine);
            let text = "cannot exit pipeline mode with uncollected results";
            return Err(errors::operational(py, text));
        }
        machine.set_pipeline(false);
        drop(machine);
        self.settle(py, &core)
    }

    /// Mark a synchronisation point of the pipeline, and send what waits.
    fn pipeline_sync(&self, py: Python<'_>) -> PyResult<()> {
        if !lock(&self.machine).pipeline {
            return Err(errors::operational(py, "connection not in pipeline mode"));
        }
        self.send(py, "syncing the pipeline", Kind::Sync, None, |connection| {
            connection.sync();
            Ok(Synced::Yes)
        })
    }

    /// Ask the server to send the results that it has.
    fn send_flush_request(&self, py: Python<'_>) -> PyResult<()> {
        let core = self.usable(py, "flush request")?;
        self.take_turn(py, &core)?;
        self.with_connection(&core, Connection::flush);
        self.turn(py, &core, false)?;
        self.settle(py, &core)
    }

    /// Write what is sent and received to a file from now on, in libpq's format; passwords and keys are left out.
    fn trace(&self, py: Python<'_>, fileno: i32) -> PyResult<()> {
        self.begin_trace(py, fileno)
    }

    /// Set what the trace leaves out: flags of `Trace`.
    fn set_trace_flags(&self, py: Python<'_>, flags: i32) -> PyResult<()> {
        self.set_trace(py, flags)
    }

    /// Write no trace any more.
    fn untrace(&self) {
        self.end_trace();
    }

    /// A function that is called with each notice, a `PGresult`.
    #[getter]
    fn notice_handler(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let handlers = lock(&self.handlers);
        handlers
            .notice
            .as_ref()
            .map(|handler| handler.clone_ref(py))
    }

    #[setter]
    fn set_notice_handler(&self, handler: Bound<'_, PyAny>) -> PyResult<()> {
        self.check_handlers(handler.py())?;
        let new = (!handler.is_none()).then(|| handler.unbind());
        let old = std::mem::replace(&mut lock(&self.handlers).notice, new);
        drop(old);
        Ok(())
    }

    /// A function that is called with each notification, a `PGnotify`.
    #[getter]
    fn notify_handler(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let handlers = lock(&self.handlers);
        handlers
            .notify
            .as_ref()
            .map(|handler| handler.clone_ref(py))
    }

    #[setter]
    fn set_notify_handler(&self, handler: Bound<'_, PyAny>) -> PyResult<()> {
        self.check_handlers(handler.py())?;
        let new = (!handler.is_none()).then(|| handler.unbind());
        let old = std::mem::replace(&mut lock(&self.handlers).notify, new);
        drop(old);
        Ok(())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let summary = imports::CONNECTION_SUMMARY.get(slf.py())?.call1((slf,))?;
        let address = slf.as_ptr().addr();
        Ok(format!("<howdah.pq.PGconn {summary} at 0x{address:x}>"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)?;
        if let Ok(handlers) = self.handlers.try_lock() {
            visit.call(&handlers.notice)?;
            visit.call(&handlers.notify)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let handlers = self.handlers.try_lock();
        drop(handlers.map(|mut handlers| std::mem::take(&mut *handlers)));
    }
}

impl PgConn {
    fn check_handlers(&self, py: Python<'_>) -> PyResult<()> {
        if !self.is_shared() {
            return Ok(());
        }
        let text = "handlers of a connection are added with its add_notice_handler() and add_notify_handler()";
        Err(errors::new(py, "NotSupportedError", text))
    }
}
