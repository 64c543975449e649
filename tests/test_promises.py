"""What howdah promises beyond psycopg: see DESIGN.md, "asyncio" and "Promises"."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from types import ModuleType
from typing import Any

import psutil
import pytest

from support.doors import Door
from support.hostile import GREETING, HostileServer, Peer, message, parameter
from support.sessions import Meanwhile, Observer

asyncio_only = pytest.mark.doors("asyncio", "uvloop")
PATIENCE = 20.0


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """Hides the fixture of both drivers: here `door` is howdah's alone."""
    return howdah


async def until(condition: Any) -> None:
    """Let the loop run until the condition holds, without an operation on any connection."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.005)


@asyncio_only
async def test_notify_handler_runs_while_idle(door: Door, observer: Observer, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    seen: list[str] = []
    conn.add_notify_handler(lambda n: seen.append(n.payload))
    for i in range(3):
        observer.notify(channel, str(i))
        await until(lambda i=i: len(seen) == i + 1)
    assert seen == ["0", "1", "2"]


@asyncio_only
async def test_notices_and_parameters_arrive_while_idle(door: Door) -> None:
    notice = message(b"N", b"SWARNING\0VWARNING\0C01000\0Mgoing down soon\0\0")

    def script(peer: Peer) -> None:
        peer.greet(GREETING)
        time.sleep(0.1)
        peer.send(notice + parameter(b"application_name", b"renamed"))
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn)
        seen: list[str] = []
        conn.add_notice_handler(lambda diag: seen.append(diag.message_primary))
        await until(lambda: seen)
        await until(lambda: conn.info.parameter_status("application_name") == "renamed")
        assert seen == ["going down soon"]
        await door.close_all()


@asyncio_only
async def test_lost_server_is_noticed_at_once(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    observer.terminate(conn.info.backend_pid)
    await until(lambda: conn.closed)
    assert conn.broken
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")


@asyncio_only
async def test_lost_server_is_noticed_on_a_connection_that_never_worked(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    observer.terminate(conn.info.backend_pid)
    await until(lambda: conn.closed)
    assert conn.broken


@asyncio_only
async def test_reader_of_the_user_keeps_firing_after_queries(door: Door, observer: Observer, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    fired = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(conn.fileno(), fired.set)
    for i in range(5):
        assert await (await conn.execute("select %s::int", (i,))).fetchone() == (i,)
    for i in range(3):
        fired.clear()
        observer.notify(channel, str(i))
        await asyncio.wait_for(fired.wait(), PATIENCE)
        await conn.execute("select 1")
    fired.clear()
    observer.terminate(conn.info.backend_pid)
    await asyncio.wait_for(fired.wait(), PATIENCE)
    await until(lambda: conn.closed)


@asyncio_only
async def test_removing_the_users_reader_leaves_the_driver_its_own(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    loop = asyncio.get_running_loop()
    loop.add_reader(conn.fileno(), lambda: None)
    loop.remove_reader(conn.fileno())
    assert await asyncio.wait_for((await conn.execute("select 1")).fetchone(), PATIENCE) == (1,)


@asyncio_only
async def test_closing_leaves_no_reader_behind(door: Door) -> None:
    for _ in range(10):
        conn = await door.connect()
        await conn.execute("select 1")
        await conn.close()
    reader, writer = os.pipe()
    try:
        loop = asyncio.get_running_loop()
        got = asyncio.Event()
        loop.add_reader(reader, got.set)
        os.write(writer, b"x")
        await asyncio.wait_for(got.wait(), PATIENCE)
        loop.remove_reader(reader)
    finally:
        os.close(reader)
        os.close(writer)


class Custom(Exception):
    """What a user's signal handler raises."""


def test_any_exception_of_a_signal_handler_leaves_a_usable_connection(
    howdah: ModuleType, dsn: str, observer: Observer
) -> None:
    def handler(*_: object) -> None:
        raise Custom

    def send() -> None:
        observer.wait_active(conn.info.backend_pid)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, handler)
    try:
        with howdah.connect(dsn, autocommit=True) as conn:
            with Meanwhile(send), pytest.raises(Custom):
                conn.execute("select pg_sleep(60)")
            assert conn.execute("select 1").fetchone() == (1,)
    finally:
        signal.signal(signal.SIGUSR1, previous)


@pytest.mark.parametrize("count", [1, 2])
def test_message_over_1_gib_is_refused_before_it_is_sent(howdah: ModuleType, dsn: str, count: int) -> None:
    # psycopg sends it, and loses the connection with an OperationalError.
    value = bytes(2**30) if count == 1 else bytes(600_000_000)
    query = "select " + ", ".join(["length(%b)"] * count)
    with howdah.connect(dsn, autocommit=True) as conn:
        with pytest.raises(howdah.OperationalError):
            conn.execute(query, (value,) * count)
        assert conn.info.transaction_status.name == "IDLE"
        assert conn.execute("select 1").fetchone() == (1,)


@asyncio_only
async def test_notify_handler_that_raises(door: Door, observer: Observer, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    seen: list[str] = []

    def bad(notify: Any) -> None:
        seen.append(notify.payload)
        raise ZeroDivisionError

    conn.add_notify_handler(bad)
    observer.notify(channel, "a", "b")
    await until(lambda: len(seen) == 2)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


def test_first_statement_needs_one_round_trip(howdah: ModuleType) -> None:
    # BEGIN rides with the first statement: the server sees both before it has answered either.
    received: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.greet()
        while b"S" not in received and received.count(b"Q") < 2:
            received.append(peer.read_message()[0])

    with HostileServer(script) as server, howdah.connect(server.dsn) as conn, pytest.raises(howdah.OperationalError):
        conn.execute("select %s", (1,))
    assert {b"P", b"B", b"E"} <= set(received)


async def one_of_everything(door: Door, conn: Any, channel: str) -> None:
    await conn.execute("select %s, %s, %s", (1, "x", [1.5]))
    await conn.execute(f"listen {channel}")
    await conn.execute(f"notify {channel}")
    async for _ in conn.notifies(timeout=0):
        pass
    await conn.execute("do $$ begin raise notice 'x'; end $$")
    try:
        await conn.execute("select wat")
    except door.module.Error:
        pass
    await conn.cursor().executemany("select %s::text", [("x",)] * 5, returning=True)


@pytest.mark.limit(300)
async def test_no_memory_is_lost(door: Door, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    conn.add_notice_handler(lambda diag: None)
    process = psutil.Process()
    for _ in range(300):
        await one_of_everything(door, conn, channel)
    gc.collect()
    before = process.memory_info().rss
    for _ in range(1000):
        await one_of_everything(door, conn, channel)
    gc.collect()
    assert process.memory_info().rss - before < 4_000_000


@pytest.mark.limit(300)
async def test_no_memory_is_lost_by_connecting(door: Door) -> None:
    process = psutil.Process()

    async def connect(times: int) -> None:
        for _ in range(times):
            conn = await door.connect()
            await conn.execute("select 1")
            await conn.close()
            await door.close_all()

    await connect(100)
    gc.collect()
    before = process.memory_info().rss
    await connect(300)
    gc.collect()
    assert process.memory_info().rss - before < 4_000_000
