"""A proxy that spoils the connections to a real server in a chosen way, at a chosen byte."""

from __future__ import annotations

import dataclasses
import select
import socket
import threading
import time

from support.hostile import HostileServer, Peer


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens after so many more bytes of the server's."""

    kind: str
    """`cut`, `reset`, `half-close` (the server's half is closed, the client's goes on), `freeze`, `inject`."""
    after: int = 0
    injected: bytes = b""
    existing_only: bool = False
    """Connections that are made later are none the worse."""
    later_only: bool = False
    """Those that there are now are none the worse."""


class FaultProxy(HostileServer):
    """Passes everything on, in pieces of `step` bytes, each after a pause; until it is given a fault."""

    def __init__(self, port: int, *, step: int = 65536, pause: float = 0) -> None:
        super().__init__(self._pass_on)
        self._target = ("127.0.0.1", port)
        self._step = step
        self._pause = pause
        self._fault: Fault | None = None
        self._left = 0
        self._first = self._spared = 0
        self._over = threading.Event()

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        super().__exit__(*exc)

    def arm(self, fault: Fault | None) -> None:
        """All connections suffer from this, or all that there are now, or none of those."""
        self._left = fault.after if fault else 0
        self._first = len(self.sockets) if fault and fault.later_only else 0
        if fault and fault.kind == "inject":
            # It is done once: what is on its way to a connection before the last must not use it up.
            self._first = max(self._first, len(self.sockets) - 1)
        self._spared = len(self.sockets) if fault and fault.existing_only else 1 << 30
        self._fault = fault

    def _pass_on(self, peer: Peer) -> None:
        number = len(self.sockets) - 1
        with socket.create_connection(self._target) as upstream:
            upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ends = [peer.sock, upstream]
            while True:
                for source in select.select(ends, [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    fault = self._fault if self._first <= number < self._spared else None
                    if source is upstream and fault:
                        if not self._spoil(peer, data, fault):
                            return
                    elif fault and fault.kind == "freeze" and not self._left:
                        self._over.wait(60)
                        return
                    else:
                        self._send(upstream if source is peer.sock else peer.sock, data)

    def _send(self, sink: socket.socket, data: bytes) -> None:
        for start in range(0, len(data), self._step):
            time.sleep(self._pause)
            sink.sendall(data[start : start + self._step])

    def _spoil(self, peer: Peer, data: bytes, fault: Fault) -> bool:
        """Pass on what the server says, up to where the fault is; whether the connection goes on."""
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._send(peer.sock, head)
        if not rest:
            return True
        if fault.kind == "inject":
            self._fault = None
            self._send(peer.sock, fault.injected + rest)
            return True
        if fault.kind == "half-close":
            peer.sock.shutdown(socket.SHUT_WR)
            peer.drain()
        elif fault.kind == "reset":
            peer.reset()
        elif fault.kind == "freeze":
            self._over.wait(60)
        return False
