//! Cursors: results, and rows taken from them.

pub(crate) mod arrow;
pub(crate) mod arrow_in;
pub(crate) mod copy;
mod copy_counts;
mod executed;
mod kinds;
mod making;
mod pending;
mod rows;
mod served;
pub(crate) mod server;
mod shown;
mod state;
pub(crate) mod stream;

use howdah_protocol::wire::Format;
use pyo3::exceptions::{PyStopAsyncIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::binding::Binding;
use crate::connection::BaseConnection;
use crate::core::Flavor;
use crate::core::limit::Timeout;
use crate::errors;
use crate::hooks::Watched;
use crate::imports::{self, is_tuple_row};
use crate::jobs::bind;
use crate::jobs::execute::{ExecuteQuery, Options};
use crate::jobs::executemany::ExecuteMany;
use crate::jobs::pipeline::AwaitResult;
use crate::jobs::server_cursor::{OnServer, What};
use crate::pq::PgResult;
use crate::shell;
use crate::shell::ready::{Fetch, Ready};
use crate::truth::Truth;
use howdah_adapt::transformer::Transformer;
use howdah_adapt::{AdaptersMap, Encoding, lock};
use howdah_ffi::iteration::{QuickNext, Usual};

use arrow::{ArrowPlan, ArrowReading, ArrowTable};
pub(crate) use executed::ExecutedQuery;
pub(crate) use kinds::{AsyncCursorBase, SyncCursor};
pub(crate) use making::NativeRowMaker;
use making::RowMaking;
use pending::{PendingFetch, Then};
use server::{ServerSide, Take};
pub(crate) use state::BaseCursor;

impl QuickNext for BaseCursor {
    #[inline]
    fn quick_next<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.server.get()?.page.next(py)
    }

    fn usual() -> &'static Usual {
        static USUAL: Usual = Usual::unknown();
        &USUAL
    }
}

impl BaseCursor {
    /// Gives rows, or an awaitable of them.
    fn give_rows(slf: &Bound<'_, Self>, what: Fetch) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        if slf.get().server_side().is_some() {
            return Self::fetch_served(slf, what);
        }
        if slf.get().awaited_ticket().is_some() {
            return Self::fetch_pending(slf, Then::Fetch(what));
        }
        match slf.get().home(py)?.core.flavor {
            Flavor::Sync => slf.get().fetch(py, what),
            Flavor::Async => {
                let fetch = |cursor: &Bound<'_, PyAny>, what| {
                    cursor.cast::<Self>()?.get().fetch(cursor.py(), what)
                };
                let cursor = slf.clone().into_any().unbind();
                Py::new(py, Ready::fetch(cursor, what, fetch)).map(Py::into_any)
            }
        }
    }

    /// Gives rows of a cursor in the server, or an awaitable of them.
    fn fetch_served(slf: &Bound<'_, Self>, what: Fetch) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let take = match what {
            Fetch::One => Take::One,
            Fetch::All => Take::All,
            Fetch::Many(_) => return Err(errors::interface(py, "fetchmany() does this itself")),
            Fetch::Next => {
                let server = slf.get().server(py)?;
                if let Some(row) = server.page.next(py) {
                    let row = row.unbind();
                    return Py::new(py, Ready::new(move |_| Ok(row))).map(Py::into_any);
                }
                if server.is_last_page(py) {
                    let end = Ready::new(|_| Err(PyStopAsyncIteration::new_err(())));
                    return Py::new(py, end).map(Py::into_any);
                }
                Take::Page
            }
        };
        Self::on_server(slf, What::Fetch(take))
    }

    /// The next row of a cursor in the server, on a sync connection.
    pub(crate) fn next_served(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let server = slf.get().server(py)?;
        if let Some(row) = server.page.next(py) {
            return Ok(Some(row.unbind()));
        }
        if server.is_last_page(py) {
            return Ok(None);
        }
        // Before the next rows are made, which then find room where these were.
        drop(server.page.let_go(py));
        match Self::on_server(slf, What::Fetch(Take::Page)) {
            Err(error) if error.is_instance_of::<PyStopAsyncIteration>(py) => Ok(None),
            row => row.map(Some),
        }
    }

    /// Asks something of a cursor in the server.
    fn on_server(slf: &Bound<'_, Self>, what: What) -> PyResult<Py<PyAny>> {
        Self::on_server_within(slf, what, None)
    }

    fn on_server_within(
        slf: &Bound<'_, Self>,
        what: What,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let connection = slf.get().home(slf.py())?.connection.get();
        let job = OnServer::new(slf, what);
        let (core, channel) = (connection.core(), connection.channel());
        shell::run_within(slf.py(), core, channel, job, timeout)
    }

    /// Waits for a result that a pipeline owes, then goes on with it.
    fn fetch_pending(slf: &Bound<'_, Self>, then: Then) -> PyResult<Py<PyAny>> {
        let connection = slf.get().home(slf.py())?.connection.get();
        let job = AwaitResult(PendingFetch {
            cursor: slf.clone().unbind(),
            then,
        });
        shell::run(slf.py(), connection.core(), connection.channel(), job)
    }

    pub(crate) fn start_execute(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        prepare: Option<bool>,
        binary: Option<bool>,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let connection = slf.get().home(py)?.connection.get();
        let job = ExecuteQuery {
            cursor: slf.clone().unbind(),
            query,
            params,
            options: Options {
                prepare,
                binary,
                extended: false,
                again: false,
            },
            text: None,
            in_pipeline: false,
            watched: Watched::default(),
        };
        shell::run_within(py, connection.core(), connection.channel(), job, timeout)
    }
}

#[pymethods]
impl BaseCursor {
    /// Execute a query or command.
    #[pyo3(signature = (query, params=None, *, prepare=None, binary=None, timeout=None))]
    fn execute(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        prepare: Option<Truth>,
        binary: Option<Truth>,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let [prepare, binary] = [prepare, binary].map(|option| option.map(|Truth(value)| value));
        Self::start_execute(slf, query, params, prepare, binary, timeout)
    }

    /// Execute a command once for each set of parameters, all in one exchange with the server.
    #[pyo3(signature = (query, params_seq, *, returning=Truth(false), rewrite=Truth(false), timeout=None), text_signature = "($self, query, params_seq, *, returning=False, rewrite=False, timeout=None)")]
    fn executemany(
        slf: Bound<'_, Self>,
        query: Py<PyAny>,
        params_seq: Py<PyAny>,
        returning: Truth,
        rewrite: Truth,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let connection = slf.get().home(py)?.connection.get();
        let job = ExecuteMany {
            cursor: slf.clone().unbind(),
            query,
            params: params_seq,
            returning: returning.0,
            rewrite: rewrite.0,
            running: None,
            watched: Watched::default(),
        };
        shell::run_within(py, connection.core(), connection.channel(), job, timeout)
    }

    /// Execute a query and iterate over its rows as they arrive, in bounded memory.
    #[pyo3(signature = (query, params=None, *, binary=None, size=1, timeout=None))]
    fn stream(
        slf: &Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        binary: Option<Truth>,
        size: i64,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        if size < 1 {
            return Err(PyValueError::new_err("size must be >= 1"));
        }
        let binary = binary.map(|Truth(value)| value);
        stream::open(slf, query, params, binary, timeout, None)
    }

    /// Find out how the columns of a query, or of the current result, become Arrow's.
    #[pyo3(signature = (query, params, schema_overrides))]
    fn _plan_arrow(
        slf: &Bound<'_, Self>,
        query: Option<Py<PyAny>>,
        params: Option<Py<PyAny>>,
        schema_overrides: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        arrow::plan(slf, query, params, schema_overrides)
    }

    /// Find out how Arrow data becomes the rows of a table, of whose columns a query tells.
    fn _plan_arrow_in(
        slf: &Bound<'_, Self>,
        lookup: &str,
        columns: Option<Vec<String>>,
        data: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyAny>> {
        arrow_in::plan(slf, lookup, columns, data)
    }

    /// Return the rows that are left of the current result in batches of Arrow's.
    fn _fetch_arrow(&self, py: Python<'_>, plan: &ArrowPlan, rows: usize) -> PyResult<ArrowTable> {
        self.fetch_arrow(py, plan, rows)
    }

    /// Execute a query and iterate over batches of its rows as they arrive.
    fn _stream_arrow(
        slf: &Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        reading: Py<ArrowReading>,
    ) -> PyResult<Py<PyAny>> {
        let binary = reading.get().is_binary();
        stream::open(slf, query, params, Some(binary), None, Some(reading))
    }

    /// Wait for a result that a pipeline owes.
    fn _arrived(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        if slf.get().awaited_ticket().is_some() {
            return Self::fetch_pending(slf, Then::Nothing);
        }
        let flavor = slf.get().home(slf.py())?.core.flavor;
        shell::give(slf, flavor, |slf| Ok(slf.py().None()))
    }

    /// Return the next row, `None` after the last one.
    fn fetchone(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::give_rows(slf, Fetch::One)
    }

    /// Return the next `size` rows, or as many as there are; `arraysize` by default.
    #[pyo3(signature = (size=Some(0)), text_signature = "($self, size=0)")]
    fn fetchmany(slf: &Bound<'_, Self>, size: Option<isize>) -> PyResult<Py<PyAny>> {
        if slf.get().server_side().is_some() {
            return Self::_fetch_many_within(slf, size, None);
        }
        let size = size.unwrap_or(0);
        let size = number_of_rows(slf.py(), size)?;
        Self::give_rows(slf, Fetch::Many(size))
    }

    /// Return all the rows that are left.
    fn fetchall(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::give_rows(slf, Fetch::All)
    }

    /// Move to another row of the current result.
    #[pyo3(signature = (value, mode=Some("relative".to_owned())), text_signature = "($self, value, mode='relative')")]
    fn scroll(slf: &Bound<'_, Self>, value: isize, mode: Option<String>) -> PyResult<Py<PyAny>> {
        let mode = mode.unwrap_or_else(|| "None".to_owned());
        if slf.get().server_side().is_some() {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            let absolute = rows::is_absolute(&mode)?;
            return Self::on_server(slf, What::Move { value, absolute });
        }
        if slf.get().awaited_ticket().is_some() {
            return Self::fetch_pending(slf, Then::Scroll(value, mode));
        }
        let flavor = slf.get().home(slf.py())?.core.flavor;
        shell::give(slf, flavor, move |slf| {
            slf.get().move_to(slf.py(), value, &mode)?;
            Ok(slf.py().None())
        })
    }

    /// Close the cursor and forget its results.
    fn close(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        if slf.get().server_side().is_some() {
            return Self::on_server(slf, What::Close);
        }
        let flavor = slf.get().home(slf.py())?.core.flavor;
        shell::give(slf, flavor, |slf| {
            slf.get().shut();
            Ok(slf.py().None())
        })
    }

    /// Do what closing does without the server. SQLAlchemy's asyncio dialect closes its cursors so.
    fn _close(&self) {
        self.shut();
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

    /// The connection that the cursor is one of.
    #[getter]
    pub(crate) fn connection(&self, py: Python<'_>) -> PyResult<Py<BaseConnection>> {
        Ok(self.home(py)?.connection.clone_ref(py))
    }

    /// Whether the cursor is closed.
    #[getter]
    fn closed(&self) -> bool {
        lock(&self.state).closed
    }

    /// How many rows the last statement gave or changed; -1 if that is not known.
    #[getter]
    fn rowcount(&self) -> i64 {
        lock(&self.state).rowcount
    }

    /// The index of the next row to fetch, counted from 0; `None` without rows.
    #[getter]
    fn rownumber(&self, py: Python<'_>) -> Option<i64> {
        let state = lock(&self.state);
        let result = state.results.get(state.current)?;
        let counted = result.columns.is_some() && !state.streamed;
        let pos = counted.then_some(state.pos)?;
        drop(state);
        match self.server_side() {
            Some(server) => Some(server.page.pos(py)),
            None => i64::try_from(pos).ok(),
        }
    }

    /// The tag of the command that ended last, such as `INSERT 0 1`; `None` before there is one.
    #[getter]
    fn statusmessage(&self) -> Option<String> {
        let state = lock(&self.state);
        let tag = state.statusmessage.as_ref()?;
        Some(String::from_utf8_lossy(tag).into_owned())
    }

    /// The columns of the current result, a list of `Column`; `None` if it has none. Those of a COPY have neither names nor types.
    #[getter]
    fn description<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let columns = {
            let state = lock(&self.state);
            if let Some(copied) = state.copied.clone() {
                drop(state);
                return self.copied_columns(py, &copied).map(Some);
            }
            let result = state.results.get(state.current);
            result.and_then(|result| result.columns.clone())
        };
        let Some(columns) = columns else {
            return Ok(None);
        };
        let make = imports::COLUMN.get(py)?.getattr("_make")?;
        let types = self.adapters(py)?.get().registry(py)?;
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

    /// The current result as libpq would show it.
    #[getter]
    fn pgresult(&self, py: Python<'_>) -> PyResult<Option<Py<PgResult>>> {
        self.shown_result(py)
    }

    /// What was executed last, as the server got it.
    #[getter]
    fn _query(&self, py: Python<'_>) -> PyResult<Option<ExecutedQuery>> {
        let executed = {
            let state = lock(&self.state);
            state.query.as_ref().map(|query| query.clone_ref(py))
        };
        executed.map(|query| query.tell(self, py)).transpose()
    }

    /// A `Transformer` with the adapters of the cursor.
    #[getter]
    fn _tx(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let class = slf.py().get_type::<Transformer>();
        class.call1((slf,)).map(Bound::unbind)
    }

    /// Have rows fetched from a cursor in the server.
    fn _set_server_side(
        &self,
        name: &Bound<'_, PyString>,
        scrollable: Option<Truth>,
        withhold: Truth,
    ) {
        let name = name.clone().unbind();
        let server = ServerSide::new(name, scrollable.map(|Truth(value)| value), withhold.0);
        // A second `__init__()` changes nothing.
        let _ = self.server.set(Box::new(server));
    }

    /// The cursor's name in the server, `None` if it is none of the server's.
    #[getter]
    fn _server_name(&self, py: Python<'_>) -> Option<Py<PyString>> {
        Some(self.server_side()?.name.clone_ref(py))
    }

    #[getter]
    fn _scrollable(&self) -> Option<bool> {
        self.server_side()?.scrollable
    }

    #[getter]
    fn _withhold(&self) -> bool {
        self.server_side().is_some_and(|server| server.withhold)
    }

    #[getter]
    fn _itersize(&self, py: Python<'_>) -> PyResult<i64> {
        Ok(self.server(py)?.with(|held| held.itersize))
    }

    #[setter(_itersize)]
    fn set_itersize(&self, py: Python<'_>, size: i64) -> PyResult<()> {
        self.server(py)?.with(|held| held.itersize = size);
        Ok(())
    }

    /// Fetch the next row from a cursor in the server.
    #[pyo3(signature = (timeout))]
    fn _fetch_one_within(slf: &Bound<'_, Self>, timeout: Option<Timeout>) -> PyResult<Py<PyAny>> {
        Self::on_server_within(slf, What::Fetch(Take::One), timeout)
    }

    /// Fetch so many rows from a cursor in the server.
    #[pyo3(signature = (size, timeout))]
    fn _fetch_many_within(
        slf: &Bound<'_, Self>,
        size: Option<isize>,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let size = match size.unwrap_or(0) {
            0 => i64::try_from(lock(&slf.get().state).arraysize),
            size => i64::try_from(size),
        };
        let take = Take::Many(size.unwrap_or(i64::MAX));
        Self::on_server_within(slf, What::Fetch(take), timeout)
    }

    /// Fetch all the rows that are left from a cursor in the server.
    #[pyo3(signature = (timeout))]
    fn _fetch_all_within(slf: &Bound<'_, Self>, timeout: Option<Timeout>) -> PyResult<Py<PyAny>> {
        Self::on_server_within(slf, What::Fetch(Take::All), timeout)
    }

    /// Declare a cursor in the server.
    #[pyo3(signature = (query, params, binary, timeout))]
    fn _declare(
        slf: &Bound<'_, Self>,
        query: Py<PyAny>,
        params: Option<Py<PyAny>>,
        binary: Option<Truth>,
        timeout: Option<Timeout>,
    ) -> PyResult<Py<PyAny>> {
        let what = What::Declare {
            query,
            params,
            binary: binary.map(|Truth(value)| value),
            prepared: None,
        };
        Self::on_server_within(slf, what, timeout)
    }

    /// How parameters come into queries: see `Binding`.
    #[classattr]
    #[pyo3(name = "_binding")]
    const BINDING: u8 = Binding::Server as u8;

    /// Return a query with its parameters in it as literals.
    #[pyo3(signature = (query, params))]
    fn _mogrify<'py>(
        &self,
        query: &Bound<'py, PyAny>,
        params: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyString>> {
        let py = query.py();
        let core = &self.home(py)?.core;
        let (text, _) = bind::text(self, core, query, params)?;
        core.snapshot
            .settings()
            .encoding
            .decode_str(py, text.sql(py))
    }

    /// How many rows `fetchmany()` gives that is not told otherwise. 1 at first.
    #[getter]
    fn arraysize(&self) -> usize {
        lock(&self.state).arraysize
    }

    #[setter]
    fn set_arraysize(&self, py: Python<'_>, size: isize) -> PyResult<()> {
        lock(&self.state).arraysize = number_of_rows(py, size)?;
        Ok(())
    }

    /// The format of the last results: a `pq.Format`.
    #[getter]
    fn format(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let format = if self.is_binary() {
            Format::Binary
        } else {
            Format::Text
        };
        imports::FORMAT
            .get(py)?
            .call1((format.code(),))
            .map(Bound::unbind)
    }

    #[setter]
    fn set_format(&self, format: i16) -> PyResult<()> {
        let format = Format::from_code(format)
            .ok_or_else(|| PyValueError::new_err(format!("{format} is not a valid Format")))?;
        lock(&self.state).binary = format == Format::Binary;
        Ok(())
    }

    /// What makes the row maker of each result.
    #[getter]
    fn row_factory(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let factory = {
            let state = lock(&self.state);
            state
                .row_factory
                .as_ref()
                .map(|factory| factory.clone_ref(py))
        };
        match factory {
            Some(factory) => Ok(factory),
            None => Ok(imports::TUPLE_ROW.get(py)?.clone().unbind()),
        }
    }

    #[setter]
    fn set_row_factory(slf: &Bound<'_, Self>, factory: Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let own = !is_tuple_row(&factory)?;
        let has_result = !lock(&this.state).results.is_empty();
        let making = match (own, has_result) {
            (true, true) => Self::making(slf, &factory)?,
            _ => RowMaking::Tuples,
        };
        let mut state = lock(&this.state);
        let old = (
            std::mem::replace(&mut state.row_factory, own.then(|| factory.unbind())),
            std::mem::replace(&mut state.making, making),
        );
        drop(state);
        drop(old);
        Ok(())
    }

    /// The cursor's own adapters, which begin with those of its connection.
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
        let closed = lock(&this.state).closed;
        let status = match closed {
            true => "closed",
            false => this.shown_status().unwrap_or("no result"),
        };
        let class = slf.get_type();
        let name = match this.server_side() {
            Some(server) => format!(" {}", server.name.bind(slf.py()).repr()?),
            None => String::new(),
        };
        Ok(format!(
            "<{}.{}{name} [{status}] {} at 0x{:x}>",
            class.getattr("__module__")?,
            class.qualname()?,
            this.home
                .get()
                .map_or("[BAD]".to_owned(), |home| home.connection.get().summary()),
            slf.as_ptr().addr()
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(home) = self.home.get() {
            visit.call(&home.connection)?;
            home.inherited.traverse(&visit)?;
        }
        if let Some(adapters) = self.own_adapters.get() {
            visit.call(adapters)?;
        }
        if let Some(server) = self.server_side() {
            server.page.traverse(&visit)?;
        }
        self.copy.traverse(&visit)?;
        if let Ok(state) = self.state.try_lock() {
            state.making.traverse(&visit)?;
            visit.call(&state.row_factory)?;
            if let Some(query) = &state.query {
                query.traverse(&visit)?;
            }
            visit.call(&state.pgresult)?;
            if let Some(loaders) = &state.loaders {
                loaders.traverse(&visit)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self, py: Python<'_>) {
        let old = self
            .state
            .try_lock()
            .map(|mut state| std::mem::take(&mut *state));
        drop(old);
        if let Some(server) = self.server_side() {
            server.reset(py);
        }
    }
}

/// How many rows to fetch.
fn number_of_rows(py: Python<'_>, size: isize) -> PyResult<usize> {
    usize::try_from(size)
        .map_err(|_| errors::interface(py, format!("the number of rows is negative: {size}")))
}
