"""A server whose cancel requests go astray: they are accepted, and acted on late or never."""

from __future__ import annotations

import os
import struct
import threading
import time

from support.hostile import (
    CANCEL_REQUEST,
    GREETING,
    HostileServer,
    Peer,
    complete,
    data_row,
    error,
    ready,
    row_description,
)

COLUMN = row_description(("n", 23))


class FrozenServer(HostileServer):
    """Answers a command with the number of those it has read, after `pause` seconds; the first not before `go` is set.

    A cancel request is held until `thaw` is set; then it cancels what runs.
    """

    def __init__(self, *, status: bytes = b"I", frozen: bool = False, pause: float = 0) -> None:
        super().__init__(self._talk)
        self.status = status
        self.frozen = frozen
        """Whether commands are never answered, unless they are cancelled."""
        self.pause = pause
        self.go = threading.Event()
        self.thaw = threading.Event()
        self.reading = threading.Event()
        """Set while a command runs."""
        self.asked = threading.Event()
        """A cancel request has arrived."""
        self.gone = threading.Event()
        """The connection that ran commands has been given up."""
        self.received: list[float] = []
        """When the commands came."""
        self.cancelled: list[int] = []
        """Which command each request has hit, counted from 1; 0 where none was running."""
        self._cancel = threading.Event()

    def __exit__(self, *exc: object) -> None:
        self.release()
        super().__exit__(*exc)

    def release(self) -> None:
        """Go on with whatever waits, so that the server finds out whose client has gone."""
        self.frozen = False
        for event in (self.go, self.thaw, self._cancel):
            event.set()

    def _talk(self, peer: Peer) -> None:
        [code] = struct.unpack("!i", peer.read_startup()[:4])
        if code == CANCEL_REQUEST:
            self._take_request()
            return
        peer.send(GREETING)
        try:
            while peer.read_command() != [b"X"]:
                self.received.append(time.monotonic())
                self._run(peer)
        finally:
            self.gone.set()

    def _take_request(self) -> None:
        self.asked.set()
        if not self.thaw.wait(30):
            return
        self.cancelled.append(len(self.received) if self.reading.is_set() else 0)
        self._cancel.set()

    def _run(self, peer: Peer) -> None:
        self._cancel.clear()
        self.reading.set()
        if self.frozen:
            self._cancel.wait(30)
        elif len(self.received) == 1:
            self.go.wait(30)
        if self.pause:
            self._cancel.wait(self.pause)
        self.reading.clear()
        if self._cancel.is_set():
            peer.send(error(b"canceling statement", b"57014") + ready(self.status))
            return
        number = b"%d" % len(self.received)
        peer.send(COLUMN + data_row(number) + complete(b"SELECT 1") + ready(self.status))


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))
