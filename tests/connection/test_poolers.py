"""What stands between a client and its server: PgBouncer and HAProxy; and servers that restart."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from pgbouncer import PROGRAM, bouncer
from pgserver import PgServer

from support.doors import Door, asyncio_only, howdah_alone
from support.haproxy import haproxy
from support.sessions import Meanwhile

needs_bouncer = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")


async def work(door: Door, conn: Any) -> None:
    """A bit of everything: parameters, a transaction that fails, a pipeline, many rows, NULL, large values."""
    for number in range(8):
        assert await (await conn.execute("select %s::int, %s::text", (number, None))).fetchone() == (number, None)
    await conn.commit()
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0")
    await conn.rollback()
    async with conn.transaction():
        large = "x" * 300_000
        assert await (await conn.execute("select %s::text", (large,))).fetchone() == (large,)
    async with conn.pipeline():
        cursors = [await conn.execute("select %s::int", (number,)) for number in range(20)]
        assert [await cursor.fetchone() for cursor in cursors] == [(number,) for number in range(20)]
    rows = await (await conn.execute("select * from generate_series(1, 5000)")).fetchall()
    assert len(rows) == 5000
    await conn.commit()


@needs_bouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_pgbouncer(door: Door, server: PgServer, mode: str) -> None:
    # psycopg's own prepared statements are lost in transaction mode.
    options = {"prepare_threshold": None} if door.module.__name__ == "psycopg" else {}
    with bouncer(server, 2, mode) as dsn:
        for _ in range(2):
            conn = await door.connect(dsn, **options)
            await work(door, conn)
            await conn.close()


@needs_bouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_targets_through_pgbouncer(door: Door, server: PgServer, mode: str) -> None:
    """It may not report what the server does, and is asked then."""
    with bouncer(server, 2, mode) as dsn:
        conn = await door.connect(dsn, target_session_attrs="read-write")
        assert await (await conn.execute("select 1")).fetchone() == (1,)
        with pytest.raises(door.module.OperationalError, match="standby"):
            await door.connect(dsn, target_session_attrs="standby")


@pytest.mark.doors("sync")
@needs_bouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_cancel_through_pgbouncer(door: Door, server: PgServer, mode: str) -> None:
    with bouncer(server, 2, mode) as dsn:
        conn = await door.connect(dsn)
        with Meanwhile(cancel_soon, conn), pytest.raises(door.errors.QueryCanceled):
            await conn.execute("select pg_sleep(60)")
        await conn.rollback()
        assert await (await conn.execute("select 1")).fetchone() == (1,)


def cancel_soon(conn: Any) -> None:
    time.sleep(0.3)
    getattr(conn, "wrapped", conn).cancel_safe()


async def test_haproxy(door: Door, server: PgServer) -> None:
    with haproxy(server) as dsn:
        conn = await door.connect(dsn)
        await work(door, conn)
        if door.is_sync:
            with Meanwhile(cancel_soon, conn), pytest.raises(door.errors.QueryCanceled):
                await conn.execute("select pg_sleep(60)")
            await conn.rollback()
            assert await (await conn.execute("select 1")).fetchone() == (1,)


@howdah_alone
@pytest.mark.doors("sync", "asyncio")
async def test_the_server_behind_haproxy_restarts(door: Door, own_server: PgServer) -> None:
    with haproxy(own_server) as dsn:
        conn = await door.connect(dsn)
        await conn.execute("select 1")
        await asyncio.to_thread(own_server.restart)
        with pytest.raises(door.module.OperationalError) as caught:
            await conn.execute("select 1")
        assert caught.value.is_connection_lost
        conn = await door.connect(dsn)
        await work(door, conn)
        await asyncio.to_thread(own_server.stop, "immediate")
        with pytest.raises(door.module.OperationalError) as caught:
            await conn.execute("select 1")
        assert caught.value.is_connection_lost
        with pytest.raises(door.module.OperationalError) as caught:
            await door.connect(dsn)
        assert caught.value.is_connection_lost


@howdah_alone
@asyncio_only
async def test_the_server_restarts_in_the_middle_of_statements(door: Door, own_server: PgServer) -> None:
    """Every task ends with an error that says so, and none hangs; after that all is well."""
    conns = [await door.connect(own_server.dsn, autocommit=True) for _ in range(5)]
    tasks = [asyncio.ensure_future(conn.execute("select pg_sleep(60)")) for conn in conns]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(own_server.restart, "immediate")
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, door.module.OperationalError)
        assert outcome.is_connection_lost
    await work(door, await door.connect(own_server.dsn))


@howdah_alone
@pytest.mark.doors("sync")
@needs_bouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
async def test_the_server_behind_pgbouncer_restarts(door: Door, own_server: PgServer, mode: str) -> None:
    with bouncer(own_server, 2, mode) as dsn:
        conn = await door.connect(dsn, autocommit=True)
        await conn.execute("select 1")
        failed = threading.Event()

        def sleep() -> None:
            try:
                conn.wrapped.execute("select pg_sleep(60)")
            except door.module.OperationalError as error:
                if error.is_connection_lost:
                    failed.set()

        thread = threading.Thread(target=sleep)
        thread.start()
        time.sleep(0.3)  # noqa: ASYNC251
        own_server.restart("immediate")
        thread.join(30)
        assert failed.is_set()
        deadline = time.monotonic() + 60
        while True:
            try:
                conn = await door.connect(dsn)
                await conn.execute("select 1")
                break
            except door.module.OperationalError:
                # PgBouncer needs a moment to find the server again.
                assert time.monotonic() < deadline
                time.sleep(0.1)  # noqa: ASYNC251
        await work(door, conn)
