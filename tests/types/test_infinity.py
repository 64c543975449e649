"""`register_infinity()`: dates and timestamps that Python cannot hold, which psycopg cannot load."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

UTC = dt.timezone.utc
ENDS: dict[str, tuple[Any, Any]] = {
    "date": (dt.date.min, dt.date.max),
    "timestamp": (dt.datetime.min, dt.datetime.max),
    "timestamptz": (dt.datetime.min.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)),
}
STYLES = ["ISO", "German", "SQL, DMY", "SQL, MDY", "Postgres, DMY", "Postgres, MDY"]
EARLY = ["4713-01-01 BC", "0044-03-15 BC", "0001-12-31 BC"]
LATE = {
    "date": ["10000-01-01", "99999-12-31", "5874897-12-31"],
    "timestamp": ["10000-01-01", "10000-01-01 00:00:00.123456", "294276-12-31 23:59:59.999999"],
    "timestamptz": ["10000-01-01", "10000-01-01 00:00:00.123456", "294276-12-31 23:59:59.999999"],
}
WITHIN: dict[str, list[tuple[str, Any]]] = {
    "date": [("0001-01-01", dt.date.min), ("9999-12-31", dt.date.max), ("2024-02-29", dt.date(2024, 2, 29))],
    "timestamp": [
        ("0001-01-01", dt.datetime.min),
        ("9999-12-31 23:59:59.999999", dt.datetime.max),
        ("2024-02-29 01:02:03.123456", dt.datetime(2024, 2, 29, 1, 2, 3, 123456)),
    ],
    "timestamptz": [("2024-02-29 01:02:03.123456+00", dt.datetime(2024, 2, 29, 1, 2, 3, 123456, UTC))],
}


@pytest.fixture
def conn(howdah: ModuleType, dsn: str) -> Iterator[Any]:
    with howdah.connect(dsn, autocommit=True) as conn:
        yield conn


@pytest.fixture
def register(howdah: ModuleType) -> Any:
    from howdah.types.datetime import register_infinity

    return register_infinity


def value(conn: Any, expression: str, binary: bool = False) -> Any:
    return conn.execute(f"select {expression}", binary=binary).fetchone()[0]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("type_", ENDS)
@pytest.mark.parametrize("style", STYLES)
def test_nearest_value_by_default(conn: Any, register: Any, type_: str, style: str, binary: bool) -> None:
    conn.execute(f"set datestyle to '{style}'")
    register(conn)
    first, last = ENDS[type_]
    for text in ["infinity", *LATE[type_]]:
        assert value(conn, f"'{text}'::{type_}", binary) == last
    for text in ["-infinity", *EARLY]:
        assert value(conn, f"'{text}'::{type_}", binary) == first


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("type_", ENDS)
@pytest.mark.parametrize("style", STYLES)
def test_what_python_holds_is_as_before(conn: Any, register: Any, type_: str, style: str, binary: bool) -> None:
    conn.execute(f"set datestyle to '{style}'")
    register(conn, infinity=1, minus_infinity=2, too_late=3, too_early=4)
    if type_ == "timestamptz" and style != "ISO" and not binary:
        with pytest.raises(NotImplementedError):
            value(conn, f"'{WITHIN[type_][0][0]}'::{type_}")
        return
    for text, expected in WITHIN[type_]:
        found = value(conn, f"'{text}'::{type_}", binary)
        assert found == expected
        assert type(found) is type(expected)


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("type_", ENDS)
def test_values_of_the_user(conn: Any, register: Any, type_: str, binary: bool) -> None:
    register(conn, infinity="last", minus_infinity=None, too_late=object, too_early=...)
    assert value(conn, f"'infinity'::{type_}", binary) == "last"
    assert value(conn, f"'-infinity'::{type_}", binary) is None
    assert value(conn, f"'{LATE[type_][0]}'::{type_}", binary) is object
    assert value(conn, f"'{EARLY[0]}'::{type_}", binary) == ENDS[type_][0]


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("type_", ENDS)
def test_error_that_stays(howdah: ModuleType, conn: Any, register: Any, type_: str, binary: bool) -> None:
    register(conn, too_late=howdah.DataError, minus_infinity=howdah.DataError)
    with pytest.raises(howdah.DataError, match="too large"):
        value(conn, f"'{LATE[type_][0]}'::{type_}", binary)
    with pytest.raises(howdah.DataError, match="too small"):
        value(conn, f"'-infinity'::{type_}", binary)
    assert value(conn, f"'infinity'::{type_}", binary) == ENDS[type_][1]


@pytest.mark.parametrize("binary", [False, True])
def test_inside_other_values(howdah: ModuleType, conn: Any, register: Any, binary: bool) -> None:
    from howdah.types.multirange import Multirange
    from howdah.types.range import Range

    register(conn)
    first, last = ENDS["date"]
    assert value(conn, "array['-infinity', '2020-01-01', null, 'infinity']::date[]", binary) == [
        first,
        dt.date(2020, 1, 1),
        None,
        last,
    ]
    assert value(conn, "daterange('2020-01-01', 'infinity')", binary) == Range(dt.date(2020, 1, 1), last)
    assert value(conn, "tsrange('-infinity', null)", binary) == Range(dt.datetime.min, None)
    assert value(conn, "'{[2020-01-01,infinity)}'::datemultirange", binary) == Multirange(
        [Range(dt.date(2020, 1, 1), last)]
    )
    if binary:
        assert value(conn, "row('infinity'::date, 1)", binary) == (last, 1)


def test_prepared_statements(conn: Any, register: Any) -> None:
    register(conn)
    for _ in range(8):
        row = conn.execute("select 'infinity'::date, 'infinity'::timestamp, %s::int", [1], prepare=True).fetchone()
        assert row == (dt.date.max, dt.datetime.max, 1)


def test_holds_where_it_is_registered(howdah: ModuleType, conn: Any, register: Any) -> None:
    cursor = conn.cursor()
    register(cursor, types=["date"])
    assert cursor.execute("select 'infinity'::date").fetchone() == (dt.date.max,)
    with pytest.raises(howdah.DataError):
        cursor.execute("select 'infinity'::timestamp").fetchone()
    with pytest.raises(howdah.DataError):
        value(conn, "'infinity'::date")


def test_globally(howdah: ModuleType, dsn: str) -> None:
    import subprocess
    import sys

    program = (
        "import sys, datetime, howdah\n"
        "from howdah.types.datetime import register_infinity\n"
        "before = howdah.connect(sys.argv[1])\n"
        "before.execute('select 1')\n"
        "register_infinity()\n"
        "with howdah.connect(sys.argv[1]) as conn:\n"
        "    assert conn.execute(\"select 'infinity'::date\").fetchone() == (datetime.date.max,)\n"
        "try:\n"
        "    before.execute(\"select 'infinity'::date\").fetchone()\n"
        "except howdah.DataError:\n"
        "    before.close()\n"
        "    print('as it should')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, dsn], capture_output=True, text=True, check=True)
    assert done.stdout == "as it should\n"


def test_other_types_are_refused(conn: Any, register: Any) -> None:
    with pytest.raises(ValueError, match="'time'"):
        register(conn, types=["date", "time"])
    with pytest.raises(ValueError, match="'interval'"):
        register(conn, types="interval")


def test_refusal_changes_nothing(howdah: ModuleType, conn: Any, register: Any) -> None:
    with pytest.raises(ValueError, match="'time'"):
        register(conn, types=["date", "time"])
    with pytest.raises(howdah.DataError):
        value(conn, "'infinity'::date")


@pytest.mark.parametrize("data", [b"", b"x", b"2024-13-01", b"\0" * 3, b"\0" * 9])
def test_garbage_stays_an_error(howdah: ModuleType, conn: Any, register: Any, data: bytes) -> None:
    register(conn)
    for oid in (1082, 1114):
        for fmt in (0, 1):
            loader = conn.adapters.get_loader(oid, fmt)
            with pytest.raises(howdah.DataError):
                loader(oid, conn).load(data)
