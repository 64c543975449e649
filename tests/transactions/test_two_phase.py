"""Two-phase transactions: begun, prepared, ended by their own session or by another, and recovered."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import psycopg
import pytest
from pgserver import PgServer

from support.doors import Door, asyncio_only, howdah_alone
from support.sessions import Observer


@pytest.fixture
def gid(channel: str, observer: Observer) -> Iterator[str]:
    """An identifier of this test alone, of which nothing stays prepared, and a table with its name."""
    observer.conn.execute(f"create table {channel} (n int primary key deferrable initially deferred)")
    yield channel
    for (left,) in observer.conn.execute("select gid from pg_prepared_xacts").fetchall():
        if channel in left or left == xid_of(channel):
            observer.conn.execute("rollback prepared '" + left.replace("'", "''") + "'")
    observer.conn.execute(f"drop table {channel}")


def xid_of(gid: str) -> str:
    return str(psycopg.Xid.from_parts(7, gid, "branch"))


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


def gids(observer: Observer) -> list[str]:
    return [gid for (gid,) in observer.conn.execute("select gid from pg_prepared_xacts order by gid").fetchall()]


@pytest.fixture(scope="module")
def unprepared() -> Iterator[PgServer]:
    with PgServer(config={"max_prepared_transactions": "0"}) as running:
        yield running


@pytest.fixture(scope="module")
def lonely() -> Iterator[PgServer]:
    """A server that waits for a standby it does not have, in sessions that want it."""
    config = {
        "max_prepared_transactions": "10",
        "synchronous_standby_names": "nobody",
        "synchronous_commit": "local",
    }
    with PgServer(config=config) as running:
        yield running


def rows(observer: Observer, table: str) -> int:
    return int(observer.value(f"select count(*) from {table}"))


async def begun(door: Door, gid: str, value: int = 1) -> Any:
    conn = await door.connect()
    await conn.tpc_begin(gid)
    await conn.execute(f"insert into {gid} values ({value})")
    return conn


async def refused(door: Door, call: Any, *words: str) -> None:
    with pytest.raises(door.errors.ProgrammingError) as caught:
        await call
    assert type(caught.value) is door.errors.ProgrammingError
    for word in words:
        assert word in str(caught.value)


async def test_prepared_and_committed(door: Door, gid: str, observer: Observer) -> None:
    conn = await door.connect()
    await conn.tpc_begin(gid)
    assert status(conn) == "INTRANS"
    await conn.execute(f"insert into {gid} values (1)")
    await conn.tpc_prepare()
    assert (status(conn), gid in gids(observer), rows(observer, gid)) == ("IDLE", True, 0)
    await conn.tpc_commit()
    assert (status(conn), gid in gids(observer), rows(observer, gid)) == ("IDLE", False, 1)


async def test_prepared_and_rolled_back(door: Door, gid: str, observer: Observer) -> None:
    conn = await begun(door, gid)
    await conn.tpc_prepare()
    await conn.tpc_rollback()
    assert (status(conn), gid in gids(observer), rows(observer, gid)) == ("IDLE", False, 0)


async def test_prepared_has_nothing_to_cancel(door: Door, gid: str) -> None:
    conn = await begun(door, gid)
    conn.cancel()
    await conn.cancel_safe()
    await conn.tpc_prepare()
    with pytest.raises(door.errors.ProgrammingError, match="cancel"):
        conn.cancel()
    with pytest.raises(door.errors.ProgrammingError, match="cancel"):
        await conn.cancel_safe()
    await conn.tpc_rollback()
    conn.cancel()


@pytest.mark.parametrize("commit", [True, False])
async def test_ended_without_being_prepared(door: Door, gid: str, observer: Observer, commit: bool) -> None:
    conn = await begun(door, gid)
    await (conn.tpc_commit() if commit else conn.tpc_rollback())
    assert (status(conn), rows(observer, gid)) == ("IDLE", int(commit))
    await conn.execute("select 1")
    await conn.commit()


async def test_nothing_else_ends_it(door: Door, gid: str) -> None:
    conn = await begun(door, gid)
    await refused(door, conn.commit(), "commit()", "two-phase")
    await refused(door, conn.rollback(), "rollback()", "two-phase")
    await refused(door, conn.set_autocommit(True), "autocommit")
    await refused(door, conn.tpc_begin("other"), "INTRANS")
    await refused(door, conn.tpc_commit(gid), "tpc_commit()", "with xid")
    await refused(door, conn.tpc_rollback(gid), "tpc_rollback()", "with xid")
    assert status(conn) == "INTRANS"
    await conn.tpc_prepare()
    await refused(door, conn.tpc_prepare(), "tpc_prepare()")
    await refused(door, conn.commit(), "two-phase")
    await refused(door, conn.rollback(), "two-phase")
    await refused(door, conn.tpc_commit(gid), "with xid")
    assert status(conn) == "IDLE"
    await conn.tpc_rollback()


async def test_outside_of_one(door: Door, gid: str) -> None:
    conn = await door.connect()
    await refused(door, conn.tpc_prepare(), "tpc_prepare()")
    await refused(door, conn.tpc_commit(), "tpc_commit()", "without xid")
    await refused(door, conn.tpc_rollback(), "tpc_rollback()", "without xid")
    for end in (conn.tpc_commit, conn.tpc_rollback):
        with pytest.raises(door.errors.UndefinedObject):
            await end(gid)
        assert status(conn) == "IDLE"


async def test_not_in_a_transaction_nor_in_autocommit(door: Door, gid: str) -> None:
    conn = await door.connect()
    await conn.execute("select 1")
    await refused(door, conn.tpc_begin(gid), "INTRANS")
    with pytest.raises(door.errors.ActiveSqlTransaction):
        await conn.tpc_commit(gid)
    assert status(conn) == "INERROR"
    await refused(door, conn.tpc_begin(gid), "INERROR")
    await conn.rollback()
    await conn.set_autocommit(True)
    await refused(door, conn.tpc_begin(gid), "autocommit")
    assert status(conn) == "IDLE"


async def test_begun_with_the_characteristics_of_the_connection(door: Door, gid: str) -> None:
    conn = await door.connect()
    await conn.set_isolation_level(door.module.IsolationLevel.SERIALIZABLE)
    await conn.tpc_begin(gid)
    assert await (await conn.execute("show transaction_isolation")).fetchone() == ("serializable",)
    await conn.tpc_rollback()


async def test_server_without_prepared_transactions(door: Door, unprepared: PgServer) -> None:
    conn = await door.connect(unprepared.dsn)
    await conn.tpc_begin("x")
    with pytest.raises(door.errors.NotSupportedError, match="prepared transactions are disabled"):
        await conn.tpc_prepare()
    assert status(conn) == "IDLE"


async def test_busy(door: Door, lonely: PgServer) -> None:
    """While another session ends it."""
    first = await door.connect(lonely.dsn)
    await first.tpc_begin("busy")
    await first.tpc_prepare()
    await first.close()
    conn = await door.connect(lonely.dsn)
    looking = Observer(lonely.dsn)
    with contextlib.closing(looking), contextlib.closing(psycopg.connect(lonely.dsn, autocommit=True)) as ending:
        ending.execute("set synchronous_commit to on")
        ending.pgconn.send_query(b"commit prepared 'busy'")
        looking.wait_event(ending.info.backend_pid, "SyncRep")
        for end in (conn.tpc_commit, conn.tpc_rollback):
            with pytest.raises(door.errors.ObjectNotInPrerequisiteState, match="is busy") as caught:
                await end("busy")
            assert caught.value.sqlstate == "55000"
        looking.terminate(ending.info.backend_pid)


async def test_its_end_is_not_to_be_cancelled(door: Door, lonely: PgServer) -> None:
    conn = await door.connect(lonely.dsn)
    await conn.tpc_begin("ending")
    await conn.tpc_prepare()
    conn.pgconn.exec_(b"set synchronous_commit to on")
    pid, looking = conn.info.backend_pid, Observer(lonely.dsn)
    ending = asyncio.create_task(asyncio.to_thread(conn.wrapped.tpc_commit) if door.is_sync else conn.tpc_commit())
    with contextlib.closing(looking):
        try:
            await asyncio.to_thread(looking.wait_event, pid, "SyncRep")
            with pytest.raises(door.errors.ProgrammingError, match="cancel"):
                conn.cancel()
            with pytest.raises(door.errors.ProgrammingError, match="cancel"):
                await conn.cancel_safe()
            assert not ending.done()
        finally:
            looking.value("select pg_cancel_backend(%s)", (pid,))
        await asyncio.wait_for(ending, 20)
        assert looking.value("select count(*) from pg_prepared_xacts where gid = 'ending'") == 0
    conn.cancel()


async def test_savepoints_in_it(door: Door, gid: str, observer: Observer) -> None:
    conn = await begun(door, gid)
    with pytest.raises(door.errors.DivisionByZero):
        async with conn.transaction():
            await conn.execute(f"insert into {gid} values (2)")
            await conn.execute("select 1 / 0")
    async with conn.transaction():
        await conn.execute(f"insert into {gid} values (3)")
    await conn.tpc_commit()
    assert rows(observer, gid) == 2


async def test_statements_between_preparation_and_end(door: Door, gid: str, observer: Observer) -> None:
    """They begin a transaction, in which the server does not end the other."""
    conn = await begun(door, gid)
    await conn.tpc_prepare()
    await conn.execute("select 1")
    assert status(conn) == "INTRANS"
    with pytest.raises(door.errors.ActiveSqlTransaction):
        await conn.tpc_commit()
    assert (status(conn), gid in gids(observer)) == ("INERROR", True)


@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize("autocommit", [True, False])
async def test_ended_by_another_session(
    door: Door, gid: str, observer: Observer, commit: bool, autocommit: bool
) -> None:
    first = await door.connect()
    xid = first.xid(7, gid, "branch")
    await first.tpc_begin(xid)
    await first.execute(f"insert into {gid} values (1)")
    await first.tpc_prepare()
    await first.close()
    conn = await door.connect(autocommit=autocommit)
    (found,) = [each for each in await conn.tpc_recover() if each.gtrid == gid]
    assert status(conn) == "IDLE"
    assert (found.format_id, found.gtrid, found.bqual, str(found)) == (7, gid, "branch", str(xid))
    assert (found.owner, found.database) == (conn.info.user, conn.info.dbname)
    assert isinstance(found.prepared, dt.datetime)
    assert found.prepared.utcoffset() == dt.timedelta(0)
    assert abs(found.prepared - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(hours=1)
    await (conn.tpc_commit(found) if commit else conn.tpc_rollback(found))
    assert (status(conn), str(xid) in gids(observer), rows(observer, gid)) == ("IDLE", False, int(commit))


async def test_recovered_in_the_time_zone_of_the_session(door: Door, gid: str) -> None:
    conn = await begun(door, gid)
    await conn.tpc_prepare()
    await conn.execute("set timezone to 'Asia/Kolkata'")
    (found,) = [each for each in await conn.tpc_recover() if each.gtrid == gid]
    assert status(conn) == "INTRANS"
    assert found.prepared.utcoffset() == dt.timedelta(hours=5, minutes=30)


async def test_recovered_from_other_databases(door: Door, gid: str, observer: Observer) -> None:
    conn = await begun(door, gid)
    await conn.tpc_prepare()
    observer.conn.execute(f"create database db_{gid}")
    try:
        other = await door.connect(f"{door.dsn} dbname=db_{gid}")
        (found,) = [each for each in await other.tpc_recover() if each.gtrid == gid]
        assert found.database == conn.info.dbname
        await other.close()
    finally:
        observer.conn.execute(f"drop database db_{gid}")


@pytest.mark.parametrize("text", ["it's", "a\\b", "é€", "42_Zm9v_YmFy", "42_a_b_c", "99999999999_Zm9v_YmFy", ""])
@pytest.mark.parametrize("conforming", ["on", "off"])
async def test_any_string_is_an_identifier(door: Door, gid: str, text: str, conforming: str) -> None:
    conn = await door.connect()
    await conn.execute(f"set standard_conforming_strings to {conforming}")
    await conn.commit()
    name = f"{text}{gid}" if not text.startswith(("42_Z", "999")) else text
    await conn.tpc_begin(name)
    await conn.execute("select 1")
    await conn.tpc_prepare()
    found = [each for each in await (await door.connect()).tpc_recover() if str(each) == name]
    await conn.tpc_rollback()
    assert [(each.format_id, each.gtrid, each.bqual) for each in found] == [
        (42, "foo", "bar") if name == "42_Zm9v_YmFy" else (None, name, None)
    ]


@howdah_alone
@pytest.mark.parametrize("text", ["42_Zm9v_!!", "042_Zm9v_YmFy", "1_/w==_", "1_Zm9_"])
def test_a_string_that_would_become_another_one_stays(howdah: ModuleType, driver: ModuleType, text: str) -> None:
    xid = howdah.Xid.from_string(text)
    assert (xid.format_id, xid.gtrid, xid.bqual, str(xid)) == (None, text, None, text)


async def test_identifiers_in_the_client_encoding(door: Door, gid: str) -> None:
    conn = await door.connect(client_encoding="sjis")
    # The second byte of this character is a backslash.
    name = f"表{gid}"
    await conn.tpc_begin(name)
    await conn.tpc_prepare()
    other = await door.connect(client_encoding="sjis")
    found = [each.gtrid for each in await other.tpc_recover() if gid in each.gtrid]
    await conn.tpc_rollback()
    assert found == [name]


def test_parts_of_an_identifier(driver: ModuleType, dsn: str) -> None:
    with driver.connect(dsn) as conn:
        xid = conn.xid(42, "trans", "é\n")
    assert isinstance(xid, driver.Xid)
    assert (xid.format_id, xid.gtrid, xid.bqual) == tuple(xid) == (42, "trans", "é\n")
    assert (len(xid), xid[-1], xid.prepared, xid.owner, xid.database) == (3, "é\n", None, None, None)
    assert str(xid) == "42_dHJhbnM=_w6kK"
    again = driver.Xid.from_string(str(xid))
    assert again == xid
    assert hash(again) == hash(xid)
    assert str(driver.Xid.from_string("plain")) == "plain"
    with pytest.raises(IndexError):
        xid[3]
    with pytest.raises(AttributeError):
        xid.gtrid = "other"


@pytest.mark.parametrize(
    "parts", [(-1, "g", "b"), (0x80000000, "g", "b"), (1, "g" * 65, "b"), (1, "g", "b" * 65)], ids=str
)
def test_parts_that_are_none(driver: ModuleType, parts: tuple[int, str, str]) -> None:
    with pytest.raises(ValueError, match=r"format_id|gtrid|bqual"):
        driver.Xid.from_parts(*parts)


async def test_longest_parts(door: Door) -> None:
    conn = await door.connect()
    xid = conn.xid(0x7FFFFFFF, "g" * 64, "b" * 64)
    await conn.tpc_begin(xid)
    await conn.tpc_prepare()
    found = [tuple(each) for each in await (await door.connect()).tpc_recover()]
    await conn.tpc_rollback()
    assert tuple(xid) in found


async def test_closed_connection(door: Door) -> None:
    conn = await door.connect()
    await conn.close()
    for call in (
        conn.tpc_begin("a"),
        conn.tpc_prepare(),
        conn.tpc_commit(),
        conn.tpc_rollback("a"),
        conn.tpc_recover(),
    ):
        with pytest.raises(door.errors.OperationalError):
            await call
    assert str(conn.xid(1, "", "")) == "1__"


@howdah_alone
@pytest.mark.parametrize("commit", [True, False])
async def test_duplicate_identifier(door: Door, gid: str, observer: Observer, commit: bool) -> None:
    """The server rolls back what it cannot prepare, and the other one of that name is left alone."""
    first = await begun(door, gid, 1)
    await first.tpc_prepare()
    conn = await begun(door, gid, 2)
    with pytest.raises(door.errors.DuplicateObject):
        await conn.tpc_prepare()
    assert status(conn) == "IDLE"
    if commit:
        with pytest.raises(door.errors.InFailedSqlTransaction):
            await conn.tpc_commit()
    await conn.tpc_rollback()
    assert gid in gids(observer)
    await conn.execute("select 1")
    await conn.commit()
    await first.tpc_commit()
    assert rows(observer, gid) == 1


@howdah_alone
@pytest.mark.parametrize("prepare", [True, False])
async def test_failed_transaction_is_not_prepared_nor_committed(
    door: Door, gid: str, observer: Observer, prepare: bool
) -> None:
    conn = await begun(door, gid)
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1 / 0")
    with pytest.raises(door.errors.InFailedSqlTransaction):
        await (conn.tpc_prepare() if prepare else conn.tpc_commit())
    assert (status(conn), gid in gids(observer)) == ("IDLE", False)
    if prepare:
        await conn.tpc_rollback()
    await conn.execute("select 1")
    await conn.commit()


async def test_failed_transaction_is_rolled_back(door: Door, gid: str) -> None:
    conn = await begun(door, gid)
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1 / 0")
    await conn.tpc_rollback()
    assert status(conn) == "IDLE"


async def test_commit_that_fails_ends_it(door: Door, gid: str) -> None:
    conn = await begun(door, gid)
    await conn.execute(f"insert into {gid} values (1)")
    with pytest.raises(door.errors.UniqueViolation):
        await conn.tpc_commit()
    assert status(conn) == "IDLE"
    await conn.execute("select 1")
    await conn.rollback()


@howdah_alone
async def test_not_in_a_block(door: Door, gid: str) -> None:
    conn = await door.connect()
    async with conn.transaction():
        await refused(door, conn.tpc_begin(gid), "transaction()")
    await conn.tpc_begin(gid)
    async with conn.transaction():
        for call in (conn.tpc_prepare(), conn.tpc_commit(), conn.tpc_rollback()):
            await refused(door, call, "transaction()")
    await conn.tpc_rollback()


@howdah_alone
async def test_in_a_pipeline(door: Door, gid: str, observer: Observer) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.tpc_begin(gid)
        await conn.execute(f"insert into {gid} values (1)")
        await conn.tpc_prepare()
        assert gid in gids(observer)
        cur = await conn.execute("select 1")
        await conn.tpc_recover()
        assert await cur.fetchone() == (1,)
        assert status(conn) == "INTRANS"
        with pytest.raises(door.errors.ActiveSqlTransaction):
            await conn.tpc_commit()
    await conn.close()
    assert gid in gids(observer)


@howdah_alone
async def test_error_in_a_pipeline_comes_out_before(door: Door, gid: str, observer: Observer) -> None:
    conn = await door.connect()
    async with conn.pipeline():
        await conn.tpc_begin(gid)
        await conn.execute("select 1 / 0")
        with pytest.raises(door.errors.DivisionByZero):
            await conn.tpc_prepare()
        await conn.tpc_rollback()
    assert (status(conn), gids(observer).count(gid)) == ("IDLE", 0)


@howdah_alone
async def test_identifier_of_another_type(door: Door) -> None:
    conn = await door.connect()
    for wrong in (None, 1, b"a", ("a",)):
        with pytest.raises(TypeError):
            await conn.tpc_begin(wrong)
    assert status(conn) == "IDLE"
    await conn.tpc_begin("a\0b")
    await refused(door, conn.tpc_prepare(), "NUL")
    assert status(conn) == "INTRANS"
    await conn.tpc_rollback()


async def test_block_of_the_connection_commits_nothing(door: Door, gid: str, observer: Observer) -> None:
    conn = await door.connect()
    with contextlib.suppress(door.errors.ProgrammingError):
        async with conn:
            await conn.tpc_begin(gid)
            await conn.execute(f"insert into {gid} values (1)")
    await conn.close()
    assert rows(observer, gid) == 0


@howdah_alone
@asyncio_only
@pytest.mark.parametrize("commit", [True, False])
async def test_interrupted_preparation(door: Door, gid: str, observer: Observer, commit: bool) -> None:
    """Nobody has heard whether it is prepared: the end tells, and there may be nothing to roll back."""
    other = await door.connect()
    await other.execute(f"insert into {gid} values (1)")
    conn = await begun(door, gid)
    task = asyncio.create_task(prepare(conn))
    # It waits for the other's value.
    await asyncio.to_thread(observer.wait_active, conn.info.backend_pid, "PREPARE%")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if commit:
        with pytest.raises(door.errors.UndefinedObject):
            await conn.tpc_commit()
    await conn.tpc_rollback()
    assert (status(conn), gid in gids(observer)) == ("IDLE", False)
    await conn.tpc_begin(gid)
    await conn.tpc_rollback()


async def prepare(conn: Any) -> None:
    await conn.tpc_prepare()


@howdah_alone
@asyncio_only
async def test_interrupted_beginning(door: Door, gid: str) -> None:
    conn = await door.connect()
    steps = conn.tpc_begin(gid).__await__()
    next(steps)
    steps.close()
    await conn.tpc_begin(gid)
    await conn.tpc_rollback()
    assert status(conn) == "IDLE"
    await refused(door, conn.tpc_rollback(), "without xid")
