"""Connections shared by threads and tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from support.doors import Door, asyncio_only
from support.sessions import Observer


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
