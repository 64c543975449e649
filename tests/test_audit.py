"""What an audit of the first stage found missing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from support.doors import Door


@pytest.mark.doors("asyncio", "uvloop")
async def test_loss_while_idle_is_told_to_the_next_operation(door: Door, observer: Any) -> None:
    if door.module.__name__ != "howdah":
        pytest.skip("psycopg only notices at the next operation")
    conn = await door.connect(autocommit=True)
    observer.terminate(conn.info.backend_pid)
    while not conn.closed:
        await asyncio.sleep(0.01)
    assert conn.broken
    with pytest.raises(door.module.errors.AdminShutdown) as caught:
        await conn.execute("select 1")
    assert caught.value.sqlstate == "57P01"
    with pytest.raises(door.module.OperationalError, match="the connection is closed"):
        await conn.execute("select 1")


async def test_handler_that_raises_is_logged_with_its_frames(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    conn = await door.connect(autocommit=True)

    def fails(notice: Any) -> None:
        raise ValueError("boom")

    handler: Callable[[Any], None] = fails
    conn.add_notice_handler(handler)
    with caplog.at_level(logging.ERROR):
        await conn.execute("rollback")
    assert "ValueError: boom" in caplog.text
    assert "in fails" in caplog.text
