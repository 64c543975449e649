//! Arguments as `PGconn` takes them.

use howdah_adapt::{bytes_of, memory};
use howdah_protocol::connection::{Params, Written};
use howdah_protocol::error::UsageError;
use howdah_protocol::wire::Format;
use howdah_protocol::wire::frontend::IsNull;
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Anything that has a buffer, copied.
pub(super) struct BytesLike(pub(super) Vec<u8>);

impl<'py> FromPyObject<'_, 'py> for BytesLike {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyString>() {
            let text = "bytes or buffer expected, got <class 'str'>";
            return Err(PyTypeError::new_err(text));
        }
        bytes_of(&object).map(Self)
    }
}

/// Values of parameters.
pub(super) type Values = Vec<Option<BytesLike>>;

pub(super) fn format(code: i16) -> PyResult<Format> {
    Format::from_code(code)
        .ok_or_else(|| PyValueError::new_err(format!("{code} is not a valid Format")))
}

/// The parameters of a statement, in the engine's form.
pub(super) fn collect(
    values: Option<Values>,
    types: Option<Vec<u32>>,
    formats: Option<Vec<i16>>,
) -> PyResult<Params> {
    let values = values.unwrap_or_default();
    let mismatch = |len: Option<usize>, what: &str| match len {
        Some(len) if len != values.len() => {
            let text = format!("got {} param_values but {len} {what}", values.len());
            Err(PyValueError::new_err(text))
        }
        _ => Ok(()),
    };
    mismatch(types.as_ref().map(Vec::len), "param_types")?;
    mismatch(formats.as_ref().map(Vec::len), "param_formats")?;
    let mut params = Params::default();
    for (index, value) in values.iter().enumerate() {
        let oid = types.as_ref().and_then(|types| types.get(index));
        let code = formats.as_ref().and_then(|formats| formats.get(index));
        let format = code.map_or(Ok(Format::Text), |code| format(*code))?;
        params.push(|out| {
            let null = match value {
                Some(value) => {
                    memory::append(out, &value.0)?;
                    IsNull::No
                }
                None => IsNull::Yes,
            };
            let oid = oid.copied().unwrap_or(0);
            Ok::<_, Failure>(Written { oid, format, null })
        })?;
    }
    Ok(params)
}

/// Why a value cannot be sent.
struct Failure(PyErr);

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<UsageError> for Failure {
    fn from(error: UsageError) -> Self {
        Self(match error {
            UsageError::OutOfMemory(error) => PyMemoryError::new_err(error.to_string()),
            error => PyOverflowError::new_err(error.to_string()),
        })
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}
