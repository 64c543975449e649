"""What the synchronous and the asynchronous large objects share."""

from __future__ import annotations

import io
import os
from contextlib import AbstractContextManager, nullcontext
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar

from . import pq

File: TypeAlias = "str | os.PathLike[str] | Any"
"""A path, or an open file of bytes."""

CHUNK = 1024 * 1024
"""How much is read at once where all of an object is, in bytes."""

_T = TypeVar("_T", bound=type[Any])
_V = TypeVar("_V")


def described(lobject: Any) -> str:
    """Return what `repr()` gives of a large object."""
    cls = type(lobject)
    status = pq.TransactionStatus(lobject.connection.info.transaction_status).name
    state = "closed" if lobject.closed else f"mode {lobject.mode!r}"
    return f"<{cls.__module__}.{cls.__qualname__} {lobject.oid} ({state}) [{status}] at 0x{id(lobject):x}>"


def opened(file: File, mode: str) -> AbstractContextManager[Any]:
    """Open a path for a `with` block; an open file stays as it is."""
    return open(file, mode) if isinstance(file, str | os.PathLike) else nullcontext(file)


def settled(value: _V) -> _V:
    """Return it."""
    return value


async def settled_async(value: Any) -> Any:
    """Return it, or what comes of it if it can be awaited."""
    return await value if isawaitable(value) else value


def as_raw_file(cls: _T) -> _T:
    """Have a class count as one of raw files."""
    io.RawIOBase.register(cls)
    return cls


def as_raw_file_async(cls: _T) -> _T:
    """Leave it as it is: its methods give awaitables."""
    return cls
