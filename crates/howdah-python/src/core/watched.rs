//! Statements of a pipeline that hooks were told of.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use howdah_protocol::connection::QueryResult;
use howdah_protocol::wire::Diagnostic;
use pyo3::prelude::*;

use super::Core;
use super::pipeline::{Failure, Recipient};
use crate::hooks::{Span, rowcount, status};

/// Who gets what comes of statements of a pipeline that hooks were told of.
pub(crate) struct WatchedRecipient {
    recipient: Arc<dyn Recipient>,
    span: Arc<Span>,
    /// How many results there will be, once that is known.
    wanted: AtomicUsize,
    taken: AtomicUsize,
    rows: AtomicI64,
}

impl WatchedRecipient {
    /// The recipient of `wanted` results, or of a number that is not known yet.
    ///
    /// # Errors
    /// If the context cannot be copied.
    pub(crate) fn new(
        py: Python<'_>,
        recipient: Arc<dyn Recipient>,
        span: Arc<Span>,
        wanted: Option<usize>,
    ) -> PyResult<Arc<Self>> {
        span.put_off(py)?;
        Ok(Arc::new(Self {
            recipient,
            span,
            wanted: AtomicUsize::new(wanted.unwrap_or(usize::MAX)),
            taken: AtomicUsize::new(0),
            rows: AtomicI64::new(0),
        }))
    }

    /// Notes how many results there will be.
    pub(crate) fn expect(&self, wanted: usize) {
        self.wanted.store(wanted, Ordering::Relaxed);
        self.end_if_all(None);
    }

    fn end_if_all(&self, tag: Option<String>) {
        if self.taken.load(Ordering::Relaxed) >= self.wanted.load(Ordering::Relaxed) {
            self.span
                .end_apart(self.rows.load(Ordering::Relaxed), tag, None);
        }
    }
}

impl Recipient for WatchedRecipient {
    fn take(&self, py: Python<'_>, results: Vec<QueryResult>) -> PyResult<()> {
        let count = results.len();
        let rows: i64 = results.iter().map(|result| rowcount(result).max(0)).sum();
        let tag = results.last().and_then(|result| status(&result.tag));
        self.recipient.take(py, results)?;
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.taken.fetch_add(count, Ordering::Relaxed);
        self.end_if_all(tag);
        Ok(())
    }

    fn annotate(&self, py: Python<'_>, error: &PyErr) {
        self.recipient.annotate(py, error);
    }

    fn fail(&self, py: Python<'_>, failure: Failure) {
        self.span.end_apart(-1, None, Some(failure.error(py)));
        self.recipient.fail(py, failure);
    }

    fn error(&self, py: Python<'_>, core: &Core, diagnostic: &Diagnostic) -> PyErr {
        self.recipient.error(py, core, diagnostic)
    }

    fn can_be_asked(&self, by_another_than: &Bound<'_, PyAny>) -> bool {
        self.recipient.can_be_asked(by_another_than)
    }
}
