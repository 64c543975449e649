"""Servers that answer garbage, lie about lengths, stop in the middle, or say nothing."""

from __future__ import annotations

import asyncio
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from support.doors import Door
from support.hostile import (
    AUTH_OK,
    GREETING,
    KEY,
    HostileServer,
    Peer,
    Script,
    complete,
    data_row,
    error,
    message,
    parameter,
    ready,
    row_description,
)
from support.memory import for_children, needs_peaks
from support.sessions import Meanwhile

pytestmark = pytest.mark.limit(120)
INT4 = 23


def says(*chunks: bytes) -> Script:
    """Read the startup packet, say this, close."""

    def script(peer: Peer) -> None:
        peer.read_startup()
        for chunk in chunks:
            peer.send(chunk)

    return script


def frame(kind: bytes, length: int, payload: bytes = b"") -> bytes:
    """A message whose length is what the test says."""
    return kind + struct.pack("!I", length & 0xFFFFFFFF) + payload


GARBAGE_AT_STARTUP = {
    "nothing": b"",
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "smtp": b"220 mail.example.org ESMTP\r\n",
    "zeros": bytes(1000),
    "ones": b"\xff" * 1000,
    "half a header": b"R\0\0",
    "half a message": frame(b"R", 8, b"\0\0"),
    "length 0": frame(b"R", 0),
    "length 3": frame(b"R", 3),
    "length 4": frame(b"R", 4),
    "negative length": frame(b"R", -1, b"\0\0\0\0"),
    "2 GiB": frame(b"R", 0x7FFFFFFF, b"\0\0\0\0"),
    "unknown authentication": message(b"R", struct.pack("!i", 99)),
    "kerberos": message(b"R", struct.pack("!i", 2)),
    "negative authentication": message(b"R", struct.pack("!i", -1)),
    "md5 without salt": message(b"R", struct.pack("!i", 5)),
    "no known mechanism": message(b"R", struct.pack("!i", 10) + b"WAT-1\0\0"),
    "mechanisms without end": message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256"),
    "no mechanisms": message(b"R", struct.pack("!i", 10) + b"\0"),
    "unasked final": message(b"R", struct.pack("!i", 12) + b"v=abc"),
    "unasked continue": message(b"R", struct.pack("!i", 11) + b"r=abc,s=QUFB,i=4096"),
    "ready without authentication": ready(),
    "key without authentication": KEY,
    "row at startup": row_description(("a", INT4)) + data_row(b"1"),
    "authenticated and gone": AUTH_OK,
    "authenticated twice": AUTH_OK + AUTH_OK,
    "garbage after authentication": AUTH_OK + b"\x01\x02\x03\x04\x05\x06\x07\x08",
    "parameter without end": AUTH_OK + message(b"S", b"no end"),
    "short key": AUTH_OK + message(b"K", b"\0"),
    "error without end": message(b"E", b"SFATAL"),
    "error with an unknown field only": message(b"E", b"?x\0\0"),
    "old error": b"EFATAL: no pg_hba.conf entry\n\0",
    "negotiation with a negative count": message(b"v", struct.pack("!ii", 0, -5)),
    "negotiation with a lying count": message(b"v", struct.pack("!ii", 0, 1000)),
    "negotiation upwards": message(b"v", struct.pack("!ii", 196608 + 9999, 0)),
}


@pytest.mark.parametrize("name", GARBAGE_AT_STARTUP)
async def test_garbage_at_startup(door: Door, name: str) -> None:
    with HostileServer(says(GARBAGE_AT_STARTUP[name])) as server:
        begin = time.monotonic()
        with pytest.raises(door.module.OperationalError) as caught:
            await door.connect(server.dsn)
        assert str(caught.value)
        assert time.monotonic() - begin < 15


def test_fatal_error_at_startup_is_reported(driver: ModuleType) -> None:
    with HostileServer(says(error(b"the database is on holiday", b"57P03", b"FATAL"))) as server:
        with pytest.raises(driver.OperationalError, match="the database is on holiday"):
            driver.connect(server.dsn)


CHILD = """
import importlib, sys
from support.memory import peak
driver = importlib.import_module(sys.argv[1])
warm = "host=127.0.0.1 port=1 user=u dbname=d connect_timeout=2"
def attempt(dsn):
    try:
        with driver.connect(dsn, autocommit=True) as conn:
            conn.execute("select 1")
    except driver.Error as ex:
        return str(ex)
    return "connected"
attempt(warm)
before = peak()
print(attempt(sys.argv[2]).replace("\\n", " "))
print((peak() - before) // 1024)
"""


def flood(head: bytes) -> Script:
    """Say `head` and then send bytes for as long as the client reads them, up to 200 MB."""

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(head)
        for _ in range(200):
            peer.send(bytes(1_000_000))

    return script


def peak_growth(driver: str, server: HostileServer) -> tuple[str, int]:
    """The error's text and the growth of a child's peak memory in KiB."""
    command = [sys.executable, "-c", CHILD, driver, server.dsn]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=for_children())
    assert done.returncode == 0, done.stderr
    text, growth = done.stdout.splitlines()
    return text, int(growth)


@needs_peaks
@pytest.mark.parametrize("kind", [b"R", b"S", b"K", b"N", b"v", b"Z", b"T", b"x"], ids=bytes.decode)
def test_2_gib_frame_before_authentication(driver: ModuleType, kind: bytes) -> None:
    with HostileServer(flood(frame(kind, 0x7FFFFFFF))) as server:
        text, growth = peak_growth(driver.__name__, server)
    assert text != "connected"
    assert growth < 20_000


FRUGAL_CHILD = """
import asyncio, sys
import howdah
from support.memory import peak
shell, dsn, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
def attempt():
    try:
        if shell == "sync":
            howdah.connect(dsn)
        else:
            asyncio.run(howdah.AsyncConnection.connect(dsn))
    except howdah.OperationalError:
        return
    sys.exit("connected")
attempt()
before = peak()
for _ in range(times):
    attempt()
print((peak() - before) // 1024)
"""

KINDS_AT_STARTUP = [b"R", b"E", b"N", b"S", b"K", b"v", b"Z", b"T", b"D", b"x"]
LIES_ABOUT_SIZES = [0x7FFFFFFF, 0x3FFFFFFE, 10_000_000, 40_000, -1, -0x80000000, 3, 0]


@needs_peaks
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
def test_sizes_that_lie_before_authentication_take_no_memory(howdah: ModuleType, shell: str) -> None:
    """Not even ten megabytes are waited for: all these connections together take less than a mebibyte."""
    heads = [frame(kind, size) for kind in KINDS_AT_STARTUP for size in LIES_ABOUT_SIZES]
    # The first only shows the client everything that it needs.
    scripts = iter([flood(GREETING[:-6]), *map(flood, heads)])
    with HostileServer(lambda peer: next(scripts)(peer)) as server:
        command = [sys.executable, "-c", FRUGAL_CHILD, shell, server.dsn, str(len(heads))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=for_children())
    assert done.returncode == 0, done.stderr
    assert next(scripts, None) is None
    assert int(done.stdout) < 1024


@needs_peaks
def test_2_gib_frame_with_few_bytes_after_authentication(driver: ModuleType) -> None:
    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        peer.send(row_description(("a", INT4)) + frame(b"D", 0x7FFFFFFF, b"\0\x01"))

    with HostileServer(script) as server:
        text, growth = peak_growth(driver.__name__, server)
    assert text != "connected"
    assert growth < 20_000


def answers(*chunks: bytes) -> Script:
    """Accept the client, answer the first command with this, close."""

    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        for chunk in chunks:
            peer.send(chunk)

    return script


COLUMN = row_description(("a", INT4))
END = complete(b"SELECT 1") + ready()
GARBAGE_IN_A_RESULT = {
    "nothing": b"",
    "unknown message": b"\x01" + struct.pack("!i", 4) + END,
    "text": b"hello, I am not a database\r\n" * 10,
    "ends after the description": COLUMN,
    "ends in the description": COLUMN[:-3],
    "ends in a row": COLUMN + data_row(b"1")[:-1],
    "ends after a row": COLUMN + data_row(b"1"),
    "ends in a header": COLUMN + b"D\0\0",
    "ends before ready": COLUMN + data_row(b"1") + complete(b"SELECT 1"),
    "ends in ready": COLUMN + data_row(b"1") + complete(b"SELECT 1") + ready()[:-1],
    "too many columns": COLUMN + data_row(b"1", b"2") + END,
    "too few columns": COLUMN + data_row() + END,
    "row before its description": data_row(b"1") + END,
    "negative column count": COLUMN + message(b"D", struct.pack("!h", -1)) + END,
    "field length -2": COLUMN + message(b"D", struct.pack("!hi", 1, -2)) + END,
    "field longer than the message": COLUMN + message(b"D", struct.pack("!hi", 1, 1000) + b"1") + END,
    "field length 2 GiB": COLUMN + message(b"D", struct.pack("!hi", 1, 0x7FFFFFFF) + b"1") + END,
    "bytes after the row": COLUMN + message(b"D", struct.pack("!hi", 1, 1) + b"1" + b"more") + END,
    "row of length 3": COLUMN + frame(b"D", 3) + END,
    "row of length 0": COLUMN + frame(b"D", 0) + END,
    "row of negative length": COLUMN + frame(b"D", -100) + END,
    "negative count of columns described": message(b"T", struct.pack("!h", -1)) + END,
    "lying count of columns described": message(b"T", struct.pack("!h", 1000) + b"a\0") + END,
    "description without end of name": message(b"T", struct.pack("!h", 1) + b"aaaaaaaaaaaaaaaaaaaaaaaaa") + END,
}


async def bounded(door: Door, conn: Any, query: str) -> Any:
    begin = time.monotonic()
    try:
        return await (await conn.execute(query)).fetchall()
    finally:
        assert time.monotonic() - begin < 20


@pytest.mark.parametrize("name", GARBAGE_IN_A_RESULT)
async def test_garbage_in_a_result(door: Door, name: str) -> None:
    with HostileServer(answers(GARBAGE_IN_A_RESULT[name])) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        if (door.module.__name__, name) == ("psycopg", "field length -2"):
            pytest.skip("libpq takes every negative length for NULL")
        with pytest.raises(door.module.Error) as caught:
            await bounded(door, conn, "select 1")
        assert str(caught.value)
        if door.module.__name__ == "howdah":
            assert isinstance(caught.value, door.module.OperationalError)
            assert (conn.closed, conn.broken) == (True, True)
        with pytest.raises(door.module.Error):
            await bounded(door, conn, "select 1")


async def test_well_formed_answer(door: Door) -> None:
    # The control: what the cases above do wrong is the only thing wrong with them.
    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        peer.send(COLUMN + data_row(b"42") + data_row(None) + complete(b"SELECT 2") + ready())
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        assert await bounded(door, conn, "select 1") == [(42,), (None,)]


async def test_fatal_error_in_a_result(door: Door) -> None:
    with HostileServer(answers(COLUMN, data_row(b"1"), error(b"going down", b"57P01", b"FATAL"))) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        with pytest.raises(door.errors.AdminShutdown, match="going down"):
            await bounded(door, conn, "select 1")
        assert (conn.closed, conn.broken) == (True, True)


async def test_fatal_error_before_a_reset(door: Door) -> None:
    # The reason that the server gave, to an idle client, tells more than the system's error.
    if door.module.__name__ == "psycopg":
        pytest.skip("libpq forgets the reason")

    def script(peer: Peer) -> None:
        peer.greet()
        time.sleep(0.1)
        peer.send(error(b"going down", b"57P01", b"FATAL"))
        peer.read_command()
        peer.reset()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        await asyncio.sleep(0.3)
        with pytest.raises(door.errors.AdminShutdown, match="going down"):
            await bounded(door, conn, "select 1")
        assert (conn.closed, conn.broken) == (True, True)


def dies(*last_words: bytes, idle: bool) -> Script:
    """A server whose session ends with these words, while the socket stays open."""

    def script(peer: Peer) -> None:
        peer.greet()
        if idle:
            time.sleep(0.1)
        else:
            peer.read_command()
        peer.send(b"".join(last_words))
        peer.drain()

    return script


@pytest.mark.parametrize("severity", [b"FATAL", b"PANIC"], ids=bytes.decode)
@pytest.mark.parametrize("idle", [True, False], ids=["idle", "busy"])
async def test_fatal_error_ends_the_connection_whatever_becomes_of_the_socket(
    door: Door, idle: bool, severity: bytes
) -> None:
    if door.module.__name__ == "psycopg":
        pytest.skip("libpq waits for the end of the socket")
    with HostileServer(dies(error(b"going down", b"57P01", severity), idle=idle)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        await asyncio.sleep(0.2)
        begin = time.monotonic()
        with pytest.raises(door.errors.AdminShutdown, match="going down"):
            await conn.execute("select 1")
        assert time.monotonic() - begin < 5
        assert (conn.closed, conn.broken) == (True, True)


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "busy"])
async def test_first_of_two_fatal_errors_is_raised(door: Door, idle: bool) -> None:
    # As PgBouncer has it, whose own error follows the server's.
    if door.module.__name__ == "psycopg":
        pytest.skip("libpq waits for the end of the socket")
    words = error(b"terminating", b"57P01", b"FATAL"), error(b"server conn crashed?", b"08P01", b"FATAL")
    with HostileServer(dies(*words, ready(), idle=idle)) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        await asyncio.sleep(0.2)
        with pytest.raises(door.errors.AdminShutdown, match="terminating"):
            await conn.execute("select 1")


async def test_answers_nobody_asked_for(door: Door) -> None:
    # Two results for one command of the driver itself; the driver may refuse, but not mistake one for the next.
    def script(peer: Peer) -> None:
        peer.greet()
        peer.read_command()
        peer.send((COLUMN + data_row(b"1") + complete(b"SELECT 1") + ready()) * 2)
        peer.read_command()
        peer.send(COLUMN + data_row(b"2") + complete(b"SELECT 1") + ready())
        peer.drain()

    if door.module.__name__ == "psycopg":
        pytest.skip("libpq discards what arrives while idle")
    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        try:
            assert await bounded(door, conn, "select 1") == [(1,)]
            await asyncio.sleep(0.05)
            assert await bounded(door, conn, "select 2") == [(2,)]
        except door.module.OperationalError:
            assert conn.closed


async def test_messages_at_any_time(door: Door) -> None:
    notice = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
    notify = message(b"A", struct.pack("!i", 7) + b"chan\0payload\0")
    extra = notice + notify + parameter(b"application_name", b"changed")
    answer = extra.join([b"", COLUMN, data_row(b"1"), data_row(b"2"), complete(b"SELECT 2"), ready()])

    def script(peer: Peer) -> None:
        peer.greet(AUTH_OK + notice + GREETING[len(AUTH_OK) :])
        for _ in range(2):
            peer.read_command()
            peer.send(answer)
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        notices: list[str] = []
        notifies: list[Any] = []
        conn.add_notice_handler(lambda diag: notices.append(diag.message_primary))
        conn.add_notify_handler(notifies.append)
        for _ in range(2):
            assert await bounded(door, conn, "select 1") == [(1,), (2,)]
        assert notices == ["hello"] * 10
        assert notifies == [("chan", "payload", 7)] * 10
        assert conn.info.parameter_status("application_name") == "changed"


NOTICE = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
FLOODS = {
    "notices before authentication": (b"", NOTICE),
    "notices": (AUTH_OK, NOTICE),
    "parameters": (AUTH_OK, parameter(b"TimeZone", b"UTC")),
    "keys": (AUTH_OK, KEY),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_connect_timeout_holds_while_messages_arrive(door: Door, name: str) -> None:
    if door.module.__name__ == "psycopg":
        pytest.skip("libpq reads as long as there is something to read")
    start, flood = FLOODS[name]

    def script(peer: Peer) -> None:
        peer.greet(start)
        while True:
            peer.send(flood * 1000)

    with HostileServer(script) as server:
        begin = time.monotonic()
        with pytest.raises(door.errors.ConnectionTimeout):
            await door.connect(server.dsn, connect_timeout=2)
        assert 1.5 < time.monotonic() - begin < 10


NEGOTIATIONS = {
    "upwards": message(b"v", struct.pack("!ii", 196608 + 9999, 0)),
    "no change": message(b"v", struct.pack("!ii", 196608 + 2, 0)),
    "twice": message(b"v", struct.pack("!ii", 196608, 0)) * 2,
    "too late": AUTH_OK + message(b"v", struct.pack("!ii", 196608, 0)),
}


@pytest.mark.parametrize("name", NEGOTIATIONS)
async def test_negotiation_that_breaks_the_protocol_ends_at_once(door: Door, name: str) -> None:
    def script(peer: Peer) -> None:
        peer.greet(NEGOTIATIONS[name])
        peer.drain()

    with HostileServer(script) as server:
        begin = time.monotonic()
        with pytest.raises(door.module.OperationalError) as caught:
            await door.connect(server.dsn, max_protocol_version="3.2")
        assert time.monotonic() - begin < 5
        assert not isinstance(caught.value, door.errors.ConnectionTimeout)


async def test_server_that_refuses_newer_protocol(door: Door) -> None:
    negotiation = message(b"v", struct.pack("!ii", 196608, 0))

    def script(peer: Peer) -> None:
        peer.greet(negotiation + GREETING)
        peer.read_command()
        peer.send(COLUMN + data_row(b"1") + END)
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True, max_protocol_version="3.2")
        assert await bounded(door, conn, "select 1") == [(1,)]


@pytest.mark.parametrize("size", [4, 5, 32, 256])
def test_cancel_key_of_any_length(howdah: ModuleType, size: int) -> None:
    key = bytes(range(256))[:size]
    requests: queue.Queue[bytes] = queue.Queue()
    received: list[bytes] = []
    running = threading.Event()

    def script(peer: Peer) -> None:
        body = peer.read_startup()
        if body[:4] == struct.pack("!i", 80877102):
            requests.put(body[4:])
            return
        peer.send(GREETING.replace(KEY, message(b"K", struct.pack("!i", 4242) + key)))
        for _ in range(2):
            peer.read_command()
            running.set()
            received.append(requests.get(timeout=20))
            running.clear()
            peer.send(error(b"canceled", b"57014", b"ERROR") + ready())
        peer.drain()

    def cancel(how: Callable[[], None]) -> None:
        assert running.wait(20)
        how()

    with HostileServer(script) as server, howdah.connect(server.dsn, autocommit=True) as conn:
        assert conn.info.backend_pid == 4242
        for how in (conn.cancel, conn.cancel_safe):
            with Meanwhile(cancel, how), pytest.raises(howdah.errors.QueryCanceled):
                conn.execute("select 1")
    assert received == [struct.pack("!i", 4242) + key] * 2


@pytest.mark.parametrize("size", [0, 3, 257])
def test_cancel_key_that_the_protocol_does_not_know(howdah: ModuleType, size: int) -> None:
    def script(peer: Peer) -> None:
        peer.greet(GREETING.replace(KEY, message(b"K", struct.pack("!i", 4242) + bytes(size))))
        peer.drain()

    with HostileServer(script) as server, pytest.raises(howdah.OperationalError, match="cancel key"):
        howdah.connect(server.dsn)


@pytest.mark.doors("asyncio", "uvloop")
async def test_cancelled_task_on_a_server_that_hangs(door: Door) -> None:
    # Neither the query nor the request to cancel it is ever answered: the task must end, and so must the connection.
    def script(peer: Peer) -> None:
        body = peer.read_startup()
        if body[:4] != struct.pack("!i", 80877102):
            peer.send(GREETING)
        peer.drain()

    with HostileServer(script) as server:
        conn = await door.connect(server.dsn, autocommit=True)
        begin = time.monotonic()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(conn.execute("select 1"), 0.1)
        assert time.monotonic() - begin < 60
        if door.module.__name__ == "howdah":
            assert (conn.closed, conn.broken) == (True, True)


@pytest.mark.doors("asyncio", "uvloop")
async def test_other_connections_live_on(door: Door) -> None:
    with HostileServer(answers(COLUMN + b"\xff" * 100)) as server:
        bad, good = await door.connect(server.dsn, autocommit=True), await door.connect()
        results = await asyncio.gather(
            bad.execute("select 1"), *(good.execute("select 1") for _ in range(10)), return_exceptions=True
        )
        assert isinstance(results[0], door.module.Error)
        assert not any(isinstance(r, BaseException) for r in results[1:])
