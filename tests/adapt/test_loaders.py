"""Loaders of users: what they may return and raise, where they apply, and when they are registered."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import weakref
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import Thing, dumper, loader, made, part
from support.doors import Door

INT4, INT8, TEXT, DATE, NUMERIC = 23, 20, 25, 1082, 1700


DAY = dt.date(2020, 1, 2)


async def one(cur: Any, query: str, params: Any = None, **kwargs: Any) -> Any:
    return (await (await cur.execute(query, params, **kwargs)).fetchone())[0]


RESULTS: list[Any] = [None, Thing(1), [1], {}, (), 5, "text", b"bytes", object, NotImplemented, ...]


@pytest.mark.parametrize("result", RESULTS, ids=repr)
@pytest.mark.parametrize("binary", [False, True])
def test_any_result(conn: Any, driver: ModuleType, result: Any, binary: bool) -> None:
    conn.adapters.register_loader("int4", loader(driver, lambda data: result, binary=binary))
    query = "select 1, null::int, array[1, null], 'x', i from generate_series(1, 3) i"
    rows = conn.execute(query, binary=binary).fetchall()
    assert len(rows) == 3
    for row in rows:
        assert row[0] is row[4] is row[2][0] is result
        assert (row[1], row[2][1], row[3]) == (None, None, "x")


@pytest.mark.parametrize("binary", [False, True])
def test_what_a_loader_is_given(conn: Any, driver: ModuleType, binary: bool) -> None:
    kinds = []

    def load(self: Any, data: Any) -> Any:
        kinds.append(isinstance(data, bytes | bytearray | memoryview))
        return bytes(data), self.oid, self.connection is conn

    made_ = made(part(driver, "adapt").Loader, load=load, format=part(driver, "pq").Format(int(binary)))
    conn.adapters.register_loader("int4", made_)
    conn.adapters.register_loader("date", made_)
    row = conn.execute("select 258, null::int, '2020-01-02'::date", binary=binary).fetchone()
    expected = (b"\0\0\x01\x02", b"\0\0\x1c\x8a") if binary else (b"258", b"2020-01-02")
    assert row == ((expected[0], INT4, True), None, (expected[1], DATE, True))
    assert set(kinds) == {True}


def test_what_was_given_may_be_kept(conn: Any, driver: ModuleType) -> None:
    kept = []

    def load(self: Any, data: Any) -> int:
        kept.append(data)
        return len(data)

    conn.adapters.register_loader("text", made(part(driver, "adapt").Loader, load=load))
    conn.execute("select repeat(i::text, 3) from generate_series(0, 9) i").fetchall()
    first = [bytes(data) for data in kept]
    conn.execute("select repeat('x', 100000)").fetchall()
    assert [bytes(data) for data in kept[:10]] == first == [str(i).encode() * 3 for i in range(10)]


class Oops(Exception):
    """An error of the user's own."""


@pytest.mark.parametrize("error", [Oops("x"), ValueError("x"), KeyboardInterrupt(), MemoryError()], ids=repr)
@pytest.mark.parametrize("column", ["1", "array[1, 2]", "int4range(1, 2)", "row(1, 2)", "array[[1], [2]]"])
@pytest.mark.parametrize("binary", [False, True])
def test_exceptions_pass_through(
    conn: Any, driver: ModuleType, error: BaseException, column: str, binary: bool
) -> None:
    if column.startswith("row") and not binary:
        column = "1"

    def load(data: bytes) -> Any:
        raise error

    conn.adapters.register_loader("int4", loader(driver, load, binary=binary))
    cur = conn.execute(f"select 'x', {column} from generate_series(1, 3)", binary=binary)
    for fetch in (cur.fetchone, cur.fetchall, lambda: list(cur)):
        with pytest.raises(type(error)) as info:
            fetch()
        assert info.value is error
    assert conn.info.transaction_status.name == "INTRANS"
    assert conn.execute("select 'y'").fetchone() == ("y",)


def test_rows_before_the_bad_one(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_loader("int4", loader(driver, lambda data: 6 // int(data)))
    cur = conn.execute("select i from generate_series(-2, 2) i")
    assert cur.fetchmany(2) == [(-3,), (-6,)]
    with pytest.raises(ZeroDivisionError):
        cur.fetchone()


async def test_every_way_to_fetch(door: Door) -> None:
    conn = await door.connect()
    conn.adapters.register_loader("int4", loader(door.module, lambda data: -int(data)))
    cur = await conn.execute("select i from generate_series(1, 10) i")
    assert await cur.fetchone() == (-1,)
    assert await cur.fetchmany(2) == [(-2,), (-3,)]
    async for row in cur:
        assert row == (-4,)
        break
    assert await cur.fetchall() == [(-i,) for i in range(5, 11)]
    await cur.scroll(0, mode="absolute")
    assert await cur.fetchone() == (-1,)
    await cur.executemany("select %s::int", [(1,), (2,)], returning=True)
    assert await cur.fetchall() == [(-1,)]
    assert cur.nextset()
    assert await cur.fetchall() == [(-2,)]


async def test_registered_after_the_result_came(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    await cur.execute("select i, '2020-01-02'::date from generate_series(1, 5) i")
    assert await cur.fetchone() == (1, DAY)
    cur.adapters.register_loader("int4", loader(door.module, lambda data: -int(data)))
    assert await cur.fetchone() == (-2, DAY)
    cur.adapters.register_loader("date", loader(door.module, lambda data: data))
    assert await cur.fetchall() == [(-i, b"2020-01-02") for i in (3, 4, 5)]
    assert await one(conn.cursor(), "select 1") == 1


async def test_registered_after_a_binary_result_came(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor(binary=True)
    await cur.execute("select i from generate_series(1, 4) i")
    assert await cur.fetchone() == (1,)
    # A loader of text does not concern a result in binary.
    cur.adapters.register_loader("int4", loader(door.module, lambda data: "text"))
    assert await cur.fetchone() == (2,)
    cur.adapters.register_loader("int4", loader(door.module, lambda data: data, binary=True))
    assert await cur.fetchall() == [(b"\0\0\0\x03",), (b"\0\0\0\x04",)]


async def test_registered_on_a_cursor_with_a_prepared_statement(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select %s::int4 + 1, %s::date, 1.5, array[1, 2], 'x'"
    cur = conn.cursor()
    for i in range(10):
        await cur.execute(query, (i, DAY))
        assert await cur.fetchone() == (i + 1, DAY, Decimal("1.5"), [1, 2], "x")
    await cur.execute(query, (10, DAY))
    cur.adapters.register_loader("int4", loader(door.module, lambda data: f"<{data.decode()}>"))
    cur.adapters.register_loader("date", loader(door.module, lambda data: data.decode()))
    cur.adapters.register_loader("numeric", part(door.module, "types.numeric").FloatLoader)
    expected = ("<11>", "2020-01-02", 1.5, ["<1>", "<2>"], "x")
    found = await cur.fetchone()
    assert found[:3] + found[4:] == expected[:3] + expected[4:]
    for _ in range(10):
        await cur.execute(query, (10, DAY))
        assert await cur.fetchone() == expected
    other = conn.cursor()
    for _ in range(3):
        await other.execute(query, (10, DAY))
        assert await other.fetchone() == (11, DAY, Decimal("1.5"), [1, 2], "x")


async def test_registered_on_a_connection_with_prepared_statements(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    conn.prepare_threshold = 0
    query = "select %s::int8, now()::timestamptz is not null"
    for _ in range(3):
        assert await (await conn.execute(query, (5,))).fetchone() == (5, True)
    conn.adapters.register_loader("int8", loader(door.module, lambda data: data))
    conn.adapters.register_loader("bool", loader(door.module, lambda data: data))
    for _ in range(3):
        assert await (await conn.execute(query, (5,))).fetchone() == (b"5", b"t")


@pytest.mark.parametrize("column", ["1::int2", "1", "1::int8", "1.5", "1.5::float8", "true", "'x'::text",
    "'\\x01'::bytea", "'2020-01-02'::date", "'12:00'::time", "now()", "'1 day'::interval", "'{1 day}'::interval[]",
    "'12345678-1234-5678-1234-567812345679'::uuid", "'{}'::jsonb", "'{}'::json", "'1.2.3.4/8'::inet", "'{1}'::int[]",
    "int4range(1, 2)", "'{[1,2)}'::int4multirange", "1::oid", "'x'::name", "'(1,2)'::point"])  # fmt: skip
def test_text_loader_of_a_user_gets_text_however_often_it_is_run(conn: Any, driver: ModuleType, column: str) -> None:
    conn.autocommit = True
    oid = conn.execute(f"select {column}").description[0].type_code
    cur = conn.cursor()
    cur.adapters.register_loader(oid, loader(driver, lambda data: data))
    text = conn.execute(f"select ({column})::text").fetchone()[0]
    # now() differs between statements, and a bool prints itself otherwise in a cast.
    expected = {"true": b"t"}.get(column, text.encode())
    for _ in range(8):
        found = cur.execute(f"select {column}").fetchone()[0]
        assert found == expected or (column == "now()" and found[:4] == expected[:4])


def test_other_cursors_are_left_alone(conn: Any, driver: ModuleType) -> None:
    one, two = conn.cursor(), conn.cursor()
    one.execute("select 1, 'a'")
    two.execute("select 1, 'a'")
    one.adapters.register_loader("int4", loader(driver, lambda data: "one"))
    two.adapters.register_loader("text", loader(driver, lambda data: "two"))
    assert (one.fetchone(), two.fetchone(), conn.execute("select 1, 'a'").fetchone()) == (
        ("one", "a"), (1, "two"), (1, "a"),
    )  # fmt: skip


def test_arrays(conn: Any, driver: ModuleType) -> None:
    conn.adapters.register_loader("int4", loader(driver, lambda data: data.decode() + "!"))
    conn.adapters.register_loader("text", loader(driver, lambda data: data))
    row = conn.execute("select '{1,NULL}'::int4[], '{{1},{2}}'::int4[], '{}'::int4[], '{1}'::int8[]").fetchone()
    assert row == (["1!", None], [["1!"], ["2!"]], [], [1])
    row = conn.execute("""select array['a b', '"', '\\', NULL, ''], 'x'::text""").fetchone()
    assert row == ([b"a b", b'"', b"\\", None, b""], b"x")
    conn.adapters.register_loader("int4", loader(driver, lambda data: data[-1] * 2, binary=True))
    row = conn.execute("select '{1,NULL}'::int4[], '{{1},{2}}'::int4[]", binary=True).fetchone()
    assert row == ([2, None], [[2], [4]])


def test_ranges_and_multiranges(conn: Any, driver: ModuleType) -> None:
    rng, multi = part(driver, "types.range").Range, part(driver, "types.multirange").Multirange
    query = "select int4range(1, 5), '{[1,2),[5,)}'::int4multirange, array[int4range(1, 2)], 'empty'::int4range"
    for binary in (False, True):
        conn.adapters.register_loader(
            "int4", loader(driver, lambda data, b=binary: data[-1] * 2 if b else int(data) * 2, binary=binary)
        )
        row = conn.execute(query, binary=binary).fetchone()
        assert row == (rng(2, 10), multi([rng(2, 4), rng(10, None)]), [rng(2, 4)], rng(empty=True))


def test_records(conn: Any, driver: ModuleType) -> None:
    # In text a record does not tell the types of its fields.
    conn.adapters.register_loader("int4", loader(driver, lambda data: -1))
    conn.adapters.register_loader("int4", loader(driver, lambda data: data[-1] * 2, binary=True))
    conn.adapters.register_loader("text", loader(driver, lambda data: data.decode() + "!"))
    assert conn.execute("select row(1, 'a'::text, null)").fetchone() == (("1!", "a!", None),)
    assert conn.execute("select row(1, 'a'::text, null)", binary=True).fetchone() == ((2, "a", None),)
    nested = conn.execute("select row(1, row(2, array[3]))", binary=True).fetchone()
    assert nested == ((2, (4, [6])),)


def test_loader_with_a_state(conn: Any, driver: ModuleType) -> None:
    base = part(driver, "adapt").Loader
    count = []

    def init(self: Any, oid: int, context: Any = None) -> None:
        base.__init__(self, oid, context)
        count.append(oid)
        self.seen = 0

    def load(self: Any, data: Any) -> Any:
        self.seen += 1
        return self.seen

    conn.adapters.register_loader("int4", made(base, __init__=init, load=load))
    rows = conn.execute("select 7, 8 from generate_series(1, 2)").fetchall()
    assert sorted(n for row in rows for n in row) == [1, 2, 3, 4]
    assert count == [INT4]


def test_error_of_the_constructor(conn: Any, driver: ModuleType) -> None:
    def fail(self: Any, oid: int, context: Any = None) -> None:
        raise Oops

    bad = made(part(driver, "adapt").Loader, __init__=fail, load=lambda self, data: 1)
    conn.autocommit = True
    conn.adapters.register_loader("int4", bad)
    with pytest.raises(Oops):
        conn.execute("select 1").fetchone()
    assert conn.execute("select 'x'").fetchone() == ("x",)


def test_loaders_and_row_factories(conn: Any, driver: ModuleType) -> None:
    rows = part(driver, "rows")
    conn.adapters.register_loader("int4", loader(driver, lambda data: Thing(int(data))))
    cur = conn.cursor(row_factory=rows.dict_row)
    assert cur.execute("select 1 as a, 'x' as b").fetchone() == {"a": Thing(1), "b": "x"}
    assert conn.cursor(row_factory=rows.scalar_row).execute("select 1").fetchone() == Thing(1)


def test_nothing_is_kept_alive(dsn: str, howdah: ModuleType) -> None:
    # psycopg remembers every class that was registered.
    class Payload:
        pass

    payload = Payload()
    conn = howdah.connect(dsn)
    conn.adapters.register_loader("int4", loader(howdah, lambda data, p=payload: type(p).__name__))
    assert conn.execute("select 1").fetchone() == ("Payload",)
    seen = [weakref.ref(payload), weakref.ref(conn)]
    conn.close()
    del conn, payload
    gc.collect()
    assert [ref() for ref in seen] == [None, None]


def test_loaders_survive_the_cursor_that_they_were_registered_on(conn: Any, driver: ModuleType) -> None:
    for _ in range(50):
        cur = conn.cursor()
        cur.adapters.register_loader("int4", loader(driver, lambda data: data))
        assert cur.execute("select 5, array[5]").fetchone() == (b"5", [b"5"])
        del cur
    assert conn.execute("select 5").fetchone() == (5,)


VALUES = {
    "date": ("'2000-02-03'::date", "DateLoader"),
    "timestamp": ("'2000-02-03 01:02:03.5'::timestamp", "TimestampLoader"),
    "date[]": ("array['2000-02-03'::date, null]", "DateLoader"),
}


@pytest.mark.parametrize("style", ["ISO,MDY", "SQL,DMY", "SQL,MDY", "German", "Postgres,DMY"])
@pytest.mark.parametrize("name", VALUES)
def test_loader_derived_from_a_built_in_one(conn: Any, driver: ModuleType, style: str, name: str) -> None:
    expression, base = VALUES[name]

    class Tagged(getattr(part(driver, "types.datetime"), base)):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            return ("tagged", super().load(data))

    conn.execute(f"set datestyle to '{style}'")
    plain = conn.execute(f"select {expression}").fetchone()[0]
    for prepare in (False, True):
        cur = conn.cursor()
        for _ in range(3):
            cur.execute(f"select {expression}", prepare=prepare)
        cur.adapters.register_loader(name.removesuffix("[]"), Tagged)
        expected = [("tagged", plain[0]), None] if isinstance(plain, list) else ("tagged", plain)
        assert cur.fetchone() == (expected,)


@pytest.mark.parametrize(
    ("setting", "expression"),
    [
        ("datestyle to 'German'", "'2000-02-03 01:02'::timestamptz"),
        ("intervalstyle to 'postgres_verbose'", "'1 day'::interval"),
        ("intervalstyle to 'iso_8601'", "array['1 day'::interval]"),
    ],
)
def test_styles_that_are_not_read_are_refused_each_time(conn: Any, setting: str, expression: str) -> None:
    conn.execute(f"set {setting}")
    for _ in range(10):
        with pytest.raises(NotImplementedError):
            conn.execute(f"select {expression}").fetchone()


def as_marked(driver: ModuleType) -> Any:
    return loader(driver, lambda data: f"loaded {data.decode()}")


def test_loader_registered_by_a_dumper(conn: Any, driver: ModuleType) -> None:
    query = "select 1::int4, %s::text"

    def dump(value: Thing) -> bytes:
        cur.adapters.register_loader("int4", as_marked(driver))
        return b"x"

    conn.adapters.register_dumper(Thing, dumper(driver, dump))
    cur = conn.cursor()
    for _ in range(3):
        cur.execute(query, ("x",), prepare=True)
    assert cur.execute(query, (Thing(1),), prepare=True).fetchone() == ("loaded 1", "x")


def test_loader_registered_while_a_query_runs(driver: ModuleType, dsn: str) -> None:
    async def run() -> Any:
        conn = await driver.AsyncConnection.connect(dsn, autocommit=True)
        cur, query = conn.cursor(), "select 1::int4, pg_sleep(0.2)::text"
        for _ in range(3):
            await cur.execute(query, prepare=True)
        running = asyncio.create_task(_awaited(cur.execute(query, prepare=True)))
        await asyncio.sleep(0.05)
        cur.adapters.register_loader("int4", as_marked(driver))
        await running
        row = await cur.fetchone()
        await conn.close()
        return row

    assert asyncio.run(run()) == ("loaded 1", "")


async def _awaited(operation: Any) -> Any:
    return await operation
