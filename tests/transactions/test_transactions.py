"""Contexts, commit, rollback, autocommit, and what errors do to a transaction."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door
from support.hostile import HostileServer, Peer
from support.sessions import Observer


class Boom(Exception):
    """What a user's block raises."""


@pytest.fixture
def table(observer: Observer, channel: str) -> Any:
    """A real table, so that another session sees what was committed."""
    name = f"t_{channel}"
    observer.conn.execute(f"create table {name} (num int primary key, data text)")
    yield name
    observer.conn.execute(f"drop table {name}")


async def test_context_commits_and_closes(door: Door, observer: Observer, table: str) -> None:
    async with await door.connect() as conn:
        async with conn.cursor() as cur:
            await cur.execute(f"insert into {table} values (%s, %s)", (100, "abc'def"))
        assert cur.closed
        assert not conn.closed
    assert conn.closed
    assert not conn.broken
    assert observer.conn.execute(f"select * from {table}").fetchall() == [(100, "abc'def")]


async def test_context_rolls_back_and_closes(door: Door, observer: Observer, table: str) -> None:
    with pytest.raises(Boom):
        async with await door.connect() as conn:
            await conn.execute(f"insert into {table} values (1)")
            raise Boom
    assert conn.closed
    assert observer.value(f"select count(*) from {table}") == 0


async def test_context_with_a_database_error(door: Door, observer: Observer, table: str) -> None:
    with pytest.raises(door.module.ProgrammingError):
        async with await door.connect() as conn:
            await conn.execute(f"insert into {table} values (1)")
            await conn.execute("wat")
    assert conn.closed
    assert observer.value(f"select count(*) from {table}") == 0


async def test_context_closed_inside(door: Door) -> None:
    async with await door.connect() as conn:
        await conn.close()
    assert conn.closed


async def test_context_on_a_lost_connection_keeps_the_exception(
    door: Door, observer: Observer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Boom):
        async with await door.connect() as conn:
            await conn.execute("select 1")
            observer.terminate(conn.info.backend_pid)
            raise Boom
    assert conn.closed
    assert all(r.levelno == logging.WARNING for r in caplog.records if r.name == door.module.__name__)


async def test_cursor_context_leaves_the_connection_alone(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(Boom):
        async with conn.cursor() as cur:
            await cur.execute("select 1")
            raise Boom
    assert cur.closed
    assert conn.info.transaction_status.name == "INTRANS"


async def test_commit_and_rollback(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (1)")
    assert observer.value(f"select count(*) from {table}") == 0
    await conn.commit()
    assert observer.value(f"select count(*) from {table}") == 1
    await conn.execute(f"insert into {table} values (2)")
    await conn.rollback()
    assert observer.value(f"select count(*) from {table}") == 1


async def test_commit_and_rollback_without_a_transaction(door: Door) -> None:
    conn = await door.connect()
    notices: list[str] = []
    conn.add_notice_handler(lambda diag: notices.append(diag.message_primary))
    await conn.commit()
    await conn.rollback()
    assert conn.info.transaction_status.name == "IDLE"
    assert notices == []


async def test_close_discards(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (1)")
    pid = conn.info.backend_pid
    await conn.close()
    observer.wait_gone(pid)
    assert observer.value(f"select count(*) from {table}") == 0


async def test_transaction_starts_with_the_first_statement(door: Door, observer: Observer) -> None:
    conn = await door.connect()
    state = "select state from pg_stat_activity where pid = %s"
    assert observer.value(state, (conn.info.backend_pid,)) == "idle"
    await conn.execute("select 1")
    assert observer.value(state, (conn.info.backend_pid,)) == "idle in transaction"


async def test_autocommit_argument(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect(autocommit=True)
    assert conn.autocommit is True
    await conn.execute(f"insert into {table} values (1)")
    assert conn.info.transaction_status.name == "IDLE"
    assert observer.value(f"select count(*) from {table}") == 1
    await conn.execute("vacuum")


async def test_set_autocommit(door: Door) -> None:
    conn = await door.connect()
    assert conn.autocommit is False
    await conn.set_autocommit(True)
    assert bool(conn.autocommit)
    await conn.execute("select 1")
    assert conn.info.transaction_status.name == "IDLE"
    await conn.set_autocommit(False)
    await conn.execute("select 1")
    assert conn.info.transaction_status.name == "INTRANS"


async def test_autocommit_cannot_change_in_a_transaction(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    with pytest.raises(door.module.ProgrammingError, match="INTRANS"):
        await conn.set_autocommit(True)
    assert conn.autocommit is False
    with pytest.raises(door.module.Error):
        await conn.execute("wat")
    with pytest.raises(door.module.ProgrammingError, match="INERROR"):
        await conn.set_autocommit(True)


def test_autocommit_property(conn: Any) -> None:
    conn.autocommit = True
    conn.execute("select 1")
    assert conn.info.transaction_status.name == "IDLE"


@pytest.mark.doors("asyncio")
async def test_autocommit_property_is_read_only_on_asyncio(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(AttributeError):
        conn.autocommit = True


async def test_begin_by_hand_in_autocommit(door: Door) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("begin")
    await conn.execute("create temp table mine (n int)")
    await conn.rollback()
    assert await (await conn.execute("select to_regclass('mine')::text")).fetchone() == (None,)


async def test_statement_after_an_error(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.errors.SyntaxError):
        await conn.execute("selec 1")
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await conn.execute("select 1")
    assert conn.info.transaction_status.name == "INERROR"
    await conn.rollback()
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_commit_of_a_failed_transaction_rolls_back(door: Door, observer: Observer, table: str) -> None:
    conn = await door.connect()
    await conn.execute(f"insert into {table} values (1)")
    with pytest.raises(door.errors.UniqueViolation):
        await conn.execute(f"insert into {table} values (1)")
    await conn.commit()
    assert conn.info.transaction_status.name == "IDLE"
    assert observer.value(f"select count(*) from {table}") == 0


async def test_deferred_constraint_fails_at_commit(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table child (id int unique deferrable initially deferred)")
    await conn.execute("insert into child values (1), (1)")
    with pytest.raises(door.errors.UniqueViolation):
        await conn.commit()
    assert conn.info.transaction_status.name == "IDLE"


async def test_deferred_constraint_fails_at_the_end_of_the_context(door: Door) -> None:
    with pytest.raises(door.errors.UniqueViolation):
        async with await door.connect() as conn:
            await conn.execute("create temp table child (id int unique deferrable initially deferred)")
            await conn.execute("insert into child values (1), (1)")


async def test_commit_in_sql(door: Door) -> None:
    conn = await door.connect()
    await conn.execute("create temp table kept (n int)")
    await conn.execute("commit")
    assert conn.info.transaction_status.name == "IDLE"
    await conn.rollback()
    assert await (await conn.execute("select to_regclass('kept')::text")).fetchone() == ("kept",)


async def test_first_statement_with_a_client_side_error_starts_a_transaction_or_not(door: Door) -> None:
    conn = await door.connect()
    with pytest.raises(door.module.ProgrammingError):
        await conn.execute("select %s", ())
    await conn.rollback()
    assert await (await conn.execute("select 1")).fetchone() == (1,)


async def test_isolation_read_only_and_deferrable(door: Door) -> None:
    conn = await door.connect()
    await conn.set_isolation_level(door.module.IsolationLevel.SERIALIZABLE)
    await conn.set_read_only(True)
    await conn.set_deferrable(True)
    cur = await conn.execute(
        "select current_setting('transaction_isolation'), current_setting('transaction_read_only'),"
        " current_setting('transaction_deferrable')"
    )
    assert await cur.fetchone() == ("serializable", "on", "on")
    with pytest.raises(door.module.ProgrammingError):
        await conn.set_isolation_level(None)


async def test_transaction_block(door: Door, observer: Observer, table: str) -> None:
    if door.is_sync:
        pytest.skip("see test_sync_transaction_block")
    conn = await door.connect(autocommit=True)
    async with conn.transaction():
        await conn.execute(f"insert into {table} values (1)")
        with pytest.raises(Boom):
            async with conn.transaction():
                await conn.execute(f"insert into {table} values (2)")
                raise Boom
    assert observer.conn.execute(f"select num from {table}").fetchall() == [(1,)]


def test_sync_transaction_block(connect: Any, observer: Observer, table: str) -> None:
    conn = connect(autocommit=True)
    with conn.transaction():
        conn.execute(f"insert into {table} values (1)")
        with pytest.raises(Boom), conn.transaction():
            conn.execute(f"insert into {table} values (2)")
            raise Boom
    assert observer.conn.execute(f"select num from {table}").fetchall() == [(1,)]


def test_first_statement_needs_one_round_trip(howdah: ModuleType) -> None:
    # BEGIN rides with the first statement: the server sees both before it has answered either.
    received: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.greet()
        while b"S" not in received and received.count(b"Q") < 2:
            received.append(peer.read_message()[0])

    with HostileServer(script) as server, howdah.connect(server.dsn) as conn, pytest.raises(howdah.OperationalError):
        conn.execute("select %s", (1,))
    assert {b"P", b"B", b"E"} <= set(received)
