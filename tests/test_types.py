"""Types: what a parameter becomes on the server and what comes back, by example and against the oracle."""

from __future__ import annotations

import datetime as dt
import importlib
import math
import uuid
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.differences import of_parameter
from support.doors import Door
from support.type_cases import LITERALS, cases, outcome, portrait

CASES = cases()
UTC = ZoneInfo("UTC")

ROUND_TRIPS: list[tuple[Any, str]] = [
    (True, "boolean"),
    (False, "boolean"),
    (1, "smallint"),
    (-(2**15), "smallint"),
    (2**15, "integer"),
    (-(2**31), "integer"),
    (2**31, "bigint"),
    (-(2**63), "bigint"),
    (1.5, "double precision"),
    (-math.inf, "double precision"),
    (Decimal("1.10"), "numeric"),
    (Decimal("Infinity"), "numeric"),
    (b"\x00\xff", "bytea"),
    (dt.date(2020, 2, 29), "date"),
    (dt.time(1, 2, 3, 4), "time without time zone"),
    (dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=5.5))), "time with time zone"),
    (dt.datetime(2020, 1, 2, 3, 4, 5, 6), "timestamp without time zone"),
    (dt.datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "timestamp with time zone"),
    (dt.timedelta(days=1, seconds=2, microseconds=3), "interval"),
    (uuid.UUID(int=42), "uuid"),
    ([1, 2, None], "smallint[]"),
    ([1, 2**40], "bigint[]"),
    ([[1.5], [2.5]], "double precision[]"),
    ([dt.date(2020, 1, 1)], "date[]"),
    ([b"\x00"], "bytea[]"),
]


@pytest.mark.parametrize("placeholder", ["%s", "%b", "%t"])
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
async def test_round_trip(door: Door, placeholder: str, binary: bool) -> None:
    conn = await door.connect()
    for value, kind in ROUND_TRIPS:
        query = f"select pg_typeof({placeholder})::text, {placeholder}"
        cur = await conn.execute(query, (value, value), binary=binary)
        row = await cur.fetchone()
        assert row == (kind, value)
        assert type(row[1]) is type(value)


async def test_ints_beyond_bigint(door: Door) -> None:
    conn = await door.connect()
    for value in (2**63, -(2**63) - 1, 10**200):
        cur = await conn.execute("select pg_typeof(%s)::text, %s", (value, value))
        assert await cur.fetchone() == ("numeric", Decimal(value))


async def test_lists_of_strings_adapt_to_their_place(door: Door) -> None:
    conn = await door.connect()
    value = ["a", 'b"c\\d,{}', None, "NULL", "", " é "]
    for query in ("select %s::text[]", "select %b::text[]", "select %t::text[]"):
        for binary in (False, True):
            assert await (await conn.execute(query, (value,), binary=binary)).fetchone() == (value,)
    cur = await conn.execute("select %s::date[], %s::int[]", (["2020-01-01", None], ["1", "2"]))
    assert await cur.fetchone() == ([dt.date(2020, 1, 1), None], [1, 2])


async def test_nan(door: Door) -> None:
    conn = await door.connect()
    for binary in (False, True):
        cur = await conn.execute("select %s, %s, %b", (math.nan, Decimal("NaN"), Decimal("sNaN")), binary=binary)
        row = await cur.fetchone()
        assert math.isnan(row[0])
        assert all(isinstance(v, Decimal) and v.is_nan() for v in row[1:])


def test_negative_nan_is_nan(howdah: ModuleType, dsn: str) -> None:
    # psycopg sends "-NaN", which the server refuses; NaN has no sign there.
    with howdah.connect(dsn) as conn:
        row = conn.execute("select %t, %b", (Decimal("-NaN"), Decimal("-NaN"))).fetchone()
        assert row is not None
        assert all(isinstance(v, Decimal) and v.is_nan() for v in row)


async def test_strings_adapt_to_their_place(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table places (d date, n numeric, j jsonb, t text, i int, u uuid)")
    values = ("2020-01-02", "1.50", '{"a": 1}', "x", "7", "00000000-0000-0000-0000-00000000002a")
    await conn.execute("insert into places values (%s, %s, %s, %s, %s, %s)", values)
    cur = await conn.execute("select * from places where d = %s and i = %s and u = %s", (values[0], "7", values[5]))
    assert await cur.fetchone() == (dt.date(2020, 1, 2), Decimal("1.50"), {"a": 1}, "x", 7, uuid.UUID(int=42))


async def test_json_wrappers(door: Door) -> None:
    conn = await door.connect()
    json = importlib.import_module(f"{door.module.__name__}.types.json")
    value = {"a": [1, 2.5, None, "é\"'"], "b": {}}
    for binary in (False, True):
        query = "select pg_typeof(%s)::text, %s, pg_typeof(%s)::text, %s, %b, %t"
        both = (
            json.Json(value),
            json.Json(value),
            json.Jsonb(value),
            json.Jsonb(value),
            json.Jsonb(value),
            json.Json(value),
        )
        cur = await conn.execute(query, both, binary=binary)
        assert await cur.fetchone() == ("json", value, "jsonb", value, value, value)


def test_json_dumps_argument(conn: Any, driver: ModuleType) -> None:
    json = importlib.import_module(f"{driver.__name__}.types.json")
    assert conn.execute("select %s", (json.Json(1, dumps=lambda obj: f'"dumped {obj}"'),)).fetchone() == ("dumped 1",)
    with pytest.raises(TypeError):
        conn.execute("select %s", (json.Json(object()),))
    assert repr(json.Json([1])) == "Json([1])"


def test_timestamptz_follows_the_session(conn: Any) -> None:
    instant = dt.datetime(2020, 7, 1, 10, tzinfo=UTC)
    for zone in ("Europe/Rome", "America/New_York", "UTC", "Asia/Kolkata"):
        conn.execute(f"set timezone to '{zone}'")
        for binary in (False, True):
            [value] = conn.execute("select '2020-07-01 10:00+00'::timestamptz", binary=binary).fetchone()
            assert value == instant
            assert value.utcoffset() == instant.astimezone(ZoneInfo(zone)).utcoffset()
            assert str(value.tzinfo) == zone


@pytest.mark.parametrize("setting", ["set bytea_output to escape", "set extra_float_digits to 0"])
def test_settings_that_change_the_text_format(conn: Any, setting: str) -> None:
    conn.execute(setting)
    every_byte = bytes(range(256))
    assert conn.execute("select %b::bytea, 1.5::float8", (every_byte,)).fetchone() == (every_byte, 1.5)


@pytest.fixture
def pair(driver: ModuleType, oracle: ModuleType, dsn: str) -> Iterator[tuple[Any, Any]]:
    """The same session twice: the driver under test and the oracle."""
    with driver.connect(dsn, autocommit=True) as ours, oracle.connect(dsn, autocommit=True) as theirs:
        yield ours, theirs


@pytest.mark.parametrize("name", CASES)
def test_parameter_equals_the_oracles(pair: tuple[Any, Any], driver: ModuleType, oracle: ModuleType, name: str) -> None:
    for module in (driver, oracle):
        importlib.import_module(f"{module.__name__}.types.json")
    ours, theirs = CASES[name](driver), CASES[name](oracle)
    for placeholder in ("%s", "%b", "%t"):
        for binary in (False, True):
            for query in (f"select {placeholder}", f"select pg_typeof({placeholder})::text"):
                got = outcome(pair[0], query, (ours,), binary)
                difference = of_parameter(ours, placeholder) if driver is not oracle else None
                if difference:
                    assert got[:2] == ("error", difference.error), (query, binary)
                else:
                    assert got == outcome(pair[1], query, (theirs,), binary), (query, binary)


@pytest.mark.parametrize("expression", LITERALS)
def test_result_equals_the_oracles(pair: tuple[Any, Any], expression: str) -> None:
    for zone in ("UTC", "Europe/Rome"):
        for conn in pair:
            conn.execute(f"set timezone to '{zone}'")
        for binary in (False, True):
            query = f"select {expression}"
            assert fetched(pair[0], query, binary) == fetched(pair[1], query, binary), (zone, binary)


@pytest.mark.parametrize("expression", LITERALS)
def test_prepared_result_equals_the_oracles(pair: tuple[Any, Any], expression: str) -> None:
    # A driver may ask for other formats once it knows the columns: the values must stay the same.
    query = f"select {expression}"
    for _ in range(3):
        results = []
        for conn in pair:
            try:
                results.append(portrait(conn.execute(query, prepare=True).fetchone()))
            except Exception as ex:
                results.append((type(ex).__name__, getattr(ex, "sqlstate", None)))
        assert results[0] == results[1]


def fetched(conn: Any, query: str, binary: bool) -> Any:
    """The row and the columns' description."""
    seen = outcome(conn, query, None, binary)
    cur = conn.execute(query, binary=binary) if seen[0] == "rows" else None
    columns = [tuple(c) for c in cur.description] if cur else None
    return seen, columns
