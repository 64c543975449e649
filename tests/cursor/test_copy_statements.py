"""The statement of a COPY: its parameters, other statements in its place, and others beside it."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from support.copying import assert_usable, data_of, with_table, write
from support.doors import Door, howdah_alone
from support.memory import for_children, needs_peaks

INERROR = 3


async def test_parameters(door: Door) -> None:
    conn = await door.connect()
    assert await data_of(conn, "copy (select %s::int, %s) to stdout", (1, "it's")) == b"1\tit's\n"
    assert await data_of(conn, "copy (select %(a)s, '%%') to stdout", {"a": dt.date(2020, 1, 2)}) == b"2020-01-02\t%\n"
    assert await data_of(conn, "copy (select '%') to stdout") == b"%\n"
    sql = door.module.sql
    composed = sql.SQL("copy (select {} as {}) to stdout (format csv, header true)")
    assert await data_of(conn, composed.format(5, sql.Identifier("a b"))) == b"a b\n5\n"


@pytest.mark.parametrize("params", [(), [], {}], ids=repr)
async def test_no_parameters(door: Door, params: Any) -> None:
    """The statement goes as it is, which is not so for `execute()`."""
    conn = await door.connect()
    for text in ("%", "%%", "%x"):
        assert await data_of(conn, f"copy (select '{text}') to stdout", params) == f"{text}\n".encode()


async def test_parameters_of_other_cursors(door: Door) -> None:
    conn = await door.connect()
    name = "" if door.is_sync else "Async"
    cursor = getattr(door.module, f"{name}ClientCursor")(conn.wrapped if door.is_sync else conn)
    block = cursor.copy("copy (select %s) to stdout", ("x",))
    if door.is_sync:
        with block as copy:
            assert b"".join(map(bytes, copy)) == b"x\n"
    else:
        async with block as copy:
            assert b"".join([bytes(data) async for data in copy]) == b"x\n"


async def test_a_query_with_many_rows_is_refused(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.module.ProgrammingError):
        async with conn.cursor().copy("select repeat('x', 1000) from generate_series(1, 1000)"):
            pass
    assert await (await conn.execute("select 42")).fetchone() == (42,)


@pytest.mark.parametrize("statement", ["select 1", "", "insert into copied values (1, 'x')"])
async def test_other_statements(door: Door, statement: str) -> None:
    conn = await with_table(door)
    with pytest.raises(door.module.ProgrammingError):
        async with conn.cursor().copy(statement):
            pass
    await assert_usable(conn)


@howdah_alone
async def test_several_statements(door: Door) -> None:
    conn = await with_table(door)
    for statement in (
        "select 1; copy copied from stdin",
        "select 1; copy copied to stdout",
        "copy copied from stdin; copy copied from stdin",
        "copy copied to stdout; copy copied from stdin",
    ):
        with pytest.raises(door.module.ProgrammingError) as caught:
            async with conn.cursor().copy(statement) as copy:
                if statement.startswith("copy copied to"):
                    await copy.read()
        if statement.startswith("copy"):
            assert str(caught.value) == "copy() is for one COPY, and not for several statements"
        await assert_usable(conn)


@pytest.mark.parametrize("rows", [0, 1, 20000])
async def test_statements_behind_a_copy(door: Door, rows: int) -> None:
    """Their rows are not taken for data, however many come with it."""
    conn = await with_table(door)
    got: list[bytes] = []
    with pytest.raises(door.module.ProgrammingError):
        async with conn.cursor().copy(f"copy (values (1), (2)) to stdout; select generate_series(1, {rows})") as copy:
            async for data in copy:
                got.append(bytes(data))  # what came before the error counts
    assert got == [b"1\n", b"2\n"]
    await assert_usable(conn)


@howdah_alone
async def test_statements_behind_a_copy_that_takes_data(door: Door) -> None:
    """In psycopg a ValueError comes out."""
    conn = await with_table(door)
    for behind, error in (("select 1", "ProgrammingError"), ("select 1 / 0", "DataError")):
        with pytest.raises(getattr(door.module, error)):
            await write(conn, "1\tx\n", statement=f"copy copied from stdin; {behind}")
        await assert_usable(conn)


CHILD = """
import asyncio, sys
import howdah
from support.memory import Peak

shell, dsn = sys.argv[1:]
statement = "copy copied from stdin; select repeat('x', 1000) from generate_series(1, 100000)"

def in_sync():
    with howdah.connect(dsn) as conn:
        conn.execute("create temp table copied (a int)")
        with Peak() as peak:
            try:
                with conn.cursor().copy(statement) as copy:
                    copy.write("1\\n")
            except howdah.ProgrammingError:
                return peak

async def in_asyncio():
    async with await howdah.AsyncConnection.connect(dsn) as conn:
        await conn.execute("create temp table copied (a int)")
        with Peak() as peak:
            try:
                async with conn.cursor().copy(statement) as copy:
                    await copy.write("1\\n")
            except howdah.ProgrammingError:
                return peak

print((in_sync() if shell == "sync" else asyncio.run(in_asyncio())).grown)
"""


@needs_peaks
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
def test_rows_of_statements_behind_a_copy_are_not_kept(howdah: ModuleType, dsn: str, shell: str) -> None:
    """In a process of its own: here freed memory would be used again. 100 MB come."""
    command = [sys.executable, "-c", CHILD, shell, dsn]
    done = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False, env=for_children())
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 16 * 2**20


async def test_syntax_errors(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError):
        async with conn.cursor().copy("copy x fro stdin"):
            pass
    await assert_usable(conn, INERROR)
