"""Enumerations: what the types of `CREATE TYPE ... AS ENUM` are in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from .. import abc
from .._howdah import BuiltinDumper, BuiltinLoader
from .._typeinfo import TypeInfo
from ..adapt import Dumper, Loader
from ..pq import Format
from ._registering import encoding_of, register_info

if TYPE_CHECKING:
    from .._connection_base import BaseConnection

E = TypeVar("E", bound=Enum)

EnumDumpMap: TypeAlias = dict[E, bytes]
"""The labels that members are sent as."""

EnumLoadMap: TypeAlias = dict[bytes, E]
"""The members that labels are loaded as."""

EnumMapping: TypeAlias = Mapping[E, str] | Sequence[tuple[E, str]] | None
"""Members with the labels that stand for them."""

TEXT = Format.TEXT
BINARY = Format.BINARY


class EnumInfo(TypeInfo):
    """What is known about an enum type: a `TypeInfo` with its labels in their order.

    `enum` is the class that `register_enum()` was given or made.
    """

    def __init__(self, name: str, oid: int, array_oid: int, labels: Sequence[str], *, regtype: str = "") -> None:
        super().__init__(name, oid, array_oid, regtype=regtype)
        self.labels = labels
        self.enum: type[Enum] | None = None

    @classmethod
    def _get_info_query(cls, conn: BaseConnection[Any]) -> str:
        return _QUERY


class EnumDumper(BuiltinDumper, Dumper):
    """Members as text, by name. They have no type: the server takes the one that the context needs."""

    _codec: ClassVar[str] = "enum"


class EnumBinaryDumper(EnumDumper):
    """Members in binary, by name."""

    _codec: ClassVar[str] = "enum"
    format = BINARY


def register_enum(
    info: EnumInfo,
    context: abc.AdaptContext | None = None,
    enum: type[E] | None = None,
    *,
    mapping: EnumMapping[E] = None,
) -> None:
    """Load values of an enum type as members of a Python enumeration, and dump the members as that type.

    Without `enum` a class with the labels as names of the members is made; it is `info.enum` afterwards. A label
    without a member raises `DataError` when it is loaded. `mapping` gives members and labels that have different
    names; where it names one label for several members, or the reverse, the last one counts.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info`: `EnumInfo.fetch()` did not find the type.
    """
    adapters = register_info(info, context, "Is the requested enum available?")
    members: type[Enum] = _make_enum(info.name, tuple(info.labels)) if enum is None else enum
    info.enum = members
    encoding = encoding_of(context)
    pairs: list[tuple[Any, str]] = list(mapping.items() if isinstance(mapping, Mapping) else mapping or ())

    # A label may be without a member: the program may never meet it.
    labels = [(members.__members__[label], label) for label in info.labels if label in members.__members__]
    load_map = tuple((label.encode(encoding), member) for member, label in (*labels, *pairs))
    adapters.register_loader(info.oid, _make_loader(info.name, members, load_map))
    adapters.register_loader(info.oid, _make_binary_loader(info.name, members, load_map))

    names = [(member, member.name) for member in members]
    dump_map = tuple((member, label.encode(encoding)) for member, label in (*names, *pairs))
    adapters.register_dumper(members, _make_dumper(members, info.oid, dump_map))
    adapters.register_dumper(members, _make_binary_dumper(members, info.oid, dump_map))


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the dumpers of enumerations that are not registered themselves in a context."""
    context.adapters.register_dumper(Enum, EnumBinaryDumper)
    context.adapters.register_dumper(Enum, EnumDumper)


class _BaseEnumLoader(BuiltinLoader, Loader, Generic[E]):
    """Base of the loaders of registered types. Raises `DataError` for a label without a member."""

    _codec: ClassVar[str] = "enum"
    enum: type[E]
    _load_map: EnumLoadMap[E]


class _BaseEnumDumper(BuiltinDumper, Dumper, Generic[E]):
    """Base of the dumpers of registered enumerations."""

    _codec: ClassVar[str] = "enum"
    enum: type[E]
    _dump_map: EnumDumpMap[E]


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_enum(name: str, labels: tuple[str, ...]) -> type[Enum]:
    made: Any = Enum(name.title(), labels, module=__name__)  # type: ignore[misc]  # the names are known only now
    cls: type[Enum] = made
    return cls


@cache
def _make_loader(name: str, enum: type[E], load_map: tuple[tuple[bytes, E], ...]) -> type[_BaseEnumLoader[E]]:
    body = {"_codec": "enum", "enum": enum, "_load_map": dict(load_map)}
    return type(f"{name.title()}Loader", (_BaseEnumLoader,), body)


@cache
def _make_binary_loader(name: str, enum: type[E], load_map: tuple[tuple[bytes, E], ...]) -> type[_BaseEnumLoader[E]]:
    body = {"_codec": "enum", "enum": enum, "_load_map": dict(load_map), "format": BINARY}
    return type(f"{name.title()}BinaryLoader", (_BaseEnumLoader,), body)


@cache
def _make_dumper(enum: type[E], oid: int, dump_map: tuple[tuple[E, bytes], ...]) -> type[_BaseEnumDumper[E]]:
    body = {"_codec": "enum", "enum": enum, "oid": oid, "_dump_map": dict(dump_map)}
    return type(f"{enum.__name__}Dumper", (_BaseEnumDumper,), body)


@cache
def _make_binary_dumper(enum: type[E], oid: int, dump_map: tuple[tuple[E, bytes], ...]) -> type[_BaseEnumDumper[E]]:
    body = {"_codec": "enum", "enum": enum, "oid": oid, "_dump_map": dict(dump_map), "format": BINARY}
    return type(f"{enum.__name__}BinaryDumper", (_BaseEnumDumper,), body)


_QUERY: Final = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype,
    ARRAY(SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
FROM pg_type t
WHERE t.oid = to_regtype(%(name)s)"""
