"""What a case and a target are."""

from __future__ import annotations

import enum
import functools
import itertools
from dataclasses import dataclass
from typing import Any

__all__ = ["Case", "Kind", "Target"]


class Kind(enum.Enum):
    """What one operation is."""

    QUERY = "query"  # execute the statement and fetch every row
    CONNECT = "connect"  # open a connection and close it
    IDLE = "idle"  # open a connection, execute the statement once, and keep it
    MANY = "many"  # executemany() with `batch` sets of parameters
    PIPELINE = "pipeline"  # execute the statement `batch` times in a pipeline, and fetch every row
    TRANSACTION = "transaction"  # without autocommit: execute the statement, fetch every row, commit
    TASKS = "tasks"  # `batch` tasks at once, each of which executes the statement and fetches every row
    STREAM = "stream"  # iterate over the rows as they arrive
    ROW_STREAM = "row-stream"  # the same, where the figure is time
    ONCE = "once"  # execute a statement whose text was never seen before, and fetch every row
    ONCE_TYPED = "once-typed"  # the same, where the type of its parameter is named
    ROWS = "rows"  # execute the statement and fetch every row, as `row_factory` makes it
    SERVER = "server"  # declare a cursor in the server, in a transaction, and iterate over its rows
    COPY_IN = "copy-in"  # copy `rows` rows into a table, one call for each
    COPY_ROWS = "copy-rows"  # the same with one call for all of them, where a driver has it
    COPY_OUT = "copy-out"  # copy `rows` rows out, each as a tuple of Python's values
    COPY_RAW = "copy-raw"  # copy data out as it is, into a file
    ARROW_OUT = "arrow-out"  # make a polars DataFrame of the rows
    ARROW_OUT_MEMORY = "arrow-out-memory"  # the same, where the figure is memory
    ARROW_IN = "arrow-in"  # execute the statement, then write a table of pyarrow's into one of the server

    @property
    def is_copy(self) -> bool:
        """Whether the statement is a COPY."""
        return self in (Kind.COPY_IN, Kind.COPY_ROWS, Kind.COPY_OUT, Kind.COPY_RAW)

    @property
    def is_arrow(self) -> bool:
        """Whether it is about Arrow data."""
        return self in (Kind.ARROW_OUT, Kind.ARROW_OUT_MEMORY, Kind.ARROW_IN)

    @property
    def is_bulk(self) -> bool:
        """Whether the operation itself counts its rows: they are too many, or no rows, to be fetched for a check."""
        return self is Kind.STREAM or self.is_copy or self.is_arrow

    @property
    def is_peak(self) -> bool:
        """Whether the figure is the most memory that one operation takes."""
        return self in (Kind.STREAM, Kind.ARROW_OUT_MEMORY)

    @property
    def is_memory(self) -> bool:
        """Whether the figure is memory and not time."""
        return self is Kind.IDLE or self.is_peak


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    `sql` has `%s` for parameters; `rows` is None for a statement without a result. `first` is the first row, with
    `...` for a value that drivers give in different classes. Rust drivers other than the floor have no part in a case
    that is about Python's objects. A driver that gives JSON as text by default is to parse it if `parsed_json`. Where
    `drivers` is given, only they have the case at all. With `wall` the figure is time by the clock: several threads.
    """

    name: str
    title: str
    sql: str = "select 1+1"
    params: tuple[Any, ...] = ()
    rows: int | None = 1
    first: tuple[Any, ...] | None = (2,)
    kind: Kind = Kind.QUERY
    connections: int = 1
    python_only: bool = False
    parsed_json: bool = False
    batch: int = 1
    drivers: tuple[str, ...] = ()
    wall: bool = False
    row_factory: str = ""

    @functools.cached_property
    def numbered(self) -> str:
        """The statement with `$1`, `$2`, ... for its parameters."""
        head, *rest = self.sql.split("%s")
        return head + "".join(f"${i}{part}" for i, part in zip(itertools.count(1), rest, strict=False))

    def as_json(self) -> dict[str, Any]:
        """What a Rust worker is told of it; the Python workers import this module."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "numbered": self.numbered,
            "params": [{"size": len(each)} if isinstance(each, bytes) else each for each in self.params],
            "rows": self.rows,
            "connections": self.connections,
            "batch": self.batch,
        }


@dataclass(frozen=True)
class Target:
    """A ratio of a case's figure that `driver` may not exceed in comparison with the best of `peers`."""

    case: str
    driver: str
    limit: float
    peers: tuple[str, ...]
