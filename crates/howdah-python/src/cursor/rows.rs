//! Rows taken from the results of a cursor.

use std::ops::Range;
use std::sync::Arc;

use howdah_protocol::connection::{Columns, Ending, QueryResult};
use howdah_protocol::wire::backend::Fields;
use pyo3::exceptions::{PyIndexError, PyStopAsyncIteration, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::BaseCursor;
use super::making::RowMaking;
use crate::errors;
use crate::shell::ready::Fetch;
use howdah_adapt::load::{self, Loader};
use howdah_adapt::lock;
use howdah_adapt::{Adaptation, LoadContext, SessionSettings};

/// How the columns of a result are loaded.
#[derive(Clone)]
pub(super) struct Loaders {
    columns: Arc<[Loader]>,
    /// Of which loaders they were made: [`AdaptersMap::loaders_id`](howdah_adapt::AdaptersMap::loaders_id).
    id: u64,
    /// The adapters, where they are not the defaults.
    pub(super) adaptation: Option<Arc<Adaptation>>,
}

/// What is needed to load the rows of a stream, which may outlive the cursor's interest in them.
pub(super) struct StreamedRows {
    settings: Arc<SessionSettings>,
    loaders: Loaders,
    making: RowMaking,
}

/// What is needed to load some rows, taken out from under the lock.
pub(super) struct Slice {
    result: Arc<QueryResult>,
    settings: Arc<SessionSettings>,
    rows: Range<usize>,
    loaders: Loaders,
    making: RowMaking,
}

impl Loaders {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.adaptation {
            Some(adaptation) => adaptation.traverse(visit)?,
            // The defaults hold nothing of Python's.
            None => return Ok(()),
        }
        if Arc::strong_count(&self.columns) > 1 {
            return Ok(());
        }
        self.columns
            .iter()
            .try_for_each(|loader| loader.traverse(visit))
    }
}

impl Slice {
    /// Loads the first row, if there is one.
    pub(super) fn first(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(fields) = self.result.rows.get(self.rows.start) else {
            return Ok(None);
        };
        if self.rows.is_empty() {
            return Ok(None);
        }
        let cx = LoadContext::new(&self.settings, self.loaders.adaptation.as_deref());
        let row = self.making.row(py, fields, &self.loaders.columns, &cx)?;
        Ok(Some(row.unbind()))
    }

    /// Loads all rows.
    pub(super) fn list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let cx = LoadContext::new(&self.settings, self.loaders.adaptation.as_deref());
        let (rows, range) = (&self.result.rows, self.rows.clone());
        self.making
            .rows(py, rows, range, &self.loaders.columns, &cx)
    }
}

impl StreamedRows {
    /// Loads one row.
    pub(super) fn load(&self, py: Python<'_>, fields: Fields<'_>) -> PyResult<Py<PyAny>> {
        let cx = LoadContext::new(&self.settings, self.loaders.adaptation.as_deref());
        let row = self.making.row(py, fields, &self.loaders.columns, &cx)?;
        Ok(row.unbind())
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.loaders.traverse(visit)?;
        self.making.traverse(visit)
    }
}

impl BaseCursor {
    /// The loaders for a result that has come.
    pub(super) fn loaders(&self, py: Python<'_>, columns: &Columns) -> PyResult<Loaders> {
        let id = self.adapters(py)?.get().loaders_id();
        if id == 0 {
            return Ok(Loaders {
                columns: self.home(py)?.core.last_loaders.defaults(columns),
                id: 0,
                adaptation: None,
            });
        }
        let adaptation = self.adaptation(py)?;
        let asked = lock(&self.state).asked_binary;
        Ok(Loaders {
            id,
            columns: load::for_columns(py, columns, asked, &adaptation)?,
            adaptation: Some(Arc::new(adaptation)),
        })
    }

    /// Chooses the loaders again if others have been registered since the result came.
    fn renew_loaders(&self, py: Python<'_>) -> PyResult<()> {
        let id = self.adapters(py)?.get().loaders_id();
        let columns = {
            let state = lock(&self.state);
            if state.loaders.as_ref().is_some_and(|known| known.id == id) {
                return Ok(());
            }
            let result = state.results.get(state.current);
            result.and_then(|result| result.columns.clone())
        };
        let Some(columns) = columns else {
            return Ok(());
        };
        let new = self.loaders(py, &columns)?;
        let old = lock(&self.state).loaders.replace(new);
        drop(old);
        Ok(())
    }

    /// The rows from the next one on, at most `size`; with what it takes to load them.
    pub(super) fn next_rows(&self, py: Python<'_>, size: Option<usize>) -> PyResult<Slice> {
        self.renew_loaders(py)?;
        let state = lock(&self.state);
        if state.closed {
            drop(state);
            return Err(errors::interface(py, "the cursor is closed"));
        }
        if state.streamed {
            drop(state);
            let text = "the last operation didn't produce records: its rows are those of stream()";
            return Err(errors::programming(py, text));
        }
        let Some(result) = state.results.get(state.current) else {
            drop(state);
            let failure = self.take_failure(py);
            return Err(failure.unwrap_or_else(|| errors::programming(py, "no result available")));
        };
        let (Some(_), Some(loaders), Some(settings)) =
            (&result.columns, &state.loaders, &state.settings)
        else {
            let text = no_records(result);
            drop(state);
            return Err(errors::programming(py, text));
        };
        let start = state.pos.min(result.rows.len());
        let left = result.rows.len() - start;
        Ok(Slice {
            rows: start..start + size.unwrap_or(left).min(left),
            settings: Arc::clone(settings),
            result: Arc::clone(result),
            loaders: loaders.clone(),
            making: state.making.clone_ref(py),
        })
    }

    /// The current result, if it has rows, and the settings to read them with.
    pub(super) fn rows_left(
        &self,
        py: Python<'_>,
    ) -> PyResult<(Arc<QueryResult>, Arc<SessionSettings>)> {
        let slice = self.next_rows(py, Some(0))?;
        Ok((slice.result, slice.settings))
    }

    /// The number of the next row.
    pub(super) fn position(&self) -> usize {
        lock(&self.state).pos
    }

    /// Makes another row the next.
    pub(super) fn go_to(&self, row: usize) {
        lock(&self.state).pos = row;
    }

    /// Loads one row; `None` at the end.
    pub(super) fn load_one(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let slice = self.next_rows(py, Some(1))?;
        let row = slice.first(py)?;
        lock(&self.state).pos = slice.rows.end;
        Ok(row)
    }

    /// Takes note of what the rows of a stream are like, and gives what it takes to load them: they are not the cursor's, which
    /// may be closed or used for something else before the last of them is loaded.
    pub(super) fn begin_stream(slf: &Bound<'_, Self>, like: QueryResult) -> PyResult<StreamedRows> {
        let py = slf.py();
        Self::set_results(slf, vec![like])?;
        let mut state = lock(&slf.get().state);
        state.streamed = true;
        state.rowcount = -1;
        state.statusmessage = None;
        // The cursor's are not needed any more: shared ones would be seen by the garbage collector twice.
        let (Some(settings), Some(loaders)) = (state.settings.clone(), state.loaders.take()) else {
            drop(state);
            let text = "the cursor was used for something else while the stream began";
            return Err(errors::programming(py, text));
        };
        Ok(StreamedRows {
            settings,
            loaders,
            making: state.making.clone_ref(py),
        })
    }

    /// Loads at most `size` rows, or all that are left.
    fn load_many(&self, py: Python<'_>, size: Option<usize>) -> PyResult<Py<PyAny>> {
        let slice = self.next_rows(py, size)?;
        let rows = slice.list(py)?;
        lock(&self.state).pos = slice.rows.end;
        Ok(rows.into_any().unbind())
    }

    /// Fetches, now.
    pub(crate) fn fetch(&self, py: Python<'_>, what: Fetch) -> PyResult<Py<PyAny>> {
        match what {
            Fetch::All => self.load_many(py, None),
            Fetch::Many(size) => {
                let size = if size == 0 {
                    lock(&self.state).arraysize
                } else {
                    size
                };
                self.load_many(py, Some(size))
            }
            Fetch::One => Ok(self.load_one(py)?.unwrap_or_else(|| py.None())),
            Fetch::Next => self
                .load_one(py)?
                .ok_or_else(|| PyStopAsyncIteration::new_err("no more records to return")),
        }
    }

    pub(super) fn move_to(&self, py: Python<'_>, value: isize, mode: &str) -> PyResult<()> {
        let slice = self.next_rows(py, Some(0))?;
        let base = if is_absolute(mode)? {
            0
        } else {
            slice.rows.start
        };
        let target = base.checked_add_signed(value);
        match target.filter(|target| *target < slice.result.rows.len()) {
            None => Err(PyIndexError::new_err("position out of bound")),
            Some(target) => {
                lock(&self.state).pos = target;
                Ok(())
            }
        }
    }
}

/// Whether a mode of `scroll()` counts from the beginning.
pub(super) fn is_absolute(mode: &str) -> PyResult<bool> {
    match mode {
        "absolute" => Ok(true),
        "relative" => Ok(false),
        _ => Err(PyValueError::new_err(format!(
            "bad mode: {mode}. It should be 'relative' or 'absolute'"
        ))),
    }
}

fn no_records(result: &QueryResult) -> String {
    let detail = match result.ending {
        Ending::Empty => "result status: EMPTY_QUERY".to_owned(),
        _ => format!("command status: {}", String::from_utf8_lossy(&result.tag)),
    };
    format!("the last operation didn't produce records ({detail})")
}
