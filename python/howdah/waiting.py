"""Waiting for sockets, for generators that say what they wait for.

A generator of `howdah.generators` yields what its socket has to be ready for, a `Wait`, and is sent what the
socket is ready for, a `Ready`: nothing if `interval` seconds went by. The functions here run one to its end, each
with another call of the system; `wait()` is the one to use.
"""

from __future__ import annotations

import asyncio
import logging
import select
from collections.abc import Callable
from selectors import DefaultSelector
from time import monotonic
from typing import TypeVar

from ._enums import Ready as Ready
from ._enums import Wait as Wait
from .abc import PQGen, PQGenConn, ReadyFunc, WaitFunc
from .errors import OperationalError, _WaitTimeout

RV = TypeVar("RV")

WAIT_R = Wait.R
WAIT_W = Wait.W
WAIT_RW = Wait.RW
READY_NONE = Ready.NONE
READY_R = Ready.R
READY_W = Ready.W
READY_RW = Ready.RW

logger = logging.getLogger("howdah.waiting")

_ReadyIn = Callable[[int, Wait, float], int]
"""What a descriptor is ready for within some seconds."""


def wait_selector(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator, waiting with the best selector of the system.

    It is sent `Ready.NONE` after `interval` seconds in which the socket was not ready. Raises an
    `OperationalError` if it has not ended after `timeout` seconds.
    """
    return _run(gen, fileno, _ready_selector, interval, timeout)


def wait_select(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator, waiting with `select()`, which takes no descriptor above 1023 on most systems."""
    return _run(gen, fileno, _ready_select, interval, timeout)


def wait_epoll(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator, waiting with `epoll`, which Linux has."""
    if not hasattr(select, "epoll"):
        raise OperationalError("epoll is not available on this system")
    return _run(gen, fileno, _ready_epoll, interval, timeout)


def wait_poll(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator, waiting with `poll()`."""
    return _run(gen, fileno, _ready_poll, interval, timeout)


def wait_conn(gen: PQGenConn[RV], interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator that also says which socket it waits for, as one that connects does."""
    clock = _Clock(interval, timeout)
    try:
        fileno, wanted = next(gen)
        while True:
            ready = _ready_in(fileno, wanted, clock.slice())
            clock.check(ready)
            fileno, wanted = gen.send(ready)
    except StopIteration as ended:
        value: RV = ended.value
        return value


async def wait_async(gen: PQGen[RV], fileno: int, interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator, waiting with asyncio's event loop."""
    clock = _Clock(interval, timeout)
    try:
        wanted = next(gen)
        while True:
            ready = await _ready_on_loop(fileno, wanted, clock.slice())
            clock.check(ready)
            wanted = gen.send(ready)
    except StopIteration as ended:
        value: RV = ended.value
        return value


async def wait_conn_async(gen: PQGenConn[RV], interval: float = 0.0, timeout: float | None = None) -> RV:
    """Run a generator that also says which socket it waits for, waiting with asyncio's event loop."""
    clock = _Clock(interval, timeout)
    try:
        fileno, wanted = next(gen)
        while True:
            ready = await _ready_on_loop(fileno, wanted, clock.slice())
            clock.check(ready)
            fileno, wanted = gen.send(ready)
    except StopIteration as ended:
        value: RV = ended.value
        return value


class _Clock:
    """How long a wait may take, and all waits of a generator together."""

    def __init__(self, interval: float, timeout: float | None) -> None:
        if interval is None:
            raise ValueError("an interval is needed: a wait without end could not be interrupted")
        if interval < 0:
            raise ValueError("interval must not be negative")
        self._interval = interval
        self._deadline = None if timeout is None else monotonic() + timeout

    def slice(self) -> float:
        """Seconds for the next wait."""
        if self._deadline is None:
            return self._interval
        return max(0.0, min(self._interval, self._deadline - monotonic()))

    def check(self, ready: int) -> None:
        """Raise if nothing is ready and the time is over."""
        if not ready and self._deadline is not None and monotonic() >= self._deadline:
            raise _WaitTimeout("wait timeout expired")


def _run(gen: PQGen[RV], fileno: int, ready_in: _ReadyIn, interval: float, timeout: float | None) -> RV:
    clock = _Clock(interval, timeout)
    try:
        wanted = next(gen)
        while True:
            ready = ready_in(fileno, wanted, clock.slice())
            clock.check(ready)
            wanted = gen.send(ready)
    except StopIteration as ended:
        value: RV = ended.value
        return value


def _ready_selector(fileno: int, wanted: Wait, seconds: float) -> int:
    with DefaultSelector() as selector:
        try:
            # The numbers are those of EVENT_READ and EVENT_WRITE.
            selector.register(fileno, Wait(wanted))
        except (ValueError, OSError) as error:
            raise _closed() from error
        return sum(events for _, events in selector.select(seconds))


def _ready_select(fileno: int, wanted: Wait, seconds: float) -> int:
    wanted = Wait(wanted)
    reading = [fileno] if wanted & WAIT_R else []
    writing = [fileno] if wanted & WAIT_W else []
    try:
        readable, writable, failed = select.select(reading, writing, [fileno], seconds)
    except OSError as error:
        raise _closed() from error
    ready = (READY_R if readable else 0) | (READY_W if writable else 0)
    return int(wanted) if failed else ready


def _ready_epoll(fileno: int, wanted: Wait, seconds: float) -> int:
    with select.epoll() as poller:
        try:
            poller.register(fileno, _events(wanted, select.EPOLLIN, select.EPOLLOUT))
        except (ValueError, OSError) as error:
            raise _closed() from error
        events = sum(event for _, event in poller.poll(seconds))
    return _polled(events, wanted, select.EPOLLIN, select.EPOLLOUT)


def _ready_poll(fileno: int, wanted: Wait, seconds: float) -> int:
    poller = select.poll()
    poller.register(fileno, _events(wanted, select.POLLIN, select.POLLOUT))
    events = sum(event for _, event in poller.poll(int(seconds * 1000 + 0.5)))
    if events & select.POLLNVAL:
        raise _closed()
    return _polled(events, wanted, select.POLLIN, select.POLLOUT)


def _events(wanted: Wait, reading: int, writing: int) -> int:
    wanted = Wait(wanted)
    return (reading if wanted & WAIT_R else 0) | (writing if wanted & WAIT_W else 0)


def _polled(events: int, wanted: Wait, reading: int, writing: int) -> int:
    """What the events make ready: after an error or a hang-up all that was wanted, so that the generator sees it."""
    ready = (READY_R if events & reading else 0) | (READY_W if events & writing else 0)
    return int(wanted) if events & ~(reading | writing) else ready


async def _ready_on_loop(fileno: int, wanted: Wait, seconds: float) -> int:
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()
    ready = 0

    def wake(state: int) -> None:
        nonlocal ready
        ready |= state
        if not woken.done():
            woken.set_result(None)

    wanted = Wait(wanted)
    timer = loop.call_later(seconds, wake, READY_NONE)
    try:
        if wanted & WAIT_R:
            loop.add_reader(fileno, wake, READY_R)
        if wanted & WAIT_W:
            loop.add_writer(fileno, wake, READY_W)
        await woken
    except (ValueError, OSError) as error:
        raise _closed() from error
    finally:
        timer.cancel()
        if fileno >= 0:
            loop.remove_reader(fileno)
            loop.remove_writer(fileno)
    return ready


def _closed() -> OperationalError:
    return OperationalError("connection socket closed")


wait: WaitFunc
_ready_in: _ReadyIn
if hasattr(select, "poll"):
    wait, _ready_in = wait_poll, _ready_poll
else:
    wait, _ready_in = wait_selector, _ready_selector


def _ready_now(fileno: int, wanted: Wait) -> int:
    return _ready_in(fileno, wanted, 0.0)


_ready: ReadyFunc = _ready_now
