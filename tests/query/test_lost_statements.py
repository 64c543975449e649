"""Prepared statements that are missing or of no use: executed again where nothing has been executed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
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


async def prepared_insert(door: Door, table: str, **options: Any) -> tuple[Any, str]:
    """A connection that has prepared a statement which changes the table and gives all of its columns."""
    conn = await door.connect(**options)
    query = f"insert into {table} (num) values (length(%s)) returning *"
    # At the second time it is found out that there is no pooler between, which would have statements not be relied on.
    for _ in range(2):
        await conn.cursor().executemany(query, [("",)])
        await conn.commit()
    return conn, query


async def lose(conn: Any, observer: Observer, table: str, how: str) -> None:
    """Have what is prepared be of no use, or the next name for a statement be another's."""
    if how == "stale":
        observer.conn.execute(f"alter table {table} add more int")
    elif how == "missing":
        await conn.execute(FORGET, prepare=False)
    else:
        await conn.cursor().executemany("select %s as newest", [(1,)])
        find = "select name from pg_prepared_statements where statement like '%newest'"
        cur = await conn.execute(find, prepare=False)
        (name,) = await cur.fetchone()
        head, _, number = name.rpartition("_")
        await conn.execute(FORGET, prepare=False)
        await conn.execute(f"prepare {head}_{int(number) + 1} as select 1", prepare=False)
    await conn.commit()


def inserted(observer: Observer, table: str) -> list[int]:
    """The numbers in the order in which they were inserted, but for the three that were there before."""
    return [row[0] for row in observer.conn.execute(f"select num from {table} order by ctid offset 3")]


async def results(cursor: Any) -> list[Any]:
    """The rows of all result sets."""
    found = await rows(cursor)
    while cursor.nextset():
        found += await rows(cursor)
    return found


LOSSES = ["stale", "missing", "taken"]


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("how", LOSSES)
async def test_many_executions(door: Door, observer: Observer, table: str, how: str, autocommit: bool) -> None:
    conn, query = await prepared_insert(door, table, autocommit=autocommit)
    await lose(conn, observer, table, how)
    # Another text, for which a name is needed.
    query += " " if how == "taken" else ""
    cur = conn.cursor()
    await cur.executemany(query, [("a",), ("bb",), ("ccc",)], returning=True)
    assert cur.rowcount == 1
    more = (None,) if how == "stale" else ()
    assert await results(cur) == [(1, *more), (2, *more), (3, *more)]
    await cur.executemany(query, [("dddd",)])
    assert cur.rowcount == 1
    assert status(conn) == ("IDLE" if autocommit else "INTRANS")
    await conn.commit()
    assert inserted(observer, table) == [1, 2, 3, 4]


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize(
    "lengths",
    [
        pytest.param(range(700), id="many"),
        pytest.param([200_000, 1, 2], id="long-first"),
        pytest.param([1, 2, 200_000, 3, 200_001], id="long"),
    ],
)
async def test_more_executions_than_are_kept(
    door: Door, observer: Observer, table: str, lengths: list[int], autocommit: bool
) -> None:
    conn, query = await prepared_insert(door, table, autocommit=autocommit)
    await lose(conn, observer, table, "stale")
    cur = conn.cursor()
    taken = iter([("x" * length,) for length in lengths])
    await cur.executemany(query, taken, returning=True)
    assert await results(cur) == [(length, None) for length in lengths]
    await conn.commit()
    assert inserted(observer, table) == list(lengths)


@pytest.mark.parametrize("how", ["stale", "missing"])
async def test_many_executions_in_a_transaction(door: Door, observer: Observer, table: str, how: str) -> None:
    """What the transaction has done before would be lost."""
    conn, query = await prepared_insert(door, table)
    await lose(conn, observer, table, how)
    await conn.execute("select 1")
    cur = conn.cursor()
    with pytest.raises((door.errors.FeatureNotSupported, door.errors.InvalidSqlStatementName)):
        await cur.executemany(query, [("a",), ("bb",)])
    assert status(conn) == "INERROR"
    await conn.rollback()
    await cur.executemany(query, [("a",), ("bb",)])
    await conn.commit()
    assert inserted(observer, table) == [1, 2]


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("autocommit", [True, False])
async def test_parameters_that_fail(
    door: Door, observer: Observer, table: str, autocommit: bool, is_lost: bool
) -> None:
    """All before them have been executed, and once."""
    conn, query = await prepared_insert(door, table, autocommit=autocommit)
    await lose(conn, observer, table, "stale" if is_lost else "missing")

    def some() -> Iterator[Any]:
        yield ("a",)
        yield ("bb",)
        raise LookupError

    for params in (some(), [("a",), ("bb",), (object(),)]):
        with pytest.raises((LookupError, door.errors.ProgrammingError)):
            await conn.cursor().executemany(query, params)
        assert status(conn) == ("IDLE" if autocommit else "INTRANS")
        await conn.commit()
    assert inserted(observer, table) == [1, 2, 1, 2]


async def test_an_error_of_the_second_run(door: Door, observer: Observer, table: str) -> None:
    conn, _ = await prepared_insert(door, table, autocommit=True)
    query = f"insert into {table} (num) values (6 / %s) returning *"
    await conn.cursor().executemany(query, [(6,)])
    await lose(conn, observer, table, "stale")
    with pytest.raises(door.errors.DivisionByZero) as caught:
        await conn.cursor().executemany(query, [(3,), (2,), (0,), (1,)])
    if sys.version_info >= (3, 11):
        assert [note for note in caught.value.__notes__ if "2" in note]
    assert inserted(observer, table) == [1]


@pytest.mark.parametrize("how", LOSSES)
async def test_many_executions_of_what_may_be_a_copy(door: Door, observer: Observer, table: str, how: str) -> None:
    """The first of them is waited for, both times."""
    conn, query = await prepared_insert(door, table)
    query += " -- copy"
    if how != "taken":
        await conn.cursor().executemany(query, [("",)])
        await conn.commit()
    await lose(conn, observer, table, how)
    await conn.cursor().executemany(query, [("a",), ("bb",)])
    await conn.commit()
    assert inserted(observer, table)[-2:] == [1, 2]


async def test_executions_behind_one_that_was_executed(door: Door, observer: Observer, channel: str) -> None:
    """The second loses what is prepared: the third is an error, and none is run again."""
    conn = await door.connect(autocommit=True)
    await conn.execute(f"create sequence {channel}")
    await conn.execute(
        "create function pg_temp.forget(which int) returns int language plpgsql as $$ begin "
        f"if which = 2 then execute 'deallocate all'; end if; return nextval('{channel}'); end $$"
    )
    try:
        with pytest.raises(door.errors.InvalidSqlStatementName):
            await conn.cursor().executemany("select pg_temp.forget(%s)", [(1,), (2,), (3,)])
        assert observer.value(f"select last_value from {channel}") == 2
    finally:
        await conn.execute(f"drop sequence {channel}")


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("how", ["missing", "taken"])
async def test_rows_of_one_statement(door: Door, observer: Observer, table: str, how: str, autocommit: bool) -> None:
    """With `rewrite=True`, several such statements and rows that go by themselves."""
    conn, _ = await prepared_insert(door, table, autocommit=autocommit)
    query = f"insert into {table} (num) values (%s)"
    if how == "missing":
        await conn.cursor().executemany(query, [(0,), (0,)], rewrite=True)
        await conn.commit()
    await lose(conn, observer, table, how)
    expected = list(range(5000))
    params: list[Any] = [(number,) for number in expected]
    # What is no number of eight bytes goes by itself.
    params[2500] = ("2500" + " " * 100,)
    cur = conn.cursor()
    await cur.executemany(query, params, rewrite=True)
    assert cur.rowcount == 5000
    await conn.commit()
    assert inserted(observer, table)[-5000:] == expected


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
