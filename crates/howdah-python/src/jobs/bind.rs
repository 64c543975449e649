//! The text and the parameters of a statement, as its cursor's binding has them.

use howdah_protocol::connection::Params;
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMapping, PySequence, PyString, PyTuple};

use super::execute::{Text, dump_one, each_param, is_sequence, wrong_params};
use crate::binding::Binding;
use crate::core::Core;
use crate::cursor::BaseCursor;
use crate::hooks::Subject;
use crate::query::Template;
use howdah_adapt::{Adaptation, DumpContext, Encoding, PyFormat, memory};

/// The text of a query of a cursor, with its values in it if that is how they get there; and the parameters that it brings along.
pub(crate) fn text(
    cursor: &BaseCursor,
    core: &Core,
    query: &Bound<'_, PyAny>,
    params: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Text, Option<Py<PyAny>>)> {
    let encoding = core.snapshot.settings().encoding;
    let has_placeholders = params.is_some() && cursor.binding != Binding::Raw;
    let (text, own) = Text::new(query, has_placeholders, encoding, cursor)?;
    match (cursor.binding, params, text.template()) {
        (Binding::Client, Some(params), Some(template)) => {
            Ok((with_literals(cursor, template, params)?, None))
        }
        _ => Ok((text, own)),
    }
}

/// The text of a query with its values in it, whatever the binding of its cursor is: for statements that take no parameters.
///
/// Without values it goes as it is, also if there is an empty sequence of them.
pub(crate) fn merged_text(
    cursor: &BaseCursor,
    core: &Core,
    query: &Bound<'_, PyAny>,
    params: Option<&Bound<'_, PyAny>>,
) -> PyResult<Text> {
    let py = query.py();
    let encoding = core.snapshot.settings().encoding;
    let params = match params {
        Some(params) if params.is_truthy()? => Some(params),
        _ => None,
    };
    let has_params = params.is_some();
    let (text, own) = Text::with_binding(query, has_params, encoding, cursor, Binding::Client)?;
    let params = params.cloned().or(own.map(|own| own.into_bound(py)));
    match (params, text.template()) {
        (Some(params), Some(template)) => with_literals(cursor, template, &params),
        _ => Ok(text),
    }
}

/// What a statement of a cursor is, for hooks.
///
/// # Errors
/// Only what must not be swallowed, such as `KeyboardInterrupt`.
pub(crate) fn subject(
    py: Python<'_>,
    core: &Core,
    kind: &'static str,
    cursor: &BaseCursor,
    query: &Py<PyAny>,
    params: Option<&Py<PyAny>>,
) -> PyResult<Option<Subject>> {
    let encoding = core.snapshot.settings().encoding;
    let (statement, own) = match told(encoding, cursor, query.bind(py), params.is_some()) {
        Ok((statement, own)) => (Some(statement), own),
        // What is wrong with it is said when it is executed.
        Err(error) if error.is_instance_of::<PyException>(py) => (None, None),
        Err(error) => return Err(error),
    };
    Ok(Some(Subject {
        kind,
        statement,
        params: params.map(|params| params.clone_ref(py)).or(own),
        is_batch: false,
    }))
}

fn with_literals(
    cursor: &BaseCursor,
    template: &Template,
    params: &Bound<'_, PyAny>,
) -> PyResult<Text> {
    let py = params.py();
    let literals = literals(template, params, &cursor.adaptation(py)?)?;
    let sql = merged(template, &literals)?;
    let literals = PyTuple::new(py, literals)?.unbind();
    Ok(Text::Merged(sql.into(), literals))
}

/// Dumps the parameters that go beside a text.
#[inline]
pub(crate) fn dump(
    binding: Binding,
    text: &Text,
    params: Option<&Bound<'_, PyAny>>,
    cx: &DumpContext<'_>,
    out: &mut Params,
) -> PyResult<()> {
    match (params, text.template()) {
        (Some(params), Some(template)) => each_param(template, params, &mut |value, format| {
            dump_one(value, format, cx, out)
        }),
        (Some(params), None) if binding == Binding::Raw => dump_raw(params, cx, out),
        _ => Ok(()),
    }
}

/// The values of a template's parameters as literals.
fn literals<'py>(
    template: &Template,
    params: &Bound<'py, PyAny>,
    adaptation: &Adaptation,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let py = params.py();
    let mut found = Vec::new();
    each_param(template, params, &mut |value, _| {
        let literal = adaptation.literal(value)?;
        memory::push(&mut found, literal.unbind())
    })?;
    Ok(found
        .into_iter()
        .map(|literal| literal.into_bound(py))
        .collect())
}

/// A text with literals in the places of its parameters.
fn merged(template: &Template, literals: &[Bound<'_, PyBytes>]) -> PyResult<Vec<u8>> {
    let mut sql = Vec::new();
    let mut copied = 0;
    for mark in &template.marks {
        let before = template.sql.get(copied..mark.place.start);
        memory::append(&mut sql, before.unwrap_or_default())?;
        let literal = literals.get(mark.param).map(|literal| literal.as_bytes());
        memory::append(&mut sql, literal.unwrap_or_default())?;
        copied = mark.place.end;
    }
    memory::append(&mut sql, template.sql.get(copied..).unwrap_or_default())?;
    Ok(sql)
}

/// Dumps values in order, of a query that is not looked into.
fn dump_raw(params: &Bound<'_, PyAny>, cx: &DumpContext<'_>, out: &mut Params) -> PyResult<()> {
    if params.is_none() {
        // In `executemany()`.
        return Ok(());
    }
    let known = params.is_exact_instance_of::<PyTuple>() || params.is_exact_instance_of::<PyList>();
    if !known && !is_sequence(params)? {
        if params.cast::<PyMapping>().is_err() {
            return Err(wrong_params(params));
        }
        let text = "raw queries require a sequence of parameters";
        return Err(PyTypeError::new_err(text));
    }
    for value in params.cast::<PySequence>()?.to_tuple()? {
        dump_one(&value, PyFormat::Auto, cx, out)?;
    }
    Ok(())
}

/// The text of a query as it was given; of one that is no text, as it is sent. With the parameters that it brings along.
fn told(
    encoding: Encoding,
    cursor: &BaseCursor,
    query: &Bound<'_, PyAny>,
    has_params: bool,
) -> PyResult<(Py<PyString>, Option<Py<PyAny>>)> {
    let py = query.py();
    if let Ok(text) = query.cast::<PyString>() {
        return Ok((text.clone().unbind(), None));
    }
    if let Ok(bytes) = query.cast::<PyBytes>() {
        let text = encoding.decode_str(py, bytes.as_bytes())?;
        return Ok((text.unbind(), None));
    }
    let (text, own) = Text::new(query, has_params, encoding, cursor)?;
    Ok((encoding.decode_str(py, text.sql(py))?.unbind(), own))
}
