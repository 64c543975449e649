"""Notifications: the generator, its limits, handlers, and that none is lost."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer
from support.ticking import ticking
from support.waiting import until


async def listening(door: Door, channel: str) -> Any:
    conn = await door.connect(autocommit=True)
    await conn.execute(f'listen "{channel}"')
    return conn


async def collect(generator: Any) -> list[str]:
    return [notify.payload async for notify in generator]


def notify_when_waiting(observer: Observer, channel: str, *payloads: str) -> Callable[[], None]:
    """From another thread, a moment later: most likely the generator is waiting by then."""

    def work() -> None:
        time.sleep(0.1)
        observer.notify(channel, *payloads)

    return work


async def test_example_of_the_page(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    received = []
    with Meanwhile(notify_when_waiting(observer, channel, "hello", "hey", "stop")):
        generator = conn.notifies()
        async for notify in generator:
            received.append(notify)
            if notify.payload == "stop":
                await generator.aclose()
    pid = observer.conn.info.backend_pid
    assert received == [(channel, "hello", pid), (channel, "hey", pid), (channel, "stop", pid)]
    assert type(received[0]) is door.module.Notify
    assert repr(received[0]) == f"Notify(channel={channel!r}, payload='hello', pid={pid})"
    assert (received[0].channel, received[0].payload, received[0].pid) == received[0]
    assert await (await conn.execute("select 1")).fetchone() == (1,)


def test_page_with_a_for_loop_and_close(connect: Callable[..., Any], observer: Observer, channel: str) -> None:
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")
    seen = []
    with Meanwhile(notify_when_waiting(observer, channel, "a", "stop", "late")):
        gen = conn.notifies()
        for notify in gen:
            seen.append(notify.payload)
            if notify.payload == "stop":
                gen.close()
    assert seen == ["a", "stop"]
    assert conn.execute("select 1").fetchone() == (1,)


async def test_timeout(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    begin = time.monotonic()
    assert await collect(conn.notifies(timeout=0.2)) == []
    assert time.monotonic() - begin >= 0.2
    observer.notify(channel, "a", "b")
    assert await collect(conn.notifies(timeout=0.5)) == ["a", "b"]


async def test_timeout_zero_polls(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    assert await collect(conn.notifies(timeout=0)) == []
    observer.notify(channel, "a")
    received: list[str] = []
    while not received:
        received = await collect(conn.notifies(timeout=0))
    assert received == ["a"]


async def test_timeout_is_of_the_whole(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    with Meanwhile(notify_when_waiting(observer, channel, "a")):
        assert await collect(conn.notifies(timeout=1.0)) == ["a"]


async def test_stop_after(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    with Meanwhile(notify_when_waiting(observer, channel, "a")):
        assert await collect(conn.notifies(stop_after=1)) == ["a"]
    with Meanwhile(notify_when_waiting(observer, channel, "b", "c")):
        received: list[str] = []
        while len(received) < 2:
            received += await collect(conn.notifies(stop_after=1))
    assert received == ["b", "c"]


async def test_stop_after_and_timeout(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    assert await collect(conn.notifies(timeout=0.1, stop_after=3)) == []
    for payload in "abc":
        observer.notify(channel, payload)
    assert await collect(conn.notifies(timeout=20, stop_after=3)) == ["a", "b", "c"]


async def test_nothing_lost_between_generators(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    received = []
    for i in range(30):
        observer.notify(channel, f"{i}a")
        await conn.execute("select 1")
        observer.notify(channel, f"{i}b")
        received += await collect(conn.notifies(timeout=0 if i % 2 else 0.01))
    while len(received) < 60:
        more = await collect(conn.notifies(timeout=5, stop_after=1))
        assert more, f"lost after {received[-1:]}"
        received += more
    assert received == [f"{i}{ab}" for i in range(30) for ab in "ab"]


async def test_received_during_other_statements(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    observer.notify(channel, "early")
    for _ in range(5):
        await conn.execute("select 1")
    await conn.execute("set work_mem to default")
    assert await collect(conn.notifies(timeout=0)) == ["early"]


async def test_generator_left_half_way_keeps_the_rest(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    observer.notify(channel, "a", "b", "c")
    for _ in range(5):
        await conn.execute("select 1")
    generator = conn.notifies(timeout=5)
    assert (await anext(generator)).payload == "a"
    await generator.aclose()
    assert await collect(conn.notifies(timeout=0)) == ["b", "c"]


async def test_own_notifications(door: Door, channel: str) -> None:
    conn = await listening(door, channel)
    await conn.execute("select pg_notify(%s, %s)", (channel, "mine"))
    received = [n async for n in conn.notifies(timeout=5, stop_after=1)]
    assert received == [(channel, "mine", conn.info.backend_pid)]


async def test_unicode_and_empty_payload(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, f"ünï {channel}")
    observer.conn.execute(f"notify \"ünï {channel}\", 'pàyload'")
    observer.conn.execute(f'notify "ünï {channel}"')
    received = [n async for n in conn.notifies(timeout=10, stop_after=2)]
    assert [(n.channel, n.payload) for n in received] == [(f"ünï {channel}", "pàyload"), (f"ünï {channel}", "")]


async def test_only_the_channel_and_until_unlisten(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    observer.notify(f"{channel}_other", "no")
    observer.notify(channel, "yes")
    assert await collect(conn.notifies(timeout=10, stop_after=1)) == ["yes"]
    await conn.execute("unlisten *")
    observer.notify(channel, "gone")
    assert await collect(conn.notifies(timeout=0.1)) == []


async def test_in_a_transaction_they_wait_for_its_end(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    await conn.execute("begin")
    observer.notify(channel, "a")
    await conn.execute("select 1")
    assert await collect(conn.notifies(timeout=0)) == []
    await conn.execute("commit")
    assert await collect(conn.notifies(timeout=10, stop_after=1)) == ["a"]


async def test_many_and_large(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    observer.conn.execute("select pg_notify(%s, n || repeat('x', 7000)) from generate_series(1, 2000) as n", (channel,))
    received = await collect(conn.notifies(timeout=30, stop_after=2000))
    assert [len(p) for p in received] == [len(str(n)) + 7000 for n in range(1, 2001)]


async def test_generator_on_a_closed_connection(door: Door) -> None:
    conn = await door.connect()
    await conn.close()
    with pytest.raises(door.module.OperationalError):
        await anext(conn.notifies(timeout=1))


async def test_server_lost_while_waiting(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)

    def terminate() -> None:
        time.sleep(0.1)
        observer.terminate(conn.info.backend_pid)

    with Meanwhile(terminate), pytest.raises(door.module.OperationalError):
        await anext(conn.notifies(timeout=30))
    assert (conn.closed, conn.broken) == (True, True)


async def test_handler(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    seen: list[Any] = []
    conn.add_notify_handler(seen.append)
    observer.notify(channel, "hey")
    for _ in range(5):
        assert await (await conn.execute("select 1")).fetchone() == (1,)
    assert seen == [(channel, "hey", observer.conn.info.backend_pid)]
    assert type(seen[0]) is door.module.Notify
    conn.remove_notify_handler(seen.append)
    observer.notify(channel, "hidden")
    for _ in range(5):
        await conn.execute("select 1")
    assert len(seen) == 1


async def test_several_notify_handlers(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    seen: list[str] = []
    first, second = (lambda n: seen.append("first")), (lambda n: seen.append("second"))
    conn.add_notify_handler(first)
    conn.add_notify_handler(second)
    observer.notify(channel, "x")
    for _ in range(5):
        await conn.execute("select 1")
    assert seen == ["first", "second"]
    with pytest.raises(ValueError):  # noqa: PT011 - the message is list.remove's own
        conn.remove_notify_handler(print)


async def test_generator_and_handlers_together_warn(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    conn.add_notify_handler(lambda n: None)
    with pytest.warns(RuntimeWarning, match="notifies"):
        await collect(conn.notifies(timeout=0))


@asyncio_only
async def test_task_waiting_for_notifications_can_be_cancelled(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)

    async def wait() -> None:
        async for notify in conn.notifies():
            received.append(notify.payload)

    received: list[str] = []
    task = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    observer.notify(channel, "a")
    while not received:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    observer.notify(channel, "b")
    assert await collect(conn.notifies(timeout=10, stop_after=1)) == ["b"]


@asyncio_only
async def test_wait_for_a_notification(door: Door, observer: Observer, channel: str) -> None:
    conn = await listening(door, channel)
    for i in range(10):
        generator = conn.notifies()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(generator), 0.02)
        await generator.aclose()
        observer.notify(channel, str(i))
        assert await collect(conn.notifies(timeout=10, stop_after=1)) == [str(i)]


@asyncio_only
async def test_loop_is_not_blocked(door: Door, channel: str) -> None:
    conn = await listening(door, channel)
    async with ticking() as ticks:
        await collect(conn.notifies(timeout=0.3))
    assert ticks.count >= 3


def test_waiting_uses_no_processor(connect: Callable[..., Any], channel: str) -> None:
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")
    before = os.times()
    assert list(conn.notifies(timeout=2.0)) == []
    after = os.times()
    assert (after.user + after.system) - (before.user + before.system) < 1.0


@howdah_alone
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


@howdah_alone
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


@howdah_alone
@asyncio_only
async def test_notifications_that_nobody_takes_wait_at_the_server(howdah: ModuleType, door: Door, channel: str) -> None:
    each, rounds = 10_000, 3
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")

    def send() -> float:
        with howdah.connect(door.dsn, autocommit=True) as sender:
            for turn in range(rounds):
                sender.execute(
                    f"select count(pg_notify('{channel}', repeat('x', 1000) || (g + {turn * each})))"
                    f" from generate_series(0, {each - 1}) g"
                )
            time.sleep(1)
            return float(sender.execute("select pg_notification_queue_usage()").fetchone()[0])

    assert await asyncio.to_thread(send) > 0
    assert await (await conn.execute("select 3")).fetchall() == [(3,)]
    total = each * rounds
    numbers = [int(n.payload[1000:]) async for n in conn.notifies(stop_after=total, timeout=30)]
    assert numbers == list(range(total))
    await conn.close()


DATABASE = "howdah_sql_ascii"


@pytest.fixture
def ascii_database(oracle: ModuleType, dsn: str) -> Iterator[str]:
    with oracle.connect(dsn, autocommit=True) as admin:
        admin.execute(f"create database {DATABASE} encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
        try:
            yield DATABASE
        finally:
            admin.execute(f"drop database {DATABASE} with (force)")


async def test_notification_that_is_no_text(door: Door, ascii_database: str) -> None:
    if door.module.__name__ != "howdah":
        pytest.skip("what psycopg makes of it is not the point")
    conn = await door.connect(dbname=ascii_database, autocommit=True)
    await conn.execute("listen ascii")
    await conn.execute("select pg_notify('ascii', convert_from('\\xff41'::bytea, 'SQL_ASCII'))")
    received = [notify async for notify in conn.notifies(timeout=10, stop_after=1)]
    assert [(notify.channel, notify.payload) for notify in received] == [("ascii", "\ufffdA")]
    cur = await conn.execute("select 'x' as n")
    assert cur.description[0].name == "n"
    assert await cur.fetchone() == (b"x",)


@howdah_alone
@pytest.mark.parametrize(("bound", "value"), [("max_notifications", 10), ("max_notification_bytes", 600)])
async def test_notifications_that_nobody_takes_have_a_bound(
    door: Door, observer: Observer, channel: str, bound: str, value: int
) -> None:
    conn = await listening(door, channel)
    assert (conn.max_notifications, conn.max_notification_bytes) == (131_072, 33_554_432)
    setattr(conn, bound, value)
    assert getattr(conn, bound) == value
    observer.notify(channel, *(f"{number:030}" for number in range(10)))
    kept = conn.notifies(timeout=5, stop_after=10)
    assert await collect(kept) == [f"{number:030}" for number in range(10)]
    observer.notify(channel, *(f"{number:030}" for number in range(40)))
    with pytest.raises(door.module.OperationalError, match="too many notifications wait"):
        for _ in range(1000):
            await conn.execute("select pg_sleep(0.01)")
    assert conn.closed
    assert conn.broken
    setattr(conn, bound, value)  # it is too late, and does no harm


@howdah_alone
async def test_queries_while_a_generator_is_open(door: Door, observer: Observer, channel: str) -> None:
    """With psycopg the connection belongs to the generator until that is closed."""
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    notifies = conn.notifies(timeout=20)
    for number in range(3):
        observer.conn.execute("select pg_notify(%s, %s)", (channel, f"{number}a"))
        assert (await notifies.__anext__()).payload == f"{number}a"
        cur = await conn.execute("select pg_notify(%s, %s), %s::int", (channel, f"{number}b", number))
        assert (await cur.fetchone())[1] == number
        with pytest.raises(door.module.ProgrammingError):
            await conn.execute("select wat")
        async with conn.transaction():
            await conn.execute("select 1")
        assert (await notifies.__anext__()).payload == f"{number}b"
    await notifies.aclose()
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
@asyncio_only
async def test_queries_of_other_tasks_while_one_waits_for_notifications(
    door: Door, observer: Observer, channel: str
) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")

    async def payloads() -> list[str]:
        return [notify.payload async for notify in conn.notifies(timeout=20, stop_after=2)]

    task = asyncio.create_task(payloads())
    await asyncio.sleep(0.1)
    for number in range(20):
        assert await (await conn.execute("select %s::int", (number,))).fetchone() == (number,)
    assert not task.done()
    observer.conn.execute(f"notify {channel}, 'one'")
    await conn.execute(f"notify {channel}, 'two'")
    assert sorted(await task) == ["one", "two"]
    first, second = (asyncio.create_task(payloads()) for _ in range(2))
    await asyncio.sleep(0.1)
    running = asyncio.create_task(sleeping(conn))
    await asyncio.sleep(0.1)
    # The statement is another's, and goes on.
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await running
    await conn.execute(f"notify {channel}, 'three'")
    await conn.execute(f"notify {channel}, 'four'")
    assert await second == ["three", "four"]


@howdah_alone
def test_queries_of_other_threads_while_one_waits_for_notifications(
    connect: Callable[..., Any], driver: ModuleType, observer: Observer, channel: str
) -> None:
    """It gives way to each, and hears what has come meanwhile."""
    # What waits for its turn in vain is an error.
    conn = connect(autocommit=True, operation_timeout=20)
    conn.execute(f"listen {channel}")
    received = []

    def listen() -> None:
        for notify in conn.notifies():
            received.append(notify.payload)
            if notify.payload == "stop":
                break

    with Meanwhile(listen):
        try:
            for number in range(200):
                assert conn.execute("select %s::int", (number,)).fetchone() == (number,)
                if number % 10 == 3:
                    observer.notify(channel, str(number))
                if number % 10 == 6:
                    with pytest.raises(driver.ProgrammingError):
                        conn.execute("select wat")
                if number % 10 == 9:
                    with conn.transaction():
                        assert list(conn.cursor().stream("select generate_series(1, 3)")) == [(1,), (2,), (3,)]
        finally:
            observer.notify(channel, "stop")
    assert received == [str(number) for number in range(3, 200, 10)] + ["stop"]


@howdah_alone
def test_timeout_while_other_threads_use_the_connection(connect: Callable[..., Any], channel: str) -> None:
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")
    ended = threading.Event()

    def listen() -> None:
        try:
            assert list(conn.notifies(timeout=0.5)) == []
        finally:
            ended.set()

    with Meanwhile(listen):
        while not ended.is_set():
            conn.execute("select 1")


@howdah_alone
def test_timeout_while_a_statement_of_another_thread_runs(
    connect: Callable[..., Any], driver: ModuleType, observer: Observer, channel: str
) -> None:
    """The time counts while it has given way, too. What came meanwhile is kept."""
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")
    pid = conn.info.backend_pid

    def listen() -> None:
        observer.wait_active(pid, "select pg_sleep%")
        try:
            assert list(conn.notifies(timeout=0.2)) == []
            observer.notify(channel, "later")
        finally:
            conn.cancel()

    with Meanwhile(listen), pytest.raises(driver.errors.QueryCanceled):
        conn.execute("select pg_sleep(60)")
    assert [notify.payload for notify in conn.notifies(timeout=20, stop_after=1)] == ["later"]


@howdah_alone
def test_threads_that_wait_for_notifications_do_not_give_way_to_each_other(
    connect: Callable[..., Any], channel: str
) -> None:
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")

    def listen() -> None:
        assert list(conn.notifies(timeout=1.5)) == []

    before = os.times()
    with Meanwhile(listen), Meanwhile(listen):
        assert conn.execute("select 1").fetchone() == (1,)
    after = os.times()
    assert (after.user + after.system) - (before.user + before.system) < 1.0


@howdah_alone
def test_connection_closed_while_a_thread_waits_for_notifications(
    connect: Callable[..., Any], driver: ModuleType, channel: str
) -> None:
    conn = connect(autocommit=True)
    conn.execute(f"listen {channel}")
    waits = threading.Event()

    def close() -> None:
        waits.wait()
        for _ in range(20):
            conn.execute("select 1")
        conn.close()

    with Meanwhile(close), pytest.raises(driver.OperationalError):
        generator = conn.notifies()
        waits.set()
        next(generator)


async def sleeping(conn: Any) -> None:
    await conn.execute("select pg_sleep(0.5)")
