"""Listeners of both shells behind one awaitable face, and what happens to their connections."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncIterator
from typing import Any

from support.doors import Door
from support.sessions import Observer

QUICK = {"min_delay": 0.001, "max_delay": 0.02}
"""Delays of a test that waits for a new connection."""

_numbers = itertools.count()


class Ear:
    """A listener whose blocking methods can be awaited; the session that it has is known by its application name."""

    def __init__(self, door: Door, conninfo: str | None = None, **options: Any) -> None:
        self.is_sync = door.is_sync
        self.name = f"ear {next(_numbers)}"
        self.errors: list[Exception] = []
        target = door.dsn if conninfo is None else conninfo
        cls = door.module.Listener if door.is_sync else door.module.AsyncListener
        options = {**QUICK, "on_error": self.errors.append, "application_name": self.name, **options}
        self.listener = cls(target, **options)

    async def _done(self, value: Any) -> Any:
        return value if self.is_sync else await value

    async def __aenter__(self) -> Ear:
        await self._done(self.listener.__enter__() if self.is_sync else self.listener.__aenter__())
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._done(self.listener.__exit__(*exc) if self.is_sync else self.listener.__aexit__(*exc))

    async def open(self) -> None:
        await self._done(self.listener.open())

    async def close(self) -> None:
        await self._done(self.listener.close())

    async def listen(self, channel: str) -> None:
        await self._done(self.listener.listen(channel))

    async def unlisten(self, channel: str) -> None:
        await self._done(self.listener.unlisten(channel))

    async def get(self, timeout: float | None = 20) -> Any:
        return await self._done(self.listener.get(timeout=timeout))

    async def payload(self) -> str:
        """The payload of the next event, which is a notification."""
        event = await self.get()
        assert type(event).__name__ == "Notify", event
        return str(event.payload)

    async def gap(self) -> tuple[bool, int]:
        """The next event, which is a gap."""
        event = await self.get()
        assert type(event).__name__ == "Gap", event
        return tuple(event)

    async def all(self) -> list[Any]:
        """Iterate to the end."""
        return [event async for event in self._iterated()]

    async def _iterated(self) -> AsyncIterator[Any]:
        if self.is_sync:
            for event in self.listener:
                yield event
        else:
            async for event in self.listener:
                yield event

    def pid(self, observer: Observer) -> int:
        """The process that serves it."""
        found = "select pid from pg_stat_activity where application_name = %s"
        return int(observer.value(found, (self.name,)))

    def lose(self, observer: Observer) -> None:
        """Terminate its session."""
        observer.terminate(self.pid(observer))

    def is_gone(self, observer: Observer) -> bool:
        """Whether it has no session."""
        return bool(
            observer.value("select count(*) = 0 from pg_stat_activity where application_name = %s", (self.name,))
        )


@contextlib.asynccontextmanager
async def listening(door: Door, *channels: str, conninfo: str | None = None, **options: Any) -> AsyncIterator[Ear]:
    """A listener that listens on these channels."""
    async with Ear(door, conninfo, channels=channels, **options) as ear:
        yield ear
