"""Networks, ranges, multiranges, numeric wrappers and tuples that hypothesis invents, against the oracle.

The settings are those of test_types_differential.py.
"""

from __future__ import annotations

import importlib
import ipaddress as ip
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.differences import of_parameter
from support.type_cases import outcome
from test_types_differential import SCALARS, differential, formats, integers, pair, texts, zones

__all__ = ["pair"]

Make = Callable[[ModuleType], Any]
"""Builds a value with the classes of a driver."""

ADDRESSES = {
    "address": st.ip_addresses(),
    "interface": st.builds(
        lambda a, n: ip.ip_interface((a, n % (a.max_prefixlen + 1))), st.ip_addresses(), st.integers(0, 128)
    ),
    "network": st.builds(
        lambda a, n: ip.ip_network((a, n % (a.max_prefixlen + 1)), strict=False), st.ip_addresses(), st.integers(0, 128)
    ),
}
# Beyond 64 bits either driver has another error, and of several values the first one counts.
words = st.integers(-(2**63), 2**63 - 1)
NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "Int2": st.integers(-(2**15), 2**15 - 1) | words,
    "Int4": st.integers(-(2**31), 2**31 - 1) | words,
    "Int8": st.integers(-(2**63), 2**63 - 1) | integers,
    "IntNumeric": integers,
    "Oid": st.integers(0, 2**32 - 1) | integers,
    "Float4": st.floats(width=32) | st.floats(),
    "Float8": st.floats(),
}
decimals = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals(-1, 1, allow_nan=False)
datetimes = st.datetimes(timezones=zones)
naive = st.datetimes()
BOUNDS: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "int": ("", st.integers(-50, 50) | integers),
    "decimal": ("", decimals),
    "date": ("", st.dates()),
    "naive": ("", naive),
    "aware": ("", datetimes),
    "str": ("", texts),
    "Int4": ("Int4", st.integers(-(2**31), 2**31 - 1) | words),
    "Int8": ("Int8", st.integers(-(2**63), 2**63 - 1) | integers),
    "Numeric": ("Numeric", decimals | integers),
    "Date": ("Date", st.dates()),
    "Timestamp": ("Timestamp", naive | datetimes),
    # Times that a zone has twice mean one thing to Python and another to the server.
    "Timestamptz": ("Timestamptz", datetimes),
}
brackets = st.sampled_from(["[)", "(]", "()", "[]"])


def module(driver: ModuleType, name: str) -> ModuleType:
    return importlib.import_module(f"{driver.__name__}.types.{name}")


def drivers(connections: tuple[Any, Any]) -> list[ModuleType]:
    return [importlib.import_module(type(conn).__module__.split(".")[0]) for conn in connections]


def check(connections: tuple[Any, Any], make: Make, placeholder: str, binary: bool, *queries: str) -> None:
    """The value, its type, and what else is to be asked about it, from both drivers."""
    values = [make(driver) for driver in drivers(connections)]
    difference = of_parameter(values[0], placeholder) if drivers(connections)[0].__name__ == "howdah" else None
    for query in ("select {}", "select pg_typeof({})::text", *queries):
        text = query.format(placeholder)
        results = [outcome(c, text, (v,), binary) for c, v in zip(connections, values, strict=True)]
        if difference is None:
            assert results[0] == results[1]
        elif difference.error:
            assert results[0][:2] == ("error", difference.error)


@st.composite
def ranges(draw: st.DrawFn, kind: str) -> Make:
    name, bound = BOUNDS[kind]
    lower, upper, flags = draw(st.none() | bound), draw(st.none() | bound), draw(brackets)
    if lower is not None and upper is not None and draw(st.integers(0, 9)) > 0:
        try:
            lower, upper = min(lower, upper), max(lower, upper)
        except TypeError:
            pass
    empty = draw(st.integers(0, 9)) == 0
    return lambda driver: getattr(module(driver, "range"), f"{name}Range")(lower, upper, flags, empty)


@st.composite
def multiranges(draw: st.DrawFn, kind: str) -> Make:
    name = BOUNDS[kind][0]
    makers = draw(st.lists(ranges(kind), max_size=4))
    return lambda driver: getattr(module(driver, "multirange"), f"{name}Multirange")([m(driver) for m in makers])


def list_of(draw: st.DrawFn, makers: st.SearchStrategy[Make]) -> Make:
    chosen = draw(st.lists(st.none() | makers, min_size=1, max_size=4))
    return lambda driver: [m and m(driver) for m in chosen]


@st.composite
def lists(draw: st.DrawFn, makers: st.SearchStrategy[Make]) -> Make:
    return list_of(draw, makers)


def mixes_types_of_ranges(value: Any) -> bool:
    """A list of ranges with and without bounds, or with bounds of several types.

    The oracle takes the type of the last one and sends the others as they come, and the server refuses them.
    """

    def typed(item: Any) -> bool:
        parts = item if hasattr(item, "insert") else [item]
        return any(p.lower is not None or p.upper is not None for p in parts)

    return isinstance(value, list) and len({typed(v) for v in value if v is not None}) > 1


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", ADDRESSES)
@differential
@given(data=st.data())
def test_network(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    item = ADDRESSES[kind]
    value = data.draw(item | st.lists(st.none() | item, max_size=4))
    check(pair, lambda driver: value, data.draw(formats), data.draw(st.booleans()))


@pytest.mark.limit(600)
@pytest.mark.parametrize("name", NUMBERS)
@differential
@given(data=st.data())
def test_number(pair: tuple[Any, Any], name: str, data: st.DataObject) -> None:
    value = data.draw(NUMBERS[name] | st.lists(st.none() | NUMBERS[name], max_size=4))

    def make(driver: ModuleType) -> Any:
        cls = getattr(module(driver, "numeric"), name)
        return [v if v is None else cls(v) for v in value] if isinstance(value, list) else cls(value)

    placeholder = data.draw(formats)
    if name == "IntNumeric" and placeholder == "%b" and isinstance(value, list):
        # The oracle takes the width of the last one and cuts the others.
        value = value[:1]
    check(pair, make, placeholder, data.draw(st.booleans()))


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", BOUNDS)
@differential
@given(data=st.data())
def test_range(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    make, placeholder, binary = data.draw(ranges(kind)), data.draw(formats), data.draw(st.booleans())
    casts = ["select {}::int8range"] if kind == "int" else []
    check(pair, make, placeholder, binary, *casts)


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", BOUNDS)
@differential
@given(data=st.data())
def test_multirange(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    make, placeholder, binary = data.draw(multiranges(kind)), data.draw(formats), data.draw(st.booleans())
    casts = ["select {}::int8multirange"] if kind == "int" else []
    check(pair, make, placeholder, binary, *casts)


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", BOUNDS)
@differential
@given(data=st.data())
def test_list(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    make = data.draw(lists(ranges(kind)) | lists(multiranges(kind)))
    placeholder, binary = data.draw(formats), data.draw(st.booleans())
    if placeholder == "%b" and mixes_types_of_ranges(make(drivers(pair)[1])):
        placeholder = "%s"
    check(pair, make, placeholder, binary)


# Of a timedelta the two drivers write other text for the same interval.
fields = st.one_of(st.none(), *(s for name, s in SCALARS.items() if name != "timedelta"))
tuples = st.recursive(
    st.lists(fields, max_size=5).map(tuple),
    lambda inner: st.lists(fields | inner | st.lists(st.none() | texts, max_size=3), max_size=4).map(tuple),
    max_leaves=6,
)


@pytest.mark.limit(600)
@differential
@given(value=tuples | st.lists(st.none() | tuples, min_size=1, max_size=3), placeholder=formats, binary=st.booleans())
def test_tuple(pair: tuple[Any, Any], value: Any, placeholder: str, binary: bool) -> None:
    results = [outcome(conn, f"select {placeholder}", (value,), binary) for conn in pair]
    assert results[0] == results[1]


@pytest.mark.limit(600)
@differential
@given(
    row=st.lists(
        st.sampled_from(["null", "1", "1.50", "''", "true", "now() - now()", "'{1,NULL}'::int[]", "'[1,5)'::int4range"])
        | texts.map(lambda text: "'" + text.replace("'", "''").replace("\0", "") + "'"),
        max_size=5,
    ),
    binary=st.booleans(),
    nested=st.booleans(),
)
def test_record(pair: tuple[Any, Any], row: list[str], binary: bool, nested: bool) -> None:
    record = f"row({', '.join(row)})"
    query = f"select row(1, {record}), array[{record}]" if nested else f"select {record}"
    # As text, not as a query with placeholders: the strings may have percent signs.
    results = [outcome(conn, query, None, binary) for conn in pair]
    assert results[0] == results[1]
