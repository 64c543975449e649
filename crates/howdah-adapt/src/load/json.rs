//! `json` and `jsonb`.

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyModule, PyString};

use super::document;
use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;

pub(super) fn jsonb_binary<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    json(py, without_version(py, data)?, cx)
}

/// What a function of the user's makes of the bytes, or the standard library's if a loader object says so.
pub(super) fn json_by<'py>(loads: &Bound<'py, PyAny>, data: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let py = loads.py();
    loads
        .call1((PyBytes::new(py, data),))
        .map_err(|e| match Hooks::get(py) {
            Ok(hooks) if loads.is(&hooks.standard_loads) => error::of_value(py, e),
            _ => e,
        })
}

pub(super) fn jsonb_binary_by<'py>(
    loads: &Bound<'py, PyAny>,
    data: &[u8],
) -> PyResult<Bound<'py, PyAny>> {
    json_by(loads, without_version(loads.py(), data)?)
}

fn without_version<'a>(py: Python<'_>, data: &'a [u8]) -> PyResult<&'a [u8]> {
    match data {
        [1, text @ ..] => Ok(text),
        [version, ..] => {
            let message = format!("unknown jsonb binary format: {version}");
            Err(error::data(py, &message))
        }
        [] => Err(error::data(py, "jsonb without its format")),
    }
}

/// What the function of `set_json_loads()` makes of the bytes.
pub(super) fn json<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let hooks = Hooks::get(py)?;
    let loads = hooks.module.bind(py).getattr(intern!(py, "_loads"))?;
    if !loads.is(&hooks.standard_loads) {
        return loads.call1((PyBytes::new(py, data),));
    }
    if cx.encoding == Encoding::Utf8
        && let Some(value) = document::parse(py, data)
    {
        return Ok(value);
    }
    let text = cx.encoding.load(py, data)?;
    if text.is_instance_of::<PyString>()
        && let Some(value) = hooks.scan(py, &text)?
    {
        return Ok(value);
    }
    loads.call1((text,)).map_err(|e| error::of_value(py, e))
}

/// The module with the hook, and the standard library's parser behind its default.
struct Hooks {
    module: Py<PyModule>,
    standard_loads: Py<PyAny>,
    scan_once: Py<PyAny>,
}

impl Hooks {
    fn get(py: Python<'_>) -> PyResult<&Self> {
        static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();
        HOOKS.get_or_try_init(py, || {
            let json = py.import("json")?;
            let decoder = json.getattr("JSONDecoder")?.call0()?;
            Ok(Self {
                module: py.import("howdah.types.json")?.unbind(),
                standard_loads: json.getattr("loads")?.unbind(),
                scan_once: decoder.getattr("scan_once")?.unbind(),
            })
        })
    }

    /// The value, if the text is one without white space around it, as the server sends `jsonb`.
    fn scan<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.scan_once.bind(py).call1((text, 0)) {
            Ok(scanned) => {
                let (value, end): (Bound<'py, PyAny>, usize) = scanned.extract()?;
                Ok((end == text.len()?).then_some(value))
            }
            // No value starts here; let the whole parser say so.
            Err(e) if e.is_instance_of::<PyStopIteration>(py) => Ok(None),
            Err(e) => Err(error::of_value(py, e)),
        }
    }
}
