"""Cancel requests that hang, are late, or are made where no loop runs: who waits, for how long, and what stays."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only
from support.frozen import FrozenServer
from support.sessions import Meanwhile, Observer
from support.waiting import soon, until

pytestmark = pytest.mark.limit(120)
SLACK = 4.0
"""What a slow machine may take. Whatever else would end a wait takes five seconds, or twenty."""


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """psycopg promises none of this."""
    return howdah


@pytest.fixture
def sigusr1() -> Iterator[Callable[[Any], Any]]:
    """Sets what SIGUSR1 does, for the time of the test."""
    before = signal.getsignal(signal.SIGUSR1)
    yield lambda handler: signal.signal(signal.SIGUSR1, handler)
    signal.signal(signal.SIGUSR1, before)


async def value(conn: Any) -> Any:
    """The number of the command, by the server's count."""
    return (await (await conn.execute("select 1")).fetchone())[0]


async def asked(server: FrozenServer, conn: Any, timeout: float) -> tuple[asyncio.Task[Any], asyncio.Task[Any]]:
    """A statement that the server runs, and a request for it that the server has, and does not act on."""
    task = asyncio.create_task(value(conn))
    await until(server.reading.is_set)
    asking = asyncio.create_task(conn.cancel_safe(timeout=timeout))
    await until(server.asked.is_set)
    return task, asking


@asyncio_only
@pytest.mark.parametrize("how", ["cancel", "cancel_safe", "task"])
async def test_no_thread_behind_a_cancellation(door: Door, how: str) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task = asyncio.create_task(conn.execute("select 1"))
        await until(server.reading.is_set)
        own = {thread.ident for thread in threading.enumerate()} - {thread.ident for thread in server.threads}
        asking: asyncio.Task[Any] | None = None
        if how == "cancel_safe":
            asking = asyncio.create_task(conn.cancel_safe())
        elif how == "cancel":
            conn.cancel()
        else:
            task.cancel()
        await until(server.asked.is_set)
        now = {thread.ident for thread in threading.enumerate()} - {thread.ident for thread in server.threads}
        assert now <= own
        server.thaw.set()
        with pytest.raises(asyncio.CancelledError if how == "task" else door.errors.QueryCanceled):
            await soon(task)
        if asking is not None:
            await soon(asking)


@asyncio_only
async def test_result_does_not_wait_for_a_request_that_hangs(door: Door) -> None:
    with FrozenServer() as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task, asking = await asked(server, conn, 20)
        begin = time.monotonic()
        server.go.set()
        assert await task == 1
        assert time.monotonic() - begin < SLACK
        assert not asking.done()
        # The next statement does wait: the request may still be acted on.
        following = asyncio.create_task(value(conn))
        await asyncio.sleep(0.3)
        assert len(server.received) == 1
        server.thaw.set()
        assert await soon(following) == 2
        await soon(asking)
    assert server.cancelled == [0]


@pytest.mark.doors("sync")
async def test_result_does_not_wait_for_a_request_that_hangs_in_another_thread(door: Door) -> None:
    with FrozenServer() as server:
        conn = (await door.connect(server.dsn, autocommit=True)).wrapped
        ended: list[float] = []

        def ask() -> None:
            server.reading.wait(10)
            conn.cancel_safe(timeout=20)
            ended.append(time.monotonic())

        with Meanwhile(ask):
            threading.Timer(0.5, server.go.set).start()
            assert conn.execute("select 1").fetchone() == (1,)
            got = time.monotonic()
            assert server.asked.is_set()
            threading.Timer(0.5, server.thaw.set).start()
            # Neither does it when the statement after it has to.
            assert conn.execute("select 1").fetchone() == (2,)
        assert got < ended[0] <= server.received[1]
    assert server.cancelled == [0]


@asyncio_only
async def test_next_statement_waits_no_longer_than_the_request(door: Door) -> None:
    with FrozenServer() as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task, asking = await asked(server, conn, 0.5)
        server.go.set()
        begin = time.monotonic()
        assert await task == 1
        assert await value(conn) == 2
        assert 0.3 < time.monotonic() - begin < SLACK
        with pytest.raises(door.errors.CancellationTimeout):
            await asking


async def test_timeout_of_a_request(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        plain = getattr(conn, "wrapped", conn)
        begin = time.monotonic()
        if door.is_sync:
            thread = threading.Thread(target=_swallow, args=[plain.execute, "select 1"])
            thread.start()
            server.reading.wait(10)
            with pytest.raises(door.errors.CancellationTimeout):
                plain.cancel_safe(timeout=0.3)
            plain.close()
            thread.join()
        else:
            task = asyncio.create_task(conn.execute("select 1"))
            await until(server.reading.is_set)
            with pytest.raises(door.errors.CancellationTimeout):
                await conn.cancel_safe(timeout=0.3)
            await conn.close()
            with pytest.raises(door.module.OperationalError):
                await task
        assert 0.3 <= time.monotonic() - begin < SLACK


def _swallow(function: Callable[..., Any], *args: Any) -> None:
    try:
        function(*args)
    except Exception:
        pass


def test_ctrl_c_ends_a_request_that_hangs(howdah: ModuleType, sigusr1: Any) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    sigusr1(interrupt)
    with FrozenServer() as server, howdah.connect(server.dsn, autocommit=True) as conn:
        with Meanwhile(lambda: conn.execute("select 1").fetchone()) as work:
            server.reading.wait(10)
            threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGUSR1]).start()
            begin = time.monotonic()
            with pytest.raises(Interrupted):
                conn.cancel_safe(timeout=20)
            assert time.monotonic() - begin < SLACK
            server.go.set()
        assert work.result == (1,)
        # The server has the request: what comes next waits for it all the same, and can be interrupted.
        threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        begin = time.monotonic()
        with pytest.raises(Interrupted):
            conn.execute("select 1")
        assert time.monotonic() - begin < SLACK
        assert len(server.received) == 1
        threading.Timer(0.3, server.thaw.set).start()
        assert conn.execute("select 1").fetchone() == (2,)
    assert server.cancelled == [0]


@asyncio_only
async def test_statement_that_waits_for_a_request_can_be_cancelled(door: Door) -> None:
    with FrozenServer() as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task, asking = await asked(server, conn, 20)
        server.go.set()
        assert await task == 1
        begin = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(conn.execute("select 1"), 0.2)
        assert time.monotonic() - begin < SLACK
        assert len(server.received) == 1
        server.thaw.set()
        await soon(asking)
        assert await soon(value(conn)) == 2


@asyncio_only
async def test_cancelled_request_that_the_server_may_have_holds_the_next_statement_for_cancel_timeout(
    door: Door,
) -> None:
    with FrozenServer() as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=0.6)
        task = asyncio.create_task(value(conn))
        await until(server.reading.is_set)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(conn.cancel_safe(timeout=30), 0.2)
        assert server.asked.is_set()
        begin = time.monotonic()
        server.go.set()
        assert await task == 1
        assert await soon(value(conn)) == 2
        assert 0.4 < time.monotonic() - begin < SLACK


@pytest.mark.parametrize("pending", [True, False])
def test_asyncio_run_does_not_wait_for_a_request_that_hangs(howdah: ModuleType, pending: bool) -> None:
    async def main() -> Any:
        conn = await howdah.AsyncConnection.connect(server.dsn, autocommit=True)
        task, asking = await asked(server, conn, 20)
        tasks.append(asking)
        server.go.set()
        await task
        if not pending:
            conn.cancel()
            await conn.close()
        return conn

    tasks: list[Any] = []
    with FrozenServer() as server:
        begin = time.monotonic()
        conn = asyncio.run(main())
        assert time.monotonic() - begin < SLACK
        asyncio.run(conn.close())


@asyncio_only
async def test_request_in_another_loop_than_the_connections(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task = asyncio.create_task(conn.execute("select 1"))
        await until(server.reading.is_set)
        server.thaw.set()
        await asyncio.to_thread(lambda: asyncio.run(conn.cancel_safe()))
        with pytest.raises(door.errors.QueryCanceled):
            await soon(task)
        assert server.cancelled == [1]


@asyncio_only
async def test_cancel_from_another_thread(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        task = asyncio.create_task(conn.execute("select 1"))
        await until(server.reading.is_set)
        begin = time.monotonic()
        await asyncio.to_thread(conn.cancel)
        assert time.monotonic() - begin < SLACK
        server.thaw.set()
        with pytest.raises(door.errors.QueryCanceled):
            await soon(task)


@asyncio_only
async def test_cancel_from_a_handler_of_the_signal_module(door: Door, sigusr1: Any) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        sigusr1(lambda *_: conn.cancel())
        task = asyncio.create_task(conn.execute("select 1"))
        await until(server.reading.is_set)
        # The loop sleeps in its selector when the signal comes.
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        threading.Timer(0.4, server.thaw.set).start()
        with pytest.raises(door.errors.QueryCanceled):
            await soon(task)


def test_cancel_without_a_running_loop_waits_itself(howdah: ModuleType, dsn: str, observer: Observer) -> None:
    loop = asyncio.new_event_loop()
    conn = loop.run_until_complete(howdah.AsyncConnection.connect(dsn, autocommit=True))
    conn.cancel()
    task = loop.create_task(conn.execute("select pg_sleep(60)"))
    loop.run_until_complete(asyncio.sleep(0.1))
    observer.wait_active(conn.info.backend_pid)
    conn.cancel()
    observer.wait_idle(conn.info.backend_pid)
    with pytest.raises(howdah.errors.QueryCanceled):
        loop.run_until_complete(task)
    loop.run_until_complete(conn.close())
    conn.cancel()
    loop.close()


def test_cancel_without_a_running_loop_is_bounded(howdah: ModuleType, caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    with FrozenServer(frozen=True) as server:
        opened = howdah.AsyncConnection.connect(server.dsn, autocommit=True, cancel_timeout=0.3)
        conn = loop.run_until_complete(opened)
        task = loop.create_task(conn.execute("select 1"))
        loop.run_until_complete(until(server.reading.is_set))
        begin = time.monotonic()
        conn.cancel()
        assert 0.3 <= time.monotonic() - begin < SLACK
        assert "cancellation failed" in caplog.text
        loop.run_until_complete(conn.close())
        with pytest.raises(howdah.OperationalError):
            loop.run_until_complete(task)
        loop.close()


# How long an interrupted connection takes to come to rest, or to be given up.


async def test_cancel_timeout_can_be_set(door: Door) -> None:
    conn = await door.connect()
    assert conn.cancel_timeout == 5.0
    conn.cancel_timeout = 2
    assert conn.cancel_timeout == 2.0
    conn = await door.connect(cancel_timeout=0.25)
    assert conn.cancel_timeout == 0.25
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="cancel_timeout"):
            conn.cancel_timeout = wrong
        with pytest.raises(ValueError, match="cancel_timeout"):
            await door.connect(cancel_timeout=wrong)
    with pytest.raises(TypeError):
        await door.connect(cancel_timeout=None)
    conn.cancel_timeout = 1e18
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
@pytest.mark.parametrize("seconds", [None, 0.5, 0])
async def test_cancelled_task_on_a_frozen_server(door: Door, seconds: float | None) -> None:
    with FrozenServer(frozen=True) as server:
        given = {} if seconds is None else {"cancel_timeout": seconds}
        conn = await door.connect(server.dsn, autocommit=True, **given)
        begin = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(conn.execute("select 1"), 0.1)
        took = time.monotonic() - begin
        bound = 5.0 if seconds is None else seconds
        assert bound <= took < bound + SLACK
        assert (conn.closed, conn.broken) == (True, True)


@pytest.mark.parametrize("seconds", [None, 0.5])
def test_interrupt_on_a_frozen_server(howdah: ModuleType, sigusr1: Any, seconds: float | None) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    sigusr1(interrupt)
    given = {} if seconds is None else {"cancel_timeout": seconds}
    with FrozenServer(frozen=True) as server, howdah.connect(server.dsn, autocommit=True, **given) as conn:
        threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        begin = time.monotonic()
        with pytest.raises(Interrupted):
            conn.execute("select 1")
        bound = 5.0 if seconds is None else seconds
        assert bound <= time.monotonic() - begin < bound + SLACK
        assert (conn.closed, conn.broken) == (True, True)


class Boom(Exception):
    """What the block raises."""


@pytest.mark.parametrize("seconds", [None, 0.5])
async def test_leaving_a_frozen_connection(door: Door, seconds: float | None) -> None:
    # The connection is in a transaction, so the end of its block rolls back; that is never answered.
    with FrozenServer(status=b"T") as server:
        server.go.set()
        given = {} if seconds is None else {"cancel_timeout": seconds}
        conn = await door.connect(server.dsn, autocommit=True, **given)
        begin = time.monotonic()
        with pytest.raises(Boom):
            async with conn:
                await conn.execute("select 1")
                server.frozen = True
                raise Boom
        bound = 5.0 if seconds is None else seconds
        assert bound <= time.monotonic() - begin < bound + SLACK
        assert conn.closed
        with pytest.raises(door.module.OperationalError, match="closed"):
            conn.fileno()
        server.release()
        assert await asyncio.to_thread(server.gone.wait, 10)


@asyncio_only
async def test_leaving_while_another_task_hangs(door: Door) -> None:
    with FrozenServer(status=b"T") as server:
        server.go.set()
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=0.5)
        begin = time.monotonic()
        with pytest.raises(Boom):
            async with conn:
                await conn.execute("select 1")
                server.frozen = True
                task = asyncio.create_task(conn.execute("select 1"))
                await until(lambda: len(server.received) == 2)
                raise Boom
        assert 0.5 <= time.monotonic() - begin < SLACK
        with pytest.raises(door.module.OperationalError):
            await task


@pytest.mark.doors("sync")
async def test_leaving_while_another_thread_hangs(door: Door) -> None:
    with FrozenServer(status=b"T") as server:
        server.go.set()
        conn = (await door.connect(server.dsn, autocommit=True, cancel_timeout=0.5)).wrapped
        begin = time.monotonic()
        with pytest.raises(Boom), conn:
            conn.execute("select 1")
            server.frozen = True
            thread = threading.Thread(target=_swallow, args=[conn.execute, "select 1"])
            thread.start()
            while len(server.received) < 2:
                time.sleep(0.01)  # noqa: ASYNC251
            raise Boom
        assert 0.5 <= time.monotonic() - begin < SLACK
        thread.join(5)
        assert not thread.is_alive()


@asyncio_only
async def test_leaving_while_a_request_hangs(door: Door) -> None:
    with FrozenServer(status=b"T") as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=0.5)
        asking: asyncio.Task[Any] | None = None
        begin = time.monotonic()
        with pytest.raises(Boom):
            async with conn:
                task = asyncio.create_task(conn.execute("select 1"))
                await until(server.reading.is_set)
                asking = asyncio.create_task(conn.cancel_safe(timeout=20))
                await until(server.asked.is_set)
                server.go.set()
                await task
                begin = time.monotonic()
                raise Boom
        assert time.monotonic() - begin < SLACK
        assert asking is not None
        asking.cancel()


@asyncio_only
async def test_cancelled_task_leaves_the_connections_block_in_time(door: Door) -> None:
    async def work() -> None:
        async with await door.connect(server.dsn, autocommit=True, cancel_timeout=0.5) as conn:
            await conn.execute("select 1")

    with FrozenServer(frozen=True, status=b"T") as server:
        task = asyncio.create_task(work())
        await until(server.reading.is_set)
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert 0.5 <= time.monotonic() - begin < SLACK


async def test_leaving_a_lost_connection_closes_its_descriptor(door: Door) -> None:
    with FrozenServer() as server:
        server.go.set()
        conn = await door.connect(server.dsn, autocommit=True)
        with pytest.raises(Boom):
            async with conn:
                await conn.execute("select 1")
                for sock in server.sockets:
                    sock.shutdown(2)
                with pytest.raises(door.module.OperationalError):
                    await conn.execute("select 1")
                assert conn.closed
                conn.fileno()
                raise Boom
        with pytest.raises(door.module.OperationalError):
            conn.fileno()
