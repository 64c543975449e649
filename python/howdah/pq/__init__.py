"""libpq's objects, as psycopg's module `pq` has them, without libpq.

`PGconn` and `PGresult` are a face of howdah's own engine: `Connection.pgconn` and `Cursor.pgresult` give them, and
`PGconn.connect()` opens a connection that a program drives by itself. What is about libpq's memory, such as
pointers, raises `NotSupportedError`.
"""

from typing import Any, Final

from .._howdah import Conninfo, Escaping, PGcancel, PGcancelConn, PGconn, PGresult
from . import abc
from ._enums import (
    ConnStatus,
    DiagnosticField,
    ExecStatus,
    Format,
    Ping,
    PipelineStatus,
    PollingStatus,
    Trace,
    TransactionStatus,
)
from .misc import ConninfoOption, PGnotify, PGresAttDesc, error_message, version_pretty

__all__ = [
    "ConnStatus",
    "Conninfo",
    "ConninfoOption",
    "DiagnosticField",
    "Escaping",
    "ExecStatus",
    "Format",
    "PGcancel",
    "PGcancelConn",
    "PGconn",
    "PGnotify",
    "PGresAttDesc",
    "PGresult",
    "Ping",
    "PipelineStatus",
    "PollingStatus",
    "Trace",
    "TransactionStatus",
    "error_message",
    "version",
    "version_pretty",
]

__impl__: Final = "howdah"
"""Who implements the module: neither `python`, nor `c`, nor `binary`, which are psycopg's."""

__build_version__: Final = 180000
"""The version of libpq that the module stands for."""


def version() -> int:
    """Return the version of libpq that the module stands for: 180000, though there is none."""
    return __build_version__


def _describe(protocol: type, made: type) -> None:
    """Give the members of a protocol the docstrings of the class that it describes."""
    for name, member in vars(protocol).items():
        function: Any = getattr(member, "__func__", member)
        if not name.startswith("_") and not function.__doc__:
            function.__doc__ = getattr(made, name).__doc__


for _protocol, _made in (
    (abc.Conninfo, Conninfo),
    (abc.Escaping, Escaping),
    (abc.PGcancel, PGcancel),
    (abc.PGcancelConn, PGcancelConn),
    (abc.PGconn, PGconn),
    (abc.PGresult, PGresult),
):
    _describe(_protocol, _made)
