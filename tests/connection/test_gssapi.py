"""GSSAPI: a real KDC and a server that trusts it, and servers that are none of them."""

from __future__ import annotations

import asyncio
import importlib
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kdc import USERS, Realm
from pgserver import PgServer

from support.doors import Door, howdah_alone
from support.gssapi import has_gssapi
from support.hostile import GREETING, HostileServer, Peer, error, message, parameter


def request(kind: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


GSS, SSPI = request(7), request(9)


def says(words: bytes, *, stays: bool = True) -> Callable[[Peer], None]:
    """A server that says this whatever it hears, and stays or hangs up."""

    def script(peer: Peer) -> None:
        peer.read_startup()
        peer.send(words)
        if stays:
            peer.drain()

    return script


@pytest.fixture(scope="module")
def gss_server(realm: Realm) -> Iterator[PgServer]:
    with realm.server() as running:
        yield running


OPTIONS: list[dict[str, str]] = [
    {},
    {"require_auth": "gss"},
    {"require_auth": "scram-sha-256,gss"},
    {"require_auth": "!password,!none"},
    {"gssdelegation": "1"},
    {"gssencmode": "prefer"},
    {"gsslib": "gssapi"},
    {"password": "unused"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
async def test_a_ticket_lets_in(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, options: dict[str, str]
) -> None:
    conn = await door.connect(realm.dsn(gss_server), **options)
    query = "select current_user, gss_authenticated, principal from pg_stat_gssapi where pid = pg_backend_pid()"
    row = await (await conn.execute(query)).fetchone()
    assert row == (USERS[0], True, f"{USERS[0]}@HOWDAH.TEST")
    assert conn.pgconn.used_gssapi
    assert not conn.pgconn.used_password


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"require_auth": "scram-sha-256"}, "server requested GSSAPI authentication"),
    ({"require_auth": "!gss"}, "server requested GSSAPI authentication"),
    ({"channel_binding": "require"}, "channel binding required but not supported"),
    ({"krbsrvname": "nobody"}, "Server nobody/localhost@HOWDAH.TEST not found in Kerberos database"),
    # The server's ticket would be another's: the client or the server says so first.
    ({"krbsrvname": "other"}, "GSSAPI"),
    ({"user": "postgres"}, 'GSSAPI authentication failed for user "postgres"'),
    ({"host": ""}, "host name must be specified"),
    ({"user": "scram", "password": "sesame", "require_auth": "gss"}, "server requested SASL authentication"),
    ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
]


@pytest.mark.parametrize(("options", "text"), REFUSED, ids=str)
async def test_what_is_refused(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch, options: dict[str, str], text: str
) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect(realm.dsn(gss_server), **options)
    assert text in str(caught.value)
    assert "sesame" not in str(caught.value)


async def test_others_are_let_in_by_password(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch
) -> None:
    conn = await door.connect(realm.dsn(gss_server, "scram"), password="sesame")
    assert conn.pgconn.used_password
    assert not conn.pgconn.used_gssapi


async def test_no_ticket(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    ticket.setenv("KRB5CCNAME", realm.environ["KRB5CCNAME"])
    with pytest.raises(door.module.OperationalError, match="No Kerberos credentials available"):
        await door.connect(realm.dsn(gss_server))


async def test_somebody_elses_ticket(
    door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch
) -> None:
    ticket.setenv("KRB5CCNAME", realm.ticket(USERS[1]))
    with pytest.raises(door.module.OperationalError, match='GSSAPI authentication failed for user "alice"'):
        await door.connect(realm.dsn(gss_server))


async def test_an_expired_ticket(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    ticket.setenv("KRB5CCNAME", realm.ticket(USERS[0], seconds=1))
    with pytest.raises(door.module.OperationalError, match=r"(?i)expired"):
        for _ in range(200):
            conn = await door.connect(realm.dsn(gss_server))
            await conn.close()
            await asyncio.sleep(0.1)


@howdah_alone
async def test_without_the_feature(door: Door) -> None:
    if has_gssapi(door):
        pytest.skip("the extension was built with its feature gssapi")
    with HostileServer(says(GSS)) as server:
        for options in ({}, {"gssencmode": "prefer"}, {"require_auth": "gss"}):
            with pytest.raises(door.module.OperationalError, match='built without its feature "gssapi"'):
                await door.connect(server.dsn, **options)
        with pytest.raises(door.module.NotSupportedError, match="gssencmode"):
            await door.connect(server.dsn, gssencmode="require")


@howdah_alone
async def test_sspi_is_not_supported(door: Door) -> None:
    with HostileServer(says(SSPI)) as server:
        with pytest.raises(door.module.OperationalError, match="SSPI authentication not supported"):
            await door.connect(server.dsn)


class Liar:
    """A server that asks for GSSAPI, reads the first token, and says this."""

    def __init__(self, answer: bytes, *, again: bool = False) -> None:
        self.answer = answer
        self.again = again
        self.tokens: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        peer.read_startup()
        peer.send(GSS)
        kind, token = peer.read_message()
        assert kind == b"p"
        self.tokens.append(token)
        peer.send(self.answer)
        while self.again:
            peer.send(self.answer)
        peer.drain()


LIES: dict[str, tuple[bytes, str]] = {
    "let in without proof": (GREETING, "while expecting AuthenticationGSSContinue"),
    "an empty token": (request(8), "GSSAPI continuation error"),
    "a token that is none": (request(8, b"garbage") + GREETING, "GSSAPI continuation error"),
    "GSSAPI again": (GSS, "while expecting AuthenticationGSSContinue"),
    "a request for the password": (request(3), "while expecting AuthenticationGSSContinue"),
    "a refusal": (error(b"go away", b"28000", b"FATAL"), "go away"),
    "a long token": (request(8, bytes(5000)), "AuthenticationGSSContinue|message|too long|length"),
}


@howdah_alone
@pytest.mark.parametrize("name", LIES)
async def test_servers_that_are_none(door: Door, ticket: pytest.MonkeyPatch, name: str) -> None:
    answer, text = LIES[name]
    liar = Liar(answer)
    with HostileServer(liar) as server:
        with pytest.raises(door.module.OperationalError, match=text):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1", password="sesame")
    assert len(liar.tokens) == 1
    assert b"sesame" not in liar.tokens[0]


@howdah_alone
async def test_a_server_that_never_ends(door: Door, ticket: pytest.MonkeyPatch) -> None:
    with HostileServer(Liar(request(8, b"more"), again=True)) as server:
        with pytest.raises(door.module.OperationalError):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1")


@howdah_alone
async def test_silence_ends_with_the_timeout(door: Door, ticket: pytest.MonkeyPatch) -> None:
    with HostileServer(Liar(b"")) as server:
        with pytest.raises(door.errors.ConnectionTimeout):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1", connect_timeout=2)


@howdah_alone
async def test_a_silent_kdc_does_not_hold_up_anybody(door: Door, silent_kdc: socket.socket) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.01)

    with HostileServer(says(GSS)) as server:
        beating = asyncio.create_task(beat())
        with pytest.raises(door.errors.ConnectionTimeout):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1", connect_timeout=2)
        beating.cancel()
    # The KDC was asked, and the loop ran meanwhile.
    silent_kdc.settimeout(20)
    silent_kdc.accept()[0].close()
    assert door.is_sync or beats > 10


@howdah_alone
@pytest.mark.doors("asyncio", "uvloop")
async def test_a_silent_kdc_can_be_given_up(door: Door, silent_kdc: socket.socket) -> None:
    with HostileServer(says(GSS)) as server:
        connecting: Any = door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1", connect_timeout=60)
        task = asyncio.create_task(connecting)
        asked, _ = await asyncio.get_running_loop().run_in_executor(None, silent_kdc.accept)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 10
        asked.close()


@howdah_alone
async def test_what_comes_while_a_token_is_made_is_bounded(door: Door, silent_kdc: socket.socket) -> None:
    flood = parameter(b"a", bytes(1000)) * 1000
    with HostileServer(says(GSS + flood)) as server:
        with pytest.raises(door.module.OperationalError, match="more than 65536 bytes"):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1")


@howdah_alone
async def test_an_error_that_comes_while_a_token_is_made_is_told(door: Door, silent_kdc: socket.socket) -> None:
    words = GSS + error(b"too late", b"57P01", b"FATAL")
    with HostileServer(says(words, stays=False)) as server:
        with pytest.raises(door.module.OperationalError, match="too late"):
            await door.connect(server.dsn, host="localhost", hostaddr="127.0.0.1")


@pytest.mark.doors("sync")
async def test_pq(door: Door, realm: Realm, gss_server: PgServer, ticket: pytest.MonkeyPatch) -> None:
    """By polling, where a socket that is silent does not tell that a token has been made."""
    pq = importlib.import_module(f"{door.module.__name__}.pq")
    dsn = realm.dsn(gss_server).encode()
    pgconn = pq.PGconn.connect(dsn)
    assert pgconn.status == pq.ConnStatus.OK
    assert pgconn.used_gssapi
    pgconn.finish()
    pgconn = pq.PGconn.connect_start(dsn)
    while (wanted := pgconn.connect_poll()) not in (pq.PollingStatus.OK, pq.PollingStatus.FAILED):
        sock = [pgconn.socket]
        reads, writes = (sock, []) if wanted == pq.PollingStatus.READING else ([], sock)
        assert any(select.select(reads, writes, [], 20))
    assert wanted == pq.PollingStatus.OK
    assert pgconn.used_gssapi
    pgconn.finish()
