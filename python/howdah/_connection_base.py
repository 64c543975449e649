"""What the two kinds of connection share on the Python side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeAlias

from . import _howdah, errors
from ._compat import TypeVar
from ._notify import Notify
from ._xid import Xid
from .rows import Row

CursorRow = TypeVar("CursorRow")

NoticeHandler: TypeAlias = Callable[[errors.Diagnostic], None]
NotifyHandler: TypeAlias = Callable[[Notify], None]


class BaseConnection(_howdah.BaseConnection, Generic[Row]):
    """What synchronous and asynchronous connections share."""

    __slots__ = ()

    # Source: PEP 249, optional extensions.
    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def xid(self, format_id: int, gtrid: str, bqual: str) -> Xid:
        """Make the identifier of a two-phase transaction, of the three parts of X/Open XA.

        `format_id` is a number of 31 bits, the others are strings of 64 characters at most: else it raises
        `ValueError`.
        """
        return Xid.from_parts(format_id, gtrid, bqual)
