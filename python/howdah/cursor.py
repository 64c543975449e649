# Made from cursor_async.py by tools/async_to_sync.py: do not edit.
"""The synchronous cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic

from . import _howdah
from ._arrow_base import BATCH_SIZE, SchemaOverrides, as_copy, checked_size
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

    def fetch_arrow(
        self, *, batch_size: int = BATCH_SIZE, schema_overrides: SchemaOverrides | None = None
    ) -> _howdah.ArrowTable:
        """Return the rows that are left of the current result in columns, in batches of `batch_size` rows at most.

        They are fetched then, as by `fetchall()`, but no Python objects are made of them. Types made by users
        are looked up first. Raises `DataError` for a value that its column's Arrow type cannot hold, and
        `NotSupportedError` for a type in `schema_overrides` that the column cannot be read as.
        """
        checked_size(batch_size)
        self._arrived()
        plan = self._plan_arrow(None, None, schema_overrides)
        return self._fetch_arrow(plan, batch_size)

    def stream_arrow(
        self,
        query: Query,
        params: Params | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        schema_overrides: SchemaOverrides | None = None,
    ) -> Iterator[_howdah.ArrowBatch]:
        """Execute a query and iterate over its rows in batches as they arrive, of `batch_size` rows at most.

        The memory that it takes is that of one batch. Without rows there is one batch, which has the schema.
        Leaving the iteration cancels the statement. Raises as `fetch_arrow()`.
        """
        return self._arrow_batches(query, params, checked_size(batch_size), schema_overrides)

    def _read_arrow(
        self, query: Query, params: Params | None, batch_size: int, schema_overrides: SchemaOverrides | None
    ) -> _howdah.ArrowTable:
        batches = []
        with self:
            for batch in self._arrow_batches(query, params, checked_size(batch_size), schema_overrides):
                batches.append(batch)
        return _howdah.ArrowTable._of(batches)

    def _arrow_batches(
        self, query: Query, params: Params | None, batch_size: int, schema_overrides: SchemaOverrides | None
    ) -> Iterator[_howdah.ArrowBatch]:
        plan = self._plan_arrow(query, params, schema_overrides)
        reading = plan.reading(batch_size)
        if (statement := as_copy(query, params, plan.is_binary, self)) is not None:
            with self.copy(statement) as copy:
                while (batch := copy._read_arrow(reading)) is not None:
                    yield batch
            return
        stream = self._stream_arrow(query, params, reading)
        try:
            for batch in stream:
                yield batch
        finally:
            stream.close()

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
