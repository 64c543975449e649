//! Enumerations that have been registered: labels to members.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::context::LoadContext;
use crate::error;
use howdah_ffi::values::bytes;

/// An enumeration type, as `register_enum()` describes it.
#[derive(Debug)]
pub struct Enumeration {
    members: Py<PyDict>,
    class: Py<PyAny>,
}

impl Enumeration {
    /// From the attributes `enum` and `_load_map` of a loader class.
    pub(super) fn of(owner: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = owner.py();
        let members = owner.getattr(intern!(py, "_load_map"))?;
        Ok(Self {
            members: members.cast_into::<PyDict>()?.unbind(),
            class: owner.getattr(intern!(py, "enum"))?.unbind(),
        })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.members)?;
        visit.call(&self.class)
    }

    pub(super) fn load<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let label = bytes(py, &cx.encoded(py, data)?)?;
        if let Some(member) = self.members.bind(py).get_item(&label)? {
            return Ok(member);
        }
        let name = self.class.bind(py).getattr(intern!(py, "__qualname__"))?;
        let label = cx.encoding.decode_str(py, data)?.repr()?;
        let message = format!("bad member for enum {name}: {label}");
        Err(error::data(py, &message))
    }
}
