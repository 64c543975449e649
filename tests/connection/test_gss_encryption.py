"""Encryption by GSSAPI, `gssencmode`: as libpq decides, through and through, and against servers that lie."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from kdc import DATABASES, USERS, Realm
from pgserver import PgServer

from support.doors import Door, howdah_alone
from support.hostile import GREETING, HostileServer, Peer
from support.sessions import Meanwhile
from support.tls import Files, server_context

pytestmark = [howdah_alone, pytest.mark.usefixtures("nothing_at_home")]

GSSENC_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 48])
IN_USE = "select gss_authenticated, encrypted, principal from pg_stat_gssapi where pid = pg_backend_pid()"
BY_TLS = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
ENCRYPTED = (True, True, "alice@HOWDAH.TEST")


@pytest.fixture(scope="module")
def gss_server(realm: Realm, files: Files) -> Iterator[PgServer]:
    with realm.server(**files.for_server(files.server, "gss")) as running:
        yield running


def told(conn: Any, stat: tuple[Any, ...], by_tls: bool) -> tuple[Any, ...]:
    pgconn = conn.pgconn
    return stat, by_tls, pgconn.used_gssapi, pgconn.used_password, pgconn.ssl_in_use


async def outcome(door: Door, dsn: str, **options: Any) -> tuple[Any, ...]:
    """What came of it: the error's class, or how the server sees the connection."""
    try:
        conn = await door.connect(dsn, **options)
    except door.module.Error as ex:
        # What the server said has a class of its own with howdah.
        kind = door.module.OperationalError if ex.sqlstate else type(ex)
        return (kind.__name__,)
    stat = await (await conn.execute(IN_USE)).fetchone()
    [by_tls] = await (await conn.execute(BY_TLS)).fetchone()
    found = told(conn, stat, by_tls)
    await conn.close()
    return found


def libpqs(dsn: str, **options: Any) -> tuple[Any, ...]:
    """The same of libpq."""
    try:
        conn = psycopg.connect(dsn, **options)
    except psycopg.Error as ex:
        return (type(ex).__name__,)
    with conn:
        stat = conn.execute(IN_USE).fetchone()
        by_tls = conn.execute(BY_TLS).fetchone()
        assert stat
        assert by_tls
        return told(conn, stat, by_tls[0])


@pytest.mark.parametrize("has_ticket", [True, False])
@pytest.mark.parametrize("mode", ["disable", "prefer", "require"])
async def test_libpq_decides_alike(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, mode: str, has_ticket: bool
) -> None:
    if not has_ticket:
        ticket.setenv("KRB5CCNAME", realm.environ["KRB5CCNAME"])
    dsn = realm.dsn(gss_server)
    seen = set()
    for sslmode, dbname in itertools.product(["disable", "allow", "prefer", "require"], [*DATABASES, "postgres"]):
        options = {"gssencmode": mode, "sslmode": sslmode, "dbname": dbname}
        found = await outcome(door, dsn, **options)
        assert found == libpqs(dsn, **options), options
        seen.add(found[0])
    assert (ENCRYPTED in seen) is (has_ticket and mode != "disable")


@pytest.mark.parametrize("require_auth", ["", "gss", "!gss", "none", "!none", "scram-sha-256", "gss,none", "!password"])
async def test_what_else_is_required(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, require_auth: str
) -> None:
    for dbname, user, binding in itertools.product(
        ["onlygss", "trusting", "secret"], ["alice", "scram"], ["prefer", "require"]
    ):
        dsn = realm.dsn(gss_server, user)
        options = {"gssencmode": "require", "dbname": dbname, "password": "sesame", "channel_binding": binding}
        if require_auth:
            options["require_auth"] = require_auth
        assert await outcome(door, dsn, **options) == libpqs(dsn, **options), options


@pytest.mark.parametrize(
    "options",
    [
        {"sslmode": "verify-full"},
        {"sslcertmode": "require"},
        {"gssdelegation": "1"},
        {"krbsrvname": "nobody"},
        {"krbsrvname": "other"},
        {"krbsrvname": "nobody", "gssencmode": "prefer", "dbname": "either"},
        {"host": ""},
        {"host": "", "gssencmode": "prefer", "dbname": "either"},
        {"user": "postgres"},
        {"dbname": "nowhere"},
    ],
    ids=str,
)
async def test_other_options(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    options = {"gssencmode": "require", **options}
    dsn = realm.dsn(gss_server)
    assert await outcome(door, dsn, **options) == libpqs(dsn, **options)


async def test_unix_sockets_have_none(door: Door, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    conn = await door.connect(gss_server.dsn, gssencmode="prefer")
    assert not conn.pgconn.used_gssapi
    for dsn in (gss_server.dsn, "host=/nowhere user=u"):
        with pytest.raises(door.module.OperationalError, match=r"not supported over a local socket|No such file"):
            await door.connect(dsn, gssencmode="require")


async def test_no_ticket(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    ticket.setenv("KRB5CCNAME", realm.environ["KRB5CCNAME"])
    with pytest.raises(door.module.OperationalError, match="GSSAPI encryption required but no credential cache"):
        await door.connect(realm.dsn(gss_server), gssencmode="require")


async def encrypted(door: Door, realm: Realm, server: PgServer, **options: Any) -> Any:
    conn = await door.connect(realm.dsn(server), gssencmode="require", dbname="onlygss", **options)
    assert conn.pgconn.used_gssapi
    return conn


async def test_large_data_both_ways(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    conn = await encrypted(door, realm, gss_server)
    large = bytes(range(256)) * (1 << 16)
    cursor = await conn.execute("select %b::bytea || %b::bytea, length(%b::bytea)", [large, b"end", large])
    back, length = await cursor.fetchone()
    assert length == len(large) == 16 << 20
    assert back == large + b"end"
    # While it is being sent, the server sends.
    rows = "select repeat('x', 1000000) from generate_series(1, 16); "
    cursor = await conn.execute(rows + "-- " + "y" * (16 << 20))
    assert len(await cursor.fetchall()) == 16


@pytest.mark.parametrize("size", [1, 15_999, 16_000, 16_001, 65_536, 65_537, 200_000])
async def test_sizes(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, size: int) -> None:
    conn = await encrypted(door, realm, gss_server)
    for _ in range(3):
        [back] = await (await conn.execute("select %s::text", ["x" * size])).fetchone()
        assert back == "x" * size


class Between(HostileServer):
    """Stands between the client and the server: notes what the client sends, and may change what the server does."""

    def __init__(self, server: PgServer, change: Callable[[int, bytes], bytes] | None = None) -> None:
        super().__init__(self._pass_on)
        self._server = server
        self._change = change
        self.said: list[bytes] = []

    def _pass_on(self, peer: Peer) -> None:
        with socket.create_connection(("127.0.0.1", self._server.port)) as upstream:
            mine = len(self.said)
            self.said.append(b"")
            forward = threading.Thread(target=self._forward, args=(peer.sock, upstream, mine), daemon=True)
            forward.start()
            with contextlib.suppress(OSError, EOFError):
                self._back(Peer(upstream), peer)
            peer.sock.shutdown(socket.SHUT_WR)
            forward.join(20)

    def _forward(self, client: socket.socket, upstream: socket.socket, mine: int) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self.said[mine] += data
                upstream.sendall(data)
        with contextlib.suppress(OSError):
            upstream.shutdown(socket.SHUT_WR)

    def _back(self, upstream: Peer, client: Peer) -> None:
        client.send(upstream.read(1))
        for number in itertools.count():
            head = upstream.read(4)
            packet = head + upstream.read(struct.unpack("!I", head)[0])
            client.send(self._change(number, packet) if self._change else packet)


def through(realm: Realm, between: HostileServer) -> str:
    where = f"host=localhost hostaddr=127.0.0.1 port={between.port} user={USERS[0]} dbname=onlygss"
    return f"{where} gssencmode=require connect_timeout=20"


async def test_nothing_goes_in_plaintext_and_cancel_requests_neither(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch
) -> None:
    with Between(gss_server) as between:
        conn = await door.connect(through(realm, between), application_name="canary")
        pid = conn.info.backend_pid

        def cancel() -> None:
            with psycopg.connect(gss_server.dsn, autocommit=True) as watching:
                running = "select from pg_stat_activity where pid = %s and wait_event = 'PgSleep'"
                while not watching.execute(running, [pid]).fetchall():
                    time.sleep(0.01)
            getattr(conn, "wrapped", conn).cancel()

        for _ in range(3):
            with Meanwhile(cancel), pytest.raises(door.errors.QueryCanceled):
                await conn.execute("select pg_sleep(60)")
            await conn.rollback()
        assert await (await conn.execute("select 1")).fetchone() == (1,)
        await conn.close()
    assert len(between.said) == 4
    for said in between.said:
        assert said.startswith(GSSENC_REQUEST)
        assert b"canary" not in said
        assert struct.pack("!i", pid) not in said


async def test_timeouts_cancel(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    conn = await encrypted(door, realm, gss_server, autocommit=True)
    # Cancellation included: on a busy machine that takes its time.
    with pytest.raises(door.module.errors.OperationTimeout):
        await conn.execute("select pg_sleep(60)", timeout=3)
    assert await (await conn.execute("select 1")).fetchone() == (1,)


@pytest.mark.doors("asyncio", "uvloop")
async def test_cancelled_tasks(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    conn = await encrypted(door, realm, gss_server, autocommit=True)
    for _ in range(3):
        task = asyncio.ensure_future(conn.execute("select pg_sleep(60)"))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await (await conn.execute("select 1")).fetchone() == (1,)
    await conn.cancel_safe()


def flipped(number: int, packet: bytes) -> bytes:
    return packet[:-1] + bytes([packet[-1] ^ 1]) if number == 3 else packet


def unsealed(number: int, packet: bytes) -> bytes:
    return packet[:6] + bytes([packet[6] & ~2]) + packet[7:] if number == 3 else packet


def repeated(number: int, packet: bytes) -> bytes:
    return packet * 2 if number == 3 else packet


def oversize(number: int, packet: bytes) -> bytes:
    return struct.pack("!I", 16_381) + bytes(16_381) if number == 3 else packet


def huge(number: int, packet: bytes) -> bytes:
    return b"\xff\xff\xff\xff" if number == 3 else packet


def empty(number: int, packet: bytes) -> bytes:
    return bytes(4) if number == 3 else packet


def plain(number: int, packet: bytes) -> bytes:
    return b"Z\0\0\0\x05I" if number == 3 else packet


CHANGES: dict[Callable[[int, bytes], bytes], str] = {
    flipped: "GSSAPI unwrap error",
    unsealed: "GSSAPI unwrap error|did not use confidentiality",
    repeated: "GSSAPI unwrap error",
    oversize: r"oversize GSSAPI packet sent by the server \(16381 > 16380\)",
    huge: "oversize GSSAPI packet sent by the server",
    empty: "empty GSSAPI packet",
    plain: "oversize GSSAPI packet",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_packets_that_were_changed(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, change: Callable[[int, bytes], bytes]
) -> None:
    """The first packets are the token, and what a session begins with; the next is an answer."""
    with Between(gss_server, change) as between:
        with pytest.raises(door.module.OperationalError, match=CHANGES[change]):
            conn = await door.connect(through(realm, between))
            for _ in range(5):
                await conn.execute("select 1")


Script = Callable[[Peer], None]


def answers(answer: bytes, token: bytes | None = None, *, stays: bool = True) -> Script:
    """A server that gives this to a GSSENCRequest, and that to the first token."""

    def script(peer: Peer) -> None:
        assert peer.read(8) == GSSENC_REQUEST
        peer.send(answer)
        if token is not None:
            peer.read(struct.unpack("!I", peer.read(4))[0])
            peer.send(token)
        if stays:
            peer.drain()

    return script


SESAME = b"ESFATAL\0MSESAME\0\0"
LIES: dict[str, tuple[Script, str]] = {
    "an error": (answers(SESAME), "server sent an error response during GSS encryption exchange"),
    "bytes behind G": (answers(b"G" + GREETING), "received unencrypted data after GSSAPI response"),
    "bytes behind N": (answers(b"N" + GREETING), "received unencrypted data after GSSAPI response"),
    "the answer to another request": (answers(b"S"), "got the byte 0x53 while expecting the answer to a GSSENCRequest"),
    "no encryption": (answers(b"N"), "server doesn't support GSSAPI encryption, but it was required"),
    "nothing": (answers(b"", stays=False), "closed the connection"),
    "no token": (answers(b"G", b"", stays=False), "closed the connection in the handshake of GSSAPI encryption"),
    "an error for a token": (answers(b"G", SESAME), "server sent an error response during GSS encryption exchange"),
    "garbage": (answers(b"G", b"\0\0\0\x07garbage"), "GSSAPI continuation error"),
    "an empty token": (answers(b"G", bytes(4)), "empty GSSAPI packet"),
    "a long token": (answers(b"G", struct.pack("!I", 65_533)), r"oversize GSSAPI packet .*\(65533 > 65532\)"),
    "a huge token": (answers(b"G", b"\xff" * 8), "oversize GSSAPI packet"),
    "a greeting": (answers(b"G", GREETING), "oversize GSSAPI packet"),
}


@pytest.mark.parametrize("name", LIES)
async def test_servers_that_lie(door: Door, realm: Realm, ticket: pytest.MonkeyPatch, name: str) -> None:
    script, text = LIES[name]
    with HostileServer(script) as server:
        with pytest.raises(door.module.OperationalError, match=text) as caught:
            await door.connect(through(realm, server), password="sesame")
        assert not server.errors
    assert "SESAME" not in str(caught.value)


async def test_a_server_that_is_silent(door: Door, realm: Realm, ticket: pytest.MonkeyPatch) -> None:
    with HostileServer(answers(b"G", b"\0\0\0\x07garb")) as server, pytest.raises(door.errors.ConnectionTimeout):
        await door.connect(through(realm, server), connect_timeout=2)


async def test_a_refusal_does_not_end_the_connection(door: Door, realm: Realm, ticket: pytest.MonkeyPatch) -> None:
    """What comes next is asked for where it was refused, as libpq does."""
    asked: list[bytes] = []

    def script(peer: Peer) -> None:
        while (head := peer.read(8))[4:6] == b"\x04\xd2":
            asked.append(head)
            peer.send(b"N")
        peer.read(struct.unpack("!I", head[:4])[0] - 8)
        peer.send(GREETING)
        peer.drain()

    for sslmode, requests in (("disable", 1), ("allow", 1), ("prefer", 2)):
        asked.clear()
        with HostileServer(script) as server:
            conn = await door.connect(through(realm, server), gssencmode="prefer", sslmode=sslmode)
            assert not conn.pgconn.used_gssapi
            assert not conn.info.ssl_in_use
            await conn.close()
            assert (len(asked), len(server.sockets)) == (requests, 1)


async def test_direct_tls_comes_by_another_connection(
    door: Door, realm: Realm, ticket: pytest.MonkeyPatch, files: Files
) -> None:
    context = server_context(files.server, files.folder, alpn=["postgresql"])
    first = threading.Event()

    def script(peer: Peer) -> None:
        if not first.is_set():
            first.set()
            answers(b"N")(peer)
            return
        with contextlib.suppress(ssl.SSLError), context.wrap_socket(peer.sock, server_side=True) as sock:
            inner = Peer(sock)
            inner.greet()
            inner.drain()

    with HostileServer(script) as server:
        options = {"gssencmode": "prefer", "sslmode": "require", "sslnegotiation": "direct"}
        conn = await door.connect(through(realm, server), **options)
        assert conn.info.ssl_in_use
        assert not conn.pgconn.used_gssapi
        await conn.close()
        assert len(server.sockets) == 2


async def test_a_silent_kdc_does_not_hold_up_anybody(door: Door, silent_kdc: socket.socket, realm: Realm) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    with HostileServer(answers(b"G")) as server:
        beating = asyncio.create_task(beat())
        with pytest.raises(door.errors.ConnectionTimeout):
            await door.connect(through(realm, server), connect_timeout=2)
        beating.cancel()
    silent_kdc.settimeout(20)
    silent_kdc.accept()[0].close()
    assert door.is_sync or beats > 10


@pytest.mark.doors("sync")
async def test_pq(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    """By polling, also the cancel request, where a socket that is silent does not tell that a token has been made."""
    pq = importlib.import_module(f"{door.module.__name__}.pq")
    dsn = re.sub("gssencmode=disable", "gssencmode=require", realm.dsn(gss_server)).encode()
    pgconn = pq.PGconn.connect_start(dsn)
    poll(pq, pgconn, pgconn.connect_poll)
    assert pgconn.used_gssapi
    pgconn.send_query(b"select pg_sleep(60)")
    await asyncio.sleep(0.2)
    cancel = pgconn.cancel_conn()
    cancel.start()
    poll(pq, cancel, cancel.poll)
    assert pgconn.get_result().status == pq.ExecStatus.FATAL_ERROR
    pgconn.finish()


def poll(pq: Any, conn: Any, step: Callable[[], Any]) -> None:
    while (wanted := step()) not in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
        sock = [conn.socket]
        reads, writes = (sock, []) if wanted == pq.PollingStatus.READING else ([], sock)
        assert any(select.select(reads, writes, [], 20))
    assert wanted == pq.PollingStatus.OK
