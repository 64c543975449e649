# Made from _server_cursor_async.py by tools/async_to_sync.py: do not edit.
"""The synchronous cursor that lives in the server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ._server_cursor_base import ServerCursorMixin, check_no_options, executemany_not_supported
from .cursor import Cursor
from .rows import Row

if TYPE_CHECKING:
    from typing import overload

    from ._compat import Self
    from ._cursor_base import Params, Query
    from .connection import Connection
    from .rows import RowFactory


class ServerCursor(ServerCursorMixin["Connection[Any]", Row], Cursor[Row]):
    """A cursor that the server has: rows are fetched as they are asked for.

    `execute()` declares it, in the running transaction, which it does not outlive unless it is
    `withhold`. `fetchone()`, `fetchmany()` and `fetchall()` fetch that many rows from the server,
    and iteration `itersize` rows at a time. One that exists in the server already can be fetched
    from without `execute()`. Close it, or use it as a context manager.
    """

    __module__ = "howdah"
    __slots__ = ()

    if TYPE_CHECKING:

        @overload
        def __init__(
            self,
            connection: Connection[Row],
            name: str,
            *,
            scrollable: bool | None = None,
            withhold: bool = False,
        ) -> None: ...

        @overload
        def __init__(
            self,
            connection: Connection[Any],
            name: str,
            *,
            row_factory: RowFactory[Row],
            scrollable: bool | None = None,
            withhold: bool = False,
        ) -> None: ...

    def __init__(
        self,
        connection: Connection[Any],
        name: str,
        *,
        row_factory: RowFactory[Row] | None = None,
        scrollable: bool | None = None,
        withhold: bool = False,
    ) -> None:
        super().__init__(connection, row_factory=row_factory)  # type: ignore[arg-type]  # None is the connection's
        self._set_server_side(name, scrollable, withhold)

    def execute(
        self,
        query: Query,
        params: Params | None = None,
        *,
        binary: bool | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Self:
        """Declare the cursor for a query.

        What it was before is closed. `timeout` is as of other cursors. Raises `NotSupportedError` in a
        pipeline, and `TypeError` for other options.
        """
        check_no_options(kwargs)
        self._declare(query, params, binary, timeout)
        return self

    def fetchone(self, *, timeout: float | None = None) -> Row | None:
        """Fetch the next row; `None` after the last one."""
        row: Row | None = self._fetch_one_within(timeout)
        return row

    def fetchmany(self, size: int | None = 0, *, timeout: float | None = None) -> list[Row]:
        """Fetch the next `size` rows, or as many as there are; `arraysize` by default."""
        return self._fetch_many_within(size, timeout)

    def fetchall(self, *, timeout: float | None = None) -> list[Row]:
        """Fetch all the rows that are left."""
        return self._fetch_all_within(timeout)

    def executemany(
        self,
        query: Query,
        params_seq: Iterable[Params],
        *,
        returning: bool = True,
        rewrite: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Raise `NotSupportedError`: a cursor has one query."""
        raise executemany_not_supported()
