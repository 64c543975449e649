"""Whoever stands between client and server: before TLS, in its handshake, and within it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer, available_flavours

from support.certificates import Signed
from support.doors import Door
from support.hostile import GREETING, HostileServer, Peer, error, message
from support.tls import SSL_REQUEST, Files, Relay, TlsServer, server_context, target, tls_server

pytestmark = pytest.mark.usefixtures("nothing_at_home")

STRONG = ["require", "verify-ca", "verify-full"]


@pytest.fixture(scope="module")
def context(files: Files) -> ssl.SSLContext:
    return server_context(files.server, files.folder)


def before_tls(answer: bytes, seen: list[bytes]) -> Callable[[Peer], None]:
    """Answer an SSLRequest, and note what the client says next."""

    def script(peer: Peer) -> None:
        if peer.read(8) != SSL_REQUEST:
            return
        peer.send(answer)
        peer.sock.settimeout(1)
        seen.append(peer.sock.recv(64))

    return script


def conninfo(server: HostileServer, options: str) -> str:
    who = "user=u dbname=d password=SESAME gssencmode=disable connect_timeout=20"
    return f"host=localhost port={server.port} {who} {options}"


def greeted(peer: Peer) -> None:
    """A server that lets anybody in."""
    peer.read_startup()
    peer.send(GREETING)
    while peer.read_command() != [b"X"]:
        pass


@pytest.mark.parametrize("mode", ["prefer", *STRONG])
@pytest.mark.parametrize(
    "answer",
    [b"S" + GREETING, b"S\0", b"SS", b"SN", b"N" + GREETING, b"NN", b"G", b"R", b"\0", b"s", b"\xff"],
    ids=lambda answer: answer[:4].hex(),
)
async def test_answers_that_are_none(door: Door, files: Files, mode: str, answer: bytes) -> None:
    if door.module.__name__ == "psycopg" and answer[:1] == b"N":
        pytest.skip("libpq reads on behind N")
    seen: list[bytes] = []
    with HostileServer(before_tls(answer, seen)) as server:
        with pytest.raises(door.module.OperationalError):
            await door.connect(conninfo(server, f"sslmode={mode} sslrootcert={files.right}"))
    # Not a byte of the session goes to such a server; of TLS a greeting, where the rest is not looked at.
    tls = door.module.__name__ == "psycopg" and seen and seen[0][:1] == b"\x16"
    assert tls or seen in ([], [b""])


@pytest.mark.parametrize("mode", ["prefer", *STRONG])
async def test_an_error_before_tls_is_not_shown(door: Door, files: Files, mode: str) -> None:
    fake = error(b"call 555-1234 and tell your password", b"28000")
    seen: list[bytes] = []
    with HostileServer(before_tls(fake, seen)) as server:
        with pytest.raises(door.module.OperationalError) as caught:
            await door.connect(conninfo(server, f"sslmode={mode} sslrootcert={files.right}"))
    assert "555" not in str(caught.value)
    assert "SSL" in str(caught.value)
    assert seen in ([], [b""])


@pytest.mark.parametrize("mode", STRONG)
async def test_no_is_no_answer_to_require(door: Door, files: Files, mode: str) -> None:
    seen: list[bytes] = []
    with HostileServer(before_tls(b"N", seen)) as server:
        with pytest.raises(door.module.OperationalError, match="does not support SSL"):
            await door.connect(conninfo(server, f"sslmode={mode} sslrootcert={files.right}"))
    assert seen == [b""]


async def test_no_is_an_answer_to_prefer(door: Door) -> None:
    seen: list[bytes] = []

    def script(peer: Peer) -> None:
        seen.append(peer.read(8))
        peer.send(b"N")
        greeted(peer)

    with HostileServer(script) as server:
        conn = await door.connect(conninfo(server, "sslmode=prefer"))
        await conn.close()
    assert seen == [SSL_REQUEST]


class Cutter(Relay):
    """A relay that ends a connection after `cut` bytes of the server's, and counts them."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.cut = 1 << 30
        self.passed = 0
        self.over = threading.Event()

    def _copy(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        left = 1 << 30 if from_client else self.cut
        with contextlib.suppress(OSError):
            while left and (data := source.recv(min(left, 65536))):
                sink.sendall(data)
                left -= len(data)
        if not from_client:
            self.passed = self.cut - left
            self.over.set()
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.limit(120)
@pytest.mark.parametrize("mode", ["require", "prefer"])
async def test_a_connection_that_ends_anywhere(door: Door, files: Files, context: ssl.SSLContext, mode: str) -> None:
    """Closed after any number of the server's bytes: of its answer, of the handshake, of what is encrypted."""
    with TlsServer(context, greeted) as server, Cutter(server.port) as relay:
        options = f"port={relay.port} user=u dbname=d gssencmode=disable sslmode={mode} sslrootcert={files.right}"
        target = f"host=localhost connect_timeout=20 {options}"
        await (await door.connect(target)).close()
        assert relay.over.wait(20)
        total = relay.passed
        assert total > 1000
        # The greeting is the last that the server says, and no byte of it can be spared.
        for where in [*range(8), 100, *range(130, total - 100, 200), *range(total - 100, total - 60)]:
            relay.cut = where
            with pytest.raises(door.module.OperationalError):
                await door.connect(target)


@pytest.mark.parametrize("stage", ["request", "hello", "startup"])
async def test_a_server_that_is_silent(door: Door, files: Files, stage: str) -> None:
    """`connect_timeout` bounds the handshake of TLS as well, also where the connection is tried again without."""
    over = threading.Event()

    def quiet(peer: Peer) -> None:
        if stage == "request":
            over.wait(30)
        elif peer.read(8) == SSL_REQUEST:
            peer.send(b"S")
            over.wait(30)

    def server() -> HostileServer:
        if stage != "startup":
            return HostileServer(quiet)
        return TlsServer(server_context(files.server, files.folder), lambda _peer: over.wait(30))

    with server() as silent:
        begun = time.monotonic()
        options = "sslmode=prefer connect_timeout=2"
        with pytest.raises(door.module.errors.ConnectionTimeout):
            await door.connect(f"host=localhost port={silent.port} user=u dbname=d gssencmode=disable {options}")
        took = time.monotonic() - begun
        over.set()
    assert 1.5 < took < 15


GARBAGE = {
    "zeros": bytes(200),
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4,
    "alert": bytes([21, 3, 3, 0, 2, 2, 40]),
    "huge": bytes([22, 3, 3, 255, 255]) + bytes(70_000),
    "empty-records": bytes([22, 3, 3, 0, 0]) * 1000,
    "endless-handshake": (bytes([22, 3, 3, 64, 0]) + bytes([11, 255, 255, 255]) + bytes(16380)) * 40,
    "greeting": GREETING * 3,
}


@pytest.mark.parametrize("name", GARBAGE)
@pytest.mark.parametrize("mode", ["prefer", "require"])
async def test_garbage_for_a_handshake(door: Door, name: str, mode: str) -> None:
    if door.module.__name__ == "psycopg" and not door.is_sync:
        pytest.skip("libpq waits for seconds, and does so behind every shell alike")

    def script(peer: Peer) -> None:
        if peer.read(8) == SSL_REQUEST:
            peer.send(b"S")
            peer.send(GARBAGE[name])
            while peer.sock.recv(4096):
                pass

    with HostileServer(script) as server, pytest.raises(door.module.OperationalError):
        await door.connect(conninfo(server, f"sslmode={mode} connect_timeout=3"))


async def test_garbage_within_tls(door: Door, files: Files) -> None:
    """Bytes that TLS has not made, once it is agreed on, end the connection."""
    with tls_or_skip(files, "garbage") as real:
        spoil = threading.Event()
        with Spoiler(real.port, spoil) as relay:
            conn = await door.connect(f"{target(real)} port={relay.port} sslmode=require")
            await conn.execute("select 1")
            spoil.set()
            with pytest.raises(door.module.OperationalError):
                await conn.execute("select 1")
            assert conn.closed


class Spoiler(Relay):
    """A relay that changes a byte of what the server says, once it is told to."""

    def __init__(self, port: int, spoil: threading.Event) -> None:
        super().__init__(port)
        self._spoil = spoil

    def _copy(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        try:
            while data := bytearray(source.recv(65536)):
                if self._spoil.is_set() and not from_client:
                    data[len(data) // 2] ^= 1
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


async def test_a_server_is_told_why_it_is_refused(door: Door, files: Files) -> None:
    """By an alert of TLS, which it can log."""
    told: list[str] = []

    class Server(HostileServer):
        def __init__(self, context: ssl.SSLContext) -> None:
            super().__init__(self._shake_hands)
            self.context = context

        def _shake_hands(self, peer: Peer) -> None:
            assert peer.read(8) == SSL_REQUEST
            peer.send(b"S")
            try:
                self.context.wrap_socket(peer.sock, server_side=True)
            except ssl.SSLError as refusal:
                told.append(str(refusal))

    misnamed = files.root.issue("elsewhere", ["elsewhere"])
    stranger = files.other_root.issue("localhost", ["localhost"])
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for signed in (stranger, misnamed) if door.module.__name__ == "howdah" else (stranger,):
            context = server_context(signed, files.folder)
            context.maximum_version = version
            with Server(context) as server, pytest.raises(door.module.OperationalError):
                await door.connect(conninfo(server, f"sslmode=verify-full sslrootcert={files.right}"))
            assert "ALERT" in told.pop().upper(), (version, signed)


def tls_or_skip(files: Files, name: str) -> Any:
    if "debian" not in available_flavours():
        pytest.skip("only Debian's server has TLS")
    return tls_server(files, files.server, name)


async def test_a_server_that_asks_for_no_proof(door: Door, context: ssl.SSLContext) -> None:
    """`channel_binding=require` and `require_auth` hold within TLS: nobody is in just because the server says so."""
    requests = {
        "ok": GREETING,
        "cleartext": message(b"R", struct.pack("!i", 3)),
        "md5": message(b"R", struct.pack("!i4s", 5, b"salt")),
        "unbound": message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"),
    }
    for name, request in requests.items():
        said: list[bytes] = []

        def script(peer: Peer, request: bytes = request, said: list[bytes] = said) -> None:
            peer.read_startup()
            peer.send(request)
            peer.sock.settimeout(1)
            said.append(peer.sock.recv(100))

        with TlsServer(context, script) as server:
            with pytest.raises(door.module.OperationalError, match="channel binding"):
                await door.connect(f"{server.target} password=SESAME sslmode=require channel_binding=require")
        assert said in ([], [b""]), name


@pytest.mark.parametrize("binding", ["prefer", "require"])
async def test_a_proof_cannot_be_passed_on(door: Door, files: Files, binding: str) -> None:
    """Somebody with a certificate of his own, who passes all on to the real server and back, is found out by SCRAM."""
    own: Signed = files.other_root.issue("localhost", ["localhost"])
    with tls_or_skip(files, "passed-on") as real:
        for strip in (False, True):
            with TlsServer(server_context(own, files.folder), _passing_on(real, strip=strip)) as middle:
                options = f"user=scram dbname=postgres password=sesame sslmode=require channel_binding={binding}"
                with pytest.raises(door.module.OperationalError):
                    await door.connect(f"{middle.target} {options}")
        honest = f"{target(real, 'scram')} password=sesame sslmode=require channel_binding={binding}"
        await (await door.connect(honest)).close()


def _passing_on(real: PgServer, *, strip: bool) -> Callable[[Peer], None]:
    def script(peer: Peer) -> None:
        upstream = socket.create_connection(("127.0.0.1", real.port))
        upstream.sendall(SSL_REQUEST)
        assert upstream.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(upstream) as wrapped:
            peer.sock.settimeout(5)
            wrapped.settimeout(5)
            for _ in range(6):
                wrapped.sendall(peer.sock.recv(65536))
                answer = wrapped.recv(65536)
                if strip and b"SCRAM-SHA-256-PLUS\0" in answer:
                    answer = message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0")
                peer.send(answer)

    return script


@pytest.mark.parametrize("alpn", [["postgresql"], ["http/1.1", "postgresql"], ["http/1.1"], []])
async def test_direct_negotiation(door: Door, files: Files, alpn: list[str]) -> None:
    """TLS from the first byte, with ALPN: a server that does not say that it speaks PostgreSQL is none."""
    context = server_context(files.server, files.folder, alpn=alpn)
    options = f"sslmode=verify-full sslrootcert={files.right} sslnegotiation=direct"
    with TlsServer(context, greeted, direct=True) as server:
        if "postgresql" in alpn:
            conn = await door.connect(f"{server.target} {options}")
            if door.module.__name__ == "howdah":
                assert conn.info.ssl_attribute("alpn") == "postgresql"
            await conn.close()
        else:
            with pytest.raises(door.module.OperationalError):
                await door.connect(f"{server.target} {options}")
    with TlsServer(context, greeted) as server, pytest.raises(door.module.OperationalError):
        await door.connect(f"{server.target} {options}")


@pytest.mark.parametrize(
    ("host", "options", "told"),
    [
        ("localhost", "", "localhost"),
        ("localhost", "sslsni=0", None),
        ("127.0.0.1", "", None),
        ("db.example", "hostaddr=127.0.0.1", "db.example"),
    ],
)
async def test_the_name_that_the_server_is_told(
    door: Door, files: Files, host: str, options: str, told: str | None
) -> None:
    names: list[str | None] = []
    context = server_context(files.server, files.folder)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with TlsServer(context, greeted) as server:
        conn = await door.connect(f"{server.target} host={host} sslmode=require {options}")
        await conn.close()
    assert names == [told]


def test_a_cancel_request_is_never_sent_in_plaintext(howdah: ModuleType, files: Files) -> None:
    """A session in TLS has a key that nobody else may see: the request that has it in it is encrypted as well."""
    with tls_or_skip(files, "cancelling") as real, Relay(real.port) as relay:
        conn = howdah.connect(f"{target(real)} port={relay.port} sslmode=prefer", cancel_timeout=2)
        assert conn.info.ssl_in_use
        timer = threading.Timer(0.3, conn.cancel_safe)
        timer.start()
        with pytest.raises(howdah.errors.QueryCanceled):
            conn.execute("select pg_sleep(30)")
        timer.join()
        assert relay.first_bytes == [SSL_REQUEST] * 2
        conn.close()


def test_a_cancel_request_that_is_refused_tls(howdah: ModuleType, context: ssl.SSLContext) -> None:
    said: list[bytes] = []
    talking = threading.Event()

    def refusing(peer: Peer) -> None:
        said.append(peer.read(8))
        peer.send(b"N")
        peer.sock.settimeout(1)
        said.append(peer.sock.recv(100))

    def running(peer: Peer) -> None:
        peer.read_startup()
        peer.send(GREETING)
        peer.read_command()
        talking.set()
        peer.sock.settimeout(20)
        peer.sock.recv(100)

    class Server(TlsServer):
        def _talk(self, peer: Peer) -> None:
            if talking.is_set():
                refusing(peer)
            else:
                super()._talk(peer)

    with Server(context, running) as server:
        conn = howdah.connect(f"{server.target} sslmode=require", autocommit=True, cancel_timeout=1)
        errors: list[BaseException] = []

        def cancel() -> None:
            talking.wait(20)
            try:
                conn.cancel_safe(timeout=5)
            except howdah.Error as caught:
                errors.append(caught)
            conn.close()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(howdah.OperationalError):
            conn.execute("select 1")
        thread.join()
    assert said == [SSL_REQUEST, b""]
    assert "encrypted" in str(errors[0])
