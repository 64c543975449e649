# Made from _replication_async.py by tools/async_to_sync.py: do not edit.
"""The synchronous stream of replication."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _howdah
from ._replication_base import LSN, AnyLSN

if TYPE_CHECKING:
    from types import TracebackType

    from ._compat import Self
    from .connection import Connection

M = TypeVar("M")

_logger = logging.getLogger("howdah")


class ReplicationStream(_howdah.BaseReplication, Generic[M]):
    """What a server sends of its log: iterating gives its messages, as they come.

    What `Connection.start_replication()` and its like give. The server's keepalives are answered, and it is
    told at intervals how far the client is: on asyncio by the event loop, also while nobody iterates, otherwise
    whenever a message is asked for. At the end of its block the stream is ended and the connection can be used for
    something else.
    """

    __module__ = "howdah.replication"
    __slots__ = ()

    def __repr__(self) -> str:
        cls = type(self)
        state = "running" if self._is_running else "ended"
        return f"<{cls.__module__}.{cls.__qualname__} [{state}] at {self.position} at 0x{id(self):x}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        try:
            self._end()
        except Exception as error:
            if exc_val is None:
                raise
            _logger.warning("error ignored at the end of %r: %s", self, error)

    def __iter__(self) -> Iterator[M]:
        """Yield the messages, until the server ends the stream."""
        while (message := self.read()) is not None:
            yield message

    def read(self, timeout: float | None = None) -> M | None:
        """Return the next message; `None` if none has come after `timeout` seconds, or the stream has ended.

        To stop waiting by other means, as by cancelling, gives the stream up; a timeout does not.
        """
        while (message := self._take()) is None:
            if not self._wait(timeout):
                return None
        given: M = message
        return given

    @property
    def ended(self) -> bool:
        """Whether the stream has ended: the server has sent all of it, or it was closed or given up."""
        return not self._is_running

    @property
    def position(self) -> LSN:
        """Up to where messages have been given: what to confirm when all of them are durable that have to be."""
        return LSN(self._position)

    @property
    def flushed_lsn(self) -> LSN:
        """Up to where the server is told that nothing will be lost.

        That is what was confirmed; and, if all that has been sent was confirmed, where the server has said that
        there was nothing else.
        """
        return LSN(self._told[1])

    @property
    def server_lsn(self) -> LSN:
        """Up to where the server has said that it has sent what there was to be sent."""
        return LSN(self._told[3])

    @property
    def next_timeline(self) -> tuple[int, LSN] | None:
        """The timeline that follows the one that has ended, and where to start on it, if the server has told."""
        told = self._next_timeline
        return None if told is None else (told[0], LSN(told[1]))

    def flushed(self, lsn: AnyLSN) -> None:
        """Note that nothing up to a position will be lost: the server need not keep it, nor send it again.

        For a transaction that is the `end_lsn` of its end. The server is told with the next status, which is sent
        when the stream waits for messages, or at its time.
        """
        position = LSN(lsn)
        self._confirm(position, position, 0)

    def send_feedback(
        self,
        write: AnyLSN = 0,
        flush: AnyLSN = 0,
        apply: AnyLSN = 0,
        *,
        reply: bool = False,
    ) -> None:
        """Tell the server now up to where data was written, is durable and was applied; with `reply` it answers.

        Positions that were told never go back. What was applied is what is durable, unless it was ever told.
        """
        self._confirm(LSN(write), LSN(flush), LSN(apply))
        self._tell(reply)

    def close(self) -> None:
        """End the stream. Called at the end of its block."""
        self._end()

    if TYPE_CHECKING:

        @property
        def connection(self) -> Connection[Any]: ...
