"""The type objects and constructors of PEP 249."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .types.string import BytesBinaryDumper, BytesDumper

if TYPE_CHECKING:
    from .abc import AdaptContext


class DBAPITypeObject:
    """A group of types: equal to the OID of each of them, as `Column.type_code` has it."""

    def __init__(self, name: str, oids: tuple[int, ...]) -> None:
        self.name = name
        self.values = oids

    def __repr__(self) -> str:
        return f"howdah.{self.name}"

    def __eq__(self, other: object) -> bool:
        return other in self.values if isinstance(other, int) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return other not in self.values if isinstance(other, int) else NotImplemented

    # An object that equals several numbers has no hash that agrees with all of them.
    __hash__ = None  # type: ignore[assignment]


BINARY = DBAPITypeObject("BINARY", (17,))
"""bytea."""

DATETIME = DBAPITypeObject("DATETIME", (1114, 1184, 1082, 1083, 1266, 1186))
"""timestamp, timestamptz, date, time, timetz, interval."""

NUMBER = DBAPITypeObject("NUMBER", (21, 23, 20, 700, 701, 1700))
"""int2, int4, int8, float4, float8, numeric."""

ROWID = DBAPITypeObject("ROWID", (26,))
"""oid."""

STRING = DBAPITypeObject("STRING", (25, 1043, 1042))
"""text, varchar, bpchar."""


class Binary:
    """A wrapper that says: send this object as bytea."""

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __repr__(self) -> str:
        text = repr(self.obj)
        if len(text) > 40:
            text = f"{text[:35]} ... ({len(text)} byteschars)"
        return f"{type(self).__name__}({text})"


class BinaryTextDumper(BytesDumper):
    """`Binary`, and what it can wrap, to `bytea`, in text."""

    _codec = "bytes"


class BinaryBinaryDumper(BytesBinaryDumper):
    """`Binary`, and what it can wrap, to `bytea`, in binary."""

    _codec = "bytes"


def Date(year: int, month: int, day: int) -> dt.date:
    """Make a date."""
    return dt.date(year, month, day)


def Time(hour: int, minute: int, second: int) -> dt.time:
    """Make a time of day."""
    return dt.time(hour, minute, second)


def Timestamp(year: int, month: int, day: int, hour: int, minute: int, second: int) -> dt.datetime:
    """Make a date with a time of day, without time zone."""
    return dt.datetime(year, month, day, hour, minute, second)


def DateFromTicks(ticks: float) -> dt.date:
    """Make the date, in UTC, of so many seconds after the start of 1970."""
    return TimestampFromTicks(ticks).date()


def TimeFromTicks(ticks: float) -> dt.time:
    """Make the time of day, in UTC, of so many seconds after the start of 1970."""
    return TimestampFromTicks(ticks).time()


def TimestampFromTicks(ticks: float) -> dt.datetime:
    """Make the moment, in UTC, of so many seconds after the start of 1970."""
    return EPOCH + dt.timedelta(seconds=ticks)


def register_dbapi20_adapters(context: AdaptContext) -> None:
    """Register the dumpers of `Binary` in a context, and as those of values that are to be `bytea`."""
    for dumper in (BinaryTextDumper, BinaryBinaryDumper):
        context.adapters.register_dumper(Binary, dumper)
        context.adapters.register_dumper(None, dumper)


EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
