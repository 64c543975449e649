"""What every part of the demo works with: the driver, the server, the report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

from .report import Report

T = TypeVar("T")

# Far above what anything here takes, far below what a person waits for a hanging demo.
PATIENCE = 30.0


@dataclass
class Stage:
    """The driver module, the server's DSNs and the report."""

    db: Any
    dsn: str
    out: Report
    # The private server's address on 127.0.0.1, for the part about host names; None when HOWDAH_DSN names another.
    tcp_dsn: str | None = None
    table: str = field(default_factory=lambda: f"howdah_demo_{time.time_ns()}")

    @property
    def name(self) -> str:
        """The driver's import name."""
        return str(self.db.__name__)

    @property
    def is_howdah(self) -> bool:
        """Whether promises that go beyond the page apply."""
        return self.name == "howdah"

    def connect(self, **kwargs: Any) -> Any:
        """A sync connection."""
        return self.db.connect(self.dsn, **kwargs)

    async def aconnect(self, **kwargs: Any) -> Any:
        """An asyncio connection."""
        return await self.db.AsyncConnection.connect(self.dsn, **kwargs)

    def run(self, main: Awaitable[T]) -> T:
        """Run one asyncio part to its end, within a bound."""

        async def bounded() -> T:
            return await asyncio.wait_for(main, PATIENCE)

        return asyncio.run(bounded())

    def elsewhere(self, *statements: str, pause: float = 0.2) -> Psql:
        """Run statements in another session shortly after, as a psql user would; `join()` gives its backend's pid."""
        return Psql(self, statements, pause)

    def terminate(self, pid: int, pause: float = 0.2) -> Psql:
        """Terminate a backend shortly after, from another session."""
        return self.elsewhere(f"SELECT pg_terminate_backend({pid})", pause=pause)

    def wait_asleep(self, pid: int) -> bool:
        """Wait until that backend is inside pg_sleep()."""
        with self.connect(autocommit=True) as conn:
            return until(lambda: wait_event(conn, pid) == "PgSleep")

    def wait_awake(self, pid: int) -> bool:
        """Wait until that backend is no longer inside pg_sleep()."""
        with self.connect(autocommit=True) as conn:
            return until(lambda: wait_event(conn, pid) != "PgSleep")


class Psql:
    """Another session, in a thread."""

    def __init__(self, stage: Stage, statements: tuple[str, ...], pause: float) -> None:
        self.pid = 0
        self._thread = Thread(target=self._run, args=(stage, statements, pause), daemon=True)
        self._thread.start()

    def join(self) -> int:
        """Wait for the end of the session; its backend's process id."""
        self._thread.join(PATIENCE)
        return self.pid

    def _run(self, stage: Stage, statements: tuple[str, ...], pause: float) -> None:
        time.sleep(pause)
        with stage.connect(autocommit=True) as conn:
            self.pid = conn.info.backend_pid
            for statement in statements:
                conn.execute(statement)


def until(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait for a condition that another process brings about; whether it came."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def wait_event(conn: Any, pid: int) -> str | None:
    """What a backend waits for, as the server sees it."""
    row = conn.execute("SELECT wait_event FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
    return None if row is None else row[0]


async def fetch_value(conn: Any, query: str) -> Any:
    """The only value of a query, on an asyncio connection."""
    row = await (await conn.execute(query)).fetchone()
    return row[0]
