"""Servers whose replication is not what it is said to be: an error for each, and no growth."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.hostile import GREETING, HostileServer, Peer, Script, complete, message, ready

pytestmark = [howdah_alone, pytest.mark.limit(30)]

BOTH = message(b"W", struct.pack("!bh", 0, 0))
BEGIN = b"B" + bytes(20)


def data(payload: bytes, start: int = 1) -> bytes:
    return message(b"d", b"w" + struct.pack("!QQq", start, start, 0) + payload)


def keepalive(end: int = 1, reply: int = 0) -> bytes:
    return message(b"d", b"k" + struct.pack("!QqB", end, 0, reply))


def starts(*frames: bytes) -> Script:
    """Begins replication with these frames, and answers the end of it."""

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        peer.read_message()
        peer.send(b"".join(frames))
        with contextlib.suppress(OSError):
            while True:
                kind = peer.read_message()[0]
                if kind == b"c":
                    peer.send(message(b"c") + complete(b"COPY 0") + ready())
                elif kind == b"Q":
                    peer.send(message(b"I") + ready())
                elif kind == b"X":
                    break

    return script


async def read_all(door: Door, server: HostileServer) -> list[Any]:
    conn = await door.connect(server.dsn, replication="database", autocommit=True)
    async with conn.follow_changes("slot", "publication", version=4, status_interval=60) as stream:
        return [change async for change in stream]


@pytest.mark.parametrize(
    "frames",
    [
        [BOTH, message(b"d")],
        [BOTH, message(b"d", b"x")],
        [BOTH, message(b"d", b"w" + bytes(23))],
        [BOTH, message(b"d", b"k" + bytes(16))],
        [BOTH, message(b"d", b"k" + bytes(18))],
        [BOTH, BOTH],
        [BOTH, message(b"c"), data(BEGIN)],
        [BOTH, message(b"D", b"\0\0")],
        [BOTH, ready()],
        [BOTH, message(b"G", struct.pack("!bh", 0, 0))],
        [data(BEGIN)],
        [message(b"W", b"\0\x7f\xff")],
        [message(b"W")],
    ],
)
async def test_frames(door: Door, frames: list[bytes]) -> None:
    with HostileServer(starts(*frames)) as server, pytest.raises(door.module.Error):
        await read_all(door, server)


@pytest.mark.parametrize("answer", [complete(b"START_REPLICATION"), message(b"I"), b""])
async def test_what_is_no_replication(door: Door, answer: bytes) -> None:
    with HostileServer(starts(answer, ready())) as server, pytest.raises(door.module.Error):
        await read_all(door, server)


@pytest.mark.parametrize("way", [b"G", b"H"])
async def test_a_copy_in_one_direction(door: Door, way: bytes) -> None:
    copy = message(way, struct.pack("!bh", 0, 0))
    script = starts(copy, data(BEGIN), message(b"c"), complete(b"COPY 1"), ready())
    with HostileServer(script) as server, pytest.raises(door.module.Error):
        await read_all(door, server)


@pytest.mark.parametrize(
    "payload",
    [b"", b"?", b"C" + bytes(25), b"E", b"B", BEGIN + b"x", b"I" + bytes(9), b"S", b"p"],
)
async def test_changes(door: Door, payload: bytes) -> None:
    with HostileServer(starts(BOTH, data(payload), data(BEGIN))) as server:
        conn = await door.connect(server.dsn, replication="database", autocommit=True)
        async with conn.follow_changes("slot", "publication", version=4, status_interval=60) as stream:
            with pytest.raises(door.module.DatabaseError):
                await stream.read(timeout=10)
            # The next is read as if nothing had been.
            assert (await stream.read(timeout=10)).xid == 0
        assert conn.info.transaction_status == 0


async def test_a_time_that_no_datetime_holds(door: Door) -> None:
    with HostileServer(starts(BOTH, data(b"B" + b"\x7f" * 20))) as server:
        with pytest.raises(door.module.DataError):
            await read_all(door, server)


async def test_a_server_that_asks_and_does_not_read(door: Door) -> None:
    asked = keepalive(reply=1) * 50_000
    connections: list[Peer] = []

    def script(peer: Peer) -> None:
        connections.append(peer)
        if len(connections) > 1:
            # The request to cancel: it is over when this hangs up.
            return
        peer.read_startup()
        peer.send(GREETING)
        peer.read_message()
        peer.send(BOTH + asked + data(BEGIN))
        # It has read nothing meanwhile; what it was told fits what the kernel keeps for it.
        with contextlib.suppress(OSError):
            peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, replication="database", autocommit=True, cancel_timeout=0.5)
        with contextlib.suppress(door.module.OperationalError):
            async with conn.follow_changes("slot", "publication", version=1, status_interval=60) as stream:
                assert await stream.read(timeout=20) is not None
