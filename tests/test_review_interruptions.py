"""Operations that end early, loops that end early, and who comes next: found by review, howdah's promises alone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door

PACKAGE = Path(__file__).resolve().parent.parent / "python"
BUSY = "select pg_sleep(20)"

howdah_alone = pytest.mark.parametrize("driver", ["howdah"], indirect=True)


def run_script(dsn: str, body: str) -> str:
    """Run a script of its own: what it looks for would end the tests as well."""
    script = (
        f"import asyncio, sys, warnings\nsys.path.insert(0, {str(PACKAGE)!r})\nimport howdah\nDSN = {dsn!r}\n{body}"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


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
    assert run_script(dsn, body) == "kept\n"


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
    assert run_script(dsn, body) == "sync\nasync\n"


@howdah_alone
async def test_row_factory_that_fails_within_executemany(door: Door) -> None:
    def row_factory(cursor: Any) -> Any:
        raise LookupError

    conn = await door.connect(autocommit=True)
    cursor = conn.cursor(row_factory=row_factory)
    with pytest.raises(LookupError):
        await cursor.executemany("select %s::text", [("a" * 1000,)] * 300, returning=True)
    # Each of the other statements would have been taken for a result of this one.
    after = await conn.execute("select 42")
    assert await after.fetchall() == [(42,)]
    assert after.nextset() is None


def test_row_maker_that_uses_its_cursor_when_freed(howdah: ModuleType, dsn: str) -> None:
    freed = []

    class Maker:
        def __init__(self, cursor: Any) -> None:
            self.cursor = cursor

        def __call__(self, values: Any) -> Any:
            return values

        def __del__(self) -> None:
            freed.append(self.cursor.rowcount)

    with howdah.connect(dsn) as conn:
        cursor = conn.cursor(row_factory=Maker)
        cursor.execute("select 1; select 2")
        cursor.nextset()
        cursor.execute("select 3")
        assert len(freed) == 2


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


def test_interrupted_while_another_thread_uses_the_connection(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        thread = threading.Thread(target=conn.execute, args=["select pg_sleep(1)"])
        thread.start()
        time.sleep(0.1)
        timer = threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            conn.execute("select 1")
        assert thread.is_alive()
        thread.join()
        assert conn.execute("select 2").fetchall() == [(2,)]


def test_signal_handler_queries_while_its_thread_waits(howdah: ModuleType, dsn: str) -> None:
    seen = []
    with howdah.connect(dsn, autocommit=True) as conn:
        previous = signal.signal(signal.SIGUSR1, lambda *_: seen.extend(conn.execute("select 1").fetchall()))
        try:
            thread = threading.Thread(target=conn.execute, args=["select pg_sleep(0.5)"])
            thread.start()
            time.sleep(0.1)
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGUSR1]).start()
            assert conn.execute("select 2").fetchall() == [(2,)]
            thread.join()
        finally:
            signal.signal(signal.SIGUSR1, previous)
        assert seen == [(1,)]


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
@pytest.mark.doors("asyncio", "uvloop")
async def test_answers_stay_with_their_questions(door: Door) -> None:
    """Tasks are cancelled at any moment; no statement gets another's answer, and the connection stays usable."""
    conn = await door.connect(autocommit=True)
    moments = random.Random(1)
    cancelled = 0

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

    for turn in range(60):
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
    assert cancelled > 10
    await conn.close()


@howdah_alone
@pytest.mark.doors("asyncio", "uvloop")
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
@pytest.mark.doors("asyncio", "uvloop")
async def test_handler_that_exits_does_not_swallow_the_answer(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    class Stop(BaseException):
        pass

    def handler(notice: Any) -> None:
        raise Stop

    conn.add_notice_handler(handler)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    # The loop passes KeyboardInterrupt and SystemExit on, and logs other exceptions of its callbacks.
    await soon(conn.execute("do $$begin raise notice 'x'; end$$"))
    conn.remove_notice_handler(handler)
    await conn.close()


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


@howdah_alone
@pytest.mark.doors("asyncio", "uvloop")
async def test_closed_by_another_thread(howdah: ModuleType, door: Door) -> None:
    conn = await door.connect(autocommit=True)
    running = asyncio.create_task(conn.execute(BUSY))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(lambda: asyncio.run(close(conn)))
    with pytest.raises(howdah.OperationalError, match="closed"):
        await soon(running)


@howdah_alone
@pytest.mark.doors("asyncio", "uvloop")
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


@howdah_alone
@pytest.mark.doors("asyncio", "uvloop")
async def test_notifications_that_nobody_takes_wait_at_the_server(howdah: ModuleType, door: Door, channel: str) -> None:
    each, rounds = 10_000, 12
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


async def soon(what: Awaitable[Any]) -> Any:
    """Await, but not forever."""
    return await asyncio.wait_for(what, 15)


async def close(conn: Any) -> None:
    await conn.close()
