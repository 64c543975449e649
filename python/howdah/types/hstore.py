"""Dictionaries of strings: what the type of the extension `hstore` is in Python."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from .. import abc
from .._howdah import BuiltinDumper, BuiltinLoader
from ..adapt import Loader, RecursiveDumper, RecursiveLoader
from ..pq import Format
from ._registering import register_info

if TYPE_CHECKING:
    from .._typeinfo import TypeInfo

Hstore: TypeAlias = dict[str, str | None]
"""What a value is in Python."""


class BaseHstoreDumper(BuiltinDumper, RecursiveDumper):
    """Base of the dumpers as text: a subclass has the OID of the type, which is different in every database.

    Raises `DataError` for keys that are no strings, and values that are neither strings nor `None`.
    """

    _codec: ClassVar[str] = "hstore"


class BaseHstoreBinaryDumper(BuiltinDumper, RecursiveDumper):
    """Base of the dumpers in binary."""

    _codec: ClassVar[str] = "hstore"
    format = Format.BINARY


class HstoreLoader(BuiltinLoader, RecursiveLoader):
    """Values in text."""

    _codec: ClassVar[str] = "hstore"


class HstoreBinaryLoader(BuiltinLoader, Loader):
    """Values in binary."""

    _codec: ClassVar[str] = "hstore"
    format = Format.BINARY


def register_hstore(info: TypeInfo, context: abc.AdaptContext | None = None) -> None:
    """Load values of `hstore` as dictionaries, and dump dictionaries as `hstore`.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info`: `TypeInfo.fetch()` did not find the type.
    """
    adapters = register_info(info, context, "Is the 'hstore' extension loaded?")
    adapters.register_dumper(dict, _make_hstore_dumper(info.oid))
    adapters.register_dumper(dict, _make_hstore_binary_dumper(info.oid))
    adapters.register_loader(info.oid, HstoreLoader)
    adapters.register_loader(info.oid, HstoreBinaryLoader)


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_hstore_dumper(oid: int) -> type[BaseHstoreDumper]:
    return type("HstoreDumper", (BaseHstoreDumper,), {"_codec": "hstore", "oid": oid})


@cache
def _make_hstore_binary_dumper(oid: int) -> type[BaseHstoreBinaryDumper]:
    return type("HstoreBinaryDumper", (BaseHstoreBinaryDumper,), {"_codec": "hstore", "oid": oid})
