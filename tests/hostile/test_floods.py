"""Servers that never stop sending: signals and the event loop are not held up, and nothing grows without bound."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from support.doors import Door, asyncio_only
from support.hostile import (
    CANCEL_REQUEST,
    GREETING,
    HostileServer,
    Peer,
    complete,
    data_row,
    error,
    message,
    parameter,
    ready,
    row_description,
)
from support.waiting import soon, until

pytestmark = pytest.mark.limit(120)
SOON = 0.2
"""Seconds within which a signal is seen, and the loop comes round."""


@pytest.fixture
def driver(howdah: ModuleType) -> ModuleType:
    """libpq has none of these bounds."""
    return howdah


NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
NOTIFICATION = message(b"A", struct.pack("!i", 7) + b"chan\0payload\0")
COLUMN = row_description(("a", 23))
COPY_OUT = message(b"H", struct.pack("!bh", 0, 0))
COPY_DATA = message(b"d", b"1\t2\n")

# What begins the answer, what follows for ever, and how many times in a second at most, where that is kept.
FLOODS = {
    "notices": (b"", NOTICE, 0),
    "parameters": (b"", parameter(b"application_name", b"a") + parameter(b"application_name", b"b"), 0),
    "notifications": (b"", NOTIFICATION, 0),
    "parameters and notifications": (b"", parameter(b"TimeZone", b"UTC") + NOTIFICATION, 0),
    "rows": (COLUMN, data_row(b"1"), 5_000_000),
    "errors": (b"", error(b"no"), 0),
    "rows after an error": (COLUMN + error(b"no"), NOTICE, 0),
    "copy data": (COPY_OUT, COPY_DATA, 0),
}


def is_cancel_request(startup: bytes) -> bool:
    return startup[:4] == struct.pack("!i", CANCEL_REQUEST)


class Flood(HostileServer):
    """Begins to answer the first command, and then never stops sending the same."""

    def __init__(self, head: bytes, body: bytes, per_second: int = 0) -> None:
        super().__init__(self._talk)
        self.head = head
        times = 64 * 1024 // len(body)
        self.body = body * times
        self.pause = times / per_second if per_second else 0
        self.flooding = threading.Event()

    def _talk(self, peer: Peer) -> None:
        if is_cancel_request(peer.read_startup()):
            return
        peer.send(GREETING)
        peer.read_command()
        peer.send(self.head)
        for number in itertools.count():
            peer.send(self.body)
            if number == 20:
                self.flooding.set()
            time.sleep(self.pause)


class Interrupted(BaseException):
    """What the handler of the last signal raises."""


class Signals:
    """Sends SIGUSR1 to this process, and notes how long it took until the handler ran."""

    def __init__(self) -> None:
        self.sent = 0.0
        self.delays: list[float] = []
        self.last = False

    def handler(self, *_: object) -> None:
        self.delays.append(time.monotonic() - self.sent)
        if self.last:
            raise Interrupted

    def send(self, event: threading.Event, count: int) -> None:
        event.wait(20)
        for number in range(count):
            time.sleep(0.15)
            self.last = number == count - 1
            self.sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGUSR1)


@pytest.fixture
def signals() -> Iterator[Signals]:
    mine = Signals()
    before = signal.signal(signal.SIGUSR1, mine.handler)
    yield mine
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("name", FLOODS)
def test_signals_are_seen_however_busy_the_socket_is(howdah: ModuleType, signals: Signals, name: str) -> None:
    # A COPY that is refused has to end within the bound, without being given up.
    bound = 5 if name == "copy data" else 0.5
    with Flood(*FLOODS[name]) as server:
        conn = howdah.connect(server.dsn, autocommit=True, cancel_timeout=bound)
        conn.add_notify_handler(lambda _: None)
        thread = threading.Thread(target=signals.send, args=(server.flooding, 5))
        thread.start()
        with pytest.raises(Interrupted):
            conn.execute("select 1")
        over = time.monotonic() - signals.sent
        thread.join()
        assert len(signals.delays) == 5
        assert sorted(signals.delays)[2] < SOON
        # The server does not stop for the cancel request either.
        assert over < bound + 4
        assert (conn.closed, conn.broken) == (True, True)
        conn.close()


@asyncio_only
@pytest.mark.parametrize("name", FLOODS)
async def test_the_loop_goes_on_however_busy_the_socket_is(door: Door, name: str) -> None:
    # A COPY that is refused has to end within the bound, without being given up.
    bound = 5 if name == "copy data" else 0.5
    with Flood(*FLOODS[name]) as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=bound)
        conn.add_notice_handler(lambda _: None)
        conn.add_notify_handler(lambda _: None)
        task = asyncio.create_task(conn.execute("select 1"))
        await until(server.flooding.is_set)
        gaps = []
        for _ in range(20):
            begin = time.monotonic()
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - begin)
        assert sorted(gaps)[15] < SOON
        assert not task.done()
        begin = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - begin < bound + 4
        assert (conn.closed, conn.broken) == (True, True)


# What grows is bounded, and who waits is told.


class Breach(HostileServer):
    """Says in answer to the first command, or unasked, what is too much."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]], *, unasked: bool) -> None:
        super().__init__(self._talk)
        self.pieces = pieces
        self.unasked = unasked
        self.connected = threading.Event()
        self.sent = 0

    def _talk(self, peer: Peer) -> None:
        peer.greet()
        if self.unasked:
            self.connected.wait(20)
        else:
            peer.read_command()
        for piece in self.pieces():
            peer.send(piece)
            self.sent += len(piece)
        peer.drain()


def new_parameters() -> Iterator[bytes]:
    for number in itertools.count():
        yield b"".join(parameter(b"p%d.%d" % (number, i), b"x" * 100) for i in range(100))


def notifications() -> Iterator[bytes]:
    for _ in itertools.count():
        yield NOTIFICATION * 1000


def results() -> Iterator[bytes]:
    for _ in itertools.count():
        yield complete(b"SELECT 1") * 1000


# The kernel holds up to 10 MB on its way, beside what the client takes.
BREACHES = {
    "parameters": (new_parameters, "1048576 bytes of parameters", 20_000_000),
    "notifications": (notifications, "at most 131072", 20_000_000),
    "results": (results, "more results than the query can have", 20_000_000),
}


@pytest.mark.parametrize("name", BREACHES)
async def test_too_much_ends_the_connection_for_who_waits(door: Door, name: str) -> None:
    pieces, text, size = BREACHES[name]
    with Breach(pieces, unasked=False) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        with pytest.raises(door.module.OperationalError, match=text):
            await soon(conn.execute("select 1"))
        assert (conn.closed, conn.broken) == (True, True)
        assert server.sent < size


@pytest.mark.parametrize("name", ["parameters", "results"])
async def test_too_much_for_an_idle_connection_is_told_next(door: Door, name: str) -> None:
    pieces, text, _ = BREACHES[name]
    with Breach(pieces, unasked=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        server.connected.set()
        if not door.is_sync:
            await until(lambda: conn.closed)
        await asyncio.sleep(0.1)
        with pytest.raises(door.module.OperationalError) as caught:
            await soon(conn.execute("select 1"))
        assert text in str(caught.value) or name == "results"
        assert (conn.closed, conn.broken) == (True, True)


@asyncio_only
async def test_the_server_keeps_notifications_that_nobody_takes(door: Door) -> None:
    with Breach(notifications, unasked=True) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        conn.max_notifications = 20_000
        server.connected.set()
        sizes = []
        for _ in range(30):
            await asyncio.sleep(0.05)
            sizes.append(server.sent)
        assert sizes[-1] == sizes[-5]
        assert not conn.closed
        # Whoever takes them makes room.
        taken = 0
        async for _ in conn.notifies(timeout=20, stop_after=50_000):
            taken += 1
        assert taken >= 50_000
        assert not conn.closed


@pytest.mark.parametrize("attribute", ["max_notifications", "max_notification_bytes"])
async def test_how_many_notifications_wait_can_be_set(door: Door, attribute: str) -> None:
    kept = 10 if attribute == "max_notifications" else 10 * len(b"chanpayload")
    answers = [NOTIFICATION * 10, NOTIFICATION * 11]

    def script(peer: Peer) -> None:
        peer.greet()
        for answer in answers:
            peer.read_command()
            peer.send(answer + COLUMN + data_row(b"1") + complete(b"SELECT 1") + ready())
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        assert (conn.max_notifications, conn.max_notification_bytes) == (131_072, 32 * 1024 * 1024)
        setattr(conn, attribute, kept)
        assert getattr(conn, attribute) == kept
        await conn.execute("select 1")
        assert len([n async for n in conn.notifies(timeout=0)]) == 10
        with pytest.raises(door.module.OperationalError, match=f"at most .*{kept}"):
            await conn.execute("select 1")
        assert (conn.closed, conn.broken) == (True, True)
        for wrong in (-1, "many"):
            with pytest.raises((OverflowError, TypeError)):
                setattr(conn, attribute, wrong)


# What came in time is in time, however late it is looked at.


class Talkative(HostileServer):
    """Answers a command when asked to cancel it: behind a notice, and more than one look at the socket takes."""

    def __init__(self) -> None:
        super().__init__(self._talk)
        self.asked = threading.Event()
        self.noticed = threading.Event()
        self.sent = threading.Event()

    def _talk(self, peer: Peer) -> None:
        if is_cancel_request(peer.read_startup()):
            self.asked.set()
            return
        peer.send(GREETING)
        peer.read_command()
        self.asked.wait(20)
        peer.send(NOTICE)
        self.noticed.wait(20)
        peer.send(NOTIFICATION * 7000 + error(b"canceled", b"57014") + ready())
        self.sent.set()
        peer.drain()


async def test_an_answer_that_came_in_time_behind_others(door: Door) -> None:
    bound = 2.0
    with Talkative() as server:
        conn = await door.connect(server.dsn, autocommit=True, cancel_timeout=bound)

        def notice(_: object) -> None:
            server.noticed.set()
            assert server.sent.wait(20)
            # It began before.
            time.sleep(bound)

        conn.add_notice_handler(notice)
        conn.operation_timeout = 0.1
        with pytest.raises(door.errors.OperationTimeout):
            await conn.execute("select 1")
        assert server.sent.is_set()
        assert not conn.closed
        assert conn.info.transaction_status == 0
        await conn.close()
