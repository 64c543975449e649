//! Queries that are objects: parts of statements (`howdah.sql`), and template strings.

use howdah_adapt::transformer::Transformer;
use howdah_adapt::{Adaptation, PyFormat, memory};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::Template;
use crate::binding::Binding;
use crate::{errors, imports};

/// The text of a query that is an object.
pub(crate) enum ObjectText<'py> {
    /// As it writes itself; it may have placeholders.
    Bytes(Bound<'py, PyBytes>),
    /// The statement of a template string, and the values of its parameters.
    WithParams(Template, Bound<'py, PyList>),
}

/// Asks an object for its text.
///
/// # Errors
/// TypeError for what is no query, and for parameters beside a template string; and what the object raises.
pub(crate) fn text<'py>(
    query: &Bound<'py, PyAny>,
    has_params: bool,
    adaptation: &Adaptation,
    binding: Binding,
) -> PyResult<ObjectText<'py>> {
    let py = query.py();
    if query.is_instance(imports::TEMPLATE.get(py)?)? {
        if has_params {
            let text = "a template string has its parameters within: it is executed without others";
            return Err(PyTypeError::new_err(text));
        }
        if binding == Binding::Raw {
            let text = "raw cursors send statements as they are: they take no template strings";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let transformer = adaptation.transformer(py)?;
        if binding.is_in_text() {
            let written = imports::AS_BYTES.get(py)?.call1((query, transformer))?;
            return Ok(ObjectText::Bytes(written.cast_into()?));
        }
        return template_string(query, transformer);
    }
    let Some(as_bytes) = query.getattr_opt(intern!(py, "as_bytes"))? else {
        return Err(unknown(query));
    };
    let text = as_bytes.call1((adaptation.transformer(py)?,))?;
    let text = text.cast_into::<PyBytes>().map_err(|error| {
        let got = name_of_class(&error.into_inner());
        PyTypeError::new_err(format!(
            "as_bytes() of a query has to give bytes, got {got}"
        ))
    })?;
    Ok(ObjectText::Bytes(text))
}

fn template_string<'py>(
    query: &Bound<'py, PyAny>,
    transformer: &Bound<'py, Transformer>,
) -> PyResult<ObjectText<'py>> {
    let convert = imports::CONVERT_TEMPLATE.get(query.py())?;
    let converted = convert.call1((query, transformer))?;
    let (text, values, letters) = converted.extract::<(
        Bound<'py, PyBytes>,
        Bound<'py, PyList>,
        Bound<'py, PyString>,
    )>()?;
    if values.is_empty() {
        return Ok(ObjectText::Bytes(text));
    }
    let mut formats = Vec::new();
    for letter in letters.to_str()?.bytes() {
        let format = match letter {
            b'b' => PyFormat::Binary,
            b't' => PyFormat::Text,
            _ => PyFormat::Auto,
        };
        memory::push(&mut formats, format)?;
    }
    let mut sql = Vec::new();
    memory::append(&mut sql, text.as_bytes())?;
    let template = Template {
        sql,
        placeholders: formats.len(),
        formats,
        names: None,
        marks: Vec::new(),
    };
    Ok(ObjectText::WithParams(template, values))
}

fn unknown(query: &Bound<'_, PyAny>) -> PyErr {
    let got = name_of_class(query);
    let kinds = "a str, bytes, a part of a statement (howdah.sql) or a template string";
    PyTypeError::new_err(format!("a query has to be {kinds}, got {got}"))
}

fn name_of_class(object: &Bound<'_, PyAny>) -> String {
    let name = object.get_type().qualname();
    name.map_or_else(|_| "object".to_owned(), |name| name.to_string())
}
