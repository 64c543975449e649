"""Servers that answer a plain statement by COPY and do not go on: what they owe comes within the bound, or never."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.hostile import CANCEL_REQUEST, GREETING, HostileServer, Peer, Script, error, message, ready
from support.waiting import soon

pytestmark = [howdah_alone, pytest.mark.limit(20)]
BOUND = 0.3
COPY_IN = message(b"G", struct.pack("!bh", 0, 0))
COPY_BOTH = message(b"W", struct.pack("!bh", 0, 0))
NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mwait\0\0")
COPY_DATA = message(b"d", b"1\t2\n")
ANSWERS = {
    b"P": message(b"1"),
    b"B": message(b"2"),
    b"D": message(b"t", struct.pack("!h", 0)) + message(b"n"),
    b"C": message(b"3"),
}


def copies(answer: bytes, then: Callable[[Peer], None]) -> Script:
    """Answers the first statement that is executed by a COPY; what is prepared or begun before, as it should be."""

    def script(peer: Peer) -> None:
        if peer.read_startup()[:4] == struct.pack("!i", CANCEL_REQUEST):
            return
        peer.send(GREETING)
        peer.send(_before(peer) + answer)
        then(peer)
        peer.drain()

    return script


def _before(peer: Peer) -> bytes:
    """What is answered before the statement that is to be a COPY."""
    answers = b""
    while True:
        kind, payload = peer.read_message()
        if kind == b"E" or (kind == b"Q" and payload != b"BEGIN\0"):
            return answers
        if kind == b"S":
            peer.send(answers + ready())
            answers = b""
        elif kind == b"Q":
            peer.send(message(b"C", b"BEGIN\0") + ready(b"T"))
        elif kind == b"D" and payload[:1] == b"P":
            answers += message(b"n")
        else:
            answers += ANSWERS.get(kind, b"")


def nothing(_: Peer) -> None:
    """Says no more."""


def talks(chunk: bytes) -> Callable[[Peer], None]:
    """Goes on to say this, slowly and for longer than the bound."""

    def then(peer: Peer) -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            peer.send(chunk)
            time.sleep(0.01)

    return then


def says(chunk: bytes) -> Callable[[Peer], None]:
    """Says this, and then nothing."""
    return lambda peer: peer.send(chunk)


GOES_ON = {
    "nothing": (COPY_IN, nothing),
    "both, nothing": (COPY_BOTH, nothing),
    "both, data": (COPY_BOTH, talks(COPY_DATA)),
    "both, done": (COPY_BOTH, says(message(b"c"))),
    "notices": (COPY_IN, talks(NOTICE)),
    "error": (COPY_IN, says(error(b"COPY failed", b"57014"))),
}


async def execute(conn: Any) -> None:
    await conn.execute("select 1")


async def prepare(conn: Any) -> None:
    await conn.execute("select %s", (1,), prepare=True)


async def executemany(conn: Any) -> None:
    await conn.cursor().executemany("select %s", [(1,), (2,)])


async def stream(conn: Any) -> None:
    async for _ in conn.cursor().stream("select 1"):
        pass


async def pipeline(conn: Any) -> None:
    async with conn.pipeline():
        cur = await conn.execute("select 1")
        await conn.execute("select 2")
        await cur.fetchone()


async def sync(conn: Any) -> None:
    async with conn.pipeline() as p:
        await conn.execute("select 1")
        await p.sync()


async def block(conn: Any) -> None:
    async with conn.transaction():
        await conn.execute("select 1")


WAYS = [execute, prepare, executemany, stream, pipeline, sync, block]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", GOES_ON)
async def test_copy_that_does_not_go_on(
    door: Door, caplog: pytest.LogCaptureFixture, name: str, way: Callable[[Any], Any]
) -> None:
    answer, then = GOES_ON[name]
    with HostileServer(copies(answer, then)) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=BOUND)
        begin = time.monotonic()
        # What fetched from the statement is told why it failed; the end of the block, which is not answered, is logged.
        is_told = (name, way) == ("error", pipeline)
        with pytest.raises(door.module.ProgrammingError if is_told else door.module.OperationalError) as caught:
            await soon(way(conn))
        assert BOUND - 0.05 < time.monotonic() - begin < BOUND + 5
        assert "within 0.3 seconds" in (caplog.text if is_told else str(caught.value))
        assert (conn.closed, conn.broken) == (True, True)
        with pytest.raises(door.module.OperationalError, match="closed"):
            await conn.execute("select 1")
        await conn.close()


@pytest.mark.parametrize("answer", [COPY_IN, COPY_BOTH])
async def test_copy_that_is_refused_in_time(door: Door, answer: bytes) -> None:
    # The control: a server that keeps its promise keeps the connection. A COPY BOTH cannot be failed, only ended.
    end = b"c" if answer == COPY_BOTH else b"f"

    def then(peer: Peer) -> None:
        while peer.read_message()[0] != end:
            pass
        peer.send(error(b"COPY failed", b"57014"))
        peer.send(ready())
        peer.read_command()
        peer.send(message(b"I") + ready())

    with HostileServer(copies(answer, then)) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=10)
        with pytest.raises(door.module.ProgrammingError, match="COPY"):
            await soon(execute(conn))
        await soon(execute(conn))
        await conn.close()
