"""What is sent and read when: both directions full, tasks and threads that share a pipeline, messages in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer

MIB = 1 << 20


@howdah_alone
@pytest.mark.parametrize("size", [MIB, 8 * MIB])
async def test_both_directions_full(door: Door, size: int) -> None:
    """16 MiB of parameters are sent while 16 MiB of results come back. psycopg waits for ever."""
    conn = await door.connect(autocommit=True)
    text = "x" * size
    async with conn.pipeline() as p:
        cursors = [await conn.execute("select %s::text, %s::int", [text, i]) for i in range(16 * MIB // size)]
        await p.sync()
    for i, cur in enumerate(cursors):
        assert await cur.fetchone() == (text, i)


@howdah_alone
async def test_results_come_while_parameters_are_sent(door: Door) -> None:
    """The results of what was sent fill both sockets before what is being sent can be read."""
    conn = await door.connect(autocommit=True)
    text = "x" * (16 * MIB)
    async with conn.pipeline():
        large = await conn.execute("select repeat('y', 1048576) from generate_series(1, 16)")
        sent = await conn.execute("select length(%s)", [text])
        assert await sent.fetchone() == (16 * MIB,)
        assert [len(row[0]) for row in await large.fetchall()] == [MIB] * 16


@howdah_alone
async def test_executemany_with_both_directions_full(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    text = "x" * MIB
    async with conn.pipeline():
        cur = conn.cursor()
        await cur.executemany("select %s::text", ((text,) for _ in range(16)), returning=True)
        assert await cur.fetchone() == (text,)
        assert sum(cur.nextset() is True for _ in range(16)) == 15


async def test_many_statements(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        cursors = [await conn.execute("select %s::int + 1", [i]) for i in range(2000)]
        assert await cursors[1000].fetchone() == (1001,)
    assert [await c.fetchone() for c in cursors[:3]] == [(1,), (2,), (3,)]
    assert await cursors[-1].fetchone() == (2000,)


async def test_the_server_begins_at_once(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.QueryCanceled):
        async with conn.pipeline():
            await conn.execute("select pg_sleep(60)")
            await asyncio.get_running_loop().run_in_executor(None, observer.wait_active, conn.info.backend_pid)
            conn.cancel()
            await (await conn.execute("select 1")).fetchone()


async def test_notices_and_notifications(door: Door, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    notices: list[Any] = []
    conn.add_notice_handler(lambda notice: notices.append(notice.message_primary))
    notified: list[Any] = []
    conn.add_notify_handler(lambda notify: notified.append(notify.payload))
    async with conn.pipeline() as p:
        await conn.execute(f"listen {channel}")
        await conn.execute("do $$ begin raise notice 'one'; end $$")
        await conn.execute(f"notify {channel}, 'hello'")
        cur = await conn.execute("do $$ begin raise notice 'two'; end $$")
        await p.sync()
        assert cur.statusmessage == "DO"
        assert notices == ["one", "two"]
        await (await conn.execute("select 1")).fetchone()
    assert notified == ["hello"]


@pytest.mark.doors("sync")
async def test_threads_share_a_pipeline(door: Door, observer: Observer, channel: str) -> None:
    conn = (await door.connect(autocommit=True)).wrapped
    observer.conn.execute(f"create table {channel} (a int)")
    try:

        def insert(value: int) -> Any:
            cur = conn.execute(f"insert into {channel} values (%s) returning a", [value])
            conn.execute("select pg_sleep(0)")
            return cur.fetchone()

        with conn.pipeline(), ThreadPoolExecutor(8) as threads:
            assert list(threads.map(insert, range(50))) == [(i,) for i in range(50)]
        assert observer.value(f"select sum(a) from {channel}") == sum(range(50))
    finally:
        observer.conn.execute(f"drop table {channel}")


@asyncio_only
async def test_tasks_share_a_pipeline(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    async def ask(i: int) -> Any:
        return await (await conn.execute("select %s::int", [i])).fetchone()

    async with conn.pipeline():
        assert await asyncio.gather(*map(ask, range(100))) == [(i,) for i in range(100)]


@asyncio_only
@howdah_alone
async def test_a_pipeline_of_a_connection_that_tasks_share(door: Door) -> None:
    conn = await door.connect(autocommit=True, pipelining=True)

    async def ask(i: int) -> Any:
        return await (await conn.execute("select %s::int", [i])).fetchone()

    shared = asyncio.gather(*map(ask, range(20)))
    async with conn.pipeline() as p:
        assert await asyncio.gather(*map(ask, range(20))) == [(i,) for i in range(20)]
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
            await p.sync()
    assert await shared == [(i,) for i in range(20)]
    assert await asyncio.gather(*map(ask, range(20))) == [(i,) for i in range(20)]


@asyncio_only
@howdah_alone
async def test_tasks_do_not_wait_for_each_others_results(door: Door) -> None:
    """All is sent in one pass of the loop, before any result has come."""
    conn = await door.connect(autocommit=True)
    order: list[str] = []

    async def ask(i: int) -> Any:
        cur = await conn.execute("select %s::int, pg_sleep(0.01)", [i])
        order.append(f"sent {i}")
        row = await cur.fetchone()
        order.append(f"got {i}")
        return row[0]

    async with conn.pipeline():
        assert await asyncio.gather(*map(ask, range(5))) == list(range(5))
    assert order == [f"sent {i}" for i in range(5)] + [f"got {i}" for i in range(5)]


@asyncio_only
@howdah_alone
async def test_each_task_has_its_own_error(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    async def ask(i: int) -> Any:
        return await (await conn.execute("select 6 / %s::int", [i])).fetchone()

    async with conn.pipeline() as p:
        found = await asyncio.gather(*map(ask, [1, 2, 0, 3]), return_exceptions=True)
        assert found[:2] == [(6,), (3,)]
        assert [type(error) for error in found[2:]] == [door.errors.DivisionByZero, door.errors.PipelineAborted]
        await p.sync()


@asyncio_only
@howdah_alone
async def test_sending_takes_no_pass_of_the_loop(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    passes = 0

    def count() -> None:
        nonlocal passes
        passes += 1
        asyncio.get_running_loop().call_soon(count)

    async with conn.pipeline():
        asyncio.get_running_loop().call_soon(count)
        cursors = [await conn.execute("select %s::int", [i]) for i in range(100)]
        assert passes == 0
        assert await cursors[99].fetchone() == (99,)
        assert passes > 0
        before = passes
        assert [await c.fetchone() for c in cursors[:99]] == [(i,) for i in range(99)]
        assert passes == before, "what has come is there"


@howdah_alone
async def test_a_fetch_asks_only_once_and_without_a_sync(door: Door, observer: Observer, channel: str) -> None:
    """In autocommit a fetch does not end the transaction that the pipeline is."""
    observer.conn.execute(f"create table {channel} (a int)")
    try:
        conn = await door.connect(autocommit=True)
        async with conn.pipeline() as p:
            cur = await conn.execute(f"insert into {channel} values (1) returning a")
            assert await cur.fetchone() == (1,)
            assert observer.value(f"select count(*) from {channel}") == 0
            await p.sync()
            assert observer.value(f"select count(*) from {channel}") == 1
    finally:
        observer.conn.execute(f"drop table {channel}")


@pytest.mark.doors("sync")
async def test_another_thread_waits_for_its_turn(door: Door, observer: Observer) -> None:
    conn = (await door.connect(autocommit=True)).wrapped
    go = threading.Event()

    def other() -> Any:
        go.wait(20)
        return conn.execute("select 'other'").fetchone()

    with conn.pipeline(), Meanwhile(other) as thread:
        cur = conn.execute("select pg_sleep(0.3), 1")
        go.set()
        assert cur.fetchone()[1] == 1
    assert thread.result == ("other",)


def test_a_lost_server(connect: Callable[..., Any], driver: Any, observer: Observer) -> None:
    conn = connect(autocommit=True)
    with pytest.raises(driver.OperationalError), conn.pipeline():
        conn.execute("select 1").fetchone()
        observer.terminate(conn.info.backend_pid)
        conn.execute("select 2").fetchone()
    assert conn.closed


@asyncio_only
@howdah_alone
async def test_a_lost_server_is_told_to_all_tasks(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    pid = conn.info.backend_pid

    async def ask(i: int) -> Any:
        return await (await conn.execute("select %s::int, pg_sleep(20)", [i])).fetchone()

    with pytest.raises(door.module.OperationalError):
        async with conn.pipeline():
            asking = [asyncio.create_task(ask(i)) for i in range(3)]
            await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(None, observer.terminate, pid)
            found = await asyncio.gather(*asking, return_exceptions=True)
            assert [isinstance(error, door.module.OperationalError) for error in found] == [True] * 3
    assert conn.closed
