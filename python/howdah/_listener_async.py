"""The asynchronous listener."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

from ._howdah import ListenerHub
from ._listener_base import AsyncBell, AsyncWaiters, Deadline, ListenerEvent, closed, end_worker_async, is_wrong
from ._shell import AsyncSecret, start_worker_async
from .connection_async import AsyncConnection
from .conninfo import ConnParam, conninfo_to_dict
from .errors import OperationalError, OperationTimeout, ProgrammingError

if TYPE_CHECKING:
    from types import TracebackType

    from ._compat import Self
    from ._notify import Notify

_logger = logging.getLogger("howdah")


class AsyncListener:
    """Listens on channels, by a connection of its own, which is made again when it is lost.

    It is used as a context manager and iterated: that gives each `Notify` as it comes, and a `Gap` where
    notifications may be missing, since the connection was lost or the buffer was full. What comes is read also while
    nobody waits for it. Tasks may share a listener: an event goes to one of those who wait.
    """

    __module__ = "howdah"

    def __init__(
        self,
        conninfo: str = "",
        *,
        channels: Iterable[str] = (),
        buffer_size: int = 10_000,
        heartbeat: float | None = None,
        min_delay: float = 0.1,
        max_delay: float = 30.0,
        max_attempts: int | None = None,
        on_error: Callable[[Exception], object] | None = None,
        password: AsyncSecret = None,
        oauth_token: AsyncSecret = None,
        **kwargs: ConnParam,
    ) -> None:
        """Prepare to listen on `channels`, with the connection that `conninfo` and keyword arguments describe.

        `buffer_size` notifications may wait until they are taken, and 32 MiB of them; if there are more, the oldest
        are dropped. Before an attempt to connect again there is a delay of `min_delay` seconds, twice as long before
        each that follows, at most `max_delay`, and of each a random part, half of it at least. After `max_attempts` in
        a row that failed it gives up, if that is not `None`. Every `heartbeat` seconds the server is asked for a sign
        of life, and is lost if it takes as long to answer; without it TCP has to notice. `on_error` is called with the
        exception that ended a connection, and with that of each attempt that failed. A password or a token may be a
        function, as for `connect()`, and is asked for at each attempt.

        Raises `ProgrammingError` for a name that is none of 1 to 63 bytes.
        """
        if isinstance(channels, str):
            raise TypeError("channels has to be a list of names, not a name")
        if password is not None:
            kwargs["password"] = cast("ConnParam", password)
        timeout = conninfo_to_dict(conninfo, **kwargs).get("connect_timeout")
        bound = float(timeout) if timeout else None
        self._hub = ListenerHub(buffer_size, (min_delay, max_delay), max_attempts, heartbeat, bound or None)
        for channel in channels:
            self._hub.want(channel)
        self._options = {"oauth_token": oauth_token, **kwargs}
        self._conninfo = conninfo
        self._on_error = on_error
        self._follower: _Follower | None = None
        self._worker: Any = None

    async def open(self) -> None:
        """Connect, and listen on the channels. Called at the beginning of its block.

        Raises what `connect()` raises: the first attempt is not repeated. Or what the server has against a channel.
        """
        if self._follower is not None or self._hub.is_over:
            raise ProgrammingError("a listener can be opened once, and not after it was closed")
        follower = self._follower = _Follower(self._hub, self._conninfo, self._options, self._on_error)
        try:
            await follower.connect()
            self._worker = start_worker_async(follower.run)
            for channel in self._hub.channels:
                await self._wait_until(lambda channel=channel: self._hub.is_listening(channel))  # type: ignore[misc]
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close it. Called at the end of its block. Events that wait are dropped, and whoever waits is told."""
        self._hub.close()
        follower, worker = self._follower, self._worker
        if follower is None or not follower.is_here():
            return
        follower.waiters.wake()
        follower.bell.ring()
        if worker is None:
            await follower.end()
        else:
            await end_worker_async(worker)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        follower = getattr(self, "_follower", None)
        if follower is not None and not self._hub.is_over:
            warnings.warn(
                f"{self!r} was deleted while still open: please close it, or use it as a context manager",
                ResourceWarning,
                stacklevel=2,
            )
            self._hub.close()
            if follower.is_here():
                follower.bell.ring()

    def __repr__(self) -> str:
        cls = type(self)
        state = "closed" if self.closed else "open" if self._follower else "not open"
        return f"<{cls.__module__}.{cls.__qualname__} [{state}] on {self.channels} at 0x{id(self):x}>"

    async def listen(self, channel: str) -> None:
        """Listen on a channel, by this very name: `LISTEN` is in force when this returns.

        While there is no connection it waits until there is one. To stop waiting leaves the channel wanted. Raises
        `ProgrammingError` if the name is none of 1 to 63 bytes, or `unlisten()` is called for it meanwhile; what the
        server has against it, and then the listener is as before; and what has ended the listener.
        """
        follower = self._opened()
        self._hub.want(channel)
        follower.bell.ring()
        follower.waiters.wake()
        await self._wait_until(lambda: self._hub.is_listening(channel))

    async def unlisten(self, channel: str) -> None:
        """Listen on a channel no more. What has come of it before lies in the buffer still."""
        follower = self._opened()
        self._hub.unwant(channel)
        follower.bell.ring()
        follower.waiters.wake()
        await self._wait_until(lambda: self._hub.is_silent(channel))

    async def get(self, timeout: float | None = None) -> ListenerEvent | None:
        """Return the next event; `None` if there is none within `timeout` seconds.

        Who stops waiting, also by other means, has taken none. Raises `OperationalError` if the listener is closed,
        and what has ended it, after all that had come before.
        """
        taken = await self._next(timeout)
        if taken is None:
            return None
        if not taken:
            raise closed()
        return taken[0]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ListenerEvent:
        """Wait for the next event. It ends when the listener is closed, and after the error with which it failed."""
        taken = await self._next(None)
        if not taken:
            raise StopAsyncIteration
        return taken[0]

    @property
    def channels(self) -> list[str]:
        """The channels that it listens on, sorted."""
        return self._hub.channels

    @property
    def closed(self) -> bool:
        """Whether it was closed, or has failed."""
        return self._hub.is_over

    def _opened(self) -> _Follower:
        if self._follower is None:
            raise OperationalError("the listener is not open: use it as a context manager")
        if not self._follower.is_here():
            raise OperationalError("the listener was opened in another process, before a fork")
        return self._follower

    async def _next(self, timeout: float | None) -> list[ListenerEvent] | None:
        waiters, deadline = self._opened().waiters, Deadline(timeout)
        while True:
            turn = waiters.turn
            taken = self._hub.take()
            if taken is not None or not await waiters.wait(turn, deadline):
                return taken

    async def _wait_until(self, is_true: Callable[[], bool]) -> None:
        waiters, never = self._opened().waiters, Deadline(None)
        while True:
            turn = waiters.turn
            if is_true():
                return
            await waiters.wait(turn, never)


class _Follower:
    """Has a listener's connection, and does what the hub says. It does not hold the listener."""

    def __init__(
        self,
        hub: ListenerHub,
        conninfo: str,
        options: dict[str, Any],
        on_error: Callable[[Exception], object] | None,
    ) -> None:
        self.bell = AsyncBell()
        self.waiters = AsyncWaiters()
        self._hub = hub
        self._conninfo = conninfo
        self._options = options
        self._on_error = on_error
        self._conn: AsyncConnection[Any] | None = None
        self._heard = 0
        self._process = os.getpid()

    def is_here(self) -> bool:
        """Whether it lives in this process: a child that was forked has inherited nothing that runs."""
        return self._process == os.getpid()

    async def run(self) -> None:
        """Go on until the listener is closed, or no connection can be had any more."""
        try:
            asked = self._hub.step()
            while asked is not None:
                self.waiters.wake()
                asked = await self._do(*asked)
        finally:
            # However this ends, nobody waits for ever.
            self._hub.abandon()
            self.waiters.wake()
            await self.end()

    async def end(self) -> None:
        """Close what it has."""
        await self.disconnect()
        self.bell.close()

    async def connect(self) -> None:
        """Make the connection."""
        # An interrupted statement ends it: there is no point in waiting for what the server says.
        conn = self._conn = await AsyncConnection.connect(
            self._conninfo, autocommit=True, prepare_threshold=None, cancel_timeout=0.1, **self._options
        )
        conn.add_notify_handler(self._hear)

    async def disconnect(self) -> None:
        """Give the connection up."""
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()

    async def _do(self, what: str, about: Any, seconds: float | None) -> tuple[str, Any, float | None] | None:
        """Do one thing, and return what is to be done next."""
        try:
            if what == "wait":
                await self._wait(seconds)
            elif what == "run":
                await self._run(about, seconds)
            elif what == "connect":
                await self.connect()
            elif what == "disconnect":
                await self.disconnect()
            else:
                self._report(about)
        except Exception as error:
            lost = self._conn is None or self._conn.closed
            return self._hub.step(error, lost=lost, wrong=is_wrong(error))
        return self._hub.step()

    async def _run(self, statements: str, seconds: float | None) -> None:
        if self._conn is not None:
            try:
                await self._conn.execute(statements, timeout=seconds)
            except OperationTimeout:
                await self.disconnect()
                raise

    async def _wait(self, seconds: float | None) -> None:
        """Wait until something may be to be done."""
        conn = self._conn
        if conn is None:
            await self.bell.wait(None, seconds)
            return
        # What has been received already does not make the descriptor readable.
        heard = self._heard
        await conn._wait_notifies(0.0)
        if self._heard == heard and not self._hub.is_over:
            await self.bell.wait(conn.fileno(), seconds)

    def _hear(self, notify: Notify) -> None:
        self._heard += 1
        self._hub.push(*notify)
        self.waiters.wake()

    def _report(self, error: Exception) -> None:
        if self._on_error is None:
            return
        try:
            self._on_error(error)
        except Exception:
            _logger.exception("error ignored in on_error of a listener")
