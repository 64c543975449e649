"""A network that is slow, freezes, hangs up or makes things up, with and without TLS: typed errors, in time."""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pgserver import PgServer, available_flavours

from support.doors import Door, howdah_alone
from support.faults import Fault, FaultProxy
from support.hostile import data_row, message, ready
from support.tls import Files, target, tls_server

pytestmark = [
    pytest.mark.skipif("debian" not in available_flavours(), reason="only Debian's server has TLS"),
    pytest.mark.limit(120),
    pytest.mark.usefixtures("nothing_at_home"),
]

ROWS = "select i, repeat('x', 50) from generate_series(1, 1000) i"
LINKS = ["require", "disable"]


@pytest.fixture(scope="module")
def server(files: Files) -> Iterator[PgServer]:
    with tls_server(files, files.server, "server") as server:
        yield server


def through(proxy: FaultProxy, server: PgServer, link: str) -> str:
    return f"{target(server)} port={proxy.port} sslmode={link}"


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(("step", "pause", "rows"), [(1, 0, 300), (65536, 0.02, 20_000)], ids=["bytes", "delay"])
async def test_a_slow_network(door: Door, server: PgServer, link: str, step: int, pause: float, rows: int) -> None:
    with FaultProxy(server.port, step=step, pause=pause) as proxy:
        conn = await door.connect(through(proxy, server, link))
        cur = await conn.execute("select i, %s::text from generate_series(1, %s) i", ["x" * 50, rows])
        assert await cur.fetchall() == [(i, "x" * 50) for i in range(1, rows + 1)]
        with pytest.raises(door.module.errors.DivisionByZero):
            await conn.execute("select 1/0")
        await conn.rollback()
        await conn.close()


async def lost(door: Door, conn: Any, **options: Any) -> None:
    """A statement fails, with an error of the driver's, and so does the connection."""
    with pytest.raises(door.module.Error) as caught:
        await (await conn.execute(ROWS, **options)).fetchall()
    assert isinstance(caught.value, (door.module.OperationalError, door.module.InterfaceError))
    assert conn.closed
    if door.module.__name__ == "howdah":
        assert caught.value.is_connection_lost or isinstance(caught.value, door.errors.OperationTimeout)
    with pytest.raises(door.module.OperationalError):
        await conn.execute("select 1")
    await conn.close()


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("kind", ["cut", "reset", "half-close"])
async def test_a_network_that_hangs_up(door: Door, server: PgServer, link: str, kind: str) -> None:
    with FaultProxy(server.port) as proxy:
        dsn = through(proxy, server, link)
        for after in (0, 1, 4, 5, 6, 30, 100, 1000, 9_000, 30_000):
            proxy.arm(None)
            conn = await door.connect(dsn)
            proxy.arm(Fault(kind, after))
            await lost(door, conn)
        for after in (0, 1, 5, 14, 100, 300):
            proxy.arm(Fault(kind, after))
            with pytest.raises(door.module.OperationalError):
                await door.connect(dsn)


# What libpq makes of unknown messages is its own affair.
@howdah_alone
@pytest.mark.parametrize("link", LINKS)
async def test_a_network_that_makes_things_up(door: Door, server: PgServer, link: str) -> None:
    """TLS finds out what its peer has not said. Without it, what the protocol does not allow is."""
    inventions = {
        "zeros": bytes(8),
        "another row": data_row(b"1", b"2", b"3"),
        "an end": ready(),
        "a size that is negative": b"D\xff\xff\xff\xff",
        "a size of 2 GiB": b"D\x7f\xff\xff\xff",
        "a size that is none": b"D\0\0\0\3",
        "a parameter without an end": message(b"S", b"x"),
        "an alert": bytes([21, 3, 3, 0, 2, 2, 40]),
    }
    with FaultProxy(server.port) as proxy:
        for name, injected in inventions.items():
            proxy.arm(None)
            conn = await door.connect(through(proxy, server, link))
            proxy.arm(Fault("inject", 0, injected))
            with pytest.raises(door.module.OperationalError):
                await conn.execute(ROWS, timeout=10)
            assert conn.closed, name


@howdah_alone
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("after", [1, 60, 2000])
async def test_what_is_made_up_anywhere(door: Door, server: PgServer, link: str, after: int) -> None:
    """Within a row nobody can tell without TLS: what comes of it is a result, an error, or a wait that is given up."""
    with FaultProxy(server.port) as proxy:
        conn = await door.connect(through(proxy, server, link), cancel_timeout=1)
        proxy.arm(Fault("inject", after, b"\xff\x80made up\0"))
        try:
            await (await conn.execute(ROWS, timeout=2)).fetchall()
        except door.module.Error:
            assert conn.closed
        else:
            assert link == "disable"


@howdah_alone
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("existing_only", [False, True], ids=["all", "existing"])
async def test_a_network_that_freezes(door: Door, server: PgServer, link: str, existing_only: bool) -> None:
    """Cancel requests get through, or do not: it is given up in time."""
    with FaultProxy(server.port) as proxy:
        for after in (0, 5000):
            proxy.arm(None)
            conn = await door.connect(through(proxy, server, link), cancel_timeout=0.5)
            proxy.arm(Fault("freeze", after, existing_only=existing_only))
            await lost(door, conn, timeout=1)
        if not existing_only:
            for after in (0, 1, 300):
                proxy.arm(Fault("freeze", after))
                with pytest.raises(door.module.errors.ConnectionTimeout):
                    await door.connect(through(proxy, server, link), timeout=0.5)


def in_use() -> tuple[int, int]:
    """Descriptors and bytes of memory."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return len(os.listdir("/proc/self/fd")), pages * resource.getpagesize()


@howdah_alone
@pytest.mark.parametrize("link", LINKS)
async def test_nothing_grows(door: Door, server: PgServer, link: str) -> None:
    faults = [Fault("cut", 2000), Fault("reset", 9000), Fault("half-close", 1), Fault("inject", 0, bytes(8))]

    async def suffer(times: int) -> None:
        for number in range(times):
            fault = faults[number % len(faults)]
            with FaultProxy(server.port) as proxy:
                conn = await door.connect(through(proxy, server, link))
                proxy.arm(fault)
                with pytest.raises(door.module.OperationalError):
                    await conn.execute(ROWS)
                await conn.close()
                # What is left of the first connection would use up a fault of it, too.
                proxy.arm(Fault(fault.kind, 10, fault.injected, later_only=True))
                with pytest.raises(door.module.OperationalError):
                    await door.connect(through(proxy, server, link))
        await door.close_all()

    await suffer(20)
    descriptors, memory = in_use()
    await suffer(60)
    now = in_use()
    assert now[0] <= descriptors
    assert now[1] - memory < 4 << 20
