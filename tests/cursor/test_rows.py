"""Row factories: what becomes of rows, whoever makes them."""

from __future__ import annotations

import gc
import importlib
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone

QUERY = "select n, n::text as s, null as nothing, array[n, 1] as l from generate_series(1, 3) as n"


@dataclass
class Point:
    n: int
    s: str
    nothing: Any
    l: list[int]  # noqa: E741  the name of a column


def rows_of(door: Door) -> Any:
    return importlib.import_module(f"{door.module.__name__}.rows")


def factories(rows: Any) -> dict[str, Any]:
    """Every factory of the package, and others like those that programs have."""
    return {
        "tuple": rows.tuple_row,
        "dict": rows.dict_row,
        "namedtuple": rows.namedtuple_row,
        "scalar": rows.scalar_row,
        "class": rows.class_row(Point),
        "args": rows.args_row(lambda *values: list(values)),
        "kwargs": rows.kwargs_row(lambda **values: sorted(values)),
        "own": lambda cursor: lambda values: (len(cursor.description), *values),
        "wrapped": lambda cursor: rows.dict_row(cursor),
        "around": lambda cursor: (lambda make: lambda values: [make(values)])(rows.namedtuple_row(cursor)),
    }


EXPECTED = {
    "tuple": (1, "1", None, [1, 1]),
    "dict": {"n": 1, "s": "1", "nothing": None, "l": [1, 1]},
    "namedtuple": (1, "1", None, [1, 1]),
    "scalar": 1,
    "class": Point(1, "1", None, [1, 1]),
    "args": [1, "1", None, [1, 1]],
    "kwargs": ["l", "n", "nothing", "s"],
    "own": (4, 1, "1", None, [1, 1]),
    "wrapped": {"n": 1, "s": "1", "nothing": None, "l": [1, 1]},
    "around": [(1, "1", None, [1, 1])],
}


@pytest.mark.parametrize("kind", EXPECTED)
@pytest.mark.parametrize("given", ["connect", "connection", "cursor", "attribute"])
async def test_factories(door: Door, kind: str, given: str) -> None:
    factory = factories(rows_of(door))[kind]
    conn = await door.connect(**({"row_factory": factory} if given == "connect" else {}))
    if given == "connection":
        conn.row_factory = factory
    cur = conn.cursor(**({"row_factory": factory} if given == "cursor" else {}))
    if given == "attribute":
        cur.row_factory = factory
    await cur.execute(QUERY)
    first = await cur.fetchone()
    assert first == EXPECTED[kind]
    assert [type(row) for row in [*await cur.fetchmany(1), *await cur.fetchall()]] == [type(first)] * 2
    await cur.execute(QUERY)
    assert await anext(aiter(cur)) == first
    async for row in cur.stream(QUERY):
        assert type(row) is type(first)
    await cur.executemany(QUERY + " where n = %s", [(1,), (2,)], returning=True)
    assert await cur.fetchall() == [first]
    assert cur.nextset()
    assert type(await cur.fetchone()) is type(first)


@pytest.mark.parametrize("kind", EXPECTED)
async def test_result_without_rows(door: Door, kind: str) -> None:
    conn = await door.connect(row_factory=factories(rows_of(door))[kind])
    if kind == "own":
        conn.row_factory = lambda cursor: lambda values: values
    cur = await conn.execute("set work_mem to default")
    with pytest.raises(door.module.ProgrammingError):
        await cur.fetchone()


async def test_dict_row_keeps_the_order_and_the_last_of_two(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).dict_row)
    cur = await conn.execute("select 1 as b, 2 as a, 3 as b, 4 as c")
    row = await cur.fetchone()
    assert list(row.items()) == [("b", 3), ("a", 2), ("c", 4)]
    row["new"] = 5
    await cur.scroll(0, "absolute")
    assert list(await cur.fetchone()) == ["b", "a", "c"]
    assert await (await conn.execute("select")).fetchall() == [{}]


async def test_names_of_named_tuples(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).namedtuple_row)
    cur = await conn.execute('select 1 as "a-b", 2 as "1x", 3 as _y, 4 as "\u00e9", 5 as k')
    row = await cur.fetchone()
    assert row._fields == ("a_b", "f1x", "f_y", "\u00e9", "k")
    assert row._asdict()["a_b"] == row.a_b == row[0] == 1
    assert row._replace(k=6).k == 6
    assert repr(row).startswith("Row(a_b=1, ")
    assert isinstance(row, tuple)
    again = await (await conn.execute("select 9 as a")).fetchone()
    other = await (await conn.execute("select 8 as a")).fetchone()
    assert type(again) is type(other)
    with pytest.raises(door.module.DataError):
        await conn.execute("select 1 as a, 2 as a")


async def test_many_named_tuples(door: Door) -> None:
    """They are as good as those of `_make()`: hashed, compared, collected."""
    conn = await door.connect(row_factory=rows_of(door).namedtuple_row)
    cur = await conn.execute("select n, array[n] as l from generate_series(1, 2000) n")
    rows = await cur.fetchall()
    assert [row.n for row in rows] == list(range(1, 2001))
    rows[0].l.append(rows)
    gc.collect()
    assert {hash(row[:1]) for row in rows} == {hash((n,)) for n in range(1, 2001)}
    assert rows[5] == (6, [6])
    assert sys.getsizeof(rows[1]) == sys.getsizeof(type(rows[1])._make([2, [2]]))


async def test_scalar_row(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).scalar_row)
    assert await (await conn.execute("select 1, 2")).fetchall() == [1]
    assert await (await conn.execute("select null::int, 2")).fetchall() == [None]
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute("select")


@pytest.mark.parametrize("kind", ["tuple", "dict", "namedtuple", "scalar"])
async def test_a_value_that_cannot_be_loaded(door: Door, kind: str) -> None:
    conn = await door.connect(row_factory=factories(rows_of(door))[kind])
    dates = "select case n when 2 then 'infinity'::date else '2020-01-01' end as d from generate_series(1, 3) n"
    cur = await conn.execute(dates)
    await cur.fetchone()
    for fetch in (cur.fetchone, cur.fetchall):
        with pytest.raises(door.module.DataError):
            await fetch()
    assert cur.rownumber == 1
    await cur.scroll(2, "absolute")
    assert len(await cur.fetchall()) == 1


async def test_changed_while_there_is_a_result(door: Door) -> None:
    rows = rows_of(door)
    conn = await door.connect()
    cur = await conn.execute(QUERY)
    for kind, factory in factories(rows).items():
        cur.row_factory = factory
        await cur.scroll(0, "absolute")
        assert await cur.fetchone() == EXPECTED[kind]


async def test_several_results(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).dict_row)
    cur = await conn.execute("select 1 as a; set work_mem to default; select 2 as b, 3 as c")
    assert await cur.fetchall() == [{"a": 1}]
    assert cur.nextset()
    assert cur.nextset()
    assert await cur.fetchall() == [{"b": 2, "c": 3}]


async def test_names_in_other_encodings(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).dict_row)
    await conn.execute("set client_encoding to latin1")
    assert await (await conn.execute("select 'x' as caf\u00e9")).fetchone() == {"caf\u00e9": "x"}


async def test_makers_are_callables(door: Door) -> None:
    rows = rows_of(door)
    conn = await door.connect()
    cur = await conn.execute("select 1 as a, 2 as b")
    cursor = getattr(cur, "wrapped", cur)
    assert rows.tuple_row(cursor)([1, 2]) == (1, 2)
    assert rows.dict_row(cursor)([1, 2]) == {"a": 1, "b": 2}
    assert rows.scalar_row(cursor)([1, 2]) == 1
    named = rows.namedtuple_row(cursor)([1, 2])
    assert (named.a, named.b) == (1, 2)
    await cur.execute("set work_mem to default")
    for factory in (rows.dict_row, rows.namedtuple_row, rows.scalar_row, rows.class_row(Point), rows.kwargs_row(Point)):
        with pytest.raises(door.module.InterfaceError):
            factory(cursor)([])


@pytest.mark.parametrize("kind", ["dict", "namedtuple", "scalar"])
async def test_loaders_of_the_program(door: Door, kind: str) -> None:
    conn = await door.connect(row_factory=factories(rows_of(door))[kind])

    class Loader(door.module.adapt.Loader):  # type: ignore[name-defined,misc]
        def load(self, data: Any) -> list[str]:
            gc.collect()
            return [bytes(data).decode()]

    cur = conn.cursor()
    cur.adapters.register_loader("int4", Loader)
    await cur.execute("select 1::int4 as n, 'x' as s")
    (row,) = await cur.fetchall()
    assert row == {"dict": {"n": ["1"], "s": "x"}, "namedtuple": (["1"], "x"), "scalar": ["1"]}[kind]


@howdah_alone
@asyncio_only
async def test_pipeline(door: Door) -> None:
    conn = await door.connect(row_factory=rows_of(door).dict_row)
    async with conn.pipeline():
        cursors = [await conn.execute("select %s::int as n", (n,)) for n in range(3)]
        assert [await cur.fetchone() for cur in cursors] == [{"n": n} for n in range(3)]
