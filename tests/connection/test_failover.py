"""Failover: the new primary is found soon after its promotion, and errors say that a connection is of no use."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Iterator

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, howdah_alone
from support.hostile import HostileServer, Peer, error
from support.sessions import Observer


@pytest.fixture(params=["embedded", "debian"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[PgServer, PgServer]]:
    """A primary and its standby, of this test alone."""
    if request.param not in available_flavours():
        pytest.skip(f"there is no {request.param} server")
    with PgServer(request.param) as primary, PgServer(standby_of=primary) as standby:
        yield primary, standby


def both(primary: PgServer, standby: PgServer) -> str:
    ports = f"{primary.port},{standby.port}"
    return f"host=127.0.0.1,127.0.0.1 port={ports} user=postgres dbname=postgres target_session_attrs=read-write"


@howdah_alone
@pytest.mark.doors("sync", "asyncio")
async def test_the_new_primary_is_found(door: Door, pair: tuple[PgServer, PgServer]) -> None:
    primary, standby = pair
    target = both(primary, standby)
    conn = await door.connect(target)
    assert conn.info.port == primary.port
    await conn.execute("select 1")
    primary.stop("immediate")
    with pytest.raises(door.module.OperationalError) as caught:
        await conn.execute("select 1")
    assert caught.value.is_connection_lost
    assert caught.value.needs_reconnect
    with pytest.raises(door.module.OperationalError, match="read-only"):
        await door.connect(target)
    await asyncio.to_thread(standby.promote)
    # The first attempt is to find it: there is nothing that would have to expire.
    conn = await door.connect(target)
    assert conn.info.port == standby.port
    await conn.execute("create table failed_over ()")
    await conn.commit()


@howdah_alone
@pytest.mark.doors("sync")
async def test_a_standby_refuses_to_write(door: Door, pair: tuple[PgServer, PgServer]) -> None:
    _, standby = pair
    conn = await door.connect(standby.dsn, autocommit=True)
    with pytest.raises(door.errors.ReadOnlySqlTransaction) as caught:
        await conn.execute("create table t ()")
    assert caught.value.needs_reconnect
    assert not caught.value.is_connection_lost
    assert await (await conn.execute("select pg_is_in_recovery()")).fetchone() == (True,)


@howdah_alone
async def test_errors_that_say_that_the_connection_is_lost(door: Door, observer: Observer) -> None:
    module = door.module
    conn = await door.connect()
    with pytest.raises(module.Error) as caught:
        await conn.execute("select 1/0")
    assert not caught.value.is_connection_lost
    assert not caught.value.needs_reconnect
    await conn.rollback()
    observer.conn.execute("select pg_terminate_backend(%s)", [conn.info.backend_pid])
    for _ in range(2):
        with pytest.raises(module.OperationalError) as caught:
            await conn.execute("select 1")
        assert caught.value.is_connection_lost
        assert pickle.loads(pickle.dumps(caught.value)).is_connection_lost
    closed = await door.connect()
    await closed.close()
    with pytest.raises(module.OperationalError) as caught:
        await closed.execute("select 1")
    assert caught.value.is_connection_lost


@howdah_alone
@pytest.mark.parametrize("setting", ["idle_session_timeout", "idle_in_transaction_session_timeout"])
async def test_a_server_that_ends_the_session_for_a_timeout(door: Door, setting: str) -> None:
    conn = await door.connect(options=f"-c {setting}=50ms", autocommit=setting.startswith("idle_session"))
    await conn.execute("select 1")
    await asyncio.to_thread(time.sleep, 0.5)
    with pytest.raises(door.module.Error) as caught:
        await conn.execute("select 1")
    assert caught.value.is_connection_lost


@howdah_alone
async def test_a_refused_connection_is_lost(door: Door, closed_port: int) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(f"host=127.0.0.1 port={closed_port} user=x dbname=x")
    assert caught.value.is_connection_lost
    with pytest.raises(door.module.ProgrammingError) as wrong:
        await door.connect("no_such_option=1")
    assert not wrong.value.is_connection_lost


@howdah_alone
async def test_a_server_that_is_restarted(door: Door, own_server: PgServer) -> None:
    """What was open is lost, and what is opened anew works, as soon as the server does."""
    open_before = [await door.connect(own_server.dsn) for _ in range(3)]
    own_server.restart()
    for conn in open_before:
        with pytest.raises(door.module.OperationalError) as caught:
            await conn.execute("select 1")
        assert caught.value.is_connection_lost
        assert conn.broken
    conn = await door.connect(own_server.dsn)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
async def test_a_server_that_is_starting_up_is_passed_over(door: Door, server: PgServer) -> None:
    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(error(b"the database system is starting up", b"57P03", b"FATAL"))

    with HostileServer(script) as starting:
        target = f"host=127.0.0.1,127.0.0.1 port={starting.port},{server.port} user=postgres dbname=postgres"
        conn = await door.connect(target)
        assert conn.info.port == server.port
        with pytest.raises(door.module.OperationalError, match="starting up") as caught:
            await door.connect(f"host=127.0.0.1 port={starting.port} user=x dbname=x")
        assert caught.value.is_connection_lost
