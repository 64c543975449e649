"""The asynchronous connection."""

from __future__ import annotations

import logging
import warnings
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from . import _howdah
from ._connection_base import BaseConnection, CursorRow
from ._lobject_async import AsyncLargeObject
from ._notify import Notify
from ._pipeline_async import AsyncPipeline
from ._replication_async import AsyncReplicationStream
from ._replication_base import (
    AnyLSN,
    OptionValue,
    Streaming,
    XLogData,
    logical_command,
    pgoutput_options,
    physical_command,
)
from ._server_cursor_async import AsyncServerCursor
from ._shell import AsyncLock, AsyncSecret, open_session_async, run_generator_async
from ._transaction_async import AsyncTransaction
from ._xid import Xid, identifier, recovered
from .conninfo import ConnDict, ConnParam, _connect_params, conninfo_to_dict
from .cursor_async import AsyncCursor
from .rows import AsyncRowFactory, Row, tuple_row

if TYPE_CHECKING:
    from typing import overload

    from ._compat import Self
    from ._cursor_base import Params, Query
    from ._enums import IsolationLevel
    from ._lobject_base import File
    from ._replication_changes import Change
    from .abc import RV, AdaptContext, PQGen
    from .sql import Identifier

_logger = logging.getLogger("howdah")

_MIXED_NOTIFICATIONS = (
    "using 'notifies()' together with notify handlers on the same connection is not reliable:"
    " please use only one of them"
)


class AsyncConnection(_howdah.AsyncConnectionBase, BaseConnection[Row]):
    """A session with a PostgreSQL server, opened with `AsyncConnection.connect()`.

    As a context manager it commits and closes, or rolls back and closes if the block raised. Tasks
    may share it: their commands run one after the other.
    """

    __module__ = "howdah"

    _pool: Any
    _unread_notifies: deque[Notify] | None = None
    _pipeline: ref[AsyncPipeline] | None = None

    def __init__(
        self,
        pgconn: _howdah.Opened | _howdah.PGconn,
        row_factory: AsyncRowFactory[Row] = cast("AsyncRowFactory[Row]", tuple_row),  # noqa: B008
    ) -> None:
        # The session itself has been taken over by `__new__()`.
        self.row_factory = row_factory
        self.cursor_factory = AsyncCursor
        self.server_cursor_factory = AsyncServerCursor

    @classmethod
    async def connect(
        cls,
        conninfo: str = "",
        *,
        autocommit: bool = False,
        prepare_threshold: int | None = 5,
        prepared_max: int | None = 100,
        context: AdaptContext | None = None,
        row_factory: AsyncRowFactory[Row] | None = None,
        cursor_factory: type[AsyncCursor[Row]] | None = None,
        pipelining: bool = False,  # async only
        cancel_timeout: float = 5.0,
        timeout: float | None = None,
        operation_timeout: float | None = None,
        password: AsyncSecret = None,
        oauth_token: AsyncSecret = None,
        **kwargs: ConnParam,
    ) -> Self:
        """Open a connection.

        `conninfo` is a connection string, `keyword=value` or URI; keyword arguments override its
        parameters. A statement is prepared after `prepare_threshold` executions, never if that is
        `None`; of those prepared the connection keeps the `prepared_max` that were used last, or all if that
        is `None`. The connection has the adapters of `context`, by default those of the package.
        `cancel_timeout` and `operation_timeout` are as the attributes. `password` may be a function (on
        asyncio a coroutine function too) that is asked at each attempt to connect, for passwords that
        change; and so may `oauth_token`, the bearer token for servers that ask for one. Raises
        `ProgrammingError` for wrong parameters, `OperationalError` if no server accepts (the message
        lists every attempt), and its subclass `ConnectionTimeout` after `connect_timeout` seconds. That
        is the time for each attempt; `timeout` is the time for all of them together, after which
        `ConnectTimeout` is raised.
        """
        if password is not None:
            kwargs["password"] = cast("ConnParam", password)
        params = await cls._get_connection_params(conninfo, **kwargs)
        opened = await open_session_async(_connect_params(params), timeout, oauth_token)
        try:
            connection = cls(opened)
            connection.cancel_timeout = cancel_timeout
            connection.operation_timeout = operation_timeout
            connection._set_up(bool(autocommit), prepare_threshold, context)
            if prepared_max != 100:
                # A subclass may have set a default of its own.
                connection.prepared_max = prepared_max
            connection._set_pipelining(bool(pipelining))  # async only
            if row_factory:
                connection.row_factory = row_factory
            if cursor_factory:
                connection.cursor_factory = cursor_factory
        except BaseException:
            opened.discard()
            raise
        return connection

    def __del__(self) -> None:
        # A connection of a pool goes away with its pool.
        if not self.closed and not hasattr(self, "_pool"):
            warnings.warn(
                f"{self!r} was deleted while still open: please close it, or use it as a context manager",
                ResourceWarning,
                stacklevel=2,
            )

    @property
    def lock(self) -> AsyncLock:
        """A lock of the connection's, for code that does several things on it and uses this lock everywhere.

        Operations of the connection wait for each other by themselves, and do not take it.
        """
        lock: AsyncLock = self.__dict__.setdefault("_lock", AsyncLock())
        return lock

    @classmethod
    async def _get_connection_params(cls, conninfo: str, **kwargs: Any) -> ConnDict:
        """Return the parameters to connect with: a place for subclasses to change them."""
        return conninfo_to_dict(conninfo, **kwargs)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            if self.closed:
                return
            if exc_type:
                await self._rollback_quietly()
            else:
                await self.commit()
        finally:
            # A connection of a pool goes back to the pool. One that was lost still has its descriptor.
            if not getattr(self, "_pool", None):
                await self.close()

    async def close(self) -> None:
        """Close the connection.

        One that is checked out from a pool with `close_returns=True` goes back to the pool instead.
        """
        pool = getattr(self, "_pool", None)
        if pool is not None and getattr(pool, "close_returns", False):
            await pool.putconn(self)
        else:
            await super().close()

    async def _rollback_quietly(self) -> None:
        """Roll back within `cancel_timeout`, or lose the connection.

        A failure is logged, so that the exception that led here stays the one seen.
        """
        self._set_leaving(True)
        try:
            await self.rollback()
        except Exception as error:
            _logger.warning("error ignored in rollback on %s: %s", self, error)
        finally:
            self._set_leaving(False)

    async def notifies(self, *, timeout: float | None = None, stop_after: int | None = None) -> AsyncGenerator[Notify]:
        """Yield notifications as they arrive.

        It ends after `timeout` seconds, or after the packet in which the `stop_after`th
        notification came, or when the generator is closed. Notifications that arrive between two
        calls, or were not taken from a closed generator, are kept for the next call, as many as
        `max_notifications` and `max_notification_bytes` say. On asyncio reading rests while half of
        that waits to be taken and nothing else runs; a lost server is noticed with the next
        operation then. The connection can be used while the generator is open: between its values,
        and by other threads, or tasks on asyncio, also while it waits. Raises `OperationalError`
        if the connection is lost.
        """
        deadline = None if timeout is None else monotonic() + timeout
        if self._unread_notifies is None:
            self._unread_notifies = deque()
        unread = self._unread_notifies
        received = 0
        has_handlers = self._notifies_begin()
        try:
            if has_handlers:
                warnings.warn(_MIXED_NOTIFICATIONS, RuntimeWarning, stacklevel=2)
            while True:
                if not unread:
                    remaining = None if deadline is None else max(0.0, deadline - monotonic())
                    unread.extend(await self._wait_notifies(remaining))
                    if not unread:
                        break
                while unread:
                    received += 1
                    yield unread.popleft()
                if stop_after is not None and received >= stop_after:
                    break
                if deadline is not None and monotonic() > deadline:
                    break
        finally:
            self._notifies_end()

    async def cancel_safe(self, *, timeout: float | None = 30.0) -> None:
        """Ask the server to cancel the running command, and wait until it has acted on that.

        Nothing happens if there is none. Raises `CancellationTimeout` after `timeout` seconds; 0 and `None`
        stand for no limit. The running command's result does not wait for this. The next command on the
        connection does: a cancellation that is late must not hit it.
        """
        await self._cancel_within(timeout or None)

    async def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Run a generator that works on the connection's `pgconn`, such as those of `howdah.generators`.

        It is woken every `interval` seconds at least. Raises an `OperationalError` if it has not ended after
        `timeout` seconds; what it has asked for goes on then. If it is interrupted the server is asked to cancel that.
        """
        return await run_generator_async(self, gen, interval, timeout)

    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> AsyncTransaction:
        """Return a context manager that commits at the end of its block, or rolls back if it raises.

        Inside another block, or inside a transaction, it is a savepoint: named `savepoint_name`, or
        by howdah. With `force_rollback` it rolls back even if nothing was raised. Raise `Rollback`
        to leave the block and undo it.
        """
        return AsyncTransaction(self, savepoint_name, force_rollback)

    def pipeline(self) -> AsyncPipeline:
        """Return the connection's `AsyncPipeline`, a context manager for pipeline mode.

        In its block statements are sent without waiting for the results of the earlier ones. A result
        that is fetched, and has not come, is waited for. All have come at the end of the block, at
        `AsyncPipeline.sync()`, at both ends of a block within this one, and wherever a transaction
        begins or ends. An error is raised by whatever fetches from the cursor that has it, or at the
        next of these points; statements behind it are not run up to there, and raise
        `PipelineAborted` when they are fetched.
        """
        pipeline = self._pipeline() if self._pipeline else None
        if pipeline is None or not self._pipeline_status():
            pipeline = AsyncPipeline(self)
            # Whoever is in its block keeps it.
            self._pipeline = ref(pipeline)
        return pipeline

    async def lobject(
        self,
        oid: int = 0,
        mode: str | None = None,
        new_oid: int = 0,
        new_file: File | None = None,
        lobject_factory: type[AsyncLargeObject] = AsyncLargeObject,
    ) -> AsyncLargeObject:
        """Open a large object, or create one if `oid` is 0, and return it: a file of bytes.

        `mode` is `r` to read, `w` to write, `rw` for both, or `n` not to open it, which leaves `export()` and
        `unlink()`; by default `r`, and `rw` for what is created. Nothing is cut off in any mode. A new object
        has the OID `new_oid`, or one that the server chooses, and what is in `new_file`, a path or an open
        file of bytes; its methods may be coroutine functions on asyncio. `lobject_factory` is a subclass to
        make it of.

        It is open until the end of the transaction. In autocommit mode and outside of a `transaction()` block
        it can only be created or unlinked: to open it raises `ProgrammingError`. Raises `UndefinedObject` if
        there is none, `UniqueViolation` if `new_oid` is taken, `NotSupportedError` in a pipeline.
        """
        if oid and (new_oid or new_file is not None):
            raise ValueError("new_oid and new_file are for a large object that is created, which oid=0 asks for")
        if mode is None or mode == "":
            mode = "r" if oid else "rw"
        made = lobject_factory(self, oid or new_oid, mode)
        await made._open(not oid, new_file is not None)
        if new_file is not None:
            await made._copy_from(new_file)
        return made

    @asynccontextmanager
    async def start_replication(
        self,
        slot: str,
        lsn: AnyLSN = 0,
        *,
        options: Mapping[str, OptionValue] | None = None,
        status_interval: float | None = None,
    ) -> AsyncIterator[AsyncReplicationStream[XLogData]]:
        """Start logical replication from a slot, for a `with` block: what its output plugin sends, as it comes.

        The connection has to be opened with `replication="database"`, and not be in a transaction. It starts at
        `lsn` if the slot has not been confirmed further; `options` are the plugin's. The server is told every
        `status_interval` seconds how far the client is, by default three times in what the server waits to hear
        from it, and every ten seconds at least; 0 stands for only when the server asks. Raises what the server
        says of the command, such as `UndefinedObject`.
        """
        stream: AsyncReplicationStream[XLogData] = AsyncReplicationStream(self)
        await stream._start(logical_command(slot, lsn, options or {}), status_interval)
        async with stream:
            yield stream

    @asynccontextmanager
    async def start_physical_replication(
        self,
        lsn: AnyLSN,
        *,
        slot: str | None = None,
        timeline: int | None = None,
        status_interval: float | None = None,
    ) -> AsyncIterator[AsyncReplicationStream[XLogData]]:
        """Start physical replication at a position of the log, for a `with` block: its bytes, as they come.

        The connection has to be opened with `replication="true"`. Where the `timeline` ends, the stream does,
        and says in `next_timeline` how to go on. `status_interval` is as for `start_replication()`.
        """
        stream: AsyncReplicationStream[XLogData] = AsyncReplicationStream(self, physical=True)
        await stream._start(physical_command(slot, lsn, timeline), status_interval)
        async with stream:
            yield stream

    @asynccontextmanager
    async def follow_changes(
        self,
        slot: str,
        publications: str | Sequence[str],
        lsn: AnyLSN = 0,
        *,
        version: int | None = None,
        streaming: Streaming = False,
        two_phase: bool = False,
        messages: bool = False,
        binary: bool = False,
        origin: str | None = None,
        status_interval: float | None = None,
    ) -> AsyncIterator[AsyncReplicationStream[Change]]:
        """Start logical replication from a slot of the plugin `pgoutput`, for a `with` block: the changes in it.

        They are objects of the classes in `howdah.replication`, their values loaded by the connection's adapters.
        `version` is that of the plugin's protocol, by default the newest that the server knows. Transactions in
        progress are sent with `streaming` (version 2, `"parallel"` with 4), prepared ones with `two_phase`
        (version 3), what `pg_logical_emit_message()` was given with `messages`. With `binary` values come in binary
        format. `origin="none"` leaves out what comes from other servers. Otherwise as `start_replication()`.
        """
        options = pgoutput_options(
            publications,
            self.info.server_version,
            version=version,
            streaming=streaming,
            two_phase=two_phase,
            messages=messages,
            binary=binary,
            origin=origin,
        )
        stream: AsyncReplicationStream[Change] = AsyncReplicationStream(self, decode=options["proto_version"])
        await stream._start(logical_command(slot, lsn, options), status_interval)
        async with stream:
            yield stream

    async def tpc_begin(self, xid: Xid | str) -> None:
        """Begin a two-phase transaction: to be prepared, or ended without that, by `tpc_commit()` or `tpc_rollback()`.

        `commit()` and `rollback()` cannot be used in it. Raises `ProgrammingError` within a
        transaction, and in autocommit mode.
        """
        await self._tpc_begin(identifier(xid))

    async def tpc_commit(self, xid: Xid | str | None = None) -> None:
        """Commit the two-phase transaction, whether it is prepared or not.

        With `xid`, outside of a two-phase transaction, it commits one that is prepared, for instance
        of those that `tpc_recover()` gives. Raises `InFailedSqlTransaction` if the server has rolled it
        back, because it had failed or could not be prepared.
        """
        await self._tpc_end(True, None if xid is None else identifier(xid))

    async def tpc_rollback(self, xid: Xid | str | None = None) -> None:
        """Roll back the two-phase transaction, whether it is prepared or not; with `xid` as `tpc_commit()`."""
        await self._tpc_end(False, None if xid is None else identifier(xid))

    async def tpc_recover(self) -> list[Xid]:
        """Return the identifiers of the transactions that are prepared, of all databases of the server.

        The transaction status of the connection stays as it is.
        """
        return recovered(await self._tpc_recover(), self.info.timezone)

    async def copy_arrow(self, table: str | Identifier, data: Any, *, columns: Sequence[str] | None = None) -> int:
        """Write the rows of Arrow data into a table, as `copy_arrow()` of a cursor does."""
        async with self.cursor() as cursor:
            return await cursor.copy_arrow(table, data, columns=columns)

    # What follows exists in the extension, and is used from there directly; these are its types.
    if TYPE_CHECKING:
        row_factory: AsyncRowFactory[Row]
        cursor_factory: type[AsyncCursor[Row]]
        server_cursor_factory: type[AsyncServerCursor[Row]]

        @overload
        def cursor(self, *, binary: bool = False) -> AsyncCursor[Row]: ...

        @overload
        def cursor(
            self, *, binary: bool = False, row_factory: AsyncRowFactory[CursorRow]
        ) -> AsyncCursor[CursorRow]: ...

        @overload
        def cursor(
            self,
            name: str,
            *,
            binary: bool = False,
            scrollable: bool | None = None,
            withhold: bool = False,
        ) -> AsyncServerCursor[Row]: ...

        @overload
        def cursor(
            self,
            name: str,
            *,
            binary: bool = False,
            row_factory: AsyncRowFactory[CursorRow],
            scrollable: bool | None = None,
            withhold: bool = False,
        ) -> AsyncServerCursor[CursorRow]: ...

        def cursor(
            self,
            name: str | None = "",
            *,
            binary: bool = False,
            row_factory: Any = None,
            scrollable: bool | None = None,
            withhold: bool = False,
        ) -> AsyncCursor[Any] | AsyncServerCursor[Any]: ...

        async def execute(
            self,
            query: Query,
            params: Params | None = None,
            *,
            prepare: bool | None = None,
            binary: bool = False,
            timeout: float | None = None,
        ) -> AsyncCursor[Row]: ...

        async def commit(self, *, timeout: float | None = None) -> None: ...

        async def rollback(self, *, timeout: float | None = None) -> None: ...

        async def set_autocommit(self, value: bool) -> None: ...

        async def set_isolation_level(self, value: IsolationLevel | None) -> None: ...

        async def set_read_only(self, value: bool | None) -> None: ...

        async def set_deferrable(self, value: bool | None) -> None: ...

        async def tpc_prepare(self) -> None: ...

        async def _tpc_begin(self, id: str) -> None: ...

        async def _tpc_end(self, commit: bool, id: str | None) -> None: ...

        async def _tpc_recover(self) -> list[tuple[str, str, str, str]]: ...

        async def _begin_block(self, savepoint_name: str | None) -> _howdah.TransactionBlock: ...

        async def _end_block(self, block: _howdah.TransactionBlock, commit: bool) -> Exception | None: ...

        async def _pipeline_enter(self) -> None: ...

        async def _pipeline_sync(self) -> None: ...

        async def _pipeline_cancel(self) -> None: ...

        async def _wait_notifies(self, timeout: float | None) -> list[Notify]: ...

        async def _cancel_within(self, timeout: float | None) -> None: ...
