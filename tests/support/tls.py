"""Servers with TLS for the tests: Debian's PostgreSQL with certificates of our own, and what may stand in its place."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pgserver import PgServer

from support.certificates import CLIENT_AUTH, Authority, Signed
from support.hostile import HostileServer, Peer

SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])

USERS = ("any", "onlyssl", "nossl", "cert", "scram", "md5", "password")
"""Users of the servers with TLS, by what pg_hba.conf says of them."""

HBA = """local all all trust
host all any 127.0.0.1/32 trust
hostssl all onlyssl 127.0.0.1/32 trust
hostnossl all nossl 127.0.0.1/32 trust
hostssl all cert 127.0.0.1/32 cert
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all password 127.0.0.1/32 password
"""


class Files:
    """A folder with the certificates of the tests, which servers of another user can read."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="howdah-tls-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.root = Authority()
        self.other_root = Authority("somebody else")
        self.server = self.root.issue("localhost", ["localhost"])
        self.client = self.root.issue("cert", usage=CLIENT_AUTH)
        self.right = self.write("root.crt", self.root.pem())
        self.wrong = self.write("wrong.crt", self.other_root.pem())
        self.missing = str(self.folder / "missing.crt")
        self.client_files = self.client.write(self.folder, "client")

    def write(self, name: str, content: bytes, mode: int = 0o600) -> str:
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)
        return str(path)

    def for_server(self, signed: Signed, name: str) -> dict[str, str]:
        """Settings of a server with this certificate."""
        certificate, key = signed.write(self.folder, name)
        authority = self.write(f"{name}-clients.crt", self.root.pem(), 0o644)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            for path in (certificate, key):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        return {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key, "ssl_ca_file": authority}

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def tls_server(files: Files, signed: Signed | None, name: str, **config: str) -> Iterator[PgServer]:
    """Debian's server, with the users of `HBA`; without TLS where there is no certificate for it."""
    import psycopg

    settings = files.for_server(signed, name) if signed else {}
    hba = HBA if signed else "".join(line for line in HBA.splitlines(True) if "hostssl" not in line)
    with PgServer("debian", hba=hba, config={**settings, **config}) as server:
        with psycopg.connect(server.dsn, autocommit=True) as conn:
            for user in USERS:
                conn.execute(f"set password_encryption to '{'md5' if user == 'md5' else 'scram-sha-256'}'")
                conn.execute(
                    f"create role {user if user != 'any' else chr(34) + 'any' + chr(34)} login password 'sesame'"
                )
        yield server


def target(server: PgServer, user: str = "any", host: str = "127.0.0.1") -> str:
    return f"host={host} port={server.port} user={user} dbname=postgres gssencmode=disable connect_timeout=20"


def server_context(signed: Signed, folder: Path, *, alpn: list[str] | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*signed.write(folder, f"mock-{id(signed)}"))
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class TlsServer(HostileServer):
    """Answers an SSLRequest, or none where `direct`, and then plays `script` through TLS."""

    def __init__(self, context: ssl.SSLContext, script: Callable[[Peer], object], *, direct: bool = False) -> None:
        super().__init__(self._talk)
        self._context = context
        self._inner = script
        self._direct = direct

    @property
    def target(self) -> str:
        return f"host=localhost port={self.port} user=u dbname=d gssencmode=disable connect_timeout=20"

    def _talk(self, peer: Peer) -> None:
        if not self._direct:
            if peer.read(8) != SSL_REQUEST:
                return
            peer.send(b"S")
        try:
            wrapped = self._context.wrap_socket(peer.sock, server_side=True)
        except ssl.SSLError:
            return
        with wrapped:
            self._inner(Peer(wrapped))


R = TypeVar("R", bound="Relay")


class Relay:
    """Passes bytes on between clients and a server, in pieces of `step` bytes; counts connections."""

    def __init__(self, port: int, *, step: int = 65536) -> None:
        self._target = ("127.0.0.1", port)
        self._step = step
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.first_bytes: list[bytes] = []
        """What each connection began with."""

    def __enter__(self: R) -> R:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sock in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(20)
        for sock in [self._listener, *self._sockets]:
            sock.close()

    def _start(self, function: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                upstream = socket.create_connection(self._target)
            except OSError:
                return
            for sock in (client, upstream):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, upstream]
            self._start(self._copy, client, upstream, True)
            self._start(self._copy, upstream, client, False)

    def _copy(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        is_first = from_client
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_first:
                    self.first_bytes.append(data[:8])
                    is_first = False
                for start in range(0, len(data), self._step):
                    sink.sendall(data[start : start + self._step])
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
