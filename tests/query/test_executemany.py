"""executemany, with and without results."""

from __future__ import annotations

from typing import Any

import pytest

from support.doors import Door, howdah_alone


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
