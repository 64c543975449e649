"""Statements that the driver prepares: when, by what, and what becomes of them when the schema changes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.sessions import Observer


async def prepared(conn: Any) -> list[str]:
    query = "select statement from pg_prepared_statements order by prepare_time"
    cur = conn.cursor()
    await cur.execute(query, prepare=False)
    return [row[0] for row in await cur.fetchall()]


async def test_prepared_after_the_threshold(door: Door) -> None:
    conn = await door.connect()
    assert conn.prepare_threshold == 5
    counts = []
    for i in range(8):
        await conn.execute("select %s::int as wanted", (i,))
        counts.append(sum("wanted" in s for s in await prepared(conn)))
    assert counts == [0, 0, 0, 0, 0, 1, 1, 1]


async def test_threshold_none(door: Door) -> None:
    conn = await door.connect(prepare_threshold=None)
    for i in range(10):
        await conn.execute("select %s::int", (i,))
    assert await prepared(conn) == []


async def test_threshold_zero(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0)
    await conn.execute("select 1 as wanted")
    assert any("wanted" in s for s in await prepared(conn))


async def test_threshold_can_change(door: Door) -> None:
    conn = await door.connect()
    conn.prepare_threshold = 1
    await conn.execute("select %s::int as wanted", (1,))
    await conn.execute("select %s::int as wanted", (1,))
    assert sum("wanted" in s for s in await prepared(conn)) == 1


async def test_prepare_argument(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("select %s::int as wanted", (1,), prepare=True)
    assert sum("wanted" in s for s in await prepared(conn)) == 1
    for i in range(10):
        await conn.execute("select %s::int as unwanted", (i,), prepare=False)
    assert sum("unwanted" in s for s in await prepared(conn)) == 0


async def test_prepared_by_types(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0)
    for value in (1, "x", None, 1):
        await conn.execute("select %s::text as wanted", (value,))
    kinds = await (
        await conn.execute(
            "select parameter_types::text[] from pg_prepared_statements where statement like '%wanted%' "
            "and statement not like '%parameter_types%' order by 1",
            prepare=False,
        )
    ).fetchall()
    assert len(kinds) == 2


async def test_prepared_max(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0, autocommit=True)
    assert conn.prepared_max == 100
    conn.prepared_max = 3
    for i in range(10):
        await conn.execute(f"select {i} as wanted")
    left = [s for s in await prepared(conn) if "wanted" in s]
    assert left == [f"select {i} as wanted" for i in (7, 8, 9)]


@howdah_alone
async def test_prepared_max_of_connect(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0, autocommit=True, prepared_max=2)
    assert conn.prepared_max == 2
    for i in range(5):
        await conn.execute(f"select {i} as wanted")
    assert sum("wanted" in s for s in await prepared(conn)) <= 2
    for value in (0, None):
        assert (await door.connect(prepared_max=value)).prepared_max == value
    for wrong in (-1, "x"):
        with pytest.raises((OverflowError, TypeError)):
            await door.connect(prepared_max=wrong)


@howdah_alone
async def test_prepared_max_of_a_subclass(door: Door) -> None:
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        super(cls, self).__init__(*args, **kwargs)
        self.prepared_max = 7

    cls: Any = type("Other", (door.connection_class,), {"__init__": init})
    assert (await door.connect(subclass=cls)).prepared_max == 7
    assert (await door.connect(subclass=cls, prepared_max=8)).prepared_max == 8


async def test_prepared_after_schema_change(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table many (num int primary key, data text)")
    await conn.execute("insert into many values (1, 'a')")
    for _ in range(8):
        await conn.execute("select * from many where num = %s", (1,))
    await conn.execute("alter table many add column more int default 42")
    for _ in range(8):
        assert await (await conn.execute("select * from many where num = %s", (1,))).fetchone() == (1, "a", 42)


async def test_prepared_after_schema_change_by_another_session(door: Door, observer: Observer, channel: str) -> None:
    table = f"changed_{channel}"
    observer.conn.execute(f"create table {table} as select 1 as num")
    try:
        conn = await door.connect(autocommit=True)
        for _ in range(8):
            assert await (await conn.execute(f"select * from {table} where num = %s", (1,))).fetchone() == (1,)
        observer.conn.execute(f"alter table {table} alter num type bigint")
        if door.module.__name__ == "psycopg":
            # howdah prepares it anew.
            with pytest.raises(door.errors.FeatureNotSupported):
                await conn.execute(f"select * from {table} where num = %s", (1,))
        else:
            assert await (await conn.execute(f"select * from {table} where num = %s", (1,))).fetchone() == (1,)
        assert await (await conn.execute(f"select * from {table}")).fetchone() == (1,)
    finally:
        observer.conn.execute(f"drop table {table}")


async def test_prepared_survives_rollback(door: Door) -> None:
    conn = await door.connect()
    for i in range(8):
        assert await (await conn.execute("select %s::int", (i,))).fetchone() == (i,)
        await conn.rollback()
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1 / %s", (0,), prepare=True)
    await conn.rollback()
    for i in range(1, 8):
        assert await (await conn.execute("select 7 / %s", (i,), prepare=True)).fetchone() == (7 // i,)


async def test_deallocate_and_drop_schema(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0, autocommit=True)
    for _ in range(3):
        await conn.execute("select %s::int", (1,))
    await conn.execute("deallocate all")
    for i in range(3):
        assert await (await conn.execute("select %s::int", (i,))).fetchone() == (i,)


async def test_discard_all(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0, autocommit=True)
    for _ in range(3):
        await conn.execute("select %s::int", (1,))
    await conn.execute("discard all", prepare=False)
    assert await (await conn.execute("select %s::int", (2,))).fetchone() == (2,)


async def test_syntax_error_while_preparing(door: Door) -> None:
    conn = await door.connect(prepare_threshold=0)
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("selec %s", (1,))
    await conn.rollback()
    assert await (await conn.execute("select %s::int", (1,))).fetchone() == (1,)


@pytest.mark.parametrize("prepare", [None, True])
@pytest.mark.parametrize(
    ("make", "use", "drop"),
    [
        ("declare wanted cursor for select {}", "fetch all from wanted", "close wanted"),
        ("prepare wanted as select {}", "/* /* */ */ execute wanted", "deallocate wanted"),
    ],
)
async def test_what_a_name_stands_for_is_asked_each_time(
    door: Door, make: str, use: str, drop: str, prepare: bool | None
) -> None:
    """The columns of FETCH and EXECUTE may become others, of which the server says nothing."""
    conn = await door.connect()
    for value, wanted in [("1", 1)] * 8 + [("'abcd'", "abcd"), ("1.50", Decimal("1.50"))]:
        await conn.execute(make.format(value))
        cur = await conn.execute(use, prepare=prepare)
        assert await cur.fetchall() == [(wanted,)]
        await conn.execute(drop)
