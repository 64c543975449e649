"""Whether the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Ticks:
    """How many times a task beside the test ran."""

    def __init__(self) -> None:
        self.count = 0

    async def run(self, pause: float) -> None:
        while True:
            await asyncio.sleep(pause)
            self.count += 1


@asynccontextmanager
async def ticking(pause: float = 0.01) -> AsyncIterator[Ticks]:
    """Counts, during the block, how often the loop comes round to a task that sleeps so long."""
    ticks = Ticks()
    task = asyncio.create_task(ticks.run(pause))
    try:
        yield ticks
    finally:
        task.cancel()
