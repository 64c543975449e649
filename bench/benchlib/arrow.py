"""Arrow: its cases, its targets, and what each Python driver does for them."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from .model import Case, Kind, Target

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARROW_CASES", "ARROW_SCHEMA", "ARROW_TARGETS", "prepare_arrow", "read_frames", "write_tables"]

ROWS = 1_000_000
TABLE, INTO = "arrow", "arrow_in"
READ = f"select a, b, c, d from howdah_bench.{TABLE}"
# 2024-01-01 UTC, and from one row to the next, in microseconds.
EPOCH, STEP = 1_704_067_200_000_000, 11_250_000
READERS = ("howdah/sync", "adbc/sync", "connectorx/sync")

ARROW_SCHEMA = (
    f"create unlogged table howdah_bench.{TABLE} as select n::int as a, n / 7.0::float8 as b,"
    " timestamptz '2024-01-01 UTC' + n * interval '11.25 s' as c, 'the name of number ' || n as d"
    f" from generate_series(1, {ROWS}) n",
    f"create unlogged table howdah_bench.{INTO} (like howdah_bench.{TABLE})",
    f"analyze howdah_bench.{TABLE}",
)

ARROW_CASES = (
    Case(
        "arrow-out",
        "1,000,000 rows of int, float8, timestamptz, text to a polars DataFrame",
        READ,
        rows=ROWS,
        kind=Kind.ARROW_OUT,
        drivers=READERS,
    ),
    Case(
        "arrow-out-memory",
        "peak memory of the same, above a connection",
        READ,
        rows=ROWS,
        kind=Kind.ARROW_OUT_MEMORY,
        drivers=READERS,
    ),
    Case(
        "arrow-in",
        "1,000,000 rows of int, float8, timestamptz, text from Arrow into a table",
        f"truncate howdah_bench.{INTO}",
        rows=ROWS,
        kind=Kind.ARROW_IN,
        drivers=READERS[:2],
    ),
)

ARROW_TARGETS = (
    Target("arrow-out", "howdah/sync", 0.50, ("connectorx/sync",)),
    Target("arrow-out", "howdah/sync", 0.50, ("adbc/sync",)),
    Target("arrow-out-memory", "howdah/sync", 1.30, ("connectorx/sync",)),
    Target("arrow-out-memory", "howdah/sync", 1.30, ("adbc/sync",)),
    Target("arrow-in", "howdah/sync", 0.50, ("adbc/sync",)),
)


def prepare_arrow(case: Case) -> None:
    """Import what results are made with, or make the data that goes in: neither is measured."""
    importlib.import_module("pyarrow")
    importlib.import_module("polars")
    if case.kind is Kind.ARROW_IN:
        data_of(case)


@functools.cache
def data_of(case: Case) -> Any:
    """The rows that go in, as a table of pyarrow's, which every driver takes as it is."""
    polars = importlib.import_module("polars")
    number = polars.int_range(1, (case.rows or 0) + 1, dtype=polars.Int64)
    frame = polars.select(
        a=number.cast(polars.Int32),
        b=number / 7,
        c=(number * STEP + EPOCH).cast(polars.Datetime("us", "UTC")),
        d=polars.format("the name of number {}", number),
    )
    return frame.to_arrow()


def read_frames(read: Callable[[], Any], case: Case, ops: int) -> None:
    """Make a frame of what `read` gives, `ops` times; refuse one that is not what the case announces."""
    polars, pyarrow = importlib.import_module("polars"), importlib.import_module("pyarrow")
    types = [polars.Int32, polars.Float64, polars.Datetime("us", "UTC"), polars.String]
    for _ in range(ops):
        data = read()
        # What polars knows as pyarrow's takes less memory by its function for that.
        frame = polars.from_arrow(data) if isinstance(data, pyarrow.Table) else polars.DataFrame(data)
        if frame.height != case.rows or frame.dtypes != types:
            raise ValueError(f"{frame.height} rows of {frame.dtypes} instead of {case.rows} of {types}")


def write_tables(truncate: Callable[[str], Any], write: Callable[[Any, str], int], case: Case, ops: int) -> None:
    """Empty the table and write into it, `ops` times; of both drivers the first is next to nothing."""
    data = data_of(case)
    for _ in range(ops):
        truncate(case.sql)
        count = write(data, INTO)
        if count != case.rows:
            raise ValueError(f"{count} rows instead of {case.rows}")
