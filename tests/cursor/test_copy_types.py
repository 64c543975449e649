"""COPY of rows whose columns' types were set: each value as the type, in both formats, as psycopg writes it."""

from __future__ import annotations

import datetime as dt
import enum
import math
from decimal import Decimal
from types import ModuleType
from typing import Any

import psycopg
import pytest


class Count(int):
    pass


class Name(str):
    __slots__ = ()


class Color(enum.IntEnum):
    RED = 7


class Real(float):
    pass


VALUES = [
    ("int2", [0, -1, 32767, -32768, True, Count(3), Color.RED, None]),
    ("int4", [0, 2147483647, -2147483648, False, Count(3), None]),
    ("int8", [0, 9223372036854775807, -9223372036854775808, True, Count(-3)]),
    ("bool", [True, False, None]),
    ("float8", [0.0, -0.0, 1.5, 1e300, 5e-324, math.inf, -math.inf, 3, Real(2.5), None]),
    ("text", ["", "a", "é€\t\n\\", "\\N", "x" * 100, "seven\\.", Name("of a class"), None]),
    ("varchar", ["a\rb", "\x01\x0e\x7f", "\v\f\b"]),
    ("name", ["who"]),
    ("numeric", [Decimal("1.50"), 7, None]),
    ("date", [dt.date(2020, 2, 29)]),
    ("bytea", [b"\x00\\", b""]),
]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize(("name", "values"), VALUES, ids=[name for name, _ in VALUES])
def test_values_are_of_the_type(conn: Any, name: str, values: list[Any], binary: bool) -> None:
    cur = conn.cursor()
    cur.execute(f"create temp table kept (n serial, v {name})")
    with cur.copy(f"copy kept (v) from stdin{' (format binary)' if binary else ''}") as copy:
        copy.set_types([name])
        for value in values:
            copy.write_row((value,))
    stored = [value for (value,) in cur.execute("select v from kept order by n").fetchall()]
    assert stored == values
    if name == "float8":
        assert math.copysign(1, stored[1]) == -1


WRONG = [
    ("int2", 32768),
    ("int2", -32769),
    ("int4", 2**31),
    ("int8", 2**63),
    ("int4", "x"),
    ("int4", 1.5),
    ("float8", "x"),
    ("text", "a\0b"),
    ("text", "long enough \0"),
    ("text", "\ud800"),
    ("text", 5),
    ("bool", "x"),
]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_what_is_not_of_the_type(howdah: ModuleType, dsn: str, name: str, value: Any, binary: bool) -> None:
    def outcome(driver: ModuleType) -> tuple[Any, ...]:
        with driver.connect(dsn, autocommit=True) as conn:
            cur = conn.cursor()
            cur.execute(f"create temp table kept (v {name})")
            try:
                with cur.copy(f"copy kept (v) from stdin{' (format binary)' if binary else ''}") as copy:
                    copy.set_types([name])
                    copy.write_row((value,))
            except Exception as error:
                result: tuple[Any, ...] = (type(error).__name__, getattr(error, "sqlstate", None))
            else:
                result = tuple(cur.execute("select v from kept").fetchone())
            return (*result, conn.info.transaction_status.name, cur.execute("select 1").fetchone())

    ours = outcome(howdah)
    if binary and name in ("int2", "int4") and type(value) is int:
        # psycopg cuts them off, and stores what is left.
        assert ours == ("DataError", None, "IDLE", (1,))
    else:
        assert ours == outcome(psycopg)


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_a_dumper_of_the_users_is_asked(driver: ModuleType, conn: Any, binary: bool) -> None:
    class Shouting(driver.adapt.Dumper):  # type: ignore[misc,name-defined]
        oid = driver.adapters.types["text"].oid
        format = driver.pq.Format(binary)

        def dump(self, obj: Any) -> bytes:
            return str(obj).upper().encode()

    cur = conn.cursor()
    cur.execute("create temp table kept (n serial, v text)")
    cur.adapters.register_dumper(str, Shouting)
    with cur.copy(f"copy kept (v) from stdin{' (format binary)' if binary else ''}") as copy:
        copy.set_types(["text"])
        copy.write_row(["quiet"])
        copy.write_row([None])
    assert cur.execute("select v from kept order by n").fetchall() == [("QUIET",), (None,)]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_other_encodings(conn: Any, binary: bool) -> None:
    conn.execute("set client_encoding to latin1")
    cur = conn.cursor()
    cur.execute("create temp table kept (v text)")
    with cur.copy(f"copy kept (v) from stdin{' (format binary)' if binary else ''}") as copy:
        copy.set_types(["text"])
        copy.write_row(["é\\"])
    assert cur.execute("select v, octet_length(v) from kept").fetchall() == [("é\\", 3)]
