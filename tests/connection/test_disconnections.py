"""Lost servers: what the next operation raises, and how to notice before it."""

from __future__ import annotations

import asyncio
import os
import selectors
import signal
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer
from support.waiting import until


async def test_terminated_while_idle(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    observer.terminate(conn.info.backend_pid)
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")
    assert (conn.closed, conn.broken) == (True, True)
    assert conn.info.transaction_status.name == "UNKNOWN"
    with pytest.raises(door.module.OperationalError, match="closed"):
        await conn.execute("select 1")
    await conn.close()
    assert (conn.closed, conn.broken) == (True, True)


async def test_terminated_in_a_transaction(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    observer.terminate(conn.info.backend_pid)
    with pytest.raises(door.module.OperationalError):
        await conn.commit()
    assert conn.broken
    with pytest.raises(door.module.OperationalError):
        await conn.rollback()


async def test_terminated_during_a_query(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    pid = conn.info.backend_pid

    def terminate() -> None:
        observer.wait_active(pid)
        observer.terminate(pid)

    with Meanwhile(terminate), pytest.raises(door.errors.AdminShutdown) as caught:
        await conn.execute("select pg_sleep(60)")
    assert isinstance(caught.value, door.module.OperationalError)
    assert caught.value.sqlstate == "57P01"
    assert conn.broken


async def test_terminated_during_executemany(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    pid = conn.info.backend_pid

    def terminate() -> None:
        observer.wait_active(pid, "%pg_sleep%")
        observer.terminate(pid)

    with Meanwhile(terminate), pytest.raises(door.module.OperationalError):
        await conn.cursor().executemany("select pg_sleep(%s)", [(0,), (60,), (60,)])
    assert conn.broken


async def test_cursor_of_a_lost_connection(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    observer.terminate(conn.info.backend_pid)
    with pytest.raises(door.module.OperationalError):
        await cur.execute("select 1")
    with pytest.raises(door.module.OperationalError):
        conn.cursor()


async def test_server_killed(door: Door, own_server: PgServer) -> None:
    conn = await door.connect(own_server.dsn)
    own_server.stop("immediate")
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")
    assert (conn.closed, conn.broken) == (True, True)
    with pytest.raises(door.module.OperationalError):
        await door.connect(own_server.dsn)
    own_server.start()
    conn = await door.connect(own_server.dsn)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_session_terminates_itself(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.AdminShutdown):
        await conn.execute("select pg_terminate_backend(pg_backend_pid())")
    assert conn.broken


async def test_idle_in_transaction_timeout(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    await conn.execute("set idle_in_transaction_session_timeout = '50ms'")
    observer.wait_gone(conn.info.backend_pid)
    with pytest.raises(door.errors.IdleInTransactionSessionTimeout):
        await conn.execute("select 1")
    assert conn.broken


def test_selectors_example_of_the_page(connect: Callable[..., Any], driver: ModuleType, observer: Observer) -> None:
    conn = connect()
    conn.autocommit = True
    sel = selectors.DefaultSelector()
    sel.register(conn, selectors.EVENT_READ)
    lost = False
    with Meanwhile(observer.terminate, conn.info.backend_pid, after=0.1):
        for _ in range(60):
            if not sel.select(timeout=1.0):
                continue
            try:
                conn.execute("SELECT 1")
            except driver.OperationalError:
                lost = True
                break
    sel.close()
    assert lost
    assert (conn.closed, conn.broken) == (True, True)


def test_selector_is_quiet_after_queries(connect: Callable[..., Any]) -> None:
    conn = connect()
    conn.autocommit = True
    with selectors.DefaultSelector() as sel:
        sel.register(conn, selectors.EVENT_READ)
        assert sel.select(timeout=0) == []
        for i in range(5):
            conn.execute("select %s::int", (i,))
        assert sel.select(timeout=0) == []


def test_selector_wakes_for_a_notification(connect: Callable[..., Any], observer: Observer, channel: str) -> None:
    conn = connect()
    conn.autocommit = True
    conn.execute(f"listen {channel}")
    with selectors.DefaultSelector() as sel:
        sel.register(conn, selectors.EVENT_READ)
        observer.notify(channel, "x")
        assert sel.select(timeout=20)
        assert [n.payload for n in conn.notifies(timeout=0)] == ["x"]
        assert sel.select(timeout=0) == []


@asyncio_only
async def test_add_reader_example_of_the_page(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    ev = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(conn.fileno(), ev.set)
    lost = False
    with Meanwhile(observer.terminate, conn.info.backend_pid, after=0.1):
        for _ in range(60):
            try:
                await asyncio.wait_for(ev.wait(), 1.0)
            except asyncio.TimeoutError:
                continue
            try:
                await conn.execute("SELECT 1")
            except door.module.OperationalError:
                lost = True
                break
    assert lost
    assert (conn.closed, conn.broken) == (True, True)


async def test_fileno_after_close(door: Door) -> None:
    conn = await door.connect()
    number = conn.fileno()
    os.fstat(number)
    await conn.close()
    with pytest.raises(door.module.OperationalError):
        conn.fileno()


async def test_stopped_backend_and_connect_timeout_do_not_mix(door: Door, observer: Observer) -> None:
    # connect_timeout is a limit for connecting, not for statements.
    conn = await door.connect(f"{door.dsn} connect_timeout=2", autocommit=True)
    pid = conn.info.backend_pid

    def freeze() -> None:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(2.5)
        os.kill(pid, signal.SIGCONT)

    with Meanwhile(freeze):
        assert await (await conn.execute("select 'alive' from pg_sleep(0.2)")).fetchone() == ("alive",)


@howdah_alone
@asyncio_only
async def test_lost_server_is_noticed_at_once(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    observer.terminate(conn.info.backend_pid)
    await until(lambda: conn.closed)
    assert conn.broken
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")


@howdah_alone
@asyncio_only
async def test_lost_server_is_noticed_on_a_connection_that_never_worked(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    observer.terminate(conn.info.backend_pid)
    await until(lambda: conn.closed)
    assert conn.broken


@asyncio_only
async def test_loss_while_idle_is_told_to_the_next_operation(door: Door, observer: Any) -> None:
    if door.module.__name__ != "howdah":
        pytest.skip("psycopg only notices at the next operation")
    conn = await door.connect(autocommit=True)
    observer.terminate(conn.info.backend_pid)
    while not conn.closed:
        await asyncio.sleep(0.01)
    assert conn.broken
    with pytest.raises(door.module.errors.AdminShutdown) as caught:
        await conn.execute("select 1")
    assert caught.value.sqlstate == "57P01"
    with pytest.raises(door.module.OperationalError, match="the connection is closed"):
        await conn.execute("select 1")
