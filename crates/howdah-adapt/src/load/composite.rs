//! Composites that have been registered: what the user's function makes of the fields.

use howdah_protocol::wire::Format;
use howdah_types::composite::CompositeBinary;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;

use super::{Loader, record, registered};
use crate::adaptation::Adaptation;
use crate::context::LoadContext;
use crate::error;
use crate::nested::Nested;
use howdah_ffi::values::TupleBuilder;

/// A composite type, as `register_composite()` describes it.
#[derive(Debug)]
pub struct Composite {
    fields: Vec<Loader>,
    info: Py<PyAny>,
    make_object: Py<PyAny>,
}

impl Composite {
    /// From the attributes `info` and `make_object` of a loader class.
    pub(super) fn of(
        owner: &Bound<'_, PyAny>,
        format: Format,
        adaptation: &Adaptation,
    ) -> PyResult<Self> {
        let py = owner.py();
        let info = owner.getattr(intern!(py, "info"))?;
        let types: Vec<u32> = info.getattr(intern!(py, "field_types"))?.extract()?;
        let fields = types
            .into_iter()
            .map(|oid| registered::of_oid(py, oid, format, adaptation))
            .collect::<PyResult<_>>()?;
        Ok(Self {
            fields,
            info: info.unbind(),
            make_object: owner.getattr(intern!(py, "make_object"))?.unbind(),
        })
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.info)?;
        visit.call(&self.make_object)?;
        self.fields
            .iter()
            .try_for_each(|loader| loader.traverse(visit))
    }

    pub(super) fn load_text<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        // In text a single NULL looks like no field at all.
        if data == b"()" && self.fields.len() < 2 {
            return self.make(
                py,
                TupleBuilder::new(py, self.fields.len())?
                    .finish()
                    .into_any(),
            );
        }
        let values = record::text_fields(py, data, cx, |number, field, cx| {
            let loader = self.fields.get(number).ok_or_else(|| self.miscounted(py))?;
            loader.load(py, field, cx)
        })?;
        if values.len()? != self.fields.len() {
            return Err(self.miscounted(py));
        }
        self.make(py, values)
    }

    pub(super) fn load_binary<'py>(
        &self,
        py: Python<'py>,
        data: &[u8],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _nested = Nested::enter()?;
        let bad = |e| error::decode(py, e, data);
        let mut fields = CompositeBinary::new(data).map_err(bad)?;
        if fields.remaining() != self.fields.len() {
            return Err(self.miscounted(py));
        }
        let mut tuple = TupleBuilder::new(py, self.fields.len())?;
        let mut loaders = self.fields.iter();
        while let Some((_, field)) = fields.next_field().map_err(bad)? {
            tuple.push(match (field, loaders.next()) {
                (Some(field), Some(loader)) => loader.load(py, field, cx)?,
                _ => py.None().into_bound(py),
            });
        }
        self.make(py, tuple.finish().into_any())
    }

    fn make<'py>(&self, py: Python<'py>, values: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.make_object.bind(py).call1((values, &self.info))
    }

    /// The type was changed after it was registered.
    #[cold]
    fn miscounted(&self, py: Python<'_>) -> PyErr {
        let message = format!(
            "the composite has not the {} fields that it was registered with",
            self.fields.len()
        );
        error::of_class(py, "ProgrammingError", &message)
    }
}
