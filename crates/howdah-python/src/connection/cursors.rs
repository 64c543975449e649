//! How a connection makes cursors.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::BaseConnection;
use crate::core::Flavor;
use crate::cursor::{AsyncCursorBase, SyncCursor};
use crate::errors;
use howdah_adapt::lock;

impl BaseConnection {
    /// A new cursor of the client's.
    pub(super) fn plain_cursor<'py>(
        slf: &Bound<'py, Self>,
        row_factory: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.get().core.check_open(py)?;
        let (factory, plain) = {
            let factories = lock(&slf.get().factories);
            let factory = factories.cursor.as_ref();
            let factory = factory.map(|factory| factory.clone_ref(py));
            (factory, factories.plain_cursor)
        };
        let factory = factory.ok_or_else(|| no_factory(py))?;
        if row_factory.is_none() && plain {
            return factory.bind(py).call1((slf,));
        }
        let options = Self::row_factory_option(slf, row_factory)?;
        factory.bind(py).call((slf,), Some(&options))
    }

    /// A new cursor of the server's.
    pub(super) fn server_cursor<'py>(
        slf: &Bound<'py, Self>,
        name: &str,
        row_factory: Option<Bound<'py, PyAny>>,
        scrollable: Option<bool>,
        withhold: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        slf.get().core.check_open(py)?;
        let factory = {
            let factories = lock(&slf.get().factories);
            let factory = factories.server_cursor.as_ref();
            factory.map(|factory| factory.clone_ref(py))
        };
        let factory = factory.ok_or_else(|| no_factory(py))?;
        let options = Self::row_factory_option(slf, row_factory)?;
        options.set_item(intern!(py, "scrollable"), scrollable)?;
        options.set_item(intern!(py, "withhold"), withhold)?;
        factory.bind(py).call((slf, name), Some(&options))
    }

    /// The keyword argument `row_factory` of a cursor, by default the connection's.
    fn row_factory_option<'py>(
        slf: &Bound<'py, Self>,
        row_factory: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let options = PyDict::new(slf.py());
        let name = intern!(slf.py(), "row_factory");
        let factory = row_factory.map_or_else(|| slf.getattr(name), Ok)?;
        options.set_item(name, factory)?;
        Ok(options)
    }
}

/// A new cursor that asks for binary results, if it is to.
pub(super) fn formatted(cursor: Bound<'_, PyAny>, binary: bool) -> PyResult<Bound<'_, PyAny>> {
    if binary {
        cursor.setattr(intern!(cursor.py(), "format"), 1)?;
    }
    Ok(cursor)
}

fn no_factory(py: Python<'_>) -> PyErr {
    errors::interface(py, "the connection has no cursor factory")
}

/// Whether a cursor factory is a class with the constructor of its base, which finds the row factory by itself.
pub(super) fn has_init_of_base(factory: &Bound<'_, PyAny>, flavor: Flavor) -> PyResult<bool> {
    let py = factory.py();
    let base = match flavor {
        Flavor::Sync => py.get_type::<SyncCursor>(),
        Flavor::Async => py.get_type::<AsyncCursorBase>(),
    };
    let Ok(class) = factory.cast::<PyType>() else {
        return Ok(false);
    };
    for name in [intern!(py, "__new__"), intern!(py, "__init__")] {
        if !class.getattr(name)?.is(base.getattr(name)?) {
            return Ok(false);
        }
    }
    Ok(true)
}
