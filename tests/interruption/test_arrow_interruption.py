"""Arrow data that is cut short by Ctrl-C or by a cancelled task: the connection is at rest afterwards, and goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import psycopg
import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Meanwhile, Observer

pa = pytest.importorskip("pyarrow")

# Rows come, more than fit into one batch; then the server sleeps.
SLEEPY = """select g, case when g = 3000 then pg_sleep(60)::text else repeat('x', 1000) end as v
    from generate_series(1, 4000) g"""
# Without parameters it is read by COPY, with them as rows.
WAYS: list[Any] = [None, ()]


@contextlib.contextmanager
def locked(dsn: str, table: str) -> Iterator[None]:
    """Nobody else can look into the table."""
    with psycopg.connect(dsn) as conn:
        conn.execute(f"lock table {table} in access exclusive mode")
        yield
        conn.rollback()


@pytest.fixture
def interrupted(observer: Observer) -> Iterator[Callable[[Any, str], Any]]:
    """A block that is interrupted when the server waits for an event."""

    @contextlib.contextmanager
    def block(conn: Any, event: str) -> Iterator[None]:
        def send() -> None:
            observer.wait_event(conn.info.backend_pid, event)
            os.kill(os.getpid(), signal.SIGINT)

        with Meanwhile(send), pytest.raises(KeyboardInterrupt):
            yield

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield block
    signal.signal(signal.SIGINT, previous)


@pytest.fixture
def table(observer: Observer) -> Iterator[str]:
    """A table with a type of a user, which has to be looked up."""
    observer.conn.execute("create type arrow_mood as enum ('sad', 'ok'); create table arrow_moods (mood arrow_mood)")
    yield "arrow_moods"
    observer.conn.execute("drop table arrow_moods; drop type arrow_mood")


async def working(conn: Any, observer: Observer, *, autocommit: bool) -> None:
    """What was interrupted has ended on the server, and what is asked next gets its own answer."""
    at_rest(conn, observer, autocommit=autocommit)
    if not autocommit:
        await conn.rollback()
    for number in range(3):
        assert await (await conn.execute("select %s::int", (number,))).fetchone() == (number,)


def still_working(conn: Any, observer: Observer, *, autocommit: bool) -> None:
    """The same of a sync connection."""
    at_rest(conn, observer, autocommit=autocommit)
    if not autocommit:
        conn.rollback()
    for number in range(3):
        assert conn.execute("select %s::int", (number,)).fetchone() == (number,)


def at_rest(conn: Any, observer: Observer, *, autocommit: bool) -> None:
    observer.wait_idle(conn.info.backend_pid)
    assert not conn.closed
    assert conn.info.transaction_status.name == ("IDLE" if autocommit else "INERROR")


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("params", WAYS)
def test_ctrl_c_while_rows_are_read(
    howdah: ModuleType, dsn: str, observer: Observer, interrupted: Any, params: Any, autocommit: bool
) -> None:
    with howdah.connect(dsn, autocommit=autocommit) as conn:
        with interrupted(conn, "PgSleep"):
            howdah.read_arrow(conn, SLEEPY, params)
        still_working(conn, observer, autocommit=autocommit)
        batches = []
        with interrupted(conn, "PgSleep"):
            for batch in conn.cursor().stream_arrow(SLEEPY, params, batch_size=1000):
                batches.append(batch)
        assert [len(batch) for batch in batches] == [1000, 1000]
        still_working(conn, observer, autocommit=autocommit)


@pytest.mark.parametrize("autocommit", [True, False])
def test_ctrl_c_while_types_are_looked_up(
    howdah: ModuleType, dsn: str, observer: Observer, interrupted: Any, table: str, autocommit: bool
) -> None:
    with howdah.connect(dsn, autocommit=autocommit) as conn:
        cur = conn.execute("select 'ok'::arrow_mood as mood")
        with locked(dsn, "pg_enum"), interrupted(conn, "relation"):
            cur.fetch_arrow()
        still_working(conn, observer, autocommit=autocommit)
        # Its result is still there.
        assert pa.table(cur.fetch_arrow())["mood"].to_pylist() == ["ok"]


@pytest.mark.parametrize("autocommit", [True, False])
def test_ctrl_c_while_rows_are_written(
    howdah: ModuleType, dsn: str, observer: Observer, interrupted: Any, table: str, autocommit: bool
) -> None:
    data = pa.table({"mood": ["sad"] * 1000})
    with howdah.connect(dsn, autocommit=autocommit) as conn:
        with locked(dsn, table), interrupted(conn, "relation"):
            conn.copy_arrow(table, data)
        still_working(conn, observer, autocommit=autocommit)
        assert conn.copy_arrow(table, data) == 1000
        assert conn.execute(f"select count(*) from {table}").fetchone() == (1000,)


@howdah_alone
@asyncio_only
@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("params", WAYS)
async def test_cancelled_while_rows_are_read(door: Door, observer: Observer, params: Any, autocommit: bool) -> None:
    conn = await door.connect(autocommit=autocommit)
    await cancelled(door.module.read_arrow(conn, SLEEPY, params), observer, conn, "PgSleep")
    await working(conn, observer, autocommit=autocommit)

    batches = []

    async def stream() -> None:
        async for batch in conn.cursor().stream_arrow(SLEEPY, params, batch_size=1000):
            batches.append(pa.record_batch(batch))

    await cancelled(stream(), observer, conn, "PgSleep")
    assert [batch.num_rows for batch in batches] == [1000, 1000]
    await working(conn, observer, autocommit=autocommit)


@howdah_alone
@asyncio_only
async def test_cancelled_while_types_are_looked_up_or_rows_written(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    cur = await conn.execute("select 'ok'::arrow_mood as mood")
    data = pa.table({"mood": ["sad"] * 1000})
    with locked(door.dsn, "pg_enum"):
        await cancelled(cur.fetch_arrow(), observer, conn, "relation")
    await working(conn, observer, autocommit=True)
    assert pa.table(await cur.fetch_arrow())["mood"].to_pylist() == ["ok"]
    with locked(door.dsn, table):
        await cancelled(conn.copy_arrow(table, data), observer, conn, "relation")
    await working(conn, observer, autocommit=True)
    assert await conn.copy_arrow(table, data) == 1000
    assert await (await conn.execute(f"select count(*) from {table}")).fetchone() == (1000,)


async def cancelled(work: Any, observer: Observer, conn: Any, event: str) -> None:
    """Cancel a task when the server waits for an event."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, observer.wait_event, conn.info.backend_pid, event)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@howdah_alone
@asyncio_only
@pytest.mark.parametrize("params", WAYS)
async def test_cancelled_at_any_turn_of_the_loop(door: Door, params: Any) -> None:
    conn = await door.connect(autocommit=True)
    query = "select g, repeat('x', 1000) as v from generate_series(1, 5000) g"
    for turns in range(0, 120, 3):
        task = asyncio.ensure_future(door.module.read_arrow(conn, query, params, batch_size=100))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert len(await task) == 5000
        assert conn.info.transaction_status.name == "IDLE"
        assert await (await conn.execute("select %s::int", (turns,))).fetchone() == (turns,)
    assert len(await door.module.read_arrow(conn, query, params)) == 5000
