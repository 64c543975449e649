//! Hooks for queries: who is told of operations, and what they are told.
//!
//! ```text
//!   an operation begins ──▶ hook(event) ──▶ end, or None
//!   it ends ──────────────▶ end(outcome)
//! ```
//!
//! What begins and ends with one call is told in the caller's context. What ends later (a stream, a COPY, a statement of a pipeline)
//! has its end told in a copy of the context in which it began. Hooks are called with no lock held, and where the connection is not
//! in use by the operation that they are told of.

mod event;
mod span;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;

use crate::callbacks::{self, copy_of};
use crate::imports;
use crate::log;
pub(crate) use event::{Place, QueryEvent, QueryOutcome, Subject, rowcount, status};
pub(crate) use span::{Span, Watched};

/// The hooks of the whole process.
static EVERYWHERE: Mutex<Vec<Py<PyAny>>> = Mutex::new(Vec::new());
static ANYWHERE: AtomicBool = AtomicBool::new(false);

/// What a connection has to do with hooks.
#[derive(Default)]
pub(crate) struct Hooks {
    /// How many hooks the connection has of its own, and spans that have not gone.
    busy: AtomicU32,
    /// Spans that have ended apart from the operation that is at work: to be told of when that is over.
    ended: Mutex<Vec<Arc<Span>>>,
}

impl Hooks {
    /// Whether nobody wants to know anything.
    #[inline]
    pub(crate) fn are_quiet(&self) -> bool {
        !ANYWHERE.load(Ordering::Relaxed) && self.busy.load(Ordering::Relaxed) == 0
    }

    /// Notes that there is one more to tell, or something more to tell of.
    pub(crate) fn more(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that there is one less.
    pub(crate) fn less(&self) {
        self.busy.fetch_sub(1, Ordering::Relaxed);
    }

    /// Tells hooks that something begins. `own` are the connection's.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    pub(crate) fn begin(
        self: &Arc<Self>,
        py: Python<'_>,
        own: Vec<Py<PyAny>>,
        place: &Arc<Place>,
        subject: Subject,
    ) -> PyResult<Arc<Span>> {
        let event = Py::new(py, QueryEvent::new(subject, Arc::clone(place)))?;
        let span = Span::new(self);
        let silent = Silence::begin(py)?;
        let hooks = copy_of(py, &lock(&EVERYWHERE)).into_iter().chain(own);
        for hook in hooks {
            match hook.call1(py, (&event,)) {
                Ok(end) if end.is_none(py) => {}
                Ok(end) => span.add(end),
                Err(error) => {
                    if let Err(error) = report(py, &hook, error) {
                        drop(silent);
                        span.end(-1, None, Some(error.clone_ref(py)));
                        return span.tell(py).and(Err(error));
                    }
                }
            }
        }
        Ok(span)
    }

    /// Notes a span that has ended.
    fn keep(&self, span: Arc<Span>) {
        lock(&self.ended).push(span);
    }

    /// Tells of what has ended meanwhile.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    pub(crate) fn tell(&self, py: Python<'_>) -> PyResult<()> {
        let ended = std::mem::take(&mut *lock(&self.ended));
        let mut outcome = Ok(());
        for span in ended {
            outcome = outcome.and(span.tell(py));
        }
        outcome
    }
}

/// Whether the code that runs was called by a hook: what hooks do is not told to hooks.
pub(crate) fn are_running(py: Python<'_>) -> PyResult<bool> {
    let running = imports::IN_HOOK.get(py)?;
    running.call_method0(intern!(py, "get"))?.is_truthy()
}

/// While a hook runs.
struct Silence<'py> {
    running: &'py Bound<'py, PyAny>,
    token: Bound<'py, PyAny>,
}

impl<'py> Silence<'py> {
    fn begin(py: Python<'py>) -> PyResult<Self> {
        let running = imports::IN_HOOK.get(py)?;
        let token = running.call_method1(intern!(py, "set"), (true,))?;
        Ok(Self { running, token })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let py = self.token.py();
        let reset = self
            .running
            .call_method1(intern!(py, "reset"), (&self.token,));
        if let Err(error) = reset {
            error.write_unraisable(py, None);
        }
    }
}

/// What becomes of an exception of a hook's: it is logged, and harms nothing.
fn report(py: Python<'_>, hook: &Py<PyAny>, error: PyErr) -> PyResult<()> {
    if !error.is_instance_of::<PyException>(py) {
        return Err(error);
    }
    log::handler_failure(py, "query hook", hook.bind(py), &error)
}

/// Call a function at the beginning of each operation of all connections.
#[pyfunction]
pub(crate) fn add_query_hook(hook: Py<PyAny>) {
    let mut hooks = lock(&EVERYWHERE);
    hooks.push(hook);
    ANYWHERE.store(true, Ordering::Relaxed);
}

/// Stop calling it. Raises `ValueError` if it was not added.
#[pyfunction]
pub(crate) fn remove_query_hook(hook: &Bound<'_, PyAny>) -> PyResult<()> {
    if !callbacks::remove(&EVERYWHERE, hook, |hooks| hooks)? {
        return Err(PyValueError::new_err("the hook was not added"));
    }
    let hooks = lock(&EVERYWHERE);
    ANYWHERE.store(!hooks.is_empty(), Ordering::Relaxed);
    Ok(())
}

/// An attempt to connect, as hooks are told of it: only those of the whole process can be.
#[pyclass(frozen, module = "howdah._howdah")]
pub(crate) struct ConnectSpan(Arc<Span>);

#[pymethods]
impl ConnectSpan {
    /// Tell that it has ended, well or by an exception.
    fn end(&self, py: Python<'_>, error: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let error = error.map(PyErr::from_value);
        self.0.end(-1, None, error);
        self.0.tell(py)
    }
}

/// Tell hooks that a connection is being opened; `None` if there are none.
#[pyfunction]
pub(crate) fn begin_connecting(
    py: Python<'_>,
    host: String,
    port: String,
    dbname: String,
    user: String,
) -> PyResult<Option<ConnectSpan>> {
    if !ANYWHERE.load(Ordering::Relaxed) || are_running(py)? {
        return Ok(None);
    }
    let place = Arc::new(Place {
        host,
        port,
        dbname,
        user,
        backend_pid: None,
    });
    let hooks = Arc::new(Hooks::default());
    let span = hooks.begin(py, Vec::new(), &place, Subject::of("connect", None))?;
    Ok(Some(ConnectSpan(span)))
}
