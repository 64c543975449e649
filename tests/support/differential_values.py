"""Values that hypothesis invents for each of PostgreSQL's own types, as Python objects."""

from __future__ import annotations

import datetime as dt
import ipaddress as ip
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from support.differences import is_negative_nan
from support.differential import Call

Values = st.SearchStrategy[Any]

zones = st.one_of(
    st.just(dt.timezone.utc),
    st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]).map(ZoneInfo),
    st.integers(-15 * 60, 15 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m))),
)
sizes = [2**7, 2**15, 2**16, 2**31, 2**32, 2**63, 2**64, 10**4, 10**8]
near_sizes = st.builds(
    lambda size, delta, sign: sign * size + delta, st.sampled_from(sizes), st.integers(-2, 2), st.sampled_from([-1, 1])
)
integers = st.integers() | st.integers(-(10**60), 10**60) | near_sizes
# Beyond 64 bits either driver has another error, and of several values the first one counts.
words = st.integers(-(2**63), 2**63 - 1)
# No surrogates: they cannot be encoded. NUL is one of the bad inputs that must fail alike.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
# What quoting is about: every delimiter and escape of arrays, ranges, records, hstore and literals.
quotable = st.text(st.sampled_from(list("\\'\",;(){}[]<=> \t\n\x0b\x0cNULnul%$aé€日\U0001f418")), max_size=8)
strings = texts | quotable
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
all_decimals = (
    st.decimals().filter(lambda value: not is_negative_nan(value))
    | st.decimals(allow_nan=False, places=3)
    | st.decimals(min_value=-1, max_value=1)
)
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals(-1, 1, allow_nan=False)
naive = st.datetimes()
aware = st.datetimes(timezones=zones)

SCALARS: dict[str, Values] = {
    "bool": st.booleans(),
    "int": integers,
    "float": st.floats(),
    "str": strings,
    "bytes": st.binary(max_size=40),
    "decimal": all_decimals,
    "date": st.dates(),
    "time": st.times() | st.times(timezones=st.none() | zones),
    "datetime": naive | aware,
    "timedelta": st.timedeltas() | st.timedeltas(dt.timedelta(-40), dt.timedelta(40)),
    "uuid": st.uuids(),
}
"""Of the standard library, by name."""

CASTS = {
    "bool": "bool", "int": "numeric", "float": "float8", "str": "text", "bytes": "bytea", "decimal": "numeric",
    "date": "date", "time": "timetz", "datetime": "timestamptz", "timedelta": "interval", "uuid": "uuid",
}  # fmt: skip

interfaces = st.builds(
    lambda a, n: ip.ip_interface((a, n % (a.max_prefixlen + 1))), st.ip_addresses(), st.integers(0, 128)
)
networks = interfaces.map(lambda i: i.network)
ADDRESSES: dict[str, Values] = {"address": st.ip_addresses(), "interface": interfaces, "network": networks}


def called(name: str, *args: Values) -> Values:
    return st.tuples(*args).map(lambda found: Call(name, found))


NUMBERS: dict[str, Values] = {
    "Int2": st.integers(-(2**15), 2**15 - 1) | words,
    "Int4": st.integers(-(2**31), 2**31 - 1) | words,
    "Int8": words | integers,
    "IntNumeric": integers,
    "Oid": st.integers(0, 2**32 - 1) | integers,
    "Float4": st.floats(width=32) | st.floats(),
    "Float8": st.floats(),
}
"""What the wrapper classes are called with."""

BOUNDS: dict[str, tuple[str, Values]] = {
    "int": ("", st.integers(-50, 50) | integers),
    "decimal": ("", decimals),
    "date": ("", st.dates()),
    "naive": ("", naive),
    "aware": ("", aware),
    "str": ("", strings),
    "Int4": ("Int4", st.integers(-(2**31), 2**31 - 1) | words),
    "Int8": ("Int8", words | integers),
    "Numeric": ("Numeric", decimals | integers),
    "Date": ("Date", st.dates()),
    "Timestamp": ("Timestamp", naive | aware),
    # Times that a zone has twice mean one thing to Python and another to the server.
    "Timestamptz": ("Timestamptz", aware),
}
"""Ranges: the prefix of the class, and the bounds."""


@st.composite
def ranges(draw: st.DrawFn, prefix: str, bound: Values) -> Call:
    """Mostly in order; an inverted one is an error of the server."""
    lower, upper = draw(st.none() | bound), draw(st.none() | bound)
    if lower is not None and upper is not None and draw(st.integers(0, 9)) > 0:
        try:
            lower, upper = min(lower, upper), max(lower, upper)
        except (TypeError, ArithmeticError):
            pass
    brackets = draw(st.sampled_from(["[)", "(]", "()", "[]"]))
    return Call(f"{prefix}Range", (lower, upper, brackets, draw(st.integers(0, 9)) == 0))


def multiranges(prefix: str, bound: Values) -> Values:
    return called(f"{prefix}Multirange", st.lists(ranges(prefix, bound), max_size=4))


def lists_of(item: Values) -> Values:
    """Lists, and rectangular lists of lists; sometimes with holes."""
    item = st.none() | item
    rows = st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(item, min_size=n, max_size=n), min_size=1, max_size=3))
    cubes = st.lists(rows, min_size=1, max_size=1)
    return st.one_of(st.lists(item, max_size=5), rows, cubes)


json_wrapped = called("Json", json_values) | called("Jsonb", json_values)
small = st.integers(-100, 100)
points = st.tuples(small, small).map(lambda p: f"({p[0]},{p[1]})")
boxes = st.tuples(points, points).map(lambda p: f"({p[0]},{p[1]})")
words_of_text = st.lists(st.sampled_from(["a", "fat", "cat's", "rät", "a\\b"]), max_size=4)
bits = st.text("01", max_size=20)
macs = st.binary(min_size=6, max_size=8).map(lambda raw: raw.hex(":"))

TYPES: dict[str, Values] = {
    "bool": st.booleans(),
    "int2": st.integers(-(2**15), 2**15 - 1) | called("Int2", st.integers(-(2**15), 2**15 - 1)),
    "int4": st.integers(-(2**31), 2**31 - 1) | called("Int4", st.integers(-(2**31), 2**31 - 1)),
    "int8": words | called("Int8", words),
    "oid": st.integers(0, 2**32 - 1) | called("Oid", st.integers(0, 2**32 - 1)),
    "numeric": all_decimals | integers | called("IntNumeric", integers),
    "numeric(12,3)": st.decimals(-(10**8), 10**8, allow_nan=False, places=5),
    "float4": st.floats(width=32) | called("Float4", st.floats(width=32)),
    "float8": st.floats() | called("Float8", st.floats()),
    "text": strings,
    "varchar": strings,
    "varchar(5)": strings,
    "bpchar": strings,
    "char(3)": strings,
    "name": strings,
    '"char"': st.text(st.characters(max_codepoint=0x17F), max_size=2),
    "xml": st.sampled_from(["<a/>", "x", "<a b='c'>é</a>", "<a", ""]),
    "bytea": st.binary(max_size=20) | st.binary(max_size=20).map(bytearray),
    "date": st.dates(),
    "time": st.times(),
    "time(3)": st.times(),
    "timetz": st.times(timezones=zones),
    "timestamp": naive,
    "timestamptz": aware,
    "interval": SCALARS["timedelta"],
    "uuid": st.uuids(),
    "json": called("Json", json_values),
    "jsonb": called("Jsonb", json_values) | called("Json", json_values),
    "inet": st.ip_addresses() | interfaces,
    "cidr": networks,
    "macaddr": macs,
    "macaddr8": macs,
    "bit(4)": bits,
    "varbit": bits,
    "money": st.decimals(-1000, 1000, places=2) | st.integers(-100, 100).map(str),
    "tsvector": words_of_text.map(" ".join),
    "tsquery": words_of_text.map(" & ".join),
    "pg_lsn": st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda p: f"{p[0]:X}/{p[1]:X}"),
    "point": points,
    "box": boxes,
    "lseg": boxes,
    "circle": st.tuples(points, st.integers(0, 9)).map(lambda p: f"<{p[0]},{p[1]}>"),
    "path": st.lists(points, max_size=4).map(lambda p: f"[{','.join(p)}]"),
    "polygon": st.lists(points, min_size=1, max_size=4).map(lambda p: f"({','.join(p)})"),
    "line": st.just("{1,-1,0.5}"),
    "tid": points,
    "int4range": ranges("Int4", st.integers(-1000, 1000)) | ranges("", st.integers(-1000, 1000)),
    "int8range": ranges("Int8", words),
    "numrange": ranges("Numeric", decimals) | ranges("", decimals),
    "daterange": ranges("Date", st.dates()) | ranges("", st.dates()),
    "tsrange": ranges("Timestamp", naive) | ranges("", naive),
    "tstzrange": ranges("Timestamptz", aware),
    "int4multirange": multiranges("Int4", st.integers(-1000, 1000)),
    "nummultirange": multiranges("Numeric", decimals) | multiranges("", decimals),
    "datemultirange": multiranges("", st.dates()),
    "tstzmultirange": multiranges("Timestamptz", aware),
    "hstore": st.dictionaries(strings, st.none() | strings, max_size=4),
}
"""Each type of the server, and objects that it can be made of."""

COMPARABLE = [
    "int4", "int8", "numeric", "float8", "text", "varchar", "bytea", "date", "time", "timestamp", "timestamptz",
    "uuid", "inet", "interval", "bool", "macaddr", "varbit",
]  # fmt: skip
"""What there can be ranges of."""
