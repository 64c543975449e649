"""Transactions in a pipeline: implicit ones, commit and rollback, blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support.doors import Door, all_read, howdah_alone
from support.sessions import Observer


@pytest.fixture
def table(observer: Observer, channel: str) -> Iterator[str]:
    observer.conn.execute(f"create table {channel} (a int unique deferrable initially deferred)")
    yield channel
    observer.conn.execute(f"drop table {channel}")


def rows(observer: Observer, table: str) -> Any:
    return [a for (a,) in observer.conn.execute(f"select a from {table} order by a")]


def leave_block(door: Door) -> None:
    raise door.module.Rollback


def give_up() -> None:
    raise LookupError


def state(conn: Any) -> tuple[str, str]:
    return conn.info.transaction_status.name, conn.info.pipeline_status.name


async def test_commit_within(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.execute(f"insert into {table} values (1)")
        assert rows(observer, table) == []
        await conn.commit()
        assert rows(observer, table) == [1]
        assert state(conn) == ("IDLE", "ON")
        await conn.execute(f"insert into {table} values (2)")
        await conn.rollback()
        assert state(conn) == ("IDLE", "ON")
        cur = await conn.execute(f"insert into {table} values (3)")
    assert cur.rowcount == 1
    assert rows(observer, table) == [1]
    await conn.commit()
    assert rows(observer, table) == [1, 3]


async def test_commit_raises_the_error(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        await conn.execute("select 1 from nosuchtable")
        with pytest.raises(door.errors.UndefinedTable):
            await conn.commit()
        await all_read(door, p)
        assert state(conn) == ("INERROR", "ON")
        await conn.rollback()
        assert state(conn) == ("IDLE", "ON")
        inside = await conn.execute("select 1")
    outside = await conn.execute("select 2")
    assert await inside.fetchone() == (1,)
    assert await outside.fetchone() == (2,)


async def test_commit_that_fails(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        await conn.execute(f"insert into {table} values (1)")
        await conn.execute(f"insert into {table} values (1)")
        with pytest.raises(door.errors.UniqueViolation):
            await conn.commit()
        await all_read(door, p)
        assert state(conn) == ("IDLE", "ON")
    assert rows(observer, table) == []


async def test_rollback_raises_an_error_that_nobody_saw(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline() as p:
        await conn.execute("select 1/0")
        with pytest.raises(door.errors.DivisionByZero):
            await conn.rollback()
        await all_read(door, p)
        await conn.rollback()
        assert state(conn) == ("IDLE", "ON")


@howdah_alone
async def test_rollback_rolls_back_also_if_it_raises(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.execute("select 1/0")
        with pytest.raises(door.errors.DivisionByZero):
            await conn.rollback()
        assert state(conn) == ("IDLE", "ON")


async def test_commit_without_a_transaction(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        await conn.commit()
        await conn.execute(f"insert into {table} values (1)")
        await conn.commit()
        assert rows(observer, table) == [1]


async def test_characteristics(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.set_read_only(True)
        cur = await conn.execute("show transaction_read_only")
        with pytest.raises(door.module.ProgrammingError, match="can't change"):
            await conn.set_autocommit(True)
        assert await cur.fetchone() == ("on",)
        with pytest.raises(door.module.ProgrammingError, match="can't change"):
            await conn.set_autocommit(True)
        await conn.commit()
        await conn.set_autocommit(True)
        cur = await conn.execute("show transaction_read_only")
        assert await cur.fetchone() == ("off",)
        await conn.set_autocommit(False)
        assert conn.autocommit is False


async def test_block(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline():
        before = await conn.execute("select 'before'")
        assert state(conn) == ("ACTIVE", "ON")
        async with conn.transaction() as tx:
            assert state(conn)[0] == "INTRANS"
            assert before.statusmessage == "SELECT 1", "its beginning is a synchronisation point"
            inside = await conn.execute(f"insert into {table} values (1) returning a")
        assert tx.status.name == "COMMITTED"
        assert inside.statusmessage == "INSERT 0 1", "so is its end"
        assert rows(observer, table) == [1]
        after = await conn.execute("select 'after'")
    assert await before.fetchone() == ("before",)
    assert await inside.fetchone() == (1,)
    assert await after.fetchone() == ("after",)


@pytest.mark.parametrize("autocommit", [True, False])
async def test_block_that_is_left_by_an_error(door: Door, observer: Observer, table: str, autocommit: bool) -> None:
    conn = await door.connect(autocommit=autocommit)
    async with conn.pipeline():
        with pytest.raises(LookupError):
            async with conn.transaction() as tx:
                cur = await conn.execute(f"insert into {table} values (1) returning a")
                give_up()
        assert tx.status.name == "ROLLED_BACK_WITH_ERROR"
        assert await cur.fetchone() == (1,)
        async with conn.transaction() as tx:
            await conn.execute(f"insert into {table} values (2)")
            leave_block(door)
        assert tx.status.name == "ROLLED_BACK_EXPLICITLY"
        async with conn.transaction(force_rollback=True):
            await conn.execute(f"insert into {table} values (3)")
        assert state(conn) == ("IDLE", "ON")
    assert rows(observer, table) == []


async def test_a_statement_that_fails_rolls_the_block_back(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        with pytest.raises(door.errors.UndefinedTable):
            async with conn.transaction() as tx:
                await conn.execute(f"insert into {table} values (1)")
                await conn.execute("select 1 from nosuchtable")
        assert tx.status.name == "ROLLED_BACK_WITH_ERROR"
        assert state(conn) == ("IDLE", "ON")
        cur = await conn.execute("select 1")
    assert await cur.fetchone() == (1,)
    assert rows(observer, table) == []


@pytest.mark.parametrize("leave", ["rollback", "force"])
async def test_a_statement_that_fails_in_a_block_that_is_rolled_back(door: Door, leave: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        if leave == "force":
            with pytest.raises(door.errors.DivisionByZero):
                async with conn.transaction(force_rollback=True) as tx:
                    await conn.execute("select 1/0")
        else:
            async with conn.transaction() as tx:
                await conn.execute("select 1/0")
                leave_block(door)
        assert tx.status.name == "ROLLED_BACK_EXPLICITLY"
        assert state(conn) == ("IDLE", "ON")


async def test_nested_blocks(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        async with conn.transaction():
            outer = await conn.execute(f"insert into {table} values (1) returning a")
            with pytest.raises(LookupError):
                async with conn.transaction():
                    inner = await conn.execute(f"insert into {table} values (2) returning a")
                    give_up()
            with pytest.raises(door.errors.DivisionByZero):
                async with conn.transaction():
                    await conn.execute(f"insert into {table} values (3)")
                    await conn.execute("select 1/0")
            async with conn.transaction(), conn.transaction():
                last = await conn.execute(f"insert into {table} values (4) returning a")
        assert [await c.fetchone() for c in (outer, inner, last)] == [(1,), (2,), (4,)]
    assert rows(observer, table) == [1, 4]


async def test_a_block_whose_commit_fails(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        with pytest.raises(door.errors.UniqueViolation):
            async with conn.transaction():
                await conn.execute(f"insert into {table} values (1), (1)")
        assert state(conn) == ("IDLE", "ON")
    assert rows(observer, table) == []


async def test_an_earlier_error_keeps_a_block_from_beginning(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    async with conn.pipeline() as p:
        await conn.execute("select 1/0")
        with pytest.raises(door.errors.DivisionByZero):
            async with conn.transaction():
                raise AssertionError("it has begun")
        await all_read(door, p)
        assert state(conn) == ("IDLE", "ON")
        async with conn.transaction():
            cur = await conn.execute("select 1")
        assert await cur.fetchone() == (1,)


async def test_a_pipeline_within_a_block(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    async with conn.transaction():
        async with conn.pipeline():
            await conn.execute(f"insert into {table} values (1)")
            cur = await conn.execute(f"insert into {table} values (2) returning a")
        assert await cur.fetchone() == (2,)
    assert rows(observer, table) == [1, 2]


async def test_an_error_of_a_pipeline_within_a_block(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.UndefinedColumn):
        async with conn.transaction():
            async with conn.pipeline():
                await conn.execute(f"insert into {table} values (1)")
                await conn.execute("select error")
                await conn.execute(f"insert into {table} values (2)")
    assert state(conn) == ("IDLE", "OFF")
    assert rows(observer, table) == []


async def test_commit_within_a_block_is_refused(door: Door) -> None:
    conn = await door.connect()
    async with conn.pipeline(), conn.transaction():
        with pytest.raises(door.module.ProgrammingError):
            await conn.commit()
        with pytest.raises(door.module.ProgrammingError):
            await conn.rollback()
        assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_the_connections_block_commits(door: Door, observer: Observer, table: str) -> None:
    async with await door.connect() as conn, conn.pipeline():
        await conn.execute(f"insert into {table} values (1)")
    assert rows(observer, table) == [1]
    with pytest.raises(door.errors.DivisionByZero):
        async with await door.connect() as conn, conn.pipeline():
            await conn.execute(f"insert into {table} values (2)")
            await conn.execute("select 1/0")
    assert conn.closed
    assert rows(observer, table) == [1]
