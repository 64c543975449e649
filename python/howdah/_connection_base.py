"""What the two kinds of connection share on the Python side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import errors
from ._compat import TypeVar
from ._howdah import BaseConnection
from ._notify import Notify
from ._xid import Xid

CursorRow = TypeVar("CursorRow")

NoticeHandler: TypeAlias = Callable[[errors.Diagnostic], None]
NotifyHandler: TypeAlias = Callable[[Notify], None]


class Dbapi20Errors:
    """The exception classes as attributes of a connection. Source: PEP 249, optional extensions."""

    __slots__ = ()

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


# A connection class that is neither `Connection` nor `AsyncConnection` has them as well.
for _name in ("Warning", *(name for name in vars(Dbapi20Errors) if name.endswith("Error"))):
    setattr(BaseConnection, _name, getattr(Dbapi20Errors, _name))
