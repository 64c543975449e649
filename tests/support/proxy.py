"""A proxy before a real server, which can be slow, stop passing things on, or hang up."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from support.hostile import HostileServer, Peer


class Proxy(HostileServer):
    """Passes on what client and server say, cancel requests too, until it is told otherwise."""

    def __init__(self, target: tuple[str, int], dsn: str, pause: float = 0) -> None:
        super().__init__(self._pass_on)
        self._target = target
        self._dsn = dsn
        self._pause = pause
        self._flows = threading.Event()
        self._flows.set()

    @property
    def dsn(self) -> str:
        return f"{self._dsn} host=127.0.0.1 port={self.port}"

    def __exit__(self, *exc: object) -> None:
        self.thaw()
        super().__exit__(*exc)

    def freeze(self) -> None:
        """Pass nothing on from here."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def hang_up(self) -> None:
        """End all connections."""
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, peer: Peer) -> None:
        with socket.create_connection(self._target) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.sock.settimeout(None)
            forward = threading.Thread(target=self._copy, args=(peer.sock, upstream), daemon=True)
            forward.start()
            self._copy(upstream, peer.sock)
            forward.join(5)

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self._pause)
                self._flows.wait(60)
                target.sendall(data)
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
