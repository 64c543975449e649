//! Rows to tuples.

use std::ops::Range;

use howdah_protocol::connection::RowSet;
use howdah_protocol::wire::Fields;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::Loader;
use crate::adapt::context::LoadContext;
use crate::ffi::values::{ListBuilder, TupleBuilder};

/// The values of one row, with a loader for each column.
///
/// # Errors
/// As for [`Loader::load`].
#[inline]
pub(crate) fn load_row<'py>(
    py: Python<'py>,
    fields: Fields<'_>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyTuple>> {
    let mut tuple = TupleBuilder::new(py, loaders.len())?;
    for (loader, field) in loaders.iter().zip(fields) {
        tuple.push(match field {
            Some(data) => loader.load(py, data, cx)?,
            None => py.None().into_bound(py),
        });
    }
    Ok(tuple.finish())
}

/// The rows whose numbers are in `range`, which must not go beyond the last.
///
/// # Errors
/// As for [`Loader::load`].
pub(crate) fn load_rows<'py>(
    py: Python<'py>,
    rows: &RowSet,
    range: Range<usize>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyList>> {
    let mut list = ListBuilder::new(py, range.len())?;
    for fields in range.map_while(|number| rows.get(number)) {
        list.push(load_row(py, fields, loaders, cx)?.into_any());
    }
    Ok(list.finish())
}
