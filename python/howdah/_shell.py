"""What the synchronous and the asynchronous package do differently: opening a session, and locks."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import queue
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, TypeAlias, TypeVar

from . import _howdah, waiting
from ._howdah import Connecting, Opened
from .abc import PQGen
from .errors import Error, InterfaceError
from .pq import TransactionStatus

_T = TypeVar("_T")

Lock = threading.Lock
AsyncLock = asyncio.Lock
Queue = queue.Queue
AsyncQueue = asyncio.Queue


Secret: TypeAlias = str | Callable[[], str | None] | None
"""A password or token, or a function that gives one at each attempt to connect."""

AsyncSecret: TypeAlias = str | Callable[[], str | Awaitable[str | None] | None] | None
"""The same for asyncio, where the function may be a coroutine function."""


def open_session(params: dict[str, Any], timeout: float | None, oauth_token: Secret = None) -> Opened:
    """Open a session, trying one server after the other. Raises `OperationalError` if none accepts.

    It takes no longer than `timeout` seconds, if that is not `None`. What a function for a secret raises comes out.
    """
    with _told(params):
        return _howdah.connect_blocking(params, timeout, oauth_token)


async def open_session_async(params: dict[str, Any], timeout: float | None, oauth_token: AsyncSecret = None) -> Opened:
    """Do as `open_session()` without blocking the loop, name resolution included."""
    _check_loop(asyncio.get_running_loop())
    with _told(params):
        connecting = Connecting(params, timeout, oauth_token)
        while action := connecting.next_action():
            try:
                opened = await _within(connecting.timeout, _attempt(connecting, *action))
            except asyncio.TimeoutError:
                connecting.timed_out()
            else:
                if opened is not None:
                    return opened
        raise connecting.failure()


@contextlib.contextmanager
def _told(params: dict[str, Any]) -> Iterator[None]:
    """Tell hooks, if there are any, of an attempt to connect."""
    host, port, dbname, user = (str(params.get(name) or "") for name in ("host", "port", "dbname", "user"))
    span = _howdah.begin_connecting(host, port, dbname, user)
    if span is None:
        yield
        return
    try:
        yield
    except BaseException as error:
        span.end(error)
        raise
    span.end(None)


def run_generator(connection: Any, gen: PQGen[_T], interval: float, timeout: float | None) -> _T:
    """Run a generator on a connection's socket. If that is interrupted, what it has asked for is cancelled."""
    try:
        return waiting.wait(gen, connection.fileno(), interval, timeout)
    except KeyboardInterrupt:
        if _is_active(connection):
            connection.cancel()
            with contextlib.suppress(Error):
                waiting.wait(gen, connection.fileno(), interval, connection.cancel_timeout)
        raise


async def run_generator_async(connection: Any, gen: PQGen[_T], interval: float, timeout: float | None) -> _T:
    """Do as `run_generator()` on the event loop."""
    try:
        return await waiting.wait_async(gen, connection.fileno(), interval, timeout)
    except (KeyboardInterrupt, asyncio.CancelledError):
        if _is_active(connection):
            connection.cancel()
            with contextlib.suppress(Error):
                await waiting.wait_async(gen, connection.fileno(), interval, connection.cancel_timeout)
        raise


def _is_active(connection: Any) -> bool:
    return bool(connection.pgconn.transaction_status == TransactionStatus.ACTIVE)


def _check_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Refuse a loop that cannot watch sockets: on Windows the default one is such."""
    if type(loop).add_reader is asyncio.AbstractEventLoop.add_reader:
        raise InterfaceError(
            f"{type(loop).__name__} has no add_reader(), which AsyncConnection needs: run your program with"
            " asyncio.run(main(), loop_factory=asyncio.SelectorEventLoop), or before Python 3.12 with"
            " asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())"
        )


def start_worker(work: Callable[[], None]) -> threading.Thread:
    """Run a function beside the program, in a thread."""
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    return worker


def join_worker(worker: threading.Thread) -> None:
    """Wait for its end."""
    worker.join()


def start_worker_async(work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """Run a coroutine function beside the program, in a task."""
    return asyncio.create_task(work())


async def join_worker_async(worker: asyncio.Task[None]) -> None:
    """Wait for its end, whatever that is."""
    await asyncio.wait([worker])


def run_beside(work: Callable[[], _T]) -> _T:
    """Run a function that may take its time."""
    return work()


async def run_beside_async(work: Callable[[], _T]) -> _T:
    """Run it in a thread, so that the loop goes on."""
    return await asyncio.to_thread(work)


async def _within(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """Await in this task, so that no cancellation is lost, as `asyncio.wait_for()` does before CPython 3.12."""
    if sys.version_info >= (3, 11):
        async with asyncio.timeout(seconds):
            return await work
    return await _cancelled_after(seconds, work)


async def _cancelled_after(seconds: float, work: Coroutine[Any, Any, _T]) -> _T:
    """Do what `asyncio.timeout()` does, for CPython 3.10."""
    task = asyncio.current_task()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        if task is not None:
            task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        return await work
    except asyncio.CancelledError:
        if expired:
            raise asyncio.TimeoutError from None
        raise
    finally:
        timer.cancel()


async def _attempt(connecting: Connecting, kind: str, host: str, port: int) -> Opened | None:
    """Take one step of the plan: return a session, or nothing after the plan was told how it went."""
    loop = asyncio.get_running_loop()
    if kind == "resolve":
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # A name that is no name, as one too long, gives UnicodeError.
        except (OSError, UnicodeError) as error:
            connecting.unresolved(host, str(error))
        else:
            connecting.resolved([(str(address[0]), int(address[1])) for *_, address in found])
        return None
    try:
        sock = await _connected_socket(loop, kind, host, port)
    except OSError as error:
        connecting.unreachable(error.errno, error.strerror or str(error))
        return None
    try:
        await _provide(connecting)
        fd = sock.detach()
    except BaseException:
        sock.close()
        raise
    opened = connecting.adopt(fd)
    if opened is None:
        return None
    try:
        await connecting.handshake(opened)
    except Error as error:
        connecting.refused(opened, error)
        return None
    except BaseException:
        opened.discard()
        raise
    return opened


async def _provide(connecting: Connecting) -> None:
    """Ask for the secrets that have to be asked for."""
    for name, given in connecting.providers:
        value = given() if callable(given) else given
        if inspect.isawaitable(value):
            value = await value
        connecting.provide(name, value)


async def _connected_socket(loop: asyncio.AbstractEventLoop, kind: str, host: str, port: int) -> socket.socket:
    address: str | tuple[str, int] = host
    family = getattr(socket, "AF_UNIX", None)
    if kind == "tcp":
        address = (host, port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if family is None:
        raise OSError("Unix sockets are not supported on this system: name a host or an address")
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
