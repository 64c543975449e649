//! Built-in dumper classes, as they are registered or called.

use howdah_protocol::connection::Written;
use howdah_protocol::wire::{Format, IsNull};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use crate::codec::DumpCodec;
use crate::format::PyFormat;
use crate::registry::DumperEntry;

/// A built-in dumper class, or an instance of one or of a class derived from one.
pub(crate) struct Adapter<'py> {
    pub(crate) codec: DumpCodec,
    pub(crate) oid: u32,
    pub(crate) format: Format,
    pub(super) class: Bound<'py, PyType>,
    /// Whether the type is settled, so that a value cannot choose another.
    pub(super) is_settled: bool,
}

impl<'py> Adapter<'py> {
    pub(super) fn of_entry(entry: &Bound<'py, DumperEntry>, is_settled: bool) -> PyResult<Self> {
        let class = entry.get().class.bind(entry.py());
        let codec = entry.get().codec.unwrap_or(DumpCodec::Null);
        let read = Self::read(codec, class, class)?;
        Ok(Self { is_settled, ..read })
    }

    /// Of an object with the attributes `oid` and `format`.
    pub(crate) fn of_instance(codec: DumpCodec, instance: &Bound<'py, PyAny>) -> PyResult<Self> {
        Self::read(codec, instance, &instance.get_type())
    }

    fn read(
        codec: DumpCodec,
        owner: &Bound<'py, PyAny>,
        class: &Bound<'py, PyType>,
    ) -> PyResult<Self> {
        let py = owner.py();
        let format: i16 = owner.getattr(intern!(py, "format"))?.extract()?;
        Ok(Self {
            codec,
            oid: owner.getattr(intern!(py, "oid"))?.extract()?,
            format: Format::from_code(format).unwrap_or(Format::Text),
            class: class.clone(),
            is_settled: true,
        })
    }

    pub(super) fn want(&self) -> PyFormat {
        match self.format {
            Format::Text => PyFormat::Text,
            Format::Binary => PyFormat::Binary,
        }
    }

    /// The OID that values are sent with, unless each chooses its own.
    pub(super) fn fixed_oid(&self) -> Option<u32> {
        match self.codec {
            DumpCodec::Time | DumpCodec::DateTime => self.is_settled.then_some(self.oid),
            DumpCodec::Int | DumpCodec::List | DumpCodec::Range | DumpCodec::Multirange => {
                (self.oid != 0).then_some(self.oid)
            }
            _ => Some(self.oid),
        }
    }

    /// An attribute of the class that holds an OID.
    pub(super) fn type_attribute(&self, name: &Bound<'_, PyString>) -> PyResult<u32> {
        match self.class.getattr_opt(name)? {
            Some(oid) => oid.extract(),
            None => Ok(0),
        }
    }

    /// What is sent, when it is not NULL.
    pub(super) const fn written(&self) -> Written {
        Written {
            oid: self.oid,
            format: self.format,
            null: IsNull::No,
        }
    }
}
