"""A hook for queries that tests look at."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any

from support.doors import Door

CONTEXT: contextvars.ContextVar[str] = contextvars.ContextVar("CONTEXT", default="none")


class Recorder:
    """A hook that remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.ends: list[tuple[Any, Any]] = []
        self.contexts: list[tuple[str, str]] = []
        self.open: list[Any] = []

    def __call__(self, event: Any) -> Callable[[Any], None]:
        self.events.append(event)
        self.open.append(event)
        began_in = CONTEXT.get()

        def end(outcome: Any) -> None:
            self.open.remove(event)
            self.ends.append((event, outcome))
            self.contexts.append((began_in, CONTEXT.get()))

        return end

    def told(self) -> list[tuple[Any, ...]]:
        """What has ended since this was asked last: kind, statement, row count, status, class of the error."""
        ends, self.ends = self.ends, []
        return [
            (event.kind, event.statement, out.rowcount, out.status, out.error and type(out.error).__name__)
            for event, out in ends
        ]


async def hooked(door: Door, **options: Any) -> tuple[Any, Recorder]:
    conn = await door.connect(**options)
    hook = Recorder()
    conn.add_query_hook(hook)
    return conn, hook
