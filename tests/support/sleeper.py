"""A child process that sleeps on the server until a SIGINT, then shows that its connection still works.

Arguments: the driver, "sync", "asyncio-default" (the runner's own handling) or "asyncio-handler" (the page's recipe),
and the connection string. Prints the backend's pid, the exception that ended the sleep, and a row.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import sys
from typing import Any


def sync(driver: Any, dsn: str) -> None:
    """The sync connection of the main thread."""
    with driver.connect(dsn) as conn:
        print(conn.info.backend_pid, flush=True)
        try:
            conn.execute("select pg_sleep(60)")
        except BaseException as ex:
            print(type(ex).__name__)
        conn.rollback()
        print(conn.execute("select 1").fetchone())


async def with_handler(driver: Any, dsn: str) -> None:
    """The recipe of the page: the loop calls cancel()."""
    async with await driver.AsyncConnection.connect(dsn) as conn:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, conn.cancel)
        print(conn.info.backend_pid, flush=True)
        try:
            await conn.execute("select pg_sleep(60)")
        except driver.Error as ex:
            print(type(ex).__name__)
        await conn.rollback()
        print(await (await conn.execute("select 1")).fetchone())


def default(driver: Any, dsn: str) -> None:
    """asyncio's runner cancels the main task and raises KeyboardInterrupt at its end."""

    async def work() -> None:
        async with await driver.AsyncConnection.connect(dsn) as conn:
            print(conn.info.backend_pid, flush=True)
            try:
                await conn.execute("select pg_sleep(60)")
            except asyncio.CancelledError:
                await conn.rollback()
                rows.append(await (await conn.execute("select 1")).fetchone())
                raise

    rows: list[Any] = []
    try:
        asyncio.run(work())
    except KeyboardInterrupt:
        print("KeyboardInterrupt")
    print(*rows)


def main() -> None:
    """Run one of the three."""
    name, kind, dsn = sys.argv[1:]
    driver = importlib.import_module(name)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if kind == "sync":
        sync(driver, dsn)
    elif kind == "asyncio-default":
        default(driver, dsn)
    else:
        asyncio.run(with_handler(driver, dsn))


if __name__ == "__main__":
    main()
