"""The asynchronous large object."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from . import _howdah
from ._lobject_base import CHUNK, File, as_raw_file_async, described, opened, settled_async
from .pq import TransactionStatus

if TYPE_CHECKING:
    from types import TracebackType

    from ._compat import Self
    from .abc import Buffer


@as_raw_file_async
class AsyncLargeObject(_howdah.BaseLargeObject):
    """A large object of the server, as a file of bytes.

    What `AsyncConnection.lobject()` gives. It has a position, where it reads and writes, and is open until it
    is closed or its transaction ends, whichever comes first. After the end of the transaction, and after a
    rollback to a savepoint from before it was opened, its methods raise `ProgrammingError`; closed, they
    raise `InterfaceError`.
    """

    __module__ = "howdah"
    __slots__ = ()

    def __repr__(self) -> str:
        return described(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def readall(self) -> bytes:
        """Read all from the position on."""
        return await self.read()

    async def readinto(self, buffer: Buffer) -> int:
        """Read into a buffer that can be written to; return how many bytes."""
        view = memoryview(buffer).cast("B")
        data = await self.read(len(view))
        view[: len(data)] = data
        return len(data)

    async def chunks(self, size: int = CHUNK) -> AsyncIterator[bytes]:
        """Yield what there is from the position on, `size` bytes at a time; the last may be shorter."""
        if size < 1:
            raise ValueError("size must be >= 1")
        while data := await self.read(size):
            yield data

    async def truncate(self, size: int | None = None) -> int:
        """Make the object end at `size`, by default at the position; return that.

        A longer one is cut off, a shorter one gets zeros. The position stays.
        """
        return await self._truncate(await self.tell() if size is None else size)

    async def flush(self) -> None:
        """Do nothing: what was written is at the server."""

    def seekable(self) -> bool:
        """Return `True`."""
        return True

    def isatty(self) -> bool:
        """Return `False`."""
        return False

    def fileno(self) -> int:
        """Raise `io.UnsupportedOperation`: the descriptor is one of the server's."""
        raise io.UnsupportedOperation("a large object has no file descriptor")

    async def export(self, file: File) -> int:
        """Write all of the object to a file, a path or an open one of bytes; return how much.

        The position stays, and it need not be open. It is read a MiB at a time. What had been written
        of the file stays if an exception is raised. On asyncio a path is written to in the loop; the
        methods of an open file may be coroutine functions.
        """
        total = 0
        source = AsyncLargeObject(self.connection, self.oid, "r")
        with opened(file, "wb") as out:
            await source._open(False)
            async with source:
                async for data in source.chunks():
                    await settled_async(out.write(data))
                    total += len(data)
        return total

    async def _copy_from(self, file: File) -> None:
        """Fill a new object with what a file has; delete it again if that fails."""
        try:
            with opened(file, "rb") as data:
                while piece := await settled_async(data.read(CHUNK)):
                    await self._write(piece)
            if self.mode == "n":
                await self.close()
            else:
                await self.seek(0)
        except BaseException:
            if self.connection.info.transaction_status == TransactionStatus.INTRANS:
                await self.unlink()
            raise

    # What follows exists in the extension, and is used from there directly; these are its types.
    if TYPE_CHECKING:

        async def read(self, size: int | None = -1) -> bytes: ...

        async def write(self, data: Buffer) -> int: ...

        async def seek(self, offset: int, whence: int = 0) -> int: ...

        async def tell(self) -> int: ...

        async def close(self) -> None: ...

        async def unlink(self) -> None: ...

        async def _open(self, create: bool, fill: bool = False) -> None: ...

        async def _write(self, data: Buffer) -> int: ...

        async def _truncate(self, size: int) -> int: ...
