"""What the server was asked to run, by its own log."""

from __future__ import annotations

import re
from typing import Any

from pgserver import PgServer

ENTRY = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] \S+ LOG:  (?:statement|execute ([^:]+)): (.*)$")


class Statements:
    """The statements of one session, from `start()` on; how they came does not matter."""

    def __init__(self, server: PgServer, conn: Any) -> None:
        self._server = server
        self._pid = str(conn.info.backend_pid)
        self._seen = 0

    async def start(self, conn: Any) -> Statements:
        """Have the session logged; what has to be committed for that is."""
        await conn.execute("set log_statement = 'all'")
        await conn.commit()
        self._seen = len(self._server.log())
        return self

    def take(self) -> list[str]:
        """Those since it was last asked. The server has written them before it answers."""
        log = self._server.log()
        new, self._seen = log[self._seen :], len(log)
        found = [ENTRY.match(line) for line in new.splitlines()]
        return [entry[3] for entry in found if entry and entry[1] == self._pid]


async def logged(server: PgServer, conn: Any) -> Statements:
    """The statements of a session from now on."""
    return await Statements(server, conn).start(conn)
