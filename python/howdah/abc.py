"""Types for annotations: what adapters, statements and parameters look like.

The protocols are satisfied by the classes of `howdah.adapt`, which adapters usually derive from,
and by any class that has the same methods.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, Union

from . import pq
from ._cursor_base import Params as Params
from ._cursor_base import Query as Query
from ._cursor_base import QueryNoTemplate as QueryNoTemplate
from ._enums import PyFormat as PyFormat
from ._enums import Ready, Wait
from ._transaction_base import ConnectionType as ConnectionType
from .conninfo import ConnDict as ConnDict
from .conninfo import ConnParam as ConnParam

if TYPE_CHECKING:
    from ._connection_base import BaseConnection
    from ._howdah import AdaptersMap
    from .rows import Row, RowMaker

NoneType: type = type(None)

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes, in any of the forms that values are dumped to and loaded from."""

DumperKey: TypeAlias = Union[type, "tuple[DumperKey, ...]"]
"""What tells a dumper apart from others of the same class; see `Dumper.get_key()`."""

DumpFunc: TypeAlias = Callable[[Any], Buffer | None]
"""The `dump` of a dumper."""

LoadFunc: TypeAlias = Callable[[Buffer], Any]
"""The `load` of a loader."""

ConnMapping: TypeAlias = Mapping[str, ConnParam]
"""Connection parameters by their keywords, to be read."""


RV = TypeVar("RV")

PQGen: TypeAlias = Generator[Wait, "Ready | int", RV]
"""Steps on one socket: yields what it waits for, is sent what the socket is ready for, and returns a value."""

PQGenConn: TypeAlias = Generator[tuple[int, Wait], "Ready | int", RV]
"""The same for sockets that change: yields the descriptor as well."""

PipelineCommand: TypeAlias = Callable[[], None]
"""Gives a command to a connection in pipeline mode."""


class WaitFunc(Protocol):
    """A function that runs a generator to its end; those of `howdah.waiting` are."""

    def __call__(self, gen: PQGen[RV], fileno: int, interval: float = ..., timeout: float | None = ...) -> RV: ...


class ReadyFunc(Protocol):
    """A function that tells what a descriptor is ready for now."""

    def __call__(self, fileno: int, wait: Wait, /) -> Ready | int: ...


class AdaptContext(Protocol):
    """Something that has its own adapters.

    Connections, cursors, `Transformer` and `AdaptersMap` are contexts.
    """

    @property
    def adapters(self) -> AdaptersMap:
        """The adapters in use; registering one here leaves other contexts alone."""
        ...

    @property
    def connection(self) -> BaseConnection[Any] | None:
        """The connection that values are dumped for or loaded from, if there is one."""
        ...


class Dumper(Protocol):
    """Makes what is sent to the server from objects of one class."""

    format: pq.Format
    """What `dump()` makes: text or binary. An attribute of the class."""

    oid: int
    """The OID of the type that the value is sent as, 0 to let the server decide. An attribute of the class."""

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None: ...

    def dump(self, obj: Any) -> Buffer | None:
        """Return the bytes of a value; `None` sends NULL."""
        ...

    def quote(self, obj: Any) -> Buffer:
        """Return a value as a literal that can stand in a statement."""
        ...

    def get_key(self, obj: Any, format: PyFormat) -> DumperKey:
        """Return what a dumper for `obj` is remembered by.

        It is the class that the dumper was made for, if every object of that class is dumped the
        same way. A dumper that has to see the value (how large an int is, whether a time has a
        zone, what is in a list) returns another key for each case, and implements `upgrade()`.
        """
        ...

    def upgrade(self, obj: Any, format: PyFormat) -> Dumper:
        """Return the dumper for `obj`, and for every object with the same key.

        It is called when `get_key()` gave something else than the dumper's class and no dumper
        is remembered by that key.
        """
        ...


class Loader(Protocol):
    """Makes objects from what the server sends for one type."""

    format: pq.Format
    """What `load()` reads: text or binary. An attribute of the class."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None: ...

    def load(self, data: Buffer) -> Any:
        """Return the object for the bytes of a value; NULL does not come here."""
        ...


class Transformer(Protocol):
    """Adapts whole rows in a context, and remembers the adapters it made for it."""

    types: tuple[int, ...] | None
    """The OIDs of the last parameters."""

    formats: list[pq.Format] | None
    """The formats of the last parameters."""

    def __init__(self, context: AdaptContext | None = None) -> None: ...

    @classmethod
    def from_context(cls, context: AdaptContext | None) -> Transformer:
        """Return the context if it is a transformer already, else a new one for it."""
        ...

    @property
    def connection(self) -> BaseConnection[Any] | None:
        """The connection of the context."""
        ...

    @property
    def encoding(self) -> str:
        """Python's name of the connection's encoding."""
        ...

    @property
    def adapters(self) -> AdaptersMap:
        """The adapters of the context."""
        ...

    @property
    def pgresult(self) -> Any:
        """The result that rows are loaded from."""
        ...

    def set_pgresult(self, result: Any, *, set_loaders: bool = True, format: pq.Format | None = None) -> None:
        """Load rows from another result."""
        ...

    def set_dumper_types(self, types: Sequence[int], format: pq.Format) -> None:
        """Dump sequences as these types from now on, whatever the classes of the values."""
        ...

    def set_loader_types(self, types: Sequence[int], format: pq.Format) -> None:
        """Load sequences as these types from now on."""
        ...

    def dump_sequence(self, params: Sequence[Any], formats: Sequence[PyFormat]) -> Sequence[Buffer | None]:
        """Dump values, each in its own format, and set `types` and `formats`."""
        ...

    def as_literal(self, obj: Any) -> bytes:
        """Return a value as a literal, with a cast if its type would be ambiguous."""
        ...

    def get_dumper(self, obj: Any, format: PyFormat) -> Dumper:
        """Return the dumper for a value. Raises `ProgrammingError` if there is none."""
        ...

    def load_rows(self, row0: int, row1: int, make_row: RowMaker[Row]) -> list[Row]:
        """Load the rows from `row0` up to `row1`, which is not among them."""
        ...

    def load_row(self, row: int, make_row: RowMaker[Row]) -> Row:
        """Load one row."""
        ...

    def load_sequence(self, record: Sequence[Buffer | None]) -> tuple[Any, ...]:
        """Load values as the types of `set_loader_types()`."""
        ...

    def get_loader(self, oid: int, format: pq.Format) -> Loader:
        """Return the loader for a type."""
        ...
