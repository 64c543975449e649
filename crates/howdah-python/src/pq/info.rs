//! Connection options as libpq lists them.

use howdah_ffi::values::bytes;
use howdah_net::environment;
use howdah_protocol::conninfo::{Display, KEYWORDS, Keyword};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};

use super::opening;
use super::params::BytesLike;
use crate::errors;
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

/// Connection options.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct Conninfo;

#[pymethods]
impl Conninfo {
    /// Return all options with their defaults, from the environment and the system.
    #[classmethod]
    fn get_defaults(cls: &Bound<'_, PyType>) -> PyResult<Py<PyAny>> {
        options(cls.py(), &environment::defaults())
    }

    /// Return all options, with the values of a connection string. Raises `OperationalError` if it is malformed.
    #[classmethod]
    fn parse(cls: &Bound<'_, PyType>, conninfo: BytesLike) -> PyResult<Py<PyAny>> {
        let py = cls.py();
        let params =
            opening::parse(&conninfo.0).map_err(|message| errors::operational(py, message))?;
        let values: Vec<_> = params
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        options(py, &values)
    }
}
