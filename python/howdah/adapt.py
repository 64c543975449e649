"""How values travel: the base classes of adapters, and the maps in which they are registered.

A dumper makes what is sent to the server from objects of one class, a loader makes objects from
what the server sends for one type. The built-in ones are in `howdah.types`, and can be subclassed.
They are registered in the `adapters` of a connection, of a cursor, or of the module, which new
connections start from.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from . import abc, pq
from ._enums import PyFormat as PyFormat
from ._howdah import AdaptersMap as AdaptersMap
from ._howdah import Transformer as Transformer
from ._howdah import quote_literal as _quote_literal

if TYPE_CHECKING:
    from ._connection_base import BaseConnection

Buffer = abc.Buffer


class Dumper(abc.Dumper, ABC):
    """Base of the classes that make what is sent to the server.

    `cls` is the class of the objects, `context` where they are dumped. A subclass implements
    `dump()`, and sets `oid` and `format` where the defaults do not fit.
    """

    oid: int = 0
    """The OID of the type that the value is sent as, 0 to let the server decide."""

    format: pq.Format = pq.Format.TEXT
    """What `dump()` makes."""

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        self.cls = cls
        self.connection: BaseConnection[Any] | None = context.connection if context else None

    def __repr__(self) -> str:
        name = f"{type(self).__module__}.{type(self).__qualname__}"
        return f"<{name} (oid={self.oid}) at 0x{id(self):x}>"

    @abstractmethod
    def dump(self, obj: Any) -> Buffer | None:
        """Return the bytes of a value; `None` sends NULL."""
        ...

    def quote(self, obj: Any) -> Buffer:
        """Return a value as a literal that can stand in a statement.

        This is what `dump()` returns, between quotes and escaped for the connection; without a
        connection in a way that every server understands.
        """
        dumped = self.dump(obj)
        return b"NULL" if dumped is None else _quote_literal(bytes(dumped), self.connection)

    def get_key(self, obj: Any, format: PyFormat) -> abc.DumperKey:
        """Return the class that the dumper was made for.

        A subclass that dumps some values as another type overrides it and `upgrade()`; see
        `howdah.abc.Dumper`.
        """
        return self.cls

    def upgrade(self, obj: Any, format: PyFormat) -> Dumper:
        """Return the dumper itself: it dumps every object of its class."""
        return self


class Loader(abc.Loader, ABC):
    """Base of the classes that make objects from what the server sends.

    `oid` is the type that the values have, `context` where they are loaded. A subclass implements
    `load()`, and sets `format` if it reads binary values.
    """

    format: pq.Format = pq.Format.TEXT
    """What `load()` reads."""

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        self.oid = oid
        self.connection: BaseConnection[Any] | None = context.connection if context else None

    @abstractmethod
    def load(self, data: Buffer) -> Any:
        """Return the object for the bytes of a value; NULL does not come here."""
        ...


class RecursiveDumper(Dumper):
    """Base of dumpers for values that contain others: `self._tx` has the dumpers of those."""

    def __init__(self, cls: type, context: abc.AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        # A new one even if the context is a transformer: that one keeps this dumper, which would make a cycle.
        self._tx = Transformer(context)


class RecursiveLoader(Loader):
    """Base of loaders for values that contain others: `self._tx` has the loaders of those."""

    def __init__(self, oid: int, context: abc.AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        # A new one, as in RecursiveDumper.
        self._tx = Transformer(context)
