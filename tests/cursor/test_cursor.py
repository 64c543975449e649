"""Cursors: fetching, iterating, scrolling, result sets, and what they say of the result."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only

THREE = "select n from generate_series(1, 3) as n"


async def test_execute_returns_the_cursor(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    assert await cur.execute("select 1") is cur


async def test_fetchone(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    rows = [await cur.fetchone() for _ in range(5)]
    assert rows == [(1,), (2,), (3,), None, None]


async def test_fetchmany(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    assert await cur.fetchmany(2) == [(1,), (2,)]
    assert await cur.fetchmany(2) == [(3,)]
    assert await cur.fetchmany(2) == []


async def test_fetchmany_uses_arraysize(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    assert cur.arraysize == 1
    assert await cur.fetchmany() == [(1,)]
    cur.arraysize = 2
    assert await cur.fetchmany() == [(2,), (3,)]


async def test_number_of_rows_to_fetch(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    for size, expected in ((None, [(1,), (2,)]), (0, [(1,), (2,)]), (True, [(1,)]), (10, [(1,), (2,), (3,)])):
        await cur.execute(THREE)
        cur.arraysize = 2
        assert await cur.fetchmany(size) == expected
        await cur.execute(THREE)
        assert await cur.fetchmany(size=size) == expected
    await cur.execute(THREE)
    with pytest.raises(door.module.InterfaceError):
        await cur.fetchmany(-1)
    with pytest.raises(door.module.InterfaceError):
        cur.arraysize = -1
        await cur.fetchmany()
    with pytest.raises(TypeError):
        await cur.fetchmany("x")


async def test_none_for_the_arguments_of_cursor(door: Door) -> None:
    conn = await door.connect()
    for kwargs in ({"name": None}, {"binary": None}, {"row_factory": None}, {"scrollable": False}, {"withhold": None}):
        cur = conn.cursor(**kwargs)
        await cur.execute("select 1")
        assert await cur.fetchone() == (1,)
        assert cur.format == 0
    # Of a cursor without a name these say nothing.
    await conn.cursor(scrollable=True, withhold=True).execute("select 1")


async def test_fetchall(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    assert await cur.fetchone() == (1,)
    assert await cur.fetchall() == [(2,), (3,)]
    assert await cur.fetchall() == []


async def test_iteration(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    assert await cur.fetchone() == (1,)
    assert [row async for row in cur] == [(2,), (3,)]
    assert await cur.fetchone() is None


def test_cursor_is_an_iterator(conn: Any) -> None:
    cur = conn.execute(THREE)
    assert next(cur) == (1,)
    assert iter(cur) is cur
    assert list(cur) == [(2,), (3,)]
    with pytest.raises(StopIteration):
        next(cur)


@pytest.mark.doors("asyncio", "uvloop")
async def test_async_cursor_is_an_async_iterator(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    assert await anext(cur) == (1,)
    assert [row async for row in cur] == [(2,), (3,)]
    with pytest.raises(StopAsyncIteration):
        await anext(cur)


async def test_rownumber(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    seen = [cur.rownumber]
    await cur.execute(THREE)
    seen.append(cur.rownumber)
    await cur.fetchone()
    seen.append(cur.rownumber)
    await cur.fetchall()
    seen.append(cur.rownumber)
    await cur.execute("set work_mem to default")
    seen.append(cur.rownumber)
    assert seen == [None, 0, 1, 3, None]


@pytest.mark.parametrize(
    ("query", "rowcount", "status"),
    [
        ("select n from generate_series(1, 42) as n", 42, "SELECT 42"),
        ("create temp table t (n int)", -1, "CREATE TABLE"),
        ("create temp table t as select generate_series(1, 7)", 7, "SELECT 7"),
        ("set work_mem to default", -1, "SET"),
        ("values (1), (2)", 2, "SELECT 2"),
        ("", -1, None),
        ("-- only a comment", -1, None),
        ("do $$begin end$$", -1, "DO"),
        ("explain select 1", None, "EXPLAIN"),
        ("show work_mem", 1, "SHOW"),
        ("select", 1, "SELECT 1"),
    ],
)
async def test_rowcount_and_statusmessage(door: Door, query: str, rowcount: int | None, status: str | None) -> None:
    conn = await door.connect()
    cur = await conn.execute(query)
    assert cur.statusmessage == status
    if rowcount is not None:
        assert cur.rowcount == rowcount


async def test_rowcount_of_changes(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table t (n int)")
    steps = [
        ("insert into t select generate_series(1, 5)", 5, "INSERT 0 5"),
        ("update t set n = n + 1 where n > 3", 2, "UPDATE 2"),
        ("delete from t where n = 1 returning n", 1, "DELETE 1"),
        ("delete from t where false", 0, "DELETE 0"),
        ("merge into t using (values (2)) s(n) on s.n = t.n when matched then delete", 1, "MERGE 1"),
    ]
    for query, rowcount, status in steps:
        cur = await conn.execute(query)
        assert (cur.rowcount, cur.statusmessage) == (rowcount, status)


async def test_before_any_query(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    assert (cur.rowcount, cur.statusmessage, cur.description, cur.rownumber) == (-1, None, None, None)


async def test_description(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(
        "select 1::int4 as an_int, 'x'::varchar(42) as text, 1.5::numeric(10, 2) as num, null as nothing"
    )
    first, text, num, nothing = cur.description
    assert (first.name, first.type_code, first.internal_size) == ("an_int", 23, 4)
    assert (text.name, text.type_code, text.display_size, text.internal_size) == ("text", 1043, 42, None)
    assert (num.name, num.type_code, num.precision, num.scale) == ("num", 1700, 10, 2)
    assert (nothing.name, nothing.type_code, nothing.null_ok) == ("nothing", 25, None)
    assert tuple(first) == ("an_int", 23, None, 4, None, None, None)
    assert len(first) == 7
    assert first[0:2] == ("an_int", 23)


async def test_description_without_a_result(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("set work_mem to default")
    assert cur.description is None
    cur = await conn.execute("select")
    assert cur.description == []
    assert await cur.fetchall() == [()]


async def test_description_of_no_rows(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select 1 as one where false")
    assert [c.name for c in cur.description] == ["one"]
    assert await cur.fetchone() is None


async def test_same_column_name_twice(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute('select 1 as a, 2 as a, 3 as "ä ö"')
    assert [c.name for c in cur.description] == ["a", "a", "ä ö"]
    assert await cur.fetchone() == (1, 2, 3)


async def test_several_statements(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select 1; set work_mem to default; select 2, 3")
    assert await cur.fetchall() == [(1,)]
    assert cur.nextset() is True
    assert (cur.statusmessage, cur.description) == ("SET", None)
    assert cur.nextset() is True
    assert await cur.fetchall() == [(2, 3)]
    assert cur.nextset() is None
    assert await cur.fetchall() == []


async def test_several_statements_with_an_error(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    with pytest.raises(door.errors.UndefinedColumn):
        await cur.execute("select 1; select wat; select 3")
    assert conn.info.transaction_status.name == "IDLE"
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_several_statements_need_no_parameters(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("select 1; select %s", (1,))


async def test_several_statements_with_no_parameters_given(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select '%'; select 2", None)
    assert await cur.fetchone() == ("%",)
    assert cur.nextset() is True
    cur = await conn.execute("select '%%'; select 2", ())
    assert await cur.fetchone() == ("%",)
    assert cur.nextset() is True


async def test_results_iterates_the_sets(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select 1; select 2; select 3")
    raw = cur.wrapped if door.is_sync else cur
    if door.is_sync:
        assert [c.fetchone() for c in raw.results()] == [(1,), (2,), (3,)]
    else:
        assert [await c.fetchone() async for c in raw.results()] == [(1,), (2,), (3,)]


@pytest.mark.parametrize("fetch", ["fetchone", "fetchmany", "fetchall"])
async def test_fetch_without_a_result(door: Door, fetch: str) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    with pytest.raises(door.module.ProgrammingError, match="no result available"):
        await getattr(cur, fetch)()
    await cur.execute("set work_mem to default")
    with pytest.raises(door.module.ProgrammingError, match=r"SET|the last operation didn't produce"):
        await getattr(cur, fetch)()
    assert conn.info.transaction_status.name == "INTRANS"


async def test_iterate_without_a_result(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("set work_mem to default")
    with pytest.raises(door.module.ProgrammingError):
        async for _ in cur:
            raise AssertionError("there is no row")


async def test_failed_execute_forgets_the_result(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    with pytest.raises(door.module.Error):
        await cur.execute("wat")
    assert (cur.rowcount, cur.statusmessage, cur.description) == (-1, None, None)
    with pytest.raises(door.module.ProgrammingError):
        await cur.fetchone()


async def test_scroll(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select n from generate_series(0, 9) as n")
    await cur.scroll(2)
    assert await cur.fetchone() == (2,)
    await cur.scroll(3)
    assert await cur.fetchone() == (6,)
    await cur.scroll(-2)
    assert await cur.fetchone() == (5,)
    await cur.scroll(9, mode="absolute")
    assert await cur.fetchone() == (9,)
    await cur.scroll(0, mode="absolute")
    assert await cur.fetchone() == (0,)


@pytest.mark.parametrize(("value", "mode"), [(3, "relative"), (-1, "relative"), (3, "absolute"), (-1, "absolute")])
async def test_scroll_out_of_the_result(door: Door, value: int, mode: str) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    with pytest.raises(IndexError):
        await cur.scroll(value, mode=mode)
    assert await cur.fetchone() == (1,)


async def test_scroll_in_no_mode(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    await cur.execute(THREE)
    for mode in (None, "", "Absolute"):
        with pytest.raises(ValueError, match="mode"):
            await cur.scroll(1, mode)


async def test_scroll_errors(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    with pytest.raises(door.module.ProgrammingError):
        await cur.scroll(0)
    await cur.execute(THREE)
    with pytest.raises(ValueError, match="mode"):
        await cur.scroll(1, mode="wat")


async def test_two_cursors_keep_their_own_results(door: Door) -> None:
    conn = await door.connect()
    first = await conn.execute(THREE)
    second = await conn.execute("select 'other'")
    assert await first.fetchone() == (1,)
    assert await second.fetchone() == ("other",)
    assert await first.fetchall() == [(2,), (3,)]


async def test_closed_cursor(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    await cur.close()
    await cur.close()
    assert cur.closed
    with pytest.raises(door.module.InterfaceError, match="closed"):
        await cur.execute("select 1")
    with pytest.raises(door.module.InterfaceError, match="closed"):
        await cur.fetchone()


async def test_what_is_asked_of_a_closed_connection_leaves_the_result(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute(THREE)
    await conn.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        await cur.execute("select 'other'")
    with pytest.raises(door.module.OperationalError, match="closed"):
        await cur.executemany("select 'other'", [()])
    assert cur.rowcount == 3
    assert await cur.fetchall() == [(1,), (2,), (3,)]
    await cur.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        await cur.execute("select 'other'")


async def test_cursor_knows_its_connection(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    assert cur.connection is (conn.wrapped if door.is_sync else conn)


async def test_row_factory(door: Door) -> None:
    rows = __import__(f"{door.module.__name__}.rows", fromlist=["rows"])
    conn = await door.connect(row_factory=rows.dict_row)
    assert await (await conn.execute("select 1 as a, 'x' as b")).fetchone() == {"a": 1, "b": "x"}
    cur = conn.cursor(row_factory=rows.tuple_row)
    assert await (await cur.execute("select 1")).fetchone() == (1,)
    cur = conn.cursor(row_factory=rows.scalar_row)
    assert await (await cur.execute(THREE)).fetchall() == [1, 2, 3]
    cur = conn.cursor(row_factory=rows.namedtuple_row)
    row = await (await cur.execute("select 1 as a, 2 as b")).fetchone()
    assert (row.a, row.b) == (1, 2)


async def test_binary_results(door: Door) -> None:
    conn = await door.connect()
    values = (1, "x", b"\x00\xff", 1.5, True, None)
    query = "select 1, 'x', '\\x00ff'::bytea, 1.5::float8, true, null"
    assert await (await conn.execute(query, binary=True)).fetchone() == values
    cur = conn.cursor(binary=True)
    assert cur.format == 1
    assert await (await cur.execute(query)).fetchone() == values
    assert await (await cur.execute(query, binary=False)).fetchone() == values


async def test_many_rows_and_wide_rows(door: Door) -> None:
    conn = await door.connect()
    cur = await conn.execute("select n, repeat('x', n % 100) from generate_series(1, 20000) as n")
    rows = await cur.fetchall()
    assert len(rows) == 20000
    assert all(row == (i, "x" * (i % 100)) for i, row in enumerate(rows, 1))
    cur = await conn.execute("select repeat('é', 5000000)")
    assert await cur.fetchone() == ("é" * 5_000_000,)
    cur = await conn.execute("select " + ", ".join(map(str, range(1600))))
    assert await cur.fetchone() == tuple(range(1600))


def test_row_maker_that_uses_its_cursor_when_freed(howdah: ModuleType, dsn: str) -> None:
    freed = []

    class Maker:
        def __init__(self, cursor: Any) -> None:
            self.cursor = cursor

        def __call__(self, values: Any) -> Any:
            return values

        def __del__(self) -> None:
            freed.append(self.cursor.rowcount)

    with howdah.connect(dsn) as conn:
        cursor = conn.cursor(row_factory=Maker)
        cursor.execute("select 1; select 2")
        cursor.nextset()
        cursor.execute("select 3")
        assert len(freed) == 2


@pytest.mark.parametrize(("option", "plain"), [(1, True), ("yes", True), (0, False), ([], False)])
def test_options_are_truth_values(conn: Any, option: Any, plain: bool) -> None:
    cur = conn.cursor(binary=option)
    assert cur.format == plain
    assert conn.cursor().execute("select 1", binary=option, prepare=option).fetchone() == (1,)
    assert conn.execute("select 1", binary=option, prepare=option).fetchone() == (1,)
    cur.executemany("select %s::int", [(1,), (2,)], returning=option)
    if plain:
        assert cur.fetchone() == (1,)


@asyncio_only
async def test_a_library_closes_without_awaiting(door: Door) -> None:
    """SQLAlchemy does so, in its asyncio dialect."""
    conn = await door.connect()
    cur = conn.cursor()
    await cur.execute("select 1")
    cur._close()
    assert cur.closed
    with pytest.raises(door.module.InterfaceError):
        await cur.fetchone()
