"""Interrupting operations using Ctrl-C, on a blocking connection and with asyncio.

A timer presses Ctrl-C here: it sends a SIGINT to this process while the query runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def press_ctrl_c_soon() -> None:
    """Send SIGINT in half a second."""
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()


def blocking() -> None:
    """The query is cancelled and KeyboardInterrupt raised; rollback() recovers the connection."""
    with howdah.connect(DSN) as conn:
        press_ctrl_c_soon()
        try:
            conn.execute("SELECT pg_sleep(60)")
        except KeyboardInterrupt:
            print("blocking: interrupted,", conn.info.transaction_status.name)
        conn.rollback()
        print("blocking: works again", conn.execute("SELECT 1").fetchone())


async def asynchronous() -> None:
    """The loop's signal handler cancels the query, the program goes on."""
    loop = asyncio.get_running_loop()
    async with await howdah.AsyncConnection.connect(DSN) as conn:
        loop.add_signal_handler(signal.SIGINT, conn.cancel)
        press_ctrl_c_soon()
        try:
            await conn.execute("SELECT pg_sleep(60)")
        except howdah.errors.QueryCanceled as ex:
            print("asyncio:", ex)
        await conn.rollback()
        print("asyncio: works again", await (await conn.execute("SELECT 1")).fetchone())


async def with_a_timeout() -> None:
    """A task that is cancelled, or times out, cancels its query on the server too."""
    async with await howdah.AsyncConnection.connect(DSN) as conn:
        try:
            await asyncio.wait_for(conn.execute("SELECT pg_sleep(60)"), 0.5)
        except asyncio.TimeoutError:
            print("timeout:", conn.info.transaction_status.name)
        await conn.rollback()
        print("timeout: works again", await (await conn.execute("SELECT 1")).fetchone())


if __name__ == "__main__":
    blocking()
    asyncio.run(asynchronous())
    asyncio.run(with_a_timeout())
