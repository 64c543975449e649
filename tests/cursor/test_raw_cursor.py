"""`RawCursor`: queries with the server's own placeholders."""

from __future__ import annotations

from collections import UserDict, UserList
from typing import Any

import pytest
from pgserver import PgServer

from support.differences import UNSENT_STATUS
from support.doors import Door, SyncFace
from support.statements import logged
from support.templates import Templates, Value


def raw_cursor(door: Door, conn: Any) -> Any:
    """A raw cursor on a connection."""
    if door.is_sync:
        return SyncFace(door.module.RawCursor(conn.wrapped))
    return door.module.AsyncRawCursor(conn)


async def test_the_query_is_sent_as_it_is(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    cur = raw_cursor(door, conn)
    query = "select $2::int, $1::text, '%', '%s', $2::int, 10 % 3"
    assert await cur.execute(query, ("x", 5)) is cur
    assert await cur.fetchone() == (5, "x", "%", "%s", 5, 1)
    assert statements.take() == ["BEGIN", query]
    assert cur._query.query == query.encode()
    assert list(cur._query.params) == [b"x", b"\x00\x05"]
    assert (cur._query.types, [f.value for f in cur._query.formats]) == ((0, 21), [0, 1])


@pytest.mark.parametrize("params", [[3], (3,), UserList([3]), range(3, 4)])
async def test_sequences(door: Door, params: Any) -> None:
    cur = raw_cursor(door, await door.connect())
    await cur.execute("select $1::int", params)
    assert await cur.fetchone() == (3,)
    await cur.execute(b"select $1::int", params)
    assert await cur.fetchone() == (3,)


@pytest.mark.parametrize("params", [{"a": 1}, {}, UserDict(a=1), "a", b"a", 1, {1}, iter([1])])
async def test_what_is_no_sequence(door: Door, params: Any) -> None:
    conn = await door.connect()
    cur = raw_cursor(door, conn)
    with pytest.raises(TypeError):
        await cur.execute("select $1", params)
    if door.module.__name__ == "howdah":
        assert conn.info.transaction_status.name == UNSENT_STATUS


@pytest.mark.parametrize(("query", "params"), [("select $1, $2", (1,)), ("select $1", ())])
async def test_wrong_number_of_parameters(door: Door, query: str, params: Any) -> None:
    cur = raw_cursor(door, await door.connect())
    with pytest.raises(door.module.DatabaseError) as error:
        await cur.execute(query, params)
    expected = {1: "08P01", 0: "42P02"}[len(params)]
    assert error.value.sqlstate == expected


async def test_several_commands(door: Door) -> None:
    cur = raw_cursor(door, await door.connect())
    await cur.execute("select 1; select 2")
    assert await cur.fetchone() == (1,)
    assert cur.nextset()
    assert await cur.fetchone() == (2,)


async def test_executemany_and_stream(door: Door) -> None:
    cur = raw_cursor(door, await door.connect())
    await cur.executemany("select $1::int", [(1,), [2]], returning=True)
    assert await cur.fetchall() == [(1,)]
    assert cur.nextset()
    assert await cur.fetchall() == [(2,)]
    with pytest.raises(TypeError):
        await cur.executemany("select $1::int", [{"a": 1}])
    await cur.executemany("select 1", [None])
    query = "select generate_series(1, $1::int)"
    assert [row async for row in cur.stream(query, (2,))] == [(1,), (2,)]


async def test_prepared_and_binary(door: Door) -> None:
    conn = await door.connect()
    cur = raw_cursor(door, conn)
    await cur.execute("select $1::int2, '%'", (1,), prepare=True)
    await cur.execute("select $1::int4", (-7,), binary=True)
    assert await cur.fetchone() == (-7,)
    for n in range(6):
        await cur.execute("select $1::int8", (n,))
    rows = await (await conn.execute("select statement from pg_prepared_statements order by 1")).fetchall()
    assert rows == [("select $1::int2, '%'",), ("select $1::int8",)]


async def test_template_strings(door: Door) -> None:
    """They would have to be converted."""
    cur = raw_cursor(door, await door.connect())
    with pytest.raises(door.module.NotSupportedError):
        await cur.execute(Templates(door.module)("select ", Value(1)))
