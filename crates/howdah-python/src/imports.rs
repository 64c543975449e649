//! What the extension takes from Python modules: all of it at once, when the package is imported.
//!
//! See [`howdah_adapt::imports`].

use howdah_adapt::imports::Imported;
use pyo3::prelude::*;

pub(crate) static AS_BYTES: Imported = Imported::new("howdah.sql", "as_bytes");
pub(crate) static CANCELLED_ERROR: Imported = Imported::new("asyncio", "CancelledError");
pub(crate) static CLEAN_MESSAGE: Imported = Imported::new("howdah.pq.misc", "_clean_message");
pub(crate) static COLUMN: Imported = Imported::new("howdah._column", "Column");
pub(crate) static CONNECT_ERROR: Imported = Imported::new("howdah.errors", "_connect_error");
pub(crate) static CONNECTION_INFO: Imported = Imported::new("howdah._info", "ConnectionInfo");
pub(crate) static CONVERT_TEMPLATE: Imported = Imported::new("howdah.sql", "_convert_for_server");
pub(crate) static CONNECTION_SUMMARY: Imported =
    Imported::new("howdah.pq.misc", "connection_summary");
pub(crate) static CONNINFO_OPTION: Imported = Imported::new("howdah.pq.misc", "ConninfoOption");
pub(crate) static COPY_CONTEXT: Imported = Imported::new("contextvars", "copy_context");
pub(crate) static COPY: Imported = Imported::new("copy", "copy");
pub(crate) static BASE_SELECTOR_EVENT_LOOP: Imported =
    Imported::new("asyncio.selector_events", "BaseSelectorEventLoop");
pub(crate) static CURRENT_TASK: Imported = Imported::new("asyncio", "current_task");
pub(crate) static DATETIME: Imported = Imported::new("datetime", "datetime");
pub(crate) static ERROR_MESSAGE: Imported = Imported::new("howdah._error_report", "error_message");
pub(crate) static FORMAT: Imported = Imported::new("howdah.pq", "Format");
pub(crate) static GAP: Imported = Imported::new("howdah._listener_base", "Gap");
pub(crate) static GET_RUNNING_LOOP: Imported = Imported::new("asyncio", "get_running_loop");
pub(crate) static HINT: Imported = Imported::new("howdah._hints", "hint");
pub(crate) static HINT_COUNT: Imported = Imported::new("howdah._hints", "hint_count");
pub(crate) static IN_HOOK: Imported = Imported::new("howdah.hooks", "_in_hook");
pub(crate) static ISOLATION_LEVEL: Imported = Imported::new("howdah._enums", "IsolationLevel");
pub(crate) static MAKE_DIAGNOSTIC: Imported = Imported::new("howdah.errors", "_diagnostic");
pub(crate) static MODULES: Imported = Imported::new("sys", "modules");
pub(crate) static NOTE_PLACE: Imported = Imported::new("howdah.errors", "_note_place");
pub(crate) static NOTIFY: Imported = Imported::new("howdah._notify", "Notify");
pub(crate) static OUT_OF_ORDER: Imported =
    Imported::new("howdah._transaction_base", "OutOfOrderTransactionNesting");
pub(crate) static PG_NOTIFY: Imported = Imported::new("howdah.pq.misc", "PGnotify");
pub(crate) static SERVER_ERROR: Imported = Imported::new("howdah.errors", "_server_error");
pub(crate) static TEMPLATE: Imported = Imported::new("howdah._compat", "Template");
pub(crate) static DICT_ROW: Imported = Imported::new("howdah.rows", "dict_row");
pub(crate) static NAMEDTUPLE_ROW: Imported = Imported::new("howdah.rows", "namedtuple_row");
pub(crate) static ROW_CLASS: Imported = Imported::new("howdah.rows", "_row_class");
pub(crate) static SCALAR_ROW: Imported = Imported::new("howdah.rows", "scalar_row");
pub(crate) static UNSUPPORTED_OPERATION: Imported = Imported::new("io", "UnsupportedOperation");
pub(crate) static TUPLE_ROW: Imported = Imported::new("howdah.rows", "tuple_row");

// What replication gives.
pub(crate) static BEGIN: Imported = Imported::new("howdah._replication_changes", "Begin");
pub(crate) static BEGIN_PREPARE: Imported =
    Imported::new("howdah._replication_changes", "BeginPrepare");
pub(crate) static COMMIT: Imported = Imported::new("howdah._replication_changes", "Commit");
pub(crate) static COMMIT_PREPARED: Imported =
    Imported::new("howdah._replication_changes", "CommitPrepared");
pub(crate) static DELETE: Imported = Imported::new("howdah._replication_changes", "Delete");
pub(crate) static INSERT: Imported = Imported::new("howdah._replication_changes", "Insert");
pub(crate) static LOGICAL_MESSAGE: Imported =
    Imported::new("howdah._replication_changes", "Message");
pub(crate) static LSN: Imported = Imported::new("howdah._replication_base", "LSN");
pub(crate) static ORIGIN: Imported = Imported::new("howdah._replication_changes", "Origin");
pub(crate) static PREPARE: Imported = Imported::new("howdah._replication_changes", "Prepare");
pub(crate) static RELATION: Imported = Imported::new("howdah._replication_changes", "Relation");
pub(crate) static RELATION_COLUMN: Imported =
    Imported::new("howdah._replication_changes", "RelationColumn");
pub(crate) static ROLLBACK_PREPARED: Imported =
    Imported::new("howdah._replication_changes", "RollbackPrepared");
pub(crate) static STREAM_ABORT: Imported =
    Imported::new("howdah._replication_changes", "StreamAbort");
pub(crate) static STREAM_COMMIT: Imported =
    Imported::new("howdah._replication_changes", "StreamCommit");
pub(crate) static STREAM_PREPARE: Imported =
    Imported::new("howdah._replication_changes", "StreamPrepare");
pub(crate) static STREAM_START: Imported =
    Imported::new("howdah._replication_changes", "StreamStart");
pub(crate) static STREAM_STOP: Imported =
    Imported::new("howdah._replication_changes", "StreamStop");
pub(crate) static TRUNCATE: Imported = Imported::new("howdah._replication_changes", "Truncate");
pub(crate) static TYPE: Imported = Imported::new("howdah._replication_changes", "Type");
pub(crate) static UNCHANGED: Imported = Imported::new("howdah._replication_base", "UNCHANGED");
pub(crate) static UPDATE: Imported = Imported::new("howdah._replication_changes", "Update");
pub(crate) static WAL_TIME: Imported = Imported::new("howdah._replication_base", "_time_of");
pub(crate) static XLOG_DATA: Imported = Imported::new("howdah._replication_base", "XLogData");

static ALL: [&Imported; 40] = [
    &DICT_ROW,
    &NAMEDTUPLE_ROW,
    &ROW_CLASS,
    &SCALAR_ROW,
    &AS_BYTES,
    &CANCELLED_ERROR,
    &CLEAN_MESSAGE,
    &COLUMN,
    &CONNECT_ERROR,
    &CONNECTION_INFO,
    &CONVERT_TEMPLATE,
    &CONNECTION_SUMMARY,
    &CONNINFO_OPTION,
    &COPY,
    &COPY_CONTEXT,
    &BASE_SELECTOR_EVENT_LOOP,
    &CURRENT_TASK,
    &DATETIME,
    &ERROR_MESSAGE,
    &FORMAT,
    &GAP,
    &GET_RUNNING_LOOP,
    &HINT,
    &HINT_COUNT,
    &IN_HOOK,
    &ISOLATION_LEVEL,
    &MAKE_DIAGNOSTIC,
    &MODULES,
    &NOTE_PLACE,
    &NOTIFY,
    &OUT_OF_ORDER,
    &PG_NOTIFY,
    &SERVER_ERROR,
    &TEMPLATE,
    &TUPLE_ROW,
    &UNSUPPORTED_OPERATION,
    &LSN,
    &UNCHANGED,
    &WAL_TIME,
    &XLOG_DATA,
];

/// What a stream of changes gives.
static CHANGES: [&Imported; 20] = [
    &BEGIN,
    &BEGIN_PREPARE,
    &COMMIT,
    &COMMIT_PREPARED,
    &DELETE,
    &INSERT,
    &LOGICAL_MESSAGE,
    &ORIGIN,
    &PREPARE,
    &RELATION,
    &RELATION_COLUMN,
    &ROLLBACK_PREPARED,
    &STREAM_ABORT,
    &STREAM_COMMIT,
    &STREAM_PREPARE,
    &STREAM_START,
    &STREAM_STOP,
    &TRUNCATE,
    &TYPE,
    &UPDATE,
];

/// Imports it.
///
/// # Errors
/// ImportError.
pub(crate) fn import(py: Python<'_>) -> PyResult<()> {
    howdah_adapt::import(py)?;
    ALL.iter().try_for_each(|object| object.get(py).map(drop))
}

/// Imports the changes, which takes a while: when a stream of them is made.
///
/// # Errors
/// ImportError.
pub(crate) fn import_changes(py: Python<'_>) -> PyResult<()> {
    CHANGES
        .iter()
        .try_for_each(|object| object.get(py).map(drop))
}

/// Whether a row factory is the one that gives the tuples as they are.
pub(crate) fn is_tuple_row(factory: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(factory.is(TUPLE_ROW.get(factory.py())?))
}
