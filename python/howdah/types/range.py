"""Ranges of values: what `int4range`, `tstzrange` and the other range types are in Python."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from .. import _oids_generated as oids
from .. import abc
from .._howdah import BuiltinDumper, BuiltinLoader
from .._registry import TypesRegistry
from .._typeinfo import TypeInfo
from ..pq import Format
from ._bounds import BoundsDumper, BoundsLoader
from ._registering import register_info

if TYPE_CHECKING:
    from .._connection_base import BaseConnection

T = TypeVar("T")

_BOUNDS = ("[)", "(]", "()", "[]")


class RangeInfo(TypeInfo):
    """What is known about a range type: a `TypeInfo` with the OID of the bounds."""

    def __init__(self, name: str, oid: int, array_oid: int, *, regtype: str = "", subtype_oid: int) -> None:
        super().__init__(name, oid, array_oid, regtype=regtype)
        self.subtype_oid = subtype_oid

    @classmethod
    def _get_info_query(cls, conn: BaseConnection[Any]) -> str:
        return _QUERY

    def _added(self, registry: TypesRegistry) -> None:
        # How `TypesRegistry.get_by_subtype()` finds it.
        registry._registry[RangeInfo, self.subtype_oid] = self


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


class BaseRangeDumper(BoundsDumper):
    """Base of the dumpers of ranges: one of plain `Range` objects takes the type from their bounds.

    With a `subtype_oid` the bounds are sent as that type.
    """

    _generic_class = Range
    _info_class = RangeInfo

    @classmethod
    def _text_class(cls) -> type[RangeDumper]:
        return RangeDumper

    def _get_item(self, obj: Range[Any]) -> Any:
        return obj.upper if obj.lower is None else obj.lower


class RangeDumper(BuiltinDumper, BaseRangeDumper):
    """Ranges as text."""

    _codec: ClassVar[str] = "range"


class RangeBinaryDumper(BuiltinDumper, BaseRangeDumper):
    """Ranges in binary."""

    _codec: ClassVar[str] = "range"
    format = Format.BINARY


class BaseRangeLoader(BoundsLoader, Generic[T]):
    """Base of the loaders of ranges. A subclass says the type of the bounds."""


class RangeLoader(BuiltinLoader, BaseRangeLoader[T]):
    """Ranges in text."""

    _codec: ClassVar[str] = "range"


class RangeBinaryLoader(BuiltinLoader, BaseRangeLoader[T]):
    """Ranges in binary."""

    _codec: ClassVar[str] = "range"
    format = Format.BINARY


def register_range(info: RangeInfo, context: abc.AdaptContext | None = None) -> None:
    """Load values of a range type as `Range`, with bounds of its own type.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info`: `RangeInfo.fetch()` did not find the type.
    """
    adapters = register_info(info, context, "Is the requested range available?")
    adapters.register_loader(info.oid, _make_loader(info.name, info.subtype_oid))
    adapters.register_loader(info.oid, _make_binary_loader(info.name, info.subtype_oid))


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the dumpers and loaders of the built-in ranges in a context."""
    adapters = context.adapters
    adapters.register_dumper(Range, RangeBinaryDumper)
    adapters.register_dumper(Range, RangeDumper)
    for cls, text_dumper, binary_dumper in _BUILTIN_DUMPERS:
        adapters.register_dumper(cls, text_dumper)
        adapters.register_dumper(cls, binary_dumper)
    for name, text_loader, binary_loader in _BUILTIN_LOADERS:
        adapters.register_loader(name, text_loader)
        adapters.register_loader(name, binary_loader)


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_loader(name: str, subtype_oid: int) -> type[RangeLoader[Any]]:
    return type(f"{name.title()}Loader", (RangeLoader,), {"_codec": "range", "subtype_oid": subtype_oid})


@cache
def _make_binary_loader(name: str, subtype_oid: int) -> type[RangeBinaryLoader[Any]]:
    body = {"_codec": "range", "subtype_oid": subtype_oid}
    return type(f"{name.title()}BinaryLoader", (RangeBinaryLoader,), body)


# The dumpers of the classes that say by themselves what they are sent as.


class Int4RangeDumper(RangeDumper):
    """`Int4Range` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.INT4RANGE
    subtype_oid = oids.INT4


class Int8RangeDumper(RangeDumper):
    """`Int8Range` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.INT8RANGE
    subtype_oid = oids.INT8


class NumericRangeDumper(RangeDumper):
    """`NumericRange` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.NUMRANGE
    subtype_oid = oids.NUMERIC


class DateRangeDumper(RangeDumper):
    """`DateRange` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.DATERANGE
    subtype_oid = oids.DATE


class TimestampRangeDumper(RangeDumper):
    """`TimestampRange` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.TSRANGE
    subtype_oid = oids.TIMESTAMP


class TimestamptzRangeDumper(RangeDumper):
    """`TimestamptzRange` as text."""

    _codec: ClassVar[str] = "range"
    oid = oids.TSTZRANGE
    subtype_oid = oids.TIMESTAMPTZ


class Int4RangeBinaryDumper(RangeBinaryDumper):
    """`Int4Range` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.INT4RANGE
    subtype_oid = oids.INT4


class Int8RangeBinaryDumper(RangeBinaryDumper):
    """`Int8Range` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.INT8RANGE
    subtype_oid = oids.INT8


class NumericRangeBinaryDumper(RangeBinaryDumper):
    """`NumericRange` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.NUMRANGE
    subtype_oid = oids.NUMERIC


class DateRangeBinaryDumper(RangeBinaryDumper):
    """`DateRange` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.DATERANGE
    subtype_oid = oids.DATE


class TimestampRangeBinaryDumper(RangeBinaryDumper):
    """`TimestampRange` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.TSRANGE
    subtype_oid = oids.TIMESTAMP


class TimestamptzRangeBinaryDumper(RangeBinaryDumper):
    """`TimestamptzRange` in binary."""

    _codec: ClassVar[str] = "range"
    oid = oids.TSTZRANGE
    subtype_oid = oids.TIMESTAMPTZ


# The loaders of the built-in types.


class Int4RangeLoader(RangeLoader[int]):
    """`int4range` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.INT4


class Int8RangeLoader(RangeLoader[int]):
    """`int8range` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.INT8


class NumericRangeLoader(RangeLoader[Decimal]):
    """`numrange` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.NUMERIC


class DateRangeLoader(RangeLoader[date]):
    """`daterange` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.DATE


class TimestampRangeLoader(RangeLoader[datetime]):
    """`tsrange` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.TIMESTAMP


class TimestampTZRangeLoader(RangeLoader[datetime]):
    """`tstzrange` in text."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.TIMESTAMPTZ


class Int4RangeBinaryLoader(RangeBinaryLoader[int]):
    """`int4range` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.INT4


class Int8RangeBinaryLoader(RangeBinaryLoader[int]):
    """`int8range` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.INT8


class NumericRangeBinaryLoader(RangeBinaryLoader[Decimal]):
    """`numrange` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.NUMERIC


class DateRangeBinaryLoader(RangeBinaryLoader[date]):
    """`daterange` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.DATE


class TimestampRangeBinaryLoader(RangeBinaryLoader[datetime]):
    """`tsrange` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.TIMESTAMP


class TimestampTZRangeBinaryLoader(RangeBinaryLoader[datetime]):
    """`tstzrange` in binary."""

    _codec: ClassVar[str] = "range"
    subtype_oid = oids.TIMESTAMPTZ


_BUILTIN_DUMPERS: Final[tuple[tuple[type[Range[Any]], type[RangeDumper], type[RangeBinaryDumper]], ...]] = (
    (Int4Range, Int4RangeDumper, Int4RangeBinaryDumper),
    (Int8Range, Int8RangeDumper, Int8RangeBinaryDumper),
    (NumericRange, NumericRangeDumper, NumericRangeBinaryDumper),
    (DateRange, DateRangeDumper, DateRangeBinaryDumper),
    (TimestampRange, TimestampRangeDumper, TimestampRangeBinaryDumper),
    (TimestamptzRange, TimestamptzRangeDumper, TimestamptzRangeBinaryDumper),
)

_BUILTIN_LOADERS: Final[tuple[tuple[str, type[RangeLoader[Any]], type[RangeBinaryLoader[Any]]], ...]] = (
    ("int4range", Int4RangeLoader, Int4RangeBinaryLoader),
    ("int8range", Int8RangeLoader, Int8RangeBinaryLoader),
    ("numrange", NumericRangeLoader, NumericRangeBinaryLoader),
    ("daterange", DateRangeLoader, DateRangeBinaryLoader),
    ("tsrange", TimestampRangeLoader, TimestampRangeBinaryLoader),
    ("tstzrange", TimestampTZRangeLoader, TimestampTZRangeBinaryLoader),
)

_QUERY: Final = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype, r.rngsubtype AS subtype_oid
FROM pg_type t JOIN pg_range r ON r.rngtypid = t.oid
WHERE t.oid = to_regtype(%(name)s)"""
