//! The classes that have a counterpart in PostgreSQL, imported once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyFloat, PyInt};
use pyo3::types::{PyList, PyMemoryView, PyString, PyTime, PyTuple, PyType, PyTypeMethods};
use pyo3::{PyTypeInfo, ffi, intern};

use howdah_types::oid;

use crate::imports;

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
    Tuple,
    /// The classes of `howdah.types.numeric`, with the OID that they stand for.
    Number(u32),
    /// A scalar of numpy that is of none of Python's own classes, with the OID of its type.
    Numpy(u32),
    /// `ipaddress.IPv4Address`, `IPv6Address`.
    Address,
    /// `ipaddress.IPv4Interface`, `IPv6Interface`.
    Interface,
    /// `ipaddress.IPv4Network`, `IPv6Network`.
    Network,
    /// `howdah.types.range.Range` itself: the bounds decide.
    Range,
    /// A subclass of it, with the OID of the range that it stands for.
    RangeOf(u32),
    /// `howdah.types.multirange.Multirange` itself: the bounds decide.
    Multirange,
    /// A subclass of it, with the OID of the multirange that it stands for.
    MultirangeOf(u32),
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
    pub(super) network: NetworkTypes,
    pub(super) range: Py<PyType>,
    pub(super) multirange: Py<PyType>,
    /// The classes of `howdah.types` and of `ipaddress`.
    others: Vec<(Py<PyType>, Kind)>,
}

/// The classes of `ipaddress`, each for IPv4 and for IPv6.
pub(super) struct NetworkTypes {
    pub(super) addresses: [Py<PyType>; 2],
    pub(super) interfaces: [Py<PyType>; 2],
    pub(super) networks: [Py<PyType>; 2],
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
        let class = |module: &str, name: &str| class(py, module, name);
        let network = NetworkTypes::import(py)?;
        Ok(Self {
            decimal: class("decimal", "Decimal")?,
            uuid: class("uuid", "UUID")?,
            safe_unknown: class("uuid", "SafeUUID")?.getattr(py, intern!(py, "unknown"))?,
            enumeration: class("enum", "Enum")?,
            json: class("howdah.types.json", "Json")?,
            jsonb: class("howdah.types.json", "Jsonb")?,
            binary: class("howdah.dbapi20", "Binary")?,
            others: others(py, &network)?,
            network,
            range: class("howdah.types.range", "Range")?,
            multirange: class("howdah.types.multirange", "Multirange")?,
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
        if kind.is_some() {
            return Ok(kind);
        }
        for base in &kinds {
            if let Some(kind) = kind_of_numpy(base.cast::<PyType>()?)? {
                return Ok(Some(kind));
            }
        }
        Ok(None)
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
                .or_else(|| is(&self.enumeration).then_some(Kind::Enum))
                .or_else(|| {
                    self.others
                        .iter()
                        .find(|(known, _)| is(known))
                        .map(|(_, kind)| *kind)
                });
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
        } else if class == PyTuple::type_object_raw(py) {
            Some(Kind::Tuple)
        } else {
            None
        }
    }
}

/// By name: numpy is not imported for it.
fn kind_of_numpy(class: &Bound<'_, PyType>) -> PyResult<Option<Kind>> {
    // Other classes may have anything under this name.
    if !class.module().is_ok_and(|module| module == "numpy") {
        return Ok(None);
    }
    let oid = match class.name()?.to_str()? {
        "int8" | "int16" | "uint8" => oid::INT2,
        "int32" | "uint16" => oid::INT4,
        "int64" | "longlong" | "uint32" => oid::INT8,
        "uint64" | "ulonglong" => oid::NUMERIC,
        "float16" | "float32" => oid::FLOAT4,
        "bool" | "bool_" => oid::BOOL,
        _ => return Ok(None),
    };
    Ok(Some(Kind::Numpy(oid)))
}

impl NetworkTypes {
    fn import(py: Python<'_>) -> PyResult<Self> {
        let pair = |four: &str, six: &str| -> PyResult<[Py<PyType>; 2]> {
            Ok([class(py, "ipaddress", four)?, class(py, "ipaddress", six)?])
        };
        Ok(Self {
            addresses: pair("IPv4Address", "IPv6Address")?,
            interfaces: pair("IPv4Interface", "IPv6Interface")?,
            networks: pair("IPv4Network", "IPv6Network")?,
        })
    }
}

fn class(py: Python<'_>, module: &str, name: &str) -> PyResult<Py<PyType>> {
    Ok(imports::object(py, module, name)?.cast_into()?.unbind())
}

fn others(py: Python<'_>, network: &NetworkTypes) -> PyResult<Vec<(Py<PyType>, Kind)>> {
    let mut found = Vec::new();
    for (module, name, kind) in OTHERS {
        found.push((class(py, module, name)?, *kind));
    }
    let addresses = network.addresses.iter().map(|class| (class, Kind::Address));
    let interfaces = network
        .interfaces
        .iter()
        .map(|class| (class, Kind::Interface));
    let networks = network.networks.iter().map(|class| (class, Kind::Network));
    let all = addresses.chain(interfaces).chain(networks);
    found.extend(all.map(|(class, kind)| (class.clone_ref(py), kind)));
    Ok(found)
}

const NUMERIC: &str = "howdah.types.numeric";
const RANGE: &str = "howdah.types.range";
const MULTIRANGE: &str = "howdah.types.multirange";

const OTHERS: &[(&str, &str, Kind)] = &[
    (NUMERIC, "Int2", Kind::Number(oid::INT2)),
    (NUMERIC, "Int4", Kind::Number(oid::INT4)),
    (NUMERIC, "Int8", Kind::Number(oid::INT8)),
    (NUMERIC, "IntNumeric", Kind::Number(oid::NUMERIC)),
    (NUMERIC, "Oid", Kind::Number(oid::OID)),
    (NUMERIC, "Float4", Kind::Number(oid::FLOAT4)),
    (NUMERIC, "Float8", Kind::Number(oid::FLOAT8)),
    (RANGE, "Range", Kind::Range),
    (RANGE, "Int4Range", Kind::RangeOf(oid::INT4RANGE)),
    (RANGE, "Int8Range", Kind::RangeOf(oid::INT8RANGE)),
    (RANGE, "NumericRange", Kind::RangeOf(oid::NUMRANGE)),
    (RANGE, "DateRange", Kind::RangeOf(oid::DATERANGE)),
    (RANGE, "TimestampRange", Kind::RangeOf(oid::TSRANGE)),
    (RANGE, "TimestamptzRange", Kind::RangeOf(oid::TSTZRANGE)),
    (MULTIRANGE, "Multirange", Kind::Multirange),
    (
        MULTIRANGE,
        "Int4Multirange",
        Kind::MultirangeOf(oid::INT4MULTIRANGE),
    ),
    (
        MULTIRANGE,
        "Int8Multirange",
        Kind::MultirangeOf(oid::INT8MULTIRANGE),
    ),
    (
        MULTIRANGE,
        "NumericMultirange",
        Kind::MultirangeOf(oid::NUMMULTIRANGE),
    ),
    (
        MULTIRANGE,
        "DateMultirange",
        Kind::MultirangeOf(oid::DATEMULTIRANGE),
    ),
    (
        MULTIRANGE,
        "TimestampMultirange",
        Kind::MultirangeOf(oid::TSMULTIRANGE),
    ),
    (
        MULTIRANGE,
        "TimestamptzMultirange",
        Kind::MultirangeOf(oid::TSTZMULTIRANGE),
    ),
];
