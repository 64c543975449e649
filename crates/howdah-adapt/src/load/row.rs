//! Rows to tuples.

use std::ops::Range;

use howdah_protocol::connection::RowSet;
use howdah_protocol::wire::Fields;
use howdah_types::{float, int};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple, PyType};

use super::Loader;
use crate::context::LoadContext;
use crate::encoding::Encoding;
use howdah_ffi::values::{ListBuilder, RowBuilder, quick_ascii, quick_float, quick_int};

/// The values of one row, with a loader for each column.
///
/// # Errors
/// As for [`Loader::load`].
#[inline]
pub fn load_row<'py, 'a>(
    py: Python<'py>,
    fields: impl Iterator<Item = Option<&'a [u8]>>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyTuple>> {
    fill(RowBuilder::new(py, loaders.len())?, py, fields, loaders, cx)
}

/// The same as an instance of a class derived from `tuple` that adds nothing to it, such as a named tuple's.
///
/// # Errors
/// TypeError for any other class; as for [`Loader::load`].
#[inline]
pub fn load_instance<'py>(
    class: &Bound<'py, PyType>,
    fields: Fields<'_>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyTuple>> {
    let row = RowBuilder::of_class(class, loaders.len())?;
    fill(row, class.py(), fields, loaders, cx)
}

#[inline]
fn fill<'py, 'a>(
    mut row: RowBuilder<'py>,
    py: Python<'py>,
    fields: impl Iterator<Item = Option<&'a [u8]>>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyTuple>> {
    for (loader, field) in loaders.iter().zip(fields) {
        let Some(data) = field else {
            row.push_plain(py.None().into_bound(py));
            continue;
        };
        match quick(py, loader, data, cx) {
            Some(value) => row.push_plain(value),
            None => row.push(loader.load(py, data, cx)?),
        }
    }
    Ok(row.finish())
}

/// The value of a well-formed field of one of the commonest types; `None` leaves it to [`Loader::load`].
///
/// What comes back fits a register, where a result with an error in it goes through memory: that and the call are a
/// third of what such a value costs.
#[inline(always)]
fn quick<'py>(
    py: Python<'py>,
    loader: &Loader,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> Option<Bound<'py, PyAny>> {
    let int = match loader {
        Loader::Int4Binary => i64::from(i32::from_be_bytes(data.try_into().ok()?)),
        Loader::OidBinary => i64::from(u32::from_be_bytes(data.try_into().ok()?)),
        Loader::Int8Binary => i64::from_be_bytes(data.try_into().ok()?),
        Loader::Int2Binary => i64::from(i16::from_be_bytes(data.try_into().ok()?)),
        Loader::Int => int::int8_from_text(data).ok()?,
        Loader::Str if cx.encoding == Encoding::Utf8 => return quick_ascii(py, data),
        Loader::BoolBinary => return quick_bool(py, data),
        Loader::Float => return quick_float(py, float::float8_from_text(data).ok()?),
        Loader::Float8Binary => return quick_float(py, float::float8_from_binary(data).ok()?),
        _ => return None,
    };
    quick_int(py, int)
}

#[inline]
fn quick_bool<'py>(py: Python<'py>, data: &[u8]) -> Option<Bound<'py, PyAny>> {
    match data {
        [0] => Some(PyBool::new(py, false).to_owned().into_any()),
        [1] => Some(PyBool::new(py, true).to_owned().into_any()),
        _ => None,
    }
}

/// The rows whose numbers are in `range`, which must not go beyond the last, as `make` makes them.
///
/// # Errors
/// Those of `make`.
pub fn load_rows<'py>(
    py: Python<'py>,
    rows: &RowSet,
    range: Range<usize>,
    mut make: impl FnMut(Fields<'_>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let mut list = ListBuilder::new(py, range.len())?;
    for fields in rows.range(range) {
        list.push(make(fields)?);
    }
    Ok(list.finish())
}

/// The values of one row under their names: a copy of `template`, which has all of the names.
///
/// # Errors
/// As for [`Loader::load`].
#[inline]
pub fn load_dict<'py>(
    fields: Fields<'_>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
    names: &[Py<PyString>],
    template: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = template.py();
    let row = template.copy()?;
    for ((loader, field), name) in loaders.iter().zip(fields).zip(names) {
        row.set_item(name, load_field(py, loader, field, cx)?)?;
    }
    Ok(row)
}

/// The value of the first column of one row, `None` if there are no columns. The others are not looked at.
///
/// # Errors
/// As for [`Loader::load`].
#[inline]
pub fn load_first<'py>(
    py: Python<'py>,
    mut fields: Fields<'_>,
    loaders: &[Loader],
    cx: &LoadContext<'_>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let first = loaders.first().zip(fields.next());
    let loaded = first.map(|(loader, field)| load_field(py, loader, field, cx));
    loaded.transpose()
}

#[inline(never)]
fn load_field<'py>(
    py: Python<'py>,
    loader: &Loader,
    field: Option<&[u8]>,
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(data) = field else {
        return Ok(py.None().into_bound(py));
    };
    match quick(py, loader, data, cx) {
        Some(value) => Ok(value),
        None => loader.load(py, data, cx),
    }
}
