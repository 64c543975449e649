"""`ClientCursor`: parameters that go to the server as literals in the query's text."""

from __future__ import annotations

import datetime as dt
import importlib
import math
import uuid
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.differences import UNSENT_STATUS
from support.doors import Door, SyncFace, howdah_alone
from support.statements import logged
from support.templates import Templates, Value

ENCODINGS = ["utf8", "latin1", "euc_jp", "sjis", "big5", "gbk", "gb18030", "uhc", "johab", "sql_ascii"]
TEXTS = ["x", "it's", "a\\b", "\\", "''", "é", "表", "ソ'\\", "功'", "一\\'; select 1 --", "%s"]


def client_cursor(door: Door, conn: Any) -> Any:
    """A client-side cursor on a connection."""
    if door.is_sync:
        return SyncFace(door.module.ClientCursor(conn.wrapped))
    return door.module.AsyncClientCursor(conn)


async def test_literals(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    statements = await logged(server, conn)
    cur = client_cursor(door, conn)
    assert await cur.execute("select %s, %s::text, %s", (1, "a'b\\c", None)) is cur
    assert await cur.fetchone() == (1, "a'b\\c", None)
    assert statements.take() == ["BEGIN", r"select 1,  E'a''b\\c'::text, NULL"]


async def test_placeholders(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    await cur.execute("select %(a)s, %(b)t, %(a)b, '%%'", {"a": -1, "b": 2})
    assert await cur.fetchone() == (-1, 2, -1, "%")
    await cur.execute("select '%', '%%', '%s'")
    assert await cur.fetchone() == ("%", "%%", "%s")
    await cur.execute(b"select %s", [3])
    assert await cur.fetchone() == (3,)


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("select %s, %s", (1,)),
        ("select %s", (1, 2)),
        ("select %(a)s", (1,)),
        ("select %s", {"a": 1}),
        ("select %(a)s", {"b": 1}),
        ("select %x", (1,)),
        ("select %s", "abc"),
        ("select %s", ("a\0b",)),
        ("select %s", ("\ud800",)),
        ("select %s", (object(),)),
    ],
)
async def test_refused_before_it_is_sent(door: Door, query: Any, params: Any) -> None:
    conn = await door.connect()
    plain = conn.cursor()
    with pytest.raises((door.module.Error, TypeError, UnicodeEncodeError)) as expected:
        await plain.execute(query, params)
    cur = client_cursor(door, conn)
    with pytest.raises(expected.type):
        await cur.execute(query, params)
    if door.module.__name__ == "howdah":
        assert conn.info.transaction_status.name == UNSENT_STATUS
    assert not cur._query


@pytest.mark.parametrize("value", [-1, -1.5, Decimal("-0.5"), -(2**40), -(2**70), [-1], math.nan, -math.inf])
async def test_negative_values_never_make_a_comment(door: Door, value: Any) -> None:
    """CVE-2024-1597: `-` before a negative value is no `--`."""
    cur = client_cursor(door, await door.connect())
    assert "--" not in cur.mogrify("select -%s, %s-%s", (value, value, value))
    if not isinstance(value, list):
        await cur.execute("select -%s, 2\n, 3", (value,))
        row = await cur.fetchone()
        assert len(row) == 3
        assert math.isnan(value) or row[0] == -value


async def test_injection_after_a_minus(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    await cur.execute("select 1 -%s as a, %s as b", (-1, "\n; drop table x --"))
    assert await cur.fetchone() == (2, "\n; drop table x --")


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_strings_in_every_client_encoding(door: Door, encoding: str, conforming: str) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute(f"set standard_conforming_strings to {conforming}")
    await conn.execute("set backslash_quote to on")
    await conn.execute("set escape_string_warning to off")
    await conn.execute(f"set client_encoding to {encoding}")
    plain, cur = conn.cursor(), client_cursor(door, conn)
    compared = 0
    for text in TEXTS:
        try:
            await plain.execute("select convert_to(%s::text, 'UTF8')", (text,))
        except (UnicodeEncodeError, door.module.Error):
            with pytest.raises((UnicodeEncodeError, door.module.Error)):
                await cur.execute("select convert_to(%s::text, 'UTF8')", (text,))
            continue
        await cur.execute("select convert_to(%s::text, 'UTF8'), 1", (text,))
        assert await cur.fetchall() == [(*row, 1) for row in await plain.fetchall()]
        compared += 1
    assert compared >= 6


async def test_bytes_that_are_no_text_of_the_encoding(door: Door) -> None:
    """CVE-2025-1094: an incomplete character must not swallow the quote behind it."""
    cur = client_cursor(door, await door.connect())
    base: Any = door.module.adapt.Dumper

    class Broken(base):  # type: ignore[misc]
        def dump(self, obj: str) -> bytes:
            return b"\xc0'; select 1 --"

    cur.adapters.register_dumper(str, Broken)
    with pytest.raises(door.module.OperationalError):
        await cur.execute("select %s", ("x",))


@pytest.mark.parametrize(
    "value",
    [
        1,
        True,
        None,
        1.5,
        2**70,
        Decimal("1.50"),
        "x",
        b"\\x'\0",
        dt.date(2020, 1, 2),
        dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.timezone.utc),
        dt.timedelta(days=-1, seconds=5),
        uuid.UUID(int=5),
        [1, -2, None],
        ["a'", "\\", '"'],
        [],
        (1, "a"),
    ],
    ids=repr,
)
def test_mogrify_gives_what_psycopg_gives(howdah: ModuleType, oracle: ModuleType, dsn: str, value: Any) -> None:
    with howdah.connect(dsn) as ours, oracle.connect(dsn) as theirs:
        query = "select -%s, %(x)s" if isinstance(value, dict) else "select -%s"
        merged = howdah.ClientCursor(ours).mogrify(query, (value,))
        assert merged == oracle.ClientCursor(theirs).mogrify(query, (value,))


async def test_mogrify_sends_nothing(door: Door) -> None:
    conn = await door.connect()
    cur = client_cursor(door, conn)
    assert cur.mogrify("select %s, 'é'", ["é"]) == "select 'é', 'é'"
    assert cur.mogrify("select '%'") == "select '%'"
    assert cur.mogrify(b"select %(a)s", {"a": 1}) == "select 1"
    assert not cur._query
    assert conn.info.transaction_status.name == "IDLE"
    await conn.close()
    assert cur.mogrify("select %s", [1]) == "select 1"


async def test_several_commands_with_parameters(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    await cur.execute("select %s; select %s", (1, 2))
    assert await cur.fetchall() == [(1,)]
    assert cur.nextset()
    assert await cur.fetchall() == [(2,)]
    assert not cur.nextset()


async def test_parameters_where_the_server_takes_none(door: Door) -> None:
    conn = await door.connect()
    cur = client_cursor(door, conn)
    await cur.execute("set application_name to %s", ("it's",))
    await cur.execute("create temp table t (n int default %s)", (5,))
    assert await (await conn.execute("select current_setting('application_name')")).fetchone() == ("it's",)


async def test_no_binary_results(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur = client_cursor(door, conn)
    with pytest.raises(door.module.NotSupportedError, match="binary"):
        await cur.execute("select 1", binary=True)
    cur.format = 1
    with pytest.raises(door.module.NotSupportedError, match="binary"):
        await cur.execute("select 1")
    with pytest.raises(door.module.NotSupportedError, match="binary"):
        await anext(cur.stream("select 1"))
    await cur.execute("select 1", binary=False)
    assert await cur.fetchone() == (1,)


async def test_nothing_is_prepared(door: Door) -> None:
    conn = await door.connect()
    cur = client_cursor(door, conn)
    await cur.execute("select %s", (1,), prepare=True)
    for n in range(7):
        await cur.execute("select 1, %s", (n % 2,))
    await cur.executemany("select %s", [(1,), (1,), (1,)])
    assert await (await conn.execute("select * from pg_prepared_statements")).fetchall() == []


async def test_executemany(door: Door, server: PgServer) -> None:
    conn = await door.connect()
    await conn.execute("create temp table t (n int, s text)")
    statements = await logged(server, conn)
    cur = client_cursor(door, conn)
    await cur.executemany("insert into t values (%s, %s)", [(1, "a"), (-2, "b'")])
    assert (cur.rowcount, cur.statusmessage) == (2, "INSERT 0 1")
    assert cur._query.query == b"insert into t values ( -2, 'b''')"
    assert statements.take() == ["BEGIN", "insert into t values (1, 'a')", "insert into t values ( -2, 'b''')"]
    await cur.executemany("select %s", [(3,), (4,)], returning=True)
    assert [await c.fetchall() async for c in _results(cur)] == [[(3,)], [(4,)]]


@pytest.mark.parametrize("values", [["x"], ["x", 1, 2], [1, "x", 2], [1, 2, "x"], [*range(7000), "x", 1]])
@pytest.mark.parametrize("returning", [False, True])
async def test_executemany_shows_the_place_of_an_error(door: Door, values: list[Any], returning: bool) -> None:
    """In the text of the execution that failed, which is another than those of the rest."""
    cur = client_cursor(door, await door.connect())
    with pytest.raises(door.module.DataError) as caught:
        await cur.executemany("select %s, %s::int", [("y" * 30, value) for value in values], returning=returning)
    check_place(caught.value)


def check_place(error: Any) -> None:
    first = f"LINE 1: select '{'y' * 30}', 'x'::int"
    assert str(error).splitlines()[1:] == [first, " " * first.index("'x'") + "^"]


@pytest.mark.parametrize("values", [["x", 1], [1, "x", 2], [*range(7000), "x", 1]])
@pytest.mark.parametrize("returning", [False, True])
async def test_executemany_shows_it_in_a_pipeline(door: Door, values: list[Any], returning: bool) -> None:
    conn = await door.connect()
    cur = client_cursor(door, conn)
    with pytest.raises(door.module.DataError) as caught:
        async with conn.pipeline():
            await cur.execute("select 1")
            await cur.executemany("select %s, %s::int", [("y" * 30, value) for value in values], returning=returning)
    check_place(caught.value)


async def test_executemany_fails_in_the_middle(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    with pytest.raises(door.errors.DivisionByZero):
        await cur.executemany("select 1 / %s", [(1,), (0,), (2,)])
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await cur.execute("select 1")


async def test_stream(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    assert [row async for row in cur.stream("select generate_series(1, %s)", (3,))] == [(1,), (2,), (3,)]


@howdah_alone
async def test_pipeline(door: Door) -> None:
    """A fetch in a pipeline of psycopg's fails after a stream."""
    conn = await door.connect()
    cur = client_cursor(door, conn)
    async with conn.pipeline():
        await cur.execute("select %s", (5,))
        assert await cur.fetchone() == (5,)
        await cur.executemany("select %s", [(6,), (7,)], returning=True)
        assert await cur.fetchone() == (6,)


async def test_what_was_executed(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    assert not cur._query
    await cur.execute("select %s, %s", (-1, "x"))
    assert cur._query.query == b"select  -1, 'x'"
    assert tuple(cur._query.params) == (b" -1", b"'x'")
    await cur.execute("select 1")
    assert (cur._query.query, cur._query.params) == (b"select 1", None)


async def test_parts_of_statements(door: Door) -> None:
    sql = importlib.import_module(f"{door.module.__name__}.sql")
    cur = client_cursor(door, await door.connect())
    query = sql.SQL("select {}, %s as {}").format(sql.Literal(-1), sql.Identifier('a"b'))
    await cur.execute(query, ("x",))
    assert cur._query.query == b'select  -1, \'x\' as "a""b"'
    assert cur.mogrify(query, ("x",)) == cur._query.query.decode()


async def test_template_strings(door: Door) -> None:
    template = Templates(door.module)
    cur = client_cursor(door, await door.connect())
    await cur.execute(template("select ", Value(-1), ", '%', ", Value("it's"), "::text"))
    assert await cur.fetchone() == (-1, "%", "it's")
    assert cur._query.query == b"select  -1, '%', 'it''s'::text"


async def test_adapters_of_the_cursor(door: Door) -> None:
    cur = client_cursor(door, await door.connect())
    base: Any = door.module.adapt.Dumper

    class Upper(base):  # type: ignore[misc]
        def dump(self, obj: str) -> bytes:
            return obj.upper().encode()

    cur.adapters.register_dumper(str, Upper)
    await cur.execute("select %s::text", ("it's",))
    assert await cur.fetchone() == ("IT'S",)


async def _results(cur: Any) -> Any:
    yield cur
    while cur.nextset():
        yield cur
