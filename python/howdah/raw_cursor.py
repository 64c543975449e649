"""Cursors whose queries have the server's own placeholders, `$1`, `$2`, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from ._server_cursor import ServerCursor
from ._server_cursor_async import AsyncServerCursor
from .abc import ConnectionType
from .cursor import Cursor
from .cursor_async import AsyncCursor
from .rows import Row

if TYPE_CHECKING:
    # Used in strings, where ruff does not look.
    from typing import Any  # noqa: F401

    from .connection import Connection  # noqa: F401
    from .connection_async import AsyncConnection  # noqa: F401


class RawCursorMixin(Generic[ConnectionType, Row]):
    """What makes a cursor take queries with `$1` for a placeholder."""

    __slots__ = ()
    _binding = 2


class RawCursor(RawCursorMixin["Connection[Any]", Row], Cursor[Row]):
    """A `Cursor` for queries with `$1`, `$2`, ... and a sequence of parameters.

    The query goes to the server as it is: a `%` in it is nothing but a `%`.
    """

    __module__ = "howdah"


class AsyncRawCursor(RawCursorMixin["AsyncConnection[Any]", Row], AsyncCursor[Row]):
    """An `AsyncCursor` for queries with `$1`, `$2`, ...: see `RawCursor`."""

    __module__ = "howdah"


class RawServerCursor(RawCursorMixin["Connection[Any]", Row], ServerCursor[Row]):
    """A `ServerCursor` for queries with `$1`, `$2`, ...: see `RawCursor`."""

    __module__ = "howdah"


class AsyncRawServerCursor(RawCursorMixin["AsyncConnection[Any]", Row], AsyncServerCursor[Row]):
    """An `AsyncServerCursor` for queries with `$1`, `$2`, ...: see `RawCursor`."""

    __module__ = "howdah"
