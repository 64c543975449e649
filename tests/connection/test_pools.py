"""What psycopg_pool needs of connections."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from support.pools import pool_module

PATIENCE = 20.0


@pytest.fixture
def pools(driver: ModuleType, dsn: str) -> Iterator[Callable[..., Any]]:
    """Opens pools of one connection, unless asked otherwise."""
    with contextlib.ExitStack() as stack:

        def open_one(**options: Any) -> Any:
            options = {"min_size": 1, "open": False, **options}
            pool = pool_module(driver).ConnectionPool(dsn, **options)
            stack.enter_context(pool)
            return pool

        yield open_one


def wait(condition: Callable[[], bool]) -> None:
    """The pool's threads do what is asked of it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def available(pool: Any) -> int:
    return int(pool.get_stats()["pool_available"])


def status(conn: Any) -> str:
    return str(conn.info.transaction_status.name)


def returned(pool: Any, conn: Any) -> bool:
    """Whether the very connection is what the pool gives next."""
    wait(lambda: available(pool) == 1)
    with pool.connection() as next_one:
        return next_one is conn and next_one.execute("select 1").fetchone() == (1,)


def test_close_gives_the_connection_back(pools: Callable[..., Any]) -> None:
    pool = pools(close_returns=True)
    conn = pool.getconn()
    conn.execute("select 1")
    conn.close()
    assert returned(pool, conn)
    assert (conn.closed, status(conn)) == (False, "IDLE")


def test_close_of_what_was_given_back_closes(pools: Callable[..., Any]) -> None:
    pool = pools(close_returns=True)
    conn = pool.getconn()
    pool.putconn(conn)
    wait(lambda: available(pool) == 1)
    conn.close()
    assert conn.closed


def test_close_without_close_returns(pools: Callable[..., Any]) -> None:
    pool = pools()
    with pool.connection() as conn:
        conn.close()
        assert conn.closed
    with pool.connection() as other:
        assert other is not conn
        assert other.execute("select 1").fetchone() == (1,)


def test_end_of_the_pool_closes(pools: Callable[..., Any]) -> None:
    pool = pools(close_returns=True)
    idle, used = pool.getconn(), None
    pool.putconn(idle)
    wait(lambda: available(pool) == 1)
    pool.close()
    assert idle.closed
    assert used is None


@pytest.mark.parametrize("close_returns", [True, False])
def test_block_of_a_connection_commits_and_leaves_it(
    pools: Callable[..., Any], observer: Any, channel: str, close_returns: bool
) -> None:
    pool = pools(close_returns=close_returns)
    try:
        with pool.connection() as conn:
            with conn:
                conn.execute(f"create table {channel} ()")
            assert not conn.closed
            assert observer.value("select to_regclass(%s) is not null", (channel,))
            with pytest.raises(LookupError):
                with conn:
                    conn.execute(f"drop table {channel}")
                    raise LookupError
            assert (conn.closed, status(conn)) == (False, "IDLE")
        assert returned(pool, conn)
    finally:
        observer.conn.execute(f"drop table if exists {channel}")


class Tagged:
    """What a connection class of a program may have."""

    tag: int

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tag = 42


@pytest.mark.parametrize("close_returns", [True, False])
@pytest.mark.parametrize("generic", [True, False])
def test_connection_classes(driver: ModuleType, pools: Callable[..., Any], generic: bool, close_returns: bool) -> None:
    rows = importlib.import_module(f"{driver.__name__}.rows")

    class Other(Tagged, driver.Connection[rows.DictRow] if generic else driver.Connection):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["row_factory"] = rows.dict_row
            super().__init__(*args, **kwargs)

    pool = pools(connection_class=Other, close_returns=close_returns)
    with pool.connection() as conn:
        assert type(conn) is Other
        assert conn.tag == 42
        assert conn.execute("select 1 as n").fetchone() == {"n": 1}


@pytest.mark.parametrize("failed", [True, False])
def test_returned_in_a_transaction(driver: ModuleType, pools: Callable[..., Any], failed: bool) -> None:
    pool = pools()
    conn = pool.getconn()
    conn.execute("select 1")
    if failed:
        with pytest.raises(driver.errors.SyntaxError):
            conn.execute("selec")
    pool.putconn(conn)
    assert returned(pool, conn)


def test_rollback_that_fails_when_it_is_returned(
    driver: ModuleType, pools: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pools()
    conn = pool.getconn()
    conn.execute("select 1")

    def fail() -> None:
        raise driver.OperationalError("it failed")

    monkeypatch.setattr(conn, "rollback", fail)
    pool.putconn(conn)
    wait(lambda: available(pool) == 1)
    assert conn.closed
    assert pool.get_stats()["returns_bad"] == 1
    with pool.connection() as other:
        assert other is not conn


def test_lost_before_it_is_returned(driver: ModuleType, pools: Callable[..., Any], observer: Any) -> None:
    pool = pools()
    for in_transaction in (True, False):
        conn = pool.getconn()
        if in_transaction:
            conn.execute("select 1")
        observer.terminate(conn.info.backend_pid)
        if not in_transaction:
            with pytest.raises(driver.OperationalError):
                conn.execute("select 1")
        pool.putconn(conn)
        wait(lambda: available(pool) == 1)
        assert conn.closed
    assert pool.get_stats()["returns_bad"] == 2


def test_returned_while_it_streams(driver: ModuleType, pools: Callable[..., Any]) -> None:
    pool = pools()
    conn = pool.getconn()
    stream = conn.cursor().stream("select generate_series(1, 100000)")
    next(stream)
    assert status(conn) == "ACTIVE"
    pool.putconn(conn)
    wait(lambda: available(pool) == 1)
    assert conn.closed
    with pytest.raises(driver.OperationalError):
        list(stream)
    with pool.connection() as other:
        assert other.execute("select 1").fetchone() == (1,)


def test_configured_checked_and_reset(pools: Callable[..., Any], driver: ModuleType) -> None:
    def configure(conn: Any) -> None:
        conn.autocommit = True
        conn.execute("set timezone to 'Asia/Kolkata'")

    check = pool_module(driver).ConnectionPool.check_connection
    pool = pools(configure=configure, check=check, reset=lambda conn: conn.execute("set timezone to 'UTC'"))
    with pool.connection() as conn:
        assert (conn.autocommit, conn.info.parameter_status("TimeZone")) == (True, "Asia/Kolkata")
    assert returned(pool, conn)
    assert conn.info.parameter_status("TimeZone") == "UTC"
    pool.check()
    assert returned(pool, conn)


def test_reset_that_leaves_a_transaction(pools: Callable[..., Any]) -> None:
    pool = pools(reset=lambda conn: conn.execute("select 1"))
    with pool.connection() as conn:
        pass
    wait(lambda: available(pool) == 1)
    assert conn.closed


def test_no_connections_kept(driver: ModuleType, dsn: str) -> None:
    with pool_module(driver).NullConnectionPool(dsn, max_size=2, close_returns=True, open=False) as pool:
        conn = pool.getconn()
        conn.close()
        wait(lambda: conn.closed)
        with pool.connection() as other:
            assert other.execute("select 1").fetchone() == (1,)


def test_a_connection_of_a_pool_does_not_warn(pools: Callable[..., Any], recwarn: pytest.WarningsRecorder) -> None:
    pool = pools()
    with pool.connection():
        pass
    pool.close()
    assert [str(warning.message) for warning in recwarn if "deleted" in str(warning.message)] == []


async def closes_soon(conn: Any) -> bool:
    for _ in range(int(PATIENCE / 0.01)):
        if conn.closed:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_asyncio_close_gives_the_connection_back(driver: ModuleType, dsn: str) -> None:
    pool = pool_module(driver).AsyncConnectionPool(dsn, min_size=1, open=False, close_returns=True)
    async with pool:
        conn = await pool.getconn()
        await conn.execute("select 1")
        await conn.close()
        async with pool.connection() as again:
            assert again is conn
            assert (again.closed, status(again)) == (False, "IDLE")
            async with again:
                await again.execute("select 1")
            assert not again.closed
    assert conn.closed


async def test_asyncio_returned_while_it_runs(driver: ModuleType, dsn: str) -> None:
    async with pool_module(driver).AsyncConnectionPool(dsn, min_size=1, open=False) as pool:
        conn = await pool.getconn()

        async def run() -> None:
            await conn.execute("select pg_sleep(60)")

        task = asyncio.create_task(run())
        while status(conn) != "ACTIVE":
            await asyncio.sleep(0.005)
        await pool.putconn(conn)
        assert await closes_soon(conn)
        task.cancel()
        with contextlib.suppress(driver.Error, asyncio.CancelledError):
            await task


async def test_asyncio_connection_class(driver: ModuleType, dsn: str) -> None:
    class Other(Tagged, driver.AsyncConnection):  # type: ignore[misc, name-defined]
        pass

    module = pool_module(driver).AsyncConnectionPool
    async with module(dsn, min_size=1, open=False, connection_class=Other, check=module.check_connection) as pool:
        async with pool.connection() as conn:
            assert conn.tag == 42
            assert await (await conn.execute("select 1")).fetchone() == (1,)
