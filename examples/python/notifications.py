"""Asynchronous notifications: the generator, its limits, and handlers."""

from __future__ import annotations

import asyncio
import os

import howdah

DSN = os.environ.get("HOWDAH_DSN", "")


def say(*messages: str) -> None:
    """What somebody in another session does."""
    with howdah.connect(DSN, autocommit=True) as conn:
        for message in messages:
            conn.execute("SELECT pg_notify('mychan', %s)", (message,))


def blocking() -> None:
    """Consume the generator until a message says to stop, then poll for a moment."""
    with howdah.connect(DSN, autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        say("hello", "hey", "stop")
        gen = conn.notifies()
        for notify in gen:
            print(notify.channel, notify.payload)
            if notify.payload == "stop":
                gen.close()
        print("there, I stopped")

        for notify in conn.notifies(timeout=0.1):
            print("unexpected", notify)


async def asynchronous() -> None:
    """A handler runs as soon as the notification arrives, with no statement executed."""
    async with await howdah.AsyncConnection.connect(DSN, autocommit=True) as conn:
        await conn.execute("LISTEN mychan")
        arrived = asyncio.Event()

        def handler(notify: howdah.Notify) -> None:
            print("got this:", notify.payload)
            arrived.set()

        conn.add_notify_handler(handler)
        await asyncio.to_thread(say, "hey")
        await asyncio.wait_for(arrived.wait(), 20)
        conn.remove_notify_handler(handler)

        await asyncio.to_thread(say, "one", "two")
        async for notify in conn.notifies(timeout=20, stop_after=2):
            print("received", notify.payload)


if __name__ == "__main__":
    blocking()
    asyncio.run(asynchronous())
