//! Rows that are fetched from a cursor in the server.

use std::sync::Arc;

use howdah_protocol::connection::{Columns, Ending, Parameters, QueryResult, RowSet};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::BaseCursor;
use howdah_adapt::lock;
use howdah_protocol::wire::Format;

impl BaseCursor {
    /// Takes note of the columns of its cursor in the server, and in which formats rows will be asked for.
    pub(crate) fn set_served_columns(
        slf: &Bound<'_, Self>,
        columns: &Columns,
        binary: Option<bool>,
        parameters: Arc<Parameters>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let settings = this.home(py)?.core.snapshot.settings_for(&parameters);
        let loaders = this.adapters(py)?.get();
        let is_binary = |oid| {
            binary
                .unwrap_or_else(|| settings.text_is_plain(oid) && loaders.binary_is_equal(py, oid))
        };
        let mut fields = columns.to_vec();
        for field in &mut fields {
            field.format = if is_binary(field.type_oid) {
                Format::Binary
            } else {
                Format::Text
            };
        }
        let formats = fields.iter().map(|field| field.format).collect();
        let described = QueryResult {
            columns: Some(fields.into()),
            rows: RowSet::default(),
            tag: Box::default(),
            ending: Ending::Suspended,
            incomplete: false,
            parameters,
        };
        let old = this.server(py)?.with(|held| {
            held.is_described = true;
            std::mem::replace(&mut held.formats, formats)
        });
        drop(old);
        Self::show_served(slf, described)
    }

    /// Takes rows that were fetched, and loads them.
    pub(crate) fn take_served<'py>(
        slf: &Bound<'py, Self>,
        result: QueryResult,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = slf.get();
        let parameters = Arc::clone(&result.parameters);
        let is_known = {
            let state = lock(&this.state);
            let shown = state.results.get(state.current);
            !state.streamed
                && state.loaders.is_some()
                && shown.is_some_and(|shown| are_equal(&shown.columns, &result.columns))
        };
        if is_known {
            let settings = this.home(py)?.core.snapshot.settings_for(&parameters);
            let result = Arc::new(result);
            let mut state = lock(&this.state);
            let old = state.results.pop();
            state.results.push(result);
            let old_settings = state.settings.replace(settings);
            state.pos = 0;
            drop(state);
            drop((old, old_settings));
        } else {
            // Somebody else has made another cursor of that name, or this one was used for a stream.
            Self::show_served(slf, result)?;
        }
        this.next_rows(py, None)?.list(py)
    }

    /// Makes a result the current one, which does not say how many rows there are.
    fn show_served(slf: &Bound<'_, Self>, result: QueryResult) -> PyResult<()> {
        {
            let mut state = lock(&slf.get().state);
            state.streamed = false;
            state.copied = None;
        }
        Self::set_results(slf, vec![result])?;
        let mut state = lock(&slf.get().state);
        state.rowcount = -1;
        state.statusmessage = None;
        Ok(())
    }
}

/// Whether columns are the same, which those of one statement mostly share.
fn are_equal(known: &Option<Columns>, new: &Option<Columns>) -> bool {
    let both = known.as_ref().zip(new.as_ref());
    both.is_some_and(|(known, new)| Arc::ptr_eq(known, new)) || known == new
}
