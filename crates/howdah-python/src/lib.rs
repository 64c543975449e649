//! The Python door of howdah: the extension module `howdah._howdah`.
#![forbid(unsafe_code)]

mod binding;
mod callbacks;
mod connect;
mod connection;
mod core;
mod cursor;
mod errors;
mod hooks;
mod imports;
mod jobs;
mod large_object;
mod listening;
mod log;
mod pq;
mod query;
mod replication;
mod scope;
mod shell;
mod truth;

use pyo3::prelude::*;

/// The engine behind the package `howdah`.
// What is tested runs with the GIL. Without this a free-threaded interpreter would take it that none is needed.
#[pymodule(gil_used = true)]
mod _howdah {
    use pyo3::prelude::*;
    use pyo3::types::PyDict;

    #[pymodule_export]
    use crate::connect::{
        Connecting, Opened, check_conninfo_keyword, connect_blocking, conninfo_defaults,
        conninfo_secrets, make_conninfo, parse_conninfo,
    };
    #[pymodule_export]
    use crate::connection::{AsyncConnectionBase, BaseConnection, SyncConnection};
    #[pymodule_export]
    use crate::cursor::arrow::{ArrowBatch, ArrowPlan, ArrowReading, ArrowTable};
    #[pymodule_export]
    use crate::cursor::arrow_in::ArrowWriting;
    #[pymodule_export]
    use crate::cursor::copy::BaseCopy;
    #[pymodule_export]
    use crate::cursor::stream::{AsyncRowStream, RowStream};
    #[pymodule_export]
    use crate::cursor::{AsyncCursorBase, BaseCursor, ExecutedQuery, NativeRowMaker, SyncCursor};
    #[pymodule_export]
    use crate::hooks::{
        ConnectSpan, QueryEvent, QueryOutcome, add_query_hook, begin_connecting, remove_query_hook,
    };
    #[pymodule_export]
    use crate::jobs::block::TransactionBlock;
    #[pymodule_export]
    use crate::large_object::BaseLargeObject;
    #[pymodule_export]
    use crate::listening::ListenerHub;
    #[pymodule_export]
    use crate::pq::{Conninfo, Escaping, PgCancel, PgCancelConn, PgConn, PgResult};
    #[pymodule_export]
    use crate::replication::BaseReplication;
    #[pymodule_export]
    use crate::scope::{PipelineScope, TransactionScope};
    #[pymodule_export]
    use crate::shell::asyncio::{Channel, LoopRequest, Op};
    #[pymodule_export]
    use crate::shell::ready::Ready;
    #[pymodule_export]
    use howdah_adapt::builtin::{BuiltinDumper, BuiltinLoader};
    #[pymodule_export]
    use howdah_adapt::encoding::python_encoding;
    #[pymodule_export]
    use howdah_adapt::literal::quote_literal;
    #[pymodule_export]
    use howdah_adapt::registry::AdaptersMap;
    #[pymodule_export]
    use howdah_adapt::transformer::Transformer;

    /// Note that this process is a child of the one that imported the module.
    #[pyfunction]
    fn _after_fork() {
        crate::core::after_fork();
    }

    /// Import what the extension needs: at the end of the interpreter nothing can be imported.
    #[pyfunction]
    fn _import(py: Python<'_>) -> PyResult<()> {
        crate::imports::import(py)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("has_gssapi", cfg!(feature = "gssapi"))?;
        howdah_ffi::awaitable::install::<Op>(module.py());
        howdah_ffi::awaitable::install::<Ready>(module.py());
        howdah_ffi::iteration::install::<BaseCursor>(&module.py().get_type::<SyncCursor>())?;
        // Not on every system.
        let register = howdah_adapt::imports::object(module.py(), "os", "register_at_fork");
        if crate::core::needs_fork_hook()
            && let Ok(register) = register
        {
            let options = PyDict::new(module.py());
            options.set_item("after_in_child", module.getattr("_after_fork")?)?;
            register.call((), Some(&options))?;
        }
        Ok(())
    }
}
