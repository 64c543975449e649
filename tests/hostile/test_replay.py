"""A real conversation, recorded and then replayed: cut at every byte, in pieces, and with spoiled bytes.

Whatever the server sends, a step of the client ends with the recorded answer or with an error, within a bound.
"""

from __future__ import annotations

import asyncio
import decimal
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door
from support.hostile import HostileServer, Recording, recorder, replayer

pytestmark = pytest.mark.limit(300)

# What a loader raises on a damaged value, as the oracle's do, is not a class of the driver's.
LOADING = (UnicodeDecodeError, decimal.InvalidOperation)
STEPS: list[tuple[str, Any]] = [
    ("select n, 'row ' || n, null, n * 1.5 from generate_series(1, 3) as n", None),
    ("select %s::int, %s", (42, "parameter")),
    ("select 1 as one; select 2 as two", None),
]
EXPECTED: list[list[tuple[Any, ...]]] = [
    [(n, f"row {n}", None, decimal.Decimal(str(n * 1.5))) for n in (1, 2, 3)],
    [(42, "parameter")],
    [(1,)],
]


async def converse(door: Door, dsn: str) -> list[Any]:
    """The whole conversation: what each step gave, ending with the first exception."""
    results: list[Any] = []
    conn = None
    try:
        conn = await door.connect(dsn)
        for query, params in STEPS:
            results.append(await (await conn.execute(query, params)).fetchall())
        await conn.commit()
        results.append("committed")
    except (door.module.Error, *LOADING) as ex:
        results.append(ex)
    finally:
        if conn is not None:
            await conn.close()
    return results


def check(door: Door, results: list[Any]) -> bool:
    """Only right answers, then perhaps an error; true if the conversation was whole."""
    wanted = [*EXPECTED, "committed"]
    *before, last = results
    assert before == wanted[: len(before)]
    if isinstance(last, door.module.Error):
        assert str(last)
        return False
    assert results == wanted
    return True


async def record(door: Door, server: PgServer) -> Recording:
    recording = Recording()
    with HostileServer(recorder(("127.0.0.1", server.port), recording)) as proxy:
        dsn = proxy.dsn.replace("user=u dbname=d", "user=postgres dbname=postgres")
        assert check(door, await converse(door, dsn))
        await door.close_all()
    assert len(recording.answer) > 300
    return recording


async def replay(door: Door, recording: Recording, change: Callable[[bytes, int], bytes], step: int = 0) -> list[Any]:
    with HostileServer(replayer(recording.turns, change, step)) as server:
        dsn = server.dsn.replace("user=u dbname=d", "user=postgres dbname=postgres")
        return await asyncio.wait_for(converse(door, dsn), 30)


def whole(answer: bytes, offset: int) -> bytes:
    return answer


def cut_at(position: int) -> Callable[[bytes, int], bytes]:
    return lambda answer, offset: answer[: max(0, position - offset)]


def spoiled_at(position: int, mask: int) -> Callable[[bytes, int], bytes]:
    def change(answer: bytes, offset: int) -> bytes:
        index = position - offset
        if not 0 <= index < len(answer):
            return answer
        return answer[:index] + bytes([answer[index] ^ mask]) + answer[index + 1 :]

    return change


async def test_replay_of_the_whole(door: Door, server: PgServer) -> None:
    recording = await record(door, server)
    assert check(door, await replay(door, recording, whole))


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7])
async def test_replay_in_pieces(door: Door, server: PgServer, step: int) -> None:
    recording = await record(door, server)
    assert check(door, await replay(door, recording, whole, step))


@pytest.mark.doors("sync", "asyncio")
async def test_cut_at_every_byte(door: Door, server: PgServer) -> None:
    recording = await record(door, server)
    for position in range(len(recording.answer)):
        results = await replay(door, recording, cut_at(position))
        assert not check(door, results) or position >= len(recording.answer) - 12, position
        if isinstance(results[-1], door.module.Error):
            assert isinstance(results[-1], (door.module.OperationalError, door.module.InternalError)), position


@pytest.mark.parametrize(("door_kind", "mask"), [("sync", 0x01), ("asyncio", 0xFF), ("sync", 0x80)])
async def test_spoiled_at_every_byte(howdah: ModuleType, dsn: str, door_kind: str, server: PgServer, mask: int) -> None:
    # A spoiled value may be read as another value; anything but an answer or an error is a bug.
    door = Door(howdah, door_kind, dsn)
    recording = await record(door, server)
    for position in range(len(recording.answer)):
        results = await replay(door, recording, spoiled_at(position, mask))
        assert results, position
