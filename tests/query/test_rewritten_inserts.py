"""executemany(rewrite=True): the same as without, in fewer statements."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.doors import Door, howdah_alone

COUNTED = """
create temp table counted (n int);
create function pg_temp.count_statement() returns trigger language plpgsql as
  $$ begin insert into counted values (1); return null; end $$;
"""


def statements(conn: Any, table: str) -> int:
    """How many commands of the transaction have put the table's rows there."""
    return int(conn.execute(f"select count(distinct cmin::text) from {table}").fetchone()[0])


def fresh(conn: Any, columns: str, extra: str = "") -> None:
    conn.execute(f"drop table if exists t; create temp table t ({columns}); {extra}")
    conn.commit()


def result(conn: Any, query: str, rows: Any, rewrite: bool) -> Any:
    """What there is to see of it, undone."""
    cursor = conn.cursor()
    try:
        cursor.executemany(query, rows, rewrite=rewrite)
        seen: Any = (cursor.rowcount, cursor.description, conn.info.transaction_status.name)
        found = [str(row) for row in conn.execute("select t::text from t order by 1").fetchall()]
        return (seen, found)
    except Exception as error:
        return (type(error), getattr(error, "sqlstate", None), conn.info.transaction_status.name)
    finally:
        conn.rollback()
        with contextlib.suppress(Exception):
            conn.execute("alter sequence t_s_seq restart; alter sequence t_id_seq restart")
        conn.commit()


def same(conn: Any, query: str, rows: Any) -> Any:
    ordinary = result(conn, query, rows, False)
    assert result(conn, query, rows, True) == ordinary
    return ordinary


@pytest.fixture
def conn(howdah: ModuleType, dsn: str) -> Iterator[Any]:
    with howdah.connect(dsn) as opened:
        yield opened


VALUES: dict[str, list[Any]] = {
    "int2": [1, -5, None, 32767, 40000],
    "int4": [1, 40000, None, -(2**31), 5],
    "int8": [1, 2**40, None, 40000, -1],
    "numeric": [1, Decimal("1.50"), None, 2**70, Decimal("NaN"), 1.25],
    "numeric(5,2)": [1, Decimal("1.555"), None, 40000],
    "float4": [1, 1.1, None, 2**40, Decimal("1.3")],
    "float8": [1, 1.1, float("inf"), None, 2**62 + 1],
    "text": ["a", "", None, 'q"\\uote', "NULL", "{a,b}", "\u00e4\u20ac\U0001f600", 5, 2**40],
    "varchar(3)": ["abc", None, "abc  ", 12],
    "char(3)": ["a", "abc", None, 7],
    "name": ["a", None, "x" * 63],
    '"char"': ["a", None, "b"],
    "bool": [True, None, False],
    "bytea": [b"", b'\x00\\"\xff', None, bytearray(b"x")],
    "date": [dt.date(2020, 1, 1), None, dt.date.max, dt.datetime(2020, 5, 6, 7, 8), "2021-02-03"],
    "timestamp": [dt.datetime(2020, 1, 1, 2, 3, 4, 5), None, dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)],
    "timestamptz": [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), None, dt.datetime(2020, 1, 1, 5)],
    "timestamptz(0)": [dt.datetime(2020, 1, 1, 1, 1, 1, 500_001, tzinfo=dt.timezone.utc), None],
    "time": [dt.time(1, 2, 3), None, "04:05"],
    "interval": [dt.timedelta(days=3, seconds=5), None, "1 month"],
    "uuid": [uuid.UUID(int=5), None, str(uuid.UUID(int=6))],
    "inet": [ipaddress.ip_address("1.2.3.4"), None, "::1"],
    "json": ['{"a": [1, "\\\\"]}', None, "null"],
    "jsonb": ['{"a": [1, "x"]}', None, "3"],
    "point": ["(1,2)", None],
    "box": ["(1,2),(3,4)", None],
    "bit(3)": ["101", None],
    "varbit": ["1", None, ""],
    "xid": ["5", None],
    "oid": [5, None, 40000, -1],
    "money": [5, None, 2**40, "1.5"],
    "int4range": ["[1,5)", None, "empty"],
    "int4multirange": ["{[1,5),[7,9)}", None],
    "mood": ["sad", None, "ok"],
    "positive": [1, None, 5],
    "int4[]": [[1, 2], None, [], [5]],
    "pair": [(1, "a"), None],
    "tsvector": ["a b", None],
    "pg_lsn": ["0/5", None],
    "macaddr": ["08:00:2b:01:02:03", None],
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("mark", ["%s", "%t", "%b"])
def test_every_type(conn: Any, kind: str, mark: str) -> None:
    conn.execute(
        "create type pg_temp.mood as enum ('sad', 'ok'); create domain pg_temp.positive as int check (value > 0)"
    )
    conn.execute("create type pg_temp.pair as (a int, b text)")
    own = kind in ("mood", "positive", "pair")
    fresh(conn, f"a {'pg_temp.' if own else ''}{kind}, n int")
    query = f"insert into t (a, n) values ({mark}, %s)"
    for value in VALUES[kind]:
        same(conn, query, [(value, 1)] * 3)
    outcome = same(conn, query, [(value, n) for n, value in enumerate(VALUES[kind])] * 3)
    if mark == "%s" and kind in ("int4", "int8", "text", "bool", "uuid", "jsonb", "timestamptz", "mood"):
        assert outcome[0][0] == 3 * len(VALUES[kind])


PLAIN = [(1, "a"), (2, None), (40000, "b")]

REWRITTEN = [
    "insert into t values (%s, %s)",
    "INSERT  INTO t(a,b)VALUES(%s,%s)",
    'insert into "t" ("a", B) values (%s, %s);',
    "insert into pg_temp.t (a, b) values (%s, %s) on conflict do nothing",
    "insert into t (a, b) values (%s, %s) on conflict (a) do nothing ; ",
    "insert into t (b, a) values (%s, %s)",
]

ORDINARY = [
    "insert into t (a, b) values (%s, %s) returning a",
    "insert into t as x (a, b) values (%s, %s)",
    "insert into t (a, b) values (%s + 1, %s)",
    "insert into t (a, b) values (%s::int, %s)",
    "insert into t (a, b) values (%s, %s), (7, 'x')",
    "insert into t (a, b) select %s::int, %s::text",
    "insert into t (a, b) values (%s, %s) on conflict (a) do update set b = excluded.b",
    "insert into t (a, b) overriding user value values (%s, %s)",
    "insert /* a comment */ into t (a, b) values (%s, %s)",
    "insert into t (a, b) values (%s, %s) -- a comment",
    "with x as (select 1) insert into t (a, b) values (%s, %s)",
    'insert into t (U&"\\0061", b) values (%s, %s)',
    "insert into t (a, b) values (%s, %s); select 1",
    "insert into t (a, a) values (%s, %s)",
    "insert into t (a) values (%s, %s)",
    "insert into t (a, nowhere) values (%s, %s)",
    "insert into nowhere (a, b) values (%s, %s)",
    "update t set a = %s where b = %s",
]


@pytest.mark.parametrize("query", REWRITTEN)
def test_what_is_rewritten(conn: Any, query: str) -> None:
    fresh(conn, "a int unique, b text, c int default 5, s serial, id int generated always as identity")
    rows: Any = [tuple(reversed(row)) for row in PLAIN] if "(b, a)" in query else PLAIN
    assert same(conn, query, rows)[0][0] == 3
    conn.cursor().executemany(query, rows, rewrite=True)
    assert statements(conn, "t") == 1


@pytest.mark.parametrize("query", ORDINARY)
def test_what_is_not(conn: Any, query: str) -> None:
    fresh(conn, "a int unique, b text, c int default 5")
    same(conn, query, PLAIN)
    with contextlib.suppress(Exception):
        conn.cursor().executemany(query, PLAIN, rewrite=True)
        assert statements(conn, "t") in (0, 3)


@pytest.mark.parametrize(
    ("columns", "extra"),
    [
        ("a int, b text", f"{COUNTED} create trigger s after insert on t execute function pg_temp.count_statement()"),
        ("a int, b text", f"{COUNTED} create trigger r before insert on t for each row"
         " execute function suppress_redundant_updates_trigger(); drop trigger r on t;"
         " create trigger r after insert on t for each row execute function pg_temp.count_statement()"),
        ("a int, b text", "create rule r as on insert to t do also select 1"),
        ("a int, b text", "alter table t enable row level security"),
        ("a int primary key, b text, p int references t default 40000", ""),
        ("a int, b text, c int default pg_temp.top()", ""),
        ("a int check (pg_temp.top() is null or true), b text", ""),
        ("a int, b pg_temp.dom", ""),
    ],
)  # fmt: skip
def test_tables_where_it_could_be_seen(conn: Any, columns: str, extra: str) -> None:
    conn.execute("create function pg_temp.top() returns int language plpgsql as"
                 " $$ begin return (select max(a) from t); exception when others then return 0; end $$")  # fmt: skip
    conn.execute("create domain pg_temp.dom as text check (value <> 'x')")
    fresh(conn, columns, extra)
    same(conn, "insert into t (a, b) values (%s, %s)", PLAIN)
    with contextlib.suppress(Exception):
        conn.cursor().executemany("insert into t (a, b) values (%s, %s)", PLAIN[::-1], rewrite=True)
        assert statements(conn, "t") == 3


def test_views_and_partitions(conn: Any) -> None:
    conn.execute("drop table if exists t; create temp table t (a int, b text) partition by list (a)")
    conn.execute("create temp table t1 partition of t for values in (1); create temp table t2 partition of t default")
    conn.execute("create temp view v as select * from t")
    conn.commit()
    assert same(conn, "insert into t values (%s, %s)", PLAIN)[0][0] == 3
    same(conn, "insert into v values (%s, %s)", PLAIN)
    conn.execute(COUNTED)
    conn.execute("create trigger r after insert on t2 for each row execute function pg_temp.count_statement()")
    conn.commit()
    same(conn, "insert into t values (%s, %s)", PLAIN)
    conn.cursor().executemany("insert into t values (%s, %s)", [(5, "x"), (6, "y")], rewrite=True)
    assert statements(conn, "t") == 2


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "a"), (2, "b"), (1, "c")],
        [(1, "a"), (None, "b")],
        [(1, "a"), (2**40, "b")],
        [(1, "a"), (-1, "b")],
        [(1, "a"), ("x", "b")],
        [(1, "a"), (2, "too long")],
        [(1, "a"), (2,)],
        [(1, "a"), (2, "b", 3)],
        [(1, "a"), (2, object())],
        [(1, "a"), (2, "\0")],
        [(1, "a"), (2.5, "b")],
        [(1, "a"), (b"x", "b")],
        [(1, "a"), {"a": 1}],
        [(1, "a"), 5],
        [(1, "a"), None],
        [],
        5,
    ],
)  # fmt: skip
@pytest.mark.parametrize("autocommit", [False, True])
def test_errors(conn: Any, rows: Any, autocommit: bool) -> None:
    fresh(conn, "a int primary key check (a > 0), b varchar(5)")
    conn.autocommit = autocommit
    query = "insert into t values (%s, %s)"
    left = []
    for rewrite in (False, True):
        outcome = result(conn, query, rows, rewrite)
        left.append((outcome, conn.execute("select * from t order by a").fetchall()))
        conn.execute("truncate t")
        conn.rollback()
    assert left[0] == left[1]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")
def test_the_exception_tells_which_parameters(conn: Any, howdah: ModuleType) -> None:
    fresh(conn, "a int primary key, b text")
    query = "insert into t values (%s, %s)"
    for rows, note in [
        ([(1, "a"), (2, "b"), (1, "c")], "at one of the indexes 0 to 2"),
        ([(1, "a"), (2, "b"), (7.5, "c"), (1, "d")], "at index 3"),
        ([(1, "a"), (2, object())], "at index 1"),
    ]:
        with pytest.raises(howdah.Error) as caught:
            conn.cursor().executemany(query, rows, rewrite=True)
        assert [each for each in getattr(caught.value, "__notes__", []) if note in each]
        conn.rollback()


def test_long_values_and_many_rows(conn: Any) -> None:
    fresh(conn, "a int, b text")
    query = "insert into t values (%(a)s, %(b)s)"
    rows = [{"a": n, "b": "x" * (300_000 if n % 1000 == 7 else n % 50)} for n in range(10_000)]
    assert same(conn, query, rows)[0][0] == 10_000
    cursor = conn.cursor()
    cursor.executemany(query, iter(rows), rewrite=True)
    assert cursor.rowcount == 10_000
    assert 10 < statements(conn, "t") < 50


def test_order_of_defaults(conn: Any) -> None:
    fresh(conn, "a int, id int generated always as identity, s serial, twice int generated always as (a * 2) stored")
    same(conn, "insert into t (a) values (%s)", [(n % 7,) for n in range(3)])
    conn.cursor().executemany("insert into t (a) values (%s)", [(n,) for n in range(1000)], rewrite=True)
    found = conn.execute("select a - id, twice - 2 * a from t group by 1, 2").fetchall()
    assert len(found) == 1


def test_what_is_prepared_and_stale(conn: Any) -> None:
    fresh(conn, "a int, b text")
    conn.autocommit = True
    query = "insert into t values (%s, %s)"
    for turn in range(12):
        conn.cursor().executemany(query, PLAIN, rewrite=True)
        if turn == 8:
            conn.execute("deallocate all")
    assert conn.execute("select count(*) from t").fetchone() == (36,)


def test_conflicts_within_the_rows(conn: Any) -> None:
    fresh(conn, "a int primary key, b text")
    rows = [(1, "a"), (2, "b"), (1, "c"), (3, "d")]
    assert same(conn, "insert into t values (%s, %s) on conflict do nothing", rows)[0][0] == 3


def test_other_encodings(conn: Any) -> None:
    fresh(conn, "a int, b text")
    for encoding in ("latin1", "sjis", "sql_ascii"):
        conn.execute(f"set client_encoding to {encoding}")
        conn.commit()
        same(conn, "insert into t values (%s, %s)", [(1, "a\\b"), (2, '"')])


def test_adapters_of_the_user(conn: Any, howdah: ModuleType) -> None:
    class Shouted(howdah.adapt.Dumper):  # type: ignore[name-defined,misc]
        def dump(self, obj: str) -> bytes:
            return obj.upper().encode()

    class Hexadecimal(howdah.adapt.Dumper):  # type: ignore[name-defined,misc]
        oid = 23

        def dump(self, obj: int) -> bytes:
            return b" %d " % obj

    fresh(conn, "a int, b text")
    conn.adapters.register_dumper(str, Shouted)
    conn.adapters.register_dumper(int, Hexadecimal)
    outcome = same(conn, "insert into t values (%s, %s)", [(1, "a"), (2, "b")])
    assert "A" in outcome[1][0]


@pytest.mark.parametrize("kind", ["ClientCursor", "RawCursor"])
def test_other_cursors(conn: Any, howdah: ModuleType, kind: str) -> None:
    fresh(conn, "a int, b text")
    cursor = getattr(howdah, kind)(conn)
    query = "insert into t values ($1, $2)" if kind == "RawCursor" else "insert into t values (%s, %s)"
    cursor.executemany(query, PLAIN, rewrite=True)
    assert (cursor.rowcount, statements(conn, "t")) == (3, 3)


@howdah_alone
@pytest.mark.parametrize("returning", [False, True])
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("autocommit", [False, True])
async def test_both_shells(door: Door, returning: bool, in_pipeline: bool, autocommit: bool) -> None:
    conn = await door.connect(autocommit=autocommit)
    await conn.execute("create temp table t (a int primary key, b text)")
    await conn.commit()
    query = "insert into t values (%s, %s)" + (" returning a" if returning else "")
    for bad in (False, True):
        cursor = conn.cursor()
        rows = [(n, str(n)) for n in range(100)] + [(5, "again")] * bad
        async with contextlib.AsyncExitStack() as blocks:
            if bad:
                blocks.enter_context(pytest.raises(door.errors.UniqueViolation))
            if in_pipeline:
                await blocks.enter_async_context(conn.pipeline())
            await cursor.executemany(query, rows, rewrite=True, returning=returning)
        if not bad:
            assert cursor.rowcount == (1 if returning else 100)
        await conn.rollback()
        left = await (await conn.execute("select count(*), count(distinct cmin::text) from t")).fetchone()
        assert left[0] == (100 if autocommit else 0)
        if autocommit:
            assert left[1] == (100 if returning or in_pipeline else 1)
            if bad:
                break
        if autocommit:
            await conn.execute("delete from t where a = 5 and false")


@howdah_alone
async def test_in_a_failed_transaction(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.Error):
        await conn.execute("wrong")
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await conn.cursor().executemany("insert into t values (%s)", [(1,)], rewrite=True)


@howdah_alone
async def test_generator_that_raises(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table t (a int)")

    def rows() -> Iterator[tuple[int]]:
        yield (1,)
        yield (2,)
        raise LookupError

    left = []
    for rewrite in (False, True):
        with pytest.raises(LookupError):
            await conn.cursor().executemany("insert into t values (%s)", rows(), rewrite=rewrite)
        left.append(await (await conn.execute("select * from t")).fetchall())
        await conn.execute("truncate t")
    assert left[0] == left[1] == [(1,), (2,)]


ANY: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(-(2**65), 2**65),
    st.integers(-5, 5),
    st.text(max_size=8),
    st.binary(max_size=5),
    st.booleans(),
    st.floats(),
    st.decimals(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.timezone.utc)),
    st.timedeltas(),
    st.uuids(),
    st.lists(st.integers(-5, 5), max_size=3),
)
KINDS = [
    "int2", "int4", "int8", "numeric(6,2)", "float4", "text", "varchar(4)", "bytea", "bool", "date", "timestamptz",
    "interval", "uuid", "jsonb", "int4[]", "text[]",
]  # fmt: skip


@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
    data=st.data(),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything(conn: Any, kinds: list[str], data: st.DataObject) -> None:
    names = ["a", "b", "c"][: len(kinds)]
    conn.rollback()
    fresh(conn, ", ".join(f"{name} {kind}" for name, kind in zip(names, kinds, strict=True)))
    # Mostly of one kind of value for each column, so that many rows go well.
    some = [ANY, st.none() | st.integers(-5, 40000), st.none() | st.text(max_size=4)]
    strategies = [data.draw(st.sampled_from(some)) for _ in kinds]
    one_bad_row = data.draw(st.booleans())
    rows = data.draw(st.lists(st.tuples(*strategies), max_size=6))
    query = f"insert into t ({', '.join(names)}) values ({', '.join('%s' for _ in names)})"
    if not one_bad_row:
        rows = rows[:1] * len(rows)
    first = result(conn, query, rows, False)
    second = result(conn, query, rows, True)
    if isinstance(first[0], type) and isinstance(second[0], type):
        # Of several rows that fail, another may be told of.
        wrong = [result(conn, query, [row], False) for row in rows]
        assert second in wrong
    else:
        assert first == second
