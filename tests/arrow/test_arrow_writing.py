"""copy_arrow(): Arrow data into tables, and the same read back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.doors import Door, howdah_alone

pa = pytest.importorskip("pyarrow")

IDLE, INERROR = 0, 3


@pytest.fixture
def conn(howdah: ModuleType, dsn: str) -> Iterator[Any]:
    with howdah.connect(dsn, autocommit=True) as conn:
        conn.execute(
            "create type pg_temp.mood as enum ('sad', 'ok');"
            "create type pg_temp.item as (mood pg_temp.mood, price numeric(8,2))"
        )
        yield conn


UTC = dt.timezone.utc
NEW_YEAR = dt.datetime(2020, 1, 1, tzinfo=UTC)
ROUND_TRIPS: dict[str, tuple[str, list[str]]] = {
    "bool": ("bool", ["true", "false"]),
    "int2": ("int2", ["-32768", "32767"]),
    "int4": ("int4", ["-2147483648", "2147483647"]),
    "int8": ("int8", ["-9223372036854775808", "9223372036854775807"]),
    "oid": ("oid", ["4294967295"]),
    "xid8": ("xid8", ["18446744073709551615"]),
    "float4": ("float4", ["1.5", "-infinity"]),
    "float8": ("float8", ["0.1", "infinity"]),
    "numeric": ("numeric(20,3)", ["0", "-12.5", "99999999999999999.999"]),
    "any numeric": ("numeric", ["1.10", "NaN", "-Infinity", "1e400"]),
    "text": ("text", ["", "é漢", "x" * 100000, "\\N\t\n"]),
    "json": ("json", ['{"a":  1}']),
    "jsonb": ("jsonb", ['{"a": 1}']),
    "bytea": ("bytea", ["", "\\x00ff"]),
    "date": ("date", ["0001-01-01", "9999-12-31"]),
    "time": ("time", ["00:00:00", "23:59:59.999999"]),
    "timestamp": ("timestamp", ["1969-12-31 23:59:59.999999"]),
    "timestamptz": ("timestamptz", ["2024-07-01 12:00:00+02"]),
    "interval": ("interval", ["14 months -3 days 1.000001 seconds"]),
    "uuid": ("uuid", ["00112233-4455-6677-8899-aabbccddeeff"]),
    "enum": ("pg_temp.mood", ["sad", "ok"]),
    "composite": ("pg_temp.item", ["(ok,1.50)", "(,)"]),
    "array": ("int4[]", ["{}", "{1,NULL,3}"]),
    "array of enums": ("pg_temp.mood[]", ["{ok,NULL}"]),
    "range": ("int4range", ["[1,5)", "empty", "(,)", "[1,)"]),
    "multirange": ("nummultirange", ["{}", "{[1.5,2],(3,)}"]),
    "inet": ("inet", ["10.0.0.1", "::1/64"]),
    "timetz": ("timetz", ["10:00:00+02"]),
    "bit": ("bit varying", ["", "101"]),
    "point": ("point", ["(1,2)"]),
    "tsvector": ("tsvector", ["'a b':1"]),
}


def filled(conn: Any, sql_type: str, texts: list[str]) -> None:
    conn.execute(f"create temp table given (n int, v {sql_type}); create temp table taken (n int, v {sql_type})")
    for number, text in enumerate([*texts, None]):
        conn.execute(f"insert into given values (%s, %s::text::{sql_type})", (number, text))


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_round_trips(howdah: ModuleType, conn: Any, name: str) -> None:
    filled(conn, *ROUND_TRIPS[name])
    table = howdah.read_arrow(conn, "select * from given order by n")
    assert conn.copy_arrow("taken", table) == table.num_rows
    changed = "select * from given except all (select * from taken)"
    texts = "(select array_agg(t::text order by n) from {} t)"
    same = f"select {texts.format('given')} = {texts.format('taken')}"
    assert conn.execute(same).fetchone() == (True,), conn.execute(changed).fetchall()
    assert pa.table(howdah.read_arrow(conn, "select * from taken order by n")).equals(pa.table(table))


SOURCES: list[tuple[Any, list[Any], str, list[Any]]] = [
    (pa.int64(), [1, None], "int2", [1, None]),
    (pa.uint8(), [255], "int8", [255]),
    (pa.int32(), [7], "numeric", [Decimal(7)]),
    (pa.float32(), [1.5], "float8", [1.5]),
    (pa.large_string(), ["a", None], "text", ["a", None]),
    (pa.string_view(), ["a" * 50, None], "varchar(50)", ["a" * 50, None]),
    (pa.dictionary(pa.int8(), pa.utf8()), ["b", "a", "b", None], "text", ["b", "a", "b", None]),
    (pa.large_binary(), [b"\0"], "bytea", [b"\0"]),
    (pa.binary(2), [b"ab"], "bytea", [b"ab"]),
    (pa.time32("s"), [dt.time(1, 2, 3)], "time", [dt.time(1, 2, 3)]),
    (pa.time64("ns"), [dt.time(1, 2, 3, 4)], "time", [dt.time(1, 2, 3, 4)]),
    (pa.timestamp("ns"), [dt.datetime(2020, 1, 1)], "timestamp", [dt.datetime(2020, 1, 1)]),
    (
        pa.timestamp("s", "Asia/Tokyo"),
        [dt.datetime(2020, 1, 1, tzinfo=UTC)],
        "timestamptz",
        [dt.datetime(2020, 1, 1, tzinfo=UTC)],
    ),
    (pa.duration("ms"), [dt.timedelta(seconds=1)], "interval", [dt.timedelta(seconds=1)]),
    (pa.large_list(pa.int32()), [[1], [], None], "int4[]", [[1], [], None]),
    (pa.list_(pa.int32(), 2), [[1, 2], None], "int4[]", [[1, 2], None]),
    (pa.list_(pa.list_(pa.int32())), [[[1, 2], [3, 4]], []], "int4[]", [[[1, 2], [3, 4]], []]),
    (pa.null(), [None, None], "int4[]", [None, None]),
]


@pytest.mark.parametrize(("arrow_type", "values", "sql_type", "expected"), SOURCES)
def test_other_sources(conn: Any, arrow_type: Any, values: list[Any], sql_type: str, expected: list[Any]) -> None:
    conn.execute(f"create temp table taken (v {sql_type})")
    table = pa.table({"v": pa.array(values, arrow_type)})
    assert conn.copy_arrow("taken", table) == len(values)
    assert [row[0] for row in conn.execute("select v from taken").fetchall()] == expected
    # A part of an array begins elsewhere.
    conn.execute("truncate taken")
    conn.copy_arrow("taken", table.slice(len(values) - 1))
    assert conn.execute("select v from taken").fetchall() == [(expected[-1],)]


REFUSED: list[tuple[Any, list[Any], str]] = [
    (pa.int64(), [1, 40000], "int2"),
    (pa.int64(), [0, -1], "oid"),
    (pa.decimal128(10, 3), [Decimal("1.5"), Decimal("1.125")], "numeric(10,2)"),
    (pa.timestamp("ns"), [0, 1], "timestamp"),
    (pa.list_(pa.list_(pa.int32())), [[], [[1], [2, 3]]], "int4[]"),
    (pa.utf8(), ["1", "x"], "numeric"),
    (pa.date32(), [0, -(2**31)], "date"),
]


@pytest.mark.parametrize(("arrow_type", "values", "sql_type"), REFUSED)
def test_what_does_not_fit_is_an_error(
    howdah: ModuleType, conn: Any, arrow_type: Any, values: list[Any], sql_type: str
) -> None:
    conn.execute(f"create temp table taken (v {sql_type})")
    with pytest.raises(howdah.DataError, match='column "v", row 1'):
        conn.copy_arrow("taken", pa.table({"v": pa.array(values, arrow_type)}))
    assert conn.info.transaction_status == IDLE
    assert conn.execute("select count(*) from taken").fetchone() == (0,)


def test_types_that_are_not_converted(howdah: ModuleType, conn: Any) -> None:
    conn.execute("create temp table taken (v int4, w timestamptz, i inet[])")
    for data in ({"v": ["1"]}, {"v": [1.5]}, {"w": [dt.datetime(2020, 1, 1)]}, {"i": [["::1"]]}):
        with pytest.raises(howdah.NotSupportedError, match="does not take Arrow's"):
            conn.copy_arrow("taken", pa.table(data))
    assert conn.info.transaction_status == IDLE


def test_what_has_no_text_beside_what_has_no_binary(howdah: ModuleType, conn: Any) -> None:
    """It is refused before the COPY begins: the transaction goes on."""
    conn.execute("create domain pg_temp.price as numeric(8,2); create type pg_temp.span as range (subtype = float8)")
    conn.execute(
        "create temp table taken (a inet, i pg_temp.item, m pg_temp.mood[], s pg_temp.span, p pg_temp.price, n int4[])"
    )
    given = {
        "i": "row('ok', 1.5)::pg_temp.item",
        "m": "'{ok,sad}'::pg_temp.mood[]",
        "s": "'[1,2]'::pg_temp.span",
        "p": "1.5::pg_temp.price",
    }
    with conn.transaction():
        for name, value in given.items():
            table = pa.table(howdah.read_arrow(conn, f"select {value} as {name}, '::1'::inet as a"))
            refused = f'column "{name}".* only written by a COPY in binary, and column "a" only by one in text'
            with pytest.raises(howdah.NotSupportedError, match=refused):
                conn.copy_arrow("taken", table)
            assert conn.copy_arrow("taken", table.select([name])) == 1
        table = pa.table(howdah.read_arrow(conn, "select '{1,2}'::int4[] as n, '::1'::inet as a"))
        assert conn.copy_arrow("taken", table) == 1
    assert conn.execute("select count(i), count(m), count(s), count(p), count(n) from taken").fetchone() == (1,) * 5


def test_columns(howdah: ModuleType, conn: Any) -> None:
    conn.execute('create schema "s t"; create table "s t"."a\'b\\c" (a int4, b text, "C" int4 default 5)')
    try:
        name = howdah.sql.Identifier("s t", "a'b\\c")
        assert conn.copy_arrow(name, pa.table({"b": ["x"], "a": pa.array([1], pa.int32())})) == 1
        assert conn.copy_arrow(name, pa.table({"x": pa.array([2], pa.int32())}), columns=["C"]) == 1
        assert conn.execute('select * from "s t"."a\'b\\c"').fetchall() == [(1, "x", 5), (None, None, 2)]
        with pytest.raises(howdah.ProgrammingError, match="no column"):
            conn.copy_arrow(name, pa.table({"z": [1]}))
        with pytest.raises(howdah.ProgrammingError, match="1 fields, for 2 columns"):
            conn.copy_arrow(name, pa.table({"a": [1]}), columns=["a", "b"])
        with pytest.raises(howdah.ProgrammingError):
            conn.copy_arrow(name, pa.table({}))
        with pytest.raises(howdah.errors.UndefinedTable):
            conn.copy_arrow("nowhere", pa.table({"z": [1]}))
        with pytest.raises(TypeError, match="__arrow_c_stream__"):
            conn.copy_arrow(name, [(1,)])
    finally:
        conn.execute('drop schema "s t" cascade')


def test_errors_of_the_server(howdah: ModuleType, conn: Any) -> None:
    conn.execute("create temp table taken (v int4 primary key)")
    with pytest.raises(howdah.errors.UniqueViolation):
        conn.copy_arrow("taken", pa.table({"v": pa.array([1, 1], pa.int32())}))
    assert conn.info.transaction_status == IDLE
    assert conn.copy_arrow("taken", pa.table({"v": pa.array([], pa.int32())})) == 0


def test_errors_of_the_stream(howdah: ModuleType, conn: Any) -> None:
    conn.execute("create temp table taken (v int4)")
    schema = pa.schema({"v": pa.int32()})

    def batches() -> Iterator[Any]:
        yield pa.record_batch({"v": pa.array([1], pa.int32())})
        raise OSError("no more of it")

    with pytest.raises(howdah.DataError, match="no more of it"):
        conn.copy_arrow("taken", pa.RecordBatchReader.from_batches(schema, batches()))
    assert conn.info.transaction_status == IDLE
    assert conn.execute("select count(*) from taken").fetchone() == (0,)


def test_other_encodings(howdah: ModuleType, conn: Any) -> None:
    conn.execute("set client_encoding to 'latin1'; create temp table taken (v text)")
    assert conn.copy_arrow("taken", pa.table({"v": ["abc"]})) == 1
    with pytest.raises(howdah.DataError, match="client_encoding"):
        conn.copy_arrow("taken", pa.table({"v": ["é"]}))


# --- both doors --------------------------------------------------------------------------------------------------


@howdah_alone
async def test_both_doors(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table taken (a int8, b text)")
    table = pa.table({"a": list(range(200_000)), "b": [f"row {number}" for number in range(200_000)]})
    assert await conn.copy_arrow("taken", table) == 200_000
    assert await conn.cursor().copy_arrow("taken", table.slice(199_999)) == 1
    query = "select count(*), sum(a)::int8, count(distinct b) from taken"
    assert await (await conn.execute(query)).fetchone() == (200_001, 20_000_099_999, 200_000)


@howdah_alone
async def test_a_killed_server(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    other = await door.connect(autocommit=True)
    await conn.execute("create temp table taken (a text)")
    pid = conn.info.backend_pid
    batch = pa.record_batch({"a": ["x" * 1000] * 1000})
    with door.module.connect(door.dsn, autocommit=True) as killer:

        def batches() -> Iterator[Any]:
            yield batch
            killer.execute("select pg_terminate_backend(%s, 5000)", (pid,))
            for _ in range(1000):
                yield batch

        with pytest.raises(door.module.OperationalError):
            await conn.copy_arrow("taken", pa.RecordBatchReader.from_batches(batch.schema, batches()))
    assert conn.closed
    assert await (await other.execute("select 1")).fetchone() == (1,)


# --- polars ------------------------------------------------------------------------------------------------------


COLUMNS: dict[str, tuple[str, Any]] = {
    "a": ("bool", st.booleans()),
    "b": ("int8", st.integers(-(2**63), 2**63 - 1)),
    "c": ("float8", st.floats(allow_nan=False)),
    "d": ("text", st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    "e": ("bytea", st.binary()),
    "f": ("date", st.dates()),
    "g": ("timestamp", st.datetimes()),
    "h": ("timestamptz", st.datetimes(timezones=st.just(UTC))),
    "i": ("int8[]", st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))),
    "j": ("text[]", st.lists(st.none() | st.text(st.sampled_from('ab{}",\\ é')))),
}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_frames_come_back_equal(howdah: ModuleType, conn: Any, data: Any) -> None:
    polars = pytest.importorskip("polars")
    rows = data.draw(st.lists(st.tuples(*(st.none() | values for _, values in COLUMNS.values())), max_size=20))
    types = [polars.Boolean, polars.Int64, polars.Float64, polars.String, polars.Binary, polars.Date]
    types += [
        polars.Datetime("us"),
        polars.Datetime("us", "UTC"),
        polars.List(polars.Int64),
        polars.List(polars.String),
    ]
    frame = polars.DataFrame(rows, schema=dict(zip(COLUMNS, types, strict=True)), orient="row")
    columns = ", ".join(f"{name} {sql_type}" for name, (sql_type, _) in COLUMNS.items())
    conn.execute(f"drop table if exists taken; create temp table taken (n serial, {columns})")
    assert conn.copy_arrow("taken", frame) == len(rows)
    again = polars.DataFrame(howdah.read_arrow(conn, f"select {', '.join(COLUMNS)} from taken order by n"))
    assert again.schema == frame.schema
    assert again.equals(frame)
