"""Types: what a parameter becomes on the server and what comes back, by example and against the oracle."""

from __future__ import annotations

import datetime as dt
import importlib
import ipaddress as ip
import itertools
import math
import uuid
from decimal import Decimal
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from support.adapting import part
from support.composed_cases import AWARE, DAY
from support.doors import Door
from support.type_cases import cases

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


async def test_what_only_howdah_sends(howdah: ModuleType, dsn: str) -> None:
    addresses = [ip.ip_address("1.2.3.4"), ip.ip_interface("1.2.3.4/8")]
    empty = part(howdah, "types.range").Range(empty=True)
    big = part(howdah, "types.numeric").IntNumeric(2**70)
    with howdah.connect(dsn) as conn:
        assert conn.execute("select %b", (addresses,)).fetchone() == (addresses,)
        assert conn.execute("select %b::text::int4range[]", ([empty],)).fetchone() == ([empty],)
        assert conn.execute("select %b", (big,)).fetchone() == (Decimal(2**70),)


async def test_round_trip_of_networks_and_ranges(door: Door) -> None:
    conn = await door.connect()
    ranges, multiranges = part(door.module, "types.range"), part(door.module, "types.multirange")
    values = [
        ("inet", ip.ip_interface("10.1.2.3/8")),
        ("cidr", ip.ip_network("10.0.0.0/8")),
        ("int8range", ranges.Int8Range(1, 2**40)),
        ("tstzrange", ranges.Range(AWARE, None)),
        ("numrange", ranges.NumericRange(Decimal("1.5"), None, "()")),
        ("datemultirange", multiranges.Multirange([ranges.Range(DAY, None)])),
        ("int4multirange", multiranges.Int4Multirange([ranges.Range(1, 2), ranges.Range(5, 7)])),
    ]
    for (kind, value), binary in itertools.product(values, (False, True)):
        cur = await conn.execute("select pg_typeof(%s)::text, %s", (value, value), binary=binary)
        assert await cur.fetchone() == (kind, value)
        cur = await conn.execute("select %s, %s", ([value, None], [[value]]), binary=binary)
        assert await cur.fetchone() == ([value, None], [[value]])


async def test_ranges_of_ints_adapt_to_their_place(door: Door) -> None:
    conn = await door.connect()
    ranges = part(door.module, "types.range")
    await conn.execute(
        "create temp table places (a int4range, b int8range, c numrange, d int8range[], e int4multirange)"
    )
    value = ranges.Range(1, 5)
    multi = part(door.module, "types.multirange").Multirange([value])
    await conn.execute("insert into places values (%s, %s, %s, %s, %s)", (value, value, value, [value], multi))
    row = await (await conn.execute("select * from places where a = %s and b = %s", (value, value))).fetchone()
    assert row == (value, value, ranges.Range(Decimal(1), Decimal(5)), [value], multi)


async def test_tuples_adapt_to_their_place(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create type pg_temp.inner_pair as (n int, t text)")
    await conn.execute("create type pg_temp.outer_pair as (p pg_temp.inner_pair, d date, l int[])")
    value = ((1, 'a "b", (c) [d]\\'), DAY, [1, None])
    cur = await conn.execute("select (r).p.n, (r).p.t, (r).d, (r).l from (select %s::pg_temp.outer_pair r) x", (value,))
    assert await cur.fetchone() == (1, 'a "b", (c) [d]\\', DAY, [1, None])
    cur = await conn.execute("select (unnest(%s::pg_temp.inner_pair[])).t", ([(1, "x y"), (2, None)],))
    assert await cur.fetchall() == [("x y",), (None,)]
