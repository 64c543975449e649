//! The `with` statements of transaction blocks and pipelines on synchronous connections.
//!
//! Written here because a signal's handler may raise at the first instruction of a function in Python, before any `try`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::connection::BaseConnection;
use crate::core::Core;
use crate::jobs::block::TransactionBlock;
use crate::jobs::pipeline::{CancelPipeline, EnterPipeline};
use crate::shell::blocking;

/// Enters and leaves a transaction block by its methods `_enter()` and `_exit()`. If one of them raises with the block still
/// open, it is rolled back.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct TransactionScope;

#[pymethods]
impl TransactionScope {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    fn __enter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        // One that is entered a second time raises, and goes on as it was.
        let is_open = !slf.getattr("_block")?.is_none();
        let entered = slf.call_method0("_enter");
        if entered.is_err() && !is_open {
            Self::leave(slf)?;
        }
        entered
    }

    fn __exit__<'py>(
        slf: &Bound<'py, Self>,
        exc_type: &Bound<'py, PyAny>,
        exc_val: &Bound<'py, PyAny>,
        exc_tb: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let left = slf.call_method1("_exit", (exc_type, exc_val, exc_tb));
        if left.is_err() {
            Self::leave(slf)?;
        }
        left
    }
}

impl TransactionScope {
    /// Rolls the block back, if it has not ended.
    fn leave(slf: &Bound<'_, Self>) -> PyResult<()> {
        if let Ok(block) = slf.getattr("_block")?.cast::<TransactionBlock>()
            && block.get().leave()
        {
            come_to_rest(slf.py(), block.get().core());
        }
        slf.setattr("_block", slf.py().None())
    }
}

/// Enters a pipeline, and leaves it whatever its method `_exit()` does.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct PipelineScope;

#[pymethods]
impl PipelineScope {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self
    }

    fn __enter__<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let core = core_of(&slf)?;
        let entered = blocking::run(slf.py(), &core, &mut EnterPipeline, None);
        core.hooks.tell(slf.py())?;
        entered.map(|_| slf)
    }

    fn __exit__<'py>(
        slf: &Bound<'py, Self>,
        exc_type: &Bound<'py, PyAny>,
        exc_val: &Bound<'py, PyAny>,
        exc_tb: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let core = core_of(slf)?;
        let left = slf.call_method1("_exit", (exc_type, exc_val, exc_tb));
        core.pipeline.leave(slf.py());
        if left.is_err() && !core.pipeline.is_on() {
            come_to_rest(slf.py(), &core);
        }
        core.hooks.tell(slf.py())?;
        left
    }
}

/// The heart of the connection that a pipeline is on.
fn core_of(scope: &Bound<'_, PipelineScope>) -> PyResult<Arc<Core>> {
    let conn = BaseConnection::behind(&scope.getattr("_conn")?)?;
    Ok(Arc::clone(conn.get().core()))
}

/// Has what was left of a block ended at once; what led here is what is raised. What cannot be ended closes the connection, or
/// is ended before anything else is done.
fn come_to_rest(py: Python<'_>, core: &Arc<Core>) {
    let _ = blocking::run(py, core, &mut CancelPipeline, None);
}
