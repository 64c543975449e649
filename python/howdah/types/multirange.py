"""Sequences of ranges: what `int4multirange`, `tstzmultirange` and the other multirange types are in Python."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, overload

from .range import Range, T

__all__ = ["DateMultirange", "Int4Multirange", "Int8Multirange", "Multirange"]
__all__ += ["NumericMultirange", "TimestampMultirange", "TimestamptzMultirange"]


class Multirange(MutableSequence[Range[T]]):
    """A mutable sequence of `Range`.

    Anything else put into it raises `TypeError`. The server sorts, merges and drops ranges; this class
    keeps them as they were given.

    As a parameter it is sent as the multirange type of its first bound; one of ints without a
    type, so that the server chooses by the context. The subclasses are sent as the type that their
    name says. The server has multiranges since PostgreSQL 14.
    """

    def __init__(self, items: Iterable[Range[T]] = ()):
        self._ranges: list[Range[T]] = [_checked(item) for item in items]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._ranges!r})"

    def __str__(self) -> str:
        return "{" + ", ".join(map(str, self._ranges)) + "}"

    @overload
    def __getitem__(self, index: int) -> Range[T]: ...
    @overload
    def __getitem__(self, index: slice) -> Multirange[T]: ...
    def __getitem__(self, index: int | slice) -> Range[T] | Multirange[T]:
        if isinstance(index, slice):
            return Multirange(self._ranges[index])
        return self._ranges[index]

    def __len__(self) -> int:
        return len(self._ranges)

    @overload
    def __setitem__(self, index: int, value: Range[T]) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[Range[T]]) -> None: ...
    def __setitem__(self, index: int | slice, value: Range[T] | Iterable[Range[T]]) -> None:
        if not isinstance(index, slice):
            self._ranges[index] = _checked(value)
        elif isinstance(value, Iterable):
            self._ranges[index] = [_checked(item) for item in value]
        else:
            raise TypeError("can only assign an iterable")

    def __delitem__(self, index: int | slice) -> None:
        del self._ranges[index]

    def insert(self, index: int, value: Range[T]) -> None:
        """Insert a range before `index`."""
        self._ranges.insert(index, _checked(value))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Multirange) and self._ranges == other._ranges

    # The order is not the server's: it only has to be a stable one.

    def __lt__(self, other: Any) -> bool:
        return self._ranges < other._ranges if isinstance(other, Multirange) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self._ranges <= other._ranges if isinstance(other, Multirange) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self._ranges > other._ranges if isinstance(other, Multirange) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self._ranges >= other._ranges if isinstance(other, Multirange) else NotImplemented


class Int4Multirange(Multirange[int]):
    """A multirange to be sent as `int4multirange`."""


class Int8Multirange(Multirange[int]):
    """A multirange to be sent as `int8multirange`."""


class NumericMultirange(Multirange[Decimal]):
    """A multirange to be sent as `nummultirange`."""


class DateMultirange(Multirange[date]):
    """A multirange to be sent as `datemultirange`."""


class TimestampMultirange(Multirange[datetime]):
    """A multirange to be sent as `tsmultirange`: time zones of its bounds are dropped."""


class TimestamptzMultirange(Multirange[datetime]):
    """A multirange to be sent as `tstzmultirange`: a bound without a time zone is in the session's."""


def _checked(item: Any) -> Range[Any]:
    if isinstance(item, Range):
        return item
    raise TypeError(f"Multirange is a sequence of Range, got {type(item).__name__}")
