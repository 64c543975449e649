"""executemany, with and without results."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.memory import for_children, needs_peaks


async def fresh(door: Door, **kwargs: Any) -> Any:
    conn = await door.connect(**kwargs)
    await conn.execute("create temp table many (num int primary key, data text)")
    await conn.commit()
    return conn


async def rows(conn: Any) -> Any:
    return await (await conn.execute("select * from many order by num")).fetchall()


async def test_executemany(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s)", [(10, "hello"), (20, "world")])
    assert (cur.rowcount, cur.description) == (2, None)
    assert await rows(conn) == [(10, "hello"), (20, "world")]


async def test_named(door: Door) -> None:
    conn = await fresh(door)
    values = ({"num": i, "data": str(i)} for i in range(3))
    await conn.cursor().executemany("insert into many values (%(num)s, %(data)s)", values)
    assert await rows(conn) == [(0, "0"), (1, "1"), (2, "2")]


async def test_no_parameters_at_all(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s)", [])
    assert cur.rowcount == 0
    with pytest.raises(door.module.ProgrammingError):
        await cur.fetchone()


async def test_none_in_the_place_of_parameters(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("select 1", [None, None], returning=True)
    assert await cur.fetchall() == [(1,)]
    assert (cur.nextset(), cur.nextset()) == (True, None)
    with pytest.raises(door.module.ProgrammingError):
        await cur.executemany("select %s::int", [None])
    await conn.rollback()
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_types_change_between_rows(door: Door) -> None:
    conn = await fresh(door)
    values = [(1, "x"), (2, None), (3, "y"), (2**20, None), (5, "z")]
    await conn.cursor().executemany("insert into many values (%s, %s)", values)
    assert sorted(await rows(conn)) == sorted(values)


async def test_returning(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s) returning num", [(1, "a"), (2, "b")], returning=True)
    assert cur.rowcount == 1
    assert await cur.fetchone() == (1,)
    assert cur.nextset() is True
    assert cur.rowcount == 1
    assert await cur.fetchone() == (2,)
    assert cur.nextset() is None


async def test_returning_is_discarded_by_default(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s) returning num", [(1, "a"), (2, "b")])
    assert cur.rowcount == 2
    with pytest.raises(door.module.ProgrammingError):
        await cur.fetchone()
    assert cur.nextset() is None


async def test_returning_nothing(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s)", [(1, "a"), (2, "b")], returning=True)
    assert (cur.rowcount, cur.nextset(), cur.rowcount, cur.nextset()) == (1, True, 1, None)


async def test_server_error_in_the_middle(door: Door) -> None:
    conn = await fresh(door)
    with pytest.raises(door.errors.UniqueViolation):
        await conn.cursor().executemany("insert into many values (%s, %s)", [(1, "a"), (1, "b"), (2, "c")])
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    assert await rows(conn) == []


async def test_client_error_in_the_middle(door: Door) -> None:
    conn = await fresh(door)
    with pytest.raises(door.module.ProgrammingError):
        await conn.cursor().executemany("insert into many values (%s, %s)", [(1, "a"), (2, object())])
    await conn.rollback()
    assert await rows(conn) == []
    with pytest.raises(door.module.ProgrammingError):
        await conn.cursor().executemany("insert into many values (%s, %s)", [(1, "a"), (2,)])
    await conn.rollback()
    assert await rows(conn) == []


async def test_generator_that_raises(door: Door) -> None:
    conn = await fresh(door)

    def values() -> Any:
        yield (1, "a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await conn.cursor().executemany("insert into many values (%s, %s)", values())
    await conn.rollback()
    assert await rows(conn) == []


async def test_many(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, %s)", ((i, "x" * (i % 50)) for i in range(5000)))
    assert cur.rowcount == 5000
    assert len(await rows(conn)) == 5000


async def test_many_large_results_do_not_block(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    await cur.executemany("select repeat(%s, 100000)", [("x",)] * 200, returning=True)
    count = 0
    while True:
        assert await cur.fetchone() == ("x" * 100_000,)
        count += 1
        if not cur.nextset():
            break
    assert count == 200


async def test_rowcount_of_updates(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert into many values (%s, 'x')", [(i,) for i in range(10)])
    await cur.executemany("update many set data = 'y' where num < %s", [(3,), (5,)])
    assert cur.rowcount == 8


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


def notes(error: BaseException) -> list[str]:
    return getattr(error, "__notes__", [])


@howdah_alone
@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("returning", [False, True])
async def test_the_exception_tells_which_parameters_failed(door: Door, in_pipeline: bool, returning: bool) -> None:
    conn = await fresh(door)
    insert = "insert into many values (%s, %s) returning num"
    told = ["executemany(): at index 2 of the parameters"]
    for wrong in [(1, "c"), (3, object()), (3,)]:
        values = [(1, "a"), (2, "b"), wrong, (4, "d")]
        with pytest.raises(door.module.Error) as caught:
            async with contextlib.AsyncExitStack() as blocks:
                if in_pipeline:
                    await blocks.enter_async_context(conn.pipeline())
                await conn.cursor().executemany(insert, values, returning=returning)
        assert notes(caught.value) == told
        await conn.rollback()
    with pytest.raises(door.errors.UniqueViolation) as caught:
        await conn.execute("insert into many values (1, 'a'), (1, 'b')")
    assert notes(caught.value) == []


@howdah_alone
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("query", ["copy many from stdin", "copy many to stdout"])
async def test_copy_is_refused_and_harms_nothing(door: Door, query: str, in_pipeline: bool) -> None:
    conn = await fresh(door, autocommit=True)
    with pytest.raises(door.module.ProgrammingError, match="COPY"):
        async with contextlib.AsyncExitStack() as blocks:
            if in_pipeline:
                await blocks.enter_async_context(conn.pipeline())
            await conn.cursor().executemany(query, [()] * 3)
    assert conn.info.transaction_status.name == "IDLE"
    assert await rows(conn) == []


async def test_a_text_with_copy_in_it_is_no_copy(door: Door) -> None:
    conn = await fresh(door)
    cur = conn.cursor()
    await cur.executemany("insert /* a copy */ into many values (%s, %s)", [(i, "x") for i in range(100)])
    assert cur.rowcount == 100
    await cur.executemany("select num as copy from many where num = %s", [(i,) for i in range(3)], returning=True)
    found = [await cur.fetchall()]
    while cur.nextset():
        found.append(await cur.fetchall())
    assert found == [[(0,)], [(1,)], [(2,)]]


MEMORY = """
import asyncio
import {module} as driver
from support.memory import peak

def values(count):
    return ((i, "some text") for i in range(count))

query = {query!r}

def sync(conn, count):
    conn.cursor().executemany(query, values(count))

async def asynchronous(count):
    async with await driver.AsyncConnection.connect({dsn!r}, autocommit=True) as conn:
        await conn.cursor().executemany(query, values(count))

def run(count):
    if {is_sync}:
        with driver.connect({dsn!r}, autocommit=True) as conn:
            sync(conn, count)
    else:
        asyncio.run(asynchronous(count))

run(20000)
before = peak()
run({count})
print((peak() - before) // 2**20)
"""


@needs_peaks
@howdah_alone
@pytest.mark.parametrize("door_kind", ["sync", "asyncio"])
@pytest.mark.parametrize("query", ["select %s, %s", "select %s, %s, repeat('x', 1000)"])
def test_memory_does_not_grow_with_the_parameters(driver: Any, door_kind: str, dsn: str, query: str) -> None:
    module, is_sync = driver.__name__, door_kind == "sync"
    program = MEMORY.format(module=module, dsn=dsn, query=query, is_sync=is_sync, count=300_000)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=80, env=for_children())
    assert int(done.stdout) < 8, "MiB"
