"""Detecting disconnections: wait for the descriptor to say something, and only then ask.

Another connection plays the administrator who terminates the session.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import threading

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def terminate_soon(pid: int) -> None:
    """Terminate a session in a moment."""

    def terminate() -> None:
        with howdah.connect(DSN, autocommit=True) as conn:
            conn.execute("SELECT pg_terminate_backend(%s)", (pid,))

    threading.Timer(0.3, terminate).start()


def blocking() -> None:
    """A connection is a file-like object for `selectors`."""
    conn = howdah.connect(DSN, autocommit=True)
    terminate_soon(conn.info.backend_pid)
    with selectors.DefaultSelector() as sel:
        sel.register(conn, selectors.EVENT_READ)
        while True:
            if not sel.select(timeout=60.0):
                continue
            try:
                conn.execute("SELECT 1")
            except howdah.OperationalError:
                print("blocking: we lost our database!", conn.closed, conn.broken)
                break
    conn.close()


async def asynchronous() -> None:
    """With asyncio, the loop watches the descriptor while queries run."""
    conn = await howdah.AsyncConnection.connect(DSN, autocommit=True)
    ev = asyncio.Event()
    loop = asyncio.get_running_loop()
    descriptor = conn.fileno()
    loop.add_reader(descriptor, ev.set)
    await conn.execute("SELECT 1")
    ev.clear()
    terminate_soon(conn.info.backend_pid)
    while True:
        try:
            await asyncio.wait_for(ev.wait(), 60.0)
        except asyncio.TimeoutError:
            continue
        try:
            await conn.execute("SELECT 1")
        except howdah.OperationalError:
            print("asyncio: we lost our database!", conn.closed, conn.broken)
            break
    loop.remove_reader(descriptor)
    await conn.close()


if __name__ == "__main__":
    blocking()
    asyncio.run(asynchronous())
