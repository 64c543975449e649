"""One way to write a test for both shells: sync objects behind an awaitable face.

A test asks for the fixture `door`, is a coroutine function, and awaits everything. With the door "sync" the methods
run at once, with "asyncio" and "uvloop" they are the driver's own coroutines.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from types import ModuleType
from typing import Any

import pytest

HAS_UVLOOP = importlib.util.find_spec("uvloop") is not None

asyncio_only = pytest.mark.doors("asyncio", "uvloop")
howdah_alone = pytest.mark.parametrize("driver", ["howdah"], indirect=True)
"""What psycopg does not do; a test without `door` asks for the fixture `howdah` instead."""

COROUTINES = frozenset(
    [
        "execute",
        "executemany",
        "fetchone",
        "fetchmany",
        "fetchall",
        "scroll",
        "commit",
        "rollback",
        "close",
        "set_autocommit",
        "set_isolation_level",
        "set_read_only",
        "set_deferrable",
        "cancel_safe",
        "tpc_begin",
        "tpc_prepare",
        "tpc_commit",
        "tpc_rollback",
        "tpc_recover",
        "sync",
        "read",
        "read_row",
        "write",
        "write_row",
        "write_rows",
        "finish",
        "lobject",
        "readall",
        "readinto",
        "seek",
        "tell",
        "truncate",
        "export",
        "unlink",
        "flush",
        "fetch_arrow",
        "copy_arrow",
        "send_feedback",
    ]
)

BLOCKS = frozenset(
    [
        "pipeline",
        "transaction",
        "copy",
        "start_replication",
        "start_physical_replication",
        "follow_changes",
    ]
)


class Door:
    """A driver and one of its shells; remembers its connections so that none outlives the test."""

    def __init__(self, module: ModuleType, kind: str, dsn: str) -> None:
        self.module = module
        self.kind = kind
        self.dsn = dsn
        self._opened: list[Any] = []

    @property
    def is_sync(self) -> bool:
        return self.kind == "sync"

    @property
    def errors(self) -> ModuleType:
        return importlib.import_module(f"{self.module.__name__}.errors")

    @property
    def connection_class(self) -> Any:
        return self.module.Connection if self.is_sync else self.module.AsyncConnection

    @property
    def cursor_class(self) -> Any:
        return self.module.Cursor if self.is_sync else self.module.AsyncCursor

    async def connect(self, conninfo: str | None = None, *, subclass: Any = None, **kwargs: Any) -> Any:
        """Connect to the test server, or to `conninfo`, as an object of the driver's class or a subclass of it."""
        target = self.dsn if conninfo is None else conninfo
        connecting = (subclass or self.connection_class).connect(target, **kwargs)
        conn = connecting if self.is_sync else await connecting
        self._opened.append(conn)
        return SyncFace(conn) if self.is_sync else conn

    def has_lost_one(self) -> bool:
        """Whether a connection that the test has opened is lost."""
        return any(conn.broken for conn in self._opened)

    async def close_all(self) -> None:
        """Close what the test left open."""
        opened, self._opened = self._opened, []
        for conn in opened:
            if self.is_sync:
                conn.close()
            else:
                await conn.close()


async def all_read(door: Door, pipeline: Any) -> None:
    """Wait for what psycopg has not read yet: it may raise an error before it has read what came behind that."""
    if door.module.__name__ == "psycopg":
        with contextlib.suppress(door.module.Error):
            await pipeline.sync()


class SyncFace:
    """A sync connection or cursor whose blocking methods can be awaited."""

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "wrapped", wrapped)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.wrapped, name)
        if name in COROUTINES:
            return _awaitable(self, value)
        if name in BLOCKS:
            return lambda *args, **kwargs: SyncBlock(value(*args, **kwargs))
        if name in ("notifies", "stream", "stream_arrow", "rows", "blocks", "chunks"):
            return lambda *args, **kwargs: SyncGenerator(value(*args, **kwargs))
        if name == "cursor":
            return lambda *args, **kwargs: SyncFace(value(*args, **kwargs))
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.wrapped, name, value)

    async def __aenter__(self) -> SyncFace:
        self.wrapped.__enter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        return self.wrapped.__exit__(*exc)

    def __aiter__(self) -> AsyncIterator[Any]:
        return SyncGenerator(iter(self.wrapped))


class SyncBlock:
    """A sync context manager as an async one."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    async def __aenter__(self) -> Any:
        return SyncFace(self.wrapped.__enter__())

    async def __aexit__(self, *exc: Any) -> Any:
        return self.wrapped.__exit__(*exc)


class SyncGenerator(AsyncIterator[Any]):
    """A sync iterator or generator as an async one."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def __aiter__(self) -> SyncGenerator:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self.wrapped)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        self.wrapped.close()


def new_loop(kind: str) -> Any:
    """The event loop of a shell."""
    factory: Any = importlib.import_module("uvloop").new_event_loop if kind == "uvloop" else asyncio.new_event_loop
    return factory()


def run_on_loop(kind: str, main: Coroutine[Any, Any, None]) -> None:
    """Run on the event loop of a shell; a sync test needs one only to be awaited."""
    if sys.version_info >= (3, 11):
        with asyncio.Runner(loop_factory=lambda: new_loop(kind)) as runner:
            runner.run(main)
    else:
        _run(new_loop(kind), main)


def _run(loop: asyncio.AbstractEventLoop, main: Coroutine[Any, Any, None]) -> None:
    """What `asyncio.Runner` does, for CPython 3.10."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()


def _awaitable(face: SyncFace, method: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        result = method(*args, **kwargs)
        if result is face.wrapped:
            return face
        return SyncFace(result) if hasattr(result, "fetchone") or hasattr(result, "readinto") else result

    return call
