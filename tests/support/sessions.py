"""Another session's view of the server, always through the oracle, and work done meanwhile in a thread."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import psycopg

PATIENCE = 20.0


class Observer:
    """An autocommit connection of the oracle that looks at, and acts on, other sessions."""

    def __init__(self, dsn: str) -> None:
        self.conn = psycopg.connect(dsn, autocommit=True)

    def close(self) -> None:
        self.conn.close()

    def value(self, query: Any, params: Any = None) -> Any:
        """The first column of the first row."""
        row = self.conn.execute(query, params).fetchone()
        assert row is not None
        return row[0]

    def notify(self, channel: str, *payloads: str) -> None:
        for payload in payloads:
            self.conn.execute("select pg_notify(%s, %s)", (channel, payload))

    def terminate(self, pid: int, after: float = 0) -> None:
        """Terminate a session, some seconds later if asked to, and wait until the server has forgotten it."""
        time.sleep(after)
        self.value("select pg_terminate_backend(%s)", (pid,))
        self.wait_gone(pid)

    def wait_gone(self, pid: int) -> None:
        self._wait("select count(*) = 0 from pg_stat_activity where pid = %s", pid)

    def wait_active(self, pid: int, marker: str = "%") -> None:
        """Wait until the session runs a statement like `marker`, so that there is something to cancel."""
        query = "select count(*) = 1 from pg_stat_activity where pid = %s and state = 'active' and query like %s"
        self._wait(query, pid, marker)

    def wait_event(self, pid: int, event: str) -> None:
        """Wait until the session waits for an event of this name."""
        self._wait("select count(*) = 1 from pg_stat_activity where pid = %s and wait_event = %s", pid, event)

    def wait_idle(self, pid: int) -> None:
        """Wait until the session runs nothing."""
        self._wait("select count(*) = 1 from pg_stat_activity where pid = %s and state like 'idle%%'", pid)

    def wait_reading(self, pid: int) -> None:
        """Wait until the session has done all that it has been sent, within an exchange or not."""
        self._wait("select count(*) = 1 from pg_stat_activity where pid = %s and wait_event = 'ClientRead'", pid)

    def _wait(self, query: Any, *params: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.value(query, params):
            assert time.monotonic() < deadline, f"never true: {query} {params}"
            time.sleep(0.01)


class Meanwhile:
    """Runs a function in a thread during a `with` block; its exception surfaces at the end of the block."""

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._function = functools.partial(function, *args, **kwargs)
        self._error: BaseException | None = None
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Meanwhile:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._thread.join(PATIENCE * 2)
        assert not self._thread.is_alive(), "the work in the other thread did not end"
        if self._error is not None:
            raise self._error from error

    def _run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as ex:
            self._error = ex
