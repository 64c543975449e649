//! What `Copy` and `AsyncCopy` stand on: formatting, and the operations of a COPY.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use howdah_adapt::copy::{
    BINARY_HEADER, BINARY_TRAILER, RowReader, TypedColumn, dump_binary, dump_text,
};
use howdah_adapt::{Adaptation, DumpContext, LoadContext, lock, memory};
use howdah_ffi::handed::Handed;
use howdah_ffi::values::{bytes, expect_rows, joined};
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PyList, PyString, PyTuple};

use super::BaseCursor;
use super::arrow::{self, ArrowReader, ArrowReading};
use super::arrow_in::ArrowWriting;
use super::copy_counts::Counts;
use crate::connection::BaseConnection;
use crate::core::Flavor;
use crate::core::copying::CopyState;
use crate::core::snapshot::SessionSnapshot;
use crate::errors;
use crate::jobs::copy::{CopyJob, Data, Reader, Work};
use crate::shell;
use crate::shell::ready::Ready;
use crate::truth::Truth;

/// From how many bytes on what was formatted is sent.
const FULL: usize = 64 * 1024;

/// The base of `Copy` and `AsyncCopy`, and what their writers write to.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct BaseCopy {
    cursor: Py<BaseCursor>,
    connection: Py<BaseConnection>,
    state: Arc<CopyState>,
    adaptation: Adaptation,
    /// Whether what is written goes to the server, and not to a writer.
    is_direct: bool,
    /// As the user says, where there is no COPY that tells.
    binary: Option<bool>,
    /// What is written. It is taken for that, as values may call back into Python.
    writing: Handed<Option<Box<Writing>>>,
    types: Types,
    /// Whether anything was written.
    has_data: AtomicBool,
    /// Whether that was rows.
    has_rows: AtomicBool,
    reader: Mutex<Option<Arc<RowReader>>>,
    counts: Counts,
}

/// What is written.
#[derive(Default)]
struct Writing {
    /// Formatted, and not sent yet.
    buffer: Vec<u8>,
    /// How many rows were formatted, ever.
    rows: u64,
    /// How many bytes that and other data were.
    bytes: u64,
    /// What rows are formatted by, but for the adapters; of this version of the settings.
    context: Option<(u64, DumpContext<'static>)>,
}

impl Writing {
    /// Takes in what was written meanwhile.
    fn join(&mut self, other: &Self) -> PyResult<()> {
        self.rows += other.rows;
        self.bytes += other.bytes;
        memory::append(&mut self.buffer, &other.buffer)
    }

    fn context(&mut self, snapshot: &SessionSnapshot) -> DumpContext<'static> {
        let version = snapshot.settings_version();
        if let Some((known, context)) = self.context
            && known == version
        {
            return context;
        }
        let context = DumpContext::new(&snapshot.settings(), None);
        self.context = Some((version, context));
        context
    }
}

/// The types of the columns, where they were set.
#[derive(Default)]
struct Types {
    are_set: AtomicBool,
    columns: Mutex<Arc<[TypedColumn]>>,
}

impl Types {
    #[inline]
    fn get(&self) -> Option<Arc<[TypedColumn]>> {
        let are_set = self.are_set.load(Ordering::Acquire);
        are_set.then(|| Arc::clone(&lock(&self.columns)))
    }

    fn set(&self, columns: Vec<TypedColumn>) {
        *lock(&self.columns) = columns.into();
        self.are_set.store(true, Ordering::Release);
    }
}

/// As what data is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// A message, which is a row.
    Bytes,
    /// All messages that are there, once they are about so many bytes.
    Block(usize),
    /// The values of a row.
    Row,
}

impl Want {
    /// What a method gives at the end of the data.
    fn at_end(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Bytes | Self::Block(_) => Ok(bytes(py, b"")?.into_any().unbind()),
            Self::Row => Ok(py.None()),
        }
    }
}

struct CopyReader(Py<BaseCopy>, Want);

impl Reader for CopyReader {
    fn next_received(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.0.get().next_received(py, self.1)
    }

    fn has_rest(&self) -> bool {
        self.0.get().state.has_messages()
    }

    fn wants(&self) -> usize {
        match self.1 {
            Want::Block(size) => size,
            Want::Bytes | Want::Row => 0,
        }
    }

    fn at_end(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.1.at_end(py)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl BaseCopy {
    fn is_binary(&self) -> bool {
        self.binary.unwrap_or_else(|| self.state.is_binary())
    }

    fn run(slf: &Bound<'_, Self>, work: Work) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let this = slf.get();
        let job = CopyJob::new(py, this.cursor.clone_ref(py), &this.state, work)?;
        let connection = this.connection.get();
        shell::run(py, connection.core(), connection.channel(), job)
    }

    /// Gives a value, as the connection's methods do.
    fn ready(&self, py: Python<'_>, value: PyResult<Py<PyAny>>) -> PyResult<Py<PyAny>> {
        match self.connection.get().core().flavor {
            Flavor::Sync => value,
            Flavor::Async => Py::new(py, Ready::new(move |_| value)).map(Py::into_any),
        }
    }

    /// The next of the data that has been received.
    fn next_received(&self, py: Python<'_>, want: Want) -> PyResult<Option<Py<PyAny>>> {
        if let Want::Block(_) = want {
            return self.next_block(py);
        }
        while let Some((messages, number, is_first)) = self.state.next_message() {
            let message = messages.bytes(number).unwrap_or_default();
            self.count(message, is_first);
            if want == Want::Bytes && message.is_empty() {
                // Which would be taken for the end.
                continue;
            }
            if want == Want::Bytes {
                return Ok(Some(bytes(py, message)?.into_any().unbind()));
            }
            let reader = self.reader();
            let settings = self.connection.get().core().snapshot.settings();
            let cx = LoadContext::new(&settings, Some(&self.adaptation));
            if let Some(row) = reader.row(py, message, is_first, &cx)? {
                return Ok(Some(row.into_any().unbind()));
            }
        }
        Ok(None)
    }

    /// All data that has been received, and not been given.
    fn next_block(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some((messages, first, is_first)) = self.state.take_messages() else {
            return Ok(None);
        };
        let rest = || (first..messages.len()).filter_map(|number| messages.bytes(number));
        let mut is_first = is_first;
        for message in rest() {
            self.count(message, std::mem::take(&mut is_first));
        }
        let size = rest().map(<[u8]>::len).sum();
        if size == 0 {
            // Which would be taken for the end.
            return Ok(None);
        }
        let block = joined(py, size, rest())?;
        Ok(Some(block.into_any().unbind()))
    }

    /// Counts a message that the server has sent, which is a row unless there is only the frame of the binary format in it.
    #[inline]
    fn count(&self, message: &[u8], is_first: bool) {
        let is_frame = message == BINARY_TRAILER || (is_first && message == BINARY_HEADER);
        self.counts.add(usize::from(!is_frame), message.len());
    }

    /// Tells how far it has come, if somebody wants to know.
    fn report(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().counts.wanted.load(Ordering::Relaxed) {
            slf.call_method0(intern!(slf.py(), "_report"))?;
        }
        Ok(())
    }

    fn reader(&self) -> Arc<RowReader> {
        let known = lock(&self.reader).clone();
        known.unwrap_or_else(|| {
            let reader = Arc::new(RowReader {
                is_binary: self.is_binary(),
                columns: self.state.start().map_or(0, |start| start.columns),
                loaders: None,
            });
            *lock(&self.reader) = Some(Arc::clone(&reader));
            reader
        })
    }

    fn read_as(slf: &Bound<'_, Self>, want: Want) -> PyResult<Py<PyAny>> {
        Self::read_by(slf, CopyReader(slf.clone().unbind(), want))
    }

    /// Gives what a reader makes of the data: at once, if enough has come. When the user has closed the connection it gives no more, but
    /// of one that was lost what has come.
    pub(super) fn read_by(
        slf: &Bound<'_, Self>,
        reader: impl Reader + 'static,
    ) -> PyResult<Py<PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        this.state.check_readable(py)?;
        if this.connection.get().core().snapshot.was_closed() && reader.has_rest() {
            return this.ready(py, Err(errors::closed(py)));
        }
        if let Some(value) = reader.next_received(py).transpose() {
            return this.ready(py, value);
        }
        if let Err(error) = Self::report(slf) {
            return this.ready(py, Err(error));
        }
        if let Some(error) = this.state.take_failure() {
            return this.ready(py, Err(error));
        }
        if !this.state.is_out() && !this.state.is_busy() {
            return this.ready(py, reader.at_end(py));
        }
        Self::run(slf, Work::Read(Box::new(reader)))
    }

    /// What the codecs have to know of the session.
    pub(super) fn codecs(&self) -> howdah_types::LoadContext {
        let settings = self.connection.get().core().snapshot.settings();
        settings.of_codecs()
    }

    /// The data of the COPY.
    pub(super) fn state(&self) -> &Arc<CopyState> {
        &self.state
    }

    /// Has something written that may call back into Python. If it fails the buffer is as before; if not, tells whether there is enough
    /// to be sent.
    #[inline]
    fn change(
        &self,
        py: Python<'_>,
        change: impl FnOnce(&mut Writing) -> PyResult<()>,
    ) -> PyResult<bool> {
        if self.is_direct {
            self.state.check_writable(py)?;
        }
        let mut writing = self.take_writing(py);
        let before = writing.buffer.len();
        let changed = change(&mut writing);
        match &changed {
            Ok(()) => {
                writing.bytes += writing.buffer.len().saturating_sub(before) as u64;
                self.has_data.store(true, Ordering::Relaxed);
            }
            Err(_) => writing.buffer.truncate(before),
        }
        let put = self.put_back(py, writing);
        changed.and(put)
    }

    #[inline]
    fn take_writing(&self, py: Python<'_>) -> Box<Writing> {
        self.writing.take(py).unwrap_or_default()
    }

    /// Puts back what was taken; tells whether there is enough to be sent.
    #[inline]
    fn put_back(&self, py: Python<'_>, writing: Box<Writing>) -> PyResult<bool> {
        let full = writing.buffer.len() >= FULL;
        match self.writing.replace(py, Some(writing)) {
            None => Ok(full),
            Some(meanwhile) => self.join(py, meanwhile),
        }
    }

    /// Puts back what was taken, where something was written meanwhile: by another thread, or what was called.
    #[cold]
    fn join(&self, py: Python<'_>, meanwhile: Box<Writing>) -> PyResult<bool> {
        let (mut meanwhile, mut joined) = (meanwhile, Ok(()));
        loop {
            let mut writing = self.take_writing(py);
            joined = joined.and(writing.join(&meanwhile));
            let full = writing.buffer.len() >= FULL;
            match self.writing.replace(py, Some(writing)) {
                None => return joined.map(|()| full),
                Some(others) => meanwhile = others,
            }
        }
    }

    /// Formats rows of a list's iterator, which stands at `next`, until there is enough to be sent; tells whether there is.
    fn format_listed(
        &self,
        rows: &Bound<'_, PyIterator>,
        list: &Bound<'_, PyList>,
        mut next: usize,
    ) -> PyResult<bool> {
        self.add_rows(
            rows.clone().inspect(|_| {
                expect_rows(list, next);
                next += 1;
            }),
            list.py(),
        )
    }

    /// Formats rows until there is enough to be sent; tells whether there is. Those before one that cannot be formatted stay.
    #[inline]
    fn add_rows<'py>(
        &self,
        mut rows: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
        py: Python<'py>,
    ) -> PyResult<bool> {
        let Some(first) = rows.next() else {
            return Ok(false);
        };
        // What is wrong with a row behind others.
        let mut outcome = Ok(());
        let full = self.change(py, |writing| {
            let cx = writing.context(&self.connection.get().core().snapshot);
            let cx = cx.adapted(Some(&self.adaptation));
            let types = self.types.get();
            let mut append = |row: PyResult<Bound<'py, PyAny>>| {
                let before = writing.buffer.len();
                let (types, out) = (types.as_deref(), &mut writing.buffer);
                match row.and_then(|row| self.append_row(&row, types, out, &cx)) {
                    Ok(()) => writing.rows += 1,
                    Err(error) => {
                        writing.buffer.truncate(before);
                        return Err(error);
                    }
                }
                Ok(writing.buffer.len() < FULL)
            };
            let mut goes_on = append(first)?;
            while goes_on && let Some(row) = rows.next() {
                match append(row) {
                    Ok(more) => goes_on = more,
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            Ok(())
        })?;
        self.has_rows.store(true, Ordering::Relaxed);
        outcome.map(|()| full)
    }

    /// Formats a row; tells whether there is enough to be sent.
    #[inline]
    fn add_row(&self, row: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.add_rows(std::iter::once(Ok(row.clone())), row.py())
    }

    #[inline]
    fn append_row(
        &self,
        row: &Bound<'_, PyAny>,
        types: Option<&[TypedColumn]>,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<()> {
        if let Ok(tuple) = row.cast_exact::<PyTuple>() {
            return self.append_values(
                row.py(),
                tuple.len(),
                tuple.iter_borrowed(),
                types,
                out,
                cx,
            );
        }
        let values = match row.cast_exact::<PyList>() {
            Ok(list) => list.to_tuple(),
            Err(_) => collect(row)?,
        };
        self.append_values(
            row.py(),
            values.len(),
            values.iter_borrowed(),
            types,
            out,
            cx,
        )
    }

    #[inline]
    fn append_values<'a, 'py: 'a>(
        &self,
        py: Python<'py>,
        count: usize,
        values: impl Iterator<Item = Borrowed<'a, 'py, PyAny>>,
        types: Option<&[TypedColumn]>,
        out: &mut Vec<u8>,
        cx: &DumpContext<'_>,
    ) -> PyResult<()> {
        if let Some(types) = types
            && types.len() != count
        {
            let text = format!(
                "the row has {count} values, and {} types were set",
                types.len()
            );
            return Err(errors::new(py, "DataError", text));
        }
        if !self.is_binary() {
            return dump_text(values, types, out, cx);
        }
        let is_first = !self.has_data.load(Ordering::Relaxed) && out.is_empty();
        if is_first {
            memory::append(out, BINARY_HEADER)?;
        }
        dump_binary(py, values, types, out, cx)
    }

    fn take_buffer(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        let mut writing = self.take_writing(py);
        let buffer = std::mem::take(&mut writing.buffer);
        if buffer.len() >= FULL {
            // As much is to come. If there is no memory for it what comes will say so.
            let _ = memory::reserve(&mut writing.buffer, FULL + FULL / 8);
        }
        self.put_back(py, writing).map(|_| buffer)
    }
}

/// The values of a row that is neither tuple nor list.
fn collect<'py>(row: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = row.py();
    let values = row.try_iter().map_err(|error| {
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        let name = row.get_type().name();
        let name = name.map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("a row has to be a sequence of values, got {name}"))
    })?;
    PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
}

#[pymethods]
impl BaseCopy {
    #[new]
    #[pyo3(signature = (cursor, *, binary=None, writer=None))]
    fn new(
        cursor: &Bound<'_, BaseCursor>,
        binary: Option<Truth>,
        writer: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = cursor.py();
        let this = cursor.get();
        Ok(Self {
            cursor: cursor.clone().unbind(),
            connection: this.home(py)?.connection.clone_ref(py),
            state: Arc::clone(&this.copy),
            adaptation: this.adaptation(py)?,
            is_direct: writer.is_none_or(Bound::is_none),
            binary: binary.map(|binary| binary.0),
            writing: Handed::default(),
            types: Types::default(),
            has_data: AtomicBool::new(false),
            has_rows: AtomicBool::new(false),
            reader: Mutex::default(),
            counts: Counts::default(),
        })
    }

    /// The cursor that runs the COPY.
    #[getter]
    fn cursor(&self, py: Python<'_>) -> Py<BaseCursor> {
        self.cursor.clone_ref(py)
    }

    /// The connection that it runs on.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<BaseConnection> {
        self.connection.clone_ref(py)
    }

    /// Whether rows are formatted in the binary format.
    #[getter]
    fn _binary(&self) -> bool {
        self.is_binary()
    }

    /// Whether data goes to the server.
    #[getter]
    fn _is_in(&self) -> bool {
        self.state.start().is_none_or(|start| start.is_in)
    }

    /// Whether the COPY runs on the server.
    #[getter]
    fn _is_running(&self) -> bool {
        self.state.is_running()
    }

    /// Execute the statement, until the COPY has begun.
    fn _start(
        slf: &Bound<'_, Self>,
        statement: Py<PyAny>,
        params: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Self::run(slf, Work::Start(statement, params))
    }

    /// Set the types of the columns, by name or OID, for rows that are written or read.
    fn set_types(&self, py: Python<'_>, types: &Bound<'_, PyAny>) -> PyResult<()> {
        let registry = self.cursor.get().adapters(py)?.get().registry(py)?;
        let mut oids: Vec<u32> = Vec::new();
        for name in types.try_iter()? {
            let name = name?;
            let oid = match name.extract::<u32>() {
                Ok(oid) => oid,
                Err(_) => registry.call_method1("get_oid", (name,))?.extract()?,
            };
            memory::push(&mut oids, oid)?;
        }
        if self._is_in() {
            let columns = TypedColumn::of_types(py, &oids, self.is_binary(), &self.adaptation)?;
            self.types.set(columns);
            return Ok(());
        }
        let mut reader = RowReader {
            is_binary: self.is_binary(),
            columns: self.state.start().map_or(0, |start| start.columns),
            loaders: None,
        };
        reader.set_types(py, &oids, &self.adaptation)?;
        let old = lock(&self.reader).replace(Arc::new(reader));
        drop(old);
        Ok(())
    }

    /// Return the next data that the server sends; empty bytes at the end.
    fn read(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::read_as(slf, Want::Bytes)
    }

    /// Return all data that has been received and has not been read, or else wait for about so many bytes; empty bytes at the end.
    fn _read_block(slf: &Bound<'_, Self>, size: usize) -> PyResult<Py<PyAny>> {
        Self::read_as(slf, Want::Block(size))
    }

    /// Have `_report()` called when more data is waited for.
    fn _set_reports(&self, on: bool) {
        self.counts.wanted.store(on, Ordering::Relaxed);
    }

    /// Return how many rows and bytes were read or written; `None` if that is as when it was asked for last.
    fn _counts(&self, py: Python<'_>) -> PyResult<Option<(u64, u64)>> {
        let writing = self.take_writing(py);
        let written = (writing.rows, writing.bytes);
        self.put_back(py, writing)?;
        Ok(self.counts.news(written))
    }

    /// Return the next row as a tuple; `None` at the end.
    fn read_row(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::read_as(slf, Want::Row)
    }

    /// Return the next batch that has all its rows, or what is left of them at the end, then `None`.
    fn _read_arrow(slf: &Bound<'_, Self>, reading: Py<ArrowReading>) -> PyResult<Py<PyAny>> {
        Self::read_by(slf, ArrowReader::new(slf, reading))
    }

    /// Format rows of a batch until there is enough to be sent; tell whether there may be more.
    fn _format_arrow(&self, py: Python<'_>, writing: &ArrowWriting) -> PyResult<bool> {
        let mut more = false;
        self.change(py, |own| {
            let out = &mut own.buffer;
            let written = py.detach(|| writing.write(out));
            more = written.map_err(|refused| arrow::error(py, &refused))?;
            Ok(())
        })?;
        Ok(more)
    }

    /// Format what stands behind the rows of all batches.
    fn _format_arrow_end(&self, py: Python<'_>, writing: &ArrowWriting) -> PyResult<()> {
        self.change(py, |own| {
            writing.finish(&mut own.buffer);
            Ok(())
        })
        .map(drop)
    }

    /// Write a row in the text or the binary format, as that of the COPY is.
    ///
    /// In the binary format the values have to be of the columns' types: `set_types()` says which.
    fn write_row(slf: &Bound<'_, Self>, row: &Bound<'_, PyAny>) -> PyResult<()> {
        if slf.get().add_row(row)? {
            slf.call_method0(intern!(slf.py(), "_flush_out"))?;
        }
        Ok(())
    }

    /// Format a row; tell whether enough was formatted to be sent.
    fn _format_row(&self, row: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.add_row(row)
    }

    /// Format rows of an iterator until there is enough to be sent; tell whether there may be more.
    fn _format_rows(&self, rows: &Bound<'_, PyIterator>) -> PyResult<bool> {
        if let Some((list, next)) = list_behind(rows) {
            return self.format_listed(rows, &list, next);
        }
        for row in rows.clone() {
            if self.add_row(&row?)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Take data as it is; tell whether there is enough to be sent.
    fn _format(&self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = data.py();
        let Ok(text) = data.cast::<PyString>() else {
            return self.change(py, |writing| match data.cast::<PyBytes>() {
                Ok(bytes) => memory::append(&mut writing.buffer, bytes.as_bytes()),
                Err(_) => memory::append(&mut writing.buffer, &howdah_adapt::bytes_of(data)?),
            });
        };
        if self.is_binary() {
            let text = "the binary format takes bytes, not str";
            return Err(PyTypeError::new_err(text));
        }
        let settings = self.connection.get().core().snapshot.settings();
        self.change(py, |writing| {
            settings.encoding.encode(text, &mut writing.buffer)
        })
    }

    /// Format the end of the data.
    fn _format_end(&self, py: Python<'_>) -> PyResult<()> {
        if !self.is_binary() || (self.is_direct && !self.state.is_running()) {
            return Ok(());
        }
        let has_data = self.has_data.load(Ordering::Relaxed);
        let has_rows = self.has_rows.load(Ordering::Relaxed);
        if has_data && !has_rows {
            // Raw data has its own.
            return Ok(());
        }
        self.change(py, |writing| {
            if !has_data {
                memory::append(&mut writing.buffer, BINARY_HEADER)?;
            }
            memory::append(&mut writing.buffer, BINARY_TRAILER)
        })
        .map(drop)
    }

    /// Take what was formatted, to have it written elsewhere.
    fn _take(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        Ok(bytes(py, &self.take_buffer(py)?)?.unbind())
    }

    /// Send what was formatted.
    fn _flush(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        slf.get().state.check_writable(py)?;
        let data = slf.get().take_buffer(py)?;
        Self::run(slf, Work::Feed(Data::Own(data, 0)))
    }

    /// Send bytes.
    fn _put(slf: &Bound<'_, Self>, data: Py<PyBytes>) -> PyResult<Py<PyAny>> {
        Self::run(slf, Work::Feed(Data::Object(data, 0)))
    }

    /// End the COPY on the server, if it runs: well, or with a reason to fail.
    #[pyo3(signature = (reason=None))]
    fn _end(slf: &Bound<'_, Self>, reason: Option<&str>) -> PyResult<Py<PyAny>> {
        let (py, this) = (slf.py(), slf.get());
        if this.state.is_busy() {
            return Self::run(slf, Work::Finish(Data::Own(Vec::new(), 0)));
        }
        if !this.state.is_running() {
            let failure = this.state.take_failure().filter(|_| reason.is_none());
            return this.ready(py, failure.map_or_else(|| Ok(py.None()), Err));
        }
        if this.state.is_out() {
            return Self::run(slf, Work::Leave);
        }
        match reason {
            Some(reason) => Self::run(slf, Work::Fail(reason.as_bytes().to_vec())),
            None => {
                let data = this.take_buffer(py)?;
                Self::run(slf, Work::Finish(Data::Own(data, 0)))
            }
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cursor)?;
        visit.call(&self.connection)?;
        self.adaptation.traverse(&visit)?;
        if let Ok(reader) = self.reader.try_lock()
            && let Some(reader) = &*reader
            && Arc::strong_count(reader) == 1
            && let Some(loaders) = &reader.loaders
        {
            loaders
                .iter()
                .try_for_each(|loader| loader.traverse(&visit))?;
        }
        Ok(())
    }
}

/// The list behind an iterator of a plain one, and where that stands. As no code of the user's runs between its rows, they can be
/// formatted in one go.
fn list_behind<'py>(rows: &Bound<'py, PyIterator>) -> Option<(Bound<'py, PyList>, usize)> {
    let plain = PyList::empty(rows.py()).try_iter().ok()?;
    if !plain.get_type().is(rows.get_type()) {
        return None;
    }
    // How iterators are pickled: `iter`, the list, and the index.
    let reduced = rows.call_method0("__reduce__").ok()?;
    let (_, (list,), next): (Bound<'py, PyAny>, (Bound<'py, PyList>,), usize) =
        reduced.extract().ok()?;
    list.is_exact_instance_of::<PyList>()
        .then_some((list, next))
}
