//! Records: in text the fields are strings, in binary they come with their types.
//!
//! Composites that have been registered: what the user's function makes of the fields.

use howdah_protocol::wire::Format;
use howdah_types::composite::{CompositeBinary, CompositeText};
use howdah_types::oid;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::{Loader, registered};
use crate::adaptation::Adaptation;
use crate::context::LoadContext;
use crate::encoding::Encoding;
use crate::error;
use crate::memory;
use crate::nested::Nested;
use howdah_ffi::values::{TupleBuilder, tuple_of};

/// A tuple of str and None; of bytes if the encoding is SQL_ASCII.
pub(super) fn text<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let loader = registered::find(py, oid::TEXT, Format::Text, cx)?;
    text_fields(py, data, cx, |_, field, cx| loader.load(py, field, cx))
}

/// A tuple of what `load` makes of the fields; it is told their numbers.
pub(super) fn text_fields<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
    load: impl Fn(usize, &[u8], &LoadContext<'_>) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter(py)?;
    let decoded;
    let (data, cx) = if matches!(cx.encoding, Encoding::Utf8 | Encoding::SqlAscii) {
        (data, *cx)
    } else {
        // In some encodings a byte of a character looks like a backslash or a bracket.
        decoded = cx.encoding.load(py, data)?;
        (
            decoded.cast::<PyString>()?.to_str()?.as_bytes(),
            cx.in_utf8(),
        )
    };
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeText::new(data).map_err(bad)?;
    let mut values = Vec::new();
    let mut scratch = Vec::new();
    while let Some(field) = fields.next_field().map_err(bad)? {
        let value = match field {
            Some(field) => load(values.len(), memory::unescaped(&field, &mut scratch)?, &cx)?,
            None => py.None().into_bound(py),
        };
        memory::push(&mut values, value)?;
    }
    Ok(tuple_of(py, values)?.into_any())
}

/// A tuple of what the binary loaders make of the fields.
///
/// # Errors
/// DataError besides those of the fields: a peer can nest records as deep as its message is long.
pub(super) fn binary<'py>(
    py: Python<'py>,
    data: &[u8],
    cx: &LoadContext<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let _nested = Nested::enter(py)?;
    let bad = |e| error::decode(py, e, data);
    let mut fields = CompositeBinary::new(data).map_err(bad)?;
    let mut tuple = TupleBuilder::new(py, fields.remaining())?;
    while let Some((oid, field)) = fields.next_field().map_err(bad)? {
        tuple.push(match field {
            Some(field) => registered::find(py, oid, Format::Binary, cx)?.load(py, field, cx)?,
            None => py.None().into_bound(py),
        });
    }
    Ok(tuple.finish().into_any())
}

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
        let values = text_fields(py, data, cx, |number, field, cx| {
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
        let _nested = Nested::enter(py)?;
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
