"""Hints where programs stumble over parameters, and none where they would be wrong."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import pytest

from support.doors import Door, howdah_alone

pytestmark = [
    howdah_alone,
    pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes before Python 3.11"),
]

HINTS: list[tuple[Any, Any, str]] = [
    ("select 1 where 1 in %s", [(1, 2)], "write = ANY(%s) and give a list"),
    ("select 1 where 1 IN\n %(ids)s", {"ids": [1, 2]}, "write = ANY(%s) and give a list"),
    ("select 1 where 1 not in %s and true", [[1]], "write <> ALL(%s) and give a list"),
    ("create table pg_temp.x as select 1 where 1 in %s", [[1]], "write = ANY(%s)"),
    ("set timezone to %s", ["UTC"], "SELECT set_config('name', %s, false)"),
    ("set local timezone = %s", ["UTC"], "set_config"),
    ("set time zone %s", ["UTC"], "set_config"),
    ("select now() - interval %s", ["1 day"], "for a parameter write %s::interval"),
    ("select 1 where now() > timestamp %s", ["2020-01-01"], "write %s::timestamp"),
    ("select timestamp with time zone %s", ["2020-01-01"], "CAST(%s AS timestamp with time zone)"),
    ("select date %s", ["2020-01-01"], "write %s::date"),
    ("create table pg_temp.x (n int default %s)", [1], "CREATE takes no parameters"),
    ("create user nobody password %s", ["x"], "CREATE takes no parameters"),
    ("-- first\n/* then */ alter table %s add x int", ["x"], "ALTER takes no parameters"),
    ("drop table %s", ["x"], "DROP takes no parameters"),
    ("listen %s", ["x"], "LISTEN takes no parameters"),
    ("notify x, %s", ["x"], "SELECT pg_notify(%s, %s)"),
    ("do $$ begin perform %s; end $$", [1], "DO takes no parameters"),
    ("select * from %s", ["pg_class"], "sql.Identifier"),
    ("insert into %s values (1)", ["pg_class"], "sql.Identifier"),
    ("update %s set x = 1", ["pg_class"], "sql.Identifier"),
    ("select 1 from pg_class join %s on true", ["pg_class"], "sql.Identifier"),
    ("select ?", [1], "%s or %(name)s, not ?"),
    ("select 1 where 1 = ? and 2 in (?, ?)", [1, 2, 3], "not ?"),
    ("select $1", [1], "not $1: that is for howdah.RawCursor"),
    ("select $1", None, "no parameters were given"),
    (b"select $1", None, "no parameters were given"),
    ("select :n", [1], "not :n"),
    ("select :n", {"n": 1}, ":name is none"),
    ("select 'ä', :n", {"n": 1}, ":name is none"),
]

NONE: list[tuple[str, Any]] = [
    ("selec %s", [1]),
    ("select %s %s", [1, 2]),
    ("select 1 in (", None),
    ("select interval 'x'", None),
    ("select %s::interval", ["x"]),
    ("select wat from (select %s) x", [1]),
    ("create table pg_temp.x as select 1 %s", [1]),
    ("create table", None),
    ("set wat to", None),
    ("select 1", [1]),
    ("select '?', \"?\" -- ?\n /* :n $1 */, ':n', $$ $1 ? :n $$", [1]),
    ("select '{}'::jsonb ? 'a', x ? y, (x) ? y, '{}' ?| array[1], 1 ?& 2", [1]),
    ("select 1::text, array[1,2][1:2]", [1]),
    ("select 1 where 1 in (%s) wat wat wat", [1]),
    ("select %s from wat", [1]),
    ("select substring('x' from %s) wat wat", [1]),
    ("select 1 / %s", [0]),
    ("select array[1][%s:", [1]),
]


def hints(error: BaseException) -> list[str]:
    return [note for note in getattr(error, "__notes__", []) if note.startswith("hint: ")]


@pytest.mark.parametrize(("query", "params", "text"), HINTS)
async def test_hints(door: Door, query: Any, params: Any, text: str) -> None:
    conn = await door.connect(autocommit=True)
    for prepare in (False, True):
        with pytest.raises(door.module.Error) as caught:
            await conn.execute(query, params, prepare=prepare)
        assert len(hints(caught.value)) == 1
        assert text in hints(caught.value)[0]
        assert text not in str(caught.value)


@pytest.mark.parametrize(("query", "params"), NONE)
async def test_none_where_it_would_be_wrong(door: Door, query: Any, params: Any) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.Error) as caught:
        await conn.execute(query, params)
    assert hints(caught.value) == []


async def test_wherever_it_is_raised(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur, query = conn.cursor(), "select 1 where 1 in %s"
    with pytest.raises(door.errors.SyntaxError) as caught:
        await cur.executemany(query, [[[1]]])
    assert len(hints(caught.value)) == 1
    with pytest.raises(door.errors.SyntaxError) as caught:
        _ = [row async for row in cur.stream(query, [[1]])]
    assert len(hints(caught.value)) == 1
    with pytest.raises(door.errors.SyntaxError) as caught:
        async with conn.pipeline():
            await cur.execute(query, [[1]])
            await cur.fetchall()
    assert len(hints(caught.value)) == 1
    async with conn.cursor("served", withhold=True) as served:
        with pytest.raises(door.errors.SyntaxError) as caught:
            await served.execute(query, [[1]])
    assert len(hints(caught.value)) == 1


async def test_raw_cursors_write_numbers(door: Door) -> None:
    name = "RawCursor" if door.is_sync else "AsyncRawCursor"
    conn = await door.connect(autocommit=True, cursor_factory=getattr(door.module, name))
    with pytest.raises(door.errors.SyntaxError) as caught:
        await conn.execute("select 1 where 1 in $1", [[1]])
    assert "write = ANY($1)" in hints(caught.value)[0]
    with pytest.raises(door.module.Error) as caught:
        await conn.execute("select ?", [1])
    assert hints(caught.value) == []


async def test_other_encodings(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("set client_encoding to sjis")
    with pytest.raises(door.errors.SyntaxError) as caught:
        await conn.execute("select 'ソ' where 1 in %s", [[1]])
    assert "= ANY(%s)" in hints(caught.value)[0]


@pytest.mark.parametrize("nested", [False, True])
async def test_an_error_that_was_caught_inside_of_its_block(door: Door, nested: bool) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.InFailedSqlTransaction) as info:
        async with conn.transaction(), conn.transaction() if nested else contextlib.nullcontext():
            with contextlib.suppress(door.errors.DivisionByZero):
                await conn.execute("select 1 / 0")
    assert any(
        "catch errors outside of it, or give the statement a transaction() block" in h for h in hints(info.value)
    )
    async with conn.transaction():
        with contextlib.suppress(door.errors.DivisionByZero):
            async with conn.transaction():
                await conn.execute("select 1 / 0")
        assert await (await conn.execute("select 1")).fetchone() == (1,)


@pytest.mark.parametrize("how", ["stream", "copy"])
async def test_a_statement_that_its_block_has_left_early(door: Door, how: str) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    rows = "select repeat('x', 1000) from generate_series(1, 100000)"
    with pytest.raises(door.errors.InFailedSqlTransaction) as info:
        async with conn.transaction():
            if how == "stream":
                async with contextlib.aclosing(cur.stream(rows)) as stream:
                    async for _ in stream:
                        break
            else:
                async with cur.copy(f"copy ({rows}) to stdout") as copy:
                    await copy.read()
    assert any("was left before its end (a stream or a COPY)" in h for h in hints(info.value))
