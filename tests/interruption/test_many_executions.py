"""`executemany()` that is cut short while all that the server has been sent of it has been executed."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import itertools
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.sessions import Observer

pytestmark = howdah_alone

ROWS: list[Any] = [("x" * 1000,)] * 1000
"""More than is queued before it is sent."""


@contextlib.contextmanager
def python_handler() -> Iterator[None]:
    """The handler that raises KeyboardInterrupt, in the place of a runner's."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


async def cut_short(door: Door, observer: Observer, conn: Any) -> None:
    """Have it interrupted between two of its executions, when there is nothing that could be cancelled."""
    pid = conn.info.backend_pid

    def first() -> Iterator[Any]:
        yield from ROWS
        observer.wait_reading(pid)

    if door.is_sync:
        # None of Python's code runs after it, so that it is the wait for the socket that sees it.
        interrupt = zip(map(_thread.interrupt_main, [signal.SIGINT]), strict=True)
        with python_handler(), pytest.raises(KeyboardInterrupt):
            await conn.cursor().executemany("insert into many values (%s)", itertools.chain(first(), interrupt, ROWS))
        return

    def cancelling() -> Iterator[Any]:
        yield from first()
        task.cancel()
        yield from ROWS

    task = asyncio.ensure_future(conn.cursor().executemany("insert into many values (%s)", cancelling()))
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("autocommit", [True, False])
async def test_nothing_of_it_is_kept(door: Door, observer: Observer, autocommit: bool) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table many (value text)")
    await conn.set_autocommit(autocommit)
    await cut_short(door, observer, conn)
    assert conn.info.transaction_status.name == ("IDLE" if autocommit else "INERROR")
    await conn.rollback()
    cur = await conn.execute("select count(*) from many")
    assert await cur.fetchone() == (0,)


async def test_the_transaction_around_it_has_failed(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table many (value text)")
    with pytest.raises(door.errors.InFailedSqlTransaction):
        async with conn.transaction():
            await conn.execute("insert into many values ('before')")
            await cut_short(door, observer, conn)
            assert conn.info.transaction_status.name == "INERROR"
            async with conn.transaction():
                pass
    cur = await conn.execute("select count(*) from many")
    assert await cur.fetchone() == (0,)
