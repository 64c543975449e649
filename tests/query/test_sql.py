"""The module `sql`: parts of statements, how they are put together, and how they are executed."""

from __future__ import annotations

import copy
import datetime as dt
import importlib
import pickle
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, howdah_alone


@pytest.fixture
def sql(driver: ModuleType) -> Any:
    return importlib.import_module(f"{driver.__name__}.sql")


def part(door: Door) -> Any:
    return importlib.import_module(f"{door.module.__name__}.sql")


TEXTS: list[tuple[str, Callable[[Any], Any], str]] = [
    ("text", lambda s: s.SQL("select 1"), "select 1"),
    ("a name", lambda s: s.Identifier("a"), '"a"'),
    ("a name with quotes", lambda s: s.Identifier('a"b'), '"a""b"'),
    ("a qualified name", lambda s: s.Identifier("a", "b.c", 'd"'), '"a"."b.c"."d"""'),
    ("an empty name", lambda s: s.Identifier(""), '""'),
    ("a string", lambda s: s.Literal("it's"), "'it''s'"),
    ("a backslash", lambda s: s.Literal("a\\'b"), " E'a\\\\''b'"),
    ("NULL", lambda s: s.Literal(None), "NULL"),
    ("a number", lambda s: s.Literal(1.5), "1.5"),
    ("a negative number", lambda s: s.Literal(-1), " -1"),
    ("a negative Decimal", lambda s: s.Literal(Decimal("-1.5")), " -1.5"),
    ("a negative float", lambda s: s.Literal(-1.5), " -1.5"),
    ("a date", lambda s: s.Literal(dt.date(2020, 1, 1)), "'2020-01-01'::date"),
    ("a list", lambda s: s.Literal([1, -2]), "'{1,-2}'::int2[]"),
    ("a bool", lambda s: s.Literal(True), "true"),
    ("placeholder", lambda s: s.Placeholder(), "%s"),
    ("placeholder with a name", lambda s: s.Placeholder("a"), "%(a)s"),
    ("placeholder in binary", lambda s: s.Placeholder(format="b"), "%b"),
    ("placeholder with a name in text", lambda s: s.Placeholder("a (b", "t"), "%(a (b)t"),
    ("a constant", lambda s: s.NULL + s.DEFAULT, "NULLDEFAULT"),
    ("a sum", lambda s: s.SQL("a") + s.Identifier("b"), 'a"b"'),
    ("a sum of sums", lambda s: (s.SQL("a") + s.SQL("b")) + (s.SQL("c") + s.SQL("d")), "abcd"),
    ("a product", lambda s: s.Placeholder() * 3, "%s%s%s"),
    ("nothing", lambda s: s.SQL("a") * 0, ""),
    ("values in a Composed", lambda s: s.Composed([1, s.SQL(", "), "b"]), "1, 'b'"),
    ("join", lambda s: s.SQL(", ").join([s.Identifier("a"), 1, "b"]), "\"a\", 1, 'b'"),
    ("join of nothing", lambda s: s.SQL(", ").join([]), ""),
    ("join of a generator", lambda s: s.SQL("-").join(s.SQL(x) for x in "ab"), "a-b"),
    ("join of a Composed", lambda s: s.Composed([s.SQL("a"), s.SQL("b")]).join(", "), "a, b"),
    ("join of a Composed by SQL", lambda s: s.Composed([s.SQL("a"), s.SQL("b")]).join(s.SQL(", ")), "a, b"),
    ("format", lambda s: s.SQL("{} %s {}").format(s.SQL("a"), s.Identifier("b")), 'a %s "b"'),
    ("format with numbers", lambda s: s.SQL("{1} {0} {1}").format(s.SQL("a"), s.SQL("b")), "b a b"),
    ("format with names", lambda s: s.SQL("{x} {y} {}").format(1, x=s.SQL("a"), y="b"), "a 'b' 1"),
    ("format with braces", lambda s: s.SQL("{{{}}}").format(s.SQL("a")), "{a}"),
    ("format with too many", lambda s: s.SQL("{}").format(s.SQL("a"), s.SQL("b")), "a"),
    ("format with an empty spec", lambda s: s.SQL("{:}").format(None), "NULL"),
]


@pytest.mark.parametrize(("make", "text"), [pytest.param(make, text, id=name) for name, make, text in TEXTS])
def test_text(conn: Any, sql: Any, make: Callable[[Any], Any], text: str) -> None:
    made = make(sql)
    for context in (None, conn, conn.cursor()):
        assert made.as_string(context) == text
        assert made.as_bytes(context) == text.encode()
        assert sql.as_string(made, context) == text
        assert sql.as_bytes(made, context) == text.encode()
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made


REPRS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda s: s.SQL("it's"), 'SQL("it\'s")'),
    (lambda s: s.Identifier("a", "b"), "Identifier('a', 'b')"),
    (lambda s: s.Literal([1]), "Literal([1])"),
    (lambda s: s.Placeholder(), "Placeholder()"),
    (lambda s: s.Placeholder("a"), "Placeholder('a')"),
    (lambda s: s.Placeholder(format="b"), "Placeholder(format=BINARY)"),
    (lambda s: s.Placeholder("a", "t"), "Placeholder('a', format=TEXT)"),
    (lambda s: s.SQL("a") + s.Identifier("b"), "Composed([SQL('a'), Identifier('b')])"),
    (lambda s: s.Composed([1, None]), "Composed([Literal(1), Literal(None)])"),
    (lambda s: (s.SQL("a") + s.NULL) * 1, "Composed([Composed([SQL('a'), SQL('NULL')])])"),
    (lambda s: s.NULL, "SQL('NULL')"),
    (lambda s: list(s.Composed([1])), "[Literal(1)]"),
    (lambda s: s.SQL("{}{{").format(2), "Composed([Literal(2), SQL('{')])"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "text"), REPRS)
def test_repr(sql: Any, make: Callable[[Any], Any], text: str) -> None:
    assert repr(make(sql)) == text
    assert str(make(sql)) == text


WRONG: list[tuple[type[Exception], Callable[[Any], Any]]] = [
    (TypeError, lambda s: s.SQL(b"a")),
    (TypeError, lambda s: s.SQL(s.SQL("a"))),
    (TypeError, lambda s: s.Identifier()),
    (TypeError, lambda s: s.Identifier("a", 1)),
    (TypeError, lambda s: s.Identifier(b"a")),
    (TypeError, lambda s: s.Placeholder(1)),
    (TypeError, lambda s: s.Placeholder(None)),
    (ValueError, lambda s: s.Placeholder("a)b")),
    (ValueError, lambda s: s.Placeholder("a", "q")),
    (TypeError, lambda s: s.Composed(5)),
    (TypeError, lambda s: s.Composed(s.SQL("a"))),
    (TypeError, lambda s: s.Composed([1])[0]),
    (TypeError, lambda s: len(s.Composed([1]))),
    (TypeError, lambda s: s.Composed([1]).join(1)),
    (TypeError, lambda s: s.Composed([1]).join(s.Identifier("a"))),
    (TypeError, lambda s: s.SQL(",").join(5)),
    (TypeError, lambda s: s.SQL("a") + "b"),
    (TypeError, lambda s: "b" + s.SQL("a")),
    (TypeError, lambda s: s.Composed([]) + 1),
    (TypeError, lambda s: s.SQL("a") * "b"),
    (TypeError, lambda s: 2 * s.SQL("a")),
    (TypeError, lambda s: s.SQL("a") < s.SQL("b")),
    (TypeError, lambda s: hash(s.SQL("a"))),
    (TypeError, lambda s: hash(s.Identifier("a"))),
    (TypeError, lambda s: s.Composable("a")),
    (ValueError, lambda s: s.SQL("{} {0}").format(1)),
    (ValueError, lambda s: s.SQL("{0} {}").format(1)),
    (ValueError, lambda s: s.SQL("{!r}").format(1)),
    (ValueError, lambda s: s.SQL("{:>3}").format(1)),
    (ValueError, lambda s: s.SQL("{").format(1)),
    (ValueError, lambda s: s.SQL("}").format(1)),
    (IndexError, lambda s: s.SQL("{} {}").format(1)),
    (IndexError, lambda s: s.SQL("{1}").format(1)),
    (KeyError, lambda s: s.SQL("{a}").format(1)),
    (KeyError, lambda s: s.SQL("{0.real}").format(1)),
    (KeyError, lambda s: s.SQL("{a.b}").format(a=1)),
    (KeyError, lambda s: s.SQL("{ }").format(1)),
    (KeyError, lambda s: s.SQL("{-1}").format(1)),
    (UnicodeEncodeError, lambda s: s.Identifier("\ud800").as_string()),
    (UnicodeEncodeError, lambda s: s.SQL("\ud800").as_bytes()),
    (AttributeError, lambda s: s.Literal("a").as_string(object())),
]


@pytest.mark.parametrize(("error", "make"), WRONG)
def test_wrong(sql: Any, error: type[Exception], make: Callable[[Any], Any]) -> None:
    with pytest.raises(error) as caught:
        make(sql)
    assert type(caught.value) is error


def test_values_that_cannot_be_adapted(driver: ModuleType, sql: Any) -> None:
    for make in (
        sql.Literal(object()).as_string,
        sql.Literal(sql.Literal(1)).as_string,
        lambda: sql.quote(sql.SQL("x")),
    ):
        with pytest.raises(driver.ProgrammingError):
            make()
    with pytest.raises(driver.DataError):
        sql.Literal("a\0b").as_string()


def test_equality(sql: Any) -> None:
    assert sql.SQL("a") == sql.SQL("a")
    assert sql.SQL("a") != sql.SQL("b")
    assert sql.SQL("a") != sql.Identifier("a")
    assert sql.SQL("a") != "a"
    assert sql.Identifier("a", "b") != sql.Identifier("a.b")
    assert sql.Literal(1) == sql.Literal(1)
    assert sql.SQL("a") + sql.SQL("b") == sql.Composed([sql.SQL("a"), sql.SQL("b")])


def test_functions(conn: Any, sql: Any) -> None:
    assert [sql.as_string(x) for x in ("it's", 1, None, sql.SQL("a"))] == ["'it''s'", "1", "NULL", "a"]
    assert [sql.as_bytes(x, conn) for x in ("it's", 1, sql.SQL("a"))] == [b"'it''s'", b"1", b"a"]
    assert [sql.quote(x) for x in ("it's", -1, None, [1])] == ["'it''s'", " -1", "NULL", "'{1}'::int2[]"]
    assert sql.quote(dt.date(2020, 1, 1), conn) == "'2020-01-01'::date"


def test_parts_of_ones_own(conn: Any, sql: Any) -> None:
    class Now(sql.Composable):  # type: ignore[misc]
        def as_bytes(self, context: Any = None) -> bytes:
            return b"now()"

    query = sql.SQL("select {} is null, {}").format(Now("now"), sql.Literal("x") + Now("now") * 0)
    assert query.as_string() == "select now() is null, 'x'"
    assert conn.execute(query).fetchone() == (False, "x")
    assert repr(Now("now")) == "Now('now')"


def test_adapters_of_the_context(driver: ModuleType, conn: Any, sql: Any) -> None:
    class Shout(driver.types.string.StrDumper):  # type: ignore[misc, name-defined]
        def dump(self, obj: str) -> Any:
            return super().dump(obj.upper())

    cur = conn.cursor()
    cur.adapters.register_dumper(str, Shout)
    assert sql.Literal("a").as_string(cur) == "'A'"
    assert sql.Literal("a").as_string(conn) == "'a'"
    assert sql.quote("a", cur) == "'A'"
    assert cur.execute(sql.SQL("select {}").format("a")).fetchone() == ("A",)
    assert conn.execute(sql.SQL("select {}").format("a")).fetchone() == ("a",)


async def test_execute(door: Door) -> None:
    s, conn = part(door), await door.connect(autocommit=True)
    table = s.Identifier("pg_temp", 'so "odd" a.name')
    cur = conn.cursor()
    await cur.execute(s.SQL("create table {} (id int, {} text)").format(table, s.Identifier("%s")))
    insert = s.SQL("insert into {} values ({}, {})").format(table, s.Placeholder(), s.Literal("50%%"))
    await cur.execute(insert, (1,))
    await cur.executemany(insert, [(2,), (3,)])
    named = s.SQL("insert into {} values ({}, 'x')").format(table, s.Placeholder("id", "b"))
    await cur.executemany(named, [{"id": 4}, {"id": 5}])
    select = s.SQL("select id from {} where id > %s order by 1").format(table)
    await conn.execute(select, (1,))
    for _ in range(7):
        assert await (await conn.execute(select, (1,))).fetchall() == [(2,), (3,), (4,), (5,)]
    assert [row async for row in cur.stream(select, [3])] == [(4,), (5,)]
    texts = s.SQL("select {} from {} where id < 4").format(s.Identifier("%s"), table)
    assert await (await cur.execute(texts)).fetchall() == [("50%",)] * 3
    await cur.execute(s.SQL("select 1") + s.SQL("; select 2"))
    assert cur.nextset()


async def test_bytes_and_placeholders(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for query in (b"select %s::int", "select %s::int"):
        for value in (1, 2):
            assert await (await conn.execute(query, [value])).fetchone() == (value,)
    assert await (await conn.execute(b"select 5 % 3, '%s'")).fetchone() == (2, "%s")
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute(b"select %s", [])
    assert await (await conn.execute(b"select %(a)s::int + %(b)s + %(a)s", {"a": 1, "b": 2})).fetchone() == (4,)


async def test_what_is_no_query(door: Door) -> None:
    conn = await door.connect()
    for query in (5, None, ["select 1"], memoryview(b"select 1"), bytearray(b"select 1"), object()):
        with pytest.raises(TypeError):
            await conn.execute(query)


@howdah_alone
async def test_any_object_with_as_bytes(door: Door) -> None:
    class Statement:
        def as_bytes(self, context: Any = None) -> Any:
            assert context.connection is not None
            return b"select 42"

    class Broken(Statement):
        def as_bytes(self, context: Any = None) -> Any:
            return "select 42"

    conn = await door.connect(autocommit=True)
    assert await (await conn.execute(Statement())).fetchone() == (42,)
    with pytest.raises(TypeError, match="has to give bytes, got str"):
        await conn.execute(Broken())


async def test_an_error_of_a_part_leaves_the_connection(door: Door) -> None:
    s, conn = part(door), await door.connect(autocommit=True)
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute(s.SQL("select {}").format(object()))
    with pytest.raises(UnicodeEncodeError):
        await conn.execute(s.SQL("select ") + s.Identifier("\ud800"))
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
async def test_a_composed_copy_in_a_pipeline_waits(door: Door) -> None:
    s, conn = part(door), await door.connect(autocommit=True)
    async with conn.pipeline():
        copying = await conn.execute(s.SQL("co") + s.SQL("py (select 1) to stdout"))
        with pytest.raises(door.module.ProgrammingError):
            await copying.fetchone()
        assert await (await conn.execute(s.SQL("select 1"))).fetchone() == (1,)
