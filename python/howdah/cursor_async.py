"""The asynchronous cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic

from . import _howdah
from ._arrow_base import BATCH_SIZE, SchemaOverrides, as_copy, checked_size, columns_of, copy_into
from ._copy_async import AsyncCopy, AsyncWriter
from ._progress import Meter, Progress
from ._shell import run_beside_async
from .rows import Row
from .sql import Identifier

if TYPE_CHECKING:
    from types import TracebackType
    from typing import overload

    from ._compat import Self
    from ._cursor_base import Params, Query
    from .connection_async import AsyncConnection
    from .rows import AsyncRowFactory


class AsyncCursor(_howdah.AsyncCursorBase, Generic[Row]):
    """Runs commands on its connection and gives their results.

    `row_factory` chooses what a row becomes. Iterating over the cursor gives the rows that are
    left. As a context manager it closes itself.
    """

    __module__ = "howdah"
    __slots__ = ()

    async def results(self) -> AsyncIterator[Self]:
        """Yield the cursor itself for each result of the last command, from the current one on.

        Statements without parameters may hold several commands, and `executemany()` with
        `returning=True` gives one result for each set of parameters.
        """
        if self._results_len():
            while True:
                yield self
                if not self.nextset():
                    break

    async def set_result(self, index: int) -> Self:
        """Go to a result by its number, counted from 0, or from the end if negative.

        Raises `IndexError` if there is no such result.
        """
        available = self._results_len()
        if not -available <= index < available:
            raise IndexError(f"index {index} out of range: {available} result(s) available")
        self._select_result(index % available)
        return self

    @asynccontextmanager
    async def copy(
        self,
        statement: Query,
        params: Params | None = None,
        *,
        writer: AsyncWriter | None = None,
        progress: Progress = None,
    ) -> AsyncIterator[AsyncCopy]:
        """Execute a `COPY ... FROM STDIN` or `COPY ... TO STDOUT`, and give its data, for a `with` block.

        Parameters are put into the statement by the client. What is written goes to `writer`, if there
        is one. Raises `ProgrammingError` for other statements, and `NotSupportedError` in a pipeline.

        `progress` is a function that is called with the number of rows and of bytes so far, whenever
        a buffer is full or empty, and at the end. Rows are those that were read, or written by `write_row()`
        and `write_rows()`; data written by `write()` counts in bytes only. If it raises, that ends the COPY as
        any exception in the block does. `True` shows the numbers on standard error if that is a terminal.
        """
        copy = AsyncCopy(self, writer=writer)
        copy._use(Meter(progress))
        await copy._start(statement, params)
        async with copy:
            yield copy

    async def fetch_arrow(
        self, *, batch_size: int = BATCH_SIZE, schema_overrides: SchemaOverrides | None = None
    ) -> _howdah.ArrowTable:
        """Return the rows that are left of the current result in columns, in batches of `batch_size` rows at most.

        They are fetched then, as by `fetchall()`, but no Python objects are made of them. Types made by users
        are looked up first. Raises `DataError` for a value that its column's Arrow type cannot hold, and
        `NotSupportedError` for a type in `schema_overrides` that the column cannot be read as.
        """
        checked_size(batch_size)
        await self._arrived()
        plan = await self._plan_arrow(None, None, schema_overrides)
        return self._fetch_arrow(plan, batch_size)

    def stream_arrow(
        self,
        query: Query,
        params: Params | None = None,
        *,
        batch_size: int = BATCH_SIZE,
        schema_overrides: SchemaOverrides | None = None,
    ) -> AsyncIterator[_howdah.ArrowBatch]:
        """Execute a query and iterate over its rows in batches as they arrive, of `batch_size` rows at most.

        The memory that it takes is that of one batch. Without rows there is one batch, which has the schema.
        Leaving the iteration cancels the statement. Raises as `fetch_arrow()`.
        """
        return self._arrow_batches(query, params, checked_size(batch_size), schema_overrides)

    async def copy_arrow(self, table: str | Identifier, data: Any, *, columns: Sequence[str] | None = None) -> int:
        """Write the rows of Arrow data into a table by COPY; return how many there were.

        `data` is any object with `__arrow_c_stream__()`: a table or a reader of pyarrow's, a frame, a result of
        howdah's. It is taken a batch at a time, as the server takes the rows. `table` is a name, quoted as one
        identifier, or an `Identifier`, for one with a schema. The fields go to the columns of the same names, or
        to `columns`, in order.

        Raises `ProgrammingError` for a column that the table has not, `NotSupportedError` for a field whose type
        does not become that of its column, and `DataError` for a value that the column cannot hold; there are no
        rows of it in the table then.
        """
        name = table if isinstance(table, Identifier) else Identifier(table)
        lookup = columns_of(name, self)
        writing = await self._plan_arrow_in(lookup, None if columns is None else list(columns), data)
        async with self.copy(copy_into(name, writing.columns, writing.is_binary)) as copy:
            while await run_beside_async(writing.next_batch):
                more = True
                while more:
                    more = copy._format_arrow(writing)
                    await copy._flush()
            copy._format_arrow_end(writing)
            await copy._flush()
        return self.rowcount

    async def _read_arrow(
        self, query: Query, params: Params | None, batch_size: int, schema_overrides: SchemaOverrides | None
    ) -> _howdah.ArrowTable:
        batches = []
        async with self:
            async for batch in self._arrow_batches(query, params, checked_size(batch_size), schema_overrides):
                batches.append(batch)
        return _howdah.ArrowTable._of(batches)

    async def _arrow_batches(
        self, query: Query, params: Params | None, batch_size: int, schema_overrides: SchemaOverrides | None
    ) -> AsyncIterator[_howdah.ArrowBatch]:
        plan = await self._plan_arrow(query, params, schema_overrides)
        reading = plan.reading(batch_size)
        if (statement := as_copy(query, params, plan.is_binary, self)) is not None:
            async with self.copy(statement) as copy:
                while (batch := await copy._read_arrow(reading)) is not None:
                    yield batch
            return
        stream = self._stream_arrow(query, params, reading)
        try:
            async for batch in stream:
                yield batch
        finally:
            await stream.aclose()

    # What follows exists in the extension, and is used from there directly; these are its types.
    if TYPE_CHECKING:
        row_factory: AsyncRowFactory[Row]

        @property
        def connection(self) -> AsyncConnection[Any]: ...

        @overload
        def __init__(self, connection: AsyncConnection[Row]) -> None: ...

        @overload
        def __init__(self, connection: AsyncConnection[Any], *, row_factory: AsyncRowFactory[Row]) -> None: ...

        def __init__(self, connection: AsyncConnection[Any], *, row_factory: Any = None) -> None: ...

        async def execute(
            self,
            query: Query,
            params: Params | None = None,
            *,
            prepare: bool | None = None,
            binary: bool | None = None,
            timeout: float | None = None,
        ) -> Self: ...

        async def executemany(
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
        ) -> AsyncIterator[Row]: ...

        async def fetchone(self) -> Row | None: ...

        async def fetchmany(self, size: int | None = 0) -> list[Row]: ...

        async def fetchall(self) -> list[Row]: ...

        async def scroll(self, value: int, mode: str = "relative") -> None: ...

        async def close(self) -> None: ...

        async def __aenter__(self) -> Self: ...

        async def __aexit__(
            self,
            exc_type: type[BaseException] | None,
            exc_val: BaseException | None,
            exc_tb: TracebackType | None,
        ) -> None: ...

        def __aiter__(self) -> Self: ...

        async def __anext__(self) -> Row: ...
