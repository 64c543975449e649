"""Servers whose copy data is not what it is said to be: rows that cannot be read are errors, and harm nothing."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.hostile import GREETING, HostileServer, Peer, Script, complete, message, ready

pytestmark = [howdah_alone, pytest.mark.limit(20)]

HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8


def gives(binary: bool, *frames: bytes) -> Script:
    """Answers the first query by a COPY of these messages, of two columns, and the others by nothing."""
    begins = message(b"H", struct.pack("!bhhh", binary, 2, binary, binary))
    data = b"".join(message(b"d", frame) for frame in frames)

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        peer.read_message()
        peer.send(begins + data + message(b"c") + complete(b"COPY 1") + ready())
        while peer.read_message()[0] == b"Q":
            peer.send(message(b"I") + ready())

    return script


async def connected(door: Door, server: HostileServer) -> Any:
    return await door.connect(server.dsn, autocommit=True)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"PGCOPY\n\xff\r\n",
        HEADER[:-1],
        b"x" * 30,
        HEADER[:15] + b"\xff\xff\xff\xff",
        HEADER + b"\0",
        HEADER + b"\0\1",
        HEADER + b"\0\1\0\0\0\5x",
        HEADER + b"\0\1\0\0\0\0x",
        HEADER + b"\0\1\x7f\xff\xff\xff",
        HEADER + b"\0\1\xff\xff\xff\xfe",
        HEADER + b"\x7f\xff" + b"\xff" * 40,
    ],
)
async def test_binary_rows(door: Door, frame: bytes) -> None:
    with HostileServer(gives(True, frame, b"\xff\xff")) as server:
        conn = await connected(door, server)
        async with conn.cursor().copy("copy t to stdout (format binary)") as copy:
            with pytest.raises(door.module.DataError):
                await copy.read_row()
        await conn.execute("")


@pytest.mark.parametrize("frame", [b"", b"a\tb", b"a\nb\n", b"a\\\n", b"\n\n", b"\\N\n\\N\n"])
async def test_text_rows(door: Door, frame: bytes) -> None:
    with HostileServer(gives(False, frame)) as server:
        conn = await connected(door, server)
        async with conn.cursor().copy("copy t to stdout") as copy:
            with pytest.raises(door.module.DataError):
                await copy.read_row()
        await conn.execute("")


async def test_data_is_given_as_it_came(door: Door) -> None:
    frames = [b"", b"\xff", b"a\tb", HEADER]
    with HostileServer(gives(True, *frames)) as server:
        conn = await connected(door, server)
        async with conn.cursor().copy("copy t to stdout") as copy:
            got = [data async for data in copy]
        assert got == [frame for frame in frames if frame]
        await conn.execute("")


async def test_rows_as_servers_may_send_them(door: Door) -> None:
    row = b"\0\2\0\0\0\1a\xff\xff\xff\xff"
    extended = HEADER[:15] + b"\0\0\0\3abc"
    for frames in (
        [HEADER, row, row, b"\xff\xff"],
        [HEADER + row, row + b"\xff\xff"],
        [extended + row, row, b"\xff\xff"],
    ):
        with HostileServer(gives(True, *frames)) as server:
            conn = await connected(door, server)
            async with conn.cursor().copy("copy t to stdout") as copy:
                copy.set_types(["text", "text"])
                assert [row async for row in copy.rows()] == [("a", None)] * 2
    rows = [b"\\N\t\\\\N\n", b"\\x41\t\\a\\b\\t\n", b"\t\n", b"a\tb\tc\n"]
    with HostileServer(gives(False, *rows)) as server:
        conn = await connected(door, server)
        async with conn.cursor().copy("copy t to stdout") as copy:
            got = [row async for row in copy.rows()]
        assert got == [(None, "\\N"), ("x41", "a\b\t"), ("", ""), ("a", "b", "c")]


@pytest.mark.parametrize("answer", [b"G", b"H"])
async def test_a_server_that_says_no_more(door: Door, answer: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        peer.read_message()
        peer.send(message(answer, struct.pack("!bh", 0, 0)))
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=0.3)
        with pytest.raises(door.module.OperationalError):
            async with conn.cursor().copy("copy t from stdin", None) as copy:
                conn.operation_timeout = 0.3
                if answer == b"H":
                    await copy.read()
        assert conn.closed
