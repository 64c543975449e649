"""Operations with a time: `timeout=`, and the connection's `operation_timeout`.

The servers answer far later than the operations may take, or never, and what else would end a wait takes a minute: so
that an operation ends at all says what has ended it, and `within` only has to tell seconds from that minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import pickle
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.frozen import FrozenServer
from support.hostile import GREETING, HostileServer, Peer
from support.sessions import Meanwhile, Observer
from support.waiting import soon, until

pytestmark = [howdah_alone, pytest.mark.limit(55)]

FAR = 120.0
NEAR = 0.4


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block takes no longer, by far: machines may be slow."""
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < seconds + 15


def expires(door: Door) -> Any:
    return pytest.raises(door.errors.OperationTimeout, match="has to be over within")


def with_time_to_rest(test: Callable[[Door, float], Awaitable[None]]) -> Callable[[Door], Awaitable[None]]:
    """A test whose operations end in time for the connection to come to rest.

    A quarter of their time is for that. Where a busy machine needs more, and the connection is lost, they get more.
    """

    async def patient(door: Door) -> None:
        for near in (NEAR, NEAR * 4):
            try:
                return await test(door, near)
            except (AssertionError, door.module.OperationalError):
                if not door.has_lost_one():
                    raise
                await door.close_all()
        await test(door, NEAR * 12)

    return patient


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


def test_the_exception_is_of_both_kinds(driver: ModuleType) -> None:
    errors = driver.errors
    error = errors.OperationTimeout("late")
    for kind in (errors.QueryCanceled, driver.OperationalError, TimeoutError):
        assert isinstance(error, kind)
    assert (error.sqlstate, str(error), error.diag.message_primary) == ("57014", "late", None)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.sqlstate) == (errors.OperationTimeout, "late", "57014")
    assert errors.lookup("57014") is errors.QueryCanceled
    assert issubclass(errors.ConnectTimeout, (errors.ConnectionTimeout, errors.OperationTimeout))


@with_time_to_rest
async def test_statement_is_given_up(door: Door, near: float) -> None:
    conn = await door.connect()
    with within(near), expires(door) as caught:
        await conn.execute("select pg_sleep(60)", timeout=near)
    assert caught.value.sqlstate == "57014"
    assert isinstance(caught.value, TimeoutError)
    assert status(conn) == "INERROR"
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await conn.execute("select 1")
    await conn.rollback()
    assert await (await conn.execute("select 1", timeout=30)).fetchone() == (1,)


@with_time_to_rest
async def test_statement_in_autocommit_is_given_up(door: Door, near: float) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    for _ in range(3):
        with expires(door):
            await cur.execute("select pg_sleep(60)", timeout=near)
        assert status(conn) == "IDLE"
        assert await (await cur.execute("select %s::int", [7])).fetchall() == [(7,)]


async def test_an_error_of_the_server_comes_out_as_it_is(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0", timeout=30)
    await conn.execute("set statement_timeout = 50")
    with pytest.raises(door.errors.QueryCanceled) as caught:
        await conn.execute("select pg_sleep(60)", timeout=30)
    assert not isinstance(caught.value, TimeoutError)


async def test_time_that_is_over_sends_nothing(door: Door) -> None:
    conn = await door.connect()
    with expires(door):
        await conn.execute("select 1", timeout=0)
    assert status(conn) == "IDLE"
    await conn.execute("create temp table t (n int)")
    with expires(door):
        await conn.cursor().executemany("insert into t values (%s)", [(1,)], timeout=0)
    with expires(door):
        await conn.commit(timeout=0)
    assert status(conn) == "INTRANS"
    assert await (await conn.execute("select count(*) from t")).fetchone() == (0,)
    await conn.rollback(timeout=30)
    assert status(conn) == "IDLE"


async def test_time_that_python_code_takes(door: Door) -> None:
    class Slow:
        pass

    class SlowDumper(door.module.adapt.Dumper):  # type: ignore[misc, name-defined]
        def dump(self, obj: Any) -> bytes:
            time.sleep(0.5)
            return b"1"

    conn = await door.connect(autocommit=True)
    conn.adapters.register_dumper(Slow, SlowDumper)
    for timeout in (0.2, 0.6):
        with expires(door):
            await conn.execute("select %s, pg_sleep(20)", [Slow()], timeout=timeout)
        conn = conn if not conn.closed else await door.connect(autocommit=True)
        conn.adapters.register_dumper(Slow, SlowDumper)


async def test_what_is_no_time(door: Door) -> None:
    conn = await door.connect()
    for wrong in (-1, -0.001, math.nan, -math.inf):
        with pytest.raises(ValueError, match="timeout"):
            await conn.execute("select 1", timeout=wrong)
        with pytest.raises(ValueError, match="timeout"):
            await door.connect(timeout=wrong)
        with pytest.raises(ValueError, match="timeout"):
            conn.operation_timeout = wrong
    with pytest.raises(TypeError):
        await conn.commit(timeout="1")
    assert conn.operation_timeout is None
    for far in (1e18, 1e300, math.inf, 10**9):
        assert await (await conn.execute("select 1", timeout=far)).fetchone() == (1,)


@with_time_to_rest
async def test_default_of_the_connection(door: Door, near: float) -> None:
    conn = await door.connect(operation_timeout=near, autocommit=True)
    assert conn.operation_timeout == near
    with within(near), expires(door):
        await conn.execute("select pg_sleep(60)")
    await conn.execute("select pg_sleep(0.6)", timeout=30)
    await conn.execute("select pg_sleep(0.6)", timeout=math.inf)
    conn.operation_timeout = None
    await conn.execute("select pg_sleep(0.6)")
    conn.operation_timeout = math.inf
    assert conn.operation_timeout is None
    conn.operation_timeout = 2
    assert conn.operation_timeout == 2.0


async def test_notifies_has_a_time_of_its_own(door: Door) -> None:
    conn = await door.connect(operation_timeout=0.2, autocommit=True)
    assert [n async for n in conn.notifies(timeout=0.5)] == []


async def test_frozen_server(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        with within(NEAR), expires(door):
            await conn.execute("select 1", timeout=NEAR)
        assert conn.closed
        assert conn.broken
        assert server.asked.is_set(), "it was asked to cancel before"
        with pytest.raises(door.module.OperationalError, match="closed"):
            await conn.execute("select 1")


async def test_frozen_server_that_lets_cancel(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        server.thaw.set()
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        with expires(door):
            await conn.execute("select 1", timeout=4)
        assert not conn.closed
        assert server.cancelled == [1]
        server.frozen = False
        server.go.set()
        assert await (await conn.execute("select 1", timeout=30)).fetchone() == (2,)


async def test_server_that_does_not_read(door: Door) -> None:
    over = threading.Event()

    def script(peer: Peer) -> None:
        peer.greet(GREETING)
        over.wait(50)

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        with within(NEAR), expires(door):
            await conn.execute("select length(%s)", [b"x" * 100_000_000], timeout=NEAR)
        assert conn.closed
        over.set()


async def test_frozen_server_at_the_end_of_a_transaction(door: Door) -> None:
    for end in ("commit", "rollback"):
        with FrozenServer(status=b"T") as server:
            server.go.set()
            conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
            await conn.execute("begin")
            assert status(conn) == "INTRANS"
            server.frozen = True
            with within(NEAR), expires(door):
                await getattr(conn, end)(timeout=NEAR)
            assert conn.closed


async def test_commit_that_takes_too_long_is_rolled_back(door: Door) -> None:
    conn = await door.connect()
    await make_slow_table(conn)
    await conn.commit()
    await conn.execute("insert into slow values (1)")
    with within(1), expires(door):
        await conn.commit(timeout=1)
    assert status(conn) == "IDLE"
    assert await (await conn.execute("select count(*) from slow")).fetchone() == (0,)


async def test_block_that_takes_too_long_to_commit_is_rolled_back(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with within(1), expires(door):
        async with conn.transaction() as block:
            await make_slow_table(conn)
            await conn.execute("insert into slow values (1)")
            conn.operation_timeout = 1
    conn.operation_timeout = None
    assert status(conn) == "IDLE"
    assert block.status.name != "COMMITTED"
    assert await (await conn.execute("select to_regclass('pg_temp.slow')")).fetchone() == (None,)


async def make_slow_table(conn: Any) -> None:
    """Make a table such that the commit of what is inserted there takes a minute."""
    await conn.execute("create temp table slow (n int)")
    await conn.execute(
        "create function pg_temp.sleep() returns trigger language plpgsql"
        " as $$ begin perform pg_sleep(60); return null; end $$"
    )
    await conn.execute(
        "create constraint trigger sleeps after insert on slow deferrable initially deferred"
        " for each row execute function pg_temp.sleep()"
    )


@with_time_to_rest
async def test_statement_in_a_block(door: Door, near: float) -> None:
    conn = await door.connect(autocommit=True)
    with expires(door):
        async with conn.transaction():
            await conn.execute("create temp table t ()")
            await conn.execute("select pg_sleep(60)", timeout=near)
    assert status(conn) == "IDLE"
    assert await (await conn.execute("select to_regclass('pg_temp.t')")).fetchone() == (None,)
    async with conn.transaction():
        await conn.execute("create temp table t (n int)")
        with expires(door):
            async with conn.transaction():
                await conn.execute("select pg_sleep(60)", timeout=near)
        await conn.execute("insert into t values (1)")
    assert await (await conn.execute("select count(*) from t")).fetchone() == (1,)


@with_time_to_rest
async def test_executemany(door: Door, near: float) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    with within(near), expires(door):
        await cur.executemany("select pg_sleep(%s)", [(0.1,)] * 300, timeout=near)
    assert status(conn) == "INERROR"
    await conn.rollback()
    await cur.executemany("select %s::int", [(n,) for n in range(100)], timeout=30)
    assert cur.rowcount == 100


async def test_each_wait_for_rows_of_a_stream(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    # The server sends rows when they have come to a few kilobytes, the end of one perhaps with the next.
    query = "select n, pg_sleep(case when n = 8 then 60 else 0.25 end), repeat('x', 20000) from generate_series(1, 9) n"
    for own, default in ((1.2, None), (None, 1.2)):
        conn.operation_timeout = default
        rows = []
        with within(5), expires(door):
            async for row in conn.cursor().stream(query, timeout=own):
                rows.append(row[0])
        assert rows in ([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6, 7])
        assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_stream_of_a_frozen_server(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        stream = conn.cursor().stream("select 1", timeout=NEAR)
        with within(NEAR), expires(door):
            await stream.__anext__()
        assert conn.closed


@with_time_to_rest
async def test_result_of_a_pipeline(door: Door, near: float) -> None:
    conn = await door.connect(autocommit=True, operation_timeout=near)
    cursors = [conn.cursor() for _ in range(3)]
    with within(near), expires(door):
        async with conn.pipeline():
            for cursor, seconds in zip(cursors, (0, 60, 0), strict=True):
                await cursor.execute("select pg_sleep(%s)", [seconds])
            await cursors[1].fetchone()
    conn.operation_timeout = None
    assert status(conn) == "IDLE"
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_pipeline_of_a_frozen_server(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR, operation_timeout=NEAR)
        with within(NEAR), expires(door):
            async with conn.pipeline() as pipeline:
                await conn.execute("select 1")
                await pipeline.sync()
        assert conn.closed


@pytest.mark.doors("sync")
async def test_turn_of_a_thread(door: Door, observer: Observer) -> None:
    conn = await door.connect(autocommit=True)
    with Meanwhile(conn.wrapped.execute, "select 'done' from pg_sleep(2)") as other:
        observer.wait_active(conn.info.backend_pid, "%pg_sleep%")
        with expires(door):
            await conn.execute("select 1", timeout=0.3)
        assert not other.result, "it is still waited for"
    assert other.result.fetchone() == ("done",), "the other was not disturbed"
    assert await (await conn.execute("select 1", timeout=30)).fetchone() == (1,)


@asyncio_only
async def test_turn_of_a_task(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    other = asyncio.ensure_future(conn.execute("select 'done' from pg_sleep(2)"))
    await asyncio.sleep(0)
    with expires(door):
        await conn.execute("select 1", timeout=0.3)
    assert not other.done()
    late = asyncio.ensure_future(conn.execute("select 2", timeout=30))
    assert await (await soon(other)).fetchone() == ("done",)
    assert await (await soon(late)).fetchone() == (2,)


@asyncio_only
async def test_frozen_server_delays_all_tasks_by_their_own_times(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        with within(2):
            results = await asyncio.gather(
                *(conn.execute("select 1", timeout=0.3 + n / 10) for n in range(8)), return_exceptions=True
            )
        assert {type(result) for result in results} <= {door.errors.OperationTimeout, door.module.OperationalError}
        assert isinstance(results[0], TimeoutError)
        assert conn.closed


@asyncio_only
@with_time_to_rest
async def test_statements_that_share_the_connection(door: Door, near: float) -> None:
    conn = await door.connect(autocommit=True, pipelining=True)
    tasks = [
        asyncio.ensure_future(conn.execute("select %s::int from pg_sleep(0.8)", [n], timeout=timeout))
        for n, timeout in enumerate([0.3, 30, 0.3, None])
    ]
    results = await soon(asyncio.gather(*tasks, return_exceptions=True))
    assert [type(result) for result in results[::2]] == [door.errors.OperationTimeout] * 2
    assert [await result.fetchone() for result in results[1::2]] == [(1,), (3,)]
    with expires(door):
        await conn.execute("select pg_sleep(60)", timeout=near)
    assert await (await conn.execute("select 1", timeout=30)).fetchone() == (1,)


@asyncio_only
async def test_shared_connection_of_a_frozen_server(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR, pipelining=True)
        with within(1):
            results = await asyncio.gather(
                *(conn.execute("select 1", timeout=NEAR) for _ in range(5)), return_exceptions=True
            )
        assert {type(result) for result in results} == {door.errors.OperationTimeout}
        await until(lambda: conn.closed)


@asyncio_only
async def test_cancelled_while_its_time_runs(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    task = asyncio.ensure_future(conn.execute("select pg_sleep(60)", timeout=30))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@asyncio_only
async def test_cancelled_task_has_no_longer_than_its_time(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        task = asyncio.ensure_future(conn.execute("select 1", timeout=1))
        await asyncio.sleep(0.1)
        task.cancel()
        with within(1), pytest.raises(asyncio.CancelledError):
            await task
        assert conn.closed


@asyncio_only
async def test_cancelled_while_it_is_given_up(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=FAR)
        task = asyncio.ensure_future(conn.execute("select 1", timeout=4))
        await until(server.asked.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await soon(task)
        await until(lambda: conn.closed)


@asyncio_only
async def test_time_begins_when_it_is_awaited(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    operation = conn.execute("select 1", timeout=0.5)
    await asyncio.sleep(0.7)
    assert await (await operation).fetchone() == (1,)


async def test_connecting_to_a_server_that_says_nothing(door: Door) -> None:
    with HostileServer(lambda peer: peer.drain()) as server:
        place = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={server.port},{server.port},{server.port}"
        with within(0.5), pytest.raises(door.errors.ConnectTimeout, match="time for connecting") as caught:
            await door.connect(f"{place} user=u dbname=d connect_timeout=40", timeout=0.5)
        assert isinstance(caught.value, door.errors.ConnectionTimeout)
        assert caught.value.sqlstate == "57014"
        assert isinstance(caught.value, TimeoutError)
        assert len(server.sockets) == 1


async def test_connecting_with_no_time(door: Door) -> None:
    with pytest.raises(door.errors.ConnectTimeout):
        await door.connect(timeout=0)
    conn = await door.connect(timeout=30)
    assert conn.operation_timeout is None, "that is another time"


async def test_refused_within_the_time(door: Door, closed_port: int) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(f"host=127.0.0.1 port={closed_port}", timeout=30)
    assert not isinstance(caught.value, TimeoutError)


async def test_cursor_class_that_knows_no_timeout(door: Door) -> None:
    base = door.cursor_class

    class Own(base):  # type: ignore[misc, valid-type]
        def execute(self, query: Any, params: Any = None) -> Any:
            return super().execute(query, params)

    conn = await door.connect(cursor_factory=Own)
    assert await (await conn.execute("select 1")).fetchone() == (1,)
    with pytest.raises(TypeError):
        await conn.execute("select 1", timeout=1)


@with_time_to_rest
async def test_fetches_of_a_server_cursor(door: Door, near: float) -> None:
    conn = await door.connect()
    query = "select n, pg_sleep(case when n = 4 then 60 else 0 end) from generate_series(1, 9) n"
    for fetch, arguments in (("fetchone", ()), ("fetchmany", (5,)), ("fetchall", ())):
        cur = conn.cursor("served")
        await cur.execute(query, timeout=30)
        assert len(await cur.fetchmany(3, timeout=30)) == 3
        with within(near), expires(door):
            await getattr(cur, fetch)(*arguments, timeout=near)
        assert status(conn) == "INERROR"
        await conn.rollback()
        await cur.close()
    cur = conn.cursor("served")
    await cur.execute(query)
    assert await cur.fetchone(timeout=30) == (1, "")
    conn.operation_timeout = near
    with expires(door):
        async for _ in cur:
            pass
    await conn.rollback()
    await cur.close()


async def test_server_cursor_of_a_frozen_server(door: Door) -> None:
    with FrozenServer(frozen=True) as server:
        conn = await door.connect(server.dsn, cancel_timeout=FAR)
        cur = conn.cursor("served")
        with within(NEAR), expires(door):
            await cur.execute("select 1", timeout=NEAR)
        assert conn.closed
        with pytest.raises(door.module.OperationalError):
            await cur.fetchall(timeout=NEAR)
        await cur.close()
