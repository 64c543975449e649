//! `AdaptersMap`: which class dumps a Python class, and which loads a PostgreSQL type.
//!
//! What is registered when the map is sealed are the defaults: they stand for what this crate does anyway. As long as
//! a map and those it was copied from have nothing else, it is not even asked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyString, PyTuple, PyType};

use super::codec::{self, DumpCodec, LoadCodec};
use super::format::{BINARY, PyFormat, TEXT, format_number};
use super::{error, imports, load};
use crate::lock;

/// Which adapters convert values between Python and PostgreSQL.
///
/// There is one for the package (`howdah.adapters`); each connection has a copy of it, and each cursor one of its
/// connection's. What is registered in one is seen by copies made later, and not by those made before.
#[pyclass(subclass, frozen, weakref, module = "howdah.adapt")]
pub struct AdaptersMap {
    tables: Mutex<Py<Tables>>,
    /// Empty until `__init__()` has run, which a subclass may call with other arguments than it was given.
    types: OnceLock<Py<PyAny>>,
    // What the tables say too, to be read without their lock.
    own_dumpers: AtomicBool,
    loaders_id: AtomicU64,
    version: AtomicU64,
}

/// What is registered at one time. Nothing is added to it: whoever registers makes another.
#[pyclass(frozen)]
struct Tables {
    /// Different for any two that differ.
    version: u64,
    /// Whether there are dumpers besides the defaults.
    own_dumpers: bool,
    /// What tells the loaders from others; 0 for the defaults.
    loaders_id: u64,
    /// By [`PyFormat`]: class, or its name, to [`DumperEntry`].
    dumpers: [Py<PyDict>; 3],
    /// By format: OID to [`DumperEntry`].
    dumpers_by_oid: [Py<PyDict>; 2],
    /// By format: OID to [`LoaderEntry`].
    loaders: [Py<PyDict>; 2],
}

/// A map as it was at one time.
pub struct Snapshot(Py<Tables>);

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

static VERSIONS: AtomicU64 = AtomicU64::new(1);

impl AdaptersMap {
    /// `howdah.postgres.adapters`.
    ///
    /// # Errors
    /// ImportError.
    pub fn global(py: Python<'_>) -> PyResult<Py<Self>> {
        let map = imports::ADAPTERS.get(py)?;
        Ok(map.cast::<Self>()?.clone().unbind())
    }

    /// A copy of another map, to be changed without changing that.
    ///
    /// # Errors
    /// Those of making a registry of types.
    pub fn copy_of(template: &Bound<'_, Self>) -> PyResult<Self> {
        let tables = template.get().now(template.py());
        Ok(Self::with_tables(tables, copy_of_types(template)?))
    }

    /// A map that is as another was at some time.
    ///
    /// # Errors
    /// Those of making a registry of types.
    pub fn as_it_was(template: &Bound<'_, Self>, snapshot: &Snapshot) -> PyResult<Self> {
        let py = template.py();
        Ok(Self::with_tables(
            snapshot.0.clone_ref(py),
            copy_of_types(template)?,
        ))
    }

    fn with_tables(tables: Py<Tables>, types: impl Into<OnceLock<Py<PyAny>>>) -> Self {
        let now = tables.get();
        Self {
            types: types.into(),
            own_dumpers: AtomicBool::new(now.own_dumpers),
            loaders_id: AtomicU64::new(now.loaders_id),
            version: AtomicU64::new(now.version),
            tables: Mutex::new(tables),
        }
    }

    fn now(&self, py: Python<'_>) -> Py<Tables> {
        lock(&self.tables).clone_ref(py)
    }

    /// What is registered now.
    pub fn snapshot(&self, py: Python<'_>) -> Snapshot {
        Snapshot(self.now(py))
    }

    /// Whether nothing has been registered since.
    #[inline]
    pub fn is_as_in(&self, snapshot: &Snapshot) -> bool {
        self.version.load(Ordering::Acquire) == snapshot.0.get().version
    }

    /// Registers: replaces the tables by a copy that `change` has changed.
    ///
    /// The lock is not held meanwhile, because whatever Python does can come back here: it hashes classes and collects
    /// garbage. If somebody else has registered in between, it begins again.
    fn change(&self, py: Python<'_>, change: impl Fn(&mut Tables) -> PyResult<()>) -> PyResult<()> {
        loop {
            let before = self.now(py);
            let mut tables = before.get().again(py);
            change(&mut tables)?;
            tables.version = VERSIONS.fetch_add(1, Ordering::Relaxed);
            let after = Py::new(py, tables)?;
            let current = lock(&self.tables);
            if current.get().version != before.get().version {
                drop(current);
                continue;
            }
            self.put(current, after);
            return Ok(());
        }
    }

    fn put(&self, mut current: MutexGuard<'_, Py<Tables>>, after: Py<Tables>) {
        let now = after.get();
        self.own_dumpers.store(now.own_dumpers, Ordering::Release);
        self.loaders_id.store(now.loaders_id, Ordering::Release);
        self.version.store(now.version, Ordering::Release);
        let old = std::mem::replace(&mut *current, after);
        drop(current);
        // Without the lock: this may free what it held.
        drop(old);
    }

    #[inline]
    pub(super) fn has_own_dumpers(&self) -> bool {
        self.own_dumpers.load(Ordering::Acquire)
    }

    /// What tells the loaders from those of other maps; 0 for the defaults.
    #[inline]
    pub fn loaders_id(&self) -> u64 {
        self.loaders_id.load(Ordering::Acquire)
    }

    /// The registry of types.
    ///
    /// # Errors
    /// `InterfaceError` if `__init__()` has not run.
    pub fn registry<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let types = self.types.get().map(|types| types.bind(py));
        types.ok_or_else(|| {
            let message = "the map has no types: its class does not call AdaptersMap.__init__()";
            error::of_class(py, "InterfaceError", message)
        })
    }

    /// Whether a column of the type is requested in binary automatically: only where nobody has registered anything for it.
    pub fn binary_is_equal(&self, py: Python<'_>, oid: u32) -> bool {
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

    /// The OID of the type that None, the value, is NULL of: its dumper for `%s` says, which is not called.
    ///
    /// # Errors
    /// ProgrammingError if there is no dumper for it, as for any other value.
    pub(super) fn null_oid(&self, none: &Bound<'_, PyAny>) -> PyResult<u32> {
        let py = none.py();
        let entry = self.dumper(&none.get_type(), PyFormat::Auto)?;
        let entry = entry.ok_or_else(|| error::cannot_adapt(none, PyFormat::Auto))?;
        let class = entry.get().class.bind(py);
        class.getattr(intern!(py, "oid"))?.extract()
    }

    /// The dumper for a class or the nearest of its bases.
    pub(super) fn dumper<'py>(
        &self,
        class: &Bound<'py, PyType>,
        want: PyFormat,
    ) -> PyResult<Option<Bound<'py, DumperEntry>>> {
        let py = class.py();
        let tables = self.now(py);
        let table = tables.get().dumpers[want.number()].bind(py);
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
        let tables = self.now(py);
        let table = tables.get().dumpers_by_oid[format].bind(py);
        Ok(table.get_item(oid)?.map(Bound::cast_into).transpose()?)
    }

    /// The loader registered for a type; `None` if there is none.
    pub(super) fn loader<'py>(
        &self,
        py: Python<'py>,
        oid: u32,
        format: usize,
    ) -> PyResult<Option<Bound<'py, LoaderEntry>>> {
        let tables = self.now(py);
        let table = tables.get().loaders[format].bind(py);
        Ok(table.get_item(oid)?.map(Bound::cast_into).transpose()?)
    }

    /// The error for a type without a dumper.
    pub(super) fn no_dumper_by_oid(&self, py: Python<'_>, oid: u32, format: usize) -> PyErr {
        let known = self
            .registry(py)
            .and_then(|types| types.call_method1(intern!(py, "get"), (oid,)))
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
    #[pyo3(signature = (*_args, **_kwargs), text_signature = "(template=None, types=None)")]
    fn new(
        py: Python<'_>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let tables = Py::new(py, Tables::new(py))?;
        Ok(Self::with_tables(tables, OnceLock::new()))
    }

    #[pyo3(signature = (template=None, types=None))]
    fn __init__(
        &self,
        py: Python<'_>,
        template: Option<&Bound<'_, Self>>,
        types: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        let types = match (template, types) {
            (Some(template), _) => copy_of_types(template)?,
            (None, Some(types)) => types,
            (None, None) => no_types(py)?,
        };
        self.types
            .set(types)
            .map_err(|_| PyTypeError::new_err("the map has been initialized before"))?;
        if let Some(template) = template {
            let tables = template.get().now(py);
            self.put(lock(&self.tables), tables);
        }
        Ok(())
    }

    /// The registry of types that names and OIDs are looked up in.
    #[getter]
    fn types(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(self.registry(py)?.clone().unbind())
    }

    /// The map itself: it is a context too.
    #[getter]
    fn adapters(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// `None`: a map is of no connection.
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
        let of_class = cls.is_truthy()?;
        self.change(py, |tables| {
            if of_class {
                tables.own_dumpers = true;
                for number in [format + 1, PyFormat::Auto.number()] {
                    insert(py, &mut tables.dumpers[number], cls, entry.as_any())?;
                }
            }
            if oid != 0 {
                let key = oid.into_pyobject(py)?;
                let table = &mut tables.dumpers_by_oid[format];
                insert(py, table, key.as_any(), entry.as_any())?;
            }
            Ok(())
        })
    }

    /// Have values of a type loaded by `loader`. `oid` may be the type's name in the registry of types.
    fn register_loader(
        &self,
        py: Python<'_>,
        oid: &Bound<'_, PyAny>,
        loader: &Bound<'_, PyType>,
    ) -> PyResult<()> {
        let oid = if oid.is_instance_of::<PyString>() {
            self.registry(py)?
                .get_item(oid)?
                .getattr(intern!(py, "oid"))?
        } else {
            oid.clone()
        };
        if !oid.is_instance_of::<PyInt>() {
            let message = format!("loaders should be registered on oid, got {oid} instead");
            return Err(PyTypeError::new_err(message));
        }
        let oid: u32 = oid.extract()?;
        let entry = LoaderEntry {
            class: loader.clone().unbind(),
            codec: codec::loader(loader)?,
            is_default: AtomicBool::new(false),
        };
        let format = format_of(loader)?;
        let entry = Bound::new(py, entry)?;
        let key = oid.into_pyobject(py)?;
        self.change(py, |tables| {
            tables.loaders_id = VERSIONS.fetch_add(1, Ordering::Relaxed);
            let table = &mut tables.loaders[format];
            insert(py, table, key.as_any(), entry.as_any())
        })
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
        oid: &Bound<'_, PyAny>,
        format: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Py<PyType>>> {
        let format = format_number(format)
            .ok_or_else(|| PyValueError::new_err(format!("bad loader format: {format}")))?;
        // What is no OID has no loader.
        let Ok(oid) = oid.extract() else {
            return Ok(None);
        };
        let entry = self.loader(py, oid, format)?;
        Ok(entry.map(|entry| entry.get().class.clone_ref(py)))
    }

    /// Declare that what is registered so far are the defaults.
    fn _seal(&self, py: Python<'_>) -> PyResult<()> {
        self.change(py, |tables| {
            tables.own_dumpers = false;
            tables.loaders_id = 0;
            for table in tables.all() {
                for entry in table.bind(py).values() {
                    match entry.cast::<DumperEntry>() {
                        Ok(entry) => entry.get().is_default.store(true, Ordering::Release),
                        Err(_) => {
                            let entry = entry.cast::<LoaderEntry>()?.get();
                            entry.is_default.store(true, Ordering::Release);
                        }
                    }
                }
            }
            Ok(())
        })
    }

    fn __copy__(slf: &Bound<'_, Self>) -> PyResult<Self> {
        Self::copy_of(slf)
    }

    #[expect(unused_variables, reason = "the protocol's argument")]
    fn __deepcopy__(slf: &Bound<'_, Self>, memo: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::copy_of(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(types) = self.types.get() {
            visit.call(types)?;
        }
        match self.tables.try_lock() {
            Ok(tables) => visit.call(&*tables),
            Err(_) => Ok(()),
        }
    }
}

/// A registry of types that begins with those of a map.
fn copy_of_types(template: &Bound<'_, AdaptersMap>) -> PyResult<Py<PyAny>> {
    let types = template.get().registry(template.py())?;
    Ok(types.get_type().call1((types,))?.unbind())
}

fn no_types(py: Python<'_>) -> PyResult<Py<PyAny>> {
    Ok(imports::TYPES_REGISTRY.get(py)?.call0()?.unbind())
}

impl Snapshot {
    /// Shows the collector what it holds.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
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
        let table = |_| PyDict::new(py).unbind();
        Self {
            version: VERSIONS.fetch_add(1, Ordering::Relaxed),
            own_dumpers: true,
            loaders_id: VERSIONS.fetch_add(1, Ordering::Relaxed),
            dumpers: std::array::from_fn(table),
            dumpers_by_oid: std::array::from_fn(table),
            loaders: std::array::from_fn(table),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Py<PyDict>> {
        let dumpers = self.dumpers.iter().chain(&self.dumpers_by_oid);
        dumpers.chain(&self.loaders)
    }

    /// The same tables, with the same dictionaries.
    fn again(&self, py: Python<'_>) -> Self {
        Self {
            version: self.version,
            own_dumpers: self.own_dumpers,
            loaders_id: self.loaders_id,
            dumpers: self.dumpers.each_ref().map(|table| table.clone_ref(py)),
            dumpers_by_oid: self
                .dumpers_by_oid
                .each_ref()
                .map(|table| table.clone_ref(py)),
            loaders: self.loaders.each_ref().map(|table| table.clone_ref(py)),
        }
    }
}

#[pymethods]
impl Tables {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // A dictionary that several tables have is referred to by each.
        self.all().try_for_each(|table| visit.call(table))
    }
}

/// Puts an entry into a copy of a table's dictionary.
fn insert(
    py: Python<'_>,
    table: &mut Py<PyDict>,
    key: &Bound<'_, PyAny>,
    entry: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let copy = table.bind(py).copy()?;
    copy.set_item(key, entry)?;
    *table = copy.unbind();
    Ok(())
}

/// 0 for text, 1 for binary: the class attribute `format` of an adapter.
fn format_of(class: &Bound<'_, PyType>) -> PyResult<usize> {
    let format = class.getattr(intern!(class.py(), "format"))?;
    format_number(&format).ok_or_else(|| PyValueError::new_err(format!("bad format: {format}")))
}
