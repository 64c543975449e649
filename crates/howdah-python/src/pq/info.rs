//! Connection options as libpq lists them.

use howdah_ffi::values::bytes;
use howdah_protocol::conninfo::{Display, KEYWORDS, Keyword};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::imports;

/// A list of `ConninfoOption`, with the values of these options.
pub(super) fn options(py: Python<'_>, values: &[(String, String)]) -> PyResult<Py<PyAny>> {
    let class = imports::CONNINFO_OPTION.get(py)?;
    let list = PyList::empty(py);
    for keyword in KEYWORDS {
        let value = values.iter().find(|(name, _)| name == keyword.name);
        let value = value.map(|(_, value)| value.as_str());
        list.append(class.call1(fields(py, keyword, value)?)?)?;
    }
    Ok(list.into_any().unbind())
}

type Fields<'py> = (
    Py<PyAny>,
    Option<Py<PyAny>>,
    Option<Py<PyAny>>,
    Option<Py<PyAny>>,
    Py<PyAny>,
    Py<PyAny>,
    u16,
);

fn fields<'py>(py: Python<'py>, keyword: &Keyword, value: Option<&str>) -> PyResult<Fields<'py>> {
    let given = |text: &str| Ok::<_, PyErr>(bytes(py, text.as_bytes())?.into_any().unbind());
    let optional = |text: Option<&str>| text.map(given).transpose();
    let display = match keyword.display {
        Display::Normal => "",
        Display::Secret => "*",
        Display::Debug => "D",
    };
    Ok((
        given(keyword.name)?,
        optional(keyword.envvar)?,
        optional(keyword.compiled)?,
        optional(value)?,
        given(keyword.label)?,
        given(display)?,
        keyword.display_size,
    ))
}
