"""The extension module, written in Rust: crates/howdah-python.

The operations of a synchronous class block and return; the same of an asynchronous class return an awaitable. What
differs between the two is `Any` here; the classes of the facade have the exact types.
"""

from typing import Any

from ._column import Column
from ._compat import Self
from ._connection_base import NoticeHandler, NotifyHandler
from ._enums import IsolationLevel
from ._info import ConnectionInfo
from ._notify import Notify

__version__: str

def parse_conninfo(conninfo: str) -> dict[str, str]:
    """Return the parameters of a connection string. Raises `ProgrammingError` if it is malformed."""

def make_conninfo(params: dict[str, str]) -> str:
    """Make a connection string, quoting what needs it."""

def conninfo_keywords() -> list[str]:
    """Return the keywords that a connection string may have."""

class BaseConnection:
    """What synchronous and asynchronous connections share."""

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
    def adapters(self) -> Any: ...
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

    def _notifies_begin(self) -> bool:
        """Say that a `notifies()` generator starts; return whether there are notify handlers."""

    def _notifies_end(self) -> None: ...
    _num_transactions: int
    """How many transaction blocks are open. If not 0, `commit()`, `rollback()` and changes of transaction
    characteristics raise `ProgrammingError`."""

    def _parameter_status(self, name: str) -> str | None: ...
    def _transaction_status(self) -> int: ...
    def _backend_pid(self) -> int: ...
    def _server_version(self) -> int: ...
    def _conninfo(self) -> dict[str, str]: ...
    def _password(self) -> str | None: ...
    def _encoding(self) -> str: ...
    def _protocol(self) -> tuple[int, int]: ...
    def _error_message(self) -> str | None: ...

class SyncConnection(BaseConnection):
    """The base of `Connection`."""

    row_factory: Any
    cursor_factory: Any
    @classmethod
    def _connect(cls, params: dict[str, str | None], **options: Any) -> Self: ...
    def cursor(self, *args: Any, **kwargs: Any) -> Any: ...
    def execute(self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool = False) -> Any: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...
    def cancel_safe(self, *, timeout: float = 30.0) -> None: ...
    def set_autocommit(self, value: bool) -> None: ...
    def set_isolation_level(self, value: IsolationLevel | None) -> None: ...
    def set_read_only(self, value: bool | None) -> None: ...
    def set_deferrable(self, value: bool | None) -> None: ...
    def _command(self, sql: str) -> None:
        """Run a command in the simple protocol, as it is, without beginning a transaction before it."""

    def _wait_notifies(self, timeout: float | None) -> list[Notify]: ...

class AsyncConnectionBase(BaseConnection):
    """The base of `AsyncConnection`."""

    row_factory: Any
    cursor_factory: Any
    @classmethod
    async def _connect(cls, params: dict[str, str | None], **options: Any) -> Self: ...
    def cursor(self, *args: Any, **kwargs: Any) -> Any: ...
    async def execute(
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool = False
    ) -> Any: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def close(self) -> None: ...
    async def cancel_safe(self, *, timeout: float = 30.0) -> None: ...
    async def set_autocommit(self, value: bool) -> None: ...
    async def set_isolation_level(self, value: IsolationLevel | None) -> None: ...
    async def set_read_only(self, value: bool | None) -> None: ...
    async def set_deferrable(self, value: bool | None) -> None: ...
    async def _command(self, sql: str) -> None:
        """Run a command in the simple protocol, as it is, without beginning a transaction before it."""

    async def _wait_notifies(self, timeout: float | None) -> list[Notify]: ...

class BaseCursor:
    """What synchronous and asynchronous cursors share."""

    arraysize: int
    """How many rows `fetchmany()` gives when it is not told."""
    format: int
    """The format that results are asked for in: 0 for text, 1 for binary."""

    @property
    def closed(self) -> bool: ...
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
    def pgresult(self) -> None:
        """Always `None`: howdah has no libpq result."""

    @property
    def _query(self) -> Any: ...
    def nextset(self) -> bool | None:
        """Go to the next result. Returns `True`, or `None` if there is none."""

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing, as PEP 249 allows."""

    def setoutputsize(self, size: Any, column: int | None = None) -> None:
        """Do nothing, as PEP 249 allows."""

    def _results_len(self) -> int:
        """Return how many results the last command gave."""

    def _select_result(self, index: int) -> None:
        """Make a result the current one."""

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
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self: ...
    def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None: ...
    def fetchone(self) -> Any: ...
    def fetchmany(self, size: int = 0) -> list[Any]: ...
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
        self, query: Any, params: Any = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self: ...
    async def executemany(self, query: Any, params_seq: Any, *, returning: bool = False) -> None: ...
    async def fetchone(self) -> Any: ...
    async def fetchmany(self, size: int = 0) -> list[Any]: ...
    async def fetchall(self) -> list[Any]: ...
    async def scroll(self, value: int, mode: str = "relative") -> None: ...
    async def close(self) -> None: ...
