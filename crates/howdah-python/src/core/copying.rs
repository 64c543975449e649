//! The COPY of a cursor: where it stands, and the data that has come of it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use howdah_adapt::lock;
use howdah_protocol::connection::RowSet;
use howdah_protocol::session::{CopyStart, ExchangeId};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use crate::errors;
use crate::hooks::Span;

/// The COPY of a cursor.
#[derive(Default)]
pub(crate) struct CopyState {
    inner: Mutex<Inner>,
    /// What every row asks for: [`TAKES_DATA`] and [`IS_BINARY`].
    flags: AtomicU8,
    /// What hooks were told of it.
    span: Mutex<Option<Arc<Span>>>,
}

/// The server takes data, and no operation is at it.
const TAKES_DATA: u8 = 1;
/// It has begun with the binary format.
const IS_BINARY: u8 = 2;

#[derive(Default)]
struct Inner {
    phase: Phase,
    /// The statement, which errors are about.
    sql: Arc<[u8]>,
    start: Option<CopyStart>,
    /// Received, and not given yet.
    messages: Arc<RowSet>,
    /// Number of the next of them.
    pos: usize,
    /// Whether none has been given.
    is_fresh: bool,
}

/// Where a COPY stands.
#[derive(Default)]
pub(crate) enum Phase {
    /// None has been begun.
    #[default]
    Idle,
    /// An operation is at it.
    Busy,
    /// The server takes data.
    In(ExchangeId),
    /// The server sends data.
    Out(ExchangeId),
    /// An error has ended it, which comes after the data that came before.
    Failed(PyErr),
    /// It was interrupted, or has failed.
    GivenUp,
    /// It has ended well.
    Over,
}

impl Inner {
    fn flags(&self) -> u8 {
        let takes = matches!(self.phase, Phase::In(_));
        let is_binary = self.start.as_ref().is_some_and(|start| start.is_binary);
        (if takes { TAKES_DATA } else { 0 }) | (if is_binary { IS_BINARY } else { 0 })
    }
}

impl CopyState {
    /// What hooks were told of it.
    pub(crate) fn span(&self) -> Option<Arc<Span>> {
        lock(&self.span).clone()
    }

    /// Keeps what hooks were told of, or nothing.
    pub(crate) fn set_span(&self, span: Option<&Arc<Span>>) {
        let old = std::mem::replace(&mut *lock(&self.span), span.map(Arc::clone));
        drop(old);
    }

    /// Shows the collector what it holds.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.span.try_lock().as_deref() {
            Ok(Some(span)) => Span::traverse(span, visit),
            _ => Ok(()),
        }
    }

    /// How it began, if it did.
    pub(crate) fn start(&self) -> Option<CopyStart> {
        lock(&self.inner).start.clone()
    }

    /// The next message that has been received, by its set and number; with whether it is the first.
    pub(crate) fn next_message(&self) -> Option<(Arc<RowSet>, usize, bool)> {
        let mut inner = lock(&self.inner);
        if inner.pos >= inner.messages.len() {
            return None;
        }
        inner.pos += 1;
        let is_first = std::mem::take(&mut inner.is_fresh);
        Some((Arc::clone(&inner.messages), inner.pos - 1, is_first))
    }

    /// All messages that have been received and not been given: their set, and the number of the first; with whether that is the
    /// first of the COPY.
    pub(crate) fn take_messages(&self) -> Option<(Arc<RowSet>, usize, bool)> {
        let mut inner = lock(&self.inner);
        let first = inner.pos;
        if first >= inner.messages.len() {
            return None;
        }
        inner.pos = inner.messages.len();
        let is_first = std::mem::take(&mut inner.is_fresh);
        Some((Arc::clone(&inner.messages), first, is_first))
    }

    /// Whether there are messages that have been received and not been given.
    pub(crate) fn has_messages(&self) -> bool {
        let inner = lock(&self.inner);
        inner.pos < inner.messages.len()
    }

    /// The error that has ended it, once.
    pub(crate) fn take_failure(&self) -> Option<PyErr> {
        let mut inner = lock(&self.inner);
        let failed = matches!(inner.phase, Phase::Failed(_));
        match failed.then(|| std::mem::replace(&mut inner.phase, Phase::GivenUp)) {
            Some(Phase::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// Fails unless data can be read, which may have ended.
    pub(crate) fn check_readable(&self, py: Python<'_>) -> PyResult<()> {
        let text = match lock(&self.inner).phase {
            Phase::Out(_) | Phase::Failed(_) | Phase::Over => return Ok(()),
            Phase::Busy => BUSY,
            Phase::GivenUp => GIVEN_UP,
            Phase::Idle | Phase::In(_) => "no COPY TO STDOUT is in progress",
        };
        Err(errors::operational(py, text))
    }

    /// Fails unless data can be written.
    #[inline]
    pub(crate) fn check_writable(&self, py: Python<'_>) -> PyResult<()> {
        if self.flags.load(Ordering::Relaxed) & TAKES_DATA != 0 {
            return Ok(());
        }
        self.check_phase(py)
    }

    #[cold]
    fn check_phase(&self, py: Python<'_>) -> PyResult<()> {
        let text = match lock(&self.inner).phase {
            Phase::In(_) => return Ok(()),
            Phase::Busy => BUSY,
            Phase::GivenUp => GIVEN_UP,
            _ => "no COPY FROM STDIN is in progress",
        };
        Err(errors::operational(py, text))
    }

    /// Whether the server sends or takes data, and no operation is at it.
    pub(crate) fn is_running(&self) -> bool {
        matches!(lock(&self.inner).phase, Phase::In(_) | Phase::Out(_))
    }

    /// Whether the server sends data, and no operation is at it.
    pub(crate) fn is_out(&self) -> bool {
        matches!(lock(&self.inner).phase, Phase::Out(_))
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(lock(&self.inner).phase, Phase::Busy)
    }

    /// Whether it has begun with the binary format.
    #[inline]
    pub(crate) fn is_binary(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & IS_BINARY != 0
    }

    /// Changes it, and what is known without the lock.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = lock(&self.inner);
        let changed = change(&mut inner);
        self.flags.store(inner.flags(), Ordering::Relaxed);
        changed
    }

    /// Gives it back.
    pub(crate) fn set(&self, phase: Phase) {
        let old = self.change(|inner| std::mem::replace(&mut inner.phase, phase));
        // Without the lock: it may hold an exception.
        drop(old);
    }

    /// Forgets the COPY before, for one of this statement.
    pub(crate) fn begin(&self, sql: &[u8]) {
        let new = Inner {
            phase: Phase::Busy,
            sql: sql.into(),
            is_fresh: true,
            ..Inner::default()
        };
        let old = self.change(|inner| std::mem::replace(inner, new));
        drop(old);
    }

    /// Takes messages that have been received.
    pub(crate) fn keep(&self, messages: RowSet) {
        let mut inner = lock(&self.inner);
        inner.pos = 0;
        let old = std::mem::replace(&mut inner.messages, Arc::new(messages));
        drop(inner);
        drop(old);
    }

    /// The statement.
    pub(crate) fn sql(&self) -> Arc<[u8]> {
        Arc::clone(&lock(&self.inner).sql)
    }

    /// Notes how it began.
    pub(crate) fn note_start(&self, start: CopyStart) {
        self.change(|inner| inner.start = Some(start));
    }

    /// Takes it for an operation.
    pub(crate) fn take(&self) -> Phase {
        self.change(|inner| std::mem::replace(&mut inner.phase, Phase::Busy))
    }
}

const BUSY: &str = "the COPY is in use by another operation";
const GIVEN_UP: &str = "the COPY was given up";
