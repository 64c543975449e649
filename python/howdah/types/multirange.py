"""Sequences of ranges: what `int4multirange`, `tstzmultirange` and the other multirange types are in Python."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, overload

from .. import _oids_generated as oids
from .. import abc
from .._howdah import BuiltinDumper, BuiltinLoader
from .._registry import TypesRegistry
from .._typeinfo import TypeInfo
from ..errors import NotSupportedError
from ..pq import Format
from ._bounds import BoundsDumper, BoundsLoader
from ._registering import register_info
from .range import Range, T

if TYPE_CHECKING:
    from .._connection_base import BaseConnection


class MultirangeInfo(TypeInfo):
    """What is known about a multirange type: a `TypeInfo` with the OIDs of its ranges and of their bounds."""

    def __init__(
        self, name: str, oid: int, array_oid: int, *, regtype: str = "", range_oid: int, subtype_oid: int
    ) -> None:
        super().__init__(name, oid, array_oid, regtype=regtype)
        self.range_oid = range_oid
        self.subtype_oid = subtype_oid

    @classmethod
    def _get_info_query(cls, conn: BaseConnection[Any]) -> str:
        if conn._server_version() < _FIRST_SERVER_VERSION:
            raise NotSupportedError("multirange types are only available from PostgreSQL 14")
        return _QUERY

    def _added(self, registry: TypesRegistry) -> None:
        # How `TypesRegistry.get_by_subtype()` finds it, by the range and by its bounds.
        registry._registry[MultirangeInfo, self.range_oid] = self
        registry._registry[MultirangeInfo, self.subtype_oid] = self


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


class BaseMultirangeDumper(BoundsDumper):
    """Base of the dumpers of multiranges: one of plain `Multirange` objects takes the type from their bounds.

    With a `subtype_oid` the bounds are sent as that type.
    """

    _generic_class = Multirange
    _info_class = MultirangeInfo

    @classmethod
    def _text_class(cls) -> type[MultirangeDumper]:
        return MultirangeDumper

    def _get_item(self, obj: Multirange[Any]) -> Any:
        bounds = (bound for item in obj for bound in (item.lower, item.upper))
        return next((bound for bound in bounds if bound is not None), None)


class MultirangeDumper(BuiltinDumper, BaseMultirangeDumper):
    """Multiranges as text."""

    _codec: ClassVar[str] = "multirange"


class MultirangeBinaryDumper(BuiltinDumper, BaseMultirangeDumper):
    """Multiranges in binary."""

    _codec: ClassVar[str] = "multirange"
    format = Format.BINARY


class BaseMultirangeLoader(BoundsLoader, Generic[T]):
    """Base of the loaders of multiranges. A subclass says the type of the bounds."""


class MultirangeLoader(BuiltinLoader, BaseMultirangeLoader[T]):
    """Multiranges in text."""

    _codec: ClassVar[str] = "multirange"


class MultirangeBinaryLoader(BuiltinLoader, BaseMultirangeLoader[T]):
    """Multiranges in binary."""

    _codec: ClassVar[str] = "multirange"
    format = Format.BINARY


def register_multirange(info: MultirangeInfo, context: abc.AdaptContext | None = None) -> None:
    """Load values of a multirange type as `Multirange`, with bounds of its own type.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info`: `MultirangeInfo.fetch()` did not find the type.
    """
    adapters = register_info(info, context, "Is the requested multirange available?")
    adapters.register_loader(info.oid, _make_loader(info.name, info.subtype_oid))
    adapters.register_loader(info.oid, _make_binary_loader(info.name, info.subtype_oid))


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the dumpers and loaders of the built-in multiranges in a context."""
    adapters = context.adapters
    adapters.register_dumper(Multirange, MultirangeBinaryDumper)
    adapters.register_dumper(Multirange, MultirangeDumper)
    for cls, text_dumper, binary_dumper in _BUILTIN_DUMPERS:
        adapters.register_dumper(cls, text_dumper)
        adapters.register_dumper(cls, binary_dumper)
    for name, text_loader, binary_loader in _BUILTIN_LOADERS:
        adapters.register_loader(name, text_loader)
        adapters.register_loader(name, binary_loader)


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_loader(name: str, subtype_oid: int) -> type[MultirangeLoader[Any]]:
    return type(f"{name.title()}Loader", (MultirangeLoader,), {"_codec": "multirange", "subtype_oid": subtype_oid})


@cache
def _make_binary_loader(name: str, subtype_oid: int) -> type[MultirangeBinaryLoader[Any]]:
    body = {"_codec": "multirange", "subtype_oid": subtype_oid}
    return type(f"{name.title()}BinaryLoader", (MultirangeBinaryLoader,), body)


# The dumpers of the classes that say by themselves what they are sent as.


class Int4MultirangeDumper(MultirangeDumper):
    """`Int4Multirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.INT4MULTIRANGE
    subtype_oid = oids.INT4


class Int8MultirangeDumper(MultirangeDumper):
    """`Int8Multirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.INT8MULTIRANGE
    subtype_oid = oids.INT8


class NumericMultirangeDumper(MultirangeDumper):
    """`NumericMultirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.NUMMULTIRANGE
    subtype_oid = oids.NUMERIC


class DateMultirangeDumper(MultirangeDumper):
    """`DateMultirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.DATEMULTIRANGE
    subtype_oid = oids.DATE


class TimestampMultirangeDumper(MultirangeDumper):
    """`TimestampMultirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.TSMULTIRANGE
    subtype_oid = oids.TIMESTAMP


class TimestamptzMultirangeDumper(MultirangeDumper):
    """`TimestamptzMultirange` as text."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.TSTZMULTIRANGE
    subtype_oid = oids.TIMESTAMPTZ


class Int4MultirangeBinaryDumper(MultirangeBinaryDumper):
    """`Int4Multirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.INT4MULTIRANGE
    subtype_oid = oids.INT4


class Int8MultirangeBinaryDumper(MultirangeBinaryDumper):
    """`Int8Multirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.INT8MULTIRANGE
    subtype_oid = oids.INT8


class NumericMultirangeBinaryDumper(MultirangeBinaryDumper):
    """`NumericMultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.NUMMULTIRANGE
    subtype_oid = oids.NUMERIC


class DateMultirangeBinaryDumper(MultirangeBinaryDumper):
    """`DateMultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.DATEMULTIRANGE
    subtype_oid = oids.DATE


class TimestampMultirangeBinaryDumper(MultirangeBinaryDumper):
    """`TimestampMultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.TSMULTIRANGE
    subtype_oid = oids.TIMESTAMP


class TimestamptzMultirangeBinaryDumper(MultirangeBinaryDumper):
    """`TimestamptzMultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    oid = oids.TSTZMULTIRANGE
    subtype_oid = oids.TIMESTAMPTZ


# The loaders of the built-in types.


class Int4MultirangeLoader(MultirangeLoader[int]):
    """`int4multirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.INT4


class Int8MultirangeLoader(MultirangeLoader[int]):
    """`int8multirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.INT8


class NumericMultirangeLoader(MultirangeLoader[Decimal]):
    """`nummultirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.NUMERIC


class DateMultirangeLoader(MultirangeLoader[date]):
    """`datemultirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.DATE


class TimestampMultirangeLoader(MultirangeLoader[datetime]):
    """`tsmultirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.TIMESTAMP


class TimestampTZMultirangeLoader(MultirangeLoader[datetime]):
    """`tstzmultirange` in text."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.TIMESTAMPTZ


class Int4MultirangeBinaryLoader(MultirangeBinaryLoader[int]):
    """`int4multirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.INT4


class Int8MultirangeBinaryLoader(MultirangeBinaryLoader[int]):
    """`int8multirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.INT8


class NumericMultirangeBinaryLoader(MultirangeBinaryLoader[Decimal]):
    """`nummultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.NUMERIC


class DateMultirangeBinaryLoader(MultirangeBinaryLoader[date]):
    """`datemultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.DATE


class TimestampMultirangeBinaryLoader(MultirangeBinaryLoader[datetime]):
    """`tsmultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.TIMESTAMP


class TimestampTZMultirangeBinaryLoader(MultirangeBinaryLoader[datetime]):
    """`tstzmultirange` in binary."""

    _codec: ClassVar[str] = "multirange"
    subtype_oid = oids.TIMESTAMPTZ


_BUILTIN_DUMPERS: Final[
    tuple[tuple[type[Multirange[Any]], type[MultirangeDumper], type[MultirangeBinaryDumper]], ...]
] = (
    (Int4Multirange, Int4MultirangeDumper, Int4MultirangeBinaryDumper),
    (Int8Multirange, Int8MultirangeDumper, Int8MultirangeBinaryDumper),
    (NumericMultirange, NumericMultirangeDumper, NumericMultirangeBinaryDumper),
    (DateMultirange, DateMultirangeDumper, DateMultirangeBinaryDumper),
    (TimestampMultirange, TimestampMultirangeDumper, TimestampMultirangeBinaryDumper),
    (TimestamptzMultirange, TimestamptzMultirangeDumper, TimestamptzMultirangeBinaryDumper),
)

_BUILTIN_LOADERS: Final[tuple[tuple[str, type[MultirangeLoader[Any]], type[MultirangeBinaryLoader[Any]]], ...]] = (
    ("int4multirange", Int4MultirangeLoader, Int4MultirangeBinaryLoader),
    ("int8multirange", Int8MultirangeLoader, Int8MultirangeBinaryLoader),
    ("nummultirange", NumericMultirangeLoader, NumericMultirangeBinaryLoader),
    ("datemultirange", DateMultirangeLoader, DateMultirangeBinaryLoader),
    ("tsmultirange", TimestampMultirangeLoader, TimestampMultirangeBinaryLoader),
    ("tstzmultirange", TimestampTZMultirangeLoader, TimestampTZMultirangeBinaryLoader),
)

_FIRST_SERVER_VERSION: Final = 140000

_QUERY: Final = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype,
    r.rngtypid AS range_oid, r.rngsubtype AS subtype_oid
FROM pg_type t JOIN pg_range r ON r.rngmultitypid = t.oid
WHERE t.oid = to_regtype(%(name)s)"""


def _checked(item: Any) -> Range[Any]:
    if isinstance(item, Range):
        return item
    raise TypeError(f"Multirange is a sequence of Range, got {type(item).__name__}")
