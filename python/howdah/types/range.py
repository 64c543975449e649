"""Ranges of values: what `int4range`, `tstzrange` and the other range types are in Python."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

__all__ = ["DateRange", "Int4Range", "Int8Range", "NumericRange", "Range", "TimestampRange", "TimestamptzRange"]

T = TypeVar("T")

_BOUNDS = ("[)", "(]", "()", "[]")


class Range(Generic[T]):
    """The values between two bounds.

    `None` is a bound that is missing. `bounds` tells with `[` and `]` which bounds belong to the
    range, and with `(` and `)` which do not; a missing one never does. Raises `ValueError` for other
    `bounds`. With `empty` there is no value in the range, and the other arguments do not count.

    As a parameter it is sent as the range type of its bounds: `daterange` for dates, `numrange` for
    `Decimal`; one of ints without a type, so that the server chooses by the context. The
    subclasses are sent as the type that their name says.
    """

    __slots__ = ("_bounds", "_lower", "_upper")

    def __init__(self, lower: T | None = None, upper: T | None = None, bounds: str = "[)", empty: bool = False):
        self._lower: T | None = None
        self._upper: T | None = None
        self._bounds = ""
        if empty:
            return
        if bounds not in _BOUNDS:
            raise ValueError(f"bound flags not valid: {bounds!r}")
        left = "(" if lower is None else bounds[0]
        right = ")" if upper is None else bounds[1]
        self._lower, self._upper, self._bounds = lower, upper, left + right

    def __repr__(self) -> str:
        name = type(self).__name__
        if self.isempty:
            return f"{name}(empty=True)"
        return f"{name}({self._lower!r}, {self._upper!r}, {self._bounds!r})"

    def __str__(self) -> str:
        if self.isempty:
            return "empty"
        return f"{self._bounds[0]}{self._lower}, {self._upper}{self._bounds[1]}"

    @property
    def lower(self) -> T | None:
        """The lower bound; `None` if there is none or the range is empty."""
        return self._lower

    @property
    def upper(self) -> T | None:
        """The upper bound; `None` if there is none or the range is empty."""
        return self._upper

    @property
    def bounds(self) -> str:
        """Two brackets, such as `[)`; an empty string if the range is empty."""
        return self._bounds

    @property
    def isempty(self) -> bool:
        """Whether no value is in the range."""
        return not self._bounds

    @property
    def lower_inf(self) -> bool:
        """Whether the range has values but no lower bound."""
        return bool(self._bounds) and self._lower is None

    @property
    def upper_inf(self) -> bool:
        """Whether the range has values but no upper bound."""
        return bool(self._bounds) and self._upper is None

    @property
    def lower_inc(self) -> bool:
        """Whether the lower bound is in the range."""
        return self._bounds.startswith("[") and self._lower is not None

    @property
    def upper_inc(self) -> bool:
        """Whether the upper bound is in the range."""
        return self._bounds.endswith("]") and self._upper is not None

    def __contains__(self, x: Any) -> bool:
        return bool(self._bounds) and not self._is_before(x) and not self._is_behind(x)

    def _is_before(self, x: Any) -> bool:
        lower: Any = self._lower
        if lower is None:
            return False
        return bool(x < lower if self.lower_inc else x <= lower)

    def _is_behind(self, x: Any) -> bool:
        upper: Any = self._upper
        if upper is None:
            return False
        return bool(x > upper if self.upper_inc else x >= upper)

    def __bool__(self) -> bool:
        return bool(self._bounds)

    def _parts(self) -> tuple[Any, Any, str]:
        return self._lower, self._upper, self._bounds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    # The order is not the server's: it only has to be a stable one.

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, Range):
            return NotImplemented
        for mine, theirs in zip(self._parts(), other._parts(), strict=True):
            if mine == theirs:
                continue
            if mine is None or theirs is None:
                return mine is None
            return bool(mine < theirs)
        return False

    def __le__(self, other: Any) -> bool:
        if not isinstance(other, Range):
            return NotImplemented
        return self == other or self < other

    # Not with an operator: of a class and its subclass Python asks the subclass first, which asks back without end.

    def __gt__(self, other: Any) -> bool:
        return Range.__lt__(other, self) if isinstance(other, Range) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return Range.__le__(other, self) if isinstance(other, Range) else NotImplemented

    def __getstate__(self) -> dict[str, Any]:
        return {"_lower": self._lower, "_upper": self._upper, "_bounds": self._bounds}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


class Int4Range(Range[int]):
    """A range to be sent as `int4range`."""


class Int8Range(Range[int]):
    """A range to be sent as `int8range`."""


class NumericRange(Range[Decimal]):
    """A range to be sent as `numrange`."""


class DateRange(Range[date]):
    """A range to be sent as `daterange`."""


class TimestampRange(Range[datetime]):
    """A range to be sent as `tsrange`: time zones of its bounds are dropped."""


class TimestamptzRange(Range[datetime]):
    """A range to be sent as `tstzrange`: a bound without a time zone is in the session's."""
