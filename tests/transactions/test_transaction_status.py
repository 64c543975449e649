"""`Transaction.status` says what became of a block, whatever its end met."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from support.doors import Door, asyncio_only, howdah_alone
from support.hostile import HostileServer, Peer, complete, ready
from support.sessions import Observer
from support.waiting import soon


class Boom(Exception):
    """What a user's block raises."""


@pytest.fixture
def table(observer: Observer, channel: str) -> Iterator[str]:
    name = f"t_{channel}"
    observer.conn.execute(f"create table {name} (num int unique deferrable initially deferred)")
    yield name
    observer.conn.execute(f"drop table {name}")


def leave_by(error: Exception) -> None:
    raise error


def rows(observer: Observer, table: str) -> int:
    count: int = observer.value(f"select count(*) from {table}")
    return count


async def test_block_that_ends_well(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.transaction() as o:
        assert o.status.name == "ACTIVE"
        async with conn.transaction() as i:
            await conn.execute(f"insert into {table} values (1)")
        assert (o.status.name, i.status.name) == ("ACTIVE", "COMMITTED")
    assert o.status.name == "COMMITTED"
    assert rows(observer, table) == 1


@pytest.mark.parametrize("nested", [False, True])
async def test_block_that_is_rolled_back(door: Door, observer: Observer, table: str, nested: bool) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.transaction() if nested else contextlib.nullcontext():
        async with conn.transaction(force_rollback=True) as forced:
            await conn.execute(f"insert into {table} values (1)")
        async with conn.transaction() as wished:
            await conn.execute(f"insert into {table} values (2)")
            leave_by(door.module.Rollback())
        with pytest.raises(Boom):
            async with conn.transaction() as failed:
                await conn.execute(f"insert into {table} values (3)")
                leave_by(Boom())
        with pytest.raises(door.errors.DivisionByZero):
            async with conn.transaction() as refused:
                await conn.execute("select 1 / 0")
    names = [each.status.name for each in (forced, wished, failed, refused)]
    assert names == ["ROLLED_BACK_EXPLICITLY"] * 2 + ["ROLLED_BACK_WITH_ERROR"] * 2
    assert rows(observer, table) == 0


@howdah_alone
async def test_commit_that_the_server_refuses(door: Door, observer: Observer, table: str) -> None:
    # psycopg says COMMITTED.
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.UniqueViolation):
        async with conn.transaction() as tx:
            await conn.execute(f"insert into {table} values (1), (1)")
    assert tx.status.name == "ROLLED_BACK_WITH_ERROR"
    assert conn.info.transaction_status.name == "IDLE"
    assert rows(observer, table) == 0


@howdah_alone
@pytest.mark.parametrize("pipeline", [False, True])
async def test_commit_that_the_server_answers_by_rollback(
    door: Door, observer: Observer, table: str, pipeline: bool
) -> None:
    # psycopg says COMMITTED, and raises nothing. In a pipeline COMMIT is skipped.
    error = door.errors.PipelineAborted if pipeline else door.errors.InFailedSqlTransaction
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() if pipeline else contextlib.nullcontext():
        with pytest.raises(error):
            async with conn.transaction() as tx:
                await conn.execute(f"insert into {table} values (1)")
                with contextlib.suppress(door.errors.DivisionByZero):
                    await (await conn.execute("select 1 / 0")).fetchone()
        assert tx.status.name == "ROLLED_BACK_WITH_ERROR"
    assert conn.info.transaction_status.name == "IDLE"
    assert rows(observer, table) == 0


@howdah_alone
async def test_savepoint_of_a_transaction_that_has_failed(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(door.errors.InFailedSqlTransaction):
        async with conn.transaction() as outer:
            await conn.execute(f"insert into {table} values (1)")
            async with conn.transaction() as inner:
                with contextlib.suppress(door.errors.DivisionByZero):
                    await conn.execute("select 1 / 0")
    assert [inner.status.name, outer.status.name] == ["ROLLED_BACK_WITH_ERROR"] * 2
    assert rows(observer, table) == 0


@howdah_alone
@pytest.mark.parametrize("raises", [False, True])
async def test_connection_that_is_lost_in_a_block(door: Door, observer: Observer, raises: bool) -> None:
    conn = await door.connect(autocommit=True)
    with pytest.raises(Boom if raises else door.module.OperationalError):
        async with conn.transaction() as tx:
            await conn.execute("select 1")
            observer.terminate(conn.info.backend_pid)
            if raises:
                raise Boom
    # Of a COMMIT that was not answered nobody knows.
    assert tx.status.name == "FAILED"
    assert conn.closed


async def test_connection_that_is_closed_in_a_block(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.transaction() as tx:
        await conn.close()
    assert tx.status.name == "FAILED"


@howdah_alone
async def test_block_that_cannot_begin(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1 / 0")
    tx = conn.transaction()
    with pytest.raises(door.errors.InFailedSqlTransaction):
        async with tx:
            pytest.fail("entered")
    assert (tx.wrapped if door.is_sync else tx).status.name == "FAILED"


@howdah_alone
async def test_blocks_that_are_left_in_the_wrong_order(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    outer, inner = conn.transaction(), conn.transaction()
    o = await outer.__aenter__()
    i = await inner.__aenter__()
    with pytest.raises(door.module.transaction.OutOfOrderTransactionNesting):
        await outer.__aexit__(None, None, None)
    assert o.status.name == "FAILED"
    with pytest.raises(door.module.transaction.OutOfOrderTransactionNesting):
        await inner.__aexit__(None, None, None)
    assert i.status.name == "FAILED"
    await conn.rollback()


@howdah_alone
@pytest.mark.parametrize("name", ["cancelled", "lost"])
@asyncio_only
async def test_commit_that_is_not_answered(door: Door, name: str) -> None:
    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        peer.send(complete(b"BEGIN") + ready(b"T"))
        peer.read_command()
        if name == "cancelled":
            peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=0.2)
        tx = conn.transaction()
        await tx.__aenter__()
        end = asyncio.ensure_future(tx.__aexit__(None, None, None))
        await asyncio.sleep(0.05)
        if name == "cancelled":
            end.cancel()
        with pytest.raises(asyncio.CancelledError if name == "cancelled" else door.module.OperationalError):
            await soon(end)
        assert tx.status.name == "FAILED"
        assert conn.closed


async def test_repr(door: Door) -> None:
    conn = await door.connect()
    name = f"{door.module.__name__}.{'' if door.is_sync else 'Async'}Transaction"
    place = f"(port={conn.info.port} database=postgres) at 0x"
    async with conn.transaction() as outer, conn.transaction("in it") as inner:
        outer, inner = (block.wrapped if door.is_sync else block for block in (outer, inner))
        assert repr(outer).startswith(f"<{name} (active) [INTRANS] {place}")
        assert repr(inner).startswith(f"<{name} 'in it' (active) [INTRANS] {place}")
    assert repr(outer).startswith(f"<{name} (committed) [IDLE] {place}")
    await conn.close()
    assert repr(outer).startswith(f"<{name} (committed) [BAD] at 0x")
