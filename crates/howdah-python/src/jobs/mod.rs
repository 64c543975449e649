//! The operations of the public API, each written once for both shells.

pub(crate) mod arrow;
pub(crate) mod bind;
pub(crate) mod block;
pub(crate) mod command;
pub(crate) mod copy;
pub(crate) mod execute;
pub(crate) mod executemany;
pub(crate) mod insert;
mod kept;
pub(crate) mod large_object;
pub(crate) mod notifies;
pub(crate) mod pipeline;
pub(crate) mod replication;
pub(crate) mod rewrite;
pub(crate) mod server_cursor;
pub(crate) mod start;
pub(crate) mod texts;
pub(crate) mod two_phase;

use std::sync::Arc;

use howdah_protocol::connection::{Params, Written};
use howdah_protocol::error::UsageError;
use howdah_protocol::session::{CopyStart, ExchangeId, Execute, Outcome, Session};
use howdah_protocol::wire::{Format, IsNull};
use pyo3::prelude::*;

use crate::core::Core;
use crate::core::pipeline::check_complete;
use crate::errors;
use howdah_adapt::lock;

/// Has the session queue a statement, with the policy that the user set.
fn queue<T>(
    py: Python<'_>,
    core: &Arc<Core>,
    request: &Execute<'_>,
    queue: impl FnOnce(&mut Session, &Execute<'_>) -> Result<T, UsageError>,
) -> PyResult<T> {
    let policy = *lock(&core.policy);
    core.with_session(py, |session| {
        session.statements.threshold = policy.threshold;
        session.statements.max = policy.max;
        queue(session, request)
    })?
    .map_err(|error| errors::usage(py, &error))
}

/// How a COPY has begun, if it has and it was not told before.
fn take_copy_start(
    py: Python<'_>,
    core: &Core,
    id: ExchangeId,
    outcome: &mut Outcome,
) -> PyResult<Option<CopyStart>> {
    match outcome.copy.take() {
        Some(start) => Ok(Some(start)),
        None => core.with_session(py, |session| session.take_copy_start(id)),
    }
}

/// Appends a parameter of the driver's own.
fn push_value(
    py: Python<'_>,
    params: &mut Params,
    oid: u32,
    format: Format,
    write: impl FnOnce(&mut Vec<u8>) -> PyResult<IsNull>,
) -> PyResult<()> {
    push(py, params, |out| {
        let null = write(out)?;
        Ok(Written { oid, format, null })
    })
}

/// Appends a parameter that may fail to be written.
#[inline]
fn push(
    py: Python<'_>,
    params: &mut Params,
    write: impl FnOnce(&mut Vec<u8>) -> PyResult<Written>,
) -> PyResult<()> {
    enum Failure {
        Python(PyErr),
        Usage(UsageError),
    }
    impl From<UsageError> for Failure {
        fn from(error: UsageError) -> Self {
            Self::Usage(error)
        }
    }
    let pushed = params.push(|out| write(out).map_err(Failure::Python));
    pushed.map_err(|failure| match failure {
        Failure::Python(error) => error,
        Failure::Usage(error) => errors::usage(py, &error),
    })
}

/// Queues a statement of the driver's own, which takes no parameters and begins no transaction.
fn queue_command(py: Python<'_>, core: &Arc<Core>, sql: &[u8]) -> PyResult<ExchangeId> {
    core.with_session(py, |session| session.command(sql))?
        .map_err(|error| errors::usage(py, &error))
}

/// The exception that an outcome stands for, if it failed.
pub(crate) fn check(
    py: Python<'_>,
    core: &Arc<Core>,
    outcome: &Outcome,
    query: Option<&[u8]>,
) -> PyResult<()> {
    if !outcome.refused_copy.is_empty() {
        return Err(errors::programming(
            py,
            "COPY cannot be used with this method; use copy() instead",
        ));
    }
    if let Some(diagnostic) = &outcome.error {
        return Err(core.server_error(py, diagnostic, query));
    }
    core.snapshot.clear_error_message();
    check_complete(&outcome.results)
}
