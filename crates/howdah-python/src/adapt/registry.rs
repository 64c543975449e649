//! `AdaptersMap`: which class dumps a Python class, and which loads a PostgreSQL type.
//!
//! What is registered when the map is sealed are the defaults: they stand for what this crate does anyway. As long as
//! a map and those it was copied from have nothing else, it is not even asked.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString, PyType};

use super::codec::{self, DumpCodec, LoadCodec};
use super::dump::PyFormat;
use super::{error, load};
use crate::core::lock;

/// Which adapters convert values between Python and PostgreSQL.
///
/// There is one for the package (`howdah.adapters`); each connection has a copy of it, and each cursor one of its
/// connection's. What is registered in one is seen by copies made later, and not by those made before.
#[pyclass(subclass, frozen, weakref, module = "howdah.adapt")]
pub(crate) struct AdaptersMap {
    tables: Mutex<Tables>,
    types: Py<PyAny>,
    /// Whether there are dumpers besides the defaults.
    own_dumpers: AtomicBool,
    /// What tells the loaders from those of other maps; 0 for the defaults.
    loaders_id: AtomicU64,
}

/// Dictionaries that copies of the map share until one of them changes.
struct Tables {
    /// By [`PyFormat`]: class, or its name, to [`DumperEntry`].
    dumpers: [Table; 3],
    /// By format: OID to [`DumperEntry`].
    dumpers_by_oid: [Table; 2],
    /// By format: OID to [`LoaderEntry`].
    loaders: [Table; 2],
}

struct Table {
    dict: Py<PyDict>,
    shared: bool,
}

/// A dumper class as it was registered.
#[pyclass(frozen)]
pub(super) struct DumperEntry {
    pub(super) class: Py<PyType>,
    /// For a built-in class, what it stands for.
    pub(super) codec: Option<DumpCodec>,
    is_default: AtomicBool,
}

/// A loader class as it was registered.
#[pyclass(frozen)]
pub(super) struct LoaderEntry {
    pub(super) class: Py<PyType>,
    pub(super) codec: Option<LoadCodec>,
    is_default: AtomicBool,
}

/// The number of a format in the tables.
pub(super) const TEXT: usize = 0;
pub(super) const BINARY: usize = 1;

static LOADERS: AtomicU64 = AtomicU64::new(1);

impl AdaptersMap {
    /// `howdah.postgres.adapters`.
    ///
    /// # Errors
    /// ImportError.
    pub(crate) fn global(py: Python<'_>) -> PyResult<Py<Self>> {
        let map = py
            .import(intern!(py, "howdah.postgres"))?
            .getattr(intern!(py, "adapters"))?;
        Ok(map.cast_into::<Self>()?.unbind())
    }

    /// A copy of another map, to be changed without changing that.
    ///
    /// # Errors
    /// Those of making a registry of types.
    pub(crate) fn copy_of(template: &Bound<'_, Self>) -> PyResult<Self> {
        let py = template.py();
        let template = template.get();
        let registry = template.types.bind(py).get_type();
        let types = registry.call1((template.types.bind(py),))?.unbind();
        Ok(Self {
            tables: Mutex::new(lock(&template.tables).share(py)),
            types,
            own_dumpers: AtomicBool::new(template.has_own_dumpers()),
            loaders_id: AtomicU64::new(template.loaders_id()),
        })
    }

    pub(super) fn has_own_dumpers(&self) -> bool {
        self.own_dumpers.load(Ordering::Acquire)
    }

    /// What tells the loaders from those of other maps; 0 for the defaults.
    pub(crate) fn loaders_id(&self) -> u64 {
        self.loaders_id.load(Ordering::Acquire)
    }

    /// The registry of types.
    pub(super) fn registry<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.types.bind(py)
    }

    /// Whether a column of the type is read in binary unasked: only where nobody has registered anything for it.
    pub(crate) fn binary_is_equal(&self, py: Python<'_>, oid: u32) -> bool {
        if self.loaders_id() == 0 {
            return load::binary_is_equal(oid);
        }
        let untouched = |oid: u32| {
            [TEXT, BINARY].iter().all(|format| {
                let found = self.loader(py, oid, *format);
                found.is_ok_and(|entry| entry.is_none_or(|entry| entry.get().is_default()))
            })
        };
        let element = howdah_types::oid::element_of(oid);
        load::binary_is_equal(oid)
            && untouched(oid)
            && element.is_none_or(|element| untouched(element.oid))
    }

    /// The dumper for a class or the nearest of its bases.
    pub(super) fn dumper<'py>(
        &self,
        class: &Bound<'py, PyType>,
        want: PyFormat,
    ) -> PyResult<Option<Bound<'py, DumperEntry>>> {
        let py = class.py();
        let table = lock(&self.tables).dumpers[want.number()].bind(py);
        if let Some(entry) = table.get_item(class)? {
            return Ok(Some(entry.cast_into()?));
        }
        for base in class.mro() {
            let base = base.cast_into::<PyType>()?;
            if let Some(entry) = table.get_item(&base)? {
                return Ok(Some(entry.cast_into()?));
            }
            let name = format!("{}.{}", base.module()?, base.qualname()?);
            if let Some(entry) = table.get_item(&name)? {
                // From now on it is found by the class itself.
                table.set_item(&base, &entry)?;
                table.del_item(&name)?;
                return Ok(Some(entry.cast_into()?));
            }
        }
        Ok(None)
    }

    /// The dumper for a type; `None` if there is none.
    pub(super) fn dumper_by_oid<'py>(
        &self,
        py: Python<'py>,
        oid: u32,
        format: usize,
    ) -> PyResult<Option<Bound<'py, DumperEntry>>> {
        let table = lock(&self.tables).dumpers_by_oid[format].bind(py);
        Ok(table.get_item(oid)?.map(Bound::cast_into).transpose()?)
    }

    /// The loader registered for a type; `None` if there is none.
    pub(super) fn loader<'py>(
        &self,
        py: Python<'py>,
        oid: u32,
        format: usize,
    ) -> PyResult<Option<Bound<'py, LoaderEntry>>> {
        let table = lock(&self.tables).loaders[format].bind(py);
        Ok(table.get_item(oid)?.map(Bound::cast_into).transpose()?)
    }

    /// The error for a type without a dumper.
    pub(super) fn no_dumper_by_oid(&self, py: Python<'_>, oid: u32, format: usize) -> PyErr {
        let known = self
            .registry(py)
            .call_method1(intern!(py, "get"), (oid,))
            .and_then(|info| info.getattr_opt(intern!(py, "name")));
        let which = match known {
            Ok(Some(name)) => format!("type {name} (oid {oid})"),
            Ok(None) => format!("unknown type with oid {oid}"),
            Err(error) => return error,
        };
        let format = ["TEXT", "BINARY"][format];
        let message = format!("cannot find a dumper for {which} format {format}");
        error::of_class(py, "ProgrammingError", &message)
    }
}

#[pymethods]
impl AdaptersMap {
    #[new]
    #[pyo3(signature = (template=None, types=None))]
    fn new(
        py: Python<'_>,
        template: Option<&Bound<'_, Self>>,
        types: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        if let Some(template) = template {
            return Self::copy_of(template);
        }
        let types = match types {
            Some(types) => types,
            None => py
                .import("howdah._typeinfo")?
                .getattr("TypesRegistry")?
                .call0()?,
        };
        Ok(Self {
            tables: Mutex::new(Tables::new(py)),
            types: types.unbind(),
            own_dumpers: AtomicBool::new(true),
            loaders_id: AtomicU64::new(LOADERS.fetch_add(1, Ordering::Relaxed)),
        })
    }

    /// The registry of types that names and OIDs are looked up in.
    #[getter]
    fn types(&self, py: Python<'_>) -> Py<PyAny> {
        self.types.clone_ref(py)
    }

    #[getter]
    fn adapters(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[getter]
    fn connection(&self) -> Option<Py<PyAny>> {
        None
    }

    /// Have objects of a class dumped by `dumper`.
    ///
    /// `cls` may be the full name of a class that is not to be imported for it, or None to have the dumper found by
    /// the OID of its type only. Where dumpers of both formats are registered for a class, the last one is taken for
    /// `%s`.
    fn register_dumper(
        &self,
        py: Python<'_>,
        cls: &Bound<'_, PyAny>,
        dumper: &Bound<'_, PyType>,
    ) -> PyResult<()> {
        let named = cls.is_instance_of::<PyString>();
        if !(cls.is_none() || named || cls.is_instance_of::<PyType>()) {
            let message = format!("dumpers should be registered on classes, got {cls} instead");
            return Err(PyTypeError::new_err(message));
        }
        let format = format_of(dumper)?;
        let entry = Bound::new(
            py,
            DumperEntry {
                class: dumper.clone().unbind(),
                codec: codec::dumper(dumper)?,
                is_default: AtomicBool::new(false),
            },
        )?;
        let oid: u32 = dumper.getattr(intern!(py, "oid"))?.extract()?;
        if cls.is_truthy()? {
            for number in [format + 1, PyFormat::Auto.number()] {
                let table = lock(&self.tables).dumpers[number].to_change(py)?;
                table.set_item(cls, &entry)?;
            }
            self.own_dumpers.store(true, Ordering::Release);
        }
        if oid != 0 {
            let table = lock(&self.tables).dumpers_by_oid[format].to_change(py)?;
            table.set_item(oid, &entry)?;
        }
        Ok(())
    }

    /// Have values of a type loaded by `loader`. `oid` may be the type's name in the registry of types.
    fn register_loader(
        &self,
        py: Python<'_>,
        oid: &Bound<'_, PyAny>,
        loader: &Bound<'_, PyType>,
    ) -> PyResult<()> {
        let oid = if oid.is_instance_of::<PyString>() {
            self.registry(py)
                .get_item(oid)?
                .getattr(intern!(py, "oid"))?
        } else {
            oid.clone()
        };
        if !oid.is_instance_of::<PyInt>() {
            let message = format!("loaders should be registered on oid, got {oid} instead");
            return Err(PyTypeError::new_err(message));
        }
        let entry = LoaderEntry {
            class: loader.clone().unbind(),
            codec: codec::loader(loader)?,
            is_default: AtomicBool::new(false),
        };
        let table = lock(&self.tables).loaders[format_of(loader)?].to_change(py)?;
        table.set_item(oid, Bound::new(py, entry)?)?;
        let id = LOADERS.fetch_add(1, Ordering::Relaxed);
        self.loaders_id.store(id, Ordering::Release);
        Ok(())
    }

    /// The dumper for a class. ProgrammingError if neither it nor a base of it has one.
    #[pyo3(name = "get_dumper")]
    fn get_dumper<'py>(
        &self,
        cls: &Bound<'py, PyType>,
        format: &Bound<'py, PyAny>,
    ) -> PyResult<Py<PyType>> {
        let want = PyFormat::extract(format)?;
        match self.dumper(cls, want)? {
            Some(entry) => Ok(entry.get().class.clone_ref(cls.py())),
            None => Err(error::cannot_adapt_class(cls, want)),
        }
    }

    /// The dumper for a type. ProgrammingError if there is none.
    #[pyo3(name = "get_dumper_by_oid")]
    fn get_dumper_by_oid(
        &self,
        py: Python<'_>,
        oid: u32,
        format: &Bound<'_, PyAny>,
    ) -> PyResult<Py<PyType>> {
        let format = format_number(format)
            .ok_or_else(|| PyValueError::new_err(format!("bad dumper format: {format}")))?;
        match self.dumper_by_oid(py, oid, format)? {
            Some(entry) => Ok(entry.get().class.clone_ref(py)),
            None => Err(self.no_dumper_by_oid(py, oid, format)),
        }
    }

    /// The loader for a type, None if there is none.
    #[pyo3(name = "get_loader")]
    fn get_loader(
        &self,
        py: Python<'_>,
        oid: u32,
        format: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<PyType>>> {
        let format = format_number(format)
            .ok_or_else(|| PyValueError::new_err(format!("bad loader format: {format}")))?;
        let entry = self.loader(py, oid, format)?;
        Ok(entry.map(|entry| entry.get().class.clone_ref(py)))
    }

    /// Declare that what is registered so far are the defaults.
    fn _seal(&self, py: Python<'_>) -> PyResult<()> {
        let tables = {
            let tables = lock(&self.tables);
            let all = tables.dumpers.iter().chain(&tables.dumpers_by_oid);
            let all: Vec<_> = all
                .chain(&tables.loaders)
                .map(|table| table.bind(py))
                .collect();
            all
        };
        for table in tables {
            for entry in table.values() {
                match entry.cast::<DumperEntry>() {
                    Ok(entry) => entry.get().is_default.store(true, Ordering::Release),
                    Err(_) => entry
                        .cast::<LoaderEntry>()?
                        .get()
                        .is_default
                        .store(true, Ordering::Release),
                }
            }
        }
        self.own_dumpers.store(false, Ordering::Release);
        self.loaders_id.store(0, Ordering::Release);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.types)?;
        if let Ok(tables) = self.tables.try_lock() {
            let all = tables.dumpers.iter().chain(&tables.dumpers_by_oid);
            for table in all.chain(&tables.loaders) {
                visit.call(&table.dict)?;
            }
        }
        Ok(())
    }
}

impl DumperEntry {
    pub(super) fn is_default(&self) -> bool {
        self.is_default.load(Ordering::Acquire)
    }
}

impl LoaderEntry {
    pub(super) fn is_default(&self) -> bool {
        self.is_default.load(Ordering::Acquire)
    }
}

#[pymethods]
impl DumperEntry {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)
    }
}

#[pymethods]
impl LoaderEntry {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.class)
    }
}

impl Tables {
    fn new(py: Python<'_>) -> Self {
        let table = || Table {
            dict: PyDict::new(py).unbind(),
            shared: false,
        };
        Self {
            dumpers: std::array::from_fn(|_| table()),
            dumpers_by_oid: std::array::from_fn(|_| table()),
            loaders: std::array::from_fn(|_| table()),
        }
    }

    fn share(&mut self, py: Python<'_>) -> Self {
        Self {
            dumpers: self.dumpers.each_mut().map(|table| table.share(py)),
            dumpers_by_oid: self.dumpers_by_oid.each_mut().map(|table| table.share(py)),
            loaders: self.loaders.each_mut().map(|table| table.share(py)),
        }
    }
}

impl Table {
    fn bind<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.dict.bind(py).clone()
    }

    fn share(&mut self, py: Python<'_>) -> Self {
        self.shared = true;
        Self {
            dict: self.dict.clone_ref(py),
            shared: true,
        }
    }

    /// The dictionary, this map's own from now on.
    fn to_change<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        if self.shared {
            self.dict = self.dict.bind(py).copy()?.unbind();
            self.shared = false;
        }
        Ok(self.bind(py))
    }
}

/// 0 for text, 1 for binary: the class attribute `format` of an adapter.
fn format_of(class: &Bound<'_, PyType>) -> PyResult<usize> {
    let format = class.getattr(intern!(class.py(), "format"))?;
    format_number(&format).ok_or_else(|| PyValueError::new_err(format!("bad format: {format}")))
}

/// The number of a `howdah.pq.Format`.
pub(super) fn format_number(format: &Bound<'_, PyAny>) -> Option<usize> {
    format.extract().ok().filter(|number| *number <= BINARY)
}
