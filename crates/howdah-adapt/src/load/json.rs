//! `json` and `jsonb`.

use pyo3::exceptions::PyStopIteration;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;

use super::document;
use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;
use crate::imports;
use howdah_ffi::values::bytes;

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
        .call1((bytes(py, data)?,))
        .map_err(|e| match Parser::get(py) {
            Ok(parser) if loads.is(&parser.standard_loads) => error::of_value(py, e),
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
    let parser = Parser::get(py)?;
    let loads = imports::JSON_HOOKS
        .get(py)?
        .get_item(intern!(py, "_loads"))?;
    if !loads.is(&parser.standard_loads) {
        return loads.call1((bytes(py, data)?,));
    }
    if cx.encoding == Encoding::Utf8
        && let Some(value) = document::parse(py, data)
    {
        return Ok(value);
    }
    let text = cx.encoding.load(py, data)?;
    if text.is_instance_of::<PyString>()
        && let Some(value) = parser.scan(py, &text)?
    {
        return Ok(value);
    }
    loads.call1((text,)).map_err(|e| error::of_value(py, e))
}

/// The standard library's parser, which is the hook's default.
pub(crate) struct Parser {
    standard_loads: Py<PyAny>,
    scan_once: Py<PyAny>,
}

impl Parser {
    pub(crate) fn get(py: Python<'_>) -> PyResult<&Self> {
        static PARSER: PyOnceLock<Parser> = PyOnceLock::new();
        PARSER.get_or_try_init(py, || {
            let decoder = imports::object(py, "json", "JSONDecoder")?.call0()?;
            Ok(Self {
                standard_loads: imports::object(py, "json", "loads")?.unbind(),
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
