//! `Transformer`: values to bytes and back by the adapters of a context, one at a time or a row at a time.

use std::sync::Mutex;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple, PyType};

use super::buffer::append_buffer;
use super::encoding::Encoding;
use super::format::{BINARY, PyFormat, TEXT, format_number};
use super::registry::AdaptersMap;
use super::{error, imports, literal, settings};
use crate::lock;
use crate::memory;
use howdah_ffi::values::{bytes, list_of};
use howdah_protocol::wire::Format;
use howdah_types::oid;

/// Adapts values between Python and PostgreSQL by the adapters of a context.
///
/// It keeps the dumpers and loaders that it has made, so it is to live no longer than a query: what is registered
/// later it may not see.
#[pyclass(subclass, frozen, weakref, module = "howdah.adapt")]
pub struct Transformer {
    map: Py<AdaptersMap>,
    connection: Option<Py<PyAny>>,
    state: Mutex<State>,
}

struct State {
    /// By [`PyFormat`]: class or key to dumper.
    dumpers: [Py<PyDict>; 3],
    /// By format: OID to dumper.
    dumpers_by_oid: [Py<PyDict>; 2],
    /// By format: OID to loader.
    loaders: [Py<PyDict>; 2],
    row_dumpers: Option<Vec<Py<PyAny>>>,
    /// The methods `load` of the loaders of a row.
    row_loaders: Vec<Py<PyAny>>,
    types: Option<Py<PyAny>>,
    formats: Option<Py<PyAny>>,
    result: Option<Py<PyAny>>,
}

impl Transformer {
    pub(super) fn with(
        py: Python<'_>,
        map: Py<AdaptersMap>,
        connection: Option<Py<PyAny>>,
    ) -> Self {
        let dict = || PyDict::new(py).unbind();
        Self {
            map,
            connection,
            state: Mutex::new(State {
                dumpers: std::array::from_fn(|_| dict()),
                dumpers_by_oid: std::array::from_fn(|_| dict()),
                loaders: std::array::from_fn(|_| dict()),
                row_dumpers: None,
                row_loaders: Vec::new(),
                types: None,
                formats: None,
                result: None,
            }),
        }
    }

    /// The adapters and the connection.
    pub(super) fn context(&self, py: Python<'_>) -> (Py<AdaptersMap>, Option<Py<PyAny>>) {
        let connection = self.connection.as_ref().map(|known| known.clone_ref(py));
        (self.map.clone_ref(py), connection)
    }

    /// The dumper for an object: by its class, and by its value where the dumper of its class says so.
    pub(super) fn dumper_for<'py>(
        &self,
        slf: &Bound<'py, Self>,
        value: &Bound<'py, PyAny>,
        want: PyFormat,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let class = value.get_type();
        let cache = lock(&self.state).dumpers[want.number()].bind(py).clone();
        let dumper = match cache.get_item(&class)? {
            Some(known) => known,
            None => {
                let entry = self.map.get().dumper(&class, want)?;
                let entry = entry.ok_or_else(|| error::cannot_adapt(value, want))?;
                let made = entry.get().class.bind(py).call1((&class, slf))?;
                cache.set_item(&class, &made)?;
                made
            }
        };
        let format = want.member(py)?;
        let key = dumper.call_method1(intern!(py, "get_key"), (value, &format))?;
        if key.is(&class) {
            return Ok(dumper);
        }
        if let Some(known) = cache.get_item(&key)? {
            return Ok(known);
        }
        let made = dumper.call_method1(intern!(py, "upgrade"), (value, &format))?;
        cache.set_item(&key, &made)?;
        Ok(made)
    }

    /// The dumper of a class, made for a type and not for a class of values.
    pub(super) fn dumper_of_type<'py>(
        &self,
        slf: &Bound<'py, Self>,
        class: &Bound<'py, PyType>,
        oid: u32,
        format: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let cache = lock(&self.state).dumpers_by_oid[format].bind(py).clone();
        if let Some(known) = cache.get_item(oid)? {
            return Ok(known);
        }
        let made = class.call1((py.None().bind(py).get_type(), slf))?;
        cache.set_item(oid, &made)?;
        Ok(made)
    }

    /// The loader of a class for a type.
    pub(super) fn loader_of<'py>(
        &self,
        slf: &Bound<'py, Self>,
        class: &Bound<'py, PyType>,
        oid: u32,
        format: Format,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let number = usize::from(format == Format::Binary);
        let cache = lock(&self.state).loaders[number].bind(py).clone();
        if let Some(known) = cache.get_item(oid)?
            && known.get_type().is(class)
        {
            return Ok(known);
        }
        let made = class.call1((oid, slf))?;
        cache.set_item(oid, &made)?;
        Ok(made)
    }

    fn by_oid<'py>(
        &self,
        slf: &Bound<'py, Self>,
        oid: u32,
        format: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let map = self.map.get();
        let entry = map.dumper_by_oid(py, oid, format)?;
        let entry = entry.ok_or_else(|| map.no_dumper_by_oid(py, oid, format))?;
        self.dumper_of_type(slf, entry.get().class.bind(py), oid, format)
    }

    fn loader_for<'py>(
        &self,
        slf: &Bound<'py, Self>,
        oid: u32,
        format: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        const INVALID: u32 = 0;
        let py = slf.py();
        let map = self.map.get();
        let entry = match map.loader(py, oid, format)? {
            Some(entry) => Some(entry),
            None => map.loader(py, INVALID, format)?,
        };
        let entry = entry
            .ok_or_else(|| error::of_class(py, "InterfaceError", "unknown oid loader not found"))?;
        let format = if format == BINARY {
            Format::Binary
        } else {
            Format::Text
        };
        self.loader_of(slf, entry.get().class.bind(py), oid, format)
    }

    fn load_functions(
        &self,
        slf: &Bound<'_, Self>,
        oids: impl IntoIterator<Item = u32>,
        format: usize,
    ) -> PyResult<()> {
        let py = slf.py();
        let functions = oids
            .into_iter()
            .map(|oid| {
                let loader = self.loader_for(slf, oid, format)?;
                loader.getattr(intern!(py, "load")).map(Bound::unbind)
            })
            .collect::<PyResult<_>>()?;
        let old = std::mem::replace(&mut lock(&self.state).row_loaders, functions);
        drop(old);
        Ok(())
    }

    fn encoding_of(&self, py: Python<'_>) -> PyResult<Encoding> {
        let connection = self.connection.as_ref().map(|known| known.bind(py));
        let settings = settings::of_connection(connection)?;
        Ok(settings.map_or(Encoding::Utf8, |settings| settings.encoding))
    }

    /// One row of the result that was set.
    fn row<'py>(
        &self,
        result: &Bound<'py, PyAny>,
        row: usize,
        make_row: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = result.py();
        let fields: usize = result.getattr(intern!(py, "nfields"))?.extract()?;
        let values = (0..fields)
            .map(|column| result.call_method1(intern!(py, "get_value"), (row, column)))
            .collect::<PyResult<Vec<_>>>()?;
        make_row.call1((self.load_values(py, &values)?,))
    }

    fn load_values<'py>(
        &self,
        py: Python<'py>,
        values: &[Bound<'py, PyAny>],
    ) -> PyResult<Bound<'py, PyTuple>> {
        let functions: Vec<Bound<'py, PyAny>> = {
            let state = lock(&self.state);
            let bound = state.row_loaders.iter().map(|load| load.bind(py).clone());
            bound.collect()
        };
        if functions.len() != values.len() {
            let message = format!(
                "cannot load sequence of {} items: {} loaders registered",
                values.len(),
                functions.len()
            );
            return Err(error::of_class(py, "ProgrammingError", &message));
        }
        let loaded = values
            .iter()
            .zip(functions)
            .map(|(value, load)| {
                if value.is_none() {
                    Ok(value.clone())
                } else {
                    load.call1((value,))
                }
            })
            .collect::<PyResult<Vec<_>>>()?;
        PyTuple::new(py, loaded)
    }

    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let result = {
            let state = lock(&self.state);
            state.result.as_ref().map(|result| result.bind(py).clone())
        };
        result.ok_or_else(|| error::of_class(py, "InterfaceError", "result not set"))
    }

    /// Dumps values by the dumpers that were set for their types.
    fn dump_by_types<'py>(
        dumpers: &[Bound<'py, PyAny>],
        params: &[Bound<'py, PyAny>],
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        params
            .iter()
            .zip(dumpers)
            .map(|(param, dumper)| {
                if param.is_none() {
                    Ok(param.clone())
                } else {
                    dumper.call_method1(intern!(param.py(), "dump"), (param,))
                }
            })
            .collect()
    }
}

#[pymethods]
impl Transformer {
    #[new]
    #[pyo3(signature = (context=None))]
    fn new(py: Python<'_>, context: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(context) = context.filter(|context| !context.is_none()) else {
            return Ok(Self::with(py, AdaptersMap::global(py)?, None));
        };
        let map = context.getattr(intern!(py, "adapters"))?;
        let connection = context.getattr(intern!(py, "connection"))?;
        let connection = (!connection.is_none()).then(|| connection.unbind());
        Ok(Self::with(py, map.cast_into()?.unbind(), connection))
    }

    /// Return the context itself if it is a transformer, else a new one for it.
    #[classmethod]
    fn from_context<'py>(
        cls: &Bound<'py, PyType>,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if context.is_instance_of::<Self>() {
            return Ok(context.clone());
        }
        cls.call1((context,))
    }

    /// The connection of the context; `None` if it has none.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.connection.as_ref().map(|known| known.clone_ref(py))
    }

    /// The adapters that are used.
    #[getter]
    fn adapters(&self, py: Python<'_>) -> Py<AdaptersMap> {
        self.map.clone_ref(py)
    }

    /// Python's name of the encoding that strings are sent in.
    #[getter]
    fn encoding(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.encoding_of(py)?.python_name(py)
    }

    /// A string in the encoding that strings are sent in.
    #[pyo3(name = "_encode")]
    fn encode<'py>(&self, text: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyBytes>> {
        let py = text.py();
        let mut out = Vec::new();
        self.encoding_of(py)?.encode(text, &mut out)?;
        bytes(py, &out)
    }

    /// The string of what was encoded so.
    #[pyo3(name = "_decode")]
    fn decode<'py>(&self, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyAny>> {
        let py = data.py();
        match self.encoding_of(py)? {
            Encoding::SqlAscii => Encoding::Utf8.decode(py, data.as_bytes()),
            encoding => encoding.decode(py, data.as_bytes()),
        }
    }

    /// The OIDs that the values dumped last are sent as; `None` before.
    #[getter]
    fn types(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = lock(&self.state);
        state.types.as_ref().map(|types| types.clone_ref(py))
    }

    #[setter]
    fn set_types(&self, types: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut lock(&self.state).types, types);
        drop(old);
    }

    /// The formats that the values dumped last are sent in; `None` before.
    #[getter]
    fn formats(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = lock(&self.state);
        state.formats.as_ref().map(|formats| formats.clone_ref(py))
    }

    #[setter]
    fn set_formats(&self, formats: Option<Py<PyAny>>) {
        let old = std::mem::replace(&mut lock(&self.state).formats, formats);
        drop(old);
    }

    /// The result whose rows are loaded.
    #[getter]
    fn pgresult(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let state = lock(&self.state);
        state.result.as_ref().map(|result| result.clone_ref(py))
    }

    /// Set the result that rows are loaded from.
    #[pyo3(signature = (result, *, set_loaders=true, format=None))]
    fn set_pgresult(
        slf: &Bound<'_, Self>,
        result: Option<Bound<'_, PyAny>>,
        set_loaders: bool,
        format: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let kept = result.as_ref().map(|result| result.clone().unbind());
        let old = std::mem::replace(&mut lock(&this.state).result, kept);
        drop(old);
        if !set_loaders {
            return Ok(());
        }
        let Some(result) = result else {
            return this.load_functions(slf, [], TEXT);
        };
        let fields: usize = result.getattr(intern!(py, "nfields"))?.extract()?;
        let format = match format {
            Some(format) => format.clone(),
            None if fields > 0 => result.call_method1(intern!(py, "fformat"), (0,))?,
            None => return this.load_functions(slf, [], TEXT),
        };
        let oids = (0..fields)
            .map(|column| {
                let oid = result.call_method1(intern!(py, "ftype"), (column,))?;
                oid.extract()
            })
            .collect::<PyResult<Vec<u32>>>()?;
        this.load_functions(slf, oids, pq_format(&format)?)
    }

    /// Have `dump_sequence()` dump values of these types.
    fn set_dumper_types(
        slf: &Bound<'_, Self>,
        types: Vec<u32>,
        format: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let number = pq_format(format)?;
        let dumpers = types
            .iter()
            .map(|oid| this.by_oid(slf, *oid, number).map(Bound::unbind))
            .collect::<PyResult<Vec<_>>>()?;
        let formats = PyList::new(py, types.iter().map(|_| format))?;
        this.set_formats(Some(formats.into_any().unbind()));
        this.set_types(Some(PyTuple::new(py, types)?.into_any().unbind()));
        let old = lock(&this.state).row_dumpers.replace(dumpers);
        drop(old);
        Ok(())
    }

    /// Have `load_sequence()` load values of these types.
    fn set_loader_types(
        slf: &Bound<'_, Self>,
        types: Vec<u32>,
        format: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        slf.get().load_functions(slf, types, pq_format(format)?)
    }

    /// Return the bytes of values; afterwards `types` and `formats` say what they are.
    fn dump_sequence<'py>(
        slf: &Bound<'py, Self>,
        params: &Bound<'py, PyAny>,
        formats: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let this = slf.get();
        let params: Vec<Bound<'py, PyAny>> = params.try_iter()?.collect::<PyResult<_>>()?;
        let dumpers: Option<Vec<Bound<'py, PyAny>>> = {
            let state = lock(&this.state);
            let dumpers = state.row_dumpers.as_ref();
            dumpers.map(|all| all.iter().map(|dumper| dumper.bind(py).clone()).collect())
        };
        if let Some(dumpers) = dumpers {
            if dumpers.len() != params.len() {
                let (expected, got) = (dumpers.len(), params.len());
                let message = format!("expected {expected} values in row, got {got}");
                return Err(error::data(py, &message));
            }
            return PyList::new(py, Self::dump_by_types(&dumpers, &params)?);
        }
        let out = PyList::empty(py);
        let mut types = Vec::new();
        let pq_formats = PyList::empty(py);
        let text = imports::FORMAT.get(py)?.call1((TEXT,))?;
        let formats: Vec<Bound<'py, PyAny>> = formats.try_iter()?.collect::<PyResult<_>>()?;
        if formats.len() < params.len() {
            return Err(PyIndexError::new_err("there are fewer formats than values"));
        }
        for (param, format) in params.iter().zip(formats) {
            if param.is_none() {
                out.append(py.None())?;
                types.push(this.map.get().null_oid(param)?);
                pq_formats.append(&text)?;
                continue;
            }
            let dumper = this.dumper_for(slf, param, PyFormat::extract(&format)?)?;
            out.append(dumper.call_method1(intern!(py, "dump"), (param,))?)?;
            types.push(dumper.getattr(intern!(py, "oid"))?.extract::<u32>()?);
            pq_formats.append(dumper.getattr(intern!(py, "format"))?)?;
        }
        this.set_types(Some(PyTuple::new(py, types)?.into_any().unbind()));
        this.set_formats(Some(pq_formats.into_any().unbind()));
        Ok(out)
    }

    /// Return a value as a literal of SQL, with its type where that is not plain.
    pub(super) fn as_literal<'py>(
        slf: &Bound<'py, Self>,
        obj: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = slf.py();
        let this = slf.get();
        let dumper = this.dumper_for(slf, obj, PyFormat::Text)?;
        let quoted = dumper.call_method1(intern!(py, "quote"), (obj,))?;
        let mut out = Vec::new();
        append_buffer(&quoted, &mut out)?;
        let oid: u32 = dumper.getattr(intern!(py, "oid"))?.extract()?;
        if oid != 0 && oid != oid::TEXT && out.ends_with(b"'") {
            let registry = this.map.get().registry(py)?;
            let name = literal::type_name(registry, oid, this.encoding_of(py)?)?;
            memory::append(&mut out, &name)?;
        }
        bytes(py, &out)
    }

    /// Return the dumper for an object.
    fn get_dumper<'py>(
        slf: &Bound<'py, Self>,
        obj: &Bound<'py, PyAny>,
        format: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().dumper_for(slf, obj, PyFormat::extract(format)?)
    }

    /// Return the dumper for a type.
    fn get_dumper_by_oid<'py>(
        slf: &Bound<'py, Self>,
        oid: u32,
        format: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().by_oid(slf, oid, pq_format(format)?)
    }

    /// Return the loader for a type.
    fn get_loader<'py>(
        slf: &Bound<'py, Self>,
        oid: u32,
        format: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().loader_for(slf, oid, pq_format(format)?)
    }

    /// Return rows of the result, from `row0` to before `row1`, each as `make_row` makes it of a sequence.
    fn load_rows<'py>(
        slf: &Bound<'py, Self>,
        row0: isize,
        row1: isize,
        make_row: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyList>> {
        let py = slf.py();
        let result = slf.get().result(py)?;
        let count: usize = result.getattr(intern!(py, "ntuples"))?.extract()?;
        let bound = |row: isize| usize::try_from(row).ok().filter(|row| *row <= count);
        let (Some(first), Some(end)) = (bound(row0), bound(row1)) else {
            let message = format!("rows must be included between 0 and {count}");
            return Err(error::of_class(py, "InterfaceError", &message));
        };
        let rows = (first..end).map(|row| slf.get().row(&result, row, make_row));
        list_of(py, memory::collect(rows)?)
    }

    /// Return one row of the result, as `make_row` makes it of a sequence.
    fn load_row<'py>(
        slf: &Bound<'py, Self>,
        row: isize,
        make_row: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let result = slf.get().result(py)?;
        let count: usize = result.getattr(intern!(py, "ntuples"))?.extract()?;
        match usize::try_from(row).ok().filter(|row| *row < count) {
            Some(row) => slf.get().row(&result, row, make_row),
            None => {
                let message = format!("row must be included between 0 and {count}");
                Err(error::of_class(py, "InterfaceError", &message))
            }
        }
    }

    /// Return the values that bytes stand for, by the types that were set.
    fn load_sequence<'py>(
        slf: &Bound<'py, Self>,
        record: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let values: Vec<Bound<'py, PyAny>> = record.try_iter()?.collect::<PyResult<_>>()?;
        slf.get().load_values(slf.py(), &values)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.map)?;
        visit.call(&self.connection)?;
        if let Ok(state) = self.state.try_lock() {
            let tables = state.dumpers.iter().chain(&state.dumpers_by_oid);
            for table in tables.chain(&state.loaders) {
                visit.call(table)?;
            }
            for object in state.row_dumpers.iter().flatten().chain(&state.row_loaders) {
                visit.call(object)?;
            }
            visit.call(&state.types)?;
            visit.call(&state.formats)?;
            visit.call(&state.result)?;
        }
        Ok(())
    }
}

fn pq_format(format: &Bound<'_, PyAny>) -> PyResult<usize> {
    format_number(format).ok_or_else(|| PyValueError::new_err(format!("bad format: {format}")))
}
