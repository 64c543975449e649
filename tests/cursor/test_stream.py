"""stream(): rows as they arrive."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
import warnings
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door, asyncio_only, howdah_alone

ACTIVE, INTRANS, INERROR = 1, 2, 3


async def taken(conn: Any, *args: Any, **kwargs: Any) -> list[Any]:
    return [row async for row in conn.cursor().stream(*args, **kwargs)]


async def test_rows_in_order(door: Door) -> None:
    conn = await door.connect()
    query = "select g, g::text from generate_series(1, %s) g"
    assert await taken(conn, query, (5000,)) == [(n, str(n)) for n in range(1, 5001)]
    assert conn.info.transaction_status == INTRANS


@pytest.mark.parametrize("binary", [None, False, True])
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_formats_and_sizes(door: Door, binary: bool | None, size: int) -> None:
    conn = await door.connect()
    rows = await taken(conn, "select %(n)s::int4, null, 'x'", {"n": 3}, binary=binary, size=size)
    assert rows == [(3, None, "x")]


async def test_a_size_below_one_is_refused(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(ValueError, match="size"):
        await taken(conn, "select 1", size=0)


async def test_row_factories_and_description(door: Door) -> None:
    conn = await door.connect(row_factory=door.module.rows.dict_row)
    cur = conn.cursor()
    async for row in cur.stream("select 1 as a, null as b"):
        assert row == {"a": 1, "b": None}
        assert [column.name for column in cur.description] == ["a", "b"]
        assert (cur.rowcount, cur.rownumber, cur.statusmessage) == (-1, None, None)
    with pytest.raises(door.module.ProgrammingError):
        await cur.fetchall()


async def test_rows_that_are_none_do_not_end_it(door: Door) -> None:
    conn = await door.connect(row_factory=door.module.rows.scalar_row)
    assert await taken(conn, "select null from generate_series(1, 3)") == [None] * 3


async def test_no_rows(door: Door) -> None:
    conn = await door.connect()
    assert await taken(conn, "select 1 where false") == []


async def test_rows_of_an_insert(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table streamed (a int)")
    assert await taken(conn, "insert into streamed values (1), (2) returning a") == [(1,), (2,)]


@pytest.mark.parametrize("query", ["create temp table streamed (a int)", "set application_name to 'x'"])
async def test_statements_without_rows_are_an_error(door: Door, query: str) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.ProgrammingError, match="didn't produce a result"):
        await taken(conn, query)
    assert conn.info.transaction_status == INTRANS


async def test_one_statement_only(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError, match="multiple commands"):
        await taken(conn, "select 1; select 2")


@pytest.mark.parametrize("start", [0, 100_000])
async def test_an_error_comes_after_the_rows_before_it(door: Door, start: int) -> None:
    conn = await door.connect()
    seen = []
    with pytest.raises(door.errors.DivisionByZero):
        async for row in conn.cursor().stream(f"select 1 / (g - {start}) from generate_series(0, {start + 5}) g"):
            seen.append(row)
    assert len(seen) == start
    assert conn.info.transaction_status == INERROR
    await conn.rollback()
    assert await taken(conn, "select 1") == [(1,)]


async def test_prepared_after_some_executions(door: Door) -> None:
    conn = await door.connect(prepare_threshold=2)
    for number in range(5):
        assert await taken(conn, "select %s::int4, 1.5::numeric", (number,)) == [(number, pytest.approx(1.5))]


async def test_leaving_early_cancels_the_statement(door: Door) -> None:
    conn = await door.connect()
    stream = conn.cursor().stream("select generate_series(1, 10000000)")
    assert await stream.__anext__() == (1,)
    assert conn.info.transaction_status == ACTIVE
    if door.is_sync:
        stream.wrapped.close()
    else:
        await stream.aclose()
    assert conn.info.transaction_status == INERROR
    await conn.rollback()
    assert await taken(conn, "select 1") == [(1,)]


async def test_a_break_leaves_the_connection_usable(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for _ in range(20):
        async for _row in conn.cursor().stream("select generate_series(1, 1000000)"):
            break
        gc.collect()
        assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
async def test_a_row_that_cannot_be_loaded_ends_it(door: Door) -> None:
    conn = await door.connect(autocommit=True)

    def refuse(cursor: Any) -> Any:
        def make(values: Any) -> Any:
            if values[0] == 3:
                raise ZeroDivisionError("on purpose")
            return values

        return make

    cur = conn.cursor(row_factory=refuse)
    seen = []
    with pytest.raises(ZeroDivisionError):
        async for row in cur.stream("select generate_series(1, 1000000)"):
            seen.append(row)
    assert seen == [(1,), (2,)]
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
@pytest.mark.doors("sync")
async def test_the_thread_that_streams_cannot_do_something_else(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 10000000)")
    await stream.__anext__()
    with pytest.raises(door.module.OperationalError, match="in use"):
        await conn.execute("select 1")
    stream.wrapped.close()
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
@pytest.mark.doors("sync")
async def test_another_thread_has_its_turn_when_the_stream_has_ended(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 200000)")
    await stream.__anext__()
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(conn.wrapped.execute("select 'after'").fetchone()))
    thread.start()
    rows = [row async for row in stream]
    assert len(rows) == 199_999
    thread.join()
    assert seen == [("after",)]


@howdah_alone
@asyncio_only
async def test_another_task_has_its_turn_when_the_stream_has_ended(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 200000)")
    await stream.__anext__()
    other = asyncio.ensure_future(conn.execute("select 'after'"))
    await asyncio.sleep(0.05)
    assert not other.done()
    assert len([row async for row in stream]) == 199_999
    assert await (await other).fetchone() == ("after",)


@asyncio_only
async def test_a_cancelled_task_cancels_the_statement(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select pg_sleep(30)")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(stream.__anext__(), 0.1)
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
@asyncio_only
async def test_a_fetch_that_is_never_awaited_gives_the_connection_back(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select 1 from generate_series(1, 3)")
    with pytest.warns(RuntimeWarning, match="never awaited"):
        stream.__anext__()
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
async def test_the_reader_rests_while_nobody_takes_rows(door: Door) -> None:
    import psutil

    process = psutil.Process()
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select repeat('x', 1000) from generate_series(1, 200000)")
    await stream.__anext__()
    before = process.memory_info().rss
    taken = 1
    for _ in range(10):
        await asyncio.sleep(0.02)
        for _ in range(2000):
            await stream.__anext__()
            taken += 1
        assert process.memory_info().rss - before < 16 * 2**20
    if door.is_sync:
        stream.wrapped.close()
    else:
        await stream.aclose()
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
async def test_a_connection_that_is_closed_ends_it(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 1000000)")
    await stream.__anext__()
    await conn.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        async for _ in stream:
            pass


async def test_no_row_is_given_after_the_connection_was_closed(door: Door) -> None:
    """Even if it had been received before."""
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 3)")
    assert await stream.__anext__() == (1,)
    await conn.close()
    with pytest.raises(door.module.OperationalError, match="closed"):
        await stream.__anext__()


async def test_a_server_that_dies_in_the_middle(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    other = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 10000000)")
    await stream.__anext__()
    await other.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
    with pytest.raises(door.module.OperationalError):
        async for _ in stream:
            pass
    assert conn.closed


def test_a_stream_that_is_dropped_with_its_connection(howdah: ModuleType, dsn: str) -> None:
    conn = howdah.connect(dsn, autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 1000000)")
    next(stream)
    conn.close()
    del stream, conn
    gc.collect()


@asyncio_only
async def test_a_row_of_a_stream_that_nobody_keeps(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    for _ in range(3):
        assert await conn.cursor().stream("select generate_series(1, 100000)").__anext__() == (1,)
        assert await (await asyncio.wait_for(conn.execute("select 1"), 10)).fetchall() == [(1,)]


async def test_rows_do_not_depend_on_what_becomes_of_the_cursor(door: Door) -> None:
    conn = await door.connect(autocommit=True, row_factory=door.module.rows.dict_row)
    cur = conn.cursor()
    rows = []
    async for row in cur.stream("select g as a, 'x' || g as b, 1.5::float8 as c from generate_series(1, 3) g"):
        rows.append(row)
        await cur.close()
    assert rows == [{"a": n, "b": f"x{n}", "c": 1.5} for n in (1, 2, 3)]


@howdah_alone
@pytest.mark.parametrize(
    "query", ["select 'text'", "select 1.5::float8, now(), 'a', 'b', 'c'", "set application_name to 'x'"]
)
async def test_the_cursor_can_be_used_again_when_all_rows_have_come(door: Door, query: str) -> None:
    conn = await door.connect(autocommit=True)
    cur = conn.cursor()
    rows = []
    async for row in cur.stream("select g, 'x' || g, 1.5::float8 from generate_series(1, 3) g"):
        rows.append(row)
        await cur.execute(query)
    assert rows == [(n, f"x{n}", 1.5) for n in (1, 2, 3)]
    assert cur.statusmessage in ("SELECT 1", "SET")


@asyncio_only
async def test_a_stream_cannot_be_closed_while_it_is_fetched_from(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select pg_sleep(0.2) from generate_series(1, 2)")
    fetching = asyncio.ensure_future(stream.__anext__())
    await asyncio.sleep(0.05)
    with pytest.raises(RuntimeError):
        await stream.aclose()
    assert await fetching == ("",)
    await stream.aclose()
    assert await (await conn.execute("select 1")).fetchall() == [(1,)]


@howdah_alone
@asyncio_only
async def test_a_connection_that_is_closed_ends_the_wait_for_a_stream(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 1000000)")
    await stream.__anext__()
    waiting = [asyncio.ensure_future(conn.execute("select 1")) for _ in range(3)]
    await asyncio.sleep(0.05)
    await conn.close()
    done, _ = await asyncio.wait(waiting, timeout=10)
    assert len(done) == 3
    for each in waiting:
        with pytest.raises(door.module.OperationalError, match="closed"):
            await each
    with pytest.raises(door.module.OperationalError, match="closed"):
        async for _ in stream:
            pass


def test_a_connection_that_is_closed_ends_a_threads_wait_for_a_stream(howdah: ModuleType, dsn: str) -> None:
    conn = howdah.connect(dsn, autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 1000000)")
    next(stream)
    seen: list[BaseException] = []

    def wait() -> None:
        try:
            conn.execute("select 1")
        except howdah.OperationalError as error:
            seen.append(error)

    threads = [threading.Thread(target=wait, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    conn.close()
    for thread in threads:
        thread.join(10)
    assert [str(error) for error in seen] == ["the connection is closed"] * 3
    with pytest.raises(howdah.OperationalError, match="closed"):
        for _ in stream:
            pass


def test_a_stream_belongs_to_its_event_loop(howdah: ModuleType, dsn: str) -> None:
    async def begin() -> tuple[Any, Any]:
        conn = await howdah.AsyncConnection.connect(dsn, autocommit=True)
        stream = conn.cursor().stream("select generate_series(1, 100000)")
        await stream.__anext__()
        return conn, stream

    seen: list[Any] = []

    async def go_on(stream: Any) -> None:
        # Rows that have been received are there in any loop.
        async for row in stream:
            seen.append(row)

    async def one(conn: Any) -> Any:
        return await (await asyncio.wait_for(conn.execute("select 1"), 10)).fetchall()

    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        conn, stream = first.run_until_complete(begin())
        # In another loop it is refused, and stays as it is.
        for operation in (go_on(stream), stream.aclose(), one(conn)):
            with pytest.raises(RuntimeError, match="another event loop"):
                second.run_until_complete(_awaited(operation))
        first.run_until_complete(go_on(stream))
        assert seen == [(n,) for n in range(2, 100_001)]
        assert second.run_until_complete(one(conn)) == [(1,)]
        second.run_until_complete(conn.close())
        conn, stream = first.run_until_complete(begin())
    finally:
        first.close()
    # Where its loop is gone nobody can go on with it.
    with pytest.raises(RuntimeError, match="another event loop"):
        second.run_until_complete(go_on(stream))
    del stream
    gc.collect()
    with pytest.raises(howdah.OperationalError):
        second.run_until_complete(one(conn))
    assert conn.closed
    second.close()


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


@howdah_alone
@asyncio_only
@pytest.mark.parametrize("what", ["stream", "aclose"])
async def test_a_stream_that_is_dropped_in_another_thread(door: Door, what: str) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 1000000)")
    await stream.__anext__()
    held = [stream if what == "stream" else stream.aclose()]
    if what == "stream":
        del stream
    waiting = asyncio.ensure_future(conn.execute("select 1"))
    await asyncio.sleep(0.05)
    with warnings.catch_warnings():
        # Of the operation that is never awaited.
        warnings.simplefilter("ignore", RuntimeWarning)
        dropping = threading.Timer(0.1, held.clear)
        dropping.start()
        cur = await asyncio.wait_for(waiting, 10)
    assert await cur.fetchall() == [(1,)]
    dropping.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@howdah_alone
async def test_a_stream_in_a_child_of_its_process(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 300000)")
    await stream.__anext__()
    child = os.fork()
    if child == 0:
        try:
            del stream
            gc.collect()
            os._exit(0)
        finally:
            os._exit(1)
    assert len([row async for row in stream]) == 299_999
    assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0


def test_a_connection_that_is_closed_while_a_stream_ends(howdah: ModuleType, dsn: str) -> None:
    conn = howdah.connect(dsn, autocommit=True)
    stream = conn.cursor().stream("select generate_series(1, 10000000)")
    next(stream)
    pid = conn.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        seen: list[Any] = []

        def end() -> None:
            try:
                seen.append(stream.close())
            except howdah.Error as error:
                seen.append(error)

        thread = threading.Thread(target=end, daemon=True)
        thread.start()
        time.sleep(0.2)
        conn.close()
        thread.join(10)
        assert seen == [None]
    finally:
        os.kill(pid, signal.SIGCONT)
