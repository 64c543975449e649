//! What a cursor shows of its result as libpq would.

use std::sync::Arc;

use howdah_adapt::lock;
use howdah_protocol::connection::Ending;
use howdah_protocol::session::CopyStart;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::state::{BaseCursor, State};
use crate::imports;
use crate::pq::{PgResult, Shown, Status};

impl BaseCursor {
    /// The current result as libpq would show it.
    pub(super) fn shown_result(&self, py: Python<'_>) -> PyResult<Option<Py<PgResult>>> {
        let (shown, known) = {
            let state = lock(&self.state);
            let Some(shown) = self.shown(&state) else {
                return Ok(None);
            };
            let known = state.pgresult.as_ref();
            (shown, known.map(|known| known.clone_ref(py)))
        };
        if let Some(known) = known.filter(|known| known.get().shows(&shown)) {
            return Ok(Some(known));
        }
        let encoding = self.home(py)?.core.snapshot.encoding(py);
        let made = Py::new(py, PgResult::of_cursor(shown, encoding))?;
        let old = lock(&self.state).pgresult.replace(made.clone_ref(py));
        drop(old);
        Ok(Some(made))
    }

    /// The name of the status of the current result, if there is one.
    pub(super) fn shown_status(&self) -> Option<&'static str> {
        let shown = self.shown(&lock(&self.state))?;
        Some(shown.status().name())
    }

    /// The columns of a COPY, of which the server tells no more than how many there are.
    pub(super) fn copied_columns<'py>(
        &self,
        py: Python<'py>,
        copied: &CopyStart,
    ) -> PyResult<Bound<'py, PyList>> {
        let make = imports::COLUMN.get(py)?.getattr("_make")?;
        let types = self.adapters(py)?.get().registry(py)?;
        let format = u8::from(copied.is_binary);
        let list = PyList::empty(py);
        for number in 1..=copied.columns {
            let name = format!("column_{number}");
            list.append(make.call1((name, 0, 0, 0, 0, 0, format, types))?)?;
        }
        Ok(list)
    }

    fn shown(&self, state: &State) -> Option<Shown> {
        if let Some(copied) = &state.copied {
            return Some(Shown::Copy(copied.clone()));
        }
        let result = state.results.get(state.current)?;
        // What a cursor in the server has is only described, until it is fetched from.
        let is_described = result.ending == Ending::Suspended && self.server_side().is_some();
        let status = match Status::of(result) {
            Status::TuplesOk if is_described => Status::CommandOk,
            Status::TuplesOk if state.streamed => Status::SingleTuple,
            status => status,
        };
        Some(Shown::Result(Arc::clone(result), status))
    }
}
