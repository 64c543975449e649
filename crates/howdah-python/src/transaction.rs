//! The `with` statement of a transaction block on a synchronous connection.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::jobs::block::TransactionBlock;

/// Enters and leaves a block by its methods `_enter()` and `_exit()`. If one of them raises with the block still open, the block
/// is left: rolled back before anything else is done.
///
/// Written here because a signal's handler may raise at the first instruction of a function in Python, before any `try`.
#[pyclass(subclass, frozen, module = "howdah._howdah")]
pub(crate) struct BlockScope;

#[pymethods]
impl BlockScope {
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
            leave(slf)?;
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
            leave(slf)?;
        }
        left
    }
}

/// Leaves the block, if it has not ended.
fn leave(scope: &Bound<'_, BlockScope>) -> PyResult<()> {
    if let Ok(block) = scope.getattr("_block")?.cast::<TransactionBlock>() {
        block.get().leave();
    }
    scope.setattr("_block", scope.py().None())
}
