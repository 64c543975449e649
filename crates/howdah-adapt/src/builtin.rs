//! The bases of the built-in adapter classes: what they do when they are called.
//!
//! Registered as they are, the classes are not called at all; a class derived from one is.

use std::sync::OnceLock;

use howdah_protocol::wire::{Format, IsNull};
use pyo3::exceptions::PyNotImplementedError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};

use super::buffer::append_buffer;
use super::codec::{self, DumpCodec, LoadCodec};
use super::context::{DumpContext, LoadContext};
use super::dump::{Adapter, by_codec};
use super::encoding::Encoding;
use super::error;
use super::load::{self, Loader};
use super::registry::AdaptersMap;
use super::transformer::Transformer;
use super::{Adaptation, literal, settings};
use crate::memory;
use howdah_ffi::values::bytes;

/// The base of the built-in dumpers.
#[pyclass(subclass, frozen, weakref, module = "howdah._howdah")]
pub struct BuiltinDumper {
    codec: DumpCodec,
}

#[pymethods]
impl BuiltinDumper {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_options))]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self {
            codec: codec::inherited_dumper(cls)?,
        })
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr(intern!(slf.py(), "__dict__"))
    }

    /// Return the bytes that stand for an object, in the class's format; None for NULL.
    fn dump<'py>(
        slf: &Bound<'py, Self>,
        obj: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut out = Vec::new();
        match Self::append(slf, obj, &mut out)? {
            IsNull::Yes => Ok(None),
            IsNull::No => bytes(slf.py(), &out).map(Some),
        }
    }

    /// Return an object as a literal of SQL.
    fn quote<'py>(
        slf: &Bound<'py, Self>,
        obj: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = slf.py();
        if slf.get().codec == DumpCodec::Null {
            return bytes(py, b"NULL");
        }
        // The method may have been overridden.
        let dumped = slf.call_method1(intern!(py, "dump"), (obj,))?;
        if dumped.is_none() {
            return bytes(py, b"NULL");
        }
        let mut text = Vec::new();
        append_buffer(&dumped, &mut text)?;
        let settings = settings::of_connection(Some(&connection(slf.as_any())?))?;
        let out = match slf.get().codec {
            DumpCodec::Bool if obj.is_truthy()? => b"true".to_vec(),
            DumpCodec::Bool => b"false".to_vec(),
            DumpCodec::Int | DumpCodec::Integer(_) => literal::number(text)?,
            DumpCodec::Float4 | DumpCodec::Float8 => literal::special_or_number(text, "float8")?,
            DumpCodec::Decimal => literal::special_or_number(text, "numeric")?,
            DumpCodec::Bytes => {
                let standard = settings.is_some_and(|settings| settings.standard_strings);
                bytea_literal(&text, standard)?
            }
            _ => {
                let encoding = settings.map_or(Encoding::Utf8, |settings| settings.encoding);
                literal::quoted(py, &text, encoding)?
            }
        };
        bytes(py, &out)
    }
}

impl BuiltinDumper {
    fn append<'py>(
        slf: &Bound<'py, Self>,
        obj: &Bound<'py, PyAny>,
        out: &mut Vec<u8>,
    ) -> PyResult<IsNull> {
        let adapter = Adapter::of_instance(slf.get().codec, slf.as_any())?;
        let settings =
            settings::of_connection(Some(&connection(slf.as_any())?))?.unwrap_or_default();
        let adaptation = adaptation(slf.as_any())?;
        let cx = DumpContext::new(&settings, Some(&adaptation));
        let written = match adapter.codec {
            // Which function it is, the instance may say.
            DumpCodec::Json | DumpCodec::Jsonb => {
                let dumps = slf.getattr(intern!(slf.py(), "dumps"))?;
                by_codec::dump_json(&adapter, obj, Some(dumps), out, &cx)?
            }
            DumpCodec::Null => return Err(PyNotImplementedError::new_err("NULL has no value")),
            _ => by_codec::dump(&adapter, obj, out, &cx)?,
        };
        if written.format != adapter.format && written.null == IsNull::No {
            let message = "the value has no binary form without a type";
            return Err(error::data(slf.py(), message));
        }
        Ok(written.null)
    }
}

/// The base of the built-in loaders.
#[pyclass(subclass, frozen, weakref, module = "howdah._howdah")]
pub struct BuiltinLoader {
    codec: LoadCodec,
    /// Made when first needed: the context is not known before.
    prepared: OnceLock<(Loader, Adaptation)>,
}

#[pymethods]
impl BuiltinLoader {
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_options))]
    fn new(
        cls: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(Self {
            codec: codec::inherited_loader(cls)?,
            prepared: OnceLock::new(),
        })
    }

    fn __getstate__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr(intern!(slf.py(), "__dict__"))
    }

    /// Return the object that bytes in the class's format stand for.
    fn load<'py>(slf: &Bound<'py, Self>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let (loader, adaptation) = match this.prepared.get() {
            Some(prepared) => prepared,
            None => {
                let prepared = Self::prepare(slf)?;
                this.prepared.get_or_init(|| prepared)
            }
        };
        let settings =
            settings::of_connection(Some(&connection(slf.as_any())?))?.unwrap_or_default();
        let cx = LoadContext::new(&settings, Some(adaptation));
        if let Ok(data) = data.cast::<PyBytes>() {
            return loader.load(py, data.as_bytes(), &cx);
        }
        let mut bytes = Vec::new();
        append_buffer(data, &mut bytes)?;
        loader.load(py, &bytes, &cx)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.prepared.get() {
            Some((loader, adaptation)) => {
                loader.traverse(&visit)?;
                adaptation.traverse(&visit)
            }
            None => Ok(()),
        }
    }
}

impl BuiltinLoader {
    fn prepare(slf: &Bound<'_, Self>) -> PyResult<(Loader, Adaptation)> {
        let py = slf.py();
        let format: i16 = slf.getattr(intern!(py, "format"))?.extract()?;
        let format = Format::from_code(format).unwrap_or(Format::Text);
        let adaptation = adaptation(slf.as_any())?;
        let loader = match slf.get().codec {
            // Which function it is, the instance may say.
            codec @ (LoadCodec::Json | LoadCodec::Jsonb) => {
                let loads = slf.getattr(intern!(py, "loads"))?;
                load::json_by(Some(loads), matches!(codec, LoadCodec::Jsonb), format)
            }
            codec => load::of_class(slf.get_type().as_any(), codec, format, &adaptation)?,
        };
        Ok((loader, adaptation))
    }
}

fn connection<'py>(adapter: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = adapter.py();
    let known = adapter.getattr_opt(intern!(py, "connection"))?;
    Ok(known.unwrap_or_else(|| py.None().into_bound(py)))
}

/// The adapters of an adapter's own context.
fn adaptation(adapter: &Bound<'_, PyAny>) -> PyResult<Adaptation> {
    let py = adapter.py();
    let transformer = adapter.getattr_opt(intern!(py, "_tx"))?;
    if let Some(Ok(transformer)) = transformer.as_ref().map(|tx| tx.cast::<Transformer>()) {
        return Ok(Adaptation::of(transformer));
    }
    let connection = connection(adapter)?;
    if connection.is_none() {
        return Ok(Adaptation::new(AdaptersMap::global(py)?, None));
    }
    let map = connection.getattr(intern!(py, "adapters"))?;
    let map = map.cast_into::<AdaptersMap>()?.unbind();
    Ok(Adaptation::new(map, Some(connection.unbind())))
}

/// Its text has backslashes, which the server takes as they are or not; without a connection nobody knows.
fn bytea_literal(text: &[u8], standard_strings: bool) -> PyResult<Vec<u8>> {
    let mut out = Vec::new();
    memory::room(&mut out, 2 * text.len())?;
    out.extend_from_slice(if standard_strings { b"'" } else { b" E'" });
    for byte in text {
        if *byte == b'\\' && !standard_strings {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'\'');
    Ok(out)
}
