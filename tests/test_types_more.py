"""Networks, ranges, multiranges, numeric wrappers, records and enumerations, by example and against the oracle."""

from __future__ import annotations

import copy
import datetime as dt
import enum
import importlib
import ipaddress as ip
import itertools
import math
import operator
import pickle
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from support.differences import of_parameter
from support.doors import Door
from support.type_cases import Factory, constant, outcome, portrait, short

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


class Pair(NamedTuple):
    """A tuple with names."""

    left: int
    right: str


def types(driver: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{driver.__name__}.types.{name}")


def made(module: str, name: str, *args: Any, **kwargs: Any) -> Factory:
    """What calls a class of one of the driver's modules; the arguments may be such values themselves."""

    def make(driver: ModuleType) -> Any:
        built = [resolved(driver, a) for a in args]
        return getattr(types(driver, module), name)(*built, **kwargs)

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
    ("a\0b",), (object(),), (number("Int2", 5), number("Float4", 1.5)), [(1, 2), (3, None)], [("a b",), None],
    [(), (1,)], (Decimal("1.10"), Decimal("NaN")),
    [[(1,)], [(2,)]], [(1,), 2], [Pair(1, "x"), (2, "y")], ([(1, "x")],),
]  # fmt: skip
ENUMS: list[Any] = [*Colour, *Size, *Taste, *Flags, Flags.ONE | Flags.TWO]
ENUM_LISTS: list[Any] = [
    [Colour.RED, None], [Size.SMALL], [Size.SMALL, Size.LARGE], [Taste.SWEET], [Colour.RED, Flags.ONE],
    [Size.SMALL, 1], [[Colour.RED], [Colour.GREEN]],
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
    return {f"{i}-{short(f(psycopg))}": f for i, f in enumerate(found)}


def built(value: Any) -> Factory:
    return lambda driver: resolved(driver, value)


def listed(factories: list[Any]) -> Factory:
    return built(factories)


CASES = cases()

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


@pytest.fixture
def pair(driver: ModuleType, oracle: ModuleType, dsn: str) -> Iterator[tuple[Any, Any]]:
    """The same session twice: the driver under test and the oracle."""
    with driver.connect(dsn, autocommit=True) as ours, oracle.connect(dsn, autocommit=True) as theirs:
        for conn in (ours, theirs):
            conn.execute("set timezone to 'Europe/Rome'")
        yield ours, theirs


@pytest.mark.parametrize("name", CASES)
def test_parameter_equals_the_oracles(pair: tuple[Any, Any], driver: ModuleType, oracle: ModuleType, name: str) -> None:
    ours, theirs = CASES[name](driver), CASES[name](oracle)
    for placeholder, binary in itertools.product(("%s", "%b", "%t"), (False, True)):
        difference = of_parameter(ours, placeholder) if driver is not oracle else None
        for query in (f"select {placeholder}", f"select pg_typeof({placeholder})::text"):
            got, expected = outcome(pair[0], query, (ours,), binary), outcome(pair[1], query, (theirs,), binary)
            if difference is None:
                assert got == expected, (query, binary)
            elif difference.error:
                assert got[:2] == ("error", difference.error), (query, binary)
            elif "typeof" not in query:
                # howdah sends what the oracle cannot.
                assert got[0] == "rows", (query, binary)
                assert got != expected, (query, binary)


@pytest.mark.parametrize("expression", LITERALS)
def test_result_equals_the_oracles(pair: tuple[Any, Any], expression: str) -> None:
    query = f"select {expression}"
    for binary in (False, True):
        results = [outcome(conn, query, None, binary) for conn in pair]
        assert results[0] == results[1], binary
    # Prepared, a driver may ask for other formats: the values must stay the same.
    for _ in range(3):
        results = [prepared(conn, query) for conn in pair]
        assert results[0] == results[1]


def prepared(conn: Any, query: str) -> Any:
    try:
        return portrait(conn.execute(query, prepare=True).fetchone())
    except Exception as ex:
        return type(ex).__name__, getattr(ex, "sqlstate", None)


async def test_what_only_howdah_sends(howdah: ModuleType, dsn: str) -> None:
    addresses = [ip.ip_address("1.2.3.4"), ip.ip_interface("1.2.3.4/8")]
    empty = types(howdah, "range").Range(empty=True)
    big = types(howdah, "numeric").IntNumeric(2**70)
    with howdah.connect(dsn) as conn:
        assert conn.execute("select %b", (addresses,)).fetchone() == (addresses,)
        assert conn.execute("select %b::text::int4range[]", ([empty],)).fetchone() == ([empty],)
        assert conn.execute("select %b", (big,)).fetchone() == (Decimal(2**70),)


async def test_round_trip(door: Door) -> None:
    conn = await door.connect()
    ranges, multiranges = types(door.module, "range"), types(door.module, "multirange")
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
    ranges = types(door.module, "range")
    await conn.execute(
        "create temp table places (a int4range, b int8range, c numrange, d int8range[], e int4multirange)"
    )
    value = ranges.Range(1, 5)
    multi = types(door.module, "multirange").Multirange([value])
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


# In Shift JIS the second byte of the letter "so" is a backslash.
ENCODED = {"latin1": "é(", "euc_jp": "\u3042(", "shift_jis_2004": "\u30bd(\u30bd)", "sql_ascii": "é("}


@pytest.mark.parametrize("encoding", ENCODED)
def test_text_in_other_encodings(conn: Any, driver: ModuleType, encoding: str) -> None:
    text = ENCODED[encoding]
    conn.execute(f"set client_encoding to '{encoding}'")
    row = conn.execute("select row(%s::text, null), row(%t::text)", (text, text)).fetchone()
    loaded = text.encode() if encoding == "sql_ascii" else text
    assert row == ((loaded, None), (loaded,))


def test_tuples_in_other_encodings(howdah: ModuleType, dsn: str) -> None:
    # psycopg looks for backslashes among the encoded bytes, and breaks such letters.
    with howdah.connect(dsn) as conn:
        conn.execute("create type pg_temp.text_pair as (a text, b text)")
        for encoding, text in ENCODED.items():
            conn.execute(f"set client_encoding to '{encoding}'")
            row = conn.execute("select (%s::pg_temp.text_pair).a", ((text, None),)).fetchone()
            assert row == (text.encode() if encoding == "sql_ascii" else text,)


def test_deep_nesting_is_an_error(conn: Any, driver: ModuleType) -> None:
    deep: Any = ()
    for _ in range(100_000):
        deep = (deep,)
    with pytest.raises(RecursionError):
        conn.execute("select %s", (deep,))
    looped: list[Any] = []
    looped.append((looped,))
    with pytest.raises(RecursionError):
        conn.execute("select %s", (looped,))
    while deep:
        # Piecewise: freeing it at once would nest as deep.
        (deep,) = deep


def test_deep_records(conn: Any) -> None:
    def nested(levels: int) -> Any:
        return conn.execute("select " + "row(" * levels + "1" + ")" * levels, binary=True).fetchone()[0]

    value, levels = nested(150), 0
    while isinstance(value, tuple):
        (value,), levels = value, levels + 1
    assert (value, levels) == (1, 150)
    with pytest.raises(RecursionError):
        nested(1500)
    assert conn.execute("select 1").fetchone() == (1,)


def test_numeric_wrappers(driver: ModuleType, oracle: ModuleType) -> None:
    for name, values in WRAPPED.items():
        ours, theirs = getattr(types(driver, "numeric"), name), getattr(types(oracle, "numeric"), name)
        assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]
        assert not hasattr(ours(1), "__dict__")
        for value in values:
            one, other = ours(value), theirs(value)
            assert (repr(one), str(one), f"{one}") == (repr(other), str(other), f"{other}")
            assert one == other or math.isnan(value)
            again = pickle.loads(pickle.dumps(one))
            assert type(again) is ours
            assert repr(again) == repr(one) == repr(copy.copy(one))
        with pytest.raises(TypeError):
            ours()


BOUNDS: list[Any] = [None, -3, 0, 1, 2, 5]
RANGE_ARGS: list[tuple[Any, ...]] = [
    *itertools.product(BOUNDS, BOUNDS, ["[)", "(]", "()", "[]"]), (None, None, "[)", True), (1, 2, "[]", True),
]  # fmt: skip
ATTRIBUTES = ["lower", "upper", "bounds", "isempty", "lower_inf", "upper_inf", "lower_inc", "upper_inc"]


def test_range_class(driver: ModuleType, oracle: ModuleType) -> None:
    ours, theirs = types(driver, "range"), types(oracle, "range")
    for args in RANGE_ARGS:
        one, other = ours.Range(*args), theirs.Range(*args)
        seen = [[repr(r), str(r), bool(r), *(getattr(r, a) for a in ATTRIBUTES)] for r in (one, other)]
        assert seen[0] == seen[1]
        assert [x in one for x in range(-5, 8)] == [x in other for x in range(-5, 8)]
        assert hash(one) == hash(ours.Range(*args))
        for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            assert again == one
            assert type(again) is ours.Range
    for bad in ("", "[", "[[", "x", "[) "):
        for module in (ours, theirs):
            with pytest.raises(ValueError, match="bound flags"):
                module.Range(1, 2, bad)
    with pytest.raises(AttributeError):
        ours.Range(1, 2).lower = 5
    assert ours.Range[int](1, 2) == ours.Range(1, 2)
    assert repr(ours.Int4Range(1)) == "Int4Range(1, None, '[)')"


OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


def compare(values: list[Any], others: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one, other, op in itertools.product(values, others, OPERATORS):
        try:
            found.append(op(one, other))
        except TypeError:
            found.append("TypeError")
    return found


def test_range_order(driver: ModuleType, oracle: ModuleType) -> None:
    results = []
    for module in (driver, oracle):
        ranges = types(module, "range")
        values = [ranges.Range(*args) for args in RANGE_ARGS[::7]]
        values += [ranges.Range("a", "b"), ranges.Range(empty=True)]
        results.append(compare(values, [*values, 1, None, "x", (1, 2)]))
    assert results[0] == results[1]


def test_order_of_a_range_and_one_of_a_subclass(howdah: ModuleType) -> None:
    # psycopg asks back and forth until the recursion limit.
    ranges = types(howdah, "range")
    one, other = ranges.Range(1, 2), ranges.Int4Range(1, 3)
    assert one < other
    assert other > one
    assert other >= one
    assert not one > other
    assert one == ranges.Int4Range(1, 2)


def test_multirange_class(driver: ModuleType, oracle: ModuleType) -> None:
    results = []
    for module in (driver, oracle):
        one, two, three = (
            types(module, "range").Range(*args) for args in ((1, 2), (5, None), (None, None, "()", True))
        )
        cls = types(module, "multirange").Multirange
        mr = cls([one, two])
        log: list[Any] = [repr(mr), str(mr), len(mr), mr[0], type(mr[0:1]).__name__, mr[0:1], list(mr), one in mr]
        mr.append(three)
        mr.insert(0, two)
        mr[1] = three
        mr[2:3] = [one, one]
        log += [repr(mr), mr.index(one), mr.count(one), mr.pop(), list(reversed(mr))]
        del mr[0]
        mr.extend(iter([two]))
        mr += [one]
        log += [repr(mr), mr == cls(mr), mr == list(mr), bool(cls()), repr(cls(iter([one])))]
        log += [refusal(action, mr) for action in REFUSED]
        values = [cls(), cls([one]), cls([one, two]), cls([two]), types(module, "multirange").Int4Multirange([one])]
        log += compare(values, [*values, [], None])
        log += [pickle.loads(pickle.dumps(v)) == v for v in values] + [repr(copy.copy(v)) for v in values]
        mr.clear()
        results.append([str(entry) for entry in log] + [len(mr)])
    assert results[0] == results[1]


REFUSED: list[Any] = [
    lambda mr: mr.append(1), lambda mr: mr.insert(0, "x"), lambda mr: operator.setitem(mr, 0, 5), hash,
    lambda mr: operator.setitem(mr, slice(0, 1), [5]), lambda mr: operator.setitem(mr, slice(0, 1), 5),
    lambda mr: mr[10], lambda mr: mr["x"], lambda mr: mr.extend([None]), lambda mr: type(mr)([1]),
    lambda mr: type(mr)(1),
]  # fmt: skip


def refusal(action: Any, mr: Any) -> str:
    try:
        return f"done: {action(mr)}"
    except Exception as ex:
        return type(ex).__name__


def test_names_and_bases(driver: ModuleType, oracle: ModuleType) -> None:
    for module, names in CLASSES.items():
        for name in names:
            ours, theirs = getattr(types(driver, module), name), getattr(types(oracle, module), name)
            assert ours.__name__ == theirs.__name__
            assert ours.__module__ == f"{driver.__name__}.types.{module}"
            assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]
            public = {n for n in dir(theirs) if not n.startswith("_")}
            assert {n for n in dir(ours) if not n.startswith("_")} == public


KINDS = ["Int4", "Int8", "Numeric", "Date", "Timestamp", "Timestamptz"]
CLASSES = {
    "numeric": list(WRAPPED),
    "range": ["Range", *(f"{k}Range" for k in KINDS)],
    "multirange": ["Multirange", *(f"{k}Multirange" for k in KINDS)],
}


def test_installed_as_psycopg(howdah: ModuleType) -> None:
    code = (
        "import howdah; howdah.install_as_psycopg()\n"
        "from psycopg.types.range import Range, Int4Range\n"
        "from psycopg.types.multirange import Multirange\n"
        "from psycopg.types.numeric import Int2\n"
        "print(Range.__module__, Multirange.__module__, Int2.__module__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["howdah.types.range", "howdah.types.multirange", "howdah.types.numeric"]
