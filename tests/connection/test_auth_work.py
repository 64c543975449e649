"""SCRAM with many iterations: the derivation of the key keeps nobody from anything."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from types import ModuleType

import pytest

from support.doors import Door
from support.hostile import HostileServer, ScramServer

# As many as are accepted: 0.3 s and more, however fast the processor.
MANY = 4_000_000


@pytest.fixture
def long_work() -> Iterator[ScramServer]:
    """A script of `MANY` iterations that nobody completes."""
    script = ScramServer(MANY)
    yield script
    assert script.challenged.is_set()
    assert not script.answered.is_set()


@pytest.fixture
def howdah_door(door: Door) -> Door:
    if door.module.__name__ == "psycopg":
        pytest.skip("libpq derives the key in one go")
    return door


async def test_more_iterations_than_are_done_at_once(door: Door) -> None:
    with HostileServer(ScramServer(20_000)) as server:
        await door.connect(server.dsn, password="secret")
        with pytest.raises(door.module.OperationalError, match="password authentication failed"):
            await door.connect(server.dsn, password="wrong")


@pytest.mark.doors("asyncio", "uvloop")
async def test_other_tasks_run_meanwhile_and_the_work_can_be_cancelled(
    howdah_door: Door, long_work: ScramServer
) -> None:
    with HostileServer(long_work) as server:
        task = asyncio.create_task(howdah_door.connect(server.dsn, password="secret"))
        while not long_work.challenged.is_set():
            await asyncio.sleep(0.001)
        # Were it done in one go, the server would have the answer by the end of the first of these.
        for pause in [0.1] + [0.0] * 10:
            await asyncio.sleep(pause)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(long_work.gone.wait, 10)


async def test_connect_timeout_holds(howdah_door: Door, long_work: ScramServer) -> None:
    long_work.pause = 1.9
    with HostileServer(long_work) as server:
        with pytest.raises(howdah_door.errors.ConnectionTimeout):
            await howdah_door.connect(server.dsn, password="secret", connect_timeout=2)
        assert long_work.gone.wait(10)


def test_ctrl_c(howdah: ModuleType, long_work: ScramServer) -> None:
    def interrupt() -> None:
        long_work.challenged.wait(10)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        timer.join()

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with HostileServer(long_work) as server:
            with pytest.raises(KeyboardInterrupt):
                howdah.connect(server.dsn, password="secret")
            assert long_work.gone.wait(10)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, previous)


def test_more_iterations_than_are_accepted(howdah: ModuleType) -> None:
    with HostileServer(ScramServer(MANY + 1)) as server:
        with pytest.raises(howdah.OperationalError, match="more than 4000000 SCRAM iterations"):
            howdah.connect(server.dsn, password="secret")
