//! What `LargeObject` and `AsyncLargeObject` stand on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::exceptions::PyValueError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::connection::BaseConnection;
use crate::core::descriptors::{Opened, Slot};
use crate::errors;
use crate::imports;
use crate::jobs::large_object::{Function, LargeObjectJob, Reading, Work, Writing};
use crate::shell;

/// The base of `LargeObject` and `AsyncLargeObject`.
#[pyclass(subclass, frozen, weakref, module = "howdah._howdah")]
pub(crate) struct BaseLargeObject {
    connection: Py<BaseConnection>,
    oid: Arc<AtomicU32>,
    mode: Mode,
    slot: Arc<Slot>,
}

/// What a program may do with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mode {
    reads: bool,
    writes: bool,
}

/// The server's numbers.
const INV_WRITE: i32 = 0x0002_0000;
const INV_READ: i32 = 0x0004_0000;

impl Mode {
    fn new(py: Python<'_>, mode: &str) -> PyResult<Self> {
        if mode.contains('t') {
            let text = "large objects are binary: for text wrap the object in an io.TextIOWrapper";
            return Err(errors::new(py, "NotSupportedError", text));
        }
        let (reads, writes) = match mode.replacen('b', "", 1).as_str() {
            "r" => (true, false),
            "w" => (false, true),
            "rw" => (true, true),
            "n" => (false, false),
            _ => {
                let text = format!("the mode has to be 'r', 'w', 'rw', or 'n', got '{mode}'");
                return Err(PyValueError::new_err(text));
            }
        };
        Ok(Self { reads, writes })
    }

    fn name(self) -> &'static str {
        match (self.reads, self.writes) {
            (true, false) => "r",
            (false, true) => "w",
            (true, true) => "rw",
            (false, false) => "n",
        }
    }

    /// The server's, `None` if it is not to be opened.
    fn number(self) -> Option<i32> {
        let [read, write] = [(self.reads, INV_READ), (self.writes, INV_WRITE)]
            .map(|(wanted, number)| if wanted { number } else { 0 });
        Some(read | write).filter(|number| *number != 0)
    }
}

impl BaseLargeObject {
    fn run(&self, py: Python<'_>, work: Work) -> PyResult<Py<PyAny>> {
        let connection = self.connection.get();
        let job = LargeObjectJob {
            slot: Arc::clone(&self.slot),
            oid: Arc::clone(&self.oid),
            work,
            again: false,
        };
        shell::run(py, connection.core(), connection.channel(), job)
    }

    /// Fails unless the mode allows what is to be done.
    fn check_mode(&self, py: Python<'_>, allowed: bool, what: &str) -> PyResult<()> {
        if allowed {
            return Ok(());
        }
        let text = format!("the large object was not opened for {what}");
        let error = imports::UNSUPPORTED_OPERATION.get(py)?.call1((text,))?;
        Err(PyErr::from_value(error))
    }
}

#[pymethods]
impl BaseLargeObject {
    #[new]
    #[pyo3(signature = (connection, oid=0, mode="rw"))]
    fn new(connection: &Bound<'_, PyAny>, oid: u32, mode: &str) -> PyResult<Self> {
        let connection = BaseConnection::behind(connection)?;
        Ok(Self {
            mode: Mode::new(connection.py(), mode)?,
            connection: connection.unbind(),
            oid: Arc::new(AtomicU32::new(oid)),
            slot: Arc::default(),
        })
    }

    /// The connection that the object is used on.
    #[getter]
    fn connection(&self, py: Python<'_>) -> Py<BaseConnection> {
        self.connection.clone_ref(py)
    }

    /// The number of the object in the database.
    #[getter]
    fn oid(&self) -> u32 {
        self.oid.load(Ordering::Relaxed)
    }

    /// The mode that it was opened in.
    #[getter]
    fn mode(&self) -> &'static str {
        self.mode.name()
    }

    /// Whether it is closed.
    #[getter]
    fn closed(&self) -> bool {
        !matches!(self.slot.get(), Opened::Open(_))
    }

    /// Open the object, after creating it if that is wanted; to be written, whatever its mode is, if it is to be filled.
    #[pyo3(signature = (create, fill=false))]
    fn _open(&self, py: Python<'_>, create: bool, fill: bool) -> PyResult<Py<PyAny>> {
        let mode = self.mode.number().or(fill.then_some(INV_WRITE));
        // The statement that makes an object sees it only so.
        let open = mode.map(|mode| if create { mode | INV_WRITE } else { mode });
        self.run(py, Work::Open { create, open })
    }

    /// Read `size` bytes, or as many as there are.
    #[pyo3(signature = (size=Some(-1)), text_signature = "($self, size=-1)")]
    fn read(&self, py: Python<'_>, size: Option<isize>) -> PyResult<Py<PyAny>> {
        self.check_mode(py, self.mode.reads, "reading")?;
        let size = size.and_then(|size| usize::try_from(size).ok());
        self.run(py, Work::Read(Reading::new(size)))
    }

    /// Write bytes; return how many.
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = data.py();
        self.check_mode(py, self.mode.writes, "writing")?;
        self._write(data)
    }

    /// Write bytes, whatever the mode is.
    fn _write(&self, data: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let py = data.py();
        let view = PyMemoryView::from(data)?.call_method1("cast", ("B",))?;
        self.run(py, Work::Write(Writing::new(&view)?))
    }

    /// Move to another position; return it.
    #[pyo3(signature = (offset, whence=0))]
    fn seek(&self, py: Python<'_>, offset: i64, whence: i64) -> PyResult<Py<PyAny>> {
        if !(0..=2).contains(&whence) {
            return Err(PyValueError::new_err(format!(
                "whence has to be 0, 1 or 2, got {whence}"
            )));
        }
        if whence == 0 && offset < 0 {
            return Err(PyValueError::new_err(format!(
                "a position cannot be negative, got {offset}"
            )));
        }
        self.run(py, Work::Call(Function::Seek, vec![offset, whence]))
    }

    /// Return the position.
    fn tell(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, Work::Call(Function::Tell, Vec::new()))
    }

    fn _truncate(&self, py: Python<'_>, size: i64) -> PyResult<Py<PyAny>> {
        self.check_mode(py, self.mode.writes, "writing")?;
        if size < 0 {
            return Err(PyValueError::new_err(format!(
                "a size cannot be negative, got {size}"
            )));
        }
        self.run(py, Work::Call(Function::Truncate, vec![size]))
    }

    /// Close the object.
    fn close(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, Work::Close)
    }

    /// Delete the object from the database, and close it.
    fn unlink(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run(py, Work::Unlink)
    }

    /// Whether its mode lets it be read.
    fn readable(&self) -> bool {
        self.mode.reads
    }

    /// Whether its mode lets it be written.
    fn writable(&self) -> bool {
        self.mode.writes
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.connection)
    }
}
