"""Connections shared by threads and tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from support.doors import Door, asyncio_only
from support.sessions import Meanwhile, Observer


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


def test_threads_take_turns(howdah: ModuleType, dsn: str) -> None:
    stop = threading.Event()
    with howdah.connect(dsn, autocommit=True) as conn:

        def hog() -> None:
            while not stop.is_set():
                conn.execute("select 1")

        thread = threading.Thread(target=hog)
        thread.start()
        try:
            begin = time.monotonic()
            for number in range(20):
                assert conn.execute("select %s::int", [number]).fetchall() == [(number,)]
            assert time.monotonic() - begin < 5
        finally:
            stop.set()
            thread.join()


@asyncio_only
async def test_task_that_waits_for_its_turn_is_cancelled(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    running = asyncio.ensure_future(conn.execute("select 'done' from pg_sleep(1)"))
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "%pg_sleep%")
    waiting = [asyncio.ensure_future(conn.execute("select %s::int", (n,))) for n in range(5)]
    await asyncio.sleep(0)
    for number in (0, 2, 4):
        waiting[number].cancel()
    results = await asyncio.gather(*waiting[::2], return_exceptions=True)
    assert {type(result) for result in results} == {asyncio.CancelledError}
    assert not running.done(), "it was not disturbed"
    assert await (await running).fetchone() == ("done",)
    assert [await (await task).fetchone() for task in waiting[1::2]] == [(1,), (3,)]
    assert await (await conn.execute("select 'after'")).fetchone() == ("after",)


@asyncio_only
async def test_task_that_waits_for_its_turn_is_cancelled_with_the_one_that_runs(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(60)"))]
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "%pg_sleep%")
    tasks += [asyncio.ensure_future(conn.execute("select 1")) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks[:3]:
        task.cancel()
    results: list[Any] = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results[:3]] == [asyncio.CancelledError] * 3
    assert await results[3].fetchone() == (1,)


def test_thread_that_is_not_the_main_one(driver: ModuleType, dsn: str) -> None:
    def work() -> list[Any]:
        seen: list[Any] = []
        with driver.connect(dsn) as conn, conn.cursor() as cur:
            conn.add_notice_handler(lambda diagnostic: seen.append(diagnostic.message_primary))
            conn.execute("do $$ begin raise warning 'from a thread'; end $$")
            cur.executemany("select %s::int", [(1,), (2,)])
            seen += [row[0] for row in cur.stream("select generate_series(1, 3)")]
            with conn.transaction():
                seen.append(conn.execute("select pg_sleep(0.3), 'slept'").fetchone()[1])
            conn.commit()
            conn.autocommit = True
            seen += list(conn.notifies(timeout=0.1))
            try:
                conn.execute("select 1/0")
            except driver.errors.DivisionByZero:
                seen.append("error")
            threading.Timer(0.3, conn.cancel).start()
            try:
                conn.execute("select pg_sleep(60)")
            except driver.errors.QueryCanceled:
                seen.append("canceled")
        return seen

    with Meanwhile(work) as other:
        pass
    assert other.result == ["from a thread", 1, 2, 3, "slept", "error", "canceled"]


def test_connection_is_handed_from_thread_to_thread(connect: Callable[..., Any]) -> None:
    conn = connect()
    cur = conn.cursor()
    for number in range(5):
        with Meanwhile(cur.execute, "select %s::int", (number,)):
            pass
        with Meanwhile(cur.fetchone) as fetched:
            pass
        assert fetched.result == (number,)
    with Meanwhile(conn.close):
        pass
    assert conn.closed
