"""Lists: what the array types are in Python.

A list is sent as the array of what its elements are sent as. The elements may be lists, all of the same length, and
`None`; otherwise they are of one class, or of classes that are sent as the same type.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from .. import _typeinfo, abc
from .._globals import adapters_of
from .._howdah import BuiltinDumper, BuiltinLoader
from .._oids_generated import INVALID, TEXT_ARRAY
from ..adapt import PyFormat, RecursiveDumper, RecursiveLoader
from ..errors import DataError
from ..pq import Format

if TYPE_CHECKING:
    from .._typeinfo import TypeInfo


class BaseListDumper(RecursiveDumper):
    """Base of the dumpers of lists.

    With an `element_oid` the elements are sent as that type, otherwise as the dumpers of their classes say.
    """

    element_oid: int = INVALID

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        super().__init__(list if cls is abc.NoneType else cls, context)
        self.sub_dumper: abc.Dumper | None = None
        if self.element_oid and context:
            dumper_class = context.adapters.get_dumper_by_oid(self.element_oid, self.format)
            self.sub_dumper = dumper_class(abc.NoneType, context)

    def _find_list_element(self, obj: list[Any], format: PyFormat) -> Any:
        """Return a value that is sent as the type of all elements, `None` if there is nothing but NULL.

        Raises `DataError` for elements of several types.
        """
        items = [item for item in _flat(obj, ()) if item is not None]
        samples = {type(item): item for item in items}
        if not samples:
            return None
        if len(samples) > 1 and len({self._tx.get_dumper(item, format).oid for item in samples.values()}) > 1:
            names = ", ".join(sorted(cls.__name__ for cls in samples))
            raise DataError(f"cannot dump lists of mixed types; got: {names}")
        cls, sample = samples.popitem()
        # A subclass of int says by itself what it is sent as; of ints the one that needs the most room decides.
        return sample if cls is not int else max(items, key=lambda item: item if item >= 0 else -item - 1)

    def _array_info(self, element_oid: int) -> TypeInfo:
        types = self._tx.adapters.types
        return types.get(element_oid) or types["text"]


class ListDumper(BuiltinDumper, BaseListDumper):
    """Lists as text. Elements of unknown type make an array of unknown type."""

    _codec: ClassVar[str] = "list"
    delimiter: bytes = b","

    def get_key(self, obj: list[Any], format: PyFormat) -> abc.DumperKey:
        """Return the class, with the key of the elements if they decide the type."""
        item = None if self.oid else self._find_list_element(obj, format)
        if item is None:
            return self.cls
        return (self.cls, self._tx.get_dumper(item, format).get_key(item, format))

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:
        """Return the dumper for the array type of the elements."""
        item = None if self.oid else self._find_list_element(obj, format)
        if item is None:
            return self
        dumper = type(self)(self.cls, self._tx)
        dumper.sub_dumper = self._tx.get_dumper(item, PyFormat.from_pq(self.format))
        if dumper.sub_dumper.oid:
            info = self._array_info(dumper.sub_dumper.oid)
            dumper.oid = info.array_oid or TEXT_ARRAY
            dumper.delimiter = info.delimiter.encode()
        else:
            dumper.oid = INVALID
        return dumper


class ListBinaryDumper(BuiltinDumper, BaseListDumper):
    """Lists in binary. A list without elements, or of NULLs only, is sent as text: it has no type."""

    _codec: ClassVar[str] = "list"
    format = Format.BINARY

    def get_key(self, obj: list[Any], format: PyFormat) -> abc.DumperKey:
        """Return the class, with the key of the elements if they decide the type."""
        if self.oid:
            return self.cls
        item = self._find_list_element(obj, format)
        if item is None:
            return (self.cls,)
        return (self.cls, self._tx.get_dumper(item, format).get_key(item, format))

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:
        """Return the dumper for the array type of the elements."""
        if self.oid:
            return self
        item = self._find_list_element(obj, format)
        if item is None:
            return ListDumper(self.cls, self._tx)
        dumper = type(self)(self.cls, self._tx)
        dumper.sub_dumper = self._tx.get_dumper(item, PyFormat.from_pq(self.format))
        dumper.oid = self._array_info(dumper.sub_dumper.oid).array_oid or TEXT_ARRAY
        return dumper


class ArrayLoader(BuiltinLoader, RecursiveLoader):
    """Arrays in text. A subclass says the type of the elements, and what is between them."""

    _codec: ClassVar[str] = "array"
    delimiter: bytes = b","
    base_oid: int

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        # Now, because the connection may be closed when the first value is loaded.
        self._tx.get_loader(self.base_oid, self.format)


class ArrayBinaryLoader(BuiltinLoader, RecursiveLoader):
    """Arrays in binary, which say by themselves what is in them."""

    _codec: ClassVar[str] = "array"
    format = Format.BINARY

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        info = self._tx.adapters.types.get(oid)
        if info and info.array_oid == oid:
            self._tx.get_loader(info.oid, self.format)


def register_array(info: TypeInfo, context: abc.AdaptContext | None = None) -> None:
    """Load arrays of a type as lists, and dump lists where that array type is asked for.

    Without a context globally. Raises `ValueError` if the type has no array.
    """
    if not info.array_oid:
        raise ValueError(f"the type info {info} doesn't describe an array")
    adapters = adapters_of(context)
    adapters.register_loader(info.array_oid, _make_loader(info.name, info.oid, info.delimiter))
    adapters.register_loader(info.array_oid, ArrayBinaryLoader)
    adapters.register_dumper(None, _make_dumper(info.name, info.oid, info.array_oid, info.delimiter))
    adapters.register_dumper(None, _make_binary_dumper(info.name, info.oid, info.array_oid))


_typeinfo.TypeInfo._register_array = register_array  # type: ignore[method-assign,assignment]


def register_default_adapters(context: abc.AdaptContext) -> None:
    """Register the dumpers of lists in a context."""
    # Text is the last, and so what `%s` uses: it can also send lists whose type is not known.
    context.adapters.register_dumper(list, ListBinaryDumper)
    context.adapters.register_dumper(list, ListDumper)


def register_all_arrays(context: abc.AdaptContext) -> None:
    """Register the arrays of all types that a context knows."""
    for info in list(context.adapters.types):
        if info.array_oid:
            info.register(context)


# Each class is made once: registering a type again, for every connection, must not fill the memory.


@cache
def _make_loader(name: str, oid: int, delimiter: str) -> type[ArrayLoader]:
    body = {"_codec": "array", "base_oid": oid, "delimiter": delimiter.encode()}
    return type(f"{name.title()}ArrayLoader", (ArrayLoader,), body)


@cache
def _make_dumper(name: str, oid: int, array_oid: int, delimiter: str) -> type[ListDumper]:
    body = {"_codec": "list", "oid": array_oid, "element_oid": oid, "delimiter": delimiter.encode()}
    return type(f"{name.title()}ListDumper", (ListDumper,), body)


@cache
def _make_binary_dumper(name: str, oid: int, array_oid: int) -> type[ListBinaryDumper]:
    body = {"_codec": "list", "oid": array_oid, "element_oid": oid}
    return type(f"{name.title()}ListBinaryDumper", (ListBinaryDumper,), body)


def _flat(items: list[Any], path: tuple[int, ...]) -> Iterator[Any]:
    """Yield the elements of a list and of the lists in it. Raises `DataError` if it is in itself."""
    if id(items) in path:
        raise DataError("cannot dump a recursive list")
    for item in items:
        if isinstance(item, list):
            yield from _flat(item, (*path, id(items)))
        else:
            yield item
