"""The functions of `waiting` and the generators of `generators`, and `Connection.wait()`."""

from __future__ import annotations

import asyncio
import select
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.driving import module, picture
from support.sessions import Meanwhile

WAITS = ["wait", "wait_selector", "wait_select", "wait_poll", *(["wait_epoll"] if hasattr(select, "epoll") else [])]


@pytest.fixture
def waiting(driver: ModuleType) -> Any:
    return module(driver, "waiting")


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, two = socket.socketpair()
    with one, two:
        yield one, two


def runner(waiting: Any, name: str) -> Callable[..., Any]:
    """A function that waits; of the asynchronous one in a loop of its own."""
    function = getattr(waiting, name)
    if name != "wait_async":
        return function  # type: ignore[no-any-return]

    def run(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return run


def states(count: int, wanted: Any) -> Any:
    """A generator that returns what it was sent."""
    seen = []
    for _ in range(count):
        seen.append((yield wanted))
    return seen


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_ready_for_what_was_wanted(waiting: Any, sockets: Any, name: str) -> None:
    one, two = sockets
    wait = runner(waiting, name)
    assert wait(states(2, waiting.Wait.W), one.fileno(), 1) == [waiting.Ready.W] * 2
    assert wait(states(2, waiting.Wait.RW), one.fileno(), 1) == [waiting.Ready.W] * 2
    two.send(b"x")
    assert wait(states(2, waiting.Wait.R), one.fileno(), 1) == [waiting.Ready.R] * 2
    assert wait(states(0, waiting.Wait.R), one.fileno(), 1) == []


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_interval_wakes_the_generator(waiting: Any, sockets: Any, name: str) -> None:
    wait = runner(waiting, name)
    assert wait(states(3, waiting.Wait.R), sockets[0].fileno(), 0.02) == [waiting.Ready.NONE] * 3
    assert wait(states(3, waiting.Wait.R), sockets[0].fileno()) == [waiting.Ready.NONE] * 3


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_timeout(waiting: Any, driver: ModuleType, sockets: Any, name: str) -> None:
    with pytest.raises(driver.OperationalError, match="timeout expired"):
        runner(waiting, name)(states(10**9, waiting.Wait.R), sockets[0].fileno(), 0.05, timeout=0.1)


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_interval_is_needed(waiting: Any, sockets: Any, name: str) -> None:
    with pytest.raises(ValueError, match=r"indefinite|interval"):
        runner(waiting, name)(states(1, waiting.Wait.R), sockets[0].fileno(), None)


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_closed_socket(howdah: ModuleType, name: str) -> None:
    waiting = module(howdah, "waiting")
    gone = socket.socket()
    fileno = gone.fileno()
    gone.close()
    with pytest.raises(howdah.OperationalError, match="connection socket closed"):
        runner(waiting, name)(states(1, waiting.Wait.R), fileno, 0.1)


@pytest.mark.parametrize("name", WAITS)
def test_woken_by_what_comes(waiting: Any, sockets: Any, name: str) -> None:
    one, two = sockets
    timer = threading.Timer(0.1, lambda: two.send(b"x"))
    timer.start()
    assert getattr(waiting, name)(states(1, waiting.Wait.R), one.fileno(), 30) == [waiting.Ready.R]
    timer.join()


@pytest.mark.parametrize("name", [*WAITS, "wait_async"])
def test_end_of_the_stream_is_seen(waiting: Any, sockets: Any, name: str) -> None:
    one, two = sockets
    two.close()
    assert runner(waiting, name)(states(1, waiting.Wait.R), one.fileno(), 1) == [waiting.Ready.R]


def test_generator_with_its_socket(waiting: Any, sockets: Any) -> None:
    one, two = sockets

    def gen() -> Any:
        first = yield one.fileno(), waiting.Wait.W
        two.send(b"x")
        second = yield one.fileno(), waiting.Wait.R
        return first, second

    assert waiting.wait_conn(gen(), 1) == (waiting.Ready.W, waiting.Ready.R)
    assert asyncio.run(waiting.wait_conn_async(gen(), 1)) == (waiting.Ready.W, waiting.Ready.R)


def test_the_loop_goes_on(waiting: Any, sockets: Any) -> None:
    one, two = sockets

    async def main() -> Any:
        waits = asyncio.create_task(waiting.wait_async(states(1, waiting.Wait.R), one.fileno(), 30))
        await asyncio.sleep(0)
        two.send(b"x")
        return await waits

    assert asyncio.run(main()) == [waiting.Ready.R]


def test_exception_of_the_generator(waiting: Any, sockets: Any) -> None:
    def gen() -> Any:
        yield waiting.Wait.W
        raise KeyError("mine")

    for name in (*WAITS, "wait_async"):
        with pytest.raises(KeyError, match="mine"):
            runner(waiting, name)(gen(), sockets[0].fileno(), 1)


@pytest.fixture
def pgconn(driver: ModuleType, dsn: str) -> Iterator[Any]:
    made = module(driver, "waiting").wait_conn(module(driver, "generators").connect(dsn), 0.1)
    yield made
    made.finish()


def test_connect(driver: ModuleType, pgconn: Any, dsn: str) -> None:
    assert (pgconn.status, pgconn.nonblocking) == (0, 1)
    connecting = module(driver, "generators").connect(dsn)
    made = asyncio.run(module(driver, "waiting").wait_conn_async(connecting, 0.1))
    assert made.exec_(b"select 1").get_value(0, 0) == b"1"
    made.finish()


@pytest.mark.parametrize("conninfo", ["host=127.0.0.1 port=1", "{} dbname=nope"])
def test_connect_that_fails(driver: ModuleType, dsn: str, conninfo: str) -> None:
    with pytest.raises(driver.OperationalError) as caught:
        module(driver, "waiting").wait_conn(module(driver, "generators").connect(conninfo.format(dsn)), 0.1)
    assert caught.value.pgconn.status == 1


def test_connect_with_a_wrong_option(driver: ModuleType) -> None:
    with pytest.raises(driver.ProgrammingError):
        module(driver, "waiting").wait_conn(module(driver, "generators").connect("nope=1"), 0.1)


def ran(driver: ModuleType, pgconn: Any, gen: Any) -> Any:
    return module(driver, "waiting").wait(gen, pgconn.socket, 0.1)


def test_execute(driver: ModuleType, pgconn: Any) -> None:
    generators = module(driver, "generators")
    pgconn.send_query(b"select 1; select 'x'; select 1/0")
    results = ran(driver, pgconn, generators.execute(pgconn))
    assert [r.status for r in results] == [2, 2, 7]
    pgconn.send_query_params(b"select $1", [b"x" * 3_000_000])
    (result,) = ran(driver, pgconn, generators.execute(pgconn))
    assert result.get_value(0, 0) == b"x" * 3_000_000


def test_send_and_fetch(driver: ModuleType, pgconn: Any) -> None:
    generators = module(driver, "generators")
    pgconn.send_query(b"select generate_series(1, 3)")
    pgconn.set_single_row_mode()
    ran(driver, pgconn, generators.send(pgconn))
    seen = []
    while (result := ran(driver, pgconn, generators.fetch(pgconn))) is not None:
        seen.append(picture(result)[6])
    assert seen == [[[b"1"]], [[b"2"]], [[b"3"]], []]


def test_pipeline(driver: ModuleType, pgconn: Any) -> None:
    generators = module(driver, "generators")
    pgconn.enter_pipeline_mode()
    commands = deque(
        [
            lambda: pgconn.send_query_params(b"select $1", [b"1"]),
            lambda: pgconn.send_query_params(b"select $1::int", [b"x"]),
            lambda: pgconn.send_query_params(b"select 3", None),
            pgconn.pipeline_sync,
            lambda: pgconn.send_query_params(b"select 4", None),
            pgconn.pipeline_sync,
        ]
    )
    results = ran(driver, pgconn, generators.pipeline_communicate(pgconn, commands))
    while len(results) < 6:
        results.append(ran(driver, pgconn, generators.fetch_many(pgconn)))
    assert [[r.status for r in of_one] for of_one in results] == [[2], [7], [11], [10], [2], [10]]
    pgconn.exit_pipeline_mode()


def test_notifies(driver: ModuleType, pgconn: Any, observer: Any, channel: str) -> None:
    pgconn.exec_(f"listen {channel}".encode())
    with Meanwhile(observer.notify, channel, "one"):
        (notify,) = ran(driver, pgconn, module(driver, "generators").notifies(pgconn))
    assert (notify.relname, notify.extra) == (channel.encode(), b"one")


def test_notify_handler(driver: ModuleType, pgconn: Any, channel: str) -> None:
    seen: list[Any] = []
    pgconn.notify_handler = seen.append
    pgconn.send_query(f"listen {channel}; notify {channel}, 'x'".encode())
    ran(driver, pgconn, module(driver, "generators").execute(pgconn))
    assert [n.extra for n in seen] == [b"x"]


def test_cancel(driver: ModuleType, pgconn: Any, observer: Any) -> None:
    generators = module(driver, "generators")
    pgconn.send_query(b"select pg_sleep(30)")
    observer.wait_active(pgconn.backend_pid)
    request = pgconn.cancel_conn()
    request.start()
    module(driver, "waiting").wait_conn(generators.cancel(request), 0.1)
    (result,) = ran(driver, pgconn, generators.execute(pgconn))
    assert result.error_field(ord("C")) == b"57014"


def test_copy(driver: ModuleType, pgconn: Any) -> None:
    generators = module(driver, "generators")
    pgconn.exec_(b"create temp table t (a int, b text)")
    pgconn.send_query(b"copy t from stdin")
    (result,) = ran(driver, pgconn, generators.execute(pgconn))
    assert result.status == module(driver).ExecStatus.COPY_IN
    for number in range(100):
        ran(driver, pgconn, generators.copy_to(pgconn, b"%d\t%s\n" % (number, b"x" * 100_000), flush=number % 2 == 0))
    assert ran(driver, pgconn, generators.copy_end(pgconn, None)).command_tuples == 100
    pgconn.send_query(b"copy (select a from t order by a) to stdout")
    ran(driver, pgconn, generators.execute(pgconn))
    seen = []
    while isinstance(data := ran(driver, pgconn, generators.copy_from(pgconn)), memoryview):
        seen.append(bytes(data))
    assert seen == [b"%d\n" % n for n in range(100)]
    assert data.command_tuples == 100


def test_copy_that_fails(driver: ModuleType, pgconn: Any) -> None:
    generators = module(driver, "generators")
    pgconn.exec_(b"create temp table t (a int)")
    pgconn.send_query(b"copy t from stdin")
    ran(driver, pgconn, generators.execute(pgconn))
    with pytest.raises(driver.errors.QueryCanceled, match="no more"):
        ran(driver, pgconn, generators.copy_end(pgconn, b"no more"))
    pgconn.send_query(b"copy (select 1/0) to stdout")
    results = ran(driver, pgconn, generators.execute(pgconn))
    assert [r.status for r in results][-1] in (3, 7)


async def test_wait_of_a_connection(door: Door) -> None:
    conn = await door.connect()
    generators = module(door.module, "generators")

    async def wait(gen: Any, **kwargs: Any) -> Any:
        waited = conn.wait(gen, **kwargs)
        return waited if door.is_sync else await waited

    conn.pgconn.send_query_params(b"select $1::int + 1", [b"41"])
    (result,) = await wait(generators.execute(conn.pgconn))
    assert result.get_value(0, 0) == b"42"
    cur = await conn.execute("select 1")
    assert await cur.fetchone() == (1,)
    conn.pgconn.send_query(b"select pg_sleep(0.2)")
    assert len(await wait(generators.execute(conn.pgconn), interval=0.05)) == 1
    await conn.rollback()

    def failing() -> Any:
        yield module(door.module, "waiting").Wait.W
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await wait(failing())


async def test_wait_of_a_connection_has_a_timeout(door: Door) -> None:
    conn = await door.connect()
    conn.pgconn.send_query(b"select pg_sleep(60)")
    with pytest.raises(door.module.OperationalError, match="timeout expired"):
        waited = conn.wait(module(door.module, "generators").execute(conn.pgconn), timeout=0.1)
        await waited
    conn.cancel()


async def test_notifications_of_a_connection(door: Door, channel: str, observer: Any) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"listen {channel}")
    with Meanwhile(observer.notify, channel, "one"):
        waited = conn.wait(module(door.module, "generators").notifies(conn.pgconn))
        (notify,) = waited if door.is_sync else await waited
    assert (notify.relname, notify.extra) == (channel.encode(), b"one")


async def test_copy_of_a_connection(door: Door) -> None:
    conn = await door.connect()
    generators = module(door.module, "generators")

    async def wait(gen: Any) -> Any:
        waited = conn.wait(gen)
        return waited if door.is_sync else await waited

    await conn.execute("create temp table t (a int)")
    conn.pgconn.send_query(b"copy t from stdin")
    await wait(generators.execute(conn.pgconn))
    for number in range(1000):
        await wait(generators.copy_to(conn.pgconn, b"%d\n" % number, flush=False))
    assert (await wait(generators.copy_end(conn.pgconn, None))).command_tuples == 1000
    cur = await conn.execute("select sum(a) from t")
    assert await cur.fetchone() == (499500,)
    await conn.rollback()


def test_ctrl_c_in_a_wait(driver: ModuleType, dsn: str, observer: Any) -> None:
    with driver.connect(dsn) as conn:
        conn.execute("select 1")
        conn.pgconn.send_query(b"select pg_sleep(60)")
        main = threading.main_thread().ident
        assert main is not None

        waits = threading.Event()

        def interrupt() -> None:
            waits.wait()
            observer.wait_active(conn.info.backend_pid)
            signal.pthread_kill(main, signal.SIGINT)

        def execute() -> Any:
            # Before that nobody would cancel what has been sent.
            waits.set()
            return (yield from module(driver, "generators").execute(conn.pgconn))

        with pytest.raises(KeyboardInterrupt), Meanwhile(interrupt):
            conn.wait(execute())
        conn.rollback()
        assert conn.execute("select 1").fetchone() == (1,)


@asyncio_only
async def test_wait_that_is_cancelled_cancels_the_command(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    conn.pgconn.send_query(b"select pg_sleep(60)")
    task = asyncio.create_task(conn.wait(module(door.module, "generators").execute(conn.pgconn)))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await conn.rollback()
    cur = await conn.execute("select 1")
    assert await cur.fetchone() == (1,)


@asyncio_only
@howdah_alone
async def test_tasks_wait_while_a_command_runs(door: Door) -> None:
    conn = await door.connect()
    conn.pgconn.send_query(b"select pg_sleep(0.3), 'mine'")

    async def other() -> Any:
        cur = await conn.execute("select 'other'")
        return await cur.fetchone()

    task = asyncio.create_task(other())
    await asyncio.sleep(0.05)
    (result,) = await conn.wait(module(door.module, "generators").execute(conn.pgconn))
    assert result.get_value(0, 1) == b"mine"
    assert await task == ("other",)


@asyncio_only
@howdah_alone
@pytest.mark.limit(30)
async def test_cancel_request_that_is_over_lets_others_go_on(door: Door, observer: Any) -> None:
    conn = await door.connect(autocommit=True, cancel_timeout=25.0)
    generators = module(door.module, "generators")
    waiting = module(door.module, "waiting")
    for way in ("connection", "blocking"):
        sleeping = asyncio.create_task(conn.execute("select pg_sleep(60)"))
        await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "%pg_sleep(60)%")
        other = asyncio.create_task(conn.execute("select 'other'"))
        await asyncio.sleep(0)
        request = conn.pgconn.cancel_conn()
        if way == "blocking":
            request.blocking()
        else:
            request.start()
            await waiting.wait_conn_async(generators.cancel(request), 0.1)
        with pytest.raises(door.errors.QueryCanceled):
            await sleeping
        cur = await other
        assert await cur.fetchone() == ("other",)
