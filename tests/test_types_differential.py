"""Values that hypothesis invents, sent and loaded by the driver and by the oracle, with equal outcomes.

HOWDAH_TESTS_EXAMPLES sets the number of examples of each test; HOWDAH_TESTS_RANDOM=1 draws new ones at every run.
"""

from __future__ import annotations

import datetime as dt
import importlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.differences import is_negative_nan, of_parameter
from support.type_cases import outcome

EXAMPLES = int(os.environ.get("HOWDAH_TESTS_EXAMPLES", "300"))
RANDOM = os.environ.get("HOWDAH_TESTS_RANDOM") == "1"

differential = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=not RANDOM,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


zones = st.one_of(
    st.just(dt.timezone.utc),
    st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]).map(ZoneInfo),
    st.integers(-15 * 60, 15 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m))),
)
sizes = [2**7, 2**15, 2**16, 2**31, 2**32, 2**63, 2**64, 10**4, 10**8]
integers = st.one_of(
    st.integers(),
    st.integers(-(10**60), 10**60),
    st.builds(
        lambda size, delta, sign: sign * size + delta,
        st.sampled_from(sizes),
        st.integers(-2, 2),
        st.sampled_from([-1, 1]),
    ),
)
# No surrogates: they cannot be encoded. NUL is one of the bad inputs that must fail alike.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "bool": st.booleans(),
    "int": integers,
    "float": st.floats(),
    "str": texts,
    "bytes": st.binary(max_size=40),
    "decimal": st.decimals().filter(lambda value: not is_negative_nan(value))
    | st.decimals(allow_nan=False, places=3)
    | st.decimals(min_value=-1, max_value=1),
    "date": st.dates(),
    "time": st.times() | st.times(timezones=st.none() | zones),
    "datetime": st.datetimes() | st.datetimes(timezones=zones),
    "timedelta": st.timedeltas() | st.timedeltas(dt.timedelta(-40), dt.timedelta(40)),
    "uuid": st.uuids(),
}
CASTS = {
    "bool": "bool", "int": "numeric", "float": "float8", "str": "text", "bytes": "bytea", "decimal": "numeric",
    "date": "date",
    "time": "timetz", "datetime": "timestamptz", "timedelta": "interval", "uuid": "uuid",
}  # fmt: skip
formats = st.sampled_from(["%s", "%b", "%t"])


@pytest.fixture(scope="module", params=["howdah", "psycopg"])
def pair(request: pytest.FixtureRequest, server: Any) -> Iterator[tuple[Any, Any]]:
    """A connection of the driver and one of the oracle for all examples of the module."""
    if request.param == "howdah" and os.environ.get("HOWDAH_TESTS_ORACLE_ONLY") == "1":
        pytest.skip("HOWDAH_TESTS_ORACLE_ONLY is set")
    ours, theirs = importlib.import_module(request.param), importlib.import_module("psycopg")
    with ours.connect(server.dsn, autocommit=True) as one, theirs.connect(server.dsn, autocommit=True) as other:
        yield one, other


def module_of(conn: Any) -> ModuleType:
    return importlib.import_module(f"{type(conn).__module__.split('.')[0]}.types.json")


def check(pair: tuple[Any, Any], query: str, params: Any, binary: bool) -> None:
    assert outcome(pair[0], query, params, binary) == outcome(pair[1], query, params, binary)


def check_parameter(pair: tuple[Any, Any], value: Any, placeholder: str, cast: str, binary: bool) -> None:
    """The value itself, its type, and the server's text of it."""
    queries = [f"select {placeholder}", f"select pg_typeof({placeholder})::text", f"select {placeholder}::{cast}::text"]
    difference = of_parameter(value, placeholder)
    for query in queries:
        if difference and type(pair[0]).__module__ == "howdah":
            assert outcome(pair[0], query, (value,), binary)[:2] == ("error", difference.error)
        else:
            check(pair, query, (value,), binary)


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", SCALARS)
@differential
@given(data=st.data())
def test_scalar(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    value, placeholder, binary = data.draw(SCALARS[kind]), data.draw(formats), data.draw(st.booleans())
    check_parameter(pair, value, placeholder, CASTS[kind], binary)


@pytest.mark.limit(600)
@pytest.mark.parametrize("kind", SCALARS)
@differential
@given(data=st.data())
def test_list(pair: tuple[Any, Any], kind: str, data: st.DataObject) -> None:
    item = st.none() | SCALARS[kind]
    rows = st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(item, min_size=n, max_size=n), min_size=1, max_size=3))
    value = data.draw(st.lists(item, max_size=5) | rows)
    placeholder, binary = data.draw(formats), data.draw(st.booleans())
    check_parameter(pair, value, placeholder, f"{CASTS[kind]}[]", binary)


@pytest.mark.limit(600)
@differential
@given(
    value=st.lists(st.one_of(st.none(), *SCALARS.values(), st.lists(integers, max_size=3)), max_size=4),
    binary=st.booleans(),
)
def test_mixed_list(pair: tuple[Any, Any], value: list[Any], binary: bool) -> None:
    check(pair, "select %s", (value,), binary)


@pytest.mark.limit(600)
@differential
@given(value=json_values, binary=st.booleans(), placeholder=formats, wrapper=st.sampled_from(["Json", "Jsonb"]))
def test_json(pair: tuple[Any, Any], value: Any, binary: bool, placeholder: str, wrapper: str) -> None:
    results = []
    for conn in pair:
        wrapped = getattr(module_of(conn), wrapper)(value)
        results.append([outcome(conn, f"select {placeholder}", (p,), binary) for p in (wrapped, [wrapped, None])])
    assert results[0] == results[1]


@pytest.mark.limit(600)
@differential
@given(
    row=st.lists(st.none() | st.one_of(*SCALARS.values()), min_size=1, max_size=8),
    binary=st.booleans(),
    prepare=st.booleans(),
)
def test_row(pair: tuple[Any, Any], row: list[Any], binary: bool, prepare: bool) -> None:
    query = "select " + ", ".join(["%s"] * len(row))
    results: list[Any] = []
    for conn in pair:
        cur = conn.cursor(binary=binary)
        try:
            cur.execute(query, row, prepare=prepare)
            results.append(repr(cur.fetchall()).replace("howdah", "psycopg"))
        except Exception as ex:
            results.append((type(ex).__name__, getattr(ex, "sqlstate", None)))
    assert results[0] == results[1]


@pytest.mark.limit(600)
@differential
@given(number=st.decimals(allow_nan=False, allow_infinity=False), scale=st.integers(0, 40), binary=st.booleans())
def test_numeric_made_by_the_server(pair: tuple[Any, Any], number: Any, scale: int, binary: bool) -> None:
    text = format(number, "f") if abs(number.adjusted()) < 200 else "0"
    check(pair, f"select '{text}'::numeric, round('{text}'::numeric, {scale})", None, binary)


@pytest.mark.limit(600)
@differential
@given(
    parts=st.tuples(st.integers(-3000, 3000), st.integers(-40000, 40000), st.integers(-(10**12), 10**12)),
    binary=st.booleans(),
)
def test_interval_made_by_the_server(pair: tuple[Any, Any], parts: tuple[int, int, int], binary: bool) -> None:
    months, days, micros = parts
    check(pair, f"select '{months} months {days} days {micros} microseconds'::interval", None, binary)


@pytest.mark.limit(600)
@differential
@given(
    seconds=st.integers(-210_000_000_000, 270_000_000_000),
    zone=st.sampled_from(["UTC", "Europe/Rome", "Asia/Kolkata"]),
    binary=st.booleans(),
)
def test_instant_made_by_the_server(pair: tuple[Any, Any], seconds: int, zone: str, binary: bool) -> None:
    for conn in pair:
        conn.execute(f"set timezone to '{zone}'")
    expression = f"'2000-01-01 00:00:00.25+00'::timestamptz + '{seconds} seconds'"
    check(pair, f"select {expression}", None, binary)
    check(pair, f"select ({expression})::timestamp, ({expression})::date, ({expression})::timetz", None, binary)
