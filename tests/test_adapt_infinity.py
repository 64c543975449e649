"""Dates beyond Python's: errors, and what howdah loads instead if it is asked to."""

from __future__ import annotations

import datetime as dt
import itertools
from types import ModuleType
from typing import Any

import pytest

from support.adapting import in_subprocess, made, part

UTC = dt.timezone.utc
BEYOND = [
    (f"'{value}'::{kind}", message)
    for kind in ("date", "timestamp", "timestamptz")
    for value, message in [
        ("infinity", "too large (after year 10K)"), ("-infinity", "too small (before year 1)"),
        ("10000-01-02", "too large (after year 10K)"), ("0044-03-15 BC", "too small (before year 1)"),
    ]
]  # fmt: skip
MOST = {
    "date": (dt.date.min, dt.date.max), "timestamp": (dt.datetime.min, dt.datetime.max),
    "timestamptz": (dt.datetime.min.replace(tzinfo=UTC), dt.datetime.max.replace(tzinfo=UTC)),
}  # fmt: skip


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("expression", "message"), BEYOND)
def test_errors(conn: Any, driver: ModuleType, expression: str, message: str, binary: bool) -> None:
    kind = "date" if expression.endswith("date") else "timestamp"
    for column in (expression, f"array[{expression}]", f"row(1, {expression})" if binary else expression):
        for _ in range(2):
            cur = conn.execute(f"select 'x', {column}", binary=binary)
            for fetch in (cur.fetchone, cur.fetchall):
                with pytest.raises(driver.DataError) as info:
                    fetch()
                # psycopg parses what follows an array's element with it.
                if column == expression or driver.__name__ == "howdah":
                    assert f"{kind} {message}" in str(info.value)
    assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "value", ["-infinity", "0044-03-15 BC", "0001-01-01", "2020-01-01", "9999-12-31", "10000-01-02", "infinity"]
)
@pytest.mark.parametrize("style", ["ISO", "German", "SQL, DMY", "SQL, MDY", "Postgres, DMY", "Postgres, MDY"])
def test_errors_in_every_style(conn: Any, oracle: ModuleType, dsn: str, style: str, value: str) -> None:
    found = []
    with oracle.connect(dsn) as other:
        for each in (conn, other):
            each.execute(f"set datestyle to '{style}'")
            for kind in ("date", "timestamp", "timestamptz"):
                try:
                    found.append((each is conn, each.execute(f"select '{value}'::{kind}").fetchone()))
                except Exception as ex:
                    found.append((each is conn, type(ex).__name__))
    assert [f for ours, f in found if ours] == [f for ours, f in found if not ours]


@pytest.mark.parametrize("binary", [False, True])
def test_first_and_last_value(howdah: ModuleType, dsn: str, binary: bool) -> None:
    rng = part(howdah, "types.range").Range
    with howdah.connect(dsn) as conn:
        part(howdah, "types.datetime").register_infinity(conn)
        for kind, (lowest, highest) in MOST.items():
            for low, high in [("-infinity", "infinity"), ("0044-03-15 BC", "10000-01-02")]:
                query = f"select '{low}'::{kind}, '{high}'::{kind}, array['{low}'::{kind}, null], '2020-01-02'::{kind}"
                row = conn.execute(query, binary=binary).fetchone()
                assert row[:3] == (lowest, highest, [lowest, None])
                assert row[3].isoformat().startswith("2020-01-02")
        row = conn.execute("select daterange('2020-01-01', 'infinity')", binary=binary).fetchone()
        assert row == (rng(dt.date(2020, 1, 1), dt.date.max),)


def test_values_of_the_users_own(howdah: ModuleType, dsn: str) -> None:
    register = part(howdah, "types.datetime").register_infinity
    with howdah.connect(dsn, autocommit=True) as conn:
        register(conn, types=["timestamptz"], infinity=None, minus_infinity="start", too_late=howdah.DataError)
        for binary in (False, True):
            row = conn.execute("select 'infinity'::timestamptz, '-infinity'::timestamptz", binary=binary).fetchone()
            assert row == (None, "start")
            for column in ("'10000-01-02'::timestamptz", "'infinity'::date", "'-infinity'::timestamp"):
                with pytest.raises(howdah.DataError):
                    conn.execute(f"select {column}", binary=binary).fetchone()


def test_contexts_of_infinity(howdah: ModuleType, dsn: str) -> None:
    with howdah.connect(dsn, autocommit=True) as conn:
        cur = conn.cursor()
        part(howdah, "types.datetime").register_infinity(cur)
        for _ in range(8):
            assert cur.execute("select 'infinity'::date, %s", (dt.date.max,)).fetchone() == (dt.date.max, dt.date.max)
        with pytest.raises(howdah.DataError):
            conn.execute("select 'infinity'::date").fetchone()


GLOBAL = """
import datetime, DRIVER
DRIVER.types.datetime.register_infinity()
with DRIVER.connect(DSN) as conn:
    row = conn.execute("select 'infinity'::date, '-infinity'::date").fetchone()
    print(row == (datetime.date.max, datetime.date.min))
"""


def test_infinity_globally(howdah: ModuleType, dsn: str) -> None:
    assert (
        in_subprocess(howdah, GLOBAL.replace("import datetime", "import howdah.types.datetime, datetime"), dsn)
        == "True\n"
    )


def test_by_subclasses(conn: Any, driver: ModuleType) -> None:
    # As psycopg's documentation advises.
    module = part(driver, "types.datetime")
    dumper, text, binary = module.DateDumper, module.DateLoader, module.DateBinaryLoader

    def dump(self: Any, obj: dt.date) -> Any:
        return b"infinity" if obj == dt.date.max else dumper.dump(self, obj)

    def load(self: Any, data: Any) -> Any:
        return dt.date.max if bytes(data) == b"infinity" else text.load(self, data)

    def load_binary(self: Any, data: Any) -> Any:
        return dt.date.max if bytes(data) == b"\x7f\xff\xff\xff" else binary.load(self, data)

    conn.adapters.register_dumper(dt.date, made(dumper, dump=dump))
    conn.adapters.register_loader("date", made(text, load=load))
    conn.adapters.register_loader("date", made(binary, load=load_binary))
    for form, placeholder in itertools.product([False, True], ["%s", "%t"]):
        query = f"select {placeholder}, {placeholder} = 'infinity', {placeholder}, {placeholder}"
        values = (dt.date.max, dt.date.max, dt.date(2020, 1, 2), [dt.date.max, None])
        row = conn.execute(query, values, binary=form).fetchone()
        assert row == (dt.date.max, True, dt.date(2020, 1, 2), [dt.date.max, None])


def test_times_that_python_does_not_have(conn: Any, driver: ModuleType) -> None:
    # psycopg's C implementation loads other intervals instead of these.
    wide = ["'178000000 years'::interval", "'-178000000 years'::interval"] if driver.__name__ == "howdah" else []
    for binary in (False, True):
        for column in ["'24:00'::time", "'24:00+00'::timetz", *wide]:
            with pytest.raises(driver.DataError):
                conn.execute(f"select {column}", binary=binary).fetchone()


@pytest.mark.parametrize("style", ["sql_standard", "iso_8601", "postgres_verbose"])
def test_interval_styles(conn: Any, style: str) -> None:
    conn.execute(f"set intervalstyle to '{style}'")
    value = dt.timedelta(-1, 5, 7)
    assert conn.execute("select %t, %b", (value, value), binary=True).fetchone() == (value, value)
    with pytest.raises(NotImplementedError, match=f"can't parse interval with IntervalStyle '{style}'"):
        conn.execute("select '1 day'::interval").fetchone()


def test_timestamptz_in_other_styles(conn: Any) -> None:
    conn.execute("set datestyle to 'SQL, DMY'")
    with pytest.raises(NotImplementedError, match="can't parse timestamptz with DateStyle 'SQL, DMY'"):
        conn.execute("select now()").fetchone()
