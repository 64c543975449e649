"""Servers whose values are not what their types say, read as Arrow data: errors, no more memory than came, no harm."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from support.doors import Door, howdah_alone
from support.hostile import GREETING, HostileServer, Peer, Script, complete, message, ready
from support.memory import Peak, needs_peaks

pytest.importorskip("pyarrow")

pytestmark = [howdah_alone, pytest.mark.limit(60), needs_peaks]

HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
MOST, TEXT, INT4 = 0x7FFFFFFF, 25, 23
DESCRIBED = message(b"1") + message(b"t", struct.pack("!h", 0))


def ints(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}i", *values)


def array(element: int, *numbers: int, flags: int = 0) -> bytes:
    """The head of an array, of dimensions in pairs, and what follows."""
    return ints(len(numbers) // 2, flags, element, *numbers)


# A type's OID, and bytes that are no value of it.
VALUES: dict[str, tuple[int, bytes]] = {
    "bool, no bytes": (16, b""),
    "bool, two": (16, b"\0\1"),
    "bytes of text that is not UTF-8": (TEXT, b"a\xff"),
    "half a character": (TEXT, "é".encode()[:1]),
    "int2, one": (21, b"\1"),
    "int4, none": (INT4, b""),
    "int4, three": (INT4, b"\0\0\1"),
    "int4, five": (INT4, b"\0\0\0\0\1"),
    "int8, seven": (20, bytes(7)),
    "oid, eight": (26, bytes(8)),
    "xid8, four": (5069, bytes(4)),
    "float4, five": (700, bytes(5)),
    "float8, seven": (701, bytes(7)),
    "numeric, none": (1700, b""),
    "numeric, more digits than bytes": (1700, struct.pack("!hhHh", MOST & 0x7FFF, 0, 0, 0) + b"\0\1"),
    "numeric, less digits than bytes": (1700, struct.pack("!hhHhh", 0, 0, 0, 0, 1)),
    "numeric, digit of 10000": (1700, struct.pack("!hhHhh", 1, 0, 0, 0, 10_000)),
    "numeric, unknown sign": (1700, struct.pack("!hhHhh", 1, 0, 0x1234, 0, 1)),
    "jsonb, none": (3802, b""),
    "jsonb, version 2": (3802, b"\2{}"),
    "date, three": (1082, bytes(3)),
    "time, seven": (1083, bytes(7)),
    "time, of no day": (1083, struct.pack("!q", -1)),
    "timestamp, nine": (1114, bytes(9)),
    "timestamptz, none": (1184, b""),
    "interval, fifteen": (1186, bytes(15)),
    "uuid, fifteen": (2950, bytes(15)),
    "uuid, as text": (2950, b"00112233-4455-6677-8899-aabbccddeeff"),
    "array, none": (1007, b""),
    "array, half a head": (1007, ints(1, 0)),
    "array, seven dimensions": (1007, array(INT4, *[1, 1] * 7)),
    "array, -1 dimensions": (1007, ints(-1, 0, INT4)),
    "array, more elements than bytes": (1007, array(INT4, MOST, 1)),
    "array, the same squared": (1007, array(INT4, MOST, 1, MOST, 1)),
    "array, -1 elements": (1007, array(INT4, -1, 1)),
    "array, bounds that overflow": (1007, array(INT4, 2, MOST) + ints(4, 1, 4, 1)),
    "array, unknown flags": (1007, array(INT4, 1, 1, flags=2) + ints(4, 1)),
    "array, other elements": (1007, array(20, 1, 1) + ints(8, 0, 1)),
    "array, element beyond the end": (1007, array(INT4, 1, 1) + ints(MOST)),
    "array, element of -2 bytes": (1007, array(INT4, 1, 1) + ints(-2)),
    "array, element of three": (1007, array(INT4, 1, 1) + ints(3) + bytes(3)),
    "array, bytes behind it": (1007, array(INT4, 1, 1) + ints(4, 1) + b"\0"),
    "array, bytes behind none": (1007, array(INT4) + b"\0"),
    "array, of texts that are not UTF-8": (1009, array(TEXT, 1, 1) + ints(1) + b"\xff"),
    "range, none": (3904, b""),
    "range, bound beyond the end": (3904, b"\2" + ints(MOST)),
    "range, one bound of two": (3904, b"\2" + ints(4, 1)),
    "range, bound of three": (3904, b"\2" + ints(3) + bytes(3) + ints(4, 1)),
    "multirange, more ranges than bytes": (4451, ints(MOST)),
    "multirange, -1 ranges": (4451, ints(-1)),
    "multirange, range beyond the end": (4451, ints(1, MOST)),
    "inet, none": (869, b""),
    "inet, more address than bytes": (869, b"\2\x20\0\x10\1\2\3\4"),
    "inet, unknown family": (869, b"\x09\x20\0\4\1\2\3\4"),
    "macaddr, five": (829, bytes(5)),
    "timetz, eleven": (1266, bytes(11)),
    "bit, more than bytes": (1562, ints(MOST)),
    "bit, -1": (1562, ints(-1)),
    "point, fifteen": (600, bytes(15)),
    "money, four": (790, bytes(4)),
    "tsvector, more words than bytes": (3614, ints(MOST)),
    "polygon, more points than bytes": (604, ints(MOST)),
    "pg_lsn, four": (3220, bytes(4)),
}

# Rows of a COPY of one column of text that are none.
FRAMES = {
    "no header": b"\0\1\0\0\0\1a",
    "half a header": HEADER[:-1],
    "an extension beyond the end": HEADER[:15] + b"\xff\xff\xff\xff",
    "no count": HEADER + b"\0",
    "no columns": HEADER + b"\0\0",
    "two columns": HEADER + b"\0\2\0\0\0\1a\0\0\0\1b",
    "32767 columns": HEADER + b"\x7f\xff" + b"\xff" * 40,
    "no value": HEADER + b"\0\1",
    "a value beyond the end": HEADER + b"\0\1\x7f\xff\xff\xffa",
    "a value of -2 bytes": HEADER + b"\0\1\xff\xff\xff\xfe",
    "bytes behind it": HEADER + b"\0\1\0\0\0\1aa",
}


def gives(oid: int, frame: bytes, row: bytes) -> Script:
    """Every query has a column of that type: it is described, comes by COPY in this frame, or as this row."""
    columns = message(b"T", struct.pack("!h", 1) + b"v\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 1))
    copied = message(b"H", struct.pack("!bhh", 1, 1, 1)) + message(b"d", frame) + message(b"d", b"\xff\xff")
    rows = message(b"2") + columns + message(b"D", row) + complete(b"SELECT 1")

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        while True:
            kind, payload = peer.read_message()
            if kind == b"Q" and b"COPY" in payload:
                peer.send(copied + message(b"c") + complete(b"COPY 1") + ready())
            elif kind == b"Q":
                peer.send(message(b"I") + ready())
            elif kind == b"P":
                kinds = peer.read_command()
                peer.send(message(b"1") + rows if b"E" in kinds else DESCRIBED + columns)
                peer.send(ready())
            elif kind == b"B":
                peer.read_command()
                peer.send(rows + ready())

    return script


async def read(door: Door, conn: Any, params: Any) -> Any:
    if door.is_sync:
        return door.module.read_arrow(conn.wrapped, "select v from t", params)
    return await door.module.read_arrow(conn, "select v from t", params)


@pytest.mark.parametrize("params", [None, ()])
@pytest.mark.parametrize("name", VALUES)
async def test_values(door: Door, name: str, params: Any) -> None:
    oid, value = VALUES[name]
    row = b"\0\1" + ints(len(value)) + value
    with HostileServer(gives(oid, HEADER + row, row)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        with Peak() as peak, pytest.raises(door.module.DataError):
            await read(door, conn, params)
        assert peak.grown < 32 * 2**20
        await conn.execute("")


@pytest.mark.parametrize("params", [None, ()])
async def test_a_value_that_is_one(door: Door, params: Any) -> None:
    """It is the values above that are refused, and not the way in which these servers speak."""
    row = b"\0\1\0\0\0\4\0\0\0\7"
    with HostileServer(gives(INT4, HEADER + row, row)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        assert len(await read(door, conn, params)) == 1
        await conn.execute("")


@pytest.mark.parametrize("name", FRAMES)
async def test_rows_of_a_copy(door: Door, name: str) -> None:
    with HostileServer(gives(TEXT, FRAMES[name], b"\0\1\0\0\0\1a")) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        with pytest.raises(door.module.DataError):
            await read(door, conn, None)
        await conn.execute("")


@pytest.mark.parametrize("row", [b"\0", b"\0\2\0\0\0\1a\0\0\0\1b", b"\0\1\x7f\xff\xff\xffa", b"\0\1\xff\xff\xff\xfe"])
async def test_rows_that_break_the_protocol(door: Door, row: bytes) -> None:
    with HostileServer(gives(TEXT, HEADER, row)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        with pytest.raises(door.module.OperationalError):
            await read(door, conn, ())
        assert conn.closed
