"""Values, SQL literals, and how to compare what two drivers make of them."""

from __future__ import annotations

import datetime as dt
import enum
import math
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo


class Number(int):
    """A subclass of a built-in type."""


class Text(str):
    """A subclass of a built-in type."""

    __slots__ = ()


class Float(float):
    """A subclass of a built-in type."""


class Raw(bytes):
    """A subclass of a built-in type."""


class Moment(dt.datetime):
    """A subclass of a built-in type."""


class Rows(list):  # type: ignore[type-arg]
    """A subclass of a built-in type."""


class IntColour(enum.IntEnum):
    """An enumeration that is an int."""

    RED = 1


class StrColour(str, enum.Enum):
    """An enumeration that is a str."""

    RED = "RED"


def offset(hours: float, seconds: int = 0) -> dt.timezone:
    return dt.timezone(dt.timedelta(hours=hours, seconds=seconds))


INTS = [
    0, 1, -1, 42, 2**15 - 1, 2**15, -(2**15), -(2**15) - 1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1,
    2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**19, 10**20, 10**30, -(10**100), 10**1000 + 7, 10000, 9999, 10**8,
]  # fmt: skip
FLOATS = [
    0.0, -0.0, 1.0, -1.5, 0.1, 1e-300, 1e300, 5e-324, 1.7976931348623157e308, math.pi, 1e16, 123456789012345680.0,
    math.inf, -math.inf, math.nan,
]  # fmt: skip
DECIMALS = [
    "0", "-0", "1", "-1", "0.0", "0.000", "1.10", "1E3", "1E-3", "1E+30", "123456789.987654321", "-0.00001", "1E-100",
    "9999", "10000", "10000.0001", "0.00009999", "NaN", "sNaN", "Infinity", "-Infinity", "1E1000", "1.5E-1000",
    "99999999999999999999999999999999999999.99999999999999999999",
]  # fmt: skip
STRINGS = [
    "", " ", "a", "abc'def", 'quote"d', "back\\slash", "new\nline\ttab\r", "NULL", "null", "{}", "{a,b}", "é", "日本語",
    "\U0001f418", "\x01\x7f\x80", "%s %% $1", "x" * 10_000, ",", "()", "\ufeff", "e\u0301",
]  # fmt: skip
BYTES = [b"", b"a", b"\x00", bytes(range(256)), b"\\x41", b"'\\''", b"NULL", b"\xff" * 5000]
DATES = [
    dt.date(2000, 1, 1), dt.date(1999, 12, 31), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date.min, dt.date.max,
    dt.date(1, 1, 2), dt.date(1582, 10, 10),
]  # fmt: skip
TIMES = [
    dt.time(0), dt.time(12, 34, 56), dt.time(23, 59, 59, 999999), dt.time(1, 2, 3, 4), dt.time(1, 2, 3, 400000),
    dt.time(12, 0, tzinfo=dt.timezone.utc), dt.time(12, 0, 0, 1, tzinfo=offset(5.5)), dt.time(12, tzinfo=offset(-12)),
    dt.time(12, tzinfo=offset(1, 1)), dt.time(12, tzinfo=ZoneInfo("Europe/Rome")),
]  # fmt: skip
DATETIMES = [
    dt.datetime(2000, 1, 1), dt.datetime(1999, 12, 31, 23, 59, 59, 999999), dt.datetime(1970, 1, 1, 0, 0, 0, 1),
    dt.datetime.min, dt.datetime.max, dt.datetime(2024, 2, 29, 12, 34, 56, 789000), dt.datetime(1, 1, 1, 0, 0, 1),
    dt.datetime(2000, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(2020, 7, 1, 12, tzinfo=ZoneInfo("Europe/Rome")),
    dt.datetime(2020, 1, 1, 12, 0, 0, 5, tzinfo=offset(-3.5)), dt.datetime(1900, 1, 1, tzinfo=offset(0, 1172)),
    dt.datetime(2020, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Rome"), fold=1), dt.datetime(2, 1, 1, tzinfo=offset(14)),
    dt.datetime(9999, 12, 30, tzinfo=offset(-12)),
]  # fmt: skip
DELTAS = [
    dt.timedelta(0), dt.timedelta(microseconds=1), dt.timedelta(microseconds=-1), dt.timedelta(days=1),
    dt.timedelta(days=-1), dt.timedelta(days=-1, seconds=1), dt.timedelta(days=31, seconds=86399, microseconds=999999),
    dt.timedelta(days=999999999), dt.timedelta(days=-999999999), dt.timedelta(hours=25), dt.timedelta(days=400),
    dt.timedelta.max,
]  # fmt: skip
UUIDS = [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("12345678-1234-5678-1234-567812345679")]
JSONS = [
    None, True, 1, 1.5, "x", "é\"\\\n", [], {}, [1, [2, {"a": None}]], {"a": 1, "b": [True, "z"]}, {"é": "\U0001f418"},
    10**30, {"": ""},
]  # fmt: skip
SUBCLASSES = [
    Number(7), Number(2**40), Text("sub"), Float(1.5), Raw(b"raw"), Moment(2020, 1, 2), Rows([1, 2]), IntColour.RED,
    StrColour.RED, bytearray(b"array"), memoryview(b"view"), frozenset([1]),
]  # fmt: skip
LISTS: list[Any] = [
    [], [None], [None, None], [[]], [[], []], [1], [1, None], [1, 2**15], [1, 2**31, 2**63], [2**63, 1], [None, 1],
    [[1, 2], [3, 4]], [[1], [None]], [[[1, 2]], [[3, 2**40]]], ["a", "b"], ["", "NULL", "null", None],
    ['qu"ote', "ba\\ck", "com,ma", "br{ac}e", " space ", "new\nline", "é"], [b"", b"\x00\xff", b"\\", None], [True,
    False, None],
    [1.5, math.nan, None, math.inf], [Decimal("1.10"), Decimal("NaN"), None], [dt.date(2020, 1, 1), None, dt.date.max],
    [dt.time(1, 2, 3), dt.time(4, 5, 6, 7)], [dt.time(1, tzinfo=dt.timezone.utc)], [dt.datetime(2020, 1, 1), None],
    [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)], [dt.timedelta(1), dt.timedelta(seconds=-1)],
    [uuid.UUID(int=1), None],
    list(range(1000)), [str(i) for i in range(1000)], [[["x"]]], [1, 1.5], [1, "a"], ["a", 1], [1, True], [1,
    Decimal(1)],
    [[1], 2], [[1, 2], [3]], [1, [2]], [dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], [b"x", "x"],
    [dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)], [[None]], [[None, 1]], [None, [1]],
    [object()],
    [dt.time(1), dt.time(1, tzinfo=dt.timezone.utc)], [Number(1), 2], [Text("a"), "b"], [1, None, 2**70], [["a",
    None], [None, "b"]],
    [dt.time(1, tzinfo=dt.timezone.utc), dt.time(1)], [dt.time(12, tzinfo=ZoneInfo("Europe/Rome")), dt.time(1)],
    [[dt.time(1)], [dt.time(1, tzinfo=dt.timezone.utc)]],
]  # fmt: skip

Factory = Callable[[ModuleType], Any]


def constant(value: Any) -> Factory:
    return lambda driver: value


def json_factory(wrapper: str, value: Any) -> Factory:
    return lambda driver: getattr(driver.types.json, wrapper)(value)


def list_of(factory: Factory) -> Factory:
    return lambda driver: [factory(driver), None]


def cases() -> dict[str, Factory]:
    """Every parameter value by a readable name; built for a driver, whose wrappers differ."""
    plain: list[Any] = [None, True, False, *INTS, *FLOATS, *map(Decimal, DECIMALS), *STRINGS, *BYTES, *DATES]
    plain += [*TIMES, *DATETIMES, *DELTAS, *UUIDS, *SUBCLASSES, *LISTS]
    found = {f"{i}-{type(v).__name__}-{short(v)}": constant(v) for i, v in enumerate(plain)}
    for i, value in enumerate(JSONS):
        for wrapper in ("Json", "Jsonb"):
            factory = json_factory(wrapper, value)
            found[f"{wrapper}-{i}"] = factory
            found[f"list-{wrapper}-{i}"] = list_of(factory)
    return found


def short(value: Any) -> str:
    text = repr(value).encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in text)[:24]


LITERALS = [
    "null", "true", "false", "1::int2", "-1::int4", "9223372036854775807", "(-9223372036854775808)::int8",
    "0::numeric", "1.10", "-0.00001", "'NaN'::numeric", "'Infinity'::numeric", "'-Infinity'::numeric", "1e30::numeric",
    "1e-20::numeric", "12345678901234567890.0987654321", "'1.50'::numeric(20,5)", "10000::numeric", "0.0000::numeric",
    "1.5::float4", "0.1::float4", "0.1::float8", "'nan'::float8", "'inf'::float4", "'-inf'::float8", "1e300::float8",
    "'-0'::float8", "'x'::text", "''::text", "'abc'::varchar(10)", "'abc'::char(5)", "'x'::\"char\"", "'n'::name",
    "'unknown'", "'\\x00ff'::bytea", "''::bytea", "'2000-01-01'::date", "'0001-01-01'::date", "'9999-12-31'::date",
    "'infinity'::date", "'-infinity'::date", "'10000-01-01'::date", "'0044-03-15 BC'::date", "'00:00'::time",
    "'23:59:59.999999'::time", "'24:00'::time", "'12:34:56+00'::timetz", "'12:34:56.7-03:30'::timetz",
    "'12:00+01:00:01'::timetz", "'24:00+00'::timetz", "'2000-01-01 00:00:00'::timestamp",
    "'1999-12-31 23:59:59.999999'::timestamp", "'0001-01-01'::timestamp", "'9999-12-31 23:59:59.999999'::timestamp",
    "'infinity'::timestamp", "'-infinity'::timestamp", "'10000-01-01'::timestamp", "'0044-03-15 BC'::timestamp",
    "'2020-07-01 12:00+02'::timestamptz", "'1900-01-01 00:00+00'::timestamptz", "'infinity'::timestamptz",
    "'10000-01-01'::timestamptz", "'0044-03-15 BC'::timestamptz", "'9999-12-31 23:00-10'::timestamptz",
    "'0001-01-01 00:00+00'::timestamptz", "'1 day'::interval", "'-1 day'::interval", "'1 month'::interval",
    "'1 year 2 months 3 days 04:05:06.7'::interval", "'-00:00:00.000001'::interval", "'1 day -1 second'::interval",
    "'100:00:00'::interval", "'0'::interval",
    "'-1 year -2 mons +3 days -04:05'::interval",
    "'12345678-1234-5678-1234-567812345679'::uuid", "'{\"a\": [1, 2.5, null]}'::json", "' {\"b\" : 1 } '::jsonb",
    "'null'::jsonb", "'\"x\"'::json", "'1e400'::jsonb", "'123456789012345678901234567890'::jsonb",
    "'{}'::int[]", "'{1,2,NULL}'::int[]", "'{{1,2},{3,4}}'::int8[]", "'[2:3]={1,2}'::int[]",
    "'[-1:0][5:5]={{1},{2}}'::int[]",
    "'{a,\"b c\",NULL,\"NULL\",\"\",\"q\\\"\",\"b\\\\s\",\"{}\"}'::text[]", "'{a,b}'::varchar[]", "'{}'::text[]",
    "array[1.5, 'NaN'::numeric, null]", "'{1.5,nan,inf}'::float8[]", "array[true, false, null]",
    "array['\\x00'::bytea, '\\xff', null]", "'{2020-01-01,infinity}'::date[]", "'{2020-01-01,2021-02-03}'::date[]",
    "'{12:00,13:00:00.5}'::time[]", "'{2020-01-01 00:00:00,NULL}'::timestamp[]",
    "'{2020-01-01 00:00:00+03}'::timestamptz[]",
    "'{1 day,-00:00:01}'::interval[]", "array['12345678-1234-5678-1234-567812345679'::uuid]",
    "array['{\"a\": 1}'::json, 'null']", "array['{\"a\": 1}'::jsonb, null]", "array[array[array['x']]]",
    "1::oid", "4294967295::oid", "'pg_class'::regclass", "'int4'::regtype", "'(1,2)'::point",
    "'$1.50'::money", "'abc'::tsvector", "'0/16B3748'::pg_lsn", "B'101'", "'<a/>'::xml", "'{1}'::oid[]",
    "'1 2'::int2vector", "'1 2'::oidvector", "current_user", "''::\"char\"", "'(1,2)'::tid",
]  # fmt: skip


def portrait(value: Any) -> Any:
    """A value with its exact types, comparable even for NaN and for values of equal value and different type."""
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [portrait(v) for v in value]
    if isinstance(value, dict):
        return "dict", [(portrait(k), portrait(v)) for k, v in value.items()]
    module = type(value).__module__.replace("howdah", "psycopg")
    zone = getattr(value, "tzinfo", None)
    text = repr(value)
    return f"{module}.{type(value).__qualname__}", text.replace("howdah", "psycopg"), type(zone).__name__


def outcome(conn: Any, query: str, params: Any, binary: bool) -> Any:
    """What a query gives: the rows, or the exception's class, code and the connection's state."""
    try:
        rows = conn.execute(query, params, binary=binary).fetchall()
    except Exception as ex:
        code = getattr(ex, "sqlstate", None)
        return "error", type(ex).__name__, code, conn.info.transaction_status.name, conn.closed
    return "rows", portrait(rows)
