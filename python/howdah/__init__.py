"""howdah: a PostgreSQL driver with psycopg's API and its own protocol engine.

    import howdah

    with howdah.connect("dbname=test") as conn:
        print(conn.execute("select 1 + %s", (1,)).fetchone())

`AsyncConnection.connect()` gives the same for asyncio. The module is what PEP 249 describes.
"""

from __future__ import annotations

import logging

from . import abc as abc
from . import adapt as adapt
from . import arrow as arrow
from . import conninfo as conninfo
from . import copy as copy
from . import dbapi20 as dbapi20
from . import errors as errors
from . import generators as generators
from . import postgres as postgres
from . import pq as pq
from . import replication as replication
from . import rows as rows
from . import sql as sql
from . import types as types
from ._as_psycopg import install_as_psycopg
from ._capabilities import Capabilities, capabilities
from ._column import Column
from ._connection_base import BaseConnection
from ._copy import Copy
from ._copy_async import AsyncCopy
from ._enums import IsolationLevel
from ._howdah import __version__, _import
from ._info import ConnectionInfo
from ._listener import Listener
from ._listener_async import AsyncListener
from ._listener_base import Gap
from ._lobject import LargeObject
from ._lobject_async import AsyncLargeObject
from ._notify import Notify
from ._pipeline import Pipeline
from ._pipeline_async import AsyncPipeline
from ._server_cursor import ServerCursor
from ._server_cursor_async import AsyncServerCursor
from ._xid import Xid
from .arrow import read_arrow
from .client_cursor import AsyncClientCursor, ClientCursor
from .connection import Connection
from .connection_async import AsyncConnection
from .cursor import Cursor
from .cursor_async import AsyncCursor
from .dbapi20 import (
    BINARY,
    DATETIME,
    NUMBER,
    ROWID,
    STRING,
    Binary,
    Date,
    DateFromTicks,
    Time,
    TimeFromTicks,
    Timestamp,
    TimestampFromTicks,
)
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,  # noqa: A004 the name is PEP 249's
)
from .postgres import adapters
from .raw_cursor import AsyncRawCursor, AsyncRawServerCursor, RawCursor, RawServerCursor
from .transaction import AsyncTransaction, Rollback, Transaction

__all__ = [
    "AsyncClientCursor",
    "AsyncConnection",
    "AsyncCopy",
    "AsyncCursor",
    "AsyncLargeObject",
    "AsyncListener",
    "AsyncPipeline",
    "AsyncRawCursor",
    "AsyncRawServerCursor",
    "AsyncServerCursor",
    "AsyncTransaction",
    "BaseConnection",
    "Capabilities",
    "ClientCursor",
    "Column",
    "Connection",
    "ConnectionInfo",
    "Copy",
    "Cursor",
    "Gap",
    "IsolationLevel",
    "LargeObject",
    "Listener",
    "Notify",
    "Pipeline",
    "RawCursor",
    "RawServerCursor",
    "Rollback",
    "ServerCursor",
    "Transaction",
    "Xid",
    "__version__",
    "adapters",
    "capabilities",
    "install_as_psycopg",
    "read_arrow",
    # PEP 249
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
    "Warning",
    "Error",
    "InterfaceError",
    "DatabaseError",
    "DataError",
    "OperationalError",
    "IntegrityError",
    "InternalError",
    "ProgrammingError",
    "NotSupportedError",
    "Binary",
    "Date",
    "DateFromTicks",
    "Time",
    "TimeFromTicks",
    "Timestamp",
    "TimestampFromTicks",
    "BINARY",
    "DATETIME",
    "NUMBER",
    "ROWID",
    "STRING",
]

apilevel = "2.0"
threadsafety = 2
paramstyle = "pyformat"
connect = Connection.connect

# Warnings of the driver are seen; what it says about its work is not, unless the program asks.
_logger = logging.getLogger("howdah")
if _logger.level == logging.NOTSET:
    _logger.setLevel(logging.WARNING)

# What the extension needs of this package and of the standard library, while there is still an importer.
_import()
