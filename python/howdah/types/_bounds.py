"""What the adapters of ranges and of multiranges share: everything follows from the type of the bounds."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from .. import _oids_generated as oids
from .. import abc
from .._typeinfo import TypeInfo
from ..adapt import PyFormat, RecursiveDumper, RecursiveLoader


class BoundsDumper(RecursiveDumper):
    """A dumper whose type follows from a bound, unless the class of the objects says what they are."""

    subtype_oid: int = oids.INVALID
    _generic_class: ClassVar[type]
    """The class that does not say what its objects are."""
    _info_class: ClassVar[type[TypeInfo]]

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.sub_dumper: abc.Dumper | None = None

    def get_key(self, obj: Any, format: PyFormat) -> abc.DumperKey:
        """Return the class, with the key of a bound if that decides the type."""
        if self.cls is not self._generic_class:
            return self.cls
        bound = self._get_item(obj)
        if bound is None:
            return (self.cls,)
        return (self.cls, self._tx.get_dumper(bound, PyFormat.from_pq(self.format)).get_key(bound, format))

    def upgrade(self, obj: Any, format: PyFormat) -> BoundsDumper:
        """Return the dumper for the type that has the bounds of `obj`."""
        bound = self._get_item(obj) if self.cls is self._generic_class else None
        if bound is None:
            return self
        if type(bound) is int:
            # The server does not cast a range of one kind of int to another: in text, without a type, it chooses.
            return self._upgraded(self._text_class(), self._tx.get_dumper(bound, PyFormat.TEXT), oids.INVALID)
        dumper = self._tx.get_dumper(bound, format)
        # A str is dumped as unknown, and there are no ranges of that.
        bound_oid = oids.TEXT if dumper.oid == oids.INVALID and isinstance(bound, str) else dumper.oid
        info = self._tx.adapters.types.get_by_subtype(self._info_class, bound_oid)
        return self._upgraded(type(self), dumper, info.oid if info else oids.INVALID)

    def _upgraded(self, dumper_class: type[BoundsDumper], sub_dumper: abc.Dumper, oid: int) -> BoundsDumper:
        dumper = dumper_class(self.cls, self._tx)
        dumper.sub_dumper = sub_dumper
        dumper.oid = oid
        return dumper

    @classmethod
    @abstractmethod
    def _text_class(cls) -> type[BoundsDumper]:
        """Return the dumper of the same family for text."""

    @abstractmethod
    def _get_item(self, obj: Any) -> Any:
        """Return a bound of an object, `None` if it has none."""


class BoundsLoader(RecursiveLoader):
    """A loader that loads bounds of a type known beforehand."""

    subtype_oid: int

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        # Now, because the connection may be closed when the first value is loaded.
        self._tx.get_loader(self.subtype_oid, self.format)
