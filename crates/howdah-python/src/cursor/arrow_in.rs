//! Arrow's batches as the rows of a COPY.

use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_arrow::{Error, RowWriter, WritePlan};
use howdah_ffi::arrow::Batches;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::BaseCursor;
use super::arrow::error;
use crate::errors;
use crate::jobs::arrow::{Loaded, PlanArrow, Source};
use crate::shell;

/// From how many bytes on what was formatted is sent.
const ENOUGH: usize = 256 * 1024;

/// Runs the job that finds out how data becomes the rows of a table.
pub(super) fn plan(
    cursor: &Bound<'_, BaseCursor>,
    lookup: &str,
    columns: Option<Vec<String>>,
    data: &Bound<'_, PyAny>,
) -> PyResult<Py<PyAny>> {
    let py = cursor.py();
    let batches = Batches::of(data)?;
    let schema = batches.schema();
    let fields = schema.fields().iter().map(|field| field.name().clone());
    let columns = columns.unwrap_or_else(|| fields.collect());
    if schema.fields().is_empty() {
        let text = "the data has no columns";
        return Err(errors::programming(py, text));
    }
    let connection = cursor.get().connection(py)?;
    let connection = connection.get();
    let settings = connection.core().snapshot.settings();
    let mut encoded = Vec::new();
    settings
        .encoding
        .encode(&PyString::new(py, lookup), &mut encoded)?;
    let loaded = Loaded {
        batches: Mutex::new(Some(batches)),
        schema,
        columns,
    };
    let source = Source::Table(encoded, loaded);
    let job = PlanArrow::new(cursor, source, Vec::new());
    shell::run(py, connection.core(), connection.channel(), job)
}

/// Data on its way into a table.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ArrowWriting {
    columns: Vec<String>,
    is_binary: bool,
    batches: Mutex<Option<Batches>>,
    writer: Mutex<RowWriter>,
}

impl ArrowWriting {
    pub(crate) fn new(loaded: Loaded, plan: WritePlan, is_utf8: bool) -> Self {
        Self {
            columns: loaded.columns,
            is_binary: plan.is_binary(),
            batches: loaded.batches,
            writer: Mutex::new(RowWriter::new(Arc::new(plan), is_utf8)),
        }
    }

    /// Appends rows of the batch; tells whether there are more. No Python object is touched.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<bool, Error> {
        lock(&self.writer).write(out, ENOUGH)
    }

    /// Appends what stands behind the rows.
    pub(super) fn finish(&self, out: &mut Vec<u8>) {
        lock(&self.writer).finish(out);
    }
}

#[pymethods]
impl ArrowWriting {
    /// The columns of the table that the data goes to.
    #[getter]
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, &self.columns)
    }

    /// Whether the rows are written in the binary format.
    #[getter]
    fn is_binary(&self) -> bool {
        self.is_binary
    }

    /// Have the stream make its next batch; tell whether there is one. The interpreter is not held meanwhile.
    fn next_batch(&self, py: Python<'_>) -> PyResult<bool> {
        let taken = lock(&self.batches).take();
        let Some(mut batches) = taken else {
            let text = "the Arrow stream is in use, or has failed";
            return Err(errors::operational(py, text));
        };
        let (batches, made) = py.detach(move || {
            let made = batches.next_batch();
            (batches, made)
        });
        let batch = made.map_err(|failed| {
            let text = format!("the Arrow stream has failed: {failed}");
            errors::new(py, "DataError", text)
        })?;
        *lock(&self.batches) = Some(batches);
        let Some(batch) = batch else {
            return Ok(false);
        };
        let taken = lock(&self.writer).take(&batch);
        taken.map_err(|refused| error(py, &refused))?;
        Ok(true)
    }
}
