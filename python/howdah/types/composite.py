"""Tuples and composite types: what `record` and the types of `CREATE TYPE ... AS (...)` are in Python."""

from __future__ import annotations

import logging
import re
from abc import ABC, abstractmethod
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

from .. import abc
from .._howdah import BuiltinDumper, BuiltinLoader
from .._typeinfo import TypeInfo
from ..adapt import Dumper, Loader, RecursiveDumper, RecursiveLoader, Transformer
from ..errors import DataError
from ..pq import Format
from ._registering import register_info

if TYPE_CHECKING:
    from .._connection_base import BaseConnection

logger = logging.getLogger("howdah")

T = TypeVar("T")

ObjectMaker: TypeAlias = Callable[[Sequence[Any], "CompositeInfo"], T]
"""Makes an object from the values of the fields."""

SequenceMaker: TypeAlias = Callable[[T, "CompositeInfo"], Sequence[Any]]
"""Makes the values of the fields from an object."""


class CompositeInfo(TypeInfo):
    """What is known about a composite type: a `TypeInfo` with the names and the OIDs of its fields.

    `python_type` is the class that `register_composite()` was given or made.
    """

    def __init__(
        self,
        name: str,
        oid: int,
        array_oid: int,
        *,
        regtype: str = "",
        field_names: Sequence[str],
        field_types: Sequence[int],
    ) -> None:
        super().__init__(name, oid, array_oid, regtype=regtype)
        self.field_names = tuple(field_names)
        self.field_types = tuple(field_types)
        self.python_type: type | None = None

    def __hash__(self) -> int:
        return hash((self.name, self.field_names, self.field_types))

    @classmethod
    def _get_info_query(cls, conn: BaseConnection[Any]) -> str:
        return _QUERY


class TupleDumper(BuiltinDumper, RecursiveDumper):
    """Tuples as text. They have no type: the server takes what the context needs."""

    _codec: ClassVar[str] = "tuple"


class RecordLoader(BuiltinLoader, RecursiveLoader):
    """Records in text as tuples of strings: the text does not say what is in it."""

    _codec: ClassVar[str] = "record"


class RecordBinaryLoader(BuiltinLoader, Loader):
    """Records in binary as tuples, every field of its own type."""

    _codec: ClassVar[str] = "record"
    format = Format.BINARY

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._tx = Transformer(context)


def register_composite(
    info: CompositeInfo,
    context: abc.AdaptContext | None = None,
    factory: Callable[..., T] | None = None,
    *,
    make_object: ObjectMaker[T] | None = None,
    make_sequence: SequenceMaker[T] | None = None,
) -> None:
    """Load values of a composite type as objects of a class, and dump such objects as that type.

    `factory` is called with the fields of a value; if it is a class, its objects can be dumped. The default is a
    new `namedtuple`, with the names of the fields made into identifiers. `make_object` is called instead of it, with
    the sequence of the fields and `info`. `make_sequence` gives the fields of an object, which otherwise has to be a
    sequence of them.

    Without a context globally; what was made from a context before does not see it. Raises `TypeError` without
    `info` (`CompositeInfo.fetch()` did not find the type), or with `make_sequence` for a factory that is no class,
    and `DataError` if the names of the fields make no `namedtuple`.
    """
    if make_sequence and factory and not isinstance(factory, type):
        name = getattr(factory, "__name__", factory)
        raise TypeError(
            f"the factory {name!r} is not a type: you cannot create a dumper by specifying `make_sequence`."
        )
    adapters = register_info(info, context, "Is the requested composite available?")
    factory = factory or _namedtuple_of(info)
    make_object = make_object or _object_maker(factory)
    adapters.register_loader(info.oid, _make_loader(_CompositeLoader, info, make_object))
    adapters.register_loader(info.oid, _make_loader(_CompositeBinaryLoader, info, make_object))
    if isinstance(factory, type):
        make_sequence = make_sequence or _sequence_maker(factory)
        adapters.register_dumper(factory, _make_dumper(_SequenceBinaryDumper, factory.__name__, info, make_sequence))
        # Text is the last, and so what `%s` uses: the types of the fields need not be those of the values.
        adapters.register_dumper(factory, _make_dumper(_SequenceDumper, factory.__name__, info, make_sequence))
        info.python_type = factory


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the adapters of tuples and records in a context."""
    adapters = context.adapters
    adapters.register_dumper(tuple, TupleDumper)
    adapters.register_loader("record", RecordLoader)
    adapters.register_loader("record", RecordBinaryLoader)


class _SequenceDumper(BuiltinDumper, RecursiveDumper, Generic[T], ABC):
    """Base of the dumpers of registered classes, as text."""

    _codec: ClassVar[str] = "composite"
    info: CompositeInfo

    @staticmethod
    @abstractmethod
    def make_sequence(obj: T, info: CompositeInfo) -> Sequence[Any]:
        """Return the values of the fields."""


class _SequenceBinaryDumper(BuiltinDumper, Dumper, Generic[T], ABC):
    """Base of the dumpers of registered classes, in binary: every field as the type that the composite has there."""

    _codec: ClassVar[str] = "composite"
    format = Format.BINARY
    info: CompositeInfo

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self._tx = Transformer(context)
        self._tx.set_dumper_types(self.info.field_types, self.format)

    @staticmethod
    @abstractmethod
    def make_sequence(obj: T, info: CompositeInfo) -> Sequence[Any]:
        """Return the values of the fields."""


class _CompositeLoader(BuiltinLoader, Loader, Generic[T], ABC):
    """Base of the loaders of registered types, in text."""

    _codec: ClassVar[str] = "composite"
    info: CompositeInfo

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._tx = Transformer(context)
        self._tx.set_loader_types(self.info.field_types, self.format)

    @staticmethod
    @abstractmethod
    def make_object(args: Sequence[Any], info: CompositeInfo) -> T:
        """Return the object for the values of the fields."""


class _CompositeBinaryLoader(_CompositeLoader[T]):
    """Base of the loaders of registered types, in binary."""

    _codec: ClassVar[str] = "composite"
    format = Format.BINARY


def _namedtuple_of(info: CompositeInfo) -> Callable[..., Any]:
    try:
        return _make_namedtuple(_identifier(info.name), tuple(map(_identifier, info.field_names)))
    except ValueError as error:
        raise DataError(f"can't create a namedtuple for the composite {info.name!r}: {error}") from None


# Registering a type again, for every connection, gives the classes that were made before, and does not fill the memory.
_CLASSES: Final = 1024


@lru_cache(maxsize=_CLASSES)
def _make_namedtuple(name: str, fields: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple(name, fields)


@lru_cache(maxsize=_CLASSES)
def _object_maker(factory: Callable[..., T]) -> ObjectMaker[T]:
    def make_object(values: Sequence[Any], info: CompositeInfo) -> T:
        return factory(*values)

    return make_object


def _sequence_maker(cls: type) -> SequenceMaker[Any]:
    if issubclass(cls, Sequence):
        return _itself
    logger.warning(
        "the type %r is not a sequence: dumping these objects to the database will fail."
        " Please specify a `make_sequence` argument in the `register_composite()` call",
        cls.__name__,
    )
    return _refused


def _itself(obj: Any, info: CompositeInfo) -> Sequence[Any]:
    fields: Sequence[Any] = obj
    return fields


def _refused(obj: Any, info: CompositeInfo) -> Sequence[Any]:
    name = type(obj).__name__
    raise TypeError(f"{name!r} objects cannot be dumped without specifying 'make_sequence' in 'register_composite()'")


class _Known:
    """A composite type as the key of a cache: the same for every `CompositeInfo` that says the same of it."""

    __slots__ = ("_key", "info")

    def __init__(self, info: CompositeInfo) -> None:
        self.info = info
        self._key = (info.name, info.oid, info.array_oid, info.regtype, info.field_names, info.field_types)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def _make_loader(base: Any, info: CompositeInfo, make_object: ObjectMaker[T]) -> Any:
    suffix = "Binary" if base.format == Format.BINARY else ""
    return _make_class(base, f"{info.name.title()}{suffix}Loader", 0, _Known(info), "make_object", make_object)


def _make_dumper(base: Any, name: str, info: CompositeInfo, make_sequence: SequenceMaker[T]) -> Any:
    suffix = "Binary" if base.format == Format.BINARY else ""
    return _make_class(base, f"{name}{suffix}Dumper", info.oid, _Known(info), "make_sequence", make_sequence)


@lru_cache(maxsize=_CLASSES)
def _make_class(base: type, name: str, oid: int, known: _Known, method: str, function: Callable[..., Any]) -> Any:
    body: dict[str, Any] = {"_codec": "composite", "info": known.info, method: staticmethod(function)}
    body["__doc__"] = f"What {known.info.name!r} is in Python."
    if oid:
        body["oid"] = oid
    return type(name, (base,), body)


def _identifier(name: str) -> str:
    """Make a name into one that a field of a namedtuple can have."""
    if not name.isidentifier():
        name = f"f{name}" if name[0] in "0123456789" else name
        name = name if name.isidentifier() else _NOT_IN_IDENTIFIERS.sub("_", name)
    return f"f{name}" if name.startswith("_") else name


_NOT_IN_IDENTIFIERS: Final = re.compile("[^A-Za-z0-9_]")

_QUERY: Final = """\
SELECT t.typname AS name, t.oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype,
    ARRAY(
        SELECT a.attname FROM pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
    ) AS field_names,
    ARRAY(
        SELECT a.atttypid FROM pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
    ) AS field_types
FROM pg_type t
WHERE t.oid = to_regtype(%(name)s)"""
