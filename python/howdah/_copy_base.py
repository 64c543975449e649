"""What the synchronous and the asynchronous COPY share."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Iterable, Sequence
from operator import index
from typing import Any, TypeAlias

Rows: TypeAlias = Iterable[Sequence[Any]]
"""What `write_rows()` takes."""

AsyncRows: TypeAlias = Rows | AsyncIterable[Sequence[Any]]
"""The same for asyncio."""

FLUSH_THRESHOLD = 1024 * 1024
"""How many bytes a writer keeps before it sends them."""

BLOCK_SIZE = 128 * 1024
"""How many bytes a piece of the data has that comes out."""

QUEUE_SIZE = 8
"""How many such pieces may wait for a worker."""


def checked_size(size: int) -> int:
    """Return how many bytes a piece has, no more than memory can. Raises `ValueError` if that is negative."""
    size = index(size)
    if size < 0:
        raise ValueError("size must not be negative")
    return min(size, sys.maxsize)


def reason_of(exc: BaseException | None) -> str | None:
    """Return what the server is told of an exception, `None` if there is none."""
    if exc is None:
        return None
    return f"the client has raised {type(exc).__name__}: {exc}".replace("\0", "")


def described(copy: Any) -> str:
    """Return what `repr()` gives of a COPY."""
    cls = type(copy)
    return f"<{cls.__module__}.{cls.__qualname__} {copy.connection._summary()} at 0x{id(copy):x}>"
