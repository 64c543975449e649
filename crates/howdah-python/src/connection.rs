//! Connections: attributes, and the operations that need no cursor.

mod bases;
mod cursors;
mod settings;
mod state;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use howdah_net::cancel::deadline_after;
use howdah_net::platform::{AsFd, AsRawFd, RawFd};
use howdah_protocol::connection::server_version_number;
use howdah_protocol::session::Characteristics;
use pyo3::exceptions::{PyAttributeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::callbacks;
use crate::core::Flavor;
use crate::core::deliver::Handlers;
use crate::core::limit::Timeout;
use crate::core::pipeline::Status;
use crate::errors;
use crate::imports::{self, is_tuple_row};
use crate::jobs::block::{BeginBlock, EndBlock, TransactionBlock};
use crate::jobs::command::{Change, End};
use crate::jobs::notifies::WaitNotifies;
use crate::jobs::pipeline::{CancelPipeline, EnterPipeline, SyncPipeline};
use crate::jobs::two_phase::{Step, TwoPhaseJob};
use crate::pq::PgConn;
use crate::shell::asyncio::Channel;
use crate::shell::{self, blocking};
use crate::truth::Truth;
pub(crate) use bases::{AsyncConnectionBase, SyncConnection};
use cursors::{formatted, has_init_of_base};
use howdah_adapt::lock;
use howdah_adapt::{AdaptersMap, SettingsObject};
use settings::{level_by_name, optional_bool};
pub(crate) use state::{BaseConnection, close};

impl BaseConnection {
    fn run(&self, py: Python<'_>, job: impl shell::Job + 'static) -> PyResult<Py<PyAny>> {
        self.run_within(py, job, None)
    }

    fn run_within(
        &self,
        py: Python<'_>,
        job: impl shell::Job + 'static,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        shell::run_within(py, &self.core, self.channel(), job, timeout)
    }

    fn change(
        &self,
        py: Python<'_>,
        attribute: &'static str,
        change: impl Fn(&mut Characteristics) + Send + Sync + 'static,
    ) -> PyResult<Py<PyAny>> {
        let change = Box::new(change);
        self.run(py, Change { attribute, change })
    }

    /// For the attribute setters, which only exist on synchronous connections.
    fn check_settable(&self, attribute: &str) -> PyResult<()> {
        match self.core.flavor {
            Flavor::Sync => Ok(()),
            Flavor::Async => Err(PyAttributeError::new_err(format!(
                "'{attribute}' is read-only on async connections: please use \
                 await .set_{attribute}() instead."
            ))),
        }
    }

    fn handlers(&self, change: impl FnOnce(&mut Handlers)) {
        change(&mut lock(&self.core.handlers));
    }

    fn remove_handler(
        &self,
        callback: &Bound<'_, PyAny>,
        which: impl Fn(&mut Handlers) -> &mut Vec<Py<PyAny>>,
    ) -> PyResult<()> {
        match callbacks::remove(&self.core.handlers, callback, which)? {
            true => Ok(()),
            false => Err(PyValueError::new_err("the handler was not added")),
        }
    }
}

#[pymethods]
impl BaseConnection {
    /// Return a new cursor.
    #[pyo3(signature = (name=None, *, binary=Truth(false), row_factory=None, scrollable=None, withhold=Truth(false)), text_signature = "($self, name='', *, binary=False, row_factory=None, scrollable=None, withhold=False)")]
    fn cursor<'py>(
        slf: &Bound<'py, Self>,
        name: Option<&str>,
        binary: Truth,
        row_factory: Option<Bound<'py, PyAny>>,
        scrollable: Option<Truth>,
        withhold: Truth,
    ) -> PyResult<Bound<'py, PyAny>> {
        let scrollable = scrollable.map(|Truth(value)| value);
        let row_factory = row_factory.filter(|factory| !factory.is_none());
        let cursor = match name.filter(|name| !name.is_empty()) {
            Some(name) => Self::server_cursor(slf, name, row_factory, scrollable, withhold.0),
            // Without a name the other two say nothing.
            None => Self::plain_cursor(slf, row_factory),
        };
        formatted(cursor?, binary.0)
    }

    /// Execute a query and return a cursor to read its results.
    #[pyo3(signature = (query, params=None, *, prepare=None, binary=Truth(false), timeout=None), text_signature = "($self, query, params=None, *, prepare=None, binary=False, timeout=None)")]
    fn execute(
        slf: &Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        prepare: Option<Truth>,
        binary: Truth,
        timeout: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        // As methods of the objects: a subclass, and what a cursor factory gives, may have its own.
        let cursor = slf.call_method0(intern!(py, "cursor"))?;
        if binary.0 {
            cursor.setattr(intern!(py, "format"), 1)?;
        }
        let method = intern!(py, "execute");
        if prepare.is_none() && timeout.is_none() {
            return cursor
                .call_method1(method, (query, params))
                .map(Bound::unbind);
        }
        // Only what was given: a cursor class of the user's may not know the others.
        let options = PyDict::new(py);
        if let Some(Truth(prepare)) = prepare {
            options.set_item(intern!(py, "prepare"), prepare)?;
        }
        if let Some(timeout) = timeout {
            options.set_item(intern!(py, "timeout"), timeout)?;
        }
        let cursor = cursor.call_method(method, (query, params), Some(&options));
        cursor.map(Bound::unbind)
    }

    /// Commit the running transaction, if there is one.
    #[pyo3(signature = (*, timeout=None))]
    fn commit(&self, py: Python<'_>, timeout: Option<Timeout>) -> PyResult<Py<PyAny>> {
        self.run_within(py, End::new(true), timeout)
    }

    /// Roll back the running transaction, if there is one.
    #[pyo3(signature = (*, timeout=None))]
    fn rollback(&self, py: Python<'_>, timeout: Option<Timeout>) -> PyResult<Py<PyAny>> {
        self.run_within(py, End::new(false), timeout)
    }

    /// Close the connection.
    fn close(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        shell::give(slf, slf.get().core.flavor, |slf| {
            slf.get().shut(slf.py())?;
            Ok(slf.py().None())
        })
    }

    /// Set what `connect()` was given.
    fn _set_up(
        &self,
        autocommit: bool,
        prepare_threshold: Option<u32>,
        context: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if !context.is_none() {
            let py = context.py();
            let template = context.getattr("adapters")?.cast_into::<AdaptersMap>()?;
            let made = Py::new(py, AdaptersMap::copy_of(&template)?)?;
            // Nobody has asked for any before.
            let _ = self.adapters.set(made);
        }
        self.core
            .change_characteristics(|now| now.autocommit = autocommit);
        self.core.snapshot.settings().prepare(context.py());
        self.set_prepare_threshold(prepare_threshold);
        Ok(())
    }

    /// How many statements, or sequences of them, have been sent or queued and not been answered.
    fn _unanswered(&self) -> usize {
        self.core.unanswered()
    }

    fn _set_pipelining(&self, on: bool) {
        self.core.pipelining.store(on, Ordering::Relaxed);
    }

    /// Whether statements of several tasks are sent without waiting for each other.
    #[getter]
    fn pipelining(&self) -> bool {
        self.core.pipelining.load(Ordering::Relaxed)
    }

    /// Ask the server to cancel the running command. Nothing happens if there is none.
    fn cancel(&self, py: Python<'_>) -> PyResult<()> {
        self.core.check_not_prepared(py, "cancel")?;
        match &self.channel {
            Some(channel) => Channel::cancel(channel.bind(py)),
            None => blocking::cancel(py, &self.core, self.core.cancel_deadline())?
                .map_err(|error| errors::operational(py, error.to_string())),
        }
    }

    /// As `cancel()`, waiting until the server has acted on it, at most `timeout` seconds, if that is given.
    fn _cancel_within(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        self.core.check_not_prepared(py, "cancel_safe")?;
        let time = timeout.map_or(Ok(Duration::MAX), duration)?;
        let deadline = deadline_after(time);
        if let Some(channel) = &self.channel {
            return Channel::cancel_by(channel.bind(py), deadline);
        }
        blocking::cancel(py, &self.core, deadline)?
            .map_err(|error| errors::cancel_failed(py, &error))?;
        Ok(py.None())
    }

    /// Say whether the connection is being left: then what is done on it has to be over within `cancel_timeout`.
    fn _set_leaving(&self, leaving: bool) {
        self.core.set_leaving(leaving);
    }

    /// Return a descriptor that is readable when the server has sent something.
    fn fileno(&self, py: Python<'_>) -> PyResult<RawFd> {
        match self.core.socket() {
            Some(socket) => Ok(socket.as_fd().as_raw_fd()),
            None => Err(errors::closed(py)),
        }
    }

    /// Call a function with each notice of the server.
    fn add_notice_handler(&self, callback: Py<PyAny>) {
        self.handlers(|handlers| handlers.notice.push(callback));
    }

    /// Stop calling it. Raises `ValueError` if it was not added.
    fn remove_notice_handler(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        self.remove_handler(callback, |handlers| &mut handlers.notice)
    }

    /// Call a function with each notification.
    fn add_notify_handler(&self, callback: Py<PyAny>) {
        self.handlers(|handlers| handlers.notify.push(callback));
    }

    /// Stop calling it. Raises `ValueError` if it was not added.
    fn remove_notify_handler(&self, callback: &Bound<'_, PyAny>) -> PyResult<()> {
        self.remove_handler(callback, |handlers| &mut handlers.notify)
    }

    /// Call a function at the beginning of each operation; what it returns is called at the end.
    fn add_query_hook(&self, hook: Py<PyAny>) {
        self.core.hooks.more();
        self.handlers(|handlers| handlers.query.push(hook));
    }

    /// Stop calling it. Raises `ValueError` if it was not added.
    fn remove_query_hook(&self, hook: &Bound<'_, PyAny>) -> PyResult<()> {
        self.remove_handler(hook, |handlers| &mut handlers.query)?;
        self.core.hooks.less();
        Ok(())
    }

    fn _notifies_begin(&self) -> bool {
        self.core.generators.fetch_add(1, Ordering::Relaxed);
        !lock(&self.core.handlers).notify.is_empty()
    }

    fn _notifies_end(&self) {
        self.core.generators.fetch_sub(1, Ordering::Relaxed);
    }

    #[pyo3(signature = (timeout))]
    fn _wait_notifies(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let time = timeout.map(duration).transpose()?;
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        self.run(
            py,
            WaitNotifies {
                deadline,
                listened: false,
            },
        )
    }

    /// Whether the connection is closed, for whatever reason.
    #[getter]
    fn closed(&self) -> bool {
        self.core.snapshot.is_closed()
    }

    /// Whether the connection was closed by something else than `close()`.
    #[getter]
    fn broken(&self) -> bool {
        self.core.snapshot.is_broken()
    }

    /// What the server and the connection options say about the session: a `ConnectionInfo`.
    #[getter]
    fn info<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let class = imports::CONNECTION_INFO.get(py)?;
        class.call_method1(intern!(py, "_of"), (slf,))
    }

    /// The connection as libpq would show it.
    #[getter]
    fn pgconn(&self, py: Python<'_>) -> PyResult<Py<PgConn>> {
        if let Some(known) = self.pgconn.get() {
            return Ok(known.clone_ref(py));
        }
        let channel = self.channel().map(|channel| channel.clone_ref(py));
        let made = Py::new(py, PgConn::of_connection(&self.core, channel))?;
        Ok(self.pgconn.get_or_init(|| made).clone_ref(py))
    }

    /// The adapters of the connection, which its cursors begin with.
    #[getter]
    fn adapters(&self, py: Python<'_>) -> PyResult<Py<AdaptersMap>> {
        Ok(self.adapters_map(py)?.clone_ref(py))
    }

    /// Itself: what adapts values asks this of every context.
    #[getter]
    fn connection(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Whether statements are executed without a transaction being begun for them. False at first.
    #[getter]
    fn autocommit(&self) -> bool {
        self.core.characteristics().autocommit
    }

    #[setter(autocommit)]
    fn assign_autocommit(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().check_settable("autocommit")?;
        slf.call_method1("set_autocommit", (value,)).map(drop)
    }

    /// Set whether each statement is a transaction of its own.
    fn set_autocommit(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let value = value.is_truthy()?;
        self.change(py, "autocommit", move |settings| {
            settings.autocommit = value
        })
    }

    /// The isolation level of transactions, an `IsolationLevel`; `None` leaves it to the server.
    #[getter]
    fn isolation_level<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let level = self.core.characteristics().isolation_level;
        level
            .map(|level| {
                imports::ISOLATION_LEVEL
                    .get(py)?
                    .get_item(level.sql().replace(' ', "_"))
            })
            .transpose()
    }

    #[setter(isolation_level)]
    fn assign_isolation_level(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().check_settable("isolation_level")?;
        slf.call_method1("set_isolation_level", (value,)).map(drop)
    }

    /// Set the isolation level of the transactions to come; `None` for the server's default.
    fn set_isolation_level(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let level = if value.is_none() {
            None
        } else {
            let level = imports::ISOLATION_LEVEL
                .get(py)?
                .call1((value,))?
                .getattr("name")?;
            Some(level_by_name(&level.extract::<String>()?)?)
        };
        self.change(py, "isolation_level", move |settings| {
            settings.isolation_level = level;
        })
    }

    /// Whether transactions are read-only; `None` leaves it to the server.
    #[getter]
    fn read_only(&self) -> Option<bool> {
        self.core.characteristics().read_only
    }

    #[setter(read_only)]
    fn assign_read_only(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().check_settable("read_only")?;
        slf.call_method1("set_read_only", (value,)).map(drop)
    }

    /// Set whether the transactions to come can write; `None` for the server's default.
    fn set_read_only(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let value = optional_bool(value)?;
        self.change(py, "read_only", move |settings| settings.read_only = value)
    }

    /// Whether transactions are deferrable; `None` leaves it to the server.
    #[getter]
    fn deferrable(&self) -> Option<bool> {
        self.core.characteristics().deferrable
    }

    #[setter(deferrable)]
    fn assign_deferrable(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().check_settable("deferrable")?;
        slf.call_method1("set_deferrable", (value,)).map(drop)
    }

    /// Set whether the transactions to come are deferrable; `None` for the server's default.
    fn set_deferrable(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let value = optional_bool(value)?;
        self.change(py, "deferrable", move |settings| {
            settings.deferrable = value
        })
    }

    /// How many executions of a statement before it is prepared; `None` for never.
    #[getter]
    fn prepare_threshold(&self) -> Option<u32> {
        lock(&self.core.policy).threshold
    }

    #[setter]
    fn set_prepare_threshold(&self, value: Option<u32>) {
        lock(&self.core.policy).threshold = value;
    }

    /// How many prepared statements are kept; `None` for no limit.
    #[getter]
    fn prepared_max(&self) -> Option<usize> {
        lock(&self.core.policy).max
    }

    #[setter]
    fn set_prepared_max(&self, value: Option<usize>) {
        lock(&self.core.policy).max = value;
    }

    /// How many notifications may wait that nobody has taken. A connection that has to read more of them is closed with an error.
    #[getter]
    fn max_notifications(&self) -> usize {
        lock(&self.core.limits).count
    }

    #[setter]
    fn set_max_notifications(&self, value: usize) {
        lock(&self.core.limits).count = value;
    }

    /// How many bytes of channels and payloads waiting notifications may have.
    #[getter]
    fn max_notification_bytes(&self) -> usize {
        lock(&self.core.limits).bytes
    }

    #[setter]
    fn set_max_notification_bytes(&self, value: usize) {
        lock(&self.core.limits).bytes = value;
    }

    /// Seconds until an interrupted connection has come to rest; after them it is closed. 0 closes it at once.
    #[getter]
    fn cancel_timeout(&self) -> f64 {
        self.core.cancel_gate().timeout().as_secs_f64()
    }

    #[setter]
    fn set_cancel_timeout(&self, seconds: f64) -> PyResult<()> {
        let timeout = settings::timeout(seconds)?;
        self.core.cancel_gate().set_timeout(timeout);
        Ok(())
    }

    /// Seconds that an operation may take which is given no `timeout` of its own; `None` is no limit.
    #[getter]
    fn operation_timeout(&self) -> Option<f64> {
        self.core.operation_timeout().seconds()
    }

    #[setter]
    fn set_operation_timeout(&self, timeout: Option<Timeout>) {
        let timeout = timeout.unwrap_or(Timeout::NONE);
        self.core.set_operation_timeout(timeout);
    }

    /// What makes the row maker of new cursors.
    #[getter]
    fn row_factory(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.own_row_factory(py) {
            Some(factory) => Ok(factory),
            None => Ok(imports::TUPLE_ROW.get(py)?.clone().unbind()),
        }
    }

    #[setter]
    fn set_row_factory(&self, factory: Bound<'_, PyAny>) -> PyResult<()> {
        let own = !is_tuple_row(&factory)?;
        let new = own.then(|| factory.unbind());
        let old = std::mem::replace(&mut lock(&self.factories).row, new);
        drop(old);
        Ok(())
    }

    /// The class of what `cursor()` gives.
    #[getter]
    fn cursor_factory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let factories = lock(&self.factories);
        factories
            .cursor
            .as_ref()
            .map(|factory| factory.clone_ref(py))
    }

    #[setter]
    fn set_cursor_factory(&self, factory: Bound<'_, PyAny>) -> PyResult<()> {
        let plain = has_init_of_base(&factory, self.core.flavor)?;
        let mut factories = lock(&self.factories);
        factories.plain_cursor = plain;
        let old = factories.cursor.replace(factory.unbind());
        drop(factories);
        drop(old);
        Ok(())
    }

    /// The class of what `cursor()` gives with a name.
    #[getter]
    fn server_cursor_factory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let factories = lock(&self.factories);
        let factory = factories.server_cursor.as_ref();
        factory.map(|factory| factory.clone_ref(py))
    }

    #[setter]
    fn set_server_cursor_factory(&self, factory: Py<PyAny>) {
        let old = lock(&self.factories).server_cursor.replace(factory);
        drop(old);
    }

    /// Open a transaction block, a savepoint within another one or within a transaction: a `TransactionBlock`.
    #[pyo3(signature = (savepoint_name))]
    fn _begin_block(&self, py: Python<'_>, savepoint_name: Option<String>) -> PyResult<Py<PyAny>> {
        self.run(py, BeginBlock::new(savepoint_name))
    }

    /// End a transaction block, keeping what it did or not. Whatever happens to the call, the block will have ended.
    fn _end_block(
        &self,
        py: Python<'_>,
        block: &Bound<'_, TransactionBlock>,
        commit: bool,
    ) -> PyResult<Py<PyAny>> {
        self.run(py, EndBlock::new(block.get(), commit))
    }

    /// Begin a two-phase transaction with this identifier.
    fn _tpc_begin(&self, py: Python<'_>, id: String) -> PyResult<Py<PyAny>> {
        self.run(py, TwoPhaseJob::new(Step::Begin(id)))
    }

    /// Prepare the two-phase transaction: from now on nothing but its end is missing.
    fn tpc_prepare(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, TwoPhaseJob::new(Step::Prepare))
    }

    /// End the two-phase transaction, or the prepared one with this identifier.
    #[pyo3(signature = (commit, id))]
    fn _tpc_end(&self, py: Python<'_>, commit: bool, id: Option<String>) -> PyResult<Py<PyAny>> {
        let step = match id {
            None => Step::End { commit },
            Some(id) => Step::EndOther { commit, id },
        };
        self.run(py, TwoPhaseJob::new(step))
    }

    /// Return what is prepared: identifier, microseconds since 1970, owner and database of each.
    fn _tpc_recover(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, TwoPhaseJob::new(Step::Recover))
    }

    /// Enter a `pipeline()` block; within another one, synchronise first.
    fn _pipeline_enter(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, EnterPipeline)
    }

    /// Have all of the pipeline answered. Raises the first error that was not raised before.
    fn _pipeline_sync(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, SyncPipeline)
    }

    /// Have what the server has not answered given up.
    fn _pipeline_cancel(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, CancelPipeline)
    }

    /// Note that a `pipeline()` block has been left.
    fn _pipeline_leave(&self, py: Python<'_>) -> PyResult<()> {
        self.core.pipeline.leave(py);
        self.core.hooks.tell(py)
    }

    fn _pipeline_level(&self) -> u32 {
        self.core.pipeline.level()
    }

    fn _pipeline_status(&self) -> u8 {
        let is_closed = self.core.snapshot.is_closed();
        let status = self.core.pipeline.status();
        (if is_closed { Status::Off } else { status }) as u8
    }

    fn _summary(&self) -> String {
        self.summary()
    }

    #[getter]
    fn _num_transactions(&self) -> u32 {
        self.core.transaction_depth()
    }

    fn _server_version(&self) -> u32 {
        let parameters = self.core.snapshot.parameters();
        let text = parameters.get("server_version");
        text.map_or(0, server_version_number)
    }

    fn _used_password(&self) -> bool {
        let started = self.core.snapshot.started();
        started.is_some_and(|started| started.used_password)
    }

    fn _encoding(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.core.snapshot.settings().encoding.python_name(py)
    }

    #[getter]
    fn _settings(&self) -> SettingsObject {
        SettingsObject(self.core.snapshot.settings())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let class = slf.get_type();
        Ok(format!(
            "<{}.{} {} at 0x{:x}>",
            class.getattr("__module__")?,
            class.qualname()?,
            slf.get().summary(),
            slf.as_ptr().addr()
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.channel)?;
        if let Some(pgconn) = self.pgconn.get() {
            visit.call(pgconn)?;
        }
        if let Some(adapters) = self.adapters.get() {
            visit.call(adapters)?;
        }
        if let Ok(factories) = self.factories.try_lock() {
            visit.call(&factories.row)?;
            visit.call(&factories.cursor)?;
            visit.call(&factories.server_cursor)?;
        }
        // The handlers are the connection's, though its channel can reach them as well.
        if let Ok(handlers) = self.core.handlers.try_lock() {
            let all = [&handlers.notice, &handlers.notify, &handlers.query];
            for handler in all.into_iter().flatten() {
                visit.call(handler)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let factories = self
            .factories
            .try_lock()
            .map(|mut factories| std::mem::take(&mut *factories));
        let handlers = self
            .core
            .handlers
            .try_lock()
            .map(|mut handlers| std::mem::take(&mut *handlers));
        drop((factories, handlers));
    }
}

fn duration(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds.max(0.0))
        .map_err(|_| PyValueError::new_err("timeout is not a number of seconds"))
}
