"""Servers made of plain sockets that say whatever a test wants, and a proxy that records a real conversation."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
PATIENCE = 30.0
IMPATIENCE = 0.1
Script = Callable[["Peer"], None]


def message(kind: bytes, payload: bytes = b"") -> bytes:
    """A well-formed backend message."""
    return kind + struct.pack("!i", len(payload) + 4) + payload


def row_description(*columns: tuple[str, int]) -> bytes:
    """Columns of (name, type oid), in text format."""
    body = b"".join(name.encode() + b"\0" + struct.pack("!ihihih", 0, 0, oid, -1, -1, 0) for name, oid in columns)
    return message(b"T", struct.pack("!h", len(columns)) + body)


def data_row(*values: bytes | None) -> bytes:
    """One row of text values."""
    body = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    return message(b"D", struct.pack("!h", len(values)) + body)


def complete(tag: bytes) -> bytes:
    return message(b"C", tag + b"\0")


def ready(status: bytes = b"I") -> bytes:
    return message(b"Z", status)


def error(text: bytes, code: bytes = b"XX000", severity: bytes = b"ERROR") -> bytes:
    fields = b"S" + severity + b"\0V" + severity + b"\0C" + code + b"\0M" + text + b"\0"
    return message(b"E", fields + b"\0")


def parameter(name: bytes, value: bytes) -> bytes:
    return message(b"S", name + b"\0" + value + b"\0")


AUTH_OK = message(b"R", struct.pack("!i", 0))
KEY = message(b"K", struct.pack("!ii", 4242, 99))
GREETING = (
    AUTH_OK
    + parameter(b"server_version", b"18.0")
    + parameter(b"client_encoding", b"UTF8")
    + parameter(b"server_encoding", b"UTF8")
    + parameter(b"standard_conforming_strings", b"on")
    + parameter(b"integer_datetimes", b"on")
    + parameter(b"TimeZone", b"UTC")
    + parameter(b"DateStyle", b"ISO, MDY")
    + parameter(b"IntervalStyle", b"postgres")
    + KEY
    + ready()
)


Server = TypeVar("Server", bound="HostileServer")


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.startup = b""
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.sock.recv(size - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def read_startup(self) -> bytes:
        """The startup packet's body; encryption is declined."""
        while True:
            [size] = struct.unpack("!i", self.read(4))
            body = self.read(size - 4)
            [code] = struct.unpack("!i", body[:4])
            if code not in (SSL_REQUEST, GSS_REQUEST):
                self.startup = body
                return body
            self.send(b"N")

    def greet(self, greeting: bytes = GREETING) -> None:
        """Accept the client."""
        self.read_startup()
        self.send(greeting)

    def read_message(self) -> tuple[bytes, bytes]:
        head = self.read(5)
        [size] = struct.unpack("!i", head[1:])
        return head[:1], self.read(size - 4)

    def read_command(self) -> list[bytes]:
        """Read up to the end of a simple query or a Sync; the kinds of the messages read."""
        kinds: list[bytes] = []
        while not kinds or kinds[-1] not in (b"Q", b"S", b"X"):
            kinds.append(self.read_message()[0])
        return kinds

    def reset(self) -> None:
        """Hang up in a way that the client's socket reports as an error."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def drain(self) -> None:
        """Read until the client goes away."""
        with contextlib.suppress(OSError):
            while self.sock.recv(65536):
                pass


class ScramServer:
    """Lets in who proves by SCRAM-SHA-256 that they know the password, after so many iterations."""

    SALT = b"salt of howdah!!"

    def __init__(self, iterations: int, password: bytes = b"secret", pause: float = 0) -> None:
        self.iterations = iterations
        self.password = password
        self.pause = pause
        self.challenged = threading.Event()
        """The client has what it needs to derive its key."""
        self.answered = threading.Event()
        """The client has proved itself, or tried to."""
        self.gone = threading.Event()
        """The client has hung up."""

    def __call__(self, peer: Peer) -> None:
        peer.read_startup()
        try:
            self._authenticate(peer)
            peer.send(GREETING)
            peer.drain()
        finally:
            self.gone.set()

    def _authenticate(self, peer: Peer) -> None:
        peer.send(_sasl(10, b"SCRAM-SHA-256\0\0"))
        first = peer.read_message()[1].partition(b"n,,")[2]
        time.sleep(self.pause)
        nonce = first.partition(b",r=")[2] + b"servers-part"
        challenge = b"r=%b,s=%b,i=%d" % (nonce, base64.b64encode(self.SALT), self.iterations)
        peer.send(_sasl(11, challenge))
        self.challenged.set()
        without_proof, _, proof = peer.read_message()[1].partition(b",p=")
        self.answered.set()
        salted = hashlib.pbkdf2_hmac("sha256", self.password, self.SALT, self.iterations)
        text = b",".join([first, challenge, without_proof])
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), text, "sha256")
        if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(client_key, signature, strict=True)):
            peer.send(error(b"password authentication failed", b"28P01", b"FATAL"))
            raise EOFError
        signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), text, "sha256")
        peer.send(_sasl(12, b"v=" + base64.b64encode(signature)))


def _sasl(kind: int, data: bytes) -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


class HostileServer:
    """Runs `script` in a thread for each connection; closing the connection is its end."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.threads: list[threading.Thread] = []
        self.sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.errors: list[BaseException] = []

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=u dbname=d sslmode=disable gssencmode=disable connect_timeout=20"

    def __enter__(self: Server) -> Server:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(PATIENCE)
        for sock in self.sockets:
            sock.close()

    def _start(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.sockets.append(sock)
            self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            self._script(Peer(sock))
        except (OSError, EOFError, struct.error):
            pass
        except BaseException as ex:
            self.errors.append(ex)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


class Recording:
    """What each side said, in turns: (bytes from the client, bytes from the server)."""

    def __init__(self) -> None:
        self.turns: list[tuple[int, bytes]] = []

    def client(self, data: bytes) -> None:
        if not self.turns or self.turns[-1][1]:
            self.turns.append((0, b""))
        count, answer = self.turns[-1]
        self.turns[-1] = (count + len(data), answer)

    def server(self, data: bytes) -> None:
        count, answer = self.turns[-1]
        self.turns[-1] = (count, answer + data)

    @property
    def answer(self) -> bytes:
        """All that the server said."""
        return b"".join(a for _, a in self.turns)


def recorder(target: tuple[str, int], recording: Recording) -> Script:
    """A script that passes everything on to a real server and notes it down."""

    def script(peer: Peer) -> None:
        with socket.create_connection(target) as upstream:
            forward = threading.Thread(target=_copy, args=(peer.sock, upstream, recording.client), daemon=True)
            forward.start()
            _copy(upstream, peer.sock, recording.server)
            forward.join(PATIENCE)

    return script


def replayer(turns: Sequence[tuple[int, bytes]], change: Callable[[bytes, int], bytes], step: int = 0) -> Script:
    """A script that repeats a recording; `change` gets each answer and its offset, and may shorten or spoil it.

    An answer that became shorter ends the connection; after a spoiled one a silent client is not waited for long, as
    it may be waiting for the rest of a message. With `step` an answer is sent in pieces of that size.
    """

    def script(peer: Peer) -> None:
        offset = 0
        for count, answer in turns:
            peer.read(count)
            changed = change(answer, offset)
            offset += len(answer)
            for start in range(0, len(changed), step or len(changed) or 1):
                peer.send(changed[start : start + (step or len(changed))])
            if len(changed) < len(answer):
                return
            if changed != answer:
                peer.sock.settimeout(IMPATIENCE)

    return script


def _copy(source: socket.socket, target: socket.socket, note: Callable[[bytes], None]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            note(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
