//! What a cursor object holds, and what Rust code does with it.

use std::sync::{Arc, Mutex, OnceLock};

use howdah_adapt::registry::Snapshot;
use howdah_adapt::{Adaptation, AdaptersMap, Encoding, SessionSettings, lock};
use howdah_protocol::connection::{Ending, QueryResult};
use howdah_protocol::session::CopyStart;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::executed::Executed;
use super::making::RowMaking;
use super::rows::Loaders;
use super::server::ServerSide;
use crate::binding::Binding;
use crate::connection::BaseConnection;
use crate::core::copying::CopyState;
use crate::core::pipeline::Failure;
use crate::core::{Core, Flavor};
use crate::errors;
use crate::hooks::{Watched, rowcount, status};
use crate::imports::is_tuple_row;
use crate::jobs::execute::Text;
use crate::pq::PgResult;

/// What synchronous and asynchronous cursors share.
#[pyclass(subclass, frozen, weakref, module = "howdah._howdah")]
pub(crate) struct BaseCursor {
    /// How parameters come into its queries.
    pub(crate) binding: Binding,
    /// The cursor in the server that rows are fetched from, if that is how they are.
    pub(super) server: OnceLock<Box<ServerSide>>,
    /// Empty until `__init__()` has run, which a subclass may call with other arguments than it was given.
    pub(super) home: OnceLock<Home>,
    pub(super) state: Mutex<State>,
    /// Unless they are the connection's.
    pub(super) own_adapters: OnceLock<Py<AdaptersMap>>,
    /// The COPY that it runs, or has run last.
    pub(super) copy: Arc<CopyState>,
}

/// What a cursor belongs to.
pub(super) struct Home {
    pub(super) connection: Py<BaseConnection>,
    pub(super) core: Arc<Core>,
    /// What was registered for the connection when the cursor was made.
    pub(super) inherited: Snapshot,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) results: Vec<Arc<QueryResult>>,
    /// Index of the result that rows are taken from.
    pub(super) current: usize,
    /// Number of the next row.
    pub(super) pos: usize,
    pub(super) rowcount: i64,
    pub(super) statusmessage: Option<Box<[u8]>>,
    pub(super) loaders: Option<Loaders>,
    /// The settings that were in force when the current result came.
    pub(super) settings: Option<Arc<SessionSettings>>,
    /// How the rows of the current result are made.
    pub(super) making: RowMaking,
    /// Unless rows are plain tuples.
    pub(super) row_factory: Option<Py<PyAny>>,
    /// During `executemany()`: whether results are kept.
    pub(super) many: Option<bool>,
    /// Whether the result is that of `stream()`, whose rows are not the cursor's.
    pub(super) streamed: bool,
    pub(super) closed: bool,
    pub(super) arraysize: usize,
    pub(super) binary: bool,
    /// Whether the result was asked for in binary.
    pub(super) asked_binary: bool,
    /// What was executed last.
    pub(super) query: Option<Executed>,
    /// The COPY that is shown as the current result.
    pub(super) copied: Option<CopyStart>,
    /// What shows the current result as libpq would, if anybody has asked.
    pub(super) pgresult: Option<Py<PgResult>>,
    /// How many executions were begun.
    pub(super) number: u64,
    /// In a pipeline: the ticket of the last of its results.
    pub(super) ticket: Option<u64>,
    /// In a pipeline: why there is no result.
    pub(super) failure: Option<Failure>,
}

impl BaseCursor {
    /// A cursor that does not know its connection yet.
    pub(super) fn blank(binding: Binding) -> Self {
        Self {
            binding,
            server: OnceLock::new(),
            home: OnceLock::new(),
            state: Mutex::new(State {
                rowcount: -1,
                arraysize: 1,
                ..State::default()
            }),
            own_adapters: OnceLock::new(),
            copy: Arc::default(),
        }
    }

    /// What `__init__()` does.
    pub(super) fn init(
        &self,
        connection: &Bound<'_, PyAny>,
        row_factory: Option<Bound<'_, PyAny>>,
        flavor: Flavor,
    ) -> PyResult<()> {
        let py = connection.py();
        let connection = &BaseConnection::behind(connection)?;
        if connection.get().core().flavor != flavor {
            return Err(PyTypeError::new_err(
                "a cursor and its connection are both synchronous, or both asynchronous",
            ));
        }
        let row_factory = match row_factory.filter(|factory| !factory.is_none()) {
            Some(factory) => (!is_tuple_row(&factory)?).then(|| factory.unbind()),
            None => connection.get().own_row_factory(py),
        };
        let inherited = connection.get().adapters_map(py)?.get().snapshot(py);
        let home = self.home.get_or_init(|| Home {
            core: Arc::clone(connection.get().core()),
            connection: connection.clone().unbind(),
            inherited,
        });
        if !home.connection.is(connection) {
            return Err(errors::interface(
                py,
                "the cursor belongs to another connection",
            ));
        }
        let old = std::mem::replace(&mut lock(&self.state).row_factory, row_factory);
        drop(old);
        Ok(())
    }

    /// What it belongs to. Fails if the `__init__()` of a subclass has not called that of its base.
    pub(super) fn home(&self, py: Python<'_>) -> PyResult<&Home> {
        self.home.get().ok_or_else(|| {
            errors::interface(
                py,
                "the cursor has no connection: its class does not call Cursor.__init__()",
            )
        })
    }

    /// Forgets the last results, at the beginning of an execution.
    pub(crate) fn begin(&self, py: Python<'_>, binary: bool) -> PyResult<()> {
        let mut state = lock(&self.state);
        if state.closed {
            drop(state);
            return Err(errors::interface(py, "the cursor is closed"));
        }
        let old = state.reset();
        state.many = None;
        state.streamed = false;
        state.number += 1;
        state.asked_binary = binary;
        let query = state.query.take();
        drop(state);
        // Without the lock: this may call back into Python.
        drop((old, query));
        Ok(())
    }

    pub(crate) fn begin_many(&self, returning: bool) {
        let mut state = lock(&self.state);
        state.many = Some(returning);
        state.rowcount = if returning { -1 } else { 0 };
    }

    /// The adapters in force: the cursor's own, else its connection's.
    pub(crate) fn adapters<'a>(&'a self, py: Python<'a>) -> PyResult<&'a Py<AdaptersMap>> {
        if let Some(own) = self.own_adapters.get() {
            return Ok(own);
        }
        let home = self.home(py)?;
        let inherited = home.connection.get().adapters_map(py)?;
        if inherited.get().is_as_in(&home.inherited) {
            return Ok(inherited);
        }
        self.make_own_adapters(py)
    }

    pub(super) fn make_own_adapters<'a>(&'a self, py: Python<'a>) -> PyResult<&'a Py<AdaptersMap>> {
        let home = self.home(py)?;
        let template = home.connection.get().adapters_map(py)?.bind(py);
        let made = Py::new(py, AdaptersMap::as_it_was(template, &home.inherited)?)?;
        Ok(self.own_adapters.get_or_init(|| made))
    }

    /// The adapters and what they are told of their context.
    pub(crate) fn adaptation(&self, py: Python<'_>) -> PyResult<Adaptation> {
        let connection = self.home(py)?.connection.clone_ref(py).into_any();
        Ok(Adaptation::new(
            self.adapters(py)?.clone_ref(py),
            Some(connection),
        ))
    }

    pub(crate) fn is_binary(&self) -> bool {
        lock(&self.state).binary
    }

    /// Notes what has been executed, for whoever asks later.
    pub(crate) fn note_query(&self, py: Python<'_>, text: &Text, params: Option<&Py<PyAny>>) {
        let executed = Executed {
            text: text.clone_ref(py),
            params: params.map(|params| params.clone_ref(py)),
        };
        let old = lock(&self.state).query.replace(executed);
        drop(old);
    }

    /// Has a COPY shown as the current result, or none.
    pub(crate) fn show_copy(&self, start: Option<CopyStart>) {
        lock(&self.state).copied = start;
    }

    /// Takes the results of `execute()`.
    pub(crate) fn set_results(slf: &Bound<'_, Self>, results: Vec<QueryResult>) -> PyResult<()> {
        let old = {
            let mut state = lock(&slf.get().state);
            let new = results.into_iter().map(Arc::new).collect();
            std::mem::replace(&mut state.results, new)
        };
        drop(old);
        Self::select(slf, 0)
    }

    /// Takes a batch of results of `executemany()`.
    pub(crate) fn add_results(slf: &Bound<'_, Self>, results: Vec<QueryResult>) -> PyResult<()> {
        let first = {
            let mut state = lock(&slf.get().state);
            if state.many == Some(true) {
                let first = state.results.is_empty() && !results.is_empty();
                state.results.extend(results.into_iter().map(Arc::new));
                first
            } else {
                for result in &results {
                    let rows = result.tagged_rows().unwrap_or(0);
                    state.rowcount += i64::try_from(rows).unwrap_or(i64::MAX);
                    state.statusmessage = Some(result.tag.clone());
                }
                false
            }
        };
        if first { Self::select(slf, 0) } else { Ok(()) }
    }

    /// Makes a result the current one.
    pub(super) fn select(slf: &Bound<'_, Self>, index: usize) -> PyResult<()> {
        let this = slf.get();
        let (columns, parameters) = {
            let state = lock(&this.state);
            let result = state.results.get(index);
            let parameters = result.map(|result| Arc::clone(&result.parameters));
            (result.and_then(|result| result.columns.clone()), parameters)
        };
        let snapshot = &this.home(slf.py())?.core.snapshot;
        let settings = parameters.map(|then| snapshot.settings_for(&then));
        let loaders = columns
            .map(|columns| this.loaders(slf.py(), &columns))
            .transpose()?;
        let (row_factory, old) = {
            let mut guard = lock(&this.state);
            let state = &mut *guard;
            let Some(result) = state.results.get(index) else {
                return Ok(());
            };
            state.current = index;
            state.pos = 0;
            state.rowcount = rowcount(result);
            state.statusmessage = (result.ending == Ending::Complete).then(|| result.tag.clone());
            let factory = state.row_factory.as_ref();
            let factory = factory.map(|factory| factory.clone_ref(slf.py()));
            let old_settings = std::mem::replace(&mut state.settings, settings);
            let old_loaders = std::mem::replace(&mut state.loaders, loaders);
            (factory, (old_settings, old_loaders))
        };
        // Without the lock: this may call back into Python.
        drop(old);
        if let Some(factory) = row_factory {
            let making = Self::making(slf, factory.bind(slf.py()))?;
            let old = std::mem::replace(&mut lock(&this.state).making, making);
            drop(old);
        }
        Ok(())
    }

    /// How a factory makes the rows of the current result.
    pub(super) fn making(slf: &Bound<'_, Self>, factory: &Bound<'_, PyAny>) -> PyResult<RowMaking> {
        let (columns, encoding) = {
            let state = lock(&slf.get().state);
            let result = state.results.get(state.current);
            let settings = state.settings.as_ref();
            let encoding = settings.map_or(Encoding::Utf8, |settings| settings.encoding);
            (result.and_then(|result| result.columns.clone()), encoding)
        };
        match RowMaking::of_factory(factory, columns.as_ref(), encoding)? {
            Some(making) => Ok(making),
            None => factory.call1((slf,)).map(RowMaking::of_maker),
        }
    }

    /// Notes for hooks what there is to tell of the last execution.
    #[inline]
    pub(crate) fn tell(&self, watched: &Watched) {
        if let Some(span) = watched.get() {
            let state = lock(&self.state);
            let tag = state.statusmessage.as_deref().and_then(status);
            span.note(state.rowcount, tag);
        }
    }

    /// The cursor in the server that rows are fetched from, if that is how they are.
    #[inline]
    pub(crate) fn server_side(&self) -> Option<&ServerSide> {
        self.server.get().map(|server| &**server)
    }

    /// The same.
    ///
    /// # Errors
    /// InterfaceError if there is none.
    pub(crate) fn server(&self, py: Python<'_>) -> PyResult<&ServerSide> {
        self.server_side()
            .ok_or_else(|| errors::interface(py, "the cursor is not one of the server's"))
    }

    pub(crate) fn check_not_closed(&self, py: Python<'_>) -> PyResult<()> {
        if lock(&self.state).closed {
            return Err(errors::interface(py, "the cursor is closed"));
        }
        Ok(())
    }

    pub(crate) fn shut(&self) {
        let mut state = lock(&self.state);
        let old = state.reset();
        state.closed = true;
        drop(state);
        drop(old);
    }
}

impl State {
    /// Forgets results; what was forgotten is to be dropped without the lock.
    fn reset(&mut self) -> impl Sized + use<> {
        self.current = 0;
        self.ticket = None;
        self.pos = 0;
        self.rowcount = -1;
        self.statusmessage = None;
        self.copied = None;
        (
            std::mem::take(&mut self.results),
            std::mem::take(&mut self.making),
            self.loaders.take(),
            self.failure.take(),
            self.pgresult.take(),
        )
    }
}
