//! The classes that have a counterpart in PostgreSQL, imported once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt};
use pyo3::types::{PyList, PyMemoryView, PyString, PyTime, PyType, PyTypeMethods};
use pyo3::{PyTypeInfo, ffi, intern};

/// How a value is dumped, found by its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Str,
    Int,
    Bool,
    Float,
    Bytes,
    /// bytearray, memoryview.
    Buffer,
    /// `howdah.Binary`.
    Binary,
    Decimal,
    Date,
    Time,
    DateTime,
    Delta,
    Uuid,
    Json,
    Jsonb,
    List,
    Enum,
}

impl Kind {
    /// How `value` is dumped: by its class, else by the first of its base classes that is known.
    #[inline]
    pub(super) fn of(value: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        if value.is_none() {
            return Ok(Some(Self::Null));
        }
        if value.is_exact_instance_of::<PyString>() {
            return Ok(Some(Self::Str));
        }
        if value.is_exact_instance_of::<PyInt>() {
            return Ok(Some(Self::Int));
        }
        if value.is_exact_instance_of::<PyFloat>() {
            return Ok(Some(Self::Float));
        }
        if value.is_exact_instance_of::<PyBool>() {
            return Ok(Some(Self::Bool));
        }
        if value.is_exact_instance_of::<PyBytes>() {
            return Ok(Some(Self::Bytes));
        }
        Types::get(value.py())?.kind_of(value)
    }
}

/// The imported classes.
pub(super) struct Types {
    pub(super) decimal: Py<PyType>,
    pub(super) uuid: Py<PyType>,
    /// `uuid.SafeUUID.unknown`, which every UUID not made by `uuid1()` refers to.
    pub(super) safe_unknown: Py<PyAny>,
    enumeration: Py<PyType>,
    json: Py<PyType>,
    jsonb: Py<PyType>,
    binary: Py<PyType>,
}

impl Types {
    /// The classes; imports them at the first call.
    ///
    /// # Errors
    /// ImportError.
    #[inline]
    pub(super) fn get(py: Python<'_>) -> PyResult<&Self> {
        static TYPES: PyOnceLock<Types> = PyOnceLock::new();
        TYPES.get_or_try_init(py, || Self::import(py))
    }

    fn import(py: Python<'_>) -> PyResult<Self> {
        let class = |module: &str, name: &str| -> PyResult<Py<PyType>> {
            Ok(py.import(module)?.getattr(name)?.cast_into()?.unbind())
        };
        Ok(Self {
            decimal: class("decimal", "Decimal")?,
            uuid: class("uuid", "UUID")?,
            safe_unknown: class("uuid", "SafeUUID")?.getattr(py, intern!(py, "unknown"))?,
            enumeration: class("enum", "Enum")?,
            json: class("howdah.types.json", "Json")?,
            jsonb: class("howdah.types.json", "Jsonb")?,
            binary: class("howdah.dbapi20", "Binary")?,
        })
    }

    fn kind_of(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<Kind>> {
        let py = value.py();
        if let Some(kind) = self.kind_of_class(py, value.get_type_ptr()) {
            return Ok(Some(kind));
        }
        let kinds = value.get_type().mro();
        let kind = kinds.iter().find_map(|base| {
            let base = base.cast_into::<PyType>().ok()?;
            self.kind_of_class(py, base.as_type_ptr())
        });
        Ok(kind)
    }

    fn kind_of_class(&self, py: Python<'_>, class: *mut ffi::PyTypeObject) -> Option<Kind> {
        let is = |known: &Py<PyType>| known.as_ptr() == class.cast();
        Some(if class == PyDateTime::type_object_raw(py) {
            Kind::DateTime
        } else if class == PyDate::type_object_raw(py) {
            Kind::Date
        } else if is(&self.decimal) {
            Kind::Decimal
        } else if is(&self.uuid) {
            Kind::Uuid
        } else if class == PyList::type_object_raw(py) {
            Kind::List
        } else if is(&self.jsonb) {
            Kind::Jsonb
        } else if is(&self.json) {
            Kind::Json
        } else if class == PyTime::type_object_raw(py) {
            Kind::Time
        } else if class == PyDelta::type_object_raw(py) {
            Kind::Delta
        } else if class == PyByteArray::type_object_raw(py)
            || class == PyMemoryView::type_object_raw(py)
        {
            Kind::Buffer
        } else if is(&self.binary) {
            Kind::Binary
        } else {
            return Self::kind_of_base(py, class)
                .or_else(|| is(&self.enumeration).then_some(Kind::Enum));
        })
    }

    /// The classes whose exact instances are recognised before it comes to this: as bases they count too.
    fn kind_of_base(py: Python<'_>, class: *mut ffi::PyTypeObject) -> Option<Kind> {
        if class == PyString::type_object_raw(py) {
            Some(Kind::Str)
        } else if class == PyInt::type_object_raw(py) {
            Some(Kind::Int)
        } else if class == PyFloat::type_object_raw(py) {
            Some(Kind::Float)
        } else if class == PyBytes::type_object_raw(py) {
            Some(Kind::Bytes)
        } else {
            None
        }
    }
}
