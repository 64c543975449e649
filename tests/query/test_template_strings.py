"""Template strings as statements."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from support.doors import Door
from support.templates import Templates, Value


@pytest.fixture
def template(driver: Any) -> Templates:
    return Templates(driver)


@pytest.fixture
def sql(driver: Any) -> Any:
    return importlib.import_module(f"{driver.__name__}.sql")


Make = Callable[[Any, Any], Any]

ROWS: list[tuple[Make, list[Any]]] = [
    (lambda t, s: t("select ", Value(1), " as a, ", Value("it's")), [(1, "it's")]),
    (lambda t, s: t("select ", Value(1, "s"), ", ", Value(2, "b"), ", ", Value(3, "t")), [(1, 2, 3)]),
    (lambda t, s: t("select ", Value("it's", "l")), [("it's",)]),
    (lambda t, s: t("select -", Value(-1, "l"), "\n, 2"), [(1, 2)]),
    (lambda t, s: t("select ", Value(None), ", ", Value(None, "l")), [(None, None)]),
    (lambda t, s: t("select ", Value([1, 2]), ", ", Value([]), "::int[]"), [([1, 2], [])]),
    (lambda t, s: t("select ", Value('a "b"', "i"), ' from (values (1)) t ("a ""b""")'), [(1,)]),
    (lambda t, s: t("select count(*) > 0 from ", Value(s.Identifier("pg_catalog", "pg_am"), "i")), [(True,)]),
    (lambda t, s: t("select ", Value(s.Literal(5), "l")), [(5,)]),
    (lambda t, s: t("select ", Value(s.SQL("5 % 3"), "q")), [(2,)]),
    (lambda t, s: t("select ", Value(s.SQL("{}, {}").format(1, s.SQL("2")), "q"), ", ", Value(3)), [(1, 2, 3)]),
    (lambda t, s: t("select ", Value(t("1, ", Value(2)), "q"), ", ", Value(3)), [(1, 2, 3)]),
    (lambda t, s: t("select ", Value(t(Value(1), ", ", Value(t(Value(2)), "q")), "q"), ", ", Value(3)), [(1, 2, 3)]),
    (lambda t, s: t("select 5 % 3, '%s', '%(a)s'"), [(2, "%s", "%(a)s")]),
    (lambda t, s: t("select 5 % ", Value(3), ", '%%'"), [(2, "%%")]),
    (lambda t, s: t("select 1; select 2"), [(1,)]),
    (lambda t, s: t("select ", Value(1, "l"), "; select ", Value(2, "l")), [(1,)]),
]


@pytest.mark.parametrize(("make", "rows"), ROWS)
async def test_rows(door: Door, make: Make, rows: list[Any]) -> None:
    conn = await door.connect(autocommit=True)
    query = make(Templates(door.module), importlib.import_module(f"{door.module.__name__}.sql"))
    cur = conn.cursor()
    for _ in range(7):
        await cur.execute(query)
        assert await cur.fetchall() == rows
    assert await (await conn.execute(query)).fetchall() == rows
    if not cur.nextset():
        assert [row async for row in cur.stream(query)] == rows


WRONG: list[tuple[str, Make]] = [
    ("TypeError", lambda t, s: t("select ", Value("x", "", "r"))),
    ("TypeError", lambda t, s: t("select ", Value("x", "", "s"))),
    ("TypeError", lambda t, s: t("select ", Value("x", "l", "a"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(1, "i"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(b"x", "i"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.SQL("x"), "i"))),
    ("ProgrammingError", lambda t, s: t("select ", Value("1", "q"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(1, "05d"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.SQL("1")))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.SQL("1"), "l"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.SQL("1") + s.SQL("2")))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Identifier("a")))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Identifier("a"), "q"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Literal("a")))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Literal("a"), "q"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Placeholder()))),
    ("ProgrammingError", lambda t, s: t("select ", Value(s.Placeholder(), "q"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(t("1")))),
    ("ProgrammingError", lambda t, s: t("select ", Value(t("1"), "l"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(t("1"), "i"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(t(Value(1, "x")), "q"))),
    ("ProgrammingError", lambda t, s: t("select ", Value(object()))),
    ("ProgrammingError", lambda t, s: s.Composed([t("select 1")])),
    ("SyntaxError", lambda t, s: t("select ", Value(1), "; select ", Value(2))),
    ("SyntaxError", lambda t, s: t("select ", Value(s.SQL("%s"), "q"))),
]


@pytest.mark.parametrize(("error", "make"), WRONG)
async def test_wrong(door: Door, error: str, make: Make) -> None:
    conn = await door.connect(autocommit=True)
    query = make(Templates(door.module), importlib.import_module(f"{door.module.__name__}.sql"))
    expected = TypeError if error == "TypeError" else getattr(door.errors, error)
    with pytest.raises(expected) as caught:
        await conn.execute(query)
    assert type(caught.value) is expected
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_no_parameters_beside_it(door: Door) -> None:
    template, conn = Templates(door.module), await door.connect(autocommit=True)
    cur = conn.cursor()
    for query in (template("select 1"), template("select ", Value(1))):
        others: list[Any] = [[], (), {}, [1]]
        for params in others:
            with pytest.raises(TypeError):
                await cur.execute(query, params)
            with pytest.raises(TypeError):
                await cur.executemany(query, [params])
            with pytest.raises(TypeError):
                _ = [row async for row in cur.stream(query, params)]
        await cur.execute(query, None)
        assert await cur.fetchone() == (1,)


async def test_in_a_pipeline(door: Door) -> None:
    template, conn = Templates(door.module), await door.connect(autocommit=True)
    async with conn.pipeline():
        cursors = [await conn.execute(template("select ", Value(n), " + 1")) for n in range(5)]
        assert [await cur.fetchone() for cur in cursors] == [(n + 1,) for n in range(5)]


async def test_the_values_are_parameters(door: Door) -> None:
    template, conn = Templates(door.module), await door.connect()
    await conn.execute("create temp table pairs (a int, b text)")
    for number in range(8):
        await conn.execute(template("insert into pairs values (", Value(number), ", ", Value(f"'; drop {number}"), ")"))
    cur = await conn.execute("select count(*), min(b) from pairs")
    assert await cur.fetchone() == (8, "'; drop 0")
    cur = await conn.execute("select count(*) from pg_prepared_statements where statement like 'insert into pairs%'")
    assert await cur.fetchone() == (1,)


TEXTS: list[tuple[Make, str]] = [
    (lambda t, s: t("a ", Value(1), " ", Value("b", "i"), " ", Value("it's", "l")), "a 1 \"b\" 'it''s'"),
    (lambda t, s: t("a ", Value(-1, "b"), " ", Value("x", "t")), "a  -1 'x'"),
    (lambda t, s: t("a ", Value(t("b ", Value(1)), "q")), "a b 1"),
    (lambda t, s: t("5 % 3 %s %%"), "5 % 3 %s %%"),
    (lambda t, s: t("a ", Value(s.SQL("%s %(x)s %%"), "q")), "a %s %(x)s %%"),
    (lambda t, s: t("é ", Value("€")), "é '€'"),
]


@pytest.mark.parametrize(("make", "text"), TEXTS)
def test_text(conn: Any, template: Templates, sql: Any, make: Make, text: str) -> None:
    for context in (None, conn):
        assert sql.as_string(make(template, sql), context) == text
        assert sql.as_bytes(make(template, sql), context) == text.encode()


def test_literals_are_no_template_strings(driver: Any, template: Templates, sql: Any) -> None:
    made = template("x")
    assert repr(sql.Composed([made])).startswith("Composed([Literal(")
    for literal in (sql.Literal(made), sql.Composed([made]), sql.SQL("{}").format(made)):
        with pytest.raises(driver.ProgrammingError):
            literal.as_string()
    adding: list[Callable[[], Any]] = [
        lambda: sql.SQL("a") + made,
        lambda: sql.Composed([]) + made,
        lambda: made + sql.NULL,
    ]
    for add in adding:
        with pytest.raises(TypeError):
            add()


def test_joined_with_others(template: Templates, sql: Any) -> None:
    for parts in ([template("a"), sql.SQL("b")], [sql.SQL("a"), template("b")], [template("a"), 1]):
        with pytest.raises(TypeError):
            sql.SQL(",").join(parts)


@pytest.mark.parametrize("driver", ["howdah"], indirect=True)
def test_joined(template: Templates, sql: Any) -> None:
    """psycopg's stand-in for template strings cannot be joined."""
    joined = sql.SQL(" and % ").join(iter([template("a"), template("b = ", Value(1)), template(Value("c", "i"))]))
    assert isinstance(joined, type(template("a")))
    assert sql.as_string(joined) == 'a and % b = 1 and % "c"'
    assert sql.as_string(template("(", Value(joined, "q"), ")")) == '(a and % b = 1 and % "c")'
    assert sql.as_string(sql.SQL(", ").join([template("a")])) == "a"
