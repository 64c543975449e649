"""`with` connections: commit on success, rollback on an exception, closed in both cases."""

from __future__ import annotations

import asyncio
import os

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


async def main() -> None:
    """The factory methods return objects that can, but need not, be used as contexts."""
    aconn = await howdah.AsyncConnection.connect(DSN)
    async with aconn, aconn.cursor() as cur:
        await cur.execute("SELECT 1")
    print("after the block: closed", aconn.closed)

    try:
        async with await howdah.AsyncConnection.connect(DSN) as aconn, aconn.cursor() as cur:
            await cur.execute("SELECT 1 / 0")
    except howdah.errors.DivisionByZero as ex:
        print("rolled back:", ex.diag.message_primary, "- closed", aconn.closed)

    conn = howdah.connect(DSN)
    try:
        print("by hand:", conn.execute("SELECT %s::date", ("2020-02-29",)).fetchone())
        conn.rollback()
    finally:
        conn.close()


if __name__ == "__main__":
    asyncio.run(main())
