//! Cursors: results, and rows taken from them.

mod kinds;
mod rows;

use std::sync::{Arc, Mutex, OnceLock};

use howdah_protocol::connection::{Ending, QueryResult};
use howdah_protocol::wire::Format;
use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use crate::connection::BaseConnection;
use crate::core::{Core, Kind};
use crate::errors;
use crate::jobs::execute::ExecuteQuery;
use crate::jobs::executemany::ExecuteMany;
use crate::shell;
use crate::shell::ready::{Fetch, Ready};
use crate::truth::Truth;
use howdah_adapt::lock;
use howdah_adapt::registry::Snapshot;
use howdah_adapt::{Adaptation, AdaptersMap, Encoding, SessionSettings};

pub(crate) use kinds::{AsyncCursorBase, SyncCursor};
use rows::Loaders;

/// What synchronous and asynchronous cursors share.
#[pyclass(subclass, frozen, weakref, module = "howdah._howdah")]
pub(crate) struct BaseCursor {
    connection: Py<BaseConnection>,
    core: Arc<Core>,
    state: Mutex<State>,
    /// What was registered for the connection when the cursor was made.
    inherited: Snapshot,
    /// Unless they are the connection's.
    own_adapters: OnceLock<Py<AdaptersMap>>,
}

#[derive(Default)]
struct State {
    results: Vec<Arc<QueryResult>>,
    /// Index of the result that rows are taken from.
    current: usize,
    /// Number of the next row.
    pos: usize,
    rowcount: i64,
    statusmessage: Option<Box<[u8]>>,
    loaders: Option<Loaders>,
    /// The settings that were in force when the current result came.
    settings: Option<Arc<SessionSettings>>,
    /// Makes rows from tuples; without it rows are tuples.
    make_row: Option<Py<PyAny>>,
    row_factory: Option<Py<PyAny>>,
    /// During `executemany()`: whether results are kept.
    many: Option<bool>,
    closed: bool,
    arraysize: usize,
    binary: bool,
    /// Whether the result was asked for in binary.
    asked_binary: bool,
    query: Option<Py<PyAny>>,
}

impl BaseCursor {
    pub(crate) fn new(
        connection: &Bound<'_, BaseConnection>,
        row_factory: Option<Bound<'_, PyAny>>,
        binary: bool,
    ) -> PyResult<Self> {
        let py = connection.py();
        let row_factory = match row_factory.filter(|factory| !factory.is_none()) {
            Some(factory) => (!is_tuple_row(&factory)?).then(|| factory.unbind()),
            None => connection.get().own_row_factory(py),
        };
        Ok(Self {
            core: Arc::clone(connection.get().core()),
            connection: connection.clone().unbind(),
            state: Mutex::new(State {
                rowcount: -1,
                arraysize: 1,
                row_factory,
                binary,
                ..State::default()
            }),
            inherited: connection
                .get()
                .adapters_map(py)?
                .get()
                .snapshot(connection.py()),
            own_adapters: OnceLock::new(),
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
        state.asked_binary = binary;
        drop(state);
        // Without the lock: this may call back into Python.
        drop(old);
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
        let inherited = self.connection.get().adapters_map(py)?;
        if inherited.get().is_as_in(&self.inherited) {
            return Ok(inherited);
        }
        self.make_own_adapters(py)
    }

    fn make_own_adapters<'a>(&'a self, py: Python<'a>) -> PyResult<&'a Py<AdaptersMap>> {
        let template = self.connection.get().adapters_map(py)?.bind(py);
        let made = Py::new(py, AdaptersMap::as_it_was(template, &self.inherited)?)?;
        Ok(self.own_adapters.get_or_init(|| made))
    }

    /// The adapters and what they are told of their context.
    pub(crate) fn adaptation(&self, py: Python<'_>) -> PyResult<Adaptation> {
        let connection = self.connection.clone_ref(py).into_any();
        Ok(Adaptation::new(
            self.adapters(py)?.clone_ref(py),
            Some(connection),
        ))
    }

    pub(crate) fn is_binary(&self) -> bool {
        lock(&self.state).binary
    }

    pub(crate) fn note_query(&self, py: Python<'_>, query: &Py<PyAny>) {
        let query = query.clone_ref(py);
        let old = lock(&self.state).query.replace(query);
        drop(old);
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
    fn select(slf: &Bound<'_, Self>, index: usize) -> PyResult<()> {
        let this = slf.get();
        let (columns, parameters) = {
            let state = lock(&this.state);
            let result = state.results.get(index);
            let parameters = result.map(|result| Arc::clone(&result.parameters));
            (result.and_then(|result| result.columns.clone()), parameters)
        };
        let settings = parameters.map(|then| this.core.facts.settings_for(&then));
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
            state.settings = settings;
            state.pos = 0;
            state.rowcount = rowcount(result);
            state.statusmessage = (result.ending == Ending::Complete).then(|| result.tag.clone());
            let factory = state.row_factory.as_ref();
            let factory = factory.map(|factory| factory.clone_ref(slf.py()));
            (factory, std::mem::replace(&mut state.loaders, loaders))
        };
        // Without the lock: this may call back into Python.
        drop(old);
        if let Some(factory) = row_factory {
            let make_row = factory.call1(slf.py(), (slf,))?;
            let old = lock(&this.state).make_row.replace(make_row);
            drop(old);
        }
        Ok(())
    }

    /// Gives rows, or an awaitable of them.
    fn give_rows(slf: &Bound<'_, Self>, what: Fetch) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        match slf.get().core.kind {
            Kind::Sync => slf.get().fetch(py, what),
            Kind::Async => {
                let fetch = |cursor: &Bound<'_, PyAny>, what| {
                    cursor.cast::<Self>()?.get().fetch(cursor.py(), what)
                };
                let cursor = slf.clone().into_any().unbind();
                Py::new(py, Ready::fetch(cursor, what, fetch)).map(Py::into_any)
            }
        }
    }

    fn shut(&self) {
        let mut state = lock(&self.state);
        let old = state.reset();
        state.closed = true;
        drop(state);
        drop(old);
    }

    pub(crate) fn start_execute(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        prepare: Option<bool>,
        binary: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let connection = slf.get().connection.bind(py).get();
        let job = ExecuteQuery {
            cursor: slf.clone().unbind(),
            query,
            params,
            prepare,
            binary,
            text: None,
        };
        shell::run(py, connection.core(), connection.channel(), job)
    }
}

#[pymethods]
impl BaseCursor {
    /// Execute a query or command.
    #[pyo3(signature = (query, params=None, *, prepare=None, binary=None))]
    fn execute(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        prepare: Option<Truth>,
        binary: Option<Truth>,
    ) -> PyResult<Py<PyAny>> {
        let [prepare, binary] = [prepare, binary].map(|option| option.map(|Truth(value)| value));
        Self::start_execute(slf, query, params, prepare, binary)
    }

    /// Execute a command once for each set of parameters, all in one exchange with the server.
    #[pyo3(signature = (query, params_seq, *, returning=Truth(false)), text_signature = "($self, query, params_seq, *, returning=False)")]
    fn executemany(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params_seq: Py<PyAny>,
        returning: Truth,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let connection = slf.get().connection.bind(py).get();
        let job = ExecuteMany {
            cursor: slf.clone().unbind(),
            query,
            params: params_seq,
            returning: returning.0,
            running: None,
        };
        shell::run(py, connection.core(), connection.channel(), job)
    }

    /// Return the next row, `None` after the last one.
    fn fetchone(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::give_rows(slf, Fetch::One)
    }

    /// Return the next `size` rows, or as many as there are; `arraysize` by default.
    #[pyo3(signature = (size=0))]
    fn fetchmany(slf: &Bound<'_, Self>, size: usize) -> PyResult<Py<PyAny>> {
        Self::give_rows(slf, Fetch::Many(size))
    }

    /// Return all the rows that are left.
    fn fetchall(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::give_rows(slf, Fetch::All)
    }

    /// Move to another row of the current result.
    #[pyo3(signature = (value, mode="relative".to_owned()))]
    fn scroll(slf: &Bound<'_, Self>, value: isize, mode: String) -> PyResult<Py<PyAny>> {
        shell::give(slf, slf.get().core.kind, move |slf| {
            slf.get().move_to(slf.py(), value, &mode)?;
            Ok(slf.py().None())
        })
    }

    /// Close the cursor and forget its results.
    fn close(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        shell::give(slf, slf.get().core.kind, |slf| {
            slf.get().shut();
            Ok(slf.py().None())
        })
    }

    /// Go to the next result. Returns `True`, or `None` if there is none.
    fn nextset(slf: &Bound<'_, Self>) -> PyResult<Option<bool>> {
        let next = {
            let state = lock(&slf.get().state);
            (state.current + 1 < state.results.len()).then_some(state.current + 1)
        };
        match next {
            None => Ok(None),
            Some(next) => Self::select(slf, next).map(|()| Some(true)),
        }
    }

    fn _results_len(&self) -> usize {
        lock(&self.state).results.len()
    }

    fn _select_result(slf: &Bound<'_, Self>, index: usize) -> PyResult<()> {
        Self::select(slf, index)
    }

    /// Do nothing, as PEP 249 allows.
    #[expect(unused_variables, reason = "the parameters' names are public")]
    fn setinputsizes(&self, sizes: &Bound<'_, PyAny>) {}

    /// Do nothing, as PEP 249 allows.
    #[pyo3(signature = (size, column=None))]
    #[expect(unused_variables, reason = "the parameters' names are public")]
    fn setoutputsize(&self, size: &Bound<'_, PyAny>, column: Option<&Bound<'_, PyAny>>) {}

    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<BaseConnection> {
        self.connection.clone_ref(py)
    }

    #[getter]
    fn closed(&self) -> bool {
        lock(&self.state).closed
    }

    #[getter]
    fn rowcount(&self) -> i64 {
        lock(&self.state).rowcount
    }

    #[getter]
    fn rownumber(&self) -> Option<usize> {
        let state = lock(&self.state);
        let result = state.results.get(state.current)?;
        result.columns.as_ref().map(|_| state.pos)
    }

    #[getter]
    fn statusmessage(&self) -> Option<String> {
        let state = lock(&self.state);
        let tag = state.statusmessage.as_ref()?;
        Some(String::from_utf8_lossy(tag).into_owned())
    }

    #[getter]
    fn description<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let columns = {
            let state = lock(&self.state);
            let result = state.results.get(state.current);
            result.and_then(|result| result.columns.clone())
        };
        let Some(columns) = columns else {
            return Ok(None);
        };
        let make = column_class(py)?.getattr("_make")?;
        let types = self.adapters(py)?.get().registry(py);
        let settings = lock(&self.state).settings.clone();
        let encoding = settings.map_or(Encoding::Utf8, |settings| settings.encoding);
        let list = PyList::empty(py);
        for field in columns.iter() {
            let name = encoding.decode_str(py, &field.name)?;
            list.append(make.call1((
                name,
                field.type_oid,
                field.type_modifier,
                field.type_size,
                field.table_oid,
                field.column_id,
                field.format.code(),
                types,
            ))?)?;
        }
        Ok(Some(list))
    }

    #[getter]
    fn pgresult(&self) -> Option<Py<PyAny>> {
        None
    }

    #[getter]
    fn _query(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = lock(&self.state);
        state.query.as_ref().map(|query| query.clone_ref(py))
    }

    #[getter]
    fn arraysize(&self) -> usize {
        lock(&self.state).arraysize
    }

    #[setter]
    fn set_arraysize(&self, size: usize) {
        lock(&self.state).arraysize = size;
    }

    #[getter]
    fn format(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.get_or_try_init(py, || {
            py.import("howdah.pq")?.getattr("Format").map(Bound::unbind)
        })?;
        let format = if self.is_binary() {
            Format::Binary
        } else {
            Format::Text
        };
        class.call1(py, (format.code(),))
    }

    #[setter]
    fn set_format(&self, format: i16) -> PyResult<()> {
        let format = Format::from_code(format)
            .ok_or_else(|| PyValueError::new_err(format!("{format} is not a valid Format")))?;
        lock(&self.state).binary = format == Format::Binary;
        Ok(())
    }

    #[getter]
    fn row_factory(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let factory = {
            let state = lock(&self.state);
            state
                .row_factory
                .as_ref()
                .map(|factory| factory.clone_ref(py))
        };
        factory.map_or_else(|| tuple_row(py).map(|factory| factory.clone_ref(py)), Ok)
    }

    #[setter]
    fn set_row_factory(slf: &Bound<'_, Self>, factory: Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let own = !is_tuple_row(&factory)?;
        let has_result = !lock(&this.state).results.is_empty();
        let make_row = match (own, has_result) {
            (true, true) => Some(factory.call1((slf,))?.unbind()),
            _ => None,
        };
        let mut state = lock(&this.state);
        let old = (
            std::mem::replace(&mut state.row_factory, own.then(|| factory.unbind())),
            std::mem::replace(&mut state.make_row, make_row),
        );
        drop(state);
        drop(old);
        Ok(())
    }

    #[getter(adapters)]
    fn get_adapters(&self, py: Python<'_>) -> PyResult<Py<AdaptersMap>> {
        let own = match self.own_adapters.get() {
            Some(own) => own,
            None => self.make_own_adapters(py)?,
        };
        Ok(own.clone_ref(py))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let status = {
            let state = lock(&this.state);
            match state.results.get(state.current) {
                _ if state.closed => "closed",
                None => "no result",
                Some(result) if result.columns.is_some() => "TUPLES_OK",
                Some(result) if result.ending == Ending::Empty => "EMPTY_QUERY",
                Some(_) => "COMMAND_OK",
            }
        };
        let class = slf.get_type();
        Ok(format!(
            "<{}.{} [{status}] {} at 0x{:x}>",
            class.getattr("__module__")?,
            class.qualname()?,
            this.connection.bind(slf.py()).get().summary(),
            slf.as_ptr().addr()
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.connection)?;
        self.inherited.traverse(&visit)?;
        if let Some(adapters) = self.own_adapters.get() {
            visit.call(adapters)?;
        }
        if let Ok(state) = self.state.try_lock() {
            visit.call(&state.make_row)?;
            visit.call(&state.row_factory)?;
            visit.call(&state.query)?;
            if let Some(loaders) = &state.loaders {
                loaders.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        let old = self
            .state
            .try_lock()
            .map(|mut state| std::mem::take(&mut *state));
        drop(old);
    }
}

impl State {
    /// Forgets results; what was forgotten is to be dropped without the lock.
    fn reset(&mut self) -> (Vec<Arc<QueryResult>>, Option<Py<PyAny>>, Option<Loaders>) {
        self.current = 0;
        self.pos = 0;
        self.rowcount = -1;
        self.statusmessage = None;
        (
            std::mem::take(&mut self.results),
            self.make_row.take(),
            self.loaders.take(),
        )
    }
}

fn rowcount(result: &QueryResult) -> i64 {
    let rows = if result.columns.is_some() {
        u64::try_from(result.rows.len()).ok()
    } else {
        result.tagged_rows()
    };
    rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(-1)
}

fn tuple_row(py: Python<'_>) -> PyResult<&Py<PyAny>> {
    static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    FUNCTION.get_or_try_init(py, || {
        py.import("howdah.rows")?
            .getattr("tuple_row")
            .map(Bound::unbind)
    })
}

/// Whether a row factory is the one that gives the tuples as they are.
pub(crate) fn is_tuple_row(factory: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(factory.is(tuple_row(factory.py())?))
}

fn column_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS
        .get_or_try_init(py, || {
            py.import("howdah._column")?
                .getattr("Column")
                .map(Bound::unbind)
        })
        .map(|class| class.bind(py))
}
