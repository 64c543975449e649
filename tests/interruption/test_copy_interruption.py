"""A COPY that is cut short, by either side and at any moment, and one whose other side is slow."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import threading
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Observer

LINE = "1\t" + "x" * 1000 + "\n"
MANY = "copy (select g, repeat('x', 1000) from generate_series(1, 1000000) g) to stdout"
NEAR = 0.4


async def with_table(door: Door, **kwargs: Any) -> Any:
    conn = await door.connect(autocommit=True, **kwargs)
    await conn.execute("create temp table copied (a int, b text)")
    return conn


async def count(conn: Any) -> int:
    row = await (await conn.execute("select count(*) from copied")).fetchone()
    return int(row[0])


async def test_killed_while_it_takes_data(door: Door, observer: Observer) -> None:
    conn = await with_table(door)
    with pytest.raises(door.module.OperationalError):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write(LINE)
            observer.terminate(conn.info.backend_pid)
            for _ in range(100_000):
                await copy.write(LINE)
    assert conn.closed


@howdah_alone
async def test_killed_while_it_gives_data(door: Door, observer: Observer) -> None:
    conn = await with_table(door)
    with pytest.raises(door.module.OperationalError):
        async with conn.cursor().copy(MANY) as copy:
            await copy.read()
            observer.terminate(conn.info.backend_pid)
            while await copy.read():
                pass
    assert conn.closed
    with pytest.raises(door.module.OperationalError):
        await copy.read()


@howdah_alone
async def test_killed_and_left(door: Door, observer: Observer) -> None:
    """The block ends without a look at the server: its end tells."""
    conn = await with_table(door)
    with pytest.raises(door.module.OperationalError):
        async with conn.cursor().copy("copy copied from stdin"):
            observer.terminate(conn.info.backend_pid)
    assert conn.closed


@pytest.mark.parametrize("error", [LookupError, asyncio.CancelledError, GeneratorExit])
@pytest.mark.parametrize("killed", [True, False])
@pytest.mark.parametrize("statement", ["copy copied from stdin", MANY])
async def test_what_leaves_the_block_of_a_lost_connection(
    door: Door, observer: Observer, caplog: pytest.LogCaptureFixture, statement: str, killed: bool, error: type
) -> None:
    """It is not replaced by what the end of the COPY says."""
    conn = await with_table(door)
    with pytest.raises(error):
        async with conn.cursor().copy(statement) as copy:
            if statement == MANY:
                await copy.read()
            if killed:
                observer.terminate(conn.info.backend_pid)
            else:
                conn.pgconn.finish()
            raise error
    if not killed and statement != MANY:
        assert [(record.levelname, record.name) for record in caplog.records] == [("WARNING", door.module.__name__)]


async def test_a_consumer_that_sleeps(door: Door, observer: Observer) -> None:
    """The server waits: what nobody reads is not received."""
    conn = await with_table(door)
    pid = conn.info.backend_pid
    with contextlib.suppress(ZeroDivisionError):
        async with conn.cursor().copy(MANY) as copy:
            await copy.read()
            event = "select wait_event from pg_stat_activity where pid = %s"
            for _ in range(200):
                await asyncio.sleep(0.02)
                if observer.value(event, [pid]) == "ClientWrite":
                    break
            else:
                pytest.fail("the server does not wait")
            await copy.read()
            raise ZeroDivisionError
    assert await count(conn) == 0


@howdah_alone
async def test_a_server_that_does_not_read(door: Door) -> None:
    """Data that is not taken is not gathered: the writer waits, and is given up at its time."""
    conn = await with_table(door, cancel_timeout=NEAR)
    pid = conn.info.backend_pid
    written = 0
    try:
        with pytest.raises(door.errors.OperationTimeout):
            async with conn.cursor().copy("copy copied from stdin") as copy:
                os.kill(pid, signal.SIGSTOP)
                conn.operation_timeout = NEAR
                for _ in range(1000):
                    await copy.write(LINE * 100)
                    written += 1
    finally:
        os.kill(pid, signal.SIGCONT)
    # What sockets and one buffer hold, of 100 MB.
    assert written < 500
    assert conn.closed


@howdah_alone
async def test_timeouts(door: Door) -> None:
    conn = await with_table(door)
    conn.operation_timeout = NEAR
    for statement in ("copy (select pg_sleep(60)) to stdout", "copy (select 1) to program 'sleep 60'"):
        with pytest.raises(door.errors.OperationTimeout):
            async with conn.cursor().copy(statement) as copy:
                await copy.read()
        assert await count(conn) == 0
    await conn.execute(
        "create function pg_temp.wait() returns trigger language plpgsql as"
        " 'begin perform pg_sleep(60); return null; end'"
    )
    await conn.execute("create trigger waits after insert on copied execute function pg_temp.wait()")
    with pytest.raises(door.errors.OperationTimeout):
        async with conn.cursor().copy("copy copied from stdin") as copy:
            await copy.write(LINE)
    assert await count(conn) == 0


@howdah_alone
@asyncio_only
async def test_cancelled_at_any_moment(door: Door) -> None:
    conn = await with_table(door)
    dice = random.Random(5)

    async def write() -> None:
        async with conn.cursor().copy("copy copied from stdin") as copy:
            while True:
                await copy.write(LINE * 50)

    async def read() -> None:
        async with conn.cursor().copy(MANY) as copy:
            async for _ in copy:
                pass

    for number in range(60):
        task = asyncio.create_task((write if number % 2 else read)())
        for _ in range(dice.choice([0, 1, 2, 3])):
            await asyncio.sleep(0)
        await asyncio.sleep(dice.random() * dice.choice([0, 0.01, 0.1]))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await count(conn) == 0
        assert conn.info.transaction_status == 0


@howdah_alone
@asyncio_only
async def test_others_wait_for_the_end(door: Door) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin") as copy:
        other = asyncio.create_task(count(conn))
        await asyncio.sleep(0.01)
        await copy.write(LINE)
        await asyncio.sleep(0.01)
        assert not other.done()
    assert await other == 1


@howdah_alone
@asyncio_only
async def test_an_operation_that_nobody_awaits(door: Door) -> None:
    conn = await with_table(door)

    async def read_carelessly() -> None:
        async with conn.cursor().copy(MANY) as copy:
            for _ in range(100_000):
                await copy.read()
                unawaited = copy.read()
                del unawaited

    with pytest.warns(RuntimeWarning, match="never awaited"):
        with pytest.raises(door.module.OperationalError):
            await read_carelessly()
    assert await count(conn) == 0


@howdah_alone
@asyncio_only
async def test_tasks_that_share_the_connection(door: Door) -> None:
    """What others ask is not sent behind a COPY that has not ended."""
    conn = await with_table(door, pipelining=True)

    async def ask(number: int) -> None:
        for _ in range(20):
            cur = await conn.execute("select %s::int", (number,))
            assert await cur.fetchone() == (number,)

    async def write(number: int) -> None:
        async with conn.cursor().copy("copy copied from stdin") as copy:
            for _ in range(100):
                await copy.write_row((number, "x" * 3000))

    await asyncio.gather(*(ask(number) for number in range(20)), *(write(number) for number in range(5)))
    assert await count(conn) == 500


async def test_a_block_that_nobody_leaves(door: Door) -> None:
    conn = await with_table(door)
    block = conn.cursor().copy("copy copied from stdin")
    copy = await block.__aenter__()
    await copy.write(LINE)
    del block, copy
    gc.collect()
    assert await count(conn) == 0


class Interrupt(BaseException):
    pass


def test_signals_at_any_moment(howdah: ModuleType, dsn: str) -> None:
    conn = howdah.connect(dsn, autocommit=True)
    conn.execute("create temp table copied (a int, b text)")
    dice = random.Random(6)

    def raise_it(*_: object) -> None:
        raise Interrupt

    def write() -> None:
        with conn.cursor().copy("copy copied from stdin") as copy:
            while True:
                copy.write(LINE * 50)

    def read() -> None:
        with conn.cursor().copy(MANY) as copy:
            for _ in copy:
                pass

    before = signal.signal(signal.SIGUSR1, raise_it)
    main = threading.main_thread().ident
    assert main is not None
    try:
        for number in range(30):
            delay = 0.01 + dice.random() * 0.1
            timer = threading.Timer(delay, signal.pthread_kill, (main, signal.SIGUSR1))
            with pytest.raises(Interrupt):
                timer.start()
                (write if number % 2 else read)()
            timer.join()
            assert conn.execute("select count(*) from copied").fetchone() == (0,)
            assert conn.info.transaction_status == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
        conn.close()
