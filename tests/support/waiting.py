"""Waiting in tests for what has to happen soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Any

PATIENCE = 20.0


async def until(condition: Any) -> None:
    """Let the loop run until the condition holds, without an operation on any connection."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "never happened"
        await asyncio.sleep(0.005)


async def soon(what: Awaitable[Any]) -> Any:
    """Await, but not forever."""
    return await asyncio.wait_for(what, 15)
