"""What only the Rust drivers are compared in: its cases and targets."""

from __future__ import annotations

from .model import Case, Kind, Target

__all__ = ["RUST_CASES", "RUST_PEAKS", "RUST_TARGETS"]

RUST_DRIVERS = ("floor/blocking", "howdah/blocking", "howdah/tokio", "tokio-postgres/tokio")
WITHOUT_FLOOR = RUST_DRIVERS[1:]
PEER = ("tokio-postgres/tokio",)
STREAMED = "select n, 'row ' || n as text, n / 2.0::float8 as half from generate_series(1, 1000000) n"

RUST_CASES = (
    Case(
        "five",
        "1000 rows of five columns",
        "select id, name, weight, active, id::int8 * 1000 as big from howdah_bench.wide",
        rows=1000,
        drivers=RUST_DRIVERS,
    ),
    Case("once", "a statement of a new text each time", "select 1", kind=Kind.ONCE, drivers=WITHOUT_FLOOR),
    Case("once-parameter", "the same with a parameter", "select %s::int4", (1,), kind=Kind.ONCE, drivers=WITHOUT_FLOOR),
    Case(
        "once-typed",
        "the same where the type of the parameter is named",
        "select %s::int4",
        (1,),
        kind=Kind.ONCE_TYPED,
        drivers=WITHOUT_FLOOR,
    ),
    Case("bytea", "1 MiB of bytea there and back", "select %s::bytea", (bytes(1 << 20),), drivers=RUST_DRIVERS),
    Case(
        "row-stream",
        "1,000,000 rows of three columns as they arrive",
        STREAMED,
        rows=1_000_000,
        kind=Kind.ROW_STREAM,
        drivers=WITHOUT_FLOOR,
    ),
    Case(
        "row-stream-memory",
        "peak memory of 1,000,000 rows as they arrive, above idle",
        STREAMED,
        rows=1_000_000,
        kind=Kind.STREAM,
        drivers=WITHOUT_FLOOR,
    ),
)

RUST_TARGETS = (
    Target("insert", "howdah/tokio", 0.85, PEER),
    Target("five", "howdah/tokio", 0.60, PEER),
    Target("once", "howdah/tokio", 0.50, PEER),
    Target("once-parameter", "howdah/tokio", 0.50, PEER),
    Target("bytea", "howdah/tokio", 0.80, PEER),
    Target("row-stream", "howdah/tokio", 0.70, PEER),
)

# In KiB.
RUST_PEAKS = {("row-stream-memory", "howdah/tokio"): 8 * 1024, ("row-stream-memory", "howdah/blocking"): 8 * 1024}
