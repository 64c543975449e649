//! What hooks are given: an event when an operation begins, an outcome when it ends.

use std::sync::Arc;
use std::time::Duration;

use howdah_protocol::connection::QueryResult;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

/// Where a connection leads.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: String,
    pub(crate) dbname: String,
    pub(crate) user: String,
    pub(crate) backend_pid: Option<i32>,
}

/// What an operation is, for hooks.
pub(crate) struct Subject {
    pub(crate) kind: &'static str,
    pub(crate) statement: Option<Py<PyString>>,
    pub(crate) params: Option<Py<PyAny>>,
    /// Whether these are many sets of parameters.
    pub(crate) is_batch: bool,
}

impl Subject {
    /// An operation without parameters.
    pub(crate) fn of(kind: &'static str, statement: Option<Py<PyString>>) -> Self {
        Self {
            kind,
            statement,
            params: None,
            is_batch: false,
        }
    }

    /// An operation that is a statement of the driver's own.
    pub(crate) fn own(py: Python<'_>, kind: &'static str, statement: &str) -> Self {
        Self::of(kind, Some(PyString::new(py, statement).unbind()))
    }
}

/// The beginning of an operation.
#[pyclass(frozen, module = "howdah.hooks")]
pub(crate) struct QueryEvent {
    subject: Subject,
    place: Arc<Place>,
}

impl QueryEvent {
    pub(super) fn new(subject: Subject, place: Arc<Place>) -> Self {
        Self { subject, place }
    }

    fn len_of_params(&self, py: Python<'_>) -> Option<usize> {
        // What has no length is not looked into: it may be an iterator.
        let params = self.subject.params.as_ref()?.bind(py);
        params.len().ok()
    }
}

#[pymethods]
impl QueryEvent {
    /// What kind of operation it is.
    #[getter]
    fn kind(&self) -> &'static str {
        self.subject.kind
    }

    /// The statement, as far as it is known before the operation has its turn.
    #[getter]
    fn statement<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        match &self.subject.statement {
            Some(statement) => statement.bind(py).clone(),
            None => PyString::new(py, ""),
        }
    }

    /// The parameters as they were given: those of `executemany()` may be an iterator.
    #[getter]
    fn params(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let params = self.subject.params.as_ref();
        params.map(|params| params.clone_ref(py))
    }

    /// How many parameters there are; 0 for `executemany()`.
    #[getter]
    fn parameter_count(&self, py: Python<'_>) -> usize {
        match self.subject.is_batch {
            true => 0,
            false => self.len_of_params(py).unwrap_or(0),
        }
    }

    /// How many sets of parameters `executemany()` was given, if that can be told.
    #[getter]
    fn batch_size(&self, py: Python<'_>) -> Option<usize> {
        self.len_of_params(py).filter(|_| self.subject.is_batch)
    }

    /// Name, address or directory of the server.
    #[getter]
    fn host(&self) -> &str {
        &self.place.host
    }

    /// The port, if one is known.
    #[getter]
    fn port(&self) -> Option<u16> {
        self.place.port.parse().ok()
    }

    /// Name of the database.
    #[getter]
    fn dbname(&self) -> &str {
        &self.place.dbname
    }

    /// Name of the user.
    #[getter]
    fn user(&self) -> &str {
        &self.place.user
    }

    /// Process ID of the session, which tells connections apart; `None` while connecting.
    #[getter]
    fn backend_pid(&self) -> Option<i32> {
        self.place.backend_pid
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let statement = self.statement(py).repr()?;
        Ok(format!("<QueryEvent {} {statement}>", self.subject.kind))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.subject.params)
    }
}

/// The end of an operation.
#[pyclass(frozen, module = "howdah.hooks")]
pub(crate) struct QueryOutcome {
    pub(super) duration: Duration,
    pub(super) rowcount: i64,
    pub(super) status: Option<String>,
    pub(super) error: Option<Py<PyAny>>,
}

#[pymethods]
impl QueryOutcome {
    /// How long it took, in seconds, with the wait for its turn.
    #[getter]
    fn duration(&self) -> f64 {
        self.duration.as_secs_f64()
    }

    /// How many rows it gave or changed; -1 if that is not known.
    #[getter]
    fn rowcount(&self) -> i64 {
        self.rowcount
    }

    /// What the server said of it, such as `SELECT 1`; `None` if it did not end well, or is none of the user's statements.
    #[getter]
    fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// What it raised.
    #[getter]
    fn error(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.error.as_ref().map(|error| error.clone_ref(py))
    }

    /// The SQLSTATE of that, if it has one.
    #[getter]
    fn sqlstate(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        let Some(error) = &self.error else {
            return Ok(None);
        };
        let found = error.bind(py).getattr_opt(intern!(py, "sqlstate"))?;
        Ok(found.filter(|found| !found.is_none()).map(Bound::unbind))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let how = match (&self.error, &self.status) {
            (Some(error), _) => error.bind(py).get_type().name()?.to_string(),
            (None, Some(status)) => status.clone(),
            (None, None) => "ended".to_owned(),
        };
        Ok(format!(
            "<QueryOutcome {how} after {:.6} s>",
            self.duration()
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.error)
    }
}

/// A command tag, as hooks are told of it.
pub(crate) fn status(tag: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(tag);
    (!text.is_empty()).then(|| text.into_owned())
}

/// How many rows a result has, or has changed; -1 if that is not known.
pub(crate) fn rowcount(result: &QueryResult) -> i64 {
    let rows = if result.columns.is_some() {
        u64::try_from(result.rows.len()).ok()
    } else {
        result.tagged_rows()
    };
    rows.and_then(|rows| i64::try_from(rows).ok()).unwrap_or(-1)
}
