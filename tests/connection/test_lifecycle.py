"""Connections that are not closed, are freed, forked, or live on at the end of the interpreter."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from types import ModuleType
from typing import Any

import psutil
import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Observer


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


def run(code: str, *, may_warn: bool = False) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "" if may_warn else done.stderr) == (0, "")
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


IMPORTS = "import asyncio, warnings, howdah\nDSN = {dsn!r}\n"


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_operation_dropped_while_an_exception_is_raised(dsn: str, action: str) -> None:
    body = f"""
warnings.simplefilter({action!r})
async def main():
    conn = await howdah.AsyncConnection.connect(DSN)
    try:
        print(conn.execute("select 1"), 1 / 0)
    except ZeroDivisionError:
        print("kept")
    await conn.close()
asyncio.run(main())
"""
    assert run(IMPORTS.format(dsn=dsn) + body, may_warn=True) == "kept\n"


def test_connection_dropped_while_an_exception_is_raised(dsn: str) -> None:
    body = """
warnings.simplefilter("ignore")
try:
    print(howdah.connect(DSN), 1 / 0)
except ZeroDivisionError:
    print("sync")
async def main():
    try:
        print(await howdah.AsyncConnection.connect(DSN), 1 / 0)
    except ZeroDivisionError:
        print("async")
asyncio.run(main())
"""
    assert run(IMPORTS.format(dsn=dsn) + body, may_warn=True) == "sync\nasync\n"


def test_child_does_not_wait_for_a_thread_of_its_parent(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        thread = threading.Thread(target=conn.execute, args=["select pg_sleep(1)"])
        thread.start()
        time.sleep(0.2)
        child = os.fork()
        if child == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(10)
            try:
                conn.execute("select 1")
            except howdah.OperationalError:
                conn.close()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        thread.join()
        assert conn.execute("select 3").fetchall() == [(3,)]


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


@howdah_alone
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


@howdah_alone
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
