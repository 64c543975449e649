//! What is taken from Python modules: once, and all of it when the package is imported.
//!
//! Destructors run until the interpreter has ended, but by then nothing can be imported any more.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// An object of a module, imported once.
///
/// The module itself is not kept: at the end of the interpreter a module that somebody refers to is emptied, while the
/// globals of a function live as long as it does.
pub struct Imported {
    module: &'static str,
    name: &'static str,
    object: PyOnceLock<Py<PyAny>>,
}

impl Imported {
    /// The attribute `name` of a module.
    pub const fn new(module: &'static str, name: &'static str) -> Self {
        Self {
            module,
            name,
            object: PyOnceLock::new(),
        }
    }

    /// The object.
    ///
    /// # Errors
    /// ImportError or AttributeError, if it has not been imported before.
    #[inline]
    pub fn get<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyAny>> {
        let object = self
            .object
            .get_or_try_init(py, || object(py, self.module, self.name).map(Bound::unbind))?;
        Ok(object.bind(py))
    }
}

/// The attribute `name` of a module, which is imported for it: only for what [`crate::import`] comes to.
///
/// # Errors
/// ImportError, AttributeError.
#[expect(
    clippy::disallowed_methods,
    reason = "the only place where something is imported"
)]
pub fn object<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import(module)?.getattr(name)
}

pub(crate) static ADAPTERS: Imported = Imported::new("howdah.postgres", "adapters");
pub(crate) static ERROR_OF_VALUE: Imported = Imported::new("howdah._value_errors", "of_value");
/// The exception classes by their names.
pub(crate) static ERRORS: Imported = Imported::new("howdah.errors", "__dict__");
pub(crate) static FORMAT: Imported = Imported::new("howdah.pq", "Format");
/// Where `set_json_loads()` and `set_json_dumps()` put their functions.
pub(crate) static JSON_HOOKS: Imported = Imported::new("howdah.types.json", "__dict__");
pub(crate) static MULTIRANGE_INFO: Imported =
    Imported::new("howdah.types.multirange", "MultirangeInfo");
pub(crate) static NEW_VALUE_ERROR: Imported = Imported::new("howdah._value_errors", "new");
pub(crate) static PY_FORMAT: Imported = Imported::new("howdah._enums", "PyFormat");
pub(crate) static RANGE_INFO: Imported = Imported::new("howdah.types.range", "RangeInfo");
pub(crate) static STRUCT_ERROR: Imported = Imported::new("struct", "error");
pub(crate) static TYPES_REGISTRY: Imported = Imported::new("howdah._registry", "TypesRegistry");
pub(crate) static ZONE_INFO: Imported = Imported::new("zoneinfo", "ZoneInfo");

/// All of them.
pub(crate) static ALL: [&Imported; 12] = [
    &ADAPTERS,
    &ERROR_OF_VALUE,
    &ERRORS,
    &FORMAT,
    &JSON_HOOKS,
    &MULTIRANGE_INFO,
    &NEW_VALUE_ERROR,
    &PY_FORMAT,
    &RANGE_INFO,
    &STRUCT_ERROR,
    &TYPES_REGISTRY,
    &ZONE_INFO,
];
