"""cancel(), cancel_safe(), cancelled tasks and timeouts, and that the next answer belongs to the next query."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer
from support.tls import Files, target, tls_server
from support.waiting import soon


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(None, function, *args)


async def asleep(conn: Any, observer: Observer) -> asyncio.Task[Any]:
    """A task whose query sleeps on the server."""
    task = asyncio.create_task(conn.execute("select pg_sleep(60)"))
    await started(task)
    await in_thread(observer.wait_active, conn.info.backend_pid)
    return task


async def working(conn: Any) -> None:
    """The connection answers, and with the answer to the question asked."""
    for i in range(3):
        assert await (await conn.execute("select %s::int, pg_backend_pid()", (i,))).fetchone() == (
            i,
            conn.info.backend_pid,
        )


def test_cancel_from_another_thread(conn: Any, driver: Any, observer: Observer) -> None:
    def cancel() -> None:
        observer.wait_active(conn.info.backend_pid)
        conn.cancel()

    with Meanwhile(cancel), pytest.raises(driver.errors.QueryCanceled) as caught:
        conn.execute("select pg_sleep(60)")
    assert caught.value.sqlstate == "57014"
    assert conn.info.transaction_status.name == "INERROR"
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


def test_cancel_safe_from_another_thread(conn: Any, driver: Any, observer: Observer) -> None:
    def cancel() -> None:
        observer.wait_active(conn.info.backend_pid)
        conn.cancel_safe(timeout=10)

    with Meanwhile(cancel), pytest.raises(driver.errors.QueryCanceled):
        conn.execute("select pg_sleep(60)")
    conn.rollback()
    assert conn.execute("select 1").fetchone() == (1,)


def test_cancel_over_tcp(driver: Any, server: Any, observer: Observer) -> None:
    def cancel() -> None:
        observer.wait_active(conn.info.backend_pid)
        conn.cancel()

    with driver.connect(server.tcp_dsn) as conn:
        with Meanwhile(cancel), pytest.raises(driver.errors.QueryCanceled):
            conn.execute("select pg_sleep(60)")
        conn.rollback()
        assert conn.execute("select 1").fetchone() == (1,)


async def test_cancel_of_an_idle_connection(door: Door) -> None:
    conn = await door.connect()
    conn.cancel()
    await conn.cancel_safe()
    # The signal may reach the backend while it is idle, or at the latest with the first of these.
    for _ in range(20):
        try:
            await working(conn)
            break
        except door.errors.QueryCanceled:
            await conn.rollback()
    await working(conn)


async def test_cancel_safe_without_a_limit(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.cancel_safe(timeout=None)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_cancel_of_a_closed_connection(door: Door) -> None:
    conn = await door.connect()
    await conn.close()
    conn.cancel()
    await conn.cancel_safe()


@asyncio_only
async def test_cancel_safe_of_a_running_query(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    task = await asleep(conn, observer)
    await conn.cancel_safe()
    with pytest.raises(door.errors.QueryCanceled):
        await task
    await conn.rollback()
    await working(conn)


@asyncio_only
async def test_signal_handler_of_the_loop(door: Door, observer: Observer) -> None:
    loop = asyncio.get_running_loop()
    conn = await door.connect()
    loop.add_signal_handler(signal.SIGINT, conn.cancel)
    try:
        task = await asleep(conn, observer)
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(door.errors.QueryCanceled):
            await task
    finally:
        loop.remove_signal_handler(signal.SIGINT)
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    await working(conn)


@asyncio_only
async def test_cancelled_task_cancels_on_the_server(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    task = await asleep(conn, observer)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    await in_thread(observer.wait_idle, conn.info.backend_pid)
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    await working(conn)


@asyncio_only
async def test_cancelled_task_keeps_the_message(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    seen: list[Any] = []

    async def sleep() -> None:
        # Who awaits the task sees the message from CPython 3.11 on.
        try:
            await conn.execute("select pg_sleep(60)")
        except asyncio.CancelledError as ex:
            seen.append(ex.args)
            raise

    task = asyncio.create_task(sleep())
    await started(task)
    await in_thread(observer.wait_active, conn.info.backend_pid)
    task.cancel("why")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [("why",)]
    await working(conn)


@asyncio_only
async def test_wait_for(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(conn.execute("select pg_sleep(60)"), 0.1)
    assert conn.info.transaction_status.name == "IDLE"
    await working(conn)


@asyncio_only
async def test_wait_for_during_executemany(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(conn.cursor().executemany("select pg_sleep(%s)", [(0,), (60,), (60,)]), 0.1)
    await conn.rollback()
    await working(conn)


@asyncio_only
async def test_task_cancelled_while_it_waits_for_its_turn(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    first = asyncio.create_task(conn.execute("select 'first' from pg_sleep(0.5)"))
    await started(first)
    await in_thread(observer.wait_active, conn.info.backend_pid)
    second = asyncio.create_task(conn.execute("select 'second'"))
    await started(second)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await (await first).fetchone() == ("first",)
    await working(conn)


@asyncio_only
async def test_cancelled_commit_leaves_a_usable_connection(door: Door) -> None:
    conn = await door.connect()
    for _ in range(20):
        await conn.execute("select 1")
        task = asyncio.create_task(conn.commit())
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except (asyncio.CancelledError, door.errors.QueryCanceled):
            pass
        await conn.rollback()
        await working(conn)
        await conn.rollback()


@asyncio_only
@pytest.mark.limit(120)
async def test_cancelled_connect(door: Door, observer: Observer) -> None:
    rng = random.Random(1)
    for _ in range(30):
        task = asyncio.create_task(door.connect(f"{door.dsn} application_name=cancelled_connect"))
        await asyncio.sleep(rng.random() * 0.006)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
    await door.close_all()
    count = "select count(*) from pg_stat_activity where application_name = 'cancelled_connect'"
    for _ in range(200):
        if await in_thread(observer.value, count) == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("a cancelled connect left a session behind")


@asyncio_only
@pytest.mark.limit(180)
async def test_many_cancellations_at_random_moments(door: Door) -> None:
    rng = random.Random(42)
    conn = await door.connect(autocommit=True)
    cancelled = 0
    # How many of them are in time depends on the machine.
    i = 0
    while cancelled < 60:
        i += 1
        query, params = rng.choice(STATEMENTS)
        task = asyncio.create_task(conn.execute(query, params))
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(0)
        await asyncio.sleep(rng.random() * 0.004)
        task.cancel()
        try:
            cursor = await task
        except asyncio.CancelledError:
            cancelled += 1
        else:
            assert cursor.description is not None
        assert conn.info.transaction_status.name == "IDLE"
        cursor = await conn.execute("select %s::int, %s", (i, f"answer {i}"))
        assert await cursor.fetchall() == [(i, f"answer {i}")]


STATEMENTS: list[tuple[str, Any]] = [
    ("select pg_sleep(0.002)", None),
    ("select pg_sleep(%s)", (0.002,)),
    ("select n from generate_series(1, 5000) as n", None),
    ("select n, %s from generate_series(1, 2000) as n", ("x" * 100,)),
    ("select 1", None),
    ("select 'first'; select pg_sleep(0.002); select 'last'", None),
]


@asyncio_only
@pytest.mark.limit(180)
async def test_many_cancellations_in_transactions(door: Door) -> None:
    rng = random.Random(7)
    conn = await door.connect()
    for i in range(60):
        task = asyncio.create_task(conn.execute(*rng.choice(STATEMENTS)))
        await asyncio.sleep(rng.random() * 0.003)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
        await conn.rollback()
        assert conn.info.transaction_status.name == "IDLE"
        assert await (await conn.execute("select %s::int", (i,))).fetchone() == (i,)


@pytest.mark.limit(180)
def test_many_cancels_from_a_thread(connect: Callable[..., Any], driver: Any) -> None:
    conn = connect(autocommit=True)
    rng = random.Random(3)

    def cancel(delay: float) -> None:
        time.sleep(delay)
        conn.cancel_safe()

    for i in range(60):
        with Meanwhile(cancel, rng.random() * 0.004):
            try:
                conn.execute("select pg_sleep(0.002)")
            except driver.errors.QueryCanceled:
                pass
        # The request was confirmed while idle or running: at most one statement can still be hit.
        for _ in range(3):
            try:
                assert conn.execute("select %s::int", (i,)).fetchone() == (i,)
                break
            except driver.errors.QueryCanceled:
                continue


async def started(task: asyncio.Task[Any]) -> bool:
    """Let the task run up to its first wait."""
    await asyncio.sleep(0)
    return not task.done()


BUSY = "select pg_sleep(20)"


def test_cancel_that_returned_is_over(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        for _ in range(150):
            thread = threading.Thread(target=conn.cancel)
            thread.start()
            try:
                conn.execute("select 1")
            except howdah.errors.QueryCanceled:
                pass
            thread.join()
            conn.execute("select pg_sleep(0.001)")


@howdah_alone
@asyncio_only
async def test_answers_stay_with_their_questions(door: Door) -> None:
    """Tasks are cancelled at any moment; no statement gets another's answer, and the connection stays usable."""
    conn = await door.connect(autocommit=True)
    moments = random.Random(1)
    cancelled = turn = 0

    async def ask(number: int) -> None:
        kind = moments.randrange(4)
        if kind == 0:
            cursor = await conn.execute("select %s::int, pg_sleep(%s)", [number, moments.random() * 0.01])
        elif kind == 1:
            cursor = await conn.execute("select %s::int", [number])
        elif kind == 2:
            cursor = await conn.execute("select %s::int from generate_series(1, 2000)", [number])
        else:
            cursor = conn.cursor()
            await cursor.executemany("select %s::int, repeat('x', 200)", [(number,)] * 500, returning=True)
        row = await cursor.fetchone()
        assert row[0] == number

    while cancelled < 60:
        turn += 1
        tasks = [asyncio.create_task(ask(turn * 10 + place)) for place in range(4)]
        for task in tasks:
            await asyncio.sleep(moments.random() * 0.003)
            for _ in range(moments.choice([0, 0, 1, 1, 2])):
                task.cancel()
                await asyncio.sleep(moments.choice([0, 0.001]))
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            cancelled += isinstance(outcome, asyncio.CancelledError)
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        await ask(turn)
    await conn.close()


@howdah_alone
@asyncio_only
async def test_second_cancellation_at_the_moment_of_the_answer(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    task = asyncio.create_task(conn.execute(BUSY))
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(0)
    # Blocks the loop, so that the answer to the first cancellation is there, and is read after the second.
    time.sleep(0.5)  # noqa: ASYNC251
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    cursor = await soon(conn.execute("select 1"))
    assert await cursor.fetchall() == [(1,)]


@howdah_alone
@asyncio_only
async def test_cancelled_connect_is_cancelled(howdah: ModuleType, door: Door) -> None:
    for turn in range(150):
        task = asyncio.create_task(howdah.AsyncConnection.connect(door.dsn))
        for _ in range(turn % 25):
            await asyncio.sleep(0)
        await asyncio.sleep(turn % 7 * 0.0003)
        asked = task.cancel()
        try:
            conn = await task
        except asyncio.CancelledError:
            continue
        assert not asked, "the cancellation was swallowed"
        await conn.close()


ROUNDS = int(os.environ.get("HOWDAH_TESTS_CANCEL_ROUNDS", "1000"))


@pytest.fixture(scope="module", params=["plain", "TLS"])
def busy_dsn(request: pytest.FixtureRequest, server: PgServer) -> Iterator[str]:
    """Where cancel requests are sent often, encrypted or not."""
    if request.param == "plain":
        yield server.dsn
        return
    if "debian" not in available_flavours():
        pytest.skip("only Debian's server has TLS")
    files = Files()
    with tls_server(files, files.server, "server") as encrypted:
        yield f"{target(encrypted)} sslmode=require"
    files.remove()


@pytest.mark.limit(900)
def test_late_cancels_never_hit_the_next_statement(howdah: ModuleType, busy_dsn: str) -> None:
    """A request is sent at the moment when its statement ends; whatever becomes of that, the next one is unharmed."""
    rng = random.Random(7)
    hits = 0
    with howdah.connect(busy_dsn, autocommit=True) as conn:
        go, done = threading.Barrier(2), threading.Barrier(2)

        def cancel() -> None:
            for pause in pauses:
                go.wait()
                if pause:
                    time.sleep(pause)
                conn.cancel()
                done.wait()

        pauses = [rng.choice([0, 0, rng.random() * 0.001]) for _ in range(ROUNDS)]
        thread = threading.Thread(target=cancel)
        thread.start()
        for number in range(ROUNDS):
            go.wait()
            try:
                conn.execute("select 1")
            except howdah.errors.QueryCanceled:
                hits += 1
            # The thread may not have come to call it: then it asks for the next statement's end, and is right.
            done.wait()
            assert conn.execute("select pg_backend_pid(), %s::int", (number,)).fetchone()[1] == number
        thread.join()
    assert hits < ROUNDS


@howdah_alone
@asyncio_only
@pytest.mark.limit(900)
async def test_late_cancels_of_tasks_never_hit_the_next_statement(door: Door, busy_dsn: str) -> None:
    rng = random.Random(11)
    conn = await door.connect(busy_dsn, autocommit=True)
    for number in range(ROUNDS):
        task = asyncio.ensure_future(conn.execute("select pg_sleep(0)"))
        for _ in range(rng.randrange(4)):
            await asyncio.sleep(0)
        if rng.random() < 0.3:
            await asyncio.sleep(rng.random() * 0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await (await conn.execute("select %s::int", (number,))).fetchone() == (number,)
