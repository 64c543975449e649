"""The cases, and the targets that howdah has to reach. To add one, add a line to CASES or to TARGETS."""

from __future__ import annotations

import datetime
from typing import Any

from .arrow import ARROW_CASES, ARROW_SCHEMA, ARROW_TARGETS
from .copying import COPY_CASES, COPY_SCHEMA, COPY_TARGETS
from .model import Case, Kind, Target
from .rust import RUST_CASES, RUST_PEAKS, RUST_TARGETS

__all__ = ["CASES", "PEAKS", "SCHEMA", "TARGETS", "Case", "Kind", "Target"]

TYPE_COLUMNS = (
    "typname, typnamespace, typowner, typlen, typbyval, typcategory, typispreferred, typisdefined, typdelim, typrelid,"
    " typelem, typarray"
)

# Run before the first case, in this order, on the server that every driver is measured on.
SCHEMA = (
    "drop schema if exists howdah_bench cascade",
    "create schema howdah_bench",
    "create table howdah_bench.item (id int primary key, name text not null, weight float8 not null)",
    "insert into howdah_bench.item select n, 'item ' || n, n / 4.0 from generate_series(1, 1000) n",
    "create table howdah_bench.wide as select n::int as id, 'name ' || n as name, n / 7.0::float8 as weight,"
    " (n * 1.25)::numeric(12, 2) as price, timestamptz '2024-01-01 12:00+00' + n * interval '7 h 11.25 s' as changed,"
    " date '2024-01-01' + n as due, n % 2 = 0 as active, md5(n::text)::uuid as key,"
    " case when n % 3 > 0 then 'note ' || n end as note from generate_series(1, 1000) n",
    "create table howdah_bench.list as select n as id, (select array_agg(n * 1000 + i) from generate_series(1, 100) i)"
    " as numbers from generate_series(1, 100) n",
    "create table howdah_bench.blob as select n as id,"
    " (select string_agg(sha256((n || ':' || i)::bytea), '') from generate_series(1, 32) i) as data"
    " from generate_series(1, 100) n",
    f"create table howdah_bench.type as select {TYPE_COLUMNS}, -1 as typtypmod from pg_catalog.pg_type"
    " order by oid limit 600",
    "create table howdah_bench.document as select n as id, jsonb_build_object('id', n, 'name', 'document ' || n,"
    " 'active', n % 2 = 0, 'score', n / 8.0, 'parent', null, 'tags', jsonb_build_array('red', 'green', 'b' || n),"
    " 'size', jsonb_build_object('width', n * 3, 'height', n * 2, 'unit', 'mm'), 'text', 'lorem ipsum')"
    " as body from generate_series(1, 1000) n",
    "create unlogged table howdah_bench.log (a int, b int, c int, d text, e float8, f int, g text)",
    *COPY_SCHEMA,
    *ARROW_SCHEMA,
    "analyze howdah_bench.item, howdah_bench.wide, howdah_bench.list, howdah_bench.blob, howdah_bench.type,"
    " howdah_bench.document",
)


# Most memory that a case may take above an idle connection, in KiB, by case and driver.
PEAKS = {("stream", "howdah/sync"): 64 * 1024, ("stream", "howdah/asyncio"): 64 * 1024, **RUST_PEAKS}


BY_KEY = "select id, name, weight from howdah_bench.item where id = %s"
WIDE = "select id, name, weight, price, changed, due, active, key, note from howdah_bench.wide"
DUE = datetime.date(2024, 1, 2)
INSERT = "insert into howdah_bench.log (a, b, c, d, e, f, g) values (%s, %s, %s, %s, %s, %s, %s)"
PSYCOPG_API = ("howdah/sync", "howdah/asyncio", "psycopg/sync", "psycopg/asyncio")
KEYED: dict[str, Any] = {"sql": BY_KEY, "params": (42,), "first": (42, "item 42", 10.5)}

CASES = {
    case.name: case
    for case in (
        Case("select", "select 1+1"),
        Case("by-key", "one row of three columns by key, one parameter", **KEYED),
        Case("ints", "1000 integers", "select generate_series(1, 1000)", rows=1000, first=(1,)),
        Case(
            "wide",
            "1000 rows of nine types",
            WIDE,
            rows=1000,
            first=(1, "name 1", 1 / 7, ..., ..., DUE, False, ..., "note 1"),
            python_only=True,
        ),
        Case(
            "lists",
            "100 rows of 100-element int arrays",
            "select numbers from howdah_bench.list",
            rows=100,
            first=(list(range(1001, 1101)),),
        ),
        Case("blobs", "100 rows of 1 kB bytea", "select data from howdah_bench.blob", rows=100, first=None),
        Case(
            "types",
            "600 rows of 12 columns of pg_type, two parameters",
            f"select {TYPE_COLUMNS} from howdah_bench.type where typtypmod = %s and typisdefined = %s",
            params=(-1, True),
            rows=600,
            first=None,
            python_only=True,
        ),
        Case(
            "jsonb",
            "1000 rows of jsonb, 200 bytes each",
            "select body from howdah_bench.document",
            rows=1000,
            first=None,
            python_only=True,
            parsed_json=True,
        ),
        Case(
            "insert",
            "one insert of 7 parameters",
            INSERT,
            params=(1, 20, 300, "some text", 1.5, 4000, "another text"),
            rows=None,
            first=None,
        ),
        Case(
            "parameter",
            "one parameter of 10,000 ints as a list",
            "select cardinality(%s::int4[])",
            params=(list(range(100_000, 110_000)),),
            first=(10_000,),
            python_only=True,
        ),
        Case("ten", "10 connections at once, one row by key", connections=10, **KEYED),
        Case(
            "many",
            "executemany of 1000 inserts of 7 parameters",
            INSERT,
            params=(1, 20, 300, "some text", 1.5, 4000, "another text"),
            rows=None,
            first=None,
            kind=Kind.MANY,
            batch=1000,
            drivers=(*PSYCOPG_API, "asyncpg/asyncio", "psqlpy/asyncio"),
        ),
        Case(
            "pipeline",
            "a pipeline of 1000 selects by key",
            kind=Kind.PIPELINE,
            batch=1000,
            drivers=PSYCOPG_API,
            **KEYED,
        ),
        Case(
            "transaction",
            "BEGIN, one row by key, COMMIT, without autocommit",
            kind=Kind.TRANSACTION,
            drivers=PSYCOPG_API,
            **KEYED,
        ),
        Case(
            "tasks",
            "100 statements of 100 tasks (howdah: on one connection, others: on 100)",
            kind=Kind.TASKS,
            batch=100,
            drivers=(
                "howdah/asyncio",
                "howdah/uvloop",
                "psycopg/asyncio",
                "asyncpg/asyncio",
                "asyncpg/uvloop",
                "howdah/tokio",
                "tokio-postgres/tokio",
            ),
            **KEYED,
        ),
        Case(
            "threads",
            "8 threads with a connection each, 1000 rows of nine types (wall clock)",
            WIDE,
            rows=1000,
            first=None,
            connections=8,
            python_only=True,
            drivers=("howdah/sync", "psycopg/sync", "psycopg2/sync"),
            wall=True,
        ),
        *(
            Case(
                f"wide-{name}s",
                f"1000 rows of nine types as {name}s",
                WIDE,
                rows=1000,
                first=None,
                kind=Kind.ROWS,
                row_factory=f"{name}_row",
                drivers=PSYCOPG_API,
            )
            for name in ("dict", "namedtuple")
        ),
        Case(
            "server",
            "100,000 rows of a server-side cursor, 100 at a time",
            "select n, 'row ' || n as text, n / 2.0::float8 as half from generate_series(1, 100000) n",
            rows=100_000,
            first=(1, "row 1", 0.5),
            kind=Kind.SERVER,
            drivers=PSYCOPG_API,
        ),
        Case("connect", "connect and close", kind=Kind.CONNECT),
        Case("idle", "memory of an idle connection", kind=Kind.IDLE),
        Case(
            "stream",
            "peak memory of stream() over 5,000,000 rows, above idle",
            "select n, 'row ' || n from generate_series(1, 5000000) n",
            rows=5_000_000,
            kind=Kind.STREAM,
            drivers=("howdah/sync", "howdah/asyncio", "psycopg/sync"),
        ),
        *COPY_CASES,
        *ARROW_CASES,
        *RUST_CASES,
    )
}

# Rows cost nearly the same in every mode: the best is the best of them all, but for uvloop, which ours runs on too.
ROW_PEERS = ("asyncpg/asyncio", "psycopg/sync", "psycopg/asyncio", "psycopg2/sync")

TARGETS = (
    Target("select", "howdah/sync", 1.20, ("floor/blocking",)),
    Target("select", "howdah/sync", 0.80, ("psycopg/sync",)),
    Target("select", "howdah/asyncio", 0.72, ("asyncpg/asyncio",)),
    Target("select", "howdah/asyncio", 0.55, ("psycopg/asyncio",)),
    Target("select", "howdah/uvloop", 0.82, ("asyncpg/uvloop",)),
    Target("ten", "howdah/asyncio", 0.62, ("asyncpg/asyncio",)),
    Target("ten", "howdah/asyncio", 0.33, ("psycopg/asyncio",)),
    Target("ints", "howdah/asyncio", 0.65, ("asyncpg/asyncio",)),
    Target("by-key", "howdah/tokio", 0.80, ("tokio-postgres/tokio",)),
    Target("wide", "howdah/asyncio", 0.55, ROW_PEERS),
    Target("wide", "howdah/sync", 0.55, ROW_PEERS),
    Target("lists", "howdah/asyncio", 0.60, ("asyncpg/asyncio",)),
    Target("blobs", "howdah/sync", 1.25, ("floor/blocking",)),
    Target("types", "howdah/asyncio", 0.60, ("asyncpg/asyncio",)),
    Target("jsonb", "howdah/asyncio", 0.90, (*ROW_PEERS, "psqlpy/asyncio")),
    Target("jsonb", "howdah/sync", 0.90, (*ROW_PEERS, "psqlpy/asyncio")),
    Target("insert", "howdah/asyncio", 0.75, ("asyncpg/asyncio",)),
    Target("parameter", "howdah/sync", 0.35, ("psycopg/sync",)),
    Target("many", "howdah/asyncio", 0.85, ("asyncpg/asyncio",)),
    Target("many", "howdah/sync", 0.12, ("psycopg/sync",)),
    Target("pipeline", "howdah/sync", 0.30, ("psycopg/sync",)),
    Target("pipeline", "howdah/asyncio", 0.30, ("psycopg/asyncio",)),
    Target("transaction", "howdah/sync", 0.65, ("psycopg/sync",)),
    Target("transaction", "howdah/asyncio", 0.65, ("psycopg/asyncio",)),
    Target("tasks", "howdah/asyncio", 0.50, ("asyncpg/asyncio",)),
    Target("tasks", "howdah/tokio", 0.80, ("tokio-postgres/tokio",)),
    Target("wide-dicts", "howdah/sync", 0.45, ("psycopg/sync",)),
    Target("wide-dicts", "howdah/asyncio", 0.45, ("psycopg/asyncio",)),
    Target("wide-namedtuples", "howdah/sync", 0.45, ("psycopg/sync",)),
    Target("wide-namedtuples", "howdah/asyncio", 0.45, ("psycopg/asyncio",)),
    Target("server", "howdah/sync", 0.50, ("psycopg/sync",)),
    Target("server", "howdah/asyncio", 0.50, ("psycopg/asyncio",)),
    Target("threads", "howdah/sync", 1.00, ("psycopg/sync", "psycopg2/sync")),
    *COPY_TARGETS,
    *ARROW_TARGETS,
    *RUST_TARGETS,
)
