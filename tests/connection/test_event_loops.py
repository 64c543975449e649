"""A connection and its event loop: what it registers there, loops that change, stop or end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import socket
import threading
from asyncio.proactor_events import BaseProactorEventLoop
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.doors import HAS_UVLOOP, Door, asyncio_only, howdah_alone, new_loop
from support.frozen import FrozenServer, descriptors
from support.hostile import HostileServer
from support.sessions import Observer
from support.ticking import ticking
from support.waiting import PATIENCE, soon, until

BUSY = "select pg_sleep(20)"
LOOPS = ["asyncio", *(["uvloop"] if HAS_UVLOOP else [])]


def test_connection_moves_to_another_loop(driver: ModuleType, dsn: str) -> None:
    async def use(conn: Any) -> Any:
        return await (await conn.execute("select 1")).fetchone()

    async def opened() -> Any:
        conn = await driver.AsyncConnection.connect(dsn)
        assert await use(conn) == (1,)
        return conn

    conn = asyncio.run(opened())
    assert asyncio.run(use(conn)) == (1,)
    asyncio.run(conn.close())
    assert conn.closed


@asyncio_only
async def test_many_connections_on_one_loop(door: Door) -> None:
    conns = await asyncio.gather(*(door.connect(autocommit=True) for _ in range(20)))

    async def work(number: int, conn: Any) -> None:
        for i in range(20):
            assert await (await conn.execute("select %s::int + %s::int", (number, i))).fetchone() == (number + i,)

    await asyncio.gather(*(work(n, c) for n, c in enumerate(conns)))


@asyncio_only
async def test_loop_runs_while_a_query_waits(door: Door) -> None:
    conn = await door.connect()
    async with ticking() as ticks:
        await conn.execute("select pg_sleep(0.5)")
    assert ticks.count >= 5


@howdah_alone
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


@howdah_alone
@asyncio_only
async def test_removing_the_users_reader_leaves_the_driver_its_own(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    loop = asyncio.get_running_loop()
    loop.add_reader(conn.fileno(), lambda: None)
    loop.remove_reader(conn.fileno())
    assert await asyncio.wait_for((await conn.execute("select 1")).fetchone(), PATIENCE) == (1,)


@howdah_alone
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


@pytest.mark.parametrize("queued", [0, 2])
def test_loop_closed_with_operations_pending(howdah: ModuleType, dsn: str, queued: int) -> None:
    first = asyncio.new_event_loop()
    conn = first.run_until_complete(howdah.AsyncConnection.connect(dsn, autocommit=True))
    tasks = [first.create_task(conn.execute(BUSY)) for _ in range(1 + queued)]
    first.run_until_complete(asyncio.sleep(0.1))
    first.close()

    async def again() -> Any:
        return await (await soon(conn.execute("select 8"))).fetchall()

    second = asyncio.new_event_loop()
    assert second.run_until_complete(again()) == [(8,)]
    second.run_until_complete(close(conn))
    second.close()
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_loop_stopped_with_an_operation_pending(howdah: ModuleType, dsn: str) -> None:
    first = asyncio.new_event_loop()
    conn = first.run_until_complete(howdah.AsyncConnection.connect(dsn, autocommit=True))
    task = first.create_task(conn.execute("select pg_sleep(0.3), 7"))
    first.run_until_complete(asyncio.sleep(0.05))

    async def again() -> Any:
        return await (await soon(conn.execute("select 8"))).fetchall()

    second = asyncio.new_event_loop()
    with pytest.raises(RuntimeError, match="unfinished in another event loop"):
        second.run_until_complete(again())
    assert first.run_until_complete(first.run_until_complete(task).fetchone()) == ("", 7)
    assert second.run_until_complete(again()) == [(8,)]
    second.run_until_complete(close(conn))
    second.close()
    first.close()


Elsewhere = Callable[[Awaitable[Any]], Awaitable[Any]]


@contextlib.contextmanager
def loop_in_a_thread(kind: str) -> Iterator[Elsewhere]:
    """Runs a loop in another thread, and gives what has it wait for something."""
    loop = new_loop(kind)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def awaited(work: Awaitable[Any]) -> Any:
        return await work

    def there(work: Awaitable[Any]) -> Awaitable[Any]:
        return soon(asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(work), loop)))

    try:
        yield there
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.parametrize("kind", LOOPS)
def test_moves_between_loops_that_run(driver: ModuleType, dsn: str, kind: str) -> None:
    async def main(there: Elsewhere) -> None:
        conn = await there(driver.AsyncConnection.connect(dsn))
        for n in range(10):
            cur = await there(conn.execute("select %s::int", (n,)))
            assert await there(cur.fetchone()) == (n,)
            cur = await soon(conn.execute("select %s::int", (-n,)))
            assert await cur.fetchone() == (-n,)
            await (there(conn.rollback()) if n % 2 else soon(conn.commit()))
        await soon(conn.close())

    with loop_in_a_thread(kind) as there:
        asyncio.run(main(there))


@pytest.mark.parametrize("kind", LOOPS)
def test_a_loop_that_was_left_forgets_the_socket(howdah: ModuleType, dsn: str, kind: str) -> None:
    async def main(there: Elsewhere) -> None:
        await there(asyncio.sleep(0))
        before = descriptors()
        conn = await there(howdah.AsyncConnection.connect(dsn, autocommit=True))
        await soon(conn.execute("select 1"))
        await there(asyncio.sleep(0))
        own = descriptors()
        for _ in range(10):
            await there(conn.execute("select 2"))
            await soon(conn.execute("select 1"))
        await there(asyncio.sleep(0))
        assert descriptors() == own
        await soon(conn.close())
        assert descriptors() == before

    with loop_in_a_thread(kind) as there:
        asyncio.run(main(there))


@pytest.mark.parametrize("kind", LOOPS)
def test_stays_in_a_loop_that_uses_it(howdah: ModuleType, dsn: str, observer: Observer, kind: str) -> None:
    async def main(there: Elsewhere) -> None:
        conn = await there(howdah.AsyncConnection.connect(dsn, autocommit=True))
        busy = asyncio.ensure_future(there(conn.execute(BUSY)))
        await asyncio.sleep(0)
        observer.wait_active(conn.info.backend_pid, "%pg_sleep%")
        with pytest.raises(RuntimeError, match="in use in another event loop"):
            await soon(conn.execute("select 1"))
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy
        await there(conn.execute("select 7"))
        assert await (await soon(conn.execute("select 8"))).fetchone() == (8,)
        await conn.close()

    with loop_in_a_thread(kind) as there:
        asyncio.run(main(there))


async def queued(conn: Any, _: FrozenServer) -> None:
    await asyncio.gather(*(conn.execute("select 1") for _ in range(3)))


async def running(conn: Any, _: FrozenServer) -> None:
    await conn.execute("select 1")


async def many(conn: Any, _: FrozenServer) -> None:
    await conn.cursor().executemany("select %s", (["x" * 10_000] for _ in itertools.count()))


async def listening(conn: Any, _: FrozenServer) -> None:
    async for notification in conn.notifies(timeout=50):
        print(notification)


async def in_a_block(conn: Any, _: FrozenServer) -> None:
    async with conn.transaction():
        pass


async def leaving(conn: Any, server: FrozenServer) -> None:
    conn.cancel_timeout = 30
    server.status = b"T"
    server.frozen = False
    server.go.set()
    with contextlib.suppress(ZeroDivisionError):
        async with conn:
            await conn.execute("select 1")
            server.frozen = True
            raise ZeroDivisionError


async def cancelled(conn: Any, _: FrozenServer) -> None:
    await asyncio.wait_for(conn.execute("select 1"), 0.03)


async def cancelled_twice(conn: Any, _: FrozenServer) -> None:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(asyncio.wait_for(conn.execute("select 1"), 0.03), 0.05)
    await asyncio.sleep(50)


async def asking(conn: Any, server: FrozenServer) -> None:
    task = asyncio.create_task(conn.execute("select 1"))
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    await until(server.reading.is_set)
    conn.cancel()
    await conn.cancel_safe(timeout=30)


async def nothing(_: Any, __: FrozenServer) -> None:
    await asyncio.sleep(50)


PHASES = [queued, running, many, listening, in_a_block, leaving, cancelled, cancelled_twice, asking, nothing]


@pytest.mark.parametrize("kind", LOOPS)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.__name__)
def test_loops_closed_with_an_operation_in_flight_leave_nothing_behind(
    howdah: ModuleType, phase: Callable[..., Any], kind: str
) -> None:
    def turn() -> None:
        loop = new_loop(kind)
        opened = howdah.AsyncConnection.connect(server.dsn, autocommit=True)
        conn = loop.run_until_complete(opened)
        # A connection of a pool does not warn.
        conn._pool = None
        server.reading.clear()
        task = loop.create_task(phase(conn, server))
        loop.run_until_complete(asyncio.sleep(0.12))
        assert not task.done()
        task._log_destroy_pending = False
        loop.close()

    with FrozenServer(frozen=True) as server:
        turn()
        gc.collect()
        before = descriptors() - len(server.sockets)
        for _ in range(10):
            turn()
        gc.collect()
        assert descriptors() - len(server.sockets) == before


@pytest.mark.parametrize("kind", LOOPS)
def test_loops_closed_while_connecting_leave_nothing_behind(howdah: ModuleType, kind: str) -> None:
    def turn() -> None:
        loop = new_loop(kind)
        task = loop.create_task(howdah.AsyncConnection.connect(server.dsn))
        loop.run_until_complete(asyncio.sleep(0.05))
        assert not task.done()
        task._log_destroy_pending = False
        loop.close()

    with HostileServer(lambda peer: peer.drain()) as server:
        turn()
        gc.collect()
        before = descriptors() - len(server.sockets)
        for _ in range(10):
            turn()
        gc.collect()
        assert descriptors() - len(server.sockets) == before


@howdah_alone
@asyncio_only
async def test_closed_by_another_thread(howdah: ModuleType, door: Door) -> None:
    conn = await door.connect(autocommit=True)
    running = asyncio.create_task(conn.execute(BUSY))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(lambda: asyncio.run(close(conn)))
    with pytest.raises(howdah.OperationalError, match="closed"):
        await soon(running)


async def test_time_limit_where_asyncio_has_none(howdah: ModuleType) -> None:
    assert howdah
    from howdah._shell import _cancelled_after

    assert await _cancelled_after(5, asyncio.sleep(0, "done")) == "done"
    with pytest.raises(asyncio.TimeoutError):
        await _cancelled_after(0.01, asyncio.sleep(5))
    task = asyncio.create_task(_cancelled_after(5, asyncio.sleep(5)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def close(conn: Any) -> None:
    await conn.close()


def test_statements_that_a_closed_loop_has_left(howdah: ModuleType, dsn: str) -> None:
    async def begin() -> Any:
        conn = await howdah.AsyncConnection.connect(dsn, autocommit=True, pipelining=True)
        tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(20)")) for _ in range(3)]
        await asyncio.sleep(0.1)
        return conn, tasks

    async def go_on(conn: Any) -> None:
        cursors = await asyncio.gather(conn.execute("select 1"), conn.execute("select 2"))
        assert [await cur.fetchone() for cur in cursors] == [(1,), (2,)]
        # The reader rests between the rows of a stream, if nothing is left over that runs.
        rows = [row async for row in conn.cursor().stream("select generate_series(1, 300000)")]
        assert len(rows) == 300_000
        await conn.close()

    loop = asyncio.new_event_loop()
    conn, tasks = loop.run_until_complete(begin())
    loop.close()
    asyncio.run(asyncio.wait_for(go_on(conn), 20))
    del tasks


@pytest.mark.limit(30)
def test_a_loop_closed_while_a_frozen_server_is_asked_to_cancel(howdah: ModuleType, dsn: str) -> None:
    first = asyncio.new_event_loop()
    conn = first.run_until_complete(howdah.AsyncConnection.connect(dsn, autocommit=True))
    task = first.create_task(conn.execute(BUSY))
    first.run_until_complete(asyncio.sleep(0.1))
    pid = conn.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        task.cancel()
        first.run_until_complete(asyncio.sleep(0.05))
        first.close()

        async def again() -> None:
            await conn.execute("select 8")

        # The other loop knows when the time is over.
        with pytest.raises(howdah.OperationalError):
            asyncio.run(again())
        assert conn.closed
    finally:
        os.kill(pid, signal.SIGCONT)
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_loop_that_cannot_watch_sockets(howdah: ModuleType, dsn: str) -> None:
    """Such as ProactorEventLoop, the default on Windows, whose base class every system has."""

    class Proactor(asyncio.SelectorEventLoop):
        add_reader = BaseProactorEventLoop.add_reader

    async def main() -> None:
        with pytest.raises(howdah.InterfaceError, match="Proactor has no add_reader") as told:
            await howdah.AsyncConnection.connect(dsn)
        assert "loop_factory=asyncio.SelectorEventLoop" in str(told.value)
        assert "WindowsSelectorEventLoopPolicy" in str(told.value)

    loop = Proactor()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_system_without_unix_sockets(howdah: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        # The loop has been made, for which the system needs them.
        monkeypatch.delattr(socket, "AF_UNIX")
        with pytest.raises(howdah.OperationalError, match="Unix sockets are not supported on this system"):
            await howdah.AsyncConnection.connect(host=str(tmp_path))

    asyncio.run(main())
