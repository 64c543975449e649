"""Large objects whose operations are cut short, and a server that goes away."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Observer

BIG = bytes(range(256)) * 4096 * 8


async def usable(conn: Any) -> None:
    await conn.rollback()
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
@asyncio_only
@pytest.mark.limit(180)
async def test_cancelled_at_random(door: Door) -> None:
    """Nothing is half-done: either all has been written, or the transaction has failed."""
    conn = await door.connect()
    lobject = await conn.lobject()
    await lobject.write(BIG)
    await conn.commit()
    chance = random.Random(5)
    for turn in range(30):
        opened = await conn.lobject(lobject.oid, "rw")
        task = asyncio.ensure_future(opened.write(BIG) if turn % 2 else opened.read())
        await asyncio.sleep(chance.random() * 0.2)
        task.cancel()
        try:
            done = await task
        except asyncio.CancelledError:
            assert conn.info.transaction_status.name in ("INERROR", "INTRANS")
            if turn % 2 and conn.info.transaction_status.name == "INTRANS":
                assert await opened.tell() in (0, len(BIG))
        else:
            assert done in (len(BIG), BIG)
        await usable(conn)
    await conn.commit()
    assert await (await conn.lobject(lobject.oid)).read() == BIG


def blocked(howdah: ModuleType, dsn: str, observer: Observer) -> tuple[Any, Any]:
    """A connection with an open object that somebody else has changed and not committed."""
    conn = howdah.connect(dsn)
    oid = observer.value("select lo_from_bytea(0, 'data')")
    lobject = conn.lobject(oid, "rw")
    observer.conn.execute("begin")
    observer.value("select lo_put(%s, 0, 'other')", (oid,))
    return conn, lobject


def test_ctrl_c_during_a_write(howdah: ModuleType, dsn: str, observer: Observer) -> None:
    conn, lobject = blocked(howdah, dsn, observer)
    killer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        lobject.write(BIG)
    killer.join()
    assert conn.info.transaction_status.name == "INERROR"
    lobject.close()
    conn.rollback()
    observer.conn.execute("rollback")
    assert conn.lobject(lobject.oid).read() == b"data"
    conn.close()


def test_timeout_of_an_operation(howdah: ModuleType, dsn: str, observer: Observer) -> None:
    conn, lobject = blocked(howdah, dsn, observer)
    conn.operation_timeout = 0.5
    with pytest.raises(howdah.errors.OperationTimeout):
        lobject.write(b"mine")
    conn.rollback()
    observer.conn.execute("rollback")
    conn.close()


@howdah_alone
@pytest.mark.parametrize("reads", [True, False])
async def test_killed(door: Door, observer: Observer, reads: bool) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    await lobject.write(BIG)
    observer.terminate(conn.info.backend_pid)
    with pytest.raises(door.module.OperationalError):
        await (lobject.read() if reads else lobject.write(BIG))
    assert conn.closed
    await lobject.close()


@howdah_alone
async def test_error_in_the_middle_of_a_write(door: Door) -> None:
    """The largest size is 4 TiB: the pieces behind are skipped."""
    conn = await door.connect()
    lobject = await conn.lobject()
    await lobject.seek(2048 * (2**31 - 1) - 1024 * 1024)
    with pytest.raises(door.module.Error) as caught:
        await lobject.write(BIG)
    assert caught.value.sqlstate == "22023"
    assert conn.info.transaction_status.name == "INERROR"
    await usable(conn)


@howdah_alone
async def test_data_that_changes_while_it_is_written(door: Door) -> None:
    conn = await door.connect()
    lobject = await conn.lobject()
    data = bytearray(BIG)
    assert await lobject.write(data) == len(data)
    data.clear()
    assert await lobject.seek(0) == 0
    assert await lobject.read() == BIG


@howdah_alone
@asyncio_only
async def test_tasks_that_share_an_object(door: Door) -> None:
    """Operations have their turns: each is whole."""
    conn = await door.connect()
    lobject = await conn.lobject()
    await asyncio.gather(*(lobject.write(bytes([number]) * 1_000_000) for number in range(8)))
    await lobject.seek(0)
    data = await lobject.read()
    assert len(data) == 8_000_000
    assert {data[n : n + 1_000_000] for n in range(0, 8_000_000, 1_000_000)} == {
        bytes([number]) * 1_000_000 for number in range(8)
    }
