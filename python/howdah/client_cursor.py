"""Cursors that put the parameters into the query themselves, as literals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from .abc import ConnectionType
from .cursor import Cursor
from .cursor_async import AsyncCursor
from .rows import Row

if TYPE_CHECKING:
    # Used in strings, where ruff does not look.
    from typing import Any

    from ._cursor_base import Params, Query
    from .connection import Connection  # noqa: F401
    from .connection_async import AsyncConnection  # noqa: F401


class ClientCursorMixin(Generic[ConnectionType, Row]):
    """What `ClientCursor` and `AsyncClientCursor` add to other cursors."""

    __slots__ = ()
    _binding = 1

    if TYPE_CHECKING:

        def _mogrify(self, query: Any, params: Any) -> str: ...

    def mogrify(self, query: Query, params: Params | None = None) -> str:
        """Return a query with its parameters in it: what `execute()` would send.

        Raises what `execute()` raises for a wrong placeholder, or for a value that cannot be sent.
        """
        return self._mogrify(query, params)


class ClientCursor(ClientCursorMixin["Connection[Any]", Row], Cursor[Row]):
    """A `Cursor` that sends parameters in the query's text, as literals.

    So they may stand where the server takes no parameters, and a query with parameters may hold
    several commands. Results are not to be had in binary format, and statements are not prepared.
    """

    __module__ = "howdah"


class AsyncClientCursor(ClientCursorMixin["AsyncConnection[Any]", Row], AsyncCursor[Row]):
    """An `AsyncCursor` that sends parameters in the query's text, as literals: see `ClientCursor`."""

    __module__ = "howdah"
