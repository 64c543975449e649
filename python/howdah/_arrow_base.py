"""What the synchronous and the asynchronous ways to Arrow share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from .sql import SQL, Composable, Composed, Identifier

SchemaOverrides: TypeAlias = Mapping[str, Any]
"""Arrow types for columns, by their names: strings such as `"decimal128(12, 2)"`, or types of pyarrow's."""

BATCH_SIZE = 65536
"""How many rows a batch has, unless the caller says otherwise."""

_COPIED = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:select|values|table|with)\b", re.IGNORECASE | re.DOTALL)


def checked_size(batch_size: int) -> int:
    """Return a number of rows. Raises `ValueError` if it is less than one."""
    if batch_size < 1:
        raise ValueError("batch_size must be >= 1")
    return batch_size


def as_copy(query: Any, params: Any, is_binary: bool, context: Any) -> str | None:
    """Return the COPY that gives the rows of a query, `None` if there is none.

    A COPY takes no parameters, and neither EXPLAIN, SHOW nor EXECUTE.
    """
    if params is not None or not is_binary:
        return None
    text = query.as_string(context) if isinstance(query, Composable) else query
    if not isinstance(text, str) or ";" in text or not _COPIED.match(text):
        return None
    # What is behind a comment at the end belongs to the comment.
    return f"COPY (\n{text}\n) TO STDOUT (FORMAT binary)"


def columns_of(table: Identifier, context: Any) -> str:
    """Return the query that tells of the columns of a table."""
    quoted = table.as_string(context).replace("\\", "\\\\").replace("'", "''")
    return (
        "SELECT a.attname::pg_catalog.text, a.atttypid, a.atttypmod FROM pg_catalog.pg_attribute a"
        f" WHERE a.attrelid = E'{quoted}'::pg_catalog.regclass"
        " AND a.attnum > 0 AND NOT a.attisdropped"
    )


def copy_into(table: Identifier, columns: Sequence[str], is_binary: bool) -> Composed:
    """Return the COPY that takes rows for columns of a table."""
    return SQL("COPY {} ({}) FROM STDIN (FORMAT {})").format(
        table, SQL(", ").join(map(Identifier, columns)), SQL("binary" if is_binary else "text")
    )
