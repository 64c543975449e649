"""COPY: what `copy()` of a cursor gives, and what writes its data."""

from __future__ import annotations

from typing import IO

from ._copy import Copy, LibpqWriter, QueuedLibpqWriter, Writer
from ._copy_async import AsyncCopy, AsyncLibpqWriter, AsyncQueuedLibpqWriter, AsyncWriter
from .abc import Buffer

__all__ = [
    "AsyncCopy",
    "AsyncLibpqWriter",
    "AsyncQueuedLibpqWriter",
    "AsyncWriter",
    "Copy",
    "FileWriter",
    "LibpqWriter",
    "QueuedLibpqWriter",
    "Writer",
]


class FileWriter(Writer):
    """Writes the data of a COPY to a file that was opened for bytes, which stays open."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def write(self, data: Buffer) -> None:
        """Write data to the file."""
        self.file.write(data)
