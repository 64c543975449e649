"""Ctrl-C, cancel() and cancelled tasks in a pipeline: it ends soon, and the connection can be used."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer

SOON = 4.0


@contextlib.contextmanager
def interrupted(observer: Observer, pid: int) -> Iterator[None]:
    """Ctrl-C once the server is running the session's statement; all has to end soon."""

    def send() -> None:
        observer.wait_active(pid, "%pg_sleep%")
        # Let the test come to where it waits.
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    begun = time.monotonic()
    with Meanwhile(send), pytest.raises(KeyboardInterrupt):
        yield
    assert time.monotonic() - begun < SOON


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.parametrize("how", ["fetch", "sync", "commit", "end"])
@pytest.mark.parametrize("autocommit", [True, False])
def test_ctrl_c(connect: Callable[..., Any], observer: Observer, how: str, autocommit: bool) -> None:
    conn = connect(autocommit=autocommit)
    with interrupted(observer, conn.info.backend_pid), conn.pipeline() as p:
        cur = conn.execute("select pg_sleep(60)")
        conn.execute("select 2")
        if how == "fetch":
            cur.fetchone()
        elif how == "sync":
            p.sync()
        elif how == "commit" and not autocommit:
            conn.commit()
    assert not conn.closed
    assert conn.info.pipeline_status.name == "OFF"
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


@howdah_alone
def test_a_pipeline_goes_on_after_ctrl_c(connect: Callable[..., Any], driver: Any, observer: Observer) -> None:
    conn = connect(autocommit=True)
    with conn.pipeline() as p:
        good = conn.execute("select 1 from generate_series(1, 2)")
        assert good.fetchone() == (1,)
        with interrupted(observer, conn.info.backend_pid):
            slow = conn.execute("select pg_sleep(60)")
            behind = conn.execute("select 3")
            slow.fetchone()
        assert p.status.name == "ON"
        assert good.fetchone() == (1,)
        for cur in (slow, behind):
            with pytest.raises(driver.errors.PipelineAborted, match="interrupted"):
                cur.fetchone()
        assert conn.execute("select 4").fetchone() == (4,)


@howdah_alone
def test_ctrl_c_while_more_is_sent_than_the_server_reads(connect: Callable[..., Any], observer: Observer) -> None:
    conn = connect(autocommit=True)
    with interrupted(observer, conn.info.backend_pid), conn.pipeline():
        conn.execute("select pg_sleep(60)")
        conn.execute("select length(%s)", ["x" * (16 << 20)])
    assert conn.execute("select 1").fetchone() == (1,)


@howdah_alone
def test_ctrl_c_in_the_programs_own_code(connect: Callable[..., Any], observer: Observer) -> None:
    """What was sent is given up: the program is to end now."""
    conn = connect(autocommit=True)
    with interrupted(observer, conn.info.backend_pid), conn.pipeline():
        conn.execute("select pg_sleep(60)")
        time.sleep(20)
    assert conn.execute("select 1").fetchone() == (1,)


def test_cancel_from_another_thread(connect: Callable[..., Any], driver: Any, observer: Observer) -> None:
    conn = connect(autocommit=True)

    def cancel() -> None:
        observer.wait_active(conn.info.backend_pid)
        conn.cancel()

    with Meanwhile(cancel), conn.pipeline() as p:
        with pytest.raises(driver.errors.QueryCanceled):
            conn.execute("select pg_sleep(60)").fetchone()
        p.sync()
        assert conn.execute("select 1").fetchone() == (1,)


async def sleeping(conn: Any, observer: Observer) -> None:
    wait = observer.wait_active
    await asyncio.get_running_loop().run_in_executor(None, wait, conn.info.backend_pid, "%pg_sleep%")


@asyncio_only
@pytest.mark.parametrize("how", ["fetch", "sync"])
async def test_cancelled_task(door: Door, observer: Observer, how: str) -> None:
    conn = await door.connect(autocommit=True)

    async def work() -> None:
        async with conn.pipeline() as p:
            cur = await conn.execute("select pg_sleep(60)")
            await (cur.fetchone() if how == "fetch" else p.sync())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await sleeping(conn, observer)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < SOON
    assert not conn.closed
    assert conn.info.pipeline_status.name == "OFF"
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
async def test_timeout_within_the_block(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    begun = time.monotonic()
    async with conn.pipeline():
        cur = await conn.execute("select pg_sleep(60)")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(cur.fetchone(), 0.3)
    assert time.monotonic() - begun < SOON
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
@howdah_alone
async def test_cancelled_in_its_own_code(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)

    async def work() -> None:
        async with conn.pipeline():
            await conn.execute("select pg_sleep(60)")
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await sleeping(conn, observer)
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < SOON
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
@howdah_alone
@pytest.mark.parametrize("also", ["nothing", "sync", "fetch"])
async def test_cancelling_one_of_several_tasks(door: Door, observer: Observer, also: str) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        slow = await conn.execute("select pg_sleep(60)")
        behind = await conn.execute("select 2")
        task = asyncio.create_task(slow.fetchone())
        others = {"nothing": [], "sync": [p.sync], "fetch": [behind.fetchone]}[also]
        waiting = [asyncio.ensure_future(other()) for other in others]
        await asyncio.sleep(0.01)
        await sleeping(conn, observer)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for other in waiting:
            with pytest.raises((door.errors.QueryCanceled, door.errors.PipelineAborted)):
                await other
        assert time.monotonic() - begun < SOON
        with contextlib.suppress(door.module.Error):
            await p.sync()
        assert await (await conn.execute("select 3")).fetchone() == (3,)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
@howdah_alone
async def test_a_connection_that_is_closed_ends_what_waits(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.OperationalError, match="closed"):
        async with conn.pipeline():
            slow = await conn.execute("select pg_sleep(60)")
            task = asyncio.create_task(slow.fetchone())
            await asyncio.sleep(0.01)
            await conn.close()
            with pytest.raises(door.module.OperationalError, match="closed"):
                await task
