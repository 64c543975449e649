"""Networks, ranges, multiranges, numeric wrappers, records and enumerations as parameters, and as SQL literals."""

from __future__ import annotations

import datetime as dt
import enum
import importlib
import ipaddress as ip
import math
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from support.adapting import part
from support.type_cases import Factory, constant, short

UTC = dt.timezone.utc


ROME = ZoneInfo("Europe/Rome")


class Colour(enum.Enum):
    """A plain enumeration."""

    RED = 1
    GREEN = "x"
    BLÜ = None


class Size(enum.IntEnum):
    """An enumeration of ints."""

    SMALL = 1
    LARGE = 2**40


class Taste(str, enum.Enum):
    """An enumeration of strings."""

    SWEET = "sugar"


class Flags(enum.Flag):
    """A plain enumeration of bits."""

    ONE = 1
    TWO = 2


class Rights(enum.IntFlag):
    """Bits that are ints."""

    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    """A tuple with names."""

    left: int
    right: str


def made(module: str, name: str, *args: Any, **kwargs: Any) -> Factory:
    """What calls a class of one of the driver's modules; the arguments may be such values themselves."""

    def make(driver: ModuleType) -> Any:
        built = [resolved(driver, a) for a in args]
        return getattr(part(driver, f"types.{module}"), name)(*built, **kwargs)

    return make


def resolved(driver: ModuleType, value: Any) -> Any:
    if type(value) in (list, tuple):
        return type(value)(resolved(driver, v) for v in value)
    return value(driver) if callable(value) and not isinstance(value, type) else value


def number(name: str, *args: Any) -> Factory:
    return made("numeric", name, *args)


def rng(*args: Any, name: str = "Range", **kwargs: Any) -> Factory:
    return made("range", name, *args, **kwargs)


def multi(*args: Any, name: str = "Multirange") -> Factory:
    return made("multirange", name, *args)


NETWORKS: list[Any] = [
    *map(ip.ip_address, ["0.0.0.0", "192.168.0.1", "255.255.255.255", "::", "::1", "::ffff:1.2.3.4", "2001:db8::5"]),
    *map(ip.ip_interface, ["10.1.2.3/8", "1.2.3.4/32", "1.2.3.4/0", "2001:db8::5/32", "::1/128", "fe80::1/64"]),
    *map(ip.ip_network, ["10.0.0.0/8", "0.0.0.0/0", "1.2.3.4/32", "::/0", "2001:db8::/32", "::1/128"]),
    ip.ip_address("fe80::1%eth0"),
]


NETWORK_LISTS: list[Any] = [
    [ip.ip_address("1.2.3.4"), None, ip.ip_address("::1")], [ip.ip_interface("1.2.3.4/8")],
    [ip.ip_network("10.0.0.0/8"), ip.ip_network("::/0")], [[ip.ip_address("::1")], [None]],
    [ip.ip_address("1.2.3.4"), ip.ip_interface("1.2.3.4/8")], [ip.ip_address("1.2.3.4"), ip.ip_network("10.0.0.0/8")],
]  # fmt: skip


WRAPPED: dict[str, list[Any]] = {
    "Int2": [0, 5, -5, 2**15 - 1, -(2**15), 2**15, -(2**15) - 1, 2**40, 2**70],
    "Int4": [0, 2**31 - 1, -(2**31), 2**31, 2**63, -(2**63) - 1],
    "Int8": [0, 2**63 - 1, -(2**63), 2**63, 2**70],
    "IntNumeric": [0, 5, -(2**20), 2**40, 2**70, -(10**100)],
    "Oid": [0, 5, 2**32 - 1, 2**32, -1, 2**70],
    "Float4": [0.0, -0.0, 1.1, 1e30, 1e300, -1e300, math.inf, math.nan, 1e-60],
    "Float8": [0.0, 1.1, 1e300, -math.inf, math.nan],
}


DAY, NAIVE, AWARE = dt.date(2020, 1, 1), dt.datetime(2020, 7, 1, 12), dt.datetime(2020, 7, 1, 12, tzinfo=ROME)


RANGES: list[Factory] = [
    rng(1, 2), rng(1, 2, "[]"), rng(1, 2, "()"), rng(1, None), rng(None, 2**40, "(]"), rng(-(2**70), 2**70), rng(2, 1),
    rng(), rng(None, None, "[]"), rng(empty=True), rng(Decimal("1.5"), Decimal("Infinity")), rng(Decimal(1), None),
    rng(DAY, dt.date(2021, 1, 1)), rng(None, DAY, "(]"), rng(NAIVE, None), rng(AWARE, AWARE + dt.timedelta(days=1)),
    rng("a", "b"), rng("", 'q"u,o(t)e[s]\\ \n'), rng(1.5, 2.5), rng(True, False), rng(b"x", None),
    rng(AWARE, NAIVE), rng(1, 2.5), rng(1, "2"), rng(number("Int4", 1), number("Int4", 9)), rng(number("Int8", 1)),
    rng(number("Int2", 1), number("Int2", 9)), rng(Decimal(2), Decimal(1)),
    rng(1, 2, name="Int4Range"), rng(None, None, name="Int4Range"), rng(empty=True, name="Int4Range"),
    rng(1, 2**31, name="Int4Range"), rng(1, 2**70, name="Int4Range"), rng(1, 2**40, name="Int8Range"),
    rng(1, 2**70, name="Int8Range"), rng(1, Decimal("2.5"), name="NumericRange"), rng(2**70, name="NumericRange"),
    rng(1.5, name="NumericRange"), rng("1", name="NumericRange"), rng(True, name="NumericRange"),
    rng("1", name="Int4Range"), rng(1.5, name="Int4Range"), rng(Decimal(1), name="Int8Range"),
    rng(True, 5, name="Int8Range"),
    rng(DAY, None, name="DateRange"), rng(DAY, NAIVE + dt.timedelta(days=400), name="DateRange"),
    rng("2020-01-01", name="DateRange"), rng(5, name="DateRange"), rng(NAIVE, name="TimestampRange"),
    rng(AWARE, name="TimestampRange"), rng(DAY, name="TimestampRange"), rng(NAIVE, None, name="TimestamptzRange"),
    rng(AWARE, None, name="TimestamptzRange"), rng(NAIVE, AWARE.replace(year=2021), name="TimestamptzRange"),
    rng(DAY, name="TimestamptzRange"), rng("x", name="TimestamptzRange"),
]  # fmt: skip


SIMPLE = [rng(1, 2), rng(5, None)]


MULTIRANGES: list[Factory] = [
    multi(), multi(SIMPLE), multi([rng(empty=True)]), multi([rng(), rng(1, 2)]), multi([rng(DAY, None)]),
    multi([rng(empty=True), rng(DAY, dt.date(2021, 1, 1)), rng(dt.date(2022, 1, 1))]), multi([rng(Decimal("1.5"))]),
    multi([rng(NAIVE)]), multi([rng(AWARE)]), multi([rng("a", "b c")]), multi([rng(number("Int4", 1))]),
    multi([rng(1, 2, name="Int4Range")]), multi([rng(1), rng("x")]),
    *(multi([], name=name) for name in ("Int4Multirange", "Int8Multirange", "NumericMultirange", "DateMultirange")),
    multi(SIMPLE, name="Int4Multirange"), multi([rng(1, 2**40)], name="Int4Multirange"),
    multi([rng(1, 2**40)], name="Int8Multirange"), multi([rng(1, Decimal("2.5"))], name="NumericMultirange"),
    multi([rng(DAY)], name="DateMultirange"), multi([rng(NAIVE), rng(AWARE)], name="TimestampMultirange"),
    multi([rng(NAIVE)], name="TimestamptzMultirange"), multi([rng(AWARE)], name="TimestamptzMultirange"),
    multi([rng("x")], name="Int4Multirange"), multi([rng(empty=True)], name="Int4Multirange"),
]  # fmt: skip


TUPLES: list[Any] = [
    (), (None,), (1,), (1, "a"), (None, None), ("",), ("", None, ""), (1, (2, (3, None))), ('q"', "b\\", "a,b", "(x)"),
    (" ", "\n", "[a]", "{}", "é"), ([1, 2],), (["a b", 'c"'], [None]), (DAY, AWARE, 1.5, b"\x00x", True),
    (rng(1, 2), multi(SIMPLE)), (ip.ip_address("::1"),), Pair(1, "x"), (Colour.RED, Size.LARGE, Taste.SWEET),
    (Flags.ONE | Flags.TWO,), (Flags(0), Rights(8)),
    ("a\0b",), (object(),), (number("Int2", 5), number("Float4", 1.5)), [(1, 2), (3, None)], [("a b",), None],
    [(), (1,)], (Decimal("1.10"), Decimal("NaN")),
    [[(1,)], [(2,)]], [(1,), 2], [Pair(1, "x"), (2, "y")], ([(1, "x")],),
]  # fmt: skip


ENUMS: list[Any] = [
    *Colour, *Size, *Taste, *Flags, Flags.ONE | Flags.TWO, Flags(0), *Rights, Rights.READ | Rights.WRITE, Rights(0),
    Rights(8),
]  # fmt: skip


ENUM_LISTS: list[Any] = [
    [Colour.RED, None], [Size.SMALL], [Size.SMALL, Size.LARGE], [Taste.SWEET], [Colour.RED, Flags.ONE],
    [Size.SMALL, 1], [[Colour.RED], [Colour.GREEN]], [Flags.ONE | Flags.TWO], [Flags.ONE, Flags(0)], [Flags(0), None],
    [Rights.READ | Rights.WRITE, Rights(0)], [(1, Flags(0))],
]  # fmt: skip


def cases() -> dict[str, Factory]:
    """Every parameter by a name that tells it."""
    found: list[Factory] = [constant(v) for v in [*NETWORKS, *NETWORK_LISTS, *ENUMS, *ENUM_LISTS]]
    for name, values in WRAPPED.items():
        single = [number(name, v) for v in values]
        found += single + [listed([f]) for f in single] + [listed([single[0], None, single[1]])]
    found += [listed([number("Int2", 1), constant(2)]), listed([constant(1), number("Int4", 2)])]
    found += [listed([number("Float4", 1), constant(1.5)]), listed([number("Oid", 1), number("Int4", 2)])]
    for factory in [*RANGES, *MULTIRANGES]:
        found += [factory, listed([factory]), listed([factory, constant(None), factory])]
    found += [listed([rng(empty=True), rng(DAY)]), listed([rng(DAY), rng(None, DAY)])]
    found += [listed([rng(1, 2), rng(name="Int4Range")]), listed([rng(DAY), multi([rng(DAY)])])]
    found += [built(v) for v in TUPLES]
    psycopg = importlib.import_module("psycopg")
    return {f"composed-{i}-{short(f(psycopg))}": f for i, f in enumerate(found)}


def built(value: Any) -> Factory:
    return lambda driver: resolved(driver, value)


def listed(factories: list[Any]) -> Factory:
    return built(factories)


LITERALS = [
    "'1.2.3.4'::inet", "'1.2.3.4/8'::inet", "'1.2.3.4/32'::inet", "'0.0.0.0/0'::inet", "'::1'::inet", "'::1/64'::inet",
    "'::ffff:1.2.3.4'::inet", "'2001:db8::5/128'::inet", "'10/8'::cidr", "'1.2.3.4'::cidr", "'::/0'::cidr",
    "'2001:db8::/32'::cidr", "array['1.2.3.4'::inet, '::1', null, '1.2.3.4/8']", "'{10/8,::/0}'::cidr[]",
    "'[1,2]'::int4range", "'(,)'::int4range", "'empty'::int4range", "'(,5]'::int8range", "'[1,)'::int8range",
    "'[1.5,2.50]'::numrange", "'(NaN,)'::numrange", "'[1,infinity]'::numrange", "'[2020-01-01,2020-02-01]'::daterange",
    "'[2020-01-01,infinity)'::daterange", "'[2020-01-01 00:00:00,2020-01-01 12:34:56.7)'::tsrange",
    "'[2020-07-01 12:00+00,)'::tstzrange", "'(2020-01-01 12:00+00,2020-07-01 12:00+00]'::tstzrange",
    "'[-infinity,)'::tsrange", "array['[1,2]'::int4range, 'empty', null]", "'{{\"[1,2]\"},{empty}}'::int8range[]",
    "array['[2020-07-01 12:00+00,)'::tstzrange]", "'{}'::int4multirange", "'{[1,2],(5,)}'::int4multirange",
    "'{(,)}'::int8multirange", "'{[1.5,2)}'::nummultirange",
    "'{[2020-01-01,2020-02-01),[2021-01-01,)}'::datemultirange",
    "'{[2020-01-01 00:00:00,)}'::tsmultirange", "'{[2020-07-01 12:00+00,)}'::tstzmultirange",
    "array['{[1,2]}'::int4multirange, '{}']", "row()", "row(null)", "row(null, null)", "row(1)",
    "row(1, 'a', null, '')",
    "row('q\"', E'b\\\\s', 'a,b', '(x)', '[y]', 'z]', ' ', E'\\n', 'é')", "row(1, row(2, row('x', null)))",
    "row(1.5, true, '2020-01-01'::date, now() - now(), '\\x00'::bytea, '{\"a\": 1}'::jsonb, 1::oid, 1.5::float4)",
    "row(array[1, 2], array[row(1, 'a')])", "array[row(1, 2), row(3, null)]", "array[row('a b')]",
    "row('[1,2)'::int4range, '1.2.3.4'::inet)", "null::record", "row('unknown', 'x'::varchar, 'n'::name)",
    "row('pg_class'::regclass, '(1,2)'::point)", "(select array_agg(row(i, i::text)) from generate_series(1, 3) i)",
]  # fmt: skip
