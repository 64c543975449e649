"""Adapters of dates, times and intervals.

A time or a timestamp without a time zone is sent as `time` or `timestamp`, one with a time zone as
`timetz` or `timestamptz`; the classes of those are used where the type is known and the value is
not. What Python cannot hold raises `DataError`: `infinity`, and years before 1 or after 9999.
`register_infinity()` has them loaded as something instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timezone
from typing import Any

from .. import _oids_generated as oids
from .._howdah import BuiltinDumper, BuiltinLoader
from ..abc import AdaptContext, DumperKey
from ..adapt import Dumper, Loader, PyFormat
from ..pq import Format
from ._infinity import Bounded, Replacements, register

utc = timezone.utc


class DateDumper(BuiltinDumper, Dumper):
    """`date` to `date`, in text."""

    _codec = "date"
    oid = oids.DATE


class DateBinaryDumper(BuiltinDumper, Dumper):
    """`date` to `date`, in binary."""

    _codec = "date"
    format = Format.BINARY
    oid = oids.DATE


class _TimeByZone(Dumper):
    """Tells times apart by whether they have a time zone."""

    def get_key(self, obj: time, format: PyFormat) -> DumperKey:
        """Return the class, in a tuple if the value has a time zone."""
        return (self.cls,) if obj.tzinfo else self.cls


class TimeDumper(BuiltinDumper, _TimeByZone):
    """`time` to `time`, or to `timetz` if it has a time zone, in text."""

    _codec = "time"
    oid = oids.TIME

    def upgrade(self, obj: time, format: PyFormat) -> Dumper:
        """Return the dumper itself, or one for `timetz`."""
        return TimeTzDumper(self.cls) if obj.tzinfo else self


class TimeTzDumper(BuiltinDumper, _TimeByZone):
    """`time` with a time zone to `timetz`, in text. The zone must have one offset, whatever the date."""

    _codec = "timetz"
    oid = oids.TIMETZ


class TimeBinaryDumper(BuiltinDumper, _TimeByZone):
    """`time` to `time`, or to `timetz` if it has a time zone, in binary."""

    _codec = "time"
    format = Format.BINARY
    oid = oids.TIME

    def upgrade(self, obj: time, format: PyFormat) -> Dumper:
        """Return the dumper itself, or one for `timetz`."""
        return TimeTzBinaryDumper(self.cls) if obj.tzinfo else self


class TimeTzBinaryDumper(BuiltinDumper, _TimeByZone):
    """`time` with a time zone to `timetz`, in binary. The zone must have one offset, whatever the date."""

    _codec = "timetz"
    format = Format.BINARY
    oid = oids.TIMETZ


class _DatetimeByZone(Dumper):
    """Tells timestamps apart by whether they have a time zone."""

    def get_key(self, obj: datetime, format: PyFormat) -> DumperKey:
        """Return the class, in a tuple if the value has no time zone."""
        return self.cls if obj.tzinfo else (self.cls,)


class DatetimeDumper(BuiltinDumper, _DatetimeByZone):
    """`datetime` to `timestamptz`, or to `timestamp` if it has no time zone, in text."""

    _codec = "datetime"
    oid = oids.TIMESTAMPTZ

    def upgrade(self, obj: datetime, format: PyFormat) -> Dumper:
        """Return the dumper itself, or one for `timestamp`."""
        return self if obj.tzinfo else DatetimeNoTzDumper(self.cls)


class DatetimeNoTzDumper(BuiltinDumper, _DatetimeByZone):
    """`datetime` without a time zone to `timestamp`, in text."""

    _codec = "datetime_notz"
    oid = oids.TIMESTAMP


class DatetimeBinaryDumper(BuiltinDumper, _DatetimeByZone):
    """`datetime` to `timestamptz`, or to `timestamp` if it has no time zone, in binary."""

    _codec = "datetime"
    format = Format.BINARY
    oid = oids.TIMESTAMPTZ

    def upgrade(self, obj: datetime, format: PyFormat) -> Dumper:
        """Return the dumper itself, or one for `timestamp`."""
        return self if obj.tzinfo else DatetimeNoTzBinaryDumper(self.cls)


class DatetimeNoTzBinaryDumper(BuiltinDumper, _DatetimeByZone):
    """`datetime` without a time zone to `timestamp`, in binary."""

    _codec = "datetime_notz"
    format = Format.BINARY
    oid = oids.TIMESTAMP


class TimedeltaDumper(BuiltinDumper, Dumper):
    """`timedelta` to `interval`, in text."""

    _codec = "timedelta"
    oid = oids.INTERVAL


class TimedeltaBinaryDumper(BuiltinDumper, Dumper):
    """`timedelta` to `interval`, in binary."""

    _codec = "timedelta"
    format = Format.BINARY
    oid = oids.INTERVAL


class DateLoader(BuiltinLoader, Loader):
    """`date` in text to `date`, in any `DateStyle`."""

    _codec = "date"


class DateBinaryLoader(BuiltinLoader, Loader):
    """`date` in binary to `date`."""

    _codec = "date"
    format = Format.BINARY


class TimeLoader(BuiltinLoader, Loader):
    """`time` in text to `time`. Raises `DataError` for 24:00."""

    _codec = "time"


class TimeBinaryLoader(BuiltinLoader, Loader):
    """`time` in binary to `time`. Raises `DataError` for 24:00."""

    _codec = "time"
    format = Format.BINARY


class TimetzLoader(BuiltinLoader, Loader):
    """`timetz` in text to `time` with a time zone of fixed offset."""

    _codec = "timetz"


class TimetzBinaryLoader(BuiltinLoader, Loader):
    """`timetz` in binary to `time` with a time zone of fixed offset."""

    _codec = "timetz"
    format = Format.BINARY


class TimestampLoader(BuiltinLoader, Loader):
    """`timestamp` in text to `datetime` without a time zone, in any `DateStyle`."""

    _codec = "timestamp"


class TimestampBinaryLoader(BuiltinLoader, Loader):
    """`timestamp` in binary to `datetime` without a time zone."""

    _codec = "timestamp"
    format = Format.BINARY


class TimestamptzLoader(BuiltinLoader, Loader):
    """`timestamptz` in text to `datetime` in the time zone of the connection.

    Raises an error that is both `NotSupportedError` and `NotImplementedError` if `DateStyle` is not
    ISO: the others have names of time zones, which say too little.
    """

    _codec = "timestamptz"


class TimestamptzBinaryLoader(BuiltinLoader, Loader):
    """`timestamptz` in binary to `datetime` in the time zone of the connection."""

    _codec = "timestamptz"
    format = Format.BINARY


class IntervalLoader(BuiltinLoader, Loader):
    """`interval` in text to `timedelta`, a month counted as 30 days and a year as 365.

    Raises an error that is both `NotSupportedError` and `NotImplementedError` if `IntervalStyle` is
    not `postgres`.
    """

    _codec = "interval"


class IntervalBinaryLoader(BuiltinLoader, Loader):
    """`interval` in binary to `timedelta`, a month counted as 30 days and a year as 365."""

    _codec = "interval"
    format = Format.BINARY


def register_infinity(
    context: AdaptContext | None = None,
    *,
    types: Iterable[str] = ("date", "timestamp", "timestamptz"),
    infinity: Any = ...,
    minus_infinity: Any = ...,
    too_late: Any = ...,
    too_early: Any = ...,
) -> None:
    """Load dates and timestamps that Python cannot hold, which raise `DataError` otherwise.

    `infinity` and `minus_infinity` are loaded in the place of the values of these names, `too_late`
    in the place of what is after the year 9999, `too_early` of what is before the year 1. Where
    one is not given it is `date.max` or `date.min`; for `timestamp` that of `datetime`, and for
    `timestamptz` the same in UTC. If one is the class `DataError`, the error is still raised.

    It holds in a connection, a cursor or another context, or without one for the connections made
    from now on; in text and in binary, and in arrays and ranges. Call it once for each of `types`
    that are to differ. What is sent does not change. Raises `ValueError` for another type.
    """
    register(context, _INFINITE, types, Replacements(infinity, minus_infinity, too_late, too_early))


def register_default_adapters(context: AdaptContext) -> None:
    """Register the adapters of this module as howdah has them at first."""
    adapters = context.adapters
    adapters.register_dumper("datetime.date", DateDumper)
    adapters.register_dumper("datetime.date", DateBinaryDumper)
    # Those that see the value come last; the others are only used by their OIDs.
    adapters.register_dumper("datetime.time", TimeTzDumper)
    adapters.register_dumper("datetime.time", TimeTzBinaryDumper)
    adapters.register_dumper("datetime.time", TimeDumper)
    adapters.register_dumper("datetime.time", TimeBinaryDumper)
    adapters.register_dumper("datetime.datetime", DatetimeNoTzDumper)
    adapters.register_dumper("datetime.datetime", DatetimeNoTzBinaryDumper)
    adapters.register_dumper("datetime.datetime", DatetimeDumper)
    adapters.register_dumper("datetime.datetime", DatetimeBinaryDumper)
    adapters.register_dumper("datetime.timedelta", TimedeltaDumper)
    adapters.register_dumper("datetime.timedelta", TimedeltaBinaryDumper)
    for name, text_loader, binary_loader in _LOADERS:
        adapters.register_loader(name, text_loader)
        adapters.register_loader(name, binary_loader)


_LOADERS: list[tuple[str, type[Loader], type[Loader]]] = [
    ("date", DateLoader, DateBinaryLoader),
    ("time", TimeLoader, TimeBinaryLoader),
    ("timetz", TimetzLoader, TimetzBinaryLoader),
    ("timestamp", TimestampLoader, TimestampBinaryLoader),
    ("timestamptz", TimestamptzLoader, TimestamptzBinaryLoader),
    ("interval", IntervalLoader, IntervalBinaryLoader),
]

_INFINITE: dict[str, Bounded] = {
    "date": Bounded(date.min, date.max, (DateLoader, DateBinaryLoader)),
    "timestamp": Bounded(datetime.min, datetime.max, (TimestampLoader, TimestampBinaryLoader)),
    "timestamptz": Bounded(
        datetime.min.replace(tzinfo=utc),
        datetime.max.replace(tzinfo=utc),
        (TimestamptzLoader, TimestamptzBinaryLoader),
    ),
}
