"""Results in Arrow's columns: values compared with the driver's rows, types, overrides, limits."""

from __future__ import annotations

import datetime as dt
import gc
import subprocess
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.memory import for_children, needs_peaks

pa = pytest.importorskip("pyarrow")

IDLE, INTRANS, INERROR = 0, 2, 3

VALUES: dict[str, tuple[str, Any, list[str]]] = {
    "bool": ("bool", pa.bool_(), ["true", "false"]),
    "int2": ("int2", pa.int16(), ["-32768", "0", "32767"]),
    "int4": ("int4", pa.int32(), ["-2147483648", "2147483647"]),
    "int8": ("int8", pa.int64(), ["-9223372036854775808", "9223372036854775807"]),
    "oid": ("oid", pa.uint32(), ["0", "4294967295"]),
    "float4": ("float4", pa.float32(), ["1.5", "-infinity", "0.25"]),
    "float8": ("float8", pa.float64(), ["1.5", "infinity", "1e300", "0.1"]),
    "numeric": ("numeric(20,3)", pa.decimal128(20, 3), ["0", "-12.5", "99999999999999999.999", "0.001"]),
    "wide": ("numeric(38,38)", pa.decimal128(38, 38), ["0." + "9" * 38]),
    "hundreds": ("numeric(5,-2)", pa.decimal128(5, -2), ["12300", "-9999900"]),
    "text": ("text", pa.utf8(), ["", "a", "é漢", "x" * 10000]),
    "varchar": ("varchar(9)", pa.utf8(), ["abc"]),
    "name": ("name", pa.utf8(), ["abc"]),
    "bytea": ("bytea", pa.binary(), ["", "\\x00ff"]),
    "date": ("date", pa.date32(), ["1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31"]),
    "time": ("time", pa.time64("us"), ["00:00:00", "23:59:59.999999"]),
    "timestamp": ("timestamp", pa.timestamp("us"), ["1969-12-31 23:59:59.999999", "9999-12-31 00:00:00"]),
    "timestamptz": ("timestamptz", pa.timestamp("us", "UTC"), ["2000-01-01 00:00:00+00", "2024-07-01 12:00:00+02"]),
    "uuid": ("uuid", pa.uuid(), ["00112233-4455-6677-8899-aabbccddeeff"]),
    "ints": ("int4[]", pa.list_(pa.int32()), ["{}", "{1,NULL,3}"]),
    "texts": ("text[]", pa.list_(pa.utf8()), ['{"",NULL,"a,\\"b"}']),
}


@pytest.fixture
def conn(howdah: ModuleType, dsn: str) -> Iterator[Any]:
    with howdah.connect(dsn, autocommit=True) as conn:
        yield conn


def query_of(sql_type: str, texts: list[str]) -> str:
    quoted = ["'" + text.replace("'", "''") + "'" for text in texts]
    values = ", ".join(f"({number}, {text}::{sql_type})" for number, text in enumerate([*quoted, "null"]))
    # The cast tells the modifier, which VALUES loses.
    return f"select v::{sql_type} as v from (values {values}) as t (n, v) order by n"


@pytest.mark.parametrize("name", VALUES)
def test_values_are_those_of_rows(howdah: ModuleType, conn: Any, name: str) -> None:
    sql_type, arrow_type, texts = VALUES[name]
    query = query_of(sql_type, texts)
    expected = [row[0] for row in conn.execute(query).fetchall()]
    by_copy = pa.table(howdah.read_arrow(conn, query))
    by_rows = pa.table(howdah.read_arrow(conn, query + " limit %s", (100,)))
    in_text = pa.table(conn.execute(query).fetch_arrow())
    in_binary = pa.table(conn.execute(query, binary=True).fetch_arrow())
    assert by_copy.schema.field("v").type == arrow_type
    assert by_copy["v"].to_pylist() == expected
    for table in (by_rows, in_text, in_binary):
        assert table.equals(by_copy)


OTHERS = {
    "inet": "10.0.0.1/8",
    "cidr": "10.0.0.0/8",
    "macaddr": "08:00:2b:01:02:03",
    "timetz": "10:00:00+02",
    "bit varying(5)": "10101",
    "tsvector": "'a':1 'b':2",
    "point": "(1,2)",
    "pg_lsn": "16/B374D848",
    "regclass": "pg_class",
    "money": "$12.00",
    "jsonpath": '$."a"',
    "int2vector": "1 2",
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_types_are_their_text(howdah: ModuleType, conn: Any, name: str) -> None:
    text = OTHERS[name].replace("'", "''")
    query = f"select '{text}'::{name} as v"
    for table in (howdah.read_arrow(conn, query), conn.execute(query).fetch_arrow()):
        assert pa.table(table).to_pydict() == {"v": [OTHERS[name]]}


def test_intervals(howdah: ModuleType, conn: Any) -> None:
    query = "select interval '14 months -3 days 1.000001 seconds' as v"
    for table in (howdah.read_arrow(conn, query), conn.execute(query).fetch_arrow()):
        assert pa.table(table)["v"].to_pylist() == [pa.MonthDayNano([14, -3, 1_000_001_000])]
    days = howdah.read_arrow(conn, "select interval '2 days 1 s' as v", schema_overrides={"v": "duration[us]"})
    assert pa.table(days)["v"].to_pylist() == [dt.timedelta(days=2, seconds=1)]
    with pytest.raises(howdah.DataError, match="months"):
        howdah.read_arrow(conn, query, schema_overrides={"v": "duration[us]"})


def test_json(howdah: ModuleType, conn: Any) -> None:
    query = """select '{"a": 1}'::json as a, '{"b":  2}'::jsonb as b"""
    table = pa.table(howdah.read_arrow(conn, query))
    assert table.to_pylist() == [{"a": '{"a": 1}', "b": '{"b": 2}'}]
    assert table.schema.field("a").type.extension_name == "arrow.json"
    assert pa.table(conn.execute(query).fetch_arrow()).equals(table)


def test_types_of_users(howdah: ModuleType, conn: Any) -> None:
    conn.execute(
        "create type pg_temp.mood as enum ('sad', 'ok');"
        "create domain pg_temp.price as numeric(8,2);"
        "create type pg_temp.item as (mood pg_temp.mood, price pg_temp.price, tags text[]);"
        "create type pg_temp.pricerange as range (subtype = numeric)"
    )
    query = """select 'ok'::pg_temp.mood m, array['ok', null, 'sad']::pg_temp.mood[] ms, 1.5::pg_temp.price p,
        array[2]::pg_temp.price[] ps, row('sad', 2.25, array['a,b', '"'])::pg_temp.item i,
        array[row(null, null, null)]::pg_temp.item[] is_, pg_temp.pricerange(1, null) r"""
    expected = {
        "m": "ok",
        "ms": ["ok", None, "sad"],
        "p": Decimal("1.50"),
        "ps": [Decimal("2.00")],
        "i": {"mood": "sad", "price": Decimal("2.25"), "tags": ["a,b", '"']},
        "is_": [{"mood": None, "price": None, "tags": None}],
        "r": {"lower": "1", "upper": None, "lower_inc": True, "upper_inc": False, "isempty": False},
    }
    table = pa.table(howdah.read_arrow(conn, query))
    assert table.to_pylist() == [expected]
    assert table["m"].chunk(0).dictionary.to_pylist() == ["sad", "ok"]
    assert table.schema.field("p").type == pa.decimal128(8, 2)
    assert pa.table(conn.execute(query).fetch_arrow()).equals(table)


@pytest.mark.parametrize(
    ("value", "wanted", "expected"),
    [
        ("row('sad', 2.25)::pg_temp.item", "string", "(sad,2.25)"),
        ("array[row('sad', 2)]::pg_temp.item[]", "list<string>", ["(sad,2.00)"]),
        ("array[row('sad', 2)]::pg_temp.item[]", "string", '{"(sad,2.00)"}'),
        ("array['ok']::pg_temp.mood[]", "string", "{ok}"),
        ("pg_temp.pricerange(1, 2.5)", "string", "[1,2.5)"),
        ("array[pg_temp.pricerange(1, 2.5)]", "list<string>", ["[1,2.5)"]),
        ("pg_temp.pricemultirange(pg_temp.pricerange(1, 2))", "string", "{[1,2)}"),
        (
            "row(pg_temp.pricerange(1, 2), '{ok}')::pg_temp.outside",
            pa.struct([("r", pa.string()), ("m", pa.string())]),
            {"r": "[1,2)", "m": "{ok}"},
        ),
    ],
)
def test_types_of_users_as_text(howdah: ModuleType, conn: Any, value: str, wanted: Any, expected: Any) -> None:
    conn.execute(
        "create type pg_temp.mood as enum ('sad', 'ok');"
        "create type pg_temp.item as (mood pg_temp.mood, price numeric(8,2));"
        "create type pg_temp.pricerange as range (subtype = numeric, multirange_type_name = pg_temp.pricemultirange);"
        "create type pg_temp.outside as (r pg_temp.pricerange, m pg_temp.mood[])"
    )
    query = f"select {value} as v"
    for table in (
        howdah.read_arrow(conn, query, schema_overrides={"v": wanted}),
        conn.execute(query).fetch_arrow(schema_overrides={"v": wanted}),
    ):
        assert pa.table(table)["v"].to_pylist() == [expected]


def test_ranges(howdah: ModuleType, conn: Any) -> None:
    query = """select * from (values ('[1,5)'::int4range, '{[1,2),[4,6)}'::int4multirange), ('empty', '{}'),
        ('(,3]', '{(,1)}'), (null, null)) as t (r, m)"""
    table = pa.table(howdah.read_arrow(conn, query))

    def bounds(lower: Any, upper: Any, lower_inc: bool = True, empty: bool = False) -> dict[str, Any]:
        return {"lower": lower, "upper": upper, "lower_inc": lower_inc, "upper_inc": False, "isempty": empty}

    assert table["r"].to_pylist() == [bounds(1, 5), bounds(None, None, False, True), bounds(None, 4, False), None]
    assert table["m"].to_pylist() == [[bounds(1, 2), bounds(4, 6)], [], [bounds(None, 1, False)], None]
    assert pa.table(conn.execute(query).fetch_arrow()).equals(table)


def test_dimensions(howdah: ModuleType, conn: Any) -> None:
    query = "select '{{1,2},{3,null}}'::int4[] as v union all select '{}' union all select null"
    with pytest.raises(howdah.DataError, match="2 dimensions"):
        howdah.read_arrow(conn, query)
    nested = {"v": pa.list_(pa.list_(pa.int32()))}
    for table in (
        howdah.read_arrow(conn, query, schema_overrides=nested),
        conn.execute(query).fetch_arrow(schema_overrides=nested),
    ):
        assert pa.table(table)["v"].to_pylist() == [[[1, 2], [3, None]], [], None]
    with pytest.raises(howdah.DataError, match="1 dimensions"):
        howdah.read_arrow(conn, "select '{1}'::int4[] as v", schema_overrides=nested)


@pytest.mark.parametrize(
    ("sql", "wanted", "value"),
    [
        ("7::int4", "int64", 7),
        ("7::int8", "int8", 7),
        ("7::int8", "float64", 7.0),
        ("7::int2", "decimal128(5, 2)", Decimal("7.00")),
        ("7::int4", "string", "7"),
        ("1.5::numeric", "decimal128(5, 2)", Decimal("1.50")),
        ("1.5::numeric", "float64", 1.5),
        ("'NaN'::numeric", "string", "NaN"),
        ("3::numeric", "int32", 3),
        ("1.5::numeric(5,2)", "string", "1.50"),
        ("'infinity'::timestamptz", "string", "infinity"),
        ("'2020-01-01'::timestamp", "timestamp[s]", dt.datetime(2020, 1, 1)),
        ("'2020-01-01'::date", "string", "2020-01-01"),
        ("'a'::text", "large_string", "a"),
        ("'a'::text", "string_view", "a"),
        ("'\\x01'::bytea", "large_binary", b"\x01"),
        ("'{1,2}'::int4[]", "string", "{1,2}"),
        ("'{1,2}'::int4[]", "list<string>", ["1", "2"]),
        ("'00112233-4455-6677-8899-aabbccddeeff'::uuid", "string", "00112233-4455-6677-8899-aabbccddeeff"),
    ],
)
def test_overrides(howdah: ModuleType, conn: Any, sql: str, wanted: str, value: Any) -> None:
    query = f"select {sql} as v"
    for table in (
        howdah.read_arrow(conn, query, schema_overrides={"v": wanted}),
        conn.execute(query).fetch_arrow(schema_overrides={"v": wanted}),
    ):
        assert pa.table(table)["v"].to_pylist() == [value]


@pytest.mark.parametrize(
    ("sql", "overrides"),
    [
        ("'infinity'::date", {}),
        ("'-infinity'::timestamp", {}),
        ("'294276-12-31'::timestamptz", {}),
        ("'24:00'::time", {}),
        ("'NaN'::numeric(5,2)", {}),
        ("300::int4", {"v": "int8"}),
        ("1.25::numeric", {"v": "decimal128(5, 1)"}),
        ("9007199254740993::int8", {"v": "float64"}),
        ("'2020-01-01 00:00:00.5'::timestamp", {"v": "timestamp[s]"}),
    ],
)
def test_what_does_not_fit_is_an_error(howdah: ModuleType, conn: Any, sql: str, overrides: dict[str, str]) -> None:
    query = f"select {sql} as v"
    with pytest.raises(howdah.DataError, match='column "v", row 0'):
        howdah.read_arrow(conn, query, schema_overrides=overrides)
    cur = conn.execute(query)
    with pytest.raises(howdah.DataError, match='column "v", row 0'):
        cur.fetch_arrow(schema_overrides=overrides)
    assert conn.execute("select 1").fetchone() == (1,)


def test_bad_overrides(howdah: ModuleType, conn: Any) -> None:
    with pytest.raises(howdah.ProgrammingError, match="other"):
        howdah.read_arrow(conn, "select 1 as v", schema_overrides={"other": "string"})
    with pytest.raises(howdah.NotSupportedError, match="integer cannot be read as"):
        howdah.read_arrow(conn, "select 1 as v", schema_overrides={"v": "bool"})
    with pytest.raises(ValueError, match="strings"):
        howdah.read_arrow(conn, "select 1 as v", schema_overrides={"v": "strings"})
    with pytest.raises(TypeError, match="__arrow_c_schema__"):
        howdah.read_arrow(conn, "select 1 as v", schema_overrides={"v": 3})
    assert conn.info.transaction_status == IDLE


def test_no_rows_and_no_columns(howdah: ModuleType, conn: Any) -> None:
    table = howdah.read_arrow(conn, "select 1::int4 as v where false")
    assert (len(table), pa.table(table).schema.names) == (0, ["v"])
    for empty in (howdah.read_arrow(conn, "select from generate_series(1, 3)"),):
        assert (empty.num_rows, empty.num_columns) == (3, 0)
    assert conn.execute("select from generate_series(1, 3)").fetch_arrow().num_rows == 3
    nulls = pa.table(
        howdah.read_arrow(conn, "select null::int4 a, null::text b, null::int4[] c from generate_series(1,9)")
    )
    assert nulls.to_pylist() == [{"a": None, "b": None, "c": None}] * 9


@pytest.mark.parametrize("statement", ["set application_name to 'x'", "create temp table t (a int)", "select 1 into t"])
def test_statements_without_rows(howdah: ModuleType, conn: Any, statement: str) -> None:
    with pytest.raises(howdah.ProgrammingError):
        howdah.read_arrow(conn, statement)
    with pytest.raises(howdah.ProgrammingError):
        conn.execute("set application_name to 'x'").fetch_arrow()
    with pytest.raises(howdah.ProgrammingError):
        conn.cursor().fetch_arrow()


@pytest.mark.parametrize(
    "query",
    [
        "select 1 as v;",
        "select 1 as v -- the end",
        "/* before */ select 1 as v",
        "(select 1 as v)",
        "values (1)",
        "with t as (select 1 as v) table t",
        "show server_version_num",
        "explain select 1",
        b"select 1 as v",
    ],
)
def test_any_query_with_rows(howdah: ModuleType, conn: Any, query: Any) -> None:
    table = howdah.read_arrow(conn, query)
    rows = [tuple(row.values()) for row in pa.table(table).to_pylist()]
    if b"explain" not in (query if isinstance(query, bytes) else query.encode()):
        assert rows == conn.execute(query).fetchall()
    assert rows


def test_batches(howdah: ModuleType, conn: Any) -> None:
    query = "select g from generate_series(1, 10) g"
    assert [len(batch) for batch in howdah.read_arrow(conn, query, batch_size=4).batches] == [4, 4, 2]
    assert [len(batch) for batch in conn.execute(query).fetch_arrow(batch_size=5).batches] == [5, 5]
    with pytest.raises(ValueError, match="batch_size"):
        howdah.read_arrow(conn, query, batch_size=0)


def test_fetching_goes_on_from_the_next_row(conn: Any) -> None:
    cur = conn.execute("select g from generate_series(1, 5) g")
    assert cur.fetchone() == (1,)
    assert pa.table(cur.fetch_arrow())["g"].to_pylist() == [2, 3, 4, 5]
    assert cur.fetchone() is None
    cur.scroll(0, "absolute")
    assert cur.fetch_arrow().num_rows == 5


def test_a_table_can_be_read_again_and_outlives_its_connection(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn) as conn:
        table = howdah.read_arrow(conn, "select g, 'x' || g as t from generate_series(1, 1000) g")
    first = pa.table(table)
    assert pa.table(table).equals(first)
    del table
    gc.collect()
    assert first["t"][999].as_py() == "x1000"


def test_other_encodings(howdah: ModuleType, conn: Any) -> None:
    conn.execute("set client_encoding to 'latin1'")
    assert pa.table(howdah.read_arrow(conn, "select 'abc' as v"))["v"].to_pylist() == ["abc"]
    for read in (lambda: howdah.read_arrow(conn, "select chr(233) v"), conn.execute("select chr(233) v").fetch_arrow):
        with pytest.raises(howdah.DataError, match="client_encoding"):
            read()


def test_text_styles(howdah: ModuleType, conn: Any) -> None:
    conn.execute("set datestyle to 'German'")
    cur = conn.execute("select '2020-02-03'::date d, '2020-02-03 04:05:06'::timestamp t")
    assert pa.table(cur.fetch_arrow()).to_pylist() == [
        {"d": dt.date(2020, 2, 3), "t": dt.datetime(2020, 2, 3, 4, 5, 6)}
    ]


def test_server_side_cursors_are_refused(howdah: ModuleType, conn: Any) -> None:
    with conn.transaction(), howdah.ServerCursor(conn, "served") as cur:
        cur.execute("select 1")
        with pytest.raises(howdah.NotSupportedError):
            cur.fetch_arrow()
        assert cur.fetchone() == (1,)


def test_all_consumers_take_it(howdah: ModuleType, conn: Any) -> None:
    polars = pytest.importorskip("polars")
    pandas = pytest.importorskip("pandas")
    duckdb = pytest.importorskip("duckdb")
    when = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    query = "select 1::int4 a, 1.5::float8 b, 'x'::text c, '2020-01-01 00:00+00'::timestamptz d, 2.50::numeric(5,2) e"
    row = (1, 1.5, "x", when, Decimal("2.50"))
    table = howdah.read_arrow(conn, query)
    assert polars.DataFrame(table).rows() == [row]
    frame = (
        pandas.DataFrame.from_arrow(table) if hasattr(pandas.DataFrame, "from_arrow") else pa.table(table).to_pandas()
    )
    assert list(frame.itertuples(index=False, name=None)) == [row]
    assert duckdb.from_arrow(table).fetchall() == [row]
    batch = table.batches[0]
    assert pa.record_batch(batch).to_pylist() == pa.table(table).to_pylist()
    assert polars.DataFrame(batch).rows() == [row]


# --- both doors --------------------------------------------------------------------------------------------------


async def read(door: Door, conn: Any, *args: Any, **kwargs: Any) -> Any:
    read_arrow = door.module.read_arrow
    return read_arrow(conn.wrapped, *args, **kwargs) if door.is_sync else await read_arrow(conn, *args, **kwargs)


@howdah_alone
async def test_both_doors(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select g, md5(g::text) from generate_series(1, 1000) g"
    expected = await (await conn.execute(query)).fetchall()
    for table in (
        await read(door, conn, query),
        await read(door, conn, query + " limit %s", (2000,)),
        await (await conn.execute(query)).fetch_arrow(),
    ):
        assert [tuple(row.values()) for row in pa.table(table).to_pylist()] == expected
    for params in (None, ()):
        batches = [batch async for batch in conn.cursor().stream_arrow(query, params, batch_size=300)]
        assert [len(batch) for batch in batches] == [300, 300, 300, 100]
    assert conn.info.transaction_status == IDLE


@howdah_alone
async def test_a_batch_comes_as_soon_as_its_rows_have(door: Door) -> None:
    conn, other = await door.connect(), await door.connect()
    await other.execute("select pg_advisory_xact_lock(4712)")
    # What waits for more would wait for the lock, and fails then.
    await conn.execute("set lock_timeout = '20s'")
    waits = "case when g = 2000 then pg_advisory_xact_lock(4712)::text end"
    query = f"select g, {waits} from generate_series(1, 3000) g"
    stream = conn.cursor().stream_arrow(query, batch_size=10)
    sizes = [len(await anext(stream))]
    await other.rollback()
    sizes += [len(batch) async for batch in stream]
    assert sizes == [10] * 300


@howdah_alone
async def test_leaving_a_stream_leaves_the_connection_usable(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select g, repeat('x', 100) from generate_series(1, 1000000) g"
    for params in (None, ()):
        stream = conn.cursor().stream_arrow(query, params, batch_size=10)
        async for batch in stream:
            assert len(batch) == 10
            break
        await stream.aclose()
        assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
async def test_an_error_behind_rows(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    query = "select 1 / (20000 - g) as v from generate_series(1, 20000) g"
    for params in (None, ()):
        with pytest.raises(door.module.errors.DivisionByZero):
            await read(door, conn, query, params)
        assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
async def test_a_killed_server(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    other = await door.connect(autocommit=True)
    query = "select g, repeat('x', 1000) from generate_series(1, 1000000) g"
    with pytest.raises(door.module.OperationalError):
        async for _ in conn.cursor().stream_arrow(query, batch_size=10):
            await other.execute("select pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))
    assert conn.closed


@howdah_alone
@pytest.mark.parametrize("params", [None, ()])
@pytest.mark.parametrize("size", [1, 1000])
async def test_no_batch_is_given_after_the_connection_was_closed(door: Door, params: Any, size: int) -> None:
    """Even if its rows had been received before."""
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream_arrow("select generate_series(1, 1500) as v", params, batch_size=size)
    assert len(await anext(stream)) == size
    await conn.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@howdah_alone
async def test_long_rows(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    size = 100 * 1024 * 1024
    table = await read(door, conn, f"select repeat('x', {size}) as v from generate_series(1, 2)")
    # A batch ends early that has many bytes.
    assert [len(batch) for batch in table.batches] == [1, 1]
    assert pa.compute.binary_length(pa.table(table)["v"]).to_pylist() == [size, size]


# In a process of its own: here freed memory would be used again. 100 MB come, in batches of 1 MB, and all at once.
CHILD = """
import asyncio, sys
import howdah
from support.memory import Peak

shell, dsn, params = sys.argv[1], sys.argv[2], () if sys.argv[3] == "rows" else None
query = "select g, repeat('x', 1000) as v from generate_series(1, 100000) g"

def in_sync():
    with howdah.connect(dsn) as conn:
        with Peak() as stream:
            rows = sum(len(batch) for batch in conn.cursor().stream_arrow(query, params, batch_size=1000))
        with Peak() as whole:
            howdah.read_arrow(conn, query, params)
    return rows, stream.grown, whole.grown

async def in_asyncio():
    async with await howdah.AsyncConnection.connect(dsn) as conn:
        rows = 0
        with Peak() as stream:
            async for batch in conn.cursor().stream_arrow(query, params, batch_size=1000):
                rows += len(batch)
        with Peak() as whole:
            await howdah.read_arrow(conn, query, params)
    return rows, stream.grown, whole.grown

print(*(in_sync() if shell == "sync" else asyncio.run(in_asyncio())))
"""


@needs_peaks
@pytest.mark.parametrize("way", ["copy", "rows"])
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
def test_a_stream_has_one_batch_at_a_time(howdah: ModuleType, dsn: str, shell: str, way: str) -> None:
    command = [sys.executable, "-c", CHILD, shell, dsn, way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False, env=for_children())
    assert done.returncode == 0, done.stderr
    rows, stream, whole = map(int, done.stdout.split())
    assert rows == 100_000
    assert stream < 16 * 2**20
    assert whole > 90 * 2**20


@howdah_alone
async def test_in_a_pipeline(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        cur = await conn.execute("select %s::int4 as v", (5,))
        assert pa.table(await cur.fetch_arrow())["v"].to_pylist() == [5]
        with pytest.raises(door.module.NotSupportedError):
            await read(door, conn, "select 1")


def test_uuids(howdah: ModuleType, conn: Any) -> None:
    given = uuid.uuid4()
    table = pa.table(howdah.read_arrow(conn, "select %s::uuid as v", (given,)))
    assert table["v"].to_pylist() == [given]
