"""COPY: how far it has come, told to a function or shown on a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from support.copying import with_table
from support.doors import Door, howdah_alone

ROWS = [(n, "x" * 100) for n in range(5000)]
SIZE = sum(len(f"{a}\t{b}\n") for a, b in ROWS)
OUT = "copy (select g, repeat('x', 1000) from generate_series(1, 5000) g) to stdout"


async def count(conn: Any) -> Any:
    return (await (await conn.execute("select count(*) from copied")).fetchone())[0]


def check(told: list[tuple[int, int]], rows: int, size: int) -> None:
    assert told[-1] == (rows, size)
    assert len(told) > 2
    assert told == sorted(set(told))


@howdah_alone
async def test_rows_that_go_in(door: Door) -> None:
    conn = await with_table(door)
    told: list[tuple[int, int]] = []
    async with conn.cursor().copy("copy copied from stdin", progress=lambda *counts: told.append(counts)) as copy:
        for row in ROWS:
            await copy.write_row(row)
        before = len(told)
    check(told, len(ROWS), SIZE)
    # The last is told before the end is sent.
    assert len(told) == before + 1
    told.clear()
    async with conn.cursor().copy("copy copied from stdin", progress=lambda *counts: told.append(counts)) as copy:
        await copy.write_rows(ROWS)
    check(told, len(ROWS), SIZE)
    assert await count(conn) == 2 * len(ROWS)


@howdah_alone
async def test_of_one_call(door: Door) -> None:
    conn = await with_table(door)
    outer: list[tuple[int, int]] = []
    inner: list[tuple[int, int]] = []
    async with conn.cursor().copy("copy copied from stdin", progress=lambda *counts: outer.append(counts)) as copy:
        await copy.write_row((1, "x"))
        await copy.write_rows(ROWS, progress=lambda *counts: inner.append(counts))
        assert not outer
        await copy.write_row((2, "y"))
        assert len(inner) == len(set(inner)) > 2
    assert inner[-1] == (len(ROWS) + 1, SIZE + 4)
    assert outer == [(len(ROWS) + 2, SIZE + 8)]


@howdah_alone
async def test_data_that_goes_in(door: Door) -> None:
    conn = await with_table(door)
    told: list[tuple[int, int]] = []
    async with conn.cursor().copy("copy copied from stdin", progress=lambda *counts: told.append(counts)) as copy:
        for _ in range(3):
            await copy.write(b"1\tx\n" * 100_000)
    check(told, 0, 1_200_000)


@howdah_alone
@pytest.mark.parametrize("binary", [False, True])
async def test_what_comes_out(door: Door, binary: bool) -> None:
    conn = await door.connect()
    told: list[tuple[int, int]] = []
    statement = OUT + " (format binary)" * binary
    cur = conn.cursor()
    async with cur.copy(statement, progress=lambda *counts: told.append(counts)) as copy:
        size = sum([len(data) async for data in copy])
    check(told, 5000, size)
    for way in ("rows", "blocks"):
        told.clear()
        async with cur.copy(statement, progress=lambda *counts: told.append(counts)) as copy:
            async for _ in getattr(copy, way)():
                pass
        check(told, 5000, size)


@howdah_alone
async def test_blocks_are_the_data(door: Door) -> None:
    conn = await door.connect()
    cur = conn.cursor()
    async with cur.copy(OUT) as copy:
        data = b"".join([data async for data in copy])
    async with cur.copy(OUT) as copy:
        first = await copy.read()
        blocks = [data async for data in copy.blocks()]
    assert b"".join([first, *blocks]) == data
    assert len(blocks) < 2500
    assert all(block.endswith(b"\n") for block in blocks)
    async with cur.copy("copy (select where false) to stdout") as copy:
        assert [data async for data in copy.blocks()] == []


@howdah_alone
async def test_blocks_have_the_size_that_is_asked_for(door: Door) -> None:
    conn = await door.connect()
    async with conn.cursor().copy(OUT) as copy:
        blocks = [data async for data in copy.blocks()]
    # One header or two may count.
    assert min(map(len, blocks[:-1])) > 128 * 1024 - 16
    assert len(blocks) > 5
    for size in (1 << 40, 1 << 80):
        async with conn.cursor().copy(OUT) as copy:
            assert [data.count(b"\n") async for data in copy.blocks(size)] == [5000]


@howdah_alone
async def test_blocks_of_short_rows_are_as_long(door: Door) -> None:
    """What stands between the rows does not count, though it is more than they are."""
    conn = await door.connect()
    async with conn.cursor().copy("copy (select 1 from generate_series(1, 300000)) to stdout") as copy:
        blocks = [data async for data in copy.blocks()]
    assert sum(map(len, blocks)) == 600_000
    assert min(map(len, blocks[:-1])) > 128 * 1024 - 16


@howdah_alone
async def test_what_is_no_size_of_blocks(door: Door) -> None:
    """It is told before the first is asked for."""
    conn = await door.connect()
    async with conn.cursor().copy(OUT) as copy:
        with pytest.raises(ValueError, match="negative"):
            copy.blocks(-1)
        for size in (1.5, "1"):
            with pytest.raises(TypeError):
                copy.blocks(size)
        assert sum([data.count(b"\n") async for data in copy.blocks()]) == 5000


@howdah_alone
async def test_blocks_of_any_size_come_while_the_server_waits(door: Door) -> None:
    conn, other = await door.connect(), await door.connect()
    await other.execute("select pg_advisory_xact_lock(4711)")
    # What waits for more would wait for the lock, and fails then.
    await conn.execute("set lock_timeout = '20s'")
    waits = "case when g = 4000 then pg_advisory_xact_lock(4711)::text end"
    async with conn.cursor().copy(f"copy (select g, {waits} from generate_series(1, 5000) g) to stdout") as copy:
        blocks = copy.blocks(0)
        first = await anext(blocks)
        await other.rollback()
        rest = [data async for data in blocks]
    assert first.startswith(b"1\t\\N\n")
    assert b"".join([first, *rest]).count(b"\n") == 5000


@howdah_alone
async def test_an_error_comes_behind_the_last_block(door: Door) -> None:
    conn = await door.connect()
    rows = 0
    with pytest.raises(door.errors.DivisionByZero):
        async with conn.cursor().copy("copy (select 1 / (3000 - g) from generate_series(1, 5000) g) to stdout") as copy:
            async for data in copy.blocks(1 << 40):
                rows += data.count(b"\n")
    assert rows == 2999
    await conn.rollback()


@howdah_alone
async def test_nothing_is_told_of_nothing(door: Door) -> None:
    conn = await with_table(door)
    told: list[tuple[int, int]] = []
    for statement in ("copy copied from stdin", "copy copied to stdout"):
        async with conn.cursor().copy(statement, progress=lambda *counts: told.append(counts)) as copy:
            if "stdout" in statement:
                assert await copy.read() == b""
    assert told == []


@howdah_alone
@pytest.mark.parametrize("at", [1, 3, "last"])
async def test_a_function_that_raises_undoes_what_went_in(door: Door, at: Any) -> None:
    conn = await with_table(door)
    calls = 0

    def fail(rows: int, size: int) -> None:
        nonlocal calls
        calls += 1
        if calls == at or (at == "last" and rows == len(ROWS)):
            raise ZeroDivisionError("told")

    with pytest.raises(ZeroDivisionError, match="told"):
        async with conn.cursor().copy("copy copied from stdin", progress=fail) as copy:
            await copy.write_rows(ROWS)
    assert await count(conn) == 0
    assert conn.info.transaction_status == 0


@howdah_alone
@pytest.mark.parametrize("way", ["rows", "blocks", "__aiter__"])
async def test_a_function_that_raises_ends_what_comes_out(door: Door, way: str) -> None:
    conn = await door.connect(autocommit=True)

    def fail(rows: int, size: int) -> None:
        raise ZeroDivisionError("told")

    with pytest.raises(ZeroDivisionError, match="told"):
        async with conn.cursor().copy(OUT.replace("5000", "5000000"), progress=fail) as copy:
            async for _ in getattr(copy, way)():
                pass
    assert await (await conn.execute("select 42")).fetchone() == (42,)


@howdah_alone
async def test_a_writer_of_ones_own(door: Door) -> None:
    conn = await with_table(door)
    told: list[tuple[int, int]] = []
    writer = door.module.copy.LibpqWriter if door.is_sync else door.module.copy.AsyncLibpqWriter
    cur = conn.cursor()
    plain = getattr(cur, "wrapped", cur)
    async with cur.copy(
        "copy copied from stdin", writer=writer(plain), progress=lambda *counts: told.append(counts)
    ) as copy:
        await copy.write_rows(ROWS)
    check(told, len(ROWS), SIZE)
    assert await count(conn) == len(ROWS)


@howdah_alone
async def test_what_is_no_function(door: Door) -> None:
    conn = await with_table(door)
    with pytest.raises(TypeError, match="progress"):
        async with conn.cursor().copy("copy copied from stdin", progress=1):
            pass
    assert await count(conn) == 0
    async with conn.cursor().copy("copy copied from stdin") as copy:
        with pytest.raises(TypeError, match="progress"):
            await copy.write_rows(ROWS, progress="yes")
        await copy.write_rows(ROWS[:1])
    assert await count(conn) == 1


@howdah_alone
async def test_nothing_is_shown_without_a_terminal(door: Door, capfd: pytest.CaptureFixture[str]) -> None:
    conn = await with_table(door)
    async with conn.cursor().copy("copy copied from stdin", progress=True) as copy:
        await copy.write_rows(ROWS)
    async with conn.cursor().copy("copy copied to stdout", progress=False) as copy:
        assert len([data async for data in copy]) == len(ROWS)
    assert capfd.readouterr() == ("", "")


# --- a terminal --------------------------------------------------------------------------------------------------

PROGRAM = """
import asyncio, os, sys, howdah
kind, dsn = sys.argv[1:]
rows = [(n, "x" * 100) for n in range(50000)]

async def main():
    conn = await howdah.AsyncConnection.connect(dsn)
    await conn.execute("create temp table copied (a int, b text)")
    async with conn.cursor().copy("copy copied from stdin", progress=True) as copy:
        await copy.write_rows(rows)
    await conn.close()

with howdah.connect(dsn) as conn:
    conn.execute("create temp table copied (a int, b text)")
    with conn.cursor().copy("copy copied from stdin", progress=True) as copy:
        if kind == "gone":
            sys.stderr.close()
        copy.write_rows(rows)
    with conn.cursor().copy("copy copied to stdout", progress=True) as copy:
        assert sum(1 for _ in copy) == 50000
if kind == "async":
    asyncio.run(main())
print("done")
"""


def shown(kind: str, dsn: str) -> str:
    """What a program writes to the terminal that its standard error is."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, kind, dsn], stdout=subprocess.PIPE, stderr=theirs
        ) as program:
            os.close(theirs)
            output = bytearray()
            while True:
                try:
                    data = os.read(ours, 4096)
                except OSError:  # the other side has been closed
                    break
                if not data:
                    break
                output += data
            assert program.stdout is not None
            assert program.stdout.read() == b"done\n"
        assert program.returncode == 0
    finally:
        os.close(ours)
    return output.decode()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_terminal(howdah: Any, dsn: str, kind: str) -> None:
    text = shown(kind, dsn)
    *lines, rest = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    assert rest == ""
    number = r"\d+\.\d [kMG]?B"
    goes_in = rf"COPY 50,000 rows, {number}, {number}/s \[#{{30}}\] 100%\s*"
    assert len(lines) == (3 if kind == "async" else 2)
    assert re.fullmatch(goes_in, lines[0])
    assert re.fullmatch(rf"COPY 50,000 rows, {number}, {number}/s\s*", lines[1])
    assert all(re.fullmatch(goes_in, line) for line in lines[2:])


def test_a_terminal_that_goes_harms_nothing(howdah: Any, dsn: str) -> None:
    shown("gone", dsn)
