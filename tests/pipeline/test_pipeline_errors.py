"""Errors in a pipeline: whose they are, when they are raised, what is skipped."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from support.doors import Door, all_read, howdah_alone
from support.sessions import Observer


def state(conn: Any) -> tuple[str, str]:
    return conn.info.transaction_status.name, conn.info.pipeline_status.name


async def test_raised_at_the_end(door: Door, observer: Observer, channel: str) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.UndefinedTable) as caught:
        async with conn.pipeline():
            await conn.execute("select * from nosuchtable")
            await conn.execute(f"create table {channel} ()")
    assert caught.value.sqlstate == "42P01"
    assert observer.value("select count(*) from pg_tables where tablename = %s", [channel]) == 0
    assert state(conn) == ("IDLE", "OFF")
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_raised_by_sync(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        await conn.execute("select 1 from nosuchtable")
        with pytest.raises(door.errors.UndefinedTable):
            await p.sync()
        await all_read(door, p)
        assert p.status.name == "ON"


async def test_aborted_up_to_sync(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        first = await conn.execute("select 1")
        with pytest.raises(door.errors.UndefinedTable):
            await (await conn.execute("select * from doesnotexist")).fetchone()
        assert state(conn) == ("IDLE", "ABORTED")
        assert p.status is door.module.pq.PipelineStatus.ABORTED
        with pytest.raises(door.errors.PipelineAborted) as caught:
            await (await conn.execute("select 'aborted'")).fetchone()
        assert isinstance(caught.value, door.module.OperationalError)
        assert caught.value.sqlstate is None
        await p.sync()
        assert p.status.name == "ON"
        second = await conn.execute("select 2")
    assert await first.fetchone() == (1,)
    assert await second.fetchone() == (2,)


async def test_what_was_skipped_unseen_is_raised_by_sync(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        with pytest.raises(door.errors.DivisionByZero):
            await (await conn.execute("select 1/0")).fetchone()
        await conn.execute("select 2")
        with pytest.raises(door.errors.PipelineAborted):
            await p.sync()
        assert p.status.name == "ON"
        await p.sync()


async def test_the_next_statements_error_of_the_same_cursor(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        cur = conn.cursor()
        with pytest.raises(door.errors.DivisionByZero):
            await cur.execute("select 1/0")
            await cur.execute("select 2")
            await cur.fetchone()
        with pytest.raises(door.module.Error):
            await cur.fetchone()
        await all_read(door, p)
        await p.sync()
        await cur.execute("select 3")
        assert await cur.fetchone() == (3,)


async def test_the_first_error_comes_first_also_from_a_skipped_statement(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
            await (await conn.execute("select 2")).fetchone()
        await all_read(door, p)
        await p.sync()


async def test_statements_before_an_error_in_autocommit(door: Door, observer: Observer, channel: str) -> None:
    """A pipeline is one transaction up to its synchronisation point."""
    observer.conn.execute(f"create table {channel} (a text)")
    try:
        conn = await door.connect(autocommit=True)
        async with conn.pipeline() as p:
            cur = conn.cursor()
            with pytest.raises(door.errors.UndefinedTable):
                await cur.execute(f"insert into {channel} values ('one')")
                await cur.execute("insert into no_such_table values ('two')")
                await conn.execute(f"insert into {channel} values ('three')")
                await p.sync()
            await all_read(door, p)
            await cur.execute(f"insert into {channel} values ('four')")
        assert observer.value(f"select array_agg(a) from {channel}") == ["four"]
    finally:
        observer.conn.execute(f"drop table {channel}")


async def test_an_error_within_the_block_comes_first(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    conn = await door.connect()
    with pytest.raises(LookupError):
        async with conn.pipeline() as p:
            await conn.execute("select 1/0")
            raise LookupError
    assert len(caplog.records) == 1
    assert "division by zero" in caplog.text
    assert p.status.name == "OFF"
    assert state(conn) == ("INERROR", "OFF")


@pytest.mark.parametrize("depth", [1, 2])
async def test_closed_within_the_block(door: Door, caplog: pytest.LogCaptureFixture, depth: int) -> None:
    caplog.set_level(logging.WARNING)
    conn = await door.connect()

    async def nested(depth: int) -> None:
        async with conn.pipeline():
            if depth > 1:
                return await nested(depth - 1)
            await conn.close()
            raise LookupError

    with pytest.raises(LookupError):
        await nested(depth)
    assert len(caplog.records) == depth


async def test_closed_connections(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.OperationalError):
        async with conn.pipeline() as p:
            cur = await conn.execute("select 1")
            await conn.close()
            assert p.status.name == "OFF"
            with pytest.raises(door.module.OperationalError):
                await cur.fetchone()
    assert conn.closed
    with pytest.raises(door.module.OperationalError):
        async with conn.pipeline():
            pass


async def test_executemany_that_fails_is_raised_by_sync(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table t (a int primary key)")
    await conn.commit()
    async with conn.pipeline() as p:
        cur = conn.cursor()
        with pytest.raises(door.errors.UniqueViolation):
            await cur.executemany("insert into t values (%s)", [(1,), (1,), (2,)])
            await p.sync()
        await all_read(door, p)
        assert cur.rowcount == 1
        assert state(conn) == ("INERROR", "ON")
        await conn.rollback()
        assert state(conn) == ("IDLE", "ON")


async def test_executemany_returning_that_fails(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table t (a int primary key)")
    await conn.commit()
    async with conn.pipeline() as p:
        cur = conn.cursor()
        with pytest.raises(door.errors.UniqueViolation):
            await cur.executemany("insert into t values (%s) returning a", [(1,), (1,), (2,)], returning=True)
        if door.module.__name__ == "psycopg":
            # It may have raised it before it has read the rest, which the next operation would raise.
            await all_read(door, p)
            return
        assert p.status.name == "ABORTED"
        await conn.rollback()
        assert state(conn) == ("IDLE", "ON")


@howdah_alone
async def test_each_error_belongs_to_its_statement(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        good = await conn.execute("select 1")
        bad = await conn.execute("select 1/0")
        skipped = await conn.execute("select 3")
        assert await good.fetchone() == (1,)
        with pytest.raises(door.errors.DivisionByZero):
            await bad.fetchone()
        with pytest.raises(door.errors.PipelineAborted):
            await skipped.fetchone()
        with pytest.raises(door.module.ProgrammingError, match="no result"):
            await bad.fetchone()
        await p.sync()


@howdah_alone
async def test_what_sync_has_raised_is_still_that_of_its_cursor(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        good = await conn.execute("select 1")
        bad = await conn.execute("select 1/0")
        skipped = await conn.execute("select 3")
        with pytest.raises(door.errors.DivisionByZero):
            await p.sync()
        for cursor, error in [(bad, door.errors.DivisionByZero), (skipped, door.errors.PipelineAborted)]:
            with pytest.raises(error):
                await cursor.fetchone()
        assert await good.fetchone() == (1,)
        await p.sync()


@howdah_alone
async def test_what_was_skipped_is_not_told_of_later_errors(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        with pytest.raises(door.errors.DivisionByZero):
            # Without its cursor the error would be raised by whatever comes behind its arrival.
            failed = await conn.execute("select 1/0")
            skipped = await conn.execute("select 2")
            await p.sync()
        await failed.close()
        later = await conn.execute("select nothing")
        await asyncio.sleep(0.2)
        await (await conn.execute("select 'what came meanwhile is read'")).close()
        assert p.status.name == "ABORTED"
        with pytest.raises(door.errors.PipelineAborted):
            await skipped.fetchone()
        with pytest.raises(door.errors.UndefinedColumn):
            await later.fetchone()
        await p.sync()


@howdah_alone
async def test_an_error_that_a_cursor_keeps_holds_no_frames(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    watched: list[Any] = []

    class Watched:
        pass

    async def work() -> None:
        local = Watched()
        watched.append(weakref.ref(local))
        kept = await conn.execute("select 1/0")
        with pytest.raises(door.errors.DivisionByZero):
            await p.sync()
        assert kept.rowcount == -1

    async with conn.pipeline() as p:
        await work()
        gc.collect()
        assert watched[0]() is None


@howdah_alone
async def test_an_error_whose_cursor_is_gone_ends_a_loop(door: Door) -> None:
    """A program that only sends would never learn that all of it is skipped."""
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        sent = 0
        with pytest.raises(door.errors.DivisionByZero):
            await conn.execute("select 1/0")
            while True:
                await conn.execute("select pg_sleep(0)")
                sent += 1
                if sent % 100 == 0 and not door.is_sync:
                    await soon()
        await p.sync()


async def soon() -> None:
    await asyncio.sleep(0.001)


@howdah_alone
async def test_a_row_factory_that_fails(door: Door) -> None:
    def row_factory(cursor: Any) -> Any:
        raise LookupError

    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        cur = conn.cursor(row_factory=row_factory)
        await cur.execute("select 1")
        other = await conn.execute("select 2")
        with pytest.raises(LookupError):
            await p.sync()
        assert await other.fetchone() == (2,)
        assert p.status.name == "ON"


@howdah_alone
async def test_an_abandoned_pipeline_is_collected(howdah: Any, door: Door) -> None:
    class Connection(howdah.Connection if door.is_sync else howdah.AsyncConnection):  # type: ignore[misc]
        pass

    class Cursor(howdah.Cursor if door.is_sync else howdah.AsyncCursor):  # type: ignore[misc]
        pass

    conn = Connection.connect(door.dsn) if door.is_sync else await Connection.connect(door.dsn)
    block = conn.pipeline()
    _ = block.__enter__() if door.is_sync else await block.__aenter__()
    done = Cursor(conn).execute("select 1")
    if not door.is_sync:
        await done
    watch = weakref.ref(conn)
    held = [conn, block, done, _]
    del conn, block, done, _
    with pytest.warns(ResourceWarning):
        await collected(held)
    assert watch() is None


async def collected(held: list[Any]) -> None:
    held.clear()
    for _ in range(3):
        gc.collect()
        # An asynchronous generator is ended by its loop.
        await soon()
