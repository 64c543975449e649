"""Results in columns, as Arrow's record batches, which pyarrow, polars, pandas, duckdb and others take without a copy.

    table = howdah.read_arrow(conn, "select * from measurements")
    frame = polars.DataFrame(table)

`fetch_arrow()` and `stream_arrow()` of a cursor give the same of a result that has come, and of one that comes;
`copy_arrow()` writes such data into a table. docs/arrow.md tells which types become which.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, overload

from ._arrow_base import BATCH_SIZE, SchemaOverrides
from ._howdah import ArrowBatch, ArrowTable

if TYPE_CHECKING:
    from ._cursor_base import Params, Query
    from .connection import Connection
    from .connection_async import AsyncConnection

__all__ = ["ArrowBatch", "ArrowTable", "SchemaOverrides", "read_arrow"]


@overload
def read_arrow(
    connection: Connection[Any],
    query: Query,
    params: Params | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    schema_overrides: SchemaOverrides | None = None,
) -> ArrowTable: ...


@overload
def read_arrow(
    connection: AsyncConnection[Any],
    query: Query,
    params: Params | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    schema_overrides: SchemaOverrides | None = None,
) -> Awaitable[ArrowTable]: ...


def read_arrow(
    connection: Connection[Any] | AsyncConnection[Any],
    query: Query,
    params: Params | None = None,
    *,
    batch_size: int = BATCH_SIZE,
    schema_overrides: SchemaOverrides | None = None,
) -> ArrowTable | Awaitable[ArrowTable]:
    """Execute a query and return all its rows in columns, in batches of `batch_size` rows at most.

    Of an asynchronous connection it returns an awaitable of that. The rows become columns as they arrive, and no Python
    objects are made of them. A query without parameters is read by a binary COPY where COPY takes it.

    Raises `ProgrammingError` for a statement that gives no rows, `DataError` for a value that its column's Arrow type
    cannot hold, and `NotSupportedError` for a type in `schema_overrides` that the column cannot be read as.
    """
    return connection.cursor()._read_arrow(query, params, batch_size, schema_overrides)
