"""The asynchronous COPY, and what writes its data."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import (
    AsyncIterator,
    Sequence,  # async only
)
from typing import TYPE_CHECKING, Any, ClassVar

from . import _howdah
from ._copy_base import BLOCK_SIZE, FLUSH_THRESHOLD, QUEUE_SIZE, AsyncRows, checked_size, described, reason_of
from ._progress import Meter, Progress
from ._shell import AsyncQueue, join_worker_async, start_worker_async
from .abc import Buffer

if TYPE_CHECKING:
    from types import TracebackType

    from ._compat import Self
    from .cursor_async import AsyncCursor

_logger = logging.getLogger("howdah")


class AsyncCopy(_howdah.BaseCopy):
    """A COPY that runs: data for the server, or data from it.

    What `AsyncCursor.copy()` gives. At the end of its block the COPY is ended: well, or, if an exception
    leaves the block, with an error on the server that undoes it; the connection can be used in both
    cases. With a `writer` what is written goes there instead of the server. Made by itself, it only
    formats rows, in the binary format if `binary` says so, for its writer.
    """

    __module__ = "howdah"
    __slots__: ClassVar = {
        "__dict__": None,
        "_entered": None,
        "_finished": None,
        "_meter": None,
        "writer": "What takes the data in the server's place; `None` if nothing does.",
    }

    writer: AsyncWriter | None

    def __init__(
        self, cursor: AsyncCursor[Any], *, binary: bool | None = None, writer: AsyncWriter | None = None
    ) -> None:
        self.writer = writer
        self._entered = False
        self._finished = False
        self._meter = Meter(None)

    def __repr__(self) -> str:
        return described(self)

    async def __aenter__(self) -> Self:
        if self._entered:
            raise TypeError("the block of a COPY can be entered only once")
        self._entered = True
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            await self.finish(exc_val)
        except Exception as error:
            if exc_val is None:
                raise
            _logger.warning("error ignored at the end of %r: %s", self, error)

    async def __aiter__(self) -> AsyncIterator[Buffer]:
        """Yield the data that the server sends, as it comes: a row at a time."""
        while data := await self.read():
            yield data

    def blocks(self, size: int = BLOCK_SIZE) -> AsyncIterator[bytes]:
        """Yield the data that the server sends in pieces of many rows, which is quicker where rows do not matter.

        A piece is given when about `size` bytes of data have been received, or all that is left; with 0 as soon as
        there is any. Each ends where a row does, and may be larger. Raises `ValueError` at once if `size` is negative.
        """
        return self._blocks(checked_size(size))

    async def _blocks(self, size: int) -> AsyncIterator[bytes]:
        while data := await self._read_block(size):
            yield data

    async def rows(self) -> AsyncIterator[tuple[Any, ...]]:
        """Yield the rows that the server sends, each as a tuple.

        Values are str, or bytes in the binary format, unless `set_types()` was called. The CSV format is
        not read.
        """
        while (row := await self.read_row()) is not None:
            yield row

    async def write(self, buffer: Buffer | str) -> None:
        """Write data in the format of the COPY; it need not end where a row does.

        It is sent when there is enough of it. Raises what the server says of earlier data, if that has
        come, and `TypeError` for a str in the binary format.
        """
        if self._format(buffer):
            await self._flush_out()

    async def write_row(self, row: Sequence[Any]) -> None:  # type: ignore[override]  # async only
        """Write a row in the format of the COPY; for the binary one see `set_types()`."""  # async only
        if self._format_row(row):  # async only
            await self._flush_out()  # async only

    async def write_rows(self, rows: AsyncRows, *, progress: Progress = None) -> None:
        """Write the rows of an iterable, which is quicker than one call for each.

        What the iterable raises comes out; the rows before stay written. `progress` is told how far the COPY
        has come, instead of what the COPY was given for that, see `AsyncCursor.copy()`.
        """
        before = self._meter
        if progress is not None:
            self._use(Meter(progress))
        try:
            self._meter.expect(rows)
            await self._write_all(rows)
            if progress is not None:
                self._report()
        finally:
            if progress is not None:
                self._meter.close()
                self._use(before)

    async def _write_all(self, rows: AsyncRows) -> None:
        if hasattr(rows, "__aiter__"):  # async only
            async for row in rows:  # async only
                if self._format_row(row):  # async only
                    await self._flush_out()  # async only
            return  # async only
        iterator = iter(rows)
        while self._format_rows(iterator):
            await self._flush_out()

    async def finish(self, exc: BaseException | None) -> None:
        """End the COPY, with an error if there was an exception. Called at the end of the block.

        Raises what the server says of the data.
        """
        if self._finished:
            return
        self._finished = True
        try:
            if exc is None:
                await self._complete()
        except BaseException as error:
            if self.writer is not None:
                await self.writer.finish(error)
            await self._end(reason_of(error))
            raise
        finally:
            self._meter.close()
        if self.writer is not None:
            await self.writer.finish(exc)
        await self._end(reason_of(exc))

    async def _complete(self) -> None:
        if self._is_in:
            self._format_end()
        self._report()
        if self.writer is not None and (data := self._take()):
            await self.writer.write(data)

    if TYPE_CHECKING:

        async def read(self) -> bytes: ...

        async def _read_block(self, size: int) -> bytes: ...

        async def read_row(self) -> tuple[Any, ...] | None: ...

    async def _flush_out(self) -> None:
        if self.writer is None:
            await self._flush()
        else:
            await self.writer.write(self._take())
        self._report()

    def _use(self, meter: Meter) -> None:
        self._meter = meter
        self._set_reports(meter.report is not None)

    def _report(self) -> None:
        if self._meter.report is not None and (counts := self._counts()) is not None:
            self._meter.report(*counts)


class AsyncWriter(ABC):
    """Where the data of a COPY goes that a program writes. A base for writers of the program's own."""

    @abstractmethod
    async def write(self, data: Buffer) -> None:
        """Write data."""

    async def finish(self, exc: BaseException | None = None) -> None:
        """End: called once, with the exception that has ended the COPY, if one has."""
        return None


class AsyncLibpqWriter(AsyncWriter):
    """Writes to the server, as a COPY does that is given no writer.

    It sends when `flush_threshold` bytes are there, and waits until they are on their way.
    """

    __module__ = "howdah.copy"

    def __init__(self, cursor: AsyncCursor[Any], *, flush_threshold: int = FLUSH_THRESHOLD) -> None:
        self.cursor = cursor
        self.connection = cursor.connection
        self.flush_threshold = flush_threshold
        self._copy = _howdah.BaseCopy(cursor)
        self._waiting: list[bytes] = []
        self._size = 0

    async def write(self, data: Buffer) -> None:
        """Write data, mostly to memory."""
        self._waiting.append(bytes(data))
        self._size += len(data)
        if self._size >= self.flush_threshold:
            await self._send(self._gather())

    async def finish(self, exc: BaseException | None = None) -> None:
        """Send what is left and end the COPY, or have it fail. Raises what the server says of it."""
        data = self._gather()
        if exc is None and data:
            await self._send(data)
        await self._copy._end(reason_of(exc))

    async def _send(self, data: bytes) -> None:
        await self._copy._put(data)

    def _gather(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return data


class AsyncQueuedLibpqWriter(AsyncLibpqWriter):
    """Writes to the server beside the program, which goes on while data is sent.

    The queue between the two is bounded: a program that is faster than the network waits.
    """

    __module__ = "howdah.copy"

    def __init__(self, cursor: AsyncCursor[Any], *, flush_threshold: int = FLUSH_THRESHOLD) -> None:
        super().__init__(cursor, flush_threshold=flush_threshold)
        self._queue: AsyncQueue[bytes] = AsyncQueue(QUEUE_SIZE)
        self._worker: Any = None
        self._stopped = False
        self._failure: BaseException | None = None

    async def worker(self) -> None:
        """Send what is in the queue, up to the empty data at its end."""
        while data := await self._queue.get():
            if self._stopped:
                continue
            try:
                await self._copy._put(data)
            except BaseException as error:
                self._failure = error
                self._stopped = True

    async def finish(self, exc: BaseException | None = None) -> None:
        """Wait until all was sent, and end the COPY. Raises what the server says of it."""
        data = self._gather()
        try:
            self._stopped |= exc is not None
            if data and not self._stopped:
                await self._send(data)
            await self._join()
        except BaseException as error:
            self._stopped = True
            await self._join()
            await self._copy._end(reason_of(error))
            raise
        if exc is None and self._failure is not None:
            raise self._failure
        await self._copy._end(reason_of(exc))

    async def _send(self, data: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if self._worker is None:
            self._worker = start_worker_async(self.worker)
        await self._queue.put(data)

    async def _join(self) -> None:
        if self._worker is not None:
            await self._queue.put(b"")
            await join_worker_async(self._worker)
            self._worker = None
