"""The enumerations of psycopg's `pq` module.

howdah has no libpq, so nothing else of that module exists.
"""

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

__all__ = [
    "ConnStatus",
    "DiagnosticField",
    "ExecStatus",
    "Format",
    "Ping",
    "PipelineStatus",
    "PollingStatus",
    "Trace",
    "TransactionStatus",
]
