"""Asynchronous notifications: LISTEN, NOTIFY, the notifies() generator and the handlers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .stage import PATIENCE, Stage

TITLE = "Asynchronous notifications"
NOTIFIES = ("NOTIFY mychan, 'hello'", "NOTIFY mychan, 'hey'", "NOTIFY mychan, 'stop'")


def generator(stage: Stage) -> None:
    """The notifies() generator, on a blocking connection."""
    out = stage.out
    out.code(f"""
        conn = {stage.name}.connect(dsn, autocommit=True)
        conn.execute("LISTEN mychan")
        gen = conn.notifies()
        for notify in gen:
            print(notify)
            if notify.payload == "stop":
                gen.close()
        print("there, I stopped")
    """)
    got: list[Any] = []
    with stage.connect(autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        psql = stage.elsewhere(*NOTIFIES)
        gen = conn.notifies()
        for notify in gen:
            out.got(notify)
            got.append(notify)
            if notify.payload == "stop":
                gen.close()
        out.got("there, I stopped")
        check_three(stage, got, psql.join())
        out.equal("the connection works after the generator", conn.execute("SELECT 1").fetchone(), (1,))


def async_generator(stage: Stage) -> None:
    """The same generator, asynchronous."""
    out = stage.out
    out.code("""
        gen = aconn.notifies()
        async for notify in gen:
            print(notify)
            if notify.payload == "stop":
                await gen.aclose()
    """)
    got, pid, answer = stage.run(consume(stage))
    check_three(stage, got, pid)
    out.equal("the connection works after the generator", answer, (1,))


async def consume(stage: Stage) -> tuple[list[Any], int, Any]:
    got = []
    async with await stage.aconnect(autocommit=True) as aconn:
        await aconn.execute("LISTEN mychan")
        psql = stage.elsewhere(*NOTIFIES)
        gen = aconn.notifies()
        async for notify in gen:
            stage.out.got(notify)
            got.append(notify)
            if notify.payload == "stop":
                await gen.aclose()
        answer = await (await aconn.execute("SELECT 1")).fetchone()
    return got, psql.join(), answer


def check_three(stage: Stage, got: list[Any], pid: int) -> None:
    """Check what the three NOTIFYs of the page give."""
    expected = [("mychan", payload, pid) for payload in ("hello", "hey", "stop")]
    found = [(n.channel, n.payload, n.pid) for n in got]
    stage.out.equal("the three notifications arrive in order, with the sender's pid", found, expected)
    stage.out.check("they are instances of Notify", all(isinstance(n, stage.db.Notify) for n in got))
    shown = f"Notify(channel='mychan', payload='hello', pid={pid})"
    stage.out.equal("they print as on the page", str(got[0]) if got else None, shown)


def bounds(stage: Stage) -> None:
    """A generator with an end: timeout= and stop_after=."""
    out = stage.out
    out.code("list(conn.notifies(timeout=0.3)); list(conn.notifies(timeout=10, stop_after=2))")
    with stage.connect(autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        started = time.monotonic()
        nothing = list(conn.notifies(timeout=0.3))
        waited = time.monotonic() - started
        psql = stage.elsewhere("NOTIFY mychan, 'a'", "NOTIFY mychan, 'b'")
        two = [n.payload for n in conn.notifies(timeout=PATIENCE, stop_after=2)]
        psql.join()
    out.got(f"nothing for {waited:.2f} s: {nothing}; then {two}")
    out.check("timeout= ends the wait", nothing == [] and 0.25 < waited < PATIENCE / 2, (nothing, waited))
    out.equal("stop_after= ends after as many", two, ["a", "b"])


def nothing_lost(stage: Stage) -> None:
    """Nothing is lost while other statements run."""
    out = stage.out
    with stage.connect(autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        stage.elsewhere("NOTIFY mychan, 'meanwhile'", pause=0).join()
        conn.execute("SELECT 1")
        kept = [n.payload for n in conn.notifies(timeout=PATIENCE, stop_after=1)]
    out.got("arrived before notifies() was called:", kept)
    out.equal("notifies() gives what came before it", kept, ["meanwhile"])


def handler(stage: Stage) -> None:
    """A callback instead, during the normal processing of queries."""
    out = stage.out
    out.code("""
        conn.add_notify_handler(lambda n: print(f"got this: {n}"))
        # meanwhile in psql: NOTIFY mychan, 'hey'
        print(conn.execute("SELECT 1").fetchone())
    """)
    got: list[Any] = []
    with stage.connect(autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        conn.add_notify_handler(got.append)
        pid = stage.elsewhere("NOTIFY mychan, 'hey'", pause=0).join()
        row = conn.execute("SELECT 1").fetchone()
        out.got("\n".join([*(f"got this: {n}" for n in got), str(row)]))
        out.equal("the handler is called", [(n.payload, n.pid) for n in got], [("hey", pid)])
        out.equal("the connection is used normally", row, (1,))
        conn.remove_notify_handler(got.append)
        stage.elsewhere("NOTIFY mychan, 'unheard'", pause=0).join()
        conn.execute("SELECT 1")
        out.equal("a removed handler is not called", len(got), 1)


def immediate_handler(stage: Stage) -> None:
    """A callback on asyncio: with howdah at once, without a statement being executed."""
    out = stage.out
    if not stage.is_howdah:
        out.say("Not promised by this driver: it reads notifications only during an operation.")
        return
    payload, seconds = stage.run(wait_idle(stage))
    out.got(f"got {payload!r} {seconds:.3f} s after it was sent, while the connection was idle")
    out.equal("the handler runs with no statement being executed", payload, "now")


async def wait_idle(stage: Stage) -> tuple[str, float]:
    loop = asyncio.get_running_loop()
    arrived = loop.create_future()
    async with await stage.aconnect(autocommit=True) as conn:
        await conn.execute("LISTEN mychan")
        conn.add_notify_handler(arrived.set_result)
        psql = stage.elsewhere("NOTIFY mychan, 'now'", pause=0)
        await loop.run_in_executor(None, psql.join)
        started = time.monotonic()
        notify = await arrived
        return notify.payload, time.monotonic() - started


PARTS = [generator, async_generator, bounds, nothing_lost, handler, immediate_handler]
