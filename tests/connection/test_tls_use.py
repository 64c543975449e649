"""What is done through TLS: much data, streams, pipelines, cancellation, notifications, byte by byte."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, asyncio_only
from support.driving import module
from support.tls import Files, Relay, target, tls_server

pytestmark = pytest.mark.skipif("debian" not in available_flavours(), reason="only Debian's server has TLS")


@pytest.fixture(scope="module")
def encrypted(files: Files) -> Iterator[PgServer]:
    with tls_server(files, files.server, "server") as server:
        yield server


@pytest.fixture
def conninfo(encrypted: PgServer) -> str:
    return f"{target(encrypted)} sslmode=require"


async def test_much_data_both_ways(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo)
    for size in (0, 1, 16_383, 16_384, 16_385, 65_536, 1_000_000, 20_000_000):
        cur = await conn.execute("select %b::bytea, length(%b)", [b"x" * size, b"y" * size])
        assert await cur.fetchone() == (b"x" * size, size)
    cur = await conn.execute("select g, repeat('z', 100) from generate_series(1, 100000) g")
    rows = await cur.fetchall()
    assert len(rows) == 100_000
    assert rows[-1] == (100_000, "z" * 100)


async def test_a_pipeline_that_is_full_in_both_directions(door: Door, conninfo: str) -> None:
    if door.module.__name__ == "psycopg":
        pytest.skip("psycopg's pipelines lock up")
    conn = await door.connect(conninfo, autocommit=True)
    async with conn.pipeline():
        cursors = [await conn.execute("select %s", ["x" * 2_000_000]) for _ in range(12)]
        assert [len((await cur.fetchone())[0]) for cur in cursors] == [2_000_000] * 12


async def test_executemany_and_streams(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo)
    await conn.execute("create temp table t (n int, s text)")
    cur = conn.cursor()
    await cur.executemany("insert into t values (%s, %s)", [(n, "s" * 500) for n in range(20_000)])
    count = 0
    async for n, s in cur.stream("select n, s from t order by n"):
        assert (n, len(s)) == (count, 500)
        count += 1
    assert count == 20_000


async def test_an_error_leaves_the_connection_usable(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo, autocommit=True)
    for _ in range(3):
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
        cur = await conn.execute("select 1")
        assert await cur.fetchone() == (1,)


async def test_a_statement_is_cancelled(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo, autocommit=True)
    if door.is_sync:
        timer = threading.Timer(0.3, conn.wrapped.cancel_safe)
        timer.start()
        with pytest.raises(door.errors.QueryCanceled):
            await conn.execute("select pg_sleep(30)")
        timer.join()
    else:
        sleeping = asyncio.ensure_future(conn.execute("select pg_sleep(30)"))
        await asyncio.sleep(0.3)
        await conn.cancel_safe()
        with pytest.raises(door.errors.QueryCanceled):
            await sleeping
    cur = await conn.execute("select 1")
    assert await cur.fetchone() == (1,)


@asyncio_only
async def test_a_task_is_cancelled(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo, autocommit=True)
    for sql in ("select pg_sleep(30)", "select repeat('x', 1000) from generate_series(1, 1000000)"):
        task = asyncio.ensure_future(conn.execute(sql))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cur = await conn.execute("select 1")
        assert await cur.fetchone() == (1,)


def test_control_c(driver: ModuleType, conninfo: str) -> None:
    with driver.connect(conninfo, autocommit=True) as conn:
        timer = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            conn.execute("select pg_sleep(30)")
        timer.join()
        assert conn.execute("select 1").fetchone() == (1,)


async def test_notifications(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo, autocommit=True)
    other = await door.connect(conninfo, autocommit=True)
    await conn.execute("listen c")
    for n in range(20):
        await other.execute(f"notify c, '{n}'")
    heard = [note.payload async for note in conn.notifies(timeout=10, stop_after=20)]
    assert heard == [str(n) for n in range(20)]


@pytest.mark.parametrize("step", [1, 7])
async def test_byte_by_byte(door: Door, encrypted: PgServer, conninfo: str, step: int) -> None:
    with Relay(encrypted.port, step=step) as relay:
        conn = await door.connect(f"{conninfo} port={relay.port}")
        cur = await conn.execute("select %s", ["x" * 3000])
        assert await cur.fetchone() == ("x" * 3000,)
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
        await conn.rollback()
        await conn.close()


@asyncio_only
async def test_tasks_share_a_connection(door: Door, conninfo: str) -> None:
    if door.module.__name__ == "psycopg":
        pytest.skip("psycopg's tasks wait for each other")
    conn = await door.connect(conninfo, autocommit=True, pipelining=True)
    cursors = await asyncio.gather(*(conn.execute("select %s, %s", [n, "x" * 10_000]) for n in range(200)))
    assert [(await cur.fetchone())[0] for cur in cursors] == list(range(200))


async def test_a_server_that_goes_away(door: Door, conninfo: str) -> None:
    conn = await door.connect(conninfo, autocommit=True)
    killer = await door.connect(conninfo, autocommit=True)
    await killer.execute("select pg_terminate_backend(%s)", [conn.info.backend_pid])
    with pytest.raises(door.module.OperationalError, match="administrator command"):
        await conn.execute("select 1")
    assert conn.closed


def test_a_pgconn_that_the_program_drives(driver: ModuleType, conninfo: str) -> None:
    waiting, generators = module(driver, "waiting"), module(driver, "generators")
    pgconn = waiting.wait_conn(generators.connect(conninfo), 0.1)
    assert pgconn.ssl_in_use
    pgconn.send_query_params(b"select $1", [b"x" * 3_000_000])
    (result,) = waiting.wait(generators.execute(pgconn), pgconn.socket, 0.1)
    assert result.get_value(0, 0) == b"x" * 3_000_000
    assert pgconn.exec_(b"copy (select generate_series(1, 3)) to stdout").status == module(driver).ExecStatus.COPY_OUT
    assert [bytes(pgconn.get_copy_data(0)[1]) for _ in range(4)] == [b"1\n", b"2\n", b"3\n", b""]
    pgconn.finish()
