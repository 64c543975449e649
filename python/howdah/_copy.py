# Made from _copy_async.py by tools/async_to_sync.py: do not edit.
"""The synchronous COPY, and what writes its data."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import (
    Iterator,
)
from typing import TYPE_CHECKING, Any, ClassVar

from . import _howdah
from ._copy_base import BLOCK_SIZE, FLUSH_THRESHOLD, QUEUE_SIZE, Rows, checked_size, described, reason_of
from ._progress import Meter, Progress
from ._shell import Queue, join_worker, start_worker
from .abc import Buffer

if TYPE_CHECKING:
    from types import TracebackType

    from ._compat import Self
    from .cursor import Cursor

_logger = logging.getLogger("howdah")


class Copy(_howdah.BaseCopy):
    """A COPY that runs: data for the server, or data from it.

    What `Cursor.copy()` gives. At the end of its block the COPY is ended: well, or, if an exception
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

    writer: Writer | None

    def __init__(self, cursor: Cursor[Any], *, binary: bool | None = None, writer: Writer | None = None) -> None:
        self.writer = writer
        self._entered = False
        self._finished = False
        self._meter = Meter(None)

    def __repr__(self) -> str:
        return described(self)

    def __enter__(self) -> Self:
        if self._entered:
            raise TypeError("the block of a COPY can be entered only once")
        self._entered = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            self.finish(exc_val)
        except Exception as error:
            if exc_val is None:
                raise
            _logger.warning("error ignored at the end of %r: %s", self, error)

    def __iter__(self) -> Iterator[Buffer]:
        """Yield the data that the server sends, as it comes: a row at a time."""
        while data := self.read():
            yield data

    def blocks(self, size: int = BLOCK_SIZE) -> Iterator[bytes]:
        """Yield the data that the server sends in pieces of many rows, which is quicker where rows do not matter.

        A piece is given when about `size` bytes of data have been received, or all that is left; with 0 as soon as
        there is any. Each ends where a row does, and may be larger. Raises `ValueError` at once if `size` is negative.
        """
        return self._blocks(checked_size(size))

    def _blocks(self, size: int) -> Iterator[bytes]:
        while data := self._read_block(size):
            yield data

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows that the server sends, each as a tuple.

        Values are str, or bytes in the binary format, unless `set_types()` was called. The CSV format is
        not read.
        """
        while (row := self.read_row()) is not None:
            yield row

    def write(self, buffer: Buffer | str) -> None:
        """Write data in the format of the COPY; it need not end where a row does.

        It is sent when there is enough of it. Raises what the server says of earlier data, if that has
        come, and `TypeError` for a str in the binary format.
        """
        if self._format(buffer):
            self._flush_out()

    def write_rows(self, rows: Rows, *, progress: Progress = None) -> None:
        """Write the rows of an iterable, which is quicker than one call for each.

        What the iterable raises comes out; the rows before stay written. `progress` is told how far the COPY
        has come, instead of what the COPY was given for that, see `Cursor.copy()`.
        """
        before = self._meter
        if progress is not None:
            self._use(Meter(progress))
        try:
            self._meter.expect(rows)
            self._write_all(rows)
            if progress is not None:
                self._report()
        finally:
            if progress is not None:
                self._meter.close()
                self._use(before)

    def _write_all(self, rows: Rows) -> None:
        iterator = iter(rows)
        while self._format_rows(iterator):
            self._flush_out()

    def finish(self, exc: BaseException | None) -> None:
        """End the COPY, with an error if there was an exception. Called at the end of the block.

        Raises what the server says of the data.
        """
        if self._finished:
            return
        self._finished = True
        try:
            if exc is None:
                self._complete()
        except BaseException as error:
            if self.writer is not None:
                self.writer.finish(error)
            self._end(reason_of(error))
            raise
        finally:
            self._meter.close()
        if self.writer is not None:
            self.writer.finish(exc)
        self._end(reason_of(exc))

    def _complete(self) -> None:
        if self._is_in:
            self._format_end()
        self._report()
        if self.writer is not None and (data := self._take()):
            self.writer.write(data)

    if TYPE_CHECKING:

        def read(self) -> bytes: ...

        def _read_block(self, size: int) -> bytes: ...

        def read_row(self) -> tuple[Any, ...] | None: ...

    def _flush_out(self) -> None:
        if self.writer is None:
            self._flush()
        else:
            self.writer.write(self._take())
        self._report()

    def _use(self, meter: Meter) -> None:
        self._meter = meter
        self._set_reports(meter.report is not None)

    def _report(self) -> None:
        if self._meter.report is not None and (counts := self._counts()) is not None:
            self._meter.report(*counts)


class Writer(ABC):
    """Where the data of a COPY goes that a program writes. A base for writers of the program's own."""

    @abstractmethod
    def write(self, data: Buffer) -> None:
        """Write data."""

    def finish(self, exc: BaseException | None = None) -> None:
        """End: called once, with the exception that has ended the COPY, if one has."""
        return None


class LibpqWriter(Writer):
    """Writes to the server, as a COPY does that is given no writer.

    It sends when `flush_threshold` bytes are there, and waits until they are on their way.
    """

    __module__ = "howdah.copy"

    def __init__(self, cursor: Cursor[Any], *, flush_threshold: int = FLUSH_THRESHOLD) -> None:
        self.cursor = cursor
        self.connection = cursor.connection
        self.flush_threshold = flush_threshold
        self._copy = _howdah.BaseCopy(cursor)
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: Buffer) -> None:
        """Write data, mostly to memory."""
        self._waiting.append(bytes(data))
        self._size += len(data)
        if self._size >= self.flush_threshold:
            self._send(self._gather())

    def finish(self, exc: BaseException | None = None) -> None:
        """Send what is left and end the COPY, or have it fail. Raises what the server says of it."""
        data = self._gather()
        if exc is None and data:
            self._send(data)
        self._copy._end(reason_of(exc))

    def _send(self, data: bytes) -> None:
        self._copy._put(data)

    def _gather(self) -> bytes:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        return data


class QueuedLibpqWriter(LibpqWriter):
    """Writes to the server beside the program, which goes on while data is sent.

    The queue between the two is bounded: a program that is faster than the network waits.
    """

    __module__ = "howdah.copy"

    def __init__(self, cursor: Cursor[Any], *, flush_threshold: int = FLUSH_THRESHOLD) -> None:
        super().__init__(cursor, flush_threshold=flush_threshold)
        self._queue: Queue[bytes] = Queue(QUEUE_SIZE)
        self._worker: Any = None
        self._stopped = False
        self._failure: BaseException | None = None

    def worker(self) -> None:
        """Send what is in the queue, up to the empty data at its end."""
        while data := self._queue.get():
            if self._stopped:
                continue
            try:
                self._copy._put(data)
            except BaseException as error:
                self._failure = error
                self._stopped = True

    def finish(self, exc: BaseException | None = None) -> None:
        """Wait until all was sent, and end the COPY. Raises what the server says of it."""
        data = self._gather()
        try:
            self._stopped |= exc is not None
            if data and not self._stopped:
                self._send(data)
            self._join()
        except BaseException as error:
            self._stopped = True
            self._join()
            self._copy._end(reason_of(error))
            raise
        if exc is None and self._failure is not None:
            raise self._failure
        self._copy._end(reason_of(exc))

    def _send(self, data: bytes) -> None:
        if self._failure is not None:
            raise self._failure
        if self._worker is None:
            self._worker = start_worker(self.worker)
        self._queue.put(data)

    def _join(self) -> None:
        if self._worker is not None:
            self._queue.put(b"")
            join_worker(self._worker)
            self._worker = None
