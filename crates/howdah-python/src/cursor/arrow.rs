//! Results as Arrow's batches.

use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use howdah_adapt::lock;
use howdah_arrow::{BatchBuilder, Column, Error, ErrorKind, Limits, ReadPlan};
use howdah_ffi::arrow as capsules;
use howdah_protocol::connection::{Columns, QueryResult, RowSet};
use howdah_protocol::wire;
use howdah_types::{Format, LoadContext};
use pyo3::exceptions::{PyMemoryError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyString, PyTuple};

use super::BaseCursor;
use super::copy::BaseCopy;
use crate::core::Core;
use crate::errors;
use crate::jobs::arrow::{PlanArrow, Source};
use crate::jobs::copy::Reader;
use crate::shell;
use howdah_adapt::Encoding;

/// The exception that an error stands for.
pub(crate) fn error(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error.kind() {
        ErrorKind::OutOfMemory => return PyMemoryError::new_err(error.to_string()),
        ErrorKind::Data => "DataError",
        ErrorKind::Usage => "ProgrammingError",
        _ => "NotSupportedError",
    };
    errors::new(py, class, error.to_string())
}

/// Runs the job that finds out how columns become Arrow's: those of a query, or those of the current result.
pub(super) fn plan(
    cursor: &Bound<'_, BaseCursor>,
    query: Option<Py<PyAny>>,
    params: Option<Py<PyAny>>,
    overrides: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<PyAny>> {
    let py = cursor.py();
    if cursor.get().server_side().is_some() {
        let text = "a server-side cursor gives no Arrow data: stream_arrow() of another kind reads in bounded memory";
        return Err(errors::new(py, "NotSupportedError", text));
    }
    let overrides = overrides.map_or_else(|| Ok(Vec::new()), read_overrides)?;
    let source = match query {
        Some(query) => Source::Query(query, params),
        None => Source::Columns(cursor.get().arrow_columns(py)?),
    };
    let job = PlanArrow::new(cursor, source, overrides);
    let connection = cursor.get().connection(py)?;
    let connection = connection.get();
    shell::run(py, connection.core(), connection.channel(), job)
}

/// The types that a user wants for some columns: names, or objects that stand for a type.
fn read_overrides(overrides: &Bound<'_, PyAny>) -> PyResult<Vec<(String, DataType)>> {
    let py = overrides.py();
    if overrides.is_none() {
        return Ok(Vec::new());
    }
    let mapping = PyDict::new(py);
    mapping.call_method1("update", (overrides,))?;
    let mut found = Vec::new();
    for (name, wanted) in mapping {
        let Ok(name) = name.cast::<PyString>() else {
            let text = "the keys of schema_overrides are names of columns";
            return Err(PyTypeError::new_err(text));
        };
        let wanted = match wanted.cast::<PyString>() {
            Ok(text) => howdah_arrow::data_type(text.to_str()?).ok_or_else(|| {
                PyValueError::new_err(format!("there is no Arrow type {:?}", text.to_string()))
            })?,
            Err(_) => capsules::data_type(&wanted)?,
        };
        found.push((name.to_str()?.to_owned(), wanted));
    }
    Ok(found)
}

/// Columns as the server describes them, with their names in the session's encoding.
pub(crate) fn described(
    py: Python<'_>,
    columns: &Columns,
    encoding: Encoding,
) -> PyResult<Vec<Column>> {
    let column = |field: &wire::backend::FieldDescription| {
        Ok(Column {
            name: encoding.decode_str(py, &field.name)?.to_str()?.to_owned(),
            oid: field.type_oid,
            modifier: field.type_modifier,
        })
    };
    columns.iter().map(column).collect()
}

/// How the columns of a query or a result become Arrow's.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ArrowPlan(Arc<ReadPlan>);

impl ArrowPlan {
    pub(crate) fn new(plan: ReadPlan) -> Self {
        Self(Arc::new(plan))
    }
}

#[pymethods]
impl ArrowPlan {
    /// Whether all columns can be read in binary.
    #[getter]
    fn is_binary(&self) -> bool {
        self.0.is_binary()
    }

    /// Begin to read rows, in batches of so many.
    fn reading(&self, rows: usize) -> ArrowReading {
        ArrowReading {
            plan: Arc::clone(&self.0),
            limits: limits(rows),
            builder: Mutex::default(),
        }
    }
}

fn limits(rows: usize) -> Limits {
    Limits {
        rows,
        ..Limits::default()
    }
}

/// Rows on their way into batches.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ArrowReading {
    plan: Arc<ReadPlan>,
    limits: Limits,
    builder: Mutex<Building>,
}

/// The batches of a reading.
#[derive(Default)]
enum Building {
    /// No row has come.
    #[default]
    Fresh,
    Begun(Box<BatchBuilder>),
    Over,
}

impl ArrowReading {
    pub(super) fn is_binary(&self) -> bool {
        self.plan.is_binary()
    }

    /// Whether rows have come, and the last batch has not been given.
    pub(super) fn has_begun(&self) -> bool {
        matches!(&*lock(&self.builder), Building::Begun(_))
    }

    /// Whether a batch has all its rows.
    pub(super) fn has_full(&self) -> bool {
        match &*lock(&self.builder) {
            Building::Begun(builder) => builder.has_full(),
            _ => false,
        }
    }

    /// How many bytes of a binary COPY are missing at least until a batch has all its rows.
    fn least_missing(&self) -> usize {
        let rows = match &*lock(&self.builder) {
            Building::Begun(builder) => builder.missing_rows(),
            _ => self.limits.rows,
        };
        // The number of columns, and a length for each.
        rows.saturating_mul(2 + 4 * self.plan.len())
    }

    /// Forgets what has not been given.
    pub(super) fn give_up(&self) {
        *lock(&self.builder) = Building::Over;
    }

    /// The next batch that has all its rows; with `ended` what is left of them, once.
    pub(super) fn next_batch(&self, py: Python<'_>, ended: bool) -> PyResult<Option<Py<PyAny>>> {
        let batch = {
            let mut building = lock(&self.builder);
            match &mut *building {
                Building::Begun(builder) if builder.has_full() => Ok(builder.next_full()),
                Building::Begun(builder) if ended => {
                    let last = builder.finish();
                    *building = Building::Over;
                    last
                }
                _ => Ok(None),
            }
        };
        let batch = batch.map_err(|refused| error(py, &refused))?;
        batch
            .map(|batch| Py::new(py, ArrowBatch(batch)).map(Py::into_any))
            .transpose()
    }

    /// Takes rows of a result.
    pub(super) fn take(
        &self,
        py: Python<'_>,
        core: &Core,
        result: &QueryResult,
        rows: &RowSet,
    ) -> PyResult<()> {
        let Some(columns) = &result.columns else {
            return Ok(());
        };
        if !self.plan.fits(columns.iter().map(|field| field.type_oid)) {
            let text = "the columns of the query have changed since it was described";
            return Err(errors::operational(py, text));
        }
        let cx = core.snapshot.settings_for(&result.parameters).of_codecs();
        let formats = columns.iter().map(|field| format(field.format)).collect();
        self.change(py, formats, cx, |builder| {
            builder.push_rows((0..rows.len()).map(|row| rows.bytes(row).unwrap_or_default()))
        })
    }

    /// Takes messages of a binary COPY, from one on.
    fn take_copy(
        &self,
        py: Python<'_>,
        messages: &RowSet,
        first: usize,
        cx: LoadContext,
    ) -> PyResult<()> {
        let formats = vec![Format::Binary; self.plan.len()];
        self.change(py, formats, cx, |builder| {
            let numbers = first..messages.len();
            builder.push_copy(numbers.map(|row| messages.bytes(row).unwrap_or_default()))
        })
    }

    /// Has the batches changed by what needs no Python: so other threads may run meanwhile.
    fn change(
        &self,
        py: Python<'_>,
        formats: Vec<Format>,
        cx: LoadContext,
        change: impl FnOnce(&mut BatchBuilder) -> Result<(), Error> + Send,
    ) -> PyResult<()> {
        let building = std::mem::replace(&mut *lock(&self.builder), Building::Over);
        let (plan, limits) = (Arc::clone(&self.plan), self.limits);
        let changed = py.detach(move || {
            let mut builder = match building {
                Building::Begun(builder) => builder,
                _ => Box::new(BatchBuilder::new(plan, formats, cx, limits)?),
            };
            change(&mut builder)?;
            Ok(builder)
        });
        let builder = changed.map_err(|refused| error(py, &refused))?;
        *lock(&self.builder) = Building::Begun(builder);
        Ok(())
    }
}

fn format(format: wire::Format) -> Format {
    match format {
        wire::Format::Text => Format::Text,
        wire::Format::Binary => Format::Binary,
    }
}

/// How many bytes are waited for at a time, if so many are missing.
const PIECE: usize = 64 * 1024;

/// Makes batches of what a COPY gives.
pub(super) struct ArrowReader {
    copy: Py<BaseCopy>,
    reading: Py<ArrowReading>,
}

impl ArrowReader {
    pub(super) fn new(copy: &Bound<'_, BaseCopy>, reading: Py<ArrowReading>) -> Self {
        Self {
            copy: copy.clone().unbind(),
            reading,
        }
    }
}

impl Reader for ArrowReader {
    fn next_received(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let reading = self.reading.get();
        if !reading.has_full() {
            let copy = self.copy.get();
            if let Some((messages, first, _)) = copy.state().take_messages() {
                reading.take_copy(py, &messages, first, copy.codecs())?;
            }
        }
        reading.next_batch(py, false)
    }

    fn has_rest(&self) -> bool {
        self.reading.get().has_begun() || self.copy.get().state().has_messages()
    }

    fn wants(&self) -> usize {
        self.reading.get().least_missing().min(PIECE)
    }

    fn at_end(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let last = self.reading.get().next_batch(py, true)?;
        Ok(last.unwrap_or_else(|| py.None()))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.copy)
    }
}

impl BaseCursor {
    /// The columns of the current result.
    fn arrow_columns(&self, py: Python<'_>) -> PyResult<Vec<Column>> {
        let (result, settings) = self.rows_left(py)?;
        let columns = result.columns.as_ref();
        columns.map_or_else(
            || Ok(Vec::new()),
            |columns| described(py, columns, settings.encoding),
        )
    }

    /// The rows that are left of the current result, which are fetched then.
    pub(super) fn fetch_arrow(
        &self,
        py: Python<'_>,
        plan: &ArrowPlan,
        rows: usize,
    ) -> PyResult<ArrowTable> {
        let (result, settings) = self.rows_left(py)?;
        let (first, plan) = (self.position(), &plan.0);
        let columns = result.columns.as_deref().unwrap_or_default();
        if !plan.fits(columns.iter().map(|field| field.type_oid)) {
            let text = "the cursor was used for something else meanwhile";
            return Err(errors::programming(py, text));
        }
        let formats = columns.iter().map(|field| format(field.format)).collect();
        let (cx, whole) = (settings.of_codecs(), Arc::clone(&result));
        let batches = py.detach(|| -> Result<_, Error> {
            let mut builder = BatchBuilder::new(Arc::clone(plan), formats, cx, limits(rows))?;
            let rows = &whole.rows;
            builder
                .push_rows((first..rows.len()).map(|row| rows.bytes(row).unwrap_or_default()))?;
            let mut batches = Vec::new();
            while let Some(batch) = builder.next_full() {
                batches.push(batch);
            }
            batches.extend(builder.finish()?);
            Ok(batches)
        });
        let batches = batches.map_err(|refused| error(py, &refused))?;
        self.go_to(result.rows.len());
        Ok(ArrowTable {
            schema: Arc::clone(plan.schema()),
            batches,
        })
    }
}

/// Rows in columns, as record batches of Arrow's. Whatever takes Arrow data by the PyCapsule interface takes it.
#[pyclass(frozen, module = "howdah.arrow")]
pub(crate) struct ArrowTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

#[pymethods]
impl ArrowTable {
    /// Put batches of one schema together, at least one.
    #[staticmethod]
    fn _of(batches: Vec<PyRef<'_, ArrowBatch>>) -> PyResult<Self> {
        let first = batches.first();
        let first = first.ok_or_else(|| PyValueError::new_err("a table is made of batches"))?;
        Ok(Self {
            schema: first.0.schema(),
            batches: batches.iter().map(|batch| batch.0.clone()).collect(),
        })
    }

    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The number of columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names(&self.schema)
    }

    /// The batches that it is made of.
    #[getter]
    fn batches(&self) -> Vec<ArrowBatch> {
        self.batches.iter().cloned().map(ArrowBatch).collect()
    }

    fn __len__(&self) -> usize {
        self.num_rows()
    }

    fn __repr__(&self) -> String {
        described_as("ArrowTable", self.num_rows(), &self.schema)
    }

    /// The schema, in a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsules::schema(py, &self.schema)
    }

    /// The data as a stream, in a capsule. It has the types of the table, whatever is requested.
    #[pyo3(signature = (requested_schema=None))]
    #[expect(unused_variables, reason = "the parameter's name is the interface's")]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        capsules::stream(py, Arc::clone(&self.schema), self.batches.clone())
    }
}

/// Some rows in columns: one record batch of Arrow's.
#[pyclass(frozen, module = "howdah.arrow")]
pub(crate) struct ArrowBatch(RecordBatch);

#[pymethods]
impl ArrowBatch {
    /// The number of rows.
    #[getter]
    fn num_rows(&self) -> usize {
        self.0.num_rows()
    }

    /// The number of columns.
    #[getter]
    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        names(self.0.schema_ref())
    }

    fn __len__(&self) -> usize {
        self.num_rows()
    }

    fn __repr__(&self) -> String {
        described_as("ArrowBatch", self.num_rows(), self.0.schema_ref())
    }

    /// The schema, in a capsule.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        capsules::schema(py, self.0.schema_ref())
    }

    /// Schema and data, in two capsules. They have the types of the batch, whatever is requested.
    #[pyo3(signature = (requested_schema=None))]
    #[expect(unused_variables, reason = "the parameter's name is the interface's")]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        capsules::array(py, &self.0)
    }

    /// The data as a stream of one batch, in a capsule.
    #[pyo3(signature = (requested_schema=None))]
    #[expect(unused_variables, reason = "the parameter's name is the interface's")]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        capsules::stream(py, self.0.schema(), vec![self.0.clone()])
    }
}

fn names(schema: &SchemaRef) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| field.name().clone()).collect()
}

fn described_as(class: &str, rows: usize, schema: &SchemaRef) -> String {
    let columns = schema.fields().iter();
    let columns: Vec<String> = columns
        .map(|field| format!("{}: {}", field.name(), field.data_type()))
        .collect();
    format!(
        "<howdah.arrow.{class} of {rows} rows, {}>",
        columns.join(", ")
    )
}
