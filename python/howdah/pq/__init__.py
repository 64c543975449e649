"""libpq's objects, as psycopg's module `pq` has them, without libpq.

`PGconn` and `PGresult` are a face of howdah's own engine: `Connection.pgconn` and `Cursor.pgresult` give them, and
`PGconn.connect()` opens a connection that a program drives by itself. What is about libpq's memory, such as
pointers, raises `NotSupportedError`.
"""

from .._howdah import PGconn, PGresult
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
    "ConninfoOption",
    "DiagnosticField",
    "ExecStatus",
    "Format",
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
    "version_pretty",
]
