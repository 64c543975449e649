"""Exceptions: PEP 249's hierarchy, and one class for each SQLSTATE of PostgreSQL.

    Warning
    Error
        InterfaceError
        DatabaseError
            DataError, OperationalError, IntegrityError,
            InternalError, ProgrammingError, NotSupportedError
                UniqueViolation, QueryCanceled, ...

A server error is raised as the class of its SQLSTATE; a code that is not in PostgreSQL's list as
the PEP 249 class of its first two characters. `Error.diag` has what the server sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import _sqlstates_generated
from ._error_base import (
    DatabaseError,
    DataError,
    Diagnostic,
    Error,
    ErrorInfo,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 the name is PEP 249's
    class_for_sqlstate,
    get_base_exception,
    lookup,
)
from ._error_report import error_text, excerpt
from ._sqlstates_generated import *  # noqa: F403
from .pq._enums import DiagnosticField

if TYPE_CHECKING:
    from .pq.abc import PGconn, PGresult

__all__ = [
    "CancellationTimeout",
    "ConnectTimeout",
    "ConnectionTimeout",
    "DataError",
    "DatabaseError",
    "Diagnostic",
    "Error",
    "ErrorInfo",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationTimeout",
    "OperationalError",
    "PipelineAborted",
    "ProgrammingError",
    "Warning",
    "error_from_result",
    "finish_pgconn",
    "get_base_exception",
    "lookup",
]
__all__ += _sqlstates_generated.__all__


class ConnectionTimeout(OperationalError):
    """No connection within `connect_timeout`."""


class CancellationTimeout(OperationalError):
    """The server did not take a cancel request within the `timeout` of `cancel_safe()`."""


class _WaitTimeout(OperationalError):
    """A generator has not ended within the `timeout` of a function of `howdah.waiting`."""


class OperationTimeout(_sqlstates_generated.QueryCanceled, TimeoutError):
    """An operation was not over within its `timeout`, or the `operation_timeout` of its connection.

    It has been given up. The connection can be used, and is closed where it could not be brought to that in the time.
    """


class ConnectTimeout(ConnectionTimeout, OperationTimeout):
    """No connection within the `timeout` of `connect()`."""


class PipelineAborted(OperationalError):
    """The command was not run because an earlier one of the same pipeline failed."""


def error_from_result(result: PGresult, encoding: str = "utf-8") -> Error:
    """Make the exception that a result stands for, whose status is `FATAL_ERROR`."""
    fields = {field: result.error_field(field) for field in DiagnosticField}
    cls = class_for_sqlstate((fields[DiagnosticField.SQLSTATE] or b"").decode("ascii", "replace"))
    error = cls(result.get_error_message(encoding), info=fields, encoding=encoding)
    error._pgresult = result
    return error


def finish_pgconn(pgconn: PGconn) -> PGconn:
    """Close a `PGconn` that an exception is to show, and return it: it still tells what it was to connect to."""
    pgconn.finish()
    return pgconn


def _server_error(fields: Mapping[str, bytes], encoding: str, query: bytes | None = None) -> Error:
    """Make the exception for an ErrorResponse, whose fields are keyed by protocol letter.

    `query` is the text that the error position counts in: the one sent to the server in Query or
    Parse. It is `None` when the error answers the execution of a prepared statement.
    """
    cls = class_for_sqlstate(fields.get("C", b"").decode("ascii", "replace"))
    error = cls(error_text(fields, encoding, query), info=fields, encoding=encoding)
    error._of_server = True
    return error


def _connect_error(text: str, fields: Mapping[str, bytes]) -> Error:
    """Make the exception for connections that were refused, with the report of the last server that gave a reason.

    It is an `OperationalError` in any case.
    """
    cls = class_for_sqlstate(fields.get("C", b"").decode("ascii", "replace"))
    return (cls if issubclass(cls, OperationalError) else OperationalError)(text, info=fields)


def _note_place(error: BaseException, query: str, place: int) -> None:
    """Add to an exception where in a query it happened, as the program wrote it. Python 3.10 has no notes."""
    lines = excerpt(query, place + 1, "utf-8")
    add_note = getattr(error, "add_note", None)
    if lines and add_note:
        add_note("\n".join(["in the query as it was given:", *lines]))


def _diagnostic(fields: Mapping[str, bytes], encoding: str) -> Diagnostic:
    """Make what notice handlers receive."""
    return Diagnostic(fields, encoding)
