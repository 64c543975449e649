"""Unclosed connections, forks, event loops, and connections shared by threads and tasks."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door
from support.sessions import Observer
from support.ticking import ticking

asyncio_only = pytest.mark.doors("asyncio", "uvloop")


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_unclosed_connection_warns_once(driver: ModuleType, dsn: str, observer: Observer) -> None:
    conn = driver.connect(dsn)
    pid, reference = conn.info.backend_pid, weakref.ref(conn)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del conn
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning]
    assert "deleted while still open" in str(caught[0].message)
    assert reference() is None
    observer.wait_gone(pid)


async def test_closed_connection_does_not_warn(door: Door) -> None:
    cls = door.module.Connection if door.is_sync else door.module.AsyncConnection
    conn = cls.connect(door.dsn) if door.is_sync else await cls.connect(door.dsn)
    reference = weakref.ref(conn)
    closing = conn.close()
    if not door.is_sync:
        await closing
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del conn
        gc.collect()
    assert reference() is None
    assert [str(w.message) for w in caught] == []


@asyncio_only
async def test_unclosed_asyncio_connection_warns_once(door: Door, observer: Observer, dsn: str) -> None:
    conn = await door.module.AsyncConnection.connect(dsn)
    await conn.execute("select 1")
    pid = conn.info.backend_pid
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del conn
        gc.collect()
    assert [w.category for w in caught] == [ResourceWarning]
    await asyncio.sleep(0)
    observer.wait_gone(pid)


def test_cursor_keeps_the_connection_alive(driver: ModuleType, dsn: str) -> None:
    cur = driver.connect(dsn).execute("select 1")
    gc.collect()
    assert cur.fetchone() == (1,)
    cur.connection.close()


async def test_connections_and_cursors_are_freed(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select 1")
    references = [
        weakref.ref(conn.wrapped if door.is_sync else conn),
        weakref.ref(cur.wrapped if door.is_sync else cur),
    ]
    await door.close_all()
    del conn, cur
    await asyncio.sleep(0)
    gc.collect()
    assert [r() for r in references] == [None, None]


async def test_descriptors_are_freed(door: Door) -> None:
    conn = await door.connect()
    await conn.close()
    before = open_files()
    for _ in range(20):
        conn = await door.connect()
        await conn.execute("select 1")
        await conn.close()
    for _ in range(5):
        with pytest.raises(door.module.OperationalError):
            await door.connect("host=/nowhere dbname=x")
    await asyncio.sleep(0)
    assert open_files() <= before


FORK = """
import os, sys, warnings
import {driver} as driver
conn = driver.connect({dsn!r}, autocommit=True)
conn.execute("select 1")
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    try:
        conn.close()
    finally:
        os._exit(0)
os.waitpid(child, 0)
print(conn.execute("select 'parent lives'").fetchone()[0])
conn.close()
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_forked_child_that_closes(howdah: ModuleType, dsn: str) -> None:
    assert run(FORK.format(driver="howdah", dsn=dsn)) == "parent lives\n"


def test_forked_child_that_exits(driver: ModuleType, dsn: str) -> None:
    code = FORK.replace("conn.close()\n    finally", "pass\n    finally")
    assert run(code.format(driver=driver.__name__, dsn=dsn)) == "parent lives\n"


def test_forked_child_cannot_use_the_connection(howdah: ModuleType, dsn: str) -> None:
    use = """try:
            conn.execute("select 'child'")
        except driver.Error as ex:
            print(type(ex).__name__, flush=True)"""
    code = FORK.replace("conn.close()\n    finally", use + "\n    finally")
    kind, parent = run(code.format(driver="howdah", dsn=dsn)).splitlines()
    assert kind in ("InterfaceError", "OperationalError")
    assert parent == "parent lives"


def test_fork_with_an_asyncio_connection(howdah: ModuleType, dsn: str) -> None:
    code = f"""
import asyncio, os, warnings
import howdah
async def main():
    conn = await howdah.AsyncConnection.connect({dsn!r}, autocommit=True)
    await conn.execute("select 1")
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    print((await (await conn.execute("select 'parent lives'")).fetchone())[0])
    await conn.close()
asyncio.run(main())
"""
    assert run(code) == "parent lives\n"


def test_interpreter_exit_with_an_open_connection(driver: ModuleType, dsn: str) -> None:
    code = f"import {driver.__name__} as d\nconn = d.connect({dsn!r})\nconn.execute('select 1')\nprint('end')"
    assert run(code) == "end\n"


def test_interpreter_exit_with_an_open_asyncio_connection(driver: ModuleType, dsn: str) -> None:
    code = f"""
import asyncio, {driver.__name__} as d
async def main():
    global conn
    conn = await d.AsyncConnection.connect({dsn!r})
    await conn.execute('select 1')
asyncio.run(main())
print('end')
"""
    assert run(code) == "end\n"


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


def test_threads_share_a_connection(connect: Callable[..., Any]) -> None:
    conn = connect()
    wrong: list[Any] = []

    def work(number: int) -> None:
        try:
            for i in range(50):
                cur = conn.execute("select %s::int, %s::int", (number, i))
                if (row := cur.fetchone()) != (number, i):
                    wrong.append((number, i, row))
        except Exception as ex:
            wrong.append(ex)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_run_while_a_query_waits(connect: Callable[..., Any]) -> None:
    conn = connect()
    count, stop = 0, threading.Event()

    def tick() -> None:
        nonlocal count
        while not stop.wait(0.01):
            count += 1

    ticker = threading.Thread(target=tick)
    ticker.start()
    conn.execute("select pg_sleep(0.5)")
    stop.set()
    ticker.join()
    assert count >= 5


def test_thread_waits_for_its_turn(connect: Callable[..., Any], observer: Observer) -> None:
    conn = connect()
    order: list[str] = []

    def slow() -> None:
        conn.execute("select pg_sleep(0.5)")
        order.append("slow")

    thread = threading.Thread(target=slow)
    thread.start()
    observer.wait_active(conn.info.backend_pid, "%pg_sleep%")
    conn.execute("select 1")
    order.append("quick")
    thread.join()
    assert order == ["slow", "quick"]


@asyncio_only
async def test_tasks_share_a_connection(door: Door) -> None:
    conn = await door.connect()

    async def work(number: int) -> None:
        for i in range(30):
            cur = await conn.execute("select %s::int, %s::int", (number, i))
            assert await cur.fetchone() == (number, i)

    await asyncio.gather(*(work(i) for i in range(20)))


@asyncio_only
async def test_tasks_share_a_connection_and_some_fail(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    async def work(number: int) -> Any:
        return await (await conn.execute("select 100 / %s", (number,))).fetchone()

    results = await asyncio.gather(*(work(i % 3) for i in range(30)), return_exceptions=True)
    for i, result in enumerate(results):
        if i % 3:
            assert result == (100 // (i % 3),)
        else:
            assert isinstance(result, door.errors.DivisionByZero)


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


@asyncio_only
async def test_context_variables_reach_the_handlers(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    tasks: list[Any] = []
    conn.add_notice_handler(lambda diag: tasks.append(diag.message_primary))
    await asyncio.create_task(conn.execute("do $$ begin raise notice 'x'; end $$"))
    assert tasks == ["x"]
