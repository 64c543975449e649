"""Blocks that are interrupted at any step: nothing of them stays, or the connection is closed."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import anyio
import pytest

from support.doors import Door, asyncio_only
from support.proxy import Proxy
from support.sessions import Observer
from support.stepping import Interrupted, Steps, Tracer, interruptions
from support.waiting import soon

pytestmark = pytest.mark.limit(240)
BOUND = 0.3
"""The connections' `cancel_timeout` where the server does not answer."""


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """psycopg's rollback is given up when it is cancelled."""
    return howdah


@pytest.fixture
def table(observer: Observer, channel: str) -> Iterator[str]:
    """A real table, so that another session sees what was committed."""
    name = f"t_{channel}"
    observer.conn.execute(f"create table {name} (num int)")
    yield name
    observer.conn.execute(f"drop table {name}")


class Boom(Exception):
    """What a block raises."""


# Programs: what they do, and what is there if all of it is done.


async def one(conn: Any, table: str) -> None:
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")


async def nested(conn: Any, table: str) -> None:
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")
        async with conn.transaction():
            await conn.execute(f"insert into {table} values (2)")
        await conn.execute(f"insert into {table} values (3)")


async def named(conn: Any, table: str) -> None:
    async with conn.transaction("outer"):
        await conn.execute(f"insert into {table} values (1)")
        async with conn.transaction("inner"):
            await conn.execute(f"insert into {table} values (2)")


async def undone(conn: Any, table: str) -> None:
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")
        with contextlib.suppress(Boom):
            async with conn.transaction():
                await conn.execute(f"insert into {table} values (2)")
                raise Boom
        async with conn.transaction(force_rollback=True):
            await conn.execute(f"insert into {table} values (3)")


async def many(conn: Any, table: str) -> None:
    async with conn.transaction():
        cur = conn.cursor()
        await cur.executemany(f"insert into {table} values (%s)", [(1,), (2,)])
        async with conn.pipeline():
            await conn.execute(f"insert into {table} values (3)")
            async with conn.transaction():
                await conn.execute(f"insert into {table} values (4)")


async def implicit(conn: Any, table: str) -> None:
    # A transaction that was begun by hand is not the block's.
    await conn.execute("begin")
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")
    await conn.execute("commit")


PROGRAMS = {
    "one": (one, [1]),
    "nested": (nested, [1, 2, 3]),
    "named": (named, [1, 2]),
    "undone": (undone, [1]),
    "many": (many, [1, 2, 3, 4]),
    "implicit": (implicit, [1]),
}


async def check(conn: Any, observer: Observer, table: str, full: list[int], *, by_hand: bool = False) -> None:
    """Nothing is left of an interrupted program, or all was done."""
    if not conn.closed:
        if by_hand:
            # What the user has begun the user has to end.
            await soon(conn.rollback())
        cursor = await soon(conn.execute(f"select pg_backend_pid(), (select count(*) from {table})"))
        pid, count = await cursor.fetchone()
        assert (pid, conn.info.transaction_status.name) == (conn.info.backend_pid, "IDLE")
        assert count in (0, len(full))
        assert conn._num_transactions == 0
    rows = observer.conn.execute(f"select num from {table} order by num").fetchall()
    assert [num for (num,) in rows] in ([], full)
    observer.conn.execute(f"truncate {table}")


@asyncio_only
@pytest.mark.parametrize("how", ["cancel", "cancel again", "close"])
@pytest.mark.parametrize("name", PROGRAMS)
async def test_at_every_step(door: Door, observer: Observer, table: str, name: str, how: str) -> None:
    program, full = PROGRAMS[name]
    conn = await door.connect(autocommit=True)
    for at in itertools.count(1):
        steps = Steps(program(conn, table), at, how, lambda: None)
        await steps
        await check(conn, observer, table, full, by_hand=name == "implicit")
        assert not conn.closed
        if not steps.interrupted:
            break
    assert at > 2


@asyncio_only
@pytest.mark.parametrize("fate", ["slow", "frozen", "gone"])
@pytest.mark.parametrize("how", ["cancel", "cancel again", "close"])
@pytest.mark.parametrize("name", ["nested", "undone", "many"])
async def test_at_every_step_on_a_bad_network(
    door: Door, server: Any, observer: Observer, table: str, name: str, how: str, fate: str
) -> None:
    program, full = PROGRAMS[name]
    for at in itertools.count(1):
        with Proxy(("127.0.0.1", server.port), server.tcp_dsn, 0.003 if fate == "slow" else 0) as proxy:
            happens = {"slow": lambda: None, "frozen": proxy.freeze, "gone": proxy.hang_up}[fate]
            bound = 5 if fate == "slow" else BOUND
            conn = await door.connect(proxy.dsn, autocommit=True, cancel_timeout=bound)
            steps = Steps(program(conn, table), at, how, happens)
            begin = time.monotonic()
            await steps
            took = time.monotonic() - begin
            if steps.interrupted and fate != "slow":
                assert took < BOUND + 4
                with pytest.raises(door.module.OperationalError):
                    await soon(conn.execute("select 1"))
                assert conn.closed
                proxy.thaw()
                # The server finds out that the client has gone, and rolls back.
                proxy.hang_up()
                await asyncio.to_thread(observer.wait_gone, conn.info.backend_pid)
            await check(conn, observer, table, full)
            await conn.close()
        if not steps.interrupted:
            break
    assert at > 2


@asyncio_only
async def test_tasks_cancelled_at_any_moment_again_and_again(door: Door, observer: Observer, table: str) -> None:
    moments = random.Random(5)
    conn = await door.connect(autocommit=True)
    cancelled = 0
    # How many of them are in time depends on the machine.
    while cancelled < 60:
        name = moments.choice(["one", "nested", "named", "undone", "many"])
        program, full = PROGRAMS[name]
        task = asyncio.create_task(program(conn, table))
        await asyncio.sleep(moments.random() * 0.003)
        for _ in range(moments.choice([1, 1, 2, 4, 20])):
            task.cancel()
            await asyncio.sleep(0)
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
        await check(conn, observer, table, full)
        assert not conn.closed


@asyncio_only
@pytest.mark.parametrize("scope", ["anyio", "asyncio"])
async def test_scope_that_is_left_by_its_time(door: Door, observer: Observer, table: str, scope: str) -> None:
    # anyio cancels a task at every step until it has left the scope.
    conn = await door.connect(autocommit=True)
    for turn in range(20):
        moment = 0.0005 * turn
        with anyio.move_on_after(moment) if scope == "anyio" else contextlib.nullcontext():
            limit = None if scope == "anyio" else moment
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(sleep_in_blocks(conn, table), limit)
        await check(conn, observer, table, [])
        assert not conn.closed


async def sleep_in_blocks(conn: Any, table: str) -> None:
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")
        async with conn.transaction():
            await conn.execute(f"insert into {table} values (2)")
            await asyncio.sleep(10)


@asyncio_only
@pytest.mark.parametrize("shielded", [False, True])
async def test_request_scopes_of_a_web_framework(door: Door, observer: Observer, table: str, shielded: bool) -> None:
    # As in Starlette and FastAPI: the request's task group is cancelled when the client goes, and a dependency with
    # `yield` closes its block within that scope, or shielded from it.
    conn = await door.connect(autocommit=True)

    @contextlib.asynccontextmanager
    async def dependency() -> Any:
        async with conn.transaction():
            yield conn

    async def endpoint() -> None:
        async with contextlib.AsyncExitStack() as stack:
            with anyio.CancelScope(shield=shielded):
                mine = await stack.enter_async_context(dependency())
            await mine.execute(f"insert into {table} values (1)")
            async with mine.transaction():
                await mine.execute(f"insert into {table} values (2)")
                await anyio.sleep(10)

    for turn in range(15):
        async with anyio.create_task_group() as group:
            group.start_soon(endpoint)
            await anyio.sleep(0.0007 * turn)
            group.cancel_scope.cancel()
        await check(conn, observer, table, [])
        assert not conn.closed


@asyncio_only
async def test_connections_block_that_is_cancelled_again_and_again(door: Door, observer: Observer, table: str) -> None:
    pids = []

    async def work() -> None:
        async with await door.connect() as conn:
            pids.append(conn.info.backend_pid)
            await conn.execute(f"insert into {table} values (1)")
            async with conn.transaction():
                await conn.execute(f"insert into {table} values (2)")
                await asyncio.sleep(10)

    for turn in range(20):
        with anyio.move_on_after(0.0007 * turn):
            await work()
    for pid in pids:
        await asyncio.to_thread(observer.wait_gone, pid)
    assert observer.value(f"select count(*) from {table}") == 0


# Sync.


def run_nested(conn: Any, table: str) -> None:
    with conn.transaction() as outer:
        conn.execute(f"insert into {table} values (1)")
        with conn.transaction("named"):
            conn.execute(f"insert into {table} values (2)")
        with contextlib.suppress(Boom), conn.transaction():
            conn.execute(f"insert into {table} values (3)")
            raise Boom
    assert outer.status.name == "COMMITTED"


def check_sync(conn: Any, observer: Observer, table: str) -> bool:
    """Nothing is left, or all was done; tells which."""
    assert conn.execute("select pg_backend_pid()").fetchone() == (conn.info.backend_pid,)
    assert conn.info.transaction_status.name == "IDLE"
    assert conn._num_transactions == 0
    rows = observer.conn.execute(f"select num from {table} order by num").fetchall()
    assert rows in ([], [(1,), (2,)])
    observer.conn.execute(f"truncate {table}")
    return bool(rows)


def test_interrupted_at_every_instruction(connect: Callable[..., Any], observer: Observer, table: str) -> None:
    conn = connect(autocommit=True)
    files = ("_transaction.py", "_transaction_base.py")
    for at in itertools.count(1):
        tracer = Tracer(at, files)
        try:
            with tracer:
                run_nested(conn, table)
        except Interrupted:
            # Here the exception, with its frames and what they hold, is alive.
            check_sync(conn, observer, table)
        else:
            done = check_sync(conn, observer, table)
            if not tracer.raised:
                assert done
                break
    assert at > 100


def run_pipelines(conn: Any, table: str) -> None:
    with conn.pipeline():
        conn.execute(f"insert into {table} values (1)")
        with conn.pipeline() as p:
            conn.execute(f"insert into {table} values (2)")
            p.sync()
        conn.execute(f"insert into {table} values (3)")


def check_pipelines(conn: Any, observer: Observer, table: str) -> None:
    """What was sent before a synchronisation point is done or not, and no transaction is left."""
    assert conn.info.pipeline_status.name == "OFF"
    observer.wait_idle(conn.info.backend_pid)
    assert conn.info.transaction_status.name == "IDLE"
    assert conn.execute("select pg_backend_pid()").fetchone() == (conn.info.backend_pid,)
    rows = observer.conn.execute(f"select num from {table} order by num").fetchall()
    assert rows == [(1,), (2,), (3,)][: len(rows)]
    observer.conn.execute(f"truncate {table}")


def test_pipelines_interrupted_at_every_instruction(
    connect: Callable[..., Any], observer: Observer, table: str
) -> None:
    conn = connect(autocommit=True)
    for at in itertools.count(1):
        tracer = Tracer(at, ("_pipeline.py", "_pipeline_base.py"))
        with contextlib.suppress(Interrupted), tracer:
            run_pipelines(conn, table)
        check_pipelines(conn, observer, table)
        if not tracer.raised:
            break
    assert at > 40


def test_pipelines_with_signals_at_any_moment(connect: Callable[..., Any], observer: Observer, table: str) -> None:
    conn = connect(autocommit=True)
    for _ in interruptions(lambda: run_pipelines(conn, table), 60):
        check_pipelines(conn, observer, table)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("pool", [None, "a pool"])
def test_connections_block_interrupted_at_every_instruction(
    connect: Callable[..., Any], observer: Observer, table: str, fails: bool, pool: str | None
) -> None:
    in_pool = []
    for at in itertools.count(1):
        conn = connect()
        conn._pool = pool
        pid = conn.info.backend_pid
        tracer = Tracer(at, ("connection.py",))
        with contextlib.suppress(Interrupted, Boom), tracer.stopped(), conn:
            conn.execute(f"insert into {table} values (1)")
            tracer.start()
            if fails:
                raise Boom
        assert conn.closed == (pool is None)
        if pool:
            conn.rollback()
            in_pool.append(conn)
        else:
            observer.wait_gone(pid)
        assert observer.value(f"select count(*) from {table}") in ([0] if fails else [0, 1])
        observer.conn.execute(f"truncate {table}")
        if not tracer.raised:
            break
    # How many instructions there are depends on the interpreter.
    assert at > 15
    if in_pool and fails:
        # No time limit of the end of a block is left.
        time.sleep(in_pool[-1].cancel_timeout)
    for conn in in_pool:
        assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_signals_at_any_moment(connect: Callable[..., Any], observer: Observer, table: str, autocommit: bool) -> None:
    conn = connect(autocommit=autocommit)
    for _ in interruptions(lambda: run_nested(conn, table), 60):
        if not autocommit:
            assert conn.info.transaction_status.name in ("IDLE", "INTRANS")
            conn.rollback()
            conn.autocommit = True
        check_sync(conn, observer, table)
        conn.autocommit = autocommit
        assert not conn.closed
