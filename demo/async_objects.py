"""Asynchronous operations: AsyncConnection, AsyncCursor, and name resolution."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .server import tcp_server
from .stage import Stage

TITLE = "Asynchronous operations"
SLOW_NAME = "slow-name.howdah.test"
RESOLUTION_TIME = 0.6


def connection_and_cursor(stage: Stage) -> None:
    """An asyncio connection and cursor: the sync ones with `await` here and there."""
    out = stage.out
    out.code(f"""
        async with await {stage.name}.AsyncConnection.connect(dsn) as aconn:
            async with aconn.cursor() as acur:
                await acur.execute("INSERT INTO test (num, data) VALUES (%s, %s)", (100, "abc'def"))
                await acur.execute("SELECT * FROM test")
                await acur.fetchone()
                async for record in acur:
                    print(record)
    """)
    first, rest = stage.run(insert_and_read(stage))
    out.got("fetchone():", first)
    for record in rest:
        out.got("async for:", record)
    out.equal('fetchone() returns (1, 100, "abc\'def")', first, (1, 100, "abc'def"))
    out.equal("`async for` goes on where fetchone() stopped", rest, [(2, 200, "second"), (3, 300, None)])


async def insert_and_read(stage: Stage) -> tuple[Any, list[Any]]:
    async with await stage.aconnect() as aconn, aconn.cursor() as acur:
        await acur.execute("CREATE TEMP TABLE test (id serial PRIMARY KEY, num integer, data text)")
        await acur.execute("INSERT INTO test (num, data) VALUES (%s, %s)", (100, "abc'def"))
        await acur.execute("INSERT INTO test (num, data) VALUES (%(n)s, %(d)s)", {"n": 200, "d": "second"})
        await acur.execute("INSERT INTO test (num, data) VALUES (%s, %s)", (300, None))
        await acur.execute("SELECT * FROM test ORDER BY id")
        first = await acur.fetchone()
        return first, [record async for record in acur]


def same_design(stage: Stage) -> None:
    """The sync objects, for comparison."""
    out = stage.out
    out.code(f"""
        with {stage.name}.connect(dsn) as conn:
            for record in conn.execute("SELECT generate_series(1, %s)", (3,)):
                print(record)
    """)
    with stage.connect() as conn:
        records = list(conn.execute("SELECT generate_series(1, %s)", (3,)))
    out.got(*records)
    out.equal("the sync cursor gives the same kind of records", records, [(1,), (2,), (3,)])


def name_resolution(stage: Stage) -> None:
    """AsyncConnection.connect() resolves names without blocking the loop."""
    out = stage.out
    out.say(
        f"The name {SLOW_NAME} is answered by a resolver that takes {RESOLUTION_TIME} seconds. Meanwhile a task "
        "counts how long the loop keeps it waiting."
    )
    with tcp_server(stage.tcp_dsn) as dsn, slow_resolver() as asked:
        answer, took, longest = stage.run(connect_by_slow_name(stage, dsn))
    out.got(f"connected in {took:.2f} s; resolver asked for {sorted(asked)}; longest wait of the loop {longest:.3f} s")
    out.equal("the connection made through the name works", answer, 1)
    out.check("connecting did wait for the name", SLOW_NAME in asked and took >= RESOLUTION_TIME, took)
    out.check("the loop went on running in the meantime", longest < RESOLUTION_TIME / 2, longest)


async def connect_by_slow_name(stage: Stage, dsn: str) -> tuple[Any, float, float]:
    heartbeat = asyncio.ensure_future(longest_gap())
    await asyncio.sleep(0.05)
    started = time.monotonic()
    async with await stage.db.AsyncConnection.connect(dsn, host=SLOW_NAME) as conn:
        took = time.monotonic() - started
        heartbeat.cancel()
        row = await (await conn.execute("SELECT 1")).fetchone()
        return row[0], took, await heartbeat


async def longest_gap() -> float:
    """Until cancelled, tick; then the longest time between two ticks."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now
    except asyncio.CancelledError:
        return max(longest, time.monotonic() - last)


@contextmanager
def slow_resolver() -> Iterator[set[str]]:
    """Make this process's resolver slow for one name that points at the private server."""
    original = socket.getaddrinfo
    asked: set[str] = set()

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host != SLOW_NAME:
            return original(host, *args, **kwargs)
        asked.add(host)
        time.sleep(RESOLUTION_TIME)
        return original("127.0.0.1", *args, **kwargs)

    socket.getaddrinfo = getaddrinfo
    try:
        yield asked
    finally:
        socket.getaddrinfo = original


PARTS = [connection_and_cursor, same_design, name_resolution]
