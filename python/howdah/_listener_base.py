"""What listeners give, and what the synchronous and the asynchronous one wait with."""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
import threading
from contextlib import suppress
from time import monotonic
from typing import NamedTuple, TypeAlias

from ._notify import Notify
from .errors import InterfaceError, NotSupportedError, OperationalError, ProgrammingError


class Gap(NamedTuple):
    """What a listener gives where notifications may be missing: what they would have told has to be found out anew."""

    reconnected: bool
    """Whether the connection was lost, and is there again with all its channels."""

    dropped: int
    """How many notifications were dropped as the buffer was full: the oldest, which would be in the gap's place."""


Gap.__module__ = "howdah"

ListenerEvent: TypeAlias = Notify | Gap
"""What a listener gives."""


def is_wrong(error: Exception) -> bool:
    """Whether the program is to blame, and not what a server said: connecting again would raise the same."""
    wrong = isinstance(error, (ProgrammingError, InterfaceError, NotSupportedError))
    return wrong and getattr(error, "sqlstate", None) is None


def end_worker(worker: threading.Thread) -> None:
    """Wait until a thread has ended, a second at most: one that connects is not waited for."""
    if worker is not threading.current_thread():
        worker.join(1.0)


async def end_worker_async(worker: asyncio.Task[None]) -> None:
    """Cancel a task, and wait until it has ended."""
    worker.cancel()
    if worker is not asyncio.current_task():
        await asyncio.wait([worker])


def closed() -> OperationalError:
    """Return the exception for whoever wants an event of a listener that is closed."""
    error = OperationalError("the listener is closed")
    error._connection_lost = True
    return error


class Deadline:
    """A moment that is some seconds from now, or never."""

    __slots__ = ("_moment",)

    def __init__(self, seconds: float | None) -> None:
        self._moment = None if seconds is None else monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left, 0 if none are, `None` without end."""
        return None if self._moment is None else max(0.0, self._moment - monotonic())


class Bell:
    """Wakes the thread that has a listener's connection."""

    def __init__(self) -> None:
        self._ear, self._rope = socket.socketpair()
        self._ear.setblocking(False)
        self._rope.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._ear, selectors.EVENT_READ)

    def ring(self) -> None:
        """Wake it, now or when it next waits."""
        # A pipe that is full rings, and one that is closed nobody hears.
        with suppress(OSError):
            self._rope.send(b"\0")

    def wait(self, fileno: int | None, seconds: float | None) -> None:
        """Wait until it rings, the descriptor can be read, or the time is over."""
        if fileno is not None:
            self._selector.register(fileno, selectors.EVENT_READ)
        try:
            self._selector.select(seconds)
        finally:
            if fileno is not None:
                self._selector.unregister(fileno)
        with suppress(BlockingIOError):
            self._ear.recv(4096)

    def close(self) -> None:
        """Close its pipe: nobody waits any more."""
        self._selector.close()
        self._ear.close()
        self._rope.close()


class AsyncBell:
    """Wakes the task that has a listener's connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._waiting: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wake it, now or when it next waits. Any thread may do that, a destructor too."""
        # The loop may be closed.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        self._rung = True
        if self._waiting is not None:
            _resolve(self._waiting)

    async def wait(self, fileno: int | None, seconds: float | None) -> None:
        """Wait until it rings, the descriptor can be read, or the time is over."""
        if not self._rung:
            self._waiting = self._loop.create_future()
            timer = None if seconds is None else self._loop.call_later(seconds, _resolve, self._waiting)
            if fileno is not None:
                self._loop.add_reader(fileno, _resolve, self._waiting)
            try:
                await self._waiting
            finally:
                self._waiting = None
                if fileno is not None:
                    self._loop.remove_reader(fileno)
                if timer is not None:
                    timer.cancel()
        self._rung = False

    def close(self) -> None:
        """Nobody waits any more."""


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


# On Windows Ctrl-C ends no wait for a lock: it is seen between two.
_SLICE = 0.1 if sys.platform == "win32" else None


class Waiters:
    """The threads that wait for a listener."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._turn = 0

    @property
    def turn(self) -> int:
        """How often they were woken: to be asked for before the look at what they wait for."""
        return self._turn

    def wake(self) -> None:
        """Have all of them look again."""
        with self._condition:
            self._turn += 1
            self._condition.notify_all()

    def wait(self, turn: int, deadline: Deadline) -> bool:
        """Wait until they were woken after that turn; return false if the time was over before."""
        with self._condition:
            while self._turn == turn:
                left = deadline.left()
                if left == 0:
                    return False
                self._condition.wait(_SLICE if left is None else min(left, _SLICE or left))
        return True


class AsyncWaiters:
    """The tasks that wait for a listener."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._turn = 0

    @property
    def turn(self) -> int:
        """How often they were woken: to be asked for before the look at what they wait for."""
        return self._turn

    def wake(self) -> None:
        """Have all of them look again."""
        self._turn += 1
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            _resolve(future)

    async def wait(self, turn: int, deadline: Deadline) -> bool:
        """Wait until they were woken after that turn; return false if the time was over before."""
        if self._turn != turn:
            return True
        left = deadline.left()
        if left == 0:
            return False
        future = self._loop.create_future()
        self._waiting.add(future)
        timer = None if left is None else self._loop.call_later(left, _resolve, future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if timer is not None:
                timer.cancel()
        return self._turn != turn
