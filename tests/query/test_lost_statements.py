"""Prepared statements that are missing or of no use: executed again where nothing has been executed."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from pgbouncer import PROGRAM, bouncer
from pgserver import PgServer

from support.adapting import part
from support.doors import Door, howdah_alone
from support.sessions import Observer

pytestmark = howdah_alone

needs_bouncer = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")

FORGET = "do $$ begin execute 'deallocate all'; end $$"
"""Drops all that is prepared, and its command tag does not say so."""


@pytest.fixture
def table(observer: Observer, channel: str) -> Iterator[str]:
    observer.conn.execute(f"create table {channel} as select 1 as num")
    yield channel
    observer.conn.execute(f"drop table {channel}")


async def rows(cursor: Any) -> list[Any]:
    found: list[Any] = await cursor.fetchall()
    return found


async def prepared_select(door: Door, table: str, **options: Any) -> tuple[Any, str]:
    conn = await door.connect(**options)
    query = f"select * from {table} where num = %s"
    for _ in range(7):
        await conn.execute(query, (1,))
    await conn.commit()
    return conn, query


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


@pytest.mark.parametrize("autocommit", [True, False])
async def test_changed_result_type(door: Door, observer: Observer, table: str, autocommit: bool) -> None:
    conn, query = await prepared_select(door, table, autocommit=autocommit)
    for number in range(3):
        observer.conn.execute(f"alter table {table} add more{number} int")
        cur = await conn.execute(query, (1,))
        assert await rows(cur) == [(1, *[None] * (number + 1))]
        assert [column.name for column in cur.description][-1] == f"more{number}"
        assert status(conn) == ("IDLE" if autocommit else "INTRANS")
        await conn.commit()
    prepared = await conn.execute("select count(*) from pg_prepared_statements where statement like '%num =%'")
    assert await prepared.fetchone() == (1,)


async def test_changed_result_type_in_a_transaction(door: Door, observer: Observer, table: str) -> None:
    """What the transaction has done before would be lost."""
    conn, query = await prepared_select(door, table)
    await conn.execute("select 1")
    observer.conn.execute(f"alter table {table} add more int")
    with pytest.raises(door.errors.FeatureNotSupported):
        await conn.execute(query, (1,))
    assert status(conn) == "INERROR"
    await conn.rollback()
    assert await rows(await conn.execute(query, (1,))) == [(1, None)]


@pytest.mark.parametrize("autocommit", [True, False])
async def test_stream_of_a_changed_result_type(door: Door, observer: Observer, table: str, autocommit: bool) -> None:
    conn, query = await prepared_select(door, table, autocommit=autocommit)
    observer.conn.execute(f"alter table {table} add more int")
    assert [row async for row in conn.cursor().stream(query, (1,))] == [(1, None)]
    assert status(conn) == ("IDLE" if autocommit else "INTRANS")


@pytest.mark.parametrize("autocommit", [True, False])
async def test_missing_statement(door: Door, table: str, autocommit: bool) -> None:
    conn, query = await prepared_select(door, table, autocommit=autocommit)
    for _ in range(3):
        await conn.execute(FORGET, prepare=False)
        await conn.commit()
        assert await rows(await conn.execute(query, (1,))) == [(1,)]
        await conn.commit()


async def test_missing_statement_in_a_transaction(door: Door, table: str) -> None:
    conn, query = await prepared_select(door, table)
    await conn.execute(FORGET, prepare=False)
    with pytest.raises(door.errors.InvalidSqlStatementName):
        await conn.execute(query, (1,))
    await conn.rollback()
    assert await rows(await conn.execute(query, (1,))) == [(1,)]


async def test_what_was_executed_is_not_executed_again(door: Door, table: str) -> None:
    """The same errors from within a statement that has done something."""
    conn = await door.connect(autocommit=True)
    await conn.execute(
        f"create procedure pg_temp.once() language plpgsql as $$ begin insert into {table} values (2); commit; "
        "execute 'execute missing'; end $$"
    )
    for attempt in range(8):
        with pytest.raises(door.errors.InvalidSqlStatementName):
            await conn.execute("call pg_temp.once()", prepare=attempt > 3)
        cur = await conn.execute(f"select count(*) from {table} where num = 2", prepare=False)
        assert await cur.fetchone() == (attempt + 1,)


async def test_missing_statement_in_a_pipeline(door: Door, table: str) -> None:
    """Others depend on it: the error is its own."""
    conn, query = await prepared_select(door, table, autocommit=True)
    await conn.execute(FORGET, prepare=False)
    with contextlib.suppress(door.errors.PipelineAborted):
        async with conn.pipeline():
            first = await conn.execute(query, (1,))
            with pytest.raises(door.errors.InvalidSqlStatementName):
                await first.fetchall()
    assert await rows(await conn.execute(query, (1,))) == [(1,)]


@pytest.mark.doors("asyncio")
async def test_missing_statements_of_tasks_that_share(door: Door, table: str) -> None:
    conn, query = await prepared_select(door, table, autocommit=True, pipelining=True)
    await conn.execute(FORGET, prepare=False)

    async def one() -> list[Any]:
        return await rows(await conn.execute(query, (1,)))

    assert await asyncio.gather(*(one() for _ in range(20))) == [[(1,)]] * 20


async def test_dumpers_that_raise_the_second_time(door: Door, observer: Observer, table: str) -> None:
    conn, _ = await prepared_select(door, table)
    query = f"select * from {table} where num = %s"
    calls: list[int] = []

    class Twice(part(door.module, "adapt").Dumper):  # type: ignore[misc]
        oid = 23

        def dump(self, obj: int) -> bytes:
            calls.append(obj)
            if len(calls) > 7:
                raise LookupError
            return str(obj).encode()

    conn.adapters.register_dumper(int, Twice)
    for _ in range(6):
        await conn.execute(query, (1,))
    await conn.commit()
    observer.conn.execute(f"alter table {table} add more int")
    with pytest.raises(LookupError):
        await conn.execute(query, (1,))
    await conn.rollback()
    assert status(conn) == "IDLE"
    assert await rows(await conn.execute("select 1")) == [(1,)]


async def work(conn: Any, rounds: int) -> None:
    """What programs do: the same statements many times, some of them in transactions of several."""
    for i in range(rounds):
        assert await rows(await conn.execute("select %s::int, 1", (i,))) == [(i, 1)]
        assert await rows(await conn.execute("select %s::text", (str(i),))) == [(str(i),)]
        assert await rows(await conn.execute("select 5 as five")) == [(5,)]
        if i % 5 == 0:
            cur = conn.cursor()
            await cur.executemany("select %s::int", [(i,), (i + 1,)], returning=True)
            assert await rows(cur) == [(i,)]
            assert [row async for row in conn.cursor().stream("select %s::int * 2", (i,))] == [(2 * i,)]
        if i % 5 == 1:
            async with conn.transaction():
                await conn.execute("select %s::int + 1", (i,))
                assert await rows(await conn.execute("select %s::int, 1", (i,))) == [(i, 1)]
        if i % 5 == 2:
            async with conn.pipeline():
                first, second = await conn.execute("select 1"), await conn.execute("select %s::int, 1", (i,))
                assert (await first.fetchone(), await second.fetchone()) == ((1,), (i, 1))
        await conn.commit()


@needs_bouncer
async def test_through_a_pooler(door: Door, server: PgServer) -> None:
    """With its default settings, while others take the sessions of the server in turn."""
    with bouncer(server, sessions=3) as dsn:
        failures: list[Exception] = []
        threads = [threading.Thread(target=disturb, args=(door.module, dsn, failures)) for _ in range(4)]
        conns = [await door.connect(dsn, autocommit=autocommit) for autocommit in (False, True, False, True)]
        for thread in threads:
            thread.start()
        try:
            if door.is_sync:
                for conn in conns:
                    await work(conn, 40)
            else:
                await asyncio.gather(*(work(conn, 40) for conn in conns))
        finally:
            for thread in threads:
                thread.join()
            for conn in conns:
                await conn.close()
        assert failures == []


def disturb(module: ModuleType, dsn: str, failures: list[Exception]) -> None:
    try:
        with module.connect(dsn) as conn:
            for i in range(120):
                assert conn.execute("select %s::int, 1", (i,)).fetchone() == (i, 1)
                assert conn.execute("select 5 as five").fetchone() == (5,)
                conn.commit()
    except Exception as error:
        failures.append(error)


@needs_bouncer
async def test_evicted_statements_are_closed_through_a_pooler(door: Door, server: PgServer) -> None:
    """By the protocol's own message: DEALLOCATE of a statement that another session has would be an error."""
    with bouncer(server, sessions=2) as dsn:
        conn = await door.connect(dsn, prepare_threshold=0)
        conn.prepared_max = 2
        for i in range(30):
            assert await rows(await conn.execute(f"select {i}, %s::int", (i,))) == [(i, i)]
            await conn.commit()
        await conn.close()
