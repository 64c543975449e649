# Made from cursor_async.py by tools/async_to_sync.py: do not edit.
"""The synchronous cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic

from . import _howdah
from ._copy import Copy, Writer
from .rows import Row

if TYPE_CHECKING:
    from types import TracebackType
    from typing import overload

    from ._compat import Self
    from ._cursor_base import Params, Query
    from .connection import Connection
    from .rows import RowFactory


class Cursor(_howdah.SyncCursor, Generic[Row]):
    """Runs commands on its connection and gives their results.

    `row_factory` chooses what a row becomes. Iterating over the cursor gives the rows that are
    left. As a context manager it closes itself.
    """

    __module__ = "howdah"
    __slots__ = ()

    def results(self) -> Iterator[Self]:
        """Yield the cursor itself for each result of the last command, from the current one on.

        Statements without parameters may hold several commands, and `executemany()` with
        `returning=True` gives one result for each set of parameters.
        """
        if self._results_len():
            while True:
                yield self
                if not self.nextset():
                    break

    def set_result(self, index: int) -> Self:
        """Go to a result by its number, counted from 0, or from the end if negative.

        Raises `IndexError` if there is no such result.
        """
        available = self._results_len()
        if not -available <= index < available:
            raise IndexError(f"index {index} out of range: {available} result(s) available")
        self._select_result(index % available)
        return self

    @contextmanager
    def copy(self, statement: Query, params: Params | None = None, *, writer: Writer | None = None) -> Iterator[Copy]:
        """Execute a `COPY ... FROM STDIN` or `COPY ... TO STDOUT`, and give its data, for a `with` block.

        Parameters are put into the statement by the client. What is written goes to `writer`, if there
        is one. Raises `ProgrammingError` for other statements, and `NotSupportedError` in a pipeline.
        """
        copy = Copy(self, writer=writer)
        copy._start(statement, params)
        with copy:
            yield copy

    # What follows exists in the extension, and is used from there directly; these are its types.
    if TYPE_CHECKING:
        row_factory: RowFactory[Row]

        @property
        def connection(self) -> Connection[Any]: ...

        @overload
        def __init__(self, connection: Connection[Row]) -> None: ...

        @overload
        def __init__(self, connection: Connection[Any], *, row_factory: RowFactory[Row]) -> None: ...

        def __init__(self, connection: Connection[Any], *, row_factory: Any = None) -> None: ...

        def execute(
            self,
            query: Query,
            params: Params | None = None,
            *,
            prepare: bool | None = None,
            binary: bool | None = None,
            timeout: float | None = None,
        ) -> Self: ...

        def executemany(
            self,
            query: Query,
            params_seq: Iterable[Params],
            *,
            returning: bool = False,
            rewrite: bool = False,
            timeout: float | None = None,
        ) -> None: ...

        def stream(
            self,
            query: Query,
            params: Params | None = None,
            *,
            binary: bool | None = None,
            size: int = 1,
            timeout: float | None = None,
        ) -> Iterator[Row]: ...

        def fetchone(self) -> Row | None: ...

        def fetchmany(self, size: int | None = 0) -> list[Row]: ...

        def fetchall(self) -> list[Row]: ...

        def scroll(self, value: int, mode: str = "relative") -> None: ...

        def close(self) -> None: ...

        def __enter__(self) -> Self: ...

        def __exit__(
            self,
            exc_type: type[BaseException] | None,
            exc_val: BaseException | None,
            exc_tb: TracebackType | None,
        ) -> None: ...

        def __iter__(self) -> Self: ...

        def __next__(self) -> Row: ...
