"""Asynchronous operations: the same program twice, blocking and with asyncio.

Run with the environment variable HOWDAH_DSN, or with libpq's own, naming the database.
"""

from __future__ import annotations

import asyncio
import os

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def blocking() -> None:
    """Insert and read; leaving the block commits and closes the connection."""
    with howdah.connect(DSN) as conn, conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE test (num int, data text)")
        cur.execute("INSERT INTO test (num, data) VALUES (%s, %s)", (100, "abc'def"))
        cur.execute("SELECT * FROM test")
        print("blocking:", cur.fetchone())
        cur.executemany("INSERT INTO test VALUES (%(num)s, %(data)s)", [{"num": n, "data": "x" * n} for n in (1, 2)])
        cur.execute("SELECT * FROM test ORDER BY num")
        for record in cur:
            print("blocking:", record)


async def asynchronous() -> None:
    """The same, with `await` scattered here and there."""
    async with await howdah.AsyncConnection.connect(DSN) as aconn, aconn.cursor() as acur:
        await acur.execute("CREATE TEMP TABLE test (num int, data text)")
        await acur.execute("INSERT INTO test (num, data) VALUES (%s, %s)", (100, "abc'def"))
        await acur.execute("SELECT * FROM test")
        print("asyncio:", await acur.fetchone())
        await acur.executemany("INSERT INTO test VALUES (%s, %s)", [(n, "x" * n) for n in (1, 2)])
        await acur.execute("SELECT * FROM test ORDER BY num")
        async for record in acur:
            print("asyncio:", record)


if __name__ == "__main__":
    blocking()
    asyncio.run(asynchronous())
