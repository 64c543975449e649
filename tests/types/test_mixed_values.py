"""Values of several types in one list or range, and numbers of many digits in all that holds values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

from support.adapting import part

ZONE = dt.timezone(dt.timedelta(hours=2))
AWARE, NAIVE, DAY = dt.datetime(2020, 1, 1, 12, tzinfo=ZONE), dt.datetime(2020, 1, 2, 12), dt.date(2020, 1, 3)
TIME_TZ, TIME = dt.time(1, 30, tzinfo=ZONE), dt.time(2, 30)
PLACEHOLDERS = ("%s", "%t", "%b")


class Moment(dt.datetime):
    """A class of the user's; a list of it and of datetimes is one of mixed classes."""


def refused(module: ModuleType) -> dict[str, Any]:
    """Values that the server would change: it drops a zone or a time of day, or adds a zone."""
    ranges, multi = part(module, "types.range"), part(module, "types.multirange")
    plain = ranges.Range
    return {
        "datetimes": [AWARE, NAIVE],
        "datetimes, the other way round": [NAIVE, None, AWARE],
        "lists of datetimes": [[AWARE, AWARE], [AWARE, NAIVE]],
        "of the user's class": [Moment(2020, 1, 1), Moment(2020, 1, 1, tzinfo=ZONE)],
        "times": [TIME_TZ, TIME],
        "times, the other way round": [TIME, TIME_TZ],
        "dates and datetimes": [DAY, NAIVE],
        "bounds": plain(AWARE, NAIVE),
        "bounds, the other way round": plain(NAIVE, AWARE),
        "a date and a datetime as bounds": plain(DAY, NAIVE),
        "a date and a datetime with a zone as bounds": plain(DAY, AWARE),
        "a datetime with a zone and a date as bounds": plain(AWARE, DAY),
        "times as bounds": plain(TIME, TIME_TZ),
        "bounds of a typed range": ranges.TimestampRange(AWARE, NAIVE),
        "bounds of another typed range": ranges.TimestamptzRange(NAIVE, AWARE),
        "a date and a datetime in a range of dates": ranges.DateRange(DAY, NAIVE),
        "a multirange": multi.Multirange([plain(None, NAIVE), plain(AWARE, None)]),
        "a multirange of dates and datetimes": multi.Multirange([plain(None, DAY), plain(NAIVE, None)]),
        "a typed multirange": multi.TimestamptzMultirange([plain(None, NAIVE), plain(AWARE, None)]),
        "ranges in a list": [plain(AWARE, None), plain(NAIVE, None)],
        "ranges of dates and datetimes in a list": [plain(NAIVE, None), plain(DAY, None)],
        "multiranges in a list": [multi.Multirange([plain(NAIVE, None)]), multi.Multirange([plain(AWARE, None)])],
        "a range in a list": [plain(AWARE, NAIVE)],
    }


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
@pytest.mark.parametrize("name", refused(pytest.importorskip("howdah")))
def test_what_the_server_would_change_is_refused(howdah: ModuleType, dsn: str, name: str, placeholder: str) -> None:
    """psycopg sends most of them, or lets a TypeError out."""
    value = refused(howdah)[name]
    with howdah.connect(dsn, autocommit=True) as conn:
        for params, query in [((value,), f"select {placeholder}"), ({"v": value}, f"select %(v){placeholder[1]}")]:
            with pytest.raises(howdah.DataError):
                conn.execute(query, params)
        if placeholder != "%b":
            with pytest.raises(howdah.DataError):
                conn.execute("select %s::text", ((1, value),))
        with pytest.raises(howdah.DataError):
            conn.cursor().executemany(f"select {placeholder}", [(None,), (value,)])
        assert conn.execute("select 1").fetchone() == (1,)


def accepted(module: ModuleType) -> list[tuple[Any, str, str]]:
    """Values of several types that mean the same to the server, or whose type the user has chosen; what is stored."""
    ranges = part(module, "types.range")
    plain, later = ranges.Range, dt.datetime(2020, 1, 1, 12, tzinfo=dt.timezone.utc)
    return [
        ([AWARE, None, later], "timestamptz[]", '{"2020-01-01 10:00:00+00",NULL,"2020-01-01 12:00:00+00"}'),
        ([NAIVE, None], "timestamp[]", '{"2020-01-02 12:00:00",NULL}'),
        ([TIME, None], "time[]", "{02:30:00,NULL}"),
        ([Moment(2020, 1, 1), NAIVE], "timestamp[]", '{"2020-01-01 00:00:00","2020-01-02 12:00:00"}'),
        (plain(NAIVE, DAY), "tsrange", '["2020-01-02 12:00:00","2020-01-03 00:00:00")'),
        (plain(AWARE, later), "tstzrange", '["2020-01-01 10:00:00+00","2020-01-01 12:00:00+00")'),
        (plain(Decimal("0.5"), 1), "numrange", "[0.5,1)"),
        (ranges.TimestampRange(AWARE, None), "tsrange", '["2020-01-01 12:00:00",)'),
        (ranges.TimestamptzRange(NAIVE, None), "tstzrange", '["2020-01-02 12:00:00+00",)'),
        (ranges.DateRange(NAIVE, None), "daterange", "[2020-01-02,)"),
        (ranges.NumericRange(Decimal("0.5"), 1), "numrange", "[0.5,1)"),
        ([plain(None, None), plain(NAIVE, None)], "tsrange[]", '{"(,)","[\\"2020-01-02 12:00:00\\",)"}'),
        ((AWARE, NAIVE, DAY), "text", '("2020-01-01 12:00:00+02:00","2020-01-02 12:00:00",2020-01-03)'),
    ]


@pytest.mark.parametrize("number", range(13))
def test_the_rest_is_stored_as_it_is(driver: ModuleType, dsn: str, number: int) -> None:
    value, cast, text = accepted(driver)[number]
    with driver.connect(dsn, autocommit=True) as conn:
        conn.execute("set timezone to 'UTC'")
        for placeholder in ("%s", "%t"):
            assert conn.execute(f"select {placeholder}::{cast}::text", (value,)).fetchone() == (text,)


BIG = 10**5000 + 7
SMALLER = -(10**4400)


class Count(int):
    """An int of the user's."""


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_ints_of_many_digits(howdah: ModuleType, dsn: str, placeholder: str) -> None:
    """psycopg's str() of them raises ValueError."""
    numeric = part(howdah, "types.numeric").IntNumeric
    values: list[tuple[Any, Any]] = [
        (BIG, Decimal(BIG)),
        (Count(SMALLER), Decimal(SMALLER)),
        (numeric(BIG), Decimal(BIG)),
        ([BIG], [Decimal(BIG)]),
        ([1, None, BIG, SMALLER], [Decimal(1), None, Decimal(BIG), Decimal(SMALLER)]),
        ([[BIG], [2]], [[Decimal(BIG)], [Decimal(2)]]),
        ([Count(BIG)], [Decimal(BIG)]),
        ([numeric(BIG), numeric(1)], [Decimal(BIG), Decimal(1)]),
        ([[numeric(1), None], [numeric(2**63), numeric(2)]], [[Decimal(1), None], [Decimal(2**63), Decimal(2)]]),
    ]
    with howdah.connect(dsn, autocommit=True) as conn:
        for value, expected in values:
            assert conn.execute(f"select {placeholder}", (value,)).fetchone() == (expected,)


@pytest.mark.parametrize("placeholder", PLACEHOLDERS)
def test_ints_of_many_digits_in_ranges_and_records(howdah: ModuleType, dsn: str, placeholder: str) -> None:
    ranges, multi = part(howdah, "types.range"), part(howdah, "types.multirange")
    with howdah.connect(dsn, autocommit=True) as conn:
        plain = ranges.Range(1, BIG)
        for value, cast, expected in [
            (plain, "numrange", ranges.Range(Decimal(1), Decimal(BIG))),
            (ranges.NumericRange(1, BIG), "numrange", ranges.Range(Decimal(1), Decimal(BIG))),
            (multi.Multirange([plain]), "nummultirange", multi.Multirange([ranges.Range(Decimal(1), Decimal(BIG))])),
        ]:
            assert conn.execute(f"select {placeholder}::{cast}", (value,)).fetchone() == (expected,)
        if placeholder != "%b":
            assert conn.execute(f"select {placeholder}::text", ((1, [BIG]),)).fetchone() == (f"(1,{{{Decimal(BIG)}}})",)
        conn.execute("create type pg_temp.big as (n numeric)")
        composite = part(howdah, "types.composite")
        info = composite.CompositeInfo.fetch(conn, "big")
        composite.register_composite(info, conn)
        made = info.python_type(BIG)
        assert conn.execute(f"select {placeholder}", (made,)).fetchone() == (info.python_type(Decimal(BIG)),)
        assert conn.execute(f"select {placeholder}", ([made],)).fetchone() == ([info.python_type(Decimal(BIG))],)
