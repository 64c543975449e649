"""Writers of COPY: to a file, to the server, in a worker, and a program's own."""

from __future__ import annotations

import asyncio
import io
import threading
from typing import Any

import pytest

from support.copying import rows_of, with_table
from support.doors import Door, asyncio_only, howdah_alone

ROWS = [(n, f"{n}\t{'x' * (n % 50)}") for n in range(3000)]


async def with_cursor(door: Door) -> tuple[Any, Any]:
    """A connection with the table, and a cursor of the driver's own."""
    conn = await with_table(door)
    cur = conn.cursor()
    return conn, cur.wrapped if door.is_sync else cur


def writer_class(door: Door, name: str) -> Any:
    return getattr(door.module.copy, name if door.is_sync else f"Async{name}")


def own_writer(door: Door, take: Any) -> Any:
    """A writer of the program's own: it calls a function with what it is given."""

    class Sync(door.module.copy.Writer):  # type: ignore[name-defined,misc]
        def write(self, data: Any) -> None:
            take(bytes(data))

        def finish(self, exc: BaseException | None = None) -> None:
            take(exc)

    class Async(door.module.copy.AsyncWriter):  # type: ignore[name-defined,misc]
        async def write(self, data: Any) -> None:
            await asyncio.sleep(0)
            take(bytes(data))

        async def finish(self, exc: BaseException | None = None) -> None:
            take(exc)

    return Sync() if door.is_sync else Async()


@pytest.mark.parametrize("name", ["LibpqWriter", "QueuedLibpqWriter"])
@pytest.mark.parametrize("threshold", [None, 1, 100])
async def test_writers_to_the_server(door: Door, name: str, threshold: int | None) -> None:
    conn, _ = await with_cursor(door)
    options = {} if threshold is None else {"flush_threshold": threshold}
    face = conn.cursor()
    own = face.wrapped if door.is_sync else face
    async with face.copy("copy copied from stdin", writer=writer_class(door, name)(own, **options)) as copy:
        for row in ROWS:
            await copy.write_row(row)
    assert face.rowcount == len(ROWS)
    assert await rows_of(conn) == ROWS


@pytest.mark.parametrize("name", ["LibpqWriter", "QueuedLibpqWriter"])
async def test_server_errors(door: Door, name: str) -> None:
    conn, _ = await with_cursor(door)
    face = conn.cursor()
    own = face.wrapped if door.is_sync else face
    with pytest.raises(door.errors.InvalidTextRepresentation):
        async with face.copy("copy copied from stdin", writer=writer_class(door, name)(own)) as copy:
            await copy.write("x\ty\n")
            for _ in range(2000):
                await copy.write("1\t" + "x" * 5000 + "\n")
    assert await rows_of(conn) == []


@pytest.mark.parametrize("name", ["LibpqWriter", "QueuedLibpqWriter"])
async def test_client_exceptions(door: Door, name: str) -> None:
    conn, _ = await with_cursor(door)
    face = conn.cursor()
    own = face.wrapped if door.is_sync else face
    threads = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        async with face.copy("copy copied from stdin", writer=writer_class(door, name)(own, flush_threshold=1)) as copy:
            for row in ROWS:
                await copy.write_row(row)
            raise ZeroDivisionError
    assert await rows_of(conn) == []
    assert threading.active_count() == threads


@pytest.mark.parametrize("binary", [False, True])
async def test_a_file_instead_of_a_server(door: Door, binary: bool) -> None:
    if not door.is_sync:
        pytest.skip("files are not awaited")
    conn, cur = await with_cursor(door)
    file = io.BytesIO()
    with door.module.Copy(cur, binary=binary, writer=door.module.copy.FileWriter(file)) as copy:
        copy.set_types(["int4", "text"])
        for row in ROWS:
            copy.write_row(row)
    assert cur.connection.info.transaction_status == 0
    form = "binary" if binary else "text"
    async with conn.cursor().copy(f"copy copied from stdin (format {form})") as copy:
        await copy.write(file.getvalue())
    assert await rows_of(conn) == ROWS
    with conn.wrapped.cursor().copy(f"copy copied to stdout (format {form})") as copy:
        assert b"".join(map(bytes, copy)) == file.getvalue()


async def test_a_writer_of_the_program(door: Door) -> None:
    _, cur = await with_cursor(door)
    taken: list[Any] = []
    block = (door.module.Copy if door.is_sync else door.module.AsyncCopy)(cur, writer=own_writer(door, taken.append))
    if door.is_sync:
        with block as copy:
            copy.write("1\tx\n")
            copy.write_row((2, "y"))
    else:
        async with block as copy:
            await copy.write("1\tx\n")
            await copy.write_row((2, "y"))
    assert taken.pop() is None
    assert b"".join(taken) == b"1\tx\n2\ty\n"


@howdah_alone
async def test_a_writer_that_leaves_the_server_without_data(door: Door) -> None:
    conn, _ = await with_cursor(door)
    taken: list[Any] = []
    cur = conn.cursor()
    async with cur.copy("copy copied from stdin", writer=own_writer(door, taken.append)) as copy:
        await copy.write("1\tx\n")
    assert taken == [b"1\tx\n", None]
    assert cur.rowcount == 0
    assert await rows_of(conn) == []
    error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        async with cur.copy("copy copied from stdin", writer=own_writer(door, taken.append)):
            raise error
    assert taken[-1] is error
    assert await rows_of(conn) == []


@howdah_alone
async def test_a_writer_that_raises(door: Door) -> None:
    conn, _ = await with_cursor(door)

    def take(data: Any) -> None:
        if isinstance(data, bytes):
            raise ZeroDivisionError

    for size in (10, 1_000_000):
        with pytest.raises(ZeroDivisionError):
            async with conn.cursor().copy("copy copied from stdin", writer=own_writer(door, take)) as copy:
                await copy.write("1\t" + "x" * size + "\n")
        assert await rows_of(conn) == []


@howdah_alone
@asyncio_only
async def test_a_queue_that_is_cancelled(door: Door) -> None:
    conn, _ = await with_cursor(door)
    cur = conn.cursor()

    async def write() -> None:
        writer = door.module.copy.AsyncQueuedLibpqWriter(cur, flush_threshold=1)
        async with cur.copy("copy copied from stdin", writer=writer) as copy:
            while True:
                await copy.write_rows(ROWS)

    for delay in (0, 0.001, 0.02, 0.1):
        before = asyncio.all_tasks()
        task = asyncio.create_task(write())
        await asyncio.sleep(delay)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await rows_of(conn) == []
        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("binary", [True, 1, 0, None])
async def test_the_format_is_true_or_false(door: Door, binary: Any) -> None:
    """Such as one of `pq.Format`."""
    _, cur = await with_cursor(door)
    written: list[bytes] = []
    formats = [binary] if binary is None else [binary, door.module.pq.Format(int(binary))]
    for given in formats:
        written.clear()
        cls = getattr(door.module, "Copy" if door.is_sync else "AsyncCopy")
        made = cls(cur, binary=given, writer=own_writer(door, written.append))
        if door.is_sync:
            with made as copy:
                copy.write_row(("x",))
        else:
            async with made as copy:
                await copy.write_row(("x",))
        assert b"".join(data for data in written if data).startswith(b"PGCOPY" if binary else b"x\n")
