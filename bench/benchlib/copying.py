"""COPY: its cases, its targets, and what each Python driver does for them."""

from __future__ import annotations

import functools
import tempfile
from typing import IO, TYPE_CHECKING, Any

from .model import Case, Kind, Target

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COPY_CASES", "COPY_SCHEMA", "COPY_TARGETS", "async_psycopg_copies", "asyncpg_copies", "psycopg_copies"]

COLUMNS = ("a", "b", "c", "d", "e", "f", "g")
TYPES = ("int4", "int4", "int4", "text", "float8", "int4", "text")
INTO = f"copy howdah_bench.log ({', '.join(COLUMNS)}) from stdin"
RAW_ROWS = 250_000
RAW_ROW = 1000

COPY_SCHEMA = (
    "create unlogged table howdah_bench.copied as select n as a, n * 2 as b, n % 100 as c, 'some text ' || n as d,"
    " n / 8.0::float8 as e, n % 7 as f, case when n % 10 > 0 then 'another text' end as g"
    " from generate_series(1, 100000) n",
    f"create unlogged table howdah_bench.raw as select rpad(n::text, {RAW_ROW - 1}, 'x') as line"
    f" from generate_series(1, {RAW_ROWS}) n",
    "analyze howdah_bench.copied, howdah_bench.raw",
)

COPY_CASES = (
    Case(
        "copy-in",
        "COPY in, 10,000 rows of 7 columns by `write_row()`, or the driver's way",
        INTO,
        rows=10_000,
        kind=Kind.COPY_IN,
        drivers=("howdah/sync", "howdah/asyncio", "psycopg/sync", "psycopg/asyncio", "asyncpg/asyncio"),
    ),
    Case(
        "copy-rows",
        "COPY in, 10,000 rows of 7 columns by `write_rows()`, or the driver's way",
        INTO,
        rows=10_000,
        kind=Kind.COPY_ROWS,
        drivers=("howdah/sync", "howdah/asyncio", "howdah/uvloop", "asyncpg/asyncio", "asyncpg/uvloop"),
    ),
    Case(
        "copy-out",
        "COPY out, 100,000 rows of 7 columns as tuples",
        "copy howdah_bench.copied to stdout",
        rows=100_000,
        kind=Kind.COPY_OUT,
        drivers=("howdah/sync", "howdah/asyncio", "psycopg/sync", "psycopg/asyncio"),
    ),
    Case(
        "copy-raw",
        f"COPY out, {RAW_ROWS * RAW_ROW // 10**6} MB in lines of {RAW_ROW} bytes into a file",
        "copy howdah_bench.raw to stdout",
        rows=RAW_ROWS,
        kind=Kind.COPY_RAW,
        drivers=("floor/blocking", "howdah/sync", "howdah/asyncio", "psycopg/sync", "asyncpg/asyncio"),
    ),
    Case(
        "copy-binary",
        "COPY in, 100,000 rows of 7 columns in binary",
        f"{INTO} (format binary)",
        rows=100_000,
        kind=Kind.COPY_IN,
        drivers=("howdah/blocking", "howdah/tokio", "tokio-postgres/tokio"),
    ),
)

COPY_TARGETS = (
    Target("copy-in", "howdah/sync", 0.75, ("asyncpg/asyncio",)),
    Target("copy-in", "howdah/sync", 0.20, ("psycopg/sync",)),
    Target("copy-rows", "howdah/asyncio", 0.50, ("asyncpg/asyncio",)),
    Target("copy-out", "howdah/sync", 0.40, ("psycopg/sync",)),
    Target("copy-out", "howdah/asyncio", 0.40, ("psycopg/asyncio",)),
    Target("copy-raw", "howdah/sync", 1.20, ("floor/blocking",)),
    Target("copy-binary", "howdah/tokio", 0.90, ("tokio-postgres/tokio",)),
    Target("copy-binary", "howdah/blocking", 0.90, ("tokio-postgres/tokio",)),
)


@functools.cache
def rows_of(case: Case) -> list[tuple[Any, ...]]:
    """The rows that go in, made once."""
    return [
        (n, n * 2, n % 100, f"some text {n}", n / 8, n % 7, "another text" if n % 10 else None)
        for n in range(case.rows or 0)
    ]


class Sink:
    """Where data goes that comes out: a file that is written from its beginning each time."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed with the process

    def rewind(self) -> IO[bytes]:
        """The file, empty."""
        self.file.seek(0)
        self.file.truncate()
        return self.file

    def check_file(self) -> None:
        """Refuse a file that does not have all the data."""
        if self.file.tell() != RAW_ROWS * RAW_ROW:
            raise ValueError(f"{self.file.tell()} bytes were written")

    def check_count(self, count: int) -> None:
        """Refuse another number of rows."""
        if count != self.case.rows:
            raise ValueError(f"{count} rows instead of {self.case.rows}")


def psycopg_copies(conn: Any, case: Case, ops: int) -> None:
    """psycopg and howdah, sync."""
    sink, rows = Sink(case), rows_of(case)
    for _ in range(ops):
        with conn.cursor() as cur, cur.copy(case.sql) as copy:
            if case.kind is Kind.COPY_IN:
                write_row = copy.write_row
                for row in rows:
                    write_row(row)
            elif case.kind is Kind.COPY_ROWS:
                copy.write_rows(rows)
            elif case.kind is Kind.COPY_OUT:
                copy.set_types(TYPES)
                count = 0
                for _row in copy.rows():
                    count += 1
                sink.check_count(count)
            else:
                write = sink.rewind().write
                for data in blocks_of(copy):
                    write(data)
                sink.check_file()


async def async_psycopg_copies(conn: Any, case: Case, ops: int) -> None:
    """psycopg and howdah, on asyncio."""
    sink, rows = Sink(case), rows_of(case)
    for _ in range(ops):
        async with conn.cursor() as cur, cur.copy(case.sql) as copy:
            if case.kind is Kind.COPY_IN:
                write_row = copy.write_row
                for row in rows:
                    await write_row(row)
            elif case.kind is Kind.COPY_ROWS:
                await copy.write_rows(rows)
            elif case.kind is Kind.COPY_OUT:
                copy.set_types(TYPES)
                count = 0
                async for _row in copy.rows():
                    count += 1
                sink.check_count(count)
            else:
                write = sink.rewind().write
                async for data in blocks_of(copy):
                    write(data)
                sink.check_file()


def blocks_of(copy: Any) -> Any:
    """The data in the largest pieces that a driver gives."""
    blocks: Callable[[], Any] | None = getattr(copy, "blocks", None)
    return copy if blocks is None else blocks()


async def asyncpg_copies(conn: Any, case: Case, ops: int) -> None:
    """asyncpg, which has a call for each."""
    sink, rows = Sink(case), rows_of(case)
    for _ in range(ops):
        if case.kind is Kind.COPY_RAW:
            await conn.copy_from_table("raw", schema_name="howdah_bench", output=sink.rewind())
            sink.check_file()
        else:
            await conn.copy_records_to_table("log", schema_name="howdah_bench", columns=COLUMNS, records=rows)
