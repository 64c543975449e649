"""Detecting disconnections: the operating system tells, and nobody polls."""

from __future__ import annotations

import asyncio
import selectors
import threading
import time
from typing import Any

from .server import private_server
from .stage import PATIENCE, Stage, until

TITLE = "Detecting disconnections"
SOON = 5.0


def with_selectors(stage: Stage) -> None:
    """A normal program: the connection in a selector, the server's process terminated."""
    out = stage.out
    out.code("""
        sel.register(conn, selectors.EVENT_READ)
        while True:
            if not sel.select(timeout=60.0):
                continue
            try:
                conn.execute("SELECT 1")
            except OperationalError:
                print("we lost our database!")
    """)
    with stage.connect(autocommit=True) as conn:
        conn.execute("LISTEN mychan")
        out.say("First another session sends a NOTIFY, a false alarm; then it terminates the connection.")
        stage.elsewhere("NOTIFY mychan", pause=0.2)
        stage.terminate(conn.info.backend_pid, pause=0.6)
        lost, wakes, seconds = watch(stage, conn)
        report_loss(stage, conn, lost, seconds)
        out.equal("woken twice: by the system, not by a clock", wakes, 2)


def watch(stage: Stage, conn: Any) -> tuple[Exception | None, int, float]:
    """The page's loop: the error that ended it, how often it woke, and for how long it ran."""
    started, wakes = time.monotonic(), 0
    with selectors.DefaultSelector() as sel:
        sel.register(conn, selectors.EVENT_READ)
        while time.monotonic() < started + PATIENCE:
            if not sel.select(timeout=PATIENCE):
                continue
            wakes += 1
            try:
                conn.execute("SELECT 1")
            except stage.db.OperationalError as ex:
                return ex, wakes, time.monotonic() - started
    return None, wakes, time.monotonic() - started


def in_a_thread(stage: Stage) -> None:
    """The same in a dedicated thread, while the program has something else to do."""
    out = stage.out
    results: list[Any] = []
    with stage.connect(autocommit=True) as watched, stage.connect() as working:
        thread = threading.Thread(target=lambda: results.append(watch(stage, watched)), daemon=True)
        thread.start()
        psql = stage.terminate(watched.info.backend_pid)
        answers = [working.execute("SELECT 1").fetchone() for _ in range(100)]
        thread.join(PATIENCE)
        psql.join()
    lost, wakes, seconds = results[0] if results else (None, 0, PATIENCE)
    out.got(f"the thread: {lost!r} after {seconds:.2f} s; meanwhile {len(answers)} queries on another connection")
    out.check("the thread is told", isinstance(lost, stage.db.OperationalError), lost)
    out.equal("woken by the system, not by a clock", wakes, 1)


def with_add_reader(stage: Stage) -> None:
    """An asyncio program: loop.add_reader() on the connection's fileno()."""
    out = stage.out
    out.code("""
        loop.add_reader(conn.fileno(), ev.set)
        while True:
            try:
                await asyncio.wait_for(ev.wait(), 60.0)
            except asyncio.TimeoutError:
                continue
            try:
                await conn.execute("SELECT 1")
            except OperationalError:
                print("we lost our database!")
    """)
    conn, lost, wakes, seconds = stage.run(watch_async(stage))
    out.got(f"woken {wakes} times in {seconds:.2f} s")
    report_loss(stage, conn, lost, seconds)
    # In psycopg the first query removes the reader, so that there can be no second alarm.
    expected = 2 if stage.is_howdah else 1
    out.equal("the reader fires for each alarm, after queries too", wakes, expected)


async def watch_async(stage: Stage) -> tuple[Any, Exception | None, int, float]:
    """The page's loop; with howdah through a false alarm first."""
    loop = asyncio.get_running_loop()
    async with await stage.aconnect(autocommit=True) as conn:
        pid = conn.info.backend_pid
        ev = asyncio.Event()
        loop.add_reader(conn.fileno(), ev.set)
        if stage.is_howdah:
            await conn.execute("LISTEN mychan")
            await asyncio.sleep(0)
            ev.clear()
            stage.elsewhere("NOTIFY mychan", pause=0.2)
        stage.terminate(pid, pause=0.6)
        started, wakes = time.monotonic(), 0
        while True:
            await asyncio.wait_for(ev.wait(), PATIENCE)
            wakes += 1
            try:
                await conn.execute("SELECT 1")
            except stage.db.OperationalError as ex:
                return conn, ex, wakes, time.monotonic() - started
            # The answer to the query has made the descriptor readable as well: let its callback run first.
            await asyncio.sleep(0)
            ev.clear()


def at_once(stage: Stage) -> None:
    """On asyncio an idle howdah connection knows at once, without an operation."""
    out = stage.out
    if not stage.is_howdah:
        out.say("Not promised by this driver: it notices at the next operation.")
        return
    closed, broken, seconds = stage.run(notice_idle(stage))
    out.got(f"closed={closed} broken={broken} {seconds:.3f} s after the server's process was gone")
    out.check("closed and broken are true while idle", closed and broken, (closed, broken))
    out.check("at once", seconds < 1, seconds)


async def notice_idle(stage: Stage) -> tuple[bool, bool, float]:
    loop = asyncio.get_running_loop()
    conn = await stage.aconnect(autocommit=True)
    psql = stage.terminate(conn.info.backend_pid, pause=0)
    await loop.run_in_executor(None, psql.join)
    started = time.monotonic()
    # A program would not poll; here the question is whether the attribute changes by itself.
    while not conn.closed and time.monotonic() < started + SOON:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    seen = conn.closed, conn.broken, time.monotonic() - started
    await conn.close()
    return seen


def server_stops(stage: Stage) -> None:
    """The whole server goes away: a second private one is stopped under two connections."""
    out = stage.out
    out.say("Starting a second private server...")
    with private_server() as server:
        other = Stage(stage.db, server.dsn, out)
        conn = other.connect(autocommit=True)
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(watch(other, conn)), daemon=True)
        thread.start()
        lost_async = other.run(outlive(other, server))
        thread.join(PATIENCE)
        lost = results[0][0] if results else None
        out.got(f"sync: {lost!r}\nasyncio: {lost_async!r}")
        out.check("the sync loop of the page is told", isinstance(lost, stage.db.OperationalError), lost)
        held = isinstance(lost_async, stage.db.OperationalError)
        out.check("the asyncio loop of the page is told", held, lost_async)
        out.check("the connection is closed", until(lambda: bool(conn.closed), 1))
        refused = refusal(other)
        out.got(f"connecting again: {refused!r}")
        out.check("connecting again is an OperationalError", isinstance(refused, stage.db.OperationalError), refused)


async def outlive(stage: Stage, server: Any) -> Exception | None:
    loop = asyncio.get_running_loop()
    conn = await stage.aconnect(autocommit=True)
    ev = asyncio.Event()
    fd = conn.fileno()
    loop.add_reader(fd, ev.set)
    await loop.run_in_executor(None, server.stop)
    stage.out.got("the server is stopped")
    await asyncio.wait_for(ev.wait(), PATIENCE)
    try:
        await conn.execute("SELECT 1")
    except stage.db.OperationalError as ex:
        return ex  # type: ignore[no-any-return]
    finally:
        loop.remove_reader(fd)
        await conn.close()
    return None


def refusal(stage: Stage) -> Exception | None:
    """The error of connecting to a server that is gone."""
    try:
        stage.connect().close()
    except stage.db.Error as ex:
        return ex  # type: ignore[no-any-return]
    return None


def report_loss(stage: Stage, conn: Any, lost: Exception | None, seconds: float) -> None:
    """Check what both loops of the page promise."""
    out = stage.out
    out.got(f"after {seconds:.2f} s: {lost!r}")
    out.check("the next operation raises OperationalError", isinstance(lost, stage.db.OperationalError), lost)
    out.check("it was noticed soon", seconds < SOON, seconds)
    out.check("closed and broken are true", conn.closed and conn.broken, (conn.closed, conn.broken))


PARTS = [with_selectors, in_a_thread, with_add_reader, at_once, server_stops]
