"""Parameters: placeholders, formats, and every way to get them wrong."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest

from support.differences import UNSENT_STATUS
from support.doors import Door


async def one(conn: Any, query: Any, params: Any = None) -> Any:
    return await (await conn.execute(query, params)).fetchone()


async def test_positional(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select %s::int, %s::text", (100, "abc'def")) == (100, "abc'def")
    assert await one(conn, "select %s::int, %s::text", [100, "abc'def"]) == (100, "abc'def")


async def test_named(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select %(a)s::int, %(b)s::text, %(a)s::int", {"a": 1, "b": "x"}) == (1, "x", 1)


async def test_named_with_more_values_than_names(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select %(a)s::int", {"a": 1, "unused": object()}) == (1,)


async def test_names_with_odd_characters(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select %(é à)s::int, %(1)s::int", {"é à": 1, "1": 2}) == (1, 2)


async def test_other_containers(door: Door) -> None:
    conn = await door.connect()
    point = namedtuple("point", "x y")
    assert await one(conn, "select %s::int, %s::int", point(1, 2)) == (1, 2)
    assert await one(conn, "select %(x)s::int", OrderedDict(x=1)) == (1,)

    class Lazy(Mapping[str, int]):
        def __getitem__(self, key: str) -> int:
            return len(key)

        def __iter__(self) -> Any:
            return iter(())

        def __len__(self) -> int:
            return 0

    assert await one(conn, "select %(four)s::int", Lazy()) == (4,)


async def test_double_percent(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select 10 %% 3, '%%', %s::int", (1,)) == (1, "%", 1)
    assert await one(conn, "select '%%%%', '%%s', %s::int", (1,)) == ("%%", "%s", 1)


async def test_percent_without_parameters_is_left_alone(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select 10 % 3, '%s', '%%'") == (1, "%s", "%%")


async def test_bytes_query(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, b"select %s::int", (1,)) == (1,)
    assert await one(conn, "select 'é'".encode()) == ("é",)


async def test_dollar_signs_are_the_servers(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select $$a$$, %s::int, '$1'", (1,)) == ("a", 1, "$1")


async def test_comment_and_string_are_not_understood(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.ProgrammingError):
        await one(conn, "select '%s', %s", (1,))


async def test_parameter_formats(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create function pg_temp.same(bytea) returns bytea language sql as 'select $1'")
    assert await one(conn, "select %s::bytea, %b::bytea, %t::bytea", (b"\x00\xff",) * 3) == (b"\x00\xff",) * 3
    assert await one(conn, "select %(a)b, %(b)t", {"a": 1, "b": 2}) == (1, 2)
    assert await one(conn, "select %b::text || %t", ("a", "b")) == ("ab",)


async def test_format_visible_to_the_server(door: Door) -> None:
    # The server reads text "12" as digits, and would read binary as four bytes: a wrong format cannot pass.
    conn = await door.connect()
    assert await one(conn, "select %b::int4 + %t::int4", (12, 30)) == (42,)


async def test_none(door: Door) -> None:
    conn = await door.connect()
    assert await one(conn, "select %s, %b, %t", (None, None, None)) == (None, None, None)
    assert await one(conn, "select coalesce(%s, 1)", (None,)) == (1,)


async def test_same_query_with_other_types(door: Door) -> None:
    conn = await door.connect()
    for value in (1, "x", None, b"x", 1.5, True, 2**40, [1], 1):
        assert await one(conn, "select %s", (value,)) == (value,)


async def test_query_not_of_a_known_type(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(TypeError):
        await conn.execute(42)
    with pytest.raises(TypeError):
        await conn.execute(None)
    assert conn.info.transaction_status.name in ("IDLE", "INTRANS")


BAD_PARAMETERS: list[tuple[str, Any, str]] = [
    ("select %s", (), "ProgrammingError"),
    ("select %s", (1, 2), "ProgrammingError"),
    ("select %s, %s", (1,), "ProgrammingError"),
    ("select 1", (1,), "ProgrammingError"),
    ("select %(a)s", {}, "ProgrammingError"),
    ("select %(a)s", {"b": 1}, "ProgrammingError"),
    ("select %(a)s", (1,), "TypeError"),
    ("select %s", {"a": 1}, "TypeError"),
    ("select %s", "x", "TypeError"),
    ("select %s", b"x", "TypeError"),
    ("select %s", 42, "TypeError"),
    ("select %s", {1}, "TypeError"),
    ("select %s", iter([1]), "TypeError"),
    ("select %(a)s, %s", (1,), "ProgrammingError"),
    ("select %s, %(a)s", {"a": 1}, "ProgrammingError"),
    ("select %(a)s, %(a)b", {"a": 1}, "ProgrammingError"),
    ("select 1 % 2", (1,), "ProgrammingError"),
    ("select '%'", (), "ProgrammingError"),
    ("select %", (), "errors.SyntaxError"),
    ("select %s %", (1,), "errors.SyntaxError"),
    ("select %x", (1,), "ProgrammingError"),
    ("select %d", (1,), "ProgrammingError"),
    ("select %(a", {"a": 1}, "ProgrammingError"),
    ("select %(a)", {"a": 1}, "ProgrammingError"),
    ("select %(a)d", {"a": 1}, "ProgrammingError"),
    ("select %()s", {"": 1}, "ProgrammingError"),
]


@pytest.mark.parametrize(("query", "params", "kind"), BAD_PARAMETERS, ids=[str(i) for i in range(len(BAD_PARAMETERS))])
async def test_bad_parameters(door: Door, query: str, params: Any, kind: str) -> None:
    expected = TypeError if kind == "TypeError" else attrgetter(kind)(door.module)
    conn = await door.connect(autocommit=True)
    with pytest.raises(expected) as caught:
        await conn.execute(query, params)
    assert type(caught.value) is expected
    assert conn.info.transaction_status.name == "IDLE"
    assert await one(conn, "select 1") == (1,)


async def test_parameter_that_cannot_be_adapted(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for value in (object(), [object()], (1, 2, object()), {"a": 1}, print):
        with pytest.raises(door.module.ProgrammingError, match="cannot adapt"):
            await conn.execute("select %s", (value,))
        assert conn.info.transaction_status.name == "IDLE"


@pytest.mark.parametrize(
    ("query", "params"),
    [("select %s", ()), ("select %(a)s", {}), ("select %s", (object(),)), ("select %s", ("a\0b",)), ("select %s", 1)],
    ids=["too few", "no name", "no adapter", "NUL", "no sequence"],
)
async def test_bad_parameters_begin_no_transaction(door: Door, query: str, params: Any) -> None:
    conn = await door.connect()
    with pytest.raises((door.module.Error, TypeError)):
        await conn.execute(query, params)
    expected = UNSENT_STATUS if door.module.__name__ == "howdah" else "INTRANS"
    assert conn.info.transaction_status.name == expected
    assert await one(conn, "select 1") == (1,)


async def test_server_cannot_guess_a_type(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.IndeterminateDatatype):
        await conn.execute("select %s is null and %s is null", (None, None))
    with pytest.raises(door.errors.UndefinedFunction):
        await conn.execute("select concat_nothing(%s)", (1,))


async def test_parameters_where_the_server_takes_none(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("set work_mem to %s", ("1MB",))
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("notify c, %s", ("x",))


async def test_many_parameters(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select array[" + ",".join(["%s::int"] * 65535) + "]"
    assert await one(conn, query, list(range(65535))) == (list(range(65535)),)


async def test_too_many_parameters(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select array[" + ",".join(["%s::int"] * 65536) + "]"
    with pytest.raises(door.module.OperationalError, match=r"65535|65,535"):
        await conn.execute(query, list(range(65536)))
    assert conn.info.transaction_status.name == "IDLE"
    assert await one(conn, "select 1") == (1,)


async def test_nul_in_a_string(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.DataError, match="NUL"):
        await conn.execute("select %s::text", ("a\0b",))
    with pytest.raises(door.module.DataError, match="NUL"):
        await conn.execute("select %s::text[]", (["a\0b"],))
    assert conn.info.transaction_status.name == "IDLE"
    assert await one(conn, "select 1") == (1,)


async def test_nul_in_a_query(door: Door) -> None:
    # psycopg cuts the query at the NUL, which makes this one a syntax error; howdah refuses it before sending.
    conn = await door.connect(autocommit=True)
    for query, params in (("select 'a\0b'", None), ("select 'a\0b', %s", (1,))):
        with pytest.raises(door.module.ProgrammingError):
            await conn.execute(query, params)
        assert conn.info.transaction_status.name == "IDLE"
    if door.module.__name__ == "howdah":
        with pytest.raises(door.module.ProgrammingError, match="NUL"):
            await conn.execute("select 1 \0 and something else")
    assert await one(conn, "select 1") == (1,)


async def test_nul_in_bytes_is_data(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    assert await one(conn, "select %s, %b, %t", (b"\0a\0",) * 3) == (b"\0a\0",) * 3


async def test_lone_surrogate(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(UnicodeEncodeError):
        await conn.execute("select %s", ("\ud800",))
    with pytest.raises(UnicodeEncodeError):
        await conn.execute("select '\ud800'")
    assert await one(conn, "select 1") == (1,)


async def test_large_parameter(door: Door) -> None:
    conn = await door.connect()
    text = "é" * 8_000_000
    assert await one(conn, "select length(%s), md5(%s)", (text, text)) == (8_000_000, await _md5(conn, 8_000_000))


async def test_large_parameter_and_large_answer(door: Door) -> None:
    # Both sides' socket buffers fill: a driver that only writes before it reads would never end.
    conn = await door.connect()
    query = "; ".join(["select repeat('x', 1000000)"] * 12) + " -- " + "y" * 4_000_000
    cur = await conn.execute(query)
    count = 1
    while cur.nextset():
        count += 1
    assert count == 12


async def _md5(conn: Any, length: int) -> str:
    row = await one(conn, f"select md5(repeat('é', {length}))")
    return str(row[0])


@pytest.mark.parametrize("count", [1, 2])
def test_message_over_1_gib_is_refused_before_it_is_sent(howdah: ModuleType, dsn: str, count: int) -> None:
    # psycopg sends it, and loses the connection with an OperationalError.
    value = bytes(2**30) if count == 1 else bytes(600_000_000)
    query = "select " + ", ".join(["length(%b)"] * count)
    with howdah.connect(dsn, autocommit=True) as conn:
        with pytest.raises(howdah.OperationalError):
            conn.execute(query, (value,) * count)
        assert conn.info.transaction_status.name == "IDLE"
        assert conn.execute("select 1").fetchone() == (1,)
