"""Streams of replication: messages, what the server is told, and how they end."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from typing import Any

import pytest
from howdah.replication import LSN, Commit, Insert, XLogData
from pgserver import PgServer

from support.doors import Door, asyncio_only, howdah_alone
from support.replicating import CONFIG, FLAVOUR, Source, commits, replicating

pytestmark = howdah_alone

IDLE = 0
OPTIONS = {"proto_version": 1}


def plugin(source: Source) -> dict[str, Any]:
    return {**OPTIONS, "publication_names": [source.name]}


async def assert_usable(conn: Any) -> None:
    assert conn.info.transaction_status == IDLE
    assert len(await (await conn.execute("IDENTIFY_SYSTEM")).fetchall()) == 1


async def test_commands(door: Door, followed_dsn: str) -> None:
    conn = await replicating(door, followed_dsn)
    (made,) = await (await conn.execute("CREATE_REPLICATION_SLOT of_test LOGICAL pgoutput")).fetchall()
    assert made[0] == "of_test"
    assert LSN(made[1]) > 0
    await conn.execute("CREATE_REPLICATION_SLOT of_log PHYSICAL RESERVE_WAL")
    (read,) = await (await conn.execute("READ_REPLICATION_SLOT of_log")).fetchall()
    assert read[0] == "physical"
    assert LSN(read[1]) > 0
    await conn.execute("DROP_REPLICATION_SLOT of_log")
    await conn.execute("DROP_REPLICATION_SLOT of_test")
    with pytest.raises(door.errors.UndefinedObject):
        await conn.execute("DROP_REPLICATION_SLOT of_test")
    await assert_usable(conn)


async def test_messages(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.insert(1, 2)
    async with conn.start_replication(source.name, options=plugin(source)) as stream:
        assert not stream.ended
        messages = [await stream.read(timeout=20) for _ in range(5)]
        assert [message.payload[:1] for message in messages] == [b"B", b"R", b"I", b"I", b"C"]
        assert all(isinstance(message, XLogData) for message in messages)
        # The commit says where it ends, and so does the message that says so.
        (end,) = struct.unpack("!Q", messages[-1].payload[10:18])
        assert messages[-1].wal_start == messages[-1].wal_end == end == stream.position
        assert abs(messages[-1].send_time.timestamp() - time.time()) < 60
        assert await stream.read(timeout=0) is None
        assert not stream.ended
    assert stream.ended
    await assert_usable(conn)


async def test_iteration(door: Door, followed_dsn: str, source: Source) -> None:
    for number in range(3):
        conn = await replicating(door, followed_dsn)
        source.insert(number)
        rows = []
        async with conn.follow_changes(source.name, source.name) as stream:
            async for change in stream:
                if isinstance(change, Insert):
                    rows.append(change.new)
                if isinstance(change, Commit):
                    stream.flushed(change.end_lsn)
                    break
        assert rows == [(number, f"row {number}")]
        assert source.confirmed == change.end_lsn
        await assert_usable(conn)


async def test_a_second_stream_of_one_connection(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.insert(1)
    async with conn.follow_changes(source.name, source.name) as stream:
        await commits(stream)
    # The server remembers that the first was ended.
    with pytest.raises(door.module.NotSupportedError, match="open another connection"):
        async with conn.follow_changes(source.name, source.name) as stream:
            await commits(stream)
    await assert_usable(conn)


async def test_what_is_not_confirmed_comes_again(door: Door, followed_dsn: str, source: Source) -> None:
    source.insert(1)
    source.insert(2)
    before = source.confirmed
    conn = await replicating(door, followed_dsn)
    async with conn.follow_changes(source.name, source.name, status_interval=0.01) as stream:
        first = await commits(stream, 2)
        await stream.send_feedback(reply=True)
        assert await stream.read(timeout=0.3) is None
        assert stream.server_lsn >= stream.position
        assert stream.flushed_lsn == 0
    assert source.confirmed == before
    conn = await replicating(door, followed_dsn)
    async with conn.follow_changes(source.name, source.name) as stream:
        assert await commits(stream, 2) == first
        middle = next(change for change in first if isinstance(change, Commit))
        stream.flushed(middle.end_lsn)
        assert stream.flushed_lsn == middle.end_lsn
    assert source.confirmed == middle.end_lsn
    conn = await replicating(door, followed_dsn)
    async with conn.follow_changes(source.name, source.name) as stream:
        again = await commits(stream)
    assert again[-1] == first[-1]
    assert [change.new for change in again if isinstance(change, Insert)] == [(2, "row 2")]


async def test_an_idle_server_is_confirmed(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.insert(1)
    async with conn.follow_changes(source.name, source.name) as stream:
        changes = await commits(stream)
        stream.flushed(changes[-1].end_lsn)
        # Nothing in this is for us, and the server need not keep it.
        source.run("create table beside (a int)")
        source.run("drop table beside")
        behind = LSN(source.run("select pg_current_wal_lsn()::text")[0][0])
        for _ in range(100):
            await stream.send_feedback(reply=True)
            assert await stream.read(timeout=0.1) is None
            if source.confirmed >= behind:
                break
        assert source.confirmed >= behind
        assert stream.flushed_lsn >= behind


async def test_feedback(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.insert(1)
    told = "select write_lsn::text, flush_lsn::text, replay_lsn::text from pg_stat_replication where pid = %s"
    async with conn.follow_changes(source.name, source.name, status_interval=0) as stream:
        end = (await commits(stream))[-1].end_lsn
        pid = conn.info.backend_pid

        async def see(*wanted: int) -> None:
            await stream.send_feedback(reply=True)
            for _ in range(200):
                (row,) = source.conn.execute(told, [pid]).fetchall()
                if tuple(LSN(value or 0) for value in row) == wanted:
                    return
                await asyncio.sleep(0.02)
            raise AssertionError(row)

        await stream.send_feedback(write=end)
        await see(end, 0, 0)
        stream.flushed(end - 1)
        await see(end, end - 1, end - 1)
        await stream.send_feedback(apply=end - 2)
        await see(end, end - 1, end - 2)
        await stream.send_feedback(write=1, flush=1, apply=1)
        await see(end, end - 1, end - 2)


async def test_the_log_itself(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn, "true")
    (row,) = await (await conn.execute("IDENTIFY_SYSTEM")).fetchall()
    start = LSN(row[2])
    source.run(f"insert into {source.name} values (1, repeat('howdah', 100))")
    end = LSN(source.run("select pg_current_wal_flush_lsn()::text")[0][0])
    got = b""
    async with conn.start_physical_replication(start) as stream:
        while stream.position < end:
            message = await stream.read(timeout=20)
            assert message.wal_start == start + len(got)
            got += message.payload
        assert stream.flushed_lsn == 0
        stream.flushed(stream.position)
        assert stream.flushed_lsn >= end
    assert b"howdahhowdah" in got
    await assert_usable(conn)


async def test_refusals(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    with pytest.raises(door.errors.UndefinedObject):
        async with conn.follow_changes("no such slot", source.name):
            pass
    with pytest.raises(ValueError, match="not a position"):
        async with conn.follow_changes(source.name, source.name, "not a position"):
            pass
    with pytest.raises(ValueError, match="interval"):
        async with conn.follow_changes(source.name, source.name, status_interval=-1):
            pass
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute(
            f"START_REPLICATION SLOT {source.name} LOGICAL 0/0 (proto_version '1', publication_names 'p')"
        )
    await assert_usable(conn)
    plain = await door.connect(followed_dsn)
    with pytest.raises(door.module.ProgrammingError, match="replication"):
        async with plain.follow_changes(source.name, source.name):
            pass
    assert plain.info.transaction_status == IDLE


async def test_an_exception_of_the_consumer(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.insert(1)
    with pytest.raises(ZeroDivisionError):
        async with conn.follow_changes(source.name, source.name) as stream:
            await stream.read(timeout=20)
            raise ZeroDivisionError
    await assert_usable(conn)


async def test_leaving_in_the_middle_of_a_long_transaction(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    source.run(f"insert into {source.name} select n, repeat('x', 100) from generate_series(1, 200000) n")
    async with conn.follow_changes(source.name, source.name) as stream:
        for _ in range(100):
            await stream.read(timeout=20)
    await assert_usable(conn)


@asyncio_only
async def test_cancelled_at_any_moment(door: Door, followed_dsn: str, source: Source) -> None:
    source.run(f"insert into {source.name} select n, 'x' from generate_series(1, 5000) n")

    async def follow(conn: Any) -> None:
        async with conn.follow_changes(source.name, source.name) as stream:
            async for _ in stream:
                await asyncio.sleep(0)

    for number in range(12):
        conn = await replicating(door, followed_dsn)
        task = asyncio.create_task(follow(conn))
        await asyncio.sleep(number * 0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await assert_usable(conn)
        await conn.close()


@asyncio_only
async def test_a_wait_that_is_cancelled_ends_the_stream(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    async with conn.follow_changes(source.name, source.name) as stream:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(stream.read(), 0.05)
        assert stream.ended
        with pytest.raises(door.module.OperationalError):
            await stream.read()
    await assert_usable(conn)


@pytest.mark.parametrize("how", ["immediate", "fast"])
async def test_the_server_stops(door: Door, how: str) -> None:
    with PgServer(FLAVOUR, config=CONFIG) as server:
        source = Source(server.dsn)
        source.insert(1)
        conn = await replicating(door, server.dsn)
        async with conn.follow_changes(source.name, source.name) as stream:
            stream.flushed((await commits(stream))[-1].end_lsn)
            await stream.send_feedback()
            source.conn.close()
            stopping = asyncio.get_running_loop().run_in_executor(None, server.stop, how)
            with pytest.raises(door.module.OperationalError):
                async for _ in stream:
                    pass
            await stopping
        assert conn.closed


async def test_a_backend_that_is_ended(door: Door, followed_dsn: str, source: Source) -> None:
    conn = await replicating(door, followed_dsn)
    async with conn.follow_changes(source.name, source.name) as stream:
        source.run(f"select pg_terminate_backend({conn.info.backend_pid})")
        with pytest.raises(door.module.OperationalError):
            await stream.read(timeout=20)
    assert conn.closed


async def pause(door: Door, seconds: float) -> None:
    """Sleep as the shell's programs do."""
    if door.is_sync:
        await asyncio.to_thread(time.sleep, seconds)
    else:
        await asyncio.sleep(seconds)


async def test_a_consumer_that_sleeps(door: Door) -> None:
    with PgServer(FLAVOUR, config={**CONFIG, "wal_sender_timeout": "1s"}) as server:
        source = Source(server.dsn)
        conn = await replicating(door, server.dsn)
        async with conn.follow_changes(source.name, source.name) as stream:
            source.run(f"insert into {source.name} select n, repeat('x', 100) from generate_series(1, 20000) n")
            count = 0
            while count < 20002:
                assert await stream.read(timeout=20) is not None
                count += 1
                if count % 2000 == 0:
                    # On asyncio the loop tells the server; otherwise it is told when a message is asked for.
                    await pause(door, 0.3 if door.is_sync else 1.5)
            await pause(door, 2.5)
            if door.is_sync:
                with pytest.raises(door.module.OperationalError):
                    while await stream.read(timeout=5) is not None:
                        pass
            else:
                source.insert(-1)
                await commits(stream, 2)
        source.conn.close()
