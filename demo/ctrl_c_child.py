"""The program that Ctrl-C is pressed on: ctrl_c_child.py DRIVER sync|asyncio. Tells its parent in lines of JSON."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from typing import Any

QUERY = "SELECT pg_sleep(60)"


def main(driver: str, mode: str) -> None:
    """Run a long query, be interrupted, recover."""
    # A parent that ignores SIGINT, such as a shell's background job, hands that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    db = importlib.import_module(driver)
    if mode == "sync":
        interrupted(db)
    else:
        asyncio.run(interrupted_async(db))


def interrupted(db: Any) -> None:
    with db.connect(os.environ["HOWDAH_DEMO_DSN"]) as conn:
        tell(backend=conn.info.backend_pid)
        try:
            conn.execute(QUERY)
        except (KeyboardInterrupt, db.Error) as ex:
            tell(raised=type(ex).__name__)
        tell(status=conn.info.transaction_status.name)
        try:
            conn.execute("SELECT 42")
        except db.Error as ex:
            tell(refused=type(ex).__name__)
        conn.rollback()
        tell(answer=conn.execute("SELECT 42").fetchone()[0])


async def interrupted_async(db: Any) -> None:
    loop = asyncio.get_running_loop()
    async with await db.AsyncConnection.connect(os.environ["HOWDAH_DEMO_DSN"]) as conn:
        loop.add_signal_handler(signal.SIGINT, conn.cancel)
        tell(backend=conn.info.backend_pid)
        try:
            await conn.execute(QUERY)
        except (asyncio.CancelledError, db.Error) as ex:
            tell(raised=type(ex).__name__)
        tell(status=conn.info.transaction_status.name)
        await conn.rollback()
        cur = await conn.execute("SELECT 42")
        tell(answer=(await cur.fetchone())[0])


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
