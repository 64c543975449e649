"""The extension module, written in Rust: crates/howdah-python.

The operations of a synchronous class block and return; the same of an asynchronous class return an awaitable. What
differs between the two is `Any` here; the classes of the facade have the exact types.
"""

from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, final

from . import _connection_base, abc, hooks, pq
from ._column import Column
from ._compat import Self
from ._connection_base import NoticeHandler, NotifyHandler
from ._enums import IsolationLevel, PyFormat
from ._info import ConnectionInfo
from ._listener_base import Gap
from ._notify import Notify
from ._registry import TypesRegistry
from .pq import abc as _pq_abc
from .rows import Row, RowMaker

__version__: str
has_gssapi: bool
"""Whether the extension was built with authentication and encryption by GSSAPI."""

def parse_conninfo(conninfo: str) -> dict[str, str]:
    """Return the parameters of a connection string. Raises `ProgrammingError` if it is malformed."""

def make_conninfo(params: dict[str, str]) -> str:
    """Make a connection string, quoting what needs it."""

def conninfo_defaults() -> dict[str, str]:
    """Return the values that parameters have by default."""

def conninfo_secrets() -> list[str]:
    """Return the keywords whose values are not to be shown."""

def check_conninfo_keyword(keyword: str) -> None:
    """Raise `ProgrammingError` for a keyword that a connection string cannot have."""

def connect_blocking(params: dict[str, Any], timeout: float | None = None, oauth_token: object = None) -> Opened:
    """Open a session, trying one server after the other."""

def add_query_hook(hook: hooks.QueryHook) -> None:
    """Call a function at the beginning of each operation of all connections, and of each attempt to open one.

    It is as a hook of one connection, and called before these.
    """

def remove_query_hook(hook: hooks.QueryHook) -> None:
    """Stop calling it. Raises `ValueError` if it was not added."""

def begin_connecting(host: str, port: str, dbname: str, user: str) -> ConnectSpan | None: ...

class ConnectSpan:
    """An attempt to connect that hooks were told of."""

    def end(self, error: BaseException | None) -> None: ...

@final
class QueryEvent:
    """The beginning of an operation, as a hook is told of it."""

    @property
    def kind(self) -> str:
        """What is done: `execute`, `executemany`, `stream` or `copy`, the methods of cursors; `fetch`, `scroll` or
        `close` of a server-side cursor; `begin`, `commit`, `rollback` or `prepare` of transactions and blocks; `sync`
        of a pipeline; `large_object`; `connect`, which only hooks of all connections are told of.
        """

    @property
    def statement(self) -> str:
        """The statement as it was given, with its placeholders; empty where there is none.

        Of an object of `howdah.sql` or a template string it is the text that is sent; of what howdah says by itself the
        statement, or the words that it begins with.
        """

    @property
    def params(self) -> Any:
        """The parameters as they were given, `None` if there are none. Those of `executemany()` may be an iterator."""

    @property
    def parameter_count(self) -> int:
        """How many parameters there are; 0 for `executemany()`."""

    @property
    def batch_size(self) -> int | None:
        """How many sets of parameters `executemany()` was given, if they can be counted; `None` for all others."""

    @property
    def host(self) -> str:
        """The server's name, address or directory."""

    @property
    def port(self) -> int | None:
        """The server's port, if it is known."""

    @property
    def dbname(self) -> str:
        """The name of the database."""

    @property
    def user(self) -> str:
        """The name of the user."""

    @property
    def backend_pid(self) -> int | None:
        """The process ID of the session on the server, which tells connections apart; `None` for `connect`."""

@final
class QueryOutcome:
    """The end of an operation, as a hook is told of it."""

    @property
    def duration(self) -> float:
        """How long it took, in seconds, with the wait for its turn on the connection."""

    @property
    def rowcount(self) -> int:
        """How many rows it gave or changed, -1 if that is not known or not meant."""

    @property
    def status(self) -> str | None:
        """What the server said of its end, such as `SELECT 1`; `None` if that is not known."""

    @property
    def error(self) -> BaseException | None:
        """What it raised, `None` if it ended well."""

    @property
    def sqlstate(self) -> str | None:
        """The SQLSTATE of the error, if it has one."""

class Opened:
    """A session that has been started, on its way to its connection object."""

    def discard(self) -> None:
        """Close it: nobody wants it any more."""

class Connecting:
    """A connection on its way, for the asyncio shell: what to do next, and how it went."""

    def __init__(self, params: dict[str, Any], timeout: float | None = None, oauth_token: object = None) -> None: ...
    @property
    def providers(self) -> list[tuple[str, Any]]: ...
    def provide(self, name: str, value: object) -> None: ...
    @property
    def timeout(self) -> float: ...
    def next_action(self) -> tuple[str, str, int] | None: ...
    def resolved(self, addresses: list[tuple[str, int]]) -> None: ...
    def unresolved(self, host: str, reason: str) -> None: ...
    def unreachable(self, errno: int | None, text: str) -> None: ...
    def timed_out(self) -> None: ...
    def refused(self, opened: Opened, error: Exception) -> None: ...
    def failure(self) -> Exception: ...
    def adopt(self, fd: int) -> Opened | None: ...
    async def handshake(self, opened: Opened) -> None: ...

class TransactionBlock:
    """A transaction block that was begun. If it is dropped before its end, it is rolled back."""

    @property
    def outermost(self) -> bool:
        """Whether the block is the transaction itself."""

    @property
    def savepoint_name(self) -> str:
        """The name of its savepoint; empty if it has none."""

class TransactionScope:
    """The `with` statement of a synchronous transaction block: if it is torn apart, the block is rolled back."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool: ...

class PGconn(_pq_abc.PGconn, metaclass=ABCMeta):
    """A connection as libpq has it: one of its own, or the `pgconn` of a `Connection`."""

    @property
    def pgconn_ptr(self) -> int:
        """Raise `NotSupportedError`: there is no libpq."""

    def _tls(self) -> tuple[str, str, int, bool] | None: ...

class PGcancel(_pq_abc.PGcancel, metaclass=ABCMeta):
    """What is needed to cancel what a connection runs."""

class PGcancelConn(_pq_abc.PGcancelConn, metaclass=ABCMeta):
    """A cancel request that is driven without waiting."""

class Escaping:
    """Texts and bytes made fit to stand in a statement, in the client encoding of a connection, else in UTF-8.

    Raises `OperationalError` for text that is not in the encoding, and for a NUL.
    """

    def __init__(self, conn: _pq_abc.PGconn | None = None) -> None: ...
    @property
    def conn(self) -> _pq_abc.PGconn | None: ...
    def escape_literal(self, data: abc.Buffer) -> bytes: ...
    def escape_identifier(self, data: abc.Buffer) -> bytes: ...
    def escape_string(self, data: abc.Buffer) -> bytes: ...
    def escape_bytea(self, data: abc.Buffer) -> bytes: ...
    def unescape_bytea(self, data: abc.Buffer) -> bytes: ...

class Conninfo:
    """Connection options, as libpq knows them."""

    @classmethod
    def get_defaults(cls) -> list[pq.ConninfoOption]: ...
    @classmethod
    def parse(cls, conninfo: bytes) -> list[pq.ConninfoOption]: ...

class PGresult(_pq_abc.PGresult, metaclass=ABCMeta):
    """What came of a command, as libpq has it. It stays valid when its connection is closed."""

    @classmethod
    def _of_error(cls, fields: Mapping[str, bytes], message: bytes, encoding: str) -> Self: ...
    @property
    def pgresult_ptr(self) -> int:
        """Raise `NotSupportedError`: there is no libpq."""

class PipelineScope:
    """The `with` statement of a synchronous pipeline."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

class BaseConnection:
    """What synchronous and asynchronous connections share."""

    def __init__(self, opened: Opened | PGconn) -> None: ...
    pipelining: bool
    """Whether statements of several tasks are sent without waiting for each other. Read-only."""

    def _set_pipelining(self, on: bool) -> None: ...
    def _unanswered(self) -> int: ...
    def _set_up(
        self,
        autocommit: bool,
        prepare_threshold: int | None,
        context: abc.AdaptContext | None,
    ) -> None: ...
    def _set_leaving(self, leaving: bool) -> None:
        """Say whether the connection is being left: then what is done on it is over within `cancel_timeout`."""

    cancel_timeout: float
    """Seconds until a connection has come to rest that was interrupted, as by Ctrl-C or the cancellation of a task.

    The cancel request, the end of the statement and the rollback of a block take no longer together, nor does the
    end of a `with` block that is left by an exception. After that the connection is closed. It is also the time
    that `cancel()` waits. 5 seconds at first; 0 closes it at once."""

    operation_timeout: float | None
    """Seconds that an operation may take which is given no `timeout` of its own: one that runs a statement, ends a
    transaction, or waits for a result of a pipeline, and each wait for rows of a stream.

    `None`, as at first, and infinity are no limit. The time counts from the beginning, waits for the connection's turn
    included. What is not over when a quarter of the time is left, one second at most, is given up as if it had been
    interrupted, and `OperationTimeout` is raised when the connection has come to rest. At the end of the time it is
    closed, if it has not. What a COMMIT has done that was given up is not known."""

    max_notifications: int
    """How many notifications may wait that nobody has taken.

    A connection that has to read more of them is closed with an error. 131,072 at first. As long as nothing else is
    waited for, an asyncio connection leaves the rest at the server once half of them wait."""

    max_notification_bytes: int
    """How many bytes of channels and payloads they may have: 33,554,432 at first."""

    prepare_threshold: int | None
    """How many executions of a statement before it is prepared; `None` for never."""
    prepared_max: int | None
    """How many prepared statements are kept; `None` for no limit."""
    autocommit: bool
    isolation_level: IsolationLevel | None
    read_only: bool | None
    deferrable: bool | None

    @property
    def closed(self) -> bool:
        """Whether the connection is closed, for whatever reason."""

    @property
    def broken(self) -> bool:
        """Whether the connection was closed by something else than `close()`."""

    @property
    def info(self) -> ConnectionInfo: ...
    @property
    def pgconn(self) -> PGconn:
        """The connection as libpq would show it.

        A command that is run with it has the connection for itself until all of its results have been taken."""

    @property
    def adapters(self) -> AdaptersMap: ...
    @property
    def connection(self) -> Self:
        """Itself: what adapts values asks this of every context."""

    def cancel(self) -> None:
        """Ask the server to cancel the running command. Nothing happens if there is none."""

    def fileno(self) -> int:
        """Return a descriptor that is readable when the server has sent something."""

    def add_notice_handler(self, callback: NoticeHandler) -> None:
        """Call a function with each notice of the server."""

    def remove_notice_handler(self, callback: NoticeHandler) -> None:
        """Stop calling it. Raises `ValueError` if it was not added."""

    def add_notify_handler(self, callback: NotifyHandler) -> None:
        """Call a function with each notification."""

    def remove_notify_handler(self, callback: NotifyHandler) -> None:
        """Stop calling it. Raises `ValueError` if it was not added."""

    def add_query_hook(self, hook: hooks.QueryHook) -> None:
        """Call a function at the beginning of each operation: `howdah.hooks` says with what.

        What it returns, unless that is `None`, is called when the operation has ended. An `Exception` that either of
        them raises is logged, and harms nothing.
        """

    def remove_query_hook(self, hook: hooks.QueryHook) -> None:
        """Stop calling it. Raises `ValueError` if it was not added."""

    def _notifies_begin(self) -> bool:
        """Say that a `notifies()` generator starts; return whether there are notify handlers."""

    def _notifies_end(self) -> None: ...
    _num_transactions: int
    """How many transaction blocks are open. If not 0, `commit()`, `rollback()` and changes of transaction
    characteristics raise `ProgrammingError`."""

    def _pipeline_leave(self) -> None: ...
    def _pipeline_level(self) -> int: ...
    def _pipeline_status(self) -> int: ...
    def _summary(self) -> str: ...
    def _server_version(self) -> int: ...
    def _encoding(self) -> str: ...

class SyncConnection(BaseConnection):
    """The base of `Connection`."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None: ...

    row_factory: Any
    cursor_factory: Any
    server_cursor_factory: Any
    def cursor(self, *args: Any, **kwargs: Any) -> Any: ...
    def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,
        binary: bool = False,
        timeout: float | None = None,
    ) -> Any: ...
    def commit(self, *, timeout: float | None = None) -> None: ...
    def rollback(self, *, timeout: float | None = None) -> None: ...
    def close(self) -> None: ...
    def set_autocommit(self, value: bool) -> None: ...
    def set_isolation_level(self, value: IsolationLevel | None) -> None: ...
    def set_read_only(self, value: bool | None) -> None: ...
    def set_deferrable(self, value: bool | None) -> None: ...
    def _begin_block(self, savepoint_name: str | None) -> TransactionBlock:
        """Begin a transaction block: a transaction where none is running, else a savepoint."""

    def _end_block(self, block: TransactionBlock, commit: bool) -> Exception | None:
        """End a transaction block, keeping what it did or not. If the call is interrupted, the block is rolled back.

        Returns the error of a pipeline that was rolled back because it was to be."""

    def tpc_prepare(self) -> None:
        """Prepare the two-phase transaction: from now on nothing but its end is missing.

        Raises `InFailedSqlTransaction` if it had failed: the server has rolled it back then. What the server
        cannot prepare is rolled back as well.
        """

    def _tpc_begin(self, id: str) -> None: ...
    def _tpc_end(self, commit: bool, id: str | None) -> None: ...
    def _tpc_recover(self) -> list[tuple[str, str, str, str]]: ...
    def _pipeline_enter(self) -> None:
        """Enter a `pipeline()` block; within another one, synchronise first."""

    def _pipeline_sync(self) -> None:
        """Have all of the pipeline answered. Raises the first error that was not raised before."""

    def _pipeline_cancel(self) -> None:
        """Have what the server has not answered given up."""

    def _wait_notifies(self, timeout: float | None) -> list[Notify]: ...

class AsyncConnectionBase(BaseConnection):
    """The base of `AsyncConnection`."""

    row_factory: Any
    cursor_factory: Any
    server_cursor_factory: Any
    def cursor(self, *args: Any, **kwargs: Any) -> Any: ...
    async def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,
        binary: bool = False,
        timeout: float | None = None,
    ) -> Any: ...
    async def commit(self, *, timeout: float | None = None) -> None: ...
    async def rollback(self, *, timeout: float | None = None) -> None: ...
    async def close(self) -> None: ...
    async def set_autocommit(self, value: bool) -> None: ...
    async def set_isolation_level(self, value: IsolationLevel | None) -> None: ...
    async def set_read_only(self, value: bool | None) -> None: ...
    async def set_deferrable(self, value: bool | None) -> None: ...
    async def _begin_block(self, savepoint_name: str | None) -> TransactionBlock:
        """Begin a transaction block: a transaction where none is running, else a savepoint."""

    async def _end_block(self, block: TransactionBlock, commit: bool) -> Exception | None:
        """End a transaction block, keeping what it did or not. If the call is interrupted, the block is rolled back.

        Returns the error of a pipeline that was rolled back because it was to be."""

    async def tpc_prepare(self) -> None:
        """Prepare the two-phase transaction: from now on nothing but its end is missing.

        Raises `InFailedSqlTransaction` if it had failed: the server has rolled it back then. What the server
        cannot prepare is rolled back as well.
        """

    async def _tpc_begin(self, id: str) -> None: ...
    async def _tpc_end(self, commit: bool, id: str | None) -> None: ...
    async def _tpc_recover(self) -> list[tuple[str, str, str, str]]: ...
    async def _pipeline_enter(self) -> None:
        """Enter a `pipeline()` block; within another one, synchronise first."""

    async def _pipeline_sync(self) -> None:
        """Have all of the pipeline answered. Raises the first error that was not raised before."""

    async def _pipeline_cancel(self) -> None:
        """Have what the server has not answered given up."""

    async def _wait_notifies(self, timeout: float | None) -> list[Notify]: ...

class NativeRowMaker:
    """What the package's row factories give for names of columns: cursors make rows so without a call."""

    @staticmethod
    def dicts(names: Sequence[str]) -> Callable[[Sequence[Any]], dict[str, Any]]: ...
    @staticmethod
    def named_tuples(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]: ...
    @staticmethod
    def scalars(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]: ...
    def __call__(self, values: Sequence[Any]) -> Any:
        """Make a row of its values."""

class ExecutedQuery:
    """A query as the server got it."""

    query: bytes
    params: Sequence[bytes | None] | None
    """The values; `None` if there were none."""
    types: tuple[int, ...]
    formats: list[pq.Format] | None

class BaseCursor:
    """What synchronous and asynchronous cursors share."""

    arraysize: int
    """How many rows `fetchmany()` gives when it is not told."""
    format: pq.Format
    """The format that results are asked for in."""

    def _plan_arrow(self, query: Any, params: Any, schema_overrides: Any) -> Any:
        """Find out how the columns of a query, or of the current result, become Arrow's."""

    def _plan_arrow_in(self, lookup: str, columns: list[str] | None, data: Any) -> Any:
        """Find out how Arrow data becomes the rows of a table, of whose columns a query tells."""

    def _fetch_arrow(self, plan: ArrowPlan, rows: int) -> ArrowTable:
        """Return the rows that are left of the current result in batches of Arrow's."""

    def _stream_arrow(self, query: Any, params: Any, reading: ArrowReading) -> Any:
        """Execute a query and iterate over batches of its rows as they arrive."""

    def _arrived(self) -> Any:
        """Wait for a result that a pipeline owes."""

    @property
    def closed(self) -> bool: ...
    @property
    def adapters(self) -> AdaptersMap:
        """The adapters of the cursor; registering one here leaves the connection alone."""

    @property
    def description(self) -> list[Column] | None:
        """The columns of the current result, `None` if it has no rows."""

    @property
    def rowcount(self) -> int:
        """How many rows the current result has, or the command changed; -1 if that is not known."""

    @property
    def rownumber(self) -> int | None:
        """The number of the next row, counted from 0; `None` without a result that has rows."""

    @property
    def statusmessage(self) -> str | None:
        """What the server said at the end of the command, such as `INSERT 0 1`."""

    @property
    def pgresult(self) -> PGresult | None:
        """The current result as libpq would show it, `None` if there is none."""

    @property
    def _query(self) -> ExecutedQuery | None:
        """What was executed last, as the server got it."""

    @property
    def _tx(self) -> Transformer:
        """A `Transformer` with the adapters of the cursor."""

    _binding: ClassVar[int]
    """How parameters come into queries: 0 for `%s`, which the server gets as `$1`; 1 as literals; 2 for `$1` itself."""

    def _mogrify(self, query: Any, params: Any) -> str:
        """Return a query with its parameters in it as literals."""

    _server_name: str | None
    """The cursor's name in the server, `None` if it is none of the server's."""
    _scrollable: bool | None
    _withhold: bool
    _itersize: int

    def _set_server_side(self, name: str, scrollable: bool | None, withhold: bool) -> None:
        """Have rows fetched from a cursor in the server."""

    def nextset(self) -> bool | None:
        """Go to the next result. Returns `True`, or `None` if there is none."""

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: Any, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def _close(self) -> None: ...
    def _results_len(self) -> int:
        """Return how many results the last command gave."""

    def _select_result(self, index: int) -> None:
        """Make a result the current one."""

class BaseLargeObject:
    """The base of `LargeObject` and `AsyncLargeObject`."""

    def __new__(cls, connection: Any, oid: int = 0, mode: str = "rw") -> Self: ...
    @property
    def connection(self) -> Any:
        """Its connection."""

    @property
    def oid(self) -> int:
        """Its OID."""

    @property
    def mode(self) -> str:
        """What it was opened for: `r`, `w`, `rw`, or `n` for not being opened."""

    @property
    def closed(self) -> bool:
        """Whether it has been closed, or was never open. The end of its transaction is not seen here."""

    def _open(self, create: bool, fill: bool = False) -> Any:
        """Open it, after creating it if that is wanted; to be written if it is to be filled."""

    def read(self, size: int | None = -1) -> Any:
        """Read `size` bytes from the position on, or all that there is; fewer only at the end.

        Raises `io.UnsupportedOperation` if it was not opened for reading.
        """

    def write(self, data: Any) -> Any:
        """Write an object with a buffer at the position; return how many bytes that are: all of them.

        It goes in pieces of 256 KiB, which do not wait for each other. If it is interrupted, the transaction has
        failed, unless all had been written. Raises `io.UnsupportedOperation` if it was not opened for writing.
        """

    def _write(self, data: Any) -> Any:
        """Do so whatever the mode is."""

    def seek(self, offset: int, whence: int = 0) -> Any:
        """Move to a position, counted from the beginning, from the position, or from the end; return it.

        It may lie behind the end: what is between them then, once something is written there, reads as zeros.
        """

    def tell(self) -> Any:
        """Return the position."""

    def _truncate(self, size: int) -> Any:
        """Make it end at `size`."""

    def close(self) -> Any:
        """Close it. Nothing happens if it is closed, or its transaction has ended or failed."""

    def unlink(self) -> Any:
        """Delete it from the database, which the end of the transaction makes true, and close it."""

    def readable(self) -> bool:
        """Return whether it was opened for reading."""

    def writable(self) -> bool:
        """Return whether it was opened for writing."""

class ArrowTable:
    """Rows in columns, as record batches of Arrow's. Whatever takes Arrow data by the PyCapsule interface takes it."""

    @property
    def num_rows(self) -> int:
        """The number of rows."""

    @property
    def num_columns(self) -> int:
        """The number of columns."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""

    @property
    def batches(self) -> list[ArrowBatch]:
        """The batches that it is made of."""

    @staticmethod
    def _of(batches: list[ArrowBatch]) -> ArrowTable:
        """Put batches of one schema together, at least one."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object:
        """Return the schema, in a capsule."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the data as a stream, in a capsule. It has the types of the table, whatever is requested."""

class ArrowBatch:
    """Some rows in columns: one record batch of Arrow's."""

    @property
    def num_rows(self) -> int:
        """The number of rows."""

    @property
    def num_columns(self) -> int:
        """The number of columns."""

    @property
    def column_names(self) -> list[str]:
        """The names of the columns."""

    def __len__(self) -> int: ...
    def __arrow_c_schema__(self) -> object:
        """Return the schema, in a capsule."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return schema and data, in two capsules. They have the types of the batch, whatever is requested."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the data as a stream of one batch, in a capsule."""

class ArrowPlan:
    """How the columns of a query or a result become Arrow's."""

    @property
    def is_binary(self) -> bool:
        """Whether all columns can be read in binary."""

    def reading(self, rows: int) -> ArrowReading:
        """Begin to read rows, in batches of so many."""

class ArrowReading:
    """Rows on their way into batches."""

class ListenerHub:
    """What a listener wants and has heard, and what its follower is to do next."""

    def __new__(
        cls,
        buffer_size: int,
        delays: tuple[float, float],
        max_attempts: int | None,
        heartbeat: float | None,
        connect_timeout: float | None,
    ) -> Self: ...
    @property
    def channels(self) -> list[str]:
        """The channels that are wanted, sorted."""

    @property
    def is_over(self) -> bool:
        """Whether it is closed, or has failed."""

    def want(self, channel: str) -> None:
        """Want a channel. Raises `ProgrammingError` for a name that is none."""

    def unwant(self, channel: str) -> None:
        """Want a channel no more."""

    def is_listening(self, channel: str) -> bool:
        """Whether the channel is listened on. Raises what the server has against it."""

    def is_silent(self, channel: str) -> bool:
        """Whether the channel is listened on no more."""

    def push(self, channel: str, payload: str, pid: int) -> None:
        """Take a notification in."""

    def take(self) -> list[Notify | Gap] | None:
        """Take the next event, in a list: empty when there are no more, and `None` if there is none at the moment.

        Raises, once, what has ended the listener.
        """

    def close(self) -> None:
        """End it. What has come and was not taken is dropped."""

    def step(
        self, error: Exception | None = None, *, lost: bool = False, wrong: bool = False
    ) -> tuple[str, Any, float | None] | None:
        """Go on, after the last step was done, or has raised `error`: say what is to be done next, if anything is.

        `lost` says that there is no connection after the error, and `wrong` that the program is to blame for it.
        """

    def abandon(self) -> None:
        """Note that nobody asks for the next step any more: who waits is told."""

class BaseReplication:
    """The base of `ReplicationStream` and `AsyncReplicationStream`."""

    def __new__(cls, connection: Any, *, physical: bool = False, decode: Any = None) -> Self: ...
    @property
    def connection(self) -> Any:
        """Its connection."""

    @property
    def _is_running(self) -> bool:
        """Whether the server sends messages."""

    @property
    def _position(self) -> int:
        """Up to where messages have been given."""

    @property
    def _next_timeline(self) -> tuple[int, int] | None:
        """The timeline that comes next, and where it begins."""

    @property
    def _told(self) -> tuple[int, int, int, int]:
        """What the server is told: written, flushed, applied; and where it was when it last said so."""

    def _start(self, command: str, interval: float | None = None) -> Any:
        """Begin, with this command; `interval` is in seconds, 0 for never and `None` for what the server wants."""

    def _take(self) -> Any:
        """Take the next message that has been received; `None` if there is none."""

    def _wait(self, timeout: float | None = None) -> Any:
        """Wait until there are messages, which is true, or there will be none before so many seconds have passed."""

    def _confirm(self, write: int, flush: int, apply: int) -> None:
        """Note up to where the client has come."""

    def _tell(self, reply: bool) -> Any:
        """Tell the server at once."""

    def _end(self) -> Any:
        """End the stream, if the server runs it."""

class ArrowWriting:
    """Data on its way into a table."""

    @property
    def columns(self) -> list[str]:
        """The columns of the table that the data goes to."""

    @property
    def is_binary(self) -> bool:
        """Whether the rows are written in the binary format."""

    def next_batch(self) -> bool:
        """Have the stream make its next batch; tell whether there is one. The interpreter is not held meanwhile."""

class BaseCopy:
    """The base of `Copy` and `AsyncCopy`, and what their writers write to."""

    def __new__(cls, cursor: Any, *, binary: bool | None = None, writer: Any = None) -> Self: ...
    @property
    def cursor(self) -> Any:
        """The cursor that runs the COPY."""

    @property
    def connection(self) -> Any:
        """Its connection."""

    @property
    def _binary(self) -> bool:
        """Whether rows are formatted in the binary format."""

    @property
    def _is_in(self) -> bool:
        """Whether data goes to the server."""

    @property
    def _is_running(self) -> bool:
        """Whether the COPY runs on the server."""

    def _start(self, statement: Any, params: Any) -> Any:
        """Execute the statement, until the COPY has begun."""

    def set_types(self, types: Sequence[int | str]) -> None:
        """Set the types of the columns, by name or OID, for the rows that are written or read.

        Raises `KeyError` for a name that the registry of types does not have.
        """

    def read(self) -> Any:
        """Return the next data that the server sends, empty bytes at the end."""

    def read_row(self) -> Any:
        """Return the next row as a tuple, `None` at the end."""

    def _format_arrow(self, writing: ArrowWriting) -> bool:
        """Format rows of a batch until there is enough to be sent; tell whether there may be more."""

    def _format_arrow_end(self, writing: ArrowWriting) -> None:
        """Format what stands behind the rows of all batches."""

    def _read_arrow(self, reading: ArrowReading) -> Any:
        """Return the next batch that has all its rows, or what is left of them at the end, then `None`."""

    def _read_block(self, size: int) -> Any:
        """Return all data that has come and was not read, empty bytes at the end."""

    def _set_reports(self, on: bool) -> None:
        """Have `_report()` called when more data is waited for."""

    def _counts(self) -> tuple[int, int] | None:
        """Return how many rows and bytes were read or written, `None` if that is as it was the last time."""

    def write_row(self, row: Sequence[Any]) -> None:
        """Write a row in the text or the binary format, as that of the COPY is.

        In the binary format the values have to be of the columns' types: `set_types()` says which.
        """

    def _format_row(self, row: Any) -> bool:
        """Format a row; tell whether there is enough to be sent."""

    def _format_rows(self, rows: Iterator[Any]) -> bool:
        """Format rows until there is enough to be sent; tell whether there may be more."""

    def _format(self, data: Any) -> bool:
        """Take data as it is; tell whether there is enough to be sent."""

    def _format_end(self) -> None:
        """Format the end of the data."""

    def _take(self) -> bytes:
        """Take what was formatted, to have it written elsewhere."""

    def _flush(self) -> Any:
        """Send what was formatted."""

    def _put(self, data: bytes) -> Any:
        """Send bytes."""

    def _end(self, reason: str | None = None) -> Any:
        """End the COPY on the server, if it runs: well, or with a reason to fail."""

class SyncCursor(BaseCursor):
    """The base of `Cursor`."""

    row_factory: Any
    def __init__(self, connection: Any, *, row_factory: Any = None) -> None: ...
    @property
    def connection(self) -> Any: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> Any: ...
    def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
        timeout: float | None = None,
    ) -> Self: ...
    def executemany(
        self,
        query: Any,
        params_seq: Any,
        *,
        returning: bool = False,
        rewrite: bool = False,
        timeout: float | None = None,
    ) -> None: ...
    def _declare(self, query: Any, params: Any, binary: bool | None, timeout: float | None) -> Self:
        """Declare a cursor in the server."""

    def _fetch_one_within(self, timeout: float | None) -> Any:
        """Fetch the next row from a cursor in the server."""

    def _fetch_many_within(self, size: int | None, timeout: float | None) -> list[Any]:
        """Fetch so many rows from a cursor in the server."""

    def _fetch_all_within(self, timeout: float | None) -> list[Any]:
        """Fetch all the rows that are left from a cursor in the server."""

    def fetchone(self) -> Any: ...
    def fetchmany(self, size: int | None = 0) -> list[Any]: ...
    def fetchall(self) -> list[Any]: ...
    def scroll(self, value: int, mode: str = "relative") -> None: ...
    def close(self) -> None: ...

class AsyncCursorBase(BaseCursor):
    """The base of `AsyncCursor`."""

    row_factory: Any
    def __init__(self, connection: Any, *, row_factory: Any = None) -> None: ...
    @property
    def connection(self) -> Any: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> Any: ...
    async def execute(
        self,
        query: Any,
        params: Any = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
        timeout: float | None = None,
    ) -> Self: ...
    async def executemany(
        self,
        query: Any,
        params_seq: Any,
        *,
        returning: bool = False,
        rewrite: bool = False,
        timeout: float | None = None,
    ) -> None: ...
    async def _declare(self, query: Any, params: Any, binary: bool | None, timeout: float | None) -> Self:
        """Declare a cursor in the server."""

    async def _fetch_one_within(self, timeout: float | None) -> Any:
        """Fetch the next row from a cursor in the server."""

    async def _fetch_many_within(self, size: int | None, timeout: float | None) -> list[Any]:
        """Fetch so many rows from a cursor in the server."""

    async def _fetch_all_within(self, timeout: float | None) -> list[Any]:
        """Fetch all the rows that are left from a cursor in the server."""

    async def fetchone(self) -> Any: ...
    async def fetchmany(self, size: int | None = 0) -> list[Any]: ...
    async def fetchall(self) -> list[Any]: ...
    async def scroll(self, value: int, mode: str = "relative") -> None: ...
    async def close(self) -> None: ...

class AdaptersMap:
    """Which class dumps a Python class, and which class loads a PostgreSQL type.

    A map that is made from a template starts with what the template has at that time; registering an adapter in
    one of the two leaves the other alone.
    """

    types: TypesRegistry
    def __init__(self, template: AdaptersMap | None = None, types: TypesRegistry | None = None) -> None: ...
    @property
    def adapters(self) -> AdaptersMap:
        """The map itself, so that it can stand for a context."""

    @property
    def connection(self) -> _connection_base.BaseConnection[Any] | None:
        """Always `None`."""

    def register_dumper(self, cls: type | str | None, dumper: type[abc.Dumper]) -> None:
        """Dump objects of a class, and of its subclasses, with a dumper.

        The dumper serves its own format, and `%s`; and values that are to be of its `oid`. The class may be given
        as its name with its module's, so that it need not be imported. With `None` only the OID counts. Raises
        `TypeError` if `cls` is none of these.
        """

    def register_loader(self, oid: int | str, loader: type[abc.Loader]) -> None:
        """Load values of a type, given by OID or by name, with a loader, in the loader's format.

        Raises `KeyError` if `types` does not have the name.
        """

    def get_dumper(self, cls: type, format: PyFormat) -> type[abc.Dumper]:
        """Return the class that dumps objects of a class. Raises `ProgrammingError` if there is none."""

    def get_dumper_by_oid(self, oid: int, format: pq.Format) -> type[abc.Dumper]:
        """Return the class that dumps values to a type. Raises `ProgrammingError` if there is none."""

    def get_loader(self, oid: int, format: pq.Format) -> type[abc.Loader] | None:
        """Return the class that loads values of a type, `None` if there is none."""

    def _seal(self) -> None:
        """Say that the defaults are registered: what follows, here or in copies, is the program's own."""

class Transformer:
    """Adapts whole rows in a context, and remembers the adapters it made for it."""

    types: tuple[int, ...] | None
    formats: list[pq.Format] | None
    def __init__(self, context: abc.AdaptContext | None = None) -> None: ...
    @classmethod
    def from_context(cls, context: abc.AdaptContext | None) -> Transformer: ...
    @property
    def connection(self) -> _connection_base.BaseConnection[Any] | None: ...
    @property
    def encoding(self) -> str: ...
    @property
    def adapters(self) -> AdaptersMap: ...
    @property
    def pgresult(self) -> Any: ...
    def set_pgresult(self, result: Any, *, set_loaders: bool = True, format: pq.Format | None = None) -> None: ...
    def set_dumper_types(self, types: Sequence[int], format: pq.Format) -> None: ...
    def set_loader_types(self, types: Sequence[int], format: pq.Format) -> None: ...
    def dump_sequence(self, params: Sequence[Any], formats: Sequence[PyFormat]) -> Sequence[abc.Buffer | None]: ...
    def as_literal(self, obj: Any) -> bytes: ...
    def _encode(self, text: str) -> bytes:
        """Return a string in the client encoding; in UTF-8 if that is SQL_ASCII."""

    def _decode(self, data: bytes) -> str:
        """Return the string of what `_encode()` gives."""
    def get_dumper(self, obj: Any, format: PyFormat) -> abc.Dumper: ...
    def get_dumper_by_oid(self, oid: int, format: pq.Format) -> abc.Dumper: ...
    def load_rows(self, row0: int, row1: int, make_row: RowMaker[Row]) -> list[Row]: ...
    def load_row(self, row: int, make_row: RowMaker[Row]) -> Row: ...
    def load_sequence(self, record: Sequence[abc.Buffer | None]) -> tuple[Any, ...]: ...
    def get_loader(self, oid: int, format: pq.Format) -> abc.Loader: ...

class BuiltinDumper:
    """Gives a `Dumper` the methods of the codec that its class names."""

    _codec: ClassVar[str]
    def dump(self, obj: Any) -> abc.Buffer | None: ...
    def quote(self, obj: Any) -> abc.Buffer: ...

class BuiltinLoader:
    """Gives a `Loader` the method of the codec that its class names."""

    _codec: ClassVar[str]
    def load(self, data: abc.Buffer) -> Any: ...

def _import() -> None:
    """Import what the extension needs of other modules; nothing can be imported at the end of the interpreter."""

def quote_literal(value: bytes, connection: BaseConnection | None) -> bytes:
    """Return a value between quotes, escaped as the connection's settings need it."""

def python_encoding(name: bytes) -> str:
    """Return Python's name for the encoding with PostgreSQL's name. Raises `NotSupportedError` if it has no codec."""
