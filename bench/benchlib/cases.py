"""The cases, and the targets that howdah has to reach. To add one, add a line to CASES or to TARGETS."""

from __future__ import annotations

import enum
import functools
import itertools
from dataclasses import dataclass
from typing import Any

__all__ = ["CASES", "SCHEMA", "TARGETS", "Case", "Kind", "Target"]

# Run before the first case, in this order, on the server that every driver is measured on.
SCHEMA = (
    "drop schema if exists howdah_bench cascade",
    "create schema howdah_bench",
    "create table howdah_bench.item (id int primary key, name text not null, weight float8 not null)",
    "insert into howdah_bench.item select n, 'item ' || n, n / 4.0 from generate_series(1, 1000) n",
    "analyze howdah_bench.item",
)


class Kind(enum.Enum):
    """What one operation is."""

    QUERY = "query"  # execute the statement and fetch every row
    CONNECT = "connect"  # open a connection and close it
    IDLE = "idle"  # open a connection, execute the statement once, and keep it


@dataclass(frozen=True)
class Case:
    """One thing to measure. `sql` has `%s` for parameters; `rows` is None for a statement without a result."""

    name: str
    title: str
    sql: str = "select 1+1"
    params: tuple[Any, ...] = ()
    rows: int | None = 1
    first: tuple[Any, ...] | None = (2,)
    kind: Kind = Kind.QUERY
    connections: int = 1

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
            "params": list(self.params),
            "rows": self.rows,
            "connections": self.connections,
        }


@dataclass(frozen=True)
class Target:
    """A ratio of client CPU per operation that `driver` may not exceed in comparison with `peer`."""

    case: str
    driver: str
    limit: float
    peer: str


BY_KEY = "select id, name, weight from howdah_bench.item where id = %s"
KEYED: dict[str, Any] = {"sql": BY_KEY, "params": (42,), "first": (42, "item 42", 10.5)}

CASES = {
    case.name: case
    for case in (
        Case("select", "select 1+1"),
        Case("by-key", "one row of three columns by key, one parameter", **KEYED),
        Case("ints", "1000 integers", "select generate_series(1, 1000)", rows=1000, first=(1,)),
        Case("ten", "10 connections at once, one row by key", connections=10, **KEYED),
        Case("connect", "connect and close", kind=Kind.CONNECT),
        Case("idle", "memory of an idle connection", kind=Kind.IDLE),
    )
}

TARGETS = (
    Target("select", "howdah/sync", 1.20, "floor/blocking"),
    Target("select", "howdah/sync", 0.80, "psycopg/sync"),
    Target("select", "howdah/asyncio", 0.72, "asyncpg/asyncio"),
    Target("select", "howdah/asyncio", 0.55, "psycopg/asyncio"),
    Target("select", "howdah/uvloop", 0.82, "asyncpg/uvloop"),
    Target("ten", "howdah/asyncio", 0.62, "asyncpg/asyncio"),
    Target("ten", "howdah/asyncio", 0.33, "psycopg/asyncio"),
    Target("ints", "howdah/asyncio", 0.65, "asyncpg/asyncio"),
    Target("by-key", "howdah/tokio", 0.80, "tokio-postgres/tokio"),
)
