//! Executions that have been queued, and may have to be queued again.

use std::sync::Arc;

use howdah_adapt::memory;
use howdah_protocol::connection::Params;
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{ExchangeId, Execute, Session};
use pyo3::prelude::*;

use super::queue;
use crate::core::Core;

/// A way of queueing an execution, with others in one exchange.
pub(crate) type How = fn(&mut Session, &Execute<'_>) -> Result<ExchangeId, UsageError>;

/// An execution that has been queued.
pub(crate) struct Queued {
    pub(crate) id: ExchangeId,
    /// How many bytes are to be sent.
    pub(crate) unsent: usize,
    /// It is the first, and has to be answered before more is sent.
    pub(crate) is_copy_perhaps: bool,
    /// What was prepared for it, or for others of its exchange, may turn out to be of no use.
    pub(crate) may_be_repeated: bool,
}

impl Queued {
    /// Queues an execution.
    pub(crate) fn by(
        py: Python<'_>,
        core: &Arc<Core>,
        request: &Execute<'_>,
        how: How,
    ) -> PyResult<Self> {
        queue(py, core, request, |session, request| {
            let id = how(session, request)?;
            Ok(Self {
                id,
                unsent: session.outgoing().len(),
                is_copy_perhaps: false,
                may_be_repeated: session.may_be_repeated(id),
            })
        })
    }
}

/// The parameters of statements that have been queued, in their order.
#[derive(Default)]
pub(crate) struct Kept {
    all: Params,
    sets: Vec<Set>,
    /// The last statement is one more, whose parameters are too long to be kept.
    lacks_last: bool,
}

/// Where the parameters of a statement end among all.
#[derive(Clone, Copy)]
struct Set {
    end: usize,
    end_of_values: usize,
    of: Of,
}

/// Which statement parameters are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The caller's.
    Query,
    /// The one that inserts many rows.
    Rewritten,
}

impl Kept {
    /// Keeps a set behind the others.
    ///
    /// # Errors
    /// MemoryError. The whole is of no use then.
    pub(crate) fn push(&mut self, set: &Params, of: Of) -> PyResult<()> {
        append(&mut self.all, set, (0, set.len()), (0, set.values.len()))?;
        let (end, end_of_values) = (self.all.len(), self.all.values.len());
        memory::push(
            &mut self.sets,
            Set {
                end,
                end_of_values,
                of,
            },
        )
    }

    /// Notes that the last statement has parameters that are not kept.
    pub(crate) fn omit_last(&mut self) {
        self.lacks_last = true;
    }

    /// Whether the parameters of the last statement are not among them.
    pub(crate) fn lacks_last(&self) -> bool {
        self.lacks_last
    }

    /// Whether nothing was queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty() && !self.lacks_last
    }

    /// Hands out each set, written over the one before; ends with the first error.
    pub(crate) fn each(
        &self,
        values: &mut Params,
        mut take: impl FnMut(&Params, Of) -> PyResult<()>,
    ) -> PyResult<()> {
        let (mut begin, mut begin_of_values) = (0, 0);
        for set in &self.sets {
            values.clear();
            let of_values = (begin_of_values, set.end_of_values);
            append(values, &self.all, (begin, set.end), of_values)?;
            take(values, set.of)?;
            (begin, begin_of_values) = (set.end, set.end_of_values);
        }
        Ok(())
    }
}

/// Appends some of the parameters of another set.
fn append(
    to: &mut Params,
    from: &Params,
    (begin, end): (usize, usize),
    (begin_of_values, end_of_values): (usize, usize),
) -> PyResult<()> {
    let formats = from.formats.get(begin..end).unwrap_or_default();
    let oids = from.oids.get(begin..end).unwrap_or_default();
    memory::reserve(&mut to.formats, formats.len())?;
    to.formats.extend_from_slice(formats);
    memory::reserve(&mut to.oids, oids.len())?;
    to.oids.extend_from_slice(oids);
    let values = from.values.get(begin_of_values..end_of_values);
    memory::append(&mut to.values, values.unwrap_or_default())
}
