//! What makes rows of the values of a result: tuples, and what the package's own row factories give, without a call.

use std::ops::Range;
use std::sync::Arc;

use howdah_adapt::imports::Imported;
use howdah_adapt::load::{self, Loader};
use howdah_adapt::{Encoding, LoadContext, memory};
use howdah_ffi::values::{dict, tuple_of};
use howdah_protocol::connection::{Columns, RowSet};
use howdah_protocol::wire::backend::Fields;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use crate::{errors, imports};

/// How the rows of a result are made.
#[derive(Debug, Default)]
pub(super) enum RowMaking {
    /// `tuple_row`.
    #[default]
    Tuples,
    /// `dict_row`.
    Dicts(Arc<Dicts>),
    /// `scalar_row`.
    Scalars,
    /// `namedtuple_row`: the class.
    Named(Py<PyType>),
    /// Any other: what the factory gave, to be called with each row's tuple.
    Call(Py<PyAny>),
}

/// The names of columns.
#[derive(Debug)]
pub(super) struct Dicts {
    names: Vec<Py<PyString>>,
    /// A dictionary with them, which rows are copies of: one that grows costs more. Nobody else has it.
    template: Py<PyDict>,
}

impl RowMaking {
    /// How a factory of the package's own makes rows; `None` for any other, which has to be called.
    pub(super) fn of_factory(
        factory: &Bound<'_, PyAny>,
        columns: Option<&Columns>,
        encoding: Encoding,
    ) -> PyResult<Option<Self>> {
        let py = factory.py();
        let is = |known: &'static Imported| Ok::<_, PyErr>(factory.is(known.get(py)?));
        let kind = if is(&imports::TUPLE_ROW)? {
            return Ok(Some(Self::Tuples));
        } else if is(&imports::DICT_ROW)? {
            Kind::Dicts
        } else if is(&imports::NAMEDTUPLE_ROW)? {
            Kind::Named
        } else if is(&imports::SCALAR_ROW)? {
            Kind::Scalars
        } else {
            return Ok(None);
        };
        let Some(columns) = columns else {
            // Of no result rows are made.
            return Ok(Some(Self::Tuples));
        };
        let mut names = Vec::new();
        for field in columns.iter() {
            memory::push(&mut names, encoding.decode_str(py, &field.name)?)?;
        }
        kind.of_names(py, names).map(Some)
    }

    /// What a factory has returned.
    pub(super) fn of_maker(maker: Bound<'_, PyAny>) -> Self {
        match maker.cast::<NativeRowMaker>() {
            Ok(maker) => maker.get().0.clone_ref(maker.py()),
            Err(_) => Self::Call(maker.unbind()),
        }
    }

    pub(super) fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Tuples => Self::Tuples,
            Self::Dicts(dicts) => Self::Dicts(Arc::clone(dicts)),
            Self::Scalars => Self::Scalars,
            Self::Named(class) => Self::Named(class.clone_ref(py)),
            Self::Call(make) => Self::Call(make.clone_ref(py)),
        }
    }

    /// Makes one row.
    #[inline]
    pub(super) fn row<'py>(
        &self,
        py: Python<'py>,
        fields: Fields<'_>,
        loaders: &[Loader],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Dicts(dicts) => {
                let template = dicts.template.bind(py);
                let row = load::load_dict(fields, loaders, cx, &dicts.names, template)?;
                Ok(row.into_any())
            }
            Self::Scalars => {
                let value = load::load_first(py, fields, loaders, cx)?;
                Ok(value.unwrap_or_else(|| py.None().into_bound(py)))
            }
            Self::Tuples => Ok(load::load_row(py, fields, loaders, cx)?.into_any()),
            Self::Named(class) => {
                Ok(load::load_instance(class.bind(py), fields, loaders, cx)?.into_any())
            }
            Self::Call(make) => {
                let values = load::load_row(py, fields, loaders, cx)?;
                make.bind(py).call1((values,))
            }
        }
    }

    /// Makes a list of rows.
    pub(super) fn rows<'py>(
        &self,
        py: Python<'py>,
        rows: &RowSet,
        range: Range<usize>,
        loaders: &[Loader],
        cx: &LoadContext<'_>,
    ) -> PyResult<Bound<'py, PyList>> {
        if let Self::Tuples = self {
            return load::load_rows(py, rows, range, |fields| {
                Ok(load::load_row(py, fields, loaders, cx)?.into_any())
            });
        }
        if let Self::Call(make) = self {
            // All values first: what is called may take its time, and change what is registered.
            let list = Self::Tuples.rows(py, rows, range, loaders, cx)?;
            for (index, values) in list.iter().enumerate() {
                list.set_item(index, make.bind(py).call1((values,))?)?;
            }
            return Ok(list);
        }
        load::load_rows(py, rows, range, |fields| self.row(py, fields, loaders, cx))
    }

    /// Shows the collector what it holds, where nothing else holds it as well.
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            // Names lead nowhere.
            Self::Tuples | Self::Scalars | Self::Dicts(_) => Ok(()),
            Self::Named(class) => visit.call(class),
            Self::Call(make) => visit.call(make),
        }
    }
}

/// The row factories of the package that look at the names of columns.
enum Kind {
    Dicts,
    Named,
    Scalars,
}

impl Kind {
    fn of_names(self, py: Python<'_>, names: Vec<Bound<'_, PyString>>) -> PyResult<RowMaking> {
        match self {
            Self::Dicts => {
                let template = dict(py)?;
                for name in &names {
                    template.set_item(name, py.None())?;
                }
                let names = names.into_iter().map(Bound::unbind).collect();
                let template = template.unbind();
                Ok(RowMaking::Dicts(Arc::new(Dicts { names, template })))
            }
            Self::Named => {
                let names = names.into_iter().map(Bound::into_any).collect();
                let class = imports::ROW_CLASS.get(py)?.call1((tuple_of(py, names)?,))?;
                Ok(RowMaking::Named(class.cast_into()?.unbind()))
            }
            Self::Scalars if names.is_empty() => {
                Err(errors::programming(py, "at least one column expected"))
            }
            Self::Scalars => Ok(RowMaking::Scalars),
        }
    }
}

/// What `dict_row()`, `namedtuple_row()` and `scalar_row()` give for names of columns: cursors use what is in it without a call.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct NativeRowMaker(RowMaking);

#[pymethods]
impl NativeRowMaker {
    #[staticmethod]
    fn dicts(py: Python<'_>, names: Vec<Bound<'_, PyString>>) -> PyResult<Self> {
        Kind::Dicts.of_names(py, names).map(Self)
    }

    #[staticmethod]
    fn named_tuples(py: Python<'_>, names: Vec<Bound<'_, PyString>>) -> PyResult<Self> {
        Kind::Named.of_names(py, names).map(Self)
    }

    #[staticmethod]
    fn scalars(py: Python<'_>, names: Vec<Bound<'_, PyString>>) -> PyResult<Self> {
        Kind::Scalars.of_names(py, names).map(Self)
    }

    /// Make a row of its values.
    fn __call__<'py>(&self, values: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = values.py();
        match &self.0 {
            RowMaking::Dicts(dicts) => {
                let row = dict(py)?;
                for (name, value) in dicts.names.iter().zip(values.try_iter()?) {
                    row.set_item(name, value?)?;
                }
                Ok(row.into_any())
            }
            RowMaking::Scalars => values.get_item(0),
            RowMaking::Named(class) => class.bind(py).call_method1(intern!(py, "_make"), (values,)),
            RowMaking::Tuples | RowMaking::Call(_) => {
                Ok(py.get_type::<PyTuple>().call1((values,))?)
            }
        }
    }
}
