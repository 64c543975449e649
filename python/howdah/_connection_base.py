"""What the two kinds of connection share on the Python side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from . import errors
from ._compat import TypeVar
from ._notify import Notify

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

    def xid(self, format_id: int, gtrid: str, bqual: str) -> Any:
        """Raise `NotSupportedError`: two-phase commit is not built yet."""
        raise not_built("two-phase commit")


def not_built(what: str) -> errors.NotSupportedError:
    """Make the exception for a part of psycopg's API that howdah does not have yet."""
    return errors.NotSupportedError(f"{what} is not built yet in howdah")
