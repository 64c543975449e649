//! What lies between the beginning of an operation and its end, for hooks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use howdah_adapt::lock;
use howdah_ffi::context::within;
use pyo3::exceptions::{PyGeneratorExit, PyStopAsyncIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::{Hooks, QueryOutcome, Silence, report};
use crate::{errors, imports};

/// An operation that hooks were told of, and will be told the end of: once.
pub(crate) struct Span {
    hooks: Arc<Hooks>,
    began: Instant,
    /// It does not end with the call that began it.
    is_put_off: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// What the hooks want called.
    ends: Vec<Py<PyAny>>,
    /// The context in which that is to be, if not in that of whoever calls.
    context: Option<Py<PyAny>>,
    /// What is known of a good end to come.
    result: Option<(i64, Option<String>)>,
    ended: Option<Ended>,
    told: bool,
}

struct Ended {
    duration: Duration,
    rowcount: i64,
    status: Option<String>,
    error: Option<PyErr>,
}

impl Span {
    pub(super) fn new(hooks: &Arc<Hooks>) -> Arc<Self> {
        hooks.more();
        Arc::new(Self {
            hooks: Arc::clone(hooks),
            began: Instant::now(),
            is_put_off: AtomicBool::new(false),
            inner: Mutex::default(),
        })
    }

    pub(super) fn add(&self, end: Py<PyAny>) {
        lock(&self.inner).ends.push(end);
    }

    /// Notes that it goes on when the call that began it is over.
    ///
    /// # Errors
    /// If the context cannot be copied.
    pub(crate) fn put_off(&self, py: Python<'_>) -> PyResult<()> {
        let context = imports::COPY_CONTEXT.get(py)?.call0()?.unbind();
        let old = lock(&self.inner).context.replace(context);
        drop(old);
        self.is_put_off.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Notes what there will be to tell, if it ends well.
    pub(crate) fn note(&self, rowcount: i64, status: Option<String>) {
        lock(&self.inner).result = Some((rowcount, status));
    }

    /// Notes that it has ended; the first end counts. [`Span::tell`] tells the hooks.
    pub(crate) fn end(&self, rowcount: i64, status: Option<String>, error: Option<PyErr>) {
        let ended = Ended {
            duration: self.began.elapsed(),
            rowcount,
            status,
            error,
        };
        let mut inner = lock(&self.inner);
        if inner.ended.is_none() {
            inner.ended = Some(ended);
            return;
        }
        drop(inner);
        // Without the lock: its exception may lead anywhere.
        drop(ended);
    }

    /// The same where another operation is at work, when that is over.
    pub(crate) fn end_apart(
        self: &Arc<Self>,
        rowcount: i64,
        status: Option<String>,
        error: Option<PyErr>,
    ) {
        self.end(rowcount, status, error);
        self.hooks.keep(Arc::clone(self));
    }

    /// The call that began it, or a call that is part of it, is over.
    ///
    /// # Errors
    /// What that raised, or what must not be swallowed of what a hook raised.
    pub(crate) fn call_over(
        &self,
        py: Python<'_>,
        ended: PyResult<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        match &ended {
            Ok(_) if self.is_put_off.load(Ordering::Relaxed) => {}
            // The end of an iteration is no failure.
            Err(error) if !error.is_instance_of::<PyStopAsyncIteration>(py) => {
                self.end(-1, None, Some(error.clone_ref(py)));
            }
            _ => {
                let (rowcount, status) = lock(&self.inner).result.take().unwrap_or((-1, None));
                self.end(rowcount, status, None);
            }
        }
        self.tell(py).and(ended)
    }

    /// Tells the hooks, if it has ended and they were not told.
    ///
    /// # Errors
    /// Only what must not be swallowed, such as `KeyboardInterrupt`.
    pub(crate) fn tell(&self, py: Python<'_>) -> PyResult<()> {
        let (ends, context, ended) = {
            let mut inner = lock(&self.inner);
            let Some(ended) = inner.ended.as_mut().map(Ended::take) else {
                return Ok(());
            };
            if std::mem::replace(&mut inner.told, true) {
                return Ok(());
            }
            (std::mem::take(&mut inner.ends), inner.context.take(), ended)
        };
        self.hooks.less();
        if ends.is_empty() {
            return Ok(());
        }
        let context = context.as_ref().map(|context| context.bind(py));
        within(context, || ended.tell(py, ends))
    }

    /// Shows the collector what it holds, to one owner that has it alone.
    pub(crate) fn traverse(span: &Arc<Self>, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if Arc::strong_count(span) > 1 {
            return Ok(());
        }
        let Ok(inner) = span.inner.try_lock() else {
            return Ok(());
        };
        visit.call(&inner.context)?;
        inner.ends.iter().try_for_each(|end| visit.call(end))
    }
}

impl Ended {
    /// What there is to tell; that it has ended stays.
    fn take(&mut self) -> Self {
        Self {
            duration: self.duration,
            rowcount: self.rowcount,
            status: self.status.take(),
            error: self.error.take(),
        }
    }

    /// Calls what the hooks want called, the last hook's first.
    fn tell(self, py: Python<'_>, ends: Vec<Py<PyAny>>) -> PyResult<()> {
        let error = self.error.map(|error| error.into_value(py).into_any());
        let outcome = QueryOutcome {
            duration: self.duration,
            rowcount: self.rowcount,
            status: self.status,
            error,
        };
        let outcome = Py::new(py, outcome)?;
        let _silent = Silence::begin(py)?;
        let mut told = Ok(());
        for end in ends.iter().rev() {
            if let Err(error) = end.call1(py, (&outcome,)) {
                told = told.and(report(py, end, error));
            }
        }
        told
    }
}

impl Drop for Span {
    /// What nobody will end has ended: it was left as a generator is.
    fn drop(&mut self) {
        if lock(&self.inner).told {
            return;
        }
        errors::in_destructor(|py| {
            self.end(-1, None, Some(PyGeneratorExit::new_err(())));
            self.tell(py)
        });
    }
}

/// What hooks were told of, for a job that does not keep it: empty where there is nothing.
#[derive(Default)]
pub(crate) struct Watched(Weak<Span>);

impl Watched {
    pub(crate) fn by(span: &Arc<Span>) -> Self {
        Self(Arc::downgrade(span))
    }

    #[inline]
    pub(crate) fn get(&self) -> Option<Arc<Span>> {
        self.0.upgrade()
    }
}
